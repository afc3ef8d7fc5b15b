//! Classification head of a cross-encoder: turns the vector of the first token into one score.
//! Refuses a model with any other head and says why.

use frontdesk_encoder::{Family, Head, HeadError, Model, Tensors};

/// Maximum labels that the error about too many labels names.
const NAMED: usize = 5;

/// Two linear layers with tanh between them. BERT calls the first its pooler; XLM-RoBERTa has both
/// in its classifier.
pub(super) struct Classifier {
    /// Row-major, one row for each output of the first layer.
    dense: Vec<f32>,
    dense_bias: Vec<f32>,
    out: Vec<f32>,
    out_bias: f32,
}

impl Classifier {
    /// Loads the head of a model with one label. Errors say what the model has and what is
    /// expected.
    pub(super) fn load(model: &Model, tensors: &Tensors) -> Result<Self, String> {
        let (dense, out) = match model.family {
            Family::Bert => (tensors.full_name("pooler.dense"), "classifier"),
            Family::XlmRoberta => ("classifier.dense".to_owned(), "classifier.out_proj"),
        };
        for name in [format!("{out}.weight"), format!("{dense}.weight")] {
            if tensors.shape(&name).is_none() {
                return Err(format!(
                    "model.safetensors has no tensor {name}: it is no cross-encoder (a ...ForSequenceClassification \
                     with one label), for which `frontdesk models list` has names; a model for embeddings goes to [embed]"
                ));
            }
        }
        let labels = match tensors.shape(&format!("{out}.weight")) {
            Some([rows, _]) if *rows != 1 => *rows,
            _ => model.labels.len().max(1),
        };
        if labels != 1 {
            return Err(too_many(labels, &model.labels));
        }
        let width = model.hidden;
        let bias = tensors.read_whole(&format!("{out}.bias"), &[1])?;
        Ok(Self {
            dense: tensors.read_whole(&format!("{dense}.weight"), &[width, width])?,
            dense_bias: tensors.read_whole(&format!("{dense}.bias"), &[width])?,
            out: tensors.read_whole(&format!("{out}.weight"), &[1, width])?,
            out_bias: bias.first().copied().unwrap_or_default(),
        })
    }
}

impl Head for Classifier {
    type Out = f32;

    /// Returns the logit of a pair; higher is more relevant.
    fn read(&self, rows: &[f32], width: usize) -> Result<f32, HeadError> {
        let first = rows.get(..width).ok_or(HeadError::NoTokens)?;
        let dense = self.dense.chunks_exact(width).zip(&self.dense_bias);
        let between = dense.map(|(weights, bias)| (dot(first, weights) + bias).tanh());
        let score: f32 = between.zip(&self.out).map(|(x, weight)| x * weight).sum();
        Some(score + self.out_bias).filter(|score| score.is_finite()).ok_or(HeadError::NotFinite)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn too_many(count: usize, labels: &[String]) -> String {
    let names = labels.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if labels.len() > NAMED { ", ..." } else { "" };
    let names = if labels.len() == count { format!(" ({names}{more})") } else { String::new() };
    format!(
        "the model has {count} labels{names}: it sorts texts into kinds. A reranker has one label, whose score says how well \
         a passage answers, as cross-encoder/ms-marco-MiniLM-L6-v2 has"
    )
}
