//! A model's answer made text that is meant for people: of stage 6, which sends it, and of stage 4, which searches for it.
//! `answer.rs` cleans a whole answer, `stream.rs` one that is still being written. Pure: must not ask a model again, nor invent words.

mod answer;
mod patterns;
mod stream;
mod verdict;
mod wrapping;

pub(crate) use answer::{CleanAnswer, clean};
pub(crate) use stream::Speakable;
