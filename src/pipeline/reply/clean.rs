//! Part of stage 6: what reaches a customer is text meant for him. `answer.rs` cleans a whole answer, `stream.rs` one that
//! is still being written. Pure: must not ask a model again, nor invent words.

mod answer;
mod patterns;
mod stream;
mod verdict;
mod wrapping;

pub(crate) use answer::{Cleaned, clean};
pub(crate) use stream::Speakable;
