//! Query planning: a question in the terms of one collection. Needs only the collection's
//! statistics; scoring chunks belongs to each adapter.

use std::collections::BTreeMap;

use frontdesk_language::terms;

use super::statistics::CollectionStatistics;
use super::{Query, grams, scoring};

/// Maximum number of distinct words of a question; the rest is ignored.
const MAX_WORDS: usize = 256;

/// Words whose n-gram weight is below this fraction of the best word's are skipped: the fused
/// ranking of the shared data stays within 0.2 points of nDCG, and long questions take a fraction
/// of the time.
const MIN_RELATIVE_WEIGHT: f32 = 0.1;

/// A question split into words, the same for every collection.
pub(super) struct Question<'a> {
    words: BTreeMap<String, f32>,
    pub(super) vector: Option<&'a [f32]>,
    /// Maximum number of chunks per leg.
    pub(super) limit: usize,
}

impl<'a> Question<'a> {
    pub(super) fn new(query: &Query<'a>) -> Self {
        let mut words: BTreeMap<String, f32> = BTreeMap::new();
        for word in terms::words(query.text) {
            if words.len() < MAX_WORDS || words.contains_key(&word) {
                *words.entry(word).or_default() += 1.0;
            }
        }
        Self { words, vector: query.vector, limit: query.limit }
    }
}

/// Query plan for one collection: a chunk's scores follow from this and the chunk's own words.
pub(super) struct Plan {
    /// The question's words.
    pub(super) terms: Vec<QueryTerm>,
    /// Total weight of its content words, for coverage.
    pub(super) weight: f32,
    /// Words of the collection that share n-grams with the question, with their weights.
    pub(super) similar_words: Vec<(u32, f32)>,
    /// Norm of the question's n-gram vector.
    pub(super) length: f32,
    /// Average chunk length in words, at least 1.
    pub(super) average: f32,
}

/// A word of the question in terms of one collection.
pub(super) struct QueryTerm {
    /// The folded word.
    surface: String,
    /// Its count in the question.
    count: f32,
    /// Whether it is a content word, not a stop word.
    content: bool,
    /// Ids of all words of the collection that are equal to it or share a stem with it.
    pub(super) kin: Vec<u32>,
    /// BM25 weight: its IDF times its count in the question.
    pub(super) rarity: f32,
    /// Weight in the coverage: 1 plus its IDF, or 0 for a stop word. With the IDF alone, only
    /// unknown words would count in a collection of a few chunks.
    pub(super) weight: f32,
}

impl Plan {
    /// Stems each word in every language of the collection, because the question's language is
    /// unknown; it still counts as one word.
    pub(super) fn new(question: &Question<'_>, statistics: &CollectionStatistics) -> Self {
        let languages = statistics.languages();
        let sought = question.words.iter().map(|(word, count)| {
            let surface = terms::fold(word);
            let stems: Vec<String> =
                languages.iter().filter_map(|language| terms::stem(word, *language)).collect();
            let kin = statistics.lexicon.related_words(&surface, &stems);
            let content = !terms::is_stop_word(&surface, &languages);
            let holders = statistics.lexicon.holders_of_any(&kin, statistics.chunks());
            let idf = scoring::idf(statistics.chunks(), holders);
            let (rarity, weight) = (count * idf, if content { 1.0 + idf } else { 0.0 });
            QueryTerm { surface, count: *count, content, kin, rarity, weight }
        });
        let terms: Vec<QueryTerm> = sought.collect();
        let (similar_words, length) = close_words(&terms, statistics);
        Self {
            weight: terms.iter().map(|word| word.weight).sum(),
            average: statistics.average_length(),
            terms,
            similar_words,
            length,
        }
    }

    /// Returns the share of the question's content words that a chunk contains, given their total
    /// weight; 0 if there are none.
    pub(super) fn coverage(&self, held: f32) -> f32 {
        if self.weight > 0.0 { (held / self.weight).min(1.0) } else { 0.0 }
    }
}

/// Returns the words that share n-grams with the question, with their weights, and the norm of the
/// question's vector.
fn close_words(
    question: &[QueryTerm],
    statistics: &CollectionStatistics,
) -> (Vec<(u32, f32)>, f32) {
    let (lexicon, chunks) = (&statistics.lexicon, statistics.chunks());
    let mut weights = vec![0.0_f32; lexicon.len()];
    let mut squares = 0.0_f32;
    for (gram, count) in grams_of(question) {
        let words = lexicon.with_gram(gram);
        let ids = || words.iter().copied().flatten();
        let holders: usize = ids().map(|id| lexicon.document_frequency(*id)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 24 bits")]
        let weight = count * scoring::idf(chunks, holders.min(chunks) as f32);
        squares += weight * weight;
        ids().for_each(|id| weights[*id as usize] += weight);
    }
    for (id, weight) in (0..).zip(&mut weights) {
        if *weight > 0.0 && lexicon.document_frequency(id) == 0 {
            *weight = 0.0;
        }
    }
    let most = weights.iter().copied().fold(0.0, f32::max);
    let close = (0..)
        .zip(weights)
        .filter(|(_, weight)| *weight > 0.0 && *weight >= most * MIN_RELATIVE_WEIGHT);
    (close.collect(), squares.sqrt())
}

/// Returns the question's n-grams with their counts, in a fixed order. Stop words are left out
/// unless there is nothing else.
fn grams_of(question: &[QueryTerm]) -> Vec<(u32, f32)> {
    let only_content = question.iter().any(|word| word.content);
    let mut grams = Vec::new();
    for word in question.iter().filter(|word| word.content || !only_content) {
        grams::each(&word.surface, |gram| grams.push((gram, word.count)));
    }
    grams.sort_unstable_by_key(|(gram, _)| *gram);
    let same = grams.chunk_by(|a, b| a.0 == b.0);
    same.map(|grams| (grams[0].0, grams.iter().map(|(_, count)| count).sum())).collect()
}
