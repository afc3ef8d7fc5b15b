//! Query planning: a question in the terms of one collection. Needs only the collection's
//! statistics; scoring chunks belongs to each adapter.

use std::collections::BTreeMap;

use frontdesk_language::{Lang, terms};

use super::statistics::CollectionStatistics;
use super::{Query, grams, scoring};

/// Maximum number of distinct words of a question; the rest is ignored.
const MAX_WORDS: usize = 256;

/// Words whose n-gram weight is below this fraction of the best word's are skipped: the fused
/// ranking of the shared data stays within 0.2 points of nDCG, and long questions take a fraction
/// of the time.
const MIN_RELATIVE_WEIGHT: f32 = 0.1;

/// Weights that are compared side by side.
const LANES: usize = 16;

/// A question is foreign if its language is none of the collection's and the collection lacks at
/// least this many of its words, and more than one in [`MAX_UNKNOWN`]. With the embedder's
/// vocabulary (`pipeline/retrieve/fuse.rs`), 92 to 97 of 100 Hausa, Igbo and Twi questions over
/// English texts are, and at most 1 in 1,000 English ones.
const MIN_UNKNOWN_WORDS: usize = 3;
const MAX_UNKNOWN: usize = 4;

/// A question split into words, the same for every collection.
pub(super) struct Question<'a> {
    words: BTreeMap<String, f32>,
    /// ISO 639-1 code of its language; `None` if it cannot be told from the words.
    language: Option<&'a str>,
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
        Self { words, language: query.language, vector: query.vector, limit: query.limit }
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
    /// Whether the question is foreign to the collection.
    pub(super) foreign: bool,
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
        let spoken = question.language.and_then(terms::from_two_letters);
        let reader = Reader { statistics, languages: statistics.languages(), spoken };
        let sought = question.words.iter().map(|(word, count)| reader.term(word, *count));
        let mut terms: Vec<QueryTerm> = sought.collect();
        let foreign = reader.is_foreign(&terms);
        if foreign {
            drop_function_words(&mut terms, question.language);
        }
        let (similar_words, length) = close_words(&terms, statistics);
        Self {
            weight: terms.iter().map(|word| word.weight).sum(),
            average: statistics.average_length(),
            terms,
            similar_words,
            length,
            foreign,
        }
    }

    /// Returns the share of the question's content words that a chunk contains, given their total
    /// weight; 0 if there are none.
    pub(super) fn coverage(&self, held: f32) -> f32 {
        if self.weight > 0.0 { (held / self.weight).min(1.0) } else { 0.0 }
    }
}

/// Reads the words of a question in terms of a collection.
struct Reader<'a> {
    statistics: &'a CollectionStatistics,
    /// Languages of the collection.
    languages: Vec<Lang>,
    /// Language of the question, if known.
    spoken: Option<Lang>,
}

impl Reader<'_> {
    fn term(&self, word: &str, count: f32) -> QueryTerm {
        let (lexicon, chunks) = (&self.statistics.lexicon, self.statistics.chunks());
        let surface = terms::fold(word);
        let kin = self.exact(word, &surface).unwrap_or_else(|| {
            let stems = self.languages.iter().filter_map(|language| terms::stem(word, *language));
            lexicon.related_words(&surface, &stems.collect::<Vec<_>>())
        });
        let content = !terms::is_stop_word(&surface, &self.languages);
        let idf = scoring::idf(chunks, lexicon.holders_of_any(&kin, chunks));
        let (rarity, weight) = (count * idf, if content { 1.0 + idf } else { 0.0 });
        QueryTerm { surface, count, content, kin, rarity, weight }
    }

    /// Returns the same word alone if its language's marks tell words apart. A word typed without
    /// them finds all that differ by nothing else.
    fn exact(&self, word: &str, folded: &str) -> Option<Vec<u32>> {
        let marked = word != folded && terms::fold_in(word, self.spoken) == word;
        let id = self.statistics.lexicon.id_of(word).filter(|_| marked)?;
        Some(vec![id])
    }

    fn is_foreign(&self, words: &[QueryTerm]) -> bool {
        let unknown = words.iter().filter(|word| word.content && word.kin.is_empty()).count();
        !self.spoken.is_some_and(|spoken| self.languages.contains(&spoken))
            && unknown >= MIN_UNKNOWN_WORDS
            && unknown * MAX_UNKNOWN > words.len()
    }
}

/// Drops the function words of a foreign language, unless there is nothing else: `de` and `los` are
/// rare in English texts, so they would count as much as names.
fn drop_function_words(words: &mut Vec<QueryTerm>, language: Option<&str>) {
    let Some(code) = language else { return };
    let says = |word: &QueryTerm| !terms::is_function_word(&word.surface, code);
    if words.iter().any(says) {
        words.retain(says);
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
        let (words, holders) = lexicon.with_gram(gram);
        #[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 24 bits")]
        let weight = count * scoring::idf(chunks, holders.min(chunks) as f32);
        squares += weight * weight;
        words.into_iter().flatten().for_each(|id| weights[*id as usize] += weight);
    }
    if lexicon.has_removed_words() {
        for (id, weight) in (0..).zip(&mut weights) {
            if *weight > 0.0 && lexicon.document_frequency(id) == 0 {
                *weight = 0.0;
            }
        }
    }
    let least = highest(&weights) * MIN_RELATIVE_WEIGHT;
    let close = (0..).zip(weights).filter(|(_, weight)| *weight > 0.0 && *weight >= least);
    (close.collect(), squares.sqrt())
}

/// Returns the highest of the weights, at least 0, by steps that the compiler vectorises.
fn highest(weights: &[f32]) -> f32 {
    let (whole, rest) = weights.as_chunks::<LANES>();
    let mut most = [0.0_f32; LANES];
    for weights in whole {
        for (most, weight) in most.iter_mut().zip(weights) {
            *most = if weight > most { *weight } else { *most };
        }
    }
    most.iter().chain(rest).copied().fold(0.0, f32::max)
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
