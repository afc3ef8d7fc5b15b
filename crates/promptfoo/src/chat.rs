//! Chat messages, in the format of model APIs.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};

words! {
    /// The role of a chat message's author.
    pub enum Role {
        /// The system instructions.
        System = "system",
        /// The customer.
        User = "user",
        /// The bot or person that answers the customer.
        Assistant = "assistant",
    }
}

/// A chat message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The author's role.
    pub role: Role,
    /// The text.
    pub content: String,
}
