//! The message templates of an account, in pages as Meta gives them, and the values of those that are sent.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Graph, Shared, answer, authorize, known_version, wrong};
use crate::support::fake::{Refusal, refusal};

impl Graph {
    /// Replaces the templates of an account, as `message_templates` gives them.
    pub(crate) fn set_templates(&self, account: &str, templates: &Value) {
        let templates = templates.as_array().unwrap().clone();
        self.state.templates.lock().unwrap().insert(account.to_owned(), templates);
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

impl Shared {
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
            let wanted: usize = texts
                .map(|one| one["text"].as_str().unwrap_or_default().matches("{{").count())
                .sum();
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
}
