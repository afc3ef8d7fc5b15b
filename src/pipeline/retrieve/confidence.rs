//! Part of stage 4: how sure a search is that its passages answer. Pure.
//!
//! The score of the best passages has a scale of its own, which differs between words and
//! embeddings. [`Confidence::probability`] is what everybody outside of the search sees. It never
//! falls where the score rises, so that it orders questions as the score does.

use super::fuse::{TRUSTED, Weights, share};
use crate::domain::Passage;

/// Weight of the cosine in the score, 0 to 1, if the embedder supports the language.
const COSINE_WEIGHT: f32 = 0.8;

/// Exponent of the score with embeddings. 95 of 100 questions of four desks of the shared data
/// score above 0.37 to 0.46; this makes it about 0.5.
const EXPONENT: f32 = 0.8;

/// Passages that determine the score.
const TOP: usize = 3;

/// Scores for which the tables have a probability. Between them it is a straight line.
const SCORES: [f32; 10] = [0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Probability that the documents found hold the answer, by the score of the words.
const BY_WORDS: [f32; 10] = [0.0, 0.01, 0.10, 0.30, 0.50, 0.73, 0.83, 0.88, 0.94, 0.96];

/// The same with embeddings of a model that knows the question's language, for the
/// cosines of all-MiniLM-L6-v2.
const BY_MEANING: [f32; 10] = [0.0, 0.01, 0.02, 0.08, 0.34, 0.73, 0.90, 0.94, 0.98, 0.99];

/// How sure a search is that its passages answer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Confidence {
    /// Score of the best passages, 0 to 1.
    pub score: f32,
    /// How much of it is due to embeddings: 1 if the embedder supports the question's language, 0
    /// if words alone were compared.
    pub meaning: f32,
}

impl Confidence {
    /// Scores passages, best first: the best of the first three counts.
    ///
    /// The words' part is the geometric mean of coverage and n-gram cosine, times
    /// [`Weights::certainty`], at most 1. Coverage alone is fooled by long chunks that hold every
    /// word by accident, the cosine alone by parts of words. In 98 to 100 of 100 pairs, a question
    /// of the set scores higher than one of another set; with coverage alone, in 94 to 100. If the
    /// embedder supports the language, the cosine of the embeddings has four fifths: a question of a
    /// desk then scores higher than one off its topic in 87 to 100 of 100 pairs, with an even mix in
    /// 86 to 100, with words alone in 82 to 98. Neither part shows whether a question on the topic is
    /// answered: that takes reading.
    pub(crate) fn of(passages: &[Passage], weights: &Weights) -> Self {
        let known = passages.iter().any(|passage| passage.scores.dense.is_some());
        let meaning = if known { (share(weights.dense) / TRUSTED).min(1.0) } else { 0.0 };
        let dense = COSINE_WEIGHT * meaning;
        let sure = passages.iter().take(TOP).map(|Passage { scores, .. }| {
            let words = weights.certainty
                * (scores.coverage * scores.ngram.unwrap_or_default()).max(0.0).sqrt();
            let near = scores.dense.unwrap_or_default().clamp(0.0, 1.0);
            (1.0 - dense) * words.min(1.0) + dense * near
        });
        let score = sure.fold(0.0, f32::max).powf(1.0 - (1.0 - EXPONENT) * meaning);
        Self { score, meaning }
    }

    /// Returns the probability that the documents found hold the answer, 0 to 1; 0 only if nothing
    /// was found.
    ///
    /// It is that of a desk whose documents answer half of the questions; a sixth is about their
    /// topic but not answered, a third about other things. Fitted by `benches/confidence.py`;
    /// benches/RESULTS.md has what it says beside what is seen.
    pub(crate) fn probability(self) -> f32 {
        let of_words = interpolate(&BY_WORDS, self.score);
        of_words + self.meaning * (interpolate(&BY_MEANING, self.score) - of_words)
    }

    /// Lowers the score to a share of it, 0 to 1.
    pub(super) fn times(self, share: f32) -> Self {
        Self { score: self.score * share, ..self }
    }

    /// Returns the surer one.
    pub(super) fn max(self, other: Self) -> Self {
        if other.probability() > self.probability() { other } else { self }
    }
}

/// Returns the value of a table for a score; scores outside of it have that of its end.
fn interpolate(table: &[f32; SCORES.len()], score: f32) -> f32 {
    let place = SCORES.partition_point(|known| *known < score).clamp(1, SCORES.len() - 1);
    let (Some([from, to]), Some([low, high])) =
        (SCORES.get(place - 1..=place), table.get(place - 1..=place))
    else {
        return 0.0;
    };
    low + (high - low) * ((score - from) / (to - from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::fuse::{QuestionLanguage, fuse};
    use super::*;
    use crate::domain::{Chunk, ChunkId};
    use crate::index::{Hit, Legs};

    const WORDS_ALONE: Weights = Weights { dense: 0.0, ngram: 0.3, certainty: 2.0 };

    fn hit(score: f32, coverage: f32) -> Hit {
        let id = ChunkId::stored("a".to_owned());
        Hit { chunk: Arc::new(Chunk { id, ..Chunk::saying("a") }), score, coverage }
    }

    #[test]
    fn a_model_that_does_not_know_the_language_cannot_make_us_sure() {
        let near = hit(0.95, 0.0);
        let legs = Legs { dense: vec![near.clone()], bm25: vec![near], ..Legs::default() };
        let passages = fuse(legs, &WORDS_ALONE, usize::MAX);
        let without = Confidence::of(&passages, &WORDS_ALONE);
        assert!(without.probability() <= 0.0 && without.meaning <= 0.0);
        assert!(Confidence::of(&passages, &Weights::default()).probability() > 0.5);
    }

    #[test]
    fn the_score_of_the_words_is_scaled_by_language() {
        let found = hit(0.1, 0.3);
        let legs = Legs { bm25: vec![found.clone()], ngram: vec![found], ..Legs::default() };
        let passages = fuse(legs, &WORDS_ALONE, usize::MAX);
        let score = |spoken| {
            let asked = QuestionLanguage { spoken, ..QuestionLanguage::default() };
            let weights = Weights::for_embedder(&["en".to_owned()], asked);
            Confidence::of(&passages, &weights).score
        };
        assert!((score(Some("es")) - 0.346).abs() < 0.001);
        assert!((score(Some("zh-Hant")) - 0.572).abs() < 0.001);
        assert!((score(Some("ar")) - 0.398).abs() < 0.001);
    }

    #[test]
    fn the_tables_are_met_and_what_is_between_lies_on_a_line() {
        for (meaning, table) in [(0.0, BY_WORDS), (1.0, BY_MEANING)] {
            let of = |score| Confidence { score, meaning }.probability();
            for (score, expected) in SCORES.into_iter().zip(table) {
                assert!((of(score) - expected).abs() < 1e-6, "{score}: {}", of(score));
            }
            assert!((of(0.1) - table[1] / 2.0).abs() < 1e-6);
            assert!((of(2.0) - table[SCORES.len() - 1]).abs() < 1e-6 && of(0.0) <= 0.0);
        }
    }

    proptest! {
        #[test]
        fn a_higher_score_is_never_less_probable(
            a in 0.0..=1.0_f32, b in 0.0..=1.0_f32, meaning in 0.0..=1.0_f32,
        ) {
            let of = |score| Confidence { score, meaning }.probability();
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(of(low) <= of(high) && (0.0..=1.0).contains(&of(high)));
            prop_assert!(high <= 0.0 || of(high) > 0.0, "only nothing has no probability");
            prop_assert!(high - low < 0.01 || of(low) < of(high), "questions keep their order");
        }
    }
}
