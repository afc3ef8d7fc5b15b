//! The dispatcher: claims conversations that are due and runs their turns, one at a time in a conversation, many at
//! once in all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Settings;
use crate::desk::{Desk, Number};
use crate::domain::time::now_ms;
use crate::domain::trace::Trace;
use crate::domain::{Agent, Media, Outcome, Reply, ReplyKind};
use crate::pipeline::inbound::{Gathered, gather};
use crate::pipeline::outbound::{Place, plan, word};
use crate::pipeline::{Answered, Around, Bot, Recordings};
use crate::store::finish::Committed;
use crate::store::turns::Claim;

/// How many conversations are claimed at once.
const BATCH: usize = 64;
/// A turn that was begun this often and never finished gets the failure sentence instead of another try.
const MOST_ATTEMPTS: i64 = 3;
/// WhatsApp shows "typing…" for 25 seconds; it is renewed a little earlier.
const TYPING_AGAIN: Duration = Duration::from_secs(20);
/// The largest voice note that is fetched, in bytes: what WhatsApp itself takes.
const LARGEST_RECORDING: usize = 16 * 1024 * 1024;
/// How long a conversation waits after a turn that could not be stored, in milliseconds.
const PAUSE_MS: i64 = 2000;

/// Dispatches until it is told to stop; then finishes the turns under way.
pub(super) async fn run(
    desk: Arc<Desk>,
    mut due: UnboundedReceiver<i64>,
    settings: Settings,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(settings.turns.max(1)));
    let mut turns = JoinSet::new();
    let mut alarms = BinaryHeap::new();
    while !*stopped.borrow() {
        let poll = now_ms() + i64::try_from(settings.poll_ms).unwrap_or(1000);
        let next = alarms.peek().map_or(poll, |Reverse(moment)| poll.min(*moment));
        let wait = u64::try_from(next - now_ms()).unwrap_or(0);
        tokio::select! {
            moment = due.recv() => alarms.extend(moment.map(Reverse)),
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            _ = stopped.changed() => break,
        }
        while let Ok(moment) = due.try_recv() {
            alarms.push(Reverse(moment));
        }
        let now = now_ms();
        if alarms.peek().is_some_and(|Reverse(moment)| *moment > now) && now < poll {
            continue;
        }
        while alarms.peek().is_some_and(|Reverse(moment)| *moment <= now) {
            alarms.pop();
        }
        while claim_some(&desk, &places, &settings, &mut turns).await {}
        while turns.try_join_next().is_some() {}
    }
    while turns.join_next().await.is_some() {}
}

/// Claims as many turns as there are places; true if there may be more.
async fn claim_some(
    desk: &Arc<Desk>,
    places: &Arc<Semaphore>,
    settings: &Settings,
    turns: &mut JoinSet<()>,
) -> bool {
    let Ok(first) = places.clone().acquire_owned().await else { return false };
    let free = places.available_permits().min(BATCH - 1);
    let most = i64::try_from(free + 1).unwrap_or(1);
    let claims = match desk.store.claim_turns(most, settings.lease_ms).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::error!(%error, "turns cannot be claimed, it is tried again");
            return false;
        }
    };
    let full = claims.len() > free;
    let mut place = Some(first);
    for claim in claims {
        let permit = match place.take() {
            Some(permit) => permit,
            None => match places.clone().acquire_owned().await {
                Ok(permit) => permit,
                Err(_) => return false,
            },
        };
        let limit = time_limit(settings.lease_ms);
        let job = Job { desk: desk.clone(), claim, typing: settings.typing, limit };
        turns.spawn(async move {
            job.run().await;
            drop(permit);
        });
    }
    full
}

/// One turn to run.
struct Job {
    desk: Arc<Desk>,
    claim: Claim,
    typing: bool,
    /// How long the pipeline may take: less than the lease, so that the turn can still be committed.
    limit: Duration,
}

impl Job {
    async fn run(self) {
        let started = Instant::now();
        match self.turn().await {
            Ok(Some(outcome)) => {
                metrics::counter!("frontdesk_turns_total", "outcome" => outcome).increment(1);
                metrics::histogram!("frontdesk_turn_seconds").record(started.elapsed());
                self.desk.wake.send();
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, conversation = self.claim.id, "a turn could not be stored, it is run again");
                let again = now_ms() + PAUSE_MS;
                // If this fails, too, the lease runs out and the poll finds the conversation.
                let passing = !matches!(error, crate::store::Error::Failed(_));
                drop(self.desk.store.release_turn(&self.claim, Some(again), passing).await);
                self.desk.wake.turn_at(again);
            }
        }
    }

    /// Runs the turn; the outcome as one word, or nothing when there was none to run.
    async fn turn(&self) -> crate::store::Result<Option<&'static str>> {
        let found = self
            .desk
            .number(&self.claim.number_id)
            .and_then(|number| self.desk.bots.get(&number.agent).map(|bot| (number, bot)));
        let Some((number, bot)) = found else {
            tracing::warn!(
                number = self.claim.number_id,
                "a message waits on a number that is not configured"
            );
            self.desk.store.release_turn(&self.claim, Some(now_ms() + 60_000), true).await?;
            return Ok(None);
        };
        let agent = Arc::new(bot.agent.clone());
        let Some(gathered) = gather(&self.desk.store, &self.claim, &agent).await? else {
            self.desk.store.release_turn(&self.claim, None, true).await?;
            return Ok(None);
        };
        let answered = self.answer(&bot, number, &gathered).await;
        let outcome = word(&answered.outcome);
        let place =
            Place { claim: self.claim.clone(), gathered: &gathered, base_url: &self.desk.base_url };
        let finished = plan(&bot, place, &answered);
        match self.desk.store.commit_turn(finished).await? {
            Committed::Yes => Ok(Some(outcome)),
            Committed::Overtaken => {
                tracing::info!(
                    conversation = self.claim.id,
                    "a person took over, or another process has the conversation: the answer is dropped"
                );
                Ok(None)
            }
        }
    }

    /// Answers, with "typing…" meanwhile. A pipeline that panics, or took the process down before, is a failure.
    async fn answer(&self, bot: &Arc<Bot>, number: &Number, gathered: &Gathered) -> Answered {
        if self.claim.attempts > MOST_ATTEMPTS {
            return failed(&bot.agent, "this turn was begun several times and never finished");
        }
        let typing = self.typing.then(|| keep_typing(number, gathered)).flatten();
        let mut task = {
            let (desk, bot, turn) = (self.desk.clone(), bot.clone(), gathered.turn.clone());
            let line = Line(number.line.clone());
            tokio::spawn(async move {
                let around = Around { recordings: &line, hear: None };
                desk.engine.answer(&bot, &turn, around).await
            })
        };
        let answered = tokio::time::timeout(self.limit, &mut task).await;
        if let Some(typing) = typing {
            typing.abort();
        }
        match answered {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => {
                tracing::error!(%error, conversation = self.claim.id, "the pipeline broke, the customer gets the failure sentence");
                failed(&bot.agent, "the pipeline broke")
            }
            Err(_) => {
                task.abort();
                tracing::error!(
                    conversation = self.claim.id,
                    "a turn took longer than [worker] lease_ms allows, the customer gets the failure sentence"
                );
                failed(&bot.agent, "the turn took longer than [worker] lease_ms allows")
            }
        }
    }
}

/// Nine tenths of the lease; the rest is for committing.
fn time_limit(lease_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(lease_ms / 10 * 9).unwrap_or(1000).max(100))
}

fn failed(agent: &Agent, why: &str) -> Answered {
    let mut trace = Trace::default();
    let written =
        crate::domain::trace::Written { errors: vec![why.to_owned()], ..Default::default() };
    trace.reply = Some(written);
    let reply = Reply {
        text: agent.texts.failure.clone(),
        sort: ReplyKind::Failure,
        citations: Vec::new(),
    };
    Answered { outcome: Outcome::Reply(reply), trace, transcripts: Vec::new() }
}

/// Shows "typing…" until it is stopped. That it cannot be shown is no reason not to answer.
fn keep_typing(number: &Number, gathered: &Gathered) -> Option<tokio::task::JoinHandle<()>> {
    let (line, message) = (number.line.clone(), gathered.last_provider_id.clone()?);
    Some(tokio::spawn(async move {
        loop {
            if let Err(error) = line.typing(&message).await {
                tracing::debug!(%error, "the typing indicator could not be shown");
            }
            tokio::time::sleep(TYPING_AGAIN).await;
        }
    }))
}

/// Recordings of a number.
struct Line(Arc<dyn crate::provider::Provider>);

#[async_trait]
impl Recordings for Line {
    async fn fetch(&self, media: &Media) -> Result<Vec<u8>, String> {
        self.0.media(media, LARGEST_RECORDING).await.map_err(|error| error.to_string())
    }
}
