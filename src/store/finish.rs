//! Commits the result of a turn atomically: the trace, the replies, the answered messages, the
//! owner, the case. Only the holder of the conversation's lease can commit.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use const_format::formatcp;

use super::batcher::BatchWrite;
use super::cases::Case;
use super::gaps::UnansweredQuestion;
use super::number_health::paused;
use super::outbox::{OutboxEntry, OutgoingRow, Terms, ToSend};
use super::signal::{self, Signal};
use super::turns::Claim;
use super::{
    Conn, Result, Rows, Store, cases, files, first, gaps, messages, now, outbox, revised, storable,
    to_json,
};
use crate::domain::thread::OwnerChange;
use crate::domain::{
    AgentId, Author, CaseReason, FollowUpPlan, MessageId, MessageState, NoteCode, Owner, TurnId,
    TurnOutcome, Usage, VersionId, VoiceTranscript, WorkspaceId, loop_guard,
};

mod follow_up;

/// Age of a conversation's last message from which an answer moves the conversation up in the
/// lists, in milliseconds.
const YOUNG_MS: i64 = 10_000;

impl Store {
    /// Commits a finished turn.
    pub async fn commit_turn(&self, turn: FinishedTurn) -> Result<CommitOutcome> {
        self.lines.turns.apply(turn).await
    }

    /// Whether a claim still holds its lease. If not, its turn cannot be committed.
    pub async fn holds_lease(&self, claim: &Claim) -> Result<bool> {
        self.read(async |conn| {
            let sql = "select id from conversations where id = $1 and lease_token = $2";
            Ok(first!(conn, (String,), sql, &claim.id, claim.lease_token)?.is_some())
        })
        .await
    }
}

/// The writes of a finished turn.
#[derive(Debug, Clone)]
pub struct FinishedTurn {
    /// The turn's id.
    pub id: TurnId,
    /// The claim that holds the lease.
    pub claim: Claim,
    /// The agent that answered.
    pub agent: AgentId,
    /// The agent's version.
    pub version: Option<VersionId>,
    /// The outcome.
    pub outcome: TurnOutcome,
    /// The trace as JSON, serialized before the transaction because other commits wait for that.
    pub trace: String,
    /// The recorded inputs of the turn as JSON, if they are kept.
    pub tape: Option<String>,
    /// Token usage and cost.
    pub usage: Usage,
    /// The answered messages, with the transcripts of voice notes.
    pub answered: Vec<(MessageId, Option<VoiceTranscript>)>,
    /// Messages to the customer, in order.
    pub replies: Vec<OutgoingRow>,
    /// The question without personal data, if it was not answered.
    pub unanswered: Option<String>,
    /// Set when a person is called.
    pub escalation: Option<Escalation>,
    /// Set if this process can send the first reply at once. The commit then claims it, unless an
    /// earlier message of the conversation is still to be sent.
    pub send: Option<Terms>,
    /// What is due if the customer stays silent.
    pub follow_up: Option<FollowUpPlan>,
}

/// A case to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// The reason.
    pub reason: CaseReason,
    /// The customer's question.
    pub question: String,
    /// Whether a person gets the conversation. Otherwise the bot keeps it, and an open case with
    /// the same reason is enough.
    pub hands_over: bool,
    /// Notices to support contacts: phone in digits, and text.
    pub notices: Vec<(String, String)>,
}

/// The result of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Committed; with the first reply if it was claimed for sending.
    Yes(Option<Box<ToSend>>),
    /// A person took over, another process has the lease, or the bot is paused: nothing was stored.
    Overtaken,
}

#[async_trait]
impl BatchWrite for FinishedTurn {
    type Out = CommitOutcome;

    const RANK: u8 = 1;

    async fn run_all(
        all: &[Self],
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<CommitOutcome>> {
        let replied_at = now();
        let held = end_leases(all, conn).await?;
        let ours: Vec<&Self> = all.iter().filter(|turn| held.contains(&turn.lease())).collect();
        hand_over(&ours, conn).await?;
        move_up(&ours, conn).await?;
        let came = mark_answered(&ours, conn).await?;
        for turn in &ours {
            if let Some(case) = &turn.escalation {
                turn.open_case(workspace, conn, case).await?;
            }
        }
        reschedule(&ours, conn).await?;
        record(&ours, workspace, (conn, &came)).await?;
        follow_up::plan(&ours, workspace, (conn, replied_at)).await?;
        let unanswered: Vec<_> = ours.iter().copied().filter_map(Self::gap).collect();
        gaps::record(&unanswered, workspace, conn).await?;
        let mut sent = queue(&ours, workspace, conn).await?;
        let told = ours.iter().map(|turn| Signal::Changed(turn.claim.conversation()));
        signal::notify_replicas(conn, workspace, told).await?;
        let committed = |turn: &Self| {
            let ours = held.contains(&turn.lease());
            if ours { CommitOutcome::Yes(sent.remove(&turn.id)) } else { CommitOutcome::Overtaken }
        };
        Ok(all.iter().map(committed).collect())
    }
}

/// Ends the leases and invalidates their tokens. Returns the leases that were still valid, in
/// conversations that the bot still owns.
async fn end_leases(all: &[FinishedTurn], conn: &mut Conn<'_>) -> Result<HashSet<(String, i64)>> {
    let (mut rows, moment) = (Rows::default(), now());
    for (place, turn) in (0_i64..).zip(all) {
        // A file says nothing that a machine could repeat.
        let reply = turn.replies.iter().rfind(|reply| !reply.text().is_empty());
        rows.push([
            place.into(),
            turn.claim.id.as_str().into(),
            turn.claim.lease_token.into(),
            turn.replies.last().map(|_| moment).into(),
            reply.map_or(0, |reply| loop_guard::hash(reply.text())).into(),
            moment.into(),
        ]);
    }
    let before = "with v (place, id, token, replied_at, reply_hash, moment) as (";
    conn.hold(before, &rows, "v join conversations r on r.id = v.id").await?;
    let after = formatcp!(
        ") update conversations set lease_until = 0, lease_token = lease_token + 1, attempts = 0,
            {revised}, replied_at = coalesce(v.replied_at, conversations.replied_at),
            reply_hash = case when v.replied_at is null then conversations.reply_hash else v.reply_hash end
        from v where conversations.id = v.id and conversations.lease_token = v.token and conversations.owner = '{bot}' and not {paused}",
        paused = paused!("conversations.number_id"),
        bot = Owner::REQUIRED_FOR_COMMIT.as_str(),
        revised = revised!("v.moment")
    );
    let held = conn.many_hits(before, &rows, after).await?;
    let ended = (0_i64..).zip(all).filter(|(place, _)| held.contains(place));
    Ok(ended.map(|(_, turn)| turn.lease()).collect())
}

/// Moves the conversations up in the lists, unless their last message is young: five indexes have
/// its time, and a place among the newest is as good.
async fn move_up(ours: &[&FinishedTurn], conn: &mut Conn<'_>) -> Result<()> {
    let (mut rows, moment) = (Rows::default(), now());
    for turn in ours {
        rows.push([turn.claim.id.as_str().into(), moment.into(), (moment - YOUNG_MS).into()]);
    }
    let after = ") update conversations set last_message_at = v.moment
        from v where conversations.id = v.id and conversations.last_message_at < v.before";
    conn.many("with v (id, moment, before) as (", &rows, after).await.map(|_| ())
}

/// Gives the conversations that are handed over to a person.
async fn hand_over(ours: &[&FinishedTurn], conn: &mut Conn<'_>) -> Result<()> {
    let (mut rows, moment) = (Rows::default(), now());
    for turn in ours.iter().filter(|turn| turn.hands_over()) {
        // Destructured without `..`, so that a new field cannot be forgotten.
        let OwnerChange { owner, person_at, resets_sender_stats: forgets_habit } =
            OwnerChange::taken_over(moment);
        let id = turn.claim.id.as_str();
        rows.push([
            id.into(),
            owner.into(),
            person_at.into(),
            i64::from(forgets_habit).into(),
            moment.into(),
        ]);
    }
    let after = ") update conversations set owner = v.owner, last_message_at = v.moment,
            person_at = coalesce(v.person_at, conversations.person_at),
            habit = case when v.forgets_habit = 1 then '' else conversations.habit end
        from v where conversations.id = v.id";
    let before = "with v (id, owner, person_at, forgets_habit, moment) as (";
    conn.many(before, &rows, after).await.map(|_| ())
}

/// Marks the messages as answered. Returns when the last message of each turn came, by turn.
async fn mark_answered(
    ours: &[&FinishedTurn],
    conn: &mut Conn<'_>,
) -> Result<HashMap<String, i64>> {
    let (mut rows, moment) = (Rows::default(), now());
    for turn in ours {
        for (message, spoken) in &turn.answered {
            let (text, heard) = match spoken {
                Some(spoken) => {
                    (Some(storable(&spoken.text).into_owned()), Some(to_json(&spoken.heard)?))
                }
                None => (None, None),
            };
            rows.push([
                message.as_str().into(),
                turn.id.as_str().into(),
                text.into(),
                heard.into(),
                moment.into(),
            ]);
        }
    }
    let before = "with v (id, turn_id, transcript, heard, moment) as (";
    let after = formatcp!(
        ") update messages set state = '{answered}', turn_id = v.turn_id, updated_at = v.moment,
            transcript = coalesce(messages.transcript, v.transcript), heard = coalesce(messages.heard, v.heard)
        from v where messages.id = v.id returning messages.turn_id, messages.created_at",
        answered = MessageState::Answered.as_str()
    );
    let mut came: HashMap<String, i64> = HashMap::new();
    for (turn, at) in conn.many_rows::<(String, i64)>(before, &rows, after).await? {
        let last = came.entry(turn).or_insert(at);
        *last = at.max(*last);
    }
    Ok(came)
}

/// When the first message came that waits in the conversation `v.id`.
const SINCE: &str = formatcp!(
    "(select min(m.created_at) from messages m where m.conversation_id = v.id and m.state = '{waiting}')",
    waiting = MessageState::Waiting.as_str()
);

/// Makes conversations with messages that came meanwhile due at once. After a reply, only those are
/// unanswered, unless a person is called. A separate statement, after the rows are locked:
/// otherwise Postgres would miss messages that commit while the first statement waits.
async fn reschedule(ours: &[&FinishedTurn], conn: &mut Conn<'_>) -> Result<()> {
    let (mut rows, moment) = (Rows::default(), now());
    for turn in ours {
        let replied = i64::from(!turn.replies.is_empty());
        rows.push([turn.claim.id.as_str().into(), moment.into(), replied.into()]);
    }
    let before = "with v (id, moment, replied) as (";
    let after = formatcp!(
        ") update conversations set
            due_at = case when {SINCE} is null then null else v.moment end,
            quiet_at = case when {SINCE} is null then null else quiet_at end,
            unanswered = case when v.replied = 0 or open_cases > 0 then unanswered
                when {SINCE} is null then 0 else 1 end,
            waiting_since = {SINCE}, edited_turns = 0
        from v where conversations.id = v.id"
    );
    conn.many(before, &rows, after).await.map(|_| ())
}

/// Inserts the turns, with how long their customers waited.
async fn record(
    ours: &[&FinishedTurn],
    workspace: &WorkspaceId,
    (conn, came): (&mut Conn<'_>, &HashMap<String, i64>),
) -> Result<()> {
    let (mut rows, moment) = (Rows::default(), now());
    for turn in ours {
        rows.push([
            turn.id.as_str().into(),
            workspace.as_str().into(),
            turn.claim.id.as_str().into(),
            turn.agent.as_str().into(),
            turn.version.as_ref().map(VersionId::as_str).into(),
            turn.outcome.into(),
            turn.trace.as_str().into(),
            turn.tape.as_deref().into(),
            clamp(turn.usage.input_tokens).into(),
            clamp(turn.usage.output_tokens).into(),
            clamp(turn.usage.cost_micros).into(),
            moment.into(),
            came.get(turn.id.as_str()).map(|at| (moment - at).max(0)).into(),
        ]);
    }
    let into = "insert into turns (id, workspace_id, conversation_id, agent_id, version_id, outcome, trace,
        tape, input_tokens, output_tokens, cost_micros, created_at, waited_ms)";
    conn.many(into, &rows, "").await.map(|_| ())
}

/// Adds the replies to the outbox. Returns those claimed for sending, by turn.
async fn queue(
    ours: &[&FinishedTurn],
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
) -> Result<HashMap<TurnId, Box<ToSend>>> {
    let offered = ours.iter().filter_map(|turn| Some((turn.claim.id.as_str(), turn.send?)));
    let free = outbox::free(conn, offered).await?;
    let (mut rows, mut sent) = (Rows::default(), HashMap::new());
    for turn in ours {
        let author = if turn.hands_over() { Author::Notice } else { Author::Bot };
        let (conversation, number) = (&turn.claim.conversation(), turn.claim.number_id.as_str());
        let queued = OutboxEntry { conversation, number, turn: Some(&turn.id), author };
        for (part, reply) in turn.replies.iter().enumerate() {
            let free = free.get(&turn.claim.id).filter(|_| part == 0);
            rows.push(queued.values(workspace, reply, (part, free))?);
            if let Some(free) = free {
                sent.insert(turn.id.clone(), Box::new(queued.to_send(reply, free)));
            }
        }
    }
    outbox::insert(conn, &rows).await?;
    queue_files(ours, workspace, conn).await?;
    Ok(sent)
}

/// Stores the files of the replies, and has each uploaded before its message is sent.
async fn queue_files(
    ours: &[&FinishedTurn],
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
) -> Result<()> {
    let mut all = Vec::new();
    for turn in ours {
        let number = turn.claim.number();
        all.extend(turn.replies.iter().filter_map(|reply| files::NewFile::of(reply, &number)));
    }
    // In one order, so that two commits with the same files do not wait for each other.
    all.sort_by(|a, b| a.hash().cmp(&b.hash()));
    let messages: Vec<_> = all.iter().map(|file| file.message.clone()).collect();
    files::insert(conn, workspace, all).await?;
    for message in &messages {
        files::request_upload(conn, workspace, message).await?;
    }
    Ok(())
}

impl FinishedTurn {
    fn lease(&self) -> (String, i64) {
        (self.claim.id.clone(), self.claim.lease_token)
    }

    fn hands_over(&self) -> bool {
        self.escalation.as_ref().is_some_and(|case| case.hands_over)
    }

    /// The question, if it was not answered.
    fn gap(&self) -> Option<UnansweredQuestion<'_>> {
        let question = self.unanswered.as_deref()?;
        Some(UnansweredQuestion { agent: &self.agent, turn: &self.id, question })
    }

    async fn open_case(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        case: &Escalation,
    ) -> Result<()> {
        let conversation = self.claim.conversation();
        let opened = Case {
            conversation: &conversation,
            turn: Some(&self.id),
            reason: &case.reason,
            question: &case.question,
        };
        if case.hands_over {
            messages::void(conn, &conversation, NoteCode::HandedOver.text()).await?;
        } else if opened.is_open(conn).await? {
            return Ok(());
        }
        let (number, reason) = (&self.claim.number(), case.reason.to_string());
        if !case.hands_over && cases::told_lately(conn, workspace, (number, &reason)).await? {
            return opened.open(conn, workspace, false).await;
        }
        opened.open(conn, workspace, true).await?;
        let at = (number, &conversation, Some(&self.id));
        cases::notify(conn, workspace, at, &case.notices).await
    }
}

fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
