//! The audit log of the API: writes an entry for every operation that changes something, except
//! where the handler writes it in the same transaction as the change. One table maps operations to
//! actions.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

use super::error::Problem;
use super::note::Note;
use super::{WebState, auth};
use crate::domain::Action;
use crate::domain::audit::{Outcome, SignInMeans};
use crate::store::audit::{Actor, Entry};

/// The audit action of each operation, by operation id. `None`: the operation changes nothing that
/// is not recorded elsewhere (sandbox and `/v1` turns count towards the budget), or happens with
/// every message (`see_conversation`).
const OPERATIONS: &[(&str, Option<Action>)] = &[
    ("create_agent", Some(Action::AgentCreated)),
    ("rename_agent", Some(Action::AgentRenamed)),
    ("remove_agent", Some(Action::AgentRemoved)),
    ("remove_demo", Some(Action::DemoRemoved)),
    ("publish_version", Some(Action::AgentPublished)),
    ("generate_prompt", Some(Action::PromptGenerated)),
    ("check_draft", None),
    ("try_handoff", None),
    ("create_collection", Some(Action::CollectionCreated)),
    ("rename_collection", Some(Action::CollectionRenamed)),
    ("remove_collection", Some(Action::CollectionRemoved)),
    ("set_collection_settings", Some(Action::CollectionSettingsChanged)),
    ("upload_documents", Some(Action::DocumentUploaded)),
    ("remove_document", Some(Action::DocumentRemoved)),
    ("retry_document", Some(Action::DocumentRetried)),
    ("add_source", Some(Action::SourceAdded)),
    ("remove_source", Some(Action::SourceRemoved)),
    ("refresh_source", Some(Action::SourceRefreshed)),
    ("create_answer", Some(Action::AnswerCreated)),
    ("change_answer", Some(Action::AnswerChanged)),
    ("remove_answer", Some(Action::AnswerRemoved)),
    ("answer_gap", Some(Action::GapAnswered)),
    ("dismiss_gap", Some(Action::GapDismissed)),
    ("search_knowledge", None),
    ("write_message", Some(Action::MessageWritten)),
    ("start_conversation", Some(Action::ConversationStarted)),
    ("create_campaign", Some(Action::CampaignCreated)),
    ("remove_campaign", Some(Action::CampaignRemoved)),
    ("add_recipients", Some(Action::CampaignRecipientsAdded)),
    ("test_campaign", Some(Action::CampaignTried)),
    ("start_campaign", Some(Action::CampaignStarted)),
    ("stop_campaign", Some(Action::CampaignStopped)),
    ("retry_message", Some(Action::MessageRetried)),
    ("correct_transcript", Some(Action::TranscriptCorrected)),
    ("see_conversation", None),
    ("take_conversation", Some(Action::ConversationTaken)),
    ("hand_back_conversation", Some(Action::ConversationHandedBack)),
    ("resolve_conversation", Some(Action::ConversationResolved)),
    ("resolve_escalation", Some(Action::EscalationResolved)),
    ("draft_number", Some(Action::NumberDrafted)),
    ("add_number", Some(Action::NumberAdded)),
    ("change_number", Some(Action::NumberChanged)),
    ("remove_number", Some(Action::NumberRemoved)),
    ("connect_number", Some(Action::NumberConnected)),
    ("check_pairing", None),
    ("restart_number", Some(Action::NumberRestarted)),
    ("log_out_number", Some(Action::NumberLoggedOut)),
    ("pause_number", Some(Action::NumberPaused)),
    ("resume_number", Some(Action::NumberResumed)),
    ("try_number", Some(Action::NumberTried)),
    ("check_fields", None),
    ("sync_templates", None),
    ("create_template", Some(Action::TemplateCreated)),
    ("delete_template", Some(Action::TemplateDeleted)),
    ("set_model", Some(Action::ModelSet)),
    ("remove_model", Some(Action::ModelRemoved)),
    ("list_endpoint_models", None),
    ("test_model", None),
    ("fetch_local_model", Some(Action::LocalModelRequested)),
    ("cancel_local_model", Some(Action::LocalModelCancelled)),
    ("start_run", Some(Action::EvalStarted)),
    ("stop_run", Some(Action::EvalStopped)),
    ("save_case", Some(Action::EvalCaseSaved)),
    ("remove_case", Some(Action::EvalCaseRemoved)),
    ("accept_run", Some(Action::EvalAccepted)),
    ("get_report", Some(Action::EvalReportExported)),
    ("sign_in", Some(Action::SessionStarted)),
    ("sign_out", Some(Action::SessionEnded)),
    ("sign_out_everywhere", Some(Action::SessionsEnded)),
    ("run_sandbox_turn", None),
    ("complete_chat", None),
];

/// Maximum length of a stored subject, in characters.
const MAX_SUBJECT_LEN: usize = 200;

/// State of the audit middleware.
pub(super) struct Audit {
    web: WebState,
    actions: HashMap<(Method, String), Action>,
}

impl Audit {
    /// Builds the table of actions for the operations of an OpenAPI document.
    pub(super) fn of(web: &WebState, document: &OpenApi) -> Arc<Self> {
        let actions = operations(document).filter_map(|(method, path, id)| {
            let known = OPERATIONS.iter().find(|(name, _)| *name == id);
            // A test fails for an operation that is missing in the table; if one is served all the
            // same, it is logged.
            let writes = !matches!(method, Method::GET | Method::HEAD);
            let action = known.map_or(writes.then_some(Action::Other), |known| known.1)?;
            Some(((method, path), action))
        });
        Arc::new(Self { web: web.clone(), actions: actions.collect() })
    }

    async fn write(&self, entry: Entry) {
        if let Err(error) = self.web.desk.store.audit(entry).await {
            tracing::error!(%error, "what was done is not in the audit log");
        }
    }
}

/// Middleware that writes an audit entry after each operation that has an action.
pub(super) async fn log_operation(
    State(audit): State<Arc<Audit>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let operation = path.map(|path| (request.method().clone(), path));
    let Some(action) = operation.and_then(|it| audit.actions.get(&it).copied()) else {
        return next.run(request).await;
    };
    let (mut parts, body) = request.into_parts();
    let subject = subject(&mut parts).await;
    let caller = parts.extensions.get::<Actor>().cloned();
    let address = auth::shown(auth::peer(&parts.extensions));
    let request = Request::from_parts(parts, body);
    // A separate task, so that a client that disconnects cancels neither the change nor its entry.
    let task = tokio::spawn(async move {
        let mut response = next.run(request).await;
        let outcome = outcome(response.status());
        let (subject, mut detail) = match response.extensions_mut().remove::<Note>() {
            Some(Note::Written) => return response,
            Some(Note::On(subject, detail)) => (subject, detail),
            None => (subject, json!({})),
        };
        let actor = match caller {
            Some(actor) => actor,
            // Failed authentication is counted and logged by `auth`.
            None if outcome != Outcome::Done => return response,
            // Signing in: the detail says with what.
            None => {
                let by = detail["by"].as_str().unwrap_or(SignInMeans::Link.as_str());
                Actor { name: by.into(), address }
            }
        };
        if outcome != Outcome::Done {
            detail["status"] = response.status().as_u16().into();
        }
        let subject: String = subject.chars().take(MAX_SUBJECT_LEN).collect();
        audit.write(Entry::new(actor, action, subject).with(detail).ended(outcome)).await;
        response
    });
    match task.await {
        Ok(response) => response,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Problem::broken("The desk stops: nothing is known of this.").into_response(),
    }
}

/// Returns the ids and names in the path, joined with `/`.
async fn subject(parts: &mut Parts) -> String {
    let Ok(params) = RawPathParams::from_request_parts(parts, &()).await else {
        return String::new();
    };
    params.iter().map(|(_, value)| value).collect::<Vec<_>>().join("/")
}

fn outcome(status: StatusCode) -> Outcome {
    match status.as_u16() {
        400..=499 => Outcome::Refused,
        500.. => Outcome::Failed,
        _ => Outcome::Done,
    }
}

/// Returns the method, path and id of each operation in a document.
fn operations(document: &OpenApi) -> impl Iterator<Item = (Method, String, String)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        let PathItem { get, put, post, delete, patch, .. } = item;
        let all = [
            (Method::GET, get),
            (Method::PUT, put),
            (Method::POST, post),
            (Method::DELETE, delete),
            (Method::PATCH, patch),
        ];
        all.into_iter().filter_map(move |(method, operation)| {
            let id = operation.as_ref()?.operation_id.clone().unwrap_or_default();
            Some((method, path.clone(), id))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_writes_is_decided_and_every_decision_is_of_an_operation() {
        let document = super::super::api::operations();
        let all: Vec<_> = operations(&document).collect();
        for (method, path, id) in &all {
            let known = OPERATIONS.iter().any(|(name, _)| name == id);
            let reads = matches!(*method, Method::GET | Method::HEAD);
            assert!(
                known || reads,
                "{method} {path} ({id}): is it written down? Say so in OPERATIONS"
            );
        }
        for (name, _) in OPERATIONS {
            assert!(all.iter().any(|(_, _, id)| id == name), "there is no operation {name}");
        }
    }
}
