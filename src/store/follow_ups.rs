//! What is due where customers stay silent: planned in the commit of the reply
//! (`finish/follow_up.rs`), and done by one process in one transaction that sees whether the
//! customer is still silent. Nothing is written when the customer writes.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::number_health::paused;
use super::outbox::{OutboxEntry, OutgoingRow};
use super::signal::{self, Signal};
use super::staff_messages::{RecipientRow, Refusal, Window};
use super::{Conn, Result, Rows, Store, Write, all, first, inbox, now, outbox, revised, run};
use crate::domain::thread::OwnerChange;
use crate::domain::time::{DAY_MS, Millis};
use crate::domain::{
    Author, ConversationId, LaterMessage, MessageState, Owner, SilentConversation, TurnId,
    WorkspaceId, loop_guard,
};

/// A conversation in which something is due.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DueFollowUp {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The number that it is on.
    pub number_id: String,
}

/// What was done about a silent customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowUpOutcome {
    /// Whether a message to the customer was queued.
    pub said: bool,
    /// Whether the conversation was closed.
    pub closed: bool,
}

impl Store {
    /// Returns the conversations in which something has been due the longest, at most `limit`.
    pub async fn due_follow_ups(&self, limit: i64) -> Result<Vec<DueFollowUp>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select f.conversation_id, v.number_id from follow_ups f join conversations v on v.id = f.conversation_id
                       where f.workspace_id = $1 and f.due_at <= $2 order by f.due_at limit $3";
            all!(conn, DueFollowUp, sql, workspace.as_str(), now(), limit)
        })
        .await
    }

    /// Does what is due in a conversation, if its customer is still silent; otherwise forgets it. Of
    /// several processes one does it, and a message that the customer writes meanwhile wins.
    pub async fn follow_up(
        &self,
        conversation: &ConversationId,
        window: Window,
    ) -> Result<FollowUpOutcome> {
        self.apply(Follow { conversation: conversation.clone(), window }).await
    }
}

/// Forgets what is due in a conversation.
async fn forget(conn: &mut Conn<'_>, conversation: &str) -> Result<()> {
    run!(conn, "delete from follow_ups where conversation_id = $1", conversation).map(|_| ())
}

struct Follow {
    conversation: ConversationId,
    window: Window,
}

/// What is due in a conversation, and the conversation.
#[derive(FromRow)]
struct DueRow {
    turn_id: TurnId,
    replied_at: i64,
    ask_text: Option<String>,
    close_at: Option<i64>,
    close_text: Option<String>,
    person_at: Option<i64>,
    notice_at: Option<i64>,
    open_cases: i64,
    waits: i64,
    paused: i64,
}

#[derive(FromRow)]
struct LaterRow {
    turn_id: Option<String>,
    #[sqlx(try_from = "LenientWord<Author>")]
    author: Option<Author>,
    #[sqlx(try_from = "LenientWord<MessageState>")]
    state: Option<MessageState>,
}

#[async_trait]
impl Write for Follow {
    type Out = FollowUpOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<FollowUpOutcome> {
        let id = &self.conversation;
        let nothing = FollowUpOutcome { said: false, closed: false };
        // Locked first, in a statement of its own: what other processes and webhooks committed
        // meanwhile is read after that.
        inbox::merge::current(conn, workspace, id).await?;
        let sql = formatcp!(
            "select f.turn_id, f.replied_at, f.ask_text, f.close_at, f.close_text, v.person_at, v.notice_at, v.open_cases,
                 cast(case when v.due_at is null then 0 else 1 end as bigint) as waits,
                 cast(case when {paused} then 1 else 0 end as bigint) as paused
             from follow_ups f join conversations v on v.id = f.conversation_id
             where f.conversation_id = $1 and f.workspace_id = $2 and f.due_at <= $3",
            paused = paused!("v.number_id")
        );
        let due = first!(conn, DueRow, sql, id.as_str(), workspace.as_str(), now())?;
        let to = RecipientRow::find(conn, workspace, id.as_str()).await?;
        let (Some(due), Some(to)) = (due, to) else { return Ok(nothing) };
        let refusal = to.refusal(self.window);
        let addressed = due.paused == 0 && matches!(refusal, None | Some(Refusal::WindowClosed));
        if !addressed || !due.is_silent(conn, (id, to.owner)).await? {
            forget(conn, id.as_str()).await?;
            return Ok(nothing);
        }
        let asks = due.ask_text.is_some();
        let text = if asks { &due.ask_text } else { &due.close_text };
        let text = text.as_deref().filter(|_| refusal.is_none());
        if let Some(text) = text {
            say(conn, workspace, (id, &to.number_id, text)).await?;
        }
        if !asks {
            close(conn, id).await?;
        }
        let next = due.close_at.filter(|_| asks);
        due.wait(conn, (id, next)).await?;
        signal::notify_replicas(conn, workspace, std::iter::once(Signal::Changed(id.clone())))
            .await?;
        Ok(FollowUpOutcome { said: text.is_some(), closed: !asks })
    }
}

impl DueRow {
    async fn is_silent(
        &self,
        conn: &mut Conn<'_>,
        (id, owner): (&ConversationId, Owner),
    ) -> Result<bool> {
        let sql = formatcp!(
            "select turn_id, author, state from messages
             where conversation_id = $1 and sent_at > $2 - {DAY_MS} and created_at >= $2"
        );
        let since = all!(conn, LaterRow, sql, id.as_str(), self.replied_at)?;
        let later = |row: &LaterRow| LaterMessage {
            is_reply: row.turn_id.as_deref() == Some(self.turn_id.as_str()),
            author: row.author,
            state: row.state,
        };
        let since: Vec<_> = since.iter().map(later).collect();
        let conversation = SilentConversation {
            owner,
            person_at: self.person_at,
            notice_at: self.notice_at,
            open_cases: self.open_cases,
            waits: self.waits != 0,
            replied_at: self.replied_at,
        };
        Ok(conversation.is_silent(&since, now()))
    }

    /// Waits for what comes next; forgets all if that is nothing.
    async fn wait(
        &self,
        conn: &mut Conn<'_>,
        (id, next): (&ConversationId, Option<Millis>),
    ) -> Result<()> {
        let Some(next) = next else { return forget(conn, id.as_str()).await };
        let sql = "update follow_ups set ask_text = null, due_at = $2 where conversation_id = $1";
        run!(conn, sql, id.as_str(), next).map(|_| ())
    }
}

/// Queues a message. The customer's answer to it is measured like that to a reply.
async fn say(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (conversation, number, text): (&ConversationId, &str, &str),
) -> Result<()> {
    let queued = OutboxEntry { conversation, number, turn: None, author: Author::FollowUp };
    let mut rows = Rows::default();
    rows.push(queued.values(workspace, &OutgoingRow::new(text), (0, None))?);
    outbox::insert(conn, &rows).await?;
    let sql = formatcp!(
        "update conversations set replied_at = $2, reply_hash = $3, last_message_at = $2, {revised} where id = $1",
        revised = revised!("$2")
    );
    run!(conn, sql, conversation.as_str(), now(), loop_guard::hash(text)).map(|_| ())
}

async fn close(conn: &mut Conn<'_>, id: &ConversationId) -> Result<()> {
    let OwnerChange { owner, person_at, resets_sender_stats: forgets_habit } =
        OwnerChange::closed();
    let sql = formatcp!(
        "update conversations set owner = $2, person_at = coalesce($3, person_at),
             habit = case when $4 = 1 then '' else habit end, {revised}
         where id = $1",
        revised = revised!("$5")
    );
    let forgets = i64::from(forgets_habit);
    run!(conn, sql, id.as_str(), owner, person_at, forgets, now()).map(|_| ())
}
