//! Embeds in this process, with a BERT or XLM-RoBERTa model from a folder. Must not block the
//! network threads or download anything.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use frontdesk_encoder::{Encoder, Model, ModelRunner, Tensors, Text, Tokens, Urgency, read};
use frontdesk_language::terms;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Embedder, Error, Purpose};
use pooling::{Pooling, Prompts};

mod pooling;

/// Configuration of a model that runs in this process.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name of an installed model (`frontdesk models list`); empty: the first installed embedding
    /// model.
    pub(super) model: String,
    /// Model folder, when it is not in the models folder.
    pub(super) path: Option<PathBuf>,
    /// Compute threads; 0: one for each core.
    threads: usize,
    /// Maximum tokens of a text, longer ones are truncated; 0: the limit in the model's files.
    max_tokens: usize,
    /// Prefix of each question; none: the model's own, `query: ` for E5.
    query_prefix: Option<String>,
    /// Prefix of each document chunk; none: the model's own, `passage: ` for E5.
    passage_prefix: Option<String>,
    /// ISO 639-1 codes of the languages that the model was trained on, `[]` for all; none: all for
    /// a multilingual model, English for others.
    languages: Option<Vec<String>>,
    /// Whether a missing model may be downloaded from the hub at startup.
    pub(super) fetch: bool,
}

impl Settings {
    /// The same for another model of the models folder.
    pub(super) fn named(&self, model: &str) -> Self {
        let is_own = self.path.is_none() && self.model == model;
        let basis = if is_own { self.clone() } else { Self::default() };
        Self { model: model.to_owned(), path: None, threads: self.threads, ..basis }
    }
}

pub(super) struct Local {
    running: ModelRunner<Pooling>,
    identity: String,
    languages: Vec<String>,
    /// Empty for a model of all languages.
    vocabulary: HashSet<String>,
    query_prefix: String,
    passage_prefix: String,
}

impl Local {
    /// Reads a model's folder and starts its threads.
    pub(super) fn new(settings: &Settings, folder: &Path) -> Result<Self, String> {
        let mut model = read(folder)?;
        let pooling = pooling::pooling(folder)?;
        if settings.max_tokens > 0 {
            let room = model.positions - model.first_position;
            if settings.max_tokens > room {
                return Err(format!("max_tokens is more than the {room} that the model can take"));
            }
            model.max_tokens = settings.max_tokens;
        }
        let (tokens, tokenizer) = Tokens::load(folder, model.max_tokens, model.words)?;
        let tensors = Tensors::open(&folder.join("model.safetensors"))?;
        let encoder = Encoder::load(&model, &tensors)?;
        let (query_prefix, passage_prefix) = prefixes(settings, &model, pooling::prompts(folder)?);
        let mut hash = Sha256::new();
        tensors.sample_fingerprint(|bytes| hash.update(bytes))?;
        hash.update(tokenizer);
        let ways = (pooling, model.max_tokens, &query_prefix, &passage_prefix);
        hash.update(format!("{ways:?}"));
        let hash = hex::encode(hash.finalize());
        let name = model.names.first().map(String::as_str).unwrap_or_default();
        let identity = format!("local/{name}/{}", hash.get(..12).unwrap_or_default());
        let languages = settings
            .languages
            .clone()
            .unwrap_or_else(|| if model.multilingual { Vec::new() } else { vec!["en".into()] });
        let vocabulary = tokens.vocabulary().filter(|_| !languages.is_empty()).collect();
        let running = ModelRunner::start((tokens, encoder, pooling), settings.threads, "embed")?;
        Ok(Self { running, identity, languages, vocabulary, query_prefix, passage_prefix })
    }
}

#[async_trait]
impl Embedder for Local {
    fn identity(&self) -> Option<&str> {
        Some(&self.identity)
    }

    fn languages(&self) -> &[String] {
        &self.languages
    }

    fn familiarity(&self, text: &str) -> Option<f32> {
        familiarity(&self.vocabulary, text)
    }

    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        let (urgency, prefix) = match purpose {
            Purpose::Query => (Urgency::First, &self.query_prefix),
            Purpose::Passage => (Urgency::Later, &self.passage_prefix),
        };
        if let [text] = texts {
            let vector = self.running.run_one(Text::One(format!("{prefix}{text}")), urgency).await;
            return Ok(vec![vector.map_err(Error::Failed)?]);
        }
        let texts = texts.iter().map(|text| Text::One(format!("{prefix}{text}"))).collect();
        self.running.run_batch(texts, urgency).await.map_err(Error::Failed)
    }
}

/// Returns the share of a text's words that are in a vocabulary; `None` without either.
fn familiarity(vocabulary: &HashSet<String>, text: &str) -> Option<f32> {
    let words = terms::words(text);
    let known = words.iter().filter(|word| vocabulary.contains(*word)).count();
    #[expect(clippy::cast_precision_loss, reason = "a few words")]
    let share = known as f32 / words.len() as f32;
    (!vocabulary.is_empty() && !words.is_empty()).then_some(share)
}

/// Returns the query and passage prefixes: from the settings, else from the model's files, else
/// from its name.
fn prefixes(settings: &Settings, model: &Model, prompts: Prompts) -> (String, String) {
    let e5 = model.names.iter().any(|name| {
        let mut words = name.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word.eq_ignore_ascii_case("e5"))
    });
    let known = |of_e5: &str| if e5 { of_e5.to_owned() } else { String::new() };
    let (query, passage) = (&settings.query_prefix, &settings.passage_prefix);
    let query = query.clone().or(prompts.query);
    let passage = passage.clone().or(prompts.passage);
    (query.unwrap_or_else(|| known("query: ")), passage.unwrap_or_else(|| known("passage: ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_familiar_if_the_model_knows_its_words() {
        let vocabulary = ["refund", "policy", "for", "##bon"].map(str::to_owned).into();
        let share = |text| familiarity(&vocabulary, text);
        assert_eq!(share("Refund policy for Gabon?"), Some(0.75));
        assert_eq!(share("ngifuna imali yami"), Some(0.0));
        assert_eq!((share("?!"), familiarity(&HashSet::new(), "refund")), (None, None));
    }

    /// The identity of a model includes this text: if it changes, every installation embeds all its
    /// documents again.
    #[test]
    fn what_an_identity_is_made_of_stays_as_it_is() {
        let ways = ([Pooling::Mean, Pooling::Cls], 512_usize, &"query: ".to_owned());
        assert_eq!(format!("{ways:?}"), r#"([Mean, Cls], 512, "query: ")"#);
    }
}
