//! Runs models of the BERT and XLM-RoBERTa families in this process: model folders, tokenization,
//! forward pass and its threads. Must not know what the vectors are for (the caller provides a
//! [`Head`]) nor download anything.

mod encoder;
mod folder;
mod pool;
mod running;
mod tensors;
mod tokens;

pub use encoder::{Encoder, Head, HeadError};
pub use folder::{Family, Model, json, optional, read};
pub use pool::Urgency;
pub use running::ModelRunner;
pub use tensors::Tensors;
pub use tokens::{Text, TokenRanges, Tokens};
