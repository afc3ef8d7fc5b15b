//! What a recorded turn is played with behind the seams: what was heard and found then, in place of what would be heard and
//! found now. Asks nobody.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::domain::trace::{CuratedTrace, RetrieveTrace};
use crate::domain::{Agent, Media, Question, Reply, ReplyKind, Said, Spoken};
use crate::embed::Embedder;
use crate::pipeline::curated::Book;
use crate::pipeline::inputs::RecordedInputs;
use crate::pipeline::lookup::Lookup;
use crate::pipeline::retrieve::{self, Found, Scene};
use crate::pipeline::transcribe::{Deaf, FetchError, Recordings};

/// The voice notes of a recorded turn: of those that say nothing it is known why.
pub struct RecordedNotes {
    failures: Mutex<VecDeque<Deaf>>,
}

impl RecordedNotes {
    pub(super) fn of(inputs: &RecordedInputs) -> Self {
        Self { failures: Mutex::new(inputs.deaf.iter().cloned().collect()) }
    }
}

#[async_trait]
impl Recordings for RecordedNotes {
    fn known(&self, said: &Said) -> Option<Result<Spoken, Deaf>> {
        let next = || self.failures.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        said.heard.clone().map(Ok).or_else(|| next().map(Err))
    }

    async fn fetch(&self, _: &Said, _: &Media) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::NoSource)
    }

    async fn keep(&self, _: &Said, _: &Spoken) {}
}

/// The curated answer or the passages that a recorded turn found.
pub(super) struct RecordedLookup {
    pub(super) inputs: RecordedInputs,
}

#[async_trait]
impl Lookup for RecordedLookup {
    async fn curated(
        &self,
        _: &Book,
        _: &dyn Embedder,
        _: &Agent,
        _: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>) {
        let answer = |text| Reply { text, sort: ReplyKind::Answer, citations: Vec::new() };
        (self.inputs.curated.clone().map(answer), None)
    }

    async fn passages(
        &self,
        _: retrieve::Seams<'_>,
        scene: Scene<'_>,
        _: bool,
    ) -> (Found, RetrieveTrace) {
        let (confidence, standalone) = self.inputs.found.clone().unwrap_or_default();
        let passages = self.inputs.passages.clone();
        let trace = RetrieveTrace {
            query: scene.question.text.clone(),
            passages: passages.clone(),
            confidence,
            ..RetrieveTrace::default()
        };
        (Found::known(passages, confidence, standalone), trace)
    }
}
