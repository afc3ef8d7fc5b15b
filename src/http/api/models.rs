//! The agents as models of the OpenAI-compatible API: `GET /v1/models`, and a model by its name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openai::OpenAiError;
use super::trial::unknown_agent;
use crate::domain::time::Millis;
use crate::eval::drafts::draft_bot;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;
use crate::pipeline::Bot;

/// The agents, in OpenAI's format of a model list.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct ChatModelList {
    /// Always `list`.
    object: &'static str,
    /// The agents.
    data: Vec<ChatModel>,
}

/// An agent, in OpenAI's format of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct ChatModel {
    /// Short name of the agent.
    id: String,
    /// Always `model`.
    object: &'static str,
    /// When the version was published, seconds since 1970.
    created: i64,
    /// Always `frontdesk`.
    owned_by: &'static str,
}

/// Lists the agents in the format of OpenAI's model list.
#[utoipa::path(get, path = "/v1/models", operation_id = "list_models", tag = "completions",
    responses((status = 200, body = ChatModelList)))]
pub(super) async fn list(State(web): State<WebState>) -> Result<Json<ChatModelList>, Problem> {
    let mut all = Vec::new();
    for agent in web.desk.store.agents().await? {
        // An agent whose version cannot be used does not answer.
        if web.desk.bots.named(&agent.slug).is_some() {
            all.push(model_object(&agent.slug, agent.published_at));
        }
    }
    Ok(Json(ChatModelList { object: "list", data: all }))
}

/// Describes an agent, or one of its versions, in the format of OpenAI's model.
#[utoipa::path(get, path = "/v1/models/{model}", operation_id = "get_model", tag = "completions",
    params(("model" = String, Path, description = "Short name of the agent, or one of its versions, such as `support@3`")),
    responses((status = 200, body = ChatModel), (status = 404, response = OpenAiError)))]
pub(super) async fn one(
    State(web): State<WebState>,
    Path(model): Path<String>,
) -> Result<Json<ChatModel>, Problem> {
    let (slug, version) = split_model(&model)?;
    let live = web.desk.bots.named(slug).ok_or_else(|| unknown_agent(&web))?;
    let slug = &live.agent.slug;
    let created = if let Some(number) = version {
        web.desk.store.version(slug, number).await?.map(|found| found.created_at)
    } else {
        let all = web.desk.store.agents().await?;
        all.into_iter().find(|agent| agent.slug == *slug).map(|agent| agent.published_at)
    };
    let created = created.ok_or_else(|| Problem::not_found("version"))?;
    Ok(Json(model_object(&model, created)))
}

fn model_object(id: &str, created: Millis) -> ChatModel {
    let created = created / 1_000;
    ChatModel { id: id.to_owned(), object: "model", created, owned_by: "frontdesk" }
}

/// Splits a model name into the agent's name and the version's number, if it has one.
fn split_model(model: &str) -> Result<(&str, Option<i64>), Problem> {
    let Some((name, version)) = model.split_once('@') else { return Ok((model, None)) };
    let number = version
        .trim_start_matches('v')
        .parse()
        .map_err(|_| Problem::bad_request(format!("a version is a number, such as `{name}@3`")))?;
    Ok((name, Some(number)))
}

/// Finds an agent, or one of its versions, by model name.
pub(super) async fn find_bot(web: &WebState, model: &str) -> Result<Arc<Bot>, Problem> {
    let (name, version) = split_model(model)?;
    let live = web.desk.bots.named(name).ok_or_else(|| unknown_agent(web))?;
    let Some(number) = version else { return Ok(live) };
    let slug = &live.agent.slug;
    let found = web.desk.store.version(slug, number).await?;
    let found = found.ok_or_else(|| Problem::not_found("version"))?;
    draft_bot(&web.desk, slug, &found.source).await.map_err(Problem::unprocessable)
}
