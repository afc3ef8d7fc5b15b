//! Part of cleaning: removes what a model wraps around its answer (reasoning, channels, tool calls,
//! special tokens, JSON, fences, roles, quotes). Must not touch citation marks: `answer.rs` does.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::patterns::fixed;

/// Maximum depth at which JSON is searched for an answer's text.
const MAX_JSON_DEPTH: usize = 8;

/// JSON fields that hold the answer's text, the most reliable first.
const FIELDS: [&str; 8] =
    ["answer", "final_answer", "reply", "response", "text", "message", "content", "output"];

/// JSON fields of tool calls and errors, which are no answer.
const NO_ANSWER: [&str; 6] =
    ["error", "arguments", "parameters", "tool_calls", "function_call", "traceback"];

/// Removes one kind of wrapping; `None` if there is none.
pub(super) type Unwrap = fn(&str) -> Option<String>;

/// All kinds in the order of removal, each with its description for the repairs.
pub(super) const UNWRAPS: [(Unwrap, &str); 8] = [
    (without_channels, "removed reasoning"),
    (without_reasoning, "removed reasoning"),
    (without_tools, "removed a tool call"),
    (without_tokens, "removed special tokens"),
    (out_of_fence, "removed a fence around the whole answer"),
    (out_of_json, "took the text out of JSON"),
    (without_role, "removed a role prefix"),
    (without_quotes, "removed quotes around the whole answer"),
];

fn without_channels(text: &str) -> Option<String> {
    if let Some(last) = FINAL_CHANNEL.find_iter(text).last() {
        return text.get(last.end()..).map(str::to_owned);
    }
    removed(&OTHER_CHANNEL, text)
}

/// Removes the text between reasoning tags. Without an end tag, reasoning goes to the end; without
/// a start tag, everything before the end tag is reasoning.
fn without_reasoning(text: &str) -> Option<String> {
    let mut said = String::new();
    let mut from = 0;
    let mut closed = false;
    let mut tag = THINK.find(text)?;
    loop {
        let before = text.get(from..tag.start()).unwrap_or("");
        let closing = THINK_END.is_match(tag.as_str());
        from = tag.end();
        if !closing {
            said.push_str(before);
            if !tag.as_str().ends_with("/>") {
                let rest = text.get(from..).unwrap_or("");
                from = THINK_END.find(rest).map_or(text.len(), |end| from + end.end());
                closed = true;
            }
        } else if closed && text.get(from..).unwrap_or("").trim().is_empty() {
            said.push_str(before);
        } else {
            said.clear();
        }
        match THINK.find_at(text, from) {
            Some(next) => tag = next,
            None => break,
        }
    }
    said.push_str(text.get(from..).unwrap_or(""));
    Some(said)
}

fn without_tools(text: &str) -> Option<String> {
    removed(&TOOL, text)
}

fn without_tokens(text: &str) -> Option<String> {
    removed(&TOKEN, text)
}

fn without_role(text: &str) -> Option<String> {
    removed(&ROLE, text)
}

fn removed(pattern: &Regex, text: &str) -> Option<String> {
    pattern.is_match(text).then(|| pattern.replace_all(text, "").into_owned())
}

fn out_of_fence(text: &str) -> Option<String> {
    let inner = TEXT_FENCE.captures(text)?.get(1)?.as_str();
    (!inner.contains("```")).then(|| inner.to_owned())
}

fn without_quotes(text: &str) -> Option<String> {
    const PAIRS: [(char, char); 8] = [
        ('"', '"'),
        ('“', '”'),
        ('„', '“'),
        ('«', '»'),
        ('‘', '’'),
        ('\'', '\''),
        ('「', '」'),
        ('”', '”'),
    ];
    PAIRS.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        let mut before = ' ';
        let mut letters = inner.chars().peekable();
        while let Some(c) = letters.next() {
            let within =
                before.is_alphanumeric() && letters.peek().is_some_and(|c| c.is_alphanumeric());
            if (c == *open || c == *close) && !within {
                return None;
            }
            before = c;
        }
        Some(inner.to_owned())
    })
}

/// Returns the answer's text if the answer is JSON, or contains JSON beside words.
fn out_of_json(text: &str) -> Option<String> {
    if let Some(fence) = JSON_FENCE.captures(text) {
        let (whole, inner) = (fence.get(0)?, fence.get(1)?.as_str());
        let rest = [text.get(..whole.start())?, text.get(whole.end()..)?].join("\n\n");
        if let Some((found, _)) = leading_json(inner) {
            return Some(found.unwrap_or(rest));
        }
    }
    if let Some((found, end)) = leading_json(text) {
        let rest = text.get(end..).unwrap_or("");
        return Some(found.unwrap_or_else(|| rest.to_owned()));
    }
    let trailing = |at: &usize| {
        let tail = text.get(*at..).unwrap_or("").trim();
        serde_json::from_str::<Value>(tail).is_ok_and(|value| value.is_object())
    };
    let at = text.match_indices("\n{").map(|(at, _)| at).take(32).find(trailing)?;
    text.get(..at).map(str::to_owned)
}

/// Parses JSON at the start: returns its text, if any, and its end. `None` if there is no JSON.
fn leading_json(text: &str) -> Option<(Option<String>, usize)> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next()? {
        Ok(Value::Array(items)) if items.iter().all(Value::is_number) => None,
        Ok(value) => Some((answer_in(&value, MAX_JSON_DEPTH), values.byte_offset())),
        Err(_) if !JSON_START.is_match(text) => None,
        Err(_) => Some((answer_in_broken(text), text.len())),
    }
}

fn answer_in(value: &Value, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(|item| answer_in(item, depth)),
        Value::Object(fields) => {
            let named = |name: &str| {
                let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value).filter(|value| !value.is_null())
            };
            if NO_ANSWER.iter().any(|name| named(name).is_some()) {
                return None;
            }
            let known = FIELDS.iter().filter_map(|name| named(name));
            known
                .chain(fields.values().filter(|value| !value.is_string()))
                .find_map(|value| answer_in(value, depth))
        }
        _ => None,
    }
}

/// Extracts the text from truncated JSON or from a Python dictionary.
fn answer_in_broken(text: &str) -> Option<String> {
    if NO_ANSWER_FIELD.is_match(text) {
        return None;
    }
    let found = ANSWER_FIELD.captures(text)?;
    if let Some(single) = found.get(2) {
        return Some(single.as_str().replace("\\'", "'").replace("\\n", "\n"));
    }
    let escaped = found.get(1)?.as_str();
    Some(serde_json::from_str(&format!("\"{escaped}\"")).unwrap_or_else(|_| escaped.to_owned()))
}

/// Names of reasoning tags.
const THINK_WORDS: &str =
    "(?:seed:)?(?:think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad)";
/// A start or end tag of reasoning.
pub(super) static THINK: LazyLock<Regex> = LazyLock::new(|| {
    let start = format!(
        r"<\s*{THINK_WORDS}\b[^<>]*>|\[THINK\]|◁think▷|<\|(?:begin_of_thought|start_thinking)\|>"
    );
    fixed(&format!("(?i){start}|{}", think_end()))
});

/// The start of a start tag of reasoning, which may go over several lines.
pub(super) static THINK_START: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r"(?i)\A<{THINK_WORDS}\b")));

/// An end tag of reasoning.
pub(super) static THINK_END: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!("(?i){}", think_end())));

/// The pattern of an end tag of reasoning. It has at most 250 bytes and spans no other end, so that
/// it is found in the last bytes of a streamed part.
fn think_end() -> String {
    format!(
        r"</\s{{0,32}}{THINK_WORDS}\b[^<>\[◁]{{0,32}}>|\[/THINK\]|◁/think▷|<\|(?:end_of_thought|end_thinking)\|>"
    )
}

/// The header of the channel meant for the customer, also when its special tokens are lost.
static FINAL_CHANNEL: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"(?s)<\|channel\|>\s*final\b.{0,80}?<\|message\|>|\Aanalysis.*?assistant\s?final")
});

/// Any other channel.
static OTHER_CHANNEL: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?s)<\|channel\|>\s*(?:analysis|commentary)\b.*?(?:<\|(?:end|return|call|start)\|>|\z)|\Aanalysis[A-Z].*\z",
    )
});

/// Tool calls and their results, to their end.
static TOOL: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"(?is)<(?:tool_calls?|tool_response|function_calls?|function|invoke)\b[^>]*>.*?(?:</(?:tool_calls?|tool_response|function_calls?|function|invoke)>|\z)",
        r"|<｜tool▁calls▁begin｜>.*?(?:<｜tool▁calls▁end｜>|\z)|<\|python_tag\|>.*\z|\[TOOL_CALLS\].*\z",
        r"|\Athought:.*?\n\s*final answer:\s*|\Athought:.*\n\s*action:.*\z"
    ))
});

/// Special tokens of chat templates, an invented customer's turn, and tags around an answer.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"(?is)(?:<\|(?:im_start|start_header_id|start)\|>|<start_of_turn>)\s*(?:user|human)\b.*\z|\[INST\].*?\[/INST\]",
        r"|(?:<\|(?:im_start|start_header_id|start)\|>|<start_of_turn>)\s*(?:(?:assistant|model|system|bot)\b\s*)?",
        r"|<[|｜][^<>|｜\n]{1,48}[|｜]>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:eos|bos|pad|unk|eot)>",
        r"|<0x[0-9a-f]{2}>|</?(?:answer|final|final_answer|response|output|assistant|colleague|passages|quoted)>"
    ))
});

/// A plain-text fence around the whole answer.
static TEXT_FENCE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?s)\A```(?:markdown|md|text|txt|plaintext)[ \t]*\n(.*?)\n?```\z"));

/// A fenced block that may be JSON.
static JSON_FENCE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?s)```(?:json|JSON|python)?\s*([\[{].*?)\s*(?:```|\z)"));

/// A start that only JSON has, complete or broken.
pub(super) static JSON_START: LazyLock<Regex> =
    LazyLock::new(|| fixed(r#"\A[\[{]\s*(?:[\[{]\s*)*["'][^"'\n]{1,64}["']\s*:|\A\{\s*\}\z"#));

/// A field with the answer, up to its end or where it is cut off.
static ANSWER_FIELD: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r#"(?is)["'](?:final_)?(?:answer|reply|response|text|message|content|output)["']\s*:\s*(?:"((?:[^"\\]|\\.)*)|'((?:[^'\\]|\\.)*))"#,
    )
});

/// A field that marks a tool call or an error.
static NO_ANSWER_FIELD: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r#"(?i)["'](?:error|arguments|parameters|tool_calls|function_call|traceback)["']\s*:"#)
});

/// A role prefix before the answer.
pub(super) static ROLE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)\A(?:(?:\*\*|__)(?:ai assistant|assistant|ai|bot|chatbot|final answer|answer|reply|response)\s*(?:[:：]\s*(?:\*\*|__)|(?:\*\*|__)\s*[:：])|(?:ai assistant|assistant|ai|bot|chatbot|final answer|answer|reply|response)\s*[:：])\s*",
    )
});
