//! Conversations: marking as seen, taking over, giving back to the bot.

use async_trait::async_trait;
use const_format::formatcp;

use super::outbox::ToSend;
use super::signal::{self, Signal};
use super::{Conn, Result, Store, Write, cases, inbox, messages, now, revised, run};
use crate::domain::thread::OwnerChange;
use crate::domain::time::Millis;
use crate::domain::{ConversationId, WorkspaceId};

impl Store {
    /// Marks a conversation as seen by a person. `None` if it does not exist; true if it had unread
    /// messages.
    pub async fn mark_seen(&self, id: &ConversationId) -> Result<Option<bool>> {
        self.apply(See { id: id.clone() }).await
    }

    /// Gives a conversation to a person: voids what waits for the bot and what the bot has not
    /// sent. False if the conversation does not exist.
    pub async fn take_over(&self, id: &ConversationId) -> Result<bool> {
        self.apply(Take { id: id.clone() }).await
    }

    /// Gives the conversation back to the bot and closes its open cases. False if it does not
    /// exist. What the customer wrote meanwhile stays unanswered: a person has dealt with it.
    pub async fn resolve(&self, id: &ConversationId) -> Result<bool> {
        self.apply(Resolve { id: id.clone() }).await
    }

    /// Records that WhatsApp refused a message because the window is closed, unless the customer
    /// has written since it was claimed.
    pub async fn close_window(&self, refused: &ToSend) -> Result<()> {
        let id = ConversationId::stored(refused.conversation_id.clone());
        self.apply(CloseWindow { id, heard: refused.last_inbound_at.unwrap_or_default() }).await
    }
}

/// Gives a conversation back to the bot; false if it does not exist.
pub(super) async fn give_back(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    id: &ConversationId,
) -> Result<bool> {
    let OwnerChange { owner, person_at, resets_sender_stats: forgets_habit } =
        OwnerChange::given_back();
    let sql = formatcp!(
        "update conversations set owner = $4, person_at = coalesce($5, person_at),
             habit = case when $6 = 1 then '' else habit end, unanswered = 0, {revised}
         where id = $1 and workspace_id = $2",
        revised = revised!("$3")
    );
    let (place, forgets) = (id.as_str(), i64::from(forgets_habit));
    let found = run!(conn, sql, place, workspace.as_str(), now(), owner, person_at, forgets)? == 1;
    if found {
        cases::close(conn, id).await?;
        signal::notify_replicas(conn, workspace, std::iter::once(Signal::Changed(id.clone())))
            .await?;
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
        let current = inbox::merge::current(conn, workspace, &self.id).await?;
        let (id, workspace_id) = (current.as_str(), workspace.as_str());
        let sql = formatcp!(
            "update conversations set unread = 0, seen_at = $3, {revised}
             where id = $1 and workspace_id = $2 and unread > 0",
            revised = revised!("$3")
        );
        if run!(conn, sql, id, workspace_id, now())? == 1 {
            signal::notify_replicas(
                conn,
                workspace,
                std::iter::once(Signal::Changed(current.clone())),
            )
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
        let id = inbox::merge::current(conn, workspace, &self.id).await?;
        let taken = inbox::take_over(conn, workspace, (&id, false)).await?.is_some();
        if taken {
            signal::notify_replicas(conn, workspace, std::iter::once(Signal::Event(id))).await?;
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
        let id = inbox::merge::current(conn, workspace, &self.id).await?;
        give_back(conn, workspace, &id).await
    }
}

struct CloseWindow {
    id: ConversationId,
    heard: Millis,
}

#[async_trait]
impl Write for CloseWindow {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let id = inbox::merge::current(conn, workspace, &self.id).await?;
        messages::close_window(conn, &id, (now(), self.heard)).await
    }
}
