//! Identifiers: text with a visible prefix, sortable by creation time (`msg_01J…`: prefix and
//! ULID).

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The error for a text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of this kind: it should look like `{prefix}_01J…`")]
pub struct WrongId {
    text: String,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta] $name:ident $prefix:literal,)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Prefix of every id of this kind, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Generates an id that sorts after all ids generated before in this process.
            pub fn generate() -> Self {
                Self(format!(concat!($prefix, "_{}"), later()))
            }

            /// Parses an id from outside.
            pub fn parse(text: &str) -> Result<Self, WrongId> {
                let wrong = || WrongId { text: text.chars().take(64).collect(), prefix: $prefix };
                let rest = text.strip_prefix(concat!($prefix, "_")).ok_or_else(wrong)?;
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                if rest.is_empty() || rest.len() > 64 || !rest.chars().all(plain) {
                    return Err(wrong());
                }
                Ok(Self(text.to_owned()))
            }

            /// Wraps an id read from the database, unchecked.
            pub fn stored(text: String) -> Self {
                Self(text)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

id! {
    /// A tenant.
    WorkspaceId "ws",
    /// A bot.
    AgentId "agt",
    /// An immutable version of an agent's prompt and settings.
    VersionId "ver",
    /// A connected WhatsApp number.
    NumberId "num",
    /// A customer.
    ContactId "con",
    /// A contact's conversation with one number.
    ConversationId "conv",
    /// A message, inbound or outbound.
    MessageId "msg",
    /// One run of the pipeline.
    TurnId "turn",
    /// A case: the record that a conversation needs a person.
    EscalationId "esc",
    /// A set of documents.
    CollectionId "col",
    /// A document of a collection.
    DocumentId "doc",
    /// A website, page or sitemap that documents are read from.
    SourceId "src",
    /// A chunk of a document, as retrieval returns it.
    ChunkId "chk",
    /// A curated answer.
    AnswerId "ans",
    /// A knowledge gap.
    GapId "gap",
    /// A stored webhook body.
    WebhookId "hook",
    /// A run of an eval suite.
    RunId "run",
    /// A campaign: a template to many customers.
    CampaignId "cmp",
    /// An entry of the audit log.
    AuditId "aud",
}

/// Returns a ULID larger than the previous one, so that ids of the same millisecond keep their
/// order.
fn later() -> ulid::Ulid {
    static LAST: Mutex<ulid::Generator> = Mutex::new(ulid::Generator::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.generate().unwrap_or_else(ulid::Overflow::commit_overflow_increment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_in_which_they_are_made() {
        let ids: Vec<_> = (0..10_000).map(|_| MessageId::generate()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn an_id_shows_its_kind_and_refuses_another() {
        let id = MessageId::generate();
        assert!(id.as_str().starts_with("msg_"));
        assert_eq!(MessageId::parse(id.as_str()), Ok(id.clone()));
        assert!(ConversationId::parse(id.as_str()).is_err());
        for wrong in ["", "msg_", "msg_a b", "msg_'; drop table", "01J"] {
            assert!(MessageId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
