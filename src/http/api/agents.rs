//! Agents: the bots of the desk.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Path;
use crate::store::agents::AgentRow;

/// A bot.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agent {
    /// Its id.
    id: String,
    /// Its short name, from the prompt file's name.
    slug: String,
    /// The live prompt version's id.
    version_id: String,
    /// The live prompt version's number, counted from 1.
    version: i64,
    /// When that version went live first, milliseconds since 1970.
    published_at: i64,
    /// The prompt file.
    source: String,
}

impl From<AgentRow> for Agent {
    fn from(row: AgentRow) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            version_id: row.version_id,
            version: row.ordinal,
            published_at: row.published_at,
            source: row.source,
        }
    }
}

/// Every agent with its live version.
#[utoipa::path(get, path = "/agents", operation_id = "list_agents", tag = "agents", responses((status = 200, body = [Agent])))]
pub(super) async fn list(State(web): State<Shared>) -> Answer<Vec<Agent>> {
    let rows = web.desk.store.agents().await?;
    Ok(Json(rows.into_iter().map(Agent::from).collect()))
}

/// One agent, by id or short name.
#[utoipa::path(get, path = "/agents/{agent}", operation_id = "get_agent", tag = "agents", params(("agent" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<Shared>, Path(name): Path<String>) -> Answer<Agent> {
    let rows = web.desk.store.agents().await?;
    let found = rows.into_iter().find(|row| row.id == name || row.slug == name);
    found.map(|row| Json(row.into())).ok_or_else(|| Problem::not_found("agent"))
}
