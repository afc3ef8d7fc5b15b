//! Knowledge as retrieval sees it: chunks, and the passages that a question found.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::{ChunkId, CollectionId, DocumentId};

/// A piece of a document, as an index holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chunk {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ChunkId,
    /// The document it is a piece of.
    #[schema(value_type = String)]
    pub document: DocumentId,
    /// The collection that the document belongs to.
    #[schema(value_type = String)]
    pub collection: CollectionId,
    /// The document's path within its collection, such as `policies/returns.md`.
    pub source: String,
    /// The document's title.
    pub title: String,
    /// The headings above the piece, outermost first, joined by ` > `; empty without headings.
    pub heading: String,
    /// The piece itself, Markdown or plain text.
    pub body: String,
    /// The body's size in tokens.
    pub tokens: u32,
    /// Page, slide or sheet that it is on, in words, such as `page 3`; empty where a document has none.
    #[serde(default)]
    #[schema(required = true)]
    pub place: String,
}

impl Chunk {
    /// What is indexed and embedded: title, headings and body.
    pub fn searchable(&self) -> String {
        searchable(&self.title, &self.heading, &self.body)
    }

    /// Where it stands in its document, for people: the headings above it, or else the title, and the page.
    pub fn stands(&self) -> String {
        let above = if self.heading.is_empty() { &self.title } else { &self.heading };
        format!("{above}{}", self.page())
    }

    /// Its place behind something else: ` (page 3)`, or nothing.
    pub fn page(&self) -> String {
        if self.place.is_empty() { String::new() } else { format!(" ({})", self.place) }
    }
}

/// What is indexed and embedded of a chunk: title, headings and body.
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

/// A chunk that a question found, with its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Passage {
    /// The chunk.
    #[schema(value_type = Chunk)]
    pub chunk: Arc<Chunk>,
    /// Why it is here.
    pub scores: Scores,
}

/// A passage's scores: each leg's own, and what the fusion made of them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Scores {
    /// Fused, 0 to 1; passages are ordered by it, where no reranker ordered them.
    pub fused: f32,
    /// Cosine of the embeddings, -1 to 1; `None` when that leg did not return it.
    pub dense: Option<f32>,
    /// BM25, 0 and up.
    pub bm25: Option<f32>,
    /// Cosine of the character n-gram vectors, 0 to 1.
    pub ngram: Option<f32>,
    /// The reranker's score, on a scale of its own; `None` when there is none or it was not asked about this passage.
    #[serde(default)]
    pub rerank: Option<f32>,
    /// Share of the question's content words (weighted by rarity) found in the passage, 0 to 1.
    pub coverage: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_chunk_stands_is_its_headings_or_its_title_and_its_page() {
        let chunk = |heading: &str, place: &str| Chunk {
            id: ChunkId::generate(),
            document: DocumentId::generate(),
            collection: CollectionId::generate(),
            source: "terms.pdf".into(),
            title: "Terms".into(),
            heading: heading.into(),
            body: String::new(),
            tokens: 0,
            place: place.into(),
        };
        assert_eq!(chunk("", "").stands(), "Terms");
        assert_eq!(chunk("", "page 3").stands(), "Terms (page 3)");
        assert_eq!(chunk("Delivery", "slide 2").stands(), "Delivery (slide 2)");
    }
}
