//! What a handler or a problem tells the audit log: a response extension that the audit middleware
//! removes.

use axum::Extension;
use serde_json::Value;

/// What a handler tells the audit log about its request.
#[derive(Clone)]
pub(super) enum Note {
    /// No entry is to be written: there is one already, or nothing was done.
    Written,
    /// The subject of the operation, and details; never bodies, secrets or phone numbers.
    On(String, Value),
}

impl Note {
    /// Returns the response extension with a subject and details.
    pub(super) fn on(subject: impl Into<String>, detail: Value) -> Extension<Self> {
        Extension(Self::On(subject.into(), detail))
    }

    /// Returns the response extension for an operation that needs no entry.
    pub(super) fn written() -> Extension<Self> {
        Extension(Self::Written)
    }
}
