//! Limits of a collection: documents, chunks and bytes of uploads, for every source of documents
//! and under concurrency.

use std::time::{Duration, Instant};

use frontdesk::app::App;
use frontdesk::knowledge::SilentProgress;
use frontdesk::store::collection_limits::{Full, Room};
use frontdesk::store::knowledge::{NewChunk, NewDocument};
use futures::future::join_all;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::app::{KEY, Setup, TestApp, on_both};
use crate::support::site::{Site, html};

/// Collection `acme` has two documents in its folder.
const PATH: &str = "/collections/acme/documents";

impl TestApp {
    async fn paste(&self, path: &str, title: &str, text: &str) -> (u16, Value) {
        let (status, said) = self.call(path, &json!({"title": title, "text": text})).await;
        (status.as_u16(), said)
    }

    async fn until_learned(&self, id: &str) -> Value {
        let began = Instant::now();
        loop {
            let shown = self.get(&format!("/documents/{id}")).await;
            if shown["state"] != "learning" {
                return shown;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{shown}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

on_both! {
    async fn a_collection_takes_so_many_documents_and_says_what_to_do(db) {
        let app = Setup::on(db).with("[knowledge]\nmax_documents = 4").start().await;
        let titles: Vec<String> = (0..12).map(|n| format!("Note {n}")).collect();
        let all = join_all(titles.iter().map(|title| app.paste(PATH, title, "Some words."))).await;
        let taken = all.iter().filter(|(status, _)| *status == 202).count();
        assert_eq!(taken, 2, "two more fit in, whoever comes first: {all:?}");
        for (status, said) in all.iter().filter(|(status, _)| *status != 202) {
            let why = said["detail"].as_str().unwrap();
            assert_eq!(*status, 409, "{said}");
            assert!(why.contains("4 documents") && why.contains("max_documents"), "{why}");
        }
        let shown = app.get(PATH).await;
        assert_eq!(shown["items"].as_array().unwrap().len(), 4);
        // An existing document may be replaced; a removed one makes room.
        let mine = shown["items"].as_array().unwrap().iter().find(|one| one["from"] == "upload").unwrap();
        let title = mine["path"].as_str().unwrap().trim_end_matches(".md");
        assert_eq!(app.paste(PATH, title, "Other words.").await.0, 202);
        let id = mine["id"].as_str().unwrap();
        let gone = app.http.delete(format!("{}/api/v1/documents/{id}", app.url)).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(gone.status(), 204);
        assert_eq!(app.paste(PATH, "A last note", "Some words.").await.0, 202);
        // Several files in one form: those that fit are accepted.
        assert_eq!(app.call("/collections", &json!({"slug": "other"})).await.0, 201);
        let part = |n: usize| Part::bytes(b"# Note\n\nWords.\n".to_vec()).file_name(format!("{n}.md"));
        let form = (0..6).fold(Form::new(), |form, n| form.part("file", part(n)));
        let url = format!("{}/api/v1/collections/other/documents", app.url);
        let sent: Value = app.http.post(url).bearer_auth(KEY).multipart(form).send().await.unwrap().json().await.unwrap();
        let sent = sent.as_array().unwrap_or_else(|| panic!("{sent}"));
        let codes: Vec<_> = sent.iter().map(|one| one["code"].as_str()).collect();
        assert_eq!(codes, [None, None, None, None, Some("full"), Some("full")], "{sent:?}");
        app.stop().await;
    }

    async fn a_collection_keeps_so_many_bytes_of_uploads(db) {
        let app = Setup::on(db).with("[knowledge]\nmax_kept_bytes = 3000").start().await;
        let text = "word ".repeat(200);
        let titles: Vec<String> = (0..6).map(|n| format!("Note {n}")).collect();
        let all = join_all(titles.iter().map(|title| app.paste(PATH, title, &text))).await;
        let refused: Vec<_> = all.iter().filter(|(status, _)| *status == 409).collect();
        assert_eq!((all.len() - refused.len(), refused.len()), (2, 4), "{all:?}");
        assert!(refused[0].1["detail"].as_str().unwrap().contains("max_kept_bytes"), "{refused:?}");
        app.stop().await;
    }

    async fn a_collection_has_so_many_chunks_and_what_was_learned_stays(db) {
        let app = Setup::on(db).with("[knowledge]\nmax_chunks = 12").start().await;
        let (_, taken) = app.paste(PATH, "Parking", "Customers park behind the shop.").await;
        let id = taken[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(app.until_learned(&id).await["state"], "ready");
        let long: String = (0..40).map(|n| format!("# Part {n}\n\n{}\n\n", "Many words stand here. ".repeat(20))).collect();
        app.paste(PATH, "Parking", &long).await;
        let began = Instant::now();
        let shown = loop {
            let shown = app.get(&format!("/documents/{id}")).await;
            if shown["code"] == "full" {
                break shown;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{shown}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert!(shown["remedy"].as_str().unwrap().contains("max_chunks"), "{shown}");
        let chunks = app.get(&format!("/documents/{id}/chunks")).await.to_string();
        assert!(chunks.contains("behind the shop"), "what was learned answers on: {chunks}");
        app.stop().await;
    }

    async fn folders_and_web_sites_stop_at_the_limit_and_say_so(db) {
        let site = Site::start().await;
        let links: Vec<String> = (0..6).map(|n| format!("/p{n}")).collect();
        let to: Vec<&str> = links.iter().map(String::as_str).collect();
        site.put("/", html("Home", "The first page.", &to));
        for link in &links {
            site.put(link, html(link, &format!("Page {link} says this and that."), &[]));
        }
        let app = Setup::on(db).with("[knowledge]\nmax_documents = 3\n[knowledge.web]\nallow_private = true\npause_ms = 0").start().await;
        app.call("/collections", &json!({"slug": "site"})).await;
        let (status, source) = app.call("/collections/site/sources", &json!({"url": format!("{}/", site.url)})).await;
        assert_eq!(status, 201, "{source}");
        let began = Instant::now();
        let failed = loop {
            let shown = app.get("/collections/site/sources").await;
            if !shown[0]["crawled_at"].is_null() {
                break shown[0]["failed"].clone();
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{shown}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(failed.to_string().contains("max_documents"), "{failed}");
        let documents = app.get("/collections/site/documents").await;
        assert_eq!(documents["items"].as_array().unwrap().len(), 3, "{documents}");

        for n in 0..4 {
            std::fs::write(app.home.path().join(format!("knowledge/acme/more{n}.md")), format!("# More {n}\n\nWords {n}.\n")).unwrap();
        }
        let again = App::assemble(app.config.clone()).await.unwrap();
        let learned = again.learn(&SilentProgress).await;
        assert!(learned.is_ok(), "the others are learned all the same");
        let documents = app.get(PATH).await;
        assert_eq!(documents["items"].as_array().unwrap().len(), 3, "{documents}");
        app.stop().await;
    }

    // The limit is checked in the transaction that adds, so that concurrent requests cannot exceed
    // it.
    async fn no_race_passes_a_limit(db) {
        let app = Setup::on(db).start().await;
        let store = &app.desk.store;
        let collection = store.collection("race").await.unwrap();
        let room = Room { documents: 5, chunks: 7, upload_bytes: 0 };
        let document = |n: usize, chunks: usize| {
            let chunk = NewChunk { heading: String::new(), body: "b".into(), tokens: 1, place: String::new(), text_hash: "t".into() };
            NewDocument {
                collection: collection.clone(),
                path: format!("{n}.md"),
                title: "t".into(),
                hash: "h".into(),
                source: None,
                uploaded: false,
                chunks: Ok(vec![chunk; chunks]),
            }
        };
        let all = join_all((0..40).map(|n| store.learn_within(document(n, 2), room))).await;
        let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 3, "{all:?}");
        assert!(all.iter().all(|one| matches!(one, Ok(_) | Err(Full::Chunks(7)))), "{all:?}");
        let held = store.collection_sizes().await.unwrap().into_iter().find(|held| held.slug == "race").unwrap();
        assert_eq!((held.documents, held.chunks), (3, 6));
        // A collection over its limit may be changed and get smaller, but not larger.
        let tight = Room { chunks: 3, ..room };
        let n = all.iter().position(Result::is_ok).unwrap();
        for (chunks, taken) in [(3, false), (2, true), (1, true), (2, false)] {
            let changed = store.learn_within(document(n, chunks), tight).await.unwrap();
            assert_eq!(changed.is_ok(), taken, "{chunks}: {changed:?}");
        }
        app.stop().await;
    }
}
