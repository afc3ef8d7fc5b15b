//! What it means for the inbox that a customer deleted a message: it is not unread any more, nobody
//! has to answer it, and no open case quotes it.

use const_format::formatcp;
use sqlx::FromRow;

use crate::domain::{Author, ConversationId, MessageState, NoteCode, TurnId};
use crate::store::words::author::{BOT, CUSTOMER, PERSON};
use crate::store::words::escalation_state::OPEN;
use crate::store::words::message_state::{FAILED, STORED};
use crate::store::{Conn, LenientWord, Result, all, first, run, storable};

/// How many of the newest messages are looked at for one that is not answered.
const NEWEST: usize = 50;

/// What the deletion changes in the counts of the conversation.
pub(in crate::store) struct DeletionEffects {
    /// Whether the message was counted as unread.
    pub(in crate::store) unread: bool,
    /// Whether nothing is left that nobody has answered.
    pub(in crate::store) all_answered: bool,
}

/// A message that its customer deleted.
pub(super) struct DeletedMessage<'a> {
    pub(super) conversation: &'a ConversationId,
    pub(super) created_at: i64,
    pub(super) is_imported: bool,
    /// The turn that answered it.
    pub(super) turn: Option<&'a TurnId>,
    /// All that it said.
    pub(super) said: Vec<String>,
}

/// A message that is not deleted.
#[derive(FromRow)]
struct LeftRow {
    #[sqlx(try_from = "LenientWord<Author>")]
    author: Option<Author>,
    #[sqlx(try_from = "LenientWord<MessageState>")]
    state: Option<MessageState>,
    /// 1 if a case is open because of it.
    has_case: i64,
}

impl DeletedMessage<'_> {
    /// Forgets it, once its row says that it is deleted.
    pub(super) async fn forget(&self, conn: &mut Conn<'_>) -> Result<DeletionEffects> {
        let conversation = self.conversation.as_str();
        for words in &self.said {
            let sql = formatcp!(
                "update escalations set question = '' where conversation_id = $1 and state = '{OPEN}' and question = $2"
            );
            run!(conn, sql, conversation, storable(words))?;
        }
        // The case of a burst has the words of all its messages, and of what they show.
        if let Some(turn) = self.turn {
            let sql = formatcp!(
                "update escalations set question = '' where conversation_id = $1 and state = '{OPEN}' and turn_id = $2"
            );
            run!(conn, sql, conversation, turn.as_str())?;
        }
        let sql = "select coalesce(seen_at, 0) from conversations where id = $1";
        let seen_at = first!(conn, (i64,), sql, conversation)?.map_or(0, |row| row.0);
        let sql = formatcp!(
            "select m.author, m.state, cast(case when exists (select 1 from escalations e
                 where e.conversation_id = m.conversation_id and e.state = '{OPEN}' and (e.turn_id = m.turn_id
                     or (e.turn_id is null and m.state = '{STORED}'))) then 1 else 0 end as bigint) as has_case
             from messages m where m.conversation_id = $1 and m.deleted_at is null and m.changes is null
                 and m.author || '' in ('{CUSTOMER}', '{BOT}', '{PERSON}') and m.state <> '{FAILED}'
                 and coalesce(m.note, '') <> '{imported}'
             order by m.sent_at desc, m.created_at desc, m.part desc limit {NEWEST}",
            imported = NoteCode::Imported.text()
        );
        let left = all!(conn, LeftRow, sql, conversation)?;
        Ok(DeletionEffects {
            unread: !self.is_imported && self.created_at > seen_at,
            all_answered: !is_any_unanswered(&left),
        })
    }
}

/// Whether a message of the customer is left, newest first, that nobody has answered.
fn is_any_unanswered(newest: &[LeftRow]) -> bool {
    let mut by_bot = false;
    for LeftRow { author, state, has_case } in newest {
        match author {
            Some(Author::Person) => return false,
            Some(Author::Bot) => by_bot = true,
            _ if *has_case == 1 => return true,
            _ if !by_bot && *state != Some(MessageState::Answered) => return true,
            _ => {}
        }
    }
    newest.len() == NEWEST
}
