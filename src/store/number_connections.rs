//! How numbers that are linked to a phone stand to WhatsApp, as webhooks and polls say.

use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::words::connection_reason::NOT_PAIRED;
use super::words::connection_state::{CONNECTING, OFFLINE, PAIRING, STOPPED};
use super::words::number_state::REMOVED;
use super::{Conn, Result, Store, all, first, now, run};
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
}

impl Store {
    /// How each linked number stands to WhatsApp.
    pub async fn number_connections(&self) -> Result<Vec<ConnectionRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select number_id, state, reason, since from number_connections where workspace_id = $1";
            all!(conn, ConnectionRow, sql, workspace.as_str())
        })
        .await
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

/// Stores how a number stands to WhatsApp. Returns whether that is news. A poll knows less than the
/// webhook before it: one that only finds no link keeps why it was lost, and one that finds a link
/// being established keeps that a QR code waits.
pub(super) async fn record(
    conn: &mut Conn<'_>,
    (workspace, number): (&WorkspaceId, &NumberId),
    change: ConnectionChange,
) -> Result<bool> {
    let sql = formatcp!(
        "insert into number_connections (number_id, workspace_id, state, reason, since)
         select n.id, $2, $3, $4, $5 from numbers n where n.id = $1 and n.workspace_id = $2
         on conflict (number_id) do update set state = excluded.state, reason = excluded.reason, since = excluded.since
         where (number_connections.state <> excluded.state or coalesce(number_connections.reason, '') <> coalesce(excluded.reason, ''))
             and not (number_connections.state = '{STOPPED}' and coalesce(excluded.reason, '') = '{NOT_PAIRED}')
             and not (number_connections.state = '{PAIRING}' and excluded.state = '{CONNECTING}')"
    );
    let reason = change.reason.map(ConnectionReason::as_str);
    let (number, workspace) = (number.as_str(), workspace.as_str());
    Ok(run!(conn, sql, number, workspace, change.state, reason, now())? > 0)
}

/// Forgets how a number stands that is removed, or another one from now on.
pub(super) async fn forget(conn: &mut Conn<'_>, number: &str) -> Result<()> {
    run!(conn, "delete from number_connections where number_id = $1", number).map(|_| ())
}
