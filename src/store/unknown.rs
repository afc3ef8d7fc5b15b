//! Outgoing messages of unknown outcome: found when a process died during a send, and decided by
//! the number's setting if no status event settles them. Also messages that only another version
//! can send.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::cases::Case;
use super::events::LostNotice;
use super::outbox::{KNOWN, ORPHANED, TO_STAFF};
use super::words::author::{CAMPAIGN, FOLLOW_UP};
use super::words::message_state::{FAILED, QUEUED, SENDING, UNKNOWN};
use super::words::number_state::READY;
use super::{Conn, Result, Store, Write, all, first, now, run};
use crate::domain::time::Millis;
use crate::domain::{
    ConversationId, MessageId, MessageReason, MessageState, NoteCode, NumberId, Then, Unknown,
    WorkspaceId,
};

const PROCESS_ENDED: &str = NoteCode::ProcessEnded.text();
const RESENT: &str = NoteCode::Resent.text();
const GIVEN_UP: &str = NoteCode::GivenUp.text();
const PERSON_ASKED: &str = NoteCode::PersonAsked.text();

/// Condition: message `m` of workspace `$2` is due since before `$1`, this version leaves it to
/// another one, and no person was asked yet. Numbers changed since `$1` are skipped: while a number
/// was stopped, no version could send. `|| ''` keeps the planner on the outbox index.
const IS_ORPHAN: &str = formatcp!(
    "m.state = '{QUEUED}' and m.due_at <= $1 and m.workspace_id || '' = $2 and coalesce(m.note, '') <> '{ORPHANED}'
     and m.number_id || '' in (select n.id from numbers n where n.state = '{READY}' and n.updated_at <= $1)
     and not ({KNOWN})"
);

/// Maximum messages that one look for orphans asks about.
const MAX_ORPHANS: i64 = 100;

/// Messages whose unknown outcome was decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecidedSends {
    /// How many.
    pub messages: u64,
    /// How many of them are notices to support contacts that are given up.
    pub lost_notices: u64,
}

impl Store {
    /// Opens a case for each message that has been due for `after_ms` and that this version leaves
    /// to another one, which is apparently gone: the 100 that have been due longest. Returns their
    /// ids. They stay in the outbox but no longer block others; each is asked about once.
    pub async fn ask_about_orphans(&self, after_ms: i64) -> Result<Vec<MessageId>> {
        let (workspace, before) = (self.workspace_id(), now() - after_ms);
        // Checked with a read first: there are rarely any, and webhooks must not wait for a long
        // search in the writer.
        let found = self
            .read(async |conn| {
                let sql = formatcp!("select m.id from messages m where {IS_ORPHAN} limit 1");
                first!(conn, (String,), sql, before, workspace.as_str())
            })
            .await?;
        if found.is_none() {
            return Ok(Vec::new());
        }
        self.apply(AskAboutOrphans { before }).await
    }

    /// Marks sends of a number whose lease ended without a result as `unknown`, to be decided after
    /// `wait_ms`. Returns their number.
    pub async fn sweep_sends(&self, number: &NumberId, wait_ms: i64) -> Result<u64> {
        self.apply(Sweep { number: number.clone(), wait_ms }).await
    }

    /// Decides the messages of a number whose unknown outcome is due for a decision at `moment`. The
    /// caller sets `moment`, because while this waits for the database no status event can be
    /// stored either.
    pub async fn decide_unknown(
        &self,
        number: &NumberId,
        by: Unknown,
        moment: Millis,
    ) -> Result<DecidedSends> {
        self.apply(Decide { number: number.clone(), by, moment }).await
    }
}

struct Sweep {
    number: NumberId,
    wait_ms: i64,
}

#[async_trait]
impl Write for Sweep {
    type Out = u64;

    async fn run(&self, _: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        let sql = formatcp!(
            "update messages set state = '{UNKNOWN}', state_rank = {rank}, due_at = $3, lease_until = null, updated_at = $1,
                 note = '{PROCESS_ENDED}'
             where state = '{SENDING}' and lease_until < $1 and number_id = $2",
            rank = MessageState::Unknown.rank()
        );
        let moment = now();
        run!(conn, sql, moment, self.number.as_str(), moment + self.wait_ms)
    }
}

struct Decide {
    number: NumberId,
    by: Unknown,
    moment: Millis,
}

/// The columns of [`Overdue`].
const OVERDUE: &str = formatcp!(
    "id, conversation_id, number_id, body, cast(case when {TO_STAFF} then 1 else 0 end as bigint) as to_staff,
     cast(case when author in ('{CAMPAIGN}', '{FOLLOW_UP}') then 0 else 1 end as bigint) as is_awaited"
);

#[derive(FromRow)]
struct Overdue {
    id: MessageId,
    conversation_id: ConversationId,
    number_id: String,
    body: Option<String>,
    /// 1 if it is a notice to a support contact, else 0.
    to_staff: i64,
    /// 0 if it is a campaign's or a follow-up, else 1.
    is_awaited: i64,
}

#[async_trait]
impl Write for Decide {
    type Out = DecidedSends;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<DecidedSends> {
        // A late status event still settles a dropped message, because its rank stays below `sent`.
        match self.by.then {
            Then::Ask => self.ask(workspace, conn, 0).await,
            Then::Resend => {
                let sql = formatcp!(
                    "update messages set state = '{QUEUED}', state_rank = {rank}, due_at = $1, updated_at = $1,
                         resent = resent + 1, note = '{RESENT}'
                     where state = '{UNKNOWN}' and due_at <= $1 and number_id = $2 and resent < $3 and author || '' <> '{FOLLOW_UP}'",
                    rank = MessageState::Queued.rank()
                );
                let again = run!(conn, sql, self.moment, self.number.as_str(), self.by.times)?;
                // A person decides on messages that stay unknown after the last resend.
                let asked = self.ask(workspace, conn, self.by.times).await?;
                Ok(DecidedSends { messages: again + asked.messages, ..asked })
            }
            Then::Drop => {
                let dropped = self.give_up(conn).await?;
                for notice in dropped.iter().filter(|message| message.to_staff != 0) {
                    notice.alarm(workspace, conn).await?;
                }
                Ok(DecidedSends::of(&dropped))
            }
        }
    }
}

impl Decide {
    /// Gives up the overdue messages.
    async fn give_up(&self, conn: &mut Conn<'_>) -> Result<Vec<Overdue>> {
        let sql = formatcp!(
            "update messages set state = '{FAILED}', due_at = null, updated_at = $1,
                 note = '{GIVEN_UP}'
             where state = '{UNKNOWN}' and due_at <= $1 and number_id = $2 returning {OVERDUE}"
        );
        all!(conn, Overdue, sql, self.moment, self.number.as_str())
    }

    /// Opens a case for each overdue message that was resent at least `resent` times. Nobody waits
    /// for a campaign's or a follow-up: those are given up, and a follow-up is not sent twice. One
    /// statement decides on all: of two, the second could see a message that came between them.
    async fn ask(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        resent: i64,
    ) -> Result<DecidedSends> {
        let sql = formatcp!(
            "update messages set due_at = null, updated_at = $1,
                 state = case when author = '{CAMPAIGN}' then '{FAILED}' else state end,
                 note = case when author in ('{CAMPAIGN}', '{FOLLOW_UP}') then '{GIVEN_UP}' else '{PERSON_ASKED}' end
             where state = '{UNKNOWN}' and due_at <= $1 and number_id = $2 and (resent >= $3 or author || '' = '{FOLLOW_UP}')
             returning {OVERDUE}"
        );
        let overdue = all!(conn, Overdue, sql, self.moment, self.number.as_str(), resent)?;
        for message in overdue.iter().filter(|message| message.is_awaited != 0) {
            message.ask(workspace, conn, MessageReason::Unknown {}).await?;
        }
        Ok(DecidedSends::of(&overdue))
    }
}

impl DecidedSends {
    fn of(decided: &[Overdue]) -> Self {
        let lost = decided.iter().filter(|message| message.to_staff != 0).count();
        Self { messages: decided.len() as u64, lost_notices: lost as u64 }
    }
}

impl Overdue {
    /// Records that a support contact may not have got a notice.
    async fn alarm(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let lost = LostNotice {
            number: self.number_id.clone(),
            conversation: self.conversation_id.to_string(),
            message: self.id.to_string(),
            why: "it is not known whether it was sent".to_owned(),
        };
        lost.run(workspace, conn).await
    }

    /// Opens a case; for a notice to a support contact, an alarm.
    async fn ask(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        reason: MessageReason,
    ) -> Result<()> {
        if self.to_staff != 0 {
            return self.alarm(workspace, conn).await;
        }
        let case = Case {
            conversation: &self.conversation_id,
            turn: None,
            reason: &reason.into(),
            question: self.body.as_deref().unwrap_or(self.id.as_str()),
        };
        case.open(conn, workspace, false).await
    }
}

struct AskAboutOrphans {
    before: i64,
}

#[async_trait]
impl Write for AskAboutOrphans {
    type Out = Vec<MessageId>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<MessageId>> {
        let sql = formatcp!(
            "update messages set note = '{ORPHANED}', updated_at = $3
             where id in (select m.id from messages m where {IS_ORPHAN} order by m.due_at, m.id limit {MAX_ORPHANS})
             returning {OVERDUE}"
        );
        let overdue = all!(conn, Overdue, sql, self.before, workspace.as_str(), now())?;
        for message in &overdue {
            message.ask(workspace, conn, MessageReason::Orphaned {}).await?;
        }
        Ok(overdue.into_iter().map(|message| message.id).collect())
    }
}
