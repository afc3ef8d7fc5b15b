//! Prompts written by the configured model from a description of the business, and the models that there are.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Body;

/// A prompt to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PromptWanted)]
pub(super) struct Wanted {
    /// What the business is, and what the bot is to do: 10 to 4000 characters.
    description: String,
    /// The language to write in: `es`, `Spanish`; that of the description when it is not given.
    language: Option<String>,
    /// The bot's name; the model chooses one when it is not given.
    name: Option<String>,
    /// Names of collections that it answers from.
    #[serde(default)]
    knowledge: Vec<String>,
}

/// A prompt that was written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GeneratedPrompt)]
pub(super) struct Generated {
    /// The prompt file, as it could be published.
    source: String,
    /// The model that wrote it.
    model: String,
    /// What that cost, in millionths of a dollar; 0 where no price is known.
    cost_micros: u64,
    /// How many more may be written today (UTC).
    left: i64,
    /// How many may be written in a day.
    limit: i64,
}

/// Whether prompts can be written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GenerateState {
    /// Whether one can be written now.
    available: bool,
    /// How many more may be written today (UTC).
    left: i64,
    /// How many may be written in a day.
    limit: i64,
    /// Why none can be written.
    reason: Option<String>,
}

/// Whether the model can write a prompt now, and how many more today.
#[utoipa::path(get, path = "/agents/generate", operation_id = "get_generate_state", tag = "agents", responses((status = 200, body = GenerateState)))]
pub(super) async fn state(State(web): State<Shared>) -> Answer<GenerateState> {
    drop(web);
    Err(Problem::broken("not yet"))
}

/// Has the configured model write a prompt file from a description. Nothing is published.
#[utoipa::path(post, path = "/agents/generate", operation_id = "generate_prompt", tag = "agents", request_body = Wanted,
    responses((status = 200, body = Generated), (status = 409, response = Problem), (status = 422, response = Problem),
        (status = 429, response = Problem), (status = 502, response = Problem)))]
pub(super) async fn write(
    State(web): State<Shared>,
    Body(wanted): Body<Wanted>,
) -> Answer<Generated> {
    drop((web, wanted.description, wanted.language, wanted.name, wanted.knowledge));
    Err(Problem::broken("not yet"))
}

/// The models that an agent can name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KnownModels)]
pub(super) struct Models {
    /// Their names.
    models: Vec<String>,
    /// The one that answers where an agent names none; null when no model is connected.
    default: Option<String>,
}

/// The models that an agent can name: the configured ones, and those that the endpoint lists.
#[utoipa::path(get, path = "/models", operation_id = "list_known_models", tag = "agents", responses((status = 200, body = Models)))]
pub(super) async fn models(State(web): State<Shared>) -> Answer<Models> {
    drop(web);
    Err(Problem::broken("not yet"))
}
