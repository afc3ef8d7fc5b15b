//! What goes out beside a text: choices below it, files and places after it; and the marks, such as
//! `[[file: Price list]]`, with which a text of the business asks for them. Pure.

use serde::{Deserialize, Serialize};

use super::interactive::Choices;
use super::label::one_line;
use super::media::Media;
use super::message::Content;

/// Maximum files beside one text.
pub const MAX_FILES: usize = 3;
/// Maximum length of a mark in an error, in characters.
const MAX_SHOWN: usize = 40;
/// Stands for a mark that was taken out. Texts cannot hold it: the database has none either.
const TAKEN: char = '\0';

/// What goes out beside a text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Offers {
    /// The choices below the text, without a text of their own; `list` is the label for a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choices: Option<Box<Choices>>,
    /// The files after it, each a message of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Media>,
    /// The places after those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
}

/// A place of the business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Its name.
    pub name: String,
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Offers {
    /// The messages after the text.
    pub fn messages(&self) -> impl Iterator<Item = Content> {
        let files = self.files.iter().cloned().map(Content::Media);
        files.chain(self.locations.iter().map(Location::content))
    }
}

impl Location {
    /// The message that shows it.
    pub fn content(&self) -> Content {
        Content::Location {
            latitude: self.latitude,
            longitude: self.longitude,
            name: Some(self.name.clone()),
            address: self.address.clone(),
            url: None,
        }
    }
}

/// A name without case, spaces and punctuation, for comparison.
pub fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What marks ask for, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// The labels of the choices.
    pub choices: Vec<String>,
    /// The files, by title or file name.
    pub files: Vec<String>,
    /// The places.
    pub locations: Vec<String>,
}

impl Marks {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty() && self.files.is_empty() && self.locations.is_empty()
    }

    /// Adds what one mark asks for; of several marks with choices, the first counts.
    pub fn add(&mut self, kind: MarkKind, names: Vec<String>) {
        match kind {
            MarkKind::Choices if self.choices.is_empty() => self.choices = names,
            MarkKind::Choices => {}
            MarkKind::File => add_new(&mut self.files, names),
            MarkKind::Location => add_new(&mut self.locations, names),
        }
    }
}

/// Adds the names that are not there yet.
fn add_new(all: &mut Vec<String>, names: Vec<String>) {
    for name in names {
        if !all.iter().any(|one| folded(one) == folded(&name)) {
            all.push(name);
        }
    }
}

/// What a mark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// `[[choices: A | B]]`.
    Choices,
    /// `[[file: NAME]]`.
    File,
    /// `[[location: NAME]]`.
    Location,
}

impl MarkKind {
    fn of(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "choices" | "choice" => Some(Self::Choices),
            "file" | "files" => Some(Self::File),
            "location" | "locations" => Some(Self::Location),
            _ => None,
        }
    }
}

/// A text of the business without its marks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarkedText {
    /// What the customer reads.
    pub text: String,
    /// What the marks ask for.
    pub marks: Marks,
    /// What is wrong with the marks, and how to correct it.
    pub problem: Option<String>,
}

impl MarkedText {
    /// Takes the marks out of a text. One that is not closed ends with its line.
    pub fn of(text: &str) -> Self {
        let text = text.replace(TAKEN, "");
        let (mut found, mut rest, mut said) = (Self::default(), text.as_str(), String::new());
        while let Some(start) = rest.find("[[") {
            let (before, opened) = rest.split_at(start);
            said.push_str(before);
            let inside = &opened[2..];
            let opens = inside.split_once(':').and_then(|(word, names)| {
                Some((MarkKind::of(word).filter(|_| word.len() <= MAX_SHOWN)?, names))
            });
            let Some((kind, names)) = opens else {
                said.push('[');
                rest = &opened[1..];
                continue;
            };
            said.push(TAKEN);
            rest = found.take(kind, names);
        }
        said.push_str(rest);
        found.text = without_taken(&said);
        if found.text.len() < text.len() {
            // What stood around a mark may be one without it.
            found.text = Self::of(&found.text).text;
        }
        found
    }

    /// Takes one mark, of which `names` and what follows it are left. Returns what follows it.
    fn take<'a>(&mut self, kind: MarkKind, names: &'a str) -> &'a str {
        let Some(end) = names.find("]]") else {
            let line = names.split('\n').next().unwrap_or_default();
            let shown = one_line(line, MAX_SHOWN);
            self.wrong(format!("the mark before `{shown}` is not closed, end it with `]]`"));
            return &names[line.len()..];
        };
        let all = names[..end].split(['|', '\n']).map(str::trim).filter(|name| !name.is_empty());
        let all: Vec<String> = all.map(ToOwned::to_owned).collect();
        if all.is_empty() {
            self.wrong("a mark names nothing, write for example `[[file: Price list]]`".into());
        }
        if kind == MarkKind::Choices && !self.marks.choices.is_empty() {
            self.wrong("there may be one mark with choices, write them all in it".into());
        }
        self.marks.add(kind, all);
        if self.marks.files.len() > MAX_FILES {
            self.wrong(format!("{MAX_FILES} files are the most beside one text"));
        }
        &names[end + 2..]
    }

    fn wrong(&mut self, why: String) {
        self.problem.get_or_insert(why);
    }

    /// Says what is wrong with its marks, or that nothing but marks is in it.
    pub fn checked(self) -> Result<Self, String> {
        match &self.problem {
            Some(why) => Err(why.clone()),
            None if self.text.is_empty() && !self.marks.is_empty() => {
                Err("nothing but marks is in it, write a text that the customer reads with them"
                    .to_owned())
            }
            None => Ok(self),
        }
    }
}

/// Returns a text without the places of marks: a line that held nothing else goes, and so does the
/// white space before each.
fn without_taken(said: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut dropped = false;
    for line in said.split('\n') {
        let mut pieces = line.split(TAKEN);
        let mut kept = pieces.next().unwrap_or_default().to_owned();
        let is_marked = line.contains(TAKEN);
        for piece in pieces {
            kept.truncate(kept.trim_end().len());
            let piece = piece.trim_start();
            let joins = piece.starts_with(char::is_alphanumeric) && !kept.is_empty();
            kept.extend([if joins { " " } else { "" }, piece]);
        }
        let is_blank = kept.trim().is_empty();
        let follows_blank = lines.last().is_none_or(|last| last.trim().is_empty());
        if is_blank && (is_marked || (dropped && follows_blank)) {
            dropped = true;
            continue;
        }
        dropped = false;
        lines.push(kept);
    }
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_taken_out_wherever_they_stand() {
        for text in [
            "Here it is.\n[[file: Price list]]",
            "Here it is. [[File:Price list]]",
            "[[file: Price list]]\n\nHere it is.",
            "Here [[ files : Price list ]] it is.",
            "Here it is[[file: Price list]].",
        ] {
            let found = MarkedText::of(text);
            assert_eq!((&*found.text, found.problem), ("Here it is.", None), "{text}");
            assert_eq!(found.marks.files, ["Price list"], "{text}");
        }
        let all = MarkedText::of(
            "Hello.\n\n[[location: Shop]] [[file: A.pdf | a PDF | B]]\n\nWhich? [[choices:\nSmall\nLarge]]",
        );
        assert_eq!((&*all.text, all.problem), ("Hello.\n\nWhich?", None));
        assert_eq!(all.marks.files, ["A.pdf", "B"], "each once");
        assert_eq!((all.marks.locations, all.marks.choices.len()), (vec!["Shop".to_owned()], 2));
        for text in ["[[hand-off]] [x] [[1]]", "[[Handbook: a]]", "a\n\n\nb", "[[", ""] {
            assert_eq!(
                MarkedText::of(text),
                MarkedText { text: text.into(), ..Default::default() }
            );
        }
    }

    #[test]
    fn a_wrong_mark_is_named_and_still_not_in_the_text() {
        for (text, word, left) in [
            ("Here. [[file: Price list\nBye.", "not closed", "Here.\nBye."),
            ("Here. [[file: Price list]", "not closed", "Here."),
            ("Here. [[file: | ]]", "names nothing", "Here."),
            ("Here. [[choices: A | B]] [[choices: C]]", "one mark with choices", "Here."),
            ("Here. [[file: A | B | C | D]]", "3 files", "Here."),
            ("[[location: Shop]]", "nothing but marks", ""),
        ] {
            let found = MarkedText::of(text);
            assert_eq!(found.text, left, "{text}");
            let why = found.checked().expect_err(text);
            assert!(why.contains(word), "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_mark_is_left_in_any_text(parts in prop::collection::vec(prop::sample::select(vec![
            "[[", "]]", "file:", "[[file: a]]", "choices:", "location", ":", " ", "\n", "|", "é", "a", "[", "]", "\0",
        ]), 0..20)) {
            let found = MarkedText::of(&parts.concat());
            prop_assert_eq!(MarkedText::of(&found.text).marks, Marks::default(), "{}", found.text);
            prop_assert!(!found.text.contains('\0'));
        }
    }
}
