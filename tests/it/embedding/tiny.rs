//! Small models with random weights, compared with a plain implementation: every size, activation
//! function and data type that a folder may have.

use std::collections::BTreeMap;
use std::path::Path;

use frontdesk::embed::Purpose;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{build, cosine, embed};

/// The parameters of a model.
#[derive(Debug, Clone)]
pub(crate) struct Tiny {
    pub(crate) family: &'static str,
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    pub(crate) inner: usize,
    pub(crate) act: &'static str,
    pub(crate) types: usize,
    pub(crate) positions: usize,
    pub(crate) cls: bool,
    pub(crate) dtype: Dtype,
    pub(crate) prefix: &'static str,
    /// Labels of its classification head; 0 means no head.
    pub(crate) labels: usize,
}

pub(crate) const BERT: Tiny = Tiny {
    family: "bert",
    hidden: 24,
    heads: 3,
    layers: 2,
    inner: 40,
    act: "gelu",
    types: 2,
    positions: 40,
    cls: false,
    dtype: Dtype::F32,
    prefix: "",
    labels: 0,
};

pub(crate) const XLM_ROBERTA: Tiny = Tiny {
    family: "xlm-roberta",
    hidden: 20,
    heads: 5,
    layers: 3,
    inner: 33,
    types: 1,
    positions: 42,
    prefix: "roberta.",
    ..BERT
};

const WORDS: [&str; 12] = [
    "<s>", "<pad>", "</s>", "<unk>", "when", "do", "you", "open", "lamps", "query", "passage", ":",
];

type Weights = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// A model in a folder, with its weights as stored in the file.
pub(crate) struct Made {
    pub(crate) home: TempDir,
    tiny: Tiny,
    weights: Weights,
}

impl Tiny {
    pub(crate) fn make(&self) -> Made {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("tiny");
        std::fs::create_dir_all(folder.join("1_Pooling")).unwrap();
        let write = |name: &str, value: &Value| {
            std::fs::write(folder.join(name), value.to_string()).unwrap();
        };
        write("config.json", &self.config());
        write("tokenizer.json", &self.tokenizer());
        write(
            "modules.json",
            &json!([
                {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            ]),
        );
        write(
            "1_Pooling/config.json",
            &json!({
                "pooling_mode_cls_token": self.cls, "pooling_mode_mean_tokens": !self.cls,
            }),
        );
        let weights = self.weights();
        save(&folder.join("model.safetensors"), &weights, self.dtype);
        Made { home, tiny: self.clone(), weights }
    }

    fn config(&self) -> Value {
        let name = |number: usize| (number.to_string(), format!("LABEL_{number}").into());
        let labels: serde_json::Map<String, Value> = (0..self.labels).map(name).collect();
        let class = if self.labels > 0 { "TinyForSequenceClassification" } else { "TinyModel" };
        json!({
            "architectures": [class], "id2label": labels, "model_type": self.family, "hidden_size": self.hidden, "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers, "intermediate_size": self.inner, "hidden_act": self.act,
            "layer_norm_eps": 1e-5, "max_position_embeddings": self.positions,
            "type_vocab_size": self.types, "vocab_size": WORDS.len(), "pad_token_id": 1,
        })
    }

    fn weights(&self) -> Weights {
        let mut all = Weights::new();
        let mut seed = 12_345_u32;
        let mut put = |name: &str, shape: &[usize]| {
            let mut next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let number = f32::from(u16::try_from(seed >> 16).unwrap()) / 32_768.0 - 1.0;
                f64::from(match self.dtype {
                    Dtype::F16 => f16::from_f32(number).to_f32(),
                    Dtype::BF16 => bf16::from_f32(number).to_f32(),
                    _ => number,
                })
            };
            let numbers = (0..shape.iter().product()).map(|_| next()).collect();
            let prefix = if name.starts_with("classifier") { "" } else { self.prefix };
            all.insert(format!("{prefix}{name}"), (shape.to_vec(), numbers));
        };
        let (width, inner) = (self.hidden, self.inner);
        put("embeddings.word_embeddings.weight", &[WORDS.len(), width]);
        put("embeddings.position_embeddings.weight", &[self.positions, width]);
        put("embeddings.token_type_embeddings.weight", &[self.types, width]);
        let mut both = |name: &str, shape: &[usize]| {
            put(&format!("{name}.weight"), shape);
            put(&format!("{name}.bias"), &shape[..1]);
        };
        both("embeddings.LayerNorm", &[width]);
        for layer in 0..self.layers {
            let mut both =
                |name: &str, shape: &[usize]| both(&format!("encoder.layer.{layer}.{name}"), shape);
            for part in ["query", "key", "value"] {
                both(&format!("attention.self.{part}"), &[width, width]);
            }
            both("attention.output.dense", &[width, width]);
            both("attention.output.LayerNorm", &[width]);
            both("intermediate.dense", &[inner, width]);
            both("output.dense", &[width, inner]);
            both("output.LayerNorm", &[width]);
        }
        if self.labels > 0 {
            let (dense, out) = self.head();
            both(dense, &[width, width]);
            both(out, &[self.labels, width]);
        }
        all
    }

    /// Returns the names of the head's two layers.
    fn head(&self) -> (&'static str, &'static str) {
        if self.family == "bert" {
            ("pooler.dense", "classifier")
        } else {
            ("classifier.dense", "classifier.out_proj")
        }
    }

    /// Returns a tokenizer: a word is a token, and every text begins with `<s>` and ends with
    /// `</s>`. Between two texts BERT has one `</s>` and gives the second text another token type;
    /// XLM-RoBERTa has two.
    fn tokenizer(&self) -> Value {
        let special = |id: &str, kind: u8| json!({"SpecialToken": {"id": id, "type_id": kind}});
        let text = |id: &str, kind: u8| json!({"Sequence": {"id": id, "type_id": kind}});
        let mut pair = vec![special("<s>", 0), text("A", 0), special("</s>", 0)];
        let second = u8::from(self.family == "bert");
        if second == 0 {
            pair.push(special("</s>", 0));
        }
        pair.extend([text("B", second), special("</s>", second)]);
        let vocab: BTreeMap<_, _> =
            WORDS.iter().enumerate().map(|(id, word)| (*word, id)).collect();
        json!({
            "version": "1.0",
            "truncation": {"max_length": 5, "strategy": "LongestFirst", "stride": 0},
            "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null,
                        "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"},
            "added_tokens": [], "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [special("<s>", 0), text("A", 0), special("</s>", 0)],
                "pair": pair,
                "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                                   "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}},
            },
            "decoder": null,
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"},
        })
    }
}

pub(crate) fn save(path: &Path, weights: &Weights, dtype: Dtype) {
    let bytes = |numbers: &[f64]| -> Vec<u8> {
        #[expect(clippy::cast_possible_truncation, reason = "they came from single precision")]
        let one = |number: &f64| match dtype {
            Dtype::F16 => f16::from_f64(*number).to_le_bytes().to_vec(),
            Dtype::BF16 => bf16::from_f64(*number).to_le_bytes().to_vec(),
            _ => (*number as f32).to_le_bytes().to_vec(),
        };
        numbers.iter().flat_map(one).collect()
    };
    let data: Vec<_> =
        weights.iter().map(|(name, (shape, numbers))| (name, shape, bytes(numbers))).collect();
    let views = data.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(dtype, (*shape).clone(), bytes).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// The plain implementation in double precision, as in the papers.
impl Made {
    fn weight(&self, name: &str) -> &[f64] {
        let prefix = if name.starts_with("classifier") { "" } else { self.tiny.prefix };
        &self.weights[&format!("{prefix}{name}")].1
    }

    fn linear(&self, name: &str, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (weights, bias) =
            (self.weight(&format!("{name}.weight")), self.weight(&format!("{name}.bias")));
        let one = |row: &Vec<f64>| {
            let dot = |weights: &[f64]| row.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>();
            weights.chunks(row.len()).zip(bias).map(|(weights, bias)| dot(weights) + bias).collect()
        };
        rows.iter().map(one).collect()
    }

    fn norm(&self, name: &str, rows: &mut [Vec<f64>]) {
        let (scale, shift) =
            (self.weight(&format!("{name}.weight")), self.weight(&format!("{name}.bias")));
        for row in rows {
            #[expect(clippy::cast_precision_loss, reason = "a width is small")]
            let count = row.len() as f64;
            let mean = row.iter().sum::<f64>() / count;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            for ((x, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                *x = (*x - mean) / (variance + 1e-5).sqrt() * scale + shift;
            }
        }
    }

    fn act(&self, x: f64) -> f64 {
        match self.tiny.act {
            "relu" => x.max(0.0),
            "gelu_new" => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            _ => {
                // Taylor series of the error function.
                let z = x / 2f64.sqrt();
                if z.abs() > 4.0 {
                    return x.max(0.0);
                }
                let (mut term, mut sum) = (z, z);
                for n in 1..400 {
                    term *= -z * z / f64::from(n);
                    sum += term / f64::from(2 * n + 1);
                }
                0.5 * x * (1.0 + sum * std::f64::consts::FRAC_2_SQRT_PI)
            }
        }
    }

    /// Returns the embedding of a text.
    fn reference(&self, words: &[&str]) -> Vec<f32> {
        let x = self.states(&[&["<s>"], words, &["</s>"]].concat(), usize::MAX);
        let rows = if self.tiny.cls { &x[..1] } else { &x[..] };
        #[expect(clippy::cast_possible_truncation, reason = "compared in single precision")]
        (0..self.tiny.hidden).map(|at| rows.iter().map(|row| row[at]).sum::<f64>() as f32).collect()
    }

    /// Returns the cross-encoder's score of a pair.
    pub(crate) fn score(&self, question: &[&str], passage: &[&str]) -> f64 {
        let bert = self.tiny.family == "bert";
        let between: &[&str] = if bert { &["</s>"] } else { &["</s>", "</s>"] };
        let words = [&["<s>"], question, between, passage, &["</s>"]].concat();
        let second = if bert { question.len() + 2 } else { usize::MAX };
        let (dense, out) = self.tiny.head();
        let mut first = self.linear(dense, &self.states(&words, second)[..1]);
        first[0].iter_mut().for_each(|x| *x = x.tanh());
        self.linear(out, &first)[0][0]
    }

    /// Returns the token vectors after the last layer; from `second` on the tokens have the second
    /// type.
    fn states(&self, words: &[&str], second: usize) -> Vec<Vec<f64>> {
        let tiny = &self.tiny;
        let (width, head) = (tiny.hidden, tiny.hidden / tiny.heads);
        let id = |word: &&str| WORDS.iter().position(|known| known == word).unwrap();
        let ids: Vec<usize> = words.iter().map(id).collect();
        let first = if tiny.family == "bert" { 0 } else { 2 };
        let row = |name: &str, row: usize| &self.weight(name)[row * width..(row + 1) * width];
        let start = |(place, id): (usize, &usize)| -> Vec<f64> {
            let word = row("embeddings.word_embeddings.weight", *id);
            let position = row("embeddings.position_embeddings.weight", first + place);
            let kind = row("embeddings.token_type_embeddings.weight", usize::from(place >= second));
            word.iter().zip(position).zip(kind).map(|((a, b), c)| a + b + c).collect()
        };
        let mut x: Vec<Vec<f64>> = ids.iter().enumerate().map(start).collect();
        self.norm("embeddings.LayerNorm", &mut x);
        for layer in 0..tiny.layers {
            let layer = format!("encoder.layer.{layer}");
            let part = |name: &str| self.linear(&format!("{layer}.attention.self.{name}"), &x);
            let (queries, keys, values) = (part("query"), part("key"), part("value"));
            let mut mixed = vec![vec![0.0; width]; x.len()];
            for (place, mixed) in mixed.iter_mut().enumerate() {
                for number in 0..tiny.heads {
                    let own = number * head..(number + 1) * head;
                    #[expect(clippy::cast_precision_loss, reason = "a width is small")]
                    let score = |key: &Vec<f64>| {
                        let pairs = queries[place][own.clone()].iter().zip(&key[own.clone()]);
                        (pairs.map(|(a, b)| a * b).sum::<f64>() / (head as f64).sqrt()).exp()
                    };
                    let scores: Vec<f64> = keys.iter().map(score).collect();
                    let all: f64 = scores.iter().sum();
                    for (score, value) in scores.iter().zip(&values) {
                        for at in own.clone() {
                            mixed[at] += score / all * value[at];
                        }
                    }
                }
            }
            x = add(&x, &self.linear(&format!("{layer}.attention.output.dense"), &mixed));
            self.norm(&format!("{layer}.attention.output.LayerNorm"), &mut x);
            let mut wide = self.linear(&format!("{layer}.intermediate.dense"), &x);
            wide.iter_mut().flatten().for_each(|x| *x = self.act(*x));
            x = add(&x, &self.linear(&format!("{layer}.output.dense"), &wide));
            self.norm(&format!("{layer}.output.LayerNorm"), &mut x);
        }
        x
    }
}

fn add(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let sum = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
    a.iter().zip(b).map(sum).collect()
}

#[tokio::test]
async fn models_of_both_families_and_any_size_compute_what_the_papers_say() {
    let models = [
        BERT,
        XLM_ROBERTA,
        Tiny { cls: true, act: "gelu_new", ..BERT },
        Tiny { act: "relu", heads: 1, layers: 1, prefix: "bert.", ..BERT },
        Tiny { dtype: Dtype::F16, cls: true, ..XLM_ROBERTA },
        Tiny { dtype: Dtype::BF16, hidden: 64, heads: 4, inner: 130, ..BERT },
    ];
    let texts =
        ["when do you open", "open", "lamps lamps do open you do when lamps : open when you do"];
    for tiny in models {
        let made = tiny.make();
        let embedder = build(&made.home.path().join("tiny"), "threads = 1").unwrap();
        let ours = embed(&*embedder, &texts, Purpose::Passage).await;
        for (text, ours) in texts.iter().zip(&ours) {
            let words: Vec<&str> = text.split(' ').collect();
            let near = cosine(ours, &made.reference(&words));
            assert!(near > 0.999_999, "{near} for `{text}` with {tiny:?}");
        }
        // Different texts must get different vectors, or the comparison proves nothing.
        assert!(cosine(&ours[0], &ours[2]) < 0.999_9, "{tiny:?}");
    }
}

#[tokio::test]
async fn long_texts_are_cut_where_the_settings_say_and_not_where_the_tokenizer_file_does() {
    let made = BERT.make();
    let folder = made.home.path().join("tiny");
    let long = ["when do you open lamps when do you open lamps"];
    let words: Vec<&str> = long[0].split(' ').collect();
    let whole = embed(&*build(&folder, "").unwrap(), &long, Purpose::Passage).await;
    assert!(cosine(&whole[0], &made.reference(&words)) > 0.999_999);
    let cut = embed(&*build(&folder, "max_tokens = 6").unwrap(), &long, Purpose::Passage).await;
    assert!(cosine(&cut[0], &made.reference(&words[..4])) > 0.999_999);
    std::fs::write(folder.join("sentence_bert_config.json"), r#"{"max_seq_length": 7}"#).unwrap();
    let cut = embed(&*build(&folder, "").unwrap(), &long, Purpose::Passage).await;
    assert!(cosine(&cut[0], &made.reference(&words[..5])) > 0.999_999);
}

#[tokio::test]
async fn e5_models_get_their_prefixes_and_settings_change_them() {
    let made = XLM_ROBERTA.make();
    let folder = made.home.path().join("multilingual-e5-tiny");
    std::fs::rename(made.home.path().join("tiny"), &folder).unwrap();
    let both = async |more: &str| {
        let embedder = build(&folder, more).unwrap();
        let query = embed(&*embedder, &["open"], Purpose::Query).await.remove(0);
        (query, embed(&*embedder, &["open"], Purpose::Passage).await.remove(0))
    };
    let (query, passage) = both("").await;
    assert!(cosine(&query, &made.reference(&["query", ":", "open"])) > 0.999_999);
    assert!(cosine(&passage, &made.reference(&["passage", ":", "open"])) > 0.999_999);
    let (query, passage) = both("query_prefix = \"\"\npassage_prefix = \"when \"").await;
    assert!(cosine(&query, &made.reference(&["open"])) > 0.999_999);
    assert!(cosine(&passage, &made.reference(&["when", "open"])) > 0.999_999);
    assert!(build(&folder, "").unwrap().languages().is_empty(), "multilingual");
}
