//! Decodes a recording in a worker process; both ends of that exchange. `frontdesk_audio` does the
//! decoding.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_audio::{BLOCK, Limits, RATE};
use serde::{Deserialize, Serialize};

use crate::reader::child::SampleSink;
use crate::reader::{Failure, Kind, Pool, Task};

/// Maximum size of an answer, in bytes: it holds only the error.
const MAX_ANSWER: usize = 64 * 1024;
/// Maximum length of an error's reason, in characters.
const MAX_REASON_LEN: usize = 1_000;

/// Why a recording could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DecodeError {
    /// The recording is longer than allowed.
    #[error("the recording lasts {seconds} seconds or more, and {limit} are allowed")]
    TooLong {
        /// Known length, in seconds.
        seconds: u64,
        /// Maximum length, in seconds.
        limit: u64,
    },
    /// The file contains no sound, for any decoder.
    #[error("{0}")]
    NoSound(String),
    /// No decoder here can read it.
    #[error("{0}")]
    Unreadable(String),
    /// No worker process was available.
    #[error("{0}")]
    Unavailable(String),
}

impl From<frontdesk_audio::Error> for DecodeError {
    fn from(error: frontdesk_audio::Error) -> Self {
        match error {
            frontdesk_audio::Error::TooLong { seconds, limit } => Self::TooLong { seconds, limit },
            frontdesk_audio::Error::NotSound { .. } | frontdesk_audio::Error::Empty => {
                Self::NoSound(error.to_string())
            }
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<Failure> for DecodeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(_) | Failure::Lost(_) => Self::Unavailable(failure.to_string()),
            _ => Self::Unreadable(failure.to_string()),
        }
    }
}

/// Decodes a whole file in a worker process, or fails. `patience` is the time limit.
pub(super) async fn samples(
    readers: &Pool,
    bytes: Arc<[u8]>,
    longest_seconds: u64,
    patience: Duration,
) -> Result<Vec<f32>, DecodeError> {
    let head = serde_json::to_vec(&longest_seconds);
    let longest = usize::try_from(longest_seconds).unwrap_or(usize::MAX);
    let task = Task {
        kind: Kind::Sound,
        head: head.map_err(|error| DecodeError::Unavailable(error.to_string()))?,
        body: Box::new(bytes),
        time_limit: Some(patience),
        max_answer_bytes: MAX_ANSWER,
        most_samples: longest.saturating_mul(RATE as usize).saturating_add(BLOCK),
    };
    let reply = readers.run(task).await?;
    taken::<()>(&reply.answer)?;
    Ok(reply.samples)
}

/// Returns the length of a recording in seconds, if its file states it. Reads it in a worker
/// process.
pub async fn seconds(readers: &Pool, bytes: Arc<[u8]>) -> Result<Option<f64>, DecodeError> {
    let task = Task {
        kind: Kind::Probe,
        head: Vec::new(),
        body: Box::new(bytes),
        time_limit: None,
        max_answer_bytes: MAX_ANSWER,
        most_samples: 0,
    };
    taken(&readers.run(task).await?.answer)
}

/// Parses a worker process's answer. It is untrusted: the file may have taken over the process.
fn taken<T: for<'a> Deserialize<'a>>(answer: &[u8]) -> Result<T, DecodeError> {
    let nonsense = |_| DecodeError::Unreadable(Failure::Broken.to_string());
    let answer: Result<T, DecodeError> = serde_json::from_slice(answer).map_err(nonsense)?;
    let cut = |why: String| why.chars().take(MAX_REASON_LEN).collect();
    answer.map_err(|undecoded| match undecoded {
        DecodeError::NoSound(why) => DecodeError::NoSound(cut(why)),
        DecodeError::Unreadable(why) => DecodeError::Unreadable(cut(why)),
        other => other,
    })
}

/// Decodes a recording inside the worker process; the counterpart of [`samples`].
pub fn answer(head: &[u8], body: &[u8], give: &mut SampleSink<'_>) -> io::Result<Vec<u8>> {
    let longest = Duration::from_secs(serde_json::from_slice(head)?);
    let mut broken = Ok(());
    let decoded = frontdesk_audio::decode(body, &Limits::refuse_beyond(longest), |block| {
        broken = give(block);
        if broken.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    broken?;
    let answer: Result<(), DecodeError> = decoded.map(drop).map_err(Into::into);
    Ok(serde_json::to_vec(&answer)?)
}

/// Reads a recording's headers inside the worker process; the counterpart of [`seconds`].
pub fn probed(body: &[u8]) -> io::Result<Vec<u8>> {
    let probe = frontdesk_audio::probe(body).map(|probe| probe.seconds).map_err(DecodeError::from);
    Ok(serde_json::to_vec(&probe)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_comes_back_in_blocks_with_an_answer() {
        let wav = frontdesk_audio::wav::write(&vec![0.25; 20_000]);
        let mut samples = Vec::new();
        let mut give = |block: &[f32]| {
            samples.extend_from_slice(block);
            Ok(())
        };
        let told = answer(b"60", &wav, &mut give).unwrap();
        assert_eq!(taken::<()>(&told), Ok(()));
        assert_eq!(samples.len(), 20_000);
        let long = answer(b"1", &wav, &mut |_| Ok(())).unwrap();
        assert_eq!(taken::<()>(&long), Err(DecodeError::TooLong { seconds: 2, limit: 1 }));
        let none = answer(b"1", b"milk, bread", &mut |_| Ok(())).unwrap();
        assert!(matches!(taken::<()>(&none), Err(DecodeError::NoSound(_))));
        assert_eq!(taken(&probed(&wav).unwrap()), Ok(Some(1.25)));
    }

    #[test]
    fn who_listens_no_more_ends_it_and_nonsense_is_no_answer() {
        let wav = frontdesk_audio::wav::write(&vec![0.25; 20_000]);
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        assert!(answer(b"60", &wav, &mut |_| gone()).is_err());
        for nonsense in [&b""[..], b"{}", b"{\"Ok\":7}"] {
            assert!(matches!(taken::<()>(nonsense), Err(DecodeError::Unreadable(_))));
        }
    }
}
