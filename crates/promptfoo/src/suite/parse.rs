//! Parses a case and its assertions. Errors tell the place.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::SuiteError;
use super::source::Place;
use super::{Assertion, Case, ScriptedTurn, files, targets, types};

const KEYS: &[&str] = &[
    "description",
    "vars",
    "provider",
    "providers",
    "prompts",
    "providerOutput",
    "assert",
    "assertScoringFunction",
    "options",
    "threshold",
    "metadata",
    "turns",
];

/// Unknown keys seen so far, so that each is reported once.
#[derive(Default)]
pub(super) struct Unknown {
    seen: BTreeSet<String>,
}

impl Unknown {
    fn see(&mut self, key: &str, place: &Place, warnings: &mut Vec<String>) {
        if self.seen.insert(key.to_owned()) {
            warnings.push(
                place
                    .at(key)
                    .wrong(format!("a case has no key `{key}`: it does nothing"))
                    .to_string(),
            );
        }
    }
}

/// Parses a case without its variables, which are expanded separately.
pub(super) fn case(
    mut map: Map<String, Value>,
    place: &Place,
    unknown: &mut Unknown,
    warnings: &mut Vec<String>,
) -> Result<Case, SuiteError> {
    let mut more = Map::new();
    for key in map.keys().filter(|key| !KEYS.contains(&key.as_str())).cloned().collect::<Vec<_>>() {
        unknown.see(&key, place, warnings);
        more.extend(map.remove(&key).map(|value| (key, value)));
    }
    let provider = map.get("provider").filter(|it| !it.is_null());
    let provider = provider.map(|it| targets::one(it, &place.at("provider"))).transpose()?;
    Ok(Case {
        description: text(&map, "description", place)?,
        provider: provider.map(Box::new),
        only_targets: map.get("providers").map(targets::strings),
        only_prompts: map.get("prompts").map(targets::strings),
        // An empty fixed answer does not count: the target is called.
        provider_output: map.remove("providerOutput").filter(|it| !it.is_null() && it != ""),
        turns: turns(map.get("turns"), &place.at("turns"))?,
        assert: assertions(map.get("assert"), &place.at("assert"))?,
        scoring: text(&map, "assertScoringFunction", place)?,
        threshold: number(&map, "threshold", place)?,
        options: object(map.remove("options"), &place.at("options"))?,
        metadata: object(map.remove("metadata"), &place.at("metadata"))?,
        raw: if more.is_empty() { Value::Null } else { more.into() },
        ..Case::default()
    })
}

fn text(map: &Map<String, Value>, key: &str, place: &Place) -> Result<Option<String>, SuiteError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(place.at(key).wrong(format!("`{key}` must be text"))),
    }
}

fn number(map: &Map<String, Value>, key: &str, place: &Place) -> Result<Option<f64>, SuiteError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(place.at(key).wrong(format!("`{key}` must be a number"))),
    }
}

fn object(value: Option<Value>, place: &Place) -> Result<Map<String, Value>, SuiteError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(place.wrong("this must be a mapping")),
    }
}

/// Parses the assertions of a case, a turn or a set.
pub(super) fn assertions(
    value: Option<&Value>,
    place: &Place,
) -> Result<Vec<Assertion>, SuiteError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let mut all = Vec::with_capacity(items.len());
            for (i, item) in items.iter().enumerate() {
                match item {
                    Value::String(reference) if reference.starts_with("file://") => {
                        let (value, place) = files::value(reference, &place.at(i))?;
                        all.extend(assertions(Some(&value), &place)?);
                    }
                    other => all.push(assertion(other, &place.at(i))?),
                }
            }
            Ok(all)
        }
        Some(Value::String(reference)) if reference.starts_with("file://") => {
            let (value, place) = files::value(reference, place)?;
            assertions(Some(&value), &place)
        }
        Some(_) => Err(place.wrong("`assert` must be a list of assertions")),
    }
}

fn assertion(value: &Value, place: &Place) -> Result<Assertion, SuiteError> {
    let Value::Object(map) = value else {
        return Err(place.wrong("an assertion must be a mapping with a `type`"));
    };
    let Some(name) = map.get("type").and_then(Value::as_str) else {
        return Err(place.wrong("an assertion must have a `type`, such as `contains`"));
    };
    let Some((kind, negated)) = types::split(name, place.types()) else {
        let problem = Some(unknown_type(name, &place.at("type"))?);
        let (kind, raw) = (name.to_owned(), value.clone());
        return Ok(Assertion { kind, weight: 1.0, raw, problem, ..Assertion::default() });
    };
    Ok(Assertion {
        kind: kind.to_owned(),
        negated,
        value: map.get("value").cloned().unwrap_or(Value::Null),
        threshold: number(map, "threshold", place)?,
        weight: number(map, "weight", place)?.unwrap_or(1.0),
        metric: text(map, "metric", place)?,
        set: match kind {
            Assertion::SET => assertions(map.get("assert"), &place.at("assert"))?,
            _ => Vec::new(),
        },
        raw: value.clone(),
        problem: None,
    })
}

/// Returns the error of the cases that use an unknown type; if rules are strict, refuses the suite.
fn unknown_type(name: &str, place: &Place) -> Result<String, SuiteError> {
    let nearest = types::nearest(name, place.types());
    let nearest = nearest.map(|it| format!("did you mean `{it}`?"));
    if !place.rules().strict {
        let hint = place.wrong(nearest.unwrap_or_else(|| "there is no such type".into()));
        return Ok(format!("Unknown assertion type: {name} ({hint})"));
    }
    let nearest = nearest.map(|hint| format!(": {hint}")).unwrap_or_default();
    Err(place.wrong(format!("there is no assertion type `{name}`{nearest}")))
}

/// Parses the turns, each `{user: text | [texts], voice: file, image: file, assert: [...]}`.
fn turns(value: Option<&Value>, place: &Place) -> Result<Vec<ScriptedTurn>, SuiteError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(i, item)| turn(item, &place.at(i))).collect()
        }
        Some(_) => Err(place.wrong("`turns` must be a list")),
    }
}

fn turn(value: &Value, place: &Place) -> Result<ScriptedTurn, SuiteError> {
    let map = match value {
        Value::String(_) => {
            return Ok(ScriptedTurn { says: vec![value.clone()], assert: Vec::new() });
        }
        Value::Object(map) => map,
        _ => return Err(place.wrong("a turn must be text, or a mapping with `user`")),
    };
    let known = ["user", "voice", "image", "assert"];
    if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(place
            .at(key)
            .wrong(format!("a turn has no key `{key}`: there are {}", known.join(", "))));
    }
    let mut says = match map.get("user") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    };
    for key in ["voice", "image"] {
        let files = map.get(key).map(targets::strings).unwrap_or_default();
        says.extend(
            files
                .into_iter()
                .map(|file| Value::Object(Map::from_iter([(key.to_owned(), file.into())]))),
        );
    }
    if says.is_empty() {
        return Err(
            place.wrong("a turn must say what the customer sends: `user`, `voice` or `image`")
        );
    }
    Ok(ScriptedTurn { says, assert: assertions(map.get("assert"), &place.at("assert"))? })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use serde_json::json;

    use super::super::source::{Rules, Source};
    use super::*;
    use crate::context::{Family, Types};

    fn read(text: &str) -> Result<(Case, Vec<String>), SuiteError> {
        read_by(text, false)
    }

    fn read_by(text: &str, strict: bool) -> Result<(Case, Vec<String>), SuiteError> {
        let family = Family { names: &["answered", "no-reply"], check: |_, _| None };
        let types = Types::default().with(family);
        let rules = Rules { types, strict, ..Rules::default() };
        let source = Source::parse(Path::new("a.yaml"), text.to_owned()).unwrap();
        let source = Arc::new(source.under(&rules));
        let map = source.value.as_object().unwrap().clone();
        let mut warnings = Vec::new();
        case(map, &Place::of(&source), &mut Unknown::default(), &mut warnings)
            .map(|it| (it, warnings))
    }

    #[test]
    fn assertions_are_taken_apart() {
        let (case, _) = read("assert:\n- {type: not-contains, value: a, weight: 0, metric: m}\n- {type: assert-set, threshold: 0.5, assert: [{type: not-answered}]}\n").unwrap();
        let first = &case.assert[0];
        assert_eq!((first.kind.as_str(), first.negated, first.weight), ("contains", true, 0.0));
        assert_eq!(first.name(), "not-contains");
        let set = &case.assert[1];
        assert_eq!(
            (set.threshold, set.weight, set.set[0].kind.as_str()),
            (Some(0.5), 1.0, "answered")
        );
        assert!(set.set[0].negated);
    }

    #[test]
    fn an_unknown_type_proposes_the_nearest_and_says_where() {
        let text = "assert:\n  - type: contains\n    value: a\n  - type: not-equls\n";
        let wrong = read_by(text, true).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "a.yaml:4:11: there is no assertion type `not-equls`: did you mean `not-equals`?"
        );
        let (case, _) = read(text).unwrap();
        assert_eq!(case.assert[0].problem, None);
        assert_eq!(
            case.assert[1].problem.as_deref(),
            Some("Unknown assertion type: not-equls (a.yaml:4:11: did you mean `not-equals`?)")
        );
        assert!(read("assert: [{value: a}]").unwrap_err().what.contains("`type`"));
        assert!(read("assert: {type: a}").unwrap_err().what.contains("list"));
        assert!(read("threshold: high").unwrap_err().what.contains("number"));
    }

    #[test]
    fn an_unknown_key_is_a_warning_and_kept() {
        let (case, warnings) = read("vars: {}\nasserts: []\n").unwrap();
        assert_eq!(warnings, ["a.yaml:2:10: a case has no key `asserts`: it does nothing"]);
        assert_eq!(case.raw, json!({"asserts": []}));
    }

    #[test]
    fn turns_are_texts_and_files() {
        let (case, _) =
            read("turns:\n- hello\n- {user: [a, b], voice: v.ogg, assert: [{type: no-reply}]}\n")
                .unwrap();
        assert_eq!(case.turns[0].says, [json!("hello")]);
        assert_eq!(case.turns[1].says, [json!("a"), json!("b"), json!({"voice": "v.ogg"})]);
        assert_eq!(case.turns[1].assert[0].kind, "no-reply");
        assert_eq!(read("turns:\n- {usr: a}\n").unwrap_err().line, 2);
        assert!(read("turns:\n- {assert: []}\n").is_err());
    }
}
