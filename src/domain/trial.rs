//! Trials: what models are asked for that no customer asked.

use frontdesk_words::words;

words! {
    /// Who tried.
    pub enum TrialKind {
        /// Somebody talked to a bot in the sandbox.
        Sandbox = "sandbox",
        /// A program asked `/v1/chat/completions`.
        Completions = "completions",
        /// A run of evals, or a gate's, over the API.
        Evals = "evals",
        /// A prompt was written from a description.
        Prompts = "prompts",
    }
}
