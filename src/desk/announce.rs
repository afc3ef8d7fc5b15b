//! What lists of the desk changed, for whoever looks at them live. Says that something changed, not what it is now.

use super::Desk;

/// A list of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Agents and their versions.
    Agents,
    /// Collections, documents, gaps.
    Knowledge,
    /// Suites and runs.
    Evals,
}

impl Desk {
    /// Tells live listeners that a list changed. The one place where the live stream is told of agents, knowledge and evals.
    #[expect(clippy::unused_self, reason = "the live stream learns to hear of it")]
    pub fn announce(&self, what: What) {
        tracing::trace!(?what, "changed");
    }
}
