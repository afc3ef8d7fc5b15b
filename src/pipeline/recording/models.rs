//! Models of a recorded turn: one that records what it answers, and one that answers from a
//! recording.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{Call, KnownModels, TurnRecording, held};
use crate::domain::Prompt;
use crate::llm::{self, Completion, Hear, Model, ModelKind, Window};

/// A model that records its answers.
pub(super) struct RecordingModel {
    pub(super) model: Arc<dyn Model>,
    pub(super) calls: Mutex<Vec<Call>>,
    pub(super) windows: Mutex<BTreeMap<String, Option<Window>>>,
}

impl RecordingModel {
    pub(super) fn take_recorded(&self) -> (Vec<Call>, BTreeMap<String, Option<Window>>) {
        (std::mem::take(&mut *held(&self.calls)), std::mem::take(&mut *held(&self.windows)))
    }
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

/// Returns the key that identifies a prompt.
fn asked(prompt: &Prompt) -> String {
    let Prompt { model, temperature, max_output_tokens, messages, question, pictures, .. } = prompt;
    let all = (model, temperature, max_output_tokens, messages, question);
    let mut hash = Sha256::new_with_prefix(serde_json::to_vec(&all).unwrap_or_default());
    for picture in pictures {
        hash.update(&picture.identity.sha256);
    }
    hex::encode(hash.finalize())
}

/// A model that answers from a recording.
pub struct ReplayModel {
    models: KnownModels,
    calls: Mutex<Vec<Call>>,
    missing: Mutex<Vec<String>>,
}

impl ReplayModel {
    pub(super) fn of(recording: &TurnRecording) -> Self {
        let (models, calls) = (recording.models.clone(), Mutex::new(recording.calls.clone()));
        Self { models, calls, missing: Mutex::default() }
    }

    /// Returns a description of each call that is not recorded; empty if all were.
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
