//! A recorded turn: its input and every answer from outside the pipeline, for replay. Stored with
//! the turn; its passages are stored in the turn's trace.
//!
//! Replayed are transcripts, the curated answer, the passages and every answer of a model; all else
//! is run by the current code. The embedder of the grounding check is called again; its name is
//! recorded so that a change is noticed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::attachments::{AttachmentReader, RecordedAttachments};
use super::bot::Bot;
use super::budget::{self, BudgetTier};
use super::engine::Engine;
use super::file_source::FileSource;
use super::framing::PromptLayout;
use super::inputs::RecordedInputs;
use super::lookup::Lookup;
use super::outbound;
use super::turn_result::TurnResult;
use crate::domain::time::Millis;
use crate::domain::{
    Agent, Author, Content, Line, Media, MediaKind, MessageId, Outcome, Passage, Referral, Turn,
    VoiceTranscript, WaitingMessage,
};
use crate::llm::{self, Completion, ModelSource, Window};

mod hashing;
mod models;
mod replay;

use hashing::HashingSource;
use models::RecordingModel;
pub use models::ReplayModel;
pub use replay::ReplayFiles;
use replay::ReplayLookup;

/// Version of a recording's JSON. 3: forms, places, cards and baskets are read. Later versions are
/// not replayed.
const FORMAT: u32 = 3;
/// Version of recordings whose messages were text and voice alone. Their prompts are
/// [`PromptLayout::Fenced`], and earlier messages have their citation marks.
const WORDS_ONLY: u32 = 2;
/// Version of recordings whose prompts are [`PromptLayout::InSystem`].
const IN_SYSTEM: u32 = 1;

/// Input, outside answers and outcome of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnRecording {
    /// Version of this JSON.
    pub format: u32,
    /// The customer's name, if known.
    pub contact: Option<String>,
    /// The waiting messages.
    pub said: Vec<RecordedMessage>,
    /// Earlier messages of the conversation.
    pub history: Vec<Line>,
    /// Time of the turn, for `today` and `time` in the prompt.
    pub now: Millis,
    /// Budget tier of the turn.
    #[serde(rename = "means")]
    pub tier: BudgetTier,
    /// Limits on model cost at that time.
    pub budget: budget::Settings,
    /// Name of the embedding model, if there was one.
    pub embedder: Option<String>,
    /// Results of stages 2 to 4.
    #[serde(rename = "kept")]
    pub inputs: RecordedInputs,
    /// Properties of the models that were queried.
    pub models: KnownModels,
    /// Calls of models, in order.
    pub calls: Vec<Call>,
    /// The decided outcome.
    pub outcome: Outcome,
    /// The texts that the customer got, one per message.
    pub bubbles: Vec<String>,
}

/// One message of the turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedMessage {
    /// Its id, if it has one.
    pub message: Option<MessageId>,
    /// Its content.
    pub content: Content,
    /// Transcript of its voice note.
    pub spoken: Option<VoiceTranscript>,
    /// SHA-256 of its audio, if that was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The text of the message that it quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<String>,
    /// Who wrote that message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted_author: Option<Author>,
    /// The advertisement or post from which the customer wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
}

/// Model properties that are known without a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownModels {
    /// Name of the default model.
    pub default: String,
    /// Confidence below which there is no answer, 0 to 1.
    pub min_confidence: f32,
    /// Context window by model name; `None` for a model that only quotes.
    pub windows: BTreeMap<String, Option<Window>>,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// SHA-256 of the prompt.
    pub asked: String,
    /// The answer or the error.
    pub answer: Result<Completion, llm::Error>,
}

impl TurnRecording {
    /// Serializes the recording for the database; `None` if that fails.
    pub fn written(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Parses stored JSON, with the trace's passages. The error says why it cannot be replayed.
    pub fn read(json: &str, passages: Arc<[Passage]>) -> Result<Self, String> {
        let mut recording: Self = serde_json::from_str(json)
            .map_err(|error| format!("the tape cannot be read: {error}"))?;
        if !(IN_SYSTEM..=FORMAT).contains(&recording.format) {
            let format = recording.format;
            return Err(format!("the tape has the shape {format}, not {IN_SYSTEM} to {FORMAT}"));
        }
        recording.inputs.passages = passages;
        Ok(recording)
    }

    /// Rebuilds the turn for an agent.
    pub fn turn(&self, agent: &Arc<Agent>) -> Turn {
        let said = |heard: &RecordedMessage| WaitingMessage {
            message: heard.message.clone(),
            content: self.content(heard),
            transcript: heard.spoken.clone(),
            quoted: heard.quoted.clone(),
            quoted_author: heard.quoted_author,
            referral: heard.referral.clone(),
        };
        Turn {
            conversation: None,
            agent: agent.clone(),
            contact: self.contact.clone(),
            messages: self.said.iter().map(said).collect(),
            history: self.history.clone(),
            now: self.now,
        }
    }

    /// Returns a message's content as the pipeline read it then: of a form or basket its text alone.
    fn content(&self, message: &RecordedMessage) -> Content {
        let body = match &message.content {
            Content::Form { body, .. } => body,
            Content::Order { text, .. } => text,
            Content::Location { .. } | Content::Contacts { .. } => &None,
            _ => return message.content.clone(),
        };
        if self.format > WORDS_ONLY {
            return message.content.clone();
        }
        let unread = Media { kind: MediaKind::Image, ..Media::default() };
        body.clone().map_or(Content::Media(unread), |body| Content::Text { body })
    }

    /// Returns an engine that replays lookups and models. Its model reports missing calls.
    pub fn replay_engine(&self, engine: &Engine) -> (Engine, Arc<ReplayModel>) {
        let player = Arc::new(ReplayModel::of(self));
        let engine = Engine {
            model: ModelSource::fixed(player.clone()),
            budget: self.budget.clone(),
            lookup: self.lookup(engine, false),
            attachments: self.attachments(true),
            document_files: Arc::new(self.inputs.files.clone()),
            layout: self.layout(),
            ..engine.clone()
        };
        (engine, player)
    }

    /// The layout of its prompts: calls are found by what the model was asked.
    fn layout(&self) -> PromptLayout {
        match self.format {
            IN_SYSTEM => PromptLayout::InSystem,
            _ => PromptLayout::Fenced,
        }
    }

    /// Returns the recorded voice notes.
    pub fn audio(&self) -> ReplayFiles {
        ReplayFiles::of(&self.said, &self.inputs.failures)
    }

    /// Returns an engine that replays the lookups and calls the current model. If the turn looked
    /// nothing up, because a person was called, the current data is searched.
    pub fn with_recorded_lookup(&self, engine: &Engine) -> Engine {
        let (lookup, attachments) = (self.lookup(engine, true), self.attachments(false));
        Engine { attachments, lookup, ..engine.clone() }
    }

    /// Returns what was read of the turn's files; `pictures` if no model is asked about them.
    fn attachments(&self, pictures: bool) -> Arc<dyn AttachmentReader> {
        let recorded = self.inputs.attachments.as_slice().into();
        let knows_files = self.format > WORDS_ONLY;
        Arc::new(RecordedAttachments { recorded, pictures, knows_files })
    }

    /// Whether the turn looked for a curated answer or for passages.
    pub fn looked_up(&self) -> bool {
        self.inputs.curated.is_some() || self.inputs.found.is_some()
    }

    fn lookup(&self, engine: &Engine, may_search: bool) -> Arc<dyn Lookup> {
        let search = may_search && !self.looked_up();
        Arc::new(ReplayLookup { inputs: self.inputs.clone(), now: engine.lookup.clone(), search })
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
    /// Returns an engine that answers like this one, and the recorder of its calls.
    pub fn begin(engine: &Engine, agent: &Agent) -> (Engine, Self) {
        let model = Arc::new(RecordingModel {
            model: engine.model.of(agent),
            calls: Mutex::default(),
            windows: Mutex::default(),
        });
        let recorder = Self {
            model: model.clone(),
            hashes: Mutex::default(),
            budget: engine.budget.clone(),
            embedder: engine.live().embed.identity().map(ToOwned::to_owned),
        };
        (Engine { model: ModelSource::fixed(model), ..engine.clone() }, recorder)
    }

    /// Wraps a source of files so that fetched bytes are hashed.
    pub fn hashing<'a>(&'a self, files: &'a dyn FileSource) -> impl FileSource + 'a {
        HashingSource { files, hashes: &self.hashes }
    }

    /// Returns the recording of the turn.
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
            spoken: said.transcript.clone().or_else(|| answered.spoken(said.message.as_ref()?)),
            hash: hashes.iter().find(|(id, _)| *id == said.message).map(|(_, hash)| hash.clone()),
            quoted: said.quoted.clone(),
            quoted_author: said.quoted_author,
            referral: said.referral.clone(),
        };
        let (calls, windows) = self.model.take_recorded();
        let model = &self.model.model;
        TurnRecording {
            format: FORMAT,
            contact: turn.contact.clone(),
            said: turn.messages.iter().map(heard).collect(),
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

fn held<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pipeline::file_source::TranscriptionError;

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
        assert_eq!(TurnRecording::read(&written, Arc::default()), Ok(recording.clone()));
        assert_eq!(recording.layout(), PromptLayout::Fenced);
    }

    #[test]
    fn a_recording_of_format_1_is_read_and_composed_as_it_was() {
        let budget = crate::config::Config::from_toml("").unwrap().budget;
        let mut value = json!({
            "format": 1, "contact": null, "said": [], "now": 7, "means": "full", "embedder": null, "kept": {},
            "history": [{"speaker": "bot", "text": "We open at 9."}],
            "budget": budget, "models": KnownModels::default(), "calls": [],
            "outcome": {"kind": "silence", "why": "nothing to answer"}, "bubbles": [],
        });
        let read = |value: &Value| TurnRecording::read(&value.to_string(), Arc::default());
        let old = read(&value).unwrap();
        assert_eq!((old.layout(), &old.history[0].cited), (PromptLayout::InSystem, &None));
        for unknown in [0, FORMAT + 1] {
            value["format"] = unknown.into();
            assert!(read(&value).unwrap_err().contains("the shape"));
        }
    }
}
