//! Part of the answers without a model: scores how well a unit answers a question.

use std::sync::LazyLock;

use frontdesk_language::weekdays::Weekdays;
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use super::units::{Kind, Unit};
use super::words::{Words, similarity};

/// Weight of a word found only above the unit, for example in its heading.
const HEADING_WEIGHT: f32 = 0.6;

/// Bonus for a unit that holds the kind of fact asked for.
const FACT: f32 = 0.3;

/// How well a fact matches a word that names its kind, such as €5 for "price".
const FACT_KIND_WEIGHT: f32 = 0.8;

/// Maximum penalty for a unit in a low-ranked passage.
const RANK_PENALTY: f32 = 0.25;

/// Minimum weight of a word that says something.
const MIN_CONTENT_WEIGHT: f32 = 0.1;

/// Maximum bonus for a unit without other content.
const BREVITY: f32 = 0.1;

/// A question prepared for scoring.
pub(super) struct Question {
    /// Stems of the question's words with their weights; rare words weigh more.
    words: Vec<(String, f32)>,
    /// Stems that name a kind of fact, such as "price".
    kinds: Vec<String>,
    /// Kinds of facts the question asks for.
    facts: Vec<&'static Fact>,
    /// Weekdays the question asks about.
    days: Weekdays,
}

/// A kind of fact: patterns for how it is asked for and what it looks like.
pub(super) struct Fact {
    asked: LazyLock<Regex>,
    given: LazyLock<Regex>,
}

impl Fact {
    /// Returns the kinds of facts that a question asks for.
    pub(super) fn asked(question: &str) -> Vec<&'static Self> {
        FACTS.iter().filter(|fact| fact.asked.is_match(question)).collect()
    }

    /// Whether a text holds a fact of this kind.
    pub(super) fn is_given(&self, text: &str) -> bool {
        self.given.is_match(text)
    }
}

impl Question {
    /// Prepares a question. Word rarity is computed over `units`.
    pub(super) fn read(question: &str, units: &[Unit], words: &Words) -> Self {
        let facts = Fact::asked(question);
        let weigh = |(stem, meaning): (String, f32)| {
            let holding = units.iter().filter(|unit| Self::held_by(unit, &stem) > 0.0).count();
            let known =
                holding > 0 || units.iter().any(|unit| holds(&unit.block.stems, &stem) > 0.0);
            let rarity = (1.0 + number(units.len()) / (1.0 + number(holding))).ln();
            // A word that occurs nowhere cannot tell units apart.
            known.then_some((stem, rarity * meaning))
        };
        let weighed = words.weighted_stems(question).into_iter().filter_map(weigh).collect();
        let named = question
            .unicode_words()
            .filter(|word| facts.iter().any(|fact| fact.asked.is_match(word)));
        let kinds = named.chain(TIME.iter().copied()).flat_map(|word| words.stems(word)).collect();
        Self { words: weighed, kinds, facts, days: words.asked_days(question) }
    }

    /// Returns the index of the best unit, and the share of the question's words that it and its
    /// headings hold, 0 to 1.
    pub(super) fn best(&self, units: &[Unit]) -> Option<(usize, f32)> {
        let mut best: Option<(usize, f32)> = None;
        for (i, unit) in units.iter().enumerate() {
            let score = self.score(unit);
            if score > 0.0 && best.is_none_or(|(_, high)| score > high) {
                best = Some((i, score));
            }
        }
        best.and_then(|(i, _)| Some((i, self.share(units.get(i)?, 1.0))))
    }

    /// Scores how well a unit answers; 0 when it is unrelated to the question.
    pub(super) fn score(&self, unit: &Unit) -> f32 {
        let is_record = unit.block.kind == Kind::Record;
        let share = self.share(unit, if is_record { 1.0 } else { HEADING_WEIGHT });
        if share <= 0.0 || unit.text.trim_end().ends_with(['?', '？', '؟']) {
            return 0.0;
        }
        let fact = if self.gives_fact(unit) { FACT } else { 0.0 };
        (share + fact + BREVITY * self.precision(unit)
            - RANK_PENALTY * (1.0 - unit.block.relative_score))
            .max(0.001)
    }

    /// Share of the unit's words that are content words of the question, 0 to 1.
    fn precision(&self, unit: &Unit) -> f32 {
        let content = |(_, weight): &&(String, f32)| *weight >= MIN_CONTENT_WEIGHT;
        let content: Vec<_> = self.words.iter().filter(content).collect();
        let about = unit
            .stems
            .iter()
            .filter(|stem| content.iter().any(|(word, _)| similarity(word, stem) > 0.0));
        number(about.count()) / number(unit.stems.len().max(1))
    }

    /// Share of the question's words found above the unit, 0 to 1.
    pub(super) fn share_above(&self, unit: &Unit) -> f32 {
        self.part(|stem| holds(&unit.block.stems, stem))
    }

    /// Share of the question's words found in the unit itself, 0 to 1.
    pub(super) fn own_share(&self, unit: &Unit) -> f32 {
        self.shared(unit, 0.0, self.is_fact(&unit.text))
    }

    /// Whether the question asks about a day of which the unit has the time, and others are about
    /// other days.
    pub(super) fn picks_day<'a>(
        &self,
        unit: &Unit,
        mut others: impl Iterator<Item = &'a Unit>,
    ) -> bool {
        unit.days.overlaps(self.days)
            && CLOCK.is_match(&unit.text)
            && others.any(|other| !other.days.is_empty() && !other.days.overlaps(self.days))
    }

    /// Returns whether the unit, or its whole record, holds the kind of fact asked for.
    pub(super) fn gives_fact(&self, unit: &Unit) -> bool {
        let text = if unit.block.kind == Kind::Record { &unit.block.record } else { &unit.text };
        self.is_fact(text)
    }

    /// Returns whether a text holds the kind of fact asked for.
    pub(super) fn is_fact(&self, text: &str) -> bool {
        self.facts.iter().any(|fact| fact.is_given(text))
    }

    /// Whether the question names the label of a field, as far as it is one word.
    pub(super) fn names_label(&self, unit: &Unit) -> bool {
        let label = unit.stems.first();
        label.is_some_and(|label| self.words.iter().any(|(word, _)| similarity(word, label) > 0.0))
    }

    fn share(&self, unit: &Unit, above: f32) -> f32 {
        self.shared(unit, above, self.gives_fact(unit))
    }

    fn shared(&self, unit: &Unit, above: f32, given: bool) -> f32 {
        self.part(|stem| {
            let kind = if given && self.kinds.iter().any(|kind| kind == stem) {
                FACT_KIND_WEIGHT
            } else {
                0.0
            };
            Self::held_by(unit, stem).max(kind).max(above * holds(&unit.block.stems, stem))
        })
    }

    fn part(&self, held: impl Fn(&str) -> f32) -> f32 {
        let all: f32 = self.words.iter().map(|(_, weight)| weight).sum();
        let found: f32 = self.words.iter().map(|(stem, weight)| weight * held(stem)).sum();
        if all > 0.0 { found / all } else { 0.0 }
    }

    /// How well the unit matches a word, or a number one of its ranges, 0 to 1.
    fn held_by(unit: &Unit, stem: &str) -> f32 {
        let within =
            |number: f32| unit.ranges.iter().any(|(low, high)| (*low..=*high).contains(&number));
        if stem.parse().is_ok_and(within) { 1.0 } else { holds(&unit.stems, stem) }
    }
}

pub(super) fn number(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

pub(super) fn holds(stems: &[String], stem: &str) -> f32 {
    stems.iter().map(|other| similarity(other, stem)).fold(0.0, f32::max)
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of this file are fixed, and tested")
}

/// Time words; in every question they count as naming a kind of fact.
const TIME: [&str; 7] = ["time", "times", "hora", "uhr", "heure", "horas", "soon"];

/// Times of the day.
static CLOCK: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?i)\d{1,2}\s?(?:[:.h]\s?\d{2}|am|pm|uhr|h)\b"));

/// Kinds of facts, in English, Spanish, Portuguese, German and French.
static FACTS: [Fact; 4] = [
    // Money.
    Fact {
        asked: LazyLock::new(|| {
            fixed(concat!(
                r"(?i)\b(?:how much|price\w*|costs?|fees?|charges?|expensive|cu[aá]nto (?:cuesta|vale|es|sale|cobra)\w*|precios?|cuesta\w*|tarifas?",
                r"|quanto (?:custa|[eé]|sai|fica)\w*|pre[cç]os?|custa\w*|taxas?|wie ?viel|was kostet|kostet|kosten|preise?|geb[uü]hr\w*|combien|prix|co[uû]te\w*|tarifs?|frais)\b|سعر|قديش|بكم|تكلف"
            ))
        }),
        given: LazyLock::new(|| {
            fixed(
                r"(?i)[€$£¥₹]\s?\d|\d\s?(?:[€$£¥₹]|eur\b|euros?\b|usd\b|dollars?\b|pounds?\b|reais\b|pesos?\b|cents?\b)|\bfree\b|\bgratis\b|\bgr[aá]tis\b|\bkostenlos\b|\bgratuit\w*|\bprice: ?\d",
            )
        }),
    },
    // Times of the day, and days.
    Fact {
        asked: LazyLock::new(|| {
            fixed(concat!(
                r"(?i)\b(?:when|what time|hours|open|close|closed|opening|closing|cu[aá]ndo|qu[eé] hora|horarios?|abren|abre|cierran|abiertos?|quando|que horas?|hor[aá]rios?|abrem|fecham|aberto",
                r"|wann|uhrzeit|[oö]ffnungszeiten|ge[oö]ffnet|offen|quand|quelle heure|horaires?|ouvert\w*|ouvrez|fermez)\b"
            ))
        }),
        given: LazyLock::new(|| {
            fixed(concat!(
                r"(?i)\b\d{1,2}[:.h]\d{2}\b|\b\d{1,2}\s?(?:am|pm|uhr|h)\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bados?|domingos?)\b",
                r"|\b(?:segunda|ter[cç]a|quarta|quinta|sexta)(?:-feira)?\b|\b(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)s?\b|\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b",
                r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
            ))
        }),
    },
    // Durations.
    Fact {
        asked: LazyLock::new(|| {
            fixed(
                r"(?i)\b(?:how (?:long|soon|fast|quickly|many (?:days|hours|weeks))|when will|cu[aá]nto (?:tiempo|tarda\w*|demora\w*)|quanto tempo|demora\w*|wie lange|wie schnell|combien de temps|d[eé]lais?)\b",
            )
        }),
        given: LazyLock::new(|| {
            fixed(
                r"(?i)\b(?:\d+|one|two|three|four|five|six|seven|ten|a|an|same|next)[ -](?:working |business |h[aá]biles )?(?:minutes?|hours?|days?|weeks?|months?|years?|minutos?|horas?|d[ií]as?|semanas?|mes(?:es)?|a[nñ]os?|minuten?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?|heures?|jours?|semaines?|mois|ans?)\b",
            )
        }),
    },
    // Counts and sizes.
    Fact {
        asked: LazyLock::new(|| {
            fixed(
                r"(?i)\b(?:how (?:many|old|big|far|heavy|tall|high|large)|cu[aá]nt[oa]s|quant[oa]s|wie viele|wie (?:alt|gro[sß]+|weit|schwer)|combien de|phone|number|tel[eé]fono|telefone|telefon\w*|nummer|t[eé]l[eé]phone|num[eé]ro)\b",
            )
        }),
        given: LazyLock::new(|| fixed(r"\d")),
    },
];
