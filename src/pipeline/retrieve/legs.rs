//! Part of stage 4: searches the index for a text and ranks the passages. Reads no conversation.

use std::time::Instant;

use super::confidence::Confidence;
use super::distinct::PrintCache;
use super::fuse::{QuestionLanguage, Weights, fuse, is_among};
use super::merge::QueryResult;
use crate::domain::trace::{RetrieveTrace, SearchOrigin, SearchText};
use crate::domain::{CollectionId, Passage};
use crate::embed::{Embedder, Purpose};
use crate::index::{Index, Legs, Query, Tuning, Tunings};
use crate::pipeline::language::Languages;
use crate::pipeline::timer::millis;
use crate::rerank::Reranker;

/// Percentage of chunks in a supported language from which on the collection counts as supported.
const AT_HOME: usize = 95;
/// Hits of each leg that are fused.
pub(super) const LEG: usize = 100;

/// The adapters of retrieval.
#[derive(Clone, Copy)]
pub struct Seams<'a> {
    /// Text to vector.
    pub embed: &'a dyn Embedder,
    /// Vectors and terms to chunks.
    pub index: &'a dyn Index,
    /// Ranking settings of each collection.
    pub tunings: &'a Tunings,
    /// Question and passages to relevance scores.
    pub rerank: &'a dyn Reranker,
    /// The languages of texts.
    pub(in crate::pipeline) languages: &'a Languages,
    /// The fingerprints of passages.
    pub(in crate::pipeline) prints: &'a PrintCache,
}

/// One text to search for.
pub(super) struct Text<'a> {
    pub(super) how: SearchOrigin,
    pub(super) words: String,
    /// ISO 639-1 code of its language, if known.
    pub(super) language: Option<&'a str>,
}

/// Searches for each text; the results are in the same order.
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
        let written = seams.languages.of_question(text);
        let search = Query { collections, text, language: written, vector, limit: LEG };
        let gathered = ask(seams, &search, *language, seen).await;
        let (passages, confidence) = rank(&gathered, Tuning::default(), LEG);
        let (text, how) = (text.clone(), *how);
        let weights = gathered.weights;
        looked.push(QueryResult { text, how, weight: 1.0, weights, passages, confidence });
    }
    looked
}

/// Hits of each leg for a text, before fusion.
pub(crate) struct WeightedLegs {
    /// Best hits of each leg.
    pub(crate) legs: Legs,
    /// Weights of the legs for this text.
    pub(crate) weights: Weights,
}

/// Searches every leg.
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
    let weights = weigh(seams, search, language, legs.foreign).await;
    WeightedLegs { legs, weights }
}

/// Returns the weights of the legs for a question in this language. `foreign`: its words are foreign
/// to the collections.
async fn weigh(
    seams: Seams<'_>,
    Query { collections, text, .. }: &Query<'_>,
    spoken: Option<&str>,
    foreign: bool,
) -> Weights {
    let known = seams.embed.languages();
    let mut at_home = false;
    let supported = spoken.is_some_and(|spoken| is_among(known, spoken));
    if !known.is_empty() && (foreign || !supported) {
        let counts = seams.index.languages(collections).await.unwrap_or_default();
        let all: usize = counts.values().sum();
        let ours = counts.iter().filter(|(code, _)| is_among(known, code));
        let ours: usize = ours.map(|(_, chunks)| chunks).sum();
        at_home = all > 0 && ours * 100 >= all * AT_HOME;
    }
    let familiarity = if foreign { seams.embed.familiarity(text) } else { None };
    let question = QuestionLanguage { spoken, at_home, foreign, familiarity };
    Weights::for_embedder(known, question).tuned(seams.tunings.of(collections))
}

/// Fuses the legs into passages, best first, with confidence. `tuning` overrides the collections'.
pub(crate) fn rank(
    gathered: &WeightedLegs,
    tuning: Tuning,
    limit: usize,
) -> (Vec<Passage>, Confidence) {
    let weights = gathered.weights.tuned(tuning);
    let passages = fuse(gathered.legs.clone(), &weights, limit);
    let confidence = Confidence::of(&passages, &weights);
    (passages, confidence)
}

/// Embeds the texts. Empty without an embedder, or if it fails: then the trace has the error.
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
    /// Returns its entry in the trace.
    pub(super) fn search_text(&self) -> SearchText {
        let Self { text, how, weight, confidence, .. } = self;
        let confidence = confidence.probability();
        SearchText { text: text.clone(), how: *how, weight: *weight, confidence }
    }
}
