//! Knowledge: what the bot can answer from, and searching it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::length::{LONGEST_MESSAGE, short};
use super::response::Answer;
use crate::domain::{CollectionId, Passage};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::pipeline::retrieve::{Search, find};

/// What to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SearchQuestion)]
pub(super) struct Query {
    /// The question, at most 16,384 bytes.
    #[schema(max_length = 16384)]
    question: String,
    /// Names of collections; all of them when none is given.
    #[serde(default)]
    collections: Vec<String>,
    /// The most passages; 5 when it is not given.
    #[schema(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchResults)]
pub(super) struct Results {
    /// How sure we are that the passages answer, 0 to 1.
    confidence: f32,
    /// The embedding model; none when only words were compared.
    embedder: Option<String>,
    /// The passages, best first.
    passages: Vec<Result>,
}

/// A passage with its scores.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundPassage)]
pub(super) struct Result {
    /// The document's path within its collection.
    source: String,
    /// The document's title.
    title: String,
    /// The headings above the passage.
    heading: String,
    /// The page, slide or sheet that it is on; empty where a document has none.
    place: String,
    /// The passage.
    text: String,
    /// Fused score, 0 to 1; passages are ordered by it.
    score: f32,
    /// Cosine of the embeddings.
    dense: Option<f32>,
    /// BM25.
    bm25: Option<f32>,
    /// Cosine of the character n-grams.
    ngram: Option<f32>,
    /// The reranker's score, on a scale of its own; null when there is none.
    rerank: Option<f32>,
    /// Share of the question's content words in the passage, 0 to 1.
    coverage: f32,
}

impl From<&Passage> for Result {
    fn from(passage: &Passage) -> Self {
        let (chunk, scores) = (&passage.chunk, passage.scores);
        Self {
            source: chunk.source.clone(),
            title: chunk.title.clone(),
            heading: chunk.heading.clone(),
            place: chunk.place.clone(),
            text: chunk.body.clone(),
            score: scores.fused,
            dense: scores.dense,
            bm25: scores.bm25,
            ngram: scores.ngram,
            rerank: scores.rerank,
            coverage: scores.coverage,
        }
    }
}

/// Searches the documents as the bot would.
#[utoipa::path(post, path = "/knowledge/search", operation_id = "search_knowledge", tag = "knowledge", request_body = Query,
    responses((status = 200, body = Results), (status = 422, response = Problem)))]
pub(super) async fn search(
    State(web): State<WebState>,
    Body(query): Body<Query>,
) -> Answer<Results> {
    short("`question`", query.question.len(), LONGEST_MESSAGE)?;
    let collections = named(&web, &query.collections).await?;
    let search = Search {
        text: &query.question,
        language: None,
        collections: &collections,
        limit: query.limit.unwrap_or(5).clamp(1, 50),
    };
    let (found, seen) = find(web.desk.engine.retrieval(), &search).await;
    Ok(Json(Results {
        confidence: found.confidence,
        embedder: seen.embedder,
        passages: found.passages.iter().map(Result::from).collect(),
    }))
}

/// The collections of these names; all of them for none.
pub(super) async fn named(
    web: &WebState,
    names: &[String],
) -> std::result::Result<Vec<CollectionId>, Problem> {
    let all = web.desk.store.collections().await?;
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|row| row.slug != **name)) {
        let known: Vec<_> = all.iter().map(|row| row.slug.as_str()).collect();
        let known = known.join(", ");
        return Err(Problem::unprocessable(format!(
            "There is no collection `{unknown}`. There are: {known}."
        )));
    }
    let wanted = all.into_iter().filter(|row| names.is_empty() || names.contains(&row.slug));
    Ok(wanted.map(|row| CollectionId::stored(row.id)).collect())
}
