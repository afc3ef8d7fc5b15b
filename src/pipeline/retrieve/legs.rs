//! Part of stage 4: what the legs of the index bring for a text, and the passages that they make. Reads no conversation.

use std::time::Instant;

use super::fuse::{Weights, confidence, fuse, is_among};
use super::merge::QueryResult;
use crate::domain::trace::{RetrieveTrace, SearchOrigin, SearchText};
use crate::domain::{CollectionId, Passage};
use crate::embed::{Embedder, Purpose};
use crate::index::{Index, Legs, Query, Tuning, Tunings};
use crate::pipeline::timer::millis;
use crate::rerank::Reranker;

/// Percentage of chunks in an embedder's languages from which on the collection counts as one of them.
const AT_HOME: usize = 95;
/// How many chunks each leg brings to the fusion.
pub(super) const LEG: usize = 100;

/// What passages are found with.
#[derive(Clone, Copy)]
pub struct Seams<'a> {
    /// Text to vector.
    pub embed: &'a dyn Embedder,
    /// Vectors and terms to chunks.
    pub index: &'a dyn Index,
    /// How each collection is ranked.
    pub tunings: &'a Tunings,
    /// Question and passages to how well each answers.
    pub rerank: &'a dyn Reranker,
}

/// One text to search for.
pub(super) struct Text<'a> {
    pub(super) how: SearchOrigin,
    /// What is searched for.
    pub(super) words: String,
    /// ISO 639-1 code of its language, where it is known.
    pub(super) language: Option<&'a str>,
}

/// Searches for each text, in their order.
pub(super) async fn search_texts(
    seams: Seams<'_>,
    collections: &[CollectionId],
    texts: &[Text<'_>],
    seen: &mut RetrieveTrace,
) -> Vec<QueryResult> {
    let started = Instant::now();
    let all: Vec<String> = texts.iter().map(|text| text.words.clone()).collect();
    let vectors = embed(seams.embed, &all, seen).await;
    seen.embed_ms += millis(started);
    let mut looked = Vec::with_capacity(texts.len());
    for (at, Text { how, words: text, language }) in texts.iter().enumerate() {
        let vector = vectors.get(at).map(Vec::as_slice);
        let search = Query { collections, text, vector, limit: LEG };
        let gathered = ask(seams, &search, *language, seen).await;
        let (passages, confidence) = rank(&gathered, Tuning::default(), LEG);
        let (text, how) = (text.clone(), *how);
        looked.push(QueryResult { text, how, weight: 1.0, passages, confidence });
    }
    looked
}

/// Hits of each leg for a text, before they are fused.
pub(crate) struct WeightedLegs {
    /// The best of each leg.
    pub(crate) legs: Legs,
    /// How much each leg counts for this text.
    pub(crate) weights: Weights,
}

/// Asks every leg.
pub(super) async fn ask(
    seams: Seams<'_>,
    search: &Query<'_>,
    language: Option<&str>,
    seen: &mut RetrieveTrace,
) -> WeightedLegs {
    let legs = seams.index.search(search).await.unwrap_or_else(|failed| {
        seen.error = Some(failed.to_string());
        Legs::default()
    });
    let weights = weigh(seams, search.collections, language).await;
    WeightedLegs { legs, weights }
}

/// How much each leg counts for a question in a language over some collections.
pub(super) async fn weigh(
    seams: Seams<'_>,
    collections: &[CollectionId],
    language: Option<&str>,
) -> Weights {
    let known = seams.embed.languages();
    let mut at_home = false;
    if !known.is_empty() && language.is_none_or(|spoken| !is_among(known, spoken)) {
        let counts = seams.index.languages(collections).await.unwrap_or_default();
        let all: usize = counts.values().sum();
        let ours = counts.iter().filter(|(code, _)| is_among(known, code));
        let ours: usize = ours.map(|(_, chunks)| chunks).sum();
        at_home = all > 0 && ours * 100 >= all * AT_HOME;
    }
    Weights::for_embedder(known, language, at_home).tuned(seams.tunings.of(collections))
}

/// The passages from what the legs brought, best first, and how sure we are of them. `tuning` goes before what the
/// collections say.
pub(crate) fn rank(gathered: &WeightedLegs, tuning: Tuning, limit: usize) -> (Vec<Passage>, f32) {
    let weights = gathered.weights.tuned(tuning);
    let passages = fuse(gathered.legs.clone(), &weights, limit);
    let confidence = confidence(&passages, &weights);
    (passages, confidence)
}

/// The texts' embeddings; none, with the reason told, where there are none to be had.
pub(super) async fn embed(
    embedder: &dyn Embedder,
    texts: &[String],
    seen: &mut RetrieveTrace,
) -> Vec<Vec<f32>> {
    let Some(identity) = embedder.identity() else { return Vec::new() };
    match embedder.embed(texts, Purpose::Query).await {
        Ok(vectors) => {
            seen.embedder = Some(identity.to_owned());
            vectors
        }
        Err(error) => {
            tracing::warn!(%error, "the question could not be embedded, words alone are compared");
            (seen.embedder, seen.error) = (None, Some(error.to_string()));
            Vec::new()
        }
    }
}

impl QueryResult {
    /// As the trace has it.
    pub(super) fn search_text(&self) -> SearchText {
        let Self { text, how, weight, confidence, .. } = self;
        SearchText { text: text.clone(), how: *how, weight: *weight, confidence: *confidence }
    }
}
