//! Numbers: the WhatsApp numbers that are connected, by the configuration file or here. Credentials are never shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Answer;
use super::providers::{introduced, merged, named};
use crate::desk::Number as Connected;
use crate::domain::{Agent, AgentId, NumberId};
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::provider::{Doubt, Fields, Form, Kind};
use crate::secrets;
use crate::store::agents::NumberRow;
use crate::store::audit::Entry;
use crate::store::numbers::{Added, AddedRow, Known, Taken, shown_slug};

pub(super) mod draft;
pub(super) mod trial;

/// Who does what is done here.
const ACTOR: &str = "admin key";
/// The longest name of a number.
const LONGEST_SLUG: usize = 40;

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
#[derive(Deserialize, ToSchema)]
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
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberChange {
    /// The agent that answers on it from its next turn on, by short name or id.
    agent: Option<String>,
    /// Fields with other values; the others stay. Empty text takes a field away; a masked value changes nothing.
    fields: Option<BTreeMap<String, String>>,
}

/// Every number, of the configuration file and of the console, also those that are stopped.
#[utoipa::path(get, path = "/numbers", operation_id = "list_numbers", tag = "numbers", responses((status = 200, body = [Number])))]
pub(super) async fn list(State(web): State<Shared>) -> Answer<Vec<Number>> {
    let added = web.desk.store.added_numbers().await?;
    let rows = web.desk.store.numbers().await?;
    let rows = rows.into_iter().filter(|row| row.added == 1 || web.desk.number(&row.id).is_some());
    Ok(Json(rows.map(|row| shown(&web, row, &added)).collect()))
}

/// One number.
#[utoipa::path(
    get, path = "/numbers/{id}", operation_id = "get_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses((status = 200, body = Number), (status = 404, response = Problem))
)]
pub(super) async fn one(State(web): State<Shared>, Path(id): Path<String>) -> Answer<Number> {
    Ok(Json(read(&web, &id).await?))
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
    let form = named(&fresh.provider)?;
    let slug = slug(&fresh.slug)?;
    let agent = agent(&web, &fresh.agent)?;
    let fields = merged(Fields::new(), fresh.fields);
    let (external_id, known) = judged(&web, form, &fields).await?;
    let id = place(&web, form, &external_id).await?;
    let settings = sealed(&web, &id, &fields)?;
    let detail = json!({"provider": form.name, "agent": agent.slug});
    let added = Added {
        entry: entry("number.added", &slug, detail),
        id: id.clone(),
        slug,
        provider: form.name,
        external_id,
        agent: agent.id.clone(),
        settings,
        known,
        token: token_hash(&fields),
        of_file: of_file(&web),
    };
    let taken = web.desk.store.add_number(added).await?;
    taken.map_err(|taken| conflict(&web, taken))?;
    follow(&web).await;
    Ok((StatusCode::CREATED, Json(read(&web, id.as_str()).await?)))
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
    let row = added(&web, &id).await?;
    let form = named(&row.provider)?;
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
    let (mut settings, mut known, mut token) =
        (row.settings.clone(), Known::default(), String::new());
    if let Some(written) = change.fields {
        // What cannot be read any more has to be written anew, all of it.
        let former =
            web.desk.numbers.open([web.desk.store.workspace_id().as_str(), &row.id], &row.settings);
        let fields = merged(former.unwrap_or_default(), written);
        let external_id;
        (external_id, known) = judged(&web, form, &fields).await?;
        if external_id != row.external_id {
            return Err(Problem::conflict(
                "That is another WhatsApp number: add it as one of its own, so that the conversations of this one stay its own.",
            ));
        }
        (settings, token) = (sealed(&web, &id, &fields)?, token_hash(&fields));
    }
    let slug = shown_slug(&row.slug, &row.id).to_owned();
    let changed = Added {
        entry: entry("number.changed", &slug, json!({"changed": names})),
        id,
        slug: row.slug,
        provider: form.name,
        external_id: row.external_id,
        agent,
        settings,
        known,
        token,
        of_file: of_file(&web),
    };
    let id = row.id;
    let taken = web.desk.store.change_number(changed).await?;
    taken.map_err(|taken| conflict(&web, taken))?;
    follow(&web).await;
    Ok(Json(read(&web, &id).await?))
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
    let row = added(&web, &id).await?;
    let slug = shown_slug(&row.slug, &row.id).to_owned();
    let entry = entry("number.removed", &slug, json!({"provider": row.provider}));
    if !web.desk.store.remove_number(&NumberId::stored(row.id), entry).await? {
        return Err(Problem::not_found("number"));
    }
    follow(&web).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The rows of all numbers, and the one with this id.
pub(super) async fn row(web: &Shared, id: &str) -> Result<NumberRow, Problem> {
    let rows = web.desk.store.numbers().await?;
    let shown = |row: &NumberRow| row.added == 1 || web.desk.number(&row.id).is_some();
    let found = rows.into_iter().find(|row| row.id == id && shown(row));
    found.ok_or_else(|| Problem::not_found("number"))
}

async fn read(web: &Shared, id: &str) -> Result<Number, Problem> {
    let row = row(web, id).await?;
    Ok(shown(web, row, &web.desk.store.added_numbers().await?))
}

/// A number that was added here; one of the configuration file is changed there.
async fn added(web: &Shared, id: &str) -> Result<AddedRow, Problem> {
    let row = row(web, id).await?;
    if let Some(number) = web.desk.number(id).filter(|number| number.revision.is_none()) {
        return Err(Problem::conflict(format!(
            "This number is set up in the configuration file: change [numbers.{}] there, and start the desk anew.",
            number.slug
        )));
    }
    let rows = web.desk.store.added_numbers().await?;
    let found = rows.into_iter().find(|one| one.id == row.id);
    found.ok_or_else(|| Problem::not_found("number"))
}

/// What a number that was added here is set up with.
pub(super) async fn written(web: &Shared, id: &str) -> Result<Fields, Problem> {
    let row = added(web, id).await?;
    let of = [web.desk.store.workspace_id().as_str(), &row.id];
    Ok(web.desk.numbers.open(of, &row.settings).unwrap_or_default())
}

/// A number as it is shown.
fn shown(web: &Shared, row: NumberRow, added: &[AddedRow]) -> Number {
    let desk = &web.desk;
    let connected = desk.number(&row.id);
    let of_file = connected.as_deref().is_some_and(|number| number.revision.is_none());
    let aside = desk.numbers.aside(&row.id);
    let (state, state_reason) = match aside {
        Some(why) if !of_file => ("stopped".to_owned(), Some(why)),
        _ => (row.state, row.state_reason),
    };
    let [webhook, inbound, sent] =
        connected.map(|number| number.seen.moments()).unwrap_or_default();
    let last = |written: Option<i64>, here: i64| written.max((here > 0).then_some(here));
    let slug = shown_slug(&row.slug, &row.id).to_owned();
    let settings = added.iter().find(|one| one.id == row.id).filter(|_| !of_file);
    let agent = desk.bots.all().into_iter().find(|bot| bot.agent.id.as_str() == row.agent_id);
    Number {
        webhook_url: format!("{}/webhooks/{}/{slug}", desk.base_url, row.provider),
        fields: settings.map(|settings| masked(web, settings)).unwrap_or_default(),
        id: row.id,
        slug,
        provider: row.provider,
        external_id: row.external_id,
        agent_id: row.agent_id,
        agent: agent.map(|bot| bot.agent.slug.clone()),
        from: if of_file { NumberOrigin::File } else { NumberOrigin::Console },
        state,
        state_reason,
        display: row.display,
        verified_name: row.verified_name,
        last_inbound_at: last(row.last_inbound_at, inbound),
        last_sent_at: last(row.last_sent_at, sent),
        last_webhook_at: last(row.last_webhook_at, webhook),
        verified_at: row.verified_at,
        created_at: row.created_at,
    }
}

/// What a number is set up with, as it may be shown; nothing where it cannot be read.
fn masked(web: &Shared, row: &AddedRow) -> Fields {
    let of = [web.desk.store.workspace_id().as_str(), &row.id];
    let mut fields = web.desk.numbers.open(of, &row.settings).unwrap_or_default();
    let open = |name: &str| {
        let field = Form::of(&row.provider).and_then(|form| form.field(name));
        field.is_some_and(|field| field.kind != Kind::Secret)
    };
    for (name, value) in &mut fields {
        if !open(name) {
            *value = secrets::masked(value);
        }
    }
    fields
}

/// A name that can stand in an address.
fn slug(written: &str) -> Result<String, Problem> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let slug = written.trim();
    if slug.is_empty() || slug.len() > LONGEST_SLUG || !slug.chars().all(plain) {
        return Err(Problem::unprocessable(format!(
            "`slug` is a short name of small letters, digits, - and _, at most {LONGEST_SLUG}: such as main."
        )));
    }
    Ok(slug.to_owned())
}

fn agent(web: &Shared, name: &str) -> Result<Arc<Agent>, Problem> {
    let bot = web.desk.bots.named(name);
    bot.map(|bot| bot.agent.clone()).ok_or_else(|| Problem::not_found("agent"))
}

/// The number's id at its provider and what the provider says that it is; or which field cannot be right. A provider that cannot be
/// reached stops nobody.
async fn judged(
    web: &Shared,
    form: &'static Form,
    fields: &Fields,
) -> Result<(String, Known), Problem> {
    let wrong = |doubt: Doubt| Problem::unprocessable(doubt.message);
    form.judge_all(fields, web.desk.numbers.limits()).map_err(wrong)?;
    let line = web.desk.numbers.line(form, fields).map_err(wrong)?;
    let known = match introduced(web, form, fields).await {
        Ok(Some(number)) => Known { display: number.display, verified_name: number.verified_name },
        Err(doubt) if doubt.field.is_some() => return Err(wrong(doubt)),
        Ok(None) | Err(_) => Known::default(),
    };
    Ok((line.external_id().to_owned(), known))
}

/// The id that a WhatsApp number gets: that of its row, where there was one, so that its conversations go on.
async fn place(web: &Shared, form: &Form, external_id: &str) -> Result<NumberId, Problem> {
    let rows = web.desk.store.known_numbers(form.name, external_id).await?;
    let of_file = of_file(web);
    if rows.iter().any(|row| row.added == 1 || of_file.contains(&row.id)) {
        return Err(conflict(web, Taken::Number));
    }
    Ok(rows.into_iter().next().map_or_else(NumberId::generate, |row| NumberId::stored(row.id)))
}

fn sealed(web: &Shared, id: &NumberId, fields: &Fields) -> Result<String, Problem> {
    let of = [web.desk.store.workspace_id().as_str(), id.as_str()];
    web.desk.numbers.seal(of, fields).map_err(|why| {
        tracing::error!(why, "the secrets of a number cannot be kept");
        Problem::conflict(format!("Its secrets cannot be kept: {why}."))
    })
}

fn token_hash(fields: &Fields) -> String {
    fields.get("verify_token").map(|token| secrets::hash(token)).unwrap_or_default()
}

fn of_file(web: &Shared) -> Vec<String> {
    let mut numbers = web.desk.numbers.all();
    numbers.retain(|number: &Arc<Connected>| number.revision.is_none());
    numbers.iter().map(|number| number.id.to_string()).collect()
}

fn entry(action: &'static str, slug: &str, detail: Value) -> Entry {
    Entry { actor: ACTOR.to_owned(), action, subject: slug.to_owned(), detail }
}

fn conflict(web: &Shared, taken: Taken) -> Problem {
    let names: Vec<_> = web.desk.numbers.all().iter().map(|number| number.slug.clone()).collect();
    let names = names.join(", ");
    match taken {
        Taken::Slug => Problem::conflict(format!(
            "There is a number of this name already: take another one. Taken are: {names}."
        )),
        Taken::Number => Problem::conflict(format!(
            "This WhatsApp number is connected already: change that one, or remove it first. Connected are: {names}."
        )),
        Taken::Gone => Problem::not_found("number"),
    }
}

/// The desk works with the numbers as they are now. Where the database does not answer, it finds out by itself.
async fn follow(web: &Shared) {
    if let Err(error) = web.desk.follow_numbers().await {
        tracing::warn!(%error, "the numbers are brought up to date later");
    }
    web.desk.wake.turns();
    web.desk.wake.send();
}
