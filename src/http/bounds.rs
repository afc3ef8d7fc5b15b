//! Enforces the limits in the OpenAPI document on requests: of numbers, and of the lengths of texts
//! and lists. The document is their only source, so that no route can forget them. Must not judge
//! what values mean.
//!
//! Texts and lists without limits in the document get the defaults below. Numbers have no default:
//! a test fails for one without limits.

use std::fmt::Display;
use std::sync::{Arc, LazyLock, OnceLock};

use axum::body::Bytes;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::error::Problem;

/// Default maximum length of a text in the path, in characters.
const PATH: u64 = 200;
/// Default maximum length of a text in the query or a header, in characters.
const LINE: u64 = 1_000;
/// Default maximum length of a text in a body, in characters.
const TEXT: u64 = 16_384;
/// Default maximum number of items in a list, and of entries in an object with free keys.
const LIST: u64 = 1_000;
/// Keywords that combine schemas.
const PARTS: [&str; 3] = ["allOf", "oneOf", "anyOf"];

type Pairs = axum::extract::Query<Vec<(String, String)>>;

/// The OpenAPI document, which is large: it is made when it is first needed.
pub(super) struct Bounds {
    document: LazyLock<Value>,
    text: OnceLock<Bytes>,
}

/// The operation that a request is for, with the document that limits it.
#[derive(Clone)]
pub(super) struct Operation {
    bounds: Arc<Bounds>,
    path: String,
    method: String,
}

/// Middleware that checks the path, query and headers, and passes the operation to the extractor of
/// the body.
pub(super) async fn guard(
    State(bounds): State<Arc<Bounds>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(path) = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned())
    else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    // HEAD is served by the GET operation.
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    let operation = Operation { bounds, path, method: method.as_str().to_lowercase() };
    if let Err(problem) = operation.judge_parameters(&mut parts).await {
        return problem.into_response();
    }
    parts.extensions.insert(operation);
    next.run(Request::from_parts(parts, body)).await
}

impl Bounds {
    pub(super) fn of(document: fn() -> Value) -> Arc<Self> {
        Arc::new(Self { document: LazyLock::new(document), text: OnceLock::new() })
    }

    /// The document as JSON.
    pub(super) fn text(&self) -> Bytes {
        let text = || serde_json::to_string_pretty(&*self.document).unwrap_or_default().into();
        self.text.get_or_init(text).clone()
    }

    /// Checks a value against a schema. The error names the place and its limits.
    fn validate(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        if let Some(known) = self.referred(schema) {
            return self.validate(known, value, at);
        }
        for part in parts(schema, "allOf") {
            self.validate(part, value, at)?;
        }
        for kind in ["oneOf", "anyOf"] {
            let all = parts(schema, kind).filter(|part| self.fits(part, value));
            let judged: Vec<_> = all.map(|part| self.validate(part, value, at)).collect();
            if judged.iter().all(Result::is_err) {
                judged.into_iter().next().unwrap_or(Ok(()))?;
            }
        }
        match value {
            Value::Number(number) => within(schema, number).map_err(|why| format!("`{at}` {why}")),
            Value::String(text) => {
                let length = text.chars().count();
                count(schema, ("minLength", "maxLength"), length)
                    .map_err(|may| format!("`{at}` has {length} characters; it may have {may}."))
            }
            Value::Array(items) => {
                let length = items.len();
                count(schema, ("minItems", "maxItems"), length)
                    .map_err(|may| format!("`{at}` has {length} entries; it may have {may}."))?;
                let mut each = items.iter().enumerate();
                each.try_for_each(|(place, item)| {
                    self.validate(&schema["items"], item, &format!("{at}[{place}]"))
                })
            }
            Value::Object(fields) => self.beyond_in(schema, fields, at),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn beyond_in(
        &self,
        schema: &Value,
        fields: &Map<String, Value>,
        at: &str,
    ) -> Result<(), String> {
        let length = fields.len();
        count(schema, ("minProperties", "maxProperties"), length)
            .map_err(|may| format!("`{at}` has {length} entries; it may have {may}."))?;
        for (name, value) in fields {
            let inner = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            let known = &schema["properties"][name];
            if known.is_null() {
                let short: String = name.chars().take(40).collect();
                let name = Value::String(name.clone());
                self.validate(&schema["propertyNames"], &name, &format!("{at} {short}"))?;
            }
            let of = if known.is_null() { &schema["additionalProperties"] } else { known };
            self.validate(of, value, &inner)?;
        }
        Ok(())
    }

    fn referred(&self, schema: &Value) -> Option<&Value> {
        self.document.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)
    }

    /// Whether a schema accepts the JSON type of a value.
    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let schema = self.referred(schema).unwrap_or(schema);
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        schema["type"].is_null() || is(schema, kind) || (kind == "number" && is(schema, "integer"))
    }
}

impl Operation {
    /// Refuses a body that exceeds the limits of this operation.
    pub(super) fn judge_body(&self, body: &Value) -> Result<(), Problem> {
        let content = &self.described()["requestBody"]["content"];
        let schema = &content["application/json"]["schema"];
        self.bounds.validate(schema, body, "").map_err(Problem::unprocessable)
    }

    fn described(&self) -> &Value {
        &self.bounds.document["paths"][&self.path][&self.method]
    }

    async fn judge_parameters(&self, parts: &mut Parts) -> Result<(), Problem> {
        let Some(known) = self.described()["parameters"].as_array() else { return Ok(()) };
        let path = RawPathParams::from_request_parts(parts, &()).await;
        let path: Vec<_> =
            path.iter().flatten().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        // An unreadable query is refused by the extractor that parses it.
        let query = Pairs::try_from_uri(&parts.uri).map(|pairs| pairs.0).unwrap_or_default();
        for parameter in known {
            let name = parameter["name"].as_str().unwrap_or_default();
            let header = parts.headers.get(name).and_then(|value| value.to_str().ok());
            let given: Vec<&str> = match parameter["in"].as_str() {
                Some("header") => header.into_iter().collect(),
                Some("path") => named(&path, name),
                _ => named(&query, name),
            };
            for text in given {
                let schema = &parameter["schema"];
                self.bounds
                    .validate(schema, &read(schema, text), name)
                    .map_err(Problem::bad_request)?;
            }
        }
        Ok(())
    }
}

fn named<'a>(pairs: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    pairs.iter().filter(|(other, _)| other == name).map(|(_, text)| text.as_str()).collect()
}

/// Parses a parameter's text to the type in its schema.
fn read(schema: &Value, text: &str) -> Value {
    if !is(schema, "integer") && !is(schema, "number") {
        return Value::String(text.to_owned());
    }
    // Like the extractors that follow: "+5" is a number, too.
    text.parse::<i64>()
        .map_or_else(|_| text.parse::<f64>().map_or(Value::Null, Value::from), Value::from)
}

fn is(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(all) => all.iter().any(|one| one == kind),
        _ => false,
    }
}

fn parts<'a>(schema: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    schema[kind].as_array().into_iter().flatten()
}

fn within(schema: &Value, number: &serde_json::Number) -> Result<(), String> {
    let (least, most) = (&schema["minimum"], &schema["maximum"]);
    let value = number.as_f64().unwrap_or(f64::INFINITY);
    let low = least.as_f64().is_some_and(|least| value < least);
    let high = most.as_f64().is_some_and(|most| value > most);
    if low || high {
        return Err(format!("is {number}; it may be {}.", span(least, most)));
    }
    Ok(())
}

fn count(schema: &Value, keys: (&str, &str), length: usize) -> Result<(), String> {
    let (least, most) = (&schema[keys.0], &schema[keys.1]);
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let few = least.as_u64().is_some_and(|least| length < least);
    let many = most.as_u64().is_some_and(|most| length > most);
    if few || many { Err(span(least, most)) } else { Ok(()) }
}

fn span(least: &Value, most: &Value) -> String {
    let shown = |bound: &Value| (!bound.is_null()).then(|| bound.clone());
    let say = |it: &dyn Display| it.to_string();
    match (shown(least), shown(most)) {
        (Some(least), Some(most)) => format!("{} to {}", say(&least), say(&most)),
        (Some(least), None) => format!("{} at least", say(&least)),
        (_, most) => format!("{} at most", say(&most.unwrap_or_default())),
    }
}

/// Adds the default limits to every text and list of a request that has none.
pub(super) fn add_default_limits(document: &mut Value) {
    let mut reached = Vec::new();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, operation) in paths.filter_map(|(_, all)| all.as_object_mut()).flatten() {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            let longest = if parameter["in"] == "path" { PATH } else { LINE };
            bound(&mut parameter["schema"], longest, &mut reached);
        }
        let contents = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
        for (_, content) in contents.into_iter().flatten() {
            bound(&mut content["schema"], TEXT, &mut reached);
        }
    }
    let mut done = Vec::new();
    while let Some(name) = reached.pop() {
        if !done.contains(&name) {
            if let Some(schema) = document["components"]["schemas"].get_mut(&name) {
                bound(schema, TEXT, &mut reached);
            }
            done.push(name);
        }
    }
}

/// Adds default limits to a schema and those inside it. Collects the names of the schemas that it
/// refers to in `reached`.
fn bound(schema: &mut Value, longest: u64, reached: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        reached.extend(reference.rsplit('/').next().map(ToOwned::to_owned));
        return;
    }
    let free = is(schema, "object") && schema.get("properties").is_none();
    let text =
        is(schema, "string") && ["enum", "format"].iter().all(|key| schema.get(key).is_none());
    let list = is(schema, "array");
    let Some(fields) = schema.as_object_mut() else { return };
    for (bounded, key, most) in
        [(text, "maxLength", longest), (list, "maxItems", LIST), (free, "maxProperties", LIST)]
    {
        if bounded {
            fields.entry(key).or_insert(json!(most));
        }
    }
    for key in ["items", "additionalProperties", "propertyNames"] {
        if let Some(inner) = fields.get_mut(key).filter(|inner| inner.is_object()) {
            bound(inner, longest, reached);
        }
    }
    for inner in fields.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        bound(inner.1, longest, reached);
    }
    for key in PARTS {
        for inner in fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            bound(inner, longest, reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the tests read better so")]
    fn judged(schema: Value, value: &Value) -> Result<(), String> {
        let bounds = Bounds::of(|| {
            let inner = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}}});
            json!({"components": {"schemas": {"Inner": inner}}})
        });
        bounds.validate(&schema, value, "x")
    }

    #[test]
    fn what_is_beyond_is_named_with_its_bounds() {
        let number = json!({"type": ["integer", "null"], "minimum": 1, "maximum": 200});
        assert_eq!(judged(number.clone(), &json!(200)), Ok(()));
        assert_eq!(judged(number.clone(), &Value::Null), Ok(()));
        assert_eq!(
            judged(number.clone(), &json!(201)).unwrap_err(),
            "`x` is 201; it may be 1 to 200."
        );
        assert_eq!(
            judged(number, &json!(u64::MAX)).unwrap_err(),
            format!("`x` is {}; it may be 1 to 200.", u64::MAX)
        );
        let text = json!({"type": "string", "maxLength": 2});
        assert_eq!(judged(text.clone(), &json!("éé")), Ok(()), "characters, not bytes");
        assert_eq!(
            judged(text.clone(), &json!("ééé")).unwrap_err(),
            "`x` has 3 characters; it may have 2 at most."
        );
        let list = json!({"type": "array", "maxItems": 2, "items": text});
        assert_eq!(
            judged(list.clone(), &json!(["a", "b", "c"])).unwrap_err(),
            "`x` has 3 entries; it may have 2 at most."
        );
        assert!(judged(list, &json!(["a", "bbb"])).unwrap_err().starts_with("`x[1]` has 3"));
    }

    #[test]
    fn bounds_hold_behind_references_and_alternatives() {
        let maybe = json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Inner"}]});
        assert_eq!(judged(maybe.clone(), &Value::Null), Ok(()));
        assert_eq!(judged(maybe.clone(), &json!({"n": 9, "other": "y"})), Ok(()));
        assert_eq!(judged(maybe, &json!({"n": 10})).unwrap_err(), "`x.n` is 10; it may be 1 to 9.");
        let all = json!({"allOf": [{"$ref": "#/components/schemas/Inner"}]});
        assert!(judged(all, &json!({"n": 0})).is_err());
        let either = json!({"oneOf": [{"type": "string", "maxLength": 1}, {"type": "array", "maxItems": 1}]});
        assert!(
            judged(either.clone(), &json!("ab")).is_err()
                && judged(either.clone(), &json!([1, 2])).is_err()
        );
        assert_eq!(judged(either, &json!([1])), Ok(()));
        let map = json!({"type": "object", "maxProperties": 1, "propertyNames": {"type": "string", "maxLength": 3}, "additionalProperties": {"type": "string", "maxLength": 2}});
        assert_eq!(judged(map.clone(), &json!({"abc": "de"})), Ok(()));
        for wrong in [json!({"abc": "def"}), json!({"abcd": "d"}), json!({"a": "", "b": ""})] {
            assert!(judged(map.clone(), &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_says_no_bounds_gets_some_and_the_others_keep_theirs() {
        let mut document = json!({
            "paths": {"/a/{id}": {"post": {
                "parameters": [{"in": "path", "name": "id", "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
            }}},
            "components": {"schemas": {
                "A": {"type": "object", "properties": {"long": {"type": "string", "maxLength": 50000}, "b": {"oneOf": [{"$ref": "#/components/schemas/B"}]}}},
                "B": {"type": "array", "items": {"type": ["string", "null"]}},
                "Answer": {"type": "string"},
            }},
        });
        add_default_limits(&mut document);
        assert_eq!(
            document["paths"]["/a/{id}"]["post"]["parameters"][0]["schema"]["maxLength"],
            PATH
        );
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["A"]["properties"]["long"]["maxLength"], 50000);
        assert_eq!(
            (&schemas["B"]["maxItems"], &schemas["B"]["items"]["maxLength"]),
            (&json!(LIST), &json!(TEXT))
        );
        assert_eq!(schemas["Answer"], json!({"type": "string"}), "no request brings it");
    }
}
