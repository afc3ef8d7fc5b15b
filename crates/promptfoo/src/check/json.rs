//! `is-json` and `contains-json`, with or without a JSON schema.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;

use super::CheckResult;
use super::prepare::PreparedAssertion;

/// Maximum length of a piece of the answer that is parsed as one object, in characters.
const MAX_LEN: usize = 100_000;

pub(super) fn is_json(given: &PreparedAssertion<'_>) -> CheckResult {
    let Ok(parsed) = serde_json::from_str::<Value>(&given.text) else {
        return Ok(given.verdict(false, |_| "Expected output to be valid JSON".into()));
    };
    let Some(schema) = schema(given)? else {
        return Ok(given.verdict(true, |_| "Expected output to be valid JSON".into()));
    };
    let wrong = first_error(&schema, &parsed);
    let reason = match &wrong {
        Some(wrong) => format!("JSON does not conform to the provided schema. Errors: {wrong}"),
        None => "Output is JSON that conforms to the provided schema".into(),
    };
    Ok(given.verdict(wrong.is_none(), |_| reason))
}

/// `contains-json`: at least one object in the answer conforms.
pub(super) fn contains_json(given: &PreparedAssertion<'_>) -> CheckResult {
    let objects = objects(&given.text);
    let mut holds = !objects.is_empty();
    let mut reason = "Expected output to contain valid JSON".to_owned();
    if let Some(schema) = schema(given)? {
        for object in &objects {
            match first_error(&schema, object) {
                None => {
                    holds = true;
                    if given.inverse() {
                        reason = "Output contains JSON conforming to the provided schema".into();
                    }
                    break;
                }
                Some(wrong) => {
                    holds = false;
                    reason =
                        format!("JSON does not conform to the provided schema. Errors: {wrong}");
                }
            }
        }
    }
    Ok(given.verdict(holds, |_| reason))
}

/// Compiles the schema in the value: an object, or YAML text.
fn schema(given: &PreparedAssertion<'_>) -> Result<Option<Validator>, String> {
    let kind = &given.assertion.kind;
    let schema = match &given.value {
        Value::Null | Value::Bool(false) => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => serde_saphyr::from_str(text)
            .map_err(|error| format!("{kind}: the schema is not YAML: {error}"))?,
        value @ Value::Object(_) => value.clone(),
        _ => return Err(format!("{kind} assertion must have a string or object value")),
    };
    let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
    options
        .build(&schema)
        .map(Some)
        .map_err(|error| format!("{kind}: the schema is wrong: {error}"))
}

fn first_error(schema: &Validator, value: &Value) -> Option<String> {
    let error = schema.iter_errors(value).next()?;
    Some(format!("data{} {}", error.instance_path().as_str(), ajv_message(&error)))
}

/// Formats an error as ajv does, because promptfoo's reports have ajv's messages.
fn ajv_message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(kind) } => format!("must be {kind}"),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            format!(
                "must be {}",
                kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(",")
            )
        }
        Kind::Required { property } => {
            format!("must have required property '{}'", property.as_str().unwrap_or_default())
        }
        Kind::AdditionalProperties { .. } => "must NOT have additional properties".into(),
        Kind::Enum { .. } => "must be equal to one of the allowed values".into(),
        Kind::Constant { .. } => "must be equal to constant".into(),
        Kind::Minimum { limit } => format!("must be >= {limit}"),
        Kind::Maximum { limit } => format!("must be <= {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be > {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be < {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must NOT have fewer than {limit} characters"),
        Kind::MaxLength { limit } => format!("must NOT have more than {limit} characters"),
        Kind::MinItems { limit } => format!("must NOT have fewer than {limit} items"),
        Kind::MaxItems { limit } => format!("must NOT have more than {limit} items"),
        Kind::MinProperties { limit } => format!("must NOT have fewer than {limit} properties"),
        Kind::MaxProperties { limit } => format!("must NOT have more than {limit} properties"),
        Kind::Pattern { pattern } => format!("must match pattern \"{pattern}\""),
        Kind::Format { format } => format!("must match format \"{format}\""),
        Kind::AnyOf { .. } => "must match a schema in anyOf".into(),
        Kind::OneOfMultipleValid { .. } | Kind::OneOfNotValid { .. } => {
            "must match exactly one schema in oneOf".into()
        }
        Kind::Not { .. } => "must NOT be valid".into(),
        Kind::FalseSchema => "boolean schema is false".into(),
        _ => error.to_string(),
    }
}

/// Objects in a text, outermost first. They are parsed as YAML, so `{id: 1}` counts; a truncated
/// object is closed.
pub(super) fn objects(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = text;
    // Limits the work on texts with many braces that are not objects.
    let mut patience = 1000;
    while let Some(at) = rest.find('{') {
        rest = &rest[at..];
        let (length, open) = extent(rest);
        let piece = format!("{}{}", &rest[..length], "}".repeat(open.min(1000)));
        patience -= 1;
        match read(&piece) {
            Some(object) => {
                found.push(object);
                rest = &rest[length..];
            }
            None if patience == 0 => break,
            None => rest = &rest[1..],
        }
    }
    found
}

/// Length in bytes of the object at the start of a text, and the number of its unclosed braces.
fn extent(text: &str) -> (usize, usize) {
    let mut open = 0_usize;
    for (count, (at, letter)) in text.char_indices().enumerate() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 || count + 1 == MAX_LEN {
            return (at + letter.len_utf8(), open);
        }
    }
    (text.len(), open)
}

fn read(piece: &str) -> Option<Value> {
    let parsed = serde_json::from_str(piece).ok();
    let parsed: Option<Value> = parsed.or_else(|| serde_saphyr::from_str(piece).ok());
    parsed.filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_found_in_prose() {
        assert_eq!(
            objects("Sure: {id: 1} and {\"id\":{\"x\":2}} {"),
            [json!({"id": 1}), json!({"id": {"x": 2}}), json!({})][..2 + objects("{").len()]
        );
        assert_eq!(objects("none here"), Vec::<Value>::new());
        assert_eq!(objects("cut {\"a\": {\"b\": 1"), [json!({"a": {"b": 1}})]);
    }
}
