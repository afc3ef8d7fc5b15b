//! Reads Markdown into blocks. Removes emphasis and link syntax, keeps words and URLs.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::address::address_after;
use super::flow::Flow;
use super::{Block, ExtractedDocument, converter, one_line, sanitizer};

/// Reads a document. Its title is the first heading of level 1, else that of the front matter, else
/// `name`.
pub(super) fn read(text: &str, name: String) -> ExtractedDocument {
    let (front, body) = front_matter(text);
    let blocks = blocks(body);
    let first = blocks.iter().find_map(|block| match block {
        Block::Heading { level: 1, text } => Some(text.clone()),
        _ => None,
    });
    let title = first.or_else(|| title_of(front)).unwrap_or(name);
    ExtractedDocument { title, blocks, warnings: Vec::new() }
}

/// Reads Markdown without front matter into blocks.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    for event in Parser::new_ext(text, options) {
        reader.read(event);
    }
    reader.end_block();
    reader.blocks
}

/// Reads an HTML fragment in Markdown into blocks.
fn fragment(source: &str) -> Vec<Block> {
    match converter::fragment(source) {
        Ok(markdown) => blocks(&markdown),
        Err(_) => vec![Block::Paragraph(one_line(source))],
    }
}

/// Splits off the YAML between two lines of `---` at the top.
fn front_matter(text: &str) -> (&str, &str) {
    let whole = ("", text);
    let Some(inner) =
        text.strip_prefix("---").and_then(|t| t.trim_start_matches(' ').strip_prefix('\n'))
    else {
        return whole;
    };
    let mut end = 0;
    for line in inner.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            let front = inner.get(..end).unwrap_or_default();
            return (front, inner.get(end + line.len()..).unwrap_or_default());
        }
        if !is_yaml(line) {
            return whole;
        }
        end += line.len();
    }
    whole
}

/// Whether a line looks like YAML: text between two horizontal rules is not front matter.
fn is_yaml(line: &str) -> bool {
    let key =
        |line: &str| line.split_once(':').is_some_and(|(key, _)| !key.contains([' ', '*', '[']));
    line.trim().is_empty() || line.starts_with([' ', '\t', '#', '-', ']', '}']) || key(line)
}

fn title_of(front: &str) -> Option<String> {
    let value = front.lines().find_map(|line| line.strip_prefix("title:"))?;
    let title = one_line(value.trim().trim_matches(['"', '\'']));
    (!title.is_empty()).then_some(title)
}

/// Collects blocks from parser events.
#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    flow: Flow,
    heading: Option<u8>,
    /// Next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Marker of each open item, until it is used.
    items: Vec<String>,
    /// Start and URL of each open link.
    links: Vec<(usize, String)>,
    row: Vec<String>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    code: bool,
    html: Option<String>,
}

impl Reader {
    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text)
            | Event::Code(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => self.flow.push(&text),
            Event::Html(source) => self.html.get_or_insert_default().push_str(&source),
            Event::InlineHtml(source) => self.inline_html(&source),
            Event::SoftBreak => self.flow.soft_break(),
            Event::HardBreak => self.flow.hard_break(),
            Event::FootnoteReference(label) => self.flow.push(&format!("[{label}]")),
            Event::TaskListMarker(done) => self.flow.push(if done { "[x] " } else { "[ ] " }),
            Event::Rule => self.end_block(),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Link { dest_url, .. } => {
                self.links.push((self.flow.len(), dest_url.into_string()));
            }
            Tag::Emphasis | Tag::Strong | Tag::Image { .. } | Tag::TableCell | Tag::Paragraph => {}
            other => {
                self.end_block();
                self.start_block(other);
            }
        }
    }

    fn start_block(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.heading = Some(level as u8),
            Tag::List(first) => self.lists.push(first),
            Tag::Item => {
                let marker = self.marker();
                self.items.push(marker);
            }
            Tag::FootnoteDefinition(label) => self.flow.push(&format!("[{label}] ")),
            Tag::CodeBlock(_) => self.code = true,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Link => self.end_link(),
            TagEnd::TableCell => {
                let cell = one_line(&self.flow.take());
                self.row.push(cell);
            }
            TagEnd::TableHead => self.header = std::mem::take(&mut self.row),
            TagEnd::TableRow => self.rows.push(std::mem::take(&mut self.row)),
            TagEnd::Table => self.end_table(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Image => {}
            other => {
                self.end_block();
                self.close(other);
            }
        }
    }

    fn close(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::Item => drop(self.items.pop()),
            _ => {}
        }
    }

    fn marker(&mut self) -> String {
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}.");
                *number = number.saturating_add(1);
                marker
            }
            _ => "-".to_owned(),
        }
    }

    /// Ends the current block.
    fn end_block(&mut self) {
        if let Some(source) = self.html.take() {
            self.blocks.extend(fragment(&source));
        }
        let (heading, code) = (self.heading.take(), std::mem::take(&mut self.code));
        let text = self.flow.take();
        if text.is_empty() {
            return;
        }
        self.blocks.push(match (self.items.last_mut(), heading) {
            (Some(marker), _) => {
                let marker = std::mem::take(marker);
                let level = u8::try_from(self.items.len() - 1).unwrap_or(u8::MAX);
                Block::Item { level, marker, text }
            }
            (None, Some(level)) => Block::Heading { level, text: one_line(&text) },
            (None, None) if code => Block::Code(text),
            (None, None) => Block::Paragraph(text),
        });
    }

    fn end_table(&mut self) {
        let header = std::mem::take(&mut self.header);
        let named = header.iter().any(|cell| !cell.is_empty());
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        if named || !rows.is_empty() {
            self.blocks
                .push(Block::Table { header: if named { header } else { Vec::new() }, rows });
        }
    }

    fn end_link(&mut self) {
        let Some((start, url)) = self.links.pop() else { return };
        let addition = address_after(self.flow.since(start), &url);
        self.flow.push(&addition);
    }

    fn inline_html(&mut self, source: &str) {
        match sanitizer::tag_name(source).as_str() {
            "br" => self.flow.hard_break(),
            name if sanitizer::is_html(name) => {}
            _ if source.starts_with("<!--") => {}
            _ => self.flow.push(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(text.to_owned())
    }

    fn heading(level: u8, text: &str) -> Block {
        Block::Heading { level, text: text.to_owned() }
    }

    fn item(level: u8, marker: &str, text: &str) -> Block {
        Block::Item { level, marker: marker.to_owned(), text: text.to_owned() }
    }

    fn title(text: &str) -> String {
        read(text, "File name".to_owned()).title
    }

    #[test]
    fn the_title_is_the_first_heading_or_the_front_matters_or_the_files() {
        let front = "---\ntitle: \"Our returns\"\ntags:\n  - a\n---\n";
        assert_eq!(title(&format!("{front}Intro\n\n# Returns *policy*\n")), "Returns policy");
        assert_eq!(title(&format!("{front}## Returns\n")), "Our returns");
        assert_eq!(title("## Returns\n"), "File name");
    }

    #[test]
    fn front_matter_is_dropped_and_prose_between_rules_is_not() {
        assert_eq!(blocks(front_matter("---\nlang: en\n---\nText.").1), [paragraph("Text.")]);
        let rules = "---\nWe are open.\n---\nAlways.";
        assert_eq!(front_matter(rules), ("", rules));
        let open = "---\ntitle: x\n";
        assert_eq!(front_matter(open), ("", open));
    }

    #[test]
    fn emphasis_goes_and_a_crossed_out_price_stays_crossed_out() {
        let text = "**Free** _delivery_ for `members`, ~~€8~~ €0. Caf&eacute; \\*";
        assert_eq!(blocks(text), [paragraph("Free delivery for members, ~~€8~~ €0. Café *")]);
    }

    #[test]
    fn links_keep_their_text_and_their_address() {
        let text = "[Book](https://a.example/b) or [mail us](mailto:hi@a.example?subject=x) or \
                    [call](tel:+15550140), see [prices](/prices), <https://a.example>, \
                    [www.a.example](http://www.a.example/) and [+1 555-0140](tel:+15550140). ![A red bike](bike.png)";
        let expected = "Book (https://a.example/b) or mail us (hi@a.example) or call (+15550140), see prices, \
                        https://a.example, www.a.example and +1 555-0140. A red bike";
        assert_eq!(blocks(text), [paragraph(expected)]);
    }

    #[test]
    fn nested_lists_keep_their_levels_and_numbers() {
        let text = "We need:\n\n3. Name\n4. Address\n   - street\n   - town\n\n     in capitals\n5. [ ] Signature\n";
        let expected = [
            paragraph("We need:"),
            item(0, "3.", "Name"),
            item(0, "4.", "Address"),
            item(1, "-", "street"),
            item(1, "-", "town"),
            item(1, "", "in capitals"),
            item(0, "5.", "[ ] Signature"),
        ];
        assert_eq!(blocks(text), expected);
    }

    #[test]
    fn a_table_keeps_its_header_and_its_cells() {
        let text = "| Day | Open |\n|---|---|\n| Mon | [9–5](https://a.example) |\n| Sun |\n";
        let cells = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let rows = vec![cells("Mon", "9–5 (https://a.example)"), cells("Sun", "")];
        assert_eq!(blocks(text), [Block::Table { header: cells("Day", "Open"), rows }]);
    }

    #[test]
    fn code_keeps_its_line_breaks() {
        assert_eq!(blocks("```\na  b\nc\n```"), [Block::Code("a  b\nc".to_owned())]);
        assert_eq!(blocks("- x\n\n      a\n      b\n"), [item(0, "-", "x"), item(0, "", "a\nb")]);
    }

    #[test]
    fn html_inside_is_read_and_unknown_tags_are_words() {
        let text = "## A\n\n<details><summary>Do you ship <b>abroad</b>?</summary>\n\nNo.\n\n</details>\n\n\
                    Write <order number> on it,<br>then <b>send</b> it.<!-- todo -->\n";
        let expected = [
            heading(2, "A"),
            paragraph("Do you ship abroad?"),
            paragraph("No."),
            paragraph("Write <order number> on it,\nthen send it."),
        ];
        assert_eq!(blocks(text), expected);
    }

    #[test]
    fn footnotes_and_quotes_keep_their_words() {
        let text = "> Free[^1] for all\n\n[^1]: from €40\n";
        assert_eq!(blocks(text), [paragraph("Free[1] for all"), paragraph("[1] from €40")]);
    }

    #[test]
    fn every_script_is_read() {
        let text = "# ساعات العمل\n\nنفتح كل يوم.\n\n## 营业时间\n\n每天九点开门。\n\n## समय\n\nहम रोज़ खुले हैं।";
        let expected = [
            heading(1, "ساعات العمل"),
            paragraph("نفتح كل يوم."),
            heading(2, "营业时间"),
            paragraph("每天九点开门。"),
            heading(2, "समय"),
            paragraph("हम रोज़ खुले हैं।"),
        ];
        assert_eq!(blocks(text), expected);
    }

    #[test]
    fn deep_nesting_is_survived() {
        for unit in ["> ", "- ", "[", "*", "![", "<b>", "`", "**a ", "<div>\n"] {
            let _ = blocks(&unit.repeat(20_000));
        }
    }
}
