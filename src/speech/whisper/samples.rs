//! Decodes a recording for the model and converts decoding errors.

use std::sync::Arc;

use super::stop::Stop;
use crate::reader::Pool;
use crate::speech::Error;
use crate::speech::decoding::{self, DecodeError};

/// Where recordings are decoded.
pub(in crate::speech) enum Decoder {
    /// In worker processes.
    Processes(Pool),
    /// In this process, for tests of this module.
    #[cfg(test)]
    Here,
}

impl Decoder {
    /// Decodes a whole file, or fails, within the recording's time limit.
    pub(super) async fn samples(
        &self,
        bytes: &Arc<[u8]>,
        longest_seconds: u64,
        stop: &Arc<Stop>,
    ) -> Result<Vec<f32>, Error> {
        match self {
            Self::Processes(readers) => {
                let decoding =
                    decoding::samples(readers, bytes.clone(), longest_seconds, stop.longest());
                decoding.await.map_err(error)
            }
            #[cfg(test)]
            Self::Here => {
                let (bytes, stop) = (bytes.clone(), stop.clone());
                let decode = move || samples(&bytes, longest_seconds, &|| stop.should_stop());
                tokio::task::spawn_blocking(decode).await.expect("it decodes")
            }
        }
    }
}

fn error(undecoded: DecodeError) -> Error {
    match undecoded {
        DecodeError::TooLong { seconds, limit } => Error::TooLong { seconds, limit },
        DecodeError::NoSound(why) | DecodeError::Unreadable(why) => Error::Unreadable(why),
        DecodeError::Unavailable(why) => Error::Failed(why),
    }
}

/// Decodes a file in this process. Polls `cancelled`.
#[cfg(test)]
pub(super) fn samples(
    bytes: &[u8],
    longest_seconds: u64,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<f32>, Error> {
    use frontdesk_audio::{Limits, Longer, samples};
    let longest = std::time::Duration::from_secs(longest_seconds);
    let limits = Limits { longest, longer: Longer::Refuse, cancelled: Some(cancelled) };
    samples(bytes, &limits).map_err(|undecoded| error(undecoded.into()))
}
