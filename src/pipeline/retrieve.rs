//! Stage 4: question to passages. Asks the index for the best of each leg and fuses them; without an embedder, or
//! when it fails, words alone are compared.

use std::sync::Arc;
use std::time::Instant;

use super::fuse::{Weights, confidence, fuse};
use super::{Engine, Run, millis, query};
use crate::domain::trace::Retrieved;
use crate::domain::{Agent, CollectionId, Line, Passage, Question};
use crate::embed::Purpose;
use crate::index::{Legs, Query, Tuning};

/// How many chunks each leg brings to the fusion.
const LEG: usize = 100;
/// The longest text that is searched for, in characters; what follows adds nothing but time.
const LONGEST_QUERY: usize = 2000;

/// What retrieval found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The passages, best first.
    pub passages: Arc<[Passage]>,
    /// How sure we are that they answer, 0 to 1.
    pub confidence: f32,
}

/// Finds the passages for a question.
pub(super) async fn search(
    engine: &Engine,
    (agent, history): (&Agent, &[Line]),
    question: &Question,
    run: &mut Run,
) -> Found {
    let started = Instant::now();
    let language = query::language(question, history);
    let asked = Search {
        text: &question.text,
        language: language.as_deref(),
        collections: &agent.knowledge,
        limit: agent.passages,
    };
    let (found, mut seen) = find(engine, &asked).await;
    seen.took_ms = millis(started);
    run.trace.retrieve = Some(seen);
    found
}

/// What to search for, and where.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The question.
    pub text: &'a str,
    /// ISO 639-1 code of its language; `None` to tell it by the text.
    pub language: Option<&'a str>,
    /// Where to look.
    pub collections: &'a [CollectionId],
    /// The most passages.
    pub limit: usize,
}

/// Finds passages, and says how.
pub async fn find(engine: &Engine, asked: &Search<'_>) -> (Found, Retrieved) {
    let started = Instant::now();
    let gathered = gather(engine, asked).await;
    let (passages, confidence) = rank(&gathered, Tuning::default(), asked.limit);
    let passages: Arc<[Passage]> = passages.into();
    let seen = Retrieved {
        query: gathered.query,
        embedder: gathered.embedder,
        passages: passages.clone(),
        confidence,
        error: gathered.error,
        took_ms: millis(started),
        embed_ms: gathered.embed_ms,
    };
    (Found { passages, confidence }, seen)
}

/// The passages from what the legs brought, best first, and how sure we are of them. `tuning` goes before what the
/// collections say.
pub(crate) fn rank(gathered: &Gathered, tuning: Tuning, limit: usize) -> (Vec<Passage>, f32) {
    let weights = gathered.weights.tuned(tuning);
    let passages = fuse(gathered.legs.clone(), &weights, limit);
    let confidence = confidence(&passages, &weights);
    (passages, confidence)
}

/// What the legs brought for a question, before they are fused.
pub(crate) struct Gathered {
    /// What was searched for.
    pub(crate) query: String,
    /// The best of each leg.
    pub(crate) legs: Legs,
    /// How much each leg counts for this question.
    pub(crate) weights: Weights,
    /// The embedding model, where the question was embedded.
    embedder: Option<String>,
    /// Why a leg is missing.
    error: Option<String>,
    embed_ms: f64,
}

/// Asks every leg.
pub(crate) async fn gather(engine: &Engine, asked: &Search<'_>) -> Gathered {
    let query: String = asked.text.chars().take(LONGEST_QUERY).collect();
    let started = Instant::now();
    let (vector, mut error) = embed(engine, &query).await;
    let embed_ms = millis(started);
    let search = Query {
        collections: asked.collections,
        text: &query,
        vector: vector.as_deref(),
        limit: LEG,
    };
    let legs = engine.index.search(&search).await.unwrap_or_else(|failed| {
        error = Some(failed.to_string());
        Legs::default()
    });
    let language = asked.language.or_else(|| crate::index::language(&query));
    let tuning = engine.tunings.of(asked.collections);
    let weights = Weights::for_embedder(engine.embed.languages(), language).tuned(tuning);
    let embedder = vector.and(engine.embed.identity()).map(ToOwned::to_owned);
    Gathered { query, legs, weights, embedder, error, embed_ms }
}

/// The question's embedding, or why there is none.
async fn embed(engine: &Engine, query: &str) -> (Option<Vec<f32>>, Option<String>) {
    if engine.embed.identity().is_none() {
        return (None, None);
    }
    match engine.embed.embed(&[query.to_owned()], Purpose::Query).await {
        Ok(mut vectors) => (vectors.pop(), None),
        Err(error) => {
            tracing::warn!(%error, "the question could not be embedded, words alone are compared");
            (None, Some(error.to_string()))
        }
    }
}
