//! Finds answers in this process, with a BERT or XLM-RoBERTa model for extractive question answering
//! from a folder: the model reads question and passage together. Must not block the network threads
//! or download anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use frontdesk_encoder::{Encoder, ModelRunner, Tensors, Tokens, Urgency, read};
use serde::Deserialize;

use super::{Error, QaModel, Span};
use span_head::SpanHead;

mod best_span;
mod span_head;

/// Default maximum length of a question and a window of the passage, in tokens: models are trained
/// on no longer ones.
const MAX_LEN: usize = 384;

/// Configuration of a model that runs in this process.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name of an installed model (`frontdesk models list`); empty: the first installed one for
    /// question answering.
    pub(super) model: String,
    /// Model folder, when it is not in the models folder.
    pub(super) path: Option<PathBuf>,
    /// Compute threads; 0: one for each core.
    threads: usize,
    /// Maximum tokens of the question and a window of the passage together; 0: the limit in the
    /// model's files, at most 384. Longer passages are read in several windows.
    max_tokens: usize,
    /// Milliseconds for all passages of a question.
    timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { model: String::new(), path: None, threads: 0, max_tokens: 0, timeout_ms: 2500 }
    }
}

pub(super) struct Local {
    running: ModelRunner<SpanHead>,
    identity: String,
    timeout_ms: u64,
}

impl Local {
    /// Reads a model's folder and starts its threads.
    pub(super) fn new(settings: &Settings, folder: &Path) -> Result<Self, String> {
        let Settings { threads, max_tokens, timeout_ms, .. } = *settings;
        if timeout_ms == 0 {
            return Err("timeout_ms must be at least 1".into());
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
        let head = SpanHead::load(&model, &tensors).map_err(named)?;
        tokens.check_pairs().map_err(named)?;
        let tokens = tokens.for_windows()?;
        let encoder = Encoder::load(&model, &tensors)?;
        let running = ModelRunner::start((tokens, encoder, head), threads, "qa")?;
        let name = model.names.first().map(String::as_str).unwrap_or_default();
        Ok(Self { running, identity: format!("local/{name}"), timeout_ms })
    }
}

#[async_trait]
impl QaModel for Local {
    fn identity(&self) -> Option<&str> {
        Some(&self.identity)
    }

    async fn find(&self, question: &str, passages: &[String]) -> Result<Vec<Option<Span>>, Error> {
        let question = question.into();
        // Windows that have not started when the time is up are dropped with the future.
        let limit = Duration::from_millis(self.timeout_ms);
        let read = self.running.run_windows(&question, passages, Urgency::First);
        let windows = tokio::time::timeout(limit, read).await.map_err(|_| {
            let (passages, limit) = (passages.len(), self.timeout_ms);
            Error::Failed(format!(
                "{passages} passages were not read within {limit} ms: a smaller model takes less time"
            ))
        })?;
        let windows = windows.map_err(Error::Failed)?;
        Ok(windows.iter().zip(passages).map(|(own, text)| best_span::find(own, text)).collect())
    }
}
