//! Part of cleaning: classifies what starts at a special character of a streamed answer. Decides
//! only when more text cannot change the decision.

use std::sync::LazyLock;

use regex::Regex;

use super::patterns::{MARK, OFFER, OFFER_BEGIN, OFFER_PREFIX, SIGNAL, UNFINISHED, fixed};
use super::wrapping::{THINK, THINK_END, THINK_START};

/// Maximum length of a tag and of a mark to wait for, in characters.
const MAX_TAG_CHARS: usize = 64;
const MAX_MARK_CHARS: usize = 40;
/// Maximum length of a mark with an offer to wait for, in bytes; of a longer one nothing is shown.
const MAX_OFFER_BYTES: usize = 2000;

/// Characters behind a special token and white space that show its role: the longest, `assistant`,
/// and what ends it.
const ROLE_CHARS: usize = 10;

/// Part of an answer that is hidden from the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HiddenPart {
    Reasoning,
    Tool,
    /// Everything to the end, such as a customer's turn that the model invented.
    Rest,
}

/// What starts at a special character, with its length in bytes.
pub(super) enum Verdict {
    /// More text is needed.
    Wait,
    Plain(usize),
    Mark(usize),
    Token(usize),
    Hide(usize, HiddenPart),
    Code(usize),
}

/// Classifies the start of `rest`. `last`: no more text follows.
pub(super) fn verdict(rest: &str, last: bool) -> Verdict {
    let known = match rest.chars().next() {
        Some('`') => ticks(rest, last),
        Some('(') => parenthesis(rest),
        Some('[' | '［' | '【') => bracket(rest),
        Some('\\') => escape(rest),
        Some('*' | '_') => emphasis(rest),
        _ => tag(rest, last),
    };
    match known {
        Verdict::Wait
            if last
                && (OFFER_BEGIN.is_match(rest)
                    || UNFINISHED.find(rest).is_some_and(|cut| cut.start() == 0)) =>
        {
            Verdict::Mark(rest.len())
        }
        Verdict::Wait if last => Verdict::Plain(rest.chars().next().map_or(0, char::len_utf8)),
        known => known,
    }
}

fn ticks(rest: &str, last: bool) -> Verdict {
    let run = rest.len() - rest.trim_start_matches('`').len();
    if run == rest.len() && !last {
        return Verdict::Wait;
    }
    match around_signal(rest, "`") {
        Verdict::Plain(_) => Verdict::Code(run),
        known => known,
    }
}

fn emphasis(rest: &str) -> Verdict {
    let around = if rest.starts_with('*') { "**" } else { "__" };
    if rest.len() < around.len() { Verdict::Wait } else { around_signal(rest, around) }
}

/// Classifies what stands around a signal: the same before and behind it.
fn around_signal(rest: &str, around: &str) -> Verdict {
    let Some(inner) = rest.strip_prefix(around) else { return Verdict::Plain(1) };
    let known = match inner.chars().next() {
        None => Verdict::Wait,
        Some('[' | '［' | '【') => bracket(inner),
        Some('\\') => escape(inner),
        Some(_) => Verdict::Plain(1),
    };
    let Verdict::Mark(length) = known else {
        return if matches!(known, Verdict::Wait) { known } else { Verdict::Plain(around.len()) };
    };
    let (mark, after) = inner.split_at_checked(length).unwrap_or((inner, ""));
    if !SIGNAL.is_match(mark) && !OFFER_BEGIN.is_match(mark) {
        Verdict::Plain(around.len())
    } else if after.starts_with(around) {
        Verdict::Mark(length + 2 * around.len())
    } else if around.starts_with(after) {
        Verdict::Wait
    } else {
        Verdict::Plain(around.len())
    }
}

/// Classifies a backslash: Markdown writes `\[` for a bracket.
fn escape(rest: &str) -> Verdict {
    match rest.chars().nth(1) {
        None => Verdict::Wait,
        Some('[' | '［') => bracket(rest),
        Some(_) => Verdict::Plain(1),
    }
}

fn parenthesis(rest: &str) -> Verdict {
    let Some(inner) = rest.get(1..).filter(|inner| !inner.is_empty()) else { return Verdict::Wait };
    if !inner.starts_with(['[', '［', '\\']) {
        return Verdict::Plain(1);
    }
    match bracket(inner) {
        Verdict::Wait => Verdict::Wait,
        Verdict::Mark(length) => match inner.get(length..).and_then(|after| after.chars().next()) {
            None => Verdict::Wait,
            Some(')') => Verdict::Mark(length + 2),
            Some(_) => Verdict::Plain(1),
        },
        _ => Verdict::Plain(1),
    }
}

/// Classifies a mark with choices, files or places, which holds text of any kind.
fn offer(rest: &str) -> Verdict {
    let end = OFFER.find(rest).map_or(rest.len(), |mark| mark.end());
    // What follows may be a third bracket, or the end of the answer.
    if end < rest.len() {
        Verdict::Mark(end)
    } else if rest.len() > MAX_OFFER_BYTES {
        Verdict::Hide(0, HiddenPart::Rest)
    } else {
        Verdict::Wait
    }
}

fn bracket(rest: &str) -> Verdict {
    if OFFER_BEGIN.is_match(rest) {
        return offer(rest);
    }
    if OFFER_PREFIX.is_match(rest) {
        return Verdict::Wait;
    }
    let open = rest.chars().next().map_or(0, char::len_utf8);
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ,;:#^-‐‑–†_./[［\\".contains(c);
    let end = rest.char_indices().skip(1).take(MAX_MARK_CHARS).find(|(_, c)| !allowed(*c));
    let Some((end, close)) = end else {
        let long = rest.chars().nth(MAX_MARK_CHARS).is_some();
        return if long { Verdict::Plain(open) } else { Verdict::Wait };
    };
    let mut end = end + close.len_utf8();
    if opens_twice(rest) && matches!(close, ']' | '］') {
        let after = rest.get(end..).unwrap_or("");
        let escaped = usize::from(after.starts_with('\\'));
        match after.chars().nth(escaped) {
            None => return Verdict::Wait,
            Some(second @ (']' | '］')) => end += escaped + second.len_utf8(),
            Some(_) => {}
        }
    }
    let whole = rest.get(..end).unwrap_or("");
    match whole {
        "[THINK]" => Verdict::Hide(end, HiddenPart::Reasoning),
        "[TOOL_CALLS]" => Verdict::Hide(end, HiddenPart::Rest),
        "[/THINK]" | "[INST]" | "[/INST]" => Verdict::Token(end),
        _ if [&*MARK, &*SIGNAL]
            .iter()
            .any(|marks| marks.find(whole).is_some_and(|mark| mark.range() == (0..end))) =>
        {
            Verdict::Mark(end)
        }
        _ => Verdict::Plain(open),
    }
}

/// Whether a text begins with two brackets, each of which may be escaped.
fn opens_twice(rest: &str) -> bool {
    let open = |rest: &str| {
        let bare = rest.strip_prefix('\\').unwrap_or(rest);
        bare.strip_prefix(['[', '［']).map(str::len)
    };
    open(rest).is_some_and(|left| rest.get(rest.len() - left..).and_then(open).is_some())
}

fn tag(rest: &str, last: bool) -> Verdict {
    let open = rest.chars().next().map_or(0, char::len_utf8);
    let may_begin = |c: char| c.is_alphabetic() || matches!(c, '/' | '|' | '｜' | '<' | '0');
    if rest.chars().nth(1).is_some_and(|c| !may_begin(c)) {
        return Verdict::Plain(open);
    }
    let is_reasoning = THINK_START.is_match(rest);
    let ends = |c: char| matches!(c, '>' | '▷') || (c == '\n' && !is_reasoning);
    let mut inside = rest.char_indices().skip(1).take(MAX_TAG_CHARS);
    let Some((end, close)) = inside.find(|(_, c)| ends(*c)) else {
        return match rest.chars().nth(MAX_TAG_CHARS) {
            None => Verdict::Wait,
            Some(_) if is_reasoning => Verdict::Hide(open, HiddenPart::Reasoning),
            Some(_) => Verdict::Plain(open),
        };
    };
    let end = end + close.len_utf8();
    let (tag, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if THINK_END.is_match(tag) {
        Verdict::Token(end)
    } else if THINK.is_match(tag) {
        if tag.ends_with("/>") {
            Verdict::Token(end)
        } else {
            Verdict::Hide(end, HiddenPart::Reasoning)
        }
    } else if tag == "<|channel|>" {
        Verdict::Hide(0, HiddenPart::Reasoning)
    } else if TOOL_START.is_match(tag) {
        Verdict::Hide(end, HiddenPart::Tool)
    } else if TURN_START.is_match(tag) {
        turn(end, after, last)
    } else if TAG.is_match(tag) {
        Verdict::Token(end)
    } else {
        Verdict::Plain(open)
    }
}

/// Classifies a special token that begins a chat turn, with the role after it.
fn turn(end: usize, after: &str, last: bool) -> Verdict {
    let behind = after.trim_start();
    if behind.chars().nth(ROLE_CHARS - 1).is_none() && !last {
        return Verdict::Wait;
    }
    let blank = after.len() - behind.len();
    let role: String = behind.chars().take_while(char::is_ascii_alphabetic).collect();
    match role.to_ascii_lowercase().as_str() {
        "user" | "human" => Verdict::Hide(end, HiddenPart::Rest),
        "assistant" | "model" | "system" | "bot" => Verdict::Token(end + blank + role.len()),
        _ => Verdict::Token(end),
    }
}

static TOOL_START: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)\A<(?:(?:tool_calls?|tool_response|function_calls?|function|invoke)\b|｜tool▁calls▁begin|\|python_tag)",
    )
});

static TURN_START: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"\A<(?:\|(?:im_start|start_header_id|start)\||start_of_turn)>\z"));

/// Special tokens, and tags around an answer.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)\A(?:<[|｜][^<>|｜\n]{1,48}[|｜]>|</?s>|<</?SYS>|<(?:start|end)_of_turn>|<(?:eos|bos|pad|unk|eot)>|<0x[0-9a-f]{2}>|</?(?:answer|final|final_answer|response|output|assistant|colleague|passages|quoted)>)\z",
    )
});
