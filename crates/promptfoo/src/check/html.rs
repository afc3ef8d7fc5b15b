//! `is-html` and `contains-html`.

use std::cell::RefCell;
use std::sync::LazyLock;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, StartTag, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use regex::Regex;

use super::GradingResult;
use super::prepare::PreparedAssertion;

const MAX_LEN: usize = 10 * 1024 * 1024;
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];
const WRAPPERS: &[&str] = &["html", "head", "body"];
const KNOWN: &str = "title base link meta style article section nav aside h1 h2 h3 h4 h5 h6 header footer address p hr pre \
blockquote ol ul li dl dt dd figure figcaption main div a em strong small s cite q dfn abbr ruby rt rp data time code var samp kbd \
sub sup i b u mark bdi bdo span br wbr img iframe embed object param picture source video audio track map area svg math script \
noscript canvas ins del table caption colgroup col tbody thead tfoot tr td th form label input button select datalist optgroup \
option textarea output progress meter fieldset legend details summary dialog menu slot template html head body";

/// `is-html`: all text of the answer is inside HTML elements.
pub(super) fn is_html(given: &PreparedAssertion<'_>) -> GradingResult {
    let wrong = wrong_with(&given.text);
    given.verdict(wrong.is_none(), |_| wrong.unwrap_or("Output is valid HTML").to_owned())
}

fn wrong_with(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Some("Output is empty");
    }
    if text.len() > MAX_LEN {
        return Some("Output exceeds maximum size limit");
    }
    if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("<?xml")) {
        return Some("Output appears to be XML, not HTML");
    }
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(text));
    // The tokenizer stops at the end of a script; feed it again until all input is read.
    while !matches!(tokenizer.feed(&queue), html5ever::TokenizerResult::Done) {}
    tokenizer.end();
    let seen = tokenizer.sink.0.into_inner();
    if seen.loose_text && !seen.body {
        return Some("Output must be wrapped in HTML tags");
    }
    (!seen.known).then_some("Output does not contain recognized HTML elements")
}

#[derive(Default)]
struct HtmlState {
    open: Vec<String>,
    loose_text: bool,
    body: bool,
    known: bool,
}

#[derive(Default)]
struct Reader(RefCell<HtmlState>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut seen = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) if seen.open.is_empty() => {
                seen.loose_text |= !text.trim().is_empty();
            }
            Token::TagToken(tag) => return seen.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl HtmlState {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if tag.kind != StartTag {
            if let Some(at) = self.open.iter().rposition(|open| open == name) {
                self.open.truncate(at);
            }
            return TokenSinkResult::Continue;
        }
        self.known |= name.contains('-') || KNOWN.split(' ').any(|known| known == name);
        self.body |= name == "body";
        if WRAPPERS.contains(&name) || VOID.contains(&name) || self.open.len() > 10_000 {
            return TokenSinkResult::Continue;
        }
        self.open.push(name.to_owned());
        match name {
            "script" => TokenSinkResult::RawData(ScriptData),
            "style" | "iframe" | "noscript" => TokenSinkResult::RawData(Rawtext),
            "textarea" | "title" => TokenSinkResult::RawData(Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}

struct Signs {
    opening: Regex,
    closing: Regex,
    /// Other signs of HTML, each with its weight.
    others: Vec<(Regex, u32)>,
}

static SIGNS: LazyLock<Signs> = LazyLock::new(|| {
    let pattern = |text: &str| Regex::new(text).expect("the pattern is right");
    let common = "html|head|body|div|span|p|a|img|h[1-6]|ul|ol|li|table|tr|td|th|form|input|button|script|style|link|meta|br|hr";
    Signs {
        opening: pattern(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^>]*)?>"),
        closing: pattern(r"</[a-zA-Z][a-zA-Z0-9-]*\s*>"),
        others: vec![
            (pattern(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^>]*)?/>"), 1),
            (pattern(r"&(?:[a-zA-Z]+|#[0-9]+|#x[0-9a-fA-F]+);"), 1),
            (pattern(r"(?i)<!DOCTYPE\s+html"), 2),
            (pattern(r"<!--[^-]*(?:-[^-]+)*-->"), 1),
            (pattern(r#"\s[a-zA-Z-]+=\s*["'][^"']*["']"#), 1),
            (pattern(&format!(r"(?i)<({common})\b")), 2),
        ],
    }
});

/// `contains-html`: signs with a total weight of at least 2.
pub(super) fn contains_html(given: &PreparedAssertion<'_>) -> GradingResult {
    let text = &given.text;
    let tags = u32::from(SIGNS.opening.is_match(text)) + u32::from(SIGNS.closing.is_match(text));
    let others =
        SIGNS.others.iter().filter(|(sign, _)| sign.is_match(text)).map(|(_, counts)| counts);
    let found = text.len() <= MAX_LEN && tags + others.sum::<u32>() >= 2;
    given.verdict(found, |not| format!("Expected output to {not}contain HTML content"))
}
