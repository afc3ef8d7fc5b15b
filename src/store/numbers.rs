//! Numbers of the console: adding, changing and removing them. Their settings are encrypted before
//! they come here.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::audit::Entry;
use super::files;
use super::identities::has_opted_out;
use super::words::number_state::READY;
use super::{Conn, Result, Store, Write, all, first, now, revised, run, warnings};
use crate::domain::{
    AgentId, MessageState, NoteCode, NumberId, NumberState, Party, ProviderKind, StoredProvider,
    WorkspaceId,
};

/// A number that was added in the console.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AddedRow {
    /// The id.
    pub id: String,
    /// The name in the database.
    pub slug: String,
    /// The provider that connects it to WhatsApp.
    pub provider: StoredProvider,
    /// The number's id at the provider.
    pub external_id: String,
    /// The agent that answers on it.
    pub agent_id: String,
    /// The settings, encrypted.
    pub settings: String,
    /// Grows with every change.
    pub revision: i64,
}

/// A number's row in short form.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct KnownRow {
    /// The id.
    pub id: String,
    /// The name in the database.
    pub slug: String,
    /// 1 if it was added in the console, else 0.
    pub added: i64,
}

/// A number as the provider describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberProfile {
    /// The phone number.
    pub display: Option<String>,
    /// The verified name that customers see.
    pub verified_name: Option<String>,
}

/// A number to add, or new settings for one.
#[derive(Debug, Clone)]
pub struct NumberSetup {
    /// The id: a new one, or that of an existing row of the same WhatsApp number, to continue its
    /// conversations.
    pub id: NumberId,
    /// The name. Not changed when an existing number is changed.
    pub slug: String,
    /// The provider that connects it to WhatsApp.
    pub provider: ProviderKind,
    /// The number's id at the provider.
    pub external_id: String,
    /// The agent that answers on it.
    pub agent: AgentId,
    /// The settings, encrypted.
    pub settings: String,
    /// The provider's description; empty if it was not requested.
    pub known: NumberProfile,
    /// Hash of its verify token. The provider may already have verified a draft with it.
    pub token: String,
    /// The ids of the numbers of the configuration file.
    pub of_file: Vec<String>,
    /// The audit entry.
    pub entry: Entry,
}

/// Why a number cannot be added or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberConflict {
    /// Another number has the name.
    Slug,
    /// The WhatsApp number is already connected.
    Number,
    /// It was removed meanwhile.
    Gone,
}

impl Store {
    /// All numbers that were added in the console.
    pub async fn added_numbers(&self) -> Result<Vec<AddedRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql =
                "select id, slug, provider, external_id, agent_id, settings, revision from numbers
                       where workspace_id = $1 and settings is not null order by created_at, id";
            all!(conn, AddedRow, sql, workspace.as_str())
        })
        .await
    }

    /// The rows of a WhatsApp number, those added in the console first.
    pub async fn known_numbers(
        &self,
        provider: ProviderKind,
        external: &str,
    ) -> Result<Vec<KnownRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, slug, cast(case when settings is null then 0 else 1 end as bigint) as added from numbers
                       where workspace_id = $1 and provider = $2 and external_id = $3
                       order by added desc, updated_at desc";
            all!(conn, KnownRow, sql, workspace.as_str(), provider, external)
        })
        .await
    }

    /// Adds a number, with an audit entry. Fails if its name or WhatsApp number is taken.
    pub async fn add_number(
        &self,
        added: NumberSetup,
    ) -> Result<std::result::Result<(), NumberConflict>> {
        self.apply(Add(added)).await
    }

    /// Changes a number that was added in the console, with an audit entry. Fails if its WhatsApp
    /// number is taken or it was removed.
    pub async fn change_number(
        &self,
        added: NumberSetup,
    ) -> Result<std::result::Result<(), NumberConflict>> {
        self.apply(Change(added)).await
    }

    /// Removes a number that was added in the console. Its secrets are deleted; its conversations
    /// stay but are no longer answered. False if it does not exist.
    pub async fn remove_number(&self, id: &NumberId, entry: Entry) -> Result<bool> {
        self.apply(Remove { id: id.clone(), entry }).await
    }

    /// Whether the person with this phone (digits only) opted out.
    pub async fn opted_out(&self, wa_id: &str) -> Result<bool> {
        let workspace = self.workspace_id();
        let to = Party { wa_id: Some(wa_id.to_owned()), ..Party::default() };
        self.read(async |conn| has_opted_out(conn, workspace, &to).await).await
    }
}

impl NumberSetup {
    /// Whether another connected number has the same name or WhatsApp number.
    async fn taken(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Option<NumberConflict>> {
        let sql = "select id, slug, cast(case when settings is null then 0 else 1 end as bigint) as added from numbers
                   where workspace_id = $1 and id <> $2 and (slug = $3 or (provider = $4 and external_id = $5))";
        let others = all!(
            conn,
            KnownRow,
            sql,
            workspace.as_str(),
            self.id.as_str(),
            &self.slug,
            self.provider,
            &self.external_id
        )?;
        let connected = |row: &&KnownRow| row.added == 1 || self.of_file.contains(&row.id);
        let mut taken = others.iter().filter(connected).map(|row| {
            if row.slug == self.slug { NumberConflict::Slug } else { NumberConflict::Number }
        });
        Ok(taken.next())
    }

    /// When the provider verified the draft with the same verify token.
    async fn verified(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Option<i64>> {
        let sql =
            "select verified_at from number_drafts where workspace_id = $1 and token_hash = $2";
        let draft = first!(conn, (Option<i64>,), sql, workspace.as_str(), &self.token)?;
        Ok(draft.and_then(|row| row.0))
    }
}

struct Add(NumberSetup);

#[async_trait]
impl Write for Add {
    type Out = std::result::Result<(), NumberConflict>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let Self(added) = self;
        if let Some(taken) = added.taken(workspace, conn).await? {
            return Ok(Err(taken));
        }
        free_slug(workspace, conn, (&added.slug, added.id.as_str())).await?;
        void_pending(workspace, conn, added.id.as_str()).await?;
        warnings::forget(conn, added.id.as_str()).await?;
        let verified = added.verified(workspace, conn).await?;
        let sql = formatcp!(
            "insert into numbers (id, workspace_id, slug, provider, external_id, agent_id, state, settings, revision,
                 display, verified_name, verified_at, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, '{READY}', $7, 1, $8, $9, $10, $11, $11)
             on conflict (id) do update set slug = excluded.slug, agent_id = excluded.agent_id, state = excluded.state,
                 state_reason = null, settings = excluded.settings, revision = numbers.revision + 1,
                 display = excluded.display, verified_name = excluded.verified_name,
                 verified_at = excluded.verified_at, last_webhook_at = null, updated_at = excluded.updated_at"
        );
        run!(
            conn,
            sql,
            added.id.as_str(),
            workspace.as_str(),
            &added.slug,
            added.provider,
            &added.external_id,
            added.agent.as_str(),
            &added.settings,
            added.known.display.as_deref(),
            added.known.verified_name.as_deref(),
            verified,
            now()
        )?;
        added.entry.run(workspace, conn).await?;
        Ok(Ok(()))
    }
}

/// Renames other rows with this name to `name~id`, to free the name. The suffix is not displayed.
pub(super) async fn free_slug(
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
    (slug, but): (&str, &str),
) -> Result<()> {
    let sql = "update numbers set slug = slug || '~' || id
               where workspace_id = $1 and slug = $2 and id <> $3";
    run!(conn, sql, workspace.as_str(), slug, but).map(|_| ())
}

/// The name for display, without the suffix `~id` of a row that lost its name.
pub fn shown_slug<'a>(slug: &'a str, id: &str) -> &'a str {
    slug.strip_suffix(id).and_then(|rest| rest.strip_suffix('~')).unwrap_or(slug)
}

struct Change(NumberSetup);

#[async_trait]
impl Write for Change {
    type Out = std::result::Result<(), NumberConflict>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let Self(added) = self;
        if let Some(NumberConflict::Number) = added.taken(workspace, conn).await? {
            return Ok(Err(NumberConflict::Number));
        }
        let place = (added.id.as_str(), added.external_id.as_str());
        warnings::forget_former(conn, workspace, place).await?;
        let verified = added.verified(workspace, conn).await?;
        let sql = formatcp!(
            "update numbers set external_id = $3, agent_id = $4, settings = $5, revision = revision + 1,
                 display = coalesce($6, display), verified_name = coalesce($7, verified_name),
                 verified_at = coalesce($8, verified_at), state = '{READY}', state_reason = null, updated_at = $9
             where workspace_id = $1 and id = $2 and settings is not null"
        );
        let changed = run!(
            conn,
            sql,
            workspace.as_str(),
            added.id.as_str(),
            &added.external_id,
            added.agent.as_str(),
            &added.settings,
            added.known.display.as_deref(),
            added.known.verified_name.as_deref(),
            verified,
            now()
        )?;
        if changed == 0 {
            return Ok(Err(NumberConflict::Gone));
        }
        files::forget_uploads(conn, added.id.as_str()).await?;
        added.entry.run(workspace, conn).await?;
        Ok(Ok(()))
    }
}

struct Remove {
    id: NumberId,
    entry: Entry,
}

#[async_trait]
impl Write for Remove {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let id = self.id.as_str();
        let sql = "update numbers set state = $4, state_reason = null, settings = null, revision = revision + 1,
                       bot_paused_at = null, updated_at = $3
                   where workspace_id = $1 and id = $2 and settings is not null";
        if run!(conn, sql, workspace.as_str(), id, now(), NumberState::Removed)? == 0 {
            return Ok(false);
        }
        void_pending(workspace, conn, id).await?;
        files::forget_uploads(conn, id).await?;
        warnings::forget(conn, id).await?;
        self.entry.run(workspace, conn).await?;
        Ok(true)
    }
}

/// Voids what waits on a removed number, so that nothing old is answered or sent when it is added
/// again.
async fn void_pending(workspace: &WorkspaceId, conn: &mut Conn<'_>, number: &str) -> Result<()> {
    let sql = formatcp!(
        "update messages set state = '{failed}', state_rank = {rank}, due_at = null, updated_at = $3,
             note = '{note}'
         where workspace_id = $1 and number_id = $2 and state = '{queued}'",
        failed = MessageState::Failed.as_str(),
        rank = MessageState::Failed.rank(),
        note = NoteCode::NumberRemoved.text(),
        queued = MessageState::Queued.as_str()
    );
    run!(conn, sql, workspace.as_str(), number, now())?;
    let sql = formatcp!(
        "update messages set state = '{stored}', updated_at = $3
         where workspace_id = $1 and number_id = $2 and state = '{waiting}'",
        stored = MessageState::Stored.as_str(),
        waiting = MessageState::Waiting.as_str()
    );
    run!(conn, sql, workspace.as_str(), number, now())?;
    let sql = formatcp!(
        "update conversations set due_at = null, waiting_since = null, quiet_at = null, {revised}
         where workspace_id = $1 and number_id = $2 and due_at is not null",
        revised = revised!("$3")
    );
    run!(conn, sql, workspace.as_str(), number, now()).map(|_| ())
}
