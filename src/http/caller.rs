//! The caller of a request.

use super::session::Secret;
use crate::store::sessions::Lifetime;

#[derive(Clone)]
pub(super) enum Caller {
    /// A holder of the admin key.
    Key,
    /// A signed-in browser.
    Person {
        /// The secret in its cookie.
        secret: Secret,
        /// The lifetime of its session.
        lifetime: Lifetime,
    },
}

impl Caller {
    /// Returns a key that identifies the caller: one for all holders of the admin key, one per
    /// session.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Key => String::new(),
            Self::Person { secret, .. } => secret.hash(),
        }
    }
}
