//! Leaving the built-in demo shop.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::response::AuditedAnswer;
use crate::desk::demo;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::note::Note;

/// What was removed of the demo.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DemoRemoval {
    /// Short names of the agents.
    agents: Vec<String>,
    /// Number of documents.
    documents: usize,
    /// Collections that stay, because they hold something else or an agent uses them.
    kept: Vec<String>,
    /// Agents that stay, because their prompts were changed.
    kept_agents: Vec<String>,
}

/// Removes the demo's agents and documents, so that a business can begin with its own. What was
/// changed, or is used by another agent, stays and is named; conversations stay. Nothing comes back
/// at the next start.
#[utoipa::path(delete, path = "/demo", operation_id = "remove_demo", tag = "status",
    responses((status = 200, body = DemoRemoval), (status = 409, response = Problem)))]
pub(super) async fn remove(State(web): State<WebState>) -> AuditedAnswer<DemoRemoval> {
    let removed = web.jobs.remove_demo().await?;
    let demo::DemoRemoval { agents, documents, kept, kept_agents, .. } = removed;
    let note = Note::on(agents.join(", "), json!({"documents": documents}));
    Ok((note, Json(DemoRemoval { agents, documents, kept, kept_agents })))
}
