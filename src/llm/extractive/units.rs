//! Part of the answers without a model: a passage's body to the units that can be said, such as sentences, list
//! items, rows and records. Decides nothing about questions.

use std::rc::Rc;
use std::sync::LazyLock;

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use super::words::Words;
use crate::domain::Chunk;

/// A paragraph whose lines are this long was wrapped, in characters.
const WRAPPED: usize = 60;

/// Something that can be said by itself or with its neighbours.
#[derive(Debug)]
pub(super) struct Unit {
    /// What is said.
    pub(super) text: String,
    /// Its own words.
    pub(super) stems: Vec<String>,
    /// The ranges of numbers in it, such as 177 to 185.
    pub(super) ranges: Vec<(f32, f32)>,
    /// The part of the body that it belongs to.
    pub(super) block: Rc<Block>,
}

/// A paragraph, a list, a table or a record of a passage.
#[derive(Debug)]
pub(super) struct Block {
    /// The passage's citation mark.
    pub(super) mark: usize,
    /// How good the passage is compared with the best one, 0 to 1.
    pub(super) standing: f32,
    pub(super) kind: Kind,
    /// The line that introduces a list; empty without one.
    pub(super) intro: String,
    /// The heading right above the passage, or its title.
    pub(super) heading: String,
    /// Whether it is the answer to a question that stands above it.
    pub(super) answers: bool,
    /// The words of title, headings, introduction, and of the question that a customer might have asked.
    pub(super) stems: Vec<String>,
    /// All of a record, whose fields say little alone; else empty.
    pub(super) record: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sentences that follow each other.
    Prose,
    /// Items of a list.
    List,
    /// Rows of a table.
    Rows,
    /// One row of a file of rows: a unit for each field.
    Record,
}

/// The units of a passage, in reading order.
pub(super) fn read(mark: usize, standing: f32, chunk: &Chunk, words: &Words) -> Vec<Unit> {
    let heading = chunk.heading.rsplit(" > ").next().filter(|heading| !heading.is_empty());
    let heading = heading.unwrap_or(&chunk.title).to_owned();
    let mut above = format!("{}\n{}", chunk.title, chunk.heading);
    let body = MARKS.replace_all(&chunk.body, "");
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
            standing,
            kind: parsed.kind,
            intro: parsed.intro.to_owned(),
            answers: caption.ends_with(['?', '？', '؟']),
            heading: heading.clone(),
            stems: words.stems(&format!("{above}\n{}\n{}\n{record}", parsed.intro, parsed.columns)),
            record,
        });
        units.extend(parsed.texts.into_iter().map(|text| Unit::new(text, &block, words)));
    }
    units
}

impl Unit {
    fn new(text: String, block: &Rc<Block>, words: &Words) -> Self {
        let number = |found: &str| found.replace(',', ".").parse::<f32>().ok();
        let ranges = RANGE
            .captures_iter(&text)
            .filter_map(|range| Some((number(&range[1])?, number(&range[2])?)));
        Self { stems: words.stems(&text), ranges: ranges.collect(), text, block: block.clone() }
    }
}

/// Whether a paragraph's first line names what follows: a question with its answer below it, or a heading.
fn is_caption(first: &str, lines: usize, headings: &str) -> bool {
    let short = first.chars().count() <= WRAPPED && !first.ends_with(['.', '!', ':', ';', ',']);
    let plain = !first.contains(": ") && !is_item(first);
    lines > 1
        && (first.ends_with(['?', '？', '؟']) || headings.ends_with(first) || (short && plain))
}

fn is_rows_file(source: &str) -> bool {
    let ending = source.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    matches!(ending.as_str(), "csv" | "tsv")
}

/// Block of lines as its kind and texts.
struct ParsedBlock<'a> {
    kind: Kind,
    intro: &'a str,
    /// The names of a narrow table's columns.
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
        // A narrow table begins with the names of its two columns.
        let (columns, rows) = match body.split_first() {
            Some((columns, rows)) if !wide && !rows.is_empty() => (*columns, rows),
            _ => ("", body),
        };
        return ParsedBlock { kind: Kind::Rows, intro, columns, texts: owned(rows) };
    }
    ParsedBlock { kind: Kind::Prose, intro: "", columns: "", texts: sentences(lines) }
}

fn is_item(line: &str) -> bool {
    ITEM.is_match(line)
}

/// Items without their bullets; lines that are further in belong to the item above.
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

fn sentences(lines: &[&str]) -> Vec<String> {
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
        goes_on = line.chars().count() > WRAPPED && !line.ends_with(['.', '!', '?', ':']);
    }
    let mut sentences: Vec<String> = Vec::new();
    for paragraph in paragraphs {
        let mut joins = false;
        for sentence in
            paragraph.split_sentence_bounds().map(str::trim).filter(|sentence| !sentence.is_empty())
        {
            match sentences.last_mut().filter(|_| joins) {
                Some(last) => {
                    last.push(' ');
                    last.push_str(sentence);
                }
                None => sentences.push(sentence.to_owned()),
            }
            joins = ABBREVIATION.is_match(sentence);
        }
    }
    sentences
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of this file are fixed, and tested")
}

/// Two numbers with what stands between the ends of a range in the languages of our customers.
static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(\d+(?:[.,]\d+)?) ?(?:[a-z]{1,3} )?(?:to|-|–|—|a|bis|à|até|hasta|and|und|y|et|e) ?(\d+(?:[.,]\d+)?)\b",
    )
});

static PARAGRAPHS: LazyLock<Regex> = LazyLock::new(|| fixed(r"\n[ \t]*\n\s*"));

static ITEM: LazyLock<Regex> = LazyLock::new(|| fixed(r"^\s*(?:[-*+•–]|\d{1,3}[.)])\s+"));

/// Marks in the document itself would be taken for ours.
static MARKS: LazyLock<Regex> = LazyLock::new(|| fixed(r"\[\^?\d{1,2}\]"));

/// The ends of what is no sentence.
static ABBREVIATION: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?:^|[\s(])(?:e\.g|i\.e|etc|approx|incl|max|min|no|nr|st|mr|mrs|ms|dr|prof|tel|z\.B|bzw|ca|inkl|Sr|Sra|p\.ej|env|av|\d{1,3}|[A-Z])\.$",
    )
});
