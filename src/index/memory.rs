//! In-memory index that compares every chunk, with one shelf per collection. Nothing is written to
//! disk: chunks are loaded from the database at startup.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use self::shelf::Shelf;
use super::analyze::{AnalyzedChunk, Reader};
use super::question::Question;
use super::{DocumentEntries, Entry, Error, Index, Legs, Query, order};
use crate::domain::{CollectionId, DocumentId};

mod shelf;
mod postings;
mod dense;
mod search;
mod bm25;
mod ngram;
mod best;

/// Number of chunks analyzed before yielding to other tasks.
const YIELD_EVERY: usize = 8;

/// Maximum number of threads that analyze chunks of several documents: each takes memory.
const MAX_SHARES: usize = 4;

/// All collections in memory.
#[derive(Default)]
pub(super) struct Memory {
    shelves: RwLock<HashMap<CollectionId, Arc<RwLock<Shelf>>>>,
}

#[async_trait]
impl Index for Memory {
    /// Analyzes the chunks, which takes most of the time, before it locks the collection.
    async fn replace(
        &self,
        collection: &CollectionId,
        document: &DocumentId,
        _revision: i64,
        entries: Vec<Entry>,
    ) -> Result<(), Error> {
        let reader = Reader::new(&entries);
        let mut chunks = Vec::with_capacity(entries.len());
        for (at, entry) in entries.into_iter().enumerate() {
            if at % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
            chunks.push(reader.read(entry));
        }
        self.put(collection, vec![(document.clone(), chunks)]);
        Ok(())
    }

    /// Analyzes the chunks on several cores.
    async fn replace_all(
        &self,
        collection: &CollectionId,
        documents: Vec<DocumentEntries>,
    ) -> Result<(), Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shares = shares(documents, cores.min(MAX_SHARES)).into_iter().map(|share| {
            tokio::task::spawn_blocking(|| share.into_iter().map(analyzed).collect::<Vec<_>>())
        });
        for share in shares.collect::<Vec<_>>() {
            let analyzed = share.await;
            let analyzed = analyzed.map_err(|error| Error(format!("analysis broke off: {error}")));
            self.put(collection, analyzed?);
        }
        Ok(())
    }

    async fn remove(&self, collection: &CollectionId) -> Result<(), Error> {
        writing(&self.shelves).remove(collection);
        Ok(())
    }

    async fn search(&self, query: &Query<'_>) -> Result<Legs, Error> {
        let wanted: HashSet<&CollectionId> = query.collections.iter().collect();
        let shelves: Vec<Arc<RwLock<Shelf>>> = {
            let all = reading(&self.shelves);
            wanted.into_iter().filter_map(|collection| all.get(collection).cloned()).collect()
        };
        let question = Question::new(query);
        let found = shelves.iter().map(|shelf| reading(shelf).search(&question));
        Ok(order::merge(found, query.limit))
    }

    async fn languages(
        &self,
        collections: &[CollectionId],
    ) -> Result<BTreeMap<&'static str, usize>, Error> {
        let wanted: HashSet<&CollectionId> = collections.iter().collect();
        let shelves: Vec<Arc<RwLock<Shelf>>> = {
            let all = reading(&self.shelves);
            wanted.into_iter().filter_map(|collection| all.get(collection).cloned()).collect()
        };
        let mut counts = BTreeMap::new();
        for shelf in shelves {
            reading(&shelf).statistics.count_languages(&mut counts);
        }
        Ok(counts)
    }

    async fn size(&self) -> Result<usize, Error> {
        let shelves: Vec<Arc<RwLock<Shelf>>> = reading(&self.shelves).values().cloned().collect();
        Ok(shelves.iter().map(|shelf| reading(shelf).len()).sum())
    }

    async fn check(&self) -> Result<String, Error> {
        Ok("in this process".into())
    }
}

impl Memory {
    /// Replaces the chunks of documents, each at once.
    fn put(&self, collection: &CollectionId, documents: Vec<(DocumentId, Vec<AnalyzedChunk>)>) {
        let known = reading(&self.shelves).get(collection).cloned();
        let target = match known {
            Some(known) => known,
            None if documents.iter().all(|(_, chunks)| chunks.is_empty()) => return,
            None => Arc::clone(writing(&self.shelves).entry(collection.clone()).or_default()),
        };
        for (document, chunks) in documents {
            writing(&target).replace(&document, chunks);
        }
        writing(&target).compact_after_changes();
    }
}

/// Analyzes the chunks of a document.
fn analyzed(of: DocumentEntries) -> (DocumentId, Vec<AnalyzedChunk>) {
    let reader = Reader::new(&of.entries);
    (of.document, of.entries.into_iter().map(|entry| reader.read(entry)).collect())
}

/// Splits documents into at most `most` runs of about as many chunks each.
fn shares(documents: Vec<DocumentEntries>, most: usize) -> Vec<Vec<DocumentEntries>> {
    let chunks: usize = documents.iter().map(|document| document.entries.len()).sum();
    let each = chunks.div_ceil(most).max(1);
    let (mut shares, mut filled) = (Vec::new(), each);
    for document in documents {
        if filled >= each {
            shares.push(Vec::new());
            filled = 0;
        }
        filled += document.entries.len();
        if let Some(last) = shares.last_mut() {
            last.push(document);
        }
    }
    shares
}

/// Ignores poisoning: a panic in one task must not stop the others.
fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use futures::executor::block_on;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Chunk, ChunkId};
    use crate::index::Hit;

    const SHOP: &[(&str, &str)] = &[
        ("a", "Delivery takes three working days and costs five euros."),
        ("b", "You can return shoes within thirty days, unworn, in their box."),
        ("c", "Our shop in Berlin opens at nine in the morning and closes at six in the evening."),
        ("d", "La información sobre devoluciones está en la factura de su compra."),
        ("e", "Die Lieferzeitverkürzung gilt nur für Bestellungen in Deutschland."),
    ];

    fn col(name: &str) -> CollectionId {
        CollectionId::stored(name.to_owned())
    }

    fn doc(name: &str) -> DocumentId {
        DocumentId::stored(name.to_owned())
    }

    fn entry(id: &str, body: &str, vector: Option<Vec<f32>>) -> Entry {
        let chunk = Chunk {
            id: ChunkId::stored(id.to_owned()),
            document: doc(id),
            collection: col("col"),
            title: String::new(),
            ..Chunk::saying(body)
        };
        Entry { chunk: Arc::new(chunk), vector }
    }

    async fn learned(entries: &[(&str, &str)]) -> Memory {
        let memory = Memory::default();
        for (id, body) in entries {
            let entries = vec![entry(id, body, Some(vec![1.0, 0.0]))];
            memory.replace(&col("col"), &doc(id), 1, entries).await.expect("taken");
        }
        memory
    }

    async fn ask(memory: &Memory, text: &str) -> Legs {
        let collections = [col("col")];
        let query = Query {
            collections: &collections,
            text,
            language: frontdesk_language::language(text),
            vector: Some(&[1.0, 0.0]),
            limit: 10,
        };
        memory.search(&query).await.expect("found")
    }

    fn ids(hits: &[Hit]) -> Vec<&str> {
        hits.iter().map(|hit| hit.chunk.id.as_str()).collect()
    }

    fn first(hits: &[Hit]) -> Option<&str> {
        hits.first().map(|hit| hit.chunk.id.as_str())
    }

    #[tokio::test]
    async fn other_forms_of_a_word_are_found() {
        let memory = learned(SHOP).await;
        assert_eq!(ids(&ask(&memory, "returning a shoe").await.bm25), ["b"]);
        assert_eq!(
            ids(&ask(&memory, "INFORMACION devolucion").await.bm25),
            ["d"],
            "without accents"
        );
        assert_eq!(
            first(&ask(&memory, "delivrey tiem").await.ngram),
            Some("a"),
            "with slips of the pen"
        );
        assert_eq!(first(&ask(&memory, "Lieferzeit").await.ngram), Some("e"), "inside a compound");
    }

    #[tokio::test]
    async fn function_words_of_a_foreign_language_are_no_evidence() {
        let memory = learned(&[
            ("a", "Delivery takes three working days and costs five euros in every country."),
            ("b", "Our shop in Los Angeles is beside the De La Cruz gallery and opens on Sundays."),
        ])
        .await;
        let spanish = ask(&memory, "¿Cuánto cuestan los gastos de envío de la delivery?").await;
        assert!(spanish.foreign);
        assert_eq!(ids(&spanish.bm25), ["a"]);
        let zulu = ask(&memory, "Ngabe i-delivery izothatha izinsuku ezingaki?").await;
        assert!(zulu.foreign, "its language need not be known");
        for own in ["How much does delivery cost abroad?", "delivery prices", "spare tyres"] {
            assert!(!ask(&memory, own).await.foreign, "{own}");
        }
    }

    #[tokio::test]
    async fn vietnamese_marks_tell_words_apart_and_may_be_left_out() {
        let memory = learned(&[
            ("a", "Giá của chiếc bàn này là hai triệu đồng và đã bao gồm phí giao hàng."),
            ("b", "Gia đình có thể đặt bàn trước qua điện thoại vào các ngày trong tuần."),
        ])
        .await;
        assert_eq!(ids(&ask(&memory, "giá của chiếc xe là bao nhiêu").await.bm25), ["a"]);
        let mut both = ask(&memory, "gia").await.bm25;
        both.sort_by(|a, b| a.chunk.id.cmp(&b.chunk.id));
        assert_eq!(ids(&both), ["a", "b"]);
    }

    #[tokio::test]
    async fn coverage_tells_how_much_of_the_question_a_chunk_holds() {
        let memory = learned(SHOP).await;
        let all = ask(&memory, "Does the shop in Berlin open in the morning?").await;
        assert!(all.bm25[0].coverage > 0.99, "{:?}", all.bm25[0]);
        assert!(all.ngram.iter().chain(&all.dense).any(|hit| hit.coverage > 0.99), "in every leg");
        let half = ask(&memory, "berlin parking").await.bm25[0].coverage;
        assert!((0.2..0.5).contains(&half), "an unknown word weighs most: {half}");
        let none = ask(&memory, "what is the").await;
        assert!(none.bm25.iter().all(|hit| hit.coverage <= 0.0), "no content words");
    }

    #[tokio::test]
    async fn odd_questions_find_nothing_and_break_nothing() {
        let memory = learned(SHOP).await;
        memory
            .replace(
                &col("mixed"),
                &doc("x"),
                1,
                vec![entry("x", "", Some(vec![])), entry("z", "delivery", Some(vec![f32::NAN; 2]))],
            )
            .await
            .expect("taken");
        let seven = vec![entry("y", "delivery", Some(vec![0.5; 7]))];
        memory.replace(&col("seven"), &doc("y"), 1, seven).await.expect("taken");
        let names = ["col", "unknown", "mixed", "seven", "col"];
        let collections = names.map(col);
        for (text, vector, limit) in [
            ("", None, 10),
            ("?!", Some(&[][..]), 10),
            ("delivery", Some(&[1.0; 3][..]), 0),
            ("delivery", Some(&[f32::NAN; 2][..]), usize::MAX),
            ("delivery", Some(&[0.5; 7][..]), 10),
        ] {
            let legs = memory
                .search(&Query {
                    collections: &collections,
                    text,
                    language: frontdesk_language::language(text),
                    vector,
                    limit,
                })
                .await
                .expect("found");
            let right_length = vector.is_some_and(|vector| vector.len() == 7);
            assert_eq!(ids(&legs.dense), if right_length { vec!["y"] } else { vec![] });
            assert_eq!(legs.bm25.len(), if text == "delivery" && limit > 0 { 3 } else { 0 });
        }
        let nowhere = Query {
            collections: &[],
            text: "delivery",
            language: frontdesk_language::language("delivery"),
            vector: None,
            limit: 10,
        };
        assert!(memory.search(&nowhere).await.expect("found").bm25.is_empty());
    }

    #[tokio::test]
    async fn the_part_of_a_collection_that_has_embeddings_does_not_push_down_the_rest() {
        let memory = learned(SHOP).await;
        assert_eq!(ask(&memory, "shoes").await.dense.len(), SHOP.len());
        memory
            .replace(&col("col"), &doc("b"), 2, vec![entry("b", SHOP[1].1, None)])
            .await
            .expect("taken");
        let legs = ask(&memory, "shoes").await;
        assert!(legs.dense.is_empty(), "one chunk is not embedded yet");
        assert_eq!(ids(&legs.bm25), ["b"]);
        let whole = vec![entry("b", SHOP[1].1, Some(vec![0.0, 1.0]))];
        memory.replace(&col("col"), &doc("b"), 3, whole).await.expect("taken");
        assert_eq!(ask(&memory, "shoes").await.dense.len(), SHOP.len());
    }

    #[tokio::test]
    async fn equal_scores_are_ordered_by_chunk_id_over_all_collections() {
        let memory = Memory::default();
        for (collection, id) in [("two", "c"), ("one", "d"), ("two", "a"), ("one", "b")] {
            let entries = vec![entry(id, "the same words", Some(vec![1.0]))];
            memory.replace(&col(collection), &doc(id), 1, entries).await.expect("taken");
        }
        let collections = [col("two"), col("one")];
        let query = Query {
            collections: &collections,
            text: "same words",
            language: frontdesk_language::language("same words"),
            vector: Some(&[1.0]),
            limit: 3,
        };
        let legs = memory.search(&query).await.expect("found");
        for leg in [&legs.dense, &legs.bm25, &legs.ngram] {
            assert_eq!(ids(leg), ["a", "b", "c"]);
        }
    }

    #[tokio::test]
    async fn a_document_without_chunks_and_a_removed_collection_are_gone() {
        let memory = learned(SHOP).await;
        memory.replace(&col("col"), &doc("b"), 1, Vec::new()).await.expect("taken");
        assert_eq!(memory.size().await, Ok(4));
        assert!(ask(&memory, "shoes").await.bm25.is_empty());
        memory.remove(&col("col")).await.expect("removed");
        assert_eq!(memory.size().await, Ok(0));
        assert!(ask(&memory, "berlin").await.dense.is_empty());
    }

    #[tokio::test]
    async fn documents_taken_together_are_found_as_if_taken_one_by_one() {
        let together = Memory::default();
        let documents = |entries: &[(&str, &str)]| {
            let document = |(id, body): &(&str, &str)| DocumentEntries {
                document: doc(id),
                revision: 1,
                entries: vec![entry(id, body, Some(vec![1.0, 0.0]))],
            };
            entries.iter().map(document).collect()
        };
        let old = [("b", "Shoes cannot be returned."), ("x", "Removed in the same batch.")];
        together.replace_all(&col("col"), documents(&old)).await.expect("taken");
        let mut new: Vec<DocumentEntries> = documents(SHOP);
        new.push(DocumentEntries { document: doc("x"), revision: 2, entries: Vec::new() });
        together.replace_all(&col("col"), new).await.expect("taken");
        let one_by_one = learned(SHOP).await;
        for question in ["returning a shoe", "delivrey tiem", "Lieferzeit", "when do you open?"] {
            let found = [&together, &one_by_one].map(|memory| ask(memory, question));
            let [found, expected] = futures::future::join_all(found).await.try_into().unwrap();
            assert_eq!(scores(&found), scores(&expected), "{question}");
        }
    }

    #[test]
    fn documents_are_shared_out_in_their_order() {
        let document = |chunks: usize| DocumentEntries {
            document: doc("d"),
            revision: 0,
            entries: vec![entry("a", "text", None); chunks],
        };
        let split = |sizes: &[usize], most| -> Vec<Vec<usize>> {
            let shares = shares(sizes.iter().map(|chunks| document(*chunks)).collect(), most);
            let sizes = |share: &Vec<DocumentEntries>| {
                share.iter().map(|document| document.entries.len()).collect()
            };
            shares.iter().map(sizes).collect()
        };
        assert_eq!(split(&[], 2), Vec::<Vec<usize>>::new());
        assert_eq!(split(&[0, 0], 2), [[0, 0]]);
        assert_eq!(split(&[3, 1, 2, 2], 2), [vec![3, 1], vec![2, 2]]);
        assert_eq!(split(&[1, 9, 1, 1], 2), [vec![1, 9], vec![1, 1]]);
        assert_eq!(split(&[5], 4), [[5]]);
    }

    #[test]
    fn a_search_sees_all_of_the_old_or_all_of_the_new() {
        let memory = Memory::default();
        let version = |word: &str| -> Vec<Entry> {
            (0..6)
                .map(|n| {
                    entry(
                        &format!("{word}{n}"),
                        &format!("shared {word} {n}"),
                        Some(vec![1.0, 0.0]),
                    )
                })
                .collect()
        };
        block_on(memory.replace(&col("col"), &doc("d"), 1, version("old"))).expect("taken");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..200 {
                    let word = if turn % 2 == 0 { "new" } else { "old" };
                    block_on(memory.replace(&col("col"), &doc("d"), 1, version(word)))
                        .expect("taken");
                }
                done.store(true, Relaxed);
            });
            while !done.load(Relaxed) {
                let legs = block_on(ask(&memory, "shared"));
                for leg in [&legs.bm25, &legs.dense, &legs.ngram] {
                    let ids = ids(leg);
                    assert_eq!(ids.len(), 6);
                    assert!(ids.iter().all(|id| id[..3] == ids[0][..3]), "{ids:?}");
                }
            }
        });
    }

    fn scores(legs: &Legs) -> Vec<Vec<(String, f32, f32)>> {
        let leg = |hits: &Vec<Hit>| {
            hits.iter().map(|hit| (hit.chunk.id.to_string(), hit.score, hit.coverage)).collect()
        };
        [&legs.dense, &legs.bm25, &legs.ngram].map(leg).to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_found_depends_on_what_is_there_and_not_on_how_it_came(
            steps in prop::collection::vec((0_u8..6, "([a-e]{1,3} ){0,6}"), 1..25),
            question in "([a-e]{1,3} ){1,4}",
        ) {
            block_on(async {
                let grown = Memory::default();
                let mut last: BTreeMap<u8, String> = BTreeMap::new();
                for (document, body) in steps {
                    let id = document.to_string();
                    let entries = if body.is_empty() { vec![] } else { vec![entry(&id, &body, Some(vec![0.6, 0.8]))] };
                    grown.replace(&col("col"), &doc(&id), 1, entries).await.expect("taken");
                    last.insert(document, body);
                }
                let fresh = Memory::default();
                for (document, body) in last.into_iter().filter(|(_, body)| !body.is_empty()) {
                    let id = document.to_string();
                    let entries = vec![entry(&id, &body, Some(vec![0.6, 0.8]))];
                    fresh.replace(&col("col"), &doc(&id), 1, entries).await.expect("taken");
                }
                let (grown, fresh) = (ask(&grown, &question).await, ask(&fresh, &question).await);
                for (a, b) in scores(&grown).concat().iter().zip(&scores(&fresh).concat()) {
                    prop_assert!((a.1 - b.1).abs() < 1e-5 && (a.2 - b.2).abs() < 1e-5, "{a:?} {b:?}");
                }
                prop_assert_eq!(grown.bm25.len(), fresh.bm25.len());
                prop_assert_eq!(grown.ngram.len(), fresh.ngram.len());
                Ok(())
            })?;
        }

        #[test]
        fn no_text_makes_it_panic(body in "\\PC{0,80}", question in "\\PC{0,80}", number in any::<f32>()) {
            block_on(async {
                let memory = Memory::default();
                let entries = vec![entry("a", &body, Some(vec![number, 1.0])), entry("b", &question, None)];
                memory.replace(&col("col"), &doc("a"), 1, entries).await.expect("taken");
                let legs = ask(&memory, &question).await;
                for hit in legs.bm25.iter().chain(&legs.ngram).chain(&legs.dense) {
                    prop_assert!(hit.score.is_finite() && (0.0..=1.0).contains(&hit.coverage));
                }
                Ok(())
            })?;
        }
    }
}
