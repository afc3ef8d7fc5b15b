//! What a handler, or a problem, adds to the audit log: a part of a response that the layer of the log takes out again.

use axum::Extension;
use serde_json::Value;

/// What a handler adds to the entry of its request.
#[derive(Clone)]
pub(super) enum Note {
    /// It is written down already, or nothing was done.
    Written,
    /// On what, and more of it; never bodies, secrets or phone numbers.
    On(String, Value),
}

impl Note {
    /// A part of a response: on what something was done.
    pub(super) fn on(subject: impl Into<String>, detail: Value) -> Extension<Self> {
        Extension(Self::On(subject.into(), detail))
    }

    /// A part of a response: there is an entry already, or nothing was done.
    pub(super) fn written() -> Extension<Self> {
        Extension(Self::Written)
    }
}
