//! Conversion between chunks and Qdrant points: ids, vectors and payload. Makes no calls.

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
use crate::index::analyze::AnalyzedChunk;
use crate::index::{grams, scoring};

/// Name of the embedding vector.
pub(super) const DENSE: &str = "dense";
/// Name of the sparse vector for BM25 candidates.
pub(super) const BM25: &str = "bm25";
/// Name of the sparse vector for n-gram candidates.
pub(super) const NGRAM: &str = "ngram";
/// Payload field: id of the frontdesk collection, by which points are separated.
pub(super) const COLLECTION: &str = "collection";
/// Payload field: id of the document.
pub(super) const DOCUMENT: &str = "document";
/// Payload field: revision of the document at which the point was written.
pub(super) const REVISION: &str = "revision";
/// Payload field of a mark: revision up to which the collection's documents are complete.
pub(super) const MARK: &str = "mark";
/// Payload field of a mark: id of the last complete document of that revision.
const LAST: &str = "last";
const CHUNK: &str = "chunk";
const LENGTH: &str = "length";
const NORM: &str = "norm";

/// Average chunk length assumed by the stored weights, in words. The true average changes with
/// every document; candidates are scored again with the true one.
const USUAL_LENGTH: f32 = 100.0;

/// Id of a point.
pub(super) type Id = u128;

/// A chunk to be indexed.
pub(super) struct Piece {
    pub(super) id: Id,
    pub(super) analyzed: AnalyzedChunk,
}

/// The collection, document and revision that points belong to.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) collection: &'a CollectionId,
    pub(super) document: &'a DocumentId,
    pub(super) revision: i64,
}

impl Piece {
    /// Derives the id from the owner and the text: the same chunk has the same id in every process,
    /// and a changed text has another.
    pub(super) fn new(owner: Owner<'_>, analyzed: AnalyzedChunk) -> Self {
        let chunk = &analyzed.chunk;
        let text = chunk.searchable();
        let parts = [owner.collection.as_str(), owner.document.as_str(), chunk.id.as_str(), &text];
        Self { id: id(&parts), analyzed }
    }

    /// Its embedding, if it is not empty and all its numbers are finite.
    pub(super) fn vector(&self) -> Option<&[f32]> {
        let vector = self.analyzed.vector.as_deref()?;
        (!vector.is_empty() && vector.iter().all(|x| x.is_finite())).then_some(vector)
    }

    /// Approximate size on the wire, in bytes.
    pub(super) fn weight(&self) -> usize {
        let chunk = &self.analyzed.chunk;
        let text = chunk.title.len() + chunk.heading.len() + chunk.body.len();
        text + self.analyzed.terms.len() * 20
            + self.analyzed.vector.as_ref().map_or(0, |v| v.len() * 4)
    }

    /// The point for word search, with the text.
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

    /// The point for embedding search; `None` without an embedding.
    pub(super) fn dense_point(&self, owner: Owner<'_>) -> Option<PointStruct> {
        let vector = self.vector()?;
        let vectors = HashMap::from([(DENSE.to_owned(), Vector::new_dense(vector.to_vec()))]);
        Some(point(self.id, vectors, owner.payload()))
    }

    /// Returns the sparse vectors of BM25 and n-gram weights. Weights of words with the same hash
    /// add up: at worst this yields a false candidate, which scoring rejects.
    fn sparse(&self) -> (SparseVector, SparseVector) {
        let mut counts: HashMap<&str, f32> = HashMap::new();
        for term in &self.analyzed.terms {
            *counts.entry(&term.surface).or_default() += term.count;
        }
        let (mut bm25, mut ngram) = (Vec::new(), Vec::new());
        for (word, count) in counts {
            let at = dimension(word);
            bm25.push((at, scoring::saturated(count, self.analyzed.length, USUAL_LENGTH)));
            ngram
                .push((at, grams::sublinear_tf(count) / self.analyzed.norm.max(f32::MIN_POSITIVE)));
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

/// A chunk as stored in Qdrant, with the data for scoring.
pub(super) struct StoredChunk {
    pub(super) chunk: Arc<Chunk>,
    /// Number of words.
    pub(super) length: f32,
    /// Norm of its n-gram vector.
    pub(super) norm: f32,
    /// Its folded words with their counts.
    pub(super) words: Vec<(Box<str>, f32)>,
}

impl StoredChunk {
    /// Reads a point of the words collection; `None` if its format is unknown.
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

/// How far Qdrant has a collection's documents, which arrive in this order: by revision, then by
/// document id.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) revision: i64,
    pub(super) document: String,
}

impl Mark {
    /// The mark after this document.
    pub(super) fn behind(owner: Owner<'_>) -> Self {
        Self { revision: owner.revision, document: owner.document.as_str().to_owned() }
    }

    /// Reads a mark; the initial mark if the point holds none.
    pub(super) fn read(point: &RetrievedPoint) -> Self {
        let revision = point.payload.get(MARK).and_then(Value::as_integer);
        let document = point.payload.get(LAST).and_then(|value| value.as_str());
        Self { revision: revision.unwrap_or(0), document: document.cloned().unwrap_or_default() }
    }

    /// The mark as a point.
    pub(super) fn point(&self, at: Id, collection: &CollectionId) -> PointStruct {
        let payload = HashMap::from([
            (COLLECTION.to_owned(), collection.as_str().into()),
            (MARK.to_owned(), self.revision.into()),
            (LAST.to_owned(), self.document.as_str().into()),
        ]);
        point(at, HashMap::new(), payload)
    }
}

/// Returns an id derived from these parts.
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

/// Converts an id to Qdrant's UUID format.
pub(super) fn point_id(id: Id) -> PointId {
    let hex = format!("{id:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    PointId { point_id_options: Some(PointIdOptions::Uuid(parts.join("-"))) }
}

/// Converts an id from Qdrant; `None` if it is not a UUID.
pub(super) fn id_of(id: Option<&PointId>) -> Option<Id> {
    match id?.point_id_options.as_ref()? {
        PointIdOptions::Uuid(text) => Id::from_str_radix(&text.replace('-', ""), 16).ok(),
        PointIdOptions::Num(_) => None,
    }
}

/// Dimension of a word in sparse vectors: FNV-1a folded to 32 bits, the same on every machine and
/// in every release.
pub(super) fn dimension(word: &str) -> u32 {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    #[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}

/// Returns a sparse vector; weights of the same dimension are added up.
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

/// The condition that a field has exactly this value.
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
