//! Knowledge search.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::length::{MAX_MESSAGE_BYTES, check_length};
use super::response::Answer;
use crate::domain::{CollectionId, Passage};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::pipeline::retrieve::{Search, find};

/// A search query.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SearchQuestion)]
pub(super) struct Query {
    /// The question, at most 16,384 bytes.
    #[schema(max_length = 16384)]
    question: String,
    /// Names of the collections to search; empty for all.
    #[serde(default)]
    collections: Vec<String>,
    /// Maximum number of passages; default 5.
    #[schema(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// Search results.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchResults)]
pub(super) struct Results {
    /// Probability that the documents found hold the answer, 0 to 1.
    confidence: f32,
    /// From this probability on (0 to 1) agents without a setting of their own answer; 0 if the
    /// model decides.
    threshold: f32,
    /// Embedding model; null if only words were compared.
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
    /// Page, slide or sheet; empty if the document has none.
    place: String,
    /// Text of the passage.
    text: String,
    /// Fused score, 0 to 1; passages are ordered by it.
    score: f32,
    /// Cosine similarity of the embeddings.
    dense: Option<f32>,
    /// BM25 score.
    bm25: Option<f32>,
    /// Cosine similarity of the character n-grams.
    ngram: Option<f32>,
    /// The reranker's score, on its own scale; null without a reranker.
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

/// Searches the documents as the bot does.
#[utoipa::path(post, path = "/knowledge/search", operation_id = "search_knowledge", tag = "knowledge", request_body = Query,
    responses((status = 200, body = Results), (status = 422, response = Problem)))]
pub(super) async fn search(
    State(web): State<WebState>,
    Body(query): Body<Query>,
) -> Answer<Results> {
    check_length("`question`", query.question.len(), MAX_MESSAGE_BYTES)?;
    let collections = named(&web, &query.collections).await?;
    let search = Search {
        text: &query.question,
        language: None,
        collections: &collections,
        limit: query.limit.unwrap_or(5).clamp(1, 50),
    };
    let live = web.desk.engine.live();
    let (found, seen) = find(live.retrieval(), &search).await;
    Ok(Json(Results {
        confidence: found.confidence,
        threshold: web.desk.engine.model.current().min_confidence(),
        embedder: seen.embedder,
        passages: found.passages.iter().map(Result::from).collect(),
    }))
}

/// Returns the ids of the named collections; of all if there are no names.
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
