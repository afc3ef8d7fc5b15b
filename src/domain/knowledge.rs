//! Knowledge as retrieval sees it: chunks, and the passages found for a question.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::{ChunkId, CollectionId, DocumentId};

/// A chunk of a document, as an index holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chunk {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ChunkId,
    /// The document it belongs to.
    #[schema(value_type = String)]
    pub document: DocumentId,
    /// The collection that the document belongs to.
    #[schema(value_type = String)]
    pub collection: CollectionId,
    /// The document's path within its collection, such as `policies/returns.md`.
    pub source: String,
    /// The document's title.
    pub title: String,
    /// The headings above the chunk, outermost first, joined by ` > `; empty without headings.
    pub heading: String,
    /// Its text, Markdown or plain.
    pub body: String,
    /// Size of the body in tokens.
    pub tokens: u32,
    /// Page, slide or sheet of the chunk, in words, such as `page 3`; empty if the document has
    /// none.
    #[serde(default)]
    #[schema(required = true)]
    pub place: String,
}

impl Chunk {
    /// The text to index and embed: title, headings and body.
    pub fn searchable(&self) -> String {
        searchable(&self.title, &self.heading, &self.body)
    }

    /// Location in the document for display: the headings or else the title, and the page.
    pub fn stands(&self) -> String {
        let above = if self.heading.is_empty() { &self.title } else { &self.heading };
        format!("{above}{}", self.page())
    }

    /// The place as a suffix: ` (page 3)`, or empty.
    pub fn page(&self) -> String {
        if self.place.is_empty() { String::new() } else { format!(" ({})", self.place) }
    }
}

/// Returns the text of a chunk to index and embed: title, headings and body.
pub fn searchable(title: &str, heading: &str, body: &str) -> String {
    let mut text = String::with_capacity(title.len() + heading.len() + body.len() + 2);
    for part in [title, heading] {
        if !part.is_empty() {
            text.push_str(part);
            text.push('\n');
        }
    }
    text.push_str(body);
    text
}

/// A chunk found for a question, with its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Passage {
    /// The chunk.
    #[schema(value_type = Chunk)]
    pub chunk: Arc<Chunk>,
    /// Its scores.
    pub scores: Scores,
}

#[cfg(test)]
impl Chunk {
    /// A chunk with this text, for tests: each writes the fields that it is about.
    pub fn saying(body: &str) -> Self {
        Self {
            id: ChunkId::generate(),
            document: DocumentId::generate(),
            collection: CollectionId::generate(),
            source: "a.md".into(),
            title: "A".into(),
            heading: String::new(),
            body: body.into(),
            tokens: 0,
            place: String::new(),
        }
    }
}

#[cfg(test)]
impl Passage {
    /// A passage with this text, for tests.
    pub fn saying(body: &str) -> Self {
        Chunk::saying(body).into()
    }
}

#[cfg(test)]
impl From<Chunk> for Passage {
    fn from(chunk: Chunk) -> Self {
        Self { chunk: Arc::new(chunk), scores: Scores::default() }
    }
}

/// Scores of a passage: one for each search leg, and the fused score.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Scores {
    /// Fused score, 0 to 1; passages are ordered by it unless a reranker ordered them.
    pub fused: f32,
    /// Cosine of the embeddings, -1 to 1; `None` if the dense leg did not return the chunk.
    pub dense: Option<f32>,
    /// BM25 score, 0 and up; `None` if that leg did not return the chunk.
    pub bm25: Option<f32>,
    /// Cosine of the character n-gram vectors, 0 to 1; `None` if that leg did not return the chunk.
    pub ngram: Option<f32>,
    /// The reranker's score, on its own scale; `None` if it did not score this passage.
    #[serde(default)]
    pub rerank: Option<f32>,
    /// Share of the question's content words found in the passage, weighted by rarity, 0 to 1.
    pub coverage: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_chunk_stands_is_its_headings_or_its_title_and_its_page() {
        let chunk = |heading: &str, place: &str| Chunk {
            title: "Terms".into(),
            heading: heading.into(),
            place: place.into(),
            ..Chunk::saying("")
        };
        assert_eq!(chunk("", "").stands(), "Terms");
        assert_eq!(chunk("", "page 3").stands(), "Terms (page 3)");
        assert_eq!(chunk("Delivery", "slide 2").stands(), "Delivery (slide 2)");
    }
}
