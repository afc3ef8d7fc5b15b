//! Measures text in tokens, combines it up to a size, and splits longer text by sentences, then
//! words, then characters.

use unicode_segmentation::UnicodeSegmentation;

use super::Settings;
use frontdesk_tokens::Vocabulary;

/// Maximum bytes per token: longer text is too long without counting. Human text has 3 to 9 bytes
/// per token; a line of dashes has more, and is slow to count.
const MAX_BYTES_PER_TOKEN: usize = 16;

/// Maximum sizes of chunks and overlaps, in tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    max: u32,
    overlap: u32,
}

impl Measure {
    pub(super) fn new(settings: &Settings) -> Self {
        let max = settings.max_tokens.max(32);
        Self { max, overlap: settings.overlap_tokens.min(max / 2) }
    }

    /// Returns the measure that leaves room for a prefix of every chunk.
    fn below(self, prefix: &str) -> Self {
        let max = self.max.saturating_sub(Self::tokens(prefix) + 1).max(1);
        Self { max, overlap: self.overlap.min(max / 2) }
    }

    pub(super) fn tokens(text: &str) -> u32 {
        Vocabulary::O200k.count(text)
    }

    /// Returns the size of a text in tokens; `None` if it is above `most`.
    pub(super) fn tokens_up_to(text: &str, most: u32) -> Option<u32> {
        if text.len() > (most as usize).saturating_mul(MAX_BYTES_PER_TOKEN) {
            return None;
        }
        Some(Self::tokens(text)).filter(|tokens| *tokens <= most)
    }

    pub(super) fn fits(self, text: &str) -> bool {
        Self::tokens_up_to(text, self.max).is_some()
    }

    /// Whether a text is short enough to be repeated in every chunk.
    pub(super) fn is_repeatable(self, text: &str) -> bool {
        Self::tokens_up_to(text, self.max / 3).is_some()
    }

    /// Combines lines into chunks that each start with `prefix`. Splits a line that is too long.
    pub(super) fn fill(self, prefix: &str, lines: &[String], separator: &str) -> Vec<String> {
        let room = if prefix.is_empty() { self } else { self.below(prefix) };
        let parts = lines
            .iter()
            .flat_map(|line| if room.fits(line) { vec![line.clone()] } else { room.split(line) });
        let mut bodies = Vec::new();
        let mut filler = PieceBuilder::new(room);
        for part in parts {
            bodies.extend(filler.place(separator, &part));
        }
        bodies.extend(filler.take());
        if prefix.is_empty() {
            return bodies;
        }
        bodies.into_iter().map(|body| format!("{prefix}{separator}{body}")).collect()
    }

    /// Splits a text into parts that fit.
    pub(super) fn split(self, text: &str) -> Vec<String> {
        let mut parts = Vec::new();
        let mut filler = PieceBuilder::new(self);
        let mut sentences: Vec<&str> = Vec::new();
        for sentence in frontdesk_language::sentences(text) {
            if !filler.go_on(sentence) {
                parts.extend(filler.take());
                let repeated = self.overlapping(&sentences);
                sentences.clear();
                let begun = filler.go_on(&repeated) && filler.go_on(sentence);
                if !begun {
                    filler = PieceBuilder::new(self);
                    self.begin(sentence, &mut filler, &mut parts);
                }
            }
            sentences.push(sentence);
        }
        parts.extend(filler.take());
        parts
    }

    /// Starts a part with a sentence; a long sentence may fill several parts.
    fn begin(self, sentence: &str, filler: &mut PieceBuilder, parts: &mut Vec<String>) {
        if filler.go_on(sentence) {
            return;
        }
        for word in words(sentence) {
            if filler.go_on(word) {
                continue;
            }
            parts.extend(filler.take());
            if filler.go_on(word) {
                continue;
            }
            let mut rest = word.trim_start();
            while !filler.go_on(rest) {
                let (first, after) = rest.split_at(self.most_that_fits(rest));
                parts.push(first.to_owned());
                rest = after;
            }
        }
    }

    /// Returns how many bytes of a very long word fit.
    fn most_that_fits(self, word: &str) -> usize {
        let mut length = self.max as usize * 8;
        loop {
            let end = word.floor_char_boundary(length.min(word.len()));
            let first = word.chars().next().map_or(0, char::len_utf8);
            if end <= first || word.get(..end).is_some_and(|start| self.fits(start)) {
                return end.max(first);
            }
            length /= 2;
        }
    }

    /// Returns the last sentences, up to the overlap size.
    fn overlapping(self, sentences: &[&str]) -> String {
        let mut repeated = String::new();
        for sentence in sentences.iter().rev() {
            let longer = format!("{sentence}{repeated}");
            if Self::tokens_up_to(&longer, self.overlap).is_none() {
                break;
            }
            repeated = longer;
        }
        repeated
    }
}

/// Splits a text into words, each with the preceding white space.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut blank) = (0, true);
    for (at, word) in text.split_word_bound_indices() {
        if !blank {
            words.push(text.get(start..at).unwrap_or_default());
            start = at;
        }
        blank = word.chars().all(char::is_whitespace);
    }
    words.push(text.get(start..).unwrap_or_default());
    words
}

/// A chunk being filled.
#[derive(Debug, Clone)]
pub(super) struct PieceBuilder {
    measure: Measure,
    text: String,
    /// Upper bound of the tokens in `text`, recounted when it exceeds the limit. Joined texts may
    /// have one token more than their sum, at the joint.
    tokens: u32,
}

impl PieceBuilder {
    pub(super) fn new(measure: Measure) -> Self {
        Self { measure, text: String::new(), tokens: 0 }
    }

    /// Adds a text if it fits, after the separator if there is text before it.
    pub(super) fn add(&mut self, separator: &str, text: &str) -> bool {
        let max = self.measure.max;
        let Some(tokens) = Measure::tokens_up_to(text, max) else { return false };
        let before = self.text.len();
        if before > 0 {
            self.text.push_str(separator);
        }
        self.text.push_str(text);
        let most = self.tokens + tokens + 1;
        let tokens = if most <= max && self.text.len() <= max as usize * MAX_BYTES_PER_TOKEN {
            Some(most)
        } else {
            Measure::tokens_up_to(&self.text, max)
        };
        match tokens {
            Some(tokens) => self.tokens = tokens,
            None => self.text.truncate(before),
        }
        tokens.is_some()
    }

    /// Adds the continuation of a text if it fits. Removes white space at the start of a chunk.
    fn go_on(&mut self, text: &str) -> bool {
        self.add("", if self.text.is_empty() { text.trim_start() } else { text })
    }

    /// Adds a text that fits into a chunk. If it does not fit into this one, returns this one and
    /// starts the next.
    pub(super) fn place(&mut self, separator: &str, text: &str) -> Option<String> {
        if self.add(separator, text) {
            return None;
        }
        let done = self.take();
        text.clone_into(&mut self.text);
        self.tokens = Measure::tokens(text);
        done
    }

    /// Returns the chunk, unless it is blank, and starts a new one.
    pub(super) fn take(&mut self) -> Option<String> {
        let text = std::mem::take(&mut self.text);
        self.tokens = 0;
        let text = text.trim_matches('\n').trim_end();
        (!text.trim().is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(max_tokens: u32, overlap_tokens: u32) -> Measure {
        Measure::new(&Settings { max_tokens, overlap_tokens, ..Settings::default() })
    }

    fn sentences(count: usize) -> String {
        let sentence = |n| format!("Sentence number {n} says a little. ");
        (0..count).map(sentence).collect::<Vec<_>>().concat()
    }

    #[test]
    fn long_text_is_cut_between_sentences() {
        let parts = measure(40, 0).split(&sentences(30));
        assert!(parts.len() > 3);
        for part in &parts {
            assert!(part.starts_with("Sentence number") && part.ends_with("little."), "{part}");
            assert!(measure(40, 0).fits(part));
        }
    }

    #[test]
    fn an_address_is_not_cut() {
        let link = "https://www.example.com/watch?v=dQw4w9WgXcQ";
        let text = format!("Here is a film about lamps at {link} for you. ").repeat(20);
        let parts = measure(60, 0).split(&text);
        assert!(parts.len() > 3);
        for part in &parts {
            assert!(part.starts_with("Here is") && part.ends_with("for you."), "{part}");
        }
    }

    #[test]
    fn whole_sentences_are_repeated_after_a_cut() {
        let parts = measure(60, 20).split(&sentences(30));
        for (before, after) in parts.iter().zip(parts.iter().skip(1)) {
            let first = after.split_inclusive('.').next().unwrap();
            assert!(before.contains(first), "{before} | {after}");
            assert!(measure(60, 20).fits(after));
        }
    }

    #[test]
    fn a_long_sentence_is_cut_between_words_and_a_long_word_between_characters() {
        let measure = measure(32, 10);
        let long = "word ".repeat(300) + &"9a".repeat(2000) + " end";
        let parts = measure.split(&long);
        assert_eq!(parts.concat().replace(' ', ""), long.replace(' ', ""));
        assert!(parts.iter().all(|part| measure.fits(part)));
        assert!(parts.len() < 200, "{}", parts.len());
        assert!(parts.first().unwrap().ends_with("word"));
    }

    #[test]
    fn scripts_without_spaces_are_cut_at_their_own_full_stops() {
        let chinese = "我们每天早上九点开门，晚上六点关门。".repeat(40);
        let parts = measure(60, 0).split(&chinese);
        assert_eq!(parts.concat(), chinese);
        assert!(parts.iter().all(|part| part.ends_with('。') && measure(60, 0).fits(part)));
        let hindi = "हम हर दिन सुबह नौ बजे खुलते हैं। ".repeat(40);
        assert!(measure(60, 0).split(&hindi).iter().all(|part| part.ends_with('।')));
    }

    #[test]
    fn one_huge_line_is_cut_soon() {
        let parts = measure(220, 40).split(&"a".repeat(1_000_000));
        assert_eq!(parts.iter().map(String::len).sum::<usize>(), 1_000_000);
        let dashes = measure(220, 40).split(&"=".repeat(100_000));
        assert_eq!(dashes.iter().map(String::len).sum::<usize>(), 100_000);
        assert!(dashes.iter().all(|part| measure(220, 40).fits(part)));
        assert!(measure(220, 40).split(&" ".repeat(100_000)).is_empty());
    }
}
