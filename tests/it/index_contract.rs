//! Every index returns the same results: one set of questions against both adapters. Uses the
//! Qdrant at `QDRANT_URL` if set, otherwise the fake one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use frontdesk::domain::{Chunk, ChunkId, CollectionId, DocumentId};
use frontdesk::index::{Entry, Hit, Index, Legs, Query, Settings};
use futures::future::join_all;
use proptest::prelude::*;

use crate::support::qdrant::{Double, settings};

mod real_data;
mod trouble;

/// A Qdrant server and this test's prefix in it.
struct Server {
    url: String,
    prefix: String,
    double: Option<Double>,
}

impl Server {
    /// Uses the real server or starts the fake one.
    async fn any() -> Self {
        if let Ok(url) = std::env::var("QDRANT_URL") {
            return Self { url, prefix: fresh_prefix(), double: None };
        }
        println!("skipped: no QDRANT_URL, against the double");
        Self::double().await
    }

    async fn double() -> Self {
        let double = Double::start().await;
        Self { url: double.url().to_owned(), prefix: fresh_prefix(), double: Some(double) }
    }

    /// Connects like another process.
    fn process(&self, embedder: &str, more: &str) -> Arc<dyn Index> {
        settings(&self.url, &self.prefix, more).build(Some(embedder)).unwrap()
    }

    /// Deletes this test's collections from a real server.
    async fn clean(self) {
        if self.double.is_some() {
            return;
        }
        let client = qdrant_client::Qdrant::from_url(&self.url).build().unwrap();
        for one in client.list_collections().await.unwrap().collections {
            if one.name.starts_with(&self.prefix) {
                client.delete_collection(one.name).await.unwrap();
            }
        }
    }
}

fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("it_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Both adapters with the same content.
struct Pair {
    memory: Arc<dyn Index>,
    qdrant: Arc<dyn Index>,
    revision: AtomicI64,
}

impl Pair {
    fn new(server: &Server) -> Self {
        let memory = Settings::Memory {}.build(None).unwrap();
        Self { memory, qdrant: server.process("model/a", ""), revision: AtomicI64::new(0) }
    }

    async fn replace(&self, collection: &str, document: &str, entries: Vec<Entry>) {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        for index in [&self.memory, &self.qdrant] {
            let (collection, document) = (col(collection), doc(document));
            index.replace(&collection, &document, revision, entries.clone()).await.unwrap();
        }
    }

    /// Searches with both, asserts that the results match, and returns them.
    async fn ask(&self, query: &Query<'_>) -> Legs {
        let memory = self.memory.search(query).await.unwrap();
        let qdrant = self.qdrant.search(query).await.unwrap();
        let pairs = [
            ("dense", &memory.dense, &qdrant.dense),
            ("bm25", &memory.bm25, &qdrant.bm25),
            ("ngram", &memory.ngram, &qdrant.ngram),
        ];
        for (leg, one, other) in pairs {
            assert_eq!(ids(one), ids(other), "{leg} of {:?}", query.text);
            for (one, other) in one.iter().zip(other) {
                let close = (one.score - other.score).abs() < 1e-4
                    && (one.coverage - other.coverage).abs() < 1e-4;
                assert!(close && one.chunk == other.chunk, "{leg}: {one:?} {other:?}");
            }
        }
        memory
    }

    async fn words(&self, collections: &[&str], text: &str) -> Legs {
        let collections: Vec<CollectionId> = collections.iter().map(|name| col(name)).collect();
        self.ask(&Query {
            collections: &collections,
            text,
            language: frontdesk_language::language(text),
            vector: None,
            limit: 10,
        })
        .await
    }
}

fn col(name: &str) -> CollectionId {
    CollectionId::stored(name.to_owned())
}

fn doc(name: &str) -> DocumentId {
    DocumentId::stored(name.to_owned())
}

fn entry(id: &str, body: &str, vector: Option<Vec<f32>>) -> Entry {
    let chunk = serde_json::json!({
        "id": ChunkId::stored(id.to_owned()), "document": doc(id), "collection": col("col"), "source": "a/b.md",
        "title": "", "heading": "", "body": body, "tokens": 7,
    });
    let chunk: Chunk = serde_json::from_value(chunk).unwrap();
    Entry { chunk: Arc::new(chunk), vector }
}

fn ids(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.chunk.id.as_str()).collect()
}

const SHOP: &[(&str, &str)] = &[
    ("a", "Delivery takes three working days and costs five euros."),
    ("b", "You can return shoes within thirty days, unworn, in their box. Returning them is free."),
    ("c", "Our shop in Berlin opens at nine in the morning and closes at six in the evening."),
    ("d", "La información sobre devoluciones está en la factura de su compra."),
    ("e", "Die Lieferzeitverkürzung gilt nur für Bestellungen in Deutschland."),
    ("f", "यह दुकान सुबह नौ बजे खुलती है और शाम छह बजे बंद होती है।"),
    ("g", "退货政策：三十天内可以免费退货，商品必须未使用。"),
    ("h", "Магазин открывается в девять утра, доставка занимает три дня."),
    ("i", "يفتح المتجر في التاسعة صباحًا ويغلق في السادسة مساءً."),
    ("j", "A entrega demora três dias úteis; as devoluções são gratuitas."),
];

const QUESTIONS: &[&str] = &[
    "returning a shoe",
    "INFORMACION devolucion",
    "delivrey tiem",
    "Lieferzeit",
    "Does the shop in Berlin open in the morning?",
    "what is the",
    "दुकान कब खुलती है",
    "退货",
    "доставка",
    "متى يفتح المتجر",
    "devoluções grátis",
    "delivery delivery delivery berlin unknownword",
    "",
    "?!",
];

async fn shop(pair: &Pair) {
    for (at, (id, body)) in SHOP.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let angle = at as f32;
        let vector = Some(vec![angle.cos(), angle.sin()]);
        pair.replace("col", id, vec![entry(id, body, vector)]).await;
    }
}

#[tokio::test]
async fn all_languages_and_forms_of_words_are_found_alike() {
    let server = Server::any().await;
    let pair = Pair::new(&server);
    shop(&pair).await;
    let collections = [col("col")];
    for text in QUESTIONS {
        for limit in [1, 3, 10] {
            let vector = Some(&[0.6, 0.8][..]);
            pair.ask(&Query {
                collections: &collections,
                text,
                language: frontdesk_language::language(text),
                vector,
                limit,
            })
            .await;
        }
    }
    assert_eq!(ids(&pair.words(&["col"], "returning shoe").await.bm25), ["b"]);
    assert_eq!(ids(&pair.words(&["col"], "INFORMACION devolucion").await.bm25), ["d"]);
    assert_eq!(ids(&pair.words(&["col"], "delivrey tiem").await.ngram)[0], "a");
    assert_eq!(pair.qdrant.size().await, Ok(SHOP.len()));
    server.clean().await;
}

#[tokio::test]
async fn a_replaced_document_is_found_as_it_is_now_and_a_removed_one_no_more() {
    let server = Server::any().await;
    let pair = Pair::new(&server);
    shop(&pair).await;
    let both = vec![
        entry("b1", "Shoes are returned in the shop in Paris.", None),
        entry("b2", "The shop in Paris is closed.", None),
    ];
    pair.replace("col", "b", both).await;
    assert_eq!(ids(&pair.words(&["col"], "return shoes").await.bm25), ["b1"]);
    pair.replace("col", "b", vec![entry("b1", "The same id says something else.", None)]).await;
    assert!(pair.words(&["col"], "shoes").await.bm25.is_empty());
    assert_eq!(ids(&pair.words(&["col"], "same id").await.bm25), ["b1"]);
    pair.replace("col", "b", Vec::new()).await;
    assert!(pair.words(&["col"], "same id").await.bm25.is_empty());
    for index in [&pair.memory, &pair.qdrant] {
        assert_eq!(index.size().await, Ok(SHOP.len() - 1));
        index.remove(&col("col")).await.unwrap();
        assert_eq!(index.size().await, Ok(0));
    }
    assert!(pair.words(&["col"], "berlin").await.bm25.is_empty());
    if let Some(double) = &server.double {
        assert_eq!(double.content(), [""; 0], "nothing is left behind");
    }
    server.clean().await;
}

#[tokio::test]
async fn equal_scores_are_ordered_alike_within_and_over_collections() {
    let server = Server::any().await;
    let pair = Pair::new(&server);
    for number in 0..40 {
        let (collection, id) = (["one", "two"][number % 2], format!("{number:02}"));
        pair.replace(collection, &id, vec![entry(&id, "the same words", Some(vec![1.0]))]).await;
    }
    for collections in [&[col("one")][..], &[col("two"), col("one"), col("one")]] {
        for limit in [1, 3, 19, 40, usize::MAX] {
            let text = "same words";
            pair.ask(&Query {
                collections,
                text,
                language: frontdesk_language::language(text),
                vector: Some(&[1.0]),
                limit,
            })
            .await;
        }
    }
    server.clean().await;
}

#[tokio::test]
async fn collections_never_mix() {
    let server = Server::any().await;
    let pair = Pair::new(&server);
    let vector = || Some(vec![1.0, 0.0]);
    pair.replace("mine", "a", vec![entry("a", "The secret word is pineapple.", vector())]).await;
    pair.replace("theirs", "b", vec![entry("b", "The secret word is mango.", vector())]).await;
    // The same ids in another collection are other chunks.
    pair.replace("theirs", "a", vec![entry("a", "Pineapple juice.", vector())]).await;
    let legs = |collection: &str| {
        let (pair, collections) = (&pair, [col(collection)]);
        async move {
            let vector = Some(&[1.0, 0.0][..]);
            let text = "secret word pineapple mango";
            pair.ask(&Query {
                collections: &collections,
                text,
                language: frontdesk_language::language(text),
                vector,
                limit: 10,
            })
            .await
        }
    };
    let mine = legs("mine").await;
    for leg in [&mine.dense, &mine.bm25, &mine.ngram] {
        assert!(leg.iter().all(|hit| hit.chunk.body.contains("pineapple")), "{leg:?}");
        assert_eq!(leg.len(), 1);
    }
    pair.qdrant.remove(&col("theirs")).await.unwrap();
    pair.memory.remove(&col("theirs")).await.unwrap();
    assert_eq!(legs("mine").await.bm25.len(), 1, "what stays is not touched");
    server.clean().await;
}

#[tokio::test]
async fn odd_questions_and_odd_vectors_break_nothing() {
    let server = Server::any().await;
    let pair = Pair::new(&server);
    shop(&pair).await;
    let odd = vec![
        entry("x", "", Some(vec![])),
        entry("y", "delivery", Some(vec![0.5; 7])),
        entry("z", "delivery", Some(vec![f32::NAN; 2])),
    ];
    pair.replace("mixed", "x", odd).await;
    pair.replace("seven", "y", vec![entry("y", "delivery", Some(vec![0.5; 7]))]).await;
    let long = "delivery ".repeat(3_000);
    let collections = ["col", "unknown", "mixed", "seven", "col"].map(col);
    for (text, vector, limit) in [
        ("", None, 10),
        ("?!", Some(&[][..]), 10),
        ("delivery", Some(&[1.0; 3][..]), 0),
        ("delivery", Some(&[f32::NAN; 2][..]), usize::MAX),
        ("delivery", Some(&[f32::INFINITY; 2][..]), 10),
        ("delivery", Some(&[0.5; 7][..]), 10),
        ("delivery", Some(&[0.0, 0.0][..]), 10),
        (&long, None, 10),
    ] {
        pair.ask(&Query {
            collections: &collections,
            text,
            language: frontdesk_language::language(text),
            vector,
            limit,
        })
        .await;
    }
    pair.ask(&Query {
        collections: &[],
        text: "delivery",
        language: frontdesk_language::language("delivery"),
        vector: None,
        limit: 10,
    })
    .await;
    server.clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_begin_at_once_all_fill_the_index() {
    let server = Server::any().await;
    let fill = async |process: Arc<dyn Index>| {
        let entries = vec![entry("a", "delivery takes three days", Some(vec![1.0, 0.0]))];
        process.replace(&col("col"), &doc("d"), 1, entries).await.unwrap();
        process
    };
    let all = (0..4).map(|_| fill(server.process("model/a", "")));
    for process in join_all(all).await {
        let collections = [col("col")];
        let query = Query {
            collections: &collections,
            text: "delivery",
            language: frontdesk_language::language("delivery"),
            vector: None,
            limit: 10,
        };
        assert_eq!(ids(&process.search(&query).await.unwrap().bm25), ["a"]);
    }
    server.clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_during_a_replacement_sees_all_of_the_old_or_all_of_the_new() {
    let server = Server::any().await;
    let version = |word: &str| -> Vec<Entry> {
        let one = |n: usize| {
            entry(&format!("{word}{n}"), &format!("shared {word} {n}"), Some(vec![1.0, 0.0]))
        };
        (0..6).map(one).collect()
    };
    for index in [Settings::Memory {}.build(None).unwrap(), server.process("model/a", "")] {
        index.replace(&col("col"), &doc("d"), 1, version("old")).await.unwrap();
        let writer = index.clone();
        let work = tokio::spawn(async move {
            for revision in 2..60 {
                let word = if revision % 2 == 0 { "new" } else { "old" };
                writer.replace(&col("col"), &doc("d"), revision, version(word)).await.unwrap();
            }
        });
        let (mut seen, collections) = (BTreeMap::new(), [col("col")]);
        while !work.is_finished() {
            let vector = Some(&[1.0, 0.0][..]);
            let query = Query {
                collections: &collections,
                text: "shared",
                language: frontdesk_language::language("shared"),
                vector,
                limit: 10,
            };
            let legs = index.search(&query).await.unwrap();
            for leg in [&legs.bm25, &legs.dense, &legs.ngram] {
                let ids = ids(leg);
                assert_eq!(ids.len(), 6, "{ids:?}");
                assert!(ids.iter().all(|id| id[..3] == ids[0][..3]), "{ids:?}");
                *seen.entry(ids[0][..3].to_owned()).or_insert(0) += 1;
            }
            tokio::task::yield_now().await;
        }
        work.await.unwrap();
        assert_eq!(seen.len(), 2, "both were seen: {seen:?}");
    }
    server.clean().await;
}

#[tokio::test]
async fn meaning_is_left_out_while_a_part_is_not_embedded_yet() {
    let server = Server::any().await;
    let pair = Pair::new(&server);
    shop(&pair).await;
    let collections = [col("col")];
    let query = Query {
        collections: &collections,
        text: "shoes",
        language: frontdesk_language::language("shoes"),
        vector: Some(&[1.0, 0.0]),
        limit: 20,
    };
    assert_eq!(pair.ask(&query).await.dense.len(), SHOP.len());
    pair.replace("col", "b", vec![entry("b", SHOP[1].1, None)]).await;
    assert!(pair.ask(&query).await.dense.is_empty());
    pair.replace("col", "b", vec![entry("b", SHOP[1].1, Some(vec![0.0, 1.0]))]).await;
    assert_eq!(pair.ask(&query).await.dense.len(), SHOP.len());
    server.clean().await;
}

/// A step in the life of a collection: collection, document, and its chunks.
type Step = (usize, u8, Vec<(String, u8)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let word = prop::sample::select(vec![
        "delivery",
        "deliveries",
        "delivered",
        "return",
        "returns",
        "café",
        "cafe",
        "Bestellung",
        "Bestellungen",
        "devolución",
        "devoluciones",
        "退货",
        "доставка",
        "доставки",
        "the",
        "shoe",
    ]);
    let body = prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "));
    // The dense leg is compared only if every chunk has a vector of the right length: usually all
    // have.
    let kind = prop_oneof![1 => Just(0_u8), 12 => Just(1), 12 => Just(2), 1 => Just(3)];
    let chunks = prop::collection::vec((body, kind), 0..4);
    prop::collection::vec((0_usize..2, 0_u8..4, chunks), 1..10)
}

fn chunks(step: usize, (_, document, bodies): &Step) -> Vec<Entry> {
    let vector = |kind: u8| match kind {
        0 => None,
        1 => Some(vec![0.6, 0.8]),
        2 => Some(vec![0.8, -0.6]),
        _ => Some(vec![0.0, 0.6, 0.8]),
    };
    let one = |(at, (body, kind)): (usize, &(String, u8))| {
        entry(&format!("{document}-{step}-{at}"), body, vector(*kind))
    };
    bodies.iter().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_both_say_the_same(
        all in steps(),
        question in "(delivery|returned|cafe|bestellungen|devolucion|货|доставке|the|shoes|dlivery| ){1,5}",
        limit in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::any().await;
            let pair = Pair::new(&server);
            for (at, step) in all.iter().enumerate() {
                let collection = ["one", "two"][step.0];
                pair.replace(collection, &step.1.to_string(), chunks(at, step)).await;
            }
            for collections in [&[col("one")][..], &[col("one"), col("two")]] {
                for vector in [&[0.6, 0.8][..], &[0.6, 0.0, 0.8]] {
                    let query = Query { collections, text: &question, language: frontdesk_language::language(&question), vector: Some(vector), limit };
                    pair.ask(&query).await;
                }
            }
            server.clean().await;
        });
    }
}
