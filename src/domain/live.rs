//! What changes, beside conversations, of which those who look at the desk are told.

use frontdesk_words::words;

words! {
    /// A kind of things of which one changed.
    pub enum What {
        /// A version of an agent went live.
        Agents = "agents",
        /// A number was connected, changed or removed, or its state changed.
        Numbers = "numbers",
        /// Documents, sources or curated answers were learned or removed.
        Knowledge = "knowledge",
        /// A run of evals began, went on or ended.
        Evals = "evals",
        /// A case was opened or resolved.
        Escalations = "escalations",
    }
}
