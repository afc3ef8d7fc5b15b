//! Transcripts of voice notes, audio files and videos: those of the transcriber, and corrections by
//! people. Transcribes nothing.

use async_trait::async_trait;

use super::{Conn, LenientWord, Result, Store, Write, first, now, run, storable, to_json};
use crate::domain::{
    Direction, MessageId, MessageKind, TranscriptDetails, VoiceTranscript, WorkspaceId,
};

impl Store {
    /// Stores a transcript, unless there is one, which a person may have corrected.
    pub async fn keep_spoken(&self, message: &MessageId, spoken: &VoiceTranscript) -> Result<()> {
        self.apply(Hear { message: message.clone(), spoken: spoken.clone() }).await
    }

    /// Replaces a transcript by a person's correction. The first transcript is kept in the details.
    /// False if the message does not exist or has no sound.
    pub async fn correct(&self, message: &MessageId, text: &str) -> Result<bool> {
        self.apply(Correct { message: message.clone(), text: text.to_owned() }).await
    }
}

struct Hear {
    message: MessageId,
    spoken: VoiceTranscript,
}

#[async_trait]
impl Write for Hear {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update messages set transcript = $3, heard = $4, updated_at = $5
                   where workspace_id = $1 and id = $2 and transcript is null and deleted_at is null";
        let heard = to_json(&self.spoken.heard)?;
        let (workspace, message) = (workspace.as_str(), self.message.as_str());
        run!(conn, sql, workspace, message, storable(&self.spoken.text), heard, now()).map(|_| ())
    }
}

/// A message's kind, transcript and transcript details.
type HeardRow = (LenientWord<MessageKind>, Option<String>, Option<String>);

struct Correct {
    message: MessageId,
    text: String,
}

#[async_trait]
impl Write for Correct {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let (workspace, message) = (workspace.as_str(), self.message.as_str());
        let sql = "select kind, transcript, heard from messages
                   where workspace_id = $1 and id = $2 and direction = $3";
        let found = first!(conn, HeardRow, sql, workspace, message, Direction::In)?;
        let Some((kind, transcript, heard)) = found else { return Ok(false) };
        if !MessageKind::from(kind).has_sound() {
            return Ok(false);
        }
        let mut heard: TranscriptDetails =
            heard.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        heard.first = heard.first.or(transcript);
        heard.corrected_at = Some(now());
        let sql = "update messages set transcript = $3, heard = $4, updated_at = $5
                   where workspace_id = $1 and id = $2 and deleted_at is null";
        let heard = to_json(&heard)?;
        run!(conn, sql, workspace, message, storable(&self.text), heard, now()).map(|_| true)
    }
}
