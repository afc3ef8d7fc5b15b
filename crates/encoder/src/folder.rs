//! Reads and checks a model folder's `config.json` and tokenizer files. Computes nothing, and does
//! not know what the model is for.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Maximum of any size in `config.json`; a larger one is damaged or hostile.
const MAX_CONFIG_SIZE: usize = 1 << 20;

/// Dimensions and properties of a model.
#[derive(Debug, Clone)]
pub struct Model {
    /// Model family.
    pub family: Family,
    /// Vector length.
    pub hidden: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    /// Width of the feed-forward layer.
    pub(crate) inner: usize,
    pub(crate) activation: Activation,
    pub(crate) epsilon: f32,
    /// Rows of the position embedding table.
    pub positions: usize,
    /// Position of the first token: 0 for BERT, the padding id + 1 for XLM-RoBERTa.
    pub first_position: usize,
    /// Rows of the token type embedding table.
    pub(crate) types: usize,
    /// Rows of the word embedding table.
    pub words: usize,
    /// Maximum text length, in tokens.
    pub max_tokens: usize,
    /// Names: of the folder, and in `config.json`.
    pub names: Vec<String>,
    /// Whether the vocabulary suggests training on many languages.
    pub multilingual: bool,
    /// Labels of a classification model in `config.json`; empty for others.
    pub labels: Vec<String>,
}

/// Model family; families differ in positions and heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// BERT: positions start at 0.
    Bert,
    /// XLM-RoBERTa and relatives: positions start after the padding id.
    XlmRoberta,
}

/// Activation function of the feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Activation {
    /// GELU with the error function.
    #[serde(rename = "gelu")]
    Gelu,
    /// GELU, tanh approximation.
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh")]
    GeluNew,
    #[serde(rename = "relu")]
    Relu,
}

/// `config.json`; missing fields have BERT's defaults.
#[derive(Debug, Deserialize)]
struct Config {
    model_type: String,
    hidden_size: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    intermediate_size: usize,
    hidden_act: Activation,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
    max_position_embeddings: usize,
    #[serde(default)]
    pad_token_id: Option<usize>,
    type_vocab_size: usize,
    vocab_size: usize,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default, rename = "_name_or_path")]
    name: String,
    #[serde(default)]
    num_labels: Option<usize>,
    /// Label names by number, which is a string in the file.
    #[serde(default)]
    id2label: Option<BTreeMap<String, Value>>,
}

fn epsilon() -> f32 {
    1e-12
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sentence {
    max_seq_length: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenizerConfig {
    /// A float, because some models use 1e30 for "no limit".
    model_max_length: Option<f64>,
}

/// Reads the description of the model in a folder. Errors name the file and say what to do.
pub fn read(folder: &Path) -> Result<Model, String> {
    if !folder.is_dir() {
        return Err(format!("there is no folder {}", folder.display()));
    }
    let path = folder.join("config.json");
    let config: Config = json(&path)?;
    let wrong = |what: &str| format!("{}: {what}", path.display());
    let family = match config.model_type.as_str() {
        "bert" => Family::Bert,
        "xlm-roberta" | "roberta" | "camembert" => Family::XlmRoberta,
        other => {
            return Err(wrong(&format!(
                "model_type is {other}; only bert and xlm-roberta models can be used"
            )));
        }
    };
    config.check().map_err(|why| wrong(&why))?;
    let first_position = match family {
        Family::Bert => 0,
        Family::XlmRoberta => config.pad_token_id.unwrap_or(1) + 1,
    };
    let room = config.max_position_embeddings.saturating_sub(first_position);
    if room < 4 {
        return Err(wrong("max_position_embeddings leaves no room for a text"));
    }
    let own_name = folder.canonicalize().ok();
    let own_name = own_name.as_deref().and_then(Path::file_name).unwrap_or_default();
    Ok(Model {
        family,
        labels: config.labels(),
        hidden: config.hidden_size,
        heads: config.num_attention_heads,
        layers: config.num_hidden_layers,
        inner: config.intermediate_size,
        activation: config.hidden_act,
        epsilon: config.layer_norm_eps,
        positions: config.max_position_embeddings,
        first_position,
        types: config.type_vocab_size,
        words: config.vocab_size,
        max_tokens: longest(folder)?.unwrap_or(room).min(room),
        names: vec![own_name.to_string_lossy().into_owned(), config.name],
        multilingual: config.model_type == "xlm-roberta" || config.vocab_size >= 100_000,
    })
}

impl Config {
    /// Returns the labels, or their numbers if they have no names.
    fn labels(&self) -> Vec<String> {
        let named = self.id2label.iter().flatten();
        let name = |(number, name): (&String, &Value)| name.as_str().unwrap_or(number).to_owned();
        let named: Vec<String> = named.map(name).collect();
        match self.num_labels {
            Some(count) if named.len() != count => {
                (0..count.min(MAX_CONFIG_SIZE)).map(|number| number.to_string()).collect()
            }
            _ => named,
        }
    }

    fn check(&self) -> Result<(), String> {
        for (name, size) in [
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("num_hidden_layers", self.num_hidden_layers),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
            ("vocab_size", self.vocab_size),
        ] {
            if size == 0 || size > MAX_CONFIG_SIZE {
                return Err(format!("{name} is {size}"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err("hidden_size is not a multiple of num_attention_heads".into());
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return Err("layer_norm_eps must be between 0 and 1".into());
        }
        if self.pad_token_id.is_some_and(|id| id > MAX_CONFIG_SIZE) {
            return Err("pad_token_id is no token".into());
        }
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => Ok(()),
            Some(other) => {
                Err(format!("position_embedding_type {other} is not known, only absolute"))
            }
        }
    }
}

/// Returns the maximum text length in the folder's files, in tokens.
fn longest(folder: &Path) -> Result<Option<usize>, String> {
    let sentence = optional::<Sentence>(&folder.join("sentence_bert_config.json"))?;
    if let Some(most) = sentence.and_then(|sentence| sentence.max_seq_length) {
        return Ok(Some(most.max(4)));
    }
    let tokenizer = optional::<TokenizerConfig>(&folder.join("tokenizer_config.json"))?;
    let most = tokenizer.and_then(|tokenizer| tokenizer.model_max_length);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in this range it is a count"
    )]
    Ok(most.filter(|most| (4.0..1e6).contains(most)).map(|most| most as usize))
}

/// Reads a JSON file that may be missing.
pub fn optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    if path.is_file() { json(path).map(Some) } else { Ok(None) }
}

/// Reads a JSON file. Errors name it and say what to do.
pub fn json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        format!("{} is damaged ({error}): fetch or import the model again", path.display())
    })
}

/// Error message for a file that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let name = path.display();
    if error.kind() != std::io::ErrorKind::NotFound {
        return format!("{name} cannot be read: {error}");
    }
    let other = path.with_file_name("pytorch_model.bin");
    if path.extension().is_some_and(|ending| ending == "safetensors") && other.is_file() {
        return format!(
            "{name} is missing; pytorch_model.bin is there, but only safetensors are read: fetch the model's \
             safetensors, or save it with save_pretrained(safe_serialization=True)"
        );
    }
    format!(
        "{name} is missing: copy it from where the model comes from, or `frontdesk models fetch` the model again"
    )
}
