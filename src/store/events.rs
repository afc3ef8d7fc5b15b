//! Webhook events that are neither messages nor statuses, stored as they came, and the desk's own
//! events.

use async_trait::async_trait;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::number_connections;
use super::number_health::{self, RecordOutcome};
use super::outbox::ToSend;
use super::warnings::Candidate;
use super::{Conn, Result, Store, Write, all, now, run, templates, to_json, warnings};
use crate::domain::{
    Account, Alert, AlertCode, ConnectionChange, ConnectionReason, DeskEventKind, Event, Fault,
    HealthTopic, Item, MessagingLimit, NumberId, Other, StoredProvider, WarningChange, WebhookId,
    WorkspaceId,
};

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EventRow {
    /// The id.
    pub id: String,
    /// The number concerned.
    pub number_id: Option<String>,
    /// The provider's name for the event, or a [`DeskEventKind`].
    pub kind: String,
    /// The event as JSON.
    pub payload: String,
    /// Message for the operator, if the event needs attention.
    pub alert: Option<String>,
    /// What the alert is about; `None` if the stored word is unknown to this version, or it came
    /// before there were codes.
    #[sqlx(try_from = "LenientWord<AlertCode>")]
    pub code: Option<AlertCode>,
    /// The provider's own words for it.
    pub detail: Option<String>,
    /// When it came.
    pub created_at: i64,
}

impl Store {
    /// The newest events with a message for the operator that are about a number, or about its
    /// account as a whole.
    pub async fn alerts_of_number(
        &self,
        number: &NumberId,
        (account, limit): (Option<&str>, i64),
    ) -> Result<Vec<EventRow>> {
        let workspace = self.workspace_id();
        let (number, account) = (number.as_str(), account.unwrap_or_default());
        let sql = "select id, number_id, kind, payload, alert, code, detail, created_at from provider_events
                   where workspace_id = $1 and alert is not null
                       and (number_id = $2 or (number_id is null and account_id = $3))
                   order by created_at desc, id desc limit $4";
        self.read(async |conn| {
            all!(conn, EventRow, sql, workspace.as_str(), number, account, limit)
        })
        .await
    }

    /// The newest events; with `alerts`, only those with a message for the operator.
    pub async fn events(&self, alerts: bool, limit: i64) -> Result<Vec<EventRow>> {
        let workspace = self.workspace_id();
        macro_rules! find {
            ($which:literal) => {
                concat!(
                    "select id, number_id, kind, payload, alert, code, detail, created_at from provider_events
                     where workspace_id = $1 ", $which, " order by created_at desc, id desc limit $2"
                )
            };
        }
        // One statement for both would not use the index of alerts.
        let sql = if alerts { find!("and alert is not null") } else { find!("") };
        self.read(async |conn| all!(conn, EventRow, sql, workspace.as_str(), limit)).await
    }

    /// Records the alarm about a notice that a support contact does not get.
    pub async fn record_lost_notice(&self, notice: &ToSend, fault: &Fault) -> Result<()> {
        let (number, conversation) = (notice.number_id.clone(), notice.conversation_id.clone());
        let (message, why) = (notice.id.clone(), fault.title.clone());
        self.apply(LostNotice { number, conversation, message, why }).await
    }

    /// Number of stored webhooks.
    pub async fn webhooks(&self) -> Result<i64> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select count(*) from webhooks where workspace_id = $1";
            super::first!(conn, (i64,), sql, workspace.as_str())
                .map(|row| row.map_or(0, |row| row.0))
        })
        .await
    }
}

/// A stored webhook.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct WebhookRow {
    /// The id.
    pub id: String,
    /// The provider that sent it.
    pub provider: StoredProvider,
    /// The raw body; empty once its retention time is over.
    pub body: Vec<u8>,
    /// When it came.
    pub created_at: i64,
}

impl Store {
    /// Stored webhooks, oldest first, after the given time and id.
    pub async fn webhooks_after(
        &self,
        after: &(i64, String),
        limit: i64,
    ) -> Result<Vec<WebhookRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, provider, body, created_at from webhooks where workspace_id = $1
                       and (created_at > $2 or (created_at = $2 and id > $3)) order by created_at, id limit $4";
            all!(conn, WebhookRow, sql, workspace.as_str(), after.0, &after.1, limit)
        })
        .await
    }

    /// Returns one stored webhook.
    pub async fn webhook(&self, id: &WebhookId) -> Result<Option<WebhookRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, provider, body, created_at from webhooks where workspace_id = $1 and id = $2";
            super::first!(conn, WebhookRow, sql, workspace.as_str(), id.as_str())
        })
        .await
    }

    /// Deletes webhooks from before a time, at most `limit`. Webhooks with stored events lose only
    /// their bodies, also at most `limit`. The desk's own events are deleted, at most `limit`.
    /// Returns the number of all.
    pub async fn forget_webhooks(&self, before: i64, limit: i64) -> Result<u64> {
        self.apply(ForgetWebhooks { before, limit }).await
    }
}

struct ForgetWebhooks {
    before: i64,
    limit: i64,
}

#[async_trait]
impl Write for ForgetWebhooks {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = "delete from webhooks where id in (select w.id from webhooks w
                       where w.workspace_id = $1 and w.created_at < $2
                       and not exists (select 1 from provider_events e where e.webhook_id = w.id)
                       order by w.created_at limit $3)";
        let gone = run!(conn, sql, workspace.as_str(), self.before, self.limit)?;
        let sql = "update webhooks set body = $4 where id in (select w.id from webhooks w
                       where w.workspace_id = $1 and w.created_at < $2 and length(w.body) > 0
                       and exists (select 1 from provider_events e where e.webhook_id = w.id) limit $3)";
        let nothing: &[u8] = &[];
        let emptied = run!(conn, sql, workspace.as_str(), self.before, self.limit, nothing)?;
        let sql = "delete from provider_events where id in (select e.id from provider_events e
                       where e.workspace_id = $1 and e.created_at < $2 and e.webhook_id is null
                       order by e.created_at limit $3)";
        let own = run!(conn, sql, workspace.as_str(), self.before, self.limit)?;
        Ok(gone + emptied + own)
    }
}

/// A notice that a support contact does not get.
pub(super) struct LostNotice {
    pub(super) number: String,
    /// The conversation with the support contact.
    pub(super) conversation: String,
    pub(super) message: String,
    pub(super) why: String,
}

#[async_trait]
impl Write for LostNotice {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let Self { number, conversation, message, why } = self;
        let payload = serde_json::json!({
            "conversation_id": conversation, "message_id": message, "why": why,
        });
        let text = format!(
            "A support contact was not notified of a case: {why}. WhatsApp takes a notice only within 24 hours of \
             the contact's last message to the number, or as a template."
        );
        let alert = Alert { code: AlertCode::NoticeLost, text, detail: why.clone() };
        let event = NewEvent {
            number: Some(number),
            webhook: None,
            account: None,
            kind: DeskEventKind::NoticeLost.as_str(),
            payload: &payload.to_string(),
            alert: Some(&alert),
        };
        event.insert(conn, workspace).await
    }
}

/// An event to insert.
struct NewEvent<'a> {
    number: Option<&'a str>,
    /// The webhook that brought it; `None` for an event of the desk itself.
    webhook: Option<&'a str>,
    /// The provider's account that it names.
    account: Option<&'a str>,
    kind: &'a str,
    payload: &'a str,
    alert: Option<&'a Alert>,
}

impl NewEvent<'_> {
    async fn insert(&self, conn: &mut Conn<'_>, workspace: &WorkspaceId) -> Result<()> {
        let sql = "insert into provider_events
                       (id, workspace_id, number_id, webhook_id, kind, payload, alert, code, detail, created_at,
                        account_id)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        run!(
            conn,
            sql,
            format!("evt_{}", ulid::Ulid::generate()),
            workspace.as_str(),
            self.number,
            self.webhook,
            super::storable(self.kind),
            super::storable(self.payload),
            self.alert.map(|alert| super::storable(&alert.text)),
            self.alert.map(|alert| alert.code),
            self.alert.map(|alert| super::storable(&alert.detail)),
            now(),
            self.account.map(super::storable),
        )
        .map(|_| ())
    }
}

/// The source of an event.
pub(super) struct Origin<'a> {
    pub(super) workspace: &'a WorkspaceId,
    pub(super) webhook: &'a WebhookId,
    pub(super) number: Option<&'a NumberId>,
    /// The numbers that an event without a number may be about.
    pub(super) candidates: &'a [Candidate],
}

/// Stores an event. Messages, statuses and echoes come here only if their number is not configured.
pub(super) async fn keep(
    conn: &mut Conn<'_>,
    at: &Origin<'_>,
    item: &Item,
    event: &Event,
) -> Result<()> {
    let stranger = item.number.as_deref().unwrap_or("none");
    let is_told = tells_of_loss(conn, at, event).await?;
    let (numbers, told) = warn(conn, at, item, event).await?;
    let (kind, payload, alert) = if let Event::Other(other) = event {
        (other.kind.clone(), to_json(&other.payload)?, other.alert.clone().or(told))
    } else {
        let what = event.kind();
        let payload = serde_json::json!({ "number": stranger, "what": what });
        let text = format!(
            "A {what} for the number {stranger} arrived, which is not configured here. Add it under [numbers]."
        );
        let alert = Alert { code: AlertCode::UnknownNumber, text, detail: stranger.to_owned() };
        (DeskEventKind::UnknownNumber.to_string(), payload.to_string(), Some(alert))
    };
    let only = if let [only] = &numbers[..] { Some(only) } else { None };
    let alert = alert.filter(|_| is_told);
    let event = NewEvent {
        number: at.number.or(only).map(NumberId::as_str),
        webhook: Some(at.webhook.as_str()),
        account: item.account.id.as_deref(),
        kind: &kind,
        payload: &payload,
        alert: alert.as_ref(),
    };
    event.insert(conn, at.workspace).await
}

/// Stores what became of a number's link, if the event says so. False if nothing is lost by it, or it
/// is known already: one loss of a link has several events.
async fn tells_of_loss(conn: &mut Conn<'_>, at: &Origin<'_>, event: &Event) -> Result<bool> {
    let Event::Other(other) = event else { return Ok(true) };
    match other.connection.zip(at.number) {
        Some((change, number)) => {
            let place = (at.workspace, number);
            let recorded = number_connections::record(conn, place, change).await?;
            Ok(recorded.is_some_and(|(_, is_loss)| is_loss))
        }
        None => Ok(true),
    }
}

/// Records that a number is not linked any more, as a poll found.
pub(super) async fn connection_lost(
    conn: &mut Conn<'_>,
    (workspace, number): (&WorkspaceId, &NumberId),
    (change, alert): (ConnectionChange, &Alert),
) -> Result<()> {
    let payload = serde_json::json!({
        "state": change.state.as_str(), "reason": change.reason.map(ConnectionReason::as_str),
    });
    let event = NewEvent {
        number: Some(number.as_str()),
        webhook: None,
        account: None,
        kind: DeskEventKind::ConnectionLost.as_str(),
        payload: &payload.to_string(),
        alert: Some(alert),
    };
    event.insert(conn, workspace).await
}

/// Raises or clears an event's warning on its numbers, and changes their health. Returns the numbers,
/// and what an operator should know of a changed health.
async fn warn(
    conn: &mut Conn<'_>,
    at: &Origin<'_>,
    item: &Item,
    event: &Event,
) -> Result<(Vec<NumberId>, Option<Alert>)> {
    let Event::Other(other) = event else { return Ok((Vec::new(), None)) };
    let (alert, account) = (other.alert.as_ref(), &item.account);
    if let Some(number) = at.number {
        if let Some(change) = &other.warning {
            warnings::change(conn, (at.workspace, number), (change, alert, account)).await?;
        }
        return Ok((vec![number.clone()], None));
    }
    let concerned = warnings::concerned(conn, at.workspace, (item, at.candidates)).await?;
    if let Some((change, account)) = other.template.as_ref().zip(account.id.as_deref())
        && warnings::has_account(conn, at.workspace, (&concerned, account)).await?
    {
        templates::change(conn, at.workspace, (account, change)).await?;
    }
    let mut told = None;
    for candidate in &concerned {
        let Candidate { number, template, .. } = candidate;
        let Some(news) = change_health(conn, at.workspace, (candidate, account, other)).await?
        else {
            continue;
        };
        if let Some(change) = other.warning.as_ref().filter(|it| it.is_for(template.as_deref())) {
            warnings::change(conn, (at.workspace, number), (change, alert, account)).await?;
        } else if let Some(news) = news {
            let change = WarningChange::of_limit(&news);
            let place = (at.workspace, number);
            warnings::change(conn, place, (&change, Some(&news), account)).await?;
            told = Some(news);
        }
    }
    Ok((concerned.into_iter().map(|candidate| candidate.number.clone()).collect(), told))
}

/// Changes what is known of a number's health, if the event is about this number. Returns what an
/// operator should know of its messaging limit; `None` if something later is known already.
async fn change_health(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (candidate, account, other): (&Candidate, &Account, &Other),
) -> Result<Option<Option<Alert>>> {
    if other.health.is_empty()
        || !number_health::is_own(conn, workspace, (candidate, account)).await?
    {
        return Ok(Some(None));
    }
    let (mut is_new, mut news) = (false, None);
    for change in &other.health {
        let place = (workspace, &candidate.number);
        let before = match number_health::record(conn, place, (change, other.at)).await? {
            RecordOutcome::Outdated => continue,
            RecordOutcome::InPlaceOf(before) => before,
        };
        is_new = true;
        if change.topic == HealthTopic::Limit {
            let of = |word: Option<&str>| word.and_then(MessagingLimit::of);
            let both = of(change.word.as_deref()).zip(of(before.as_deref()));
            news = both.and_then(|(now, before)| now.alert_after(before));
        }
    }
    Ok(is_new.then_some(news))
}
