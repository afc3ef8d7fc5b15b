//! The model that answers, as somebody chooses it while the desk runs. Its key is never returned.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model_settings::ModelSettings;
use super::response::{Answer, AuditedAnswer};
use crate::desk::{ModelRefusal, ModelRequest};
use crate::domain::trial::TrialKind;
use crate::domain::{EndpointProblem, ModelProvider, ProblemCode};
use crate::http::WebState;
use crate::http::caller::Caller;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::http::limits::ExpensivePermit;
use crate::http::note::Note;
use crate::models::{AddressRefusal, ModelSetting};
use crate::pipeline::BudgetTier;
use crate::store::audit::Actor;

/// A model to answer with, or to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelDraft {
    /// Who runs it.
    provider: ModelProvider,
    /// Everything before `/chat/completions`; empty for the provider's usual address.
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

/// The models that an endpoint lists.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndpointModels {
    /// Names of those that write answers, sorted; empty if it lists none.
    models: Vec<String>,
    /// Why it did not list them; null if it did.
    failure: Option<EndpointFailure>,
}

/// What a model answered to a trial question.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelTrial {
    /// The answer; null if there was none.
    answer: Option<String>,
    /// Time until the answer was complete, in milliseconds.
    took_ms: u64,
    /// Tokens of the question and of the answer.
    tokens: [u64; 2],
    /// What it cost, in millionths of a dollar; null if the model's price is not known.
    cost_micros: Option<u64>,
    /// Why there was none; null if there was one.
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

/// Chooses the model that answers from the next turn on, in every process. It wins over the
/// configuration. Agents that name a model of their own keep it. The key is encrypted, and is
/// sent to this address alone: another address needs its key anew.
#[utoipa::path(put, path = "/settings/models/chat", operation_id = "set_model", tag = "models", request_body = ModelDraft,
    responses((status = 200, body = ModelSettings), (status = 403, description = "The address is private.", body = Problem),
        (status = 409, description = "Keys cannot be kept.", body = Problem),
        (status = 422, description = "It needs a key, or its address or name cannot be right.", body = Problem)))]
pub(super) async fn set(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Extension(caller): Extension<Caller>,
    Body(draft): Body<ModelDraft>,
) -> AuditedAnswer<ModelSettings> {
    let setting = resolve(&web, draft, &caller).await?;
    web.desk.set_model(&setting, actor).await?;
    Ok((Note::written(), Json(ModelSettings::now(&web).await?)))
}

/// Lets the model of the configuration answer again. The key is deleted.
#[utoipa::path(delete, path = "/settings/models/chat", operation_id = "remove_model", tag = "models",
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
) -> Result<(StatusCode, Extension<Note>), Problem> {
    web.desk.remove_model(actor).await?;
    Ok((StatusCode::NO_CONTENT, Note::written()))
}

/// Asks an endpoint for its models. Nothing is stored.
#[utoipa::path(post, path = "/settings/models/chat/list", operation_id = "list_endpoint_models", tag = "models", request_body = ModelDraft,
    responses((status = 200, body = EndpointModels), (status = 403, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
    Body(draft): Body<ModelDraft>,
) -> Answer<EndpointModels> {
    let listed = resolve(&web, draft, &caller).await?.list().await;
    Ok(Json(match listed {
        Ok(models) => EndpointModels { models, failure: None },
        Err(detail) => EndpointModels { models: Vec::new(), failure: Some(detail.into()) },
    }))
}

/// Asks a model one short question, which costs what the model costs. Nothing is stored.
#[utoipa::path(post, path = "/settings/models/chat/test", operation_id = "test_model", tag = "models", request_body = ModelDraft,
    responses((status = 200, body = ModelTrial), (status = 403, response = Problem), (status = 422, response = Problem),
        (status = 429, response = Problem)))]
pub(super) async fn test(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
    Extension(permit): Extension<ExpensivePermit>,
    Body(draft): Body<ModelDraft>,
) -> Answer<ModelTrial> {
    let setting = resolve(&web, draft, &caller).await?;
    if setting.model.is_empty() {
        return Err(Problem::unprocessable("`model` is missing: name the model to try."));
    }
    if web.desk.trial_tier().await? == BudgetTier::Words {
        let why = "What trials may cost today is used up ([budget] sandbox_day, or day).";
        return Err(Problem::too_many(why).coded(ProblemCode::TrialBudgetUsedUp));
    }
    let started = std::time::Instant::now();
    let desk = web.desk.clone();
    // Finishes even if the caller disconnects: the usage must be counted.
    let trial = tokio::spawn(async move {
        let _permit = permit;
        let tried = desk.engine.model.try_out(&setting).await;
        if let Ok(trial) = &tried {
            desk.count_trial(TrialKind::Sandbox, trial.usage).await;
        }
        tried
    });
    let tried = trial.await.map_err(|_| Problem::broken("The trial broke off."))?;
    Ok(Json(match tried {
        Ok(trial) => ModelTrial {
            answer: Some(trial.text),
            took_ms: u64::try_from(trial.took.as_millis()).unwrap_or(u64::MAX),
            tokens: [trial.usage.input_tokens, trial.usage.output_tokens],
            cost_micros: trial.is_priced.then_some(trial.usage.cost_micros),
            failure: None,
        },
        Err(detail) => ModelTrial {
            answer: None,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            tokens: [0, 0],
            cost_micros: None,
            failure: Some(detail.into()),
        },
    }))
}

async fn resolve(
    web: &WebState,
    draft: ModelDraft,
    caller: &Caller,
) -> Result<ModelSetting, Problem> {
    let ModelDraft { provider, base_url, model, key } = draft;
    let wanted = ModelRequest { provider, base_url, model, key };
    let is_owner = matches!(caller, Caller::Key);
    Ok(web.desk.resolve_model(wanted, is_owner).await?)
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
            ModelRefusal::Secrets(_) => Self::conflict(said),
            ModelRefusal::Store(error) => error.into(),
        }
    }
}
