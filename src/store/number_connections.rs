//! How numbers that are linked to a phone stand to WhatsApp, as webhooks and polls say.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::words::connection_state::{OFFLINE, STOPPED};
use super::words::number_state::REMOVED;
use super::{Conn, Result, Store, Write, all, first, now, run};
use crate::domain::{ConnectionChange, ConnectionReason, ConnectionState, NumberId, WorkspaceId};

/// How a number stands to WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ConnectionRow {
    /// The number.
    pub number_id: String,
    /// How it stands.
    pub state: ConnectionState,
    /// Why, if it is offline or stopped; `None` also if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<ConnectionReason>")]
    pub reason: Option<ConnectionReason>,
    /// Since when, in Unix milliseconds.
    pub since: i64,
    /// Until when all of its messages came in, as far as is known, in Unix milliseconds; `None` before
    /// its first link.
    pub complete_until: Option<i64>,
    /// When it was first linked, in Unix milliseconds.
    pub linked_at: Option<i64>,
}

impl Store {
    /// How each linked number stands to WhatsApp.
    pub async fn number_connections(&self) -> Result<Vec<ConnectionRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select number_id, state, reason, since, complete_until, linked_at from number_connections where workspace_id = $1";
            all!(conn, ConnectionRow, sql, workspace.as_str())
        })
        .await
    }

    /// Records until when all messages of a number came in.
    pub async fn record_complete_until(&self, number: &NumberId, moment: i64) -> Result<()> {
        self.apply(CompleteUntil { number: number.clone(), moment }).await
    }

    /// How many linked numbers are offline or stopped.
    pub async fn count_disconnected(&self) -> Result<i64> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = formatcp!(
                    "select count(*) from number_connections c join numbers n on n.id = c.number_id
                     where c.workspace_id = $1 and c.state in ('{OFFLINE}', '{STOPPED}') and n.state <> '{REMOVED}'"
                );
                first!(conn, (i64,), sql, workspace.as_str())
            })
            .await?;
        Ok(row.map_or(0, |row| row.0))
    }
}

struct CompleteUntil {
    number: NumberId,
    moment: i64,
}

#[async_trait]
impl Write for CompleteUntil {
    type Out = ();

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update number_connections set complete_until = $2, linked_at = coalesce(linked_at, $2) where number_id = $1";
        run!(conn, sql, self.number.as_str(), self.moment).map(|_| ())
    }
}

/// Stores how a number stands to WhatsApp. Returns that, and whether something is lost by it; `None` if
/// it is nothing new.
pub(super) async fn record(
    conn: &mut Conn<'_>,
    (workspace, number): (&WorkspaceId, &NumberId),
    change: ConnectionChange,
) -> Result<Option<(ConnectionChange, bool)>> {
    let sql = "select number_id, state, reason, since, complete_until, linked_at from number_connections where number_id = $1";
    let before = first!(conn, ConnectionRow, sql, number.as_str())?;
    let before =
        before.map(|ConnectionRow { state, reason, .. }| ConnectionChange { state, reason });
    let Some(next) = change.after(before) else { return Ok(None) };
    let sql = "insert into number_connections (number_id, workspace_id, state, reason, since)
               select n.id, $2, $3, $4, $5 from numbers n where n.id = $1 and n.workspace_id = $2
               on conflict (number_id) do update set state = excluded.state, reason = excluded.reason, since = excluded.since";
    let reason = next.reason.map(ConnectionReason::as_str);
    run!(conn, sql, number.as_str(), workspace.as_str(), next.state, reason, now())?;
    Ok(Some((next, next.is_loss(before))))
}

/// Forgets how a number stands that is removed, or another one from now on.
pub(super) async fn forget(conn: &mut Conn<'_>, number: &str) -> Result<()> {
    run!(conn, "delete from number_connections where number_id = $1", number).map(|_| ())
}
