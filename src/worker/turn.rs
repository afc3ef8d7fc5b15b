//! One turn: gathers what waits, gets ready while the customer may still be typing, lets the model write when the burst
//! is over, begins again once when a newer message comes meanwhile, and commits. Sends nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;
use tracing::field::display;

use self::failure::failed;
use super::Settings;
use super::leases::LeaseGuard;
use super::outbox_dispatcher::OutboxDispatcher;
use super::recording_source::RecordingSource;
use super::spend_tracker::SpendTracker;
use super::typing::Typing;
use crate::desk::{ConversationEvents, Desk, Number};
use crate::domain::time::now_ms;
use crate::domain::{Agent, MessageId, TurnOutcome, VoiceTranscript};
use crate::metrics::{TURN_SECONDS, TURNS, TURNS_BEGUN_AGAIN};
use crate::pipeline::inbound::{PendingTurn, gather, merge};
use crate::pipeline::recording::{Recorder, TurnRecording};
use crate::pipeline::{Bot, BudgetTier, TurnContext, TurnResult};
use crate::spans;
use crate::store::turns::{Claim, ConversationSnapshot};

mod commit;
mod failure;
mod still;

/// How often a turn begins again before its model was asked, because more came; the gaps end earlier.
const MOST_GATHERED: usize = 50;
/// How often a model's answer is given up for a newer message.
const MOST_ABANDONED: usize = 1;
/// How long a conversation waits after a turn that could not be stored, in milliseconds.
const PAUSE_MS: i64 = 2000;
/// How long it waits when its number is not configured, or its agent cannot be used, in milliseconds.
const UNCONFIGURED_MS: i64 = 60_000;

/// One turn to run.
pub(super) struct Job {
    desk: Arc<Desk>,
    held: LeaseGuard,
    spend: Arc<SpendTracker>,
    outbox: Arc<OutboxDispatcher>,
    typing: bool,
    record: bool,
    limit: Duration,
}

/// What a turn is started with.
pub(super) struct TurnInput {
    /// What happens there since it was claimed. To the turn's end: what comes while the answer is committed wakes the
    /// dispatcher when this is dropped.
    pub(super) events: ConversationEvents,
    /// What was said there; nothing comes when it could not be read.
    pub(super) said: Option<oneshot::Receiver<ConversationSnapshot>>,
}

/// How a turn ended, where the database could be asked.
enum End {
    /// With this outcome.
    Committed(TurnOutcome),
    /// A person, or another process, has the conversation.
    Overtaken,
    /// Nothing waited.
    Nothing,
    /// There is no number or no agent to answer with.
    Unconfigured,
}

/// The result of one try to answer.
enum AttemptOutcome {
    Answered(Box<TurnAnswer>),
    /// More came, or a person took over: what waits is gathered anew.
    Newer {
        /// What voice notes said.
        heard: Vec<(MessageId, VoiceTranscript)>,
        /// Whether a model was writing.
        abandoned: bool,
    },
}

/// The pipeline's result for a turn.
struct TurnAnswer {
    answered: TurnResult,
    /// What it was given, when that is kept.
    tape: Option<String>,
}

/// What a turn may still do when more comes.
#[derive(Clone, Copy)]
struct Patience {
    /// Gather anew before the model is asked.
    gather: bool,
    /// Give up what the model is writing.
    abandon: bool,
}

/// What a turn answers, and with whom.
struct Scene<'a> {
    bot: &'a Arc<Bot>,
    number: &'a Number,
    deadline: tokio::time::Instant,
}

impl Job {
    /// A turn of a claimed conversation.
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

    /// Runs it to its end; the outcome, for its span.
    pub(super) async fn run(self, mut heard: TurnInput) -> &'static str {
        let started = Instant::now();
        let turn = tokio::select! {
            turn = self.turn(&mut heard) => turn,
            () = self.held.lost() => {
                tracing::warn!("a turn lost its lease: another process has it");
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
            Err(error) => {
                tracing::error!(%error, "a turn could not be stored, it is run again");
                // If this fails, too, the lease runs out and the poll finds the conversation.
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

    /// Runs the turn; how it ended.
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
        let deadline = tokio::time::Instant::now() + self.limit;
        let scene = Scene { bot: &bot, number: &number, deadline };
        let Some((gathered, answer)) = self.answer(&scene, heard).await? else {
            self.release(None, true).await?;
            return Ok(End::Nothing);
        };
        crate::failpoint!("turn.answered");
        self.held.ending();
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
                "a person took over, or another process has the conversation: the answer is dropped"
            );
            return Ok(End::Overtaken);
        }
        self.desk.wake.changed(&self.claim().conversation());
        self.spend.add(&bot.agent.id, cost_micros);
        Ok(End::Committed(outcome))
    }

    /// Answers what waits, begins again while more comes; nothing if nothing waits.
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
            gathered.remember(&known);
            if let Some(why) = self.hopeless(&gathered) {
                return Ok(Some((gathered, failed(&agent, why))));
            }
            if self.typing {
                typing.show(scene.number, gathered.provider_ids.last().map(String::as_str));
            }
            let patience =
                Patience { gather: tries < MOST_GATHERED, abandon: given_up < MOST_ABANDONED };
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

    /// What waits: as it was read for this turn, else as it is now.
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
        // What happened until now is read.
        events.happened(|_| true);
        gather(&self.desk.store, self.claim(), agent).await
    }

    /// One try. A pipeline that panics, or takes too long, is a failure with the agent's sentence.
    async fn attempt(
        &self,
        scene: &Scene<'_>,
        gathered: &PendingTurn,
        (events, patience): (&mut ConversationEvents, Patience),
    ) -> crate::store::Result<AttemptOutcome> {
        let (engine, recorder) = Recorder::begin(&self.desk.engine);
        let engine = if self.record { &engine } else { &self.desk.engine };
        let audio = self.recordings(scene);
        let audio = recorder.hashing(&audio);
        let prepare = engine.prepare(scene.bot, &gathered.turn, &audio);
        let prepare = self.within(scene, prepare);
        let ready = match self.unless_void(gathered, events, prepare).await {
            Some(Ok(ready)) => ready,
            Some(Err(why)) => {
                return Ok(AttemptOutcome::Answered(failed(&scene.bot.agent, why).into()));
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
        // Before the last look, for it may read the database.
        let means = self.means(&scene.bot.agent).await;
        if patience.gather && (self.newer(gathered, events).await? || self.missed(gathered).await?)
        {
            return Ok(AttemptOutcome::Newer { heard, abandoned: false });
        }
        let around = TurnContext { audio: &audio, hear: None, tier: means };
        let write = engine.write(scene.bot, &gathered.turn, ready, around);
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
                        Err(why) => failed(&scene.bot.agent, why).into(),
                    }));
                }
                () = events.next(), if patience.abandon => if self.newer(gathered, events).await? {
                    return Ok(AttemptOutcome::Newer { heard, abandoned: true });
                }
            }
        }
    }

    fn recordings<'a>(&'a self, scene: &'a Scene<'_>) -> RecordingSource<'a> {
        RecordingSource { provider: &*scene.number.line, store: &self.desk.store }
    }

    /// What may answer for this agent now.
    async fn means(&self, agent: &Agent) -> BudgetTier {
        self.spend.means(&self.desk.store, &agent.id).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was spent today is not known: the model is asked");
            BudgetTier::Full
        })
    }
}

/// Whether the burst is over.
fn quiet(gathered: &PendingTurn) -> bool {
    gathered.quiet_at.is_none_or(|moment| moment <= now_ms())
}

async fn wait_until(moment: Option<i64>) {
    let wait = moment.map_or(0, |moment| moment - now_ms());
    tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
}
