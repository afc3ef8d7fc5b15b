//! Pausing the bot on a number: what customers write is stored and left to people, and nothing that the
//! bot says is sent.

use async_trait::async_trait;
use const_format::formatcp;

use super::cases::Case;
use super::number_health::paused;
use super::signal::{self, Signal};
use super::turns::Claim;
use super::words::message_state::WAITING;
use super::words::number_state::REMOVED;
use super::{Conn, Result, Store, Write, all, first, messages, now, revised, run};
use crate::domain::{ConversationId, MessageReason, NoteCode, NumberId, WorkspaceId};

impl Store {
    /// Pauses the bot on a number, or lets it answer again. A message that waits for the bot is left
    /// to people, with a case. Returns their conversations; `None` if there is no such number.
    pub async fn pause_bot(
        &self,
        id: &NumberId,
        paused: bool,
    ) -> Result<Option<Vec<ConversationId>>> {
        self.apply(PauseBot { id: id.clone(), paused }).await
    }

    /// The ids of the numbers on which the bot is paused.
    pub async fn paused_numbers(&self) -> Result<Vec<String>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql =
                "select id from numbers where workspace_id = $1 and bot_paused_at is not null";
            let rows = all!(conn, (String,), sql, workspace.as_str())?;
            Ok(rows.into_iter().map(|row| row.0).collect())
        })
        .await
    }

    /// Leaves the waiting messages of a claimed conversation to people, because the bot is paused on its
    /// number. False if the bot is not paused, or the claim has lost its lease.
    pub async fn leave_to_people(&self, claim: &Claim) -> Result<bool> {
        self.apply(LeaveToPeople(claim.clone())).await
    }
}

struct PauseBot {
    id: NumberId,
    paused: bool,
}

#[async_trait]
impl Write for PauseBot {
    type Out = Option<Vec<ConversationId>>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let since = self.paused.then(now);
        let sql = formatcp!(
            "update numbers set updated_at = $4,
                 bot_paused_at = case when cast($3 as bigint) is null then null else coalesce(bot_paused_at, $3) end
             where workspace_id = $1 and id = $2 and state <> '{REMOVED}'"
        );
        let (space, id) = (workspace.as_str(), self.id.as_str());
        if run!(conn, sql, space, id, since, now())? == 0 {
            return Ok(None);
        }
        let mut left = Vec::new();
        if self.paused {
            // In the order in which each batch locks its own.
            macro_rules! find {
                ($lock:literal) => {
                    concat!(
                        "select id from conversations
                         where workspace_id = $1 and number_id = $2 and due_at is not null order by id",
                        $lock
                    )
                };
            }
            let sql = conn.sql_for(find!(""), find!(" for update"));
            let waiting = all!(conn, (ConversationId,), sql, space, id)?;
            for (conversation,) in &waiting {
                leave(conn, workspace, conversation).await?;
            }
            let told = waiting.iter().map(|(conversation,)| Signal::Event(conversation.clone()));
            signal::notify_replicas(conn, workspace, told).await?;
            left.extend(waiting.into_iter().map(|row| row.0));
        }
        Ok(Some(left))
    }
}

struct LeaveToPeople(Claim);

#[async_trait]
impl Write for LeaveToPeople {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let Self(claim) = self;
        // The process that asks may not know yet that the bot answers again.
        let sql = formatcp!(
            "update conversations set lease_until = 0 where id = $1 and lease_token = $2 and {paused}",
            paused = paused!("conversations.number_id")
        );
        if run!(conn, sql, &claim.id, claim.lease_token)? == 0 {
            return Ok(false);
        }
        leave(conn, workspace, &claim.conversation()).await?;
        Ok(true)
    }
}

/// Leaves the waiting messages of a conversation to people, and ends its turn.
async fn leave(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    conversation: &ConversationId,
) -> Result<()> {
    let sql = formatcp!(
        "select coalesce(transcript, body, '') from messages
         where conversation_id = $1 and state = '{WAITING}' order by sent_at desc, created_at desc limit 1"
    );
    let waits = first!(conn, (String,), sql, conversation.as_str())?;
    messages::void(conn, conversation, NoteCode::BotPaused.text()).await?;
    let sql = formatcp!(
        "update conversations set due_at = null, waiting_since = null, quiet_at = null, edited_turns = 0,
             lease_until = 0, lease_token = lease_token + 1, attempts = 0, {revised} where id = $1",
        revised = revised!("$2")
    );
    run!(conn, sql, conversation.as_str(), now())?;
    let Some((question,)) = waits else { return Ok(()) };
    let reason = MessageReason::BotPaused {}.into();
    let case = Case { conversation, turn: None, reason: &reason, question: &question };
    case.open(conn, workspace, false).await
}
