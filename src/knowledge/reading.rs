//! From a file to pieces, in a worker process: both ends of that. Small texts are read in this one: nothing in them is packed,
//! so that what they cost is bounded by their size.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{chunk, extract, remedy};
use crate::reader::{self, Kind, Pool, Task};
use crate::store::knowledge::Failure;

/// The largest text that is read in this process, in bytes.
const SMALL: usize = 64 * 1024;
/// The longest answer that is taken, in bytes: the largest text, with what is said twice where it is cut.
const MOST_ANSWER: usize = 48 * 1024 * 1024;
/// The longest title and reason that are taken, in characters.
const LONGEST_LINE: usize = 2_000;

/// What is learned of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content {
    /// Its title.
    pub(super) title: String,
    /// What could only be read in part, a sentence each.
    pub(super) warnings: Vec<String>,
    /// What it says, in reading order.
    pub(super) pieces: Vec<chunk::Piece>,
}

/// Why nothing was learned of a file.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It cannot be read, now or another time.
    Refused(Failure),
    /// There was nothing to read it with: it is no fault of the file.
    Unavailable(String),
}

/// What a worker process has to know of a file.
#[derive(Serialize, Deserialize)]
struct ReadRequest {
    name: String,
    cut: chunk::Settings,
}

/// What a worker process answers.
#[derive(Serialize, Deserialize)]
enum Answer {
    Content(Content),
    Refused { error: String, remedy: Option<String>, code: String },
}

/// Reads a file and cuts it, where it can do no harm.
pub(super) async fn read(
    readers: Option<&Pool>,
    name: String,
    bytes: Vec<u8>,
    cut: chunk::Settings,
) -> Result<Content, ReadError> {
    if bytes.len() <= SMALL && extract::is_text(&name) {
        let reading = tokio::task::spawn_blocking(move || {
            content(&name, &bytes, &cut, Duration::from_mins(1))
        });
        return match reading.await {
            Ok(read) => read.map_err(ReadError::Refused),
            // A reader that breaks on a damaged file is that document's failure, not everybody's.
            Err(_) => Err(ReadError::Refused(remedy::damaged())),
        };
    }
    let Some(readers) = readers else {
        return Err(ReadError::Unavailable("this program starts no processes to read with".into()));
    };
    let head = serde_json::to_vec(&ReadRequest { name, cut });
    let task = Task {
        kind: Kind::Document,
        head: head.map_err(|error| ReadError::Unavailable(error.to_string()))?,
        body: Box::new(bytes),
        longest: None,
        most_answer: MOST_ANSWER,
        most_samples: 0,
    };
    let reply = readers.run(task).await.map_err(|failure| match failure {
        reader::Failure::Unavailable(why) => ReadError::Unavailable(why),
        failure => ReadError::Refused(remedy::of_reader(&failure)),
    })?;
    // Some megabytes of JSON take a while.
    let taking = tokio::task::spawn_blocking(move || taken(&reply.answer));
    taking.await.unwrap_or_else(|_| Err(remedy::damaged())).map_err(ReadError::Refused)
}

/// A worker process's answer, which may be anybody's.
fn taken(answer: &[u8]) -> Result<Content, Failure> {
    let cut = |line: &mut String| *line = extract::first_chars(line, LONGEST_LINE);
    match serde_json::from_slice(answer) {
        Ok(Answer::Content(mut content)) => {
            cut(&mut content.title);
            content.warnings.truncate(LONGEST_LINE);
            content.warnings.iter_mut().for_each(cut);
            Ok(content)
        }
        Ok(Answer::Refused { mut error, mut remedy, code }) => {
            cut(&mut error);
            remedy.iter_mut().for_each(cut);
            Err(Failure { error, remedy, code: super::remedy::code(&code) })
        }
        Err(_) => Err(remedy::damaged()),
    }
}

/// Reads a document in the worker process; the answer to [`read`].
pub fn answer(head: &[u8], body: &[u8], longest: Duration) -> io::Result<Vec<u8>> {
    let ReadRequest { name, cut } = serde_json::from_slice(head)?;
    let answer = match content(&name, body, &cut, longest) {
        Ok(content) => Answer::Content(content),
        Err(Failure { error, remedy, code }) => {
            Answer::Refused { error, remedy, code: code.into() }
        }
    };
    Ok(serde_json::to_vec(&answer)?)
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
        taken(answer)
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
    fn nonsense_is_a_damaged_file() {
        for nonsense in [&b""[..], b"[", b"{\"Content\":{\"title\":1}}"] {
            assert_eq!(told(nonsense).unwrap_err(), remedy::damaged());
        }
        let (error, code) = ("x".repeat(1_000_000), "of its own".into());
        let long = Answer::Refused { error, remedy: None, code };
        let refused = told(&serde_json::to_vec(&long).unwrap()).unwrap_err();
        assert!(refused.error.chars().count() <= LONGEST_LINE + 1);
        assert_eq!(refused.code, "damaged");
    }
}
