//! Cleans a model's answer into text meant for people, for stages 4 and 6. `answer.rs` cleans a
//! complete answer, `stream.rs` a streamed one. Pure: must not call a model, nor invent words.

mod answer;
mod patterns;
mod stream;
mod verdict;
mod wrapping;

pub(crate) use answer::{CleanAnswer, Signals, clean};
pub(super) use patterns::{CHOICE_WORDS, FILE_WORDS, LOCATION_WORDS, OFFER};
pub(crate) use stream::Speakable;
