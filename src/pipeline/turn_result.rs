//! What became of a turn, as stages 2 to 6 give it to whoever sends, shows or records it. Plain data.

use super::inputs::RecordedInputs;
use crate::domain::trace::Trace;
use crate::domain::{MessageId, Outcome, VoiceTranscript};

/// What became of a turn.
#[derive(Debug, Clone)]
pub struct TurnResult {
    /// What the pipeline decided.
    pub outcome: Outcome,
    /// What each stage saw, decided, took and used.
    pub trace: Trace,
    /// What voice notes said.
    pub transcripts: Vec<(MessageId, VoiceTranscript)>,
    /// What was heard and found, for the recording of the turn.
    pub inputs: RecordedInputs,
}

impl TurnResult {
    /// What a message's voice note said.
    pub(super) fn spoken(&self, message: &MessageId) -> Option<VoiceTranscript> {
        self.transcripts.iter().find(|(id, _)| id == message).map(|(_, spoken)| spoken.clone())
    }
}
