//! Scripts of a suite: JavaScript in an engine of this process, Python and Ruby in a process of their own.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A script.
#[derive(Debug, Clone, PartialEq)]
pub enum Script {
    /// JavaScript: one line is an expression, several lines are a body with `return`.
    JavaScript(String),
    /// Python: the same.
    Python(String),
    /// Ruby: the same.
    Ruby(String),
    /// A function in a file; the default one where none is named.
    File {
        /// The file: `.js`, `.cjs`, `.mjs`, `.ts` (as JavaScript), `.py` or `.rb`.
        path: PathBuf,
        /// The function.
        function: Option<String>,
    },
}

/// Why a script gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot be run here, such as Python where there is none.
    #[error("{0}")]
    Missing(String),
    /// It was run, and failed or was not understood.
    #[error("{0}")]
    Failed(String),
}

/// Runs scripts.
#[derive(Debug, Default)]
pub struct Scripts {}

impl Scripts {
    /// Runs a script with arguments. An inline script sees them by the names given here; a function in a file gets them in order.
    pub async fn call(&self, script: &Script, arguments: &[(&str, Value)]) -> Result<Value, Error> {
        let _ = (script, arguments);
        Err(Error::Missing("scripts cannot be run yet".into()))
    }

    /// Calls a method of the class that a JavaScript file exports; `None` where it exports no class, or the class has no such
    /// method.
    pub async fn method(
        &self,
        path: &Path,
        options: &Value,
        method: &str,
        arguments: &[Value],
    ) -> Result<Option<Value>, Error> {
        let _ = (path, options, method, arguments);
        Err(Error::Missing("scripts cannot be run yet".into()))
    }
}
