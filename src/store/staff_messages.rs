//! Messages of a person in the console: writing one, and resending a failed one. Both go through
//! the outbox, like the bot's.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::files;
use super::outbox::{OutboxEntry, OutgoingRow};
use super::signal::{self, Signal};
use super::words::file_state::STORED;
use super::words::message_kind::REACTION;
use super::words::message_state::{FAILED, UNKNOWN};
use super::{Conn, Result, Rows, Store, Write, first, inbox, now, outbox, run};
mod window;

pub use window::Window;

use crate::domain::{
    Author, Content, ConversationId, MessageId, MessageKind, MessageState, NoteCode, NumberId,
    Owner, WorkspaceId,
};

/// A person's message to a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The conversation.
    pub conversation: ConversationId,
    /// The idempotency key: a message with the same key is sent once.
    pub key: String,
    /// What is sent; a file with its bytes and their SHA-256 in hex.
    pub content: Content,
    /// The message to quote; of a reaction the one that it is on.
    pub quotes: Option<MessageId>,
    /// The customer service window of the number.
    pub window: Window,
}

/// The result of queueing a person's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyOutcome {
    /// It is in the outbox.
    Now {
        /// The message.
        message: MessageId,
        /// Whether it took the conversation over.
        took: bool,
    },
    /// It was queued before with the same key.
    Before(MessageId),
    /// A different message was queued with that key.
    OtherWords,
    /// The conversation does not exist.
    Nowhere,
    /// The message to quote is not in the conversation.
    NothingToQuote,
    /// The message to quote has no provider id yet.
    NotThereYet,
    /// It may not be sent.
    Refused(Refusal),
}

/// Why a message may not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The window is closed: the customer last wrote too long ago.
    WindowClosed,
    /// The customer opted out.
    OptedOut,
    /// The customer has no phone, no business-scoped id and no LID.
    NoAddress,
}

/// The result of resending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It is in the outbox.
    Queued,
    /// The message does not exist.
    Nowhere,
    /// It has neither failed nor an unknown outcome.
    NotFailed,
    /// It is no message of the bot or a person, or its file is not stored any more.
    NothingToSend,
    /// The bot wrote it, and a person has the conversation.
    NotTheBots,
    /// It may not be sent.
    Refused(Refusal),
}

/// The conversation, number and content of a message.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Whereabouts {
    /// The conversation.
    pub conversation_id: String,
    /// The number.
    pub number_id: String,
    /// The content as JSON.
    pub content: String,
}

impl Store {
    /// Queues a person's message and gives that person the conversation.
    pub async fn write(&self, reply: Reply) -> Result<ReplyOutcome> {
        self.apply(WriteReply { reply }).await
    }

    /// Queues a message of the bot or a person again that failed or whose outcome is unknown.
    pub async fn send_again(&self, id: &MessageId, window: Window) -> Result<Again> {
        self.apply(SendAgain { id: id.clone(), window }).await
    }

    /// Returns the content of the message that was written with an idempotency key.
    pub async fn written_with(
        &self,
        conversation: &ConversationId,
        key: &str,
    ) -> Result<Option<Content>> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = "select content from messages
                           where workspace_id = $1 and conversation_id = $2 and idempotency_key = $3";
                first!(conn, (String,), sql, workspace.as_str(), conversation.as_str(), key)
            })
            .await?;
        Ok(row.map(|row| Content::stored(&row.0)))
    }

    /// Returns the conversation, number and content of a message.
    pub async fn whereabouts(&self, id: &MessageId) -> Result<Option<Whereabouts>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select conversation_id, number_id, content from messages where workspace_id = $1 and id = $2";
            first!(conn, Whereabouts, sql, workspace.as_str(), id.as_str())
        })
        .await
    }
}

/// The recipient of a message; the conversation is locked until the commit.
#[derive(FromRow)]
pub(super) struct RecipientRow {
    pub(super) number_id: String,
    #[sqlx(try_from = "LenientWord<Owner>")]
    pub(super) owner: Owner,
    last_inbound_at: Option<i64>,
    window_closed_at: Option<i64>,
    wa_id: Option<String>,
    bsuid: Option<String>,
    lid: Option<String>,
    opted_out_at: Option<i64>,
}

impl RecipientRow {
    pub(super) async fn find(
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        conversation: &str,
    ) -> Result<Option<Self>> {
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    "select v.number_id, v.owner, v.last_inbound_at, v.window_closed_at, c.wa_id, c.bsuid, c.lid, c.opted_out_at
                    from conversations v join contacts c on c.id = v.contact_id
                    where v.id = $1 and v.workspace_id = $2 ",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(find!(""), find!("for update of v"));
        first!(conn, Self, sql, conversation, workspace.as_str())
    }

    /// Why nothing may be sent to this customer; `None` if it may. The gate checks again at
    /// sending.
    pub(super) fn refusal(&self, window: Window) -> Option<Refusal> {
        let closed = match window {
            Window::Always => false,
            Window::Since(moment) => {
                self.window_closed_at.is_some()
                    || self.last_inbound_at.is_some_and(|last| last <= moment)
            }
        };
        if self.opted_out_at.is_some() {
            Some(Refusal::OptedOut)
        } else if self.wa_id.is_none() && self.bsuid.is_none() && self.lid.is_none() {
            Some(Refusal::NoAddress)
        } else {
            closed.then_some(Refusal::WindowClosed)
        }
    }
}

#[derive(FromRow)]
struct EarlierReplyRow {
    id: String,
    content: String,
    reply_to: Option<String>,
}

impl EarlierReplyRow {
    /// Whether it has this content. That of a file has the hash of its bytes.
    fn has(&self, content: &Content) -> bool {
        Content::stored(&self.content) == content.clone().without_bytes()
    }
}

pub(super) struct WriteReply {
    pub(super) reply: Reply,
}

#[async_trait]
impl Write for WriteReply {
    type Out = ReplyOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<ReplyOutcome> {
        let reply = &self.reply;
        let id = &inbox::merge::current(conn, workspace, &reply.conversation).await?;
        self.write_in(conn, workspace, (id, true)).await
    }
}

impl WriteReply {
    /// Queues the message in a conversation. `takes_over`: the person who writes then has it.
    pub(super) async fn write_in(
        &self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        (id, takes_over): (&ConversationId, bool),
    ) -> Result<ReplyOutcome> {
        let reply = &self.reply;
        let found = RecipientRow::find(conn, workspace, id.as_str()).await?;
        let Some(to) = found else { return Ok(ReplyOutcome::Nowhere) };
        let quoted = match reply.quoted(conn, id).await? {
            Ok(quoted) => quoted,
            Err(why) => return Ok(why),
        };
        let message = OutgoingRow::referring_to(reply.content.clone(), quoted);
        let sql = "select id, content, reply_to from messages where conversation_id = $1 and idempotency_key = $2";
        if let Some(known) = first!(conn, EarlierReplyRow, sql, id.as_str(), &reply.key)? {
            let same = known.has(&message.content) && known.reply_to == message.reply_to;
            let before = ReplyOutcome::Before(MessageId::stored(known.id));
            return Ok(if same { before } else { ReplyOutcome::OtherWords });
        }
        if let Some(why) = to.refusal(reply.window.of(reply.content.kind())) {
            return Ok(ReplyOutcome::Refused(why));
        }
        let before = if takes_over {
            inbox::take_over(conn, workspace, (id, true)).await?
        } else {
            Some(Owner::Person)
        };
        self.queue(conn, workspace, (id, &to.number_id, &message)).await?;
        signal::notify_replicas(conn, workspace, std::iter::once(Signal::Event(id.clone())))
            .await?;
        Ok(ReplyOutcome::Now { message: message.id, took: before != Some(Owner::Person) })
    }

    async fn queue(
        &self,
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        (conversation, number, message): (&ConversationId, &str, &OutgoingRow),
    ) -> Result<()> {
        let queued = OutboxEntry { conversation, number, turn: None, author: Author::Person };
        let mut rows = Rows::default();
        rows.push(queued.values(workspace, message, (0, None))?);
        outbox::insert(conn, &rows).await?;
        if let Some(file) = files::NewFile::of(message, &NumberId::stored(number.to_owned())) {
            files::insert(conn, workspace, vec![file]).await?;
            files::request_upload(conn, workspace, &message.id).await?;
        }
        let sql = "update messages set idempotency_key = $2 where id = $1";
        run!(conn, sql, message.id.as_str(), &self.reply.key).map(|_| ())
    }
}

impl Reply {
    /// The provider's id of the quoted message, or why it cannot be quoted.
    async fn quoted(
        &self,
        conn: &mut Conn<'_>,
        conversation: &ConversationId,
    ) -> Result<std::result::Result<Option<String>, ReplyOutcome>> {
        let Some(quotes) = &self.quotes else { return Ok(Ok(None)) };
        let sql = if matches!(self.content, Content::Reaction { .. }) {
            formatcp!(
                "select provider_id from messages where id = $1 and conversation_id = $2 and kind <> '{REACTION}' and deleted_at is null"
            )
        } else {
            "select provider_id from messages where id = $1 and conversation_id = $2"
        };
        let row = first!(conn, (Option<String>,), sql, quotes.as_str(), conversation.as_str())?;
        Ok(match row {
            None => Err(ReplyOutcome::NothingToQuote),
            Some((None,)) => Err(ReplyOutcome::NotThereYet),
            Some((provider_id,)) => Ok(provider_id),
        })
    }
}

struct SendAgain {
    id: MessageId,
    window: Window,
}

/// A message to resend. One whose author, state or kind is unknown to this version is not resent.
#[derive(FromRow)]
struct ResendRow {
    conversation_id: ConversationId,
    #[sqlx(try_from = "LenientWord<Author>")]
    author: Option<Author>,
    #[sqlx(try_from = "LenientWord<MessageState>")]
    state: Option<MessageState>,
    #[sqlx(try_from = "LenientWord<MessageKind>")]
    kind: Option<MessageKind>,
    body: Option<String>,
    /// Whether its file is stored.
    has_file: bool,
}

#[async_trait]
impl Write for SendAgain {
    type Out = Again;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Again> {
        let sql = formatcp!(
            "select conversation_id, author, state, kind, body,
                 exists (select 1 from message_files f where f.message_id = messages.id and f.state = '{STORED}') as has_file
             from messages where id = $1 and workspace_id = $2"
        );
        let found = first!(conn, ResendRow, sql, self.id.as_str(), workspace.as_str())?;
        let Some(stuck) = found else { return Ok(Again::Nowhere) };
        let id = inbox::merge::current(conn, workspace, &stuck.conversation_id).await?;
        let found = RecipientRow::find(conn, workspace, id.as_str()).await?;
        let Some(to) = found else { return Ok(Again::Nowhere) };
        if let Some(why) = stuck.refusal(&to) {
            return Ok(why);
        }
        let kind = stuck.kind.unwrap_or(MessageKind::Unknown);
        if let Some(why) = to.refusal(self.window.of(kind)) {
            return Ok(Again::Refused(why));
        }
        // The state in the condition makes only one of two concurrent requests succeed. The resend
        // gets a new provider id.
        let sql = formatcp!(
            "update messages set state = $3, state_rank = $4, due_at = $2, updated_at = $2, lease_until = null,
                 provider_id = null, error = null, resent = resent + 1, note = $5
             where id = $1 and state in ('{FAILED}', '{UNKNOWN}')"
        );
        let (again, note) = (MessageState::Queued, NoteCode::SentOnceMore.text());
        if run!(conn, sql, self.id.as_str(), now(), again, again.rank(), note)? == 0 {
            return Ok(Again::NotFailed);
        }
        // WhatsApp may have failed it because of its upload.
        files::forget_upload(conn, workspace, &self.id).await?;
        files::request_upload(conn, workspace, &self.id).await?;
        signal::notify_replicas(conn, workspace, std::iter::once(Signal::Changed(id))).await?;
        Ok(Again::Queued)
    }
}

impl ResendRow {
    /// Why it cannot be resent, apart from WhatsApp's rules.
    fn refusal(&self, to: &RecipientRow) -> Option<Again> {
        let ours = matches!(self.author, Some(Author::Bot | Author::Person));
        let is_whole = match self.kind {
            Some(MessageKind::Location | MessageKind::Contacts | MessageKind::Reaction) => true,
            Some(kind) if !kind.is_file() => self.body.is_some(),
            Some(_) => self.has_file,
            None => false,
        };
        if !ours || !is_whole {
            Some(Again::NothingToSend)
        } else if !matches!(self.state, Some(MessageState::Failed | MessageState::Unknown)) {
            Some(Again::NotFailed)
        } else if self.author == Some(Author::Bot) && !to.owner.lets_bot_speak() {
            Some(Again::NotTheBots)
        } else {
            None
        }
    }
}
