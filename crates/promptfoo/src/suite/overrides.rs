//! Options that override a suite's file.

use super::Vars;
use crate::context::Types;
use crate::policy::Policy;

/// Options that override a suite's file, for example from the command line.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Variables that override those of `defaultTest`.
    pub vars: Vars,
    /// The grader when the suite names none.
    pub grader: Option<String>,
    /// Targets that replace the suite's own; empty to keep those.
    pub targets: Vec<String>,
    /// What the suite may do. The default runs no code and reads only the suite's folder.
    pub policy: Policy,
    /// The known assertion types. The default is promptfoo's only.
    pub types: Types,
    /// Whether an unknown assertion type refuses the suite. Otherwise, as in promptfoo, it is an
    /// error of the cases that use it.
    pub strict: bool,
}
