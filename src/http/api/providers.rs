//! Providers: what each asks for to connect a number, and whether what was written can be right.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};

/// A way to connect a number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Provider {
    /// Its name, as in the webhook's address.
    name: String,
    /// Its name for people.
    title: String,
    /// What it is, in a sentence or two.
    about: String,
    /// What it asks for, in order.
    fields: Vec<ProviderField>,
    /// What is to be done on its side, in order.
    steps: Vec<ProviderStep>,
}

/// Something that a provider asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderField {
    /// Its key.
    name: String,
    /// What it is called.
    label: String,
    /// What it is and where it is found.
    help: String,
    /// What sort of value it takes.
    kind: ProviderFieldKind,
    /// Whether a number cannot do without it.
    required: bool,
    /// For people who know what they do: shown folded.
    advanced: bool,
    /// A regular expression that the whole value matches.
    pattern: Option<String>,
    /// An example.
    placeholder: Option<String>,
}

/// What sort of value a field takes. Values are always written as text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProviderFieldKind {
    /// Words.
    Text,
    /// Words that are never shown again.
    Secret,
    /// Digits.
    Digits,
    /// An address of the web.
    Url,
    /// `true` or `false`.
    Switch,
}

/// Something to do at the provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderStep {
    /// What.
    title: String,
    /// How.
    text: String,
    /// What to show with it, to be copied.
    shows: Vec<ProviderShows>,
}

/// What a step shows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProviderShows {
    /// Where the provider sends its webhooks.
    CallbackUrl,
    /// What the provider shows in the handshake.
    VerifyToken,
}

/// What was written so far.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderCheck {
    /// By field.
    fields: BTreeMap<String, String>,
    /// Only this field is judged, by its shape alone; the provider is not asked.
    field: Option<String>,
    /// The id of a number that is being changed: what is not written, or comes back masked, is as it has it.
    number: Option<String>,
}

/// What is to be said of what was written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderChecked {
    /// By field; fields of which nothing can be said yet are not here.
    fields: BTreeMap<String, FieldVerdict>,
    /// The phone number as the provider shows it, where it was asked and knew the number.
    display: Option<String>,
    /// The name that the provider shows to customers.
    verified_name: Option<String>,
    /// Whether the provider was asked.
    asked: bool,
    /// What cannot be said of a field, such as that the provider cannot be reached.
    message: Option<String>,
}

/// What is to be said of a field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldVerdict {
    /// Whether it can be right.
    ok: bool,
    /// What is wrong and where the right value is found; or what the provider said.
    message: Option<String>,
}

/// Every provider, with its form.
#[utoipa::path(get, path = "/providers", operation_id = "list_providers", tag = "numbers", responses((status = 200, body = [Provider])))]
pub(super) async fn list(State(web): State<Shared>) -> Answer<Vec<Provider>> {
    let _ = &web;
    Ok(Json(Vec::new()))
}

/// Judges what was written, each field by its shape; where all is there that is needed, the provider is asked.
#[utoipa::path(
    post, path = "/providers/{name}/check", operation_id = "check_fields", tag = "numbers",
    params(("name" = String, Path, description = "The provider")),
    request_body = ProviderCheck,
    responses((status = 200, body = ProviderChecked), (status = 404, response = Problem))
)]
pub(super) async fn check(
    State(web): State<Shared>,
    Path(name): Path<String>,
    Body(asked): Body<ProviderCheck>,
) -> Answer<ProviderChecked> {
    let _ = (&web, &name, &asked.fields, &asked.field, &asked.number);
    Err(Problem::not_found("provider"))
}
