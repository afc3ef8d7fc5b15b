//! Suggestions made from documents: an agent for a collection, and questions that an agent answers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::response::Answer;
use crate::desk::suggestion;
use crate::domain::{AgentId, CollectionId};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// An agent to review, as a collection's documents suggest it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentSuggestion {
    /// Name of the business.
    name: String,
    /// ISO 639-1 codes of the documents' languages, the most frequent first.
    languages: Vec<String>,
    /// Lines that give the opening hours; empty if none are found.
    hours: Vec<String>,
    /// Words by which customers of these languages call a person.
    handoff_keywords: Vec<String>,
    /// The beginning of the documents, from which a model can write a prompt (`generate_prompt`):
    /// at most 4,000 characters.
    description: String,
}

/// A question that an agent answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SampleQuestion {
    /// What a customer would write.
    text: String,
    /// Title of the document that answers it; null if it calls a person.
    title: Option<String>,
}

/// Suggests an agent that answers from a collection, for review. Its name, languages, opening hours
/// and hand-off words are taken from the documents without a model.
#[utoipa::path(get, path = "/collections/{name}/agent-suggestion", operation_id = "suggest_agent", tag = "agents",
    params(("name" = String, Path, description = "The collection's name.")),
    responses((status = 200, body = AgentSuggestion), (status = 404, response = Problem)))]
pub(super) async fn agent(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Answer<AgentSuggestion> {
    let rows = web.desk.store.collections().await?;
    let row = rows.into_iter().find(|row| row.slug == name);
    let row = row.ok_or_else(|| Problem::not_found("collection"))?;
    let sources = web.desk.library.sources(&CollectionId::stored(row.id.clone())).await?;
    let site = sources.first().map(|source| source.url.as_str());
    let suggestion::AgentSuggestion { name, languages, hours, handoff_keywords, description } =
        web.desk.suggest_agent(&row, site).await?;
    Ok(Json(AgentSuggestion { name, languages, hours, handoff_keywords, description }))
}

/// Lists questions that an agent answers, made from its documents. Each of up to four was asked
/// without a model, and answered from the document that is named; the last is a word that calls a
/// person.
#[utoipa::path(get, path = "/agents/{agent}/questions", operation_id = "list_sample_questions", tag = "agents",
    params(("agent" = String, Path)),
    responses((status = 200, body = [SampleQuestion]), (status = 404, response = Problem)))]
pub(super) async fn questions(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Answer<Vec<SampleQuestion>> {
    let row = web.desk.agent(&name).await?;
    // An agent without a valid version answers nothing.
    let Some(bot) = web.desk.bots.get(&AgentId::stored(row.id)) else {
        return Ok(Json(Vec::new()));
    };
    let found = web.desk.sample_questions(&bot).await?.into_iter();
    let shown = found.map(|it| SampleQuestion { text: it.text, title: it.title });
    Ok(Json(shown.collect()))
}
