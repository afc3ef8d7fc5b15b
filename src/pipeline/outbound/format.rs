//! Part of stage 7: converts a reply's Markdown to WhatsApp's formatting. Pure: must not lose a
//! word of the reply, nor send anything.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

mod html;
mod patterns;
mod table;
mod tidy;

use patterns::ADDRESS;
use table::Table;

/// Maximum indentation depth of nested lists.
const MAX_DEPTH: usize = 5;

/// Maximum length of an underlined heading, in characters.
const MAX_HEADING_LEN: usize = 80;

/// Converts Markdown for WhatsApp: `**bold**` becomes `*bold*`, a heading a bold line, a link its
/// text with the address, a table a line for each cell.
pub(crate) fn for_whatsapp(markdown: &str) -> String {
    let source = html::without_tags(&markdown.replace("\r\n", "\n"));
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = Page::new(&source);
    for (event, range) in Parser::new_ext(&source, options).into_offset_iter() {
        page.take(event, range);
    }
    tidy::tidy(&page.text)
}

/// The text written so far, and the open elements.
struct Page<'a> {
    source: &'a str,
    /// Source ranges without formatting, such as addresses with underscores.
    literal: Vec<Range<usize>>,
    text: String,
    /// The open formatting marks, outermost first.
    styles: Vec<&'static str>,
    /// Closing mark of each open emphasis; empty for emphasis that WhatsApp cannot show.
    closers: Vec<&'static str>,
    /// Next numbers of the open lists; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Start of each open link's text, and its address.
    links: Vec<(usize, String)>,
    quotes: usize,
    heading: Option<Heading>,
    code: Option<Code>,
    table: Option<Table>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    Bold,
    /// A paragraph that a line of dashes turned into a heading by accident.
    Plain,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Fenced,
    Indented,
}

impl<'a> Page<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            literal: ADDRESS.find_iter(source).map(|found| found.range()).collect(),
            text: String::with_capacity(source.len() + source.len() / 8),
            styles: Vec::new(),
            closers: Vec::new(),
            lists: Vec::new(),
            links: Vec::new(),
            quotes: 0,
            heading: None,
            code: None,
            table: None,
        }
    }

    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, &range),
            Event::End(tag) => self.end(tag, &range),
            Event::Text(words) if self.code.is_some() => self.code_lines(&words),
            Event::Text(words)
            | Event::Html(words)
            | Event::InlineHtml(words)
            | Event::InlineMath(words)
            | Event::DisplayMath(words)
            | Event::FootnoteReference(words) => {
                self.text.push_str(&words);
            }
            Event::Code(code) => {
                let ticks = if code.contains('`') { "```" } else { "`" };
                self.text.extend([ticks, &code, ticks]);
            }
            Event::SoftBreak | Event::HardBreak => self.line_break(),
            Event::TaskListMarker(done) => self.text.push_str(if done { "☑ " } else { "☐ " }),
            Event::Rule => self.text.push('\n'),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        match tag {
            Tag::Paragraph => self.block(range),
            Tag::Heading { level, .. } => self.start_heading(level, range),
            Tag::BlockQuote(_) => {
                self.block(range);
                self.quotes += 1;
                self.text.push_str(if self.quotes == 1 { "> " } else { "" });
            }
            Tag::CodeBlock(kind) => self.start_code(&kind, range),
            Tag::List(first) => {
                if self.lists.is_empty() && !self.text.is_empty() && self.is_after_blank(range) {
                    self.blank_line();
                }
                self.lists.push(first);
            }
            Tag::Item => self.start_item(range),
            Tag::Table(_) => {
                self.block(range);
                self.table = Some(Table::default());
            }
            Tag::TableCell => {
                let from = self.text.len();
                self.table.iter_mut().for_each(|table| table.start_cell(from));
            }
            Tag::Emphasis => self.open("_", range),
            Tag::Strong => self.open("*", range),
            Tag::Strikethrough => self.open("~", range),
            Tag::Link { dest_url, link_type, .. } => {
                let shown = if link_type == LinkType::Email {
                    String::new()
                } else {
                    dest_url.into_string()
                };
                self.links.push((self.text.len(), shown));
            }
            Tag::Image { dest_url, .. } => {
                self.links.push((self.text.len(), dest_url.into_string()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Heading(_) => match self.heading.take() {
                Some(Heading::Bold) => self.close("*"),
                _ => self.text.push('\n'),
            },
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::TableCell => {
                let cells = &mut self.text;
                self.table.iter_mut().for_each(|table| table.end_cell(cells));
            }
            TagEnd::TableHead => self.table.iter_mut().for_each(Table::end_head),
            TagEnd::TableRow => {
                let source = self.source.get(range.clone()).unwrap_or("");
                self.table.iter_mut().for_each(|table| table.end_row(source));
            }
            TagEnd::Table => {
                let rows = self.table.take().map(Table::rows).unwrap_or_default();
                for (i, line) in rows.lines().enumerate() {
                    if i > 0 {
                        self.line();
                    }
                    self.text.push_str(line);
                }
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                let mark = self.closers.pop().unwrap_or("");
                self.close(mark);
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    /// Begins a block: on the next line, or after a blank line if the source has one.
    fn block(&mut self, range: &Range<usize>) {
        if self.text.is_empty() || self.is_fresh_item() {
            return;
        }
        if self.lists.is_empty() && self.is_after_blank(range) {
            self.blank_line();
        }
        self.line();
    }

    fn blank_line(&mut self) {
        self.text.push_str(if self.quotes > 0 { "\n>" } else { "\n" });
    }

    fn is_after_blank(&self, range: &Range<usize>) -> bool {
        let before = self.source.get(..range.start).unwrap_or("");
        let blank = before.trim_end_matches([' ', '\t', '>', '\n']).len();
        before.get(blank..).is_some_and(|gap| gap.matches('\n').count() > 1)
    }

    /// Whether the line holds only a bullet, a number or a quote mark.
    fn is_fresh_item(&self) -> bool {
        let line = self.text.rsplit('\n').next().unwrap_or("");
        let line = line.strip_prefix("> ").unwrap_or(line).trim();
        let numbered =
            line.ends_with(['.', ')']) && line.chars().rev().skip(1).all(|c| c.is_ascii_digit());
        self.text.ends_with(' ') && (line.is_empty() || line == "•" || numbered)
    }

    fn line(&mut self) {
        self.text.push('\n');
        if self.quotes > 0 {
            self.text.push_str("> ");
        }
        let depth = self.lists.len().saturating_sub(1).min(MAX_DEPTH);
        self.text.push_str(&"   ".repeat(depth));
    }

    /// WhatsApp's formatting ends with the line: closes the open marks and opens them again.
    fn line_break(&mut self) {
        for mark in self.styles.iter().rev() {
            self.text.push_str(mark);
        }
        self.line();
        if !self.lists.is_empty() {
            self.text.push_str("   ");
        }
        for mark in &self.styles {
            self.text.push_str(mark);
        }
    }

    fn start_heading(&mut self, level: HeadingLevel, range: &Range<usize>) {
        self.block(range);
        let title = self.source.get(range.clone()).unwrap_or("").trim();
        let underlined = !title.starts_with('#') && level == HeadingLevel::H2;
        let lines = title.lines().count();
        let first = title.lines().next().unwrap_or("");
        let ends = first.ends_with(['.', '!', '?', ':', ';', ',', '。', '！', '？']);
        let accident = underlined && (lines > 2 || ends || first.chars().count() > MAX_HEADING_LEN);
        self.heading = Some(if accident { Heading::Plain } else { Heading::Bold });
        if !accident {
            self.styles.push("*");
            self.text.push('*');
        }
    }

    fn start_item(&mut self, range: &Range<usize>) {
        if !self.is_fresh_item() && !self.text.is_empty() {
            self.line();
        }
        let Some(list) = self.lists.last_mut() else { return };
        let Some(number) = list else {
            self.text.push_str("• ");
            return;
        };
        let item = self.source.get(range.clone()).unwrap_or("");
        let dot = if item.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(')') {
            ")"
        } else {
            "."
        };
        self.text.extend([number.to_string().as_str(), dot, " "]);
        *number += 1;
    }

    fn start_code(&mut self, kind: &CodeBlockKind<'_>, range: &Range<usize>) {
        self.block(range);
        // Models indent by accident: only a fence makes code.
        self.code = Some(if kind.is_fenced() { Code::Fenced } else { Code::Indented });
        if kind.is_fenced() {
            self.text.push_str("```\n");
        }
    }

    fn code_lines(&mut self, lines: &str) {
        if self.code == Some(Code::Fenced) {
            self.text.push_str(lines);
        } else {
            self.text.push_str(lines.trim_end_matches('\n'));
            self.text.push_str(if lines.ends_with('\n') { "\n" } else { "" });
        }
    }

    fn end_code(&mut self) {
        if self.code.take() == Some(Code::Fenced) {
            if !self.text.ends_with('\n') {
                self.text.push('\n');
            }
            self.text.push_str("```");
        } else {
            self.text.truncate(self.text.trim_end_matches('\n').len());
        }
    }

    /// Opens bold, italics or strike-through, unless it is part of a calculation or an address.
    fn open(&mut self, mark: &'static str, range: &Range<usize>) {
        let delimiter = self.source.get(range.clone()).map_or("", |span| delimiter(span, mark));
        let before = self.source.get(..range.start).and_then(|before| before.chars().next_back());
        let after = self.source.get(range.end..).and_then(|after| after.chars().next());
        let beside = |test: fn(&char) -> bool| before.iter().chain(after.iter()).any(test);
        let literal =
            self.literal.iter().any(|part| part.start < range.start && range.start < part.end);
        if literal || beside(char::is_ascii_digit) {
            self.text.push_str(delimiter);
            self.closers.push(delimiter);
        } else if beside(char::is_ascii_alphabetic) || self.styles.contains(&mark) {
            self.closers.push("");
        } else {
            self.text.push_str(mark);
            self.styles.push(mark);
            self.closers.push(mark);
        }
    }

    fn close(&mut self, mark: &str) {
        if self.styles.last() == Some(&mark) {
            self.styles.pop();
        }
        self.text.push_str(mark);
    }

    fn end_link(&mut self) {
        let Some((from, address)) = self.links.pop() else { return };
        let words =
            self.text.get(from..).unwrap_or("").trim_matches(['*', '_', '~', ' ']).to_owned();
        let shown = address
            .strip_prefix("mailto:")
            .or_else(|| address.strip_prefix("tel:"))
            .unwrap_or(&address);
        if same_address(&words, shown) || (words.is_empty() && !shown.is_empty()) {
            self.text.truncate(from);
            self.text.push_str(shown);
        } else if is_useful(shown) {
            self.text.extend([" (", shown, ")"]);
        }
    }
}

/// Returns the characters with which an emphasis was written.
fn delimiter(span: &str, mark: &str) -> &'static str {
    match (span.chars().next(), mark) {
        (Some('_'), "*") => "__",
        (_, "*") => "**",
        (Some('_'), "_") => "_",
        (_, "_") => "*",
        _ if span.starts_with("~~") => "~~",
        _ => "~",
    }
}

fn same_address(words: &str, address: &str) -> bool {
    let bare = |text: &str| {
        let text = text
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_start_matches("www.");
        text.trim_end_matches('/').to_lowercase()
    };
    bare(words) == bare(address)
}

fn is_useful(address: &str) -> bool {
    let script = address.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("javascript:"));
    !address.is_empty() && !address.starts_with('#') && !script
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_shown(cases: &[(&str, &str)]) {
        for (markdown, wanted) in cases {
            assert_eq!(&for_whatsapp(markdown), wanted, "{markdown}");
        }
    }

    #[test]
    fn emphasis_becomes_whatsapps_own() {
        assert_shown(&[
            ("**bold** and __bold__", "*bold* and *bold*"),
            ("*it* and _it_", "_it_ and _it_"),
            ("***both***", "_*both*_"),
            ("~~old~~ new", "~old~ new"),
            ("**Price: €5**, from *Monday*", "*Price: €5*, from _Monday_"),
            ("**two\nlines**", "*two*\n*lines*"),
            ("**bold with *it* inside**", "*bold with _it_ inside*"),
            ("**Note:**call us", "*Note:* call us"),
            ("请**注意：**明天休息", "请*注意：*明天休息"),
            ("请**联系**我们", "请*联系*我们"),
            ("**bold `code` bold**", "*bold `code` bold*"),
        ]);
    }

    #[test]
    fn sums_names_numbers_and_addresses_stay_intact() {
        for text in [
            "2 * 3 * 4 = 24",
            "2*3*4 = 24",
            "5*3=15 and 2*4=8",
            "2**3**2",
            "snake_case_name and __dunder",
            "€5,00 - $12.50 ~ £3",
            "+44 20 7946 0000",
            "(020) 7946-0000",
            "https://example.com/a_b_c/_d_/e*f*g?x=1&y=2#z",
            "www.example.com/_private_/",
            "first_last_name@example.com",
            "a < b and c > d, <3",
            "Reply with <your name>",
            "#1 choice, 50% off, C:\\path",
            "10:00~12:00 and 14:00~16:00",
            "2026. A good year",
            "[Phone]: +44 20 7946 0000",
            "1) one\n2) two",
            "¿Abren? ¡Sí!",
            "5 * 3",
            "[x]",
            "I said \"no\" -- it's fine...",
        ] {
            assert_eq!(for_whatsapp(text), text);
        }
    }

    #[test]
    fn headings_become_bold_lines() {
        assert_shown(&[
            ("# Opening hours\nTuesday", "*Opening hours*\nTuesday"),
            ("## **Opening** hours\n\nTuesday", "*Opening hours*\n\nTuesday"),
            ("Hours\n=====\n\nTuesday", "*Hours*\n\nTuesday"),
            ("We are closed on Monday.\n---\nSee you.", "We are closed on Monday.\n\nSee you."),
            ("One\n\n---\n\nTwo", "One\n\nTwo"),
            ("### Delivery: *fast*", "*Delivery: _fast_*"),
        ]);
    }

    #[test]
    fn links_show_their_address() {
        assert_shown(&[
            ("[our page](https://example.com/a_b)", "our page (https://example.com/a_b)"),
            ("[https://example.com](https://example.com/)", "https://example.com/"),
            ("[example.com](https://example.com)", "https://example.com"),
            ("<https://example.com/x_y_z>", "https://example.com/x_y_z"),
            ("<shop@example.com>", "shop@example.com"),
            ("[mail us](mailto:shop@example.com)", "mail us (shop@example.com)"),
            ("[shop@example.com](mailto:shop@example.com)", "shop@example.com"),
            ("[+44 20 7946](tel:+44207946)", "+44 20 7946 (+44207946)"),
            ("[top](#top) and [x](javascript:alert(1))", "top and x"),
            ("[**here**](https://example.com)", "*here* (https://example.com)"),
            (
                "![The shop](https://example.com/shop.jpg)",
                "The shop (https://example.com/shop.jpg)",
            ),
            ("![](https://example.com/shop.jpg)", "https://example.com/shop.jpg"),
            ("[page][1]\n\n[1]: https://example.com", "page (https://example.com)"),
        ]);
    }

    #[test]
    fn lists_stay_lists() {
        assert_shown(&[
            ("We sell:\n- bikes\n* locks", "We sell:\n• bikes\n• locks"),
            (
                "- one\n- two\n  - inner\n    - deep\n- three",
                "• one\n• two\n   • inner\n      • deep\n• three",
            ),
            ("1. one\n2. two\n   - inner", "1. one\n2. two\n   • inner"),
            ("3. three\n4. four", "3. three\n4. four"),
            ("- one\n\n- two\n\nBye", "• one\n• two\n\nBye"),
            ("- [x] done\n- [ ] open", "• ☑ done\n• ☐ open"),
            ("- **Bold:** text\n- two\n  lines", "• *Bold:* text\n• two\n   lines"),
            ("- - a", "• • a"),
        ]);
    }

    #[test]
    fn a_table_becomes_lines() {
        assert_shown(&[
            (
                "Hours:\n\n| Day | Open |\n|---|---|\n| **Monday** | closed |\n| Tuesday | 9 to 18 |\n\nBye",
                "Hours:\n\nDay: *Monday*\nOpen: closed\n\nDay: Tuesday\nOpen: 9 to 18\n\nBye",
            ),
            ("| A | |\n|---|---|\n| | 5 |\n| x | |", "5\n\nA: x"),
            (
                "| a_b | `x\\|y` |\n|---|---|\n| [t](https://e.com) | 1 |",
                "a_b: t (https://e.com)\n`x|y`: 1",
            ),
        ]);
    }

    #[test]
    fn quotes_and_code_are_kept() {
        assert_shown(&[
            ("> one\n> two\n\nthree", "> one\n> two\n\nthree"),
            ("> a\n>\n> - b", "> a\n>\n> • b"),
            ("```rust\nlet a = *b * **c;\n\n\n<b>\n```", "```\nlet a = *b * **c;\n\n\n<b>\n```"),
            ("Type `a_b *c*` now", "Type `a_b *c*` now"),
            ("Text\n\n    indented by accident", "Text\n\nindented by accident"),
            ("```\nunclosed", "```\nunclosed\n```"),
        ]);
    }

    #[test]
    fn html_is_said_in_whatsapps_way() {
        assert_shown(&[
            ("<b>Bold</b> and <i>it</i><br>next", "*Bold* and _it_\nnext"),
            ("<div><p>One &amp; two</p><p>three</p></div>", "One & two\n\nthree"),
            ("<ul><li>one</li><li>two</li></ul>", "• one\n• two"),
            (
                "See <a class=\"x\" href=\"https://example.com\">our page</a>",
                "See our page (https://example.com)",
            ),
            ("<script>alert(1)</script>Hi<!-- note --> you", "Hi you"),
            ("Fish &amp; chips &lt;hot&gt; &euro;5&nbsp;now", "Fish & chips <hot> €5\u{a0}now"),
            ("<answer>yes</answer>", "<answer>yes</answer>"),
            ("<span style=\"x\">text</span>", "text"),
        ]);
    }

    #[test]
    fn a_head_without_a_cell_is_said_all_the_same() {
        assert_shown(&[
            ("| Day | Hours |\n|---|---|\n| Monday | 9 to 5 |", "Day: Monday\nHours: 9 to 5"),
            ("| Day | Hours |\n|---|---|\n| Monday | |", "Hours\n\nDay: Monday"),
            ("| Day | Hours |\n|---|---|\n| | |", "Day, Hours"),
            ("| Day | Hours |\n|---|---|", "Day, Hours"),
        ]);
        assert!(for_whatsapp("**| word\n- |---|\n_").contains("word"));
    }

    #[test]
    fn white_space_is_tidied() {
        assert_shown(&[
            ("\n\n One \n\n\n\n\nTwo\r\nThree  \n", "One\n\nTwo\nThree"),
            ("", ""),
            ("  \n ", ""),
            ("line one\nline two", "line one\nline two"),
        ]);
    }

    #[test]
    fn hostile_nesting_is_survived() {
        for piece in ["> ", "- ", "**", "_", "[", "<", "![", "`", "| "] {
            let text = for_whatsapp(&(piece.repeat(20_000) + "a"));
            assert!(text.len() < 2_000_000, "{piece}: {}", text.len());
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_panics(markdown in ".{0,200}") {
            let _ = for_whatsapp(&markdown);
        }

        #[test]
        fn no_word_is_lost(parts in prop::collection::vec(prop::sample::select(vec![
            "**", "*", "_", "__", "~~x~~", "# ", "- ", "1. ", "> ", "\n", "\n\n", " ", "word", "x", "`x`", "\n```\n", "| ", "|---|\n", "[a](https://e.com)", "<b>", "</b>", "<", "5",
        ]), 0..40)) {
            let markdown = parts.concat();
            let wanted = markdown.matches("word").count();
            let shown = for_whatsapp(&markdown).matches("word").count();
            // Table headers are repeated with each row.
            let again = markdown.contains("|---|") && shown > wanted;
            prop_assert!(shown == wanted || again, "{} of {}: {}", shown, wanted, markdown);
        }
    }
}
