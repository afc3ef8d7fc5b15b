//! Runs one turn: gathers the waiting messages, prepares while the customer may still be typing,
//! calls the model once the burst is over, restarts when newer messages come, and commits. Sends
//! nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;
use tracing::field::display;

use self::failure::failed;
use self::figures::TurnFigures;
use super::Settings;
use super::customer_files::CustomerFiles;
use super::leases::LeaseGuard;
use super::outbox_dispatcher::OutboxDispatcher;
use super::spend_tracker::SpendTracker;
use super::typing::Typing;
use crate::desk::{ConversationEvents, Desk, Number};
use crate::domain::time::now_ms;
use crate::domain::{Agent, MessageId, TurnOutcome, VoiceTranscript};
use crate::metrics::{TURN_SECONDS, TURNS, TURNS_BEGUN_AGAIN};
use crate::pipeline::inbound::{PendingTurn, gather, merge};
use crate::pipeline::recording::{Recorder, TurnRecording};
use crate::pipeline::{Bot, BudgetTier, TurnContext, TurnResult};
use crate::provider::Abilities;
use crate::spans;
use crate::store::turns::{Claim, ConversationSnapshot};

mod commit;
mod failure;
mod figures;
mod superseded;

/// Maximum restarts before the model is called. Normally the maximum burst length ends them
/// earlier.
const MAX_GATHERED: usize = 50;
/// Maximum times that a model's answer is abandoned for newer messages.
const MAX_ABANDONED: usize = 1;
/// Pause of a conversation after a turn that could not be stored, in milliseconds.
const PAUSE_MS: i64 = 2000;
/// Pause of a conversation whose number is not configured or whose agent has no valid version, in
/// milliseconds.
const UNCONFIGURED_MS: i64 = 60_000;

pub(super) struct Job {
    desk: Arc<Desk>,
    held: LeaseGuard,
    spend: Arc<SpendTracker>,
    outbox: Arc<OutboxDispatcher>,
    typing: bool,
    record: bool,
    limit: Duration,
}

pub(super) struct TurnInput {
    /// The conversation's events since the claim. Kept until the turn ends: events during the
    /// commit wake the dispatcher on drop.
    pub(super) events: ConversationEvents,
    /// The conversation's messages. The channel closes if they could not be loaded.
    pub(super) said: Option<oneshot::Receiver<ConversationSnapshot>>,
}

/// How a turn ended, unless the database failed.
enum End {
    /// Committed with this outcome.
    Committed(TurnOutcome),
    /// A person or another process took over the conversation.
    Overtaken,
    /// No messages waited.
    Nothing,
    /// The number or the agent is missing.
    Unconfigured,
    /// The bot is paused on the number: the messages are left to people.
    Paused,
}

enum AttemptOutcome {
    Answered(Box<TurnAnswer>),
    /// Messages came or a person took over: gather again.
    Newer {
        /// Transcripts of voice notes so far.
        heard: Vec<(MessageId, VoiceTranscript)>,
        /// Whether the model had already been called.
        abandoned: bool,
    },
}

struct TurnAnswer {
    answered: TurnResult,
    /// The recorded inputs as text; `None` if they are not recorded.
    tape: Option<String>,
}

/// Which restarts are still allowed.
#[derive(Clone, Copy)]
struct Patience {
    /// Before the model is called.
    gather: bool,
    /// While the model writes.
    abandon: bool,
}

/// The agent, number and deadline of a turn.
struct Scene<'a> {
    bot: &'a Arc<Bot>,
    number: &'a Number,
    deadline: tokio::time::Instant,
}

impl Job {
    pub(super) fn new(
        desk: &Arc<Desk>,
        held: LeaseGuard,
        (spend, outbox): (&Arc<SpendTracker>, &Arc<OutboxDispatcher>),
        settings: &Settings,
    ) -> Self {
        let limit = Duration::from_millis(settings.turn_ms);
        let (spend, outbox) = (spend.clone(), outbox.clone());
        let (typing, record) = (settings.typing, settings.record_turns);
        Self { desk: desk.clone(), held, spend, outbox, typing, record, limit }
    }

    /// Runs the turn and returns its outcome for the span.
    pub(super) async fn run(self, mut heard: TurnInput) -> &'static str {
        let started = Instant::now();
        let turn = tokio::select! {
            turn = self.turn(&mut heard) => turn,
            () = self.held.lost() => {
                tracing::info!("a turn lost its lease: another has it, or its messages were changed");
                return "lost";
            }
        };
        match turn {
            Ok(End::Committed(outcome)) => {
                TURNS.one_of(outcome.as_str());
                TURN_SECONDS.record(started.elapsed());
                outcome.as_str()
            }
            Ok(End::Overtaken) => "overtaken",
            Ok(End::Nothing) => "nothing",
            Ok(End::Unconfigured) => "unconfigured",
            Ok(End::Paused) => "paused",
            Err(error) => {
                tracing::error!(%error, "a turn could not be stored, it is run again");
                // If the release fails, the lease expires and polling finds the conversation.
                let passing = !matches!(error, crate::store::Error::Failed(_));
                self.release(Some(PAUSE_MS), passing).await.unwrap_or_default();
                "failed"
            }
        }
    }

    fn claim(&self) -> &Claim {
        self.held.claim()
    }

    async fn release(&self, pause_ms: Option<i64>, forget: bool) -> crate::store::Result<()> {
        let due = pause_ms.map(|pause| now_ms() + pause);
        self.desk.store.release_turn(self.claim(), due, forget).await
    }

    async fn turn(&self, heard: &mut TurnInput) -> crate::store::Result<End> {
        let found = self
            .desk
            .number(&self.claim().number_id)
            .and_then(|number| self.desk.bots.get(&number.agent).map(|bot| (number, bot)));
        let Some((number, bot)) = found else {
            tracing::warn!(
                "a message waits: its number is not configured, or its agent has no version that can be used"
            );
            self.release(Some(UNCONFIGURED_MS), true).await?;
            return Ok(End::Unconfigured);
        };
        if self.desk.numbers.is_paused(&number.id)
            && self.desk.store.leave_to_people(self.claim()).await?
        {
            self.desk.notifier.changed(&self.claim().conversation());
            return Ok(End::Paused);
        }
        let deadline = tokio::time::Instant::now() + self.limit;
        let scene = Scene { bot: &bot, number: &number, deadline };
        let Some((gathered, answer)) = self.answer(&scene, heard).await? else {
            self.release(None, true).await?;
            return Ok(End::Nothing);
        };
        crate::failpoint!("turn.answered");
        self.held.ending();
        let figures = TurnFigures::of(&answer.answered);
        let outbound = spans::outbound();
        let finished = outbound.in_scope(|| self.finish(&scene, &gathered, answer));
        Span::current().record("turn", display(&finished.id));
        let (outcome, cost_micros) = (finished.outcome, finished.usage.cost_micros);
        let committed = outbound.around(self.commit(finished)).await;
        outbound.ended(match &committed {
            Ok(true) => "committed",
            Ok(false) => "overtaken",
            Err(_) => "failed",
        });
        if !committed? {
            tracing::info!(
                "a person took over, the bot is paused, or another process has the conversation: the answer is dropped"
            );
            // Whoever took over ended the lease; only a pause that this process learns of later did not.
            self.release(Some(PAUSE_MS), true).await?;
            return Ok(End::Overtaken);
        }
        self.desk.notifier.changed(&self.claim().conversation());
        self.spend.add(&bot.agent.id, cost_micros);
        figures.record();
        Ok(End::Committed(outcome))
    }

    /// Answers the waiting messages, and restarts as long as that is allowed and more come. `None`
    /// if no messages wait.
    async fn answer(
        &self,
        scene: &Scene<'_>,
        heard: &mut TurnInput,
    ) -> crate::store::Result<Option<(PendingTurn, TurnAnswer)>> {
        let agent = scene.bot.agent.clone();
        let (mut known, mut given_up) = (Vec::new(), 0);
        let mut typing = Typing::default();
        for tries in 0.. {
            let inbound = spans::inbound();
            let gathered = inbound.around(self.gather(&agent, heard)).await;
            inbound.ended(match &gathered {
                Ok(Some(_)) => "gathered",
                Ok(None) => "nothing",
                Err(_) => "failed",
            });
            let Some(mut gathered) = gathered? else { return Ok(None) };
            gathered.restore_transcripts(&known);
            if let Some(why) = self.unanswerable_reason(&gathered) {
                let failed = failed(&gathered.turn, why);
                return Ok(Some((gathered, failed)));
            }
            if self.typing {
                let last = gathered.provider_ids.last().map(String::as_str);
                typing.show((&self.desk.store, scene.number), (&self.claim().contact_id, last));
            }
            let patience =
                Patience { gather: tries < MAX_GATHERED, abandon: given_up < MAX_ABANDONED };
            match self.attempt(scene, &gathered, (&mut heard.events, patience)).await? {
                AttemptOutcome::Answered(done) => return Ok(Some((gathered, *done))),
                AttemptOutcome::Newer { heard, abandoned } => {
                    TURNS_BEGUN_AGAIN.one();
                    known = heard;
                    given_up += usize::from(abandoned);
                }
            }
        }
        Ok(None)
    }

    /// Gathers the waiting messages: as loaded for this turn, or else from the database.
    async fn gather(
        &self,
        agent: &Arc<Agent>,
        TurnInput { events, said }: &mut TurnInput,
    ) -> crate::store::Result<Option<PendingTurn>> {
        let read = match said.take() {
            Some(said) => said.await.ok(),
            None => None,
        };
        if let Some(said) = read {
            return Ok(merge(said, self.claim(), agent));
        }
        // A turn whose messages were changed is another's by now.
        if !self.desk.store.holds_lease(self.claim()).await? {
            return Ok(None);
        }
        // Earlier events are covered by the read that follows.
        events.take_new_events(|_| true);
        gather(&self.desk.store, self.claim(), agent).await
    }

    /// Makes one attempt. A panic or a timeout of the pipeline results in the agent's failure
    /// sentence.
    async fn attempt(
        &self,
        scene: &Scene<'_>,
        gathered: &PendingTurn,
        (events, patience): (&mut ConversationEvents, Patience),
    ) -> crate::store::Result<AttemptOutcome> {
        let (engine, recorder) = Recorder::begin(&self.desk.engine, &scene.bot.agent);
        let engine = if self.record { &engine } else { &self.desk.engine };
        let audio = self.customer_files(scene);
        let audio = recorder.hashing(&audio);
        let prepare = engine.prepare(scene.bot, &gathered.turn, &audio);
        let prepare = Box::pin(self.within(scene, prepare));
        let ready = match self.unless_void(gathered, events, prepare).await {
            Some(Ok(ready)) => ready,
            Some(Err(why)) => {
                return Ok(AttemptOutcome::Answered(failed(&gathered.turn, why).into()));
            }
            None => return Ok(AttemptOutcome::Newer { heard: Vec::new(), abandoned: false }),
        };
        crate::failpoint!("turn.prepared");
        let heard = ready.transcripts().to_vec();
        while !quiet(gathered) {
            tokio::select! {
                () = events.next(), if patience.gather => if self.newer(gathered, events).await? {
                    return Ok(AttemptOutcome::Newer { heard, abandoned: false });
                },
                () = wait_until(gathered.quiet_at) => {}
            }
        }
        // Before the last check for new messages, since it may read the database.
        let means = self.budget_tier(&scene.bot.agent).await;
        if patience.gather && (self.newer(gathered, events).await? || self.missed(gathered).await?)
        {
            return Ok(AttemptOutcome::Newer { heard, abandoned: false });
        }
        let abilities = Abilities::of(scene.number.provider);
        let around = TurnContext { files: &audio, hear: None, tier: means, abilities };
        let write = engine.generate_reply(scene.bot, &gathered.turn, ready, around);
        let mut write = Box::pin(self.within(scene, write));
        loop {
            tokio::select! {
                answered = &mut write => {
                    drop(write);
                    return Ok(AttemptOutcome::Answered(match answered {
                        Ok(answered) => {
                            let tape = self.record.then(|| {
                                recorder.finish(scene.bot, &gathered.turn, means, &answered)
                            });
                            let tape = tape.as_ref().and_then(TurnRecording::written);
                            TurnAnswer { answered, tape }.into()
                        }
                        Err(why) => failed(&gathered.turn, why).into(),
                    }));
                }
                () = events.next(), if patience.abandon => if self.newer(gathered, events).await? {
                    return Ok(AttemptOutcome::Newer { heard, abandoned: true });
                }
            }
        }
    }

    fn customer_files<'a>(&'a self, scene: &'a Scene<'_>) -> CustomerFiles<'a> {
        let Desk { store, max_file_bytes, .. } = &*self.desk;
        let (provider, max_file_bytes) = (&*scene.number.client, *max_file_bytes);
        CustomerFiles { provider, store, max_file_bytes }
    }

    /// Returns what may answer for this agent now.
    async fn budget_tier(&self, agent: &Agent) -> BudgetTier {
        self.spend.budget_tier(&self.desk.store, &agent.id).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was spent today is not known: the model is asked");
            BudgetTier::Full
        })
    }
}

/// Whether the quiet gap is over.
fn quiet(gathered: &PendingTurn) -> bool {
    gathered.quiet_at.is_none_or(|moment| moment <= now_ms())
}

async fn wait_until(moment: Option<i64>) {
    let wait = moment.map_or(0, |moment| moment - now_ms());
    tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
}
