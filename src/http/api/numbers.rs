//! WhatsApp numbers: connects, changes and removes them. Credentials are never returned.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::response::AuditedAnswer;
use crate::desk::Number as Connected;
use crate::domain::{Action, Agent, AgentId, NumberId, ProviderKind, What};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;
use crate::provider::{FieldError, Fields, Form};
use crate::secrets;
use crate::store::audit::{Actor, Entry};
use crate::store::numbers::{NumberConflict, NumberProfile, NumberSetup, shown_slug};

pub(super) mod check;
pub(super) mod draft;
pub(super) mod link;
pub(super) mod pause;
pub(super) mod templates;
pub(super) mod trial;
pub(super) mod view;

use check::{describe_number, merged};
use view::{Number, added, read};

/// Maximum length of a number's name, in characters.
const MAX_SLUG_LEN: usize = 40;

/// A number to connect.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNumber {
    /// Its name: lowercase letters, digits, - and _.
    #[schema(max_length = 40)]
    slug: String,
    /// The provider.
    provider: ProviderKind,
    /// Agent that answers on it: short name or id.
    agent: String,
    /// Values for the provider's fields, by field name.
    fields: BTreeMap<String, String>,
}

/// Changes to a number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberChange {
    /// Agent that answers on it from the next turn on: short name or id.
    agent: Option<String>,
    /// Fields to change; others keep their values. An empty value removes a field; a masked value
    /// changes nothing.
    fields: Option<BTreeMap<String, String>>,
}

/// Connects a number. It works at once, in every process.
#[utoipa::path(
    post, path = "/numbers", operation_id = "add_number", tag = "numbers",
    request_body = NewNumber,
    responses(
        (status = 201, body = Number), (status = 404, response = Problem),
        (status = 409, description = "Its name, or the WhatsApp number, is taken; or secrets cannot be kept.", body = Problem),
        (status = 422, description = "There is no such provider: the answer names those that there are; or a field cannot be right.", body = Problem)
    )
)]
pub(super) async fn create(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Body(fresh): Body<NewNumber>,
) -> Result<(StatusCode, Extension<Note>, Json<Number>), Problem> {
    let form = Form::of(fresh.provider);
    let slug = slug(&fresh.slug)?;
    let agent = agent(&web, &fresh.agent)?;
    let fields = merged(Fields::new(), fresh.fields);
    let (external_id, known) = validate_fields(&web, form, &fields).await?;
    let id = assign_number_id(&web, form, &external_id).await?;
    let settings = sealed(&web, &id, &fields)?;
    let detail = json!({"provider": form.provider, "agent": agent.slug});
    let added = NumberSetup {
        entry: entry((actor, Action::NumberAdded), &slug, detail),
        id: id.clone(),
        slug,
        provider: form.provider,
        external_id,
        agent: agent.id.clone(),
        settings,
        known,
        token: token_hash(&fields),
        of_file: config_file_number_ids(&web),
    };
    let taken = web.desk.store.add_number(added).await?;
    taken.map_err(|taken| conflict(&web, taken))?;
    reload_numbers(&web).await;
    Ok((StatusCode::CREATED, Note::written(), Json(read(&web, id.as_str()).await?)))
}

/// Changes a number that was added through the API.
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
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Body(change): Body<NumberChange>,
) -> AuditedAnswer<Number> {
    let row = added(&web, &id).await?;
    let form = row.provider.known().map(Form::of).ok_or_else(|| {
        Problem::missing(format!("This version knows no provider {}.", row.provider))
    })?;
    let id = NumberId::stored(row.id.clone());
    let mut names: Vec<String> =
        change.fields.iter().flatten().map(|(name, _)| name.clone()).collect();
    let agent = match &change.agent {
        Some(name) => {
            names.push("agent".to_owned());
            agent(&web, name)?.id.clone()
        }
        None => AgentId::stored(row.agent_id.clone()),
    };
    let (mut settings, mut known, mut shaken) =
        (row.settings.clone(), NumberProfile::default(), String::new());
    if let Some(written) = change.fields {
        // If the stored fields cannot be decrypted, all of them must be given again.
        let former =
            web.desk.numbers.open([web.desk.store.workspace_id().as_str(), &row.id], &row.settings);
        let (former, new) = (former.unwrap_or_default(), check::written(&written));
        let fields = merged(former.clone(), written);
        let kept = form.check_secrets(&former, (&fields, &new));
        kept.map_err(|doubt| Problem::unprocessable(doubt.message))?;
        let external_id;
        (external_id, known) = validate_fields(&web, form, &fields).await?;
        if external_id != row.external_id {
            return Err(Problem::conflict(
                "That is another WhatsApp number: add it as one of its own, so that the conversations of this one stay its own.",
            ));
        }
        (settings, shaken) = (sealed(&web, &id, &fields)?, token_hash(&fields));
    }
    let slug = shown_slug(&row.slug, &row.id).to_owned();
    let changed = NumberSetup {
        entry: entry((actor, Action::NumberChanged), &slug, json!({"changed": names})),
        id,
        slug: row.slug,
        provider: form.provider,
        external_id: row.external_id,
        agent,
        settings,
        known,
        token: shaken,
        of_file: config_file_number_ids(&web),
    };
    let id = row.id;
    let taken = web.desk.store.change_number(changed).await?;
    taken.map_err(|taken| conflict(&web, taken))?;
    reload_numbers(&web).await;
    Ok((Note::written(), Json(read(&web, &id).await?)))
}

/// Removes a number that was added through the API. It stops at once; its conversations are kept.
#[utoipa::path(
    delete, path = "/numbers/{id}", operation_id = "remove_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses(
        (status = 204), (status = 404, response = Problem),
        (status = 409, description = "It is of the configuration file.", body = Problem)
    )
)]
pub(super) async fn remove(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Extension<Note>), Problem> {
    let row = added(&web, &id).await?;
    let slug = shown_slug(&row.slug, &row.id).to_owned();
    let entry = entry((actor, Action::NumberRemoved), &slug, json!({"provider": row.provider}));
    if !web.desk.store.remove_number(&NumberId::stored(row.id), entry).await? {
        return Err(Problem::not_found("number"));
    }
    reload_numbers(&web).await;
    Ok((StatusCode::NO_CONTENT, Note::written()))
}

/// Validates a name that is used in URLs.
fn slug(written: &str) -> Result<String, Problem> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let slug = written.trim();
    if slug.is_empty() || slug.len() > MAX_SLUG_LEN || !slug.chars().all(plain) {
        return Err(Problem::unprocessable(format!(
            "`slug` is a short name of small letters, digits, - and _, at most {MAX_SLUG_LEN}: such as main."
        )));
    }
    Ok(slug.to_owned())
}

fn agent(web: &WebState, name: &str) -> Result<Arc<Agent>, Problem> {
    let bot = web.desk.bots.named(name);
    bot.map(|bot| bot.agent.clone()).ok_or_else(|| Problem::not_found("agent"))
}

/// Validates the fields, also with the provider. Returns the provider's id of the number and its
/// profile. An unreachable provider is no error.
async fn validate_fields(
    web: &WebState,
    form: &'static Form,
    fields: &Fields,
) -> Result<(String, NumberProfile), Problem> {
    let wrong = |doubt: FieldError| Problem::unprocessable(doubt.message);
    form.validate_all(fields, &web.desk.numbers.limits()).map_err(wrong)?;
    web.desk.numbers.check_addresses(form, fields).await.map_err(wrong)?;
    let line = web.desk.numbers.build_client(form, fields).map_err(wrong)?;
    let known = match describe_number(web, form, fields).await {
        Ok(Some(number)) => {
            NumberProfile { display: number.display, verified_name: number.verified_name }
        }
        Err(doubt) if doubt.field.is_some() => return Err(wrong(doubt)),
        Ok(None) | Err(_) => NumberProfile::default(),
    };
    Ok((line.external_id().to_owned(), known))
}

/// Returns the id for a WhatsApp number: that of its earlier row, if there is one, so that its
/// conversations continue.
async fn assign_number_id(
    web: &WebState,
    form: &Form,
    external_id: &str,
) -> Result<NumberId, Problem> {
    let rows = web.desk.store.known_numbers(form.provider, external_id).await?;
    let of_file = config_file_number_ids(web);
    if rows.iter().any(|row| row.added == 1 || of_file.contains(&row.id)) {
        return Err(conflict(web, NumberConflict::Number));
    }
    Ok(rows.into_iter().next().map_or_else(NumberId::generate, |row| NumberId::stored(row.id)))
}

fn sealed(web: &WebState, id: &NumberId, fields: &Fields) -> Result<String, Problem> {
    let of = [web.desk.store.workspace_id().as_str(), id.as_str()];
    web.desk.numbers.seal(of, fields).map_err(|why| {
        tracing::error!(why, "the secrets of a number cannot be kept");
        Problem::conflict(format!("Its secrets cannot be kept: {why}."))
    })
}

fn token_hash(fields: &Fields) -> String {
    fields.get("verify_token").map(|token| secrets::hash(token)).unwrap_or_default()
}

fn config_file_number_ids(web: &WebState) -> Vec<String> {
    let mut numbers = web.desk.numbers.all();
    numbers.retain(|number: &Arc<Connected>| number.revision.is_none());
    numbers.iter().map(|number| number.id.to_string()).collect()
}

fn entry((actor, action): (Actor, Action), slug: &str, detail: Value) -> Entry {
    Entry::new(actor, action, slug).with(detail)
}

fn conflict(web: &WebState, taken: NumberConflict) -> Problem {
    let names: Vec<_> = web.desk.numbers.all().iter().map(|number| number.slug.clone()).collect();
    let names = names.join(", ");
    match taken {
        NumberConflict::Slug => Problem::conflict(format!(
            "There is a number of this name already: take another one. Taken are: {names}."
        )),
        NumberConflict::Number => Problem::conflict(format!(
            "This WhatsApp number is connected already: change that one, or remove it first. Connected are: {names}."
        )),
        NumberConflict::Gone => Problem::not_found("number"),
    }
}

/// Reloads the numbers and wakes the workers. If the database does not answer, the numbers are
/// reloaded later.
async fn reload_numbers(web: &WebState) {
    if let Err(error) = web.desk.reload_numbers().await {
        tracing::warn!(%error, "the numbers are brought up to date later");
    }
    web.desk.notifier.wake_dispatcher();
    web.desk.notifier.wake_outbox();
    web.desk.announce(What::Numbers).await;
}
