//! A recorded turn: what it was about and what everything around the pipeline answered, so that the same turn can be run
//! again. Kept with the turn; passages stand in the turn's trace.
//!
//! What is played: what was heard in voice notes, the curated answer, the passages, and every answer of a model. All
//! else (the rules, the prompt, cleaning, the check of statements, the format for WhatsApp) runs as the code is now. An embedder
//! that helps to check statements is asked again, and named, so that another one is told of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bot::Bot;
use super::budget::{self, BudgetTier};
use super::engine::Engine;
use super::inputs::RecordedInputs;
use super::lookup::Lookup;
use super::outbound;
use super::transcribe::{AudioError, AudioSource, TranscriptionError};
use super::turn_result::TurnResult;
use crate::domain::time::Millis;
use crate::domain::{
    Agent, Content, Line, Media, MessageId, Outcome, Passage, Prompt, Turn, VoiceTranscript,
    WaitingMessage,
};
use crate::llm::{self, Completion, Hear, Model, ModelKind, Window};

mod replay;

pub use replay::ReplayAudio;
use replay::ReplayLookup;

/// Version of a recording's JSON; one of another version is not played.
const FORMAT: u32 = 1;

/// What a turn was about, what it was given, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnRecording {
    /// The shape that this was written in.
    pub format: u32,
    /// The customer's name.
    pub contact: Option<String>,
    /// What was waiting.
    pub said: Vec<RecordedMessage>,
    /// What was said before.
    pub history: Vec<Line>,
    /// The moment of `today` and `time` in the prompt.
    pub now: Millis,
    /// What the budget still paid for.
    #[serde(rename = "means")]
    pub tier: BudgetTier,
    /// What models might cost.
    pub budget: budget::Settings,
    /// The embedding model, when there was one.
    pub embedder: Option<String>,
    /// What stages 2 to 4 heard and found.
    #[serde(rename = "kept")]
    pub inputs: RecordedInputs,
    /// What is known of the models that were asked about.
    pub models: KnownModels,
    /// What the models answered, in order.
    pub calls: Vec<Call>,
    /// What was decided.
    pub outcome: Outcome,
    /// What the customer got, one text a message.
    pub bubbles: Vec<String>,
}

/// One message of the turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedMessage {
    /// Its id.
    pub message: Option<MessageId>,
    /// What it holds.
    pub content: Content,
    /// What its recording says.
    pub spoken: Option<VoiceTranscript>,
    /// SHA-256 of its recording, when that was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What is known of models without asking them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownModels {
    /// The one that answers where an agent names none.
    pub default: String,
    /// Below this confidence there is no answer.
    pub min_confidence: f32,
    /// What a prompt must fit into, by model; nothing for one that quotes.
    pub windows: BTreeMap<String, Option<Window>>,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// SHA-256 of what it was asked.
    pub asked: String,
    /// What it answered.
    pub answer: Result<Completion, llm::Error>,
}

impl TurnRecording {
    /// As JSON, for the database; `None` for a turn that cannot be written down.
    pub fn written(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Reads what the database holds, with the passages of the turn's trace. The error says why it cannot be played.
    pub fn read(json: &str, passages: Arc<[Passage]>) -> Result<Self, String> {
        let mut recording: Self = serde_json::from_str(json)
            .map_err(|error| format!("the tape cannot be read: {error}"))?;
        if recording.format != FORMAT {
            return Err(format!("the tape has the shape {}, not {FORMAT}", recording.format));
        }
        recording.inputs.passages = passages;
        Ok(recording)
    }

    /// The turn, for an agent.
    pub fn turn(&self, agent: &Arc<Agent>) -> Turn {
        let said = |heard: &RecordedMessage| WaitingMessage {
            message: heard.message.clone(),
            content: heard.content.clone(),
            heard: heard.spoken.clone(),
        };
        Turn {
            conversation: None,
            agent: agent.clone(),
            contact: self.contact.clone(),
            said: self.said.iter().map(said).collect(),
            history: self.history.clone(),
            now: self.now,
        }
    }

    /// An engine that plays all of it: nobody outside is asked. The model tells what was asked and is not recorded.
    pub fn play(&self, engine: &Engine) -> (Engine, Arc<ReplayModel>) {
        let player = Arc::new(ReplayModel::of(self));
        let engine = Engine {
            model: player.clone(),
            budget: self.budget.clone(),
            lookup: self.lookup(engine),
            ..engine.clone()
        };
        (engine, player)
    }

    /// What was heard in the turn's voice notes.
    pub fn audio(&self) -> ReplayAudio {
        ReplayAudio::of(&self.said, &self.inputs.failures)
    }

    /// An engine that finds what was found and asks the model anew.
    pub fn find_again(&self, engine: &Engine) -> Engine {
        Engine { lookup: self.lookup(engine), ..engine.clone() }
    }

    fn lookup(&self, engine: &Engine) -> Arc<dyn Lookup> {
        Arc::new(ReplayLookup { inputs: self.inputs.clone(), now: engine.lookup.clone() })
    }
}

/// Records a turn while it runs.
pub struct Recorder {
    model: Arc<RecordingModel>,
    hashes: Mutex<Vec<(Option<MessageId>, String)>>,
    budget: budget::Settings,
    embedder: Option<String>,
}

impl Recorder {
    /// An engine that answers as this one does, and what writes down what it is told.
    pub fn begin(engine: &Engine) -> (Engine, Self) {
        let model = Arc::new(RecordingModel {
            model: engine.model.clone(),
            calls: Mutex::default(),
            windows: Mutex::default(),
        });
        let recorder = Self {
            model: model.clone(),
            hashes: Mutex::default(),
            budget: engine.budget.clone(),
            embedder: engine.live().embed.identity().map(ToOwned::to_owned),
        };
        (Engine { model, ..engine.clone() }, recorder)
    }

    /// The same voice notes, whose bytes are hashed on their way.
    pub fn hashing<'a>(&'a self, audio: &'a dyn AudioSource) -> impl AudioSource + 'a {
        HashingAudio { audio, hashes: &self.hashes }
    }

    /// The recording of the turn.
    pub fn finish(
        &self,
        bot: &Bot,
        turn: &Turn,
        tier: BudgetTier,
        answered: &TurnResult,
    ) -> TurnRecording {
        let hashes = held(&self.hashes);
        let heard = |said: &WaitingMessage| RecordedMessage {
            message: said.message.clone(),
            content: said.content.clone(),
            spoken: said.heard.clone().or_else(|| answered.spoken(said.message.as_ref()?)),
            hash: hashes.iter().find(|(id, _)| *id == said.message).map(|(_, hash)| hash.clone()),
        };
        let (calls, windows) = self.model.taken();
        let model = &self.model.model;
        TurnRecording {
            format: FORMAT,
            contact: turn.contact.clone(),
            said: turn.said.iter().map(heard).collect(),
            history: turn.history.clone(),
            now: turn.now,
            tier,
            budget: self.budget.clone(),
            embedder: self.embedder.clone(),
            inputs: answered.inputs.clone(),
            models: KnownModels {
                default: model.default_model().to_owned(),
                min_confidence: model.min_confidence(),
                windows,
            },
            calls,
            outcome: answered.outcome.clone(),
            bubbles: outbound::bubbles(bot, &answered.outcome),
        }
    }
}

/// A model that writes down what it answers.
struct RecordingModel {
    model: Arc<dyn Model>,
    calls: Mutex<Vec<Call>>,
    windows: Mutex<BTreeMap<String, Option<Window>>>,
}

impl RecordingModel {
    fn taken(&self) -> (Vec<Call>, BTreeMap<String, Option<Window>>) {
        (std::mem::take(&mut *held(&self.calls)), std::mem::take(&mut *held(&self.windows)))
    }
}

fn held<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Model for RecordingModel {
    fn kind(&self, model: &str) -> ModelKind {
        let kind = self.model.kind(model);
        let mut windows = held(&self.windows);
        if !windows.contains_key(model) {
            windows.insert(model.to_owned(), kind.window());
        }
        kind
    }

    fn default_model(&self) -> &str {
        self.model.default_model()
    }

    fn min_confidence(&self) -> f32 {
        self.model.min_confidence()
    }

    async fn complete(
        &self,
        prompt: &Prompt,
        hear: Option<Hear<'_>>,
    ) -> Result<Completion, llm::Error> {
        let answer = self.model.complete(prompt, hear).await;
        held(&self.calls).push(Call { asked: asked(prompt), answer: answer.clone() });
        answer
    }

    async fn check(&self) -> Result<String, llm::Error> {
        self.model.check().await
    }
}

/// What tells one question to a model from another.
fn asked(prompt: &Prompt) -> String {
    let Prompt { model, temperature, max_output_tokens, messages, question, .. } = prompt;
    let all = (model, temperature, max_output_tokens, messages, question);
    hex::encode(Sha256::digest(serde_json::to_vec(&all).unwrap_or_default()))
}

/// A model that answers from a recording.
pub struct ReplayModel {
    models: KnownModels,
    calls: Mutex<Vec<Call>>,
    missing: Mutex<Vec<String>>,
}

impl ReplayModel {
    fn of(recording: &TurnRecording) -> Self {
        let (models, calls) = (recording.models.clone(), Mutex::new(recording.calls.clone()));
        Self { models, calls, missing: Mutex::default() }
    }

    /// What was asked and is not recorded, in words; nothing when the recording held all.
    pub fn missing(&self) -> Vec<String> {
        held(&self.missing).clone()
    }
}

#[async_trait]
impl Model for ReplayModel {
    fn kind(&self, model: &str) -> ModelKind {
        let window = self.models.windows.get(model).copied().flatten();
        window.map_or(ModelKind::Quotes, ModelKind::Generates)
    }

    fn default_model(&self) -> &str {
        &self.models.default
    }

    fn min_confidence(&self) -> f32 {
        self.models.min_confidence
    }

    async fn complete(
        &self,
        prompt: &Prompt,
        hear: Option<Hear<'_>>,
    ) -> Result<Completion, llm::Error> {
        let key = asked(prompt);
        let mut calls = held(&self.calls);
        let Some(at) = calls.iter().position(|call| call.asked == key) else {
            let why = format!("the tape has no answer of {} to what it is asked now", prompt.model);
            held(&self.missing).push(why.clone());
            return Err(llm::Error { attempts: vec![why] });
        };
        let answer = calls.remove(at).answer;
        if let (Some(hear), Ok(Completion::Text { text, .. })) = (hear, &answer) {
            hear(text);
        }
        answer
    }

    async fn check(&self) -> Result<String, llm::Error> {
        Ok("a recorded turn".into())
    }
}

/// Recordings that are hashed when they are fetched.
struct HashingAudio<'a> {
    audio: &'a dyn AudioSource,
    hashes: &'a Mutex<Vec<(Option<MessageId>, String)>>,
}

#[async_trait]
impl AudioSource for HashingAudio<'_> {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        self.audio.known(said)
    }

    async fn fetch(&self, said: &WaitingMessage, media: &Media) -> Result<Vec<u8>, AudioError> {
        let bytes = self.audio.fetch(said, media).await?;
        let hash = hex::encode(Sha256::digest(&bytes));
        held(self.hashes).push((said.message.clone(), hash));
        Ok(bytes)
    }

    async fn keep(&self, said: &WaitingMessage, spoken: &VoiceTranscript) {
        self.audio.keep(said, spoken).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_json_of_a_recording_keeps_its_names() {
        let failures = vec![TranscriptionError::Silent];
        let recording = TurnRecording {
            format: FORMAT,
            contact: None,
            said: Vec::new(),
            history: Vec::new(),
            now: 7,
            tier: BudgetTier::Cheap,
            budget: crate::config::Config::from_toml("").unwrap().budget,
            embedder: None,
            inputs: RecordedInputs { failures, ..RecordedInputs::default() },
            models: KnownModels::default(),
            calls: Vec::new(),
            outcome: Outcome::Silence { why: "nothing to answer".into() },
            bubbles: Vec::new(),
        };
        let written = recording.written().unwrap();
        let value: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(value["means"], "cheap");
        assert_eq!(value["kept"], json!({"deaf": ["silent"]}));
        assert_eq!(TurnRecording::read(&written, Arc::default()), Ok(recording));
    }
}
