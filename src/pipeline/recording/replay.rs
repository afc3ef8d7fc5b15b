//! Adapters that replay a recorded turn: they return what was heard and found then. Call no model.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::RecordedMessage;
use crate::domain::trace::{CuratedTrace, RetrieveTrace};
use crate::domain::{
    Agent, AgentId, Media, MessageId, Question, Reply, ReplyKind, VoiceTranscript, WaitingMessage,
};
use crate::pipeline::file_source::{FileError, FileSource, TranscriptionError};
use crate::pipeline::inputs::RecordedInputs;
use crate::pipeline::lookup::{LiveLookup, Lookup};
use crate::pipeline::retrieve::{RetrievalResult, Scene};

/// Voice notes of a recorded turn, with the reason for each that has no transcript.
pub struct ReplayFiles {
    failures: HashMap<MessageId, TranscriptionError>,
}

impl ReplayFiles {
    /// Failures are recorded in the order of the attempts, without message ids.
    pub(super) fn of(said: &[RecordedMessage], failures: &[TranscriptionError]) -> Self {
        let tried = said.iter().filter(|message| message.content.recording().is_some());
        let unheard = tried.filter(|message| message.spoken.is_none());
        let failed = |(message, why): (&RecordedMessage, &TranscriptionError)| {
            Some((message.message.clone()?, why.clone()))
        };
        Self { failures: unheard.zip(failures).filter_map(failed).collect() }
    }
}

#[async_trait]
impl FileSource for ReplayFiles {
    fn known(&self, said: &WaitingMessage) -> Option<Result<VoiceTranscript, TranscriptionError>> {
        let failure = || self.failures.get(said.message.as_ref()?).cloned();
        said.transcript.clone().map(Ok).or_else(|| failure().map(Err))
    }

    async fn fetch(&self, _: &WaitingMessage, _: &Media) -> Result<Vec<u8>, FileError> {
        Err(FileError::NoSource)
    }

    async fn keep(&self, _: &WaitingMessage, _: &VoiceTranscript) {}
}

/// Returns the recorded curated answer or passages.
pub(super) struct ReplayLookup {
    pub(super) inputs: RecordedInputs,
    /// Lookup of current data.
    pub(super) now: Arc<dyn Lookup>,
    /// Whether the current data is searched instead, because nothing is recorded.
    pub(super) search: bool,
}

#[async_trait]
impl Lookup for ReplayLookup {
    async fn curated(
        &self,
        agent: &Agent,
        question: &Question,
    ) -> (Option<Reply>, Option<CuratedTrace>) {
        if self.search {
            return self.now.curated(agent, question).await;
        }
        let answer = |text| Reply::plain(text, ReplyKind::Answer);
        (self.inputs.curated.clone().map(answer), None)
    }

    async fn passages(
        &self,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> (RetrievalResult, RetrieveTrace) {
        if self.search {
            return self.now.passages(scene, may_rewrite).await;
        }
        let (confidence, standalone) = self.inputs.found.clone().unwrap_or_default();
        let passages = self.inputs.passages.clone();
        let trace = RetrieveTrace {
            query: scene.question.text.clone(),
            passages: passages.clone(),
            confidence,
            ..RetrieveTrace::default()
        };
        (RetrievalResult::recorded(passages, confidence, standalone), trace)
    }

    fn live(&self, agent: Option<&AgentId>) -> Arc<LiveLookup> {
        self.now.live(agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Content, MediaKind};

    fn note(words: Option<&str>) -> RecordedMessage {
        let spoken =
            |text: &str| VoiceTranscript { text: text.to_owned(), ..VoiceTranscript::default() };
        let media = Media { kind: MediaKind::Voice, ..Media::default() };
        RecordedMessage {
            message: Some(MessageId::generate()),
            content: Content::Media(media),
            spoken: words.map(spoken),
            hash: None,
            quoted: None,
            quoted_author: None,
            referral: None,
        }
    }

    #[test]
    fn why_nothing_was_heard_in_a_note_is_known_each_time_it_is_asked() {
        let notes = [note(None), note(Some("When do you open?")), note(None)];
        let text =
            RecordedMessage { content: Content::Text { body: "Hello".into() }, ..note(None) };
        let said: Vec<_> = std::iter::once(text).chain(notes.clone()).collect();
        let source = ReplayFiles::of(
            &said,
            &[TranscriptionError::Silent, TranscriptionError::TooLong("an hour".into())],
        );
        let known = || -> Vec<_> {
            let said = |note: &RecordedMessage| WaitingMessage {
                message: note.message.clone(),
                transcript: note.spoken.clone(),
                ..WaitingMessage::of(note.content.clone())
            };
            notes
                .iter()
                .map(|note| source.known(&said(note)).map(|known| known.map(|spoken| spoken.text)))
                .collect()
        };
        let recorded = [
            Some(Err(TranscriptionError::Silent)),
            Some(Ok("When do you open?".to_owned())),
            Some(Err(TranscriptionError::TooLong("an hour".into()))),
        ];
        assert_eq!(known(), recorded);
        assert_eq!(known(), recorded, "a turn may be prepared again with the same notes");
    }
}
