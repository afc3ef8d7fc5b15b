//! Resolves file references such as `file://tests/*.csv` and `file://prompt.py:make`.

use std::path::{Path, PathBuf};

use super::error::SuiteError;
use super::source::{Place, Source, unreadable};

use serde_json::Value;

/// Extensions of files that run as JavaScript.
const JAVASCRIPT: &[&str] = &["js", "cjs", "mjs", "ts", "cts", "mts"];

/// A `file://` reference: a path and, for a script, the function in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileReference {
    pub(super) path: PathBuf,
    pub(super) function: Option<String>,
}

impl FileReference {
    /// Parses a reference, with or without `file://`. A script's function follows the last colon.
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

    /// The full path with the function, as scripts are called.
    pub(super) fn script(&self) -> String {
        match &self.function {
            Some(function) => format!("{}:{function}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    /// The lower-case extension; for a workbook with `#sheet`, that of the workbook.
    pub(super) fn ending(&self) -> String {
        let (path, _) = split_sheet(&self.path);
        ending(&path)
    }
}

pub(super) fn ending(path: &Path) -> String {
    path.extension().map(|it| it.to_string_lossy().to_lowercase()).unwrap_or_default()
}

pub(super) fn is_javascript(path: &Path) -> bool {
    JAVASCRIPT.contains(&ending(path).as_str())
}

/// Whether a file is a script, whose reference may name a function.
pub(super) fn is_script(path: &Path) -> bool {
    is_javascript(path) || matches!(ending(path).as_str(), "py" | "rb")
}

/// Splits `book.xlsx#sheet` into the workbook and the sheet.
pub(super) fn split_sheet(path: &Path) -> (PathBuf, Option<String>) {
    let text = path.to_string_lossy();
    match text.rsplit_once('#') {
        Some((book, sheet)) if matches!(ending(book.as_ref()).as_str(), "xlsx" | "xls") => {
            (book.into(), Some(sheet.to_owned()))
        }
        _ => (path.to_owned(), None),
    }
}

pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// The files that a path or a glob pattern matches, in alphabetical order; never none.
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

/// Expands braces: `a.{b,c}` becomes `a.b` and `a.c`.
fn alternatives(pattern: &str) -> Vec<String> {
    let parts = pattern
        .split_once('{')
        .and_then(|(before, rest)| rest.split_once('}').map(|(list, after)| (before, list, after)));
    let Some((before, list, after)) = parts else { return vec![pattern.to_owned()] };
    list.split(',').flat_map(|one| alternatives(&format!("{before}{one}{after}"))).collect()
}

/// Reads a referenced YAML or JSON file and its place for errors.
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

/// The error for a file that cannot be read.
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
