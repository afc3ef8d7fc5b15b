//! Stage 2: converts voice to text; from here on every message is text. Never passes a placeholder
//! to the model as the customer's words.

use std::time::Instant;

use super::attachments::{AttachmentContext, AttachmentReader, Attachments, RecordedAttachment};
use super::bounds::truncate_to_limit;
use super::choices::chosen;
use super::file_source::{FileSource, TranscriptionError};
use super::language::{Languages, customers_language};
use super::timer::millis;
use crate::domain::trace::{TranscribeTrace, VoiceNoteTrace};
use crate::domain::{
    Content, Media, MediaKind, MessageId, Outcome, Question, Reply, ReplyKind, TranscriptDetails,
    Turn, Voice, VoiceTranscript, WaitingMessage,
};
use crate::llm::ModelKind;
use crate::speech::{self, Recording, Transcriber};

/// What a model is told of a file that was not read.
const UNREAD: &str = "it cannot be shown to you";

/// Transcriber, reader of files, and where the files come from.
#[derive(Clone, Copy)]
pub(super) struct TranscriptionContext<'a> {
    pub(super) speech: &'a dyn Transcriber,
    pub(super) reader: &'a dyn AttachmentReader,
    pub(super) files: &'a dyn FileSource,
    /// How the agent's model answers.
    pub(super) kind: ModelKind,
}

/// Text of the waiting messages.
pub(super) struct Transcription {
    /// All of it as one question. `Err` is the outcome if there is no text.
    pub(super) question: Result<Question, Outcome>,
    /// Transcripts of the voice notes.
    pub(super) transcripts: Vec<(MessageId, VoiceTranscript)>,
    /// Why the others have no transcript, in the order of the attempts.
    pub(super) failures: Vec<TranscriptionError>,
    /// Text for the customer about a voice note that was not understood beside other words.
    pub(super) unheard: Option<String>,
    /// What was read of pictures and documents.
    pub(super) attachments: Vec<RecordedAttachment>,
}

/// Makes one question of the waiting messages.
pub(super) async fn listen(
    context: TranscriptionContext<'_>,
    turn: &Turn,
) -> (Transcription, TranscribeTrace) {
    let started = Instant::now();
    let mut all = All::default();
    let TranscriptionContext { reader, files: source, kind, .. } = context;
    let files = AttachmentContext { reader, source, agent: &turn.agent, kind };
    for said in &turn.messages {
        all.words.extend(said.content.words().map(ToOwned::to_owned));
        all.descriptions.extend(said.content.description());
        if let Some(media) = said.content.recording() {
            let spoken = match context.files.known(said) {
                Some(known) => known,
                None => hear(context, &turn.agent.voice, said, media).await,
            };
            all.note(said, spoken);
        } else if let Content::Media(media) = &said.content {
            all.files.add(files, said, media).await;
        }
    }
    all.read_files();
    let has_words = !all.words.is_empty();
    let whole = all.whole(turn);
    let question = truncate_to_limit(&whole).to_owned();
    let trace = TranscribeTrace {
        question: question.clone(),
        descriptions: all.beside(),
        language: all.language.clone(),
        notes: all.notes,
        files: all.files.traces,
        whole_bytes: (question.len() < whole.len()).then_some(whole.len()),
        took_ms: millis(started),
    };
    // The first failure decides what the customer is told.
    let failed = all.failures.first();
    let (question, unheard) = if question.is_empty() {
        (Err(wordless(turn, all.language, failed)), None)
    } else {
        let unheard = unheard(turn, all.language.as_deref(), failed);
        let (descriptions, file_notes) = (all.descriptions, all.file_notes);
        let (language, spoken) = (all.language, all.spoken);
        let (files, pictures) = (all.files.files, all.files.pictures);
        let text = question;
        let question = Question {
            text,
            has_words,
            descriptions,
            file_notes,
            files,
            pictures,
            language,
            spoken,
        };
        (Ok(question), unheard)
    };
    let (transcripts, failures) = (all.transcripts, all.failures);
    let attachments = all.files.recorded;
    (Transcription { question, transcripts, failures, unheard, attachments }, trace)
}

/// Maximum length of all descriptions of a turn, in bytes.
const MAX_DESCRIPTIONS_LEN: usize = 8_000;

/// Drops what exceeds the limit: a customer can send any number of cards.
fn truncate(descriptions: &mut Vec<String>) {
    let mut length = 0;
    descriptions.retain(|one| {
        length += one.len();
        length <= MAX_DESCRIPTIONS_LEN
    });
}

/// Text of all messages of a turn.
#[derive(Default)]
struct All {
    words: Vec<String>,
    /// Descriptions of what is more than words.
    descriptions: Vec<String>,
    file_notes: Vec<String>,
    notes: Vec<VoiceNoteTrace>,
    language: Option<String>,
    spoken: bool,
    transcripts: Vec<(MessageId, VoiceTranscript)>,
    failures: Vec<TranscriptionError>,
    files: Attachments,
}

impl All {
    /// All words, or what stands for them. A choice that is answered with its number says what it
    /// would say if it were tapped.
    fn whole(&self, turn: &Turn) -> String {
        let whole = if self.words.is_empty() { self.beside() } else { self.words.clone() };
        let whole = whole.join("\n");
        // What was tapped is a label already, perhaps of an earlier message.
        let tapped = |said: &WaitingMessage| matches!(said.content, Content::Choice { .. });
        if turn.messages.iter().any(tapped) {
            return whole;
        }
        turn.history.last().and_then(|line| chosen(line, &whole)).unwrap_or(whole)
    }

    /// Returns everything beside the words, as text.
    fn beside(&self) -> Vec<String> {
        self.descriptions.iter().chain(&self.file_notes).cloned().collect()
    }

    /// Adds what was read of the files. One that was not is only named beside words: alone it says
    /// nothing.
    fn read_files(&mut self) {
        self.files.choose_text(&self.words.join("\n"));
        self.file_notes.append(&mut self.files.notes);
        if !self.words.is_empty() {
            let missing = self.files.missing.iter();
            self.file_notes.extend(missing.map(|name| format!("{name}: {UNREAD}")));
        }
        truncate(&mut self.descriptions);
        truncate(&mut self.file_notes);
    }

    fn note(&mut self, said: &WaitingMessage, spoken: Result<VoiceTranscript, TranscriptionError>) {
        let message = said.message.as_ref();
        let mut note = VoiceNoteTrace {
            message: message.map(ToString::to_string),
            ..VoiceNoteTrace::default()
        };
        match spoken {
            Ok(spoken) => {
                self.spoken = true;
                self.language = self.language.take().or(spoken.heard.language.clone());
                self.words.push(spoken.text.clone());
                if let Some(message) = message {
                    self.transcripts.push((message.clone(), spoken.clone()));
                }
                note.transcript = Some(spoken.text);
                note.heard = Some(spoken.heard);
            }
            Err(why) => {
                note.error = Some(why.to_string());
                self.failures.push(why);
            }
        }
        self.notes.push(note);
    }
}

async fn hear(
    TranscriptionContext { speech, files, .. }: TranscriptionContext<'_>,
    voice: &Voice,
    said: &WaitingMessage,
    media: &Media,
) -> Result<VoiceTranscript, TranscriptionError> {
    if !voice.hears(media.kind) {
        return Err(TranscriptionError::Unwanted(media.kind));
    }
    if let Some(text) = media.transcript.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let heard = TranscriptDetails { by: "provider".into(), ..TranscriptDetails::default() };
        let spoken = VoiceTranscript { text: text.to_owned(), heard };
        files.keep(said, &spoken).await;
        return Ok(spoken);
    }
    if speech.name().is_none() {
        return Err(TranscriptionError::Failed(speech::Error::Off.to_string()));
    }
    let bytes = files.fetch(said, media).await;
    let bytes = bytes.map_err(|error| TranscriptionError::Failed(error.to_string()))?;
    if bytes.is_empty() {
        return Err(TranscriptionError::Failed("the recording is empty".into()));
    }
    let spoken = transcript(speech, voice, media, bytes).await?;
    files.keep(said, &spoken).await;
    Ok(spoken)
}

/// Transcribes a recording.
async fn transcript(
    speech: &dyn Transcriber,
    voice: &Voice,
    media: &Media,
    bytes: Vec<u8>,
) -> Result<VoiceTranscript, TranscriptionError> {
    let vocabulary = voice.vocabulary.join(", ");
    let recording = Recording {
        bytes: bytes.into(),
        mime_type: media.mime_type.as_deref().unwrap_or("audio/ogg"),
        language: voice.language.as_deref(),
        vocabulary: &vocabulary,
        progress: None,
    };
    let transcript = speech.transcribe(&recording).await.map_err(|error| match error {
        speech::Error::TooLong { .. } => TranscriptionError::TooLong(error.to_string()),
        _ => TranscriptionError::Failed(error.to_string()),
    })?;
    let text = transcript.text.trim().to_owned();
    if text.is_empty() {
        return Err(TranscriptionError::Silent);
    }
    let heard = TranscriptDetails {
        language: transcript.language,
        confidence: transcript.confidence,
        seconds: transcript.seconds,
        by: transcript.by,
        ..TranscriptDetails::default()
    };
    Ok(VoiceTranscript { text, heard })
}

/// Returns the text about a voice note that was not understood, beside the answer to other words.
fn unheard(
    turn: &Turn,
    heard: Option<&str>,
    failed: Option<&TranscriptionError>,
) -> Option<String> {
    match wordless(turn, heard.map(str::to_owned), Some(failed?)) {
        Outcome::Reply(Reply { text, sort: ReplyKind::VoiceFailure, .. }) => Some(text),
        _ => None,
    }
}

/// Returns the outcome for messages without text, in the customer's language.
fn wordless(turn: &Turn, heard: Option<String>, failed: Option<&TranscriptionError>) -> Outcome {
    let voice = &turn.agent.voice;
    let nothing = Question { language: heard, ..Question::written("") };
    let spoken = customers_language(turn, &nothing, &Languages::default());
    let language = spoken.as_deref();
    let (text, sort) = match failed {
        Some(TranscriptionError::Unwanted(MediaKind::Voice)) => {
            (voice.default_reply.to(language), ReplyKind::VoiceFailure)
        }
        Some(TranscriptionError::Unwanted(_)) => {
            (turn.agent.texts.unreadable.to(language), ReplyKind::Unreadable)
        }
        Some(TranscriptionError::TooLong(_)) => {
            (voice.too_long_reply.to(language), ReplyKind::VoiceFailure)
        }
        Some(_) => (voice.failure_reply.to(language), ReplyKind::VoiceFailure),
        None if turn.messages.iter().any(|said| said.content.wants_answer()) => {
            (turn.agent.texts.unreadable.to(language), ReplyKind::Unreadable)
        }
        None => {
            let kinds: Vec<_> =
                turn.messages.iter().map(|said| said.content.kind().as_str()).collect();
            return Outcome::Silence { why: format!("nothing to answer: {}", kinds.join(", ")) };
        }
    };
    Outcome::Reply(Reply::plain(text.to_owned(), sort))
}
