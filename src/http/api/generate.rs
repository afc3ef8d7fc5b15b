//! Prompt generation: the configured model writes a prompt file from a description of the business.
//! Also lists the available models.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::knowledge::named;
use super::response::Answer;
use crate::domain::Usage;
use crate::domain::trial::TrialKind;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::pipeline::BudgetTier;
use crate::prompts::author::{self, Brief};

/// Minimum and maximum length of a description, in characters.
const SHORTEST: usize = 10;
const MAX_LEN: usize = 4000;

/// A prompt file to generate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PromptWanted)]
pub(super) struct PromptRequest {
    /// What the business is, and what the bot should do: 10 to 4000 characters.
    #[schema(max_length = 4000)]
    description: String,
    /// Language to write in, such as `es` or `Spanish`; default: that of the description.
    language: Option<String>,
    /// Name of the bot; default: the model chooses one.
    name: Option<String>,
    /// Names of the collections that it answers from.
    #[serde(default)]
    knowledge: Vec<String>,
}

/// A generated prompt file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GeneratedPrompt {
    /// Text of the prompt file, ready to be published.
    source: String,
    /// The model that wrote it.
    model: String,
    /// Cost, in millionths of a dollar; 0 if no price is known.
    cost_micros: u64,
    /// Number of prompts that can still be generated today (UTC).
    left: i64,
    /// Maximum number of prompts per day.
    limit: i64,
}

/// Whether prompts can be generated.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GenerateState {
    /// Whether one can be generated now.
    available: bool,
    /// Number of prompts that can still be generated today (UTC).
    left: i64,
    /// Maximum number of prompts per day.
    limit: i64,
    /// Why none can be generated; null if one can.
    reason: Option<String>,
}

/// Returns whether a prompt can be generated now, and how many more today.
#[utoipa::path(get, path = "/agents/generate", operation_id = "get_generate_state", tag = "agents", responses((status = 200, body = GenerateState)))]
pub(super) async fn state(State(web): State<WebState>) -> Answer<GenerateState> {
    let (limit, asked) = (limit(&web), web.desk.store.prompts_written().await?);
    let left = (limit - asked).max(0);
    let refused = refusal(&web, left).await?;
    let reason = refused.map(|refusal| match refusal {
        Refusal::Missing(why) | Refusal::Used(why) => why,
    });
    Ok(Json(GenerateState { available: reason.is_none(), left, limit, reason }))
}

/// Why no prompt can be generated now.
enum Refusal {
    /// Something must be configured first.
    Missing(String),
    /// Today's quota or budget is used up.
    Used(String),
}

fn limit(web: &WebState) -> i64 {
    i64::from(web.desk.engine.budget.prompts_a_day)
}

async fn refusal(web: &WebState, left: i64) -> Result<Option<Refusal>, Problem> {
    let engine = &web.desk.engine;
    let model = engine.model.current();
    if !model.kind(model.default_model()).generates() {
        return Ok(Some(Refusal::Missing(
            "No model is connected: choose one under Settings, Models (or with `frontdesk models set chat`), or start a server such as \
             Ollama on the desk's machine."
                .into(),
        )));
    }
    if limit(web) == 0 {
        let why = "Writing prompts is switched off: [budget] prompts_a_day is 0.";
        return Ok(Some(Refusal::Missing(why.into())));
    }
    if left == 0 {
        return Ok(Some(Refusal::Used(format!(
            "All {} prompts of today are written ([budget] prompts_a_day); there are more after midnight UTC.",
            limit(web)
        ))));
    }
    if web.desk.trial_tier().await? == BudgetTier::Words {
        let why = "What trials may cost today is used up ([budget] sandbox_day, or day); there is more after midnight UTC.";
        return Ok(Some(Refusal::Used(why.into())));
    }
    Ok(None)
}

/// Generates a prompt file from a description with the configured model. Nothing is published.
#[utoipa::path(post, path = "/agents/generate", operation_id = "generate_prompt", tag = "agents", request_body = PromptRequest,
    responses((status = 200, body = GeneratedPrompt), (status = 409, response = Problem), (status = 422, response = Problem),
        (status = 429, response = Problem), (status = 502, response = Problem)))]
pub(super) async fn write(
    State(web): State<WebState>,
    Body(wanted): Body<PromptRequest>,
) -> Answer<GeneratedPrompt> {
    let brief = brief(&web, wanted).await?;
    let store = &web.desk.store;
    let limit = limit(&web);
    let left = (limit - store.prompts_written().await?).max(0);
    match refusal(&web, left).await? {
        Some(Refusal::Missing(why)) => return Err(Problem::conflict(why)),
        Some(Refusal::Used(why)) => return Err(Problem::too_many(why)),
        None => {}
    }
    // Enforces the limit for concurrent requests, too.
    let Some(day) = store.count_prompt(limit).await? else {
        return Err(Problem::too_many("Another one wrote the last prompt of today just now."));
    };
    let engine = &web.desk.engine;
    let cheap = Some(engine.budget.cheap_model.as_str()).filter(|cheap| !cheap.is_empty());
    let model = engine.model.current();
    let own = model.default_model();
    let near = web.desk.trial_tier().await? == BudgetTier::Cheap;
    let named = cheap.filter(|_| near).unwrap_or(own).to_owned();
    let desk = web.desk.clone();
    // Finishes even if the caller disconnects: the usage must be counted.
    let writing = tokio::spawn(async move {
        let mut usage = Usage::default();
        let written = author::write(&*model, &named, &brief, &mut usage).await;
        desk.count_trial(TrialKind::Prompts, usage).await;
        (written, usage)
    });
    let broke = |_| Problem::broken("No prompt was written. The server's log says why.");
    let (written, usage) = writing.await.map_err(broke)?;
    let written = match written {
        Ok(written) => written,
        Err(error) => {
            tracing::warn!(%error, "no prompt was written");
            if usage == Usage::default() {
                store.uncount_prompt(day).await?;
            }
            return Err(Problem::upstream(format!(
                "No prompt was written: {error}. Try again, or say it in other words."
            )));
        }
    };
    Ok(Json(GeneratedPrompt {
        source: written.source,
        model: written.model,
        cost_micros: usage.cost_micros,
        left: (limit - store.prompts_written().await?).max(0),
        limit,
    }))
}

async fn brief(web: &WebState, wanted: PromptRequest) -> Result<Brief, Problem> {
    let PromptRequest { description, language, name, knowledge } = wanted;
    let length = description.trim().chars().count();
    if !(SHORTEST..=MAX_LEN).contains(&length) {
        return Err(Problem::unprocessable(format!(
            "`description` has {length} characters, it takes {SHORTEST} to {MAX_LEN}: what the business is and does, who its customers \
             are, what they ask, how the bot should sound."
        )));
    }
    let line = |key: &str, text: Option<String>| match text.map(|text| text.trim().to_owned()) {
        Some(text) if text.chars().count() > 100 || text.contains('\n') => {
            Err(Problem::unprocessable(format!("`{key}` is one line of at most 100 characters.")))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    };
    let (language, name) = (line("language", language)?, line("name", name)?);
    if !knowledge.is_empty() {
        named(web, &knowledge).await?;
    }
    Ok(Brief { description, language, name, knowledge })
}

/// The models that an agent can name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KnownModels)]
pub(super) struct Models {
    /// Names of the models.
    models: Vec<String>,
    /// The model used if an agent names none; null if no model is connected.
    default: Option<String>,
}

/// Lists the models that an agent can name: those configured, and those that the endpoint lists.
#[utoipa::path(get, path = "/models", operation_id = "list_known_models", tag = "agents", responses((status = 200, body = Models)))]
pub(super) async fn models(State(web): State<WebState>) -> Answer<Models> {
    let model = web.desk.engine.model.current();
    let connected = model.kind(model.default_model()).generates();
    let default = connected.then(|| model.default_model().to_owned());
    Ok(Json(Models { models: model.listed().await, default }))
}
