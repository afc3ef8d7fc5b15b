//! Part of stage 4: what several texts for one question have found becomes one list. Pure: it asks no index.
//!
//! Each list's scores are shares of its own best, so a text that finds nothing of worth must not count as much as one that
//! does: lists are weighed by how sure they are.

use std::collections::HashMap;

use super::query::Lean;
use crate::domain::trace::How;
use crate::domain::{ChunkId, Passage};

/// How much the question with its context counts beside the question alone, where that leans on the context.
const LEANING: f32 = 1.0;
/// The same where it may.
const PERHAPS: f32 = 0.3;
/// What a passage that holds no word of the question itself keeps of what the context gives it, where the question leans.
const UNSAID: f32 = 0.3;
/// What the customer's own words count beside a question that was made complete.
const OWN_WORDS: f32 = 0.3;
/// How many passages are looked at to tell how sure we are.
const TOP: usize = 3;

/// What one text has found.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    /// The text.
    pub text: String,
    /// How it was made.
    pub how: How,
    /// How much it counts, 0 and up; told to whoever reads the trace.
    pub weight: f32,
    /// What it found, best first.
    pub passages: Vec<Passage>,
    /// How sure it is, 0 to 1.
    pub confidence: f32,
}

/// The question alone and the question with its context.
///
/// The context can only lift: a passage gets from it what its words of the question itself are worth, so that a
/// question that changed the topic stays with what it found.
pub(crate) fn lean_on(
    asked: &mut Looked,
    context: &mut Looked,
    lean: Lean,
    says: bool,
) -> Vec<Passage> {
    let env = |k: &str, d: f32| std::env::var(k).ok().and_then(|v| v.parse().ok()).unwrap_or(d);
    let (weight, floor) = match (lean, says) {
        (Lean::Leans, false) => (4.0 * LEANING, 1.0),
        (Lean::Leans, true) => (env("W", LEANING), env("F", UNSAID)),
        _ => (env("P", PERHAPS), 0.0),
    };
    let own: HashMap<&ChunkId, f32> =
        asked.passages.iter().map(|one| (&one.chunk.id, own_words(one))).collect();
    let lift =
        |one: &Passage| floor + (1.0 - floor) * own.get(&one.chunk.id).copied().unwrap_or(0.0);
    let lifted: Vec<f32> = context.passages.iter().map(|one| weight * lift(one)).collect();
    (asked.weight, context.weight) = (1.0, weight);
    let mut sums = Sums::default();
    for one in &asked.passages {
        sums.add(one, one.scores.fused, lean < Lean::Leans);
    }
    for (one, weight) in context.passages.iter().zip(lifted) {
        sums.add(one, weight * one.scores.fused, lean == Lean::Leans);
    }
    sums.finish(1.0 + weight)
}

/// How sure we are of a question that leans: as sure as with its context, and not surer than its own words allow where
/// it has any. `do you groom dogs?` after a question that was answered is not answered by that.
pub(crate) fn leaning_confidence(
    asked: &Looked,
    blended: &[Passage],
    sure: f32,
    says: bool,
) -> f32 {
    let own: HashMap<&ChunkId, f32> =
        asked.passages.iter().map(|one| (&one.chunk.id, own_words(one))).collect();
    let top = blended.iter().take(TOP);
    let said = top.map(|one| own.get(&one.chunk.id).copied().unwrap_or(0.0)).fold(0.0, f32::max);
    let allowed = if says { said } else { 1.0 };
    asked.confidence.min(allowed).max(sure.min(allowed))
}

/// A question in several wordings: as asked, made complete, in another language.
pub(crate) fn together(looked: &mut [Looked]) -> Vec<Passage> {
    let complete = looked.iter().any(|one| one.how == How::Rewritten);
    for one in looked.iter_mut() {
        let share = if complete && one.how == How::Asked { OWN_WORDS } else { 1.0 };
        one.weight = share * one.confidence;
    }
    let whole: f32 = looked.iter().map(|one| one.weight).sum();
    if whole <= 0.0 {
        return looked.first().map(|one| one.passages.clone()).unwrap_or_default();
    }
    let most = looked.iter().map(|one| one.weight).fold(0.0, f32::max);
    let mut sums = Sums::default();
    for one in looked.iter() {
        for passage in &one.passages {
            sums.add(passage, one.weight * passage.scores.fused, one.weight >= most);
        }
    }
    sums.finish(whole)
}

/// The share of the question's own words that a passage holds, or how near it is in meaning.
fn own_words(passage: &Passage) -> f32 {
    passage.scores.coverage.max(passage.scores.dense.unwrap_or(0.0)).clamp(0.0, 1.0)
}

/// Passages with the sums of their scores.
#[derive(Default)]
struct Sums {
    places: HashMap<ChunkId, usize>,
    found: Vec<Passage>,
}

impl Sums {
    /// Adds to a passage's score; `leads` says that the other scores kept are those of this text.
    fn add(&mut self, passage: &Passage, score: f32, leads: bool) {
        let place = *self.places.entry(passage.chunk.id.clone()).or_insert(self.found.len());
        if place == self.found.len() {
            let mut new = passage.clone();
            new.scores.fused = 0.0;
            self.found.push(new);
        }
        let known = &mut self.found[place];
        let sum = known.scores.fused + score;
        if leads {
            known.scores = passage.scores;
        }
        known.scores.fused = sum;
    }

    /// Best first, as shares of the most that was possible.
    fn finish(self, most: f32) -> Vec<Passage> {
        let mut found = self.found;
        for one in &mut found {
            one.scores.fused /= most;
        }
        found.sort_by(|a, b| {
            let by_score = b.scores.fused.total_cmp(&a.scores.fused);
            by_score.then_with(|| a.chunk.id.cmp(&b.chunk.id))
        });
        found
    }
}
