//! Part of stage 4: of passages that say nearly the same, only the best ranked stays. Pure: queries
//! no index.
//!
//! The same paragraph comes from two versions of a document, or from pages with different footers.
//! `fuse` has removed exact duplicates; here a few words may differ, but no numbers, amounts, days,
//! negations, opposites or names. A duplicate that stays costs a place, a different passage that
//! goes costs the answer: doubtful ones stay.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use frontdesk_language::terms::{fold, is_spaceless};
use unicode_segmentation::UnicodeSegmentation;

use crate::domain::{Chunk, Passage};
use crate::pipeline::curated::facets::is_facet;
use crate::text_cache::TextCache;

/// Words per shingle.
const SHINGLE: usize = 3;
/// Minimum Jaccard similarity of two passages' shingles, 0 to 1.
const ALIKE: f64 = 0.8;
/// Minimum words of a compared passage: in a shorter one, a single word makes the difference.
const FEWEST: usize = 16;
/// Maximum words of a compared passage, to bound the work.
const MAX_COUNT: usize = 4000;
/// Maximum length of a negating prefix, in bytes: `un`, `dis`, `non`.
const PREFIX: usize = 3;

/// Bytes of all fingerprints that are kept.
const MAX_BYTES: usize = 8 << 20;
/// Bytes of the fingerprint of 150 words, about.
const USUAL_BYTES: usize = 12_000;

/// The fingerprints of passages, which come again.
pub(in crate::pipeline) struct PrintCache {
    prints: TextCache<Option<Arc<Print>>>,
}

impl Default for PrintCache {
    fn default() -> Self {
        Self { prints: TextCache::new(MAX_BYTES, USUAL_BYTES) }
    }
}

impl PrintCache {
    fn of(&self, chunk: &Chunk) -> Option<Arc<Print>> {
        let mut hasher = DefaultHasher::new();
        chunk.heading.hash(&mut hasher);
        let bytes = |print: &Option<Arc<Print>>| print.as_ref().map_or(0, |print| print.bytes());
        let read = || Print::of(chunk).map(Arc::new);
        self.prints.get_or_compute((&chunk.body, hasher.finish()), bytes, read)
    }
}

/// Returns the first `limit` distinct passages, in order.
pub(super) fn distinct(passages: Vec<Passage>, limit: usize, cache: &PrintCache) -> Vec<Passage> {
    let mut kept: Vec<Passage> = Vec::with_capacity(limit.min(passages.len()));
    let mut prints: Vec<Arc<Print>> = Vec::new();
    for passage in passages {
        if kept.len() >= limit {
            break;
        }
        let print = cache.of(&passage.chunk);
        if print.as_ref().is_some_and(|print| prints.iter().any(|one| one.is_like(print))) {
            continue;
        }
        prints.extend(print);
        kept.push(passage);
    }
    kept
}

/// Fingerprint of a passage.
struct Print {
    /// Folded words of the headings.
    heading: Vec<String>,
    /// Hashes of all runs of three words, sorted, without duplicates.
    shingles: Vec<u64>,
    /// What must not differ, in order: numbers, signs, days, negations, opposites.
    significant: Vec<String>,
    /// The folded words.
    words: BTreeSet<String>,
    /// Words that may be names: those without a small first letter.
    names: BTreeSet<String>,
}

impl Print {
    /// Reads a passage; `None` if it is too short or too long to be compared.
    fn of(chunk: &Chunk) -> Option<Self> {
        let (mut order, mut significant) = (Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        let mut before = "";
        let mut parts = chunk.body.split_word_bounds().peekable();
        while let Some(part) = parts.next() {
            if part.contains(char::is_alphanumeric) {
                if order.len() == MAX_COUNT {
                    return None;
                }
                let word = folded(part);
                if is_significant(part, &word) {
                    significant.push(part.to_lowercase());
                }
                if !part.starts_with(char::is_lowercase) {
                    names.insert(word.clone());
                }
                order.push(word);
            } else if is_sign(part) || is_minus(before, part, parts.peek().copied()) {
                significant.push(part.to_owned());
            }
            before = part;
        }
        let shingles = shingles(&order);
        let heading = chunk.heading.unicode_words().map(folded).collect();
        let words = order.into_iter().collect();
        shingles.map(|shingles| Self { heading, shingles, significant, words, names })
    }

    /// Memory that it needs, about.
    fn bytes(&self) -> usize {
        let texts =
            self.heading.iter().chain(&self.significant).chain(&self.words).chain(&self.names);
        texts.map(|text| text.len() + 48).sum::<usize>() + size_of_val(&*self.shingles)
    }

    /// Whether the two are near-duplicates.
    fn is_like(&self, other: &Self) -> bool {
        self.significant == other.significant
            && self.heading == other.heading
            && jaccard(&self.shingles, &other.shingles) >= ALIKE
            && !self.names_another(other)
            && !self.turns_round(other)
    }

    /// Whether each has a name that the other lacks.
    fn names_another(&self, other: &Self) -> bool {
        !self.names.is_subset(&other.words) && !other.names.is_subset(&self.words)
    }

    /// Whether one has a word of the other with a prefix: `available`, `unavailable`.
    fn turns_round(&self, other: &Self) -> bool {
        let longer = |a: &str, b: &str| {
            let before = a.strip_suffix(b).map_or(0, str::len);
            b.len() > PREFIX && (1..=PREFIX).contains(&before)
        };
        self.words.difference(&other.words).any(|ours| {
            let mut theirs = other.words.difference(&self.words);
            theirs.any(|theirs| longer(ours, theirs) || longer(theirs, ours))
        })
    }
}

/// Folds a word for comparison.
fn folded(word: &str) -> String {
    fold(&word.to_lowercase())
}

/// Whether a word, as written and folded, must not differ. Without spaces, a character may negate.
fn is_significant(word: &str, folded: &str) -> bool {
    let plain: String = folded.chars().filter(|c| !matches!(c, '\'' | '’')).collect();
    word.chars().any(|c| c.is_numeric() || is_spaceless(c))
        || is_facet(&plain)
        || (plain.len() < folded.len() && plain.ends_with("nt"))
}

/// Whether a sign between words gives a number its meaning.
fn is_sign(part: &str) -> bool {
    part.chars().any(|c| {
        matches!(c, '$' | '¢'..='¥' | '\u{20A0}'..='\u{20CF}' | '%' | '‰' | '°' | '±' | '+')
            || matches!(c, '<' | '>' | '=' | '≠' | '≤' | '≥' | '✓'..='✘' | '✅' | '❌')
    })
}

/// Whether a dash is the sign of the next number.
fn is_minus(before: &str, part: &str, after: Option<&str>) -> bool {
    matches!(part, "-" | "−" | "–")
        && !before.contains(char::is_alphanumeric)
        && after.is_some_and(|after| after.starts_with(char::is_numeric))
}

/// Returns the hashes of the runs of words, sorted and distinct; `None` if the text is too short.
fn shingles(words: &[String]) -> Option<Vec<u64>> {
    if words.len() < FEWEST {
        return None;
    }
    let hash = |run: &[String]| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        hasher.finish()
    };
    let mut all: Vec<u64> = words.windows(SHINGLE).map(hash).collect();
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// Returns the Jaccard similarity of two sorted lists; 0 if their lengths rule out [`ALIKE`].
#[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (few, many) = (a.len().min(b.len()), a.len().max(b.len()));
    if (few as f64) < ALIKE * many as f64 {
        return 0.0;
    }
    let (mut at, mut shared) = (0, 0);
    for one in a {
        at += b[at..].partition_point(|other| other < one);
        shared += usize::from(b.get(at) == Some(one));
    }
    shared as f64 / (a.len() + b.len() - shared).max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ChunkId;

    const RETURNS: &str = "You may send back what you do not like within 30 days of the delivery, unworn and with the \
        label on it. We pay you back the whole price of 49.90 euros as soon as the parcel is with us in Hamburg, usually \
        on the Monday that follows. What was made to measure for you is only taken back when it is broken.";

    fn passage(id: usize, heading: &str, body: &str) -> Passage {
        let chunk = Chunk {
            id: ChunkId::stored(format!("chunk {id}")),
            title: format!("Version {id}"),
            heading: heading.to_owned(),
            ..Chunk::saying(body)
        };
        chunk.into()
    }

    fn passages(bodies: &[impl AsRef<str>]) -> Vec<Passage> {
        bodies.iter().enumerate().map(|(id, body)| passage(id, "", body.as_ref())).collect()
    }

    fn kept(bodies: &[impl AsRef<str>], limit: usize) -> Vec<usize> {
        let kept = distinct(passages(bodies), limit, &PrintCache::default());
        let id = |one: &Passage| one.chunk.id.as_str().rsplit(' ').next()?.parse().ok();
        kept.iter().map(|one| id(one).expect("an id of ours")).collect()
    }

    fn are_alike(other: &str) -> bool {
        kept(&[RETURNS, other], 9).len() == 1
    }

    #[test]
    fn small_edits_another_footer_and_other_marks_are_the_same_passage() {
        for other in [
            RETURNS.to_owned(),
            RETURNS.replace("as soon as", "once"),
            RETURNS
                .replace("usually ", "")
                .replace("unworn and", "not worn, and")
                .replace("not worn", "unworn"),
            RETURNS.replace(' ', "\n"),
            RETURNS.to_uppercase(),
            format!("{RETURNS}\n\nImprint, privacy and cookies"),
            format!("**{RETURNS}**"),
        ] {
            assert!(are_alike(&other), "{other}");
        }
    }

    #[test]
    fn what_tells_must_be_the_same() {
        for (from, to) in [
            ("30 days", "14 days"),
            ("49.90", "4.990"),
            ("49.90", "$49.90"),
            ("49.90", "-49.90"),
            ("Monday", "Tuesday"),
            ("may send", "may not send"),
            ("do not like", "do like"),
            ("is only taken back", "isn't taken back"),
            ("Hamburg", "Bremen"),
            ("unworn", "worn"),
            ("the whole price", "two thirds of the price"),
            ("as soon as", "before"),
        ] {
            let other = RETURNS.replace(from, to);
            assert!(other != RETURNS && !are_alike(&other), "{from} -> {to}");
        }
        let hours = "Berlin: Monday 9 to 5. Tuesday 10 to 4. Come in and have a look at all that we have on our shelves.";
        let turned =
            hours.replace("9 to 5", "-").replace("10 to 4", "9 to 5").replace('-', "10 to 4");
        assert_eq!(kept(&[hours, &turned], 9), [0, 1], "the same numbers of other days");
    }

    #[test]
    fn scripts_without_spaces_must_be_the_same_but_for_what_is_around_them() {
        let text = "購入後三十日以内であれば返品できます。未使用でタグが付いている必要があります。";
        let other = text.replace("できます", "できません");
        assert_eq!(kept(&[text.to_owned(), other, format!("{text}\n\nImprint")], 9), [0, 1]);
    }

    #[test]
    fn short_passages_and_those_under_other_headings_stay() {
        let short = "Delivery to the islands takes longer.";
        assert_eq!(kept(&[short, "Delivery to the islands takes a little longer."], 9), [0, 1]);
        let all = vec![passage(0, "Shirts", RETURNS), passage(1, "Shoes", RETURNS)];
        assert_eq!(distinct(all, 9, &PrintCache::default()).len(), 2);
    }

    #[test]
    fn the_place_of_one_that_goes_is_taken_by_the_next() {
        let other = "Our workshop repairs lamps, bells and brakes of bicycles while you wait, but not their frames, which \
            are sent to the maker.";
        let edited = RETURNS.replace("as soon as", "once");
        assert_eq!(kept(&[RETURNS, &edited, other, "Closed."], 2), [0, 2]);
        assert_eq!(kept(&[RETURNS, &edited, other], 0), [0_usize; 0]);
    }

    fn numbers(text: &str) -> Vec<char> {
        text.chars().filter(|c| c.is_numeric()).collect()
    }

    /// Generates near-duplicates: one text with a few words changed.
    fn edited() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "with", "shoes", "7", "8", "Paris", "not", "1.50", "é", "—", "٣", "日",
        ]);
        prop::collection::vec((0_usize..60, word), 0..3).prop_map(|edits| {
            let mut words: Vec<&str> = RETURNS.split(' ').collect();
            let len = words.len();
            for (at, word) in edits {
                words[at % len] = word;
            }
            words.join(" ")
        })
    }

    proptest! {
        #[test]
        fn the_first_of_each_group_stays_in_its_order(
            bodies in prop::collection::vec(prop_oneof![4 => edited(), 1 => "\\PC{0,60}"], 0..12), limit in 0_usize..12,
        ) {
            let all = kept(&bodies, usize::MAX);
            prop_assert!(all.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(kept(&bodies, limit), all.iter().copied().take(limit).collect::<Vec<_>>());
            prop_assert!(bodies.is_empty() || all[0] == 0);
            let print = |at: usize| Print::of(&passage(at, "", &bodies[at]).chunk);
            for gone in (0..bodies.len()).filter(|at| !all.contains(at)) {
                let earlier = all.iter().filter(|at| **at < gone);
                let print_gone = print(gone).expect("what goes was compared");
                let like = |at: &usize| print(*at).is_some_and(|one| one.is_like(&print_gone));
                let same = earlier.copied().filter(like).collect::<Vec<_>>();
                prop_assert!(!same.is_empty());
                prop_assert!(same.iter().all(|at| numbers(&bodies[*at]) == numbers(&bodies[gone])));
            }
        }

        #[test]
        fn any_text_is_compared_and_is_like_itself(text in any::<String>(), times in 1_usize..30) {
            let long = format!("{text} ").repeat(times);
            let kept = distinct(passages(&[&long, &long, &text]), 9, &PrintCache::default());
            prop_assert!((1..=3).contains(&kept.len()));
            if Print::of(&passage(0, "", &long).chunk).is_some() {
                prop_assert!(kept.len() < 3);
            }
        }
    }
}
