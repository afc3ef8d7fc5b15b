//! Part of stage 4: the best passages in the order of a reranker, where there is one. When it fails, the fused order
//! stays, and the trace says why.
//!
//! How sure we are stays what the fusion says: every reranker has a scale of its own, and a threshold that was calibrated
//! must not move when another one is configured.

use std::time::Instant;

use super::millis;
use crate::domain::Passage;
use crate::domain::trace::{RerankTrace, RetrieveTrace};
use crate::rerank::Reranker;

/// Has the first passages scored and puts them in that order; those that get no score follow in the order they had.
pub(super) async fn rerank(
    reranker: &dyn Reranker,
    query: &str,
    mut passages: Vec<Passage>,
    seen: &mut RetrieveTrace,
) -> Vec<Passage> {
    let Some(identity) = reranker.identity().filter(|_| passages.len() > 1) else {
        return passages;
    };
    let started = Instant::now();
    let rest = passages.split_off(passages.len().min(reranker.candidates()));
    let texts: Vec<String> = passages.iter().map(|one| one.chunk.searchable()).collect();
    let mut told =
        RerankTrace { by: identity.to_owned(), passages: texts.len(), ..RerankTrace::default() };
    match reranker.rerank(query, &texts).await {
        Ok(scores) => {
            for (passage, score) in passages.iter_mut().zip(scores) {
                passage.scores.rerank = score;
            }
            // A stable sort: what scores the same stays as it was.
            passages.sort_by(|a, b| score(b).total_cmp(&score(a)));
        }
        Err(error) => {
            tracing::warn!(%error, "the passages could not be reranked and stay as they were found");
            told.error = Some(error.to_string());
        }
    }
    told.took_ms = millis(started);
    seen.rerank = Some(told);
    passages.extend(rest);
    passages
}

fn score(passage: &Passage) -> f32 {
    passage.scores.rerank.unwrap_or(f32::NEG_INFINITY)
}
