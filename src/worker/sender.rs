//! Sends one message of the outbox: through the send gate to the provider, and records the result.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::gate::{self, Pass, Stop};
use super::rate_limiter::{Change, Outcome, RateLimiter};
use crate::desk::{Desk, Number};
use crate::domain::phone::other_spelling;
use crate::domain::time::now_ms;
use crate::domain::{
    Content, ConversationId, Fault, MessageReason, NumberState, Party, SendOutcome, StopReason,
    What,
};
use crate::metrics::{NOTICES_LOST, SEND_SECONDS, SENDS};
use crate::provider::{
    Abilities, Class, Error, OutgoingContent, OutgoingMessage, Retry, SentMessage,
};
use crate::spans::Span;
use crate::store::escalations::NewEscalation;
use crate::store::outbox::{SendResult, ToSend};

mod files;

/// Attempts to record a result. After that, the expired lease makes the outcome unknown.
const RECORD_ATTEMPTS: u32 = 5;
/// Remaining lease below which a message is not sent, in milliseconds: the result might not be
/// recorded in time.
const TOO_LATE_MS: i64 = 500;

/// When a message of a number that cannot be connected is tried again, in milliseconds.
const DISCONNECTED_RETRY_MS: i64 = 60_000;

pub(super) struct MessageSender {
    pub(super) desk: Arc<Desk>,
    pub(super) limiter: Arc<Mutex<RateLimiter>>,
}

impl MessageSender {
    /// Sends one message within its span and records the result. Returns when to retry, if it is to
    /// be retried.
    pub(super) async fn deliver(&self, message: &ToSend, span: Span) -> Option<i64> {
        let mut recipient = Party::default();
        let ended = span.around(Box::pin(self.carry(message, &mut recipient))).await;
        let outcome = outcome(&ended).as_str();
        let again = if let SendResult::Again(due, _) = &ended { Some(*due) } else { None };
        let record = span.around(self.record(message, ended));
        // A failure to record does not change the outcome of the send.
        span.ended(outcome);
        record.await;
        self.know_recipient(message, &recipient).await;
        again
    }

    /// Records ids of the recipient that were not known.
    async fn know_recipient(&self, message: &ToSend, recipient: &Party) {
        let is_news = |id: &Option<String>, known: &Option<String>| id.is_some() && id != known;
        // Customers are found by either spelling of their phone.
        let is_same = recipient.wa_id == message.wa_id.as_deref().and_then(other_spelling);
        let new_phone = !is_same && is_news(&recipient.wa_id, &message.wa_id);
        let new_id =
            is_news(&recipient.bsuid, &message.bsuid) || is_news(&recipient.lid, &message.lid);
        if !new_phone && !new_id {
            return;
        }
        match self.desk.store.know_recipient(message, recipient).await {
            Ok(merged) => merged.iter().for_each(|id| self.desk.notifier.changed(id)),
            Err(error) => tracing::error!(%error, "the ids of a recipient could not be stored"),
        }
    }

    /// Sends one message and returns the result. Writes down by which ids the provider knows the
    /// recipient.
    async fn carry(&self, message: &ToSend, recipient: &mut Party) -> SendResult {
        let Some(number) = self.desk.number(&message.number_id) else {
            // It may be connected again: after an upgrade, or with the right key for its secrets.
            if let Some(why) = self.desk.numbers.disconnected_reason(&message.number_id) {
                let fault = Fault::ours(format!("the number is not connected: {why}"));
                return SendResult::Again(now_ms() + DISCONNECTED_RETRY_MS, fault);
            }
            let fault = Fault::ours("the number is not configured any more");
            let stop = if message.to_staff == 0 { Stop::Void(fault) } else { Stop::Alarm(fault) };
            return self.stopped(message, stop, None).await;
        };
        let template = number.sending.template.as_ref();
        let now = now_ms();
        let asked = gate::GateRequest { message, has_window: number.has_window, template, now };
        let pass = match gate::pass(&asked) {
            Ok(pass) => pass,
            Err(stop) => return self.stopped(message, stop, None).await,
        };
        if message.lease_until - now < TOO_LATE_MS {
            return SendResult::Again(now, Fault::ours("it was claimed too long ago to be sent"));
        }
        let number = &*number;
        let sent = self.send(number, message, &pass).await;
        // The window is closed, whatever the gate thinks: send the template at once, if there is
        // one.
        let sent = match sent {
            Err(Error::Refused { class: Class::WindowClosed, fault, .. })
                if pass == Pass::AsItIs && !message.is_template() =>
            {
                if let Err(error) = self.desk.store.close_window(message).await {
                    tracing::error!(%error, "that the window is closed could not be stored");
                }
                match gate::outside(message, template) {
                    Ok(template) => self.send(number, message, &Pass::AsTemplate(template)).await,
                    Err(stop) => return self.stopped(message, stop, Some(fault)).await,
                }
            }
            other => other,
        };
        match sent {
            Ok(sent) => {
                *recipient = sent.recipient;
                SendResult::Sent(sent.provider_id)
            }
            Err(error) => match after(number, message, &error) {
                SendResult::Failed(fault) => {
                    let stop = gate::missed(message, fault.clone());
                    self.stopped(message, stop, Some(fault)).await
                }
                ended => ended,
            },
        }
    }

    async fn send(
        &self,
        number: &Number,
        message: &ToSend,
        pass: &Pass,
    ) -> Result<SentMessage, Error> {
        let text = || message.body.clone().unwrap_or_default();
        let sent = match (pass, &message.content) {
            (Pass::AsTemplate(template), _) => {
                // WhatsApp itself refuses one that it takes no more: a stale state here stops nothing.
                post(number, message, OutgoingContent::Template(template.filled(&text()))).await
            }
            (Pass::AsItIs, None) => post(number, message, OutgoingContent::Text(text())).await,
            (Pass::AsItIs, Some(content)) => match Content::stored(content) {
                Content::Media(media) => self.send_media(number, message, media).await,
                Content::Template(filled) => self.send_template(number, message, filled).await,
                content => match Abilities::of(number.provider).outgoing(content) {
                    Some(content) => post(number, message, content).await,
                    None => Err(refused(Fault::ours("this version cannot send such a message"))),
                },
            },
        };
        if sent.is_ok() {
            number.activity.record_sent();
        }
        let change = self.note(number, message, sent.as_ref().map(|_| ()));
        self.tell(number, change, sent.as_ref().err()).await;
        sent
    }

    /// Tells the rate limiter what a send reveals about its number.
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
                // What was refused here, or without a code, says nothing of the token.
                _ if error.fault().code == 0 => Outcome::Other,
                _ => Outcome::Accepted,
            },
            Err(_) => Outcome::Other,
        };
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.outcome(number.id.as_str(), outcome, now)
    }

    /// Stores, logs and announces that a number stopped or sends again.
    async fn tell(&self, number: &Number, change: Change, error: Option<&Error>) {
        let (state, reason) = match change {
            Change::None => return,
            Change::Stopped => {
                let why = error.map(ToString::to_string).unwrap_or_default();
                let reason = StopReason::TokenRefused { problem: why }.to_string();
                tracing::error!(number = number.slug, "{reason}; its queue waits");
                (NumberState::Stopped, Some(reason))
            }
            Change::Ready => {
                tracing::info!(number = number.slug, "the number sends again");
                (NumberState::Ready, None)
            }
        };
        self.desk.report_number_state(&number.id, state, reason).await;
    }

    /// Fails a message that the gate or WhatsApp stopped. If the customer waits for it, opens a
    /// case; if it is a notice, raises an alarm.
    async fn stopped(&self, message: &ToSend, stop: Stop, refused: Option<Fault>) -> SendResult {
        let fault = match stop {
            Stop::Void(fault) => fault,
            Stop::Missed(fault) => {
                let opened = NewEscalation {
                    conversation: ConversationId::stored(message.conversation_id.clone()),
                    reason: MessageReason::unsent(fault.title.clone()).into(),
                    question: message.question(),
                };
                if let Err(error) = self.desk.store.open_case(opened).await {
                    tracing::error!(%error, "a case could not be opened");
                }
                self.desk.notifier.announce(What::Escalations);
                fault
            }
            Stop::Alarm(fault) => {
                NOTICES_LOST.one();
                if let Err(error) = self.desk.store.record_lost_notice(message, &fault).await {
                    tracing::error!(%error, "the alarm about a lost notice could not be stored");
                }
                self.desk.announce(What::Escalations).await;
                tracing::error!("a support contact was not notified of a case: {}", fault.title);
                return SendResult::Failed(refused.unwrap_or(fault));
            }
        };
        tracing::warn!("a message was held back: {}", fault.title);
        SendResult::Failed(refused.unwrap_or(fault))
    }

    /// Records the result of a send. If that fails, the outcome is unknown once the lease expires,
    /// and the message is not sent again.
    async fn record(&self, message: &ToSend, ended: SendResult) {
        SENDS.one_of(outcome(&ended).as_str());
        for attempt in 1..=RECORD_ATTEMPTS {
            match self.desk.store.record_send(message, ended.clone()).await {
                Ok(()) => {
                    let id = ConversationId::stored(message.conversation_id.clone());
                    return self.desk.notifier.changed(&id);
                }
                Err(error) => {
                    tracing::error!(%error, attempt, "a send could not be recorded");
                    tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
                }
            }
        }
    }
}

fn refused(fault: Fault) -> Error {
    Error::Refused { class: Class::OurFault, fault, retry_after: None }
}

fn not_sent(error: &crate::store::Error) -> Error {
    Error::NotSent(error.to_string())
}

/// Sends one message.
async fn post(
    number: &Number,
    message: &ToSend,
    content: OutgoingContent,
) -> Result<SentMessage, Error> {
    crate::failpoint!("send.begun");
    let outgoing = outgoing(message, content);
    let started = Instant::now();
    let sent = number.client.send(&outgoing).await;
    SEND_SECONDS.record(started.elapsed());
    crate::failpoint!("send.taken");
    sent
}

fn outgoing(message: &ToSend, content: OutgoingContent) -> OutgoingMessage {
    OutgoingMessage {
        to: Party {
            wa_id: message.wa_id.clone(),
            bsuid: message.bsuid.clone(),
            lid: message.lid.clone(),
            ..Party::default()
        },
        content,
        reply_to: message.reply_to.clone(),
        reference: message.id.clone(),
    }
}

fn attempt(message: &ToSend) -> u32 {
    u32::try_from(message.attempts).unwrap_or(u32::MAX)
}

/// Jitter from 0 to 1, so that messages that failed together are not retried together.
fn spread() -> f64 {
    f64::from(u32::try_from(now_ms() % 1000).unwrap_or(0)) / 1000.0
}

/// Decides how to proceed after a failed send.
fn after(number: &Number, message: &ToSend, error: &Error) -> SendResult {
    let now = now_ms();
    match error.retry(attempt(message), spread()) {
        Retry::After(wait) => {
            tracing::warn!(%error, "a message was not sent, it is tried again in {wait:?}");
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            SendResult::Again(now.saturating_add(wait), error.fault())
        }
        Retry::Unknown => {
            tracing::warn!(%error, "whether a message went out is unknown, it is not repeated");
            SendResult::Unknown(now + number.sending.unknown.after_ms, error.fault())
        }
        Retry::Never => {
            tracing::error!(%error, "a message cannot be sent");
            SendResult::Failed(error.fault())
        }
    }
}

fn outcome(ended: &SendResult) -> SendOutcome {
    match ended {
        SendResult::Sent(_) => SendOutcome::Sent,
        SendResult::Again(..) => SendOutcome::Again,
        SendResult::Unknown(..) => SendOutcome::Unknown,
        SendResult::Failed(_) => SendOutcome::Failed,
    }
}
