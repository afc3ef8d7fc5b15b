//! Forward pass of BERT: turns tokens into one vector each. Texts of a batch share the matrix
//! products with the weights, without padding. Must not know where tokens come from, what the
//! vectors are used for, nor schedule itself.

use frontdesk_kernels::{
    Function, Norm, PackedMatrix, Side, add_bias_and_activate, multiply, softmax,
};

use super::folder::{Activation, Model};
use super::tensors::{Table, Tensors};
use super::tokens::Sequence;

/// Rows that go through the feed-forward layer at once, so that its intermediate values stay in the
/// cache.
const BLOCK: usize = 128;

/// Why a head has no result for a text. A retry would give the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// The pair has no tokens.
    NoTokens,
    /// The model's output is NaN or infinite.
    NotFinite,
}

impl std::fmt::Display for HeadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoTokens => "a pair has no tokens",
            Self::NotFinite => "the model computes no numbers: its weights are damaged",
        })
    }
}

impl std::error::Error for HeadError {}

/// Turns the token vectors of a text into a result.
pub trait Head: Send + Sync + 'static {
    /// Result for one text.
    type Out: Send + 'static;

    /// Reads the token vectors of a text: one row of `width` numbers for each token, in order.
    fn read(&self, rows: &[f32], width: usize) -> Result<Self::Out, HeadError>;
}

/// A loaded model.
pub struct Encoder {
    words: Table,
    /// Position vectors, starting at the first position of a text, plus the vector of token type 0.
    positions: Vec<f32>,
    /// Vectors of the other token types, minus that of type 0.
    kinds: Vec<f32>,
    first: NormWeights,
    layers: Vec<Layer>,
    model: Model,
}

struct Layer {
    /// Queries, keys and values in one matrix, so that one product computes all three.
    attend: Linear,
    output: Linear,
    after_attend: NormWeights,
    widen: Linear,
    narrow: Linear,
    after: NormWeights,
}

/// `y = x W^T + b`.
struct Linear {
    weights: PackedMatrix,
    bias: Vec<f32>,
    inputs: usize,
}

struct NormWeights {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Intermediate buffers, reused between calls.
#[derive(Default)]
pub(crate) struct Scratch {
    bytes: Vec<u8>,
    x: Vec<f32>,
    qkv: Vec<f32>,
    mixed: Vec<f32>,
    y: Vec<f32>,
    wide: Vec<f32>,
    shares: Vec<f32>,
    keys: PackedMatrix,
    values: PackedMatrix,
    room: Vec<f32>,
}

impl Encoder {
    /// Loads the weights. Their shapes must match the model's configuration.
    pub fn load(model: &Model, tensors: &Tensors) -> Result<Self, String> {
        let width = model.hidden;
        let norm = |name: &str| {
            Ok::<_, String>(NormWeights {
                scale: tensors.read(&format!("{name}.weight"), &[width])?,
                shift: tensors.read(&format!("{name}.bias"), &[width])?,
            })
        };
        let from = "embeddings.position_embeddings.weight";
        let mut positions = tensors.read(from, &[model.positions, width])?;
        positions.drain(..model.first_position * width);
        let mut first =
            tensors.read("embeddings.token_type_embeddings.weight", &[model.types, width])?;
        let mut kinds = first.split_off(width);
        for position in positions.chunks_exact_mut(width) {
            position.iter_mut().zip(&first).for_each(|(x, kind)| *x += kind);
        }
        for kind in kinds.chunks_exact_mut(width) {
            kind.iter_mut().zip(&first).for_each(|(x, kind)| *x -= kind);
        }
        let layer = |number: usize| {
            let layer = format!("encoder.layer.{number}");
            let linear = |names: &[&str], outputs: usize, inputs: usize| {
                let (mut weights, mut bias) = (Vec::new(), Vec::new());
                for name in names {
                    weights.extend(
                        tensors.read(&format!("{layer}.{name}.weight"), &[outputs, inputs])?,
                    );
                    bias.extend(tensors.read(&format!("{layer}.{name}.bias"), &[outputs])?);
                }
                if names.len() > 1 {
                    scale_queries(model, &mut weights[..outputs * inputs]);
                    scale_queries(model, &mut bias[..outputs]);
                }
                Ok::<_, String>(Linear::new(&weights, bias, inputs))
            };
            let three = ["attention.self.query", "attention.self.key", "attention.self.value"];
            Ok::<_, String>(Layer {
                attend: linear(&three, width, width)?,
                output: linear(&["attention.output.dense"], width, width)?,
                after_attend: norm(&format!("{layer}.attention.output.LayerNorm"))?,
                widen: linear(&["intermediate.dense"], model.inner, width)?,
                narrow: linear(&["output.dense"], width, model.inner)?,
                after: norm(&format!("{layer}.output.LayerNorm"))?,
            })
        };
        Ok(Self {
            words: tensors.table("embeddings.word_embeddings.weight", model.words, width)?,
            positions,
            kinds,
            first: norm("embeddings.LayerNorm")?,
            layers: (0..model.layers).map(layer).collect::<Result<_, _>>()?,
            model: model.clone(),
        })
    }

    /// Runs the head on each text. Calls `pause` between layers, so that other work can run.
    pub(crate) fn encode<H: Head>(
        &self,
        texts: &[Sequence],
        head: &H,
        scratch: &mut Scratch,
        pause: &mut dyn FnMut(),
    ) -> Result<Vec<H::Out>, String> {
        self.embed_tokens(texts, scratch)?;
        let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
        for layer in &self.layers {
            pause();
            self.attend(layer, &lengths, scratch);
            self.feed_forward(layer, scratch);
        }
        if !scratch.x.iter().all(|x| x.is_finite()) {
            return Err(HeadError::NotFinite.to_string());
        }
        let width = self.model.hidden;
        let mut rest = scratch.x.as_slice();
        let mut results = Vec::with_capacity(lengths.len());
        for length in lengths {
            let (own, after) = rest.split_at_checked(length * width).unwrap_or_default();
            results.push(head.read(own, width).map_err(|error| error.to_string())?);
            rest = after;
        }
        Ok(results)
    }

    /// Computes the token vectors before the first layer.
    fn embed_tokens(&self, texts: &[Sequence], scratch: &mut Scratch) -> Result<(), String> {
        let width = self.model.hidden;
        let total: usize = texts.iter().map(|text| text.ids.len()).sum();
        scratch.x.clear();
        scratch.x.reserve(total * width);
        for text in texts {
            let positions = self.positions.get(..text.ids.len() * width);
            let positions =
                positions.ok_or("a text is longer than the model's table of positions")?;
            let from = scratch.x.len();
            scratch.x.extend_from_slice(positions);
            let rows = scratch.x.get_mut(from..).unwrap_or_default();
            for (token, row) in text.ids.iter().zip(rows.chunks_exact_mut(width)) {
                self.words.add_row(*token, &mut scratch.bytes, row)?;
            }
            self.add_kinds(&text.kinds, rows)?;
        }
        self.norm(&self.first, &[], &[], &mut scratch.x);
        Ok(())
    }

    /// Adds the token types to the vectors. A model with one token type, such as XLM-RoBERTa,
    /// ignores the tokenizer's types.
    fn add_kinds(&self, kinds: &[u32], rows: &mut [f32]) -> Result<(), String> {
        if self.kinds.is_empty() {
            return Ok(());
        }
        let width = self.model.hidden;
        for (kind, row) in kinds.iter().zip(rows.chunks_exact_mut(width)) {
            let Some(place) = (*kind as usize).checked_sub(1) else { continue };
            let more = self.kinds.get(place * width..(place + 1) * width);
            let more = more.ok_or("tokenizer.json knows more kinds of tokens than the model")?;
            row.iter_mut().zip(more).for_each(|(x, kind)| *x += kind);
        }
        Ok(())
    }

    fn attend(&self, layer: &Layer, lengths: &[usize], scratch: &mut Scratch) {
        let Scratch { x, qkv, mixed, y, shares, keys, values, room, .. } = scratch;
        let (width, heads) = (self.model.hidden, self.model.heads);
        let (head, three) = (width / heads, 3 * width);
        layer.attend.apply(x, Function::Same, qkv, room);
        mixed.resize(x.len(), 0.0);
        let mut start = 0;
        for length in lengths.iter().copied() {
            shares.resize(length * length, 0.0);
            let own = qkv.get(start * three..).unwrap_or_default();
            let mixed = mixed.get_mut(start * width..).unwrap_or_default();
            for number in 0..heads {
                let part =
                    |kind: usize| own.get(kind * width + number * head..).unwrap_or_default();
                // One column, a key, for each token.
                keys.fill(Side {
                    values: part(1),
                    outputs: length,
                    depth: head,
                    output_step: three,
                    depth_step: 1,
                });
                values.fill(Side {
                    values: part(2),
                    outputs: head,
                    depth: length,
                    output_step: 1,
                    depth_step: three,
                });
                multiply((part(0), three), keys, (shares, length), length, room);
                softmax(shares, length);
                let to = mixed.get_mut(number * head..).unwrap_or_default();
                multiply((shares, length), values, (to, width), length, room);
            }
            start += length;
        }
        layer.output.apply(mixed, Function::Nothing, y, room);
        self.norm(&layer.after_attend, y, &layer.output.bias, x);
    }

    fn feed_forward(&self, layer: &Layer, scratch: &mut Scratch) {
        let Scratch { x, y, wide, room, .. } = scratch;
        let width = self.model.hidden;
        let function = match self.model.activation {
            Activation::Gelu => Function::Gelu,
            Activation::GeluNew => Function::GeluNew,
            Activation::Relu => Function::Relu,
        };
        for rows in x.chunks_mut(BLOCK * width) {
            layer.widen.apply(rows, function, wide, room);
            layer.narrow.apply(wide, Function::Nothing, y, room);
            self.norm(&layer.after, y, &layer.narrow.bias, rows);
        }
    }

    fn norm(&self, weights: &NormWeights, more: &[f32], bias: &[f32], rows: &mut [f32]) {
        let NormWeights { scale, shift } = weights;
        Norm { more, bias, scale, shift, epsilon: self.model.epsilon }.apply(rows);
    }
}

/// Attention scores are divided by the square root of a head's width; scaling the query weights
/// once does the same.
fn scale_queries(model: &Model, numbers: &mut [f32]) {
    #[expect(clippy::cast_precision_loss, reason = "the width of a head is small")]
    let scale = 1.0 / ((model.hidden / model.heads) as f32).sqrt();
    for number in numbers {
        *number *= scale;
    }
}

impl Linear {
    /// `weights` has a row for each output.
    fn new(weights: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        let (outputs, output_step) = (bias.len(), inputs);
        let side = Side { values: weights, outputs, depth: inputs, output_step, depth_step: 1 };
        Self { weights: PackedMatrix::new(side), bias, inputs }
    }

    /// Applies the layer to each row of `x`.
    fn apply(&self, x: &[f32], function: Function, to: &mut Vec<f32>, room: &mut Vec<f32>) {
        let (rows, outputs) = (x.len() / self.inputs, self.bias.len());
        to.resize(rows * outputs, 0.0);
        multiply((x, self.inputs), &self.weights, (to, outputs), rows, room);
        add_bias_and_activate(to, &self.bias, function);
    }
}
