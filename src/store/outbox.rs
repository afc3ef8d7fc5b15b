//! The outbox: queues and claims messages to send, in order within a conversation, and records how
//! each send ended.
//!
//! If the process dies during a send, the message becomes `unknown` when its lease ends and is not
//! sent again. A status event from the provider, which carries our reference, settles it. If none
//! comes in time, the number's setting decides.

use std::collections::HashMap;

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::number_health::{forbidden, paused};
use super::words::author::{BOT, CONSENT, FOLLOW_UP, NOTICE};
use super::words::message_state::{QUEUED, SENDING, UNKNOWN};
use super::words::{AUTHORS, OWNERS};
use super::{Conn, Result, Rows, Store, Write, all, now, storable};
use crate::domain::time::DAY_MS;
use crate::domain::{
    Author, Content, ConversationId, Direction, Fault, MessageId, MessageKind, MessageState,
    NoteCode, Owner, WorkspaceId,
};

mod queue;
mod record;
mod to_send;

pub use queue::cited;
pub(super) use queue::{OutboxEntry, insert};
pub(super) use record::RecordSend;

const SENDING_RANK: i64 = MessageState::Sending.rank();
const UNKNOWN_RANK: i64 = MessageState::Unknown.rank();
const SENT_RANK: i64 = MessageState::Sent.rank();
const READ_RANK: i64 = MessageState::Read.rank();
const OUT: &str = Direction::Out.as_str();
const IN: &str = Direction::In.as_str();
const TEXT: &str = MessageKind::Text.as_str();

/// A message to put into the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingRow {
    /// The id, which is our reference at the provider.
    pub id: MessageId,
    /// What is sent.
    pub content: Content,
    /// The provider's id of the quoted message.
    pub reply_to: Option<String>,
    /// The text with citation marks, for the history of later turns; empty if the message before
    /// has it all.
    pub cited: Option<String>,
}

impl OutgoingRow {
    /// A text that quotes nothing.
    pub fn new(text: &str) -> Self {
        Self::of(Content::Text { body: text.to_owned() })
    }

    /// A message that quotes nothing.
    pub fn of(mut content: Content) -> Self {
        if let Content::Text { body } = &mut content {
            *body = storable(body).into_owned();
        }
        Self { id: MessageId::generate(), content, reply_to: None, cited: None }
    }

    /// A message that quotes one, by the provider's id of that; a reaction is on it.
    pub fn referring_to(content: Content, original: Option<String>) -> Self {
        match (content, original) {
            (Content::Reaction { emoji, .. }, Some(message_id)) => {
                Self::of(Content::Reaction { message_id, emoji })
            }
            (content, reply_to) => Self { reply_to, ..Self::of(content) },
        }
    }

    /// The text, or the caption; empty without one.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text { body } => body,
            content => content.words().unwrap_or_default(),
        }
    }
}

/// A claimed message that this process may send.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ToSend {
    /// The id.
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The number to send from.
    pub number_id: String,
    /// The author.
    pub author: Author,
    /// The text, or the caption.
    pub body: Option<String>,
    /// The content as JSON; `None` if it is the text alone.
    pub content: Option<String>,
    /// The provider's id of the quoted message.
    pub reply_to: Option<String>,
    /// Number of attempts, including this one. Identifies the lease.
    pub attempts: i64,
    /// When the lease ends.
    pub lease_until: i64,
    /// The customer's phone, digits only.
    pub wa_id: Option<String>,
    /// The customer's business-scoped id.
    pub bsuid: Option<String>,
    /// The customer's LID.
    pub lid: Option<String>,
    /// When the customer opted out, if they did.
    pub opted_out_at: Option<i64>,
    /// The conversation's owner; `None` if the stored word is unknown to this version. Then the bot
    /// is silent.
    #[sqlx(try_from = "LenientWord<Owner>")]
    pub owner: Option<Owner>,
    /// When the customer last wrote.
    pub last_inbound_at: Option<i64>,
    /// When WhatsApp said that the window is closed, if the customer has not written since.
    pub window_closed_at: Option<i64>,
    /// 1 if it is a notice to a support contact, else 0.
    pub to_staff: i64,
    /// 1 if it is a follow-up and the customer has written since, else 0.
    pub outdated: i64,
    /// 1 if the bot is paused on the number, else 0.
    pub paused: i64,
}

/// A request to claim messages.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Maximum number of messages.
    pub limit: i64,
    /// Lease, in milliseconds.
    pub lease_ms: i64,
    /// Numbers to skip because they may not send now.
    pub except: Vec<String>,
    /// Claims only from this number.
    pub only: Option<String>,
    /// Numbers whose messages wait behind one of unknown outcome, because that one may be sent
    /// again.
    pub ordered: Vec<String>,
    /// The rate limit per recipient.
    pub pair: Pair,
}

/// Terms for claiming a message as it is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Lease, in milliseconds.
    pub lease_ms: i64,
    /// Whether it waits behind a message of unknown outcome, because that one may be sent again.
    pub ordered: bool,
    /// The rate limit per recipient.
    pub pair: Pair,
}

/// Rate limit per recipient: at most `burst` messages in `burst * gap_ms` milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Maximum burst; 0 means no limit.
    pub burst: i64,
    /// Cost of one message, in milliseconds.
    pub gap_ms: i64,
}

impl Pair {
    /// Start of the period in which sent messages count against the limit.
    fn since(self, moment: i64) -> i64 {
        moment - self.burst * self.gap_ms
    }
}

/// How a send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendResult {
    /// Accepted by the provider under this id.
    Sent(String),
    /// To be retried at this time.
    Again(i64, Fault),
    /// It may have gone out. If no status event comes until this time, the number's setting
    /// decides.
    Unknown(i64, Fault),
    /// Will not be sent.
    Failed(Fault),
}

impl Store {
    /// Claims the oldest unsent message of each conversation, with its recipient. Messages by an
    /// author unknown to this version are left to a process that knows the author, and so are the
    /// bot's messages where the owner is unknown. Messages behind them wait, too, until a person
    /// was asked.
    pub async fn claim_sends(&self, asked: ClaimRequest) -> Result<Vec<ToSend>> {
        self.apply(asked).await
    }

    /// Requeues a message that may have been claimed with its turn, in a commit whose outcome was
    /// unknown. The message has not been sent.
    pub async fn take_back(&self, conversation: ConversationId, message: &MessageId) -> Result<()> {
        let fault = Fault::ours("whether it was committed was not known at first");
        let (id, ended) = (message.to_string(), SendResult::Again(now(), fault));
        self.lines.sends.apply(RecordSend { id, conversation, attempts: 1, ended }).await
    }

    /// Records how a send ended.
    pub async fn record_send(&self, message: &ToSend, ended: SendResult) -> Result<()> {
        let (id, attempts) = (message.id.clone(), message.attempts);
        let conversation = ConversationId::stored(message.conversation_id.clone());
        self.lines.sends.apply(RecordSend { id, conversation, attempts, ended }).await
    }
}

/// Number of messages that left to a conversation's customer since a moment, for the rate limit.
macro_rules! left {
    ($conversation:literal, $since:literal) => {
        formatcp!(
            "(select count(*) from messages r where r.conversation_id = {conversation} and r.sent_at > {since} - 86400000
                 and r.left_at > {since} and r.direction = '{OUT}' and r.state_rank between {UNKNOWN_RANK} and {READ_RANK})",
            conversation = $conversation,
            since = $since
        )
    };
}

/// The kinds of messages that this version sends; another kind waits for a process that knows it.
const SENT_KINDS: &str = "'text', 'voice', 'audio', 'image', 'video', 'document', 'template', 'choices', 'link', 'products', 'flow', 'location', 'contacts', 'reaction'";

/// Whether this version knows the author and the kind of a message and, for the bot's, the conversation's owner.
/// Without this, a bot message under an unknown owner would be voided for good. `|| ''` keeps the
/// planner off the index on authors, which would be the wrong one.
macro_rules! known {
    ($message:literal) => {
        formatcp!(
            "{message}.author || '' in ({AUTHORS}) and {message}.kind in ({SENT_KINDS}) and ({message}.author || '' not in ('{BOT}', '{CONSENT}', '{FOLLOW_UP}')
                or exists (select 1 from conversations k where k.id = {message}.conversation_id and k.owner in ({OWNERS})))",
            message = $message
        )
    };
}

/// The content of a row of `messages`, if it is more than its text.
const CONTENT: &str = formatcp!("case when kind = '{TEXT}' then null else content end as content");

/// Whether a row of `messages` is a notice to a support contact. A hand-off sentence has the same
/// author, but is of a turn of its own conversation.
pub(super) const TO_STAFF: &str = formatcp!(
    "messages.author = '{NOTICE}' and not exists (select 1 from turns t
         where t.id = messages.turn_id and t.conversation_id = messages.conversation_id)"
);

/// Whether a row of `messages` is a follow-up after which the customer has written.
const OUTDATED: &str = formatcp!(
    "messages.author = '{FOLLOW_UP}' and exists (select 1 from messages i
         where i.conversation_id = messages.conversation_id and i.direction = '{IN}'
             and i.sent_at > messages.sent_at - {DAY_MS} and i.created_at >= messages.created_at)"
);

/// The condition `known!` for a message `m`.
pub(super) const KNOWN: &str = known!("m");

/// The note on a message that no process could send, after a person was asked.
pub(super) const ORPHANED: &str = NoteCode::Orphaned.text();

/// Whether a message `e` that waits for another version no longer blocks others, because a person
/// was asked about it.
const PASSED_OVER: &str = formatcp!(
    "e.state = '{QUEUED}' and coalesce(e.note, '') = '{ORPHANED}' and not ({known})",
    known = known!("e")
);

/// Claims messages. `|| ''` keeps SQLite from reading all messages of the workspace by another index.
macro_rules! claim {
    ($lock:literal) => {
        formatcp!(
            "update messages set state = '{SENDING}', state_rank = {SENDING_RANK}, lease_until = $2, attempts = attempts + 1, left_at = $1,
                 note = case when note = '{ORPHANED}' then null else note end
             where id in (select m.id from messages m where m.state = '{QUEUED}' and m.due_at <= $1 and m.workspace_id || '' = $4
                 and {KNOWN} and not {forbidden}
                 and $5 not like '%' || m.number_id || '%' and ($6 = '' or m.number_id = $6)
                 and not exists (select 1 from messages e where e.conversation_id = m.conversation_id
                     and e.state in ('{QUEUED}', '{SENDING}')
                     and (e.created_at, e.part, e.id) < (m.created_at, m.part, m.id)
                     and not ({PASSED_OVER}))
                 and not exists (select 1 from messages u where u.conversation_id = m.conversation_id
                     and u.state = '{UNKNOWN}' and u.due_at is not null and $9 like '%' || u.number_id || '%'
                     and (u.created_at, u.part, u.id) < (m.created_at, m.part, m.id))
                 and ($7 = 0 or $7 > {left})
                 order by m.due_at, m.id limit $3 {lock})
             returning id, conversation_id, number_id, author, body, {CONTENT}, reply_to, attempts, lease_until,
                 (select c.wa_id from conversations v join contacts c on c.id = v.contact_id where v.id = messages.conversation_id) as wa_id,
                 (select c.bsuid from conversations v join contacts c on c.id = v.contact_id where v.id = messages.conversation_id) as bsuid,
                 (select c.lid from conversations v join contacts c on c.id = v.contact_id where v.id = messages.conversation_id) as lid,
                 (select c.opted_out_at from conversations v join contacts c on c.id = v.contact_id
                  where v.id = messages.conversation_id) as opted_out_at,
                 (select v.owner from conversations v where v.id = messages.conversation_id) as owner,
                 (select v.last_inbound_at from conversations v where v.id = messages.conversation_id)
                     as last_inbound_at,
                 (select v.window_closed_at from conversations v where v.id = messages.conversation_id)
                     as window_closed_at,
                 cast(case when {TO_STAFF} then 1 else 0 end as bigint) as to_staff,
                 cast(case when {OUTDATED} then 1 else 0 end as bigint) as outdated,
                 cast(case when {paused} then 1 else 0 end as bigint) as paused",
            paused = paused!("messages.number_id"),
            forbidden = forbidden!("m.number_id", "$1"),
            left = left!("m.conversation_id", "$8"),
            lock = $lock
        )
    };
}

/// The claim on SQLite.
const CLAIM: &str = claim!("");

#[async_trait]
impl Write for ClaimRequest {
    type Out = Vec<ToSend>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<ToSend>> {
        let sql = conn.sql_for(CLAIM, claim!("for update skip locked"));
        let moment = now();
        all!(
            conn,
            ToSend,
            sql,
            moment,
            moment + self.lease_ms,
            self.limit,
            workspace.as_str(),
            self.except.join(" "),
            self.only.as_deref().unwrap_or_default(),
            self.pair.burst,
            self.pair.since(moment),
            self.ordered.join(" ")
        )
    }
}

/// A conversation with nothing ahead of a new message, and its recipient.
#[derive(Debug, FromRow)]
pub(super) struct Free {
    id: String,
    lease_until: i64,
    wa_id: Option<String>,
    bsuid: Option<String>,
    lid: Option<String>,
    opted_out_at: Option<i64>,
    #[sqlx(try_from = "LenientWord<Owner>")]
    owner: Option<Owner>,
    last_inbound_at: Option<i64>,
    window_closed_at: Option<i64>,
}

/// The free conversations of those given, by id. A new message there would be the next that
/// [`ClaimRequest`] claims.
pub(super) async fn free<'a>(
    conn: &mut Conn<'_>,
    offered: impl Iterator<Item = (&'a str, Terms)>,
) -> Result<HashMap<String, Free>> {
    let (mut rows, moment) = (Rows::default(), now());
    for (conversation, terms) in offered {
        rows.push([
            conversation.into(),
            (moment + terms.lease_ms).into(),
            i64::from(terms.ordered).into(),
            terms.pair.burst.into(),
            terms.pair.since(moment).into(),
            moment.into(),
        ]);
    }
    let before = "with v (id, lease_until, ordered, burst, since, moment) as (";
    let after = formatcp!(
        ") select r.id, v.lease_until as lease_until, c.wa_id, c.bsuid, c.lid, c.opted_out_at, r.owner, r.last_inbound_at, r.window_closed_at
        from v cross join conversations r cross join contacts c
        where r.id = v.id and c.id = r.contact_id
            and not {forbidden}
            and not exists (select 1 from messages e where e.conversation_id = v.id and e.state in ('{QUEUED}', '{SENDING}'))
            and not exists (select 1 from messages u where u.conversation_id = v.id and u.state = '{UNKNOWN}'
                and u.due_at is not null and v.ordered = 1)
            and (v.burst = 0 or v.burst > {left})",
        forbidden = forbidden!("r.number_id", "v.moment"),
        left = left!("v.id", "v.since")
    );
    let found = conn.many_rows::<Free>(before, &rows, after).await?;
    Ok(found.into_iter().map(|free| (free.id.clone(), free)).collect())
}

/// The provider's id of an own message, from `v`. If an echo gave it to another message with the
/// same text, it stays there, and this message is matched by our reference.
pub(super) const PROVIDER_ID: &str =
    "case when messages.provider_id is not null or exists (select 1 from messages o
        where o.number_id = messages.number_id and o.provider_id = v.provider_id) then messages.provider_id
        else v.provider_id end";

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::store::Settings;

    /// Else each claim takes as long as there are messages.
    #[tokio::test]
    async fn sqlite_claims_from_the_outbox_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("desk.db");
        let settings = Settings { url: String::new().into(), path, connections: 1, wait_ms: 1000 };
        let store = Store::open(&settings).await.unwrap();
        let sql = AssertSqlSafe(format!("explain query plan {CLAIM}"));
        let x = "x";
        let read = store
            .read(async |conn| all!(conn, (i64, i64, i64, String), sql, x, x, x, x, x, x, x, x, x));
        let steps: Vec<_> = read.await.unwrap().into_iter().map(|step| step.3).collect();
        let queued: Vec<_> = steps.iter().filter(|step| step.contains(" m ")).collect();
        assert!(queued.len() == 1 && queued[0].contains("messages_outbox"), "{steps:?}");
    }
}
