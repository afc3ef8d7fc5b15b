//! What a provider's webhook says, decoded: messages, delivery statuses, echoes, and everything else.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::message::{Content, MessageState};
use super::time::Millis;

/// One item of a webhook, with the number that it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The provider's own id of our number (Meta: `phone_number_id`); `None` for events of the account.
    pub number: Option<String>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A customer wrote.
    Message(Box<Inbound>),
    /// A message of ours got somewhere, or failed.
    Status(Box<Status>),
    /// A person wrote to a customer from the phone or another tool, as us.
    Echo(Box<Echo>),
    /// Anything else: stored, and shown where it matters.
    Other(Box<Other>),
}

/// Someone on WhatsApp, by any of the ids that were given. At least one is set on a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Party {
    /// WhatsApp id: the phone number's digits without `+`.
    pub wa_id: Option<String>,
    /// Business-scoped user id, such as `US.13491208655302741918`.
    pub bsuid: Option<String>,
    /// The name on the profile.
    pub name: Option<String>,
    /// The user name, without `@`.
    pub username: Option<String>,
}

/// A customer's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// The provider's id of the message; taken in once for a number, for ever.
    pub provider_id: String,
    /// Who wrote it.
    pub from: Party,
    /// When it was written, as the provider says; 0 when it does not.
    pub sent_at: Millis,
    /// What it holds.
    pub content: Content,
    /// The provider's id of the message that it quotes.
    pub reply_to: Option<String>,
    /// The group that it was written in. Groups are stored and not answered.
    pub group: Option<String>,
    /// Part of an import of old messages: stored, never answered.
    pub imported: bool,
    /// What the provider says is wrong with it.
    pub faults: Vec<Fault>,
}

/// News of a message of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The provider's id of our message.
    pub provider_id: String,
    /// How far it got.
    pub delivery: Delivery,
    /// When, as the provider says; 0 when it does not.
    pub at: Millis,
    /// The reference that we sent with the message.
    pub reference: Option<String>,
    /// Who it was for.
    pub recipient: Party,
    /// Why it failed.
    pub faults: Vec<Fault>,
    /// What the provider charges for it.
    pub pricing: Option<Pricing>,
}

words! {
    /// How far a message of ours got as the provider tells it, in rising order; `Failed` is final.
    pub enum Delivery {
        /// Left the provider.
        Sent = "sent",
        /// On the customer's phone.
        Delivered = "delivered",
        /// Seen (or, of a voice note, played).
        Read = "read",
        /// Will not arrive.
        Failed = "failed",
    }
}

/// What the provider charges for a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing {
    /// Whether it costs money.
    pub billable: Option<bool>,
    /// Such as `service`, `utility`, `general_purpose_ai`.
    pub category: Option<String>,
}

/// An error as the provider words it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// The provider's number of the error; 0 when it gave none.
    pub code: i64,
    /// In its words.
    pub title: String,
    /// More of its words.
    pub details: Option<String>,
}

/// A message that a person sent to a customer as us, without us.
#[derive(Debug, Clone, PartialEq)]
pub struct Echo {
    /// The provider's id of the message.
    pub provider_id: String,
    /// The customer.
    pub to: Party,
    /// When it was written; 0 when the provider does not say.
    pub sent_at: Millis,
    /// What it holds.
    pub content: Content,
}

/// An event that is neither message, status nor echo.
#[derive(Debug, Clone, PartialEq)]
pub struct Other {
    /// The provider's name of it, such as `account_update`.
    pub kind: String,
    /// The event as it came.
    pub payload: Value,
    /// Set when an operator should see it: what happened, in one sentence.
    pub alert: Option<String>,
}

impl Event {
    /// What happened, as one word.
    pub fn kind(&self) -> &str {
        match self {
            Self::Message(_) => "message",
            Self::Status(_) => "status",
            Self::Echo(_) => "echo",
            Self::Other(other) => &other.kind,
        }
    }
}

impl From<Delivery> for MessageState {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Sent => Self::Sent,
            Delivery::Delivered => Self::Delivered,
            Delivery::Read => Self::Read,
            Delivery::Failed => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_of_a_message_are_its_state() {
        for news in Delivery::ALL {
            assert_eq!(MessageState::from(*news).as_str(), news.as_str());
        }
    }
}
