//! The product: a message goes through seven stages, one file each; the parts of a stage stand in its folder.
//!
//! ```text
//! inbound ─ transcribe ─ escalate ─ retrieve ─ prompt ─ reply ─ outbound
//! ```
//!
//! [`Engine::answer`] runs stages 2 to 6, and `engine.rs` alone knows their order. It sends nothing and writes nothing
//! that a customer could see: that is why the sandbox, evals and replay can call it. A failure inside never ends in
//! silence: it becomes the agent's configured sentence, with the reason in the trace.

mod engine;
mod run;
mod bot;
pub mod inbound;
mod transcribe;
mod escalate;
pub mod curated;
pub mod retrieve;
mod lookup;
mod prompt;
pub mod reply;
pub mod outbound;
pub mod gaps;
pub mod recording;
mod inputs;
pub mod budget;
mod bounds;
mod language;
mod timer;
#[cfg(test)]
mod growth;
#[cfg(test)]
mod swahili;

pub use bot::Bot;
pub use budget::Means;
pub use engine::{Around, Engine, Ready};
pub use inputs::RecordedInputs;
pub use lookup::{LiveLookup, Lookup};
pub use prompt::VARIABLES;
pub use run::Answered;
pub use transcribe::{Brought, Deaf, NoRecordings, Recordings};
