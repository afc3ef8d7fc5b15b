//! The database: SQLite in a file, or Postgres. One struct over both, not a trait; SQL is written
//! once.
//!
//! A change is a value that implements [`Write`]; [`Store::apply`] commits it and returns when it
//! is durable. SQLite has one writer, which commits queued changes together so that they share one
//! fsync. Every row and every query is scoped by a workspace.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use frontdesk_words::words;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::{PgPool, SqlitePool};

use self::batcher::Batcher;
use crate::domain::WorkspaceId;
use crate::domain::time::now_ms;

mod single_row;
mod sql;
mod columns;
mod words;
mod bulk;
mod writer;
mod batcher;
mod ready;
mod open;
pub mod agents;
pub mod conversations;
mod cases;
pub mod escalations;
pub mod events;
mod identities;
pub mod inbox;
pub mod listing;
pub mod knowledge;
pub mod documents;
pub mod collection_limits;
mod collection_titles;
pub mod uploads;
pub mod generated_prompts;
pub mod trials;
pub mod sources;
pub mod crawl_leases;
pub mod vectors;
pub mod answers;
pub mod audit;
pub mod gaps;
pub mod messages;
pub mod staff_messages;
pub mod first_messages;
pub mod campaigns;
pub mod numbers;
pub mod warnings;
pub mod connection_changes;
pub mod number_connections;
pub mod number_health;
mod number_pauses;
pub mod templates;
pub mod calls;
pub mod files;
pub mod transcripts;
pub mod outbox;
pub mod unknown;
pub mod runs;
pub mod turn_recordings;
pub mod turns;
pub mod finish;
pub mod follow_ups;
pub mod figures;
pub mod replicas;
pub mod signal;
pub mod serve_lock;
pub mod sessions;
pub mod admin_keys;
pub mod model_choices;

pub(crate) use bulk::Rows;
pub use columns::{LenientWord, StoredWord};
pub use ready::NotReady;
pub(crate) use sql::{Conn, all, first, revised, run};

/// How long send results are collected into one batch. The delay is harmless: the customer already
/// has the message.
const RECORDS_LINGER: Duration = Duration::from_millis(5);
/// What is known if a pool gives no connection in time.
const NO_CONNECTION: &str = "no connection within [store] wait_ms: the database accepts none, or all [store] connections are busy";
/// Attempts at a Postgres transaction that conflicts with others.
const MAX_ATTEMPTS: u32 = 10;

/// The database.
#[derive(Clone)]
pub struct Store {
    base: Base,
    /// Batchers for the frequent kinds of change.
    lines: Arc<Lines>,
}

/// The database and the workspace that everything is scoped by.
#[derive(Clone)]
struct Base {
    db: Db,
    workspace: WorkspaceId,
    /// The name of this process among those that share the database.
    replica: String,
}

struct Lines {
    webhooks: Batcher<inbox::TakeIn>,
    turns: Batcher<finish::FinishedTurn>,
    sends: Batcher<outbox::RecordSend>,
}

#[derive(Clone)]
enum Db {
    Sqlite { writer: writer::Writer, readers: SqlitePool },
    Postgres(PgPool),
}

words! {
    /// The kind of database.
    pub enum DatabaseKind {
        /// A file that one process uses.
        Sqlite = "SQLite",
        /// A server that several processes may share.
        Postgres = "Postgres",
    }
}

/// Database settings of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `postgres://user:password@host/database`; empty for SQLite. `DATABASE_URL` overrides it.
    pub url: SecretString,
    /// The SQLite file.
    pub path: PathBuf,
    /// Maximum connections to Postgres, or SQLite read connections.
    pub connections: u32,
    /// How long to wait for a free connection or a locked file, in milliseconds.
    pub wait_ms: u64,
}

/// A database error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is unreachable, locked or out of disk space: nothing was stored.
    #[error("the database cannot be used right now: {0}")]
    Unavailable(String),
    /// Every attempt conflicted with other transactions: nothing was stored.
    #[error("the database is too busy with other changes: {0}")]
    Contended(String),
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Failed(String),
    /// A stored value cannot be read.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// The settings name no database that this version can open. Trying again does not help.
    #[error("{0}")]
    Unusable(String),
}

/// The result of a database operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A database change that commits atomically. It may run again after a rollback, so it keeps no
/// state between runs.
#[async_trait]
pub(crate) trait Write: Send + Sync + 'static {
    /// The result of the change.
    type Out: Send + 'static;

    /// Makes the change inside the open transaction.
    async fn run(&self, store: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out>;
}

impl Store {
    /// Opens the database; creates and migrates it if needed.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let replica = format!("rep_{}", ulid::Ulid::generate());
        let db = if settings.url.expose_secret().is_empty() {
            open::sqlite(settings).await?
        } else {
            open::postgres(settings, &replica).await?
        };
        let base = Base { db, workspace: WorkspaceId::stored(String::new()), replica };
        Self::seen_by(base, "default").await
    }

    /// Returns this database scoped to the named workspace, which is created if it does not exist.
    pub async fn workspace(&self, name: &'static str) -> Result<Self> {
        Self::seen_by(self.base.clone(), name).await
    }

    async fn seen_by(mut base: Base, workspace: &'static str) -> Result<Self> {
        base.workspace = base.apply(agents::EnsureWorkspace { slug: workspace }).await?;
        let lines = Lines {
            webhooks: Batcher::start(base.clone(), Duration::ZERO),
            turns: Batcher::start(base.clone(), Duration::ZERO),
            sends: Batcher::start(base.clone(), RECORDS_LINGER),
        };
        Ok(Self { base, lines: Arc::new(lines) })
    }

    /// The workspace that scopes this store.
    pub fn workspace_id(&self) -> &WorkspaceId {
        &self.base.workspace
    }

    /// The kind of database.
    pub fn database(&self) -> DatabaseKind {
        match self.base.db {
            Db::Sqlite { .. } => DatabaseKind::Sqlite,
            Db::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// Whether several processes may use this database.
    pub fn is_shared(&self) -> bool {
        self.database() == DatabaseKind::Postgres
    }

    /// Writes the log of a SQLite file back into the file, as far as other processes let it
    /// promptly. A process that ends without [`Self::close`] leaves its changes in the log.
    pub async fn checkpoint(settings: &Settings) -> Result<()> {
        open::checkpoint(settings).await
    }

    /// Finishes running operations and closes the database.
    pub async fn close(&self) {
        match &self.base.db {
            Db::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    /// Commits a change. It is durable when this returns.
    pub(crate) async fn apply<W: Write>(&self, write: W) -> Result<W::Out> {
        self.base.apply(write).await
    }

    /// Runs a read on a connection from the pool.
    pub(crate) async fn read<R>(
        &self,
        read: impl AsyncFnOnce(&mut Conn<'_>) -> Result<R>,
    ) -> Result<R> {
        match &self.base.db {
            Db::Sqlite { readers, .. } => {
                let mut conn = readers.acquire().await.map_err(unreachable)?;
                read(&mut Conn::Sqlite(&mut conn)).await
            }
            Db::Postgres(pool) => {
                let mut conn = pool.acquire().await.map_err(unreachable)?;
                read(&mut Conn::Postgres(&mut conn)).await
            }
        }
    }
}

impl Base {
    async fn apply<W: Write>(&self, write: W) -> Result<W::Out> {
        match &self.db {
            Db::Sqlite { writer, .. } => writer.apply(self.workspace.clone(), write).await,
            Db::Postgres(pool) => self.apply_in_transaction(pool, write).await,
        }
    }

    /// Commits a change in its own transaction and retries on conflict. Conflicts happen when two
    /// webhooks bring the same new customer, or the same customers in a different order.
    async fn apply_in_transaction<W: Write>(&self, pool: &PgPool, write: W) -> Result<W::Out> {
        for _ in 1..MAX_ATTEMPTS {
            match self.try_apart(pool, &write).await {
                Err(Error::Contended(why)) => tracing::debug!(why, "a change is made once more"),
                other => return other,
            }
        }
        self.try_apart(pool, &write).await
    }

    async fn try_apart<W: Write>(&self, pool: &PgPool, write: &W) -> Result<W::Out> {
        let mut transaction = pool.begin().await.map_err(unreachable)?;
        let out = write.run(&self.workspace, &mut Conn::Postgres(&mut transaction)).await?;
        crate::failpoint!("store.commit");
        transaction.commit().await?;
        Ok(out)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) => {
                // SQLite: busy 5, locked 6, read-only 8, I/O error 10, full 13, cannot open 14.
                // Postgres: class 53 is out of resources, 57 is shutting down, 58 is a failing
                // disk, 08 is a lost connection, 25006 is a standby, 25P03 ended a transaction that
                // was idle for too long. Conflicts: 40001, 40P01 (deadlock), 23505 (a row that did
                // not exist when it was looked up), 23503 (one that existed then: a customer's
                // second contact or conversation, merged meanwhile, or a file's content that no message
                // had any more; any other will never exist).
                let code = inner.code().unwrap_or_default();
                let primary = code.parse::<u32>().map(|code| code & 0xff);
                let sqlite = code.len() < 5 && matches!(primary, Ok(5 | 6 | 8 | 10 | 13 | 14));
                let postgres = code.len() == 5
                    && ["53", "57", "58", "08", "25006", "25P03"]
                        .iter()
                        .any(|class| code.starts_with(class));
                let merged = inner.constraint().is_some_and(|name| {
                    ["_contact_id_", "_conversation_id_", "_hash_"]
                        .iter()
                        .any(|key| name.contains(key))
                });
                if sqlite || postgres {
                    Self::Unavailable(error.to_string())
                } else if ["40001", "40P01", "23505"].contains(&&*code) || code == "23503" && merged
                {
                    Self::Contended(error.to_string())
                } else {
                    Self::Failed(error.to_string())
                }
            }
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                Self::Corrupt(error.to_string())
            }
            // The pool hides why it got no connection.
            sqlx::Error::PoolTimedOut => Self::Unavailable(NO_CONNECTION.into()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// Treats any failure to get a connection as unavailable, whatever its error code.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unreachable(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::PoolTimedOut => Error::Unavailable(NO_CONNECTION.into()),
        _ => Error::Unavailable(error.to_string()),
    }
}

/// JSON for a text column.
fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Failed(error.to_string()))
}

/// The text without NUL characters, which Postgres cannot store.
pub(crate) fn storable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// The current time in Unix milliseconds.
fn now() -> i64 {
    now_ms()
}
