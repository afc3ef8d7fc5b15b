//! Who sent a request, as far as it tells callers apart.

use super::session::Secret;
use crate::store::sessions::Lifetime;

/// Who sent a request.
#[derive(Clone)]
pub(super) enum Caller {
    /// Whoever has the admin key.
    Key,
    /// A signed-in browser.
    Person {
        /// What its cookie holds.
        secret: Secret,
        /// How long its session lives.
        lifetime: Lifetime,
    },
}

impl Caller {
    /// Tells callers apart: whatever has the key is one, and each session.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Key => String::new(),
            Self::Person { secret, .. } => secret.hash(),
        }
    }
}
