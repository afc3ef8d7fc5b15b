//! Trial turns: pipeline turns of the sandbox and of the OpenAI-compatible API. Nothing is sent or
//! stored. Their cost is counted against a share of the daily budget. As towards a customer, the
//! bot is silent after an opt-out and after a hand-off, and takes who repeats himself for a machine.

use std::sync::Arc;

use crate::domain::intake::{ConsentRequest, IntakePolicy};
use crate::domain::loop_guard::Limits;
use crate::domain::offers::MarkedText;
use crate::domain::thread::{Disposition, InboundEvent, Thread};
use crate::domain::time::{Millis, now_ms};
use crate::domain::trial::{TrialKind, TrialOutcome};
use crate::domain::{
    Choices, Citation, Content, Line, Outcome, Owner, ProblemCode, Reply, Speaker, Trace, Turn,
    TurnReason, loop_guard,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::limits::ExpensivePermit;
use crate::llm::Hear;
use crate::pipeline::choices::read_back;
use crate::pipeline::inbound::{Intake, intake_policy};
use crate::pipeline::outbound::bubbles;
use crate::pipeline::{AttachedFiles, Bot, BudgetTier, TurnContext, TurnResult};
use crate::provider::Abilities;

/// A turn to try.
pub(super) struct Trial {
    kind: TrialKind,
    tier: BudgetTier,
    bot: Arc<Bot>,
    /// Holds one message.
    turn: Turn,
    /// The conversation before it.
    thread: Thread,
    /// Held until the turn ends: disconnecting does not free a slot for another turn.
    _seat: ExpensivePermit,
}

/// The result of a trial turn.
pub(super) struct TrialResult {
    pub(super) outcome: TrialOutcome,
    /// Messages that the customer would get.
    pub(super) bubbles: Vec<String>,
    /// The labels of the choices that the customer could tap.
    pub(super) choices: Vec<String>,
    pub(super) citations: Vec<Citation>,
    /// Why a person would be called, or why the bot says nothing.
    pub(super) reason: Option<String>,
    /// Empty if the message did not reach the pipeline.
    pub(super) trace: Trace,
    /// The conversation after it.
    pub(super) thread: Thread,
}

impl Trial {
    /// Prepares a trial; refused if the budget is used up.
    pub(super) async fn of(
        web: &WebState,
        (kind, seat): (TrialKind, ExpensivePermit),
        (bot, turn, thread): (&Arc<Bot>, Turn, Thread),
    ) -> Result<Self, Problem> {
        let tier = require_budget_tier(web).await?;
        let mut turn = turn;
        if let Some(last) = turn.history.last_mut().filter(|_| bot.agent.choices) {
            last.choices = read_back(&last.text);
        }
        Ok(Self { kind, tier, bot: bot.clone(), turn, thread, _seat: seat })
    }

    /// Runs the turn and counts its usage.
    pub(super) async fn run(mut self, web: &WebState, hear: Option<Hear<'_>>) -> TrialResult {
        let content = self.turn.messages.first().map(|said| &said.content);
        let policy = intake_policy(&web.desk.intake, Some(&*self.bot), content);
        match receive(&mut self.thread, content, &policy, now_ms()) {
            Disposition::Waits { .. } => self.answer(web, hear).await,
            disposition => unanswered(self.thread, &disposition, policy.consent),
        }
    }

    async fn answer(mut self, web: &WebState, hear: Option<Hear<'_>>) -> TrialResult {
        let (files, abilities) = (&AttachedFiles, &Abilities::WHATSAPP);
        let around = TurnContext { files, hear, tier: self.tier, abilities };
        let answered = web.desk.engine.answer(&self.bot, &self.turn, around).await;
        web.desk.count_trial(self.kind, answered.trace.usage).await;
        let bubbles = bubbles(&self.bot, &answered.outcome);
        let now = now_ms();
        self.thread.answered(bubbles.last().map(String::as_str), now);
        let TurnResult { outcome, trace, .. } = answered;
        let kind = outcome.kind().into();
        let choices = match &outcome {
            Outcome::Reply(Reply { offers, .. }) | Outcome::HandOver { offers, .. } => {
                offers.choices.as_deref().map(Choices::titles)
            }
            Outcome::Silence { .. } => None,
        };
        let choices = choices.unwrap_or_default();
        let (reason, citations) = match outcome {
            Outcome::HandOver { reason, .. } => {
                self.thread.take_over(now);
                (Some(reason.to_string()), Vec::new())
            }
            Outcome::Reply(reply) => (None, reply.citations),
            Outcome::Silence { why } => (Some(why), Vec::new()),
        };
        TrialResult {
            outcome: kind,
            bubbles,
            choices,
            citations,
            reason,
            trace,
            thread: self.thread,
        }
    }

    /// Runs the turn to its end, even if the caller disconnects: its usage must be counted.
    pub(super) async fn run_detached(self, web: &WebState) -> Result<TrialResult, Problem> {
        let web = web.clone();
        let run = tokio::spawn(async move { self.run(&web, None).await });
        run.await.map_err(|_| Problem::broken("The turn broke. The server's log says why."))
    }
}

/// Returns the result for a message that does not reach the pipeline.
fn unanswered(
    thread: Thread,
    disposition: &Disposition,
    consent: Option<ConsentRequest>,
) -> TrialResult {
    let confirmed =
        || -> Vec<String> { consent.and_then(|consent| consent.reply).into_iter().collect() };
    let (outcome, bubbles, reason) = match disposition {
        Disposition::OptedOut => (TrialOutcome::OptOut, confirmed(), None),
        Disposition::OptedIn => (TrialOutcome::OptIn, confirmed(), None),
        Disposition::Machine(machine) => {
            (TrialOutcome::HandOver, Vec::new(), Some(machine.to_string()))
        }
        Disposition::Stored(why) => {
            let why = why.unwrap_or("a person has the conversation");
            (TrialOutcome::Silence, Vec::new(), Some(why.to_owned()))
        }
        Disposition::Waits { .. } | Disposition::Stale | Disposition::Paused => {
            (TrialOutcome::Silence, Vec::new(), None)
        }
    };
    let (choices, citations, trace) = (Vec::new(), Vec::new(), Trace::default());
    TrialResult { outcome, bubbles, choices, citations, reason, trace, thread }
}

fn receive(
    thread: &mut Thread,
    content: Option<&Content>,
    policy: &IntakePolicy,
    now: Millis,
) -> Disposition {
    let hash = content.map_or(0, loop_guard::typed_hash);
    let (stale, no_answer_reason) = (false, None);
    thread.receive(&InboundEvent { hash, sent_at: now, now, stale, no_answer_reason, policy })
}

/// Reads the state that an earlier turn gave; without it a conversation begins.
pub(super) fn read_state(state: Option<&str>) -> Result<Thread, Problem> {
    let read = state.map(serde_json::from_str::<Thread>).transpose();
    let wrong = "`state` is not one that an earlier turn gave; leave it out to begin anew";
    Ok(read.map_err(|_| Problem::unprocessable(wrong))?.unwrap_or_default())
}

/// Returns the state to send with the next turn.
pub(super) fn write_state(thread: &Thread) -> String {
    // A thread is plain data, so this cannot fail.
    serde_json::to_string(thread).unwrap_or_default()
}

/// Returns the state of a conversation of which only the lines are known. A hand-off is a rule that
/// a customer's line matches, or the agent's hand-off text; another line of the bot after it shows
/// that the case was resolved. A hand-off in a model's own words is not seen: only the state has it. Without times, only repeats show a machine.
pub(super) fn replay(intake: &Intake, bot: &Bot, lines: &[Line]) -> Thread {
    let now = now_ms();
    let limits = Limits { a_minute: 0, quick_replies: 0, ..intake.limits };
    let announcements = announcements(bot);
    let mut thread = Thread::default();
    for Line { speaker, text, .. } in lines.iter().filter(|line| !line.text.trim().is_empty()) {
        match speaker {
            Speaker::Customer => {
                let content = Content::Text { body: text.clone() };
                let policy = intake_policy(intake, Some(bot), Some(&content));
                let policy = IntakePolicy { limits, return_ms: 0, ..policy };
                let disposition = receive(&mut thread, Some(&content), &policy, now);
                let waits = matches!(disposition, Disposition::Waits { .. });
                if waits && bot.handoff_reason(text).is_some() {
                    thread.take_over(now);
                }
            }
            Speaker::Bot => {
                if announcements.iter().any(|one| one.is_in(text.trim())) {
                    thread.take_over(now);
                } else if thread.owner == Owner::Person {
                    thread.give_back();
                }
                thread.answered(Some(text), now);
            }
            Speaker::Person => thread.take_over(now),
        }
    }
    thread
}

/// What the customer reads when a person is called.
struct Announcement {
    text: String,
    /// Whether choices, files or places follow it.
    has_more: bool,
}

impl Announcement {
    /// Whether a line of the bot is this text.
    fn is_in(&self, line: &str) -> bool {
        line == self.text || self.has_more && line.starts_with(&self.text)
    }
}

/// What the customer reads when a person is called, in each language.
fn announcements(bot: &Bot) -> Vec<Announcement> {
    let texts = bot.agent.handoff.reply.all().map(|reply| {
        let MarkedText { text: reply, marks, .. } = MarkedText::of(reply);
        let (reason, question, offers) = (TurnReason::Budget {}, String::new(), Box::default());
        let sent = bubbles(bot, &Outcome::HandOver { reason, reply, question, offers });
        Announcement { text: sent.join("\n\n").trim().to_owned(), has_more: !marks.is_empty() }
    });
    texts.collect()
}

/// The refusal for an agent that does not exist, with those that do.
pub(super) fn unknown_agent(web: &WebState) -> Problem {
    let known: Vec<_> = web.desk.bots.all().iter().map(|bot| bot.agent.slug.clone()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Problem::missing(format!("There is no such agent; there are: {known}."))
}

/// Returns the budget tier for trials. Refuses them if the budget is used up: the documents' own
/// sentences would be mistaken for the prompt's work.
pub(super) async fn require_budget_tier(web: &WebState) -> Result<BudgetTier, Problem> {
    match web.desk.trial_tier().await? {
        BudgetTier::Words => Err(Problem::too_many(
            "What trials may cost today is used up ([budget] sandbox_day, or day); there is more after midnight UTC. Customers are \
             answered all the same.",
        )
        .coded(ProblemCode::TrialBudgetUsedUp)),
        means => Ok(means),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::loop_guard::SenderStats;

    /// Limit of a state in a request, as its schema says.
    const MAX_STATE_CHARS: usize = 4_000;

    #[test]
    fn a_state_with_forged_numbers_breaks_no_turn_and_can_be_sent_back() {
        let limits = Limits { repeats: 4, a_minute: 30, quick_replies: 8, quick_ms: 3_000 };
        let policy = IntakePolicy {
            gap_ms: 700,
            max_burst_ms: 4_000,
            stale_ms: 0,
            return_ms: 60_000,
            paused: false,
            limits,
            consent: None,
        };
        let content = Content::Text { body: "Hi".into() };
        for number in [i64::MIN, -1, 1, i64::MAX] {
            for owner in [Owner::Bot, Owner::Person, Owner::Nobody] {
                let time = Some(number);
                let forged = Thread {
                    owner,
                    person_at: time,
                    last_inbound_at: time,
                    notice_at: time,
                    replied_at: time,
                    reply_hash: number,
                    sender_stats: SenderStats {
                        text_hash: number,
                        text_at: number,
                        last_at: number,
                        repeats: number,
                        minute_from: number,
                        minute_count: number,
                        quick: number,
                    },
                    ..Thread::default()
                };
                let mut thread = read_state(Some(&write_state(&forged))).unwrap();
                assert_eq!(thread, forged);
                receive(&mut thread, Some(&content), &policy, now_ms());
                let state = write_state(&thread);
                assert!(state.len() <= MAX_STATE_CHARS, "{state}");
                assert_eq!(read_state(Some(&state)).unwrap().owner, thread.owner);
            }
        }
    }
}
