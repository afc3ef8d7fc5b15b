//! Which files a reference such as `file://tests/*.csv` or `file://prompt.py:make` names.

use std::path::{Path, PathBuf};

use super::error::SuiteError;
use super::source::{Place, Source, unreadable};

use serde_json::Value;

/// Endings of files that are run as JavaScript.
const JAVASCRIPT: &[&str] = &["js", "cjs", "mjs", "ts", "cts", "mts"];

/// A `file://` reference: a path and, for a script, the function in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileReference {
    pub(super) path: PathBuf,
    pub(super) function: Option<String>,
}

impl FileReference {
    /// Reads a reference; `file://` may stand before it. A function is named after the last colon of a script.
    pub(super) fn new(reference: &str, base: &Path) -> Self {
        let written = reference.strip_prefix("file://").unwrap_or(reference);
        let (path, function) = match written.rsplit_once(':') {
            Some((path, function)) if is_script(Path::new(path)) && !function.contains('/') => {
                (path, Some(function.to_owned()))
            }
            _ => (written, None),
        };
        Self { path: base.join(path), function }
    }

    /// The reference with the whole path, as scripts are called.
    pub(super) fn script(&self) -> String {
        match &self.function {
            Some(function) => format!("{}:{function}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    /// The ending, in small letters; that of the workbook where a sheet is named after `#`.
    pub(super) fn ending(&self) -> String {
        let (path, _) = split_sheet(&self.path);
        ending(&path)
    }
}

/// The ending of a file, in small letters.
pub(super) fn ending(path: &Path) -> String {
    path.extension().map(|it| it.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether a file is JavaScript.
pub(super) fn is_javascript(path: &Path) -> bool {
    JAVASCRIPT.contains(&ending(path).as_str())
}

/// Whether a file is a script that is run in it, with a function of it where one is named.
pub(super) fn is_script(path: &Path) -> bool {
    is_javascript(path) || matches!(ending(path).as_str(), "py" | "rb")
}

/// A workbook and the sheet of it that is named after `#`.
pub(super) fn split_sheet(path: &Path) -> (PathBuf, Option<String>) {
    let text = path.to_string_lossy();
    match text.rsplit_once('#') {
        Some((book, sheet)) if matches!(ending(book.as_ref()).as_str(), "xlsx" | "xls") => {
            (book.into(), Some(sheet.to_owned()))
        }
        _ => (path.to_owned(), None),
    }
}

/// Whether a path is a pattern for several files.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// The files that a path or a pattern names, in alphabetical order; never none.
pub(super) fn matching(path: &Path, place: &Place) -> Result<Vec<PathBuf>, SuiteError> {
    let text = path.to_string_lossy();
    let refused = |why: std::io::Error| place.wrong(unreadable(&why));
    place.policy().check_pattern(path).map_err(refused)?;
    if path.exists() || !is_pattern(&text) {
        if split_sheet(path).0.exists() {
            return Ok(vec![path.to_owned()]);
        }
        return Err(place.wrong(format!("there is no file {text}")));
    }
    let mut found = Vec::new();
    for pattern in alternatives(&text) {
        let paths = glob::glob(&pattern)
            .map_err(|error| place.wrong(format!("`{text}` is not a pattern: {error}")))?;
        found.extend(paths.filter_map(Result::ok).filter(|path| path.is_file()));
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        return Err(place.wrong(format!("no file is named like {text}")));
    }
    Ok(found)
}

/// `a.{b,c}` is `a.b` and `a.c`.
fn alternatives(pattern: &str) -> Vec<String> {
    let parts = pattern
        .split_once('{')
        .and_then(|(before, rest)| rest.split_once('}').map(|(list, after)| (before, list, after)));
    let Some((before, list, after)) = parts else { return vec![pattern.to_owned()] };
    list.split(',').flat_map(|one| alternatives(&format!("{before}{one}{after}"))).collect()
}

/// What a file of YAML or JSON that a reference names says, with its place.
pub(super) fn value(reference: &str, place: &Place) -> Result<(Value, Place), SuiteError> {
    let named = FileReference::new(reference, place.folder());
    if let Err(why) = place.policy().check_file(&named.path) {
        return Err(missing(&named.path, place, &why));
    }
    let source = Source::read(&named.path, place.rules());
    if source.is_err() && !named.path.exists() {
        return Err(place.wrong(format!("there is no file {}", named.path.display())));
    }
    let source = std::sync::Arc::new(source?);
    Ok((source.value.clone(), Place::of(&source)))
}

/// What is wrong with a file that may not be read.
fn missing(path: &Path, place: &Place, why: &std::io::Error) -> SuiteError {
    match why.kind() {
        std::io::ErrorKind::NotFound => place.wrong(format!("there is no file {}", path.display())),
        _ => place.wrong(format!("{}: {}", path.display(), unreadable(why))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_after_a_script_only() {
        let named = FileReference::new("file://a/p.py:make", Path::new("/s"));
        assert_eq!(named.path, Path::new("/s/a/p.py"));
        assert_eq!(named.function.as_deref(), Some("make"));
        assert_eq!(named.script(), "/s/a/p.py:make");
        assert_eq!(FileReference::new("a:b.txt", Path::new("/s")).path, Path::new("/s/a:b.txt"));
    }

    #[test]
    fn braces_are_alternatives() {
        assert_eq!(alternatives("a.{b,c}/{d,e}"), ["a.b/d", "a.b/e", "a.c/d", "a.c/e"]);
    }
}
