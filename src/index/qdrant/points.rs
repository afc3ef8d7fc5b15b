//! Chunks as points: their ids, vectors and payload, and back. Says what a chunk looks like in Qdrant; calls nobody.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_language::terms;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{
    Condition, NamedVectors, PointId, PointStruct, RetrievedPoint, SparseVector, Value, Vector,
};
use sha2::{Digest, Sha256};

use crate::domain::{Chunk, CollectionId, DocumentId};
use crate::index::read::AnalyzedChunk;
use crate::index::{grams, weigh};

/// The name of the embeddings.
pub(super) const DENSE: &str = "dense";
/// The name of the sparse vectors that BM25 finds candidates by.
pub(super) const BM25: &str = "bm25";
/// The name of the sparse vectors of n-grams.
pub(super) const NGRAM: &str = "ngram";
/// Our collection, by which points are kept apart.
pub(super) const COLLECTION: &str = "collection";
/// The document.
pub(super) const DOCUMENT: &str = "document";
/// The revision of the document that a point was written with.
pub(super) const REVISION: &str = "revision";
/// The revision up to which a collection's documents are there.
pub(super) const MARK: &str = "mark";
/// The last document that is, of those with that revision.
const LAST: &str = "last";
const CHUNK: &str = "chunk";
const LENGTH: &str = "length";
const NORM: &str = "norm";

/// The average length that stored weights are reckoned with, in words. The true one changes with every document; what
/// is found by the stored weights is scored again with the true one.
const USUAL_LENGTH: f32 = 100.0;

/// A point's id.
pub(super) type Id = u128;

/// A chunk on its way into the index.
pub(super) struct Piece {
    pub(super) id: Id,
    pub(super) analyzed: AnalyzedChunk,
}

/// Whose a piece is.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) collection: &'a CollectionId,
    pub(super) document: &'a DocumentId,
    pub(super) revision: i64,
}

impl Piece {
    /// The id follows from whose it is and what it says: the same chunk has the same id whoever writes it, and another
    /// text has another.
    pub(super) fn new(owner: Owner<'_>, analyzed: AnalyzedChunk) -> Self {
        let chunk = &analyzed.chunk;
        let text = chunk.searchable();
        let parts = [owner.collection.as_str(), owner.document.as_str(), chunk.id.as_str(), &text];
        Self { id: id(&parts), analyzed }
    }

    /// Its embedding, when there is one that can be compared.
    pub(super) fn vector(&self) -> Option<&[f32]> {
        let vector = self.analyzed.vector.as_deref()?;
        (!vector.is_empty() && vector.iter().all(|x| x.is_finite())).then_some(vector)
    }

    /// About how many bytes it is on the wire.
    pub(super) fn weight(&self) -> usize {
        let chunk = &self.analyzed.chunk;
        let text = chunk.title.len() + chunk.heading.len() + chunk.body.len();
        text + self.analyzed.terms.len() * 20
            + self.analyzed.vector.as_ref().map_or(0, |v| v.len() * 4)
    }

    /// What is searched by words, with the text.
    pub(super) fn words_point(&self, owner: Owner<'_>) -> PointStruct {
        let (bm25, ngram) = self.sparse();
        let mut vectors = HashMap::new();
        if !bm25.indices.is_empty() {
            vectors.insert(BM25.to_owned(), vector(bm25));
            vectors.insert(NGRAM.to_owned(), vector(ngram));
        }
        let mut payload = owner.payload();
        payload.insert(LENGTH.into(), f64::from(self.analyzed.length).into());
        payload.insert(NORM.into(), f64::from(self.analyzed.norm).into());
        let chunk = serde_json::to_value(&*self.analyzed.chunk).unwrap_or_default();
        payload.insert(CHUNK.into(), chunk.into());
        point(self.id, vectors, payload)
    }

    /// What is searched by meaning; `None` without an embedding.
    pub(super) fn dense_point(&self, owner: Owner<'_>) -> Option<PointStruct> {
        let vector = self.vector()?;
        let vectors = HashMap::from([(DENSE.to_owned(), Vector::new_dense(vector.to_vec()))]);
        Some(point(self.id, vectors, owner.payload()))
    }

    /// What each word weighs in the chunk. Words that hash alike add up: that can only make a candidate of a chunk that
    /// is none, which scoring it again shows.
    fn sparse(&self) -> (SparseVector, SparseVector) {
        let mut counts: HashMap<&str, f32> = HashMap::new();
        for term in &self.analyzed.terms {
            *counts.entry(&term.surface).or_default() += term.count;
        }
        let (mut bm25, mut ngram) = (Vec::new(), Vec::new());
        for (word, count) in counts {
            let at = dimension(word);
            bm25.push((at, weigh::saturated(count, self.analyzed.length, USUAL_LENGTH)));
            ngram.push((at, grams::damped(count) / self.analyzed.norm.max(f32::MIN_POSITIVE)));
        }
        (sparse(bm25), sparse(ngram))
    }
}

impl Owner<'_> {
    fn payload(&self) -> HashMap<String, Value> {
        HashMap::from([
            (COLLECTION.to_owned(), self.collection.as_str().into()),
            (DOCUMENT.to_owned(), self.document.as_str().into()),
            (REVISION.to_owned(), self.revision.into()),
        ])
    }
}

/// A chunk as Qdrant stores it, with what scoring needs.
pub(super) struct StoredChunk {
    pub(super) chunk: Arc<Chunk>,
    /// How many words it has.
    pub(super) length: f32,
    /// The length of its n-gram vector.
    pub(super) norm: f32,
    /// Its folded words and how often it has each.
    pub(super) words: Vec<(Box<str>, f32)>,
}

impl StoredChunk {
    /// Reads a point of words; `None` when it is none of ours.
    pub(super) fn read(mut point: RetrievedPoint) -> Option<(Id, Self)> {
        let id = id_of(point.id.as_ref())?;
        let chunk: serde_json::Value = point.payload.remove(CHUNK)?.into();
        let chunk: Chunk = serde_json::from_value(chunk).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "was written as f32")]
        let number =
            |key: &str| point.payload.get(key).and_then(Value::as_double).map(|x| x as f32);
        let (length, norm) = (number(LENGTH)?, number(NORM)?);
        let mut counts: HashMap<String, f32> = HashMap::new();
        for word in terms::words(&chunk.searchable()) {
            *counts.entry(terms::fold(&word)).or_default() += 1.0;
        }
        let words = counts.into_iter().map(|(word, count)| (word.into(), count)).collect();
        Some((id, Self { chunk: Arc::new(chunk), length, norm, words }))
    }
}

/// How far a collection's documents are there, in the order in which they come: the revision and the id of the last.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) revision: i64,
    pub(super) document: String,
}

impl Mark {
    /// The mark behind this document.
    pub(super) fn behind(owner: Owner<'_>) -> Self {
        Self { revision: owner.revision, document: owner.document.as_str().to_owned() }
    }

    /// Reads a point; the beginning when it is no mark.
    pub(super) fn read(point: &RetrievedPoint) -> Self {
        let revision = point.payload.get(MARK).and_then(Value::as_integer);
        let document = point.payload.get(LAST).and_then(|value| value.as_str());
        Self { revision: revision.unwrap_or(0), document: document.cloned().unwrap_or_default() }
    }

    /// The mark as a point of a collection.
    pub(super) fn point(&self, at: Id, collection: &CollectionId) -> PointStruct {
        let payload = HashMap::from([
            (COLLECTION.to_owned(), collection.as_str().into()),
            (MARK.to_owned(), self.revision.into()),
            (LAST.to_owned(), self.document.as_str().into()),
        ]);
        point(at, HashMap::new(), payload)
    }
}

/// The id that follows from these parts.
pub(super) fn id(parts: &[&str]) -> Id {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(bytes)
}

/// An id as Qdrant writes it: a UUID.
pub(super) fn point_id(id: Id) -> PointId {
    let hex = format!("{id:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    PointId { point_id_options: Some(PointIdOptions::Uuid(parts.join("-"))) }
}

/// An id that Qdrant gave back; `None` when it is none of ours.
pub(super) fn id_of(id: Option<&PointId>) -> Option<Id> {
    match id?.point_id_options.as_ref()? {
        PointIdOptions::Uuid(text) => Id::from_str_radix(&text.replace('-', ""), 16).ok(),
        PointIdOptions::Num(_) => None,
    }
}

/// The dimension of a word in sparse vectors: 32 bits of FNV-1a, the same on every machine and in every release.
pub(super) fn dimension(word: &str) -> u32 {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    #[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}

/// A sparse vector; what has the same dimension is added up.
pub(super) fn sparse(mut weights: Vec<(u32, f32)>) -> SparseVector {
    weights.sort_unstable_by_key(|(at, _)| *at);
    weights.dedup_by(|next, first| {
        let same = next.0 == first.0;
        if same {
            first.1 += next.1;
        }
        same
    });
    let (indices, values) = weights.into_iter().unzip();
    SparseVector { values, indices }
}

/// That a field has this value, taken as it is.
pub(super) fn is(field: &str, value: &str) -> Condition {
    Condition::matches(field, MatchValue::Keyword(value.to_owned()))
}

fn vector(sparse: SparseVector) -> Vector {
    Vector::new_sparse(sparse.indices, sparse.values)
}

fn point(id: Id, vectors: HashMap<String, Vector>, payload: HashMap<String, Value>) -> PointStruct {
    PointStruct { id: Some(point_id(id)), payload, vectors: Some(NamedVectors { vectors }.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_way_there_and_back() {
        let id = id(&["col_1", "doc_1", "chk_1", "text"]);
        assert_eq!(id_of(Some(&point_id(id))), Some(id));
        assert_eq!(id_of(Some(&point_id(7))), Some(7), "with its zeros");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(id(&["ab", "c"]), id(&["a", "bc"]));
    }

    #[test]
    fn words_that_hash_alike_add_up() {
        let vector = sparse(vec![(7, 1.0), (3, 0.5), (7, 0.25)]);
        assert_eq!((vector.indices, vector.values), (vec![3, 7], vec![0.5, 1.25]));
    }

    #[test]
    fn a_words_dimension_never_changes() {
        assert_eq!(dimension(""), 0xcbf2_9ce4 ^ 0x8422_2325);
        assert_ne!(dimension("delivery"), dimension("deliveries"));
    }
}
