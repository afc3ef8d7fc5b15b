//! What is known of languages: the words of a text, their folded form and stem, which of them say nothing, and in which language
//! a text is. No IO. Knows no desk, no documents and no conversation.

mod detect;
pub mod fold;
pub mod terms;

pub use detect::{Telling, language, name, telling};
pub use whatlang::Lang;
