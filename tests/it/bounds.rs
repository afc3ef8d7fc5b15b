//! Bounds of request values: the OpenAPI document states a bound for every number, string and list,
//! and a request just beyond it is refused with an error that names the value.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::app::{KEY, TestApp};

/// The location of a value in a request.
#[derive(Debug, Clone)]
enum Place {
    /// A parameter: location (`path`, `query`, `header`) and name.
    Parameter(String, String),
    /// A value in a body of this content type: the names that lead to it, `[]` for an element of a
    /// list.
    Body(String, Vec<String>),
}

/// A value of a request.
#[derive(Debug, Clone)]
struct Part {
    method: String,
    path: String,
    place: Place,
    schema: Value,
}

impl Part {
    fn is(&self, kind: &str) -> bool {
        match &self.schema["type"] {
            Value::Array(all) => all.iter().any(|one| one == kind),
            one => one == kind,
        }
    }

    fn is_number(&self) -> bool {
        self.is("integer") || self.is("number")
    }

    /// Returns invalid values, just beyond each of its bounds.
    fn beyond(&self) -> Vec<Value> {
        let next = |key: &str, step: i64| match self.schema[key].as_i64() {
            Some(bound) => Some(json!(bound + step)),
            #[expect(clippy::cast_precision_loss, reason = "it is 1 or -1")]
            None => self.schema[key].as_f64().map(|bound| json!(bound + step as f64)),
        };
        let size =
            |key: &str| self.schema[key].as_u64().map(|most| usize::try_from(most).unwrap() + 1);
        let mut all = Vec::new();
        if self.is_number() {
            all.extend(next("minimum", -1));
            all.extend(next("maximum", 1));
        }
        all.extend(size("maxLength").map(|length| Value::String("x".repeat(length))));
        all.extend(size("maxItems").map(|length| Value::Array(vec![Value::Null; length])));
        let names = |length| (0..length).map(|n| (format!("n{n}"), Value::Null)).collect();
        all.extend(size("maxProperties").map(|length| Value::Object(names(length))));
        all
    }

    /// Returns its name as an error shows it.
    fn name(&self) -> String {
        match &self.place {
            Place::Parameter(_, name) => name.clone(),
            Place::Body(sort, names) => names
                .iter()
                .skip(usize::from(sort.starts_with("multipart")))
                .fold(String::new(), |all, name| match name.as_str() {
                    "[]" => format!("{all}[0]"),
                    name if all.is_empty() => name.to_owned(),
                    name => format!("{all}.{name}"),
                }),
        }
    }
}

/// Returns all request values of the OpenAPI document.
fn parts() -> Vec<Part> {
    let document: Value = serde_json::from_str(&frontdesk::http::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let mut add = |place: Place, schema: &Value| {
                let part = Part {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    place,
                    schema: Value::Null,
                };
                collect(&document, &part, schema, &mut all);
            };
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let text = |key: &str| parameter[key].as_str().unwrap().to_owned();
                add(Place::Parameter(text("in"), text("name")), &parameter["schema"]);
            }
            for (sort, content) in
                operation["requestBody"]["content"].as_object().into_iter().flatten()
            {
                add(Place::Body(sort.clone(), Vec::new()), &content["schema"]);
            }
        }
    }
    all
}

fn collect(document: &Value, at: &Part, schema: &Value, all: &mut Vec<Part>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return collect(document, at, document.pointer(&reference[1..]).unwrap(), all);
    }
    for kind in ["allOf", "oneOf", "anyOf"] {
        for part in schema[kind].as_array().into_iter().flatten() {
            collect(document, at, part, all);
        }
    }
    if !schema["type"].is_null() {
        all.push(Part { schema: schema.clone(), ..at.clone() });
    }
    let Place::Body(sort, names) = &at.place else { return };
    let below = |name: &str| {
        let names = [names.as_slice(), &[name.to_owned()]].concat();
        assert!(names.len() < 10, "a body that holds itself: {}", at.path);
        Part { place: Place::Body(sort.clone(), names), ..at.clone() }
    };
    if schema["items"].is_object() {
        collect(document, &below("[]"), &schema["items"], all);
    }
    if schema["additionalProperties"].is_object() {
        collect(document, &below("x"), &schema["additionalProperties"], all);
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        collect(document, &below(name), schema, all);
    }
}

#[test]
fn everything_that_a_request_brings_has_bounds() {
    let all = parts();
    assert!(all.len() > 200, "{}", all.len());
    let has = |part: &Part, keys: &[&str]| keys.iter().all(|key| !part.schema[*key].is_null());
    let without = all.iter().filter(|part| {
        let text = ["maxLength", "enum", "format"].iter().any(|key| has(part, &[*key]));
        let free = part.is("object") && part.schema["properties"].is_null();
        (part.is_number() && !has(part, &["minimum", "maximum"]))
            || (part.is("string") && !text)
            || (part.is("array") && !has(part, &["maxItems"]))
            || (free && !has(part, &["maxProperties"]))
    });
    let without: Vec<String> =
        without.map(|part| format!("{} {}: `{}`", part.method, part.path, part.name())).collect();
    assert!(
        without.is_empty(),
        "no bounds (`#[schema(minimum = .., maximum = ..)]`):\n{}",
        without.join("\n")
    );
}

/// What can be published can be tried.
#[test]
fn a_prompt_file_may_be_as_long_wherever_it_is_sent() {
    let document: Value = serde_json::from_str(&frontdesk::http::openapi()).unwrap();
    for place in [
        "DraftSource/properties/source",
        "HandoffTry/properties/source",
        "NewAgent/properties/source",
        "Publish/properties/source",
        "NewRun/properties/prompt",
        "SandboxMessage/properties/prompt",
    ] {
        let schema = document.pointer(&format!("/components/schemas/{place}")).unwrap();
        assert_eq!(schema["maxLength"], frontdesk::prompts::MAX_API_CHARS, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_just_beyond_a_bound_is_refused_by_name() {
    let app = TestApp::start().await;
    // Names in paths are "1".
    app.call("/collections", &json!({"slug": "1"})).await;
    let mut sent = 0;
    for part in parts() {
        // Too many files in a form: uploads.rs.
        if matches!(&part.place, Place::Body(sort, names) if sort.starts_with("multipart") && names.first().is_none_or(|name| name != "request"))
        {
            continue;
        }
        for value in part.beyond() {
            let shown: String = value.to_string().chars().take(40).collect();
            let at = format!("{} {}: `{}` = {shown}", part.method, part.path, part.name());
            let response = app.brings(&part, value).await;
            let (status, text) = (response.status(), response.text().await.unwrap());
            assert!(status.is_client_error(), "{at}: {status} {text}");
            let said: Value =
                serde_json::from_str(&text).unwrap_or_else(|_| panic!("{at}: {status} {text}"));
            // OpenAI-compatible operations answer with OpenAI's errors.
            let detail =
                said["detail"].as_str().or(said["error"]["message"].as_str()).unwrap_or_default();
            assert!(detail.starts_with(&format!("`{}` ", part.name())), "{at}: {status} {detail}");
            assert!(detail.contains("it may "), "{at}: {detail}");
            sent += 1;
        }
    }
    assert!(sent > 200, "{sent}");
    app.stop().await;
}

/// Leniently parsed values are bounded, too.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_way_of_writing_it_goes_round_a_bound() {
    let app = TestApp::start().await;
    let ask = |method: Method, path: &str| {
        app.http.request(method, format!("{}{path}", app.url)).bearer_auth(KEY)
    };
    for query in [
        "limit=%2B201",
        "limit=0201",
        "limit=20&limit=201",
        "limit=-1",
        "limit=1e3",
        "limit=9223372036854775808",
        "limit=",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let status = ask(method.clone(), &format!("/api/v1/conversations?{query}"))
                .send()
                .await
                .unwrap()
                .status();
            assert_eq!(status, 400, "{method} {query}");
        }
    }
    assert_eq!(
        ask(Method::GET, "/api/v1/conversations?limit=%2B200").send().await.unwrap().status(),
        200
    );
    let body = r#"{"question": "x", "limit": 3, "li\u006dit": 51}"#;
    let twice = ask(Method::POST, "/api/v1/knowledge/search")
        .header("content-type", "application/json")
        .body(body);
    assert_eq!(twice.send().await.unwrap().status(), 422);
    let moments = "from=-9223372036854775808&to=9223372036854775807";
    assert_eq!(
        ask(Method::GET, &format!("/api/v1/overview?{moments}")).send().await.unwrap().status(),
        400
    );
    app.stop().await;
}

impl TestApp {
    /// Sends a request with this value and otherwise only what is required.
    async fn brings(&self, part: &Part, value: Value) -> reqwest::Response {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let mut path = part.path.clone();
        if let Place::Parameter(sort, name) = &part.place
            && sort == "path"
        {
            path = path.replace(&format!("{{{name}}}"), &text);
        }
        while let Some((from, to)) = path.find('{').zip(path.find('}')) {
            let usual = if &path[from..=to] == "{role}" { "chat" } else { "1" };
            path.replace_range(from..=to, usual);
        }
        let method = Method::from_bytes(part.method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(KEY);
        let request = match &part.place {
            Place::Parameter(sort, name) if sort == "query" => request.query(&[(name, &text)]),
            Place::Parameter(sort, name) if sort == "header" => request.header(name, &text),
            Place::Parameter(..) => request,
            Place::Body(sort, names) if sort == "application/json" => {
                request.json(&nested(names, value))
            }
            Place::Body(_, names) => {
                let json = nested(&names[1..], value).to_string();
                request.multipart(reqwest::multipart::Form::new().text("request", json))
            }
        };
        request.send().await.unwrap()
    }
}

/// Returns a body with a value at a place.
fn nested(names: &[String], value: Value) -> Value {
    names.iter().rev().fold(value, |inner, name| match name.as_str() {
        "[]" => json!([inner]),
        name => Value::Object(Map::from_iter([(name.to_owned(), inner)])),
    })
}
