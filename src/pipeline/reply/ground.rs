//! Part of stage 6: whether a reply's statements rest on what the model was shown. `check.rs` compares and says why,
//! `apply.rs` asks the embedder and the judge and does what the agent's setting says. Must not write words of its own
//! into a reply.

mod apply;
mod check;
mod claim;
mod evidence;
mod score;
mod statements;
mod words;

pub(super) use apply::{Decision, GroundingInput, apply};
pub use check::{Check, Material};
pub(super) use statements::{statements, without};
