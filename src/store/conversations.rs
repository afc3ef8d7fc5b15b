//! Conversations: who has seen them, taking them over, handing them back.

use async_trait::async_trait;

use super::signal::{self, Signal};
use super::{Conn, Result, Store, Write, cases, inbox, now, run};
use crate::domain::thread::OwnerChange;
use crate::domain::{ConversationId, WorkspaceId};

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

/// Gives a conversation back to the bot; false if there is no such conversation.
pub(super) async fn give_back(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    id: &ConversationId,
) -> Result<bool> {
    let OwnerChange { owner, person_at, forgets_habit } = OwnerChange::given_back();
    let sql = "update conversations set owner = $4, person_at = coalesce($5, person_at),
                   habit = case when $6 = 1 then '' else habit end, unanswered = 0, updated_at = $3
               where id = $1 and workspace_id = $2";
    let (place, forgets) = (id.as_str(), i64::from(forgets_habit));
    let found = run!(conn, sql, place, workspace.as_str(), now(), owner, person_at, forgets)? == 1;
    if found {
        cases::close(conn, id).await?;
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
            signal::tell(conn, workspace, std::iter::once(Signal::Event(self.id.clone()))).await?;
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
