//! Scores retrieval: every question runs through the pipeline's search, and each leg is scored
//! beside their fusion. Prints nothing.
//!
//! Rankings are scored before `pipeline/retrieve/distinct.rs` removes near-duplicates, so each of
//! those counts. Exact copies do not: the fusion removes them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::calibrate::Curve;
use super::dataset::{Dataset, DatasetQuestion};
use super::rank::{Relevance, Score};
use super::reliability::{Prediction, Reliability};
use crate::domain::{Chunk, ChunkId, CollectionId, DocumentId, Passage};
use crate::index::{Entry, Hit, Legs, Settings, Tuning};
use crate::knowledge::{Error, Library, Progress};
use crate::pipeline::retrieve::{self, Confidence, Search, WeightedLegs};
use crate::pipeline::{Engine, LiveLookup};

/// Length of the scored rankings, in passages.
const DEEP: usize = 100;

/// Passages among which a document counts as found: as many as an agent reads by default.
const READ: usize = 5;

/// A ranking to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    /// All legs fused, as in production.
    Fused,
    /// BM25 alone.
    Bm25,
    /// Character n-grams alone.
    Ngram,
    /// BM25 and n-grams fused, without embeddings.
    Words,
    /// Embeddings alone.
    Dense,
}

impl Ranking {
    /// All rankings, in table order.
    pub const ALL: [Self; 5] = [Self::Bm25, Self::Ngram, Self::Words, Self::Dense, Self::Fused];

    /// Returns the name shown in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fused => "default",
            Self::Bm25 => "BM25",
            Self::Ngram => "n-grams",
            Self::Words => "BM25 + n-grams",
            Self::Dense => "embeddings",
        }
    }
}

/// A dataset and the collection that it is searched in.
pub struct Retrieval {
    engine: Engine,
    collection: CollectionId,
    dataset: Dataset,
    /// Whether relevant documents are named by path rather than by id.
    by_path: bool,
}

/// The retrieved candidates of one question.
struct QueryResult {
    /// Index of the question in the dataset.
    pub question: usize,
    /// Time from question to passages, in milliseconds.
    pub took_ms: f64,
    gathered: WeightedLegs,
    confidence: Confidence,
}

/// Candidates of all questions, from which scores are computed.
pub struct RetrievalResults<'a> {
    of: &'a Retrieval,
    found: Vec<QueryResult>,
    unanswerable: Vec<QueryResult>,
}

impl Retrieval {
    /// Indexes a dataset's texts in memory, one chunk each.
    pub async fn over_texts(
        engine: &Engine,
        library: &Library,
        dataset: Dataset,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let index = Settings::Memory {}.build(None).map_err(crate::index::Error)?;
        let live = LiveLookup { index, ..(*engine.live()).clone() };
        let collection = CollectionId::stored("col_eval".to_owned());
        let chunks: Vec<Chunk> =
            dataset.texts.iter().map(|text| chunk(&collection, text)).collect();
        let searchable = chunks.iter().map(Chunk::searchable).collect();
        let vectors = library.embeddings(searchable, progress).await?;
        for (chunk, vector) in chunks.into_iter().zip(vectors) {
            let document = chunk.document.clone();
            let entries = vec![Entry { chunk: Arc::new(chunk), vector }];
            live.index.replace(&collection, &document, 1, entries).await?;
        }
        let engine = Engine { lookup: Arc::new(live), ..engine.clone() };
        Ok(Self { engine, collection, dataset, by_path: false })
    }

    /// Uses an existing collection with a business's own questions.
    pub fn over_collection(engine: &Engine, collection: CollectionId, dataset: Dataset) -> Self {
        Self { engine: engine.clone(), collection, dataset, by_path: true }
    }

    /// Searches for all questions, one after the other.
    pub async fn measure(&self, progress: &dyn Progress) -> RetrievalResults<'_> {
        let Dataset { questions, unanswerable, .. } = &self.dataset;
        progress.start(questions.len() + unanswerable.len());
        let mut found = Vec::with_capacity(questions.len());
        for (place, question) in questions.iter().enumerate() {
            found.push(self.ask(place, question).await);
            progress.done(&question.text);
        }
        let mut none = Vec::with_capacity(unanswerable.len());
        for (place, question) in unanswerable.iter().enumerate() {
            none.push(self.ask(place, question).await);
            progress.done(&question.text);
        }
        RetrievalResults { of: self, found, unanswerable: none }
    }

    async fn ask(&self, place: usize, question: &DatasetQuestion) -> QueryResult {
        let collections = std::slice::from_ref(&self.collection);
        let search = Search { text: &question.text, language: None, collections, limit: DEEP };
        let started = Instant::now();
        let live = self.engine.live();
        let gathered = retrieve::gather(live.retrieval(), &search).await;
        let (passages, confidence) = retrieve::rank(&gathered, Tuning::default(), DEEP);
        drop(passages);
        let took_ms = started.elapsed().as_secs_f64() * 1000.0;
        QueryResult { question: place, took_ms, gathered, confidence }
    }

    /// The key that matches a chunk with the relevant documents.
    fn key<'a>(&self, chunk: &'a Chunk) -> &'a str {
        if self.by_path { &chunk.source } else { chunk.document.as_str() }
    }
}

fn chunk(collection: &CollectionId, text: &super::dataset::Text) -> Chunk {
    Chunk {
        id: ChunkId::stored(text.id.clone()),
        document: DocumentId::stored(text.id.clone()),
        collection: collection.clone(),
        source: text.id.clone(),
        title: text.title.clone(),
        heading: String::new(),
        body: text.text.clone(),
        tokens: 0,
        place: String::new(),
    }
}

impl RetrievalResults<'_> {
    /// Returns the number of answerable questions.
    pub fn questions(&self) -> usize {
        self.found.len()
    }

    /// Returns whether the questions were embedded.
    pub fn embedded(&self) -> bool {
        self.found.iter().any(|found| !found.gathered.legs.dense.is_empty())
    }

    /// Scores a ranking; `tuning` as in a collection's settings file.
    pub fn score(&self, ranking: Ranking, tuning: Tuning) -> Score {
        Score::mean(self.found.iter().map(|found| {
            let right = self.of.dataset.questions.get(found.question).map(|asked| &asked.relevant);
            let ranked = self.ranked(found, ranking, tuning);
            right.map_or_else(Score::default, |right| {
                Score::of(right, ranked.iter().map(String::as_str))
            })
        }))
    }

    /// Returns a percentile of the time from question to passages, in milliseconds; `share` is 0 to
    /// 1.
    pub fn took_ms(&self, share: f64) -> f64 {
        let mut took: Vec<f64> = self.found.iter().map(|found| found.took_ms).collect();
        took.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = ((took.len().saturating_sub(1)) as f64 * share.clamp(0.0, 1.0)) as usize;
        took.get(place).copied().unwrap_or(0.0)
    }

    /// Returns the confidences of answerable and unanswerable questions.
    pub fn curve(&self) -> Curve {
        let sure = |all: &[QueryResult]| {
            all.iter().map(|found| found.confidence.probability()).collect::<Vec<_>>()
        };
        Curve::new(sure(&self.found), sure(&self.unanswerable))
    }

    /// Compares the confidences with what was found among the first [`READ`] passages. Answerable
    /// and unanswerable questions count half each, however many there are.
    pub fn reliability(&self) -> Reliability {
        let share = |all: &[QueryResult]| 0.5 / f64::from(u32::try_from(all.len()).unwrap_or(1));
        let predict = |found: &QueryResult, is_true, weight| {
            let said = f64::from(found.confidence.probability());
            Prediction { said, is_true, weight }
        };
        let (answerable, unanswerable) = (share(&self.found), share(&self.unanswerable));
        let answered = self.found.iter().map(|found| {
            let asked = self.of.dataset.questions.get(found.question);
            let place = asked.and_then(|asked| self.place(found, &asked.relevant));
            predict(found, place.is_some_and(|place| place < READ), answerable)
        });
        let none = self.unanswerable.iter().map(|found| predict(found, false, unanswerable));
        Reliability::of(&answered.chain(none).collect::<Vec<_>>())
    }

    /// Returns the distinct ids or paths of a question's ranking, best first.
    fn ranked(&self, found: &QueryResult, ranking: Ranking, tuning: Tuning) -> Vec<String> {
        let Legs { dense, bm25, ngram, .. } = &found.gathered.legs;
        let of = |hits: &[Hit]| -> Vec<String> { self.once(hits.iter().map(|hit| &*hit.chunk)) };
        match ranking {
            Ranking::Bm25 => of(bm25),
            Ranking::Ngram => of(ngram),
            Ranking::Dense => of(dense),
            Ranking::Words => {
                let tuning = Tuning { dense: Some(0.0), ..tuning };
                self.fused(found, tuning)
            }
            Ranking::Fused => self.fused(found, tuning),
        }
    }

    fn fused(&self, found: &QueryResult, tuning: Tuning) -> Vec<String> {
        let (passages, _): (Vec<Passage>, _) = retrieve::rank(&found.gathered, tuning, DEEP);
        self.once(passages.iter().map(|passage| &*passage.chunk))
    }

    /// Returns the place of the first relevant document in a question's ranking, from 0.
    fn place(&self, found: &QueryResult, relevant: &Relevance) -> Option<usize> {
        let ranked = self.ranked(found, Ranking::Fused, Tuning::default());
        ranked.iter().position(|key| relevant.contains_key(key))
    }

    fn once<'c>(&self, chunks: impl Iterator<Item = &'c Chunk>) -> Vec<String> {
        let mut seen = HashSet::new();
        let keys = chunks.map(|chunk| self.of.key(chunk));
        keys.filter(|key| seen.insert(*key)).map(ToOwned::to_owned).collect()
    }

    /// Returns every question with each leg's hits as JSON, for external tools.
    pub fn details(&self) -> impl Iterator<Item = serde_json::Value> {
        let Dataset { questions, unanswerable, .. } = &self.of.dataset;
        let answered = self.found.iter().map(move |found| (questions.get(found.question), found));
        let none = self.unanswerable.iter();
        let none = none.map(move |found| (unanswerable.get(found.question), found));
        answered.chain(none).filter_map(|(asked, found)| {
            let asked = asked?;
            let leg = |hits: &[Hit]| -> Vec<serde_json::Value> {
                let each = hits.iter();
                each.map(|hit| {
                    serde_json::json!([self.of.key(&hit.chunk), hit.score, hit.coverage])
                })
                .collect()
            };
            let Legs { dense, bm25, ngram, .. } = &found.gathered.legs;
            Some(serde_json::json!({
                "id": asked.id, "question": asked.text, "right": asked.relevant,
                "confidence": found.confidence.probability(), "score": found.confidence.score,
                "took_ms": found.took_ms, "place": self.place(found, &asked.relevant),
                "dense": leg(dense), "bm25": leg(bm25), "ngram": leg(ngram),
            }))
        })
    }
}
