//! Edits and deletions of messages, which are stored as rows of their own: applies them to the
//! message that they name, if it is their author's and in the same conversation. The first words
//! are kept. `domain::change` decides what a message becomes.

use sqlx::FromRow;

use crate::domain::{
    Author, Content, ConversationId, CurrentContent, MessageId, MessageState, NumberId, WorkspaceId,
};
use crate::store::{Conn, LenientWord, Result, all, files, first, now, run, storable, to_json};

/// What changes of a message mean for its conversation.
pub(in crate::store) struct ChangeEffects {
    /// Whether the message says something else and waited for its turn, which may run by now.
    pub(in crate::store) waited: bool,
    /// Whether a message still waits in the conversation; only known if this one `waited`.
    pub(in crate::store) waits: bool,
}

/// A message that is to be changed.
#[derive(FromRow)]
struct TargetRow {
    id: MessageId,
    conversation_id: ConversationId,
    #[sqlx(try_from = "LenientWord<Author>")]
    author: Option<Author>,
    #[sqlx(try_from = "LenientWord<MessageState>")]
    state: Option<MessageState>,
    content: String,
    edited_at: Option<i64>,
    deleted_at: Option<i64>,
}

/// An edit or a deletion that is not applied yet.
#[derive(FromRow)]
struct ChangeRow {
    id: MessageId,
    content: String,
    sent_at: i64,
}

/// Applies all stored changes of the message with this provider's id that its author made. `None`
/// if none can be applied: the message has not come, or there are only other people's.
pub(in crate::store) async fn apply_changes(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (number, provider_id): (&NumberId, &str),
) -> Result<Option<ChangeEffects>> {
    let named = storable(provider_id);
    let sql =
        "select id, conversation_id, author, state, content, edited_at, deleted_at from messages
               where number_id = $1 and provider_id = $2 and changes is null";
    let Some(target) = first!(conn, TargetRow, sql, number.as_str(), &*named)? else {
        return Ok(None);
    };
    let Some(author) = target.author else { return Ok(None) };
    let sql = "select id, content, sent_at from messages where number_id = $1 and changes = $2
                   and conversation_id = $3 and author = $4 and changed_id is null
               order by sent_at, created_at, id";
    let conversation = target.conversation_id.as_str();
    let changes = all!(conn, ChangeRow, sql, number.as_str(), &*named, conversation, author)?;
    let mut current = target.current();
    let mut applied = Vec::new();
    for ChangeRow { id, content, sent_at } in changes {
        if current.apply(&Content::stored(&content), sent_at) {
            applied.push(id);
        }
    }
    if applied.is_empty() {
        return Ok(None);
    }
    let altered = current != target.current();
    if altered {
        target.become_current(conn, workspace, &current).await?;
    }
    for change in applied {
        let sql = "update messages set changed_id = $2 where id = $1";
        run!(conn, sql, change.as_str(), target.id.as_str())?;
    }
    let waited = altered && target.state == Some(MessageState::Waiting);
    let waits = waited && target.is_one_waiting(conn).await?;
    Ok(Some(ChangeEffects { waited, waits }))
}

impl TargetRow {
    fn current(&self) -> CurrentContent {
        let content = Content::stored(&self.content);
        CurrentContent { content, edited_at: self.edited_at, deleted_at: self.deleted_at }
    }

    async fn become_current(
        &self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        current: &CurrentContent,
    ) -> Result<()> {
        let CurrentContent { content, edited_at, deleted_at } = current;
        let deleted = deleted_at.is_some();
        let sql = "update messages set kind = $2, content = $3, body = $4, original = coalesce(original, content),
                       edited_at = $5, deleted_at = $6, updated_at = $7,
                       transcript = case when $8 = 1 then null else transcript end,
                       heard = case when $8 = 1 then null else heard end,
                       state = case when $8 = 1 and state = $9 then $10 else state end
                   where id = $1";
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
            i64::from(deleted),
            MessageState::Waiting,
            MessageState::Stored
        )?;
        if deleted { files::withdraw(conn, workspace, &self.id).await } else { Ok(()) }
    }

    async fn is_one_waiting(&self, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "select id from messages where conversation_id = $1 and state = $2 limit 1";
        let conversation = self.conversation_id.as_str();
        Ok(first!(conn, (MessageId,), sql, conversation, MessageState::Waiting)?.is_some())
    }
}
