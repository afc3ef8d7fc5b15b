//! Writes cases as YAML and adds them to a suite file without changing its other content, comments
//! included.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

use super::GeneratedCase;

/// Default indentation of the items of a `tests` list, in spaces.
const INDENT: usize = 2;

/// Writes cases as items of a `tests` list.
pub(super) fn items(cases: &[GeneratedCase], indent: usize) -> String {
    let mut out = String::new();
    for case in cases {
        item(&Value::Object(case.written()), indent, &mut out);
        for line in case.comment.iter().flat_map(|text| text.lines()) {
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            let _ = writeln!(out, "{:indent$}  # {}", "", line.trim_end());
        }
    }
    out
}

/// Writes a mapping as a YAML document.
pub fn document(map: &Map<String, Value>) -> String {
    let mut out = String::new();
    mapping(map, 0, &mut out);
    out
}

fn mapping(map: &Map<String, Value>, indent: usize, out: &mut String) {
    for (at, (key, value)) in map.iter().enumerate() {
        if at > 0 || indent == 0 || out.ends_with('\n') {
            let _ = write!(out, "{:indent$}", "");
        }
        let plain = key.starts_with(char::is_alphabetic)
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let key = if plain { key.clone() } else { Value::from(key.as_str()).to_string() };
        let _ = write!(out, "{key}:");
        nested(value, indent, out);
    }
}

fn nested(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(map, indent + 2, out);
        }
        Value::Array(list) if list.iter().any(|one| one.is_object() || one.is_array()) => {
            out.push('\n');
            for one in list {
                item(one, indent + 2, out);
            }
        }
        // JSON is valid YAML.
        other => {
            let _ = writeln!(out, " {other}");
        }
    }
}

fn item(value: &Value, indent: usize, out: &mut String) {
    let _ = write!(out, "{:indent$}- ", "");
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, indent + 2, out),
        other => {
            let _ = writeln!(out, "{other}");
        }
    }
}

/// Cases that a suite already has, by their words, to skip duplicates.
#[derive(Debug, Default)]
pub(super) struct ExistingCases(HashSet<String>);

impl ExistingCases {
    /// Reads the cases of a suite's text.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let mut known = Self::default();
        for case in tests(&read(text)?) {
            known.0.insert(said(case));
        }
        Ok(known)
    }

    /// Adds a case; returns false when it is already there.
    pub(super) fn adds(&mut self, case: &GeneratedCase) -> bool {
        self.0.insert(said(&Value::Object(case.written())))
    }
}

/// Returns a case's customer messages, normalised, as the key for duplicates.
fn said(case: &Value) -> String {
    let mut words = Vec::new();
    match case.get("turns") {
        Some(turns) => strings(turns, &mut words),
        None => strings(case.get("vars").unwrap_or(&Value::Null), &mut words),
    }
    words.join("\n")
}

fn strings(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            out.push(words.map(str::to_lowercase).collect::<Vec<_>>().join(" "));
        }
        Value::Array(all) => all.iter().for_each(|one| strings(one, out)),
        Value::Object(map) => {
            map.iter().filter(|(key, _)| *key != "assert").for_each(|(_, one)| strings(one, out));
        }
        _ => {}
    }
}

/// Parses YAML; returns null for an empty text.
pub fn read(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let options =
        serde_saphyr::options! { budget: None, strict_booleans: true, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

pub(super) fn tests(suite: &Value) -> impl Iterator<Item = &Value> {
    suite.get("tests").and_then(Value::as_array).into_iter().flatten()
}

/// Returns the suite's text with cases appended to its `tests`. The rest is unchanged.
pub(super) fn put(text: &str, cases: &[GeneratedCase]) -> Result<String, String> {
    let before = read(text)?;
    if !(before.is_object() || before.is_null()) {
        return Err("it is no suite: a mapping with `prompts`, `providers` and `tests`".into());
    }
    let lines: Vec<&str> = text.lines().collect();
    let head = lines.iter().position(|line| line.starts_with("tests:"));
    let (end, indent) = match head {
        Some(head) => {
            let inline = lines[head]["tests:".len()..].split(" #").next().unwrap_or_default();
            if !inline.trim().is_empty() {
                return Err("its `tests` are not written as a list of lines that begin with `-`: \
                            write the cases into a file of their own, and name it there"
                    .into());
            }
            list_in(&lines, head)
        }
        None => (lines.len(), INDENT),
    };
    let mut out = String::new();
    for line in &lines[..end] {
        let _ = writeln!(out, "{line}");
    }
    if head.is_none() {
        out.push_str("tests:\n");
    }
    out.push_str(&items(cases, indent));
    for line in &lines[end..] {
        let _ = writeln!(out, "{line}");
    }
    verified(&before, &out, cases.len())?;
    Ok(out)
}

/// Returns the suite's text without the case at this place, with the comments above it. The rest is
/// unchanged.
pub(super) fn remove(text: &str, at: usize) -> Result<String, String> {
    let refused = || "the case cannot be taken out safely: remove it by hand".to_owned();
    let before = read(text)?;
    let lines: Vec<&str> = text.lines().collect();
    let head = lines.iter().position(|line| line.starts_with("tests:")).ok_or_else(refused)?;
    let (end, indent) = list_in(&lines, head);
    let depth = |line: &str| line.len() - line.trim_start().len();
    let starts: Vec<usize> = (head + 1..end)
        .filter(|line| depth(lines[*line]) == indent && lines[*line][indent..].starts_with('-'))
        .collect();
    // A comment above an item, not deeper than it, belongs to it.
    let above = |start: usize| {
        let comment = |line: &usize| {
            lines[*line].trim_start().starts_with('#') && depth(lines[*line]) <= indent
        };
        (head + 1..start).rev().take_while(comment).last().unwrap_or(start)
    };
    let from = above(*starts.get(at).ok_or_else(refused)?);
    let to = starts.get(at + 1).map_or(end, |next| above(*next));
    let kept = lines[..from].iter().chain(&lines[to..]);
    let out: String = kept.flat_map(|line| [*line, "\n"]).collect();
    let mut wanted = before;
    wanted["tests"].as_array_mut().ok_or_else(refused)?.remove(at);
    let mut found = read(&out)?;
    if found["tests"].is_null() {
        found["tests"] = Value::Array(Vec::new());
    }
    if found == wanted { Ok(out) } else { Err(refused()) }
}

/// Returns where a block list ends (the line after its last one) and the indentation of its items.
fn list_in(lines: &[&str], head: usize) -> (usize, usize) {
    let within = |line: &&&str| line.trim().is_empty() || line.starts_with([' ', '-', '#', '\t']);
    let length = lines[head + 1..].iter().take_while(within).count();
    let block = &lines[head + 1..head + 1 + length];
    let item = block.iter().find(|line| line.trim_start().starts_with('-'));
    let indent = item.map_or(INDENT, |line| line.len() - line.trim_start().len());
    // Trailing comments and empty lines may belong to what follows.
    let belongs = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let last = block.iter().rposition(belongs).map_or(0, |at| at + 1);
    (head + 1 + last, indent)
}

/// Checks that the suite is unchanged except for the added cases.
fn verified(before: &Value, text: &str, more: usize) -> Result<(), String> {
    let after = read(text).map_err(|why| format!("the cases do not fit into it: {why}"))?;
    let parts = |suite: &Value| {
        let mut rest = suite.as_object().cloned().unwrap_or_default();
        let tests = rest.remove("tests").unwrap_or_default();
        (rest, tests.as_array().cloned().unwrap_or_default())
    };
    let ((was, old), (is, new)) = (parts(before), parts(&after));
    if was != is || new.len() != old.len() + more || !new.starts_with(&old) {
        return Err(
            "the cases cannot be put into it safely: print them, and put them in by hand".into()
        );
    }
    Ok(())
}

/// Reads a suite file; returns an empty text when it does not exist.
pub(super) fn text_of(file: &Path) -> Result<String, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(format!("{} cannot be read: {error}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn case(message: &str) -> GeneratedCase {
        GeneratedCase {
            description: "from: a test".into(),
            turns: vec![super::super::Turn {
                says: message.into(),
                assert: vec![
                    json!({"type": "answered"}),
                    json!({"type": "retrieved", "value": ["a.md"]}),
                ],
            }],
            comment: Some("It said: #1\nand {more}".into()),
            ..GeneratedCase::default()
        }
    }

    const SUITE: &str = "# ours\nproviders: [frontdesk:acme]\ntests:\n# the first\n- vars: {message: 'When?'} # why\n\n# about options\ndefaultTest:\n  assert: []\n";

    #[test]
    fn cases_are_put_in_and_all_else_stays() {
        let out = put(SUITE, &[case("Where: \"there\"?\n- yes #no")]).unwrap();
        for line in SUITE.lines() {
            assert!(out.contains(line), "{line}\n{out}");
        }
        let suite = read(&out).unwrap();
        assert_eq!(suite["tests"][1]["vars"]["message"], "Where: \"there\"?\n- yes #no");
        assert_eq!(suite["tests"][1]["assert"][1]["value"], json!(["a.md"]));
        assert_eq!(suite["defaultTest"], json!({"assert": []}));
        assert!(out.find("about options").unwrap() > out.find("Where").unwrap());
        // Also into an empty text, and into a suite without tests.
        assert_eq!(
            read(&put("", &[case("a")]).unwrap()).unwrap()["tests"].as_array().unwrap().len(),
            1
        );
        let out = put("providers: [echo]\n", &[case("a"), case("b")]).unwrap();
        assert_eq!(read(&out).unwrap()["tests"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_suite_that_cannot_take_them_is_left_alone_and_says_why() {
        for (suite, why) in [
            ("tests: file://cases.yaml\n", "not written as a list"),
            ("tests: [{vars: {a: b}}]\n", "not written as a list"),
            ("- a\n", "no suite"),
            ("a: [\n", ""),
        ] {
            let error = put(suite, &[case("a")]).unwrap_err();
            assert!(error.contains(why), "{suite}: {error}");
        }
    }

    #[test]
    fn what_is_said_already_is_known() {
        let mut known = ExistingCases::of(SUITE).unwrap();
        assert!(!known.adds(&case("when")));
        assert!(known.adds(&case("Where?")));
        assert!(!known.adds(&case("where")));
    }
}
