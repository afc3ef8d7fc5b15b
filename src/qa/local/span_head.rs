//! Head of an extractive question answering model: how well an answer begins and ends at each token.
//! Refuses a model with any other head and says why.

use frontdesk_encoder::{Head, HeadError, Model, Tensors};

/// How well an answer begins, and ends, at a token: logits, higher is better.
pub(super) type Logits = [f32; 2];

/// A linear layer with two outputs for each token, as in transformers' `...ForQuestionAnswering`.
pub(super) struct SpanHead {
    /// A row for the begin, and one for the end.
    weights: Vec<f32>,
    bias: Logits,
}

impl SpanHead {
    /// Loads the head. Errors say what the model has and what is expected.
    pub(super) fn load(model: &Model, tensors: &Tensors) -> Result<Self, String> {
        if tensors.shape("qa_outputs.weight").is_none() {
            return Err(
                "model.safetensors has no tensor qa_outputs.weight: it is no model for extractive question answering (a \
                 ...ForQuestionAnswering), for which `frontdesk models list` has names"
                    .into(),
            );
        }
        let weights = tensors.read_whole("qa_outputs.weight", &[2, model.hidden])?;
        let bias = tensors.read_whole("qa_outputs.bias", &[2])?;
        let [begin, end] = bias.as_slice() else { return Err("qa_outputs.bias is no pair".into()) };
        Ok(Self { weights, bias: [*begin, *end] })
    }
}

impl Head for SpanHead {
    type Out = Vec<Logits>;

    /// Returns the logits of each token.
    fn read(&self, rows: &[f32], width: usize) -> Result<Vec<Logits>, HeadError> {
        let (begin, end) = self.weights.split_at_checked(width).unwrap_or_default();
        let token = |row: &[f32]| [dot(row, begin) + self.bias[0], dot(row, end) + self.bias[1]];
        let logits: Vec<Logits> = rows.chunks_exact(width).map(token).collect();
        if logits.is_empty() {
            return Err(HeadError::NoTokens);
        }
        let are_finite = logits.iter().flatten().all(|logit| logit.is_finite());
        are_finite.then_some(logits).ok_or(HeadError::NotFinite)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
