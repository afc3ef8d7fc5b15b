//! What one replica tells the others through Postgres: in which conversations something happened, and what else changed.
//! SQLite has one process and needs none of it. A signal only makes things faster: whoever misses one finds the work by
//! polling.

use async_trait::async_trait;
use sqlx::postgres::PgListener;

use super::{Conn, Db, Result, Store, Write, run, unreachable};
use crate::domain::{ConversationId, What, WorkspaceId};

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

    /// Tells the other replicas that something of this kind changed.
    pub async fn announce(&self, what: What) -> Result<()> {
        match self.base.db {
            Db::Sqlite { .. } => Ok(()),
            Db::Postgres(_) => self.apply(Announce(what)).await,
        }
    }
}

impl Listener {
    /// Waits for a signal of another replica of this workspace.
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
        tell(conn, workspace, std::iter::once(Signal::Announced(self.0))).await
    }
}

/// What happened on another replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A running turn in this conversation has to know: a message came, or a person took it.
    Event(ConversationId),
    /// Something else changed in it.
    Changed(ConversationId),
    /// Something of this kind changed.
    Announced(What),
    /// The connection was cut: something may not have been heard.
    Missed,
}

/// Stands before a conversation in which a message came, or which a person took.
const EVENT: char = '!';
/// Stands before a kind of things.
const KIND: char = '#';

impl Signal {
    /// A signal; none where a later version tells of something that this one does not know.
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

/// Tells every replica, when this transaction commits, what happened.
pub(super) async fn tell(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    signals: impl Iterator<Item = Signal>,
) -> Result<()> {
    if let Conn::Sqlite(_) = conn {
        return Ok(());
    }
    let mut payload = String::new();
    for signal in signals {
        let word = signal.write();
        if payload.len() + word.len() >= LONGEST {
            notify(conn, workspace.as_str(), &std::mem::take(&mut payload)).await?;
        }
        payload.push_str(&word);
    }
    if payload.is_empty() { Ok(()) } else { notify(conn, workspace.as_str(), &payload).await }
}

async fn notify(conn: &mut Conn<'_>, workspace: &str, payload: &str) -> Result<()> {
    // The connection's name holds the name of this replica, which needs no telling.
    let sql = "select pg_notify($1, $2 || ' ' || split_part(current_setting('application_name'), ' ', 2) || $3)";
    run!(conn, sql, CHANNEL, workspace, payload).map(|_| ())
}
