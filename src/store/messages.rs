//! Messages: inserts incoming ones, updates the delivery state of outgoing ones, and reads a
//! thread.

use const_format::formatcp;
use sqlx::FromRow;

use super::bulk::Value;
use super::words::author::BOT;
use super::words::message_state::{FAILED, QUEUED, SENDING, SENT, STORED, WAITING};
use super::{
    Conn, LenientWord, Result, Rows, Store, all, first, now, revised, run, storable, to_json,
};
use crate::domain::time::Millis;
use crate::domain::{
    Author, Content, ConversationId, Direction, Echo, Fault, FileState, MessageId, MessageKind,
    MessageState, NumberId, Referral, WorkspaceId,
};

mod changes;
mod deletion;
mod statuses;

pub(super) use changes::{ChangeEffects, apply_changes};
pub(super) use deletion::DeletionEffects;
pub(super) use statuses::{StatusEffects, apply_statuses};

const TEXT: &str = MessageKind::Text.as_str();
/// How long an echo may come after its message left, in milliseconds.
const ON_ITS_WAY_MS: i64 = 120_000;
const UNKNOWN: &str = MessageState::Unknown.as_str();
const CHOICES: &str = MessageKind::Choices.as_str();
const PRODUCTS: &str = MessageKind::Products.as_str();
const FLOW: &str = MessageKind::Flow.as_str();
const TEMPLATE: &str = MessageKind::Template.as_str();
/// A kind that this program does not read, such as a template in an echo.
const UNREAD: &str = MessageKind::Unknown.as_str();
const LINK: &str = MessageKind::Link.as_str();
const SENT_RANK: i64 = MessageState::Sent.rank();
const OUT: &str = Direction::Out.as_str();

/// A message of a thread.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct MessageRow {
    /// The id.
    pub id: MessageId,
    /// Incoming or outgoing.
    pub direction: Direction,
    /// The author; `Notice` if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<Author>")]
    pub author: Author,
    /// The provider's id, once known.
    pub provider_id: Option<String>,
    /// The kind of content; `Unknown` if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<MessageKind>")]
    pub kind: MessageKind,
    /// The content as JSON.
    pub content: String,
    /// The text in the content.
    pub body: Option<String>,
    /// The transcript of a voice note.
    pub transcript: Option<String>,
    /// How a voice note was transcribed, as JSON.
    pub heard: Option<String>,
    /// The provider's id of the quoted message.
    pub reply_to: Option<String>,
    /// The state. A stored word that is unknown to this version reads as `Stored` for incoming and
    /// `Unknown` for outgoing messages.
    #[sqlx(try_from = "LenientWord<MessageState>")]
    pub state: MessageState,
    /// Why it was not answered or not sent.
    pub note: Option<String>,
    /// The turn that answered or wrote it.
    pub turn_id: Option<String>,
    /// When it was written.
    pub sent_at: i64,
    /// The provider's errors, as JSON.
    pub error: Option<String>,
    /// The advertisement or post from which the customer wrote, as JSON.
    pub referral: Option<String>,
    /// What the provider charges for it, as JSON.
    pub pricing: Option<String>,
    /// Whether its file is stored; `None` if it has none to fetch, or the stored word is unknown to
    /// this version.
    #[sqlx(try_from = "LenientWord<FileState>")]
    pub file_state: Option<FileState>,
    /// The size of its file in bytes, once it was fetched.
    pub file_size: Option<i64>,
    /// Why its file is not stored, in the provider's words.
    pub file_reason: Option<String>,
    /// When its author last edited it, according to the provider.
    pub edited_at: Option<i64>,
    /// When its author deleted it, according to the provider. It has no words any more.
    pub deleted_at: Option<i64>,
    /// The content that it had first, as JSON, if it was edited and not deleted.
    pub original: Option<String>,
}

/// The columns of [`MessageRow`].
macro_rules! message_columns {
    () => {
        "id, direction, author, provider_id, kind, content, body, transcript, heard, reply_to, state, note, turn_id, sent_at, error, referral, pricing,
         edited_at, deleted_at, original,
         (select f.state from message_files f where f.message_id = messages.id) as file_state,
         (select f.size from message_files f where f.message_id = messages.id) as file_size,
         (select f.reason from message_files f where f.message_id = messages.id) as file_reason"
    };
}

impl Store {
    /// A conversation's messages, newest first, before the given time and message id. Without edits
    /// and deletions that show on the message that they changed.
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
                " from messages where workspace_id = $1 and conversation_id = $2 and (changed_id is null or changed_id = id)
                  and (sent_at < $3 or (sent_at = $3 and id < $4)) order by sent_at desc, id desc limit $5"
            );
            let rows =
                all!(conn, MessageRow, sql, workspace.as_str(), conversation.as_str(), moment, &id, limit)?;
            Ok(rows.into_iter().map(MessageRow::shown).collect())
        })
        .await
    }

    /// Returns one message.
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = concat!(
                "select ",
                message_columns!(),
                " from messages where workspace_id = $1 and id = $2"
            );
            let row = first!(conn, MessageRow, sql, workspace.as_str(), id.as_str())?;
            Ok(row.map(MessageRow::shown))
        })
        .await
    }
}

impl MessageRow {
    /// Only a send can have an unknown outcome. On an incoming message, `Unknown` stands for a
    /// stored word that this version does not know.
    fn shown(self) -> Self {
        let is_known = self.direction == Direction::Out || self.state != MessageState::Unknown;
        let state = if is_known { self.state } else { MessageState::Stored };
        Self { state, ..self }
    }
}

/// A message from outside to insert.
pub(super) struct NewMessage<'a> {
    pub(super) conversation: &'a ConversationId,
    pub(super) number: &'a NumberId,
    /// The customer, or a person for an echo.
    pub(super) author: Author,
    pub(super) provider_id: &'a str,
    pub(super) content: &'a Content,
    pub(super) reply_to: Option<&'a str>,
    pub(super) referral: Option<&'a Referral>,
    pub(super) state: MessageState,
    pub(super) note: Option<&'static str>,
    pub(super) faults: &'a [Fault],
    pub(super) sent_at: i64,
}

impl NewMessage<'_> {
    pub(super) fn values(&self, id: &MessageId, workspace: &WorkspaceId) -> Result<[Value; 20]> {
        let (ours, moment) = (self.author == Author::Person, now());
        Ok([
            id.as_str().into(),
            workspace.as_str().into(),
            self.conversation.as_str().into(),
            self.number.as_str().into(),
            if ours { Direction::Out } else { Direction::In }.into(),
            self.author.into(),
            storable(self.provider_id).into_owned().into(),
            self.content.kind().into(),
            to_json(self.content)?.into(),
            self.content.words().map(|words| storable(words).into_owned()).into(),
            self.reply_to.map(|id| storable(id).into_owned()).into(),
            self.state.into(),
            self.state.rank().into(),
            self.note.into(),
            self.sent_at.into(),
            moment.into(),
            moment.into(),
            faults_json(self.faults)?.into(),
            self.referral.map(to_json).transpose()?.into(),
            self.content.changes().map(|id| storable(id).into_owned()).into(),
        ])
    }
}

pub(super) async fn insert_arrived(conn: &mut Conn<'_>, rows: &Rows) -> Result<()> {
    let into = "insert into messages (id, workspace_id, conversation_id, number_id, direction, author, provider_id,
        kind, content, body, reply_to, state, state_rank, note, sent_at, created_at, updated_at, error, referral, changes)";
    conn.many(into, rows, "").await.map(|_| ())
}

/// Replaces the content of a stored message that could not be read when it came.
pub(super) async fn replace_content(
    conn: &mut Conn<'_>,
    id: &str,
    now_read: &NewMessage<'_>,
) -> Result<()> {
    let sql = "update messages set kind = $2, content = $3, body = $4, state = $5, note = $6, updated_at = $7
               where id = $1";
    run!(
        conn,
        sql,
        id,
        now_read.content.kind(),
        to_json(now_read.content)?,
        now_read.content.words().map(storable),
        now_read.state,
        now_read.note,
        now()
    )
    .map(|_| ())
}

/// Voids a conversation's queue: waiting messages become stored, and the bot's queued messages
/// fail. The caller must also end the lease.
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
    if run!(conn, sql, id.as_str(), now(), why)? > 0 {
        // The bot's answer did not reach the customer.
        let sql = formatcp!(
            "update conversations set unanswered = 1, {revised} where id = $1 and unanswered = 0",
            revised = revised!("$2")
        );
        run!(conn, sql, id.as_str(), now())?;
    }
    Ok(())
}

/// Marks the window as closed at a moment, because WhatsApp says so; unless the customer has
/// written after `heard`.
pub(super) async fn close_window(
    conn: &mut Conn<'_>,
    id: &ConversationId,
    (moment, heard): (Millis, Millis),
) -> Result<()> {
    let sql = formatcp!(
        "update conversations set window_closed_at = $2, {revised}
         where id = $1 and coalesce(last_inbound_at, 0) <= $3",
        revised = revised!("$4")
    );
    run!(conn, sql, id.as_str(), moment, heard, now()).map(|_| ())
}

/// Age from which on an echo is of no message that came into being after it, in milliseconds.
const OLD_ECHO_MS: i64 = 10 * 60_000;

/// Whether an echo is an own message whose send is not yet recorded; if so, marks that message as
/// sent.
pub(super) async fn match_echo(
    conn: &mut Conn<'_>,
    conversation: &ConversationId,
    echo: &Echo,
) -> Result<bool> {
    // Choices and links go out as text where nothing can be tapped. A text that is queued for a retry,
    // or was given up, may have gone out all the same. What has no words is like any other of its kind:
    // it is only taken for one that is on its way, and so is a template, whose echo has no text.
    let sql = formatcp!(
        "update messages set provider_id = $2, state = '{SENT}', state_rank = {SENT_RANK}, lease_until = null, due_at = null,
             updated_at = $4
         where id = (select id from messages where conversation_id = $1 and direction = '{OUT}'
             and provider_id is null and attempts > 0 and state_rank < {SENT_RANK} and created_at <= $7
             and (coalesce(body, '') = $3 and (kind = $5 or $5 = '{TEXT}' and kind in ('{CHOICES}', '{LINK}', '{PRODUCTS}', '{FLOW}'))
                 or $5 = '{UNREAD}' and kind = '{TEMPLATE}')
             and ($5 = '{TEXT}' or state = '{SENDING}' or state = '{UNKNOWN}' and left_at > $6 - {ON_ITS_WAY_MS})
             order by case when state = '{SENDING}' then 0 else 1 end, created_at, part, id limit 1)"
    );
    let moment = now();
    let sent_at = if echo.sent_at > 0 { echo.sent_at.min(moment) } else { moment };
    // Clocks differ, so this does not judge what comes at once.
    let is_old = echo.imported || moment - sent_at > OLD_ECHO_MS;
    let born_before = if is_old { sent_at + ON_ITS_WAY_MS } else { i64::MAX };
    let ours = run!(
        conn,
        sql,
        conversation.as_str(),
        storable(&echo.provider_id),
        storable(echo.content.words().unwrap_or_default()),
        moment,
        echo.content.kind(),
        // It may come late, in a list of what was missed.
        sent_at,
        born_before
    )?;
    Ok(ours == 1)
}

fn faults_json(faults: &[Fault]) -> Result<Option<String>> {
    if faults.is_empty() { Ok(None) } else { to_json(&faults).map(Some) }
}
