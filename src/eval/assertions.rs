//! Escapes customers' text in a suite's assertions, so that it is never rendered as a template or
//! read as a file name.

use frontdesk_promptfoo::template::literal;
use serde_json::{Map, Value};

use super::bot_checks::renders_deeply;

/// Escapes an assertion's texts wherever its type renders them.
pub(super) fn literal_assertion(written: &Value) -> Value {
    let Value::Object(map) = written else { return written.clone() };
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
    let deep = renders_deeply(kind.strip_prefix("not-").unwrap_or(kind));
    let field = |(name, value): (&String, &Value)| {
        let value = match (name.as_str(), value) {
            ("assert", Value::Array(set)) => set.iter().map(literal_assertion).collect(),
            ("value", value) => inert(value, deep, 0),
            ("metric", Value::String(metric)) => literal(metric).into(),
            (_, value) => value.clone(),
        };
        (name.clone(), value)
    };
    Value::Object(map.iter().map(field).collect::<Map<_, _>>())
}

fn inert(value: &Value, deep: bool, depth: usize) -> Value {
    match value {
        Value::String(words) => literal(words).into(),
        Value::Array(all) if deep || depth == 0 => {
            all.iter().map(|one| inert(one, deep, depth + 1)).collect()
        }
        Value::Object(map) if deep => {
            let field =
                |(name, value): (&String, &Value)| (name.clone(), inert(value, deep, depth + 1));
            Value::Object(map.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_of_an_assertion_too() {
        let made = literal_assertion(
            &json!({"type": "not-contains-any", "value": ["{{a}}", "b"], "metric": "{{m}}"}),
        );
        assert_eq!(made["value"], json!(["{{ \"{\" }}{a}}", "b"]));
        assert_eq!(
            (&made["type"], &made["metric"]),
            (&json!("not-contains-any"), &json!("{{ \"{\" }}{m}}"))
        );
        // Texts inside objects are rendered only for the desk's own assertion types.
        let made = literal_assertion(&json!({"type": "equals", "value": {"a": "{{a}}"}}));
        assert_eq!(made["value"]["a"], "{{a}}");
        let made =
            literal_assertion(&json!({"type": "retrieved", "value": {"document": "{{a}}.md"}}));
        assert_eq!(made["value"]["document"], "{{ \"{\" }}{a}}.md");
    }
}
