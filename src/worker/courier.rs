//! The courier: claims messages of the outbox, the oldest of each conversation, passes each through the send gate,
//! sends it, and records how that ended. Never repeats a send whose outcome is unknown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::{Settings, gate};
use crate::desk::{Desk, Number};
use crate::domain::time::now_ms;
use crate::domain::{Fault, Party};
use crate::provider::{Class, Error, Outgoing, Retry};
use crate::store::agents::NumberState;
use crate::store::outbox::{Ended, ToSend};

/// How many messages are claimed at once.
const BATCH: usize = 64;
/// How often sends are looked for that were begun and never recorded.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// How often a record of a send is tried before the lease settles it.
const RECORD_ATTEMPTS: u32 = 5;

/// Carries until it is told to stop; then finishes the sends under way.
pub(super) async fn run(
    desk: Arc<Desk>,
    wake: Arc<Notify>,
    settings: Settings,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(settings.sends.max(1)));
    let mut sends = JoinSet::new();
    let mut swept = None;
    while !*stopped.borrow() {
        if swept.is_none_or(|at: Instant| at.elapsed() >= SWEEP_EVERY) {
            sweep(&desk).await;
            swept = Some(Instant::now());
        }
        while claim_some(&desk, (&places, settings.send_lease_ms), &wake, &mut sends).await {}
        while sends.try_join_next().is_some() {}
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(settings.poll_ms)) => {}
            _ = stopped.changed() => break,
        }
    }
    // What the last turns left is sent before the process goes, as far as it is due. Every place free again means that
    // nothing is under way; tasks that only wait for another try are dropped, their messages are in the outbox.
    while claim_some(&desk, (&places, settings.send_lease_ms), &wake, &mut sends).await {}
    let all = u32::try_from(settings.sends.max(1)).unwrap_or(u32::MAX);
    drop(places.acquire_many(all).await);
    sends.abort_all();
}

async fn sweep(desk: &Desk) {
    match desk.store.sweep_sends().await {
        Ok(0) => {}
        Ok(count) => tracing::warn!(
            count,
            "{count} sends were begun and never recorded: their outcome is unknown until WhatsApp reports it"
        ),
        Err(error) => tracing::error!(%error, "the outbox cannot be read, it is tried again"),
    }
}

/// Claims as many messages as there are places; true if there may be more.
async fn claim_some(
    desk: &Arc<Desk>,
    (places, lease_ms): (&Arc<Semaphore>, i64),
    wake: &Arc<Notify>,
    sends: &mut JoinSet<()>,
) -> bool {
    let Ok(first) = places.clone().acquire_owned().await else { return false };
    let free = places.available_permits().min(BATCH - 1);
    let most = i64::try_from(free + 1).unwrap_or(1);
    let claimed = desk.store.claim_sends(most, lease_ms).await.unwrap_or_else(|error| {
        tracing::error!(%error, "messages cannot be claimed, it is tried again");
        Vec::new()
    });
    let full = claimed.len() > free;
    let mut place = Some(first);
    for message in claimed {
        let permit = match place.take() {
            Some(permit) => permit,
            None => match places.clone().acquire_owned().await {
                Ok(permit) => permit,
                Err(_) => return false,
            },
        };
        let (desk, wake) = (desk.clone(), wake.clone());
        sends.spawn(async move {
            let ended = carry(&desk, &message).await;
            let again = if let Ended::Again(due, _) = &ended { Some(*due) } else { None };
            record(&desk, &message, ended).await;
            drop(permit);
            // At once for the conversation's next message; later for another try of this one.
            if let Some(due) = again {
                let wait = u64::try_from(due - now_ms()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            wake.notify_one();
        });
    }
    full
}

/// Sends one message; how it ended.
async fn carry(desk: &Desk, message: &ToSend) -> Ended {
    let Some(number) = desk.number(&message.number_id) else {
        return Ended::Failed(Fault::ours("the number is not configured any more"));
    };
    let asked = gate::Asked { message, has_window: number.has_window, now: now_ms() };
    if let Err(fault) = gate::pass(&asked) {
        return Ended::Failed(fault);
    }
    let outgoing = Outgoing {
        to: Party {
            wa_id: message.wa_id.clone(),
            bsuid: message.bsuid.clone(),
            ..Party::default()
        },
        text: message.body.clone().unwrap_or_default(),
        reply_to: message.reply_to.clone(),
        reference: message.id.clone(),
    };
    match number.line.send(&outgoing).await {
        Ok(sent) => Ended::Sent(sent.provider_id),
        Err(error) => after(desk, number, message, &error).await,
    }
}

/// What to do after a send that failed.
async fn after(desk: &Desk, number: &Number, message: &ToSend, error: &Error) -> Ended {
    let attempt = u32::try_from(message.attempts).unwrap_or(u32::MAX);
    let spread = f64::from(u32::try_from(now_ms() % 1000).unwrap_or(0)) / 1000.0;
    if let Error::Refused { class: Class::Token, .. } = error {
        stop(desk, number, error).await;
    }
    match error.retry(attempt, spread) {
        Retry::After(wait) => {
            tracing::warn!(%error, message = message.id, "a message was not sent, it is tried again in {wait:?}");
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            Ended::Again(now_ms().saturating_add(wait), error.fault())
        }
        Retry::Unknown => {
            tracing::warn!(%error, message = message.id, "whether a message went out is unknown, it is not repeated");
            Ended::Unknown(error.fault())
        }
        Retry::Never => {
            tracing::error!(%error, message = message.id, "a message cannot be sent");
            Ended::Failed(error.fault())
        }
    }
}

/// The number's credentials do not work: say so where operators look.
async fn stop(desk: &Desk, number: &Number, error: &Error) {
    let reason = format!("WhatsApp refuses the number's access token: {error}");
    tracing::error!(number = number.slug, "{reason}");
    let stopped = desk.store.set_number_state(&number.id, NumberState::Stopped, Some(reason)).await;
    if let Err(error) = stopped {
        tracing::error!(%error, "the number's state could not be stored");
    }
}

/// Records how a send ended. A record that cannot be made leaves the message to its lease: then it is unknown, and
/// not sent again.
async fn record(desk: &Desk, message: &ToSend, ended: Ended) {
    metrics::counter!("frontdesk_sends_total", "ended" => word(&ended)).increment(1);
    for attempt in 1..=RECORD_ATTEMPTS {
        match desk.store.record_send(message, ended.clone()).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(%error, message = message.id, attempt, "a send could not be recorded");
                tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
            }
        }
    }
}

fn word(ended: &Ended) -> &'static str {
    match ended {
        Ended::Sent(_) => "sent",
        Ended::Again(..) => "again",
        Ended::Unknown(_) => "unknown",
        Ended::Failed(_) => "failed",
    }
}
