//! WhatsApp's 24-hour window of a number.

use crate::domain::MessageKind;

/// Whether WhatsApp accepts free text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Always.
    Always,
    /// Only if the customer wrote after this time, or has never written, and WhatsApp has not said
    /// since that the window is closed.
    Since(i64),
}

impl Window {
    /// The window of a message of this kind: WhatsApp takes templates always.
    pub(super) fn of(self, kind: MessageKind) -> Self {
        if kind == MessageKind::Template { Self::Always } else { self }
    }
}
