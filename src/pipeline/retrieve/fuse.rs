//! Fuses the legs of an index into one list, best first. Pure: queries no index and calls no model.
//!
//! No leg may do harm. Words count by their evidence, which the best BM25 score shows: rare words
//! of a question are strong, common ones hardly any. Embeddings count by the distance from the
//! worst hit, and only in languages that the model knows: in others all texts look alike to it, and
//! its ranks would bury what the words found. A question with many words that neither documents nor
//! model know is in such a language, whatever was detected.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::domain::{Chunk, ChunkId, Passage, Scores};
use crate::index::{Hit, Legs, Tuning};

/// Weight of the dense leg if the embedder supports the language, 0 to 1.
pub(super) const TRUSTED: f32 = 0.5;

/// Weight of a cosine difference of 1, and maximum weight of the words. With these and
/// [`HALF_WEIGHT_BM25`], fusion beats the best single leg on five of the six English sets of the
/// shared data and is 0.3 points of nDCG@10 below it on one; 3 to 5, 1.4 to 2 and 6 to 10 change
/// each by half a point.
const MEANING: f32 = 4.0;
const WORDS: f32 = 1.6;

/// BM25 score at which words get half of their maximum weight: two or three rare words.
const HALF_WEIGHT_BM25: f32 = 8.0;

/// Minimum evidence of the words, so that a typo in every word still finds something.
const WEAK: f32 = 0.05;

/// Weight of the dense leg if the question's language is unknown: an English model costs the other
/// languages of the shared data half a point at most, and still improves English. The same if it
/// knows the question's language, but the documents are in others.
const UNSURE: f32 = 0.2;

/// Share of the n-grams in the words' weight for a foreign question: of its words, only names and
/// relatives of the documents' words say something, and n-grams find both. 0.6 to 0.9 change the
/// Spanish, Romanian, Hausa, Igbo and Twi questions over English texts by a point.
const FOREIGN_NGRAM: f32 = 0.7;

/// Share of a question's words in the embedder's vocabulary from which on it is not foreign: 88 to
/// 98 of 100 English questions of the shared data have it, and at most 2 of 100 Hausa, Igbo and Twi
/// ones.
const FAMILIAR: f32 = 0.75;

/// Factor of the words' part of the confidence's score: in ten languages, 0.5 then refuses 96 to 99
/// of 100 questions about other topics (Vietnamese: 90), and answers 71 to 94 of 100 about its own.
const CERTAINTY: f32 = 2.0;

/// Minimum bytes of a body that says the same under any heading, unlike `9 to 5` of two shops.
const MIN_DUPLICATE_BYTES: usize = 120;

/// Weights of the legs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// Weight of the dense leg, 0 to 1; the words have the rest. 0 disables the leg.
    pub dense: f32,
    /// Share of the n-grams in the words' weight, 0 to 1; BM25 has the rest. 0 disables the leg.
    pub ngram: f32,
    /// Factor of the words' part of the confidence's score.
    pub certainty: f32,
}

/// What is known of a question's language.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct QuestionLanguage<'a> {
    /// Detected language (ISO 639-1), which may be wrong.
    pub spoken: Option<&'a str>,
    /// Whether the documents are in languages of the embedder; then most questions are, too.
    pub at_home: bool,
    /// Whether its words are foreign to the documents ([`Legs::foreign`]).
    pub foreign: bool,
    /// Share of its words in the embedder's vocabulary, if known.
    pub familiarity: Option<f32>,
}

impl Default for Weights {
    /// For an embedder that supports the language. With 0.3 the n-grams improve BM25 by 0.3 to 5.7
    /// points in twelve sets of the shared data and cost 0.5 in one, which is noisy; with 0.5 they
    /// cost nearly 5 there.
    fn default() -> Self {
        Self { dense: TRUSTED, ngram: 0.3, certainty: CERTAINTY }
    }
}

impl Weights {
    /// Returns the weights for an embedder trained on these languages (ISO 639-1; empty: all) and a
    /// question.
    pub(crate) fn for_embedder(languages: &[String], question: QuestionLanguage<'_>) -> Self {
        let QuestionLanguage { spoken, at_home, foreign, familiarity } = question;
        let familiar = at_home && familiarity.is_some_and(|share| share >= FAMILIAR);
        let foreign = foreign && !familiar;
        let dense = match spoken {
            _ if languages.is_empty() => TRUSTED,
            _ if foreign && at_home => 0.0,
            Some(spoken) if is_among(languages, spoken) && foreign => UNSURE,
            Some(spoken) if is_among(languages, spoken) => TRUSTED,
            _ if foreign => 0.0,
            None if at_home => TRUSTED,
            Some(_) if !at_home => 0.0,
            _ => UNSURE,
        };
        let ngram = if foreign { FOREIGN_NGRAM } else { Self::default().ngram };
        Self { dense, ngram, certainty: certainty(spoken) }
    }

    /// Applies a collection's tuning. A model that does not support the language keeps weight 0.
    pub(crate) fn tuned(&self, tuning: Tuning) -> Self {
        let dense = tuning.dense.filter(|_| self.dense > 0.0).unwrap_or(self.dense);
        Self { dense, ngram: tuning.ngram.unwrap_or(self.ngram), ..*self }
    }
}

/// Fuses the legs into one list of at most `limit` passages, best first, without duplicates. A
/// chunk found only by legs without weight is dropped.
pub(crate) fn fuse(legs: Legs, weights: &Weights, limit: usize) -> Vec<Passage> {
    let dense = if legs.dense.is_empty() { 0.0 } else { share(weights.dense) };
    let ngram = share(weights.ngram);
    let (meaning, words) = (dense * MEANING, (1.0 - dense) * WORDS);
    let said = if dense > 0.0 { evidence(&legs.bm25) } else { 1.0 };
    let (meaning, words) = (meaning / (meaning + words), said * words / (meaning + words));
    let legs = [
        Leg::above_worst(legs.dense, meaning),
        Leg::above_zero(legs.bm25, words * (1.0 - ngram)),
        Leg::above_zero(legs.ngram, words * ngram),
    ];
    let mut fusion = Fusion::of_at_most(legs.iter().map(|leg| leg.hits.len()).sum());
    let [dense, bm25, ngram] = &legs;
    fusion.add(dense, |scores| &mut scores.dense);
    fusion.add(bm25, |scores| &mut scores.bm25);
    fusion.add(ngram, |scores| &mut scores.ngram);
    fusion.finish(limit)
}

/// Returns the factor for questions in a language. Chinese words are compared as pairs of letters,
/// of which many are parts of two words, and Arabic ones have more forms than the stemmer knows:
/// with the factor of the others, only 55 and 71 of 100 answers would reach 0.5. German and Turkish
/// words are long: those of a question are parts of others. On either half of the same texts in
/// twelve languages they fit best, against a mean of 1.
fn certainty(spoken: Option<&str>) -> f32 {
    match spoken {
        Some(spoken) if same_language(spoken, "zh") => 1.65 * CERTAINTY,
        Some(spoken) if same_language(spoken, "ar") => 1.15 * CERTAINTY,
        Some(spoken) if same_language(spoken, "de") => 1.2 * CERTAINTY,
        Some(spoken) if same_language(spoken, "tr") => 1.1 * CERTAINTY,
        _ => CERTAINTY,
    }
}

/// Returns the evidence of the best BM25 hit, 0 to 1.
fn evidence(bm25: &[Hit]) -> f32 {
    let finite = bm25.iter().map(|hit| hit.score).filter(|score| score.is_finite());
    let best = finite.fold(0.0, f32::max);
    (best * best / (best * best + HALF_WEIGHT_BM25 * HALF_WEIGHT_BM25)).max(WEAK)
}

/// Hits of a leg, and how its scores are scaled.
struct Leg {
    hits: Vec<Hit>,
    weight: f32,
    zero: f32,
    one: f32,
}

impl Leg {
    /// For scores with a zero of their own: a weak second stays near a weak first.
    fn above_zero(mut hits: Vec<Hit>, weight: f32) -> Self {
        hits.retain(|hit| hit.score.is_finite());
        let one = hits.iter().map(|hit| hit.score).fold(0.0, f32::max);
        Self { hits, weight, zero: 0.0, one }
    }

    /// For cosines of embeddings, which differ little and are never near zero: the worst hit is the
    /// zero, and differences from it count as they are.
    fn above_worst(hits: Vec<Hit>, weight: f32) -> Self {
        let leg = Self::above_zero(hits, weight);
        let zero = leg.hits.iter().map(|hit| hit.score).fold(f32::MAX, f32::min);
        Self { zero, one: zero + 1.0, ..leg }
    }

    fn share(&self, score: f32) -> f32 {
        let range = self.one - self.zero;
        if range > 0.0 { ((score - self.zero) / range).clamp(0.0, 1.0) } else { 1.0 }
    }
}

/// Hits of the legs added so far.
struct Fusion<'a> {
    places: HashMap<&'a ChunkId, usize, RandomState>,
    found: Vec<Candidate<'a>>,
}

struct Candidate<'a> {
    chunk: &'a Arc<Chunk>,
    scores: Scores,
    /// Whether a leg with weight found it.
    counts: bool,
}

impl<'a> Fusion<'a> {
    fn of_at_most(hits: usize) -> Self {
        let places = HashMap::with_capacity_and_hasher(hits, RandomState::default());
        Self { places, found: Vec::with_capacity(hits) }
    }

    fn add(&mut self, leg: &'a Leg, score_of: fn(&mut Scores) -> &mut Option<f32>) {
        for hit in &leg.hits {
            let place = *self.places.entry(&hit.chunk.id).or_insert(self.found.len());
            if place == self.found.len() {
                let scores = Scores::default();
                self.found.push(Candidate { chunk: &hit.chunk, scores, counts: false });
            }
            let Candidate { scores, counts, .. } = &mut self.found[place];
            *counts |= leg.weight > 0.0;
            *score_of(scores) = Some(hit.score);
            scores.coverage = scores.coverage.max(hit.coverage);
            scores.fused += leg.weight * leg.share(hit.score);
        }
    }

    fn finish(self, limit: usize) -> Vec<Passage> {
        let counted = self.found.into_iter().filter(|candidate| candidate.counts);
        let mut found: Vec<Candidate<'_>> = counted.collect();
        found.sort_unstable_by(best_first);
        let passages =
            found.into_iter().map(|one| Passage { chunk: one.chunk.clone(), scores: one.scores });
        once_each(passages, limit)
    }
}

fn best_first(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    b.scores.fused.total_cmp(&a.scores.fused).then_with(|| a.chunk.id.cmp(&b.chunk.id))
}

/// Returns the first `limit` passages that differ in more than white space.
fn once_each(passages: impl Iterator<Item = Passage>, limit: usize) -> Vec<Passage> {
    let mut kept: Vec<(u64, Passage)> = Vec::new();
    for passage in passages {
        if kept.len() == limit {
            break;
        }
        let begin = beginning(&passage.chunk.body);
        if !kept.iter().any(|(other, one)| *other == begin && says_the_same(one, &passage)) {
            kept.push((begin, passage));
        }
    }
    kept.into_iter().map(|(_, passage)| passage).collect()
}

fn says_the_same(a: &Passage, b: &Passage) -> bool {
    let (a, b) = (&a.chunk, &b.chunk);
    let long = a.body.len() >= MIN_DUPLICATE_BYTES;
    a.body.split_whitespace().eq(b.body.split_whitespace())
        && letters(&a.body) == letters(&b.body)
        && (long || (&a.title, &a.heading) == (&b.title, &b.heading))
}

/// Returns the first eight bytes that are not white space: most texts differ there, so that few are
/// read to the end.
fn beginning(text: &str) -> u64 {
    let bytes = text.bytes().filter(|byte| *byte > b' ').take(size_of::<u64>());
    bytes.fold(0, |begin, byte| (begin << 8) | u64::from(byte))
}

/// Counts the bytes that are not white space; different counts mean different texts. Vectorizes.
fn letters(text: &str) -> usize {
    text.as_bytes().iter().map(|byte| usize::from(*byte > b' ')).sum()
}

/// Clamps a weight to 0 to 1; NaN becomes 0.
pub(super) fn share(weight: f32) -> f32 {
    if weight.is_nan() { 0.0 } else { weight.clamp(0.0, 1.0) }
}

/// Whether a language is in the list, regions ignored.
pub(crate) fn is_among(languages: &[String], language: &str) -> bool {
    languages.iter().any(|known| same_language(known, language))
}

fn same_language(a: &str, b: &str) -> bool {
    let primary = |code: &str| code.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    primary(a) == primary(b)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::PathBuf;
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::confidence::Confidence;
    use super::*;
    use crate::domain::CollectionId;
    use crate::index::{Entry, Index, Query, Settings};

    const WORDS_ALONE: Weights = Weights { dense: 0.0, ngram: 0.3, certainty: CERTAINTY };

    fn chunk(id: &str, title: &str, body: &str) -> Arc<Chunk> {
        Arc::new(Chunk {
            id: ChunkId::stored(id.to_owned()),
            title: title.to_owned(),
            ..Chunk::saying(body)
        })
    }

    fn hit(id: &str, score: f32) -> Hit {
        Hit { chunk: chunk(id, "", id), score, coverage: 0.5 }
    }

    fn order(passages: &[Passage]) -> Vec<&str> {
        passages.iter().map(|passage| passage.chunk.id.as_str()).collect()
    }

    fn english() -> Vec<String> {
        vec!["en".to_owned()]
    }

    #[test]
    fn an_embedder_has_a_say_only_in_the_languages_it_knows() {
        let asked = |spoken| QuestionLanguage { spoken, ..QuestionLanguage::default() };
        let dense = |known: &[String], spoken| Weights::for_embedder(known, asked(spoken)).dense;
        let at_home = |spoken| {
            let asked = QuestionLanguage { at_home: true, ..asked(spoken) };
            Weights::for_embedder(&english(), asked).dense
        };
        assert!(at_home(None) >= 0.5 && (0.1..=0.3).contains(&at_home(Some("nl"))));
        assert!(dense(&english(), Some("en-GB")) >= 0.5);
        assert!(dense(&english(), Some("ar")) <= 0.0);
        assert!((0.1..=0.3).contains(&dense(&english(), None)));
        assert!(dense(&[], Some("ar")) >= 0.5, "no list: it knows all of them");
    }

    #[test]
    fn words_that_the_documents_lack_leave_the_question_to_the_ngrams() {
        for spoken in [None, Some("nl"), Some("en")] {
            let asked =
                QuestionLanguage { spoken, at_home: true, foreign: true, familiarity: Some(0.5) };
            let weights = Weights::for_embedder(&english(), asked);
            assert_eq!(weights, Weights { ngram: FOREIGN_NGRAM, ..WORDS_ALONE }, "{spoken:?}");
            assert!(Weights::for_embedder(&[], asked).dense >= 0.5, "a multilingual model");
            let english_words = QuestionLanguage { familiarity: Some(0.8), ..asked };
            assert!(Weights::for_embedder(&english(), english_words).dense > 0.0, "{spoken:?}");
            let abroad = QuestionLanguage { at_home: false, ..asked };
            let abroad = Weights::for_embedder(&english(), abroad).dense;
            assert_eq!(abroad > 0.0, spoken == Some("en"), "it knows the question alone");
            let own = Tuning { ngram: Some(0.0), ..Tuning::default() };
            assert!(weights.tuned(own).ngram <= 0.0, "the collection's setting wins");
        }
    }

    #[test]
    fn all_scores_are_kept_and_a_missing_leg_counts_nothing() {
        let legs = Legs {
            dense: vec![hit("a", 0.8), hit("b", 0.4)],
            bm25: vec![hit("b", 6.0), hit("c", 3.0)],
            ngram: vec![hit("b", 0.3)],
            foreign: false,
        };
        let fused = fuse(legs, &Weights { dense: 0.5, ngram: 0.5, ..WORDS_ALONE }, usize::MAX);
        assert_eq!(order(&fused), ["a", "b", "c"]);
        assert_eq!(fused[0].scores.bm25, None);
        assert_eq!(fused[1].scores.dense, Some(0.4));
        assert_eq!((fused[1].scores.bm25, fused[1].scores.ngram), (Some(6.0), Some(0.3)));
        let (meaning, words) = (0.5 * MEANING, 0.5 * WORDS);
        let said = 36.0 / (36.0 + HALF_WEIGHT_BM25 * HALF_WEIGHT_BM25);
        let third = said * words / (meaning + words) * 0.5 * 0.5;
        assert!((fused[2].scores.fused - third).abs() < 1e-6, "half of the words' half");
        assert!((fused[0].scores.fused - 0.4 * meaning / (meaning + words)).abs() < 1e-6);
    }

    #[test]
    fn nothing_found_gives_no_passages_and_no_confidence() {
        let fused = fuse(Legs::default(), &Weights::default(), usize::MAX);
        assert!(fused.is_empty());
        assert!(Confidence::of(&fused, &Weights::default()).score <= 0.0);
        let wrong =
            Legs { bm25: vec![hit("a", f32::NAN), hit("b", f32::INFINITY)], ..Legs::default() };
        assert!(
            fuse(wrong, &Weights { dense: f32::NAN, ngram: -3.0, ..WORDS_ALONE }, usize::MAX)
                .is_empty()
        );
    }

    #[test]
    fn the_same_text_comes_once_but_short_answers_under_two_titles_both_stay() {
        let long = "You may send back what you do not like within thirty days, unworn, with the label \
                    on it, and we pay you back the whole price.";
        let found =
            |id, title, body, score| Hit { chunk: chunk(id, title, body), score, coverage: 1.0 };
        let bm25 = vec![
            found("a", "Returns", long, 9.0),
            found("b", "Returns (copy)", &long.replace(' ', "\n "), 8.0),
            found("c", "Berlin", "9 to 5", 7.0),
            found("d", "Paris", "9 to 5", 6.0),
            found("e", "Paris", "9  to 5", 5.0),
        ];
        let fused = fuse(Legs { bm25, ..Legs::default() }, &Weights::default(), usize::MAX);
        assert_eq!(order(&fused), ["a", "c", "d"]);
    }

    fn leg(most: f32) -> impl Strategy<Value = Vec<Hit>> {
        prop::collection::btree_map(0_u8..30, 0.0..most, 0..20).prop_map(|scores| {
            scores.iter().map(|(id, score)| hit(&format!("chunk {id}"), *score)).collect()
        })
    }

    proptest! {
        #[test]
        fn a_dense_leg_without_weight_changes_nothing(
            dense in leg(1.0), bm25 in leg(20.0), ngram in leg(1.0),
        ) {
            let words = Legs { bm25, ngram, ..Legs::default() };
            let alone = fuse(words.clone(), &Weights::default(), usize::MAX);
            let arabic = QuestionLanguage { spoken: Some("ar"), ..QuestionLanguage::default() };
            let gated = fuse(Legs { dense, ..words }, &Weights::for_embedder(&english(), arabic), usize::MAX);
            prop_assert_eq!(order(&gated), order(&alone));
            let fused = |passages: &[Passage]| passages.iter().map(|p| p.scores.fused).collect::<Vec<_>>();
            prop_assert_eq!(fused(&gated), fused(&alone));
        }

        #[test]
        fn every_score_is_a_share_and_the_best_come_first(
            dense in leg(1.0), bm25 in leg(20.0), ngram in leg(1.0), weight in 0.0..1.0_f32,
        ) {
            let passages = fuse(Legs { dense, bm25, ngram, foreign: false }, &Weights { dense: weight, ..WORDS_ALONE }, usize::MAX);
            prop_assert!(passages.iter().all(|p| (0.0..=1.000_01).contains(&p.scores.fused)));
            prop_assert!(passages.is_sorted_by(|a, b| a.scores.fused >= b.scores.fused));
            let ids: HashSet<&str> = order(&passages).into_iter().collect();
            prop_assert_eq!(ids.len(), passages.len());
            let sure = Confidence::of(&passages, &Weights::default());
            prop_assert!((0.0..=1.0).contains(&sure.score) && (0.0..=1.0).contains(&sure.probability()));
        }
    }

    /// A set of questions and texts of the shared data.
    struct Set {
        texts: Vec<Value>,
        questions: Vec<(String, String)>,
        /// The relevant texts of each question.
        right: HashMap<String, HashSet<String>>,
    }

    impl Set {
        fn load(name: &str) -> Option<Self> {
            let near = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
            let shared = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
            let folder = shared.join("data/retrieval").join(name);
            let read = |file| std::fs::read_to_string(folder.join(file)).ok();
            let lines = |text: String| -> Vec<Value> {
                text.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect()
            };
            let text = |value: &Value, key| value[key].as_str().unwrap_or_default().to_owned();
            let questions = lines(read("queries.jsonl")?);
            let questions = questions.iter().map(|q| (text(q, "_id"), text(q, "text"))).collect();
            let mut right: HashMap<String, HashSet<String>> = HashMap::new();
            for line in read("qrels/test.tsv")?.lines().skip(1) {
                let mut fields = line.split('\t').map(str::to_owned);
                if let (Some(question), Some(text)) = (fields.next(), fields.next()) {
                    right.entry(question).or_default().insert(text);
                }
            }
            Some(Self { texts: lines(read("corpus.jsonl")?), questions, right })
        }

        async fn learn(&self, index: &dyn Index) -> CollectionId {
            let collection = CollectionId::stored("col_a".to_owned());
            for text in &self.texts {
                let field = |key: &str| text[key].as_str().unwrap_or_default();
                let chunk = chunk(field("_id"), field("title"), field("text"));
                let document = chunk.document.clone();
                let entries = vec![Entry { chunk, vector: None }];
                index.replace(&collection, &document, 1, entries).await.expect("memory takes all");
            }
            collection
        }

        /// Returns the nDCG@10 of a question; all relevant texts have the same gain.
        fn gain(&self, question: &str, found: &[&str]) -> f64 {
            let discount = |rank: u32| 1.0 / (f64::from(rank) + 2.0).log2();
            let Some(right) = self.right.get(question) else { return 0.0 };
            let found = (0..10).zip(found).filter(|(_, id)| right.contains(**id));
            let gained: f64 = found.map(|(rank, _)| discount(rank)).sum();
            gained / (0..10).zip(right).map(|(rank, _)| discount(rank)).sum::<f64>()
        }
    }

    /// Returns the mean nDCG@10 of a set in percent, for BM25 alone and for all words fused.
    async fn measure(set: &Set) -> (f64, f64) {
        let index = Settings::Memory {}.build(None).expect("memory needs nothing");
        let collections = [set.learn(&*index).await];
        let (mut bm25, mut words, mut asked) = (0.0, 0.0, 0.0);
        for (id, text) in &set.questions {
            let query = Query {
                collections: &collections,
                text,
                language: frontdesk_language::language(text),
                vector: None,
                limit: 100,
            };
            let legs = index.search(&query).await.expect("memory answers");
            let alone: Vec<&str> = legs.bm25.iter().map(|hit| hit.chunk.id.as_str()).collect();
            bm25 += set.gain(id, &alone);
            words += set.gain(id, &order(&fuse(legs.clone(), &Weights::default(), usize::MAX)));
            asked += 1.0;
        }
        (100.0 * bm25 / asked, 100.0 * words / asked)
    }

    #[tokio::test]
    async fn words_alone_find_as_much_as_the_shared_baselines() {
        // nDCG@10 of BM25 with character n-grams, from the shared table.
        for (name, baseline) in
            [("stackfaq-threads", 83.3), ("faquad-pt", 91.3), ("xquad-hi", 95.9)]
        {
            let Some(set) = Set::load(name) else {
                println!("skipped: no shared data");
                return;
            };
            let (bm25, words) = measure(&set).await;
            println!("{name}: BM25 {bm25:.1}, words fused {words:.1}, baseline {baseline:.1}");
            assert!(
                words > baseline - 1.0,
                "{name}: {words:.1} is below the baseline {baseline:.1}"
            );
            assert!(words > bm25 - 1.0, "{name}: {words:.1} is below BM25 alone, {bm25:.1}");
        }
    }
}
