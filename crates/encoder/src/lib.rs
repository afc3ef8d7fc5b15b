//! Models of the BERT and XLM-RoBERTa families that run in this process: reading their folders, text to tokens, the forward
//! pass, and the threads that do it. Must not know what the vectors are for: who runs a model brings a [`Head`]; nor fetch
//! anything.

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
pub use tokens::{Text, Tokens};
