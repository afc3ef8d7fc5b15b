//! Signals between replicas over Postgres LISTEN/NOTIFY: which conversations had events, and what
//! else changed. SQLite has one process and needs none. Signals only reduce latency: a replica that
//! misses one finds the work by polling.

use async_trait::async_trait;
use sqlx::postgres::PgListener;

use super::{Conn, Db, Result, Store, Write, run, unreachable};
use crate::domain::{ConversationId, What, WorkspaceId};

const CHANNEL: &str = "frontdesk";
/// Maximum payload in bytes; Postgres allows less than 8,000.
const MAX_PAYLOAD_LEN: usize = 7000;

/// Receives signals of other replicas.
pub struct Listener {
    postgres: PgListener,
    workspace: String,
    replica: String,
}

impl Store {
    /// Starts listening; `None` on SQLite.
    pub async fn listen(&self) -> Result<Option<Listener>> {
        let Db::Postgres(pool) = &self.base.db else { return Ok(None) };
        let mut postgres = PgListener::connect_with(pool).await.map_err(unreachable)?;
        postgres.listen(CHANNEL).await.map_err(unreachable)?;
        let (workspace, replica) = (self.workspace_id().to_string(), self.base.replica.clone());
        Ok(Some(Listener { postgres, workspace, replica }))
    }

    /// Notifies the other replicas of a change of this kind.
    pub async fn announce(&self, what: What) -> Result<()> {
        match self.base.db {
            Db::Sqlite { .. } => Ok(()),
            Db::Postgres(_) => self.apply(Announce(what)).await,
        }
    }
}

impl Listener {
    /// Waits for signals of another replica of this workspace.
    pub async fn next(&mut self) -> Result<Vec<Signal>> {
        loop {
            let Some(signal) = self.postgres.try_recv().await.map_err(unreachable)? else {
                return Ok(vec![Signal::Missed]);
            };
            let mut words = signal.payload().split(' ');
            if words.next() == Some(&self.workspace) && words.next() != Some(&self.replica) {
                return Ok(words.filter_map(Signal::read).collect());
            }
        }
    }
}

struct Announce(What);

#[async_trait]
impl Write for Announce {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        notify_replicas(conn, workspace, std::iter::once(Signal::Announced(self.0))).await
    }
}

/// An event on another replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// An event for a running turn of the conversation: a message came, or a person took over.
    Event(ConversationId),
    /// Another change in the conversation.
    Changed(ConversationId),
    /// A change of this kind of thing.
    Announced(What),
    /// The connection was lost, so signals may have been missed.
    Missed,
}

/// Prefix of [`Signal::Event`] in a payload.
const EVENT: char = '!';
/// Prefix of [`Signal::Announced`] in a payload.
const KIND: char = '#';

impl Signal {
    /// Parses a signal; `None` for a kind that this version does not know.
    fn read(word: &str) -> Option<Self> {
        if let Some(name) = word.strip_prefix(KIND) {
            return name.parse().ok().map(Self::Announced);
        }
        Some(match word.strip_prefix(EVENT) {
            Some(id) => Self::Event(ConversationId::stored(id.to_owned())),
            None => Self::Changed(ConversationId::stored(word.to_owned())),
        })
    }

    fn write(&self) -> String {
        match self {
            Self::Event(id) => format!(" {EVENT}{id}"),
            Self::Changed(id) => format!(" {id}"),
            Self::Announced(what) => format!(" {KIND}{}", what.as_str()),
            Self::Missed => String::new(),
        }
    }
}

/// Queues signals for all replicas; Postgres delivers them when the transaction commits.
pub(super) async fn notify_replicas(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    signals: impl Iterator<Item = Signal>,
) -> Result<()> {
    if conn.is_sqlite() {
        return Ok(());
    }
    let mut payload = String::new();
    for signal in signals {
        let word = signal.write();
        if payload.len() + word.len() >= MAX_PAYLOAD_LEN {
            notify(conn, workspace.as_str(), &std::mem::take(&mut payload)).await?;
        }
        payload.push_str(&word);
    }
    if payload.is_empty() { Ok(()) } else { notify(conn, workspace.as_str(), &payload).await }
}

async fn notify(conn: &mut Conn<'_>, workspace: &str, payload: &str) -> Result<()> {
    // `application_name` holds this replica's id, so that it can ignore its own signals.
    let sql = "select pg_notify($1, $2 || ' ' || split_part(current_setting('application_name'), ' ', 2) || $3)";
    run!(conn, sql, CHANNEL, workspace, payload).map(|_| ())
}
