//! Edits and deletions of messages, which are stored as rows of their own: applies them to the
//! message that they name, if it is their author's and in the same conversation. What an edited
//! message said first is kept, what a deleted one said is not. `domain::change` decides what a
//! message becomes.

use const_format::formatcp;
use sqlx::FromRow;

use super::deletion::{DeletedMessage, DeletionEffects};
use crate::domain::{
    Author, Content, ConversationId, CurrentContent, Direction, MessageId, MessageKind,
    MessageState, NoteCode, NumberId, TurnId, WorkspaceId,
};
use crate::store::words::author::BOT;
use crate::store::words::message_state::{STORED, WAITING};
use crate::store::{Conn, LenientWord, Result, all, files, first, now, run, storable, to_json};

/// The note on a message and on its edit that made an opt-out of it.
const OPTED_OUT: &str = NoteCode::OptedOut.text();
/// How far apart the messages of one answer are written at most, in milliseconds.
const ONE_ANSWER_MS: i64 = 1000;

/// What changes of a message mean for its conversation.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an effect of its own")]
pub(in crate::store) struct ChangeEffects {
    /// Whether the message says something else and waited for its turn, which may run by now.
    pub(in crate::store) waited: bool,
    /// Whether it waits all the same: it was not deleted, nor made an opt-out.
    pub(in crate::store) still_waits: bool,
    /// Whether any message waits in the conversation; only known if this one `waited`.
    pub(in crate::store) any_waits: bool,
    /// Whether its author deleted it: a turn that runs may have read it as history.
    pub(in crate::store) is_deleted: bool,
    /// Set if the customer deleted it.
    pub(in crate::store) deletion: Option<DeletionEffects>,
}

/// A message that is to be changed.
#[derive(FromRow)]
struct TargetRow {
    id: MessageId,
    conversation_id: ConversationId,
    direction: Direction,
    #[sqlx(try_from = "LenientWord<Author>")]
    author: Option<Author>,
    turn_id: Option<TurnId>,
    #[sqlx(try_from = "LenientWord<MessageState>")]
    state: Option<MessageState>,
    note: Option<String>,
    content: String,
    transcript: Option<String>,
    original: Option<String>,
    sent_at: i64,
    created_at: i64,
    edited_at: Option<i64>,
    deleted_at: Option<i64>,
}

const TARGET: &str =
    "select id, conversation_id, direction, author, turn_id, state, note, content, transcript,
        original, sent_at, created_at, edited_at, deleted_at
    from messages where number_id = $1 and provider_id = $2 and changes is null";

/// An edit or a deletion that is not applied yet.
#[derive(FromRow)]
struct ChangeRow {
    id: MessageId,
    direction: Direction,
    content: String,
    note: Option<String>,
    sent_at: i64,
}

/// Changes that are not applied. `+ 0`, because SQLite would walk the whole thread to have the order
/// of its index.
const PENDING: &str = "select id, direction, content, note, sent_at from messages
    where number_id = $1 and changes = $2 and conversation_id = $3 and changed_id is null
    order by sent_at + 0, created_at, id";

/// Applies all stored changes of the message with this provider's id that its author made. The
/// customer changes what came in. What went out is the business's own, whoever wrote it: WhatsApp
/// lets nobody else change it. `None` if none can be applied: the message has not come, or the
/// changes are of others or not readable.
pub(in crate::store) async fn apply_changes(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (number, provider_id): (&NumberId, &str),
) -> Result<Option<ChangeEffects>> {
    let named = storable(provider_id);
    let Some(target) = first!(conn, TargetRow, TARGET, number.as_str(), &*named)? else {
        return Ok(None);
    };
    let conversation = target.conversation_id.as_str();
    let pending = all!(conn, ChangeRow, PENDING, number.as_str(), &*named, conversation)?;
    let mut current = target.current();
    let (mut is_applied, mut opts_out) = (false, false);
    for ChangeRow { id, direction, content, note, sent_at } in pending {
        let applied =
            direction == target.direction && current.apply(&Content::stored(&content), sent_at);
        is_applied |= applied;
        opts_out |= applied && note.as_deref() == Some(OPTED_OUT);
        // A later version may read the message, and then its edits hold.
        let is_final = direction != target.direction || !current.content.is_unreadable();
        if !applied && !is_final {
            continue;
        }
        // What can never be applied names itself, so that it is not read again.
        let changed = if applied { &target.id } else { &id };
        let sql = "update messages set changed_id = $2 where id = $1";
        run!(conn, sql, id.as_str(), changed.as_str())?;
    }
    if !is_applied {
        return Ok(None);
    }
    if current.deleted_at.is_some() {
        target.blank_edits(conn, (number, &named)).await?;
    }
    if current == target.current() {
        return Ok(Some(ChangeEffects::default()));
    }
    target.become_current(conn, &current, opts_out).await?;
    let waited = target.state == Some(MessageState::Waiting);
    Ok(Some(ChangeEffects {
        waited,
        still_waits: waited && current.deleted_at.is_none() && !opts_out,
        any_waits: waited && any_waits(conn, &target.conversation_id).await?,
        is_deleted: current.deleted_at.is_some() && target.deleted_at.is_none(),
        deletion: target.forget_if_deleted(conn, workspace, &current).await?,
    }))
}

async fn any_waits(conn: &mut Conn<'_>, conversation: &ConversationId) -> Result<bool> {
    let sql = formatcp!(
        "select id from messages where conversation_id = $1 and state = '{WAITING}' limit 1"
    );
    Ok(first!(conn, (MessageId,), sql, conversation.as_str())?.is_some())
}

impl TargetRow {
    fn current(&self) -> CurrentContent {
        let content = Content::stored(&self.content);
        CurrentContent { content, edited_at: self.edited_at, deleted_at: self.deleted_at }
    }

    async fn become_current(
        &self,
        conn: &mut Conn<'_>,
        current: &CurrentContent,
        opts_out: bool,
    ) -> Result<()> {
        let CurrentContent { content, edited_at, deleted_at } = current;
        let sql = formatcp!(
            "update messages set kind = $2, content = $3, body = $4, edited_at = $5, deleted_at = $6, updated_at = $7,
                 original = case when $8 = 1 then null else coalesce(original, content) end,
                 transcript = case when $8 = 1 then null else transcript end,
                 heard = case when $8 = 1 then null else heard end,
                 note = case when $9 = 1 and state = '{WAITING}' then $10 else note end,
                 state = case when ($8 = 1 or $9 = 1) and state = '{WAITING}' then '{STORED}' else state end
             where id = $1"
        );
        run!(
            conn,
            sql,
            self.id.as_str(),
            content.kind(),
            to_json(content)?,
            content.words().map(storable),
            *edited_at,
            *deleted_at,
            now(),
            i64::from(deleted_at.is_some()),
            i64::from(opts_out),
            OPTED_OUT
        )?;
        match &self.turn_id {
            Some(turn) if self.author == Some(Author::Bot) => self.uncite(conn, turn).await,
            _ => Ok(()),
        }
    }

    /// The first message of an answer has the words of all of them, with their marks, for later
    /// turns. Now each has its own.
    async fn uncite(&self, conn: &mut Conn<'_>, turn: &TurnId) -> Result<()> {
        let (from, to) = (self.sent_at - ONE_ANSWER_MS, self.sent_at + ONE_ANSWER_MS);
        let sql = formatcp!(
            "select id, content from messages where conversation_id = $1 and sent_at between $2 and $3
                 and turn_id = $4 and author || '' = '{BOT}'"
        );
        let conversation = self.conversation_id.as_str();
        let parts = all!(conn, (MessageId, String), sql, conversation, from, to, turn.as_str())?;
        for (id, content) in parts {
            let plain = to_json(&Content::stored(&content))?;
            run!(conn, "update messages set content = $2 where id = $1", id.as_str(), plain)?;
        }
        Ok(())
    }

    /// Takes the words from the edits of a deleted message.
    async fn blank_edits(
        &self,
        conn: &mut Conn<'_>,
        (number, named): (&NumberId, &str),
    ) -> Result<()> {
        let sql = formatcp!(
            "update messages set content = $5 where number_id = $1 and changes = $2 and conversation_id = $3
                 and direction = $4 and kind = '{edited}' and content <> $5",
            edited = MessageKind::Edited.as_str()
        );
        let blank = to_json(&Content::Edited { original: named.to_owned(), content: None })?;
        let conversation = self.conversation_id.as_str();
        run!(conn, sql, number.as_str(), named, conversation, self.direction, blank).map(drop)
    }

    async fn forget_if_deleted(
        &self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        current: &CurrentContent,
    ) -> Result<Option<DeletionEffects>> {
        if current.deleted_at.is_none() || self.deleted_at.is_some() {
            return Ok(None);
        }
        files::withdraw(conn, workspace, &self.id).await?;
        if self.direction == Direction::Out {
            return Ok(None);
        }
        let deleted = DeletedMessage {
            conversation: &self.conversation_id,
            created_at: self.created_at,
            turn: self.turn_id.as_ref(),
            is_imported: self.note.as_deref() == Some(NoteCode::Imported.text()),
            said: self.said(),
        };
        deleted.forget(conn).await.map(Some)
    }

    /// All that it said, before and after its edits.
    fn said(&self) -> Vec<String> {
        let contents = [Some(&self.content), self.original.as_ref()].into_iter().flatten();
        let words = contents.filter_map(|text| Content::stored(text).words().map(str::to_owned));
        words.chain(self.transcript.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::store::{Settings, Store};

    #[tokio::test]
    async fn sqlite_looks_changes_up_and_walks_no_thread() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("desk.db");
        let settings = Settings { url: String::new().into(), path, connections: 1, wait_ms: 1000 };
        let store = Store::open(&settings).await.unwrap();
        let plan = async |sql: &str, index: &str| {
            let sql = AssertSqlSafe(format!("explain query plan {sql}"));
            let read =
                store.read(async |conn| all!(conn, (i64, i64, i64, String), sql, "x", "x", "x"));
            let steps: Vec<_> = read.await.unwrap().into_iter().map(|step| step.3).collect();
            assert!(steps[0].contains(index), "{steps:?}");
        };
        plan(
            PENDING,
            "messages_changes (number_id=? AND changes=? AND conversation_id=? AND changed_id=?)",
        )
        .await;
    }
}
