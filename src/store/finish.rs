//! Committing what the pipeline decided, all or nothing: the trace, the replies, the messages that they answer, the
//! owner, the case. Only the holder of a conversation's lease can commit.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use const_format::formatcp;

use super::batcher::BatchWrite;
use super::cases::Case;
use super::gaps::UnansweredQuestion;
use super::outbox::{OutboxEntry, OutgoingRow, Terms, ToSend};
use super::signal::{self, Signal};
use super::turns::Claim;
use super::{Conn, Result, Rows, Store, cases, gaps, messages, now, outbox, storable, to_json};
use crate::domain::thread::OwnerChange;
use crate::domain::time::Millis;
use crate::domain::{
    AgentId, Author, MessageId, MessageState, Owner, TurnId, TurnOutcome, Usage, VersionId,
    VoiceTranscript, WorkspaceId, loop_guard,
};

impl Store {
    /// Commits a turn: its trace, its replies, the messages it answered, the owner, the case.
    pub async fn commit_turn(&self, turn: FinishedTurn) -> Result<CommitOutcome> {
        self.lines.turns.apply(turn).await
    }
}

/// The writes of a finished turn.
#[derive(Debug, Clone)]
pub struct FinishedTurn {
    /// The turn's id.
    pub id: TurnId,
    /// The lease.
    pub claim: Claim,
    /// The agent that answered.
    pub agent: AgentId,
    /// Its version.
    pub version: Option<VersionId>,
    /// What became of it.
    pub outcome: TurnOutcome,
    /// The trace as JSON: made before the transaction, which others wait for.
    pub trace: String,
    /// What the turn was given, as JSON, when that is kept.
    pub tape: Option<String>,
    /// Tokens and money.
    pub usage: Usage,
    /// The messages that it answered, with what voice notes say.
    pub answered: Vec<(MessageId, Option<VoiceTranscript>)>,
    /// What to send to the customer, in order.
    pub replies: Vec<OutgoingRow>,
    /// The question, without personal data, when it was not answered.
    pub unanswered: Option<String>,
    /// Set when the conversation goes to a person.
    pub escalation: Option<Escalation>,
    /// Set when this process can send the first reply at once: it is claimed with the commit, where nothing of the
    /// conversation is to be sent before it.
    pub send: Option<Terms>,
}

/// A case to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Why, in words.
    pub reason: String,
    /// What the customer asked.
    pub question: String,
    /// Who is told: phone digits, and the words.
    pub notices: Vec<(String, String)>,
}

/// Whether a turn was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It was; with the first reply, where it was claimed to be sent.
    Yes(Option<Box<ToSend>>),
    /// A person took over meanwhile, or another process has the lease: nothing was kept.
    Overtaken,
}

#[async_trait]
impl BatchWrite for FinishedTurn {
    type Out = CommitOutcome;

    async fn run_all(
        all: &[Self],
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
    ) -> Result<Vec<CommitOutcome>> {
        let held = let_go(all, conn).await?;
        let ours: Vec<&Self> = all.iter().filter(|turn| held.contains(&turn.lease())).collect();
        let came = answer(&ours, conn).await?;
        for turn in &ours {
            if let Some(case) = &turn.escalation {
                turn.open_case(workspace, conn, case).await?;
            }
        }
        look_again(&ours, conn).await?;
        record(&ours, workspace, (conn, &came)).await?;
        let unanswered: Vec<_> = ours.iter().copied().filter_map(Self::gap).collect();
        gaps::record(&unanswered, workspace, conn).await?;
        let mut sent = queue(&ours, workspace, conn).await?;
        let told = ours.iter().map(|turn| Signal::Changed(turn.claim.conversation()));
        signal::tell(conn, workspace, told).await?;
        let committed = |turn: &Self| {
            let ours = held.contains(&turn.lease());
            if ours { CommitOutcome::Yes(sent.remove(&turn.id)) } else { CommitOutcome::Overtaken }
        };
        Ok(all.iter().map(committed).collect())
    }
}

/// Gives the leases back, and makes their tokens worthless; which of them were ours, and the conversation still the
/// bot's.
async fn let_go(all: &[FinishedTurn], conn: &mut Conn<'_>) -> Result<HashSet<(String, i64)>> {
    let (mut rows, moment) = (Rows::default(), now());
    for turn in all {
        let reply = turn.replies.last();
        let change = turn.escalation.is_some().then(|| OwnerChange::taken_over(moment));
        let (owner, person_at, forgets_habit) = change.map_or((None, None, 0), columns);
        rows.push([
            turn.claim.id.as_str().into(),
            turn.claim.lease_token.into(),
            owner.into(),
            person_at.into(),
            forgets_habit.into(),
            reply.map(|_| moment).into(),
            reply.map_or(0, |reply| loop_guard::hash(&reply.text)).into(),
            moment.into(),
        ]);
    }
    let before =
        "with v (id, token, owner, person_at, forgets_habit, replied_at, reply_hash, moment) as (";
    conn.hold(before, &rows, "v join conversations r on r.id = v.id").await?;
    let after = formatcp!(
        ") update conversations set lease_until = 0, lease_token = lease_token + 1, attempts = 0,
            updated_at = v.moment, last_message_at = v.moment,
            replied_at = coalesce(v.replied_at, conversations.replied_at),
            reply_hash = case when v.replied_at is null then conversations.reply_hash else v.reply_hash end,
            owner = coalesce(v.owner, conversations.owner), person_at = coalesce(v.person_at, conversations.person_at),
            habit = case when v.forgets_habit = 1 then '' else conversations.habit end
        from v where conversations.id = v.id and conversations.lease_token = v.token and conversations.owner = '{bot}'
        returning conversations.id, conversations.lease_token - 1",
        bot = Owner::OF_TURNS.as_str()
    );
    let held = conn.many_rows::<(String, i64)>(before, &rows, after).await?;
    Ok(held.into_iter().collect())
}

/// What [`let_go`] writes of a change: without `..`, so that a new field is not forgotten there.
fn columns(change: OwnerChange) -> (Option<&'static str>, Option<Millis>, i64) {
    let OwnerChange { owner, person_at, forgets_habit } = change;
    (Some(owner.as_str()), person_at, i64::from(forgets_habit))
}

/// Marks the messages as answered; when the last one of each turn came, by the turn.
async fn answer(ours: &[&FinishedTurn], conn: &mut Conn<'_>) -> Result<HashMap<String, i64>> {
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

/// Messages that came meanwhile make the conversation due again at once. By a statement of its own, when the rows are
/// ours: Postgres would not see those that commit while the first one waits for them.
async fn look_again(ours: &[&FinishedTurn], conn: &mut Conn<'_>) -> Result<()> {
    let (mut rows, moment) = (Rows::default(), now());
    for turn in ours {
        rows.push([turn.claim.id.as_str().into(), moment.into()]);
    }
    let before = "with v (id, moment) as (";
    let after = formatcp!(
        ") update conversations set
            due_at = case when w.since is null then null else w.moment end,
            quiet_at = case when w.since is null then null else quiet_at end,
            waiting_since = w.since
        from (select v.id, v.moment, (select min(m.created_at) from messages m
            where m.conversation_id = v.id and m.state = '{waiting}') as since from v) w
        where conversations.id = w.id",
        waiting = MessageState::Waiting.as_str()
    );
    conn.many(before, &rows, after).await.map(|_| ())
}

/// Writes the turns down, with how long their customers waited.
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

/// Puts the replies into the outbox; the ones that are claimed at once, by turn.
async fn queue(
    ours: &[&FinishedTurn],
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
) -> Result<HashMap<TurnId, Box<ToSend>>> {
    let offered = ours.iter().filter_map(|turn| Some((turn.claim.id.as_str(), turn.send?)));
    let free = outbox::free(conn, offered).await?;
    let (mut rows, mut sent) = (Rows::default(), HashMap::new());
    for turn in ours {
        let author = if turn.escalation.is_some() { Author::Notice } else { Author::Bot };
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
    Ok(sent)
}

impl FinishedTurn {
    fn lease(&self) -> (String, i64) {
        (self.claim.id.clone(), self.claim.lease_token)
    }

    /// The question, where it was not answered.
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
        opened.open(conn, workspace, true).await?;
        messages::void(conn, &conversation, "handed over").await?;
        let at = (&self.claim.number(), Some(&self.id));
        cases::notify(conn, workspace, at, &case.notices).await
    }
}

fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
