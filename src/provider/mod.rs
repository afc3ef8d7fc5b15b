//! Seam: WhatsApp. A provider converts webhooks to events and sends messages.
//!
//! An adapter is a module with `Settings` and a `SPEC`, and one line of `adapters!` by the name of
//! its [`ProviderKind`]. Adapters know their own wire format and nothing of the database, the
//! pipeline or each other. The contract that all of them fulfil is tested in
//! `tests/it/provider_contract.rs`. `graph` is no adapter: it is what those of Meta's API share.

use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_endpoint::GuardedClient;
use http::HeaderMap;
use serde::Deserialize;

use crate::domain::time::Millis;
use crate::domain::{
    ConnectionChange, FallbackTemplate, Fault, Item, Media, MessageTemplate, Party, ProviderKind,
    Sending, TemplateDraft,
};

pub mod abilities;
mod error;
mod exchange;
mod form;
mod http_client;
mod json;
mod outgoing;
mod prices;
mod signature;
mod text_or_number;
#[cfg(test)]
mod test_data;
mod graph;
mod meta;
mod evolution;
mod kapso;
mod sandbox;

pub use abilities::{Abilities, FileAbility, UnfitContent, UnfitFile};
pub use error::{Class, Error, MalformedWebhook, Retry, UnverifiedWebhook, address_hint};
pub use form::{Field, FieldError, Fields, Form, Kind, Shows, Step};
#[cfg(test)]
pub(crate) use http_client::MAX_IDLE;
pub use http_client::{Limits, client};
pub use outgoing::{
    FileSource, FileUpload, OutgoingContent, OutgoingFile, OutgoingMessage, SentMessage,
    UploadedFile,
};
pub use prices::MessagePrices;

/// Upper bound on the time that a message's outcome may stay unknown, in milliseconds: 30 days.
const MAX_UNKNOWN_MS: i64 = 30 * 24 * 3_600_000;

/// The receiving side of a connected number.
pub trait Receiver: Send + Sync {
    /// The provider's id of the number, which its events use.
    fn external_id(&self) -> &str;

    /// Returns the response to the provider's request to verify the webhook address; `None` refuses
    /// it.
    fn verify_webhook(&self, query: &[(String, String)]) -> Option<String>;

    /// Checks a webhook's headers before its body is read.
    fn admit(&self, headers: &HeaderMap) -> Result<(), UnverifiedWebhook>;

    /// Verifies the signature of a webhook over its raw bytes, before anything is parsed.
    fn authenticate(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), UnverifiedWebhook>;

    /// Decodes every item of a verified webhook, or of its stored body, which has no headers. Unknown
    /// items become [`Event::Other`](crate::domain::Event::Other); only a body that is no webhook at
    /// all is an error.
    fn decode(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Item>, MalformedWebhook>;
}

/// The sending side of a connected number.
#[async_trait]
pub trait Provider: Receiver {
    /// Sends one message. The error says whether it may have been sent.
    async fn send(&self, outgoing: &OutgoingMessage) -> Result<SentMessage, Error>;

    /// Marks the customer's message with this id as read and shows the customer the typing indicator.
    async fn typing(&self, customer: &Party, message: &str) -> Result<(), Error>;

    /// Downloads a file that a customer sent, of at most `limit` bytes.
    async fn media(&self, media: &Media, limit: usize) -> Result<Vec<u8>, Error>;

    /// Checks the credentials with the provider. Returns a description of the number.
    async fn check(&self) -> Result<String, Error>;

    /// Returns the upload of files; without one, a file goes with its message.
    fn uploader(&self) -> Option<&dyn UploadFile> {
        None
    }

    /// Returns the check of single fields, if the provider supports it.
    fn describer(&self) -> Option<&dyn DescribeNumber> {
        None
    }

    /// The webhook of a customer's message, if the number is for practice.
    fn practice_webhook(&self, _from: &str, _text: &str) -> Option<Vec<u8>> {
        None
    }

    /// A template that every account of the provider has, for a test message.
    fn test_template(&self) -> Option<FallbackTemplate> {
        None
    }

    /// The link of the number to its phone, if the provider links numbers.
    fn device_link(&self) -> Option<&dyn DeviceLink> {
        None
    }

    /// The message templates of the number's account, if the provider has templates.
    fn template_catalog(&self) -> Option<&dyn TemplateCatalog> {
        None
    }
}

/// Uploads files, so that messages can name them.
#[async_trait]
pub trait UploadFile: Send + Sync {
    /// Uploads a file. Safe to repeat: no customer sees it.
    async fn upload(&self, file: FileUpload) -> Result<UploadedFile, Error>;
}

/// The message templates of an account.
#[async_trait]
pub trait TemplateCatalog: Send + Sync {
    /// The provider's id of the account, if the number's settings name it; else a webhook may have.
    fn account(&self) -> Option<&str>;

    /// Returns every template of an account that has a usable name and language.
    async fn templates(&self, account: &str) -> Result<Vec<MessageTemplate>, Error>;

    /// Submits a template for approval. Returns it as it stands now.
    async fn create_template(
        &self,
        account: &str,
        draft: &TemplateDraft,
    ) -> Result<MessageTemplate, Error>;

    /// Deletes the template of this name in all languages, or only the one with the id.
    async fn delete_template(
        &self,
        account: &str,
        named: (&str, Option<&str>),
    ) -> Result<(), Error>;
}

/// The link of a number to its phone: it is one of the phone's linked devices, like WhatsApp on a
/// computer. Everything here is safe to repeat.
#[async_trait]
pub trait DeviceLink: Send + Sync {
    /// Makes what the link needs at the provider, if it is missing, and lets its webhooks come to this
    /// URL, with the number's secret.
    async fn set_up(&self, webhook_url: &str) -> Result<(), Error>;

    /// Asks how the number stands to WhatsApp.
    async fn connection(&self) -> Result<ConnectionChange, Error>;

    /// Begins to pair the number with its phone, or goes on with it. With a `phone` (digits), the
    /// phone can take a code in the place of a picture.
    async fn pair(&self, phone: Option<&str>) -> Result<Pairing, Error>;

    /// Returns the messages since this moment (Unix milliseconds), in which webhooks may have been
    /// lost. Known ones are among them.
    async fn messages_since(&self, since: Millis) -> Result<MissedMessages, Error>;

    /// Starts the link anew.
    async fn restart(&self) -> Result<(), Error>;

    /// Logs the number out of WhatsApp: the phone has to be paired again.
    async fn log_out(&self) -> Result<(), Error>;

    /// Deletes what [`Self::set_up`] made.
    async fn delete(&self) -> Result<(), Error>;
}

/// Messages that the provider has of a time in which webhooks may have been lost.
#[derive(Debug, Default)]
pub struct MissedMessages {
    /// As webhooks of the provider, one for each chat, its messages oldest first.
    pub webhooks: Vec<Vec<u8>>,
    /// Whether there are no more than these.
    pub is_complete: bool,
}

/// What a phone needs to be paired with a number. A new code takes the old one's place after some
/// seconds.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pairing {
    /// Whether the number is linked already.
    pub is_done: bool,
    /// Content of the QR code that the phone scans. Whoever scans it links their own phone.
    pub qr: Option<String>,
    /// Code that is typed on the phone.
    pub code: Option<String>,
}

/// Queries the provider about a number, to find a wrong field of its form.
#[async_trait]
pub trait DescribeNumber: Send + Sync {
    /// Returns the provider's description of the number, or which field is wrong and where to find
    /// the right value.
    async fn describe_number(&self) -> Result<NumberDescription, FieldError>;
}

/// A number as its provider describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberDescription {
    /// The phone number.
    pub display: Option<String>,
    /// The name that customers see.
    pub verified_name: Option<String>,
    /// The description as one sentence.
    pub words: String,
}

/// Connects a number. The error says what is missing and where to set it.
type Connect<S> = fn(&S, &GuardedClient) -> Result<Arc<dyn Provider>, String>;

/// Describes an adapter: everything that differs between providers. `S` is the settings of a
/// number.
struct Spec<S> {
    /// The form for connecting a number.
    form: Form,
    /// Returns the body of a webhook as it is stored: what is no secret, and no file, with what its
    /// headers alone say.
    stored_body: fn(&HeaderMap, Vec<u8>) -> Vec<u8>,
    /// Whether its webhooks bring customers' files, in base64.
    brings_files: bool,
    /// Whether free text is limited to the 24 hours after a customer's message.
    has_window: bool,
    /// What it can send.
    abilities: Abilities,
    /// The name of the agent that answers on the number.
    agent: fn(&S) -> &str,
    /// How the number sends.
    sending: fn(&S) -> Sending,
    /// Connects the number.
    connect: Connect<S>,
}

/// Generates [`Settings`] from the adapters and dispatches to their `SPEC`.
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

        impl Abilities {
            /// What a provider can send.
            pub fn of(provider: ProviderKind) -> &'static Self {
                match provider {
                    $(ProviderKind::$kind => &$adapter::SPEC.abilities,)+
                }
            }
        }

        /// Returns the body of a provider's webhook as it is stored: what is no secret, and no file, with
        /// what its headers alone say.
        pub fn stored_body(provider: ProviderKind, headers: &HeaderMap, body: Vec<u8>) -> Vec<u8> {
            match provider {
                $(ProviderKind::$kind => ($adapter::SPEC.stored_body)(headers, body),)+
            }
        }

        /// Whether a provider's webhooks bring customers' files, in base64.
        pub fn brings_files(provider: ProviderKind) -> bool {
            match provider {
                $(ProviderKind::$kind => $adapter::SPEC.brings_files,)+
            }
        }

        impl Settings {
            /// Connects the number. The error says what is missing and where to set it.
            pub fn build(&self, client: &GuardedClient) -> Result<Arc<dyn Provider>, String> {
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

            /// Whether free text is limited to the 24 hours after a customer's message.
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
    Evolution = evolution;
    Kapso = kapso;
    Sandbox = sandbox;
}

impl Settings {
    /// How the number sends. The error names the invalid key.
    pub fn sending(&self) -> Result<Sending, String> {
        let sending = self.unchecked_sending();
        if !(0.001..=1_000_000.0).contains(&sending.rate) {
            return Err("rate goes from 0.001 to 1000000: messages a second".into());
        }
        if !(0..=MAX_UNKNOWN_MS).contains(&sending.unknown.after_ms) {
            return Err(format!("unknown.after_ms goes from 0 to {MAX_UNKNOWN_MS}"));
        }
        if !(0..=100).contains(&sending.unknown.times) {
            return Err("unknown.times goes from 0 to 100".into());
        }
        Ok(sending)
    }

    /// Converts the values of a form to settings. The error names the field.
    pub fn from_form(form: &Form, agent: &str, fields: &Fields) -> Result<Self, FieldError> {
        serde_json::from_value(form.json(agent, fields)?)
            .map_err(|error| FieldError { field: None, message: error.to_string() })
    }
}

impl Fault {
    /// A fault with a message of this program, without a provider's code.
    pub(crate) fn ours(title: impl Into<String>) -> Self {
        Self { code: 0, title: title.into(), details: None }
    }
}
