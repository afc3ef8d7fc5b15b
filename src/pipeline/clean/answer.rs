//! Part of cleaning: removes reasoning, JSON, tool calls, special tokens, citation marks and signals
//! from a model's answer. Pure: must not call a model, nor invent words.

use frontdesk_language::sentences;
use regex::Regex;

use super::patterns::{
    CODE, EMPTY_VALUE, FILE_BEGIN, LOCATION_BEGIN, MARK, MARKS, OFFER, SIGNAL, SOURCES, TRACE,
    UNFINISHED, close_gap, is_line_start,
};
use super::wrapping::{JSON_START, UNWRAPS};
use crate::domain::offers::{MarkKind, Marks};

/// Maximum length of an answer, in characters.
const MAX_ANSWER_CHARS: usize = 12_000;

/// Minimum letters of a signal that was cut off.
const MIN_SIGNAL_LEN: usize = 4;

/// Maximum unwrapping passes, for nested wrappings such as JSON in a fence in quotes.
const MAX_UNWRAP_PASSES: usize = 20;

/// What a model asked for with marks in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Signals {
    /// `[[hand-off]]`: a person is called.
    pub(crate) hand_off: bool,
    /// `[[no answer]]`: the passages do not answer.
    pub(crate) no_answer: bool,
}

/// A model's answer, cleaned for a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CleanAnswer {
    /// The text as Markdown; empty if nothing in the answer was meant for a customer.
    pub(crate) text: String,
    /// Cited passages, numbered from 1, in the order of their first use.
    pub(crate) cited: Vec<usize>,
    /// Byte position of each citation mark in the text, with its passage; without source lists.
    pub(crate) marks: Vec<(usize, usize)>,
    /// What the model asked for.
    pub(crate) signals: Signals,
    /// The choices, files and places that it offers, as it wrote them.
    pub(crate) offers: Marks,
    /// Descriptions of what was removed or changed.
    pub(crate) repairs: Vec<String>,
}

/// Cleans a model's answer. `passages` is their number in the prompt; higher marks cite nothing.
pub(crate) fn clean(raw: &str, passages: usize) -> CleanAnswer {
    let mut cleaned = CleanAnswer { text: plain(raw), ..CleanAnswer::default() };
    for _ in 0..MAX_UNWRAP_PASSES {
        if !cleaned.unwrap_once() {
            break;
        }
    }
    cleaned.empty_if(&TRACE, "emptied: it was a stack trace");
    cleaned.empty_if(&JSON_START, "emptied: it was JSON");
    cleaned.empty_if(&EMPTY_VALUE, "emptied: it was an empty value");
    cleaned.take_offers();
    cleaned.take_signals();
    cleaned.take_marks(passages);
    cleaned.take_rest();
    cleaned.shorten();
    cleaned
}

impl CleanAnswer {
    fn unwrap_once(&mut self) -> bool {
        let mut changed = false;
        for (unwrap, repair) in UNWRAPS {
            if let Some(text) = unwrap(&self.text) {
                text.trim().clone_into(&mut self.text);
                self.note(repair.to_owned());
                changed = true;
            }
        }
        changed
    }

    fn note(&mut self, repair: String) {
        if !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }

    fn empty_if(&mut self, pattern: &Regex, repair: &str) {
        if pattern.is_match(&self.text) {
            self.text.clear();
            self.note(repair.to_owned());
        }
    }

    /// Takes out the marks with choices, files and places; of those with choices, the first counts.
    fn take_offers(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut found = Vec::new();
        let said = without(&text, &OFFER, |mark| found.push((kind(mark), names(mark))));
        let mut has_choices = false;
        for (kind, names) in found {
            let what = match kind {
                MarkKind::Choices => "the choices",
                MarkKind::File => "a file",
                MarkKind::Location => "a place",
            };
            self.note(format!("took out the mark with {what}"));
            if kind != MarkKind::Choices || !std::mem::replace(&mut has_choices, true) {
                self.offers.add(kind, names);
            }
        }
        said.trim().clone_into(&mut self.text);
    }

    fn take_signals(&mut self) {
        let text = std::mem::take(&mut self.text);
        let (mut hand_off, mut no_answer) = (false, false);
        let mut said = without(&text, &SIGNAL, |mark| {
            let calls = mark.to_ascii_lowercase().contains("hand");
            hand_off |= calls;
            no_answer |= !calls;
        });
        if hand_off {
            self.note("took out the mark that calls a person".to_owned());
        }
        if no_answer {
            self.note("took out the mark that says there is no answer".to_owned());
        }
        self.signals = Signals { hand_off, no_answer };
        if let Some(cut) = UNFINISHED.find(&said) {
            let start = cut.start();
            self.signals.hand_off |= begins(cut.as_str(), &["handoff", "handover"]);
            self.signals.no_answer |= begins(cut.as_str(), &["noanswer"]);
            self.note("took out a mark that was cut off".to_owned());
            said.truncate(start);
        }
        said.trim().clone_into(&mut self.text);
    }

    /// Takes out what has become a mark of an offer only because something else was taken out of it.
    fn take_rest(&mut self) {
        while OFFER.is_match(&self.text) {
            without(&self.text, &OFFER, |_| {}).trim().clone_into(&mut self.text);
            // Their places are others now.
            self.marks.clear();
        }
    }

    fn take_marks(&mut self, passages: usize) {
        let text = std::mem::take(&mut self.text);
        let listed = SOURCES.find(&text).map_or(text.len(), |found| found.start());
        let mut said = String::with_capacity(text.len());
        let mut list = String::new();
        let mut from = 0;
        for code in CODE.find_iter(&text).filter(|code| code.end() <= listed) {
            self.take_marks_of_prose(
                text.get(from..code.start()).unwrap_or(""),
                &mut said,
                passages,
            );
            said.push_str(code.as_str());
            from = code.end();
        }
        self.take_marks_of_prose(text.get(from..listed).unwrap_or(""), &mut said, passages);
        let placed = self.marks.len();
        self.take_marks_of_prose(text.get(listed..).unwrap_or(""), &mut list, passages);
        self.marks.truncate(placed);
        let lead = said.len() - said.trim_start().len();
        for (place, _) in &mut self.marks {
            *place = place.saturating_sub(lead);
        }
        said.trim().clone_into(&mut self.text);
    }

    fn take_marks_of_prose(&mut self, prose: &str, said: &mut String, passages: usize) {
        let mut from = 0;
        for run in MARKS.find_iter(prose) {
            said.push_str(prose.get(from..run.start()).unwrap_or(""));
            from = run.end();
            let before = said.trim_end_matches([' ', '\t', '\u{A0}']);
            // At the start of a line, a mark belongs to the text after it.
            let place = before.len() + usize::from(is_line_start(before));
            for mark in MARK.find_iter(run.as_str()) {
                self.cite(mark.as_str(), place, passages);
            }
            let rest = prose.get(from..).unwrap_or("");
            close_gap(said, rest);
            if is_line_start(said) {
                from += rest.len() - rest.trim_start_matches([' ', '\t']).len();
            }
        }
        said.push_str(prose.get(from..).unwrap_or(""));
    }

    fn cite(&mut self, mark: &str, place: usize, passages: usize) {
        for number in numbers(mark) {
            if !(1..=passages).contains(&number) {
                self.note(format!("removed a citation of [{number}], which was not retrieved"));
                continue;
            }
            self.marks.push((place, number));
            if !self.cited.contains(&number) {
                self.cited.push(number);
            }
        }
    }

    fn shorten(&mut self) {
        let Some((limit, _)) = self.text.char_indices().nth(MAX_ANSWER_CHARS) else { return };
        let length = self.text.chars().count();
        let head = self.text.get(..limit).unwrap_or("");
        let sentence = sentences(head).last().map_or(0, |last| head.len() - last.len());
        let word = head.rfind(char::is_whitespace).unwrap_or(limit);
        let end = if sentence > 0 { sentence } else { word };
        let mut text = head.get(..end).unwrap_or(head).trim_end().to_owned();
        if text.matches("```").count() % 2 == 1 {
            text.push_str("\n```");
        }
        self.text = text;
        self.note(format!("shortened from {length} characters"));
    }
}

/// Returns a text without marks; each is given to `take`.
fn without(text: &str, marks: &Regex, mut take: impl FnMut(&str)) -> String {
    let (mut said, mut from) = (String::with_capacity(text.len()), 0);
    for found in marks.find_iter(text) {
        said.push_str(text.get(from..found.start()).unwrap_or(""));
        from = found.end();
        let rest = text.get(from..).unwrap_or("");
        close_gap(&mut said, rest);
        if is_line_start(&said) {
            from += rest.len() - rest.trim_start_matches([' ', '\t']).len();
        }
        take(found.as_str());
    }
    said.push_str(text.get(from..).unwrap_or(""));
    said
}

/// What a mark is about.
fn kind(mark: &str) -> MarkKind {
    if FILE_BEGIN.is_match(mark) {
        MarkKind::File
    } else if LOCATION_BEGIN.is_match(mark) {
        MarkKind::Location
    } else {
        MarkKind::Choices
    }
}

/// Whether a mark ends with its brackets.
fn is_closed(mark: &str) -> bool {
    mark.trim_end_matches(['*', '_', '`', ')']).ends_with([']', '］', '】'])
}

/// Returns the names in a mark, such as the labels of choices, without emphasis and citations. Half of
/// a name would mislead: there are none in a mark that was cut off.
fn names(mark: &str) -> Vec<String> {
    if !is_closed(mark) {
        return Vec::new();
    }
    let mark = mark.strip_prefix('(').and_then(|mark| mark.strip_suffix(')')).unwrap_or(mark);
    let mark = mark.trim_matches(['*', '_', '`']);
    let (_, names) = mark.split_once([':', '：']).unwrap_or_default();
    let names = names.trim_end_matches(['\\', ']', '］', '】']).split(['|', '｜', '\n']);
    let bare = names.map(|name| name.split(['[', '［', '【']).next().unwrap_or_default().trim());
    let bare = bare.map(|name| name.trim_matches(['*', '_', '`', '"']).trim());
    bare.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Whether a mark that was cut off is the beginning of a signal, and not of a link to a
/// `[[Handbook]]`.
fn begins(cut: &str, signals: &[&str]) -> bool {
    let letters = cut.chars().filter(char::is_ascii_alphabetic);
    let letters: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let begun = |signal: &&str| signal.starts_with(&letters) || letters.starts_with(*signal);
    letters.len() >= MIN_SIGNAL_LEN && signals.iter().any(begun)
}

/// Returns a mark's numbers: `[1, 3-5]` gives 1, 3, 4, 5, a vendor's `【4:0†file】` gives 0.
fn numbers(mark: &str) -> Vec<usize> {
    if mark.contains('†') {
        return vec![0];
    }
    let mut numbers = Vec::new();
    for part in mark.split([',', ';']) {
        let mut ends = part.split(['-', '–']).filter_map(|end| {
            end.chars().filter(char::is_ascii_digit).collect::<String>().parse::<usize>().ok()
        });
        let Some(first) = ends.next() else { continue };
        numbers.extend(first..=ends.next().unwrap_or(first).clamp(first, first.saturating_add(99)));
    }
    numbers
}

fn plain(raw: &str) -> String {
    let text = raw.replace("\r\n", "\n");
    let text: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: &str = "We open at 9.";

    fn text(raw: &str) -> String {
        clean(raw, 3).text
    }

    #[test]
    fn a_good_answer_is_left_as_it_is() {
        for raw in [
            OPEN,
            "**Opening hours**\n\n- Monday: closed\n- Tuesday: 9 to 18\n\n| a | b |\n|---|---|\n| 1 | 2 |",
            "Use `curl \"[1]\"` or:\n\n```\nfoo[1] = {\"a\": 1}\n\n\n<b>\n```",
            "Prices went up in [2024]. Press [x] or [ ] to choose [Sales].",
            "5 < 6 and 7 > 3, <3",
            "\"Quay\" and \"Wave\" are in stock",
            "{{ name }} is a placeholder",
            "Response times: 2 hours",
            "Errors happen: call us at once",
            "[Opening hours](https://example.com/a_b?c=1)",
            "Thoughts: we like it",
            "¿Abren el domingo? Sí.",
            "42",
            "👍",
        ] {
            assert_eq!(clean(raw, 0).text.as_str(), raw);
        }
    }

    #[test]
    fn a_signal_is_found_however_it_is_written() {
        for mark in [
            "[[hand-off]]",
            "[[handover]]",
            "[[ Hand off ]]",
            "[[hand - off]]",
            "\\[\\[hand-off\\]\\]",
            "【hand-off】",
            "［［hand-off］］",
            "**[[hand-off]]**",
            "`[[hand-off]]`",
            "[[hand-o",
            "[[hand-off]",
        ] {
            let cleaned = clean(&format!("I pass you on. {mark}"), 3);
            assert_eq!(cleaned.text, "I pass you on.", "{mark}");
            assert!(cleaned.signals.hand_off, "{mark}");
        }
    }

    #[test]
    fn choices_are_found_however_they_are_written_and_never_shown() {
        for mark in [
            "[[choices: Small | Large]]",
            "[[Choices:Small|Large|]]",
            "[[ choice : **Small** | \"Large\" ]]",
            "\\[\\[choices: Small | Large\\]\\]",
            "【choices: Small | Large】",
            "**[[choices: Small | Large]]**",
            "`[[choices: Small | Large]]`",
            "[[choices:\nSmall\nLarge\n]]",
            "[[choices: Small [1] | Large [2]]]",
            "[[opciones: Small | Large]]",
            "[[choices: Small | Large]] [[choices: A | B]]",
        ] {
            let cleaned = clean(&format!("Which size [1]? {mark}"), 3);
            assert_eq!(cleaned.text, "Which size?", "{mark}");
            assert_eq!(cleaned.offers.choices, ["Small", "Large"], "{mark}");
            assert_eq!(cleaned.cited, [1], "{mark}: a label cites nothing");
        }
        let both = clean("Which? [[choices: A | B]]\n[[hand-off]]", 0);
        assert_eq!(
            (&*both.text, both.offers.choices.len(), both.signals.hand_off),
            ("Which?", 2, true)
        );
        let cut = clean("Which size? [[choices: Small | Lar", 0);
        assert_eq!(
            (&*cut.text, cut.offers.choices.len()),
            ("Which size?", 0),
            "half of a label misleads"
        );
        for raw in ["See [choices: many](https://a.example).", "Our choices: A | B."] {
            assert_eq!((&*clean(raw, 0).text, clean(raw, 0).offers.choices.len()), (raw, 0));
        }
    }

    #[test]
    fn files_and_places_are_found_however_they_are_written_and_never_shown() {
        for (mark, wanted) in [
            ("[[file: Price list.pdf]]", ["Price list.pdf"].as_slice()),
            ("[[File:Price list.pdf|Menu]]", &["Price list.pdf", "Menu"]),
            ("**[[files: \"Price list.pdf\"]]** [[file: price LIST.pdf]]", &["Price list.pdf"]),
            ("\\[\\[file: Price list.pdf\\]\\]", &["Price list.pdf"]),
            ("[[archivo: Menu]]\n[[الملف: القائمة]]", &["Menu", "القائمة"]),
            ("[[file[[file: Price list.pdf]]: Menu]]", &["Price list.pdf"]),
            ("[[file[[hand-off]]: Menu]] [[file[1]: Menu]]", &[]),
            ("[[file: Price li", &[]),
            ("[[file: Price list.pdf]", &[]),
        ] {
            let cleaned = clean(&format!("Here it is [1]. {mark}"), 3);
            assert_eq!(cleaned.text, "Here it is.", "{mark}");
            assert_eq!(cleaned.offers.files, wanted, "{mark}");
            assert!(cleaned.offers.choices.is_empty() && cleaned.offers.locations.is_empty());
        }
        let all = "Look [[location: Shop]] here. [[file: A]] [[choices: X | Y]]\n[[hand-off]]";
        let all = clean(all, 0);
        assert_eq!((&*all.text, all.signals.hand_off), ("Look here.", true));
        let Marks { choices, files, locations } = all.offers;
        assert_eq!((choices.len(), &*files[0], &*locations[0]), (2, "A", "Shop"));
        for raw in ["See [file: a](https://a.example).", "[[document: 3]]", "Our file: A."] {
            assert_eq!(clean(raw, 3).offers, Marks::default(), "{raw}");
        }
    }

    #[test]
    fn a_link_is_no_signal() {
        for raw in [
            "Read [handover](https://shop.example/handover) first.",
            "See [no answer](https://shop.example/faq) or [hand-off].",
        ] {
            let cleaned = clean(raw, 3);
            assert_eq!((cleaned.text.as_str(), cleaned.signals), (raw, Signals::default()));
        }
    }

    #[test]
    fn reasoning_never_reaches_the_customer() {
        for raw in [
            "<think>They ask when we open.</think>\nWe open at 9.",
            "<think>\n</think>\n\nWe open at 9.",
            "<THINK type=\"deep\">hm</think>We open at 9.",
            "<thinking>hm</thinking>We open at 9.",
            "<reasoning>a < b</reasoning>We open at 9.",
            "They ask when we open. The passage says 9.\n</think>\n\nWe open at 9.",
            "<think>a <think>b</think> c</think>We open at 9.",
            "We open at 9.<think>Was that right?",
            "<think>a</think>We open at 9.</think>",
            "<think/>We open at 9.",
            "[THINK]hm[/THINK]We open at 9.",
            "◁think▷hm◁/think▷We open at 9.",
            "<seed:think>hm</seed:think>We open at 9.",
            "<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>We open at 9.<|end_of_solution|>",
            "<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>We open at 9.<|END_RESPONSE|>",
            "<|channel|>analysis<|message|>User asks hours.<|end|><|start|>assistant<|channel|>final<|message|>We open at 9.<|return|>",
            "<|start|>assistant<|channel|>final <|constrain|>text<|message|>We open at 9.",
            "analysisUser asks hours. Answer: 9.assistantfinalWe open at 9.",
            "Thought: I should look.\nAction: search\nAction Input: hours\nObservation: 9\nThought: done\nFinal Answer: We open at 9.",
            "<think>x</think><answer>We open at 9.</answer>",
        ] {
            let cleaned = clean(raw, 3);
            assert_eq!(cleaned.text, OPEN, "{raw}");
            assert!(!cleaned.repairs.is_empty(), "{raw}");
        }
    }

    #[test]
    fn an_answer_that_is_only_reasoning_is_empty() {
        for raw in [
            "<think>They ask when we open and",
            "They ask when we open.</think>",
            "<think>hm</think>",
            "<|channel|>analysis<|message|>User asks hours and",
            "Thought: I should look.\nAction: search",
        ] {
            assert_eq!(text(raw), "", "{raw}");
        }
    }

    #[test]
    fn json_becomes_its_text_or_nothing() {
        for (raw, wanted) in [
            (r#"{"answer": "We open at 9."}"#, OPEN),
            ("```json\n{\"reply\": \"We open at 9.\"}\n```", OPEN),
            ("```\n{\"response\": \"We open at 9.\"}\n```", OPEN),
            ("Here you are:\n```json\n{\"text\": \"We open at 9.\"}\n```\nBye", OPEN),
            (r#"{"Answer": "We open at 9.", "confidence": 0.9, "sources": ["a.md"]}"#, OPEN),
            (r#"{"confidence": 1, "answer": "We open at 9."}"#, OPEN),
            (
                r#"{"data": {"output": {"content": [{"type": "x", "text": "We open at 9."}]}}}"#,
                OPEN,
            ),
            (
                r#"{"choices": [{"message": {"role": "assistant", "content": "We open at 9."}}]}"#,
                OPEN,
            ),
            (r#"[{"text": "We open at 9."}]"#, OPEN),
            (r#"["We open at 9."]"#, OPEN),
            (r#"{"answer": "{\"text\": \"We open at 9.\"}"}"#, OPEN),
            (r#"{"answer": "We open at 9."#, OPEN),
            (r#"{"answer": "We \"open\"\nat 9", "conf"#, "We \"open\"\nat 9"),
            ("{'answer': 'We open at 9.'}", OPEN),
            ("{'answer': \"We're open\", 'x': None}", "We're open"),
            ("We open at 9.\n{\"confidence\": 0.4}", OPEN),
            ("{\"intent\": \"hours\"}\nWe open at 9.", OPEN),
            (r#"{"intent": "hours", "confidence": 0.7}"#, ""),
            (r#"{"name": "search", "arguments": {"text": "hours"}}"#, ""),
            (r#"{"error": {"message": "Rate limit reached"}}"#, ""),
            (r#"{"error": {"message": "Rate limit rea"#, ""),
            (r#"{"intent": "hou"#, ""),
            ("{}", ""),
            ("[]", ""),
            ("null", ""),
            ("undefined", ""),
        ] {
            assert_eq!(text(raw), wanted, "{raw}");
        }
        let deep = "[".repeat(100_000);
        assert!(text(&deep).len() <= deep.len());
        let nested = format!("{}\"We open\"{}", r#"{"answer":"#.repeat(100), "}".repeat(100));
        assert_eq!(text(&nested), "", "too deep to be an answer");
    }

    #[test]
    fn traces_of_the_machine_are_taken_out() {
        for raw in [
            "<tool_call>\n{\"name\": \"search\"}\n</tool_call>\nWe open at 9.",
            "<function=search>{\"q\": 1}</function>We open at 9.",
            "We open at 9.<tool_call>{\"name\"",
            "We open at 9.[TOOL_CALLS] [{\"name\": \"x\"}]",
            "We open at 9.<|im_end|>",
            "We open at 9.<|im_end|>\n<|im_start|>user\nAnd Sunday?<|im_end|>",
            "<|start_header_id|>assistant<|end_header_id|>\n\nWe open at 9.<|eot_id|>",
            "<start_of_turn>model\nWe open at 9.<end_of_turn>",
            "<s>[INST] When do you open? [/INST] We open at 9.</s>",
            "<｜begin▁of▁sentence｜>We open at 9.<｜end▁of▁sentence｜>",
            "Assistant: We open at 9.",
            "Bot： We open at 9.",
            "**Answer:** We open at 9.",
            "__AI__: We open at 9.",
            "\"We open at 9.\"",
            "“We open at 9.”",
            "«We open at 9.»",
            "'We open at 9.'",
            "```markdown\nWe open at 9.\n```",
            "\"Assistant: <|im_start|>We open at 9.\"",
            "We open at 9.\0\u{7}",
        ] {
            assert_eq!(text(raw), OPEN, "{raw}");
        }
        assert_eq!(text("'We're open'"), "We're open");
    }

    #[test]
    fn a_stack_trace_is_no_answer() {
        for raw in [
            "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nValueError: x",
            "java.lang.NullPointerException: x\n\tat com.acme.Main.run(Main.java:3)",
            "Exception in thread \"main\" java.lang.Error",
            "TypeError: x is undefined\n    at f (/app/a.js:1:2)",
            "Uncaught ReferenceError: y\n  at <anonymous>:1:1",
            "thread 'main' panicked at src/main.rs:1:2:\nboom",
            "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        ] {
            let cleaned = clean(raw, 3);
            assert_eq!(cleaned.text, "", "{raw}");
            assert_eq!(cleaned.repairs.len(), 1, "{raw}");
        }
    }

    #[test]
    fn citation_marks_are_collected_and_taken_out() {
        for (raw, wanted, cited) in [
            ("We open at 9 [1].", OPEN, vec![1]),
            ("We open at 9.[2]", OPEN, vec![2]),
            ("We open at 9 [2][1].", OPEN, vec![2, 1]),
            ("We open at 9 [1], [2].", OPEN, vec![1, 2]),
            ("We open at 9 [1] and [3].", OPEN, vec![1, 3]),
            ("We open at 9 [1, 3].", OPEN, vec![1, 3]),
            ("We open at 9 [1-3].", OPEN, vec![1, 2, 3]),
            ("We open at 9 [^2].", OPEN, vec![2]),
            ("We open at 9 【1】.", OPEN, vec![1]),
            ("We open at 9 ([1]).", OPEN, vec![1]),
            ("We open at 9 (see [1], [2]).", OPEN, vec![1, 2]),
            ("We open at 9 [[1]](https://example.com).", OPEN, vec![1]),
            ("We open at 9 [Passage 1].", OPEN, vec![1]),
            ("We open at 9 [source: 2].", OPEN, vec![2]),
            ("[1] We open at 9.", OPEN, vec![1]),
            ("We open [1] at 9.", OPEN, vec![1]),
            ("We open[1]at 9.", OPEN, vec![1]),
            ("- [1] Mon\n- Tue [2]\n- Wed", "- Mon\n- Tue\n- Wed", vec![1, 2]),
            (
                "We open at 9 [1].\n\nSources:\n- [1] Hours, hours.md\n- [2] Prices",
                OPEN,
                vec![1, 2],
            ),
            ("We open at 9.\n\n**Sources:** [2], [3]", OPEN, vec![2, 3]),
            ("We open at 9 [^1].\n\n[^1]: hours.md", OPEN, vec![1]),
            ("営業は9時からです[1]。", "営業は9時からです。", vec![1]),
        ] {
            let cleaned = clean(raw, 3);
            assert_eq!((cleaned.text.as_str(), cleaned.cited), (wanted, cited), "{raw}");
            assert_eq!(cleaned.repairs, Vec::<String>::new(), "{raw}");
        }
    }

    #[test]
    fn signals_are_collected_and_taken_out() {
        let (call, gap) = ((true, false), (false, true));
        for (raw, wanted, signals) in [
            ("We open at 9. [[hand-off]]", OPEN, call),
            ("We open at 9 [1]. [[HAND OFF]]", OPEN, call),
            ("[[handoff]]\nWe open at 9.", OPEN, call),
            ("We open at 9.\n\n**[[hand-off]]**", OPEN, call),
            ("We open at 9. `[[hand-off]]`", OPEN, call),
            ("We open at 9. [[hand_over]]", OPEN, call),
            ("We open at 9. [hand_over]", "We open at 9. [hand_over]", (false, false)),
            ("We open at 9. [[hand‑off]]", OPEN, call),
            ("[[no answer]] We open at 9.", OPEN, gap),
            ("We open at 9 ([[no-answer]]).", OPEN, gap),
            ("<think>[[hand-off]]?</think>We open at 9.", OPEN, (false, false)),
            ("{\"answer\": \"We open at 9. [[hand-off]]\"}", OPEN, call),
            ("We open at 9. [[no answer]] [[hand-off]]", OPEN, (true, true)),
            ("[[hand-off]]", "", call),
            ("We open at 9. [[handov", OPEN, call),
            ("We open at 9. [[no ans", OPEN, gap),
            ("We open at 9. [[Handbo", OPEN, (false, false)),
            ("We open at 9. [[Handbook]", OPEN, (false, false)),
        ] {
            let cleaned = clean(raw, 3);
            let Signals { hand_off, no_answer } = cleaned.signals;
            assert_eq!((cleaned.text.as_str(), (hand_off, no_answer)), (wanted, signals), "{raw}");
        }
    }

    #[test]
    fn a_citation_of_what_was_not_retrieved_is_named() {
        let cleaned = clean("We open at 9 [1, 7]. Ask us [0] 【4:0†hours.md】.", 3);
        assert_eq!(cleaned.text, "We open at 9. Ask us.");
        assert_eq!(cleaned.cited, [1]);
        let named: Vec<bool> = ["[7]", "[0]"]
            .iter()
            .map(|mark| cleaned.repairs.iter().any(|repair| repair.contains(mark)))
            .collect();
        assert_eq!(named, [true, true], "{:?}", cleaned.repairs);
        assert_eq!(clean("We open at 9 [1].", 0).cited, Vec::<usize>::new());
    }

    #[test]
    fn a_very_long_answer_ends_with_a_sentence() {
        let cleaned = clean(&"We open at nine. ".repeat(3_000), 0);
        assert!(cleaned.text.ends_with("We open at nine."));
        assert!((11_900..=12_000).contains(&cleaned.text.chars().count()));
        assert_eq!(cleaned.repairs, ["shortened from 50999 characters"]);
        assert_eq!(clean(&"é".repeat(13_000), 0).text.chars().count(), 12_000);
    }

    proptest! {
        #[test]
        fn nothing_that_a_model_writes_panics(raw in ".{0,200}", passages in 0usize..5) {
            let _ = clean(&raw, passages);
        }

        #[test]
        fn no_machinery_is_left(parts in prop::collection::vec(prop::sample::select(vec![
            "We open", " at 9", ".", "\n", "[1]", "[9]", "(", ")", "<think>", "</think>", "`", "```", "```json\n", "{\"answer\": \"", "\"}", "{", "}",
            "<|im_end|>", "<|im_start|>user", "<tool_call>", "</tool_call>", "Assistant:", "\"", "<answer>", "é", "🙂", "<|channel|>final<|message|>",
        ]), 0..20)) {
            let cleaned = clean(&parts.concat(), 1);
            prop_assert!(!cleaned.text.contains("<|im_"), "{}", cleaned.text);
            prop_assert!(!cleaned.text.contains("<tool_call>"), "{}", cleaned.text);
            prop_assert!(!cleaned.text.contains("think>"), "{}", cleaned.text);
            prop_assert!(cleaned.cited.iter().all(|cited| *cited == 1));
        }
    }
}
