//! Parses a table cell such as `contains-any(0.5): a, b` into its assertion.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::files;
use crate::context::Types;

/// Default threshold for the types below.
const THRESHOLD: f64 = 0.75;
/// Default threshold for `similar`.
const SIMILAR: f64 = 0.8;
/// Types that always get a threshold in a table.
const WITH_THRESHOLD: &[&str] = &[
    "answer-relevance",
    "classifier",
    "context-faithfulness",
    "context-recall",
    "context-relevance",
    "cost",
    "latency",
    "levenshtein",
    "perplexity-score",
    "perplexity",
    "rouge-n",
    "similar",
    "starts-with",
];
const LISTS: &[&str] = &["contains-all", "contains-any", "icontains-all", "icontains-any"];

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$").expect("the pattern is valid")
});

/// The grammar of cells, for the known assertion types.
pub(super) struct Grammar(Regex);

impl Grammar {
    pub(super) fn of(types: &Types) -> Self {
        // Longest first: `similar:cosine` is not `similar` with the value `cosine`.
        let mut names: Vec<&str> = types.names().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let names = names.iter().map(|name| regex::escape(name)).collect::<Vec<_>>().join("|");
        let pattern = format!(r"(?s)^(not-)?({names})(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?$");
        Self(Regex::new(&pattern).expect("the pattern is valid"))
    }

    /// Parses a cell; the error describes a malformed list.
    pub(super) fn assertion(&self, cell: &str) -> Result<Map<String, Value>, String> {
        if let Some(script) = script(cell) {
            return Ok(script);
        }
        for before in ["grade:", "llm-rubric:"] {
            if let Some(rest) = cell.strip_prefix(before) {
                return Ok(object(json!({"type": "llm-rubric", "value": rest})));
            }
        }
        let Some(found) = self.0.captures(cell) else {
            return Ok(object(json!({"type": "equals", "value": cell})));
        };
        let base = &found[2];
        let mut all =
            object(json!({"type": format!("{}{base}", found.get(1).map_or("", |it| it.as_str()))}));
        let value = found.get(4).map(|it| it.as_str());
        if let Some(value) = value {
            let value = match base {
                _ if LISTS.contains(&base) && !value.is_empty() => list(value)?.into(),
                "contains-json" | "is-json" => value.into(),
                _ => value.trim().into(),
            };
            all.insert("value".into(), value);
        }
        let written = found.get(3).and_then(|it| it.as_str().parse::<f64>().ok());
        if WITH_THRESHOLD.contains(&base) {
            let usual = if base == "similar" { SIMILAR } else { THRESHOLD };
            all.insert("threshold".into(), written.unwrap_or(usual).into());
        } else if let Some(written) = written.filter(|_| base.starts_with("similar:")) {
            all.insert("threshold".into(), written.into());
        }
        Ok(all)
    }
}

fn script(cell: &str) -> Option<Map<String, Value>> {
    let of = |kind: &str, value: &str| Some(object(json!({"type": kind, "value": value.trim()})));
    for before in ["javascript:", "fn:", "eval:"] {
        if let Some(code) = cell.strip_prefix(before) {
            return of("javascript", code);
        }
    }
    if let Some(code) = cell.strip_prefix("python:") {
        return of("python", code);
    }
    let path = cell.strip_prefix("file://")?;
    if files::is_javascript(path.as_ref()) {
        return of("javascript", cell);
    }
    (files::ending(path.as_ref()) == "py" || path.contains(".py:"))
        .then(|| of("python", cell))
        .flatten()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Parses a finite number; `None` for anything else and for an empty cell.
pub(super) fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    NUMBER.is_match(cell).then(|| cell.parse().ok()).flatten().filter(|it: &f64| it.is_finite())
}

/// Comma-separated values; a quoted value may hold commas, and `""` or `\"` for a quote.
fn list(text: &str) -> Result<Vec<String>, String> {
    let mut items = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    while !rest.is_empty() {
        let after = if let Some(quoted) = rest.strip_prefix('"') {
            let (item, after) = quoted_item(quoted)?;
            items.push(item);
            let after = after.trim_start();
            if !after.is_empty() && !after.starts_with(',') {
                return Err("a comma is missing after a value in quotes".into());
            }
            after
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            items.push(rest[..end].trim().to_owned());
            &rest[end..]
        };
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(items)
}

fn quoted_item(text: &str) -> Result<(String, &str), String> {
    let mut item = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        match (letter, next) {
            ('\\', Some(next @ ('"' | '\\'))) => {
                item.push(next);
                letters.next();
            }
            ('"', Some('"')) => {
                item.push('"');
                letters.next();
            }
            ('"', _) => return Ok((item, &text[at + 1..])),
            _ => item.push(letter),
        }
    }
    Err("a quote is missing at the end of a value".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Family;

    fn assertion(text: &str) -> Result<Map<String, Value>, String> {
        let added = Family { names: &["handed-off"], check: |_, _| None };
        Grammar::of(&Types::default().with(added)).assertion(text)
    }

    fn cell(text: &str) -> Value {
        Value::Object(assertion(text).unwrap())
    }

    #[test]
    fn a_cell_is_the_assertion_that_it_names() {
        assert_eq!(cell("hello"), json!({"type": "equals", "value": "hello"}));
        assert_eq!(cell("not-contains: a"), json!({"type": "not-contains", "value": "a"}));
        assert_eq!(cell("is-json"), json!({"type": "is-json"}));
        assert_eq!(
            cell("similar(0.9):foo"),
            json!({"type": "similar", "value": "foo", "threshold": 0.9})
        );
        assert_eq!(
            cell("similar: foo"),
            json!({"type": "similar", "value": "foo", "threshold": 0.8})
        );
        assert_eq!(cell("similar:cosine:x"), json!({"type": "similar:cosine", "value": "x"}));
        assert_eq!(cell("similar:dot(2):x")["threshold"], 2.0);
        assert_eq!(
            cell("levenshtein: a"),
            json!({"type": "levenshtein", "value": "a", "threshold": 0.75})
        );
        assert_eq!(cell("contains(0.3): a"), json!({"type": "contains", "value": "a"}));
        assert_eq!(
            cell("handed-off: complaint"),
            json!({"type": "handed-off", "value": "complaint"})
        );
    }

    #[test]
    fn scripts_and_rubrics_have_words_of_their_own() {
        assert_eq!(
            cell("fn: output.length > 2"),
            json!({"type": "javascript", "value": "output.length > 2"})
        );
        assert_eq!(cell("grade:is polite"), json!({"type": "llm-rubric", "value": "is polite"}));
        assert_eq!(
            cell("file://a.py:check"),
            json!({"type": "python", "value": "file://a.py:check"})
        );
        assert_eq!(cell("file://a.js")["type"], "javascript");
    }

    #[test]
    fn a_list_may_be_quoted() {
        assert_eq!(cell(r#"contains-any: "a, b", c"#)["value"], json!(["a, b", "c"]));
        assert_eq!(cell(r#"contains-all:"say ""hi""",,d"#)["value"], json!([r#"say "hi""#, "d"]));
        assert!(assertion(r#"contains-any: "a"#).is_err());
        assert!(assertion(r#"contains-any: "a" b"#).is_err());
    }

    #[test]
    fn a_number_is_all_of_a_cell() {
        assert_eq!(number(" 0.5 "), Some(0.5));
        assert_eq!(number("0"), Some(0.0));
        assert_eq!((number(""), number("0.5x"), number("inf")), (None, None, None));
    }
}
