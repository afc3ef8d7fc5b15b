//! The forward pass of BERT: tokens to a vector for each text. Several texts share the products with the weights; none
//! is padded. Must not know where the tokens come from, nor when it is its turn.

use super::folder::{Activation, Model, Pooling};
use super::kernels::{Function, Norm, View, biased, multiply, softmax};
use super::tensors::{Table, Tensors};

/// So many rows go through the feed-forward part at once: what is between its halves then stays in the cache.
const BLOCK: usize = 128;

/// A model, ready to run.
pub(super) struct Encoder {
    words: Table,
    /// The vectors of the positions, from the first of a text on, with that of the token type added.
    positions: Vec<f32>,
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

/// `y = x W^T + b`; `weights` has a row for each number of `y`.
struct Linear {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

struct NormWeights {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Room for what is computed on the way; kept from one call to the next.
#[derive(Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    x: Vec<f32>,
    qkv: Vec<f32>,
    mixed: Vec<f32>,
    y: Vec<f32>,
    wide: Vec<f32>,
    shares: Vec<f32>,
}

impl Encoder {
    /// Reads the weights. Their shapes must be those that the model tells of.
    pub(super) fn load(model: &Model, tensors: &Tensors) -> Result<Self, String> {
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
        let types =
            tensors.read("embeddings.token_type_embeddings.weight", &[model.types, width])?;
        for position in positions.chunks_exact_mut(width) {
            for (x, kind) in position.iter_mut().zip(&types) {
                *x += kind;
            }
        }
        let layer = |number: usize| {
            let layer = format!("encoder.layer.{number}");
            let linear = |names: &[&str], outputs: usize, inputs: usize| {
                let mut linear = Linear { weights: Vec::new(), bias: Vec::new() };
                for name in names {
                    let weights = format!("{layer}.{name}.weight");
                    linear.weights.extend(tensors.read(&weights, &[outputs, inputs])?);
                    linear.bias.extend(tensors.read(&format!("{layer}.{name}.bias"), &[outputs])?);
                }
                Ok::<_, String>(linear)
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
            first: norm("embeddings.LayerNorm")?,
            layers: (0..model.layers).map(layer).collect::<Result<_, _>>()?,
            model: model.clone(),
        })
    }

    /// The vector of each text, of length 1. Between layers it calls `pause`, in which other work may be done.
    pub(super) fn encode(
        &self,
        texts: &[Vec<u32>],
        scratch: &mut Scratch,
        pause: &mut dyn FnMut(),
    ) -> Result<Vec<Vec<f32>>, String> {
        self.look_up(texts, scratch)?;
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        for layer in &self.layers {
            pause();
            self.attend(layer, &lengths, scratch);
            self.feed_forward(layer, scratch);
        }
        self.pool(&lengths, &scratch.x)
    }

    /// The vectors of the tokens before the first layer.
    fn look_up(&self, texts: &[Vec<u32>], scratch: &mut Scratch) -> Result<(), String> {
        let width = self.model.hidden;
        let total: usize = texts.iter().map(Vec::len).sum();
        scratch.x.clear();
        scratch.x.reserve(total * width);
        for text in texts {
            let positions = self.positions.get(..text.len() * width);
            let positions =
                positions.ok_or("a text is longer than the model's table of positions")?;
            let from = scratch.x.len();
            scratch.x.extend_from_slice(positions);
            let rows = scratch.x.get_mut(from..).unwrap_or_default();
            for (token, row) in text.iter().zip(rows.chunks_exact_mut(width)) {
                self.words.add_row(*token, &mut scratch.bytes, row)?;
            }
        }
        self.norm(&self.first, &[], &[], &mut scratch.x);
        Ok(())
    }

    fn attend(&self, layer: &Layer, lengths: &[usize], scratch: &mut Scratch) {
        let Scratch { x, qkv, mixed, y, shares, .. } = scratch;
        let (width, heads) = (self.model.hidden, self.model.heads);
        let (head, three) = (width / heads, 3 * width);
        layer.attend.apply(x, width, Function::Same, qkv);
        mixed.resize(x.len(), 0.0);
        #[expect(clippy::cast_precision_loss, reason = "the width of a head is small")]
        let scale = 1.0 / (head as f32).sqrt();
        let mut start = 0;
        for length in lengths {
            shares.resize(length * length, 0.0);
            let part = |at: usize| {
                let values = qkv.get(start * three + at..).unwrap_or_default();
                View::rows(values, *length, head, three)
            };
            for number in 0..heads {
                let [queries, keys, values] =
                    [0, 1, 2].map(|kind| part(kind * width + number * head));
                multiply(queries, keys.turned(), scale, shares, *length);
                softmax(shares, *length);
                let to = mixed.get_mut(start * width + number * head..).unwrap_or_default();
                multiply(View::rows(shares, *length, *length, *length), values, 1.0, to, width);
            }
            start += length;
        }
        layer.output.apply(mixed, width, Function::Nothing, y);
        self.norm(&layer.after_attend, y, &layer.output.bias, x);
    }

    fn feed_forward(&self, layer: &Layer, scratch: &mut Scratch) {
        let Scratch { x, y, wide, .. } = scratch;
        let (width, inner) = (self.model.hidden, self.model.inner);
        let function = match self.model.activation {
            Activation::Gelu => Function::Gelu,
            Activation::GeluNew => Function::GeluNew,
            Activation::Relu => Function::Relu,
        };
        for rows in x.chunks_mut(BLOCK * width) {
            layer.widen.apply(rows, width, function, wide);
            layer.narrow.apply(wide, inner, Function::Nothing, y);
            self.norm(&layer.after, y, &layer.narrow.bias, rows);
        }
    }

    fn norm(&self, weights: &NormWeights, more: &[f32], bias: &[f32], rows: &mut [f32]) {
        let NormWeights { scale, shift } = weights;
        Norm { more, bias, scale, shift, epsilon: self.model.epsilon }.apply(rows);
    }

    /// One vector a text.
    fn pool(&self, lengths: &[usize], x: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let width = self.model.hidden;
        let mut rows = x.chunks_exact(width);
        let mut vectors = Vec::with_capacity(lengths.len());
        for length in lengths {
            let own = rows.by_ref().take(*length);
            let most = match self.model.pooling {
                Pooling::Mean => usize::MAX,
                Pooling::Cls => 1,
            };
            let mut vector = vec![0.0; width];
            for (number, row) in own.enumerate() {
                if number < most {
                    vector.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                }
            }
            super::super::normalize(&mut vector);
            if !vector.iter().all(|x| x.is_finite()) {
                return Err("the model computes no numbers: its weights are damaged".into());
            }
            vectors.push(vector);
        }
        Ok(vectors)
    }
}

impl Linear {
    /// Applies it to each row of `x`, `inputs` numbers long.
    fn apply(&self, x: &[f32], inputs: usize, function: Function, to: &mut Vec<f32>) {
        let (rows, outputs) = (x.len() / inputs, self.bias.len());
        to.resize(rows * outputs, 0.0);
        let weights = View::rows(&self.weights, outputs, inputs, inputs).turned();
        multiply(View::rows(x, rows, inputs, inputs), weights, 1.0, to, outputs);
        biased(to, &self.bias, function);
    }
}
