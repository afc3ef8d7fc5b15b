//! Keeps the vectors of questions and statements: what a customer asks is embedded for curated answers
//! and again for the search, and the same sentences of documents are compared with each reply. Must
//! not keep the vectors of documents, which are stored.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Embedder, Error, Purpose};
use crate::text_cache::TextCache;

/// Bytes of all kept vectors: 1,300 of 1,536 numbers, or 5,000 of 384.
const MAX_BYTES: usize = 8 << 20;
/// Bytes of a vector of 1,536 numbers.
const USUAL_BYTES: usize = 1_536 * size_of::<f32>();

/// An embedder that asks another one only for texts that it does not know.
pub(super) struct CachingEmbedder<E> {
    embedder: E,
    vectors: TextCache<Arc<[f32]>>,
}

impl<E> CachingEmbedder<E> {
    pub(super) fn new(embedder: E) -> Self {
        Self { embedder, vectors: TextCache::new(MAX_BYTES, USUAL_BYTES) }
    }
}

#[async_trait]
impl<E: Embedder> Embedder for CachingEmbedder<E> {
    fn identity(&self) -> Option<&str> {
        self.embedder.identity()
    }

    fn languages(&self) -> &[String] {
        self.embedder.languages()
    }

    fn familiarity(&self, text: &str) -> Option<f32> {
        self.embedder.familiarity(text)
    }

    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        if purpose == Purpose::Passage {
            return self.embedder.embed(texts, purpose).await;
        }
        let known: Vec<Option<Arc<[f32]>>> =
            texts.iter().map(|text| self.vectors.get(text)).collect();
        let mut unknown: Vec<String> = Vec::new();
        for (text, _) in texts.iter().zip(&known).filter(|(_, known)| known.is_none()) {
            if !unknown.contains(text) {
                unknown.push(text.clone());
            }
        }
        let mut fresh: Vec<Arc<[f32]>> = Vec::with_capacity(unknown.len());
        if !unknown.is_empty() {
            let vectors = self.embedder.embed(&unknown, purpose).await?;
            fresh.extend(vectors.into_iter().map(Arc::from));
        }
        for (text, vector) in unknown.iter().zip(&fresh) {
            self.vectors.insert(text, vector.clone(), size_of_val(&**vector));
        }
        let vector = |(text, known): (&String, Option<Arc<[f32]>>)| {
            let place = || unknown.iter().position(|one| one == text);
            known.or_else(|| fresh.get(place()?).cloned()).map(|vector| vector.to_vec())
        };
        Ok(texts.iter().zip(known).filter_map(vector).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Embeds a text as its length and writes down what it was asked.
    #[derive(Default)]
    struct Lengths {
        calls: Mutex<Vec<Vec<String>>>,
    }

    #[async_trait]
    impl Embedder for Lengths {
        fn identity(&self) -> Option<&str> {
            Some("lengths")
        }

        fn languages(&self) -> &[String] {
            &[]
        }

        async fn embed(&self, texts: &[String], _: Purpose) -> Result<Vec<Vec<f32>>, Error> {
            self.calls.lock().expect("no panic").push(texts.to_vec());
            if texts.iter().any(|text| text == "bad") {
                return Err(Error::Failed("bad".into()));
            }
            #[expect(clippy::cast_precision_loss, reason = "short texts")]
            Ok(texts.iter().map(|text| vec![text.len() as f32]).collect())
        }
    }

    async fn embed(
        embedder: &CachingEmbedder<Lengths>,
        texts: &[&str],
        purpose: Purpose,
    ) -> Vec<f32> {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        embedder.embed(&texts, purpose).await.expect("vectors").concat()
    }

    #[tokio::test]
    async fn a_question_is_embedded_once_and_a_document_each_time() {
        let embedder = CachingEmbedder::new(Lengths::default());
        assert_eq!(embed(&embedder, &["a", "bb", "a"], Purpose::Query).await, [1.0, 2.0, 1.0]);
        assert_eq!(embed(&embedder, &["bb", "ccc"], Purpose::Query).await, [2.0, 3.0]);
        assert_eq!(embed(&embedder, &["ccc"], Purpose::Query).await, [3.0]);
        assert_eq!(embed(&embedder, &["ccc"], Purpose::Passage).await, [3.0]);
        let calls = embedder.embedder.calls.lock().expect("no panic").clone();
        assert_eq!(calls, [vec!["a", "bb"], vec!["ccc"], vec!["ccc"]]);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let embedder = CachingEmbedder::new(Lengths::default());
        for _ in 0..2 {
            assert!(embedder.embed(&["bad".into()], Purpose::Query).await.is_err());
        }
        assert_eq!(embedder.embedder.calls.lock().expect("no panic").len(), 2);
    }
}
