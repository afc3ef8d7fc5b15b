//! Weekdays that a text names: single ones, lists and spans such as "Tuesday to Friday", in the
//! languages whose data has the words. Knows no dates but the weekday it is told.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use unicode_segmentation::UnicodeSegmentation;

use crate::data::{self, Language};
use crate::fold::fold;

/// Keys of the groups of `curated.days` that are weekdays, Monday first.
const GROUPS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Length of an abbreviation, in characters.
const ABBREVIATION_LEN: usize = 3;

/// Characters between an abbreviation and its time.
const MAX_BEFORE_TIME: usize = 6;

/// Minimum length of a weekday that is abbreviated, in characters.
const MIN_ABBREVIATED_LEN: usize = 5;

/// A set of weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weekdays(u8);

impl Weekdays {
    /// The set of one day, 0 for Monday to 6 for Sunday; larger numbers begin the next week.
    pub fn only(day: u8) -> Self {
        Self(1 << (day % 7))
    }

    /// All days from one to the other, also over the end of a week.
    fn span(from: u8, to: u8) -> Self {
        let days = (to + 7 - from) % 7;
        (0..=days).fold(Self::default(), |all, more| all.and(Self::only(from + more)))
    }

    /// The days of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether both have a day in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it has no day.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its days, 0 for Monday to 6 for Sunday.
    pub fn days(self) -> impl Iterator<Item = u8> {
        (0..7).filter(move |day| self.0 & (1 << day) != 0)
    }
}

/// What a word says about days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayWord {
    /// A weekday, 0 for Monday.
    Named(u8),
    /// The beginning of one: a day only where the text around it looks so.
    Short(u8),
    /// One that is an ordinal number, too: a day where no noun follows.
    Ordinal(u8),
    Weekend,
    /// Days from today.
    Relative(u8),
}

/// The weekdays that a text names.
pub fn weekdays(text: &str) -> Weekdays {
    let words = read(text);
    let mut found = Weekdays::default();
    let mut span_from: Option<(u8, usize)> = None;
    for (at, word) in words.iter().enumerate() {
        let day = match word.says {
            Some(DayWord::Weekend) => {
                found = found.and(Weekdays::span(5, 6));
                continue;
            }
            Some(DayWord::Named(day)) => day,
            Some(DayWord::Short(day)) if is_abbreviation(text, &words, at) => day,
            Some(DayWord::Ordinal(day)) if is_no_ordinal(text, &words, at) => day,
            _ => continue,
        };
        let from = span_from.filter(|(_, last)| is_span(text, &words, *last, at));
        found = found.and(from.map_or(Weekdays::only(day), |(from, _)| Weekdays::span(from, day)));
        span_from = Some((day, at));
    }
    found
}

/// The weekdays that a question is about: those it names, or else what "today" or "tomorrow" is.
/// `today`: 0 for Monday to 6 for Sunday.
pub fn asked_weekdays(question: &str, today: u8) -> Weekdays {
    let named = weekdays(question);
    if !named.is_empty() {
        return named;
    }
    let relative = read(question).into_iter().filter_map(|word| match word.says {
        Some(DayWord::Relative(days)) => Some(Weekdays::only(today + days)),
        _ => None,
    });
    relative.fold(named, Weekdays::and)
}

struct Word<'a> {
    from: usize,
    text: &'a str,
    says: Option<DayWord>,
}

impl Word<'_> {
    fn end(&self) -> usize {
        self.from + self.text.len()
    }
}

fn read(text: &str) -> Vec<Word<'_>> {
    let mut before = String::new();
    let word = |(from, text)| {
        let small = folded(text);
        // Arabic writes "and" as a part of the next word.
        let says = LISTS.days.get(&small).or_else(|| LISTS.days.get(small.strip_prefix('و')?));
        let is_other = LISTS.lookalikes.contains(&format!("{before} {small}"));
        before.clone_from(&small);
        Word { from, text, says: says.copied().filter(|_| !is_other) }
    };
    text.unicode_word_indices().map(word).collect()
}

/// Whether what stands between two days says that all days between them are meant, too.
fn is_span(text: &str, words: &[Word<'_>], from: usize, to: usize) -> bool {
    let between = words.get(from + 1..to).unwrap_or_default();
    let mut parts = between.iter().filter(|word| !LISTS.suffixes.contains(&folded(word.text)));
    match (parts.next(), parts.next()) {
        (Some(only), None) => LISTS.spans.contains(&folded(only.text)),
        (None, _) => {
            let (Some(from), Some(to)) = (words.get(to - 1), words.get(to)) else { return false };
            let gap = text.get(from.end()..to.from).unwrap_or_default();
            matches!(gap.trim_matches(['.', ' ', '\u{a0}']), "-" | "–" | "—" | "‑" | "‒" | "~")
        }
        _ => false,
    }
}

/// Whether a short word is a day's: a span follows, or something other than a word does, and a time
/// of the day or another short day stands in the text.
fn is_abbreviation(text: &str, words: &[Word<'_>], at: usize) -> bool {
    let Some(word) = words.get(at) else { return false };
    let is_marked = |word: &Word<'_>| {
        let rest = rest_after(text, word);
        !rest.is_empty() && !rest.starts_with(char::is_alphabetic)
    };
    let is_one_of_many =
        || words.iter().filter(|other| is_day(other) && is_marked(other)).count() > 1;
    begins_span(words, at)
        || (is_marked(word) && (begins_with_time(rest_after(text, word)) || is_one_of_many()))
}

/// Whether an ordinal number is a weekday: it has the weekday's suffix, a span follows, or no word.
fn is_no_ordinal(text: &str, words: &[Word<'_>], at: usize) -> bool {
    let has_suffix =
        words.get(at + 1).is_some_and(|next| LISTS.suffixes.contains(&folded(next.text)));
    let stands_alone =
        words.get(at).is_some_and(|word| !rest_after(text, word).starts_with(char::is_alphabetic));
    has_suffix || stands_alone || begins_span(words, at)
}

fn is_day(word: &Word<'_>) -> bool {
    matches!(word.says, Some(DayWord::Named(_) | DayWord::Short(_) | DayWord::Ordinal(_)))
}

fn begins_span(words: &[Word<'_>], at: usize) -> bool {
    let is_span = |next: &Word<'_>| LISTS.spans.contains(&folded(next.text));
    words.get(at + 1).is_some_and(is_span) && words.get(at + 2).is_some_and(is_day)
}

fn rest_after<'a>(text: &'a str, word: &Word<'_>) -> &'a str {
    text.get(word.end()..).unwrap_or_default().trim_start()
}

/// Whether a time or a span of times stands at the begin, such as ": 9:00" or ", 10h" or " 9-17".
fn begins_with_time(text: &str) -> bool {
    let before = text.chars().take_while(|c| !c.is_numeric()).count();
    let mut rest = text.chars().skip(before).skip_while(|c| c.is_numeric());
    before <= MAX_BEFORE_TIME && matches!(rest.next(), Some(':' | '.' | 'h' | '-' | '–'))
}

fn folded(word: &str) -> String {
    fold(word).into_iter().collect()
}

struct Lists {
    days: HashMap<String, DayWord>,
    /// Words for all days between two.
    spans: HashSet<String>,
    /// Words that belong to a weekday's name.
    suffixes: HashSet<String>,
    /// Phrases of two words whose second one is no day.
    lookalikes: HashSet<String>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(Lists::read);

impl Lists {
    fn read() -> Self {
        let list = |words: fn(&'static Language) -> &'static [String]| {
            data::each(words).map(folded).collect()
        };
        let ordinals: HashSet<String> = list(|language| &language.questions.day_ordinals);
        let mut days = HashMap::new();
        let mut short: HashMap<String, HashSet<u8>> = HashMap::new();
        for (group, words) in data::languages().iter().flat_map(|own| &own.curated.days) {
            let says = match group.as_str() {
                "weekend" => DayWord::Weekend,
                "today" => DayWord::Relative(0),
                "tomorrow" => DayWord::Relative(1),
                group => match (0..).zip(GROUPS).find(|(_, day)| *day == group) {
                    Some((day, _)) => DayWord::Named(day),
                    None => continue,
                },
            };
            for word in words {
                let word = folded(word);
                let is_latin = word.is_ascii() && word.len() >= MIN_ABBREVIATED_LEN;
                let DayWord::Named(day) = says else {
                    days.insert(word, says);
                    continue;
                };
                if is_latin {
                    let start = word.chars().take(ABBREVIATION_LEN).collect();
                    short.entry(start).or_default().insert(day);
                }
                let is_ordinal = ordinals.contains(&word);
                days.insert(word, if is_ordinal { DayWord::Ordinal(day) } else { says });
            }
        }
        for (word, of) in short {
            // What begins two days, in whatever languages, names none.
            if let Some(day) = of.iter().next().filter(|_| of.len() == 1) {
                days.entry(word).or_insert(DayWord::Short(*day));
            }
        }
        Self {
            days,
            spans: list(|language| &language.questions.day_spans),
            suffixes: list(|language| &language.questions.day_suffixes),
            lookalikes: list(|language| &language.questions.day_lookalikes),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn days(text: &str) -> Vec<u8> {
        weekdays(text).days().collect()
    }

    #[test]
    fn single_days_lists_and_spans_are_read() {
        for (text, expected) in [
            ("Monday: closed", vec![0]),
            ("Tuesday to Friday: 09:30 to 18:30", vec![1, 2, 3, 4]),
            ("From Tuesday through Friday we open at nine.", vec![1, 2, 3, 4]),
            ("Tuesday and Friday", vec![1, 4]),
            ("Tuesday, Friday", vec![1, 4]),
            ("Mon–Fri 9:00–17:00", vec![0, 1, 2, 3, 4]),
            ("Mon. - Wed.: 9 to 5", vec![0, 1, 2]),
            ("Friday to Monday", vec![0, 4, 5, 6]),
            ("Sunday (May to September): 10:00 to 14:00", vec![6]),
            ("at the weekend", vec![5, 6]),
            ("Lunes a viernes: 9:00 a 18:00", vec![0, 1, 2, 3, 4]),
            ("Martes y jueves", vec![1, 3]),
            ("segunda-feira a sexta-feira: 10:00", vec![0, 1, 2, 3, 4]),
            ("De segunda a quinta", vec![0, 1, 2, 3]),
            ("seg., ter., qui., sáb. (alternados)", vec![0, 1, 3, 5]),
            ("terça-feira, quinta-feira", vec![1, 3]),
            ("Montag bis Freitag 8 Uhr", vec![0, 1, 2, 3, 4]),
            ("lundi au vendredi", vec![0, 1, 2, 3, 4]),
            ("من الأحد إلى الخميس: 9:00", vec![0, 1, 2, 3, 6]),
            ("السبت والأحد", vec![5, 6]),
            ("De segunda a sexta, 10h", vec![0, 1, 2, 3, 4]),
            ("abrem na sexta?", vec![4]),
            ("quanto custa a segunda via do cartão", vec![]),
            ("¿Habitación con vista al mar, para 2?", vec![]),
            ("Vue mer, 2 chambres", vec![]),
            ("mon mari est là", vec![]),
            ("We sat in the sun.", vec![]),
            ("Sun cream, 5 €", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }

    #[test]
    fn today_and_tomorrow_are_days_of_this_week() {
        let asked = |text, today| asked_weekdays(text, today).days().collect::<Vec<_>>();
        assert_eq!(asked("hi what time do you close today", 2), [2]);
        assert_eq!(asked("are you open tomorrow?", 6), [0]);
        assert_eq!(asked("¿Abren hoy?", 5), [5]);
        assert_eq!(asked("vocês abrem amanhã?", 0), [1]);
        assert_eq!(asked("هل أنتم مفتوحون اليوم؟", 4), [4]);
        assert_eq!(asked("vous êtes ouverts aujourd'hui ?", 3), [3]);
        assert_eq!(asked("¿Abren el sábado por la mañana?", 0), [5], "a named day is meant");
        for text in [
            "when do you open",
            "¿Abren por la mañana?",
            "Guten Morgen, wann habt ihr offen?",
            "كم السعر في اليوم؟",
        ] {
            assert_eq!(asked(text, 0), Vec::<u8>::new(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}", today in 0_u8..7) {
            let _ = (weekdays(&text), asked_weekdays(&text, today));
        }
    }
}
