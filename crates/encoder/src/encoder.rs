//! The forward pass of BERT: tokens to a vector for each of them. Several texts share the products with the weights; none
//! is padded. Must not know where the tokens come from, what is made of the vectors, nor when it is its turn.

use frontdesk_kernels::{Function, Norm, PackedMatrix, Side, biased, multiply, softmax};

use super::folder::{Activation, Model};
use super::tensors::{Table, Tensors};
use super::tokens::Sequence;

/// So many rows go through the feed-forward part at once: what is between its halves then stays in the cache.
const BLOCK: usize = 128;

/// Why a head makes nothing of a text. It would not another time either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// A pair of texts has no tokens.
    NoTokens,
    /// What the model computes are no numbers.
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

/// What becomes of the vectors of a text's tokens.
pub trait Head: Send + Sync + 'static {
    /// What it makes of a text.
    type Out: Send + 'static;

    /// Reads the vectors of a text's tokens: a row of `width` numbers for each, in their order.
    fn read(&self, rows: &[f32], width: usize) -> Result<Self::Out, HeadError>;
}

/// A model, ready to run.
pub struct Encoder {
    words: Table,
    /// The vectors of the positions, from the first of a text on, with that of the first kind of token added.
    positions: Vec<f32>,
    /// What the vectors of the other kinds of tokens are more than that of the first.
    kinds: Vec<f32>,
    first: NormWeights,
    layers: Vec<Layer>,
    model: Model,
}

struct Layer {
    /// Queries, keys and values beside each other, so that one product makes all three.
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

/// Room for what is computed on the way; kept from one call to the next.
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
    /// Reads the weights. Their shapes must be those that the model tells of.
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

    /// What a head makes of each text. Between layers it calls `pause`, in which other work may be done.
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

    /// The vectors of the tokens before the first layer.
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

    /// Adds the kinds of the tokens to their vectors. A model that knows one kind alone, as those of the XLM-RoBERTa family,
    /// takes every token for one of it, whatever the tokenizer says.
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
                // As many columns as there are tokens: a key each.
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

/// Scores of attention are divided by the root of a head's width: done once, in what makes the queries.
fn scale_queries(model: &Model, numbers: &mut [f32]) {
    #[expect(clippy::cast_precision_loss, reason = "the width of a head is small")]
    let scale = 1.0 / ((model.hidden / model.heads) as f32).sqrt();
    for number in numbers {
        *number *= scale;
    }
}

impl Linear {
    /// `weights` has a row for each number of `y`.
    fn new(weights: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        let (outputs, output_step) = (bias.len(), inputs);
        let side = Side { values: weights, outputs, depth: inputs, output_step, depth_step: 1 };
        Self { weights: PackedMatrix::new(side), bias, inputs }
    }

    /// Applies it to each row of `x`.
    fn apply(&self, x: &[f32], function: Function, to: &mut Vec<f32>, room: &mut Vec<f32>) {
        let (rows, outputs) = (x.len() / self.inputs, self.bias.len());
        to.resize(rows * outputs, 0.0);
        multiply((x, self.inputs), &self.weights, (to, outputs), rows, room);
        biased(to, &self.bias, function);
    }
}
