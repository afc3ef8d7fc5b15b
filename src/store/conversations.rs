//! Conversations: who has seen them, taking them over, handing them back.

use async_trait::async_trait;
use const_format::formatcp;

use super::signal::{self, Signal};
use super::words::author::BOT;
use super::words::message_state::{FAILED, QUEUED, STORED, WAITING};
use super::{Conn, Result, Store, Write, inbox, now, run};
use crate::domain::{ConversationId, MessageState, Owner, WorkspaceId};

impl Store {
    /// A person has looked at a conversation: none if there is no such conversation, true if something in it was unread.
    pub async fn see(&self, id: &ConversationId) -> Result<Option<bool>> {
        self.apply(See { id: id.clone() }).await
    }

    /// A person takes a conversation: nothing waits for the bot any more, and nothing of the bot's leaves. False if there is no
    /// such conversation.
    pub async fn take_over(&self, id: &ConversationId) -> Result<bool> {
        self.apply(Take { id: id.clone() }).await
    }

    /// Gives the conversation back to the bot and closes its open cases; false if there is no such conversation.
    /// What the customer wrote meanwhile stays unanswered: a person has dealt with it.
    pub async fn resolve(&self, id: &ConversationId) -> Result<bool> {
        self.apply(Resolve { id: id.clone() }).await
    }
}

/// Empties a conversation's queue: what waits for the bot is stored, what the bot has said and not sent yet must not
/// leave any more. Whoever calls this ends the lease, too.
pub(super) async fn void(conn: &mut Conn<'_>, id: &ConversationId, why: &str) -> Result<()> {
    let sql = formatcp!(
        "update messages set state = '{STORED}', note = $3, updated_at = $2 where conversation_id = $1 and state = '{WAITING}'"
    );
    run!(conn, sql, id.as_str(), now(), why)?;
    let sql = formatcp!(
        "update messages set state = '{FAILED}', state_rank = {rank}, due_at = null, note = $3, updated_at = $2
         where conversation_id = $1 and state = '{QUEUED}' and author = '{BOT}'",
        rank = MessageState::Failed.rank()
    );
    run!(conn, sql, id.as_str(), now(), why).map(|_| ())
}

/// Gives a conversation back to the bot; false if there is no such conversation.
pub(super) async fn give_back(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    id: &ConversationId,
) -> Result<bool> {
    let sql = "update conversations set owner = $4, habit = '', unanswered = 0, updated_at = $3
               where id = $1 and workspace_id = $2";
    let found = run!(conn, sql, id.as_str(), workspace.as_str(), now(), Owner::Bot)? == 1;
    if found {
        super::escalations::close(conn, id).await?;
        signal::tell(conn, workspace, std::iter::once(Signal::Changed(id.clone()))).await?;
    }
    Ok(found)
}

struct See {
    id: ConversationId,
}

#[async_trait]
impl Write for See {
    type Out = Option<bool>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Option<bool>> {
        let (id, workspace_id) = (self.id.as_str(), workspace.as_str());
        let sql = "update conversations set unread = 0, seen_at = $3
                   where id = $1 and workspace_id = $2 and unread > 0";
        if run!(conn, sql, id, workspace_id, now())? == 1 {
            signal::tell(conn, workspace, std::iter::once(Signal::Changed(self.id.clone())))
                .await?;
            return Ok(Some(true));
        }
        let sql = "update conversations set seen_at = $3 where id = $1 and workspace_id = $2";
        Ok((run!(conn, sql, id, workspace_id, now())? == 1).then_some(false))
    }
}

struct Take {
    id: ConversationId,
}

#[async_trait]
impl Write for Take {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let taken = inbox::take_over(conn, workspace, (&self.id, false)).await?;
        if taken {
            signal::tell(conn, workspace, std::iter::once(Signal::Stirred(self.id.clone())))
                .await?;
        }
        Ok(taken)
    }
}

struct Resolve {
    id: ConversationId,
}

#[async_trait]
impl Write for Resolve {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        give_back(conn, workspace, &self.id).await
    }
}
