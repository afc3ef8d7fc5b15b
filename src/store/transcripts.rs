//! Voice notes of customers: the audio files while they are kept, and their transcripts. Fetches
//! and transcribes nothing.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::{Conn, LenientWord, Result, Rows, Store, Write, first, now, run, storable, to_json};
use crate::domain::{
    Blob, Direction, MessageId, MessageKind, MessageState, TranscriptDetails, VoiceTranscript,
    WorkspaceId,
};

/// A stored voice note.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RecordingRow {
    /// The MIME type, for example `audio/ogg; codecs=opus`.
    pub mime_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A voice note to store for its message.
pub(super) struct NewRecording {
    pub(super) message: MessageId,
    pub(super) mime_type: String,
    pub(super) bytes: Blob,
}

impl Store {
    /// The voice note of a message, while it is kept.
    pub async fn recording(&self, message: &MessageId) -> Result<Option<RecordingRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select mime_type, bytes from recordings where workspace_id = $1 and message_id = $2";
            first!(conn, RecordingRow, sql, workspace.as_str(), message.as_str())
        })
        .await
    }

    /// Stores the voice note of a message, unless one is stored.
    pub async fn keep_recording(
        &self,
        message: &MessageId,
        mime_type: &str,
        bytes: Vec<u8>,
    ) -> Result<()> {
        let mime_type = mime_type.to_owned();
        let brought =
            NewRecording { message: message.clone(), mime_type, bytes: Blob(bytes.into()) };
        self.apply(Keep(brought)).await
    }

    /// Stores a transcript, unless there is one, which a person may have corrected.
    pub async fn keep_spoken(&self, message: &MessageId, spoken: &VoiceTranscript) -> Result<()> {
        self.apply(Hear { message: message.clone(), spoken: spoken.clone() }).await
    }

    /// Replaces a transcript by a person's correction. The first transcript is kept in the details.
    /// False if the message does not exist or has no sound.
    pub async fn correct(&self, message: &MessageId, text: &str) -> Result<bool> {
        self.apply(Correct { message: message.clone(), text: text.to_owned() }).await
    }

    /// Deletes voice notes from before a time, at most `limit`. Returns their number.
    pub async fn forget_recordings(&self, before: i64, limit: i64) -> Result<u64> {
        self.apply(Forget { before, limit }).await
    }
}

/// Stores voice notes that came with their messages.
pub(super) async fn insert(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    files: Vec<NewRecording>,
) -> Result<()> {
    for file in files {
        let mut rows = Rows::default();
        rows.push([
            file.message.as_str().into(),
            workspace.as_str().into(),
            storable(&file.mime_type).into_owned().into(),
            file.bytes.0.to_vec().into(),
            now().into(),
        ]);
        let into =
            "insert into recordings (message_id, workspace_id, mime_type, bytes, created_at)";
        conn.many(into, &rows, "on conflict (message_id) do nothing").await?;
    }
    Ok(())
}

struct Keep(NewRecording);

#[async_trait]
impl Write for Keep {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let NewRecording { message, mime_type, bytes } = &self.0;
        let (message, mime_type, bytes) = (message.clone(), mime_type.clone(), bytes.clone());
        insert(conn, workspace, vec![NewRecording { message, mime_type, bytes }]).await
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
                   where workspace_id = $1 and id = $2 and transcript is null";
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
                   where workspace_id = $1 and id = $2";
        let heard = to_json(&heard)?;
        run!(conn, sql, workspace, message, storable(&self.text), heard, now()).map(|_| true)
    }
}

struct Forget {
    before: i64,
    limit: i64,
}

#[async_trait]
impl Write for Forget {
    type Out = u64;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<u64> {
        // A waiting message is still to be transcribed.
        let sql = formatcp!(
            "delete from recordings where message_id in (select r.message_id from recordings r
                 join messages m on m.id = r.message_id
                 where r.workspace_id = $1 and r.created_at < $2 and m.state <> '{waiting}'
                 order by r.created_at limit $3)",
            waiting = MessageState::Waiting.as_str()
        );
        run!(conn, sql, workspace.as_str(), self.before, self.limit)
    }
}
