//! Cases as part of other changes: opening, closing, and notifying the support contacts.

use const_format::formatcp;

use super::outbox::{OutboxEntry, OutgoingRow};
use super::words::escalation_state::{OPEN, RESOLVED};
use super::words::identity_kind::PHONE;
use super::{Conn, Result, Rows, first, now, outbox, revised, run, storable};
use crate::domain::{
    Author, CaseReason, ContactId, ConversationId, EscalationId, NumberId, Owner, TurnId,
    WorkspaceId,
};

/// Value of `told`: the support contacts were told.
pub(super) const TOLD: i64 = 1;
/// Value of `told`: they were told of another case for the same reason shortly before.
pub(super) const REPEATED: i64 = 2;

/// How long a notice stands for other cases with the same reason, in milliseconds.
const REPEAT_MS: i64 = 10 * 60 * 1000;

/// A case to insert.
pub(super) struct Case<'a> {
    pub(super) conversation: &'a ConversationId,
    pub(super) turn: Option<&'a TurnId>,
    pub(super) reason: &'a CaseReason,
    pub(super) question: &'a str,
}

impl Case<'_> {
    /// Inserts the case. With `told`, the caller notifies the support contacts in the same
    /// transaction. Without, does nothing if a case with the same reason is open.
    pub(super) async fn open(
        &self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        told: bool,
    ) -> Result<()> {
        if !told && self.is_open(conn).await? {
            return Ok(());
        }
        // The customer waits for a person, also if the bot had answered.
        let sql = formatcp!(
            "update conversations set open_cases = open_cases + 1, {revised},
                 unanswered = case when unanswered > 0 then unanswered else 1 end where id = $1",
            revised = revised!("$2")
        );
        run!(conn, sql, self.conversation.as_str(), now())?;
        let (id, reason) = (EscalationId::generate(), self.reason.to_string());
        let sql = formatcp!(
            "insert into escalations (id, workspace_id, conversation_id, turn_id, reason, question, state, told, created_at)
             values ($1, $2, $3, $4, $5, $6, '{OPEN}', $7, $8)"
        );
        run!(
            conn,
            sql,
            id.as_str(),
            workspace.as_str(),
            self.conversation.as_str(),
            self.turn.map(TurnId::as_str),
            storable(&reason),
            storable(self.question),
            i64::from(told),
            now()
        )
        .map(|_| ())
    }

    /// Whether the conversation has an open case with this reason: a reply of several messages
    /// needs only one.
    pub(super) async fn is_open(&self, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = formatcp!(
            "select id from escalations where conversation_id = $1 and state = '{OPEN}' and reason = $2"
        );
        let reason = self.reason.to_string();
        let reason = storable(&reason);
        Ok(first!(conn, (String,), sql, self.conversation.as_str(), reason)?.is_some())
    }
}

pub(super) async fn close(conn: &mut Conn<'_>, conversation: &ConversationId) -> Result<()> {
    let sql = formatcp!(
        "update conversations set open_cases = 0, {revised} where id = $1 and open_cases <> 0",
        revised = revised!("$2")
    );
    run!(conn, sql, conversation.as_str(), now())?;
    let sql = formatcp!(
        "update escalations set state = '{RESOLVED}', resolved_at = $2
         where conversation_id = $1 and state = '{OPEN}'"
    );
    run!(conn, sql, conversation.as_str(), now()).map(|_| ())
}

/// Whether the support contacts were told within the last minutes of another case with this reason
/// on the number: in an outage, one notice says it all.
pub(super) async fn told_lately(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (number, reason): (&NumberId, &str),
) -> Result<bool> {
    let sql = formatcp!(
        "select e.id from escalations e join conversations v on v.id = e.conversation_id
         where e.workspace_id = $1 and e.created_at > $2 and e.reason = $3 and e.told = {TOLD}
             and v.number_id = $4 limit 1"
    );
    let (space, since, reason) = (workspace.as_str(), now() - REPEAT_MS, storable(reason));
    Ok(first!(conn, (String,), sql, space, since, reason, number.as_str())?.is_some())
}

/// Queues notices `about` a conversation to support contacts: phone in digits, and text.
pub(super) async fn notify(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (number, about, turn): (&NumberId, &ConversationId, Option<&TurnId>),
    notices: &[(String, String)],
) -> Result<()> {
    let mut rows = Rows::default();
    for (part, (phone, text)) in notices.iter().enumerate() {
        let conversation = notice_thread(workspace, conn, (number, about), phone).await?;
        let (conversation, number) = (&conversation, number.as_str());
        let queued = OutboxEntry { conversation, number, turn, author: Author::Notice };
        rows.push(queued.values(workspace, &OutgoingRow::new(text), (part, None))?);
    }
    outbox::insert(conn, &rows).await
}

/// The conversation with a support contact on the number, created if it does not exist. Marks the
/// contact as staff there, unless the notice is about that very conversation.
async fn notice_thread(
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
    (number, about): (&NumberId, &ConversationId),
    phone: &str,
) -> Result<ConversationId> {
    let sql = formatcp!(
        "select contact_id from contact_identities where workspace_id = $1 and kind = '{PHONE}' and value = $2"
    );
    let mut contact = first!(conn, (String,), sql, workspace.as_str(), phone)?;
    if contact.is_none() {
        let sql = "insert into contacts (id, workspace_id, wa_id, name, created_at, updated_at)
                   values ($1, $2, $3, null, $4, $4)
                   on conflict (workspace_id, wa_id) do update set updated_at = excluded.updated_at returning id";
        let fresh = ContactId::generate();
        contact = first!(conn, (String,), sql, fresh.as_str(), workspace.as_str(), phone, now())?;
    }
    let sql = formatcp!(
        "insert into conversations
               (id, workspace_id, number_id, contact_id, owner, last_message_at, notice_at, created_at, updated_at)
               values ($1, $2, $3, $4, $6, $5, $5, $5, $5)
               on conflict (number_id, contact_id) do update set last_message_at = excluded.last_message_at, {revised},
                   notice_at = case when conversations.id = $7 then conversations.notice_at else excluded.notice_at end
               returning id",
        revised = revised!("excluded.updated_at")
    );
    let fresh = ConversationId::generate();
    let contact = contact.map(|row| row.0).unwrap_or_default();
    let number = number.as_str();
    let (owner, about) = (Owner::INITIAL, about.as_str());
    let row =
        first!(conn, (String,), sql, &fresh, workspace, number, contact, now(), owner, about)?;
    Ok(row.map_or(fresh, |row| ConversationId::stored(row.0)))
}
