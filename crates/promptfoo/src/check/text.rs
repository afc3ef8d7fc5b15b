//! Assertions on the characters and words of the answer.

use serde_json::Value;

use super::prepare::PreparedAssertion;
use super::{CheckResult, GradingResult};

/// `equals`: the same text; for an object, array or null, the same JSON value.
pub(super) fn equals(given: &PreparedAssertion<'_>) -> GradingResult {
    let text = &given.text;
    let (same, wanted) = match &given.value {
        value @ (Value::Object(_) | Value::Array(_) | Value::Null) => {
            let parsed = serde_json::from_str::<Value>(text);
            (parsed.is_ok_and(|parsed| same(&parsed, value)), value.to_string())
        }
        value => {
            let wanted = written(value);
            (wanted == *text, wanted)
        }
    };
    given.verdict(same, |not| format!("Expected output \"{text}\" to {not}equal \"{wanted}\""))
}

/// Compares two JSON values: 1 equals 1.0, and the order of fields does not matter.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let within = |(name, value)| other.get(name).is_some_and(|other| same(value, other));
            one.len() == other.len() && one.iter().all(within)
        }
        _ => one == other,
    }
}

/// Formats a value as JavaScript's `String(value)` does.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.as_i64().is_none() => float.to_string(),
            _ => number.to_string(),
        },
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".into(),
        other => other.to_string(),
    }
}

fn folded(given: &PreparedAssertion<'_>, text: &str) -> String {
    if given.assertion.kind.starts_with('i') { text.to_lowercase() } else { text.to_owned() }
}

pub(super) fn contains(given: &PreparedAssertion<'_>) -> CheckResult {
    let kind = &given.assertion.kind;
    let usable = matches!(&given.value, Value::Number(_))
        || given.value.as_str().is_some_and(|text| !text.is_empty());
    if !usable {
        return Err(format!("\"{kind}\" assertion type must have a string or number value"));
    }
    let wanted = written(&given.value);
    let found = folded(given, &given.text).contains(&folded(given, &wanted));
    Ok(given.verdict(found, |not| format!("Expected output to {not}contain \"{wanted}\"")))
}

pub(super) fn contains_any(given: &PreparedAssertion<'_>) -> CheckResult {
    let wanted = list(given)?;
    let text = folded(given, &given.text);
    let found = wanted.iter().any(|one| text.contains(&folded(given, one)));
    let all = wanted.join(", ");
    Ok(given.verdict(found, |not| format!("Expected output to {not}contain one of \"{all}\"")))
}

pub(super) fn contains_all(given: &PreparedAssertion<'_>) -> CheckResult {
    let wanted = list(given)?;
    let text = folded(given, &given.text);
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|one| !text.contains(&folded(given, one)))
        .map(String::as_str)
        .collect();
    let (all, missed) = (wanted.join(", "), missing.join(", "));
    Ok(given.verdict(missing.is_empty(), |not| {
        format!("Expected output to {not}contain all of [{all}]. Missing: [{missed}]")
    }))
}

fn list(given: &PreparedAssertion<'_>) -> Result<Vec<String>, String> {
    let kind = &given.assertion.kind;
    match &given.value {
        Value::String(text) if !text.is_empty() => separated(text),
        Value::Array(items) => Ok(items.iter().map(written).collect()),
        Value::Null | Value::String(_) => {
            Err(format!("\"{kind}\" assertion type must have a value"))
        }
        _ => Err(format!("\"{kind}\" assertion type must have an array value")),
    }
}

/// Parses one line of comma-separated values; inside quotes, `\"` and `""` are a quote.
pub(super) fn separated(line: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (field, after) = quoted_field(quoted)?;
            fields.push(field);
            rest = after.trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err("Expected comma after quoted field in contains assertion value".into());
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            fields.push(rest[..end].trim().to_owned());
            rest = &rest[end..];
        }
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(fields)
}

fn quoted_field(text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        match (letter, next) {
            ('\\', Some(escaped @ ('"' | '\\'))) | ('"', Some(escaped @ '"')) => {
                field.push(escaped);
                letters.next();
            }
            ('"', _) => return Ok((field, &text[at + 1..])),
            _ => field.push(letter),
        }
    }
    Err("Unterminated quoted field in contains assertion value".into())
}

pub(super) fn starts_with(given: &PreparedAssertion<'_>) -> CheckResult {
    let wanted = string(given)?;
    if wanted.is_empty() {
        return Err("\"starts-with\" assertion type must have a string value".into());
    }
    let found = given.text.starts_with(wanted);
    Ok(given.verdict(found, |not| format!("Expected output to {not}start with \"{wanted}\"")))
}

/// Returns the value, which must be a string.
pub(super) fn string<'a>(given: &'a PreparedAssertion<'_>) -> Result<&'a str, String> {
    let kind = &given.assertion.kind;
    given
        .value
        .as_str()
        .ok_or_else(|| format!("\"{kind}\" assertion type must have a string value"))
}

pub(super) fn word_count(given: &PreparedAssertion<'_>) -> CheckResult {
    let count = given.text.split_whitespace().count();
    let words = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    match &given.value {
        Value::Object(range) => {
            let bound = |name: &str| range.get(name).and_then(Value::as_f64);
            word_range(given, words, bound("min"), bound("max"))
        }
        value => {
            let wanted = match value {
                Value::Number(number) => number.as_f64(),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            let wanted = wanted.ok_or("\"word-count\" assertion value must be a number or an object with min/max properties")?;
            let reason = |_: &str| {
                if given.inverse() {
                    format!("Expected word count to not equal {wanted}, but got {count}")
                } else {
                    format!("Word count {count} does not equal expected {wanted}")
                }
            };
            Ok(given.verdict((words - wanted).abs() < f64::EPSILON, reason))
        }
    }
}

fn word_range(
    given: &PreparedAssertion<'_>,
    words: f64,
    min: Option<f64>,
    max: Option<f64>,
) -> CheckResult {
    let not = given.inverse();
    let (holds, reason) = match (min, max) {
        (None, None) => {
            return Err(
                "\"word-count\" assertion object must have \"min\" and/or \"max\" properties"
                    .into(),
            );
        }
        (Some(min), Some(max)) if min > max => {
            return Err(format!(
                "\"word-count\" assertion: min ({min}) must be less than or equal to max ({max})"
            ));
        }
        (Some(min), Some(max)) => (
            words >= min && words <= max,
            if not {
                format!("Expected word count to not be between {min} and {max}, but got {words}")
            } else {
                format!("Word count {words} is not between {min} and {max}")
            },
        ),
        (None, Some(max)) => (
            words <= max,
            if not {
                format!("Expected word count to be greater than {max}, but got {words}")
            } else {
                format!("Word count {words} is greater than maximum {max}")
            },
        ),
        (Some(min), None) => (
            words >= min,
            if not {
                format!("Expected word count to be less than {min}, but got {words}")
            } else {
                format!("Word count {words} is less than minimum {min}")
            },
        ),
    };
    Ok(given.verdict(holds, |_| reason))
}

/// `levenshtein`: edit distance in UTF-16 code units, as in JavaScript.
pub(super) fn levenshtein(given: &PreparedAssertion<'_>) -> CheckResult {
    let wanted: Vec<u16> = string(given)?.encode_utf16().collect();
    let output: Vec<u16> = given.text.encode_utf16().collect();
    if output.len().saturating_mul(wanted.len()) > 400_000_000 {
        return Err("levenshtein: the texts are too long to be compared".into());
    }
    let far = distance(&output, &wanted);
    let threshold = given.assertion.threshold.unwrap_or(5.0);
    let near = f64::from(u32::try_from(far).unwrap_or(u32::MAX)) <= threshold;
    let sign = if given.inverse() { "less than or equal to" } else { "greater than" };
    Ok(given
        .verdict(near, |_| format!("Levenshtein distance {far} is {sign} threshold {threshold}")))
}

pub(super) fn distance(one: &[u16], other: &[u16]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
