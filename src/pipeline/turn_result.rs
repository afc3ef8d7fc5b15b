//! Result of stages 2 to 6 of a turn, for sending, showing or recording it. Plain data.

use super::inputs::RecordedInputs;
use crate::domain::trace::Trace;
use crate::domain::{MessageId, Outcome, VoiceTranscript};

/// Result of a turn.
#[derive(Debug, Clone)]
pub struct TurnResult {
    /// What the pipeline decided.
    pub outcome: Outcome,
    /// What each stage saw, decided, took and used.
    pub trace: Trace,
    /// Transcripts of voice notes, by message.
    pub transcripts: Vec<(MessageId, VoiceTranscript)>,
    /// Results of stages 2 to 4, for the recording of the turn.
    pub inputs: RecordedInputs,
}

impl TurnResult {
    /// Returns the transcript of a message.
    pub(super) fn spoken(&self, message: &MessageId) -> Option<VoiceTranscript> {
        self.transcripts.iter().find(|(id, _)| id == message).map(|(_, spoken)| spoken.clone())
    }
}
