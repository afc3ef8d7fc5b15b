//! Models of the BERT and XLM-RoBERTa families that run in this process: reading their folders, text to tokens, the forward
//! pass, and the threads that do it. Must not know what the vectors are for: a seam's adapter brings a [`Head`].

mod encoder;
mod folder;
mod pool;
mod running;
mod tensors;
mod tokens;

pub(crate) use encoder::{Encoder, Head};
pub(crate) use folder::{Family, Model, json, optional, read};
pub(crate) use pool::Urgency;
pub(crate) use running::Running;
pub(crate) use tensors::Tensors;
pub(crate) use tokens::{Text, Tokens};
