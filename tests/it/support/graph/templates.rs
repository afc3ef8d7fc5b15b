//! The message templates of an account, in pages as Meta gives them, and the values of those that are sent.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Graph, SentFile, Shared, answer, authorize, known_version, wrong};
use crate::support::fake::{Refusal, refusal};

impl Graph {
    /// Replaces the templates of an account, as `message_templates` gives them.
    pub(crate) fn set_templates(&self, account: &str, templates: &Value) {
        let templates = templates.as_array().unwrap().clone();
        self.state.templates.lock().unwrap().insert(account.to_owned(), templates);
    }

    /// Returns the requests that create or delete templates, in order.
    pub(crate) fn template_requests(&self) -> Vec<Value> {
        self.state.template_requests.lock().unwrap().clone()
    }

    /// Refuses the next request to create or delete a template.
    pub(crate) fn refuse_next_template(&self, error: &Value) {
        self.state.template_failures.lock().unwrap().push(error.clone());
    }

    /// Returns how often templates were read.
    pub(crate) fn template_reads(&self) -> usize {
        *self.state.template_reads.lock().unwrap()
    }
}

/// Answers with a page of templates. `after` is the index of the first one.
pub(super) async fn list(
    State(state): State<Arc<Shared>>,
    Path((version, account)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known_version(&version)?;
    *state.template_reads.lock().unwrap() += 1;
    let templates = state.templates.lock().unwrap().get(&account).cloned();
    let templates = templates.ok_or_else(|| wrong("Unsupported get request."))?;
    if !query.get("fields").is_some_and(|fields| fields.contains("components")) {
        return Err(wrong("The parameter fields is required."));
    }
    let number = |key: &str, other: usize| query.get(key).map_or(other, |it| it.parse().unwrap());
    let (from, limit) = (number("after", 0), number("limit", 25).min(2));
    let until = (from + limit).min(templates.len());
    let mut paging = json!({"cursors": {"before": from.to_string(), "after": until.to_string()}});
    if until < templates.len() {
        paging["next"] = json!("https://elsewhere.example/never-followed");
    }
    Ok(answer(&json!({"data": templates[from..until], "paging": paging})))
}

/// Takes a template for review, checked as Meta does.
pub(super) async fn create(
    State(state): State<Arc<Shared>>,
    Path((version, account)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known_version(&version)?;
    state.refused_template(json!({"account": account, "create": body}))?;
    let mut templates = state.templates.lock().unwrap();
    let all = templates.get_mut(&account).ok_or_else(|| wrong("Unsupported post request."))?;
    for component in body["components"].as_array().ok_or_else(|| wrong("No components"))? {
        let example = match component["type"].as_str().unwrap_or_default() {
            "HEADER" => &component["example"]["header_text"],
            "BODY" => &component["example"]["body_text"][0],
            _ => continue,
        };
        let values = component["text"].as_str().unwrap_or_default().matches("{{").count();
        if example.as_array().map_or(0, Vec::len) != values {
            return Err(wrong("The example does not match the variables."));
        }
    }
    let taken = |one: &Value| one["name"] == body["name"] && one["language"] == body["language"];
    if all.iter().any(taken) {
        return Err(wrong("There is already content in this language for this template."));
    }
    let id = format!("{}", 7000 + all.len());
    let mut stored = body.clone();
    (stored["id"], stored["status"]) = (json!(id), json!("PENDING"));
    all.push(stored);
    Ok(answer(&json!({"id": id, "status": "PENDING", "category": body["category"]})))
}

/// Deletes the templates of a name, or only the one with the id.
pub(super) async fn delete(
    State(state): State<Arc<Shared>>,
    Path((version, account)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known_version(&version)?;
    state.refused_template(json!({"account": account, "delete": query}))?;
    let mut templates = state.templates.lock().unwrap();
    let all = templates.get_mut(&account).ok_or_else(|| wrong("Unsupported delete request."))?;
    let before = all.len();
    let named = |one: &Value| {
        Some(&one["name"]) == query.get("name").map(|name| json!(name)).as_ref()
            && query.get("hsm_id").is_none_or(|id| one["id"] == json!(id))
    };
    all.retain(|one| !named(one));
    if all.len() == before {
        return Err(wrong("Message template not found"));
    }
    Ok(answer(&json!({"success": true})))
}

impl Shared {
    /// Records a request, and refuses it if a test said so.
    fn refused_template(&self, request: Value) -> Result<(), Refusal> {
        self.template_requests.lock().unwrap().push(request);
        let failure = self.template_failures.lock().unwrap().pop();
        failure.map_or(Ok(()), |error| Err(refusal(400, &error, None)))
    }

    /// Refuses a template message whose values are not those that a known template takes.
    pub(super) fn check_values(&self, sent: &Value) -> Result<(), Refusal> {
        let all = self.templates.lock().unwrap();
        let mut known = all.values().flatten();
        let Some(known) = known
            .find(|one| one["name"] == sent["name"] && one["language"] == sent["language"]["code"])
        else {
            return Ok(());
        };
        for kind in ["HEADER", "BODY"] {
            let texts = known["components"].as_array().into_iter().flatten();
            let texts = texts.filter(|one| one["type"] == kind);
            let places = |one: &Value| match one["format"].as_str() {
                Some("IMAGE" | "VIDEO" | "DOCUMENT" | "LOCATION") => 1,
                _ => one["text"].as_str().unwrap_or_default().matches("{{").count(),
            };
            let wanted: usize = texts.map(places).sum();
            let given = sent["components"].as_array().into_iter().flatten();
            let given = given.filter(|one| one["type"] == kind.to_lowercase());
            let given: usize =
                given.map(|one| one["parameters"].as_array().map_or(0, Vec::len)).sum();
            if wanted != given {
                let error = Graph::error(132_000, "Number of parameters does not match");
                return Err(refusal(400, &error, None));
            }
        }
        Ok(())
    }

    /// The file above the text of a template that is sent.
    pub(super) fn header_file(&self, sent: &Value) -> Result<Option<SentFile>, Refusal> {
        let components = sent["components"].as_array().into_iter().flatten();
        let headers = components.filter(|one| one["type"] == "header");
        let mut values = headers.flat_map(|one| one["parameters"].as_array().into_iter().flatten());
        let file = values.find_map(|value| {
            let kind = value["type"].as_str()?;
            ["image", "video", "document"].contains(&kind).then_some((kind, &value[kind]))
        });
        file.map(|(kind, body)| Ok(self.read_file(kind, body)?.0)).transpose()
    }
}
