//! The question's side of the words: what one collection makes of a question. Needs the collection's statistics alone;
//! the chunks' side is each adapter's.

use std::collections::BTreeMap;

use frontdesk_language::terms;

use super::statistics::CollectionStatistics;
use super::{Query, grams, weigh};

/// The most words of a question that are looked up; nobody asks in more.
const MOST_WORDS: usize = 256;

/// Words that share less with the question than this part of the closest word are passed over: the fused order of
/// the shared data stays within 0.2 points of nDCG, and long questions take a fraction of the time.
const FAINT: f32 = 0.1;

/// A question cut into words, the same for every collection.
pub(super) struct Question<'a> {
    words: BTreeMap<String, f32>,
    pub(super) vector: Option<&'a [f32]>,
    /// The most chunks of a leg.
    pub(super) limit: usize,
}

impl<'a> Question<'a> {
    pub(super) fn new(query: &Query<'a>) -> Self {
        let mut words: BTreeMap<String, f32> = BTreeMap::new();
        for word in terms::words(query.text) {
            if words.len() < MOST_WORDS || words.contains_key(&word) {
                *words.entry(word).or_default() += 1.0;
            }
        }
        Self { words, vector: query.vector, limit: query.limit }
    }
}

/// What a collection makes of a question: a chunk's scores follow from this and its own words.
pub(super) struct Plan {
    /// The question's words.
    pub(super) sought: Vec<QueryTerm>,
    /// What all of its content words weigh together in the coverage.
    pub(super) weight: f32,
    /// The words of the collection that have n-grams in common with the question, and what these weigh.
    pub(super) close: Vec<(u32, f32)>,
    /// The length of the question's n-gram vector.
    pub(super) length: f32,
    /// The average length of a chunk, in words, at least 1.
    pub(super) average: f32,
}

/// A word of the question, as one collection knows it.
pub(super) struct QueryTerm {
    /// The folded word.
    surface: String,
    /// How often the question has it.
    count: f32,
    /// Whether it says something by itself.
    content: bool,
    /// All words of the collection that have its form or a stem in common with it.
    pub(super) kin: Vec<u32>,
    /// What it weighs in BM25: how rare it is, as often as the question has it.
    pub(super) rarity: f32,
    /// What it weighs in the coverage: 1 and its rarity, or nothing for a word that says nothing. By rarity alone, in a
    /// collection of a few chunks nothing but unknown words would weigh.
    pub(super) weight: f32,
}

impl Plan {
    /// A question may be in any language of the collection, so each word is stemmed in all of them; it still counts as
    /// one word.
    pub(super) fn new(question: &Question<'_>, statistics: &CollectionStatistics) -> Self {
        let languages = statistics.languages();
        let sought = question.words.iter().map(|(word, count)| {
            let surface = terms::fold(word);
            let stems: Vec<String> =
                languages.iter().filter_map(|language| terms::stem(word, *language)).collect();
            let kin = statistics.lexicon.kin(&surface, &stems);
            let content = !terms::is_stop_word(&surface, &languages);
            let holders = statistics.lexicon.holders_of_any(&kin, statistics.chunks());
            let idf = weigh::idf(statistics.chunks(), holders);
            let (rarity, weight) = (count * idf, if content { 1.0 + idf } else { 0.0 });
            QueryTerm { surface, count: *count, content, kin, rarity, weight }
        });
        let sought: Vec<QueryTerm> = sought.collect();
        let (close, length) = close_words(&sought, statistics);
        Self {
            weight: sought.iter().map(|word| word.weight).sum(),
            average: statistics.average_length(),
            sought,
            close,
            length,
        }
    }

    /// Share of the question's content words that a chunk holds, by the weight of those it does; 0 when there are none.
    pub(super) fn coverage(&self, held: f32) -> f32 {
        if self.weight > 0.0 { (held / self.weight).min(1.0) } else { 0.0 }
    }
}

/// The words that have n-grams in common with the question and what these weigh, and the length of the question's
/// vector.
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
        let holders: usize = ids().map(|id| lexicon.holders(*id)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 24 bits")]
        let weight = count * weigh::idf(chunks, holders.min(chunks) as f32);
        squares += weight * weight;
        ids().for_each(|id| weights[*id as usize] += weight);
    }
    for (id, weight) in (0..).zip(&mut weights) {
        if *weight > 0.0 && lexicon.holders(id) == 0 {
            *weight = 0.0;
        }
    }
    let most = weights.iter().copied().fold(0.0, f32::max);
    let close = (0..).zip(weights).filter(|(_, weight)| *weight > 0.0 && *weight >= most * FAINT);
    (close.collect(), squares.sqrt())
}

/// The question's n-grams with their counts, in a fixed order. Stop words are left out when the question has others.
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
