//! Workspaces, agents, prompt versions and numbers.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::audit::Entry;
use super::words::number_state::REMOVED;
use super::{Conn, Error, LenientWord, Result, Store, Write, all, first, now, run};
use crate::domain::label::{MAX_TITLE_LEN, one_line};
use crate::domain::{AgentId, NumberId, NumberState, StoredProvider, VersionId, WorkspaceId};

mod connect;
mod removal;

/// The author of a version that was read from a prompt file at a start.
pub const PROMPT_FILE: &str = "prompt file";

pub use connect::ConnectNumber;
pub use removal::RenameOutcome;

/// An agent with the source of its live version.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AgentRow {
    /// The id.
    pub id: String,
    /// The short name.
    pub slug: String,
    /// The live version.
    pub version_id: String,
    /// The live version's number, from 1.
    pub ordinal: i64,
    /// The prompt file of that version.
    pub source: String,
    /// When that version was created.
    pub published_at: i64,
    /// SHA-256 of the prompt file on disk that was last published.
    pub file_hash: Option<String>,
}

/// A version of an agent.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct VersionRow {
    /// The id.
    pub id: String,
    /// The version's number, from 1.
    pub ordinal: i64,
    /// The prompt file.
    pub source: String,
    /// When it was created.
    pub created_at: i64,
    /// 1 if it is live, else 0.
    pub live: i64,
    /// Who published it first: an actor of the audit log, or `prompt file`. Empty for versions of
    /// before it was recorded.
    pub author: String,
    /// What its author said of it; empty without a note.
    pub note: String,
}

/// A connected number.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct NumberRow {
    /// The id.
    pub id: String,
    /// The short name in the configuration.
    pub slug: String,
    /// The provider that connects it to WhatsApp.
    pub provider: StoredProvider,
    /// The number's id at the provider.
    pub external_id: String,
    /// The agent that answers on it.
    pub agent_id: String,
    /// Whether it may send.
    #[sqlx(try_from = "LenientWord<NumberState>")]
    pub state: NumberState,
    /// Why it is stopped.
    pub state_reason: Option<String>,
    /// Since when the bot is paused on it.
    pub bot_paused_at: Option<i64>,
    /// 1 if it was added in the console, else 0.
    pub added: i64,
    /// The phone number as the provider formats it.
    pub display: Option<String>,
    /// The name that the provider shows to customers.
    pub verified_name: Option<String>,
    /// When the provider last verified the webhook address.
    pub verified_at: Option<i64>,
    /// When the provider last sent a webhook.
    pub last_webhook_at: Option<i64>,
    /// When a customer last wrote.
    pub last_inbound_at: Option<i64>,
    /// When a message was last sent.
    pub last_sent_at: Option<i64>,
    /// When it was added.
    pub created_at: i64,
}

impl Store {
    /// All agents with their live versions, by name.
    pub async fn agents(&self) -> Result<Vec<AgentRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select a.id, a.slug, v.id as version_id, v.ordinal, v.source, v.created_at as published_at, a.file_hash
                       from agents a join prompt_versions v on v.id = a.live_version_id
                       where a.workspace_id = $1 order by a.slug";
            all!(conn, AgentRow, sql, workspace.as_str())
        })
        .await
    }

    /// One version of an agent, by its number.
    pub async fn version(&self, slug: &str, ordinal: i64) -> Result<Option<VersionRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select v.id, v.ordinal, v.source, v.created_at, v.author, v.note,
                       cast(case when v.id = a.live_version_id then 1 else 0 end as bigint) as live
                       from prompt_versions v join agents a on a.id = v.agent_id
                       where a.workspace_id = $1 and a.slug = $2 and v.ordinal = $3";
            first!(conn, VersionRow, sql, workspace.as_str(), slug, ordinal)
        })
        .await
    }

    /// The number of an agent's newest version with this id, hash or prompt file; `None` if there is
    /// none.
    pub async fn version_number(&self, slug: &str, which: &str) -> Result<Option<i64>> {
        let workspace = self.workspace_id();
        let row = self.read(async |conn| {
            let sql = "select v.ordinal from prompt_versions v join agents a on a.id = v.agent_id
                       where a.workspace_id = $1 and a.slug = $2 and (v.id = $3 or v.hash = $3 or v.source = $3)
                       order by v.ordinal desc limit 1";
            first!(conn, (i64,), sql, workspace.as_str(), slug, which)
        });
        Ok(row.await?.map(|(ordinal,)| ordinal))
    }

    /// Versions of an agent below the number `before`, newest first, at most `limit`.
    pub async fn versions(&self, slug: &str, before: i64, limit: i64) -> Result<Vec<VersionRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select v.id, v.ordinal, v.source, v.created_at, v.author, v.note,
                       cast(case when v.id = a.live_version_id then 1 else 0 end as bigint) as live
                       from prompt_versions v join agents a on a.id = v.agent_id
                       where a.workspace_id = $1 and a.slug = $2 and v.ordinal < $3
                       order by v.ordinal desc limit $4";
            all!(conn, VersionRow, sql, workspace.as_str(), slug, before, limit)
        })
        .await
    }

    /// Publishes a prompt file as the live version of its agent. Does nothing if that content is
    /// already live.
    pub async fn publish(&self, slug: &str, source: &str, hash: &str) -> Result<PublishedVersion> {
        let publish = Publish {
            slug: slug.into(),
            source: source.into(),
            hash: hash.into(),
            author: PROMPT_FILE.into(),
            note: String::new(),
        };
        self.apply(publish).await
    }

    /// Like [`Self::publish`], with the entry's actor as the author and a note of theirs; if anything
    /// changes, adds the audit entry with the version's number in the same transaction. Returns `None`
    /// without a change unless the live version is `over` (`None`: no live version).
    pub async fn publish_noted(
        &self,
        (slug, source, hash): (&str, &str, &str),
        (over, note): (Option<&str>, &str),
        entry: Entry,
    ) -> Result<Option<PublishedVersion>> {
        let publish = Publish {
            slug: slug.into(),
            source: source.into(),
            hash: hash.into(),
            author: one_line(entry.actor(), MAX_TITLE_LEN),
            note: note.to_owned(),
        };
        self.apply(PublishNoted { publish, over: over.map(ToOwned::to_owned), entry }).await
    }

    /// Records which prompt file on disk is published.
    pub async fn note_file(&self, agent: &AgentId, hash: &str) -> Result<()> {
        self.apply(NoteFile { agent: agent.clone(), hash: hash.to_owned() }).await
    }

    /// All numbers that are not removed, by name.
    pub async fn numbers(&self) -> Result<Vec<NumberRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select id, slug, provider, external_id, agent_id, state, state_reason, bot_paused_at,
                     cast(case when settings is null then 0 else 1 end as bigint) as added, display,
                     verified_name, verified_at, last_webhook_at, last_inbound_at, last_sent_at, created_at
                 from numbers where workspace_id = $1 and state <> '{REMOVED}' order by slug"
            );
            all!(conn, NumberRow, sql, workspace.as_str())
        })
        .await
    }

    /// Stores a number of the configuration file.
    pub async fn connect_number(&self, number: ConnectNumber) -> Result<NumberId> {
        self.apply(number).await
    }

    /// Sets a number's state, with the reason.
    pub async fn set_number_state(
        &self,
        id: &NumberId,
        state: NumberState,
        reason: Option<String>,
    ) -> Result<()> {
        self.apply(SetNumberState { id: id.clone(), state, reason }).await
    }
}

/// The result of publishing a prompt file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedVersion {
    /// The agent.
    pub agent: AgentId,
    /// The live version.
    pub version: VersionId,
    /// The version's number, from 1.
    pub ordinal: i64,
    /// Whether anything changed.
    pub changed: bool,
}

/// Finds a workspace by name or creates it.
pub(super) struct EnsureWorkspace {
    pub(super) slug: &'static str,
}

#[async_trait]
impl Write for EnsureWorkspace {
    type Out = WorkspaceId;

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<WorkspaceId> {
        // The id derives from the name, so that two replicas that start at once create one
        // workspace.
        let id = format!("{}_{}", WorkspaceId::PREFIX, self.slug);
        let sql = "insert into workspaces (id, name, created_at) values ($1, $2, $3)
                   on conflict (id) do nothing";
        run!(conn, sql, &id, self.slug, now())?;
        Ok(WorkspaceId::stored(id))
    }
}

struct NoteFile {
    agent: AgentId,
    hash: String,
}

#[async_trait]
impl Write for NoteFile {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update agents set file_hash = $1 where workspace_id = $2 and id = $3";
        run!(conn, sql, &self.hash, workspace.as_str(), self.agent.as_str()).map(|_| ())
    }
}

struct Publish {
    slug: String,
    source: String,
    hash: String,
    author: String,
    note: String,
}

#[async_trait]
impl Write for Publish {
    type Out = PublishedVersion;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<PublishedVersion> {
        let sql = "insert into agents (id, workspace_id, slug, created_at, updated_at)
                   values ($1, $2, $3, $4, $4) on conflict (workspace_id, slug) do nothing";
        let fresh = AgentId::generate();
        run!(conn, sql, fresh.as_str(), workspace.as_str(), &self.slug, now())?;
        let sql = "select id, live_version_id from agents where workspace_id = $1 and slug = $2";
        let (agent, live): (String, Option<String>) =
            first!(conn, (String, Option<String>), sql, workspace.as_str(), &self.slug)?
                .ok_or_else(|| Error::Failed("an agent vanished while it was published".into()))?;
        // A version that goes live again keeps its author and their note.
        let sql = "insert into prompt_versions (id, workspace_id, agent_id, ordinal, hash, source, created_at, author, note)
                   values ($1, $2, $3, (select count(*) + 1 from prompt_versions where agent_id = $3), $4, $5, $6, $7, $8)
                   on conflict (agent_id, hash) do nothing";
        let fresh = VersionId::generate();
        run!(
            conn,
            sql,
            fresh.as_str(),
            workspace.as_str(),
            &agent,
            &self.hash,
            &self.source,
            now(),
            &self.author,
            &self.note
        )?;
        let sql = "select id, ordinal from prompt_versions where agent_id = $1 and hash = $2";
        let (version, ordinal) = first!(conn, (String, i64), sql, &agent, &self.hash)?
            .ok_or_else(|| Error::Failed("a version vanished while it was published".into()))?;
        let changed = live.as_deref() != Some(&version);
        if changed {
            let sql = "update agents set live_version_id = $2, updated_at = $3 where id = $1";
            run!(conn, sql, &agent, &version, now())?;
        }
        let (agent, version) = (AgentId::stored(agent), VersionId::stored(version));
        Ok(PublishedVersion { agent, version, ordinal, changed })
    }
}

struct PublishNoted {
    publish: Publish,
    over: Option<String>,
    entry: Entry,
}

#[async_trait]
impl Write for PublishNoted {
    type Out = Option<PublishedVersion>;

    async fn run(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Option<PublishedVersion>> {
        let sql = "select live_version_id from agents where workspace_id = $1 and slug = $2";
        let live = first!(conn, (Option<String>,), sql, workspace.as_str(), &self.publish.slug)?;
        if live.and_then(|row| row.0) != self.over {
            return Ok(None);
        }
        let published = self.publish.run(workspace, conn).await?;
        if self.over.is_none() {
            // A removed agent that is made again comes from no file.
            let sql = "update agents set file_hash = null where workspace_id = $1 and id = $2";
            run!(conn, sql, workspace.as_str(), published.agent.as_str())?;
        }
        if published.changed {
            let mut entry = self.entry.clone();
            entry.detail["version"] = published.ordinal.into();
            entry.run(workspace, conn).await?;
        }
        Ok(Some(published))
    }
}

struct SetNumberState {
    id: NumberId,
    state: NumberState,
    reason: Option<String>,
}

#[async_trait]
impl Write for SetNumberState {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = formatcp!(
            "update numbers set state = $3, state_reason = $4, updated_at = $5
             where id = $1 and workspace_id = $2 and state <> '{REMOVED}'
                 and (state <> $3 or coalesce(state_reason, '') <> coalesce($4, ''))"
        );
        let (id, reason) = (self.id.as_str(), self.reason.as_deref());
        run!(conn, sql, id, workspace.as_str(), self.state, reason, now()).map(|_| ())
    }
}
