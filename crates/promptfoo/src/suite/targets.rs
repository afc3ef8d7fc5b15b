//! Reads the targets of a suite in every form: `echo`, `{id, config}`, `{"openai:x": {config}}`,
//! `file://targets.yaml`.

use serde_json::{Map, Value};

use super::error::SuiteError;
use super::source::Place;
use super::{TargetSpec, files};

pub(super) fn all(value: &Value, place: &Place) -> Result<Vec<TargetSpec>, SuiteError> {
    let mut targets = Vec::new();
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                add(item, &place.at(i), &mut targets)?;
            }
        }
        Value::Null => {}
        one => add(one, place, &mut targets)?,
    }
    Ok(targets)
}

fn add(value: &Value, place: &Place, targets: &mut Vec<TargetSpec>) -> Result<(), SuiteError> {
    match value {
        Value::String(id) if is_list(id) => {
            let (value, place) = files::value(id, place)?;
            targets.extend(all(&value, &place)?);
            Ok(())
        }
        other => {
            targets.push(one(other, place)?);
            Ok(())
        }
    }
}

fn is_list(id: &str) -> bool {
    id.starts_with("file://") && [".yaml", ".yml", ".json"].iter().any(|it| id.ends_with(it))
}

pub(super) fn one(value: &Value, place: &Place) -> Result<TargetSpec, SuiteError> {
    match value {
        Value::String(id) if !id.trim().is_empty() => {
            Ok(TargetSpec { id: id.clone(), ..TargetSpec::default() })
        }
        Value::Object(map) if map.contains_key("id") => spec(map, None, place),
        Value::Object(map) if map.len() == 1 => {
            let (id, rest) = map.iter().next().expect("there is one");
            let empty = Map::new();
            let rest = match rest {
                Value::Object(rest) => rest,
                Value::Null => &empty,
                _ => return Err(place.at(id).wrong("a target's settings must be a mapping")),
            };
            spec(rest, Some(id), &place.at(id))
        }
        _ => Err(place.wrong("a target must be a name such as `echo`, or a mapping with an `id`")),
    }
}

fn spec(
    map: &Map<String, Value>,
    id: Option<&str>,
    place: &Place,
) -> Result<TargetSpec, SuiteError> {
    let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(id) = text("id").or(id.map(str::to_owned)) else {
        return Err(place.at("id").wrong("a target's `id` must be text"));
    };
    Ok(TargetSpec {
        id,
        label: text("label"),
        config: map.get("config").cloned().unwrap_or(Value::Null),
        prompts: map.get("prompts").map(strings),
        transform: text("transform"),
        delay: map.get("delay").and_then(Value::as_u64),
        env: map.get("env").and_then(Value::as_object).cloned().unwrap_or_default(),
    })
}

/// Reads a list of strings; a single string counts as a list.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => {
            items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        Value::String(one) => vec![one.clone()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use serde_json::json;

    use super::super::source::Source;
    use super::*;

    fn read(text: &str) -> Result<Vec<TargetSpec>, SuiteError> {
        let source = Arc::new(Source::parse(Path::new("a.yaml"), text.to_owned()).unwrap());
        all(&source.value, &Place::of(&source))
    }

    #[test]
    fn every_form_is_read() {
        let found = read("- echo\n- {id: 'openai:x', label: X, prompts: p, delay: 5}\n- 'openai:y': {config: {t: 1}}\n- 'openai:z': {id: mine}\n").unwrap();
        assert_eq!(found[0].name(), "echo");
        assert_eq!((found[1].name(), found[1].delay), ("X", Some(5)));
        assert_eq!(found[1].prompts.as_deref(), Some(&["p".to_owned()][..]));
        assert_eq!((found[2].name(), &found[2].config), ("openai:y", &json!({"t": 1})));
        assert_eq!(found[3].id, "mine");
        assert_eq!(read("echo").unwrap()[0].id, "echo");
    }

    #[test]
    fn what_is_no_target_says_where() {
        assert_eq!(
            read("- echo\n- 5\n").unwrap_err().to_string().split(' ').next(),
            Some("a.yaml:2:3:")
        );
    }
}
