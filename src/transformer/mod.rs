//! Models of the BERT and XLM-RoBERTa families that run in this process: reading their folders, text to tokens, the forward
//! pass, and the threads that do it. Must not know what the vectors are for.

mod encoder;
mod folder;
mod pool;
mod tensors;
mod tokens;

pub(crate) use encoder::{Encoder, Scratch};
pub(crate) use folder::{Model, read};
pub(crate) use pool::{Pool, Urgency, Waiting};
pub(crate) use tensors::Tensors;
pub(crate) use tokens::Tokens;

/// Scales a vector to length 1, so that a dot product is a cosine. A vector of zeros stays one.
pub(crate) fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 && length.is_finite() {
        for x in vector.iter_mut() {
            *x /= length;
        }
    }
}
