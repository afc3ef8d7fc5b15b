//! Webhook events that are neither messages nor statuses, stored as they came.

use async_trait::async_trait;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::{Conn, Result, Store, Write, all, now, run, to_json, warnings};
use crate::domain::{
    Alert, AlertCode, Event, Item, NumberId, StoredProvider, WebhookId, WorkspaceId,
};

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EventRow {
    /// The id.
    pub id: String,
    /// The number concerned.
    pub number_id: Option<String>,
    /// The provider's name for the event.
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
    /// The newest events; with `alerts`, only those with a message for the operator.
    pub async fn events(&self, alerts: bool, limit: i64) -> Result<Vec<EventRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, number_id, kind, payload, alert, code, detail, created_at from provider_events
                       where workspace_id = $1 and ($2 = 0 or alert is not null)
                       order by created_at desc, id desc limit $3";
            all!(conn, EventRow, sql, workspace.as_str(), i64::from(alerts), limit)
        })
        .await
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
    /// their bodies, also at most `limit`. Returns the number of both.
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
        Ok(gone + emptied)
    }
}

/// The source of an event.
pub(super) struct Origin<'a> {
    pub(super) workspace: &'a WorkspaceId,
    pub(super) webhook: &'a WebhookId,
    pub(super) number: Option<&'a NumberId>,
    /// The numbers that an event without a number may be about.
    pub(super) candidates: &'a [NumberId],
}

/// Stores an event. Messages, statuses and echoes come here only if their number is not configured.
pub(super) async fn keep(
    conn: &mut Conn<'_>,
    at: &Origin<'_>,
    item: &Item,
    event: &Event,
) -> Result<()> {
    let stranger = item.number.as_deref().unwrap_or("none");
    let numbers = warn(conn, at, item, event).await?;
    let (kind, payload, alert) = if let Event::Other(other) = event {
        (other.kind.clone(), to_json(&other.payload)?, other.alert.clone())
    } else {
        let what = event.kind();
        let payload = serde_json::json!({ "number": stranger, "what": what });
        let text = format!(
            "A {what} for the number {stranger} arrived, which is not configured here. Add it under [numbers]."
        );
        let alert = Alert { code: AlertCode::UnknownNumber, text, detail: stranger.to_owned() };
        ("unknown_number".to_owned(), payload.to_string(), Some(alert))
    };
    let sql = "insert into provider_events
                   (id, workspace_id, number_id, webhook_id, kind, payload, alert, code, detail, created_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let only = if let [only] = &numbers[..] { Some(only) } else { None };
    let id = format!("evt_{}", ulid::Ulid::generate());
    run!(
        conn,
        sql,
        id,
        at.workspace.as_str(),
        at.number.or(only).map(NumberId::as_str),
        at.webhook.as_str(),
        super::storable(&kind),
        super::storable(&payload),
        alert.as_ref().map(|alert| super::storable(&alert.text)),
        alert.as_ref().map(|alert| alert.code),
        alert.as_ref().map(|alert| super::storable(&alert.detail)),
        now(),
    )
    .map(|_| ())
}

/// Raises or clears an event's warning on its numbers. Returns them.
async fn warn(
    conn: &mut Conn<'_>,
    at: &Origin<'_>,
    item: &Item,
    event: &Event,
) -> Result<Vec<NumberId>> {
    let Event::Other(other) = event else { return Ok(Vec::new()) };
    let numbers = match at.number {
        Some(number) => vec![number.clone()],
        None => warnings::concerned(conn, at.workspace, (item, at.candidates)).await?,
    };
    if let Some(change) = &other.warning {
        for number in &numbers {
            let alert = other.alert.as_ref();
            warnings::change(conn, (at.workspace, number), (change, alert)).await?;
        }
    }
    Ok(numbers)
}
