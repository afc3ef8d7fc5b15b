//! Errors in a suite with file, line and column, in the format that editors open.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a suite cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when the error concerns the whole file.
    pub line: usize,
    /// The column, from 1; 0 when the error concerns the whole line.
    pub column: usize,
    /// What is wrong, and how to fix it.
    pub what: String,
}

impl SuiteError {
    /// An error that concerns a whole file.
    pub fn file(file: &Path, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, what: what.into() }
    }

    /// An error in a line.
    pub fn line(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { line, ..Self::file(file, what) }
    }
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for SuiteError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_editors_open_it() {
        let place = SuiteError { column: 5, ..SuiteError::line(Path::new("a.yaml"), 12, "no") };
        assert_eq!(place.to_string(), "a.yaml:12:5: no");
        assert_eq!(SuiteError::line(Path::new("a.csv"), 3, "no").to_string(), "a.csv:3: no");
        assert_eq!(SuiteError::file(Path::new("a.yaml"), "no").to_string(), "a.yaml: no");
    }
}
