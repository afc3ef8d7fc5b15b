//! Learning and re-embedding, killed repeatedly: nobody gets half a document, finished work is not
//! repeated, and the desk keeps answering.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::app::{Db, KEY, Setup, on_both, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::openai::OpenAi;
use crate::support::process::{BINARY, Process, surroundings};

/// Number of kills of a command.
const KILLS: usize = 10;
/// Number of texts in one embedding request, which is what a kill can cost.
const BATCH: usize = 96;
/// Number of documents, and of chunks in each.
const DOCUMENTS: usize = 8;
const CHUNKS: usize = 60;

struct Place {
    home: TempDir,
    model: OpenAi,
    _whatsapp: Graph,
    http: reqwest::Client,
}

impl Place {
    async fn new(db: Db) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
        let store = db.url().await;
        let settings = Setup::on(db).settings(home.path(), &store, &whatsapp, &model);
        std::fs::write(home.path().join("desk.toml"), settings).unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { home, model, _whatsapp: whatsapp, http: reqwest::Client::new() }
    }

    /// Writes an edition of the books: every chunk names it.
    fn print(&self, edition: usize) {
        let folder = self.home.path().join("knowledge/books");
        std::fs::create_dir_all(&folder).unwrap();
        for book in 0..DOCUMENTS {
            let row = |n| format!("Lamp {book} {n},edition {edition} of book {book} says {n}\n");
            let rows: String = (0..CHUNKS).map(row).collect();
            std::fs::write(folder.join(format!("book{book}.csv")), format!("Name,Text\n{rows}"))
                .unwrap();
        }
    }

    fn begin(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
        begin(self.home.path(), arguments, environment)
    }

    /// Runs a command to its end after killing it [`KILLS`] times.
    async fn run_killed(&self, arguments: &[&str], environment: &[(&str, &str)]) {
        for _ in 0..KILLS {
            let mut child = self.begin(arguments, environment);
            let after = Duration::from_millis(60 + u64::from(getrandom::u32().unwrap() % 240));
            if tokio::time::timeout(after, child.wait()).await.is_err() {
                child.kill().await.unwrap();
            }
        }
        let done = self.begin(arguments, environment).wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{said}");
    }

    /// Returns the number of texts that were embedded with a model.
    fn embedded(&self, model: &str) -> usize {
        let asked = self.model.embedded();
        let ours = asked.iter().filter(|request| request["model"] == model);
        ours.map(|request| request["input"].as_array().map_or(1, Vec::len)).sum()
    }
}

fn begin(home: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
    Command::new(BINARY)
        .args(arguments)
        .args(["--config", "desk.toml"])
        .current_dir(home)
        .env_remove("DATABASE_URL")
        .envs(surroundings(home))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Searches for one book. Returns the editions found, the number of passages, and the response.
async fn look(http: &reqwest::Client, url: &str, book: usize) -> (BTreeSet<String>, usize, Value) {
    let question = format!("lamp edition of book {book}");
    let query = json!({"question": question, "collections": ["books"], "limit": 50});
    let request = http.post(format!("{url}/api/v1/knowledge/search")).bearer_auth(KEY).json(&query);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let source = format!("book{book}.csv");
    let passages: Vec<&Value> = answer["passages"]
        .as_array()
        .map(|all| all.iter().filter(|one| one["source"] == *source).collect())
        .unwrap_or_default();
    let edition = |one: &&Value| {
        let text = one["text"].as_str().unwrap();
        text.split("edition ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    };
    let embedder = answer["embedder"].clone();
    (passages.iter().map(edition).collect(), passages.len(), embedder)
}

on_both! {
    async fn learning_that_is_killed_ten_times_serves_whole_documents_and_goes_on(db) {
        let place = Place::new(db).await;
        place.print(1);
        let desk = Process::start(place.home.path()).await;
        assert_eq!(look(&place.http, &desk.url, 3).await.0, BTreeSet::from(["1".to_owned()]));
        place.model.fail_next_at("/v1/embeddings", 10_000, &Failure::Stall(Duration::from_millis(60)));
        let before = place.embedded("fake");
        place.print(2);
        let done = Arc::new(AtomicBool::new(false));
        let watch = {
            let (http, url, done) = (place.http.clone(), desk.url.clone(), done.clone());
            tokio::spawn(async move {
                let mut looks = 0;
                while !done.load(Relaxed) {
                    let (editions, found, _) = look(&http, &url, looks % DOCUMENTS).await;
                    assert_eq!(editions.len(), 1, "half of one edition and half of another: {editions:?}");
                    assert!(found > 10, "part of a book is missing: {found}");
                    looks += 1;
                }
                looks
            })
        };
        place.run_killed(&["learn", "knowledge/books"], &[]).await;
        done.store(true, Relaxed);
        assert!(watch.await.unwrap() > 10);
        tokio::time::timeout(Duration::from_secs(20), async {
            for book in 0..DOCUMENTS {
                while look(&place.http, &desk.url, book).await.0 != BTreeSet::from(["2".to_owned()]) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        })
        .await
        .expect("the second edition is served");
        // Questions are embedded as well, one per request.
        let texts = place.model.embedded();
        let learned: usize = texts[before.min(texts.len())..]
            .iter()
            .filter_map(|request| request["input"].as_array().map(Vec::len).filter(|n| *n > 1))
            .sum();
        assert!(learned <= DOCUMENTS * CHUNKS + KILLS * BATCH, "{learned} texts were embedded");
        desk.kill().await;
    }

    async fn another_model_takes_over_without_a_gap_though_it_is_killed_ten_times(db) {
        let place = Place::new(db).await;
        place.print(1);
        let desk = Process::start(place.home.path()).await;
        let (_, _, old) = look(&place.http, &desk.url, 0).await;
        assert_eq!(old, "openai/fake/default");
        place.model.fail_next_at("/v1/embeddings", 10_000, &Failure::Stall(Duration::from_millis(40)));
        let other = [("FRONTDESK__EMBED__MODEL", "better")];
        let done = Arc::new(AtomicBool::new(false));
        let watch = {
            let (http, url, done) = (place.http.clone(), desk.url.clone(), done.clone());
            tokio::spawn(async move {
                while !done.load(Relaxed) {
                    let (editions, found, embedder) = look(&http, &url, 1).await;
                    assert_eq!((editions.len(), embedder), (1, json!("openai/fake/default")));
                    assert!(found > 10);
                }
            })
        };
        place.run_killed(&["reindex"], &other).await;
        done.store(true, Relaxed);
        watch.await.unwrap();
        let texts = place.embedded("better");
        let all = DOCUMENTS * CHUNKS;
        assert!(texts >= all && texts <= all + 20 + (KILLS + 1) * BATCH, "{texts} texts were embedded");
        desk.kill().await;
        let desk = Process::begin_with(place.home.path(), &other);
        tokio::time::timeout(Duration::from_secs(20), async {
            while place.http.get(format!("{}/readyz", desk.url)).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("it starts with the other model");
        let (editions, found, embedder) = look(&place.http, &desk.url, 1).await;
        assert_eq!((editions.len(), embedder), (1, json!("openai/better/default")));
        assert!(found > 10);
        assert!(place.embedded("better") <= texts + 10, "documents were embedded once more");
        desk.kill().await;
    }
}
