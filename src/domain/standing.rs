//! Whether a conversation or a case still needs a person.

use frontdesk_words::words;

words! {
    /// Whether a conversation needs a person.
    pub enum ConversationStanding {
        /// A person has it, or it has an open case.
        Open = "open",
        /// Open, and nobody has answered the customer's last message.
        Waiting = "waiting",
        /// Not open: the bot handles it.
        Resolved = "resolved",
    }
}

words! {
    /// State of a case.
    pub enum EscalationState {
        /// It waits for a person.
        Open = "open",
        /// It is closed.
        Resolved = "resolved",
    }
}
