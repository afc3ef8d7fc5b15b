//! Reads JSON into blocks: objects in a list become rows, other content goes below headings with
//! its field names. Keeps the order of fields, and writes nested values in readable form.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Block, ExtractedDocument, Unreadable, one_line, rows};

/// Maximum values within a value that is written on one line; a larger one gets headings.
const MAX_INLINE: usize = 40;
/// Maximum values of a file, without field names.
const MAX_VALUES: usize = 1_000_000;
/// Texts of at least this length, in characters, become paragraphs of their own.
const LONG: usize = 300;

/// Reads a document. Falls back to JSON lines if there are several values.
pub(super) fn read(text: &str, title: String) -> Result<ExtractedDocument, Unreadable> {
    let left = Cell::new(MAX_VALUES);
    match parse(text, &left) {
        Ok(tree) => extracted(&tree, title, Vec::new()),
        Err(_) if left.get() == 0 => Err(too_many()),
        Err(error) => {
            let left = Cell::new(MAX_VALUES);
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            if lines.clone().count() > 1 && lines.clone().all(|line| parse(line, &left).is_ok()) {
                return read_lines(text, title);
            }
            Err(syntax(&error, error.line()))
        }
    }
}

/// Parses one value; `left` is the number of values that may still be read.
fn parse(text: &str, left: &Cell<usize>) -> serde_json::Result<Tree> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let tree = Reader { left }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(tree)
}

fn too_many() -> Unreadable {
    Unreadable::TooMany { what: "values", most: MAX_VALUES }
}

/// Reads JSON lines; an invalid line is skipped with a warning.
pub(super) fn read_lines(text: &str, title: String) -> Result<ExtractedDocument, Unreadable> {
    let (mut values, mut warnings, mut first) = (Vec::new(), Vec::new(), None);
    let left = Cell::new(MAX_VALUES);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match parse(line, &left) {
            Ok(tree) => values.push(tree),
            Err(_) if left.get() == 0 => return Err(too_many()),
            Err(error) => {
                let why = syntax(&error, index + 1);
                warnings.push(format!("{why}: the line was left out"));
                first.get_or_insert(why);
            }
        }
    }
    match first.filter(|_| values.is_empty()) {
        Some(why) => Err(why),
        None => extracted(&Tree::List(values), title, warnings),
    }
}

fn syntax(error: &serde_json::Error, line: usize) -> Unreadable {
    let said = error.to_string();
    let why = said.split(" at line ").next().unwrap_or(&said).to_owned();
    Unreadable::Syntax { line, why }
}

fn extracted(
    tree: &Tree,
    title: String,
    warnings: Vec<String>,
) -> Result<ExtractedDocument, Unreadable> {
    let mut writer = Writer::default();
    writer.write(tree, 1)?;
    Ok(ExtractedDocument { title, blocks: writer.blocks, warnings: rows::limited(warnings) })
}

/// A JSON value; fields keep their order, numbers are kept as text.
#[derive(Debug)]
enum Tree {
    Nothing,
    Text(String),
    List(Vec<Self>),
    Fields(Vec<(String, Self)>),
}

/// Deserializes values, and counts them.
#[derive(Clone, Copy)]
struct Reader<'a> {
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 {
            return Err(D::Error::custom("there are too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Tree;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Text(if value { "yes" } else { "no" }.to_owned()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        // Without an exponent it could have up to 300 digits.
        let plain = value == 0.0 || (1e-7..1e21).contains(&value.abs());
        Ok(Tree::Text(if plain { value.to_string() } else { format!("{value:e}") }))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(super::encoding::clean(value).trim().to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Tree::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.push((readable(&name), map.next_value_seed(self)?));
        }
        Ok(Tree::Fields(fields))
    }
}

/// Turns a field name into words: `opening_hours` and `openingHours` become `opening hours`.
fn readable(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(if matches!(c, '_' | '-') { ' ' } else { c });
        }
        before = c;
    }
    one_line(&super::encoding::clean(&out))
}

#[derive(Default)]
struct Writer {
    blocks: Vec<Block>,
}

impl Writer {
    fn write(&mut self, tree: &Tree, level: u8) -> Result<(), Unreadable> {
        if self.blocks.len() >= rows::MAX_ROWS {
            return Err(Unreadable::TooManyRows(rows::MAX_ROWS));
        }
        match tree {
            Tree::Nothing => {}
            Tree::Text(text) if text.is_empty() => {}
            Tree::Text(text) => self.blocks.push(Block::Paragraph(text.clone())),
            Tree::List(values) => {
                for value in values {
                    self.element(value, level)?;
                }
            }
            Tree::Fields(fields) => self.fields(fields, level)?,
        }
        Ok(())
    }

    fn element(&mut self, value: &Tree, level: u8) -> Result<(), Unreadable> {
        match value {
            Tree::Fields(fields) if value.size() <= MAX_INLINE => self.row(fields),
            Tree::Text(text) if !text.is_empty() && text.chars().count() < LONG => {
                let (level, marker) = (0, "-".to_owned());
                self.blocks.push(Block::Item { level, marker, text: text.clone() });
            }
            Tree::List(_) if value.size() <= MAX_INLINE => {
                self.blocks.extend(value.inline().map(Block::Paragraph));
            }
            _ => self.write(value, level)?,
        }
        Ok(())
    }

    /// Writes an object outside of a list: its plain fields become one row, each other field gets a
    /// heading.
    fn fields(&mut self, fields: &[(String, Tree)], level: u8) -> Result<(), Unreadable> {
        let plain = |value: &Tree| match value {
            Tree::Text(text) => text.chars().count() < LONG,
            Tree::List(values) => {
                values.iter().all(|value| matches!(value, Tree::Text(_) | Tree::Nothing))
                    && value.size() <= MAX_INLINE
            }
            Tree::Fields(_) => false,
            Tree::Nothing => true,
        };
        let pair = fields.iter().all(|(_, value)| matches!(value, Tree::Text(_) | Tree::Nothing));
        let (plain, rest): (Vec<_>, Vec<_>) =
            fields.iter().partition(|(_, value)| pair || plain(value));
        self.row(plain);
        for (name, value) in rest.into_iter().filter(|(_, value)| value.size() > 0) {
            if !name.is_empty() {
                self.blocks.push(Block::Heading { level: level.min(6), text: name.clone() });
            }
            self.write(value, level.saturating_add(1))?;
        }
        Ok(())
    }

    fn row<'a>(&mut self, fields: impl IntoIterator<Item = &'a (String, Tree)>) {
        let cells = fields.into_iter();
        let cells =
            cells.filter_map(|(name, value)| value.inline().map(|value| (name.clone(), value)));
        let (names, cells): (Vec<_>, Vec<_>) = cells.unzip();
        if !cells.is_empty() {
            self.blocks.push(rows::block(&names, &cells));
        }
    }
}

impl Tree {
    /// Number of values in it.
    fn size(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Text(text) => usize::from(!text.is_empty()),
            Self::List(values) => values.iter().map(Self::size).sum(),
            Self::Fields(fields) => fields.iter().map(|(_, value)| value.size()).sum(),
        }
    }

    /// Returns a value on one line, such as `size S, price 10; size M, price 12`; `None` if it is
    /// empty.
    fn inline(&self) -> Option<String> {
        let text = match self {
            Self::Nothing => return None,
            Self::Text(text) => text.clone(),
            Self::List(values) => {
                let nested = values.iter().any(|value| !matches!(value, Self::Text(_)));
                let parts: Vec<String> = values.iter().filter_map(Self::inline).collect();
                parts.join(if nested { "; " } else { ", " })
            }
            Self::Fields(fields) => {
                let part = |(name, value): &(String, Self)| {
                    value.inline().map(|value| format!("{name} {value}"))
                };
                fields.iter().filter_map(part).collect::<Vec<_>>().join(", ")
            }
        };
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<Block> {
        read(text, String::new()).expect("it can be read").blocks
    }

    fn row(cells: &[(&str, &str)]) -> Block {
        let own = |(name, cell): &(&str, &str)| ((*name).to_owned(), (*cell).to_owned());
        Block::Row(cells.iter().map(own).collect())
    }

    fn heading(level: u8, text: &str) -> Block {
        Block::Heading { level, text: text.to_owned() }
    }

    #[test]
    fn objects_in_a_list_are_rows_in_the_order_of_their_fields() {
        let text = r#"[{"sku": "B-1", "name": "Quay 7", "price": 649.5, "inStock": true, "note": null},
                       {"sku": "B-2", "sizes": ["S", "M"], "stock": [{"shop": "north", "pieces": 2}, {"shop": "south", "pieces": 0}]}]"#;
        let expected = [
            row(&[("sku", "B-1"), ("name", "Quay 7"), ("price", "649.5"), ("in stock", "yes")]),
            row(&[
                ("sku", "B-2"),
                ("sizes", "S, M"),
                ("stock", "shop north, pieces 2; shop south, pieces 0"),
            ]),
        ];
        assert_eq!(blocks(text), expected);
    }

    #[test]
    fn questions_and_answers_are_pairs() {
        let pair = |question: &str, answer: &str| Block::Pair {
            question: question.to_owned(),
            answer: answer.to_owned(),
        };
        let text = r#"{"faqs": [{"question": "Open?", "answer": "Daily.", "tags": ["a", "b"]}, {"question": "Free?", "answer": ""}]}"#;
        let expected = [
            heading(1, "faqs"),
            pair("Open?", "Daily.\ntags: a, b"),
            row(&[("question", "Free?")]),
        ];
        assert_eq!(blocks(text), expected);
        let lines = "{\"frage\": \"Offen?\", \"antwort\": \"Ja.\"}\n{\"frage\": \"Zu?\", \"antwort\": \"Nein.\"}\n";
        assert_eq!(blocks(lines), [pair("Offen?", "Ja."), pair("Zu?", "Nein.")]);
    }

    #[test]
    fn a_tree_is_told_below_the_names_of_its_fields() {
        let text = r#"{"shop": "Saltmarsh", "opening_hours": {"monday": "9-17", "sunday": "closed"}, "about": {"team": [{"name": "Marta"}], "history": ["Once.", "Then."]}}"#;
        let item = |text: &str| Block::Item { level: 0, marker: "-".into(), text: text.into() };
        let expected = [
            row(&[("shop", "Saltmarsh")]),
            heading(1, "opening hours"),
            row(&[("monday", "9-17"), ("sunday", "closed")]),
            heading(1, "about"),
            row(&[("history", "Once., Then.")]),
            heading(2, "team"),
            row(&[("name", "Marta")]),
        ];
        assert_eq!(blocks(text), expected);
        assert_eq!(blocks(r#"["Once.", ""]"#), [item("Once.")]);
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_a_broken_line_costs_only_itself() {
        let why = read("{\n\"a\": 1,\n\"b\": }", String::new()).unwrap_err().to_string();
        assert_eq!(why, "line 3 is no JSON (expected value): correct it there");
        let read =
            read_lines("{\"a\": 1}\n{\"a\": \n\n{\"a\": 3}", String::new()).expect("two lines");
        assert_eq!(read.blocks.len(), 2);
        assert!(read.warnings[0].starts_with("line 2 is no JSON"), "{:?}", read.warnings);
        assert!(read_lines("nothing\n", String::new()).is_err());
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(matches!(read(&deep, String::new()), Err(Unreadable::Syntax { .. })));
    }
}
