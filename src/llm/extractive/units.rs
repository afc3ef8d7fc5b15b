//! Part of the answers without a model: splits a passage's body into units that can be quoted, such
//! as sentences, list items, rows and records. Must not judge relevance to the question.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::LazyLock;

use frontdesk_language::sentences;
use frontdesk_language::weekdays::Weekdays;
use regex::Regex;

use super::words::Words;
use crate::domain::Chunk;

/// Line length above which a paragraph counts as hard-wrapped, in characters.
const HARD_WRAP_LEN: usize = 60;

/// A piece of text that can be quoted alone or with its neighbours.
#[derive(Debug)]
pub(super) struct Unit {
    /// The text to quote.
    pub(super) text: String,
    /// Stems of the words in the text.
    pub(super) stems: Vec<String>,
    /// Number ranges in the text, such as 177 to 185.
    pub(super) ranges: Vec<(f32, f32)>,
    /// Weekdays that it is about, if the message asks about one.
    pub(super) days: Weekdays,
    /// The block that holds the unit.
    pub(super) block: Rc<Block>,
}

/// A paragraph, a list, a table or a record of a passage.
#[derive(Debug)]
pub(super) struct Block {
    /// The passage's citation mark.
    pub(super) mark: usize,
    /// Retrieval score of the passage relative to the best one, 0 to 1.
    pub(super) relative_score: f32,
    pub(super) kind: Kind,
    /// The line that introduces a list or table; empty when there is none.
    pub(super) intro: String,
    /// The line above it that names it or asks what it answers; empty when there is none.
    pub(super) caption: String,
    /// The innermost heading of the passage, or its title.
    pub(super) heading: String,
    /// Whether a question stands right above the block, so that the block answers it.
    pub(super) answers: bool,
    /// Stems of the title, headings, caption, introduction and column names, and of a whole record.
    pub(super) stems: Vec<String>,
    /// The whole record, because one field alone says little; empty for other kinds.
    pub(super) record: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Consecutive sentences.
    Prose,
    List,
    Rows,
    /// One row of a CSV or TSV file, with one unit per field.
    Record,
}

/// Splits a passage into its units, in reading order.
pub(super) fn read(mark: usize, standing: f32, chunk: &Chunk, words: &Words) -> Vec<Unit> {
    let heading = chunk.heading.rsplit(" > ").next().filter(|heading| !heading.is_empty());
    let heading = heading.unwrap_or(&chunk.title).to_owned();
    let mut above = format!("{}\n{}", chunk.title, chunk.heading);
    let body = without_marks(&chunk.body);
    let mut units = Vec::new();
    for paragraph in PARAGRAPHS.split(body.trim()) {
        let mut lines: Vec<&str> =
            paragraph.lines().filter(|line| !line.trim().is_empty()).collect();
        let asked =
            lines.first().is_some_and(|first| is_caption(first, lines.len(), &chunk.heading));
        let caption = if asked { lines.remove(0) } else { "" };
        above.push('\n');
        above.push_str(caption);
        let parsed = parse(&lines, is_rows_file(&chunk.source) && !asked);
        let record =
            if parsed.kind == Kind::Record { parsed.texts.join("\n") } else { String::new() };
        let block = Rc::new(Block {
            mark,
            relative_score: standing,
            kind: parsed.kind,
            intro: parsed.intro.to_owned(),
            caption: caption.to_owned(),
            answers: caption.ends_with(['?', '？', '؟']),
            heading: heading.clone(),
            stems: words.stems(&format!("{above}\n{}\n{}\n{record}", parsed.intro, parsed.columns)),
            record,
        });
        units.extend(parsed.texts.into_iter().map(|text| Unit::new(text, &block, words)));
    }
    units
}

/// The body without marks that would read as citations.
pub(super) fn without_marks(body: &str) -> Cow<'_, str> {
    MARKS.replace_all(body, "")
}

impl Unit {
    fn new(text: String, block: &Rc<Block>, words: &Words) -> Self {
        let number = |found: &str| found.replace(',', ".").parse::<f32>().ok();
        let ranges = RANGE
            .captures_iter(&text)
            .filter_map(|range| Some((number(&range[1])?, number(&range[2])?)));
        let (stems, days) = (words.stems(&text), words.days(&text));
        Self { stems, ranges: ranges.collect(), days, text, block: block.clone() }
    }
}

/// Returns whether a paragraph's first line is a caption: a question with its answer below it, or a
/// heading.
fn is_caption(first: &str, lines: usize, headings: &str) -> bool {
    let short =
        first.chars().count() <= HARD_WRAP_LEN && !first.ends_with(['.', '!', ':', ';', ',']);
    let plain = !first.contains(": ") && !is_item(first);
    lines > 1
        && (first.ends_with(['?', '？', '؟']) || headings.ends_with(first) || (short && plain))
}

/// Whether each section of a file is a row, and speaks of something else.
pub(super) fn is_rows_file(source: &str) -> bool {
    let ending = source.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    matches!(ending.as_str(), "csv" | "tsv")
}

struct ParsedBlock<'a> {
    kind: Kind,
    intro: &'a str,
    /// Column names of a two-column table; empty otherwise.
    columns: &'a str,
    texts: Vec<String>,
}

fn parse<'a>(lines: &[&'a str], record: bool) -> ParsedBlock<'a> {
    let owned =
        |lines: &[&str]| lines.iter().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    if record {
        return ParsedBlock { kind: Kind::Record, intro: "", columns: "", texts: owned(lines) };
    }
    let (first, rest) = lines.split_first().map_or(("", lines), |(first, rest)| (*first, rest));
    let introduced = first.trim_end().ends_with([':', '：']) && !rest.is_empty();
    let (intro, body) = if introduced { (first.trim(), rest) } else { ("", lines) };
    if body.first().is_some_and(|line| is_item(line)) {
        return ParsedBlock { kind: Kind::List, intro, columns: "", texts: items(body) };
    }
    if body.len() > usize::from(!introduced)
        && body.iter().all(|line| line.contains(": ") && line.chars().count() < 300)
    {
        let wide = body.iter().all(|line| line.contains("; "));
        // The first row of a two-column table holds the column names.
        let (columns, rows) = match body.split_first() {
            Some((columns, rows)) if !wide && !rows.is_empty() => (*columns, rows),
            _ => ("", body),
        };
        return ParsedBlock { kind: Kind::Rows, intro, columns, texts: owned(rows) };
    }
    ParsedBlock { kind: Kind::Prose, intro: "", columns: "", texts: sentences_of(lines) }
}

fn is_item(line: &str) -> bool {
    ITEM.is_match(line)
}

/// Returns the list items without their bullets. Indented lines belong to the item above.
fn items(lines: &[&str]) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in lines {
        let further_in = line.starts_with("  ");
        let words = ITEM.replace(line, "");
        match items.last_mut().filter(|_| further_in || !is_item(line)) {
            Some(item) => {
                item.push_str(if further_in && is_item(line) && !item.ends_with(':') {
                    "; "
                } else {
                    " "
                });
                item.push_str(words.trim());
            }
            None => items.push(words.trim().to_owned()),
        }
    }
    items
}

fn sentences_of(lines: &[&str]) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let line = line.trim();
        match paragraphs.last_mut().filter(|_| goes_on) {
            Some(paragraph) => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
            None => paragraphs.push(line.to_owned()),
        }
        goes_on = line.chars().count() > HARD_WRAP_LEN && !line.ends_with(['.', '!', '?', ':']);
    }
    let mut found: Vec<String> = Vec::new();
    for paragraph in paragraphs {
        let parts = sentences(&paragraph).into_iter().map(str::trim);
        found.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
    }
    found
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of this file are fixed, and tested")
}

/// Two numbers joined by a range word or dash, in several languages.
static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(\d+(?:[.,]\d+)?) ?(?:[a-z]{1,3} )?(?:to|-|–|—|a|bis|à|até|hasta|and|und|y|et|e) ?(\d+(?:[.,]\d+)?)\b",
    )
});

static PARAGRAPHS: LazyLock<Regex> = LazyLock::new(|| fixed(r"\n[ \t]*\n\s*"));

static ITEM: LazyLock<Regex> = LazyLock::new(|| fixed(r"^\s*(?:[-*+•–]|\d{1,3}[.)])\s+"));

/// Marks in a document, removed because they would read as citations.
static MARKS: LazyLock<Regex> = LazyLock::new(|| fixed(r"\[\^?\d{1,2}\]"));
