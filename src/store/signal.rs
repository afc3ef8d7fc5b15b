//! What one replica tells the others through Postgres: in which conversations something happened. SQLite has one
//! process and needs none of it. A signal only makes things faster: whoever misses one finds the work by polling.

use std::fmt::Write as _;

use sqlx::postgres::PgListener;

use super::{Conn, Db, Result, Store, run, unreachable};
use crate::domain::ConversationId;

/// The channel that replicas listen to.
const CHANNEL: &str = "frontdesk";
/// The longest payload, in bytes; Postgres takes less than 8,000.
const LONGEST: usize = 7000;

/// Listens to the other replicas.
pub struct Listener {
    postgres: PgListener,
    workspace: String,
    replica: String,
}

impl Store {
    /// Begins to listen; `None` on SQLite.
    pub async fn listen(&self) -> Result<Option<Listener>> {
        let Db::Postgres(pool) = &self.base.db else { return Ok(None) };
        let mut postgres = PgListener::connect_with(pool).await.map_err(unreachable)?;
        postgres.listen(CHANNEL).await.map_err(unreachable)?;
        let (workspace, replica) = (self.workspace_id().to_string(), self.base.replica.clone());
        Ok(Some(Listener { postgres, workspace, replica }))
    }
}

impl Listener {
    /// Waits for a signal of another replica of this workspace: the conversations in which something happened.
    pub async fn next(&mut self) -> Result<Vec<ConversationId>> {
        loop {
            let signal = self.postgres.recv().await.map_err(unreachable)?;
            let mut words = signal.payload().split(' ');
            if words.next() == Some(&self.workspace) && words.next() != Some(&self.replica) {
                return Ok(words.map(|id| ConversationId::stored(id.to_owned())).collect());
            }
        }
    }
}

/// Tells every replica, when this transaction commits, that something happened in these conversations.
pub(super) async fn tell<'a>(
    conn: &mut Conn<'_>,
    workspace: &str,
    conversations: impl Iterator<Item = &'a str>,
) -> Result<()> {
    if let Conn::Sqlite(_) = conn {
        return Ok(());
    }
    let mut payload = String::new();
    for id in conversations {
        if payload.len() + id.len() >= LONGEST {
            notify(conn, workspace, &std::mem::take(&mut payload)).await?;
        }
        let _ = write!(payload, " {id}");
    }
    if payload.is_empty() { Ok(()) } else { notify(conn, workspace, &payload).await }
}

async fn notify(conn: &mut Conn<'_>, workspace: &str, payload: &str) -> Result<()> {
    // The connection's name holds the name of this replica, which needs no telling.
    let sql = "select pg_notify($1, $2 || ' ' || split_part(current_setting('application_name'), ' ', 2) || $3)";
    run!(conn, sql, CHANNEL, workspace, payload).map(|_| ())
}
