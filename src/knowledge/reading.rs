//! Reads a file into chunks in a worker process; both ends of that exchange. Small files are read
//! in this process if they are plain text or the owner's: in files of others, a little markup may
//! expand to a lot of text.

use std::time::Duration;
use std::{fmt, io};

use frontdesk_doctext::{chunk, extract};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::remedy;
use crate::domain::FailureCode;
use crate::reader::{self, Kind, Pool, Task};
use crate::store::knowledge::Failure;

/// Maximum size of a file that is read in this process, in bytes.
const SMALL: usize = 64 * 1024;
/// Maximum size of a worker's answer, in bytes: the largest text, with the overlap of its chunks,
/// as JSON.
const MAX_ANSWER: usize = 128 * 1024 * 1024;
/// Maximum length of the text that is read of a customer's document, in bytes.
const MAX_CUSTOMERS_TEXT: usize = 1024 * 1024;
/// Maximum length of a title, warning or reason, in characters.
const MAX_LINE_LEN: usize = 2_000;
/// Maximum number of warnings kept.
const MAX_WARNINGS: usize = 2_000;

/// The content of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content {
    /// Title of the document.
    pub(super) title: String,
    /// What could only be read in part, one sentence each.
    #[serde(deserialize_with = "first_warnings")]
    pub(super) warnings: Vec<String>,
    /// Chunks in reading order.
    pub(super) pieces: Vec<chunk::Piece>,
}

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The file cannot be read, now or later.
    Refused(Failure),
    /// The file was not read, apparently through no fault of its own.
    Unavailable {
        /// The reason.
        why: String,
        /// Whether a process had begun to read it: if that repeats, the file is to blame.
        begun: bool,
    },
}

impl ReadError {
    fn not_begun(why: impl fmt::Display) -> Self {
        Self::Unavailable { why: why.to_string(), begun: false }
    }
}

impl From<reader::Failure> for ReadError {
    fn from(failure: reader::Failure) -> Self {
        match failure {
            reader::Failure::Unavailable(why) => Self::not_begun(why),
            reader::Failure::Lost(_) => Self::Unavailable { why: failure.to_string(), begun: true },
            failure => Self::Refused(remedy::of_reader(&failure)),
        }
    }
}

/// A file to read.
pub(super) struct File {
    /// File name; its extension gives the format.
    pub(super) name: String,
    /// File content.
    pub(super) bytes: Vec<u8>,
    /// Whether the file lies in a folder of the owner, where nobody else can put it.
    pub(super) own: bool,
}

/// What a worker process needs to know about a file.
#[derive(Serialize, Deserialize)]
struct ReadRequest {
    name: String,
    cut: chunk::Settings,
}

/// A worker process's answer.
#[derive(Serialize, Deserialize)]
enum Answer {
    Content(Content),
    Refused { error: String, remedy: Option<String>, code: String },
}

/// Reads a file and chunks it, sandboxed unless that is needless.
pub(super) async fn read(
    readers: Option<&Pool>,
    File { name, bytes, own }: File,
    cut: chunk::Settings,
) -> Result<Content, ReadError> {
    let harmless = extract::is_plain(&name) || (own && extract::is_text(&name));
    if bytes.len() <= SMALL && harmless {
        let reading = tokio::task::spawn_blocking(move || {
            content(&name, &bytes, &cut, Duration::from_mins(1))
        });
        return match reading.await {
            Ok(read) => read.map_err(ReadError::Refused),
            // A parser that panics on a damaged file fails that document only.
            Err(_) => Err(ReadError::Refused(remedy::damaged())),
        };
    }
    let Some(readers) = readers else {
        return Err(ReadError::not_begun("this program starts no processes to read with"));
    };
    let head = serde_json::to_vec(&ReadRequest { name, cut });
    let task = Task {
        kind: Kind::Document,
        head: head.map_err(ReadError::not_begun)?,
        body: Box::new(bytes),
        time_limit: None,
        max_answer_bytes: MAX_ANSWER,
        most_samples: 0,
    };
    let reply = readers.run(task).await?;
    // Parsing some megabytes of JSON blocks for a while.
    let taking = tokio::task::spawn_blocking(move || parse_answer(&reply.answer));
    taking.await.unwrap_or_else(|_| Err(remedy::damaged())).map_err(ReadError::Refused)
}

/// Reads the document of a customer, which no collection holds, in pieces in reading order. The
/// extension of the name gives the format. The error says why it cannot be read.
pub async fn read_document(
    readers: Option<&Pool>,
    name: String,
    bytes: Vec<u8>,
) -> Result<Vec<String>, DocumentError> {
    let file = File { name, bytes, own: false };
    match read(readers, file, chunk::Settings::default()).await {
        Ok(content) => Ok(first(content.pieces.into_iter().map(text))),
        Err(ReadError::Refused(failure)) => Err(DocumentError::Refused(failure.error)),
        Err(ReadError::Unavailable { why, .. }) => Err(DocumentError::Unavailable(why)),
    }
}

/// Why a customer's document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read, now or later.
    #[error("{0}")]
    Refused(String),
    /// No process was there to read it.
    #[error("{0}")]
    Unavailable(String),
}

/// Returns the first pieces of a text: one turn reads only its beginning.
fn first(pieces: impl Iterator<Item = String>) -> Vec<String> {
    let mut length = 0;
    let within = |piece: &String| {
        length += piece.len();
        length <= MAX_CUSTOMERS_TEXT
    };
    pieces.take_while(within).collect()
}

fn text(piece: chunk::Piece) -> String {
    let chunk::Piece { heading, body, .. } = piece;
    if heading.is_empty() { body } else { format!("{heading}\n{body}") }
}

/// Parses a worker process's answer. It is untrusted: the file may have taken over the process.
fn parse_answer(answer: &[u8]) -> Result<Content, Failure> {
    let cut = |line: &mut String| *line = extract::first_chars(line, MAX_LINE_LEN);
    match serde_json::from_slice(answer) {
        Ok(Answer::Content(mut content)) => {
            cut(&mut content.title);
            content.warnings.iter_mut().for_each(cut);
            Ok(content)
        }
        Ok(Answer::Refused { mut error, mut remedy, code }) => {
            cut(&mut error);
            remedy.iter_mut().for_each(cut);
            // A code that is no reason to refuse a file comes from a compromised process.
            let code = code.parse::<FailureCode>().ok().filter(|code| code.is_of_reading());
            Err(Failure { error, remedy, code: code.unwrap_or(FailureCode::Damaged) })
        }
        Err(_) => Err(remedy::damaged()),
    }
}

/// Reads a document inside the worker process; the counterpart of [`read`].
pub fn answer(head: &[u8], body: &[u8], longest: Duration) -> io::Result<Vec<u8>> {
    let ReadRequest { name, cut } = serde_json::from_slice(head)?;
    let answer = match content(&name, body, &cut, longest) {
        Ok(content) => Answer::Content(content),
        Err(failure) => refused(failure),
    };
    encoded(&answer, MAX_ANSWER)
}

/// Encodes an answer. One that is too large becomes a refusal that says so.
fn encoded(answer: &Answer, most: usize) -> io::Result<Vec<u8>> {
    let bytes = serde_json::to_vec(answer)?;
    if bytes.len() <= most {
        return Ok(bytes);
    }
    Ok(serde_json::to_vec(&refused(remedy::of(&extract::too_much_text())))?)
}

fn refused(Failure { error, remedy, code }: Failure) -> Answer {
    Answer::Refused { error, remedy, code: code.to_string() }
}

/// Reads the first [`MAX_WARNINGS`] warnings and skips the rest.
fn first_warnings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct First;

    impl<'de> Visitor<'de> for First {
        type Value = Vec<String>;

        fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str("a list of sentences")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<String>, A::Error> {
            let mut kept = Vec::new();
            while kept.len() < MAX_WARNINGS {
                let Some(warning) = all.next_element()? else { return Ok(kept) };
                kept.push(warning);
            }
            while all.next_element::<IgnoredAny>()?.is_some() {}
            Ok(kept)
        }
    }

    from.deserialize_seq(First)
}

fn content(
    name: &str,
    bytes: &[u8],
    cut: &chunk::Settings,
    longest: Duration,
) -> Result<Content, Failure> {
    let read = extract::extract_within(name, bytes, longest);
    let read = read.map_err(|unreadable| remedy::of(&unreadable))?;
    let pieces = chunk::chunk(&read, cut);
    Ok(Content { title: read.title, warnings: read.warnings, pieces })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: &[u8]) -> Result<Content, Failure> {
        parse_answer(answer)
    }

    #[test]
    fn an_answer_comes_back_as_it_was_given() {
        let head = |name: &str| {
            let wanted = ReadRequest { name: name.into(), cut: chunk::Settings::default() };
            serde_json::to_vec(&wanted).unwrap()
        };
        let second = Duration::from_secs(1);
        let given = answer(&head("a.md"), b"# Hours\n\nWe open at nine.", second).unwrap();
        let content = told(&given).unwrap();
        assert_eq!((content.title.as_str(), content.pieces.len()), ("Hours", 1));
        let refused = told(&answer(&head("a.md"), b"", second).unwrap()).unwrap_err();
        assert_eq!(refused, remedy::of(&extract::Unreadable::Empty));
    }

    #[test]
    fn an_answer_that_would_not_be_taken_says_so_and_of_warnings_the_first_are_kept() {
        let warnings = vec![String::from("x"); MAX_WARNINGS + 9];
        let long = Answer::Content(Content { title: "a".into(), warnings, pieces: Vec::new() });
        let content = told(&encoded(&long, MAX_ANSWER).unwrap()).unwrap();
        assert_eq!(content.warnings.len(), MAX_WARNINGS);
        let refused = told(&encoded(&long, 100).unwrap()).unwrap_err();
        assert_eq!(refused, remedy::of(&extract::too_much_text()));
    }

    #[test]
    fn the_answer_for_a_large_table_is_taken() {
        let (body, tokens) = ("x".repeat(600), 150);
        let piece = chunk::Piece { heading: String::new(), body, place: String::new(), tokens };
        let (title, warnings) = ("a".into(), Vec::new());
        let large = Content { title, warnings, pieces: vec![piece; 100_000] };
        let content = told(&encoded(&Answer::Content(large), MAX_ANSWER).unwrap()).unwrap();
        assert_eq!(content.pieces.len(), 100_000);
    }

    #[test]
    fn only_what_markup_cannot_blow_up_is_read_here_unless_it_is_the_owners() {
        assert!(extract::is_plain("a/notes.TXT") && extract::is_plain("b.text"));
        for name in ["a.md", "a.html", "a.csv", "a.json", "txt", "a.txt.md"] {
            assert!(!extract::is_plain(name), "{name}");
        }
    }

    #[tokio::test]
    async fn what_others_made_is_not_read_in_this_process() {
        let read = async |name: &str, own| {
            let (name, bytes) = (name.to_owned(), b"We open at nine.".to_vec());
            read(None, File { name, bytes, own }, chunk::Settings::default()).await
        };
        assert!(read("a.md", true).await.is_ok());
        assert!(read("a.txt", false).await.is_ok());
        for foreign in ["a.md", "a.html", "a.csv", "a.json"] {
            let refused = read(foreign, false).await;
            assert!(
                matches!(refused, Err(ReadError::Unavailable { begun: false, .. })),
                "{foreign}"
            );
        }
    }

    #[test]
    fn nonsense_is_a_damaged_file() {
        for nonsense in [&b""[..], b"[", b"{\"Content\":{\"title\":1}}"] {
            assert_eq!(told(nonsense).unwrap_err(), remedy::damaged());
        }
        for code in ["of its own", "full"] {
            let (error, code) = ("x".repeat(1_000_000), code.into());
            let long = Answer::Refused { error, remedy: None, code };
            let refused = told(&serde_json::to_vec(&long).unwrap()).unwrap_err();
            assert!(refused.error.chars().count() <= MAX_LINE_LEN + 1);
            assert_eq!(refused.code, FailureCode::Damaged);
        }
    }
}
