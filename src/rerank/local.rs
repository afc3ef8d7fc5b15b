//! Scores in this process, with a cross-encoder of the BERT or XLM-RoBERTa family from a folder: the model reads question
//! and passage together. Must not keep the threads of the network busy, nor fetch anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use frontdesk_encoder::{Encoder, ModelRunner, Tensors, Text, Tokens, Urgency, read};
use serde::Deserialize;

use super::{Error, Reranker};
use classifier::Classifier;

mod classifier;

/// The longest pair, where the settings name none: longer ones were rarely seen in training, and a customer waits.
const LONGEST: usize = 512;

/// A cross-encoder in a folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Its name: a folder among the models, `frontdesk models list`; empty: the first reranker that is there.
    pub(super) model: String,
    /// Its folder, where it is elsewhere.
    pub(super) path: Option<PathBuf>,
    /// Threads that compute; 0: as many as there are cores.
    threads: usize,
    /// Question and passage are cut after so many tokens together, from the passage's end; 0: as the model's files say,
    /// 512 at the most.
    max_tokens: usize,
    /// How many passages are scored at the most, 2 to 1000.
    candidates: usize,
    /// Milliseconds for all of them: a customer waits.
    timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let (model, path) = (String::new(), None);
        Self { model, path, threads: 0, max_tokens: 0, candidates: 20, timeout_ms: 2500 }
    }
}

pub(super) struct Local {
    running: ModelRunner<Classifier>,
    identity: String,
    candidates: usize,
    timeout_ms: u64,
}

impl Local {
    /// Reads a model's folder and starts the threads.
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
        let longest = if max_tokens > 0 { max_tokens } else { model.max_tokens.min(LONGEST) };
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
        // What was not begun when the time is over is not begun any more.
        let limit = Duration::from_millis(self.timeout_ms);
        let all = tokio::time::timeout(limit, self.running.all(pairs, Urgency::First)).await;
        let scores = all.map_err(|_| {
            let (passages, limit) = (texts.len(), self.timeout_ms);
            Error::Failed(format!(
                "{passages} passages were not scored within {limit} ms: fewer candidates or a smaller model take less time"
            ))
        })?;
        Ok(scores.map_err(Error::Failed)?.into_iter().map(Some).collect())
    }
}
