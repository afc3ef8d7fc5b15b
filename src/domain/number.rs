//! WhatsApp numbers: how each reaches WhatsApp, whether it sends, and where it is configured.

use std::fmt;

use frontdesk_words::words;
use serde::Serialize;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

words! {
    /// The provider through which a number reaches WhatsApp.
    pub enum ProviderKind {
        /// Meta's Cloud API.
        Meta = "meta",
        /// A server of Evolution API, which is linked to WhatsApp like a computer.
        Evolution = "evolution",
        /// Kapso, which passes on Meta's Cloud API.
        Kapso = "kapso",
        /// No provider: a number inside this process.
        Sandbox = "sandbox",
    }
}

words! {
    /// Whether a number sends.
    pub enum NumberState {
        /// It sends.
        Ready = "ready",
        /// It sends, but its provider restricted it or warns about it. Never stored: it follows
        /// from the warnings.
        AtRisk = "at_risk",
        /// It does not send until its credentials are corrected.
        Stopped = "stopped",
        /// It was removed; its conversations stay.
        Removed = "removed",
    }
}

words! {
    /// Where a number is configured.
    pub enum NumberOrigin {
        /// In the configuration file; change it there.
        File = "file",
        /// In the console or over the API.
        Console = "console",
    }
}

/// A stored provider name. It may come from another version of frontdesk; its numbers are still
/// listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StoredProvider {
    /// A provider that this version knows.
    Known(ProviderKind),
    /// The name of an unknown provider.
    Unknown(String),
}

impl StoredProvider {
    /// Parses the name stored in the database.
    pub fn of(name: &str) -> Self {
        name.parse().map_or_else(|_| Self::Unknown(name.to_owned()), Self::Known)
    }

    /// The provider, if this version knows it.
    pub fn known(&self) -> Option<ProviderKind> {
        match self {
            Self::Known(kind) => Some(*kind),
            Self::Unknown(_) => None,
        }
    }
}

// A known name matches both schemas, which the derived `oneOf` would forbid.
impl PartialSchema for StoredProvider {
    fn schema() -> RefOr<Schema> {
        let other = ObjectBuilder::new().schema_type(Type::String);
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(ProviderKind::name()))
            .item(other.description(Some("The name of another.")))
            .description(Some(
                "The provider; also one that only another version of frontdesk knows.",
            ))
            .into()
    }
}

impl ToSchema for StoredProvider {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ProviderKind::name().into_owned(), ProviderKind::schema()));
    }
}

impl fmt::Display for StoredProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(kind) => f.write_str(kind.as_str()),
            Self::Unknown(name) => f.write_str(name),
        }
    }
}

words! {
    /// Result of a test message, as a code.
    pub enum TestOutcome {
        /// The provider accepted the sample template.
        Accepted = "accepted",
        /// The provider accepted the text, which may not arrive outside the 24-hour window.
        AcceptedText = "accepted_text",
        /// It came in at a practice number, as from a customer.
        Incoming = "incoming",
        /// The provider did not answer.
        Unanswered = "unanswered",
        /// The provider refuses the access token.
        TokenRefused = "token_refused",
        /// The 24-hour window is closed.
        WindowClosed = "window_closed",
        /// WhatsApp does not deliver it to that person.
        Declined = "declined",
        /// The phone cannot be reached.
        Undeliverable = "undeliverable",
        /// The provider refuses the message.
        Refused = "refused",
        /// Too many messages were sent at once.
        Throttled = "throttled",
        /// The provider has a fault.
        ProviderTrouble = "provider_trouble",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_this_version_does_not_know_stays_shown() {
        for (name, known) in [("meta", Some(ProviderKind::Meta)), ("pigeon", None)] {
            let stored = StoredProvider::of(name);
            assert_eq!(stored.known(), known);
            assert_eq!(stored.to_string(), name);
            assert_eq!(serde_json::to_value(&stored).unwrap(), name);
        }
        let schema = serde_json::to_value(StoredProvider::schema()).unwrap();
        assert_eq!(schema["anyOf"][0]["$ref"], "#/components/schemas/ProviderKind");
        assert_eq!(schema["anyOf"][1]["type"], "string");
    }
}
