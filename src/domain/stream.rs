//! Event names of the server-sent event streams.

use frontdesk_words::words;

words! {
    /// Events of an eval run.
    pub enum RunEventName {
        /// A row ended.
        Row = "row",
        /// The run has ended: the last event.
        Done = "done",
    }
}

words! {
    /// Events of a sandbox turn.
    pub enum SandboxEventName {
        /// The next part of the answer.
        Text = "text",
        /// The complete outcome: the last event.
        Done = "done",
        /// An event could not be serialized.
        Error = "error",
    }
}
