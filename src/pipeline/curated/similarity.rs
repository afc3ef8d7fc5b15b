//! Similarity of a question to the phrasings of many answers. Pure: queries nothing, calls no
//! model.
//!
//! Words are weighted by their rarity among the answers. Words that the question adds count against
//! it like words that it lacks. A misspelled word counts in part.

use std::collections::{HashMap, HashSet};

use frontdesk_language::Lang;

use super::phrase::{Phrase, Word};

/// Weight of a function word; rare words weigh 2 to 8.
const FUNCTION: f32 = 0.15;
/// Minimum Dice coefficient of the trigrams of two words that may be misspellings, 0 to 1.
const MIN_DICE: f32 = 0.55;
/// Minimum length of a word that may be misspelled, in letters; shorter words must be equal.
const SHORT: usize = 4;
/// Weight of words in other phrasings of the same answer, beside those in this one, 0 to 1.
const UNION: f32 = 0.3;

/// Phrasings by answer, indexed for comparison.
#[derive(Default)]
pub(crate) struct PhrasingSet {
    phrasings: Vec<PhrasingEntry>,
    answers: Vec<Vec<usize>>,
    vocabulary: Vec<VocabularyEntry>,
    ids: HashMap<String, usize>,
    /// Number of answers that contain each stem.
    rarity: HashMap<String, f32>,
    /// Folded names in any phrasing.
    names: HashSet<String>,
    languages: Vec<Lang>,
}

/// A phrasing with its word ids and its embedding.
struct PhrasingEntry {
    phrase: Phrase,
    answer: usize,
    words: Vec<usize>,
    vector: Option<Vec<f32>>,
}

/// A word of the phrasings, with the phrasings and answers that contain it.
struct VocabularyEntry {
    word: Word,
    grams: Vec<u64>,
    phrasings: Vec<usize>,
    answers: Vec<usize>,
}

/// Similarity of a question to an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Near {
    /// Index of the answer.
    pub(crate) answer: usize,
    /// Index of the phrasing.
    pub(crate) phrasing: usize,
    /// Share of the question that the phrasing covers, 0 to 1.
    pub(crate) question_coverage: f32,
    /// Share of the phrasing that the question covers, 0 to 1.
    pub(crate) phrasing_coverage: f32,
    /// Geometric mean of both, 0 to 1; 1 means the same words.
    pub(crate) words: f32,
    /// Cosine of the embeddings; `None` without embeddings.
    pub(crate) meaning: Option<f32>,
    /// Number of content words of question or phrasing, whichever has fewer.
    pub(crate) content_words: usize,
    /// Whether question and phrasing are equal except for courtesies.
    pub(crate) same: bool,
    /// The difference that makes them two questions, if any.
    pub(crate) differs: Option<&'static str>,
}

impl Near {
    /// Total similarity, 0 to 1.
    pub(crate) fn score(&self) -> f32 {
        match self.meaning {
            _ if self.same => 1.0,
            Some(meaning) => MEANING * meaning.clamp(0.0, 1.0) + (1.0 - MEANING) * self.words,
            None => self.words,
        }
    }
}

/// Weight of the embedding beside the words, 0 to 1.
const MEANING: f32 = 0.6;

impl PhrasingSet {
    /// Adds an answer with its phrasings and embeddings, if any; returns its index.
    pub(crate) fn push(&mut self, phrasings: Vec<Phrase>, vectors: Option<Vec<Vec<f32>>>) -> usize {
        let answer = self.answers.len();
        let mut vectors = vectors.unwrap_or_default().into_iter();
        let mut places = Vec::with_capacity(phrasings.len());
        let mut stems = HashSet::new();
        for phrase in phrasings {
            let place = self.phrasings.len();
            let words =
                phrase.words.iter().map(|word| self.add_word(word, place, answer)).collect();
            stems.extend(phrase.words.iter().flat_map(|word| word.stems.iter().cloned()));
            self.names.extend(phrase.names.iter().cloned());
            self.phrasings.push(PhrasingEntry { phrase, answer, words, vector: vectors.next() });
            places.push(place);
        }
        for stem in stems {
            *self.rarity.entry(stem).or_default() += 1.0;
        }
        self.answers.push(places);
        answer
    }

    /// Number of answers.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Languages that questions may be in.
    pub(crate) fn languages(&self) -> &[Lang] {
        &self.languages
    }

    /// Adds a language of the phrasings.
    pub(crate) fn add_language(&mut self, language: Lang) {
        if !self.languages.contains(&language) {
            self.languages.push(language);
        }
    }

    /// Returns a phrasing as written.
    pub(crate) fn text(&self, phrasing: usize) -> &str {
        self.phrasings.get(phrasing).map_or("", |held| &held.phrase.text)
    }

    /// Number of sentences of a phrasing that are more than courtesies.
    pub(crate) fn sentences(&self, phrasing: usize) -> usize {
        self.phrasings.get(phrasing).map_or(0, |held| held.phrase.sentences)
    }

    /// Whether any phrasing has an embedding.
    pub(crate) fn has_vectors(&self) -> bool {
        self.phrasings.iter().any(|held| held.vector.is_some())
    }

    /// Returns the answers similar to a question, best first. Each comes with its best phrasing
    /// that asks the same, or with its best one if all ask something else.
    pub(crate) fn near(&self, question: &Phrase, vector: Option<&[f32]>) -> Vec<Near> {
        let kin: Vec<Vec<(usize, f32)>> =
            question.words.iter().map(|word| self.similar_words(word)).collect();
        let weights: Vec<f32> = question.words.iter().map(|word| self.weight(word)).collect();
        let asked = WeightedQuestion { question, kin: &kin, weights: &weights };
        let mut reached: HashSet<usize> = HashSet::new();
        // Function words would match nearly every phrasing.
        let content = question.words.iter().zip(&kin).filter(|(word, _)| word.content);
        let ids = content.flat_map(|(_, kin)| kin.iter().map(|(id, _)| *id));
        reached.extend(ids.flat_map(|id| &self.vocabulary[id].phrasings));
        reached.extend(self.phrasings.iter().enumerate().filter_map(|(place, held)| {
            let same = !question.same.is_empty() && held.phrase.same == question.same;
            same.then_some(place)
        }));
        let mut best: HashMap<usize, Near> = HashMap::new();
        for place in reached {
            let near = self.compare(&asked, place, vector);
            let better = |other: &Near| {
                let rank = |near: &Near| (near.differs.is_none(), near.score());
                let (a, b) = (rank(&near), rank(other));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(other.phrasing.cmp(&place)).is_gt()
            };
            if best.get(&near.answer).is_none_or(better) {
                best.insert(near.answer, near);
            }
        }
        let mut found: Vec<Near> = best.into_values().collect();
        found.sort_by(|a, b| b.score().total_cmp(&a.score()).then(a.answer.cmp(&b.answer)));
        found
    }

    fn compare(&self, asked: &WeightedQuestion<'_>, place: usize, vector: Option<&[f32]>) -> Near {
        let held = &self.phrasings[place];
        let question = asked.question;
        let same = !question.same.is_empty() && held.phrase.same == question.same;
        let beyond = asked.covered(|id| held.words.contains(&id));
        let union = asked.covered(|id| self.vocabulary[id].answers.contains(&held.answer));
        let covered = self.covers(held, asked);
        let said = (1.0 - UNION) * beyond + UNION * union;
        let dot = |(a, b): (&[f32], &Vec<f32>)| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        let differs = if same { None } else { self.differs(question, &held.phrase) };
        Near {
            answer: held.answer,
            phrasing: place,
            question_coverage: said,
            phrasing_coverage: covered,
            words: (said * covered).max(0.0).sqrt().min(1.0),
            meaning: vector.zip(held.vector.as_ref()).filter(|(a, b)| a.len() == b.len()).map(dot),
            content_words: question.content().min(held.phrase.content()),
            same,
            differs,
        }
    }

    /// Returns the share of a phrasing that the question covers, 0 to 1.
    fn covers(&self, held: &PhrasingEntry, asked: &WeightedQuestion<'_>) -> f32 {
        let (mut said, mut all) = (0.0, 0.0);
        for id in &held.words {
            let weight = self.weight(&self.vocabulary[*id].word);
            let near = asked.kin.iter().flatten().filter(|(kin, _)| kin == id);
            said += weight * near.map(|(_, similarity)| *similarity).fold(0.0, f32::max);
            all += weight;
        }
        if all > 0.0 { said / all } else { 0.0 }
    }

    fn differs(&self, question: &Phrase, phrasing: &Phrase) -> Option<&'static str> {
        let told = question.facets.differs(&phrasing.facets);
        let has = |phrase: &Phrase, name: &str| {
            phrase
                .words
                .iter()
                .any(|word| word.surface == name || word_similarity(&word.surface, name) >= 0.7)
        };
        let known = |word: &&Word| self.names.contains(&word.surface);
        let named = |word: &&Word| known(word) || question.names.contains(&word.surface);
        let missing =
            || phrasing.words.iter().filter(known).any(|word| !has(question, &word.surface));
        let other =
            || question.words.iter().filter(named).any(|word| !has(phrasing, &word.surface));
        told.or_else(|| (missing() || other()).then_some("another name is asked about"))
    }

    fn add_word(&mut self, word: &Word, phrasing: usize, answer: usize) -> usize {
        let id = *self.ids.entry(word.surface.clone()).or_insert_with(|| {
            let grams = grams(&word.surface);
            let (phrasings, answers) = (Vec::new(), Vec::new());
            self.vocabulary.push(VocabularyEntry { word: word.clone(), grams, phrasings, answers });
            self.vocabulary.len() - 1
        });
        let known = &mut self.vocabulary[id];
        known.phrasings.push(phrasing);
        if known.answers.last() != Some(&answer) {
            known.answers.push(answer);
        }
        id
    }

    /// Returns the ids of the vocabulary words that a word may be, with their similarity.
    fn similar_words(&self, word: &Word) -> Vec<(usize, f32)> {
        let own = grams(&word.surface);
        let alike = |known: &VocabularyEntry| {
            if known.word.surface == word.surface {
                return 1.0;
            }
            if word.content && known.word.stems.iter().any(|stem| word.stems.contains(stem)) {
                return 0.97;
            }
            if word.content && known.word.content {
                typo_similarity(&own, &known.grams)
            } else {
                0.0
            }
        };
        let all = self.vocabulary.iter().enumerate().map(|(id, known)| (id, alike(known)));
        all.filter(|(_, similarity)| *similarity > 0.0).collect()
    }

    /// Returns a word's weight: the rarer among the answers, the higher.
    fn weight(&self, word: &Word) -> f32 {
        if !word.content {
            return FUNCTION;
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of answers")]
        let answers = self.answers.len() as f32;
        let holders = word.stems.iter().filter_map(|stem| self.rarity.get(stem)).copied();
        (1.0 + (answers + 0.5) / (holders.fold(0.0, f32::max) + 0.5)).ln()
    }
}

/// A question with the vocabulary matches and weights of its words.
struct WeightedQuestion<'a> {
    question: &'a Phrase,
    kin: &'a [Vec<(usize, f32)>],
    weights: &'a [f32],
}

impl WeightedQuestion<'_> {
    /// Returns the share of the question covered by the accepted vocabulary words, 0 to 1.
    fn covered(&self, is_there: impl Fn(usize) -> bool) -> f32 {
        let all: f32 = self.weights.iter().sum();
        let said = self.weights.iter().zip(self.kin).map(|(weight, kin)| {
            let there = kin.iter().filter(|(id, _)| is_there(*id));
            weight * there.map(|(_, similarity)| *similarity).fold(0.0, f32::max)
        });
        if all > 0.0 { said.sum::<f32>() / all } else { 0.0 }
    }
}

/// Returns the similarity of two words, 0 to 1; 0 if no misspelling explains the difference.
fn word_similarity(a: &str, b: &str) -> f32 {
    if a == b { 1.0 } else { typo_similarity(&grams(a), &grams(b)) }
}

/// Returns the Dice coefficient of the trigrams; 0 below [`MIN_DICE`].
fn typo_similarity(a: &[u64], b: &[u64]) -> f32 {
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let (mut at, mut other, mut common) = (0, 0, 0);
    while at < a.len() && other < b.len() {
        match a[at].cmp(&b[other]) {
            std::cmp::Ordering::Less => at += 1,
            std::cmp::Ordering::Greater => other += 1,
            std::cmp::Ordering::Equal => (at, other, common) = (at + 1, other + 1, common + 1),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of letters")]
    let dice = 2.0 * common as f32 / (a.len() + b.len()) as f32;
    if dice >= MIN_DICE { dice } else { 0.0 }
}

/// Returns the sorted trigrams of a word, space-padded; none for a short word or one with digits.
fn grams(word: &str) -> Vec<u64> {
    let letters: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
    if letters.len() < SHORT + 2 || letters.iter().any(|c| c.is_numeric()) {
        return Vec::new();
    }
    let three =
        |three: &[char]| three.iter().fold(0, |key, c| key << 21 | u64::from(u32::from(*c)));
    let mut grams: Vec<u64> = letters.windows(3).map(three).collect();
    grams.sort_unstable();
    grams
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::llm::asks_nothing;

    const SHOP: &[&[&str]] = &[
        &["When do you open?", "What are your opening hours?"],
        &["Can I return a lamp without the receipt?"],
        &["Do you deliver to Ireland?"],
        &["How much is the Quay lamp?"],
        &["¿A qué hora abren?"],
        &["متى تفتحون؟"],
        &["几点开门？"],
        &["Do you sell surfboards?"],
        &["Do you sell bike helmets?"],
    ];

    fn shop() -> PhrasingSet {
        let mut set = PhrasingSet::default();
        for language in [Lang::Eng, Lang::Spa] {
            set.add_language(language);
        }
        for phrasings in SHOP {
            let read = |text: &&str| Phrase::read(text, &[Lang::Eng, Lang::Spa]);
            set.push(phrasings.iter().map(read).collect(), None);
        }
        set
    }

    fn nearest(question: &str) -> Option<Near> {
        let set = shop();
        set.near(&Phrase::read(question, set.languages()), None).into_iter().next()
    }

    #[test]
    fn the_same_words_are_sure_whatever_case_accents_and_courtesies() {
        for (question, answer) in [
            ("WHEN DO YOU OPEN", 0),
            ("Hello! When do you open, please? Thank you 🙏", 0),
            ("a que hora abren", 4),
            ("Hola, ¿A QUÉ HORA ABREN? gracias", 4),
            ("متى تفتحون", 5),
            ("几点开门", 6),
            ("Do you sell surf boards?", 7),
            ("do you sell surf-boards", 7),
            ("Do you sell bike helmets", 8),
            ("do you sell bikehelmets?", 8),
        ] {
            let near = nearest(question).expect(question);
            assert!(near.same && near.answer == answer, "{question}: {near:?}");
            assert!(near.score() >= 1.0);
        }
    }

    #[test]
    fn slips_and_other_forms_of_a_word_come_near_and_other_words_do_not() {
        let slip = nearest("Do you delivr to Ireland?").expect("near");
        assert!(slip.answer == 2 && slip.score() > 0.8 && slip.score() < 1.0, "{slip:?}");
        let form = nearest("do you do deliveries to ireland").expect("near");
        assert!(form.answer == 2 && form.score() > 0.8, "{form:?}");
        let more = nearest("Do you deliver bulbs for old fridges to Ireland?").expect("near");
        assert!(more.score() < 0.75, "{more:?}");
        assert_eq!(nearest("Is there parking nearby?"), None);
        assert_eq!(nearest("???"), None);
    }

    #[test]
    fn what_differs_in_what_it_tells_is_another_question() {
        for (question, why) in [
            ("Can I return a lamp with the receipt after 30 days?", "number"),
            ("Don't you deliver to Ireland?", "says no"),
            ("Do you deliver to Ireland on Sunday?", "day"),
            ("Where is the Quay lamp?", "something else is asked"),
            ("How much is the Wave lamp?", "name"),
            ("How much is the lamp?", "name"),
        ] {
            let near = nearest(question).expect(question);
            let told = near.differs.unwrap_or_default();
            assert!(told.contains(why), "{question}: {near:?}");
        }
    }

    #[test]
    fn the_same_meaning_counts_beside_the_words() {
        let mut set = PhrasingSet::default();
        let phrase = |text: &str| Phrase::read(text, &[Lang::Eng]);
        set.push(vec![phrase("Do you deliver to islands?")], Some(vec![vec![1.0, 0.0]]));
        set.push(vec![phrase("Do you deliver pianos?")], Some(vec![vec![0.0, 1.0]]));
        let asked = phrase("Will you deliver things to an isle?");
        let by_words = set.near(&asked, None).remove(0);
        let by_meaning = set.near(&asked, Some(&[1.0, 0.0])).remove(0);
        assert_eq!((by_meaning.answer, by_meaning.meaning), (0, Some(1.0)));
        assert!(by_meaning.score() > by_words.score(), "{by_meaning:?} {by_words:?}");
        let other = set.near(&asked, Some(&[1.0, 0.0, 0.0])).remove(0);
        assert_eq!(other.meaning, None, "vectors of another length are not compared");
    }

    proptest! {
        #[test]
        fn whatever_is_asked_scores_between_0_and_1_and_always_the_same(text in "\\PC{0,60}|[a-zA-Z0-9 ?.']{0,60}") {
            let set = shop();
            let phrase = Phrase::read(&text, set.languages());
            let near = set.near(&phrase, None);
            prop_assert!(near.iter().all(|near| (0.0..=1.0).contains(&near.score())), "{:?}", near);
            prop_assert_eq!(near, set.near(&phrase, None));
        }

        #[test]
        fn a_phrasing_is_always_its_own_question(text in "[a-zA-Z]{2,9}( [a-zA-Z0-9]{1,9}){0,6}\\??", case: bool) {
            let mut set = shop();
            let phrase = Phrase::read(&text, set.languages());
            prop_assume!(!phrase.same.is_empty());
            // In capitals no name is recognized, but inside a sentence each such word looks like
            // one.
            prop_assume!(case || text.chars().any(char::is_lowercase));
            let asked = if case { text.to_uppercase() } else { format!("Hello, {text}") };
            // Words that say nothing, such as "a" or "aaa", make a greeting of it.
            prop_assume!(!asks_nothing(&asked));
            let place = set.push(vec![phrase], None);
            let near = set.near(&Phrase::read(&asked, set.languages()), None);
            prop_assert!(near.iter().any(|near| near.answer == place && near.same), "{:?}", near);
        }
    }
}
