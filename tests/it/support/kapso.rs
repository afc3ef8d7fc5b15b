//! A fake Kapso: the fake Graph API below another path and with another key, and Kapso's own API. Must not
//! send webhooks by itself: tests build them here and deliver them.

use std::ops::Deref;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::fake::{Refusal, json as answer, refusal};
use super::graph::{Graph, SentMessage};
use super::hooks::all_captured;

/// The fake server, on its own port until it is dropped. What it got is that of the Graph API.
pub(crate) struct Kapso(Graph);

impl Deref for Kapso {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.0
    }
}

/// The name of a customer's message event.
pub(crate) const RECEIVED: &str = "whatsapp.message.received";
/// The name of the event of a message that was sent.
pub(crate) const SENT: &str = "whatsapp.message.sent";

impl Kapso {
    /// The only accepted key.
    pub(crate) const KEY: &str = "kapso-key-of-the-project";
    /// Secret that signs its webhooks.
    pub(crate) const SECRET: &str = "wh_sec_3kfj9dmfkg8s2";
    /// Phone number id of its number.
    pub(crate) const NUMBER: &str = "123456789012345";
    /// Business account of the number.
    pub(crate) const ACCOUNT: &str = "102290129340398";

    pub(crate) async fn start() -> Self {
        let around = |graph: Router| {
            Router::new()
                .nest("/meta/whatsapp", graph.layer(from_fn(with_token)))
                .route("/platform/v1/whatsapp/phone_numbers/{id}", get(number))
        };
        Self(Graph::start_behind("/meta/whatsapp", around).await)
    }

    /// The configuration section of its number.
    pub(crate) fn number(&self) -> String {
        format!(
            "[numbers.kapso]\nprovider = \"kapso\"\nagent = \"acme\"\nphone_number_id = \"{}\"\napi_key = \"{}\"\n\
             webhook_secret = \"{}\"\naccount_id = \"{}\"\nbase_url = \"{}\"\n",
            Self::NUMBER,
            Self::KEY,
            Self::SECRET,
            Self::ACCOUNT,
            self.url
        )
    }

    /// An error of its own, which is only words.
    pub(crate) fn words(words: &str) -> Value {
        json!({"error": words})
    }
}

fn authorize(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_key = headers.get("x-api-key").is_some_and(|key| key == Kapso::KEY);
    if is_key && !headers.contains_key("authorization") {
        return Ok(());
    }
    Err(refusal(401, &Kapso::words("Invalid API key"), None))
}

/// Passes a request on with the token that only the proxy knows.
async fn with_token(mut request: Request, next: Next) -> Result<Response, Refusal> {
    authorize(request.headers())?;
    let token = HeaderValue::from_str(&format!("Bearer {}", Graph::TOKEN)).unwrap();
    request.headers_mut().insert("authorization", token);
    Ok(next.run(request).await)
}

async fn number(Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    authorize(&headers)?;
    if id.starts_with("404") {
        return Err(refusal(404, &Kapso::words("Phone number not found"), None));
    }
    Ok(answer(&json!({"data": {
        "id": id, "phone_number_id": id, "internal_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a", "name": "Shop",
        "business_account_id": Kapso::ACCOUNT, "is_coexistence": false, "display_phone_number": "+1 555-078-3881",
        "verified_name": "Fake Business", "quality_rating": "GREEN", "status": "CONNECTED",
    }})))
}

/// Returns the webhook of a customer's message with this content, such as `{"type": "text", ..}`.
pub(crate) fn from_customer(from: &str, id: &str, content: &Value) -> Value {
    let kapso = json!({"direction": "inbound", "status": "received", "processing_status": "pending", "origin": "cloud_api"});
    event(
        from,
        &merged(json!({"id": id, "timestamp": now(), "from": from, "kapso": kapso}), content),
    )
}

/// Returns the webhook of a customer's text.
pub(crate) fn text(from: &str, id: &str, text: &str) -> Value {
    from_customer(from, id, &json!({"type": "text", "text": {"body": text}}))
}

/// Returns the webhook of a message of the business, with what Kapso says of it, such as `{"origin": ..}`.
pub(crate) fn from_business(to: &str, id: &str, text: &str, more: &Value) -> Value {
    let kapso = json!({"direction": "outbound", "status": "sent", "processing_status": "completed", "origin": "cloud_api"});
    let kapso = merged(kapso, more);
    let text = json!({"body": text});
    event(
        to,
        &json!({"id": id, "timestamp": now(), "to": to, "type": "text", "text": text, "kapso": kapso}),
    )
}

/// Returns the webhook of a message that was sent through the fake, in this status.
pub(crate) fn status(sent: &SentMessage, status: &str) -> Value {
    let to = sent.to.trim_start_matches('+');
    let listed = json!([{"id": sent.id, "status": status, "timestamp": now(), "recipient_id": to}]);
    from_business(to, &sent.id, &sent.text, &json!({"status": status, "statuses": listed}))
}

/// Returns the events as one webhook.
pub(crate) fn batch(events: &[Value]) -> Value {
    json!({"type": RECEIVED, "batch": true, "data": events, "batch_info": {"size": events.len(), "window_ms": 5000}})
}

fn event(customer: &str, message: &Value) -> Value {
    let phone = format!("+{customer}");
    let conversation = json!({
        "id": "conv_123", "phone_number": phone, "status": "active", "metadata": {},
        "phone_number_id": Kapso::NUMBER, "kapso": {"contact_name": "Ana", "messages_count": 1},
    });
    json!({
        "message": message, "conversation": conversation, "is_new_conversation": false,
        "phone_number_id": Kapso::NUMBER,
    })
}

fn merged(mut value: Value, more: &Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

fn now() -> String {
    (frontdesk::domain::time::now_ms() / 1000).to_string()
}

/// Returns every captured webhook with its name. A fragment, which is a message alone, stands in the
/// rest of its webhook.
pub(crate) fn captured() -> Vec<(String, Value)> {
    let complete = |(name, mut body): (String, Value)| {
        if body.get("message").is_some() && body.get("conversation").is_none() {
            body = event("15551234567", &merged(json!({"id": "wamid.F"}), &body["message"]));
        }
        (name, body)
    };
    all_captured("kapso").into_iter().map(complete).collect()
}
