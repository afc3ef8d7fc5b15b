//! Generates cases from documents: one question per chunk, kept only if retrieval finds its
//! document. A model writes the questions; without one, headings and questions in the documents are
//! used.

use std::sync::Arc;

use serde_json::json;

use super::{Error, GeneratedCase, Turn, distinct, origin, title};
use crate::desk::Desk;
use crate::domain::{ChatMessage, CollectionId, DocumentState, Passage, Prompt, Role};
use crate::llm::{Completion, Model};
use crate::pipeline::retrieve;
use crate::store::knowledge::{ChunkRow, DocumentRow};

/// Number of top passages that must contain the document.
const FIRST: usize = 5;
/// Maximum length of the chunk text shown to the model, in characters.
const SHOWN: usize = 4000;
/// System prompt for the question.
const ASK: &str = "Write one question that a customer of a business could send by chat and that the passage answers. \
    Use the language of the passage, everyday words, and not the passage's own sentences. Do not mention the passage. \
    Answer with the question alone.";

/// Questions that were discarded, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscardedQuestions {
    /// The question, and the document that retrieval did not find for it.
    pub not_found: Vec<(String, String)>,
    /// Number of questions that repeat another one's words.
    pub twice: usize,
    /// The document, and why the model gave no question.
    pub unasked: Vec<(String, String)>,
}

/// Generates at most `count` cases from a collection. The index must be in sync with the database.
pub async fn from_documents(
    desk: &Desk,
    collection: &CollectionId,
    count: usize,
) -> Result<(Vec<GeneratedCase>, DiscardedQuestions), Error> {
    let documents = desk.store.documents(collection, 0).await?;
    let ready: Vec<_> = documents.iter().filter(|row| row.state == DocumentState::Ready).collect();
    if ready.is_empty() {
        return Err(Error::Nothing(
            "the collection has no documents: `frontdesk learn DIR` learns some".into(),
        ));
    }
    let mut shelves = Vec::with_capacity(ready.len());
    for document in ready {
        let chunks = desk.store.chunks(&document.id, None).await?;
        shelves.push((document, chunks));
    }
    let mut making = QuestionGenerator {
        desk,
        collection,
        cases: Vec::new(),
        discarded: DiscardedQuestions::default(),
    };
    // Round-robin over the documents: the first chunk of each, then the second.
    let deepest = shelves.iter().map(|(_, chunks)| chunks.len()).max().unwrap_or(0);
    'all: for depth in 0..deepest {
        for (document, chunks) in &shelves {
            if making.cases.len() >= count {
                break 'all;
            }
            if let Some(chunk) = chunks.get(depth) {
                making.take(document, chunk).await;
            }
        }
    }
    let made = making.cases.len();
    let cases = distinct(making.cases);
    making.discarded.twice = made - cases.len();
    Ok((cases, making.discarded))
}

struct QuestionGenerator<'a> {
    desk: &'a Desk,
    collection: &'a CollectionId,
    cases: Vec<GeneratedCase>,
    discarded: DiscardedQuestions,
}

impl QuestionGenerator<'_> {
    async fn take(&mut self, document: &DocumentRow, chunk: &ChunkRow) {
        let question = match self.question(document, chunk).await {
            Ok(Some(question)) => question,
            Ok(None) => return,
            Err(why) => return self.discarded.unasked.push((document.path.clone(), why)),
        };
        let collections = std::slice::from_ref(self.collection);
        let search =
            retrieve::Search { text: &question, language: None, collections, limit: FIRST };
        let live = self.desk.engine.live();
        let (found, _) = retrieve::find(live.retrieval(), &search).await;
        let is_it = |passage: &Passage| passage.chunk.source == document.path;
        let Some(rank) = found.passages.iter().position(is_it) else {
            return self.discarded.not_found.push((question, document.path.clone()));
        };
        let mut metadata = origin("document", &document.path);
        metadata.insert("rank".into(), (rank + 1).into());
        self.cases.push(GeneratedCase {
            description: format!("{}: {}", document.path, title(&question)),
            turns: vec![Turn {
                says: question,
                assert: vec![
                    json!({"type": "retrieved", "value": {"document": document.path, "rank": FIRST}}),
                ],
            }],
            metadata,
            ..GeneratedCase::default()
        });
    }

    /// Returns a question that the chunk answers: written by a model, or else the heading or title;
    /// `None` when both are empty.
    async fn question(
        &self,
        document: &DocumentRow,
        chunk: &ChunkRow,
    ) -> Result<Option<String>, String> {
        let model = self.desk.engine.model.settled().await;
        if model.kind(model.default_model()).generates() {
            return self.asked(&*model, chunk).await.map(Some);
        }
        let heading = chunk.heading.rsplit(" > ").next().unwrap_or_default().trim();
        let words = if heading.is_empty() { document.title.trim() } else { heading };
        Ok((!words.is_empty()).then(|| words.to_owned()))
    }

    async fn asked(&self, model: &dyn Model, chunk: &ChunkRow) -> Result<String, String> {
        let text: String = chunk.body.chars().take(SHOWN).collect();
        let message = |role, content: String| ChatMessage { role, content };
        let prompt = Prompt {
            model: model.default_model().to_owned(),
            temperature: 0.2,
            max_output_tokens: 120,
            messages: vec![
                message(Role::System, ASK.to_owned()),
                message(Role::User, format!("{}\n{text}", chunk.heading)),
            ],
            question: String::new(),
            passages: Arc::from([]),
            confidence: 1.0,
            min_confidence: 0.0,
            weekday: None,
            tokens: 0,
            pictures: Vec::new(),
        };
        match model.complete(&prompt, None).await {
            Ok(Completion::Text { text, .. }) => {
                let line =
                    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
                let line = line.trim_matches(['"', '*', '-', ' ', '“', '”']).to_owned();
                if line.is_empty() { Err("the model wrote nothing".into()) } else { Ok(line) }
            }
            Ok(_) => Err("the model gave no question".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}
