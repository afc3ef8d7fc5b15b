//! Decoding a recording in a worker process: both ends of that. What decodes is `frontdesk_audio`.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_audio::{BLOCK, Limits, RATE};
use serde::{Deserialize, Serialize};

use crate::reader::child::SampleSink;
use crate::reader::{Failure, Kind, Pool, Task};

/// The longest answer that is taken, in bytes: it says only what went wrong.
const MOST_ANSWER: usize = 64 * 1024;
/// The longest reason that is taken, in characters.
const LONGEST_REASON: usize = 1_000;

/// A recording that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DecodeError {
    /// It is longer than allowed.
    #[error("the recording lasts {seconds} seconds or more, and {limit} are allowed")]
    TooLong {
        /// Its length in seconds, as far as it is known.
        seconds: u64,
        /// The longest allowed, in seconds.
        limit: u64,
    },
    /// There is no sound in the file, whoever looks at it.
    #[error("{0}")]
    NoSound(String),
    /// Nothing here can decode it.
    #[error("{0}")]
    Unreadable(String),
    /// There was nothing to decode it with.
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

/// Decodes a file, all of it or nothing, where it can do no harm. `patience` is how long that may take.
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
        longest: Some(patience),
        most_answer: MOST_ANSWER,
        most_samples: longest.saturating_mul(RATE as usize).saturating_add(BLOCK),
    };
    let reply = readers.run(task).await?;
    taken::<()>(&reply.answer)?;
    Ok(reply.samples)
}

/// How long a recording is, in seconds, where its file says so; looked at where it can do no harm.
pub async fn seconds(readers: &Pool, bytes: Arc<[u8]>) -> Result<Option<f64>, DecodeError> {
    let task = Task {
        kind: Kind::Probe,
        head: Vec::new(),
        body: Box::new(bytes),
        longest: None,
        most_answer: MOST_ANSWER,
        most_samples: 0,
    };
    taken(&readers.run(task).await?.answer)
}

/// A worker process's answer, which may be anybody's.
fn taken<T: for<'a> Deserialize<'a>>(answer: &[u8]) -> Result<T, DecodeError> {
    let nonsense = |_| DecodeError::Unreadable(Failure::Broken.to_string());
    let answer: Result<T, DecodeError> = serde_json::from_slice(answer).map_err(nonsense)?;
    let cut = |why: String| why.chars().take(LONGEST_REASON).collect();
    answer.map_err(|undecoded| match undecoded {
        DecodeError::NoSound(why) => DecodeError::NoSound(cut(why)),
        DecodeError::Unreadable(why) => DecodeError::Unreadable(cut(why)),
        other => other,
    })
}

/// Decodes a recording in the worker process; the answer to [`samples`].
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

/// Looks at a recording's headers in the worker process; the answer to [`seconds`].
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
