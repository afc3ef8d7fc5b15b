//! What changes, beside conversations, of which those who look at the desk are told.

/// A kind of things of which one changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A version of an agent went live.
    Agents,
    /// A number was connected, changed or removed, or its state changed.
    Numbers,
    /// Documents, sources or curated answers were learned or removed.
    Knowledge,
    /// A run of evals began, went on or ended.
    Evals,
    /// A case was opened or resolved.
    Escalations,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Agents, Self::Numbers, Self::Knowledge, Self::Evals, Self::Escalations];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::Numbers => "numbers",
            Self::Knowledge => "knowledge",
            Self::Evals => "evals",
            Self::Escalations => "escalations",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == name)
    }
}
