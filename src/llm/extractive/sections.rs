//! Part of the answers without a model: ranks the passages by how well each answers the question.
//! Must not change a passage's text.
//!
//! Retrieval finds the right passage more often than it puts it first: it compares all words of a
//! question, and most of them only ask. Here content words decide, above all those of titles and
//! headings. benches/RESULTS.md has what each part of the score brings.

use std::sync::LazyLock;

use regex::Regex;

use super::scoring::{Fact, holds, number};
use super::units;
use super::words::Words;
use crate::domain::{Chunk, Passage};

/// Weight of a word found only in the title.
const TITLE: f32 = 0.8;

/// Bonus, times the share of the question's words in title and headings.
const ABOVE: f32 = 0.6;

/// Bonus for a passage that holds the kind of fact asked for.
const FACT: f32 = 0.15;

/// Bonus, times the passage's retrieval score relative to the best one.
const RETRIEVED: f32 = 0.6;

/// Maximum stems of a question that are compared, to bound the work.
const MAX_STEMS: usize = 128;

/// Maximum length of a section's name, in characters.
const MAX_LABEL_LEN: usize = 80;

/// Maximum digits of a section's name: more may be a phone number.
const MAX_DIGITS: usize = 6;

/// Matches addresses, marks of citations and templates, markup, and characters that are not seen.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\w\.\p{L}{2}|[@/\\\[\]{}<>*_`~|\p{Cc}\p{Cf}\p{Zl}\p{Zp}]")
        .expect("the expression is fixed, and tested")
});

/// A passage with its score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    /// The passage's citation mark.
    pub(super) mark: usize,
    pub(super) passage: &'a Passage,
    /// Retrieval score relative to the best passage, 0 to 1.
    pub(super) relative_score: f32,
    /// Share of the question's words that it holds, weighted, 0 to 1.
    pub(super) share: f32,
    /// Whether it holds a content word of the question.
    pub(super) is_about: bool,
    /// How well it answers, 0 and up.
    pub(super) score: f32,
}

/// Stems of a passage by where they stand.
struct Stems {
    title: Vec<String>,
    heading: Vec<String>,
    body: Vec<String>,
}

impl Stems {
    fn of(passage: &Passage, words: &Words) -> Self {
        let chunk = &passage.chunk;
        Self {
            title: words.stems(&chunk.title),
            heading: words.stems(&chunk.heading),
            body: words.stems(&chunk.body),
        }
    }

    /// How well title or headings match a word, 0 to 1.
    fn above(&self, stem: &str) -> f32 {
        holds(&self.heading, stem).max(holds(&self.title, stem))
    }

    /// How well the passage matches a word, 0 to 1.
    fn anywhere(&self, stem: &str) -> f32 {
        let title = TITLE * holds(&self.title, stem);
        holds(&self.body, stem).max(holds(&self.heading, stem)).max(title)
    }
}

/// Returns the passages that share a word with the question, best first.
pub(super) fn rank<'a>(question: &str, passages: &'a [Passage], words: &Words) -> Vec<Section<'a>> {
    let read: Vec<(&Passage, Stems)> =
        passages.iter().take(super::PASSAGES).map(|one| (one, Stems::of(one, words))).collect();
    let stems = words.weighted_stems(question);
    let content: Vec<&str> = stems
        .iter()
        .take(MAX_STEMS)
        .filter(|(_, meaning)| *meaning >= 1.0)
        .map(|(stem, _)| stem.as_str())
        .collect();
    let weighed: Vec<(String, f32)> = stems
        .iter()
        .take(MAX_STEMS)
        .filter_map(|(stem, meaning)| {
            let holding = read.iter().filter(|(_, stems)| stems.anywhere(stem) > 0.0).count();
            // A word that occurs nowhere cannot tell passages apart.
            let rarity = (1.0 + number(read.len()) / (1.0 + number(holding))).ln();
            (holding > 0).then(|| (stem.clone(), meaning * rarity))
        })
        .collect();
    let facts = Fact::asked(question);
    let best = read.iter().map(|(passage, _)| passage.scores.fused).fold(0.0, f32::max);
    let mut ranked: Vec<Section<'a>> = (1..)
        .zip(&read)
        .filter_map(|(mark, (passage, stems))| {
            let found = share(&weighed, |stem| stems.anywhere(stem));
            let relative_score =
                if best > 0.0 { (passage.scores.fused / best).clamp(0.0, 1.0) } else { 1.0 };
            let fact = facts.iter().any(|fact| fact.is_given(&passage.chunk.body));
            let score = found
                + ABOVE * share(&weighed, |stem| stems.above(stem))
                + if fact { FACT } else { 0.0 }
                + RETRIEVED * relative_score;
            let is_about = content.iter().any(|stem| stems.anywhere(stem) > 0.0);
            let share = found;
            (found > 0.0).then_some(Section {
                mark,
                passage,
                relative_score,
                share,
                is_about,
                score,
            })
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked
}

/// Returns the name of a section for customers: its title and innermost heading, or the question
/// that it answers. `None` if it has none that fits, or if links or numbers in it could pass for the
/// business's own, or it has characters that a messenger would not show as they stand.
pub(super) fn label(chunk: &Chunk) -> Option<String> {
    let heading = chunk.heading.rsplit(" > ").next().unwrap_or_default().trim();
    let (title, is_row) = (chunk.title.trim(), units::is_rows_file(&chunk.source));
    let label = match (heading, title) {
        ("", title) => title.to_owned(),
        (heading, title) if title.is_empty() || heading.contains(title) || is_row => {
            heading.to_owned()
        }
        (heading, title) => format!("{title}: {heading}"),
    };
    let digits = label.chars().filter(|c| c.is_numeric()).count();
    let contact = digits > MAX_DIGITS || ADDRESS.is_match(&label);
    let fits = (1..=MAX_LABEL_LEN).contains(&label.chars().count());
    (fits && !contact).then_some(label)
}

fn share(weighed: &[(String, f32)], held: impl Fn(&str) -> f32) -> f32 {
    let all: f32 = weighed.iter().map(|(_, weight)| weight).sum();
    let found: f32 = weighed.iter().map(|(stem, weight)| weight * held(stem)).sum();
    if all > 0.0 { found / all } else { 0.0 }
}
