//! Messages: rows as they arrive, the state of ours as the provider reports it, and reading a thread.

use sqlx::FromRow;

use super::inbox::{faults_json, message_id};
use super::{Conn, Result, Store, all, first, now, run, storable, to_json};
use crate::domain::{
    Content, ConversationId, Delivery, Fault, MessageId, NumberId, Status, WorkspaceId,
};

/// A message of a thread.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct MessageRow {
    /// Its id.
    pub id: String,
    /// `in` or `out`.
    pub direction: String,
    /// `customer`, `bot`, `person` or `notice`.
    pub author: String,
    /// The provider's id, once it has one.
    pub provider_id: Option<String>,
    /// The content's kind as one word.
    pub kind: String,
    /// The content as JSON.
    pub content: String,
    /// The words in it.
    pub body: Option<String>,
    /// What a voice note says.
    pub transcript: Option<String>,
    /// The provider's id of the message that it quotes.
    pub reply_to: Option<String>,
    /// How far it got.
    pub state: String,
    /// Why it was not answered, or not sent.
    pub note: Option<String>,
    /// The turn that answered it or made it.
    pub turn_id: Option<String>,
    /// When it was written.
    pub sent_at: i64,
    /// What went wrong with it, as JSON.
    pub error: Option<String>,
}

/// The columns of [`MessageRow`].
macro_rules! message_columns {
    () => {
        "id, direction, author, provider_id, kind, content, body, transcript, reply_to, state, note, turn_id, sent_at, error"
    };
}

impl Store {
    /// A conversation's messages, newest first, older than the given moment and message.
    pub async fn thread(
        &self,
        conversation: &ConversationId,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<MessageRow>> {
        let workspace = self.workspace_id();
        let (moment, id) = before.unwrap_or((i64::MAX, String::new()));
        self.read(async |conn| {
            let sql = concat!(
                "select ",
                message_columns!(),
                " from messages where workspace_id = $1 and conversation_id = $2
                  and (sent_at < $3 or (sent_at = $3 and id < $4)) order by sent_at desc, id desc limit $5"
            );
            all!(conn, MessageRow, sql, workspace.as_str(), conversation.as_str(), moment, &id, limit)
        })
        .await
    }

    /// One message.
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = concat!(
                "select ",
                message_columns!(),
                " from messages where workspace_id = $1 and id = $2"
            );
            first!(conn, MessageRow, sql, workspace.as_str(), id.as_str())
        })
        .await
    }
}

/// A message that came from outside.
pub(super) struct Arrived<'a> {
    pub(super) conversation: &'a ConversationId,
    pub(super) number: &'a NumberId,
    /// `customer`, or `person` for an echo.
    pub(super) author: &'static str,
    pub(super) provider_id: &'a str,
    pub(super) content: &'a Content,
    pub(super) reply_to: Option<&'a str>,
    pub(super) state: &'static str,
    pub(super) note: Option<&'static str>,
    pub(super) faults: &'a [Fault],
    pub(super) sent_at: i64,
}

impl Arrived<'_> {
    /// Inserts the row; false if the number has seen this provider id before.
    pub(super) async fn insert(
        &self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
    ) -> Result<bool> {
        let sql = "insert into messages (id, workspace_id, conversation_id, number_id, direction, author, provider_id,
                       kind, content, body, reply_to, state, state_rank, note, sent_at, created_at, updated_at, error)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17)
                   on conflict (number_id, provider_id) do nothing";
        let ours = self.author == "person";
        let inserted = run!(
            conn,
            sql,
            message_id().as_str(),
            workspace.as_str(),
            self.conversation.as_str(),
            self.number.as_str(),
            if ours { "out" } else { "in" },
            self.author,
            storable(self.provider_id),
            self.content.kind(),
            to_json(self.content)?,
            self.content.words().map(storable),
            self.reply_to.map(storable),
            self.state,
            if ours { rank(Delivery::Sent) } else { 0 },
            self.note,
            self.sent_at,
            now(),
            faults_json(self.faults)?,
        )?;
        Ok(inserted == 1)
    }
}

/// Where a delivery state stands; a state only ever gives way to a higher one. Below `sent` are queued (0),
/// sending (1) and unknown (2).
pub(super) fn rank(delivery: Delivery) -> i64 {
    match delivery {
        Delivery::Sent => 3,
        Delivery::Delivered => 5,
        Delivery::Read => 6,
        Delivery::Failed => 9,
    }
}

/// Settles a message of ours by the provider's news of it: found by its id, or by our reference where the provider's
/// id never reached us. States only rise, and what has arrived cannot fail any more.
pub(super) async fn settle(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    number: &NumberId,
    status: &Status,
) -> Result<()> {
    let sql =
        "update messages set state = $5, state_rank = $6, provider_id = coalesce(provider_id, $3),
                   error = coalesce($7, error), lease_until = null, due_at = null, updated_at = $8
               where workspace_id = $1 and number_id = $2 and direction = 'out'
                   and (provider_id = $3 or (id = $4 and provider_id is null))
                   and state_rank < $6 and ($6 < 9 or state_rank < 5)";
    run!(
        conn,
        sql,
        workspace.as_str(),
        number.as_str(),
        storable(&status.provider_id),
        status.reference.as_deref().map(storable).unwrap_or_default(),
        status.delivery.as_str(),
        rank(status.delivery),
        faults_json(&status.faults)?,
        now(),
    )
    .map(|_| ())
}
