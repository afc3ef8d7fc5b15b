//! Prepares customers' pictures for a model that sees, in a worker process; both ends of that
//! exchange. `frontdesk_picture` does the decoding. This process decodes no picture, neither the
//! customer's nor what comes back: of that it reads the outline.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_picture::{Error, Limits, Picture, size_of_prepared};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{self, Blob, PictureIdentity};
use crate::reader::{Failure, Kind, Pool, Task};

/// Maximum size of a prepared picture, in bytes. One of noise has a third of it.
const MAX_JPEG: usize = 8 * 1024 * 1024;
/// Maximum size of what precedes the picture in an answer, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Maximum length of an error's reason, in characters.
const MAX_REASON_LEN: usize = 1_000;
/// Time limit: a customer waits, and an ordinary photo takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a picture could not be prepared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The file is no picture, or one that is not read here. It will not be, later.
    #[error("{0}")]
    Refused(Error),
    /// The file needs too much time or memory, or breaks its reader.
    #[error("{0}")]
    Unreadable(String),
    /// No worker process was available: not the picture's fault.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Failure> for PictureError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(_) | Failure::Lost(_) => Self::Unavailable(failure.to_string()),
            _ => Self::Unreadable(failure.to_string()),
        }
    }
}

/// What precedes the JPEG in an answer: one line of JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// Width and height of the JPEG, in pixels.
    size: (u32, u32),
    /// Width and height of the original, in pixels.
    original: (u32, u32),
}

/// Prepares a picture in a worker process, with the usual limits: a JPEG of at most 1,536 pixels
/// on a side.
pub async fn prepare(readers: &Pool, bytes: Arc<[u8]>) -> Result<domain::Picture, PictureError> {
    let limits = Limits::default();
    let head = serde_json::to_vec(&limits);
    let task = Task {
        kind: Kind::Picture,
        head: head.map_err(|error| PictureError::Unavailable(error.to_string()))?,
        body: Box::new(bytes),
        time_limit: Some(PATIENCE),
        max_answer_bytes: MAX_HEAD + MAX_JPEG,
        most_samples: 0,
    };
    parse_answer(&readers.run(task).await?.answer, &limits).map(identified)
}

fn identified(Picture { jpeg, width, height, .. }: Picture) -> domain::Picture {
    let sha256 = hex::encode(Sha256::digest(&jpeg));
    let identity = PictureIdentity { sha256, width, height };
    domain::Picture { jpeg: Some(Blob(jpeg.into())), identity }
}

/// Parses a worker process's answer. It is untrusted: the file may have taken over the process.
fn parse_answer(answer: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let broken = || PictureError::from(Failure::Broken);
    let end = answer.iter().take(MAX_HEAD).position(|byte| *byte == b'\n').ok_or_else(broken)?;
    let (head, jpeg) = (&answer[..end], &answer[end + 1..]);
    let head: Result<Head, Error> = serde_json::from_slice(head).map_err(|_| broken())?;
    let Head { size, original } = head.map_err(|error| PictureError::Refused(cut(error)))?;
    let (long, pixels) =
        (original.0.max(original.1), u64::from(original.0) * u64::from(original.1));
    let possible = size.0.max(size.1) <= limits.longest_side
        && long <= limits.max_side
        && (1..=limits.max_pixels).contains(&pixels);
    if !possible || size_of_prepared(jpeg) != Some(size) {
        return Err(broken());
    }
    Ok(Picture {
        jpeg: jpeg.to_vec(),
        width: size.0,
        height: size.1,
        original_width: original.0,
        original_height: original.1,
    })
}

/// Shortens what an error quotes.
fn cut(mut error: Error) -> Error {
    if let Error::UnknownFormat { what: text } | Error::Unsupported(text) | Error::Damaged(text) =
        &mut error
    {
        *text = text.chars().take(MAX_REASON_LEN).collect();
    }
    error
}

/// Prepares a picture inside the worker process; the counterpart of [`prepare`].
pub fn answer(head: &[u8], body: &[u8]) -> io::Result<Vec<u8>> {
    let prepared = frontdesk_picture::prepare(body, &serde_json::from_slice(head)?);
    let (head, jpeg) = match prepared {
        Ok(Picture { jpeg, width, height, original_width, original_height }) => {
            let original = (original_width, original_height);
            (Ok(Head { size: (width, height), original }), jpeg)
        }
        Err(error) => (Err(error), Vec::new()),
    };
    let mut answer = serde_json::to_vec::<Result<Head, Error>>(&head)?;
    answer.push(b'\n');
    answer.extend(jpeg);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GIF of one white pixel.
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xFF\xFF\xFF\0\0\0\x2C\0\0\0\0\x01\0\x01\0\0\
        \x02\x02\x44\x01\0\x3B";

    fn answered(body: &[u8]) -> Vec<u8> {
        answer(&serde_json::to_vec(&Limits::default()).unwrap(), body).unwrap()
    }

    fn told(answer: &[u8]) -> Result<Picture, PictureError> {
        parse_answer(answer, &Limits::default())
    }

    #[test]
    fn a_picture_comes_back_as_it_was_prepared_and_a_refusal_with_its_reason() {
        let prepared = frontdesk_picture::prepare(GIF, &Limits::default()).unwrap();
        assert_eq!((prepared.width, prepared.height), (1, 1));
        assert_eq!(told(&answered(GIF)), Ok(prepared));
        let what = "a PDF document".into();
        let refused = PictureError::Refused(Error::UnknownFormat { what });
        assert_eq!(told(&answered(b"%PDF-1.7")), Err(refused));
        assert!(answer(b"nonsense", GIF).is_err());
    }

    #[test]
    fn an_answer_that_is_no_prepared_picture_is_not_taken() {
        let jpeg = frontdesk_picture::prepare(GIF, &Limits::default()).unwrap().jpeg;
        let with = |size, original, jpeg: &[u8]| {
            let head: Result<Head, Error> = Ok(Head { size, original });
            [&serde_json::to_vec(&head).unwrap(), &b"\n"[..], jpeg].concat()
        };
        assert!(told(&with((1, 1), (9, 9), &jpeg)).is_ok());
        let exif = [&jpeg[..2], &b"\xFF\xE1\0\x08Exif\0\0"[..], &jpeg[2..]].concat();
        for (forged, what) in [
            (Vec::new(), "nothing"),
            (b"{}\n".to_vec(), "no head"),
            (vec![b' '; MAX_HEAD + 1], "a head without end"),
            (with((1, 1), (9, 9), b""), "no picture"),
            (with((1, 1), (9, 9), GIF), "another format"),
            (with((1, 1), (9, 9), &exif), "metadata"),
            (with((1, 1), (9, 9), &[&jpeg[..], b"<script>"].concat()), "more than a picture"),
            (with((2, 1), (9, 9), &jpeg), "another size"),
            (with((1_537, 1), (9, 9), &jpeg), "a size that is too large"),
            (with((1, 1), (0, 9), &jpeg), "an original of nothing"),
            (with((1, 1), (20_000, 20_000), &jpeg), "an original that would be refused"),
        ] {
            assert_eq!(told(&forged), Err(Failure::Broken.into()), "{what}");
        }
        let long: Result<Head, Error> = Err(Error::Damaged("x".repeat(MAX_REASON_LEN * 2)));
        let answer = [&serde_json::to_vec(&long).unwrap(), &b"\n"[..]].concat();
        let cut = PictureError::Refused(Error::Damaged("x".repeat(MAX_REASON_LEN)));
        assert_eq!(told(&answer), Err(cut));
    }
}
