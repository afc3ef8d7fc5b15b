//! The names of server-sent events, by stream.

use frontdesk_words::words;

words! {
    /// Events of a run of evals.
    pub enum RunEventName {
        /// A row ended.
        Row = "row",
        /// The run has ended: the last event.
        Done = "done",
    }
}

words! {
    /// Events of a turn of the sandbox.
    pub enum SandboxEventName {
        /// The next piece of the answer.
        Text = "text",
        /// The whole outcome: the last event.
        Done = "done",
        /// An event could not be written.
        Error = "error",
    }
}
