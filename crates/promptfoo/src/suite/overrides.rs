//! What is said beside a suite's file.

use super::Vars;
use crate::context::Types;
use crate::policy::Policy;

/// What is said beside a suite's file, such as on the command line.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Variables that win over those of `defaultTest`.
    pub vars: Vars,
    /// The grader where a suite names none.
    pub grader: Option<String>,
    /// Targets in place of the suite's own.
    pub targets: Vec<String>,
    /// What the suite may do; without more said it runs no code and reads its own folder alone.
    pub policy: Policy,
    /// The assertion types that there are; without more said promptfoo's alone.
    pub types: Types,
}
