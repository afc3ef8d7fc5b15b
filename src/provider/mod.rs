//! Seam: WhatsApp. A provider reads webhooks into events and sends messages out.
//!
//! An adapter is a module with `Settings` and a `SPEC`, and one line of `adapters!` by the name of its [`ProviderKind`].
//! Adapters know their own wire format and nothing of the database, the pipeline or each other. What all of them promise is
//! in `tests/it/provider_contract.rs`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use serde::Deserialize;

use crate::domain::{Fault, Item, Media, Party, ProviderKind, Sending, Template};

mod error;
mod form;
mod json;
mod signature;
mod meta;
mod sandbox;

pub use error::{Class, Error, MalformedWebhook, Retry, UnverifiedWebhook};
pub use form::{Field, FieldError, Fields, Form, Kind, Shows, Step};

/// The longest that a message's outcome may stay unknown, in milliseconds: thirty days.
const MOST_UNKNOWN_MS: i64 = 30 * 24 * 3_600_000;

/// One connected number: takes in its webhooks.
pub trait Receiver: Send + Sync {
    /// The provider's own id of the number, by which events name it.
    fn external_id(&self) -> &str;

    /// The answer to the provider's request to verify the webhook address; `None` refuses.
    fn verify_webhook(&self, query: &[(String, String)]) -> Option<String>;

    /// Whether a webhook with these headers can be genuine: checked before any of its body is read.
    fn admit(&self, headers: &HeaderMap) -> Result<(), UnverifiedWebhook>;

    /// Checks the signature of a webhook over its raw bytes, before anything is parsed.
    fn authenticate(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), UnverifiedWebhook>;

    /// Reads every item of a verified webhook. Items that are not understood are kept as
    /// [`Event::Other`](crate::domain::Event::Other); only a body that is not a webhook at all is an error.
    fn decode(&self, body: &[u8]) -> Result<Vec<Item>, MalformedWebhook>;
}

/// One connected number: sends.
#[async_trait]
pub trait Provider: Receiver {
    /// Sends one message. An error says whether it surely did not go out.
    async fn send(&self, outgoing: &OutgoingMessage) -> Result<SentMessage, Error>;

    /// Marks the customer's message as read and shows that we are writing.
    async fn typing(&self, message: &str) -> Result<(), Error>;

    /// Fetches a file that a customer sent, of at most `limit` bytes.
    async fn media(&self, media: &Media, limit: usize) -> Result<Vec<u8>, Error>;

    /// Asks the provider whether the credentials work; the answer names the number.
    async fn check(&self) -> Result<String, Error>;

    /// Checks the credentials field by field, where the provider can tell them apart.
    fn describer(&self) -> Option<&dyn DescribeNumber> {
        None
    }

    /// A template that every account of the provider has, to try a number with.
    fn sample(&self) -> Option<Template> {
        None
    }
}

/// Asks the provider about a number, so that a wrong field of its form is found.
#[async_trait]
pub trait DescribeNumber: Send + Sync {
    /// How the provider describes the number, or which field is wrong and where the right value is found.
    async fn describe_number(&self) -> Result<NumberDescription, FieldError>;
}

/// A number as its provider describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberDescription {
    /// The phone number.
    pub display: Option<String>,
    /// The name that customers see.
    pub verified_name: Option<String>,
    /// The description in a sentence.
    pub words: String,
}

/// Limits of the numbers that are added in the console, as written in the configuration.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Whether they may call another address than the provider's own.
    pub allow_base_url: bool,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The recipient: `bsuid` is used where `wa_id` is not known.
    pub to: Party,
    /// In WhatsApp's own formatting, at most 4,096 characters.
    pub text: String,
    /// Sent instead of the text, where the provider takes only templates.
    pub template: Option<Template>,
    /// The provider's id of the message that it quotes.
    pub reply_to: Option<String>,
    /// Our reference; status events bring it back.
    pub reference: String,
}

/// A message that the provider accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The provider's id of it.
    pub provider_id: String,
    /// The recipient's ids as the provider knows them.
    pub recipient: Party,
}

/// Connects a number. The error says what is missing and where to set it.
type Connect<S> = fn(&S, &reqwest::Client) -> Result<Arc<dyn Provider>, String>;

/// What an adapter says of itself: everything that differs by provider is read here. `S` is how a number of it is configured.
struct Spec<S> {
    /// What is asked for to connect a number.
    form: Form,
    /// Whether WhatsApp lets a number write freely only for 24 hours after the customer's last message.
    has_window: bool,
    /// The name of the agent that answers on the number.
    agent: fn(&S) -> &str,
    /// How the number sends.
    sending: fn(&S) -> Sending,
    /// Connects the number.
    connect: Connect<S>,
}

/// Makes [`Settings`] of the adapters, and reads each adapter's `SPEC`.
macro_rules! adapters {
    ($($kind:ident = $adapter:ident;)+) => {
        /// How a number is connected, as written in the configuration.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(tag = "provider", rename_all = "snake_case", deny_unknown_fields)]
        pub enum Settings {
            $(
                #[doc = concat!("A number of `", stringify!($adapter), "`.")]
                $kind($adapter::Settings),
            )+
        }

        impl Form {
            /// The form of a provider.
            pub fn of(provider: ProviderKind) -> &'static Self {
                match provider {
                    $(ProviderKind::$kind => &$adapter::SPEC.form,)+
                }
            }
        }

        impl Settings {
            /// Connects the number. Errors say what is missing and where to set it.
            pub fn build(&self, client: &reqwest::Client) -> Result<Arc<dyn Provider>, String> {
                match self {
                    $(Self::$kind(settings) => ($adapter::SPEC.connect)(settings, client),)+
                }
            }

            /// The provider.
            pub fn provider(&self) -> ProviderKind {
                match self {
                    $(Self::$kind(_) => ProviderKind::$kind,)+
                }
            }

            /// Whether WhatsApp lets the number write freely only for 24 hours after the customer's last message.
            pub fn has_window(&self) -> bool {
                match self {
                    $(Self::$kind(_) => $adapter::SPEC.has_window,)+
                }
            }

            /// The name of the agent that answers on the number.
            pub fn agent(&self) -> &str {
                match self {
                    $(Self::$kind(settings) => ($adapter::SPEC.agent)(settings),)+
                }
            }

            fn unchecked_sending(&self) -> Sending {
                match self {
                    $(Self::$kind(settings) => ($adapter::SPEC.sending)(settings),)+
                }
            }
        }
    };
}

adapters! {
    Meta = meta;
    Sandbox = sandbox;
}

impl Settings {
    /// How the number sends. The error names the key that cannot be right.
    pub fn sending(&self) -> Result<Sending, String> {
        let sending = self.unchecked_sending();
        if !(0.001..=1_000_000.0).contains(&sending.rate) {
            return Err("rate goes from 0.001 to 1000000: messages a second".into());
        }
        if !(0..=MOST_UNKNOWN_MS).contains(&sending.unknown.after_ms) {
            return Err(format!("unknown.after_ms goes from 0 to {MOST_UNKNOWN_MS}"));
        }
        if !(0..=100).contains(&sending.unknown.times) {
            return Err("unknown.times goes from 0 to 100".into());
        }
        Ok(sending)
    }

    /// What was written in a form, as settings. The error names the field.
    pub fn from_form(form: &Form, agent: &str, fields: &Fields) -> Result<Self, FieldError> {
        serde_json::from_value(form.json(agent, fields)?)
            .map_err(|error| FieldError { field: None, message: error.to_string() })
    }
}

/// An HTTP client for all providers: keeps connections open, gives up after `timeout`.
pub fn client(timeout: Duration) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .redirect(reqwest::redirect::Policy::limited(3))
        .build()
        .map_err(|error| format!("cannot set up HTTP: {error}"))
}

impl Fault {
    /// A fault in our own words.
    pub(crate) fn ours(title: impl Into<String>) -> Self {
        Self { code: 0, title: title.into(), details: None }
    }
}
