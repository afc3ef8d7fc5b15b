//! The courier: claims messages of the outbox, the oldest of each conversation, as fast as each number may send, passes
//! each through the send gate, sends it, and records how that ended. Never repeats a send whose outcome is unknown.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Settings;
use super::gate::{self, Pass, Stop};
use super::pace::{Allowance, Change, Outcome, Pace};
use crate::desk::{Desk, Number};
use crate::domain::time::now_ms;
use crate::domain::{ConversationId, Fault, Party, Template, Then};
use crate::provider::{Class, Error, Outgoing, Retry};
use crate::store::agents::NumberState;
use crate::store::escalations::Opened;
use crate::store::outbox::{Asked, Ended, Pair, ToSend};

/// How many messages are claimed at once.
const BATCH: usize = 64;
/// How often a record of a send is tried before the lease settles it.
const RECORD_ATTEMPTS: u32 = 5;
/// A message is not sent when its lease ends this soon, in milliseconds: its send could not be recorded any more.
const TOO_LATE_MS: i64 = 500;

/// Carries until it is told to stop; then finishes the sends under way.
pub(super) async fn run(
    desk: Arc<Desk>,
    settings: Settings,
    replicas: Arc<AtomicI64>,
    mut stopped: watch::Receiver<bool>,
) {
    let rates = desk.numbers.iter().map(|one| (one.id.to_string(), one.sending.rate));
    let pace = Mutex::new(Pace::new(rates.collect()));
    let sends = settings.sends.max(1);
    let resends = |number: &&Number| number.sending.unknown.then == Then::Resend;
    let ordered = desk.numbers.iter().filter(resends).map(|one| one.id.to_string()).collect();
    let courier = Courier {
        desk,
        pace: Arc::new(pace),
        places: Arc::new(Semaphore::new(sends)),
        settings,
        replicas,
        ordered,
    };
    let wake = courier.desk.wake.for_courier();
    let mut under_way = JoinSet::new();
    while !*stopped.borrow() {
        courier.claim_all(&mut under_way).await;
        while under_way.try_join_next().is_some() {}
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(courier.pause()) => {}
            _ = stopped.changed() => break,
        }
    }
    // What the last turns left is sent before the process goes, as far as it is due. Every place free again means that
    // nothing is under way; tasks that only wait for another try are dropped, their messages are in the outbox.
    courier.claim_all(&mut under_way).await;
    drop(courier.places.acquire_many(u32::try_from(sends).unwrap_or(u32::MAX)).await);
    under_way.abort_all();
}

struct Courier {
    desk: Arc<Desk>,
    settings: Settings,
    pace: Arc<Mutex<Pace>>,
    places: Arc<Semaphore>,
    replicas: Arc<AtomicI64>,
    /// Numbers that send again what stays unknown.
    ordered: Vec<String>,
}

impl Courier {
    fn with_pace<T>(&self, use_it: impl FnOnce(&mut Pace) -> T) -> T {
        use_it(&mut self.pace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long until something may be sent that nobody announces.
    fn pause(&self) -> Duration {
        let (now, poll) = (now_ms(), self.settings.poll_ms);
        let next = self.with_pace(|pace| pace.next_moment(now));
        let wait = next.map_or(poll, |next| u64::try_from(next - now).unwrap_or(1).clamp(1, poll));
        Duration::from_millis(wait)
    }

    /// Claims what may go now.
    async fn claim_all(&self, under_way: &mut JoinSet<()>) {
        let alive = u32::try_from(self.replicas.load(Ordering::Relaxed)).unwrap_or(1);
        self.with_pace(|pace| pace.set_replicas(alive, now_ms()));
        loop {
            // A number that may send little now is asked for alone, so that it holds back no other.
            let mut except = Vec::new();
            for number in &self.desk.numbers {
                let (most, id) = (self.allowed(number), number.id.to_string());
                if most < BATCH {
                    if most > 0 {
                        self.claim(most, (Vec::new(), Some(id.clone())), under_way).await;
                    }
                    except.push(id);
                }
            }
            let others = except.len() < self.desk.numbers.len();
            if !others || !self.claim(BATCH, (except, None), under_way).await {
                return;
            }
        }
    }

    /// How many messages of a number may be claimed now.
    fn allowed(&self, number: &Number) -> usize {
        match self.with_pace(|pace| pace.allow(number.id.as_str(), now_ms())) {
            Allowance::UpTo(count) => usize::try_from(count).unwrap_or(BATCH),
            Allowance::Probe => 1,
            Allowance::Nothing => 0,
        }
    }

    /// Claims at most so many messages; true if there may be more.
    async fn claim(
        &self,
        most: usize,
        (except, only): (Vec<String>, Option<String>),
        under_way: &mut JoinSet<()>,
    ) -> bool {
        let Ok(first) = self.places.clone().acquire_owned().await else { return false };
        let most = most.min(self.places.available_permits() + 1);
        let pair = Pair { burst: self.settings.pair_burst, gap_ms: self.settings.pair_gap_ms };
        let limit = i64::try_from(most).unwrap_or(1);
        let lease_ms = self.settings.send_lease_ms;
        let ordered = self.ordered.clone();
        let asked = Asked { limit, lease_ms, except, only, ordered, pair };
        let claimed = self.desk.store.claim_sends(asked).await.unwrap_or_else(|error| {
            tracing::error!(%error, "messages cannot be claimed, it is tried again");
            Vec::new()
        });
        let full = claimed.len() >= most;
        let mut place = Some(first);
        for message in claimed {
            self.with_pace(|pace| pace.taken(&message.number_id, 1, now_ms()));
            let permit = match place.take() {
                Some(permit) => permit,
                None => match self.places.clone().acquire_owned().await {
                    Ok(permit) => permit,
                    Err(_) => return false,
                },
            };
            self.spawn(message, permit, under_way);
        }
        full
    }

    fn spawn(&self, message: ToSend, place: OwnedSemaphorePermit, under_way: &mut JoinSet<()>) {
        let carrier = Carrier { desk: self.desk.clone(), pace: self.pace.clone() };
        under_way.spawn(async move {
            crate::step!("send.claimed");
            let ended = carrier.carry(&message).await;
            let again = if let Ended::Again(due, _) = &ended { Some(*due) } else { None };
            carrier.record(&message, ended).await;
            crate::step!("send.recorded");
            drop(place);
            // At once for the conversation's next message; later for another try of this one.
            if let Some(due) = again {
                let wait = u64::try_from(due - now_ms()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            carrier.desk.wake.send();
        });
    }
}

/// Carries one message.
struct Carrier {
    desk: Arc<Desk>,
    pace: Arc<Mutex<Pace>>,
}

impl Carrier {
    /// Sends one message; how it ended.
    async fn carry(&self, message: &ToSend) -> Ended {
        let Some(number) = self.desk.number(&message.number_id) else {
            return Ended::Failed(Fault::ours("the number is not configured any more"));
        };
        let template = number.sending.template.as_ref();
        let now = now_ms();
        let asked = gate::Asked { message, has_window: number.has_window, template, now };
        let pass = match gate::pass(&asked) {
            Ok(pass) => pass,
            Err(stop) => return self.stopped(message, stop, None).await,
        };
        if message.lease_until - now < TOO_LATE_MS {
            return Ended::Again(now, Fault::ours("it was claimed too long ago to be sent"));
        }
        let sent = self.send(number, message, &pass).await;
        // The window closed between the gate and WhatsApp: the template, where there is one, goes at once.
        let sent = match sent {
            Err(Error::Refused { class: Class::WindowClosed, fault, .. })
                if pass == Pass::AsItIs =>
            {
                match gate::outside(message, template) {
                    Ok(pass) => self.send(number, message, &pass).await,
                    Err(stop) => return self.stopped(message, stop, Some(fault)).await,
                }
            }
            other => other,
        };
        match sent {
            Ok(provider_id) => Ended::Sent(provider_id),
            Err(error) => match after(number, message, &error) {
                Ended::Failed(fault) => {
                    let stop = gate::missed(message, fault.clone());
                    self.stopped(message, stop, Some(fault)).await
                }
                ended => ended,
            },
        }
    }

    async fn send(&self, number: &Number, message: &ToSend, pass: &Pass) -> Result<String, Error> {
        crate::step!("send.begun");
        let outgoing = outgoing(message, pass);
        let sent = number.line.send(&outgoing).await;
        crate::step!("send.taken");
        let change = self.note(number, message, sent.as_ref().map(|_| ()));
        self.tell(number, change, sent.as_ref().err()).await;
        sent.map(|sent| sent.provider_id)
    }

    /// What a send says of its number.
    fn note(&self, number: &Number, message: &ToSend, sent: Result<(), &Error>) -> Change {
        let now = now_ms();
        let outcome = match sent {
            Ok(()) => Outcome::Accepted,
            Err(error @ Error::Refused { class, .. }) => match class {
                Class::Token => Outcome::TokenRefused,
                Class::Throttled => match error.retry(attempt(message), spread()) {
                    Retry::After(wait) => {
                        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                        Outcome::Throttled { until: now.saturating_add(wait) }
                    }
                    Retry::Never | Retry::Unknown => Outcome::Other,
                },
                Class::Transient => Outcome::Other,
                _ => Outcome::Accepted,
            },
            Err(_) => Outcome::Other,
        };
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.outcome(number.id.as_str(), outcome, now)
    }

    /// A number that stops, or sends again, says so where operators look.
    async fn tell(&self, number: &Number, change: Change, error: Option<&Error>) {
        let (state, reason) = match change {
            Change::None => return,
            Change::Stopped => {
                let why = error.map(ToString::to_string).unwrap_or_default();
                let reason = format!("WhatsApp refuses the number's access token: {why}");
                tracing::error!(number = number.slug, "{reason}; its queue waits");
                (NumberState::Stopped, Some(reason))
            }
            Change::Ready => {
                tracing::info!(number = number.slug, "the number sends again");
                (NumberState::Ready, None)
            }
        };
        if let Err(error) = self.desk.store.set_number_state(&number.id, state, reason).await {
            tracing::error!(%error, "the number's state could not be stored");
        }
    }

    /// A message that the gate holds back; where the customer waits for it, a person is asked.
    async fn stopped(&self, message: &ToSend, stop: Stop, refused: Option<Fault>) -> Ended {
        let fault = match stop {
            Stop::Void(fault) => fault,
            Stop::Missed(fault) => {
                let opened = Opened {
                    conversation: ConversationId::stored(message.conversation_id.clone()),
                    reason: format!("a message could not be sent: {}", fault.title),
                    question: message.body.clone().unwrap_or_default(),
                };
                if let Err(error) = self.desk.store.open_case(opened).await {
                    tracing::error!(%error, message = message.id, "a case could not be opened");
                }
                fault
            }
        };
        tracing::warn!(message = message.id, "a message was held back: {}", fault.title);
        Ended::Failed(refused.unwrap_or(fault))
    }

    /// Records how a send ended. A record that cannot be made leaves the message to its lease: then it is unknown, and
    /// not sent again.
    async fn record(&self, message: &ToSend, ended: Ended) {
        metrics::counter!("frontdesk_sends_total", "ended" => word(&ended)).increment(1);
        for attempt in 1..=RECORD_ATTEMPTS {
            match self.desk.store.record_send(message, ended.clone()).await {
                Ok(()) => {
                    let id = ConversationId::stored(message.conversation_id.clone());
                    return self.desk.wake.changed(&id);
                }
                Err(error) => {
                    tracing::error!(%error, message = message.id, attempt, "a send could not be recorded");
                    tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
                }
            }
        }
    }
}

fn outgoing(message: &ToSend, pass: &Pass) -> Outgoing {
    let template: Option<Template> = match pass {
        Pass::AsItIs => None,
        Pass::AsTemplate(template) => Some(template.clone()),
    };
    Outgoing {
        to: Party {
            wa_id: message.wa_id.clone(),
            bsuid: message.bsuid.clone(),
            ..Party::default()
        },
        text: message.body.clone().unwrap_or_default(),
        template,
        reply_to: message.reply_to.clone(),
        reference: message.id.clone(),
    }
}

fn attempt(message: &ToSend) -> u32 {
    u32::try_from(message.attempts).unwrap_or(u32::MAX)
}

/// 0 to 1: sets messages that failed together apart.
fn spread() -> f64 {
    f64::from(u32::try_from(now_ms() % 1000).unwrap_or(0)) / 1000.0
}

/// What to do after a send that failed.
fn after(number: &Number, message: &ToSend, error: &Error) -> Ended {
    let now = now_ms();
    match error.retry(attempt(message), spread()) {
        Retry::After(wait) => {
            tracing::warn!(%error, message = message.id, "a message was not sent, it is tried again in {wait:?}");
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            Ended::Again(now.saturating_add(wait), error.fault())
        }
        Retry::Unknown => {
            tracing::warn!(%error, message = message.id, "whether a message went out is unknown, it is not repeated");
            Ended::Unknown(now + number.sending.unknown.after_ms, error.fault())
        }
        Retry::Never => {
            tracing::error!(%error, message = message.id, "a message cannot be sent");
            Ended::Failed(error.fault())
        }
    }
}

fn word(ended: &Ended) -> &'static str {
    match ended {
        Ended::Sent(_) => "sent",
        Ended::Again(..) => "again",
        Ended::Unknown(..) => "unknown",
        Ended::Failed(_) => "failed",
    }
}
