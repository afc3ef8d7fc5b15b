//! `is-xml` and `contains-xml`, optionally with required elements.

use serde_json::Value;

use super::GradingResult;
use super::prepare::PreparedAssertion;
use super::tags::{Element, Kind, Tag, Text, next_tag, tree, well_formed};

/// The paths of required elements, such as `a.b`.
fn required(given: &PreparedAssertion<'_>) -> Result<Vec<String>, String> {
    let wrong = || "xml assertion must contain a string, array value, or no value".to_owned();
    let list = |all: &Vec<Value>| all.iter().map(super::text::written).collect();
    match &given.value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(text.split(',').map(|one| one.trim().to_owned()).collect()),
        Value::Array(all) => Ok(list(all)),
        Value::Object(fields) if fields.is_empty() => Ok(Vec::new()),
        Value::Object(fields) => {
            fields.get("requiredElements").and_then(Value::as_array).map(list).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// `is-xml`: the whole answer.
pub(super) fn is_xml(given: &PreparedAssertion<'_>) -> Result<GradingResult, String> {
    let required = required(given)?;
    let (holds, reason) = match well_formed(&given.text) {
        Err(wrong) => (false, format!("XML parsing failed: {wrong}")),
        Ok(()) => match missing(&tree(&given.text), &required) {
            missing if missing.is_empty() => {
                (true, "XML is valid and contains all required elements".into())
            }
            missing => (false, format!("XML is missing required elements: {}", missing.join(", "))),
        },
    };
    Ok(given.verdict(holds, |_| reason))
}

/// `contains-xml`: any part of the answer.
pub(super) fn contains_xml(given: &PreparedAssertion<'_>) -> Result<GradingResult, String> {
    let required = required(given)?;
    let candidates = candidates(&given.text);
    let fits = |piece: &str| missing(&tree(piece), &required).is_empty();
    let found = candidates.iter().any(|piece| fits(piece));
    let reason = match (found, candidates.is_empty()) {
        (true, _) => "XML is valid and contains all required elements",
        (false, true) => "No XML content found in the output",
        (false, false) => "No valid XML content found matching the requirements",
    };
    Ok(given.verdict(found, |_| reason.into()))
}

fn missing(root: &Element, required: &[String]) -> Vec<String> {
    let has = |path: &&String| !root.has(&path.split('.').collect::<Vec<_>>());
    required.iter().filter(has).cloned().collect()
}

/// The span of all outermost elements together, then each of them alone.
fn candidates(text: &str) -> Vec<&str> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut closed: Vec<(usize, usize)> = Vec::new();
    let mut rest = Text::new(text);
    while let Some(Tag { kind, name, from, to }) = next_tag(&mut rest) {
        match kind {
            Kind::Empty => closed.push((from, to)),
            Kind::Open => open.push((name, from)),
            Kind::Close => match open.pop() {
                Some((own, from)) if own == name => closed.push((from, to)),
                // A mismatched end tag discards all open elements.
                _ => open.clear(),
            },
            Kind::Other => {}
        }
    }
    closed.sort_by_key(|(from, to)| (*from, std::cmp::Reverse(*to)));
    let mut outer: Vec<(usize, usize)> = Vec::new();
    for (from, to) in closed {
        if outer.last().is_none_or(|(_, end)| from >= *end) {
            outer.push((from, to));
        }
    }
    let together = match (outer.first(), outer.last()) {
        (Some((from, _)), Some((_, to))) if outer.len() > 1 => Some((*from, *to)),
        _ => None,
    };
    together.into_iter().chain(outer).filter_map(|(from, to)| text.get(from..to)).collect()
}
