//! Numbers: how they reach WhatsApp, and whether they send.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::word::words;

words! {
    /// What a number reaches WhatsApp through.
    pub enum ProviderKind {
        /// Meta's Cloud API.
        Meta = "meta",
        /// Nothing: an in-process number.
        Sandbox = "sandbox",
    }
}

words! {
    /// Whether a number sends.
    pub enum NumberState {
        /// It does.
        Ready = "ready",
        /// It does not, until its credentials are mended.
        Stopped = "stopped",
        /// It was taken away; its conversations stay.
        Removed = "removed",
    }
}

/// A provider as it was written down: also one that only another version knows, so that its numbers stay shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum StoredProvider {
    /// One that this version knows.
    Known(ProviderKind),
    /// The name of another.
    Unknown(String),
}

impl StoredProvider {
    /// Reads what the database holds.
    pub fn of(name: &str) -> Self {
        name.parse().map_or_else(|_| Self::Unknown(name.to_owned()), Self::Known)
    }

    /// The provider, where this version knows it.
    pub fn known(&self) -> Option<ProviderKind> {
        match self {
            Self::Known(kind) => Some(*kind),
            Self::Unknown(_) => None,
        }
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
    }
}
