//! A number's way to Meta's Graph API: its address, its key, and what is sent there.
//!
//! Meta's JSON stays in `wire` (webhooks), `request` and `answer`; `codes` classifies its error
//! codes.

pub(super) mod setting;
pub(super) mod fields;
mod wire;
mod request;
mod interactive;
mod template_message;
mod answer;
mod codes;
mod media;
mod templates;
mod template_draft;

use frontdesk_endpoint::GuardedClient;
use http::{HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::http_client::endpoint;
use super::{Class, Error, NumberDescription, OutgoingMessage, SentMessage, exchange, json};

pub(super) use wire::{decode, events};

/// A number of the Graph API.
pub(super) struct Graph {
    /// Meta's id of the number.
    pub(super) phone_number_id: String,
    /// Meta's id of the number's account, if the settings name it.
    pub(super) account_id: Option<String>,
    /// URL of the API, with its version.
    pub(super) base: Url,
    /// The header that authorises a request.
    pub(super) key: (HeaderName, HeaderValue),
    /// The secret in that header, which stands in no error.
    pub(super) secret: SecretString,
    /// Whether another server passes the requests on to Meta.
    pub(super) is_proxied: bool,
    /// Domains to which the key may go, too, for customers' files.
    pub(super) file_hosts: &'static [&'static str],
    /// The client of its requests.
    pub(super) client: GuardedClient,
}

impl Graph {
    /// Sends one message.
    pub(super) async fn send(&self, outgoing: &OutgoingMessage) -> Result<SentMessage, Error> {
        let message = request::Message::new(outgoing).ok_or_else(|| {
            let why = "the message has no recipient, or its file was not uploaded";
            exchange::refused(Class::OurFault, why)
        })?;
        let answer = exchange::send_request(self.messages(&message)?).await?;
        if self.is_proxied && answer.is_failed_proxy() {
            // It may have passed the message on before.
            return Err(Error::Unknown(format!(
                "a proxy before Meta answered HTTP {}",
                answer.status
            )));
        }
        answer::sent(&answer.taken(self.secret.expose_secret())?)
    }

    /// Marks a message as read and shows the typing indicator.
    pub(super) async fn typing(&self, message: &str) -> Result<(), Error> {
        let answer = exchange::send_request(self.messages(&request::Typing::new(message))?).await?;
        answer.taken(self.secret.expose_secret()).map(drop)
    }

    /// Sends a GET request; safe to repeat.
    pub(super) async fn ask(&self, url: Url) -> Result<Value, Error> {
        let request = self.authorized(self.client.get(url)?);
        let answer =
            exchange::send_request(request).await.map_err(exchange::RequestError::of_read_only)?;
        answer.taken(self.secret.expose_secret())
    }

    /// The URL of a path below the API version; escapes every segment.
    pub(super) fn endpoint(&self, segments: &[&str]) -> Url {
        endpoint(&self.base, segments)
    }

    /// A request with the key.
    pub(super) fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        let (name, value) = self.key.clone();
        request.header(name, value)
    }

    /// A POST request to `/messages`.
    fn messages(&self, body: &(impl Serialize + Sync)) -> Result<RequestBuilder, Error> {
        let url = self.endpoint(&[&self.phone_number_id, "messages"]);
        Ok(self.authorized(self.client.post(url)?).json(body))
    }
}

/// What Meta says of a number, which Kapso passes on.
pub(super) fn describe(number: &Value) -> NumberDescription {
    let (display, verified_name) =
        (json::text(number, "display_phone_number"), json::text(number, "verified_name"));
    let quality = json::text(number, "quality_rating");
    let words = format!(
        "{} ({}), quality {}",
        verified_name.as_deref().unwrap_or("a number without a name"),
        display.as_deref().unwrap_or("phone number not shown"),
        quality.as_deref().unwrap_or("not rated")
    );
    NumberDescription { display, verified_name, words }
}
