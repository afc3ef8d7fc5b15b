//! WhatsApp through a server of Evolution API, which is linked to the number's phone like WhatsApp on
//! a computer: receives its webhooks and calls its API.
//!
//! Its JSON stays in `wire` (webhooks), `request`, `answer` and `link` (the instance and its pairing);
//! `jid` has WhatsApp's own ids.

mod settings;
mod form;
mod jid;
mod wire;
mod request;
mod answer;
mod link;
mod media;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use frontdesk_endpoint::GuardedClient;
use http::{HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::exchange::{self, RequestError, refused};
use super::http_client::endpoint;
use super::{
    Abilities, Class, DescribeNumber, DeviceLink, Error, MalformedWebhook, OutgoingMessage,
    Provider, Receiver, SentMessage, Spec, UnverifiedWebhook, signature,
};
use crate::domain::{Event, Item, Media, Party};
use request::Call;

pub(super) use settings::Settings;

/// Entry in the table of adapters.
pub(super) static SPEC: Spec<Settings> = Spec {
    form: form::FORM,
    stored_body: |_, body| wire::stored_body(&body),
    brings_files: true,
    has_window: false,
    abilities: Abilities::LINKED_DEVICE,
    agent: |settings| &settings.agent,
    sending: Settings::sending,
    connect: |settings, client| Ok(Arc::new(Evolution::new(settings, client)?)),
};

/// Header with the server's key.
const KEY: &str = "apikey";
/// How long the typing indicator is shown, in milliseconds: the server would interrupt a longer one.
const TYPING_MS: u64 = 20_000;
/// How long the answer to it is waited for: the server answers once it is over.
const TYPING_PATIENCE: Duration = Duration::from_secs(2);
/// Timeout of a request with a file, which the server brings to WhatsApp meanwhile. It is shorter
/// than the lease of a send.
const FILE_TIMEOUT: Duration = Duration::from_secs(50);

/// An instance on an Evolution server.
pub(super) struct Evolution {
    instance: String,
    server: Url,
    key: HeaderValue,
    api_key: SecretString,
    webhook_secret: SecretString,
    /// What callers are told; calls are then rejected.
    call_message: Option<String>,
    client: GuardedClient,
}

impl Evolution {
    /// Creates the adapter. The error names the invalid setting.
    fn new(settings: &Settings, client: &GuardedClient) -> Result<Self, String> {
        settings.check()?;
        Ok(Self {
            instance: settings.instance.trim().to_owned(),
            server: settings.server()?,
            key: settings.key()?,
            api_key: settings.api_key.clone(),
            webhook_secret: settings.webhook_secret.clone(),
            call_message: settings
                .call_message
                .as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            // The key is in a header of its own, which a redirect would take to another host.
            client: client
                .without_redirects()
                .map_err(|error| format!("cannot set up HTTP: {error}"))?,
        })
    }

    /// The URL of a path on the server; escapes every segment.
    fn endpoint(&self, segments: &[&str]) -> Url {
        endpoint(&self.server, segments)
    }

    fn post(&self, call: &Call) -> Result<RequestBuilder, Error> {
        let [first, second] = call.method;
        let url = self.endpoint(&[first, second, &self.instance]);
        Ok(self.client.post(url)?.header(KEY, self.key.clone()).json(&call.body))
    }

    /// Sends a GET request.
    async fn get(&self, url: Url) -> Result<Value, Error> {
        self.ask(self.client.get(url)?.header(KEY, self.key.clone())).await
    }

    /// Sends a request that is safe to repeat.
    async fn ask(&self, request: RequestBuilder) -> Result<Value, Error> {
        let answer = exchange::send_request(request).await.map_err(RequestError::of_read_only)?;
        answer::taken(answer, self.api_key.expose_secret())
    }
}

impl Receiver for Evolution {
    fn external_id(&self) -> &str {
        &self.instance
    }

    fn verify_webhook(&self, _query: &[(String, String)]) -> Option<String> {
        None
    }

    /// The secret says all: nothing is signed.
    fn admit(&self, headers: &HeaderMap) -> Result<(), UnverifiedWebhook> {
        signature::check_bearer(headers, &self.webhook_secret)
    }

    fn authenticate(&self, headers: &HeaderMap, _body: &[u8]) -> Result<(), UnverifiedWebhook> {
        self.admit(headers)
    }

    fn decode(&self, _headers: &HeaderMap, body: &[u8]) -> Result<Vec<Item>, MalformedWebhook> {
        let mut items = wire::decode(body)?;
        for item in &mut items {
            if let Event::Echo(echo) = &mut item.event {
                // The server tells callers so: nobody took the conversation over.
                let words = echo.content.words().map(str::trim);
                echo.imported |= words.is_some() && words == self.call_message.as_deref();
            }
        }
        Ok(items)
    }
}

#[async_trait]
impl Provider for Evolution {
    async fn send(&self, outgoing: &OutgoingMessage) -> Result<SentMessage, Error> {
        let call = Call::of(outgoing)?;
        let request = self.post(&call)?;
        // The answer to a file holds it, too.
        let (request, limit) = match call.file_len {
            0 => (request, exchange::MAX_LEN),
            len => (request.timeout(FILE_TIMEOUT), exchange::MAX_LEN + media::base64_len(len)),
        };
        let answer = exchange::send_request_within(request, limit).await?;
        let taken = answer::taken(answer, self.api_key.expose_secret()).map_err(answer::of_send);
        answer::sent(&taken?)
    }

    async fn typing(&self, customer: &Party, message: &str) -> Result<(), Error> {
        let read = match &customer.wa_id {
            Some(phone) => self.ask(self.post(&request::read(phone, message))?).await.map(drop),
            None => Ok(()),
        };
        let number = jid::number(customer)
            .ok_or_else(|| refused(Class::OurFault, "the customer has no phone and no LID"))?;
        let typing = self.post(&request::typing(&number, TYPING_MS))?.timeout(TYPING_PATIENCE);
        match exchange::send_request(typing).await {
            Ok(answer) => answer::taken(answer, self.api_key.expose_secret()).and(read),
            // It is shown meanwhile.
            Err(RequestError::After(_)) => read,
            Err(lost) => Err(lost.into()),
        }
    }

    async fn media(&self, media: &Media, limit: usize) -> Result<Vec<u8>, Error> {
        self.file(media, limit).await
    }

    async fn check(&self) -> Result<String, Error> {
        match self.state().await?.as_str() {
            "open" => Ok("connected".to_owned()),
            state => Err(refused(Class::OurFault, form::not_connected(&self.instance, state))),
        }
    }

    fn describer(&self) -> Option<&dyn DescribeNumber> {
        Some(self)
    }

    fn device_link(&self) -> Option<&dyn DeviceLink> {
        Some(self)
    }
}
