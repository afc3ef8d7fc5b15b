//! Trials: what models are asked for that no customer asked.

/// Who tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrialKind {
    /// Somebody talked to a bot in the sandbox.
    Sandbox,
    /// A program asked `/v1/chat/completions`.
    Completions,
    /// A run of evals, or a gate's, over the API.
    Evals,
    /// A prompt was written from a description.
    Prompts,
}

impl TrialKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sandbox, Self::Completions, Self::Evals, Self::Prompts];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Completions => "completions",
            Self::Evals => "evals",
            Self::Prompts => "prompts",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
