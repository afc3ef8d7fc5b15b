//! A failing Qdrant, processes that stop and start, and recovery to a consistent index. Always
//! against the fake server, because a real one does not fail on demand.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use frontdesk::domain::CollectionId;
use frontdesk::index::{Entry, Index, Legs, Query};
use qdrant_client::qdrant::{
    CreateCollectionBuilder, Distance, PointStruct, SparseVectorParamsBuilder,
    SparseVectorsConfigBuilder, UpsertPoints, VectorParamsBuilder, Vectors,
};
use tempfile::NamedTempFile;
use tonic::Code;
use tracing::subscriber::{self, DefaultGuard};
use tracing_subscriber::registry::Registry;

use super::{Server, col, doc, entry, ids};
use crate::support::qdrant::{Double, Trouble, WRONG_KEY, settings};

/// Writes this thread's log to the file until the guard is dropped.
fn log() -> (NamedTempFile, DefaultGuard) {
    // Without a global subscriber, tracing caches whether a log line is enabled by asking only the
    // first thread that reaches it.
    drop(subscriber::set_global_default(Registry::default()));
    let file = NamedTempFile::new().unwrap();
    let writer = file.reopen().unwrap();
    let here = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    (file, subscriber::set_default(here))
}

fn version(word: &str) -> Vec<Entry> {
    let one = |n: usize| {
        entry(&format!("{word}{n}"), &format!("shared {word} {n}"), Some(vec![1.0, 0.0]))
    };
    (0..4).map(one).collect()
}

async fn put(index: &dyn Index, revision: i64, word: &str) -> Result<(), String> {
    let entries = if word.is_empty() { Vec::new() } else { version(word) };
    let put = index.replace(&col("col"), &doc("d"), revision, entries).await;
    put.map_err(|error| error.to_string())
}

async fn ask(index: &dyn Index, text: &str, limit: usize) -> Result<Legs, String> {
    let collections: [CollectionId; 1] = [col("col")];
    let query = Query {
        collections: &collections,
        text,
        language: frontdesk_language::language(text),
        vector: Some(&[1.0, 0.0]),
        limit,
    };
    index.search(&query).await.map_err(|error| error.to_string())
}

/// Returns the version that a search sees; asserts that every leg returns all of it.
async fn sees(index: &dyn Index) -> String {
    let legs = ask(index, "shared", 10).await.unwrap();
    let first = legs.bm25.first().map_or("", |hit| &hit.chunk.id.as_str()[..3]).to_owned();
    for leg in [&legs.dense, &legs.bm25, &legs.ngram] {
        assert_eq!(leg.len(), if first.is_empty() { 0 } else { 4 }, "{leg:?}");
        assert!(ids(leg).iter().all(|id| id.starts_with(&first)), "{leg:?}");
    }
    first
}

fn double(server: &Server) -> &Double {
    server.double.as_ref().unwrap()
}

#[tokio::test]
async fn a_crash_between_any_two_steps_is_made_good_by_doing_it_again() {
    let reference = Server::double().await;
    let clean = reference.process("model/a", "");
    put(&*clean, 1, "old").await.unwrap();
    put(&*clean, 2, "new").await.unwrap();
    let content = |server: &Server| -> Vec<String> {
        let own = |line: String| line.replacen(&server.prefix, "", 1);
        double(server).content().into_iter().map(own).collect()
    };
    let wanted = content(&reference);
    assert_eq!(wanted.len(), 4 + 4 + 1, "words, vectors and the mark");
    for done in [false, true] {
        let mut steps = 0;
        for after in 0.. {
            let server = Server::double().await;
            let crashing = server.process("model/a", "");
            put(&*crashing, 1, "old").await.unwrap();
            let trouble = Trouble { after, done, ..Trouble::all(Code::FailedPrecondition) };
            double(&server).trouble(Some(trouble));
            let crashed = put(&*crashing, 2, "new").await.is_err();
            double(&server).trouble(None);
            let seen = sees(&*crashing).await;
            assert!(seen == "old" || seen == "new", "{seen}");
            // A new process has only the database, which says that the new version is current.
            let next = server.process("model/a", "");
            put(&*next, 2, "new").await.unwrap();
            assert_eq!(sees(&*next).await, "new");
            assert_eq!(content(&server), wanted, "after {after} steps, done {done}");
            // The old process does the same when it continues.
            put(&*crashing, 2, "new").await.unwrap();
            assert_eq!(sees(&*crashing).await, "new");
            assert_eq!(content(&server), wanted);
            if !crashed {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 6, "there were steps to crash between: {steps}");
    }
}

#[tokio::test]
async fn what_qdrant_has_is_not_sent_again() {
    let server = Server::double().await;
    let first = server.process("model/a", "");
    put(&*first, 1, "old").await.unwrap();
    put(&*first, 2, "new").await.unwrap();
    let again = server.process("model/a", "");
    double(&server).calls();
    put(&*again, 2, "new").await.unwrap();
    let calls = double(&server).calls();
    assert!(!calls.iter().any(|call| ["upsert", "delete", "create"].contains(call)), "{calls:?}");
    assert_eq!(sees(&*again).await, "new");
    // The first process had written half of it: only the rest is sent.
    let entries = vec![entry("other", "something else", None)];
    again.replace(&col("col"), &doc("e"), 3, entries).await.unwrap();
    assert!(double(&server).calls().contains(&"upsert"));
}

#[tokio::test]
async fn documents_of_one_revision_are_all_sent_whenever_it_broke_off() {
    let server = Server::double().await;
    let names = ["a", "b", "c"];
    let one = |name: &'static str| {
        let body = format!("shared words of {name}");
        (doc(name), vec![entry(name, &body, Some(vec![1.0, 0.0]))])
    };
    for after in 0..25 {
        let crashing = server.process("model/a", "");
        let trouble = Trouble { after, ..Trouble::all(Code::FailedPrecondition) };
        double(&server).trouble(Some(trouble));
        for (document, entries) in names.map(one) {
            let revision = i64::try_from(after).unwrap() + 1;
            if crashing.replace(&col("col"), &document, revision, entries).await.is_err() {
                break;
            }
        }
        double(&server).trouble(None);
        let next = server.process("model/a", "");
        for (document, entries) in names.map(one) {
            let revision = i64::try_from(after).unwrap() + 1;
            next.replace(&col("col"), &document, revision, entries).await.unwrap();
        }
        let legs = ask(&*next, "shared words", 10).await.unwrap();
        assert_eq!([legs.dense.len(), legs.bm25.len(), legs.ngram.len()], [3; 3]);
        next.remove(&col("col")).await.unwrap();
    }
}

#[tokio::test]
async fn another_model_has_vectors_of_its_own_and_the_old_goes_on_meanwhile() {
    let server = Server::double().await;
    let (old, new) = (server.process("model/a", ""), server.process("model/b", ""));
    put(&*old, 1, "old").await.unwrap();
    let wider = || -> Vec<Entry> {
        let mut entries = version("old");
        for entry in &mut entries {
            entry.vector = Some(vec![0.0, 1.0, 0.0]);
        }
        entries
    };
    new.replace(&col("col"), &doc("d"), 1, wider()).await.unwrap();
    assert_eq!(sees(&*old).await, "old");
    let collections = [col("col")];
    let vector = Some(&[0.0, 1.0, 0.0][..]);
    let query = Query {
        collections: &collections,
        text: "shared",
        language: frontdesk_language::language("shared"),
        vector,
        limit: 10,
    };
    assert_eq!(new.search(&query).await.unwrap().dense.len(), 4);
    assert!(ask(&*new, "shared", 10).await.unwrap().dense.is_empty(), "another length");
    assert_eq!(double(&server).collections().len(), 3, "words once, vectors twice");
    new.remove(&col("col")).await.unwrap();
    assert_eq!(double(&server).content(), [""; 0], "those of the old model too");
}

#[tokio::test]
async fn a_process_that_lags_behind_never_undoes_what_another_did() {
    let server = Server::double().await;
    let (ahead, behind) = (server.process("model/a", ""), server.process("model/a", ""));
    put(&*ahead, 1, "old").await.unwrap();
    put(&*behind, 1, "old").await.unwrap();
    put(&*ahead, 2, "mid").await.unwrap();
    put(&*ahead, 3, "new").await.unwrap();
    put(&*behind, 2, "mid").await.unwrap();
    assert_eq!(sees(&*ahead).await, "new");
    put(&*behind, 3, "new").await.unwrap();
    assert_eq!(sees(&*behind).await, "new");
    assert_eq!(double(&server).content().len(), 4 + 4 + 1, "nothing old is left");
    put(&*ahead, 4, "").await.unwrap();
    put(&*behind, 4, "").await.unwrap();
    assert_eq!(sees(&*ahead).await, "");
    assert_eq!(double(&server).content().len(), 1, "the mark");
}

#[tokio::test]
async fn points_that_are_not_current_take_no_place() {
    let server = Server::double().await;
    let index = server.process("model/a", "");
    for number in 0..60 {
        let (id, document) = (format!("old{number}"), doc(&number.to_string()));
        let entries = vec![entry(&id, "delivery", Some(vec![1.0, 0.0]))];
        index.replace(&col("col"), &document, number + 1, entries).await.unwrap();
    }
    let trouble = Trouble { only: "delete", ..Trouble::all(Code::FailedPrecondition) };
    double(&server).trouble(Some(trouble));
    for number in 0..60 {
        let (id, document) = (format!("new{number}"), doc(&number.to_string()));
        let body = "the delivery of some other things to somebody";
        let entries = vec![entry(&id, body, Some(vec![0.6, 0.8]))];
        index.replace(&col("col"), &document, number + 100, entries).await.unwrap_err();
    }
    for limit in [1, 5, 60] {
        let legs = ask(&*index, "delivery", limit).await.unwrap();
        for leg in [&legs.dense, &legs.bm25, &legs.ngram] {
            assert_eq!(leg.len(), limit);
            assert!(ids(leg).iter().all(|id| id.starts_with("new")), "{:?}", ids(leg));
        }
    }
}

#[tokio::test]
async fn a_passing_failure_is_asked_again() {
    let server = Server::double().await;
    let index = server.process("model/a", "timeout_ms = 2000");
    let mut revision = 0;
    for code in [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Aborted]
    {
        for done in [false, true] {
            revision += 1;
            let trouble = Trouble { times: 3, done, ..Trouble::all(code) };
            double(&server).trouble(Some(trouble));
            put(&*index, revision, "old").await.unwrap();
            double(&server).trouble(Some(Trouble { times: 2, ..Trouble::all(code) }));
            assert_eq!(sees(&*index).await, "old", "{code:?}");
        }
    }
    // One call that never returns.
    double(&server).trouble(Some(Trouble { times: 1, code: None, ..Trouble::all(Code::Ok) }));
    assert_eq!(sees(&*index).await, "old");
}

#[tokio::test]
async fn a_lasting_failure_ends_at_once_and_says_what_to_do() {
    let server = Server::double().await;
    let index = server.process("model/a", "");
    put(&*index, 1, "old").await.unwrap();
    double(&server).calls();
    double(&server).trouble(Some(Trouble::all(Code::InvalidArgument)));
    let error = ask(&*index, "shared", 10).await.unwrap_err();
    assert!(error.contains("Qdrant refuses: as the test wishes"), "{error}");
    assert!(double(&server).calls().len() <= 2, "nothing was asked twice");
    double(&server).trouble(None);
    let locked = server.process("model/a", &format!("api_key = \"{WRONG_KEY}\""));
    let error = put(&*locked, 1, "old").await.unwrap_err();
    assert!(error.contains("set [index] api_key"), "{error}");
    assert!(!error.contains(WRONG_KEY));
    assert!(locked.check().await.is_err());
    assert!(index.check().await.unwrap().contains("1.18.0"), "{:?}", index.check().await);
    assert!(index.check().await.unwrap().contains(" 4 points"));
}

#[tokio::test]
async fn a_server_that_stalls_or_is_away_is_not_waited_for_longer_than_allowed() {
    let server = Server::double().await;
    let index = server.process("model/a", "timeout_ms = 300");
    put(&*index, 1, "old").await.unwrap();
    double(&server).trouble(Some(Trouble { code: None, ..Trouble::all(Code::Ok) }));
    let started = Instant::now();
    let error = ask(&*index, "shared", 10).await.unwrap_err();
    assert!(error.contains("no answer within 300 ms"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3));
    let away = settings("http://127.0.0.1:9", &server.prefix, "write_timeout_ms = 300");
    let away = away.build(None).unwrap();
    let error = put(&*away, 1, "old").await.unwrap_err();
    assert!(error.contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn a_collection_that_is_not_ours_is_refused_with_the_way_out() {
    let server = Server::double().await;
    let client = qdrant_client::Qdrant::from_url(&server.url).skip_compatibility_check().build();
    let client = client.unwrap();
    let words = format!("{}_words_v3", server.prefix);
    let vectors = VectorParamsBuilder::new(3, Distance::Dot);
    let foreign = CreateCollectionBuilder::new(&words).vectors_config(vectors);
    client.create_collection(foreign).await.unwrap();
    let index = server.process("model/a", "");
    let error = put(&*index, 1, "old").await.unwrap_err();
    assert!(error.contains(&words) && error.contains("another [index] prefix"), "{error}");
    client.delete_collection(&words).await.unwrap();
    put(&*index, 1, "old").await.unwrap();
    // The right name with vectors of another length.
    let dense = double(&server).collections().into_iter().find(|name| name.contains("_dense_"));
    let dense = dense.unwrap();
    client.delete_collection(&dense).await.unwrap();
    let mut sparse = SparseVectorsConfigBuilder::default();
    sparse.add_named_vector_params("bm25", SparseVectorParamsBuilder::default());
    let foreign = CreateCollectionBuilder::new(&dense).sparse_vectors_config(sparse);
    client.create_collection(foreign).await.unwrap();
    let next = server.process("model/a", "");
    let error = put(&*next, 2, "new").await.unwrap_err();
    assert!(error.contains("holds no vectors named `dense`"), "{error}");
}

#[tokio::test]
async fn what_is_removed_goes_from_the_words_of_an_older_release_too_which_are_named() {
    let (log, _here) = log();
    let server = Server::double().await;
    let client = qdrant_client::Qdrant::from_url(&server.url).skip_compatibility_check().build();
    let client = client.unwrap();
    let older = format!("{}_words_v1", server.prefix);
    let vectors = VectorParamsBuilder::new(3, Distance::Dot);
    let made = CreateCollectionBuilder::new(&older).vectors_config(vectors);
    client.create_collection(made).await.unwrap();
    let point = PointStruct {
        id: Some(7_u64.into()),
        payload: HashMap::from([("collection".to_owned(), "col".into())]),
        vectors: Some(Vectors::default()),
    };
    let request = UpsertPoints {
        collection_name: older.clone(),
        points: vec![point],
        ..UpsertPoints::default()
    };
    client.upsert_points(request).await.unwrap();
    let left = || double(&server).content().iter().any(|line| line.starts_with(&older));
    let index = server.process("model/a", "");
    put(&*index, 1, "old").await.unwrap();
    let told = std::fs::read_to_string(log.path()).unwrap();
    assert!(told.contains(&format!("{older} holds the words of another release")), "{told}");
    let what = index.check().await.unwrap();
    assert!(what.contains(&format!("; {older} is another release's")), "{what}");
    assert!(left());
    index.remove(&col("col")).await.unwrap();
    assert!(!left());
}

#[tokio::test]
async fn who_is_second_to_create_a_collection_goes_on() {
    let server = Server::double().await;
    let first = server.process("model/a", "");
    put(&*first, 1, "old").await.unwrap();
    double(&server).calls();
    // First the words, then the vectors: both were still missing when the second one looked.
    for (after, revision) in [(0, 2), (1, 3)] {
        let second = server.process("model/a", "");
        let trouble = Trouble { after, times: 1, only: "info", ..Trouble::all(Code::NotFound) };
        double(&server).trouble(Some(trouble));
        put(&*second, revision, "new").await.unwrap();
        let created = double(&server).calls().iter().filter(|call| **call == "create").count();
        assert_eq!(created, 1, "nothing was there already, after {after}");
        assert_eq!(sees(&*second).await, "new");
    }
    assert_eq!(double(&server).collections().len(), 2);
}

#[tokio::test]
async fn a_collection_deleted_behind_our_back_is_told_and_a_new_start_mends_it() {
    let server = Server::double().await;
    let index = server.process("model/a", "");
    put(&*index, 1, "old").await.unwrap();
    let client = qdrant_client::Qdrant::from_url(&server.url).skip_compatibility_check().build();
    let client = client.unwrap();
    for name in double(&server).collections() {
        client.delete_collection(name).await.unwrap();
    }
    let error = ask(&*index, "shared", 10).await.unwrap_err();
    assert!(error.contains("start frontdesk again"), "{error}");
    let next = server.process("model/a", "");
    put(&*next, 1, "old").await.unwrap();
    assert_eq!(sees(&*next).await, "old");
}

#[tokio::test]
async fn collections_are_made_as_the_settings_say() {
    let server = Server::double().await;
    let more = "quantization = \"scalar\"\nreplicas = 2\nshards = 3\nwrite_consistency = 2\non_disk = true";
    let index = server.process("model/a", more);
    put(&*index, 1, "old").await.unwrap();
    assert_eq!(sees(&*index).await, "old");
    let double = double(&server);
    for name in double.collections() {
        let made = double.made(&name);
        assert_eq!((made.replication_factor, made.shard_number), (Some(2), Some(3)));
        assert_eq!(made.write_consistency_factor, Some(2));
        assert_eq!(double.fields(&name), ["collection", "document", "revision"]);
        assert_eq!(format!("{made:?}").contains("Scalar("), name.contains("_dense_"), "{made:?}");
    }
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (url, more, wanted) in [
        ("", "", "url must be"),
        ("localhost:6334", "", "url must be"),
        ("http://x", "oversampling = 0.5", "oversampling must be"),
        ("http://x", "timeout_ms = 0", "timeout_ms"),
    ] {
        let error = settings(url, "p", more).build(None).err().unwrap();
        assert!(error.contains(wanted), "{error}");
    }
    let error = settings("http://x", "with space", "").build(None).err().unwrap();
    assert!(error.contains("prefix must be"), "{error}");
}
