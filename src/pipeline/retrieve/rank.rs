//! Part of stage 4: reorders the best passages with a reranker, if there is one. If it fails, the
//! fused order stays, and the trace says why.
//!
//! The confidence stays that of the fusion: rerankers have scales of their own, and a calibrated
//! threshold must not move when another one is configured.

use std::time::Instant;

use crate::domain::Passage;
use crate::domain::trace::{RerankTrace, RetrieveTrace};
use crate::pipeline::timer::millis;
use crate::rerank::Reranker;

/// Scores the first passages and sorts them; those without a score follow in their previous order.
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
            // A stable sort keeps the order of equal scores.
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
