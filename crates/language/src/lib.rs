//! Language data and text analysis: sentences, words, folding, stemming, stop words, language
//! detection, and word lists for each use. No IO. Knows nothing of the desk, documents or
//! conversations.

pub mod data;
mod detect;
pub mod fold;
pub mod phrase;
mod sentences;
pub mod terms;
pub mod weekdays;

pub use detect::{QuestionWords, language, name, question_words};
pub use sentences::{digit, sentences};
pub use whatlang::Lang;
