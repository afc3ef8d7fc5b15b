//! Webhooks: verify the raw bytes, decode every item, let the desk store them, then acknowledge. Never
//! acknowledges what is not stored.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::routing::get;
use tracing::Span;
use tracing::field::display;

use super::WebState;
use super::error::Problem;
use super::extract::{Path, Query};
use crate::desk::{Delivery, DeliverySource, Number};
use crate::domain::ProviderKind;
use crate::metrics::{WEBHOOK_SECONDS, WEBHOOKS_REFUSED};
use crate::provider::{self, Form, UnverifiedWebhook};
use crate::secrets;
use crate::spans;

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
    let items = first.client.decode(headers, &body).map_err(|malformed| {
        tracing::warn!(%malformed, "a signed webhook that cannot be read was refused");
        Problem::bad_request(malformed.to_string())
    })?;
    let ours = web.desk.numbers_for(first.provider, &items);
    let ids: Vec<_> = ours.iter().map(|number| number.id.as_str()).collect();
    if !ids.is_empty() {
        Span::current().record("number", display(ids.join(",")));
    }
    // A signature is valid only for the numbers whose own secret made it. The webhook is refused,
    // not partly stored: the provider sends it again, and a mistyped secret can be corrected
    // meanwhile.
    verify_others(&ours, first, headers, &body)?;
    let candidates = accounts::candidates(addressed, headers, &body, &items);
    let authenticated = !ours.iter().any(|number| accounts::takes_unsigned(number, &body));
    let body = provider::stored_body(first.provider, headers, body.to_vec());
    let (provider, source) = (first.provider, DeliverySource::Webhook);
    let delivery = Delivery { provider, body, items, candidates, authenticated, source };
    crate::failpoint!("webhook.verified");
    web.desk.take_in(&ours, delivery).await?;
    if ours.is_empty() {
        // An account event or the provider's own test: it proves that webhooks arrive.
        first.activity.record_webhook(false);
    }
    Ok(StatusCode::OK)
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
