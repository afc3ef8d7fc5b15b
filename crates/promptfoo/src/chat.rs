//! Messages of a chat, in the words in which models take them.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};

words! {
    /// Who speaks in a chat.
    pub enum Role {
        /// The instructions.
        System = "system",
        /// The customer.
        User = "user",
        /// Whoever answers the customer.
        Assistant = "assistant",
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}
