//! Completes the OpenAPI document that the code generates: the server, short summaries, a text for
//! each response, and the responses that a whole kind of operations has in common. What a handler
//! declares itself stays.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Start of the paths whose errors have OpenAI's format.
const OPENAI: &str = "/v1/";

/// The operation that takes a key or a link in its body.
const SIGN_IN: &str = "sign_in";

/// Completes every operation of a document, and names the server.
pub(super) fn complete(document: &mut Value) {
    document["servers"] =
        json!([{"url": "/", "description": "The desk that serves this document."}]);
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        let error = if path.starts_with(OPENAI) { "OpenAiError" } else { "Problem" };
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            shorten_summary(operation);
            let shared = shared_statuses(method, operation);
            let Some(responses) = operation["responses"].as_object_mut() else { continue };
            for status in shared {
                let error = json!({"$ref": format!("#/components/responses/{error}")});
                responses.entry(status.as_str()).or_insert(error);
            }
            responses.sort_keys();
            describe(responses);
        }
    }
}

/// The errors that an operation can answer because of its kind, whatever its handler does.
fn shared_statuses(method: &str, operation: &Value) -> Vec<StatusCode> {
    let mut shared = Vec::new();
    let has_parameters = operation["parameters"].as_array().is_some_and(|all| !all.is_empty());
    let has_body = operation.get("requestBody").is_some();
    if has_parameters || has_body {
        shared.push(StatusCode::BAD_REQUEST);
    }
    if has_body {
        shared.extend([
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]);
    }
    // Operations that need neither key nor session declare their own, empty security.
    if operation.get("security").is_none() {
        shared.push(StatusCode::UNAUTHORIZED);
        if method != "get" {
            shared.push(StatusCode::FORBIDDEN);
        }
    }
    // Wherever keys or links could be guessed.
    if operation.get("security").is_none() || operation["operationId"] == SIGN_IN {
        shared.push(StatusCode::TOO_MANY_REQUESTS);
    }
    shared
}

/// Keeps the first sentence of the summary; the others become the start of the description.
fn shorten_summary(operation: &mut Value) {
    let Some(summary) = operation["summary"].as_str() else { return };
    let text = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    let (first, rest) = match text.split_once(". ") {
        Some((first, rest)) => (first, rest),
        None => (text.trim_end_matches('.'), ""),
    };
    let more = operation["description"].as_str().unwrap_or_default();
    let both: Vec<&str> = [rest, more].into_iter().filter(|part| !part.is_empty()).collect();
    let (summary, description) = (first.to_owned(), both.join("\n\n"));
    operation["summary"] = summary.into();
    if !description.is_empty() {
        operation["description"] = description.into();
    }
}

/// Adds the usual text of its status to each response that has none.
fn describe(responses: &mut Map<String, Value>) {
    for (status, response) in responses {
        let said = response["description"].as_str().is_some_and(|text| !text.is_empty());
        if !said {
            response["description"] = usual(status).into();
        }
    }
}

fn usual(status: &str) -> &'static str {
    match status {
        "200" => "Done; the body is the result.",
        "201" => "Created; the body is what was created.",
        "202" => "Accepted; the work goes on in the background.",
        "204" => "Done; there is no body.",
        "400" => "The path, the query, a header or the body cannot be read.",
        "401" => "The request has neither the admin key nor the cookie of a session.",
        "403" => "A browser's request lacks `X-CSRF-Token`, or comes from a page of another site.",
        "404" => "It does not exist.",
        "409" => "It does not fit the present state, which the error names.",
        "413" => "The body is too large.",
        "415" => "The operation does not take this content type.",
        "422" => "A value of the body is not accepted.",
        "429" => "Too many requests, or the budget is used up. With `Retry-After`, try again then.",
        "502" => "A service that the desk asked failed, or answered wrongly.",
        _ => "The request was not fulfilled; the error says why.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_stays_and_what_is_missing_is_added() {
        let mut document = json!({"paths": {
            "/api/v1/a/{id}": {"put": {
                "summary": "Replaces it. It is\nread again.",
                "description": "Slowly.",
                "parameters": [{"in": "path", "name": "id"}],
                "requestBody": {},
                "responses": {"204": {}, "422": {"description": "Its own words."}},
            }},
            "/api/v1/open": {"get": {"summary": "Opens.", "security": [{}], "responses": {"200": {}}}},
            "/api/v1/session": {"post": {"operationId": "sign_in", "summary": "Signs in.", "security": [{}], "responses": {"200": {}}}},
            "/v1/b": {"get": {"summary": "Lists.", "responses": {"200": {}}}},
        }});
        complete(&mut document);
        let put = &document["paths"]["/api/v1/a/{id}"]["put"];
        assert_eq!(
            (&put["summary"], &put["description"]),
            (&json!("Replaces it"), &json!("It is read again.\n\nSlowly."))
        );
        let statuses: Vec<_> = put["responses"].as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["204", "400", "401", "403", "413", "415", "422", "429"]);
        assert_eq!(put["responses"]["422"], json!({"description": "Its own words."}));
        assert_eq!(put["responses"]["400"]["$ref"], "#/components/responses/Problem");
        assert_eq!(put["responses"]["204"]["description"], usual("204"));
        let open = &document["paths"]["/api/v1/open"]["get"];
        assert_eq!(open["responses"].as_object().unwrap().len(), 1);
        assert_eq!(open.get("description"), None);
        let session = &document["paths"]["/api/v1/session"]["post"]["responses"];
        assert_eq!(session["429"]["$ref"], "#/components/responses/Problem");
        let theirs = &document["paths"]["/v1/b"]["get"]["responses"];
        assert_eq!(theirs["401"]["$ref"], "#/components/responses/OpenAiError");
        assert_eq!(document["servers"][0]["url"], "/");
    }
}
