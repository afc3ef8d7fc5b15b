//! What is known of languages: the words of a text, their folded form and stem, which of them say nothing, in which language
//! a text is, and the words that each use of a language needs. No IO. Knows no desk, no documents and no conversation.

pub mod data;
mod detect;
pub mod fold;
pub mod terms;

pub use detect::{QuestionWords, language, name, question_words};
pub use whatlang::Lang;
