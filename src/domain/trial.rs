//! Trials: model use that no customer caused.

use frontdesk_words::words;

words! {
    /// What caused the model use.
    pub enum TrialKind {
        /// Somebody chatted with a bot in the sandbox.
        Sandbox = "sandbox",
        /// A program called `/v1/chat/completions`.
        Completions = "completions",
        /// An eval run or a gate, started over the API.
        Evals = "evals",
        /// A prompt was generated from a description.
        Prompts = "prompts",
    }
}
