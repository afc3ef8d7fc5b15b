//! Facets in which two questions must agree to be the same: numbers, negation, days, what is asked
//! for, opposites. Words that a language's data lacks are compared as words. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use frontdesk_language::data::{Groups, Language, each, each_of, languages};
use frontdesk_language::terms;

/// The facets of a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct QuestionFacets {
    /// Words with digits, and the values of number words.
    numbers: BTreeSet<String>,
    /// Whether it contains a negation.
    negated: bool,
    /// Days, months and times of day.
    days: BTreeSet<&'static str>,
    /// What it asks for: when, where, who, why, how or how much.
    asks: BTreeSet<&'static str>,
    /// Pairs of opposites, with the side that it names.
    opposites: BTreeSet<(&'static str, usize)>,
}

impl QuestionFacets {
    /// Reads the facets from folded words.
    pub(crate) fn of(words: &[&str]) -> Self {
        let lists = &*LISTS;
        let mut told = Self::default();
        for (at, &word) in words.iter().enumerate() {
            if word.chars().any(char::is_numeric) {
                told.numbers.insert(word.to_owned());
            }
            if let Some(number) = lists.numbers.get(word) {
                told.numbers.insert((*number).to_owned());
            }
            told.negated |= lists.negations.contains(word);
            told.days.extend(lists.days.get(word));
            let pair = words.get(at + 1).map(|next| format!("{word} {next}"));
            let two = pair.as_deref().and_then(|pair| lists.asks.get(pair));
            if let Some(asks) = two.or_else(|| lists.asks.get(word)) {
                told.asks.insert(*asks);
            }
            told.opposites.extend(lists.sides.get(word).into_iter().flatten().copied());
        }
        told
    }

    /// Returns the difference that makes a question another one than the phrasing, if any.
    pub(crate) fn differs(&self, phrasing: &Self) -> Option<&'static str> {
        let other_asks =
            !self.asks.is_empty() && !phrasing.asks.is_empty() && self.asks != phrasing.asks;
        let taken = |sides: &BTreeSet<(&'static str, usize)>, pair: &str| -> BTreeSet<usize> {
            sides.iter().filter(|(other, _)| *other == pair).map(|(_, side)| *side).collect()
        };
        let opposite = |(pair, _): &(&'static str, usize)| {
            let (ours, theirs) = (taken(&self.opposites, pair), taken(&phrasing.opposites, pair));
            !theirs.is_empty() && ours.is_disjoint(&theirs)
        };
        if self.numbers != phrasing.numbers {
            Some("another number is asked about")
        } else if self.negated != phrasing.negated {
            Some("one says no, the other does not")
        } else if self.days != phrasing.days {
            Some("another day or time is asked about")
        } else if other_asks {
            Some("something else is asked: when, where, who, why, how or how much")
        } else if self.opposites.iter().any(opposite) {
            Some("the opposite is asked about")
        } else {
            None
        }
    }
}

/// Returns the positions of words that are only polite.
pub(crate) fn courtesies(words: &[String]) -> HashSet<usize> {
    let mut polite = HashSet::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map(String::as_str);
        if LISTS.courtesies.contains(word.as_str()) {
            polite.insert(at);
        }
        if next.is_some_and(|next| LISTS.courtesies.contains(format!("{word} {next}").as_str())) {
            polite.extend([at, at + 1]);
        }
    }
    // A text of nothing but courtesies keeps them: it has no other words.
    if polite.len() == words.len() { HashSet::new() } else { polite }
}

/// Whether a folded word is a function word: a negation or a question word.
pub(crate) fn is_function(word: &str) -> bool {
    LISTS.negations.contains(word) || LISTS.asks.contains_key(word)
}

/// Whether replacing this folded word changes the meaning: a number, negation, day or opposite.
pub(crate) fn is_facet(word: &str) -> bool {
    let lists = &*LISTS;
    word.chars().any(char::is_numeric)
        || lists.numbers.contains_key(word)
        || lists.negations.contains(word)
        || lists.days.contains_key(word)
        || lists.sides.contains_key(word)
}

static LISTS: LazyLock<Lists> = LazyLock::new(Lists::read);

/// Word lists of all languages, for lookup by word.
struct Lists {
    numbers: HashMap<String, &'static str>,
    negations: HashSet<String>,
    days: HashMap<String, &'static str>,
    asks: HashMap<String, &'static str>,
    sides: HashMap<String, Vec<(&'static str, usize)>>,
    courtesies: HashSet<String>,
}

impl Lists {
    fn read() -> Self {
        let mut sides: HashMap<String, Vec<(&'static str, usize)>> = HashMap::new();
        for (pair, own) in languages().iter().flat_map(|language| &language.curated.opposites) {
            for (side, words) in own.iter().enumerate() {
                for word in words {
                    sides.entry(folded(word)).or_default().push((pair.as_str(), side));
                }
            }
        }
        Self {
            numbers: grouped(|language| &language.curated.numbers),
            negations: each(|language| &language.curated.negations).map(folded).collect(),
            days: grouped(|language| &language.curated.days),
            asks: grouped(|language| &language.curated.asks),
            sides,
            courtesies: each(|language| &language.curated.courtesies).map(folded).collect(),
        }
    }
}

/// Maps the words of each group to the group's key.
fn grouped(groups: fn(&'static Language) -> &'static Groups) -> HashMap<String, &'static str> {
    each_of(groups).map(|(group, word)| (folded(word), group)).collect()
}

fn folded(entry: &str) -> String {
    let words: Vec<String> = terms::words(entry).iter().map(|word| terms::fold(word)).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(question: &str, phrasing: &str) -> Option<&'static str> {
        let told = |text: &str| {
            let words: Vec<String> =
                terms::words(text).iter().map(|word| terms::fold(word)).collect();
            QuestionFacets::of(&words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        told(question).differs(&told(phrasing))
    }

    #[test]
    fn numbers_days_and_no_must_be_the_same() {
        assert_eq!(
            differs("within 30 days", "within 14 days"),
            Some("another number is asked about")
        );
        assert_eq!(differs("two lamps", "2 lamps"), None);
        assert_eq!(
            differs("abren el domingo", "abren el lunes"),
            Some("another day or time is asked about")
        );
        assert_eq!(differs("offnen sie sonntags", "offnen sie am sonntag"), None);
        assert_eq!(
            differs("can i not return it", "can i return it"),
            Some("one says no, the other does not")
        );
        assert_eq!(
            differs("ohne quittung", "mit quittung"),
            Some("one says no, the other does not")
        );
    }

    #[test]
    fn what_is_asked_for_and_opposites_must_not_clash() {
        assert!(differs("when is it", "where is it").is_some());
        assert_eq!(differs("opening hours", "when do you open"), None);
        assert_eq!(differs("how much is it", "how many cost"), None);
        assert!(differs("how much is it", "how is it").is_some());
        assert!(differs("do you buy lamps", "do you sell lamps").is_some());
        assert_eq!(differs("online store hours", "store hours"), None);
        assert!(differs("lock my account", "unlock my account").is_some());
    }

    #[test]
    fn only_courtesies_are_left_out() {
        let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(courtesies(&words("hi when thank you")), HashSet::from([0, 2, 3]));
        assert!(courtesies(&words("hello please")).is_empty());
        assert!(courtesies(&words("you open")).is_empty());
    }
}
