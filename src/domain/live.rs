//! Topics of the live updates that signed-in browsers get, besides conversations.

use frontdesk_words::words;

words! {
    /// What changed.
    pub enum What {
        /// A version of an agent went live.
        Agents = "agents",
        /// A number was connected, changed or removed, or its state changed.
        Numbers = "numbers",
        /// Documents, sources or curated answers were learned or removed.
        Knowledge = "knowledge",
        /// An eval run began, progressed or ended.
        Evals = "evals",
        /// A case was opened or resolved.
        Escalations = "escalations",
        /// Another model answers, or the download of a local model progressed.
        Models = "models",
        /// A campaign was changed, or progressed.
        Campaigns = "campaigns",
    }
}
