//! Knowledge gaps: groups of alike questions that the bot could not answer. Lists, dismisses and
//! answers them.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::admission::{Force, Permit, admit_edit};
use super::answers::{
    AUTHOR, CuratedAnswer, Phrasing, check_marks, collection, collection_full, normalized,
};
use super::collections::find_collection;
use super::page::{Page, Paging};
use super::response::{Answer, AuditedAnswer};
use crate::domain::{AgentId, AnswerContent, CollectionId, GapId, GapState};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;
use crate::knowledge::Edit;
use crate::pipeline::gaps::{group, phrasings};
use crate::store::answers::NewAnswer;
use crate::store::gaps::{ExampleRow, GapFilter, GapRow};

/// A group of alike questions that the bot could not answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KnowledgeGap)]
pub(super) struct Gap {
    /// Its id.
    id: String,
    /// Id of the agent that could not answer.
    agent_id: String,
    /// The first of the questions, without personal data.
    question: String,
    /// State of the gap.
    state: GapState,
    /// How often it was asked.
    asked: i64,
    /// Id of the curated answer that was created for it.
    answer_id: Option<String>,
    /// When it was first asked, milliseconds since 1970.
    first_at: i64,
    /// When it was last asked, milliseconds since 1970.
    last_at: i64,
}

impl From<GapRow> for Gap {
    fn from(row: GapRow) -> Self {
        Self {
            id: row.id.to_string(),
            agent_id: row.agent_id.to_string(),
            question: row.question,
            state: row.state,
            asked: row.asked,
            answer_id: row.answer_id,
            first_at: row.first_at,
            last_at: row.last_at,
        }
    }
}

/// A knowledge gap with its newest questions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KnowledgeGapInFull)]
pub(super) struct GapDetails {
    /// The gap.
    gap: Gap,
    /// The newest 20 questions, without personal data.
    examples: Vec<Example>,
}

/// A question of a knowledge gap.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnansweredQuestion)]
pub(super) struct Example {
    /// The question, without personal data.
    question: String,
    /// When it was asked, milliseconds since 1970.
    asked_at: i64,
    /// Id of the conversation; null if it is not kept any more.
    conversation_id: Option<String>,
}

impl From<ExampleRow> for Example {
    fn from(ExampleRow { question, created_at, conversation_id }: ExampleRow) -> Self {
        Self { question, asked_at: created_at, conversation_id }
    }
}

/// Filter for knowledge gaps.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only gaps in this state.
    #[param(inline)]
    state: Option<GapState>,
    /// Only gaps of this agent: its id or short name.
    agent: Option<String>,
}

/// Lists knowledge gaps, most recently asked first.
#[utoipa::path(get, path = "/gaps", operation_id = "list_gaps", tag = "knowledge", params(Filter, Paging),
    responses((status = 200, body = Page<Gap>), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Gap>> {
    let agent = match &filter.agent {
        Some(name) => Some(agent(&web, name)?),
        None => None,
    };
    let (before, limit) = (paging.after()?, paging.limit());
    group(&web.desk.store).await?;
    let rows =
        web.desk.store.gaps(&GapFilter { state: filter.state, agent, before }, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.last_at, row.id.as_str()))))
}

/// Returns one knowledge gap with its newest questions.
#[utoipa::path(get, path = "/gaps/{id}", operation_id = "get_gap", tag = "knowledge", params(("id" = String, Path)),
    responses((status = 200, body = GapDetails), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<WebState>, Path(id): Path<String>) -> Answer<GapDetails> {
    let gap = find(&web, &id).await?;
    let examples = web.desk.store.examples(&gap.id).await?;
    let examples = examples.into_iter().map(Example::from).collect();
    Ok(Json(GapDetails { gap: gap.into(), examples }))
}

/// Dismisses a knowledge gap. It stays dismissed when the question is asked again.
#[utoipa::path(post, path = "/gaps/{id}/dismiss", operation_id = "dismiss_gap", tag = "knowledge", params(("id" = String, Path)),
    responses((status = 200, body = Gap), (status = 404, response = Problem)))]
pub(super) async fn dismiss(State(web): State<WebState>, Path(id): Path<String>) -> Answer<Gap> {
    let id = find(&web, &id).await?.id;
    web.desk.store.mark_gap(&id, GapState::Dismissed).await?;
    Ok(Json(find(&web, id.as_str()).await?.into()))
}

/// A curated answer for a knowledge gap.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GapAnswer {
    /// The answer that customers get, in Markdown.
    #[schema(max_length = 8000)]
    answer: String,
    /// Ways in which customers ask the question; default: the gap's questions.
    #[schema(max_items = 50, value_type = Option<Vec<Phrasing>>)]
    phrasings: Option<Vec<String>>,
    /// Name of the collection; default: the agent's first one.
    collection: Option<String>,
    /// ISO 639-1 code of the language that it is for; null for any.
    #[serde(default)]
    language: Option<String>,
}

/// Creates a curated answer for a knowledge gap and marks the gap as answered. If a gate guards the
/// collection, its suite is run on the change first, which may take minutes.
#[utoipa::path(post, path = "/gaps/{id}/answer", operation_id = "answer_gap", tag = "knowledge", params(("id" = String, Path), Force),
    request_body = GapAnswer,
    responses((status = 200, body = CuratedAnswer), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, response = Problem)))]
pub(super) async fn answer(
    State(web): State<WebState>,
    Path(id): Path<String>,
    permit: Permit,
    Body(given): Body<GapAnswer>,
) -> AuditedAnswer<CuratedAnswer> {
    let gap = find(&web, &id).await?;
    let id = &gap.id;
    let collection = match &given.collection {
        Some(name) => collection(&web, name).await?,
        None => first_collection(&web, &gap)?,
    };
    let phrasings = match given.phrasings {
        Some(phrasings) => phrasings,
        None => phrasings(&gap, &web.desk.store.examples(id).await?),
    };
    let GapAnswer { answer: body, language, .. } = given;
    let curated = normalized(AnswerContent { phrasings, body, language, enabled: true })?;
    check_marks(&web, &collection, &curated)?;
    let slug = find_collection(&web, collection.as_str()).await?.slug;
    let _turn = admit_edit(&web, (&slug, &Edit::AddAnswer(curated.clone())), permit).await?;
    let new = NewAnswer { collection, curated, author: AUTHOR.into() };
    let answer = web.desk.store.answer_gap(id, new).await?.ok_or_else(collection_full)?;
    web.desk.reload_answers().await?;
    let row = web.desk.store.answer(&answer).await?.ok_or_else(|| Problem::not_found("answer"))?;
    let note = Note::on(id.as_str(), json!({"answer": row.id, "collection": slug}));
    Ok((note, Json(row.into())))
}

fn first_collection(web: &WebState, gap: &GapRow) -> Result<CollectionId, Problem> {
    let bot = web.desk.bots.get(&gap.agent_id);
    let first = bot.and_then(|bot| bot.agent.knowledge.first().cloned());
    first.ok_or_else(|| {
        Problem::unprocessable("The agent has no collection: name one in `collection`.")
    })
}

async fn find(web: &WebState, id: &str) -> Result<GapRow, Problem> {
    let missing = || Problem::not_found("knowledge gap");
    let id = GapId::parse(id).map_err(|_| missing())?;
    web.desk.store.gap(&id).await?.ok_or_else(missing)
}

fn agent(web: &WebState, name: &str) -> Result<AgentId, Problem> {
    let bot = web.desk.bots.named(name).ok_or_else(|| Problem::not_found("agent"))?;
    Ok(bot.agent.id.clone())
}
