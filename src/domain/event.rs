//! Decoded webhook events: messages, delivery statuses, echoes, and everything else.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::alert::{Account, Alert, WarningChange};
use super::connection::ConnectionChange;
use super::identity::IdentityKind;
use super::message::{Content, MessageState};
use super::number_health::HealthChange;
use super::template::TemplateChange;
use super::time::Millis;

/// One event of a webhook, with the number that it concerns.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The provider's id of the number (Meta: `phone_number_id`); `None` for account events.
    pub number: Option<String>,
    /// The account that the webhook names, and the phone number.
    pub account: Account,
    /// The event.
    pub event: Event,
}

/// A webhook event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message from a customer.
    Message(Box<Inbound>),
    /// A delivery status of an outbound message.
    Status(Box<Status>),
    /// A message that a person sent to a customer from the phone or another tool.
    Echo(Box<Echo>),
    /// Any other event: stored, and shown where it matters.
    Other(Box<Other>),
}

/// A WhatsApp user, by the ids that the provider gave. On a message at least one is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Party {
    /// WhatsApp id: the digits of the phone number without `+`.
    pub wa_id: Option<String>,
    /// Business-scoped user id, such as `US.13491208655302741918`.
    pub bsuid: Option<String>,
    /// LID, WhatsApp's id of a user without the phone: the digits before `@lid`.
    pub lid: Option<String>,
    /// Profile name.
    pub name: Option<String>,
    /// User name, without `@`.
    pub username: Option<String>,
}

/// A customer's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// The provider's id of the message. A number accepts each id only once, forever.
    pub provider_id: String,
    /// Its sender. A change may name nobody: then its author is that of the message it changes.
    pub from: Party,
    /// When it was written, according to the provider; 0 if not given.
    pub sent_at: Millis,
    /// Its content.
    pub content: Content,
    /// The provider's id of the quoted message.
    pub reply_to: Option<String>,
    /// The advertisement or post from which the customer wrote.
    pub referral: Option<Referral>,
    /// The group it was written in. Group messages are stored and not answered.
    pub group: Option<String>,
    /// Whether it belongs to an import of old messages, which are stored and never answered.
    pub imported: bool,
    /// The errors that the provider reports about it.
    pub faults: Vec<Fault>,
}

/// Maximum length of the text of an advertisement or post that is read, in characters.
const MAX_REFERRAL_LEN: usize = 1000;

/// The advertisement or post from which a customer wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Referral {
    /// `ad` or `post`.
    pub source_type: Option<String>,
    /// The provider's id of it.
    pub source_id: Option<String>,
    /// Its address.
    pub source_url: Option<String>,
    /// Its headline.
    pub headline: Option<String>,
    /// Its text.
    pub body: Option<String>,
    /// The text with which it invites to write.
    pub welcome: Option<String>,
    /// `image` or `video`.
    pub media_type: Option<String>,
    /// Address of its image or video.
    pub media_url: Option<String>,
    /// Meta's id of the click, for reports of conversions.
    pub click_id: Option<String>,
}

impl Referral {
    /// Returns the beginning of what the customer read there; empty if that is not known.
    pub fn text(&self) -> String {
        let parts = [&self.headline, &self.body, &self.welcome];
        let text = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n");
        text.chars().take(MAX_REFERRAL_LEN).collect()
    }
}

/// A delivery status of an outbound message.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The provider's id of the message.
    pub provider_id: String,
    /// The status.
    pub delivery: Delivery,
    /// When it was reached, according to the provider; 0 if not given.
    pub at: Millis,
    /// The reference that was sent with the message.
    pub reference: Option<String>,
    /// The recipient.
    pub recipient: Party,
    /// Why it failed.
    pub faults: Vec<Fault>,
    /// Whether it failed because WhatsApp's 24-hour window is closed.
    pub window_closed: bool,
    /// Whether it failed because of its file.
    pub file_refused: bool,
    /// What the provider charges for it.
    pub pricing: Option<Pricing>,
}

words! {
    /// Delivery status of an outbound message, in rising order; `Failed` is final.
    pub enum Delivery {
        /// The provider sent it.
        Sent = "sent",
        /// On the customer's phone.
        Delivered = "delivered",
        /// Read (for a voice note: played).
        Read = "read",
        /// Will not arrive.
        Failed = "failed",
    }
}

/// What the provider charges for a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Pricing {
    /// Whether it is charged.
    pub billable: Option<bool>,
    /// Pricing category, such as `service`, `utility` or `general_purpose_ai`.
    pub category: Option<String>,
    /// Pricing model: `PMP` (by message) or `CBP` (by conversation).
    pub model: Option<String>,
    /// `regular`, `free_customer_service` or `free_entry_point`.
    pub kind: Option<String>,
}

/// An error as the provider reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// The provider's error code; 0 if it gave none.
    pub code: i64,
    /// The provider's title of the error.
    pub title: String,
    /// The provider's details of the error.
    pub details: Option<String>,
}

/// A message that a person sent to a customer from the business's number, but not through
/// frontdesk.
#[derive(Debug, Clone, PartialEq)]
pub struct Echo {
    /// The provider's id of the message.
    pub provider_id: String,
    /// The customer.
    pub to: Party,
    /// When it was written; 0 if the provider does not say.
    pub sent_at: Millis,
    /// Its content.
    pub content: Content,
    /// Whether it belongs to an import of old messages: then nobody took the conversation over.
    pub imported: bool,
}

/// An event that is neither message, status nor echo.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Other {
    /// The provider's name of the event, such as `account_update`.
    pub kind: String,
    /// The raw event.
    pub payload: Value,
    /// Set if an operator should see it.
    pub alert: Option<Alert>,
    /// Set if it puts its numbers at risk, or no longer does.
    pub warning: Option<WarningChange>,
    /// Set if it is about a message template of the account.
    pub template: Option<TemplateChange>,
    /// What it changes of its numbers' health.
    pub health: Vec<HealthChange>,
    /// What became of its number's link to WhatsApp.
    pub connection: Option<ConnectionChange>,
    /// When it happened, according to the provider; 0 if not given.
    pub at: Millis,
}

words! {
    /// An event that the desk itself records.
    pub enum DeskEventKind {
        /// Something came for a number that is not configured here.
        UnknownNumber = "unknown_number",
        /// A notice to a support contact was not delivered.
        NoticeLost = "notice_lost",
        /// A number is not linked to WhatsApp any more.
        ConnectionLost = "connection_lost",
    }
}

impl Party {
    /// The ids that are known, with their kinds, in the order in which they are preferred.
    pub fn ids(&self) -> impl Iterator<Item = (IdentityKind, &str)> {
        let ids = [
            (IdentityKind::Phone, &self.wa_id),
            (IdentityKind::Bsuid, &self.bsuid),
            (IdentityKind::Lid, &self.lid),
        ];
        ids.into_iter().filter_map(|(kind, id)| Some((kind, id.as_deref()?)))
    }
}

impl Event {
    /// The kind of event as one word.
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
