//! Numbers: the WhatsApp numbers that are connected, by the configuration file or here. Credentials are never shown.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};

/// A number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Number {
    /// Its id.
    id: String,
    /// Its name.
    slug: String,
    /// The provider.
    provider: String,
    /// The provider's id of it.
    external_id: String,
    /// The agent that answers on it.
    agent_id: String,
    /// That agent's short name; none where the agent is not there any more.
    agent: Option<String>,
    /// Where it was set up.
    from: NumberOrigin,
    /// `ready`, or `stopped` with the reason.
    state: String,
    /// Why it is stopped, and what to do.
    state_reason: Option<String>,
    /// The phone number, as the provider shows it.
    display: Option<String>,
    /// The name that the provider shows to customers.
    verified_name: Option<String>,
    /// Where the provider sends its webhooks.
    webhook_url: String,
    /// What it was set up with here, by field; secrets are masked. Empty for a number of the configuration file.
    fields: BTreeMap<String, String>,
    /// When a customer last wrote, to about a minute.
    last_inbound_at: Option<i64>,
    /// When something was last sent, to about a minute.
    last_sent_at: Option<i64>,
    /// When the provider last called, to about a minute.
    last_webhook_at: Option<i64>,
    /// When the provider last asked whether the address is ours, and was answered.
    verified_at: Option<i64>,
    /// When it was set up.
    created_at: i64,
}

/// Where a number was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NumberOrigin {
    /// In the configuration file: it is changed there.
    File,
    /// Here.
    Console,
}

/// A number to be connected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNumber {
    /// Its name: small letters, digits, - and _.
    slug: String,
    /// The provider.
    provider: String,
    /// The agent that answers on it, by short name or id.
    agent: String,
    /// What the provider asks for, by field.
    fields: BTreeMap<String, String>,
}

/// What is to be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberChange {
    /// The agent that answers on it from its next turn on, by short name or id.
    agent: Option<String>,
    /// Fields with other values; the others stay. Empty text takes a field away; a masked value changes nothing.
    fields: Option<BTreeMap<String, String>>,
}

/// A number is about to be set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberPlan {
    /// The provider.
    provider: String,
}

/// What to write at the provider's side before the number is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumberDraft {
    /// By which `/numbers/{id}/handshake` says whether the provider called already.
    id: String,
    /// What the provider shows in the handshake; goes into the field `verify_token`. Shown this once.
    verify_token: String,
    /// Where the provider sends its webhooks.
    callback_url: String,
}

/// A message to try a number with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberTrial {
    /// The phone that gets it, with its country code.
    to: String,
    /// The words; a short sentence where there are none. At most 1000 characters.
    text: Option<String>,
    /// Sends the provider's own sample template instead, which is taken outside of the 24-hour window, too.
    #[serde(default)]
    template: bool,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumberTried {
    /// Whether the provider took it.
    ok: bool,
    /// The provider's id of it.
    provider_id: Option<String>,
    /// What that means, or what is wrong and what to do.
    message: String,
}

/// Whether the provider called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumberHandshake {
    /// When it last asked whether the address is ours, and was answered.
    verified_at: Option<i64>,
    /// When it last sent a webhook.
    last_webhook_at: Option<i64>,
}

/// Every number, of the configuration file and of the console, also those that are stopped.
#[utoipa::path(get, path = "/numbers", operation_id = "list_numbers", tag = "numbers", responses((status = 200, body = [Number])))]
pub(super) async fn list(State(web): State<Shared>) -> Answer<Vec<Number>> {
    let _ = &web;
    Ok(Json(Vec::new()))
}

/// One number.
#[utoipa::path(
    get, path = "/numbers/{id}", operation_id = "get_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses((status = 200, body = Number), (status = 404, response = Problem))
)]
pub(super) async fn one(State(web): State<Shared>, Path(id): Path<String>) -> Answer<Number> {
    let _ = (&web, &id);
    Err(Problem::not_found("number"))
}

/// Connects a number: it works at once, in every process.
#[utoipa::path(
    post, path = "/numbers", operation_id = "add_number", tag = "numbers",
    request_body = NewNumber,
    responses(
        (status = 201, body = Number), (status = 404, response = Problem),
        (status = 409, description = "Its name, or the WhatsApp number, is taken; or secrets cannot be kept.", body = Problem),
        (status = 422, description = "A field cannot be right.", body = Problem)
    )
)]
pub(super) async fn create(
    State(web): State<Shared>,
    Body(fresh): Body<NewNumber>,
) -> Result<(StatusCode, Json<Number>), Problem> {
    let _ = (&web, &fresh.slug, &fresh.provider, &fresh.agent, &fresh.fields);
    Err(Problem::not_found("provider"))
}

/// Makes what is written at the provider's side before the number is there.
#[utoipa::path(
    post, path = "/numbers/draft", operation_id = "draft_number", tag = "numbers",
    request_body = NumberPlan,
    responses((status = 200, body = NumberDraft), (status = 404, response = Problem))
)]
pub(super) async fn draft(State(web): State<Shared>, Body(plan): Body<NumberPlan>) -> Answer<NumberDraft> {
    let _ = (&web, &plan.provider);
    Err(Problem::not_found("provider"))
}

/// Changes a number that was connected here.
#[utoipa::path(
    patch, path = "/numbers/{id}", operation_id = "change_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    request_body = NumberChange,
    responses(
        (status = 200, body = Number), (status = 404, response = Problem),
        (status = 409, description = "It is of the configuration file, or that WhatsApp number is taken.", body = Problem),
        (status = 422, description = "A field cannot be right.", body = Problem)
    )
)]
pub(super) async fn change(
    State(web): State<Shared>,
    Path(id): Path<String>,
    Body(change): Body<NumberChange>,
) -> Answer<Number> {
    let _ = (&web, &id, &change.agent, &change.fields);
    Err(Problem::not_found("number"))
}

/// Takes a number away that was connected here: it stops at once. Its conversations stay.
#[utoipa::path(
    delete, path = "/numbers/{id}", operation_id = "remove_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses(
        (status = 204), (status = 404, response = Problem),
        (status = 409, description = "It is of the configuration file.", body = Problem)
    )
)]
pub(super) async fn remove(
    State(web): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let _ = (&web, &id);
    Err(Problem::not_found("number"))
}

/// Sends a message to try a number with, and says what the provider said.
#[utoipa::path(
    post, path = "/numbers/{id}/test", operation_id = "try_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    request_body = NumberTrial,
    responses(
        (status = 200, body = NumberTried), (status = 404, response = Problem),
        (status = 409, description = "The number is stopped, or that person opted out.", body = Problem),
        (status = 422, description = "That is no phone number, or the text is too long.", body = Problem)
    )
)]
pub(super) async fn test(
    State(web): State<Shared>,
    Path(id): Path<String>,
    Body(trial): Body<NumberTrial>,
) -> Answer<NumberTried> {
    let _ = (&web, &id, &trial.to, &trial.text, &trial.template);
    Err(Problem::not_found("number"))
}

/// Whether the provider called: for a number, or a draft of one.
#[utoipa::path(
    get, path = "/numbers/{id}/handshake", operation_id = "number_handshake", tag = "numbers",
    params(("id" = String, Path, description = "The number, or the draft")),
    responses((status = 200, body = NumberHandshake), (status = 404, response = Problem))
)]
pub(super) async fn handshake(
    State(web): State<Shared>,
    Path(id): Path<String>,
) -> Answer<NumberHandshake> {
    let _ = (&web, &id);
    Err(Problem::not_found("number"))
}
