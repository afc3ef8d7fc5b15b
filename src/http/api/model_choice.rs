//! The models that somebody chooses while the desk runs. Their keys are never returned.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::model_settings::ModelSettings;
use super::response::{Answer, AuditedAnswer};
use crate::desk::{ModelRefusal, ModelRequest, ModelScope};
use crate::domain::trial::TrialKind;
use crate::domain::{EndpointProblem, ModelProvider, ModelRole, ProblemCode, Usage};
use crate::http::WebState;
use crate::http::caller::Caller;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::limits::ExpensivePermit;
use crate::http::note::Note;
use crate::models::{AddressRefusal, ModelSetting};
use crate::pipeline::BudgetTier;
use crate::store::audit::Actor;

/// A model to use, or to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelDraft {
    /// Who runs it.
    provider: ModelProvider,
    /// Everything before `/chat/completions`, `/embeddings`, `/audio/transcriptions` or `/rerank`;
    /// empty for the provider's usual address.
    #[serde(default)]
    #[schema(max_length = 500)]
    base_url: String,
    /// Its name; for Azure, that of the deployment. Not needed to list the models.
    #[serde(default)]
    #[schema(max_length = 200)]
    model: String,
    /// Its key; an empty one for none. Without it, the stored key is used, if the address is the
    /// stored one.
    #[schema(value_type = Option<String>, max_length = 2_000, write_only)]
    key: Option<SecretString>,
}

/// Whom a model is chosen for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelScopeQuery {
    /// Short name of an agent; none: the workspace.
    #[param(max_length = 60)]
    agent: Option<String>,
}

/// The models that an endpoint lists.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndpointModels {
    /// Names of those for the task as far as names tell, sorted; empty if it lists none.
    models: Vec<String>,
    /// Why it did not list them; null if it did.
    failure: Option<EndpointFailure>,
}

/// What a model did with a short task.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelTrial {
    /// The sentence that a chat model wrote, or what was heard in a second of silence; null for other
    /// tasks.
    answer: Option<String>,
    /// Length of the vectors; null for other tasks.
    dimensions: Option<usize>,
    /// Whether of two passages the one that answers a question came first; null for other tasks.
    ranks_right: Option<bool>,
    /// Time until the answer was complete, in milliseconds.
    took_ms: u64,
    /// Tokens of the question and of the answer.
    tokens: [u64; 2],
    /// What it cost, in millionths of a dollar; null if the model's price is not known.
    cost_micros: Option<u64>,
    /// Why it did not; null if it did.
    failure: Option<EndpointFailure>,
}

/// Why an endpoint did not do what it was asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndpointFailure {
    /// The kind of failure.
    problem: EndpointProblem,
    /// The endpoint's own words, or those of the connection.
    detail: String,
}

/// Chooses the model for a task, from the next turn on, in every process. It wins over the
/// configuration. Agents whose settings name a chat model keep the name. Another model for embeddings
/// is used once it has embedded all documents. The key is encrypted, and is sent to this address
/// alone: another address needs its key anew.
#[utoipa::path(put, path = "/settings/models/{role}", operation_id = "set_model", tag = "models",
    params(("role" = ModelRole, Path, description = "The task"), ModelScopeQuery), request_body = ModelDraft,
    responses((status = 200, body = ModelSettings), (status = 403, description = "The address is private.", body = Problem),
        (status = 404, response = Problem), (status = 409, description = "Keys cannot be kept, or the agent's settings name a model.", body = Problem),
        (status = 422, description = "It needs a key, or its address or name cannot be right.", body = Problem)))]
pub(super) async fn set(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Extension(caller): Extension<Caller>,
    Path(role): Path<ModelRole>,
    Query(query): Query<ModelScopeQuery>,
    Body(draft): Body<ModelDraft>,
) -> AuditedAnswer<ModelSettings> {
    let scope = scope(&web, role, query)?;
    let setting = resolve(&web, &scope, draft, &caller).await?;
    web.desk.set_model(&scope, &setting, actor).await?;
    Ok((Note::written(), Json(ModelSettings::now(&web).await?)))
}

/// Lets the configuration decide about a task again, or the workspace for an agent. The key is
/// deleted.
#[utoipa::path(delete, path = "/settings/models/{role}", operation_id = "remove_model", tag = "models",
    params(("role" = ModelRole, Path, description = "The task"), ModelScopeQuery),
    responses((status = 204), (status = 404, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Path(role): Path<ModelRole>,
    Query(query): Query<ModelScopeQuery>,
) -> Result<(StatusCode, Extension<Note>), Problem> {
    web.desk.remove_model(&scope(&web, role, query)?, actor).await?;
    Ok((StatusCode::NO_CONTENT, Note::written()))
}

/// Asks an endpoint for its models. Nothing is stored.
#[utoipa::path(post, path = "/settings/models/{role}/list", operation_id = "list_endpoint_models", tag = "models",
    params(("role" = ModelRole, Path, description = "The task"), ModelScopeQuery), request_body = ModelDraft,
    responses((status = 200, body = EndpointModels), (status = 403, response = Problem), (status = 404, response = Problem),
        (status = 422, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(role): Path<ModelRole>,
    Query(query): Query<ModelScopeQuery>,
    Body(draft): Body<ModelDraft>,
) -> Answer<EndpointModels> {
    let setting = resolve(&web, &scope(&web, role, query)?, draft, &caller).await?;
    if !setting.provider.is_endpoint() {
        return Err(Problem::unprocessable("This provider has no endpoint that lists models."));
    }
    Ok(Json(match setting.list(role).await {
        Ok(models) => EndpointModels { models, failure: None },
        Err(detail) => EndpointModels { models: Vec::new(), failure: Some(detail.into()) },
    }))
}

/// Gives a model one short task, which costs what the model costs. Nothing is stored.
#[utoipa::path(post, path = "/settings/models/{role}/test", operation_id = "test_model", tag = "models",
    params(("role" = ModelRole, Path, description = "The task"), ModelScopeQuery), request_body = ModelDraft,
    responses((status = 200, body = ModelTrial), (status = 403, response = Problem), (status = 404, response = Problem),
        (status = 422, response = Problem), (status = 429, response = Problem)))]
pub(super) async fn test(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
    Extension(permit): Extension<ExpensivePermit>,
    Path(role): Path<ModelRole>,
    Query(query): Query<ModelScopeQuery>,
    Body(draft): Body<ModelDraft>,
) -> Answer<ModelTrial> {
    let setting = resolve(&web, &scope(&web, role, query)?, draft, &caller).await?;
    web.desk.check_model(role, &setting)?;
    if web.desk.trial_tier().await? == BudgetTier::Words {
        let why = "What trials may cost today is used up ([budget] sandbox_day, or day).";
        return Err(Problem::too_many(why).coded(ProblemCode::TrialBudgetUsedUp));
    }
    let started = std::time::Instant::now();
    let desk = web.desk.clone();
    // Finishes even if the caller disconnects: the usage must be counted.
    let trial = tokio::spawn(async move {
        let _permit = permit;
        let tried = desk.try_model(role, &setting).await;
        if let Ok(trial) = &tried {
            let [input_tokens, output_tokens] = trial.tokens;
            let cost_micros = trial.cost_micros.unwrap_or_default();
            let usage = Usage { input_tokens, output_tokens, cost_micros };
            desk.count_trial(TrialKind::Sandbox, usage).await;
        }
        tried
    });
    let tried =
        trial.await.map_err(|_| Problem::broken("The trial failed. The server's log says why."))?;
    let millis = |took: std::time::Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Ok(Json(match tried {
        Ok(trial) => ModelTrial {
            answer: trial.text,
            dimensions: trial.dimensions,
            ranks_right: trial.ranks_right,
            took_ms: millis(trial.took),
            tokens: trial.tokens,
            cost_micros: trial.cost_micros,
            failure: None,
        },
        Err(detail) => ModelTrial {
            answer: None,
            dimensions: None,
            ranks_right: None,
            took_ms: millis(started.elapsed()),
            tokens: [0, 0],
            cost_micros: None,
            failure: Some(detail.into()),
        },
    }))
}

fn scope(web: &WebState, role: ModelRole, query: ModelScopeQuery) -> Result<ModelScope, Problem> {
    let Some(slug) = query.agent else { return Ok(ModelScope::workspace(role)) };
    let bot = web.desk.bots.named(&slug).ok_or_else(|| Problem::not_found("agent"))?;
    Ok(ModelScope { role, agent: Some(bot.agent.id.clone()) })
}

async fn resolve(
    web: &WebState,
    scope: &ModelScope,
    draft: ModelDraft,
    caller: &Caller,
) -> Result<ModelSetting, Problem> {
    let ModelDraft { provider, base_url, model, key } = draft;
    let wanted = ModelRequest { provider, base_url, model, key };
    let is_owner = matches!(caller, Caller::Key);
    Ok(web.desk.resolve_model(scope, wanted, is_owner).await?)
}

impl From<String> for EndpointFailure {
    fn from(detail: String) -> Self {
        Self { problem: EndpointProblem::of(&detail), detail }
    }
}

impl From<ModelRefusal> for Problem {
    fn from(refusal: ModelRefusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            ModelRefusal::Address(AddressRefusal::Private) => {
                Self::forbidden(said).coded(ProblemCode::PrivateAddress)
            }
            ModelRefusal::Address(AddressRefusal::Unusable(_)) => {
                Self::unprocessable(said).coded(ProblemCode::WrongAddress)
            }
            ModelRefusal::KeyRequired(_) => {
                Self::unprocessable(said).coded(ProblemCode::KeyRequired)
            }
            ModelRefusal::Invalid(_) => Self::unprocessable(said),
            ModelRefusal::Secrets(_) | ModelRefusal::NamedBySettings { .. } => Self::conflict(said),
            ModelRefusal::Store(error) => error.into(),
        }
    }
}
