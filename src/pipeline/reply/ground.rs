//! Part of stage 6: the grounding check, whether the sources support a reply's statements.
//! `check.rs` compares and explains; `apply.rs` calls the embedder and the judge and applies the
//! agent's setting. Must not add words of its own to a reply.

mod apply;
mod cache;
mod check;
mod claim;
mod contradiction;
mod contrast;
mod evidence;
mod score;
mod statements;
mod words;

pub(super) use apply::{Decision, GroundingInput, apply};
pub(crate) use cache::GroundingCache;
pub use check::{Check, Material};
pub(crate) use claim::is_unknown;
pub(super) use statements::{statements, without};
