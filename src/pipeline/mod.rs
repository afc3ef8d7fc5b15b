//! The product: a message passes through seven stages, one file each; a stage's parts are in its
//! folder.
//!
//! ```text
//! inbound ─ transcribe ─ escalate ─ retrieve ─ prompt ─ reply ─ outbound
//! ```
//!
//! [`Engine::answer`] runs stages 2 to 6, and only `engine.rs` knows their order. It sends nothing
//! and writes nothing that a customer could see, so the sandbox, evals and replay can call it. A
//! failure inside never ends in silence: it becomes the agent's configured sentence, with the
//! reason in the trace.

mod engine;
mod run;
mod bot;
pub mod inbound;
mod transcribe;
mod attachments;
mod file_source;
mod document_files;
mod escalate;
pub mod curated;
pub mod retrieve;
mod lookup;
mod caches;
mod prompt;
mod reply;
pub mod outbound;
pub mod gaps;
pub mod recording;
mod inputs;
mod turn_result;
pub mod budget;
mod model_choice;
mod bounds;
mod clean;
pub mod choices;
pub mod offers;
mod framing;
mod language;
mod timer;
#[cfg(test)]
mod growth;
#[cfg(test)]
mod swahili;

pub use attachments::{AttachmentError, AttachmentReader, NoAttachments};
pub use bot::Bot;
pub use budget::BudgetTier;
pub use caches::TextCaches;
pub use document_files::{
    DocumentFile, DocumentFileError, DocumentFiles, NoDocumentFiles, RecordedDocumentFiles,
};
pub use engine::Engine;
pub use file_source::{AttachedFiles, FileError, FileSource, NoFiles, TranscriptionError};
pub use framing::PromptLayout;
pub use inputs::RecordedInputs;
pub use language::language_of;
pub use lookup::{LiveLookup, Lookup};
pub use prompt::VARIABLES;
pub use reply::ground;
pub use run::{Ready, TurnContext};
pub use turn_result::TurnResult;
