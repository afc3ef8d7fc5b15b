//! A YAML or JSON file as values, with the position of each value in the text. Positions are
//! computed only for errors.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::error::SuiteError;
use crate::context::Types;
use crate::policy::Policy;

/// The rules under which a suite is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) policy: Policy,
    pub(super) types: Types,
    /// Whether an unknown assertion type refuses the suite.
    pub(super) strict: bool,
}

#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: PathBuf,
    text: String,
    pub(super) value: Value,
    rules: Rules,
}

impl Source {
    pub(super) fn read(file: &Path, rules: &Rules) -> Result<Self, SuiteError> {
        Ok(Self::parse(file, text_of(file, &rules.policy)?)?.under(rules))
    }

    /// Returns the source with other rules.
    pub(super) fn under(self, rules: &Rules) -> Self {
        Self { rules: rules.clone(), ..self }
    }

    /// Parses a file's text. Default rules apply: no other files, promptfoo's assertion types only.
    pub(super) fn parse(file: &Path, text: String) -> Result<Self, SuiteError> {
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        let json = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let value = match json.then(|| serde_json::from_str(&text)) {
            Some(Ok(value)) => value,
            // JSON is valid YAML, so everything else is read as YAML.
            _ if text.trim().is_empty() => Value::Null,
            _ => yaml(&text).map_err(|error| from_yaml(file, &error))?,
        };
        Ok(Self { file: file.to_owned(), text, value, rules: Rules::default() })
    }

    pub(super) fn folder(&self) -> &Path {
        folder(&self.file)
    }

    fn wrong(&self, path: &[String], what: String) -> SuiteError {
        let (line, column) = place(&self.text, path).unwrap_or_default();
        SuiteError { file: self.file.clone(), line, column, what }
    }
}

/// The folder of a file; `.` for a bare name.
pub(super) fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn text_of(file: &Path, policy: &Policy) -> Result<String, SuiteError> {
    policy.text(file).map_err(|error| SuiteError::file(file, unreadable(&error)))
}

/// Describes why a file could not be read.
pub(super) fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder: name a file in it".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not text in UTF-8".to_owned(),
        _ => format!("it cannot be read: {error}"),
    }
}

/// A place for errors: a value in a YAML file, or a line of a table.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// The value at a path of keys and indices.
    Value(Arc<Source>, Vec<String>),
    /// A line, from 1.
    Line(Arc<Lines>, usize),
}

/// A file read line by line: a table, or JSON Lines.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) file: PathBuf,
    pub(super) rules: Rules,
}

impl Lines {
    /// The lines of a file that was named at `place`.
    pub(super) fn new(file: &Path, place: &Place) -> Arc<Self> {
        Arc::new(Self { file: file.to_owned(), rules: place.rules().clone() })
    }
}

impl Place {
    /// The place of a file's whole content.
    pub(super) fn of(source: &Arc<Source>) -> Self {
        Self::Value(source.clone(), Vec::new())
    }

    /// The place of a value inside this one.
    pub(super) fn at(&self, key: impl std::fmt::Display + Copy) -> Self {
        match self {
            Self::Value(source, path) => {
                let mut path = path.clone();
                path.push(key.to_string());
                Self::Value(source.clone(), path)
            }
            line @ Self::Line(..) => line.clone(),
        }
    }

    /// An error at this place.
    pub(super) fn wrong(&self, what: impl Into<String>) -> SuiteError {
        match self {
            Self::Value(source, path) => source.wrong(path, what.into()),
            Self::Line(lines, line) => SuiteError::line(&lines.file, *line, what),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Value(source, _) => source.folder(),
            Self::Line(lines, _) => folder(&lines.file),
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.rules().policy
    }

    pub(super) fn types(&self) -> &Types {
        &self.rules().types
    }

    pub(super) fn rules(&self) -> &Rules {
        match self {
            Self::Value(source, _) => &source.rules,
            Self::Line(lines, _) => &lines.rules,
        }
    }
}

fn options() -> serde_saphyr::Options {
    // `yes` is a string, as in YAML 1.2. No parser budget: the number of cases limits a suite.
    serde_saphyr::options! { budget: None, strict_booleans: true, with_snippet: false }
}

fn yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, options())
}

fn from_yaml(file: &Path, error: &serde_saphyr::Error) -> SuiteError {
    let number = |it: u64| usize::try_from(it).unwrap_or(0);
    let (line, column) =
        error.location().map_or((0, 0), |at| (number(at.line()), number(at.column())));
    let what = error.without_snippet().to_string();
    let what = what.lines().next().unwrap_or_default();
    let what = what.rsplit_once(" at line ").map_or(what, |(before, _)| before);
    SuiteError { file: file.to_owned(), line, column, what: format!("not valid YAML: {what}") }
}

/// Line and column of the value at a path, or of its nearest ancestor.
fn place(text: &str, path: &[String]) -> Option<(usize, usize)> {
    let root: Spanned<Tree> = serde_saphyr::from_str_with_options(text, options()).ok()?;
    let mut at = &root;
    for step in path {
        let next = match &at.value {
            Tree::List(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            Tree::Map(entries) => {
                entries.iter().find(|(key, _)| key == step).map(|(_, value)| value)
            }
            Tree::Leaf => None,
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    let number = |it: u64| usize::try_from(it).unwrap_or(0);
    Some((number(at.referenced.line()), number(at.referenced.column())))
}

/// The structure of a document, with positions.
enum Tree {
    Leaf,
    List(Vec<Spanned<Tree>>),
    Map(Vec<(String, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape)
    }
}

struct Shape;

impl<'de> Visitor<'de> for Shape {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source::parse(Path::new("a.yaml"), text.to_owned()).unwrap())
    }

    #[test]
    fn a_value_is_found_where_it_is_written() {
        let source =
            source("prompts: [a]\ntests:\n  - vars: {a: 1}\n    assert:\n      - type: equls\n");
        let place = Place::of(&source).at("tests").at(0).at("assert").at(0);
        assert_eq!(place.at("type").wrong("no").to_string(), "a.yaml:5:15: no");
        assert_eq!(place.at("absent").wrong("no").to_string(), "a.yaml:5:9: no");
    }

    #[test]
    fn broken_yaml_says_its_line_and_column() {
        let error =
            Source::parse(Path::new("a.yaml"), "a: 1\nb: [1, 2\nc: 3\n".into()).unwrap_err();
        assert!(error.line >= 2 && error.column >= 1, "{error}");
        assert!(error.to_string().starts_with("a.yaml:"), "{error}");
        assert!(!error.what.contains(" at line "), "{error}");
    }

    #[test]
    fn anchors_and_merge_keys_are_taken_in() {
        let source = source("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\nc: *x\nd: yes\n");
        let expected = serde_json::json!({
            "a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}, "c": {"k": 1, "l": 2}, "d": "yes"
        });
        assert_eq!(source.value, expected);
    }
}
