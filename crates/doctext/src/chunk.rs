//! Splits a document's blocks into chunks for retrieval: each covers one topic, with the headings
//! above it. Splits by structure, then by size; loses no word; knows nothing of formats or storage.

use serde::{Deserialize, Serialize};

use super::extract::{Block, ExtractedDocument};

mod split;
mod units;

use split::{Measure, PieceBuilder};

/// Maximum length of a question as a heading, in characters; longer ones are shortened.
const MAX_QUESTION_LEN: usize = 200;

/// How documents are split into chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Maximum tokens of a chunk, without its headings; at least 32. About a paragraph or two:
    /// small enough to cover one topic and to fit several into a prompt, and below the 256 tokens
    /// that small embedding models read.
    pub max_tokens: u32,
    /// Maximum tokens of whole sentences that are repeated after a split within a paragraph.
    pub overlap_tokens: u32,
    /// Adjacent sections under the same heading with fewer tokens than this are joined into one
    /// chunk; 0: never. A section whose heading is a question is never joined.
    pub join_below_tokens: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_tokens: 220, overlap_tokens: 40, join_below_tokens: 12 }
    }
}

/// A chunk of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Headings above it, outermost first, joined by ` > `, without the title.
    pub heading: String,
    /// Text, never blank.
    pub body: String,
    /// Where it starts in its document, such as `page 3`; empty if the format has no locations.
    pub place: String,
    /// Size of the body, in tokens.
    pub tokens: u32,
}

/// Splits a document into chunks, in reading order.
pub fn chunk(extracted: &ExtractedDocument, settings: &Settings) -> Vec<Piece> {
    let measure = Measure::new(settings);
    let sections = sections(&extracted.blocks);
    let mut drafts = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let has_children = sections.get(index + 1).is_some_and(|next| next.is_below(section));
        let first = drafts.len();
        draft(section, has_children, measure, &mut drafts);
        for draft in drafts.iter_mut().skip(first) {
            section.place.clone_into(&mut draft.place);
            draft.whole &= !section.part;
        }
    }
    let joined = join_small(drafts, measure, settings.join_below_tokens);
    joined.into_iter().map(|draft| draft.finish(&extracted.title)).collect()
}

/// A heading with the blocks directly below it.
struct Section<'a> {
    /// Headings, outermost first.
    path: Vec<&'a str>,
    /// Location of the first block.
    place: &'a str,
    blocks: &'a [Block],
    /// Whether the section continues at other locations.
    part: bool,
}

impl Section<'_> {
    fn is_below(&self, other: &Section<'_>) -> bool {
        self.path.len() > other.path.len() && self.path.starts_with(&other.path)
    }
}

/// Returns the sections in reading order. A section that spans several locations is split at them,
/// under the same headings.
fn sections(blocks: &[Block]) -> Vec<Section<'_>> {
    let mut open: Vec<(u8, &str)> = Vec::new();
    let mut sections: Vec<Section<'_>> = Vec::new();
    let (mut place, mut rest, mut bare) = ("", blocks, false);
    let parts = |block: &Block| matches!(block, Block::Heading { .. } | Block::Place(_));
    loop {
        let (own, after) = rest.split_at(rest.iter().position(parts).unwrap_or(rest.len()));
        let path = || open.iter().map(|(_, text)| *text).collect();
        match sections.last_mut().filter(|_| bare && !own.is_empty()) {
            // The heading stood alone at the end of the previous location.
            Some(last) => (last.place, last.blocks) = (place, own),
            None if !own.is_empty() => {
                let part = sections.last_mut().map(|last| last.part = true).is_some();
                sections.push(Section { path: path(), place, blocks: own, part });
            }
            None => {}
        }
        bare &= own.is_empty();
        let Some((first, below)) = after.split_first() else { break };
        match first {
            Block::Heading { level, text } => {
                open.retain(|(above, _)| above < level);
                open.push((*level, text));
                let path = open.iter().map(|(_, text)| *text).collect();
                sections.push(Section { path, place, blocks: &[], part: false });
                bare = true;
            }
            Block::Place(next) => place = next,
            _ => {}
        }
        rest = below;
    }
    sections
}

/// A chunk before it may be joined with others.
struct Draft {
    path: Vec<String>,
    place: String,
    body: String,
    /// It is a whole section of text only, so it may be joined.
    whole: bool,
}

/// Drafts the chunks of a section: rows and pairs stay alone, other blocks are combined up to the
/// maximum size.
fn draft(section: &Section<'_>, has_children: bool, measure: Measure, drafts: &mut Vec<Draft>) {
    let path = || section.path.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    if section.blocks.is_empty() {
        if !has_children {
            drafts.extend(bare(path(), measure));
        }
        return;
    }
    let first = drafts.len();
    let mut rest = section.blocks;
    while let Some(block) = rest.first() {
        let alone = |block: &Block| matches!(block, Block::Row(_) | Block::Pair { .. });
        if alone(block) {
            drafts.extend(single(block, &path(), measure));
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (run, after) = rest.split_at(rest.iter().position(alone).unwrap_or(rest.len()));
        let bodies = fill(run, measure);
        drafts.extend(bodies.into_iter().map(|body| Draft::new(path(), body)));
        rest = after;
    }
    let only_text = drafts.len() == first + 1
        && !matches!(section.blocks, [Block::Row(_) | Block::Pair { .. }]);
    if let Some(only) = drafts.last_mut().filter(|_| only_text && !has_children) {
        only.whole = true;
    }
}

/// Drafts a heading without text below it: the heading is the text.
fn bare(mut path: Vec<String>, measure: Measure) -> Vec<Draft> {
    if path.last().is_none_or(|heading| measure.fits(heading)) {
        return vec![Draft { whole: true, ..Draft::new(path, String::new()) }];
    }
    let bodies = measure.split(&path.pop().unwrap_or_default());
    bodies.into_iter().map(|body| Draft::new(path.clone(), body)).collect()
}

/// Drafts a row, or a question with its answer. If it must be split, each part keeps its first line
/// as heading.
fn single(block: &Block, path: &[String], measure: Measure) -> Vec<Draft> {
    let (name, lines) = match block {
        Block::Pair { question, answer } => {
            (Some(question.as_str()), vec![question.clone(), answer.clone()])
        }
        Block::Row(cells) => {
            (None, cells.iter().map(|(name, cell)| units::labelled(name, cell)).collect())
        }
        _ => return Vec::new(),
    };
    let bodies = measure.fill("", &lines, "\n");
    let name = name.or_else(|| lines.first().filter(|_| bodies.len() > 1).map(String::as_str));
    let name = name
        .map(|name| super::extract::first_chars(&super::extract::one_line(name), MAX_QUESTION_LEN));
    let path: Vec<String> = path.iter().cloned().chain(name).collect();
    bodies.into_iter().map(|body| Draft::new(path.clone(), body)).collect()
}

/// Combines adjacent blocks into chunks.
fn fill(blocks: &[Block], measure: Measure) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut filler = PieceBuilder::new(measure);
    for unit in units::units(blocks, measure) {
        bodies.extend(filler.place("\n\n", &unit));
    }
    bodies.extend(filler.take());
    bodies
}

/// Joins runs of small sections under the same heading, each with its heading as first line.
fn join_small(drafts: Vec<Draft>, measure: Measure, small: u32) -> Vec<Draft> {
    let mut joined = Vec::new();
    let mut run = SectionRun { drafts: Vec::new(), texts: PieceBuilder::new(measure) };
    for draft in drafts {
        if !draft.is_small(small) {
            joined.extend(run.end());
            joined.push(draft);
        } else if let Some(draft) = run.add(draft) {
            joined.extend(run.end());
            joined.extend(run.add(draft));
        }
    }
    joined.extend(run.end());
    joined
}

/// A run of adjacent small sections, with their combined text.
struct SectionRun {
    drafts: Vec<Draft>,
    texts: PieceBuilder,
}

impl SectionRun {
    /// Adds a section; returns it if it is under another heading or does not fit.
    fn add(&mut self, draft: Draft) -> Option<Draft> {
        let beside = self.drafts.first().is_none_or(|first| first.is_beside(&draft));
        if !beside || !self.texts.add("\n\n", &draft.with_heading()) {
            return Some(draft);
        }
        self.drafts.push(draft);
        None
    }

    /// Ends the run: returns one joined draft under the common heading, or the only draft
    /// unchanged.
    fn end(&mut self) -> Vec<Draft> {
        let (drafts, texts) = (std::mem::take(&mut self.drafts), self.texts.take());
        match (drafts.as_slice(), texts) {
            ([first, _, ..], Some(body)) => {
                let path = first.path.iter().take(first.path.len() - 1).cloned().collect();
                let place = first.place.clone();
                vec![Draft { path, place, body, whole: true }]
            }
            _ => drafts,
        }
    }
}

impl Draft {
    fn new(path: Vec<String>, body: String) -> Self {
        Self { path, place: String::new(), body, whole: false }
    }

    fn with_heading(&self) -> String {
        let heading = self.path.last().map_or("", String::as_str);
        if self.body.is_empty() { heading.to_owned() } else { format!("{heading}\n{}", self.body) }
    }

    fn is_small(&self, small: u32) -> bool {
        let question = |heading: &String| heading.ends_with(['?', '？', '؟']);
        self.whole
            && self.path.last().is_some_and(|heading| !question(heading))
            && Measure::tokens_up_to(&self.with_heading(), small).is_some()
    }

    /// Whether two sections have the same parent heading and location.
    fn is_beside(&self, other: &Self) -> bool {
        let above = |draft: &Self| draft.path.len().checked_sub(1);
        self.place == other.place
            && above(self) == above(other)
            && above(self).is_some_and(|above| self.path.get(..above) == other.path.get(..above))
    }

    /// Creates the chunk. A heading without text becomes the text. Omits the title if it is the
    /// topmost heading.
    fn finish(mut self, title: &str) -> Piece {
        if self.body.is_empty() {
            self.body = self.path.pop().unwrap_or_default();
        }
        let path = match self.path.split_first() {
            Some((first, rest)) if first == title => rest,
            _ => &self.path,
        };
        let (heading, tokens) = (path.join(" > "), Measure::tokens(&self.body));
        Piece { heading, body: self.body, place: self.place, tokens }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use super::*;
    use crate::extract::extract;

    fn cut_with(name: &str, text: &str, settings: &Settings) -> Vec<Piece> {
        chunk(&extract(name, text.as_bytes()).expect("it can be read"), settings)
    }

    fn cut(name: &str, text: &str) -> Vec<(String, String)> {
        let pieces = cut_with(name, text, &Settings::default());
        pieces.into_iter().map(|piece| (piece.heading, piece.body)).collect()
    }

    fn small(max_tokens: u32) -> Settings {
        Settings { max_tokens, overlap_tokens: 0, ..Settings::default() }
    }

    fn piece(heading: &str, body: &str) -> (String, String) {
        (heading.to_owned(), body.to_owned())
    }

    const PROSE: &str =
        "Bring the bike the evening before, or until ten on the day itself, without its bags.";

    #[test]
    fn every_section_is_a_piece_below_its_headings() {
        let text = format!(
            "# Shop\n\n{PROSE}\n\n## Repairs\n\n{PROSE}\n\n{PROSE}\n\n### Wheels\n\n{PROSE}\n\n## Hire\n\n{PROSE}"
        );
        let expected = [
            piece("", PROSE),
            piece("Repairs", &format!("{PROSE}\n\n{PROSE}")),
            piece("Repairs > Wheels", PROSE),
            piece("Hire", PROSE),
        ];
        assert_eq!(cut("a.md", &text), expected);
    }

    #[test]
    fn tiny_sections_under_the_same_heading_are_joined() {
        let text =
            "# Team\n## People\n### Marta\nOwner.\n### Des\nMechanic.\n## Cats\n### Spoke\nGrey.\n";
        assert_eq!(
            cut("a.md", text),
            [piece("People", "Marta\nOwner.\n\nDes\nMechanic."), piece("Cats > Spoke", "Grey.")]
        );
        let settings = Settings { join_below_tokens: 0, ..Settings::default() };
        assert_eq!(cut_with("a.md", text, &settings).len(), 3);
    }

    #[test]
    fn a_question_as_heading_stays_alone_however_short_its_answer() {
        let text = "# FAQ\n## Do you ship?\nYes.\n## Is it free?\nNo.\n";
        assert_eq!(cut("a.md", text), [piece("Do you ship?", "Yes."), piece("Is it free?", "No.")]);
    }

    #[test]
    fn pieces_know_their_place_and_are_not_joined_over_two_of_them() {
        let heading = |text: &str| Block::Heading { level: 1, text: text.to_owned() };
        let place = |text: &str| Block::Place(text.to_owned());
        let text = |text: &str| Block::Paragraph(text.to_owned());
        let blocks = vec![
            place("page 1"),
            heading("Hire"),
            text("From nine."),
            heading("Returns"),
            text("By six."),
            heading("Last line of the page"),
            place("page 2"),
            text("Helmets."),
            place("page 3"),
            text("Locks."),
            place("page 4"),
            heading("Team"),
            text("Marta."),
        ];
        let extracted = ExtractedDocument { title: String::new(), blocks, warnings: Vec::new() };
        let pieces = chunk(&extracted, &Settings::default());
        let found: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.place.as_str(), piece.heading.as_str(), piece.body.as_str()))
            .collect();
        let expected = [
            ("page 1", "", "Hire\nFrom nine.\n\nReturns\nBy six."),
            ("page 2", "Last line of the page", "Helmets."),
            ("page 3", "Last line of the page", "Locks."),
            ("page 4", "Team", "Marta."),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_heading_without_text_is_text() {
        assert_eq!(cut("a.md", "# Closed on Sundays"), [piece("", "Closed on Sundays")]);
        let text = format!(
            "# A\n## B\n### C\n{PROSE}\n## Call the workshop in the yard on the number 555-0141 today\n## D\n{PROSE}"
        );
        let expected = [
            piece("B > C", PROSE),
            piece("", "Call the workshop in the yard on the number 555-0141 today"),
            piece("D", PROSE),
        ];
        assert_eq!(cut("a.md", &text), expected);
    }

    #[test]
    fn a_list_keeps_its_introducing_line_in_every_part() {
        let items: String = (0..20)
            .map(|n| format!("- Town number {n}, on every weekday\n"))
            .collect::<Vec<_>>()
            .concat();
        let text = format!("{PROSE}\n\nWe deliver to:\n\n{items}");
        let pieces = cut_with("a.md", &text, &small(80));
        assert!(pieces.len() > 2);
        for piece in pieces.iter().skip(1) {
            assert!(piece.body.starts_with("We deliver to:\n- Town number"), "{}", piece.body);
            assert!(piece.body.ends_with("on every weekday"), "items stay whole: {}", piece.body);
        }
    }

    #[test]
    fn nested_items_stay_below_theirs() {
        let text = "Fees:\n\n1. Bike\n   - day: €20\n\n     plus deposit\n2. Lock";
        assert_eq!(
            cut("a.md", text),
            [piece("", "Fees:\n1. Bike\n  - day: €20\n    plus deposit\n2. Lock")]
        );
    }

    #[test]
    fn a_small_table_stays_whole_and_a_large_one_repeats_its_header() {
        let text = "| Day | Open |\n|---|---|\n| Monday | closed |\n| Tuesday | 9 to 17 |\n";
        assert_eq!(cut("a.md", text), [piece("", "Day: Open\nMonday: closed\nTuesday: 9 to 17")]);
        let rows: String =
            (0..40).map(|n| format!("| Town {n} | {n} euros |\n")).collect::<Vec<_>>().concat();
        let pieces = cut_with("a.md", &format!("| Town | Price |\n|---|---|\n{rows}"), &small(60));
        assert!(
            pieces.len() > 3
                && pieces.iter().all(|piece| piece.body.starts_with("Town: Price\nTown "))
        );
    }

    #[test]
    fn a_row_of_a_wide_table_can_be_understood_alone() {
        let text =
            "| Plan | Months | Rate |\n|---|---|---|\n| Short | 6 | 0 % |\n| Long | 24 | |\n";
        assert_eq!(
            cut("a.md", text),
            [piece("", "Plan: Short; Months: 6; Rate: 0 %\nPlan: Long; Months: 24")]
        );
    }

    #[test]
    fn a_row_of_a_file_of_rows_is_a_piece() {
        let text = "name;price\nQuay 7;649,00\nBell;3,00\n";
        assert_eq!(
            cut("a.csv", text),
            [piece("", "name: Quay 7\nprice: 649,00"), piece("", "name: Bell\nprice: 3,00")]
        );
        let long = format!("name,about\nQuay 7,\"{}\"\n", PROSE.repeat(20));
        let pieces = cut_with("a.csv", &long, &small(60));
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.heading == "name: Quay 7"));
    }

    #[test]
    fn a_question_and_its_answer_are_a_piece_headed_by_the_question() {
        let text = "Question,Answer,Topic\nDo you ship?,\"Yes, daily.\",Orders\n";
        assert_eq!(
            cut("a.csv", text),
            [piece("Do you ship?", "Do you ship?\nYes, daily.\nTopic: Orders")]
        );
        let long = format!("Question,Answer\nDo you ship?,\"{}\"\n", PROSE.repeat(20));
        let pieces = cut_with("a.csv", &long, &small(60));
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.heading == "Do you ship?"));
    }

    #[test]
    fn settings_refuse_keys_that_they_do_not_know() {
        let said =
            serde_json::from_str::<Settings>(r#"{"max_token": 100}"#).unwrap_err().to_string();
        assert!(said.contains("max_tokens"), "{said}");
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    }

    fn words(text: &str) -> HashMap<String, usize> {
        let mut words = HashMap::new();
        for word in text.unicode_words() {
            *words.entry(word.to_owned()).or_default() += 1;
        }
        words
    }

    fn assert_sound(pieces: &[Piece], settings: &Settings) {
        for piece in pieces {
            assert!(!piece.body.trim().is_empty());
            assert_eq!(piece.tokens, Measure::tokens(&piece.body));
            assert!(
                piece.tokens <= settings.max_tokens.max(32),
                "{}: {}",
                piece.tokens,
                piece.body
            );
        }
    }

    /// Number of letters and digits; without `o`, which may be a bullet.
    fn letters(text: &str) -> usize {
        text.chars().filter(|c| c.is_alphanumeric() && *c != 'o').count()
    }

    fn letters_of(pieces: &[Piece]) -> usize {
        pieces.iter().map(|piece| letters(&piece.heading) + letters(&piece.body)).sum()
    }

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![5 => "[a-z]{2,9}", 1 => "[а-я]{2,8}", 1 => "[א-ת]{2,6}", 1 => "[ก-ฮ]{2,5}", 1 => "[一-三]{1,3}"]
    }

    fn phrase(most: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(word(), 1..most).prop_map(|words| words.join(" "))
    }

    /// Generates a part of a Markdown document in which every word is text.
    fn part() -> impl Strategy<Value = String> {
        let prose = prop::collection::vec(phrase(30), 1..8);
        let rows = prop::collection::vec(prop::collection::vec(phrase(6), 3), 1..12);
        let table = |rows: &[Vec<String>]| -> String {
            let rows: Vec<String> =
                rows.iter().map(|row| format!("| {} |", row.join(" | "))).collect();
            let (header, rows) = rows.split_first().expect("there is a row");
            format!("{header}\n|---|---|---|\n{}", rows.join("\n"))
        };
        prop_oneof![
            3 => (1..5_usize, phrase(6)).prop_map(|(level, text)| format!("{} {text}", "#".repeat(level))),
            4 => prose.prop_map(|sentences| sentences.join(". ")),
            1 => phrase(5).prop_map(|text| text + ":"),
            2 => prop::collection::vec(phrase(20), 1..9).prop_map(|items| format!("- {}", items.join("\n- "))),
            1 => prop::collection::vec(phrase(9), 1..5).prop_map(|items| format!("1. x\n   - {}", items.join("\n   - "))),
            1 => rows.prop_map(move |rows| table(&rows)),
            1 => prop::collection::vec(phrase(9), 1..20).prop_map(|lines| format!("```\n{}\n```", lines.join("\n"))),
        ]
    }

    #[test]
    fn nothing_of_what_nobody_writes_is_lost_either() {
        for unit in ["=", "a", "|", "字", "🚲", "ﷺ", "x=", "a\u{301}"] {
            let text = unit.repeat(9_000);
            let pieces = cut_with("a.txt", &format!("x {text}"), &Settings::default());
            let all: String = pieces.iter().map(|piece| piece.body.as_str()).collect();
            assert_eq!(all.replace(['\n', ' '], "").len(), text.len() + 1, "{unit}");
            assert_sound(&pieces, &Settings::default());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn no_word_of_a_document_is_lost(parts in prop::collection::vec(part(), 1..20), max_tokens in 48..300_u32) {
            let text = parts.join("\n\n");
            let settings = Settings { max_tokens, ..Settings::default() };
            let extracted = extract("a.md", text.as_bytes()).unwrap();
            let pieces = chunk(&extracted, &settings);
            assert_sound(&pieces, &settings);
            let texts = pieces.iter().flat_map(|piece| [piece.heading.as_str(), piece.body.as_str()]);
            let found = words(&texts.chain([extracted.title.as_str()]).collect::<Vec<_>>().join("\n"));
            for (word, count) in words(&text) {
                prop_assert!(found.get(&word).is_some_and(|found| *found > 0), "`{word}` ({count}) is lost");
            }
        }

        #[test]
        fn any_text_in_any_format_is_read_or_refused(
            bits in prop::collection::vec(prop_oneof![
                "[ -~]{0,12}", "\\PC{0,6}",
                prop::sample::select(vec![
                    "\n", "\n\n", "# ", "- ", "1. ", "> ", "|", "---|---", "```", "[a](http://b", ")", "](", "<!--", "-->", "\"", ",", ";",
                    "<div>", "</div>", "<table>", "<tr>", "<td>", "<th>", "</table>", "<a href=x>", "</a>", "<p>", "<ul>", "<ol start=-5>",
                    "<ol start=2147483647>", "<li>", "</ul>", "<pre>", "</pre>", "<h1>", "</h1>", "<br>", "<b>", "<form>", "<title>", "<svg>",
                    "<dl>", "<dt>", "<dd>", "<nav>", "<math>", "<select>", "<option>", "<template>", "&amp;", "&#1;", "&#2;", "&#0;",
                    "\u{1}", "🚲", "ﷺ", "\u{200d}", "\u{301}",
                ]).prop_map(str::to_owned),
            ], 0..60),
            max_tokens in 0..120_u32,
        ) {
            let text = bits.concat();
            let settings = Settings { max_tokens, overlap_tokens: 500, join_below_tokens: 60 };
            for name in ["a.md", "a.txt", "a.csv", "a.tsv", "a.html"] {
                if let Ok(extracted) = extract(name, text.as_bytes()) {
                    prop_assert!(!extracted.title.trim().is_empty());
                    let pieces = chunk(&extracted, &settings);
                    prop_assert!(!pieces.is_empty());
                    assert_sound(&pieces, &settings);
                    let found = letters(&extracted.title) + letters_of(&pieces);
                    prop_assert!(name != "a.txt" || letters(&text) <= found, "a letter is lost");
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for name in ["a.md", "a.txt", "a.csv", "a.html"] {
                if let Ok(extracted) = extract(name, &bytes) {
                    chunk(&extracted, &Settings::default());
                }
            }
        }
    }
}
