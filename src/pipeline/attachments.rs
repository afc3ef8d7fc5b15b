//! Part of stage 2: reads the pictures and documents among the waiting messages. A customer's file
//! is what he says, never knowledge of the business: it is read for this turn and searched by
//! nobody else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use unicode_segmentation::UnicodeSegmentation;

use super::file_source::{FileError, FileSource};
use crate::domain::label::{MAX_NAME_LEN, one_line};
use crate::domain::trace::AttachmentTrace;
use crate::domain::{
    Agent, Attachment, FileText, Media, MediaKind, MessageId, Picture, PictureIdentity,
    WaitingMessage,
};
use crate::llm::ModelKind;

/// Maximum length of the text of all documents of a turn, in characters: some 2,000 tokens.
const MAX_TEXT_LEN: usize = 8_000;
/// Maximum documents that one turn reads.
const MAX_DOCUMENTS: usize = 3;
/// Maximum pictures that one turn shows to a model.
const MAX_PICTURES: usize = 5;
/// Minimum length of a word that is compared: shorter ones say little.
const SHORTEST_WORD: usize = 3;
/// Time limit for all files of a turn: the customer waits, and the rest of his message is answered
/// without what is late.
const PATIENCE: Duration = Duration::from_secs(25);

/// Reads a customer's file.
#[async_trait]
pub trait AttachmentReader: Send + Sync {
    /// Reads the file of a message, which `source` fetches. The error says why it cannot be read.
    async fn read(
        &self,
        said: &WaitingMessage,
        media: &Media,
        source: &dyn FileSource,
    ) -> Result<Attachment, AttachmentError>;

    /// Whether files are read or named at all: not in turns that were recorded before they were.
    fn knows_files(&self) -> bool {
        true
    }
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FileError),
    /// It is not read: not wanted, not readable, or damaged. It will not be, later.
    #[error("{0}")]
    Unread(String),
    /// No process was there to read it; a later attempt may succeed.
    #[error("{0}")]
    Unavailable(String),
}

/// Reads nothing: for parts of the program that have no customers.
pub struct NoAttachments;

#[async_trait]
impl AttachmentReader for NoAttachments {
    async fn read(
        &self,
        _: &WaitingMessage,
        _: &Media,
        _: &dyn FileSource,
    ) -> Result<Attachment, AttachmentError> {
        Err(AttachmentError::Unread("files are not read here".into()))
    }
}

/// What a turn read of one file, as its recording stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAttachment {
    /// The message with the file.
    pub message: Option<MessageId>,
    /// What was read.
    pub read: RecordedContent,
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedContent {
    /// The part of a document's text that the prompt had.
    Text(String),
    /// A picture, without its bytes.
    Picture(PictureIdentity),
    /// Why it could not be read.
    Failure(String),
}

/// The files of a turn's messages.
#[derive(Default)]
pub(super) struct Attachments {
    pub(super) pictures: Vec<Picture>,
    pub(super) files: Vec<FileText>,
    /// Names of what was read, for the prompt.
    pub(super) notes: Vec<String>,
    /// Names of what was not.
    pub(super) missing: Vec<String>,
    pub(super) recorded: Vec<RecordedAttachment>,
    pub(super) traces: Vec<AttachmentTrace>,
    documents: Vec<Document>,
    /// How many files were tried, by [`FileKind`].
    tried: [usize; 2],
    deadline: Option<Instant>,
}

/// A kind of file that is read.
#[derive(Clone, Copy)]
enum FileKind {
    Picture,
    Document,
}

/// A document before the parts that fit the question are chosen.
struct Document {
    message: Option<MessageId>,
    name: String,
    pieces: Vec<String>,
}

/// Reader, source and what may be read.
#[derive(Clone, Copy)]
pub(super) struct AttachmentContext<'a> {
    pub(super) reader: &'a dyn AttachmentReader,
    pub(super) source: &'a dyn FileSource,
    pub(super) agent: &'a Agent,
    /// How the agent's model answers.
    pub(super) kind: ModelKind,
}

impl Attachments {
    /// Reads the file of a message, if it is a picture or a document.
    pub(super) async fn add(
        &mut self,
        context: AttachmentContext<'_>,
        said: &WaitingMessage,
        media: &Media,
    ) {
        let (name, kind) = match media.kind {
            MediaKind::Image => ("Picture".to_owned(), FileKind::Picture),
            MediaKind::Document => (document_name(media), FileKind::Document),
            MediaKind::Voice | MediaKind::Audio | MediaKind::Video | MediaKind::Sticker => return,
        };
        if !context.reader.knows_files() {
            return;
        }
        let result = match self.refusal(context, kind) {
            None => self.in_time(context.reader.read(said, media, context.source)).await,
            Some(why) => Err(AttachmentError::Unread(why.to_owned())),
        };
        let mut trace = AttachmentTrace {
            message: said.message.as_ref().map(ToString::to_string),
            name: name.clone(),
            ..AttachmentTrace::default()
        };
        match result {
            Ok(Attachment::Picture(picture)) => {
                let identity = picture.identity.clone();
                (trace.width, trace.height) = (Some(identity.width), Some(identity.height));
                self.record(said, RecordedContent::Picture(identity));
                self.pictures.push(picture);
                self.notes.push(format!("{name}: picture {} below", self.pictures.len()));
            }
            Ok(Attachment::Excerpt(text)) => {
                trace.characters = Some(text.chars().count());
                self.record(said, RecordedContent::Text(text.clone()));
                self.notes.push(format!("Document: {name}"));
                self.files.push(FileText { name, text });
            }
            Ok(Attachment::Document(pieces)) => {
                trace.characters = Some(pieces.iter().map(|piece| piece.chars().count()).sum());
                self.notes.push(format!("Document: {name}"));
                self.documents.push(Document { message: said.message.clone(), name, pieces });
            }
            Err(error) => {
                let why = error.to_string();
                self.record(said, RecordedContent::Failure(why.clone()));
                trace.error = Some(why);
                self.missing.push(name);
            }
        }
        self.traces.push(trace);
    }

    /// Waits for a file as long as the turn has time for its files.
    async fn in_time(
        &mut self,
        reading: impl Future<Output = Result<Attachment, AttachmentError>>,
    ) -> Result<Attachment, AttachmentError> {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
        let late = |_| AttachmentError::Unavailable("reading it took too long".into());
        match timeout_at(deadline, reading).await.map_err(late)?? {
            Attachment::Document(pieces) if pieces.iter().all(|piece| piece.trim().is_empty()) => {
                Err(AttachmentError::Unread("it holds no text".into()))
            }
            read => Ok(read),
        }
    }

    /// Returns why a file is not even tried.
    fn refusal(&mut self, context: AttachmentContext<'_>, kind: FileKind) -> Option<&'static str> {
        let AttachmentContext { agent, kind: model, .. } = context;
        let (wanted, able, most) = match kind {
            FileKind::Picture => (agent.media.images, model.sees(), MAX_PICTURES),
            FileKind::Document => (agent.media.documents, model.generates(), MAX_DOCUMENTS),
        };
        if !wanted {
            return Some("the agent does not read such files");
        }
        if !able {
            return Some("the model in use cannot read such files");
        }
        let tried = &mut self.tried[kind as usize];
        *tried += 1;
        (*tried > most).then_some("there are more such files than one turn reads")
    }

    fn record(&mut self, said: &WaitingMessage, read: RecordedContent) {
        self.recorded.push(RecordedAttachment { message: said.message.clone(), read });
    }

    /// Chooses the parts of the documents that fit the question.
    pub(super) fn choose_text(&mut self, question: &str) {
        let share = MAX_TEXT_LEN / self.documents.len().max(1);
        for Document { message, name, pieces } in std::mem::take(&mut self.documents) {
            let text = excerpt(&pieces, question, share);
            let read = RecordedContent::Text(text.clone());
            self.recorded.push(RecordedAttachment { message, read });
            self.files.push(FileText { name, text });
        }
    }
}

fn document_name(media: &Media) -> String {
    let name = media.file_name.as_deref().unwrap_or_default();
    let name = one_line(name, MAX_NAME_LEN);
    if name.is_empty() { "document without a name".into() } else { name }
}

/// Returns the pieces of a text that share the most words with the question, in reading order, within
/// a length in characters; the first ones if none shares any. Gaps are `…`.
fn excerpt(pieces: &[String], question: &str, longest: usize) -> String {
    let asked = words(question);
    let score = |piece: &String| words(piece).intersection(&asked).count();
    let mut order: Vec<(usize, usize)> =
        pieces.iter().enumerate().map(|(place, piece)| (place, score(piece))).collect();
    // Stable: of equals the earlier one comes first.
    order.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
    let (mut chosen, mut length) = (Vec::new(), 0);
    for (place, _) in order {
        let more = pieces[place].chars().count();
        if length + more <= longest {
            chosen.push(place);
            length += more;
        } else if chosen.is_empty() {
            return pieces[place].chars().take(longest).chain(['…']).collect();
        }
    }
    chosen.sort_unstable();
    let mut text = String::new();
    let mut next = 0;
    for place in chosen {
        if place > next {
            text.push_str("…\n\n");
        }
        text.push_str(pieces[place].trim());
        text.push_str("\n\n");
        next = place + 1;
    }
    if next < pieces.len() {
        text.push('…');
    }
    text.trim_end().to_owned()
}

fn words(text: &str) -> HashSet<String> {
    text.unicode_words()
        .filter(|word| word.chars().count() >= SHORTEST_WORD)
        .map(str::to_lowercase)
        .collect()
}

/// What a turn read of its files. A picture has no bytes, so a model cannot be asked about it.
pub(super) struct RecordedAttachments {
    pub(super) recorded: Arc<[RecordedAttachment]>,
    /// Whether a picture is returned without its bytes, for a replay that asks no model.
    pub(super) pictures: bool,
    /// Whether the turn was recorded when files were read.
    pub(super) knows_files: bool,
}

#[async_trait]
impl AttachmentReader for RecordedAttachments {
    async fn read(
        &self,
        said: &WaitingMessage,
        _: &Media,
        _: &dyn FileSource,
    ) -> Result<Attachment, AttachmentError> {
        let recorded = self.recorded.iter().find(|one| one.message == said.message);
        match recorded.map(|one| one.read.clone()) {
            Some(RecordedContent::Text(text)) => Ok(Attachment::Excerpt(text)),
            Some(RecordedContent::Picture(identity)) if self.pictures => {
                Ok(Attachment::Picture(Picture { jpeg: None, identity }))
            }
            Some(RecordedContent::Picture(_)) => {
                Err(AttachmentError::Unread("a recording does not hold its pictures".into()))
            }
            Some(RecordedContent::Failure(why)) => Err(AttachmentError::Unread(why)),
            None => Err(AttachmentError::Unread("it was not read then".into())),
        }
    }

    fn knows_files(&self) -> bool {
        self.knows_files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Content;

    #[test]
    fn of_a_long_text_the_parts_that_fit_the_question_are_chosen_in_their_order() {
        let pieces: Vec<String> =
            (0..50).map(|n| format!("Part {n}. {}", "filler ".repeat(20))).collect();
        let mut pieces = pieces;
        pieces[30].push_str("The warranty lasts two years.");
        pieces[40].push_str("Repairs under warranty are free.");
        let text = excerpt(&pieces, "How long is the warranty?", 400);
        let (first, second) = (text.find("Part 30").unwrap(), text.find("Part 40").unwrap());
        assert!(first < second && text.starts_with('…') && text.ends_with('…'), "{text}");
        assert!(text.chars().count() < 450);
        let begin = excerpt(&pieces, "?", 400);
        assert!(begin.starts_with("Part 0") && begin.contains("Part 1"), "{begin}");
        assert_eq!(excerpt(&["a".repeat(50)], "b", 10), format!("{}…", "a".repeat(10)));
        assert_eq!(excerpt(&[], "b", 10), "");
        assert_eq!(excerpt(&["all of it".into()], "b", 100), "all of it");
    }

    fn file(name: &str) -> (WaitingMessage, Media) {
        let media =
            Media { kind: MediaKind::Document, file_name: Some(name.into()), ..Media::default() };
        let said = WaitingMessage::of(Content::Media(media.clone()));
        (WaitingMessage { message: Some(MessageId::generate()), ..said }, media)
    }

    struct LongDocument;

    #[async_trait]
    impl AttachmentReader for LongDocument {
        async fn read(
            &self,
            _: &WaitingMessage,
            _: &Media,
            _: &dyn FileSource,
        ) -> Result<Attachment, AttachmentError> {
            let piece = |n: usize| format!("Part {n}. {}", "filler ".repeat(n % 40));
            Ok(Attachment::Document((0..500).map(piece).collect()))
        }
    }

    fn agent() -> Arc<Agent> {
        let prompt = crate::prompts::parse("acme.md", "---\nname: Acme\n---\nHello.\n");
        let bot = prompt.expect("good").bot(crate::domain::AgentId::generate(), None, Vec::new());
        bot.expect("ready").agent.clone()
    }

    #[tokio::test]
    async fn a_replay_reads_of_a_long_document_what_was_read_then() {
        let (agent, (said, media)) = (agent(), file("long.md"));
        let window = crate::llm::Window { tokens: 8_000, price: None, sees: false };
        let kind = ModelKind::Generates(window);
        let reading = async |reader: &dyn AttachmentReader| {
            let context =
                AttachmentContext { reader, source: &super::super::NoFiles, agent: &agent, kind };
            let mut all = Attachments::default();
            all.add(context, &said, &media).await;
            all.choose_text("Which part?");
            all
        };
        let first = reading(&LongDocument).await;
        let recorded = first.recorded.as_slice().into();
        let then = RecordedAttachments { recorded, pictures: true, knows_files: true };
        let again = reading(&then).await;
        assert_eq!((&first.files, &first.notes), (&again.files, &again.notes));
        assert_eq!(first.recorded, again.recorded);
    }

    #[tokio::test]
    async fn files_that_are_late_or_too_many_are_missing_and_the_turn_goes_on() {
        struct Late;

        #[async_trait]
        impl AttachmentReader for Late {
            async fn read(
                &self,
                _: &WaitingMessage,
                _: &Media,
                _: &dyn FileSource,
            ) -> Result<Attachment, AttachmentError> {
                std::future::pending().await
            }
        }
        let (agent, (said, media)) = (agent(), file("late.md"));
        let window = crate::llm::Window { tokens: 8_000, price: None, sees: false };
        let (reader, source) = (&Late, &super::super::NoFiles);
        let kind = ModelKind::Generates(window);
        let context = AttachmentContext { reader, source, agent: &agent, kind };
        // Their time is over.
        let mut all = Attachments { deadline: Some(Instant::now()), ..Attachments::default() };
        for _ in 0..9 {
            all.add(context, &said, &media).await;
        }
        assert_eq!(all.missing.len(), 9);
        let why = |at: usize| all.traces[at].error.clone().unwrap();
        assert!(why(2).contains("too long") && why(3).contains("more such files"), "{}", why(3));
    }
}
