//! Test messages: an operator sends one through the provider to check that a number works. It
//! belongs to no conversation.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::response::AuditedAnswer;
use super::super::writing::refusal_problem;
use crate::desk::{Delivery, Number};
use crate::domain::{Action, Fault, Party, Restriction, TestOutcome, What, phone};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;
use crate::provider::{Class, Error, OutgoingContent, OutgoingMessage, SentMessage};
use crate::store::audit::{Actor, Entry};
use crate::store::staff_messages::Refusal;

/// Time limit for the provider's answer.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(20);
/// Minimum time between two test messages of a number, in milliseconds.
const PAUSE_MS: i64 = 3000;
/// Maximum length of the text, in characters.
const MAX_LEN: usize = 1000;

/// A test message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NumberTrial {
    /// Phone number of the recipient, with its country code; with `incoming`, of the customer.
    to: String,
    /// The text; default: a short sentence.
    #[schema(max_length = 1000)]
    text: Option<String>,
    /// Send the provider's own sample template instead, which is also accepted outside the 24-hour
    /// window.
    #[serde(default)]
    template: bool,
    /// Write to the number as a customer instead. Only for practice numbers. What it costs counts
    /// towards the customers' budget.
    #[serde(default)]
    incoming: bool,
}

/// Result of a test message.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NumberTried {
    /// Whether the provider accepted it.
    ok: bool,
    /// The provider's id of the message.
    provider_id: Option<String>,
    /// What the result means, or what is wrong and what to do.
    message: String,
    /// The same as a code.
    code: TestOutcome,
    /// The provider's words when it refused the message.
    fault: Option<Fault>,
}

/// Sends a test message and returns the provider's answer.
#[utoipa::path(
    post, path = "/numbers/{id}/test", operation_id = "try_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    request_body = NumberTrial,
    responses(
        (status = 200, body = NumberTried), (status = 404, response = Problem),
        (status = 409, description = "The number is stopped, or that person opted out.", body = Problem),
        (status = 422, description = "That is no phone number, or the text is too long.", body = Problem)
    )
)]
pub(in super::super) async fn test(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Body(trial): Body<NumberTrial>,
) -> AuditedAnswer<NumberTried> {
    let number = connected(&web, &id).await?;
    let outgoing = outgoing(&web, &number, &trial)?;
    let to = outgoing.to.wa_id.clone().unwrap_or_default();
    if trial.incoming {
        let tried = write_as_customer(&web, &number, (&to, outgoing.content.text())).await?;
        let detail = json!({"to": masked_phone(&to), "incoming": true, "ok": true});
        let entry = Entry::new(actor, Action::NumberTried, number.slug.clone()).with(detail);
        web.desk.store.audit(entry).await?;
        return Ok((Note::written(), Json(tried)));
    }
    if web.desk.store.opted_out(&to).await? {
        return Err(refusal_problem(Refusal::OptedOut));
    }
    if !number.activity.try_acquire_test_send(PAUSE_MS) {
        return Err(Problem::too_many(
            "A test message just went out: try it again in a few seconds.",
        ));
    }
    number.activity.record_test(&to, outgoing.content.text());
    let sent = tokio::time::timeout(PROVIDER_TIMEOUT, number.client.send(&outgoing)).await;
    let sent = sent.unwrap_or_else(|_| Err(Error::Unknown("no answer in time".to_owned())));
    if sent.is_ok() {
        // What WhatsApp takes is not forbidden any more, whether or not it said so.
        let kind = if trial.template { Restriction::Starting } else { Restriction::Sending };
        if web.desk.store.lift_restriction(&number.id, kind).await? {
            web.desk.notifier.wake_outbox();
            web.desk.announce(What::Numbers).await;
        }
    }
    let tried = test_result(sent, matches!(outgoing.content, OutgoingContent::Template { .. }));
    let detail = json!({"to": masked_phone(&to), "template": trial.template, "ok": tried.ok});
    let entry = Entry::new(actor, Action::NumberTried, number.slug.clone()).with(detail);
    web.desk.store.audit(entry).await?;
    Ok((Note::written(), Json(tried)))
}

/// Takes in a customer's message to a practice number, as its webhook would.
async fn write_as_customer(
    web: &WebState,
    number: &Arc<Number>,
    (from, text): (&str, &str),
) -> Result<NumberTried, Problem> {
    let body = number.client.practice_webhook(from, text).ok_or_else(|| {
        Problem::unprocessable(
            "`incoming` is for practice numbers: write to this one from a phone, in WhatsApp.",
        )
    })?;
    let delivery = Delivery::of_practice(number, body);
    let delivery = delivery.map_err(|malformed| Problem::bad_request(malformed.to_string()))?;
    web.desk.take_in(std::slice::from_ref(number), delivery).await?;
    Ok(NumberTried {
        ok: true,
        provider_id: None,
        message: TestOutcome::Incoming.text().to_owned(),
        code: TestOutcome::Incoming,
        fault: None,
    })
}

/// Returns the number if it is connected; otherwise the error says why it is not.
pub(super) async fn connected(web: &WebState, id: &str) -> Result<Arc<Number>, Problem> {
    if let Some(number) = web.desk.number(id) {
        return Ok(number);
    }
    super::view::row(web, id).await?;
    let why = web.desk.numbers.disconnected_reason(id);
    Err(Problem::conflict(why.unwrap_or_else(|| "The number is not connected.".to_owned())))
}

fn outgoing(
    web: &WebState,
    number: &Number,
    trial: &NumberTrial,
) -> Result<OutgoingMessage, Problem> {
    let to = phone::wa_id(&trial.to).ok_or_else(|| {
        Problem::unprocessable(
            "`to` is a phone number with its country code, such as +44 7700 900123.",
        )
    })?;
    let template = if trial.template { number.client.test_template() } else { None };
    if trial.template && template.is_none() {
        return Err(Problem::unprocessable("This provider has no sample template: send a text."));
    }
    let name = web.desk.bots.get(&number.agent).map(|bot| bot.agent.name.clone());
    let usual = || {
        let name = name.unwrap_or_else(|| number.slug.clone());
        format!("Test message from frontdesk: {name} answers here.")
    };
    let given = trial.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let text = given.map_or_else(usual, ToOwned::to_owned);
    if trial.incoming && given.is_none() {
        return Err(Problem::unprocessable("`text` is what the customer writes: it is missing."));
    }
    if text.chars().count() > MAX_LEN {
        return Err(Problem::unprocessable(format!("`text` has at most {MAX_LEN} characters.")));
    }
    Ok(OutgoingMessage {
        to: Party { wa_id: Some(to), ..Party::default() },
        content: match template {
            Some(template) => OutgoingContent::Template(template.filled(&text)),
            None => OutgoingContent::Text(text),
        },
        reply_to: None,
        reference: format!("test_{}", ulid::Ulid::generate()),
    })
}

fn test_result(sent: Result<SentMessage, Error>, template: bool) -> NumberTried {
    let taken = if template { TestOutcome::Accepted } else { TestOutcome::AcceptedText };
    match sent {
        Ok(sent) => {
            let (provider_id, message) = (Some(sent.provider_id), taken.text().to_owned());
            NumberTried { ok: true, code: taken, provider_id, message, fault: None }
        }
        Err(Error::Refused { class, fault, .. }) => {
            let code = TestOutcome::from(class);
            let message = format!("{} It says: {} {}", code.text(), fault.code, fault.title);
            NumberTried { ok: false, code, provider_id: None, message, fault: Some(fault) }
        }
        Err(error) => {
            let code = TestOutcome::Unanswered;
            let message = format!("{} ({error})", code.text());
            NumberTried { ok: false, code, provider_id: None, message, fault: None }
        }
    }
}

impl From<Class> for TestOutcome {
    fn from(class: Class) -> Self {
        match class {
            Class::Token => Self::TokenRefused,
            Class::WindowClosed => Self::WindowClosed,
            Class::Declined => Self::Declined,
            Class::Undeliverable => Self::Undeliverable,
            // The last three are said of files alone.
            Class::OurFault | Class::Gone | Class::TooLarge | Class::Damaged => Self::Refused,
            Class::Throttled | Class::PairRate | Class::SpamLimit => Self::Throttled,
            Class::Transient => Self::ProviderTrouble,
        }
    }
}

impl TestOutcome {
    /// What it means, and what to do.
    const fn text(self) -> &'static str {
        match self {
            Self::Accepted => "WhatsApp took the message.",
            Self::AcceptedText => {
                "WhatsApp took the message. If it does not arrive within a minute: free text \
                 reaches only people who wrote to the number within the last 24 hours. Write to it \
                 from that phone first, or send the sample template."
            }
            Self::Incoming => "The message came in: its conversation is in the inbox.",
            Self::Unanswered => {
                "The provider gave no answer, so it is not known what became of it."
            }
            Self::TokenRefused => "The provider refuses the access token: write a new one.",
            Self::WindowClosed => {
                "WhatsApp takes free text only within 24 hours after that person wrote to the \
                 number: write to it from that phone first, or send the sample template."
            }
            Self::Declined => "WhatsApp does not deliver this to that person.",
            Self::Undeliverable => {
                "That phone cannot be reached: is it on WhatsApp, and is the country code there? \
                 Meta's test number reaches only phones that are listed as recipients on the page \
                 API Setup."
            }
            Self::Refused => "The provider refuses this message.",
            Self::Throttled => "That was too much at once: try it again in a few minutes.",
            Self::ProviderTrouble => "The provider has trouble right now: try it again soon.",
        }
    }
}

/// Masks a phone number for the audit log: only the last two digits stay.
fn masked_phone(phone: &str) -> String {
    let end = phone.len().saturating_sub(2);
    format!("{}{}", "•".repeat(end), phone.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_says_becomes_what_to_do() {
        let of = |class| {
            let fault = Fault { code: 7, title: "its words".into(), details: None };
            test_result(Err(Error::Refused { class, fault, retry_after: None }), false)
        };
        let closed = of(Class::WindowClosed);
        assert!(!closed.ok && closed.message.contains("sample template"), "{closed:?}");
        assert!(closed.message.ends_with("7 its words"));
        assert_eq!(closed.code, TestOutcome::WindowClosed, "which the console translates");
        assert!(of(Class::Token).message.contains("access token"));
        assert!(of(Class::Undeliverable).message.contains("recipients"));
        let lost = test_result(Err(Error::Unknown("x".into())), false);
        assert!(lost.message.contains("not known"), "{lost:?}");
        assert_eq!(masked_phone("15550100001"), "•••••••••01");
    }
}
