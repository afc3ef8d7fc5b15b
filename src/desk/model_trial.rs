//! Trials of models: one short task each, with its time and price. A trial stores nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::adapter_builder::AdapterBuilder;
use super::{Desk, ModelScope};
use crate::domain::{ModelProvider, ModelRole};
use crate::embed::{Embedder, Purpose};
use crate::llm::{self, ChatTrial};
use crate::models::ModelSetting;
use crate::rerank::Reranker;
use crate::speech::{Recording, Transcriber};

/// Timeout of a trial, with all its attempts.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest text of a trial, in characters.
const MAX_TEXT_LEN: usize = 2_000;
/// What is embedded, and what passages are ranked for.
const QUESTION: &str = "When do you open on Saturday?";
/// The passage that answers the question, and one that does not.
const PASSAGES: [&str; 2] =
    ["Parcels are delivered within two days.", "On Saturdays we open at nine."];
/// Samples of a second of sound.
const RATE: u32 = 16_000;

/// What a trial brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrialResult {
    /// The sentence that it wrote, or what it heard in a second of silence.
    pub text: Option<String>,
    /// Length of its vectors.
    pub dimensions: Option<usize>,
    /// Whether it ranked the passage first that answers the question.
    pub ranks_right: Option<bool>,
    /// Tokens of the question and of the answer, as far as they are counted.
    pub tokens: [u64; 2],
    /// What it cost, in millionths of a dollar; `None` if its price is not known.
    pub cost_micros: Option<u64>,
    /// Time until the answer was complete.
    pub took: Duration,
}

impl From<ChatTrial> for TrialResult {
    fn from(trial: ChatTrial) -> Self {
        let ChatTrial { text, usage, is_priced, took } = trial;
        Self {
            text: Some(cut(&text)),
            tokens: [usage.input_tokens, usage.output_tokens],
            cost_micros: is_priced.then_some(usage.cost_micros),
            took,
            ..Self::default()
        }
    }
}

impl Desk {
    /// Gives a model that could be chosen one short task. The error has the endpoint's words.
    pub async fn try_model(
        &self,
        role: ModelRole,
        setting: &ModelSetting,
    ) -> Result<TrialResult, String> {
        if role == ModelRole::Chat {
            let trial = self.engine.model.try_out(setting).await?;
            return Ok(trial.into());
        }
        let (builder, chosen) = (self.model_choices.builder()?.clone(), setting.clone());
        let built = tokio::task::spawn_blocking(move || builder.trial_adapter(role, &chosen));
        let adapter = built.await.map_err(|broken| broken.to_string())??;
        let trial = in_time(adapter.try_out()).await?;
        Ok(match (setting.provider, role) {
            (ModelProvider::Local, _) => TrialResult { cost_micros: Some(0), ..trial },
            (_, ModelRole::Embeddings) => {
                let (tokens, cost_micros) =
                    self.engine.model.cost_of_input(&setting.model, QUESTION);
                TrialResult { tokens: [tokens, 0], cost_micros, ..trial }
            }
            _ => trial,
        })
    }

    /// Gives the model in use one short task.
    pub async fn try_model_in_use(&self, scope: &ModelScope) -> Result<TrialResult, String> {
        let adapter = match (scope.role, &scope.agent) {
            (ModelRole::Chat, agent) => {
                self.engine.model.settled().await;
                let model = match agent.as_ref().and_then(|id| self.bots.get(id)) {
                    Some(bot) => self.engine.model.of(&bot.agent),
                    None => self.engine.model.current(),
                };
                let name = model.default_model();
                if !model.kind(name).generates() {
                    return Err("no model is in use".into());
                }
                return llm::try_out(&*model, name).await.map(Into::into);
            }
            (ModelRole::Embeddings, _) => {
                TrialAdapter::Embedder(self.library.space().embed.clone())
            }
            (ModelRole::Speech, Some(agent)) => {
                TrialAdapter::Transcriber(self.engine.speech.of(agent))
            }
            (ModelRole::Speech, None) => TrialAdapter::Transcriber(self.engine.speech.current()),
            (ModelRole::Reranking, agent) => {
                let live = self.engine.lookup.live(agent.as_ref());
                TrialAdapter::Reranker(live.rerank.clone())
            }
        };
        in_time(adapter.try_out()).await
    }
}

/// What is tried.
pub(super) enum TrialAdapter {
    Embedder(Arc<dyn Embedder>),
    Transcriber(Arc<dyn Transcriber>),
    Reranker(Arc<dyn Reranker>),
}

impl AdapterBuilder {
    /// Builds the adapter of a trial, which is tried once.
    fn trial_adapter(
        &self,
        role: ModelRole,
        chosen: &ModelSetting,
    ) -> Result<TrialAdapter, String> {
        Ok(match role {
            ModelRole::Chat => return Err("a chat model is tried without an adapter".into()),
            ModelRole::Embeddings => TrialAdapter::Embedder(self.embedder(Some(chosen))?),
            ModelRole::Speech => TrialAdapter::Transcriber(self.transcriber(Some(chosen))?),
            ModelRole::Reranking => TrialAdapter::Reranker(self.reranker(Some(chosen))?),
        })
    }
}

impl TrialAdapter {
    async fn try_out(&self) -> Result<TrialResult, String> {
        let started = Instant::now();
        let mut trial = match self {
            Self::Embedder(embedder) => embed(&**embedder).await?,
            Self::Transcriber(transcriber) => listen(&**transcriber).await?,
            Self::Reranker(reranker) => rank(&**reranker).await?,
        };
        trial.took = started.elapsed();
        Ok(trial)
    }
}

async fn in_time(
    trial: impl Future<Output = Result<TrialResult, String>>,
) -> Result<TrialResult, String> {
    let late = || Err(format!("no answer within {} seconds", TRIAL_TIMEOUT.as_secs()));
    tokio::time::timeout(TRIAL_TIMEOUT, trial).await.unwrap_or_else(|_| late())
}

async fn embed(embedder: &dyn Embedder) -> Result<TrialResult, String> {
    let vectors = embedder.embed(&[QUESTION.to_owned()], Purpose::Passage).await;
    let vectors = vectors.map_err(|error| error.to_string())?;
    Ok(TrialResult { dimensions: vectors.first().map(Vec::len), ..TrialResult::default() })
}

async fn listen(transcriber: &dyn Transcriber) -> Result<TrialResult, String> {
    let recording = Recording {
        bytes: silence().into(),
        mime_type: "audio/wav",
        language: None,
        vocabulary: "",
        progress: None,
    };
    let heard = transcriber.transcribe(&recording).await.map_err(|error| error.to_string())?;
    Ok(TrialResult { text: Some(cut(&heard.text)), ..TrialResult::default() })
}

async fn rank(reranker: &dyn Reranker) -> Result<TrialResult, String> {
    let passages = PASSAGES.map(str::to_owned);
    let scores = reranker.rerank(QUESTION, &passages).await.map_err(|error| error.to_string())?;
    let ranks_right = match scores.as_slice() {
        [Some(other), Some(answer)] => answer > other,
        _ => false,
    };
    Ok(TrialResult { ranks_right: Some(ranks_right), ..TrialResult::default() })
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT_LEN).collect()
}

/// A second of silence as a WAV file: 16 bits, one channel.
fn silence() -> Vec<u8> {
    let bytes = RATE * 2;
    let mut wav = Vec::with_capacity(44 + RATE as usize * 2);
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(RATE.to_le_bytes());
    wav.extend(bytes.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    wav.resize(44 + RATE as usize * 2, 0);
    wav
}
