//! Scores in this process, with a BERT or XLM-RoBERTa cross-encoder from a folder: the model reads
//! question and passage together. Must not block the network threads or download anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use frontdesk_encoder::{Encoder, ModelRunner, Tensors, Text, Tokens, Urgency, read};
use serde::Deserialize;

use super::{Error, Reranker};
use classifier::Classifier;

mod classifier;

/// Default maximum length of a question and passage, in tokens: models saw few longer pairs in
/// training, and longer ones take more time.
const MAX_LEN: usize = 512;

/// Configuration of a cross-encoder that runs in this process.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name of an installed model (`frontdesk models list`); empty: the first installed reranker.
    pub(super) model: String,
    /// Model folder, when it is not in the models folder.
    pub(super) path: Option<PathBuf>,
    /// Compute threads; 0: one for each core.
    threads: usize,
    /// Maximum tokens of question and passage together, the end of the passage is cut off; 0: the
    /// limit in the model's files, at most 512.
    max_tokens: usize,
    /// Maximum number of passages to score, 2 to 1000.
    candidates: usize,
    /// Milliseconds for all passages of a question.
    timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let (model, path) = (String::new(), None);
        Self { model, path, threads: 0, max_tokens: 0, candidates: 20, timeout_ms: 2500 }
    }
}

impl Settings {
    /// The same for another model of the models folder.
    pub(super) fn named(&self, model: &str) -> Self {
        Self { model: model.to_owned(), path: None, ..self.clone() }
    }
}

pub(super) struct Local {
    running: ModelRunner<Classifier>,
    identity: String,
    candidates: usize,
    timeout_ms: u64,
}

impl Local {
    /// Reads a model's folder and starts its threads.
    pub(super) fn new(settings: &Settings, folder: &Path) -> Result<Self, String> {
        let Settings { threads, max_tokens, candidates, timeout_ms, .. } = *settings;
        if !(2..=1000).contains(&candidates) || timeout_ms == 0 {
            return Err("candidates goes from 2 to 1000, and timeout_ms from 1".into());
        }
        let named = |why: String| format!("{}: {why}", folder.display());
        let model = read(folder)?;
        let room = model.positions - model.first_position;
        if max_tokens > room {
            return Err(format!("max_tokens is more than the {room} that the model can take"));
        }
        let longest = if max_tokens > 0 { max_tokens } else { model.max_tokens.min(MAX_LEN) };
        let (tokens, _) = Tokens::load(folder, longest, model.words)?;
        let tensors = Tensors::open(&folder.join("model.safetensors"))?;
        let classifier = Classifier::load(&model, &tensors).map_err(named)?;
        tokens.check_pairs().map_err(named)?;
        let encoder = Encoder::load(&model, &tensors)?;
        let running = ModelRunner::start((tokens, encoder, classifier), threads, "rerank")?;
        let name = model.names.first().map(String::as_str).unwrap_or_default();
        Ok(Self { running, identity: format!("local/{name}"), candidates, timeout_ms })
    }
}

#[async_trait]
impl Reranker for Local {
    fn identity(&self) -> Option<&str> {
        Some(&self.identity)
    }

    fn candidates(&self) -> usize {
        self.candidates
    }

    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>, Error> {
        let query: Arc<str> = query.into();
        let pairs = texts.iter().map(|text| Text::Pair(query.clone(), text.clone())).collect();
        // Pairs that have not started when the time is up are dropped with the future.
        let limit = Duration::from_millis(self.timeout_ms);
        let all = tokio::time::timeout(limit, self.running.run_batch(pairs, Urgency::First)).await;
        let scores = all.map_err(|_| {
            let (passages, limit) = (texts.len(), self.timeout_ms);
            Error::Failed(format!(
                "{passages} passages were not scored within {limit} ms: fewer candidates or a smaller model take less time"
            ))
        })?;
        Ok(scores.map_err(Error::Failed)?.into_iter().map(Some).collect())
    }
}
