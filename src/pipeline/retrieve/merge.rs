//! Part of stage 4: merges the results of several texts for one question. Pure: queries no index.
//!
//! Scores are relative to the best of each list, so lists are weighted by their confidence: a text
//! that finds nothing useful must not count as much as one that does.

use std::collections::HashMap;

use super::confidence::Confidence;
use super::fuse::Weights;
use crate::domain::trace::SearchOrigin;
use crate::domain::{ChunkId, Passage};

/// Weight of the previous question alone. With this and [`CONTEXT_ONLY_WEIGHT`], 22 of the demo's
/// 29 follow-ups find their document among the first three (17 alone), and questions of `covidfaq`
/// after an unrelated one lose less than half a point; higher values find no more and lose more.
const BEFORE: f32 = 0.4;
/// Share of the context's score that a passage without any word of the question itself keeps.
const CONTEXT_ONLY_WEIGHT: f32 = 0.3;
/// Weight of the customer's own words beside a standalone question.
const OWN_WORDS: f32 = 0.3;
/// Passages that determine the confidence.
const TOP: usize = 3;

/// Passages found for one text.
#[derive(Debug, Clone)]
pub(crate) struct QueryResult {
    /// The text.
    pub text: String,
    /// How the text was made.
    pub how: SearchOrigin,
    /// Weight in the merge, 0 and up; shown in the trace.
    pub weight: f32,
    /// Weights of the legs that found them.
    pub weights: Weights,
    /// The passages, best first.
    pub passages: Vec<Passage>,
    /// Their confidence.
    pub confidence: Confidence,
}

/// Merges the results of a dependent question: alone, with its context, and the previous question.
///
/// Passages with words of both count most. The previous question alone adds the same topic in other
/// words; the question alone covers a change of topic. The best passage of the previous question is
/// always among the first `keep`: the conversation is about it.
pub(crate) fn merge_context(looked: &mut [QueryResult], says: bool, keep: usize) -> Vec<Passage> {
    let own = own_words(looked);
    let mut sums = Sums::default();
    for one in looked.iter_mut() {
        one.weight = match (one.how, says) {
            (SearchOrigin::Before, _) => BEFORE,
            (SearchOrigin::Asked, false) => 0.0,
            _ => 1.0,
        };
        for passage in &one.passages {
            let floor =
                if says && one.how != SearchOrigin::Asked { CONTEXT_ONLY_WEIGHT } else { 1.0 };
            let said = own.get(&passage.chunk.id).copied().unwrap_or(0.0);
            let lift = floor + (1.0 - floor) * said;
            sums.add(
                passage,
                one.weight * lift * passage.scores.fused,
                one.how == SearchOrigin::Context,
            );
        }
    }
    let mut blended = sums.finish(looked.iter().map(|one| one.weight).sum());
    let before = looked.iter().find(|one| one.how == SearchOrigin::Before);
    if let Some(best) = before.and_then(|one| one.passages.first()).filter(|_| keep > 1) {
        let place = blended.iter().position(|one| one.chunk.id == best.chunk.id);
        if let Some(place) = place.filter(|place| *place >= keep) {
            let one = blended.remove(place);
            blended.insert(keep - 1, one);
        }
    }
    blended
}

/// Returns the confidence of a dependent question: that with its context, limited by its own words
/// if it has any. `do you groom dogs?` is not answered by the answer to an earlier question.
pub(crate) fn context_confidence(
    looked: &[QueryResult],
    blended: &[Passage],
    sure: Confidence,
    says: bool,
) -> Confidence {
    let alone = looked.first().map(|asked| asked.confidence).unwrap_or_default();
    if !says {
        return sure;
    }
    let own = own_words(looked);
    let top = blended.iter().take(TOP);
    let said = top.map(|one| own.get(&one.chunk.id).copied().unwrap_or(0.0)).fold(0.0, f32::max);
    alone.max(sure).times(said)
}

/// Merges the results of a question's wordings: as asked, standalone, translated.
pub(crate) fn merge_wordings(looked: &mut [QueryResult]) -> Vec<Passage> {
    let complete = looked.iter().any(|one| one.how == SearchOrigin::Rewritten);
    for one in looked.iter_mut() {
        let share = if complete && one.how == SearchOrigin::Asked { OWN_WORDS } else { 1.0 };
        one.weight = share * one.confidence.score;
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

/// Returns the share of the question's own words in each passage, or the cosine if that is higher.
fn own_words(looked: &[QueryResult]) -> HashMap<ChunkId, f32> {
    let near = |one: &Passage| one.scores.coverage.max(one.scores.dense.unwrap_or(0.0));
    let asked =
        looked.iter().filter(|one| one.how == SearchOrigin::Asked).flat_map(|one| &one.passages);
    asked.map(|one| (one.chunk.id.clone(), near(one).clamp(0.0, 1.0))).collect()
}

/// Passages with their summed scores.
#[derive(Default)]
struct Sums {
    places: HashMap<ChunkId, usize>,
    found: Vec<Passage>,
}

impl Sums {
    /// Adds to a passage's score; `leads`: its other scores are those of this text.
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

    /// Returns the passages best first, with scores as shares of the possible maximum.
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
