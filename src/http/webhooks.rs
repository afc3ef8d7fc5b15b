//! Webhooks: verify the raw bytes, decode every item, store, then acknowledge. Never acknowledges
//! what is not stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::routing::get;
use tracing::field::display;
use tracing::{Instrument, Span};

use super::WebState;
use super::error::Problem;
use super::extract::{Path, Query};
use crate::desk::Number;
use crate::domain::{Event, Item, ProviderKind, What};
use crate::metrics::{
    MESSAGES_IN, MESSAGES_UNKNOWN_NUMBER, NOTICES_LOST, WEBHOOK_SECONDS, WEBHOOKS, WEBHOOKS_REFUSED,
};
use crate::pipeline::inbound::{self, InboundNumber, Webhook};
use crate::provider::{self, Form, UnverifiedWebhook};
use crate::secrets;
use crate::spans;
use crate::store::{self, inbox::Offer};

mod accounts;
mod body;

pub(super) fn routes() -> Router<WebState> {
    Router::new()
        .route("/webhooks/{provider}", get(handshake_any).post(receive_any))
        .route("/webhooks/{provider}/{number}", get(handshake_one).post(receive_one))
}

type Pairs = Query<Vec<(String, String)>>;

async fn handshake_any(
    State(web): State<WebState>,
    Path(provider): Path<String>,
    Query(query): Pairs,
) -> Result<String, Problem> {
    verify_webhook(&web, (&provider, None), &query).await
}

async fn handshake_one(
    State(web): State<WebState>,
    Path((provider, number)): Path<(String, String)>,
    Query(query): Pairs,
) -> Result<String, Problem> {
    verify_webhook(&web, (&provider, Some(&number)), &query).await
}

/// Answers the provider's verification request, also for a number that is still being added.
async fn verify_webhook(
    web: &WebState,
    (provider, number): (&str, Option<&str>),
    query: &[(String, String)],
) -> Result<String, Problem> {
    let numbers = addressed(web, provider, number);
    for number in numbers.as_deref().unwrap_or_default() {
        if let Some(answer) = number.client.verify_webhook(query) {
            web.desk.store.record_number_verification(&number.id).await?;
            return Ok(answer);
        }
    }
    let known: Option<ProviderKind> = provider.parse().ok();
    let question = known.and_then(|known| Some((known, Form::of(known).verification(query)?)));
    if let Some((known, (token, answer))) = question.filter(|_| number.is_none())
        && web.desk.store.record_draft_verification(known, secrets::hash(token)).await?
    {
        return Ok(answer.to_owned());
    }
    numbers.inspect_err(|_| log_unknown_address(provider, number))?;
    tracing::warn!(provider, "a webhook handshake with a wrong verify token was refused");
    Err(Problem::forbidden(
        "The verify token is not the one of any number here ([numbers.NAME] verify_token, or the console's).",
    ))
}

async fn receive_any(
    State(web): State<WebState>,
    Path(provider): Path<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    receive(&web, (&provider, None), request).await
}

async fn receive_one(
    State(web): State<WebState>,
    Path((provider, number)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    receive(&web, (&provider, Some(&number)), request).await
}

async fn receive(
    web: &WebState,
    (provider, number): (&str, Option<&str>),
    request: Request,
) -> Result<StatusCode, Problem> {
    let addressed =
        addressed(web, provider, number).inspect_err(|_| log_unknown_address(provider, number))?;
    let (span, started) = (spans::webhook(provider), Instant::now());
    let accepted = span.around(Box::pin(accept(web, &addressed, request))).await;
    match &accepted {
        Ok(_) => WEBHOOK_SECONDS.record(started.elapsed()),
        Err(_) => WEBHOOKS_REFUSED.one(),
    }
    span.ended(match &accepted {
        Ok(_) => "stored",
        Err(problem) if problem.is_ours() => "failed",
        Err(_) => "refused",
    });
    accepted
}

/// Verifies, decodes and stores a webhook for the addressed numbers.
async fn accept(
    web: &WebState,
    addressed: &[Arc<Number>],
    request: Request,
) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let sender = admit(addressed, headers)?.provider;
    let body = body::read(web, sender, (&parts.extensions, body)).await?;
    let first = verify(addressed, headers, &body)?;
    let mut items = first.client.decode(headers, &body).map_err(|malformed| {
        tracing::warn!(%malformed, "a signed webhook that cannot be read was refused");
        Problem::bad_request(malformed.to_string())
    })?;
    let ours = named(web, first.provider, &items);
    let ids: Vec<_> = ours.iter().map(|number| number.id.as_str()).collect();
    if !ids.is_empty() {
        Span::current().record("number", display(ids.join(",")));
    }
    // A signature is valid only for the numbers whose own secret made it. The webhook is refused,
    // not partly stored: the provider sends it again, and a mistyped secret can be corrected
    // meanwhile.
    verify_others(&ours, first, headers, &body)?;
    mark_tests(&ours, &mut items);
    let answers = |number: &Arc<Number>| {
        (number.client.external_id().to_owned(), web.desk.inbound_number(number))
    };
    let answers: HashMap<_, _> = ours.iter().map(answers).collect();
    let wrote: Vec<bool> = ours.iter().map(|number| wrote(number, &items)).collect();
    log_unknown_numbers(first.provider, &ours, &items);
    let candidates = accounts::candidates(addressed, headers, &body, &items);
    let named = ours.iter().filter_map(|number| accounts::new_account(number, &items));
    let named: Vec<_> = named.collect();
    let warns = items.iter().any(|item| accounts::is_of_account(&item.event));
    let authenticated = !ours.iter().any(|number| accounts::takes_unsigned(number, &body));
    let (provider, turns) = (first.provider, Offer::default());
    let body = provider::stored_body(provider, headers, body.to_vec());
    let webhook = Webhook { provider, body, items, candidates, authenticated, again: None, turns };
    crate::failpoint!("webhook.verified");
    // A separate task that completes even if the provider disconnects: a turn that is claimed with
    // the webhook must run.
    let taking = tokio::spawn(Box::pin(take(web.clone(), webhook, answers)).in_current_span());
    taking.await.unwrap_or_else(|broken| Err(store::Error::Failed(broken.to_string())))?;
    for (number, wrote) in ours.iter().zip(wrote) {
        number.activity.record_webhook(wrote);
    }
    accounts::learn_accounts(web, named).await;
    if warns {
        web.desk.announce(What::Numbers).await;
        // A restriction may be over.
        web.desk.notifier.wake_outbox();
    }
    if ours.is_empty() {
        // An account event or the provider's own test: it proves that webhooks arrive.
        first.activity.record_webhook(false);
    }
    Ok(StatusCode::OK)
}

/// Takes in a webhook that the desk itself made, for a practice number.
pub(super) async fn take_own(
    web: &WebState,
    number: &Arc<Number>,
    body: Vec<u8>,
) -> Result<(), Problem> {
    let items = number.client.decode(&HeaderMap::new(), &body);
    let items = items.map_err(|malformed| Problem::bad_request(malformed.to_string()))?;
    let inbound = web.desk.inbound_number(number);
    let answers = HashMap::from([(number.client.external_id().to_owned(), inbound)]);
    let (provider, candidates, turns) = (number.provider, Vec::new(), Offer::default());
    let authenticated = false;
    let webhook = Webhook { provider, body, items, candidates, authenticated, again: None, turns };
    let taking = tokio::spawn(Box::pin(take(web.clone(), webhook, answers)).in_current_span());
    taking.await.unwrap_or_else(|broken| Err(store::Error::Failed(broken.to_string())))?;
    number.activity.record_webhook(true);
    Ok(())
}

/// The numbers, by the provider's ids of them.
type Answers = HashMap<String, InboundNumber>;

/// Stores a webhook, and starts the turns that were claimed with it.
async fn take(web: WebState, mut webhook: Webhook, answers: Answers) -> store::Result<()> {
    let (store, wake) = (&web.desk.store, &web.desk.notifier);
    let count = webhook.items.len();
    let messages = |item: &&Item| matches!(item.event, Event::Message(_));
    let places = wake.reserve_turn_slots(webhook.items.iter().filter(messages).count());
    webhook.turns = places.offer();
    let number_of = |external: &str| answers.get(external).cloned();
    let span = spans::inbound();
    let taken = inbound::take_in(store, webhook, web.desk.intake, number_of);
    let taken = span.around(taken).await;
    span.ended(if taken.is_ok() { "stored" } else { "failed" });
    let taken = taken?;
    crate::failpoint!("webhook.stored");
    for event in &taken.events {
        if taken.claimed.iter().any(|(claim, _)| claim.id == event.conversation.as_str()) {
            wake.changed(&event.conversation);
        } else {
            wake.conversation_event(&event.conversation, event.message.as_deref());
        }
    }
    for claim in wake.start_turns(places, taken.claimed) {
        // If the release fails, the lease expires and polling finds the conversation.
        if let Err(error) = store.release_turn(&claim, None, true).await {
            tracing::warn!(%error, conversation = claim.id, "a turn that could not begin was not let go");
        }
    }
    for conversation in &taken.changed {
        wake.changed(conversation);
    }
    if taken.queued > 0 {
        wake.wake_outbox();
    }
    if taken.lost_notices > 0 {
        NOTICES_LOST.add(taken.lost_notices as u64);
        web.desk.announce(What::Escalations).await;
    }
    WEBHOOKS.one();
    MESSAGES_IN.add(taken.fresh as u64);
    tracing::debug!(count, fresh = taken.fresh, repeated = taken.repeated, "a webhook was stored");
    Ok(())
}

/// Returns the numbers that a webhook's URL addresses.
fn addressed(
    web: &WebState,
    provider: &str,
    number: Option<&str>,
) -> Result<Vec<Arc<Number>>, Problem> {
    let named = |each: &Arc<Number>| {
        number.is_none_or(|name| each.slug == name || each.id.as_str() == name)
    };
    let known: Option<ProviderKind> = provider.parse().ok();
    let mut numbers = known.map(|known| web.desk.numbers_of(known)).unwrap_or_default();
    numbers.retain(named);
    // Its provider sends again, or gives up for good after a 404.
    if numbers.is_empty() && number.is_some_and(|name| web.desk.numbers.is_disconnected(name)) {
        return Err(Problem::unavailable(
            "This number is stopped: its webhooks are taken once it works again.",
        ));
    }
    if numbers.is_empty() {
        return Err(Problem::not_found(
            "number here; add it in the console, or under [numbers] in the configuration",
        ));
    }
    Ok(numbers)
}

/// Returns the connected numbers that a webhook's items are for.
fn named(web: &WebState, provider: ProviderKind, items: &[Item]) -> Vec<Arc<Number>> {
    let about = |number: &Arc<Number>| {
        items.iter().any(|item| item.number.as_deref() == Some(number.client.external_id()))
    };
    let mut numbers = web.desk.numbers_of(provider);
    numbers.retain(about);
    numbers
}

/// Logs a webhook whose URL addresses no number that is connected here: a mistyped callback URL, or
/// a number that was removed.
fn log_unknown_address(provider: &str, number: Option<&str>) {
    /// Maximum characters of a path that anybody can send.
    const MAX_CHARS: usize = 40;
    let start = |text: &str| text.chars().take(MAX_CHARS).collect::<String>();
    WEBHOOKS_REFUSED.one();
    tracing::warn!(
        provider = ?start(provider),
        name = ?number.map(start),
        "a webhook was refused: its address is of no number that is connected here"
    );
}

/// Logs and counts what a signed webhook brings for numbers that are not connected here. It is
/// stored, and nobody answers it.
fn log_unknown_numbers(provider: ProviderKind, ours: &[Arc<Number>], items: &[Item]) {
    let mut unknown = BTreeMap::<&str, (u64, u64)>::new();
    for item in items {
        let Some(number) = item.number.as_deref() else { continue };
        if ours.iter().any(|known| known.client.external_id() == number) {
            continue;
        }
        let (messages, others) = unknown.entry(number).or_default();
        let count = if matches!(item.event, Event::Message(_)) { messages } else { others };
        *count += 1;
    }
    for (number, (messages, others)) in unknown {
        MESSAGES_UNKNOWN_NUMBER.add(messages);
        if messages > 0 {
            tracing::warn!(
                %provider,
                unknown = number,
                messages,
                "messages for the number {number} are not answered: it is not connected here. Add it in the console, or under [numbers]"
            );
        } else {
            tracing::debug!(%provider, unknown = number, others, "events of a number that is not connected here");
        }
    }
}

/// Marks the echoes of test messages: they say nothing about who has a conversation.
fn mark_tests(numbers: &[Arc<Number>], items: &mut [Item]) {
    for item in items {
        if let Event::Echo(echo) = &mut item.event {
            echo.imported |= numbers.iter().any(|number| number.activity.is_test(echo));
        }
    }
}

/// Whether the items include a customer's message to the number.
fn wrote(number: &Number, items: &[Item]) -> bool {
    let ours = |item: &&Item| item.number.as_deref() == Some(number.client.external_id());
    items.iter().filter(ours).any(|item| matches!(item.event, Event::Message(_)))
}

/// Refuses a webhook by its headers, before the body is read, if no number can accept it.
fn admit<'a>(numbers: &'a [Arc<Number>], headers: &HeaderMap) -> Result<&'a Number, Problem> {
    one_of(numbers, |number| number.client.admit(headers))
}

/// Verifies a body for numbers other than `verified`, whose secret signed it.
fn verify_others(
    numbers: &[Arc<Number>],
    verified: &Number,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Problem> {
    for number in numbers.iter().filter(|number| !std::ptr::eq(Arc::as_ptr(number), verified)) {
        verify(std::slice::from_ref(number), headers, body)?;
    }
    Ok(())
}

/// Returns the first number whose secret signed the body.
fn verify<'a>(
    numbers: &'a [Arc<Number>],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<&'a Number, Problem> {
    one_of(numbers, |number| number.client.authenticate(headers, body))
}

/// Returns the first number that accepts a webhook.
fn one_of(
    numbers: &[Arc<Number>],
    takes: impl Fn(&Number) -> Result<(), UnverifiedWebhook>,
) -> Result<&Number, Problem> {
    let mut why = None;
    for number in numbers {
        match takes(number) {
            Ok(()) => return Ok(number),
            Err(refused) => why = Some(refused),
        }
    }
    let why = why.map_or_else(String::new, |why| why.to_string());
    tracing::warn!(why, "a webhook was refused");
    Err(Problem::unauthorized(why))
}
