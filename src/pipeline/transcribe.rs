//! Stage 2: voice becomes text; from here on every message is text. Never feeds a placeholder to the model as if the
//! customer had said it.

use std::time::Instant;

use async_trait::async_trait;

use super::{Run, millis};
use crate::domain::trace::{Note, Transcribed};
use crate::domain::{Content, Media, Outcome, Question, Reply, ReplyKind, Said, Spoken, Turn};
use crate::speech::{Recording, Transcriber};

/// Where recordings come from.
#[async_trait]
pub trait Recordings: Send + Sync {
    /// The bytes of a recording. The error says why it cannot be had.
    async fn fetch(&self, media: &Media) -> Result<Vec<u8>, String>;
}

/// Makes one question of the waiting messages. `Err` is the outcome when they hold no words.
pub(super) async fn listen(
    speech: &dyn Transcriber,
    recordings: &dyn Recordings,
    turn: &Turn,
    run: &mut Run,
) -> Result<Question, Outcome> {
    let started = Instant::now();
    let mut heard = Heard::default();
    for said in &turn.said {
        match said.content.voice() {
            Some(media) if turn.agent.voice.transcribe => {
                let text = match &said.heard {
                    Some(spoken) => Ok(spoken.clone()),
                    None => hear(speech, recordings, turn, media).await,
                };
                heard.note(said, text, run);
            }
            Some(_) => {
                heard.note(said, Err("the agent does not transcribe voice notes".into()), run);
            }
            None => heard.read(said),
        }
    }
    let question = heard.words.join("\n");
    run.trace.transcribe = Some(Transcribed {
        question: question.clone(),
        language: heard.language.clone(),
        notes: heard.notes,
        took_ms: millis(started),
    });
    if question.is_empty() {
        return Err(wordless(turn, heard.failed_notes));
    }
    Ok(Question { text: question, language: heard.language, spoken: heard.spoken })
}

#[derive(Default)]
struct Heard {
    words: Vec<String>,
    notes: Vec<Note>,
    language: Option<String>,
    spoken: bool,
    failed_notes: bool,
}

impl Heard {
    fn read(&mut self, said: &Said) {
        if let Some(words) = said.content.words() {
            self.words.push(words.to_owned());
        }
    }

    fn note(&mut self, said: &Said, text: Result<Spoken, String>, run: &mut Run) {
        let message = said.message.as_ref();
        let mut note = Note { message: message.map(ToString::to_string), ..Note::default() };
        match text {
            Ok(spoken) => {
                self.spoken = true;
                self.language = self.language.take().or(spoken.language.clone());
                self.words.push(spoken.text.clone());
                if let Some(message) = message {
                    run.transcripts.push((message.clone(), spoken.clone()));
                }
                note.transcript = Some(spoken.text);
            }
            Err(why) => {
                self.failed_notes = true;
                note.error = Some(why);
            }
        }
        self.notes.push(note);
    }
}

async fn hear(
    speech: &dyn Transcriber,
    recordings: &dyn Recordings,
    turn: &Turn,
    media: &Media,
) -> Result<Spoken, String> {
    if speech.name().is_none() {
        return Err(crate::speech::Error::Off.to_string());
    }
    let bytes = recordings.fetch(media).await?;
    let recording = Recording {
        bytes: bytes.into(),
        mime_type: media.mime_type.as_deref().unwrap_or("audio/ogg"),
        language: turn.agent.voice.language.as_deref(),
        vocabulary: "",
        progress: None,
    };
    let transcript = speech.transcribe(&recording).await.map_err(|error| error.to_string())?;
    let text = transcript.text.trim().to_owned();
    if text.is_empty() {
        return Err("nothing was said".into());
    }
    Ok(Spoken { text, language: transcript.language })
}

/// What a customer gets whose messages hold no words.
fn wordless(turn: &Turn, failed_notes: bool) -> Outcome {
    let answerable = turn.said.iter().any(|said| said.content.wants_answer());
    let (text, sort) = if failed_notes {
        (&turn.agent.voice.failure_reply, ReplyKind::VoiceFailure)
    } else if answerable {
        (&turn.agent.texts.unreadable, ReplyKind::Unreadable)
    } else {
        let kinds: Vec<_> = turn.said.iter().map(|said| Content::kind(&said.content)).collect();
        return Outcome::Silence { why: format!("nothing to answer: {}", kinds.join(", ")) };
    };
    Outcome::Reply(Reply { text: text.clone(), sort, citations: Vec::new() })
}
