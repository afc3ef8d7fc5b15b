//! Numbers as the API shows them, with their state. Secrets are masked.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::response::Answer;
use crate::domain::{
    AlertCode, ConnectionReason, ConnectionState, NumberHealth, NumberOrigin, NumberState,
    Restriction, StopReason, StoredProvider,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;
use crate::provider::{Fields, Form, Kind};
use crate::secrets;
use crate::store::agents::NumberRow;
use crate::store::number_connections::ConnectionRow;
use crate::store::numbers::{AddedRow, shown_slug};
use crate::store::warnings::WarningRow;

/// A WhatsApp number.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Number {
    /// Its id.
    id: String,
    /// Its name.
    slug: String,
    /// The provider.
    provider: StoredProvider,
    /// The provider's id of the number.
    external_id: String,
    /// Id of the agent that answers on it.
    agent_id: String,
    /// Short name of that agent; null if the agent no longer exists.
    agent: Option<String>,
    /// Where it was set up.
    from: NumberOrigin,
    /// Whether it sends.
    state: NumberState,
    /// Why it is stopped or at risk, and what to do.
    state_reason: Option<String>,
    /// Why it is stopped, as a code with its values; null if the reason has none.
    state_code: Option<StopReason>,
    /// Since when the bot is paused on it, milliseconds since 1970; null if it answers.
    bot_paused_at: Option<i64>,
    /// How it stands to WhatsApp; null if its provider links no phones.
    connection: Option<NumberConnection>,
    /// What puts it at risk, oldest first.
    warnings: Vec<NumberWarning>,
    /// What its provider said of its quality, its messaging limit and what it is forbidden.
    health: NumberHealth,
    /// The phone number as the provider shows it.
    display: Option<String>,
    /// The name that the provider shows to customers.
    verified_name: Option<String>,
    /// URL for the provider's webhooks.
    webhook_url: String,
    /// Values of its fields, by field name; secrets are masked. Empty for a number of the
    /// configuration file.
    fields: std::collections::BTreeMap<String, String>,
    /// When a customer last wrote, milliseconds since 1970, accurate to about a minute.
    last_inbound_at: Option<i64>,
    /// When something was last sent, milliseconds since 1970, accurate to about a minute.
    last_sent_at: Option<i64>,
    /// When the provider last called, milliseconds since 1970, accurate to about a minute.
    last_webhook_at: Option<i64>,
    /// When the provider last verified the webhook URL, milliseconds since 1970; null if never.
    verified_at: Option<i64>,
    /// When it was set up, milliseconds since 1970.
    created_at: i64,
}

/// How a number that is linked to a phone stands to WhatsApp.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NumberConnection {
    /// How it stands; null if that is not known yet.
    state: Option<ConnectionState>,
    /// Why, as a code, if it is stopped or offline.
    reason: Option<ConnectionReason>,
    /// Why, in words.
    why: Option<&'static str>,
    /// What to do about it.
    todo: Option<&'static str>,
    /// Since when, milliseconds since 1970; null if that is not known yet.
    since: Option<i64>,
}

impl NumberConnection {
    fn of(row: Option<&ConnectionRow>) -> Self {
        let reason = row.and_then(|row| row.reason);
        Self {
            state: row.map(|row| row.state),
            reason,
            why: reason.map(ConnectionReason::text),
            todo: reason.map(ConnectionReason::todo),
            since: row.map(|row| row.since),
        }
    }
}

/// A warning of the provider about a number.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NumberWarning {
    /// What happened; null if only another version of frontdesk knows its word.
    code: Option<AlertCode>,
    /// What happened, in one sentence.
    text: String,
    /// The provider's own words for it, such as a template's name; may be empty.
    detail: String,
    /// What to do about it.
    todo: Option<&'static str>,
    /// When it ends by itself, milliseconds since 1970; null if it does not.
    until: Option<i64>,
    /// When it came, milliseconds since 1970.
    created_at: i64,
}

impl NumberWarning {
    /// What happened and what to do.
    fn in_words(&self) -> String {
        format!("{} {}", self.text, self.todo.unwrap_or_default()).trim_end().to_owned()
    }
}

impl From<&WarningRow> for NumberWarning {
    fn from(row: &WarningRow) -> Self {
        Self {
            code: row.code,
            text: row.text.clone(),
            detail: row.detail.clone(),
            todo: row.code.map(AlertCode::todo),
            until: row.until,
            created_at: row.created_at,
        }
    }
}

/// Lists all numbers of the configuration file and the console, including stopped ones.
#[utoipa::path(get, path = "/numbers", operation_id = "list_numbers", tag = "numbers", responses((status = 200, body = [Number])))]
pub(in super::super) async fn list(State(web): State<WebState>) -> Answer<Vec<Number>> {
    let added = web.desk.store.added_numbers().await?;
    let rows = web.desk.store.numbers().await?;
    let rows = rows.into_iter().filter(|row| row.added == 1 || web.desk.number(&row.id).is_some());
    let reports = Reports::read(&web).await?;
    Ok(Json(rows.map(|row| shown(&web, row, (&added, &reports))).collect()))
}

/// Returns one number.
#[utoipa::path(
    get, path = "/numbers/{id}", operation_id = "get_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses((status = 200, body = Number), (status = 404, response = Problem))
)]
pub(in super::super) async fn one(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Answer<Number> {
    Ok(Json(read(&web, &id).await?))
}

/// Returns the row of a number, if it was added through the API or is connected.
pub(in super::super) async fn row(web: &WebState, id: &str) -> Result<NumberRow, Problem> {
    let rows = web.desk.store.numbers().await?;
    let shown = |row: &NumberRow| row.added == 1 || web.desk.number(&row.id).is_some();
    let found = rows.into_iter().find(|row| row.id == id && shown(row));
    found.ok_or_else(|| Problem::not_found("number"))
}

pub(super) async fn read(web: &WebState, id: &str) -> Result<Number, Problem> {
    let row = row(web, id).await?;
    let (added, reports) = (web.desk.store.added_numbers().await?, Reports::read(web).await?);
    Ok(shown(web, row, (&added, &reports)))
}

/// What providers reported about numbers.
struct Reports {
    warnings: Vec<WarningRow>,
    health: Vec<(String, NumberHealth)>,
    connections: Vec<ConnectionRow>,
}

impl Reports {
    async fn read(web: &WebState) -> Result<Self, Problem> {
        let store = &web.desk.store;
        let (warnings, health) = (store.number_warnings().await?, store.health_of_numbers().await?);
        Ok(Self { warnings, health, connections: store.number_connections().await? })
    }

    fn warnings(&self, number: &str) -> Vec<NumberWarning> {
        let own = self.warnings.iter().filter(|warning| warning.number_id == number);
        own.map(NumberWarning::from).collect()
    }

    fn connection(&self, number: &str) -> NumberConnection {
        NumberConnection::of(self.connections.iter().find(|row| row.number_id == number))
    }

    fn health(&self, number: &str) -> NumberHealth {
        let own = self.health.iter().find(|(id, _)| id == number);
        own.map(|(_, health)| health.clone()).unwrap_or_default()
    }
}

/// A number's state, and why it is stopped or at risk: as a sentence, and as a code.
type Standing = (NumberState, Option<String>, Option<StopReason>);

fn state(
    row: &NumberRow,
    aside: Option<String>,
    (health, warnings): (&NumberHealth, &[NumberWarning]),
) -> Standing {
    let coded = |state, why: Option<String>| {
        let code = why.as_deref().and_then(StopReason::of);
        (state, why, code)
    };
    match aside {
        Some(why) => return coded(NumberState::Stopped, Some(why)),
        None if row.state != NumberState::Ready => {
            return coded(row.state, row.state_reason.clone());
        }
        None => {}
    }
    if health.restriction == Some(Restriction::Sending) {
        let why = StopReason::Forbidden { until: health.restricted_until };
        return (NumberState::Stopped, Some(format!("{why}.")), Some(why));
    }
    if warnings.is_empty() {
        return coded(row.state, row.state_reason.clone());
    }
    let all: Vec<_> = warnings.iter().map(NumberWarning::in_words).collect();
    (NumberState::AtRisk, Some(all.join(" ")), None)
}

/// Returns a number that was added through the API; refuses those of the configuration file.
pub(super) async fn added(web: &WebState, id: &str) -> Result<AddedRow, Problem> {
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

/// Returns the decrypted fields of a number; empty if they cannot be decrypted.
pub(super) async fn stored_fields(web: &WebState, id: &str) -> Result<Fields, Problem> {
    let row = added(web, id).await?;
    let of = [web.desk.store.workspace_id().as_str(), &row.id];
    Ok(web.desk.numbers.open(of, &row.settings).unwrap_or_default())
}

fn shown(web: &WebState, row: NumberRow, (added, reports): (&[AddedRow], &Reports)) -> Number {
    let desk = &web.desk;
    let connected = desk.number(&row.id);
    let of_file = connected.as_deref().is_some_and(|number| number.revision.is_none());
    let aside = desk.numbers.disconnected_reason(&row.id).filter(|_| !of_file);
    let (warnings, health) = (reports.warnings(&row.id), reports.health(&row.id));
    let (state, state_reason, state_code) = state(&row, aside, (&health, &warnings));
    let links = connected.as_deref().is_some_and(|number| number.client.device_link().is_some());
    let connection = links.then(|| reports.connection(&row.id));
    let [webhook, inbound, sent] =
        connected.map(|number| number.activity.moments()).unwrap_or_default();
    let last = |written: Option<i64>, here: i64| written.max((here > 0).then_some(here));
    let slug = shown_slug(&row.slug, &row.id).to_owned();
    let settings = added.iter().find(|one| one.id == row.id).filter(|_| !of_file);
    let agent = desk.bots.all().into_iter().find(|bot| bot.agent.id.as_str() == row.agent_id);
    Number {
        webhook_url: desk.webhook_url(&row.provider.to_string(), &slug),
        connection,
        fields: settings.map(|settings| masked(web, settings)).unwrap_or_default(),
        id: row.id,
        slug,
        provider: row.provider,
        external_id: row.external_id,
        agent_id: row.agent_id,
        agent: agent.map(|bot| bot.agent.slug.clone()),
        from: if of_file { NumberOrigin::File } else { NumberOrigin::Console },
        state,
        state_code,
        state_reason,
        bot_paused_at: row.bot_paused_at,
        warnings,
        health,
        display: row.display,
        verified_name: row.verified_name,
        last_inbound_at: last(row.last_inbound_at, inbound),
        last_sent_at: last(row.last_sent_at, sent),
        last_webhook_at: last(row.last_webhook_at, webhook),
        verified_at: row.verified_at,
        created_at: row.created_at,
    }
}

/// Returns a number's fields with secrets masked; empty if they cannot be decrypted.
fn masked(web: &WebState, row: &AddedRow) -> Fields {
    let of = [web.desk.store.workspace_id().as_str(), &row.id];
    let mut fields = web.desk.numbers.open(of, &row.settings).unwrap_or_default();
    let open = |name: &str| {
        let form = row.provider.known().map(Form::of);
        let field = form.and_then(|form| form.field(name));
        field.is_some_and(|field| field.kind != Kind::Secret)
    };
    for (name, value) in &mut fields {
        if !open(name) {
            *value = secrets::masked(value);
        }
    }
    fields
}
