//! Part of cleaning: filters an answer while it is streamed to a chat window. Cannot take back what
//! was shown: at the end, the cleaned answer replaces the streamed one.

use std::sync::LazyLock;

use regex::Regex;

use super::answer::clean;
use super::patterns::{TRACE, close_gap, fixed, is_line_start};
use super::verdict::{HiddenPart, Verdict, verdict};
use super::wrapping::{ROLE, THINK_END};

/// Characters at the start of an answer that decide how it is filtered.
const OPENING_CHARS: usize = 40;

/// What a mark begins with, if nothing stands around it.
const BRACKETS: [char; 4] = ['[', '［', '【', '\\'];

/// Maximum length of a row of backticks or white space, in characters. What is longer is cut: each
/// piece of a row would read all of it again.
const MAX_ROW_CHARS: usize = 64;

/// Bytes of a hidden part that are kept to find its end tag. Each piece reads them again.
const MAX_END_TAG_BYTES: usize = 256;
/// The same while [`CHANNEL`] is among them: what ends reasoning there has a row of white space and
/// 80 characters of any kind.
const MAX_CHANNEL_BYTES: usize = 640;

/// What the end of reasoning in a channel begins with.
const CHANNEL: &str = "<|channel|>";

/// Filters a streamed answer: returns text once it is certain that a customer may see it.
#[derive(Debug, Default)]
pub(crate) struct Speakable {
    /// Text that is not decided yet.
    held: String,
    mode: Mode,
    /// Whether any text was shown.
    started: bool,
    /// Whether a citation mark was removed just before `held`.
    after_mark: bool,
    /// The last character that was shown.
    tail: String,
    /// The row that the answer ends with so far.
    row: Row,
}

/// Equal characters in a row; white space of any kind is equal.
#[derive(Debug, Default)]
struct Row {
    of: char,
    length: usize,
}

impl Row {
    /// Adds the next character; false if it makes the row too long.
    fn add(&mut self, c: char) -> bool {
        let of = if c.is_whitespace() { ' ' } else { c };
        self.length = if of == self.of { self.length + 1 } else { 1 };
        self.of = of;
        self.length <= MAX_ROW_CHARS || !matches!(of, ' ' | '`')
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mode {
    #[default]
    Opening,
    Speech,
    /// Inside code that this many backticks opened.
    Code(usize),
    Hidden(HiddenPart),
    /// Nothing is shown before the end, for example because the answer is JSON.
    Withheld,
}

impl Speakable {
    /// Adds the next piece of the answer and returns the text that may be shown now.
    pub(crate) fn push(&mut self, piece: &str) -> String {
        let written = piece.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
        self.held.extend(written.filter(|c| self.row.add(*c)));
        self.advance(false)
    }

    /// Ends the answer and returns the remaining text that may be shown.
    pub(crate) fn finish(&mut self) -> String {
        let mut said = self.advance(true);
        if self.mode == Mode::Withheld {
            said.push_str(&clean(&self.held, 99).text);
        }
        self.held.clear();
        said
    }

    fn advance(&mut self, last: bool) -> String {
        let mut said = String::new();
        loop {
            let progress = match self.mode {
                Mode::Opening => self.open(last),
                Mode::Speech => self.stream_text(&mut said, last),
                Mode::Code(ticks) => self.stream_code(ticks, &mut said, last),
                Mode::Hidden(hidden) => self.hide(hidden, last),
                Mode::Withheld => false,
            };
            if !progress {
                return said;
            }
        }
    }

    fn open(&mut self, last: bool) -> bool {
        let blank = self.held.len() - self.held.trim_start().len();
        self.held.drain(..blank);
        let mut letters = self.held.chars();
        let first = letters.next();
        match (first, letters.as_str().trim_start().chars().next()) {
            (None, _) | (Some('['), None) if !last => return false,
            (Some('['), Some('{' | '"' | '\'')) | (Some('{'), _) => self.mode = Mode::Withheld,
            (None | Some('<' | '◁' | '['), _) => self.mode = Mode::Speech,
            _ => return self.open_with_words(last),
        }
        self.mode != Mode::Speech || !self.held.is_empty()
    }

    fn open_with_words(&mut self, last: bool) -> bool {
        let line = self.held.find('\n').unwrap_or(self.held.len());
        let limit =
            self.held.char_indices().nth(OPENING_CHARS).map_or(self.held.len(), |(at, _)| at);
        let end = line.min(limit);
        if end == self.held.len() && !last {
            return false;
        }
        let head = self.held.get(..end).unwrap_or("");
        if WITHHELD.is_match(head) || TRACE.is_match(head) {
            self.mode = Mode::Withheld;
        } else {
            let role = ROLE.find(head).map_or(0, |role| role.end());
            self.held.drain(..role);
            self.mode = Mode::Speech;
        }
        true
    }

    fn stream_text(&mut self, said: &mut String, last: bool) -> bool {
        if self.after_mark && !self.close_mark_gap(said, last) {
            return false;
        }
        let special = SPECIAL.find(&self.held).map(|special| special.start());
        let plain = self.held.get(..special.unwrap_or(self.held.len())).unwrap_or("");
        let words = plain.trim_end().len();
        if words > 0 {
            self.emit(words, said);
            return true;
        }
        let Some(at) = special else { return false };
        match verdict(self.held.get(at..).unwrap_or(""), last) {
            Verdict::Wait => return false,
            Verdict::Plain(length) => self.emit(at + length, said),
            Verdict::Code(ticks) => {
                self.emit(at + ticks, said);
                self.mode = Mode::Code(ticks);
            }
            Verdict::Mark(length) => self.drop_mark(at, length, said),
            Verdict::Token(length) => {
                self.skip_markup(at, length, said);
                self.resume();
            }
            Verdict::Hide(length, hidden) => {
                self.skip_markup(at, length, said);
                self.mode = Mode::Hidden(hidden);
            }
        }
        true
    }

    fn skip_markup(&mut self, blank: usize, length: usize, said: &mut String) {
        if self.started {
            self.emit(blank, said);
        } else {
            self.held.drain(..blank);
        }
        self.held.drain(..length);
    }

    fn drop_mark(&mut self, at: usize, length: usize, said: &mut String) {
        let lines = self.held.get(..at).unwrap_or("").trim_end_matches([' ', '\t', '\u{A0}']).len();
        self.emit(lines, said);
        self.held.drain(..at - lines + length);
        self.after_mark = true;
    }

    /// Handles the white space and commas after a removed mark; false if more text is needed.
    fn close_mark_gap(&mut self, said: &mut String, last: bool) -> bool {
        loop {
            let gap = BETWEEN_MARKS.find(&self.held).map_or(0, |gap| gap.end());
            let rest = self.held.get(gap..).unwrap_or("");
            if rest.is_empty() && !last {
                return false;
            }
            match verdict(rest, last) {
                Verdict::Wait if rest.starts_with(BRACKETS) => return false,
                Verdict::Mark(length) if rest.starts_with(BRACKETS) => {
                    self.held.drain(..gap + length)
                }
                _ => break,
            };
        }
        self.after_mark = false;
        if is_line_start(&self.tail) {
            let blank = self.held.len() - self.held.trim_start_matches([' ', '\t']).len();
            self.held.drain(..blank);
        }
        let mut tail = self.tail.clone();
        close_gap(&mut tail, &self.held);
        if tail.ends_with(' ') {
            said.push(' ');
        }
        true
    }

    fn stream_code(&mut self, ticks: usize, said: &mut String, last: bool) -> bool {
        let inline = ticks < 3;
        let Some(at) = self.held.find(|c| c == '`' || (inline && c == '\n')) else {
            self.emit(self.held.len(), said);
            return false;
        };
        let run =
            self.held.get(at..).map_or(0, |rest| rest.len() - rest.trim_start_matches('`').len());
        if run > 0 && at + run == self.held.len() && !last {
            self.emit(at, said);
            return false;
        }
        self.emit(at + run, said);
        if run == 0 || run == ticks || (run > ticks && !inline) {
            self.mode = Mode::Speech;
        }
        true
    }

    fn hide(&mut self, hidden: HiddenPart, last: bool) -> bool {
        let end = match hidden {
            HiddenPart::Reasoning => reasoning_end(&self.held),
            HiddenPart::Tool => TOOL_END.find(&self.held).map(|found| found.end()),
            HiddenPart::Rest => None,
        };
        if let Some(end) = end {
            self.held.drain(..end);
            self.resume();
            return true;
        }
        let kept = match hidden {
            HiddenPart::Reasoning if self.held.contains(CHANNEL) => MAX_CHANNEL_BYTES,
            HiddenPart::Reasoning | HiddenPart::Tool => MAX_END_TAG_BYTES,
            HiddenPart::Rest => 0,
        };
        let useless = self.held.len().saturating_sub(if last { 0 } else { kept });
        self.held.drain(..self.held.floor_char_boundary(useless));
        false
    }

    fn resume(&mut self) {
        self.mode = if self.started { Mode::Speech } else { Mode::Opening };
    }

    fn emit(&mut self, length: usize, said: &mut String) {
        let text: String = self.held.drain(..length).collect();
        self.started |= !text.trim().is_empty();
        if let Some(end) = text.chars().last() {
            self.tail = end.to_string();
        }
        said.push_str(&text);
    }
}

/// Returns where reasoning ends. The earliest end wins: a match that starts first may still be
/// incomplete. Reads nothing behind the first match.
fn reasoning_end(held: &str) -> Option<usize> {
    let first = REASONING_END.find(held)?;
    let window = held.get(..first.end())?;
    let ends = [&*THINK_END, &*FINAL_CHANNEL]
        .into_iter()
        .filter_map(|end| end.find_at(window, first.start()));
    ends.map(|end| end.end()).min()
}

/// What may begin a mark, a tag or code: `**`, `__` and a backslash only before a bracket.
static SPECIAL: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"[<\[［【◁`(]|(?:\*\*|__)(?:[\[［【\\]|\z)|[*_]\z|\\(?:[\[［]|\z)"));

/// Openings after which nothing is shown until the answer is complete.
static WITHHELD: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"\A(?:```(?:json|JSON|python|markdown|md|text)?\s*$|```\w*\s*[\[{]|analysis[A-Z]|Thought:)",
    )
});

/// The end of the reasoning of a model that uses channels.
static FINAL_CHANNEL: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"<\|channel\|>\s*final\b(?s:.{0,80}?)<\|message\|>"));

static REASONING_END: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!("(?:{})|(?:{})", THINK_END.as_str(), FINAL_CHANNEL.as_str())));

static TOOL_END: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)</(?:tool_calls?|tool_response|function_calls?|function|invoke)>|<｜tool▁calls▁end｜>",
    )
});

static BETWEEN_MARKS: LazyLock<Regex> = LazyLock::new(|| fixed(r"\A[ \t]*[,;&]?[ \t]*"));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn streamed(pieces: impl IntoIterator<Item = impl AsRef<str>>) -> String {
        let mut speakable = Speakable::default();
        let mut said = String::new();
        for piece in pieces {
            said.push_str(&speakable.push(piece.as_ref()));
        }
        said + &speakable.finish()
    }

    #[test]
    fn what_is_streamed_is_what_the_cleaned_answer_says() {
        for raw in [
            "We open at 9 [1]. We close at 18:30 [2].",
            "Which size [1]? [[choices: Small | Large]]",
            "Which size?\n\n**[[Choices: Small [1] | Large [2]]]**\n\n[[hand-off]]",
            "Which? [[choices: Small | Large]] Tell me.",
            "Which? \\[\\[choices: A | B\\]\\]",
            "Which? [[choices: Small | Lar",
            "Which? [[choices: Small]",
            "Here it is [1]. [[file: Price list (2026).pdf]] Enjoy.",
            "Here. [[location: Shop]]\n\n**[[File: A | B]]** [[choices: X | Y]]",
            "Here. [[file: Price li",
            "Aquí. [[ubicación: Tienda]] [[opción: A | B]]",
            "هنا. [[الملف: القائمة]] [[خيارات: أ | ب]]",
            "We open at 9[1][2], on Saturday at 10 [1], [3].",
            "We open at 9 ([1]).",
            "[1] We open at nine.\n\n[2] We close at six.",
            "We open at 9 【1】.",
            "<think>They ask for hours. [1] says 9.</think>\n\nWe open at 9 [1].",
            "<thinking>\nhm\n</thinking>We open at 9.",
            "We open <think>sure?</think>at 9.",
            "<think\nmode=\"deep\">sure?</think>We open at 9.",
            "<think mode=\"a very long word of which nobody knows what it is there for, to be sure\">sure?</think>We open at 9.",
            "[\n  {\"name\": \"search\", \"arguments\": {\"q\": 1}}\n]",
            "<think>never closed",
            "[THINK]hm[/THINK]We open at 9.",
            "Assistant: We open at 9.",
            "**Assistant:** We open at 9.",
            "<|im_start|>assistant\nWe open at 9.<|im_end|>",
            "We open at 9.<|im_end|>\n<|im_start|>user\nAnd on Sunday?",
            "We open at 9.<|im_end|>\n<|im_start|>\n               user\nAnd on Sunday?",
            "<|channel|>analysis<|message|>Hours.<|end|><|start|>assistant<|channel|>final<|message|>We open at 9.<|return|>",
            "<tool_call>{\"name\": \"search\"}</tool_call>We open at 9.",
            "<｜tool▁calls▁begin｜>search<｜tool▁calls▁end｜>We open at 9.",
            "{\"answer\": \"We open at 9 [1].\"}",
            "```json\n{\"answer\": \"We open at 9.\"}\n```",
            "Traceback (most recent call last):\n  File \"x.py\", line 1",
            "Prices: a < b, 5 > 3, <3 and [x] or [2024] or (see below) [a note].",
            "Run `items[1]` or\n```\nlist[2] <b>\n```\nthen call us [1].",
            "It costs **€5** (free from €60), _always_.",
            "  \n We open at 9. \n",
            "I pass you to a colleague. [[hand-off]]",
            "I cannot find that. [[no answer]] Shall I ask?",
            "[[no answer]]\nI cannot find that.",
            "I pass you on [[hand‑off]].",
            "I pass you on. `[[hand-off]]`",
            "I pass you on. **[[hand-off]]**",
            "**I pass you on. [[hand-off]]**",
            "I pass you on. __[[hand-off]]__ Bye.",
            "I pass you on. \\[\\[hand-off\\]\\]",
            "I pass you on. 【hand-off】",
            "I pass you on. ［［hand-off］］",
            "I pass you on. [[hand - off]]",
            "I pass you on. [[hand-o",
            "I pass you on. [[",
            "Read [handover](https://shop.example/handover), `[x]` and **[y]** or a \\[z].",
            "Use snake_case, __init__ and 2 ** 3 *",
            "Я открыт с 9 [1]. 営業は9時から【1】。",
            "",
            "<",
            "[",
            "`",
        ] {
            let letters: Vec<String> = raw.chars().map(|c| c.to_string()).collect();
            let whole = clean(raw, 3).text;
            assert_eq!(streamed([raw]).trim(), whole, "at once: {raw}");
            assert_eq!(streamed(&letters).trim(), whole, "letter by letter: {raw}");
        }
    }

    #[test]
    fn words_are_not_held_back_longer_than_needed() {
        let mut speakable = Speakable::default();
        assert_eq!(
            speakable.push("We are open from Tuesday to Saturday, and "),
            "We are open from Tuesday to Saturday, and"
        );
        assert_eq!(speakable.push("on "), " on");
        assert_eq!(speakable.push("Sunday"), " Sunday");
        assert_eq!(speakable.push(" [1"), "");
        assert_eq!(speakable.push("]"), "");
        assert_eq!(speakable.push(". "), ".");
        assert_eq!(speakable.push("<thi"), "");
        assert_eq!(speakable.push("nk>secret</th"), " ");
        assert_eq!(speakable.push("ink>Bye"), "Bye");
        assert_eq!(speakable.finish(), "");
    }

    #[test]
    fn a_long_row_is_cut_so_that_no_piece_reads_all_of_it() {
        for (said, of) in
            [("We are open. ", "`"), ("We are open", " "), ("We are open [1]", "\t \n")]
        {
            let mut speakable = Speakable::default();
            let mut shown = speakable.push(&format!("Until six we are there for you. {said}"));
            for _ in 0..1_000 {
                shown.push_str(&speakable.push(of));
                assert!(speakable.held.len() <= 2 * MAX_ROW_CHARS, "{said}{of:?}");
            }
            shown += &speakable.push("`[1]` and [1] more.");
            shown += &speakable.finish();
            let whole = format!(
                "Until six we are there for you. {said}{}`[1]` and [1] more.",
                of.repeat(1_000)
            );
            assert_eq!(shown, streamed([whole]), "{said}{of:?}");
            assert!(shown.ends_with(" more."), "{shown:?}");
        }
    }

    #[test]
    fn many_marks_in_one_piece_are_survived() {
        assert_eq!(
            streamed([
                "A sentence that is long enough to be said. ".to_owned() + &"[1]".repeat(100_000)
            ]),
            "A sentence that is long enough to be said."
        );
    }

    #[test]
    fn reasoning_ends_where_it_ends_first_however_it_comes() {
        let blank = "\u{3000}".repeat(MAX_ROW_CHARS);
        let long = "🙂".repeat(78);
        for raw in [
            "<|channel|>final</think>[<|message|>We open".to_owned(),
            format!("<|channel|>{blank}final {long} <|message|>We open"),
            format!("<think>hm</{0}think{0}>We open", "\u{3000}".repeat(32)),
            "<think>hm</think [/THINK]We open".to_owned(),
        ] {
            let letters: Vec<String> = raw.chars().map(|c| c.to_string()).collect();
            let whole = streamed([&raw]);
            assert!(whole.ends_with("We open"), "{whole}");
            assert_eq!(streamed(&letters), whole);
        }
    }

    /// One more than a row may have, and one less.
    const LONG_TICKS: &str = "`````````````````````````````````````````````````````````````````";
    const LONG_BLANK: &str = "                                                               ";

    proptest! {
        #[test]
        fn the_size_of_the_pieces_changes_nothing(
            parts in prop::collection::vec(prop::sample::select(vec![
                "We open", " at 9", ".", " ", "\n", "[1]", "[", "]", "1", "(", ")", "<think>", "</think>", "<", ">", "`", "```",
                "[2, 3]", "【1】", "<|im_end|>", "<|im_start|>", "user", "assistant", "{", "\"", "é", "🙂", "<tool_call>", "</tool_call>",
                "Assistant:", ", ", "<|channel|>", "final", "<|message|>", "analysis", LONG_TICKS, LONG_BLANK,
                "</think ", "[/THINK]", "<think\n", "◁/think▷", "</",
            ]), 0..24),
            sizes in prop::collection::vec(1usize..9, 1..40),
        ) {
            let raw: String = parts.concat();
            let letters: Vec<char> = raw.chars().collect();
            let mut pieces = Vec::new();
            let mut rest = letters.as_slice();
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece.iter().collect::<String>());
                rest = after;
            }
            prop_assert_eq!(streamed(&pieces), streamed([&raw]), "{}", raw);
        }

        #[test]
        fn nothing_that_is_streamed_panics(pieces in prop::collection::vec(".{0,20}", 0..8)) {
            let _ = streamed(&pieces);
        }
    }
}
