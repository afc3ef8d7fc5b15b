//! Part of stage 6: removes statements with links, mail addresses, phone numbers or account numbers
//! that the business did not write, because a wrong one costs the customer money. Pure; knows
//! nothing of models.
//!
//! Allowed are the passages, the agent's prompt and fixed texts, and earlier messages of the bot or
//! a person. What the customer wrote may be repeated to him, except links: nobody else can write in
//! his chat, and order numbers and his own phone come from there. A link must have the same host,
//! and the same page or one above it: on shared hosts such as wa.me the page identifies the owner.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::ground::{statements, without};
use crate::domain::Passage;
use crate::domain::label::one_line;
use crate::text_cache::TextCache;

mod digits;
mod find;
mod precondition;
mod quantity;

/// Maximum bytes held back while an answer is streamed.
const MAX_HELD_LEN: usize = 1024;
/// Bytes before a piece that are read with it: a currency, or the start of a number.
const LOOK_BACK: usize = 64;
/// Maximum parts of one number, where several numbers stand in a row.
const MAX_PARTS: usize = 8;
/// Minimum digits of the end of a range: any number can be composed of pairs of digits.
const SHORTEST_END: usize = 3;

use digits::{DASH, SHORTEST, digits};
use find::{Detail, DetailKind, find};

/// Bytes of the details of texts that are kept, and of those of one text, about.
const MAX_BYTES: usize = 4 << 20;
const USUAL_BYTES: usize = 300;

/// The details of texts that come again: passages, the agent's texts, earlier messages.
pub(crate) struct DetailCache {
    texts: TextCache<Arc<TextDetails>>,
}

/// What a text holds.
struct TextDetails {
    details: Vec<Detail>,
    /// Its digits, see [`find::runs`].
    runs: String,
}

impl Default for DetailCache {
    fn default() -> Self {
        Self { texts: TextCache::new(MAX_BYTES, USUAL_BYTES) }
    }
}

impl DetailCache {
    fn of(&self, text: &str) -> Arc<TextDetails> {
        let bytes = |found: &Arc<TextDetails>| {
            let details = found.details.iter().map(|one| size_of::<Detail>() + one.key.len());
            found.runs.len() + details.sum::<usize>()
        };
        let read = || Arc::new(TextDetails { details: find(text), runs: find::runs(text) });
        self.texts.get_or_compute((text, 0), bytes, read)
    }
}

/// Details that a reply may contain.
#[derive(Debug, Default)]
pub(super) struct AllowedDetails {
    links: Vec<(String, String)>,
    other: HashSet<(DetailKind, String)>,
    /// Runs of digits, each between two spaces: a number may be part of a longer one.
    numbers: String,
}

/// A reply after the check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CheckedReply {
    /// The remaining text.
    pub(crate) text: String,
    /// Descriptions of what was removed.
    pub(crate) removed: Vec<String>,
}

/// Texts that details may come from.
pub(crate) struct Origins<'a> {
    /// Passages in the prompt.
    pub(crate) passages: &'a [Passage],
    /// Other texts of the business.
    pub(crate) business: Vec<&'a str>,
    /// Texts of the customer.
    pub(crate) customer: Vec<&'a str>,
}

impl AllowedDetails {
    fn of(origins: &Origins<'_>, cache: &DetailCache) -> Self {
        let mut allowed = Self::default();
        for passage in origins.passages {
            let chunk = &passage.chunk;
            for text in [&chunk.body, &chunk.title, &chunk.heading, &chunk.source, &chunk.place] {
                allowed.add(&cache.of(text), true);
            }
        }
        origins.business.iter().for_each(|text| allowed.add(&cache.of(text), true));
        origins.customer.iter().for_each(|text| allowed.add(&cache.of(text), false));
        allowed
    }

    fn add(&mut self, text: &TextDetails, links: bool) {
        for detail in &text.details {
            if links
                && let (DetailKind::Mail, Some((_, host))) =
                    (detail.kind, detail.key.split_once('@'))
            {
                self.links.push((host.to_owned(), String::new()));
            }
            match detail.kind {
                DetailKind::Link if links => self.links.push(detail.parts()),
                DetailKind::Link | DetailKind::Number => {}
                sort => drop(self.other.insert((sort, detail.key.clone()))),
            }
        }
        self.numbers.push_str(&text.runs);
    }

    fn holds(&self, detail: &Detail) -> bool {
        match detail.kind {
            DetailKind::Link => {
                let (host, page) = detail.parts();
                self.links.iter().any(|(known, at)| *known == host && is_above(&page, at))
            }
            DetailKind::Number => self.holds_number(&detail.key),
            sort => self.other.contains(&(sort, detail.key.clone())),
        }
    }

    /// Whether a number is known, or is a row of known numbers and times: "020 7946 0958 24/7".
    fn holds_number(&self, written: &str) -> bool {
        if self.supports(&digits(written)) || self.supports_range(written) {
            return true;
        }
        let is_digit = |c: char| c.is_ascii_digit();
        let parts = written.split([' ', '/']).filter(|part| part.contains(is_digit));
        let parts: Vec<&str> = parts.collect();
        // From `open` on, no part is known yet.
        let (mut at, mut open) = (0, 0);
        while at < parts.len() {
            let longest = parts.len().min(at + MAX_PARTS);
            let known =
                |end: &usize| self.supports_run(&digits(&parts[at..*end].concat()), at == open);
            if let Some(end) = (at + 1..=longest).rev().find(known) {
                if !quantity::is_harmless(&parts[open..at]) {
                    return false;
                }
                (at, open) = (end, end);
            } else if at - open < MAX_PARTS {
                at += 1;
            } else {
                return false;
            }
        }
        quantity::is_harmless(&parts[open..])
    }

    /// Whether it is a range of which the sources hold both ends: "1850–1900" for "1850 to 1900".
    fn supports_range(&self, written: &str) -> bool {
        let ends: Vec<String> = DASH.split(written).map(digits).collect();
        let is_known = |end: &String| {
            end.len() >= SHORTEST_END
                && !end.starts_with('0')
                && self.numbers.contains(&format!(" {end} "))
        };
        ends.len() == 2 && ends.iter().all(is_known)
    }

    /// Whether digits are known, with or without country code or trunk zero.
    fn supports(&self, digits: &str) -> bool {
        let bare = digits.trim_start_matches('0');
        if bare.len() < SHORTEST {
            return self.numbers.contains(digits);
        }
        self.numbers.contains(bare) || (1..=3).any(|cut| self.supports_end(bare, cut))
    }

    /// Whether digits are a whole known number or, with nothing unknown before, the end of one.
    fn supports_run(&self, digits: &str, is_first: bool) -> bool {
        let bare = digits.trim_start_matches('0');
        bare.len() >= SHORTEST
            && ((0..=3).any(|cut| self.supports_end(bare, cut))
                || is_first && self.numbers.contains(&format!("{bare} ")))
    }

    /// Whether digits, without the first `cut`, are a number of the sources.
    fn supports_end(&self, bare: &str, cut: usize) -> bool {
        let rest = bare.get(cut..).filter(|rest| rest.len() > SHORTEST);
        rest.is_some_and(|rest| {
            let (with, without) = (format!(" 0{rest} "), format!(" {rest} "));
            self.numbers.contains(&with) || self.numbers.contains(&without)
        })
    }
}

/// Whether a page is the known one, or one above it.
fn is_above(page: &str, known: &str) -> bool {
    let rest = known.strip_prefix(page);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Checks replies; the allowed details are collected when the first detail is found.
pub(crate) struct DetailCheck<'a> {
    origins: Origins<'a>,
    cache: &'a DetailCache,
    allowed: OnceLock<AllowedDetails>,
}

impl<'a> DetailCheck<'a> {
    /// Creates a check against these sources.
    pub(crate) fn new(origins: Origins<'a>, cache: &'a DetailCache) -> Self {
        Self { origins, cache, allowed: OnceLock::new() }
    }

    /// Removes the statements that contain an unknown detail.
    pub(crate) fn vet(&self, text: &str) -> CheckedReply {
        let unknown = self.unknown(text);
        if unknown.is_empty() {
            return CheckedReply { text: text.to_owned(), removed: Vec::new() };
        }
        let statements = statements(text);
        let hit = |range| unknown.iter().any(|detail| overlap(&detail.range, range));
        let gone: Vec<bool> = statements.iter().map(|one| hit(&one.range)).collect();
        let mut kept = without(text, &statements, &gone);
        if !kept.chars().any(char::is_alphanumeric) || !self.unknown(&kept).is_empty() {
            kept.clear();
        }
        let mut removed: Vec<String> = Vec::new();
        for detail in &unknown {
            let shown = one_line(&text[detail.range.clone()], 80);
            let sort = detail.kind.words();
            let said =
                format!("taken out: {sort} that no passage, prompt or message holds: {shown}");
            if !removed.contains(&said) {
                removed.push(said);
            }
        }
        CheckedReply { text: kept, removed }
    }

    /// Whether a piece after the text `before` may be shown.
    fn passes(&self, before: &str, piece: &str) -> bool {
        let text = format!("{before}{piece}");
        self.unknown(&text).iter().all(|detail| detail.range.end <= before.len())
    }

    fn unknown(&self, text: &str) -> Vec<Detail> {
        let mut found = find(text);
        if !found.is_empty() {
            let allowed =
                self.allowed.get_or_init(|| AllowedDetails::of(&self.origins, self.cache));
            found.retain(|detail| !allowed.holds(detail));
        }
        found
    }
}

fn overlap(one: &std::ops::Range<usize>, other: &std::ops::Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Streaming filter: holds back text that may have to be removed, from a word with a digit or an
/// address character to the end of its sentence.
pub(crate) struct StreamFilter<'a> {
    vetting: &'a DetailCheck<'a>,
    held: String,
    /// The end of the decided text.
    before: String,
}

impl<'a> StreamFilter<'a> {
    pub(crate) fn new(vetting: &'a DetailCheck<'a>) -> Self {
        Self { vetting, held: String::new(), before: String::new() }
    }

    /// Adds the next piece and returns the text that may be shown.
    pub(crate) fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut shown = String::new();
        while let Some(end) = self.ready() {
            let piece: String = self.held.drain(..end).collect();
            shown.push_str(&self.decide(piece));
        }
        shown
    }

    /// Ends the answer and returns the remaining text.
    pub(crate) fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.held);
        self.decide(rest)
    }

    /// Returns the piece, or an empty text if it must not be shown.
    fn decide(&mut self, piece: String) -> String {
        let looks_back = piece.split_whitespace().any(is_suspect);
        let near = if looks_back { self.before.as_str() } else { "" };
        let passes = self.vetting.passes(near, &piece);
        self.before.push_str(&piece);
        let old = self.before.len().saturating_sub(LOOK_BACK);
        self.before = self.before.split_off(self.before.floor_char_boundary(old));
        if passes { piece } else { String::new() }
    }

    /// Returns how many bytes can be decided.
    fn ready(&self) -> Option<usize> {
        if self.held.len() > MAX_HELD_LEN {
            return Some(self.held.len());
        }
        let ready = &self.held[..self.held.trim_end_matches(|c: char| !c.is_whitespace()).len()];
        let mut words = ready.split_inclusive(char::is_whitespace);
        let mut before = 0;
        let suspect = words.find(|word| {
            let stop = is_suspect(word.trim());
            before += if stop { 0 } else { word.len() };
            stop
        });
        let Some(word) = suspect else { return Some(ready.len()).filter(|ready| *ready > 0) };
        if before > 0 {
            return Some(before);
        }
        // Up to the end of the word's sentence.
        let mut at = word.len();
        let ends = |word: &str| {
            word.ends_with('\n') || word.trim_end().ends_with(['.', '!', '?', '。', '！', '？'])
        };
        if ends(word) {
            return Some(at);
        }
        for word in words {
            at += word.len();
            if ends(word) {
                return Some(at);
            }
        }
        None
    }
}

/// Whether a word may be a part of an address or a number.
fn is_suspect(word: &str) -> bool {
    let inner = word.trim_end_matches(['.', ',', '!', '?', ':', ';', ')']);
    let sign = |c: char| c.is_numeric() || matches!(c, '@' | '/' | '.' | '。' | '．' | '[' | '{');
    let spelled = inner.trim_start_matches('(').to_lowercase();
    inner.contains(sign)
        || inner.find('(').is_some_and(|at| at > 0)
        || ["dot", "punto", "punkt", "ponto", "point"].contains(&spelled.as_str())
        || spelled == "at" && inner.starts_with('(')
}

#[cfg(test)]
mod tests;
