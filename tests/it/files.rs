//! Files of customers: fetched once, stored, served without harm, and deleted by age and size.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk::domain::NumberId;
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::app::{KEY, MAIN, SECRET, Setup, TestApp, change, on_both, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{Note, message_webhook, sign, voice_webhook};
use crate::support::openai::OpenAi;
use crate::support::process::Process;

const ANA: &str = "447700970001";
const BEN: &str = "447700970002";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nof a product";
const TIMEOUT: Duration = Duration::from_secs(20);

fn hash(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

/// The webhook of a file; its message has the id `wamid.ID`.
fn file_webhook(customer: &str, (id, kind): (&str, &str), (mime, bytes): (&str, &[u8])) -> Vec<u8> {
    let file = json!({"id": id, "mime_type": mime, "sha256": hash(bytes)});
    let content = json!({"type": kind, kind: file});
    message_webhook(MAIN, customer, &format!("wamid.{id}"), &content)
}

/// Sends a picture that Meta has.
async fn shows(app: &TestApp, customer: &str, id: &str, bytes: &[u8]) {
    app.whatsapp.put_media(id, bytes, "image/png");
    let hook = file_webhook(customer, (id, "image"), ("image/png", bytes));
    assert_eq!(app.deliver(&hook).await, 200);
}

/// Returns a message of a customer by Meta's id of its file.
async fn message(app: &TestApp, customer: &str, id: &str) -> Value {
    let id = format!("wamid.{id}");
    let thread = app.thread(customer).await;
    thread.into_iter().find(|one| one["provider_id"] == id.as_str()).unwrap()
}

/// Waits until a file is in this state, and returns its message.
async fn wait_for(app: &TestApp, customer: &str, (id, state): (&str, &str)) -> Value {
    let started = Instant::now();
    loop {
        let message = message(app, customer, id).await;
        if message["media"]["state"] == state {
            return message;
        }
        assert!(started.elapsed() < TIMEOUT, "not {state}: {}", message["media"]);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn open(app: &TestApp, message: &Value) -> Response {
    let path = format!("/messages/{}/media", message["id"].as_str().unwrap());
    app.http.get(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY).send().await.unwrap()
}

/// Returns how often Meta was asked for the bytes of a file.
fn downloads(whatsapp: &Graph, id: &str) -> usize {
    let asked = format!("file {id}");
    whatsapp.media_requests().iter().filter(|one| **one == asked).count()
}

/// Returns the number of stored contents.
async fn contents(app: &TestApp) -> u64 {
    app.change("update files set size = size").await
}

/// Files that wait are due at once, whatever went wrong before.
async fn hurry(app: &TestApp) {
    app.change("update message_files set due_at = 1 where state = 'waiting' and due_at > 1").await;
}

/// Makes a person own a customer's conversation.
async fn take_over(app: &TestApp, customer: &str) {
    let conversation = app.conversation_with(customer).await;
    let path = format!("/conversations/{}/take", conversation["id"].as_str().unwrap());
    assert!(app.call(&path, &json!({})).await.0.is_success());
}

on_both! {
    async fn a_picture_is_fetched_once_and_stays_when_meta_forgets_it(db) {
        let app = Setup::on(db).start().await;
        shows(&app, ANA, "1", PNG).await;
        let picture = wait_for(&app, ANA, ("1", "stored")).await;
        assert_eq!(picture["media"]["size"], PNG.len());
        assert_eq!(picture["media"]["reason"], Value::Null);
        app.whatsapp.drop_media("1");
        for _ in 0..2 {
            let response = open(&app, &picture).await;
            assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &"image/png".parse().unwrap()));
            assert_eq!(response.bytes().await.unwrap(), PNG);
        }
        assert_eq!(downloads(&app.whatsapp, "1"), 1);
        app.stop().await;
    }

    async fn the_same_bytes_are_stored_once_until_the_last_message_lets_go(db) {
        let app = Setup::on(db).start().await;
        shows(&app, ANA, "1", PNG).await;
        shows(&app, BEN, "2", PNG).await;
        shows(&app, BEN, "3", b"\x89PNG\r\n\x1a\nanother").await;
        for (customer, id) in [(ANA, "1"), (BEN, "2"), (BEN, "3")] {
            wait_for(&app, customer, (id, "stored")).await;
        }
        app.settle().await;
        assert_eq!(contents(&app).await, 2);
        for (moment, count) in [(1000, 2), (2000, 1)] {
            let id = if moment == 1000 { "wamid.1" } else { "wamid.2" };
            let age = format!("update message_files set created_at = {moment} where message_id in (select id from messages where provider_id = '{id}')");
            assert_eq!(app.change(&age).await, 1);
            assert_eq!(app.desk.store.forget_files(moment + 1, 10).await.unwrap(), 1);
            assert_eq!(contents(&app).await, count, "{moment}");
        }
        let gone = message(&app, ANA, "1").await;
        assert_eq!((&gone["media"]["state"], &gone["media"]["size"]), (&"removed".into(), &PNG.len().into()));
        assert_eq!(open(&app, &gone).await.status(), 200, "Meta has it still, and it is stored again");
        wait_for(&app, ANA, ("1", "stored")).await;
        app.stop().await;
    }

    async fn a_file_that_is_too_large_says_so_and_can_be_opened_while_meta_has_it(db) {
        let app = Setup::on(db).with("[worker]\nmax_file_bytes = 100\n[llm]\nvision = false").start().await;
        let large = [PNG, &[0; 100]].concat();
        shows(&app, ANA, "1", &large).await;
        let picture = wait_for(&app, ANA, ("1", "too_large")).await;
        assert!(picture["media"]["reason"].as_str().unwrap().contains("100 bytes"), "{picture}");
        assert_eq!(open(&app, &picture).await.bytes().await.unwrap(), large);
        assert_eq!((contents(&app).await, downloads(&app.whatsapp, "1")), (0, 2));
        app.stop().await;
    }

    async fn a_file_that_is_not_what_was_sent_is_tried_again_and_given_up(db) {
        let app = Setup::on(db).start().await;
        app.whatsapp.put_media("1", b"something else", "image/png");
        assert_eq!(app.deliver(&file_webhook(ANA, ("1", "image"), ("image/png", PNG))).await, 200);
        let started = Instant::now();
        while message(&app, ANA, "1").await["media"]["state"] == "waiting" {
            assert!(started.elapsed() < TIMEOUT, "it is tried for ever");
            hurry(&app).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let picture = message(&app, ANA, "1").await;
        assert_eq!(picture["media"]["state"], "refused");
        assert!(picture["media"]["reason"].as_str().unwrap().contains("SHA-256"), "{picture}");
        assert!(downloads(&app.whatsapp, "1") >= 2);
        assert_eq!(contents(&app).await, 0);
        app.stop().await;
    }

    async fn a_file_that_meta_has_no_more_is_given_up_at_once(db) {
        let app = Setup::on(db).start().await;
        assert_eq!(app.deliver(&file_webhook(ANA, ("1", "document"), ("application/pdf", b"%PDF"))).await, 200);
        let document = wait_for(&app, ANA, ("1", "gone")).await;
        assert!(document["media"]["reason"].as_str().unwrap().contains("does not exist"), "{document}");
        assert_eq!(open(&app, &document).await.status(), 404);
        app.stop().await;
    }

    async fn trouble_of_meta_passes_and_six_days_of_it_do_not(db) {
        let app = Setup::on(db).start().await;
        app.whatsapp.fail_next_media(1, &Failure::Status(500, json!("oops"), None));
        shows(&app, ANA, "1", PNG).await;
        wait_for(&app, ANA, ("1", "stored")).await;
        assert_eq!(downloads(&app.whatsapp, "1"), 2, "it was tried again by itself");
        app.whatsapp.fail_next_media(99, &Failure::Status(500, json!("oops"), None));
        shows(&app, ANA, "2", b"\x89PNG\r\n\x1a\nlater").await;
        let started = Instant::now();
        while message(&app, ANA, "2").await["media"]["reason"].is_null() {
            assert!(started.elapsed() < TIMEOUT, "it is not tried");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let days = frontdesk::domain::time::now_ms() - 6 * 86_400_000;
        app.change(&format!("update message_files set created_at = {days}, due_at = 1 where state = 'waiting'")).await;
        let picture = wait_for(&app, ANA, ("2", "refused")).await;
        assert!(picture["media"]["reason"].as_str().unwrap().contains("HTTP 500"), "{picture}");
        app.stop().await;
    }

    async fn a_file_in_a_conversation_that_a_person_owns_is_fetched(db) {
        let app = Setup::on(db).start().await;
        shows(&app, ANA, "1", PNG).await;
        app.settle().await;
        take_over(&app, ANA).await;
        shows(&app, ANA, "2", PNG).await;
        app.whatsapp.put_media("3", b"OggS for a person", "audio/ogg");
        let note = Note { media_id: "3", bytes: b"OggS for a person" };
        app.deliver(&voice_webhook(MAIN, ANA, "wamid.3", note)).await;
        for id in ["2", "3"] {
            let message = wait_for(&app, ANA, (id, "stored")).await;
            assert_eq!(message["state"], "stored", "the bot does not answer");
        }
        app.stop().await;
    }

    async fn a_voice_note_is_fetched_by_its_turn_alone_and_a_sticker_by_nobody(db) {
        let app = Setup::on(db).start().await;
        app.whatsapp.put_media("1", b"OggS spoken", "audio/ogg");
        let note = Note { media_id: "1", bytes: b"OggS spoken" };
        app.deliver(&voice_webhook(MAIN, ANA, "wamid.1", note)).await;
        app.settle().await;
        wait_for(&app, ANA, ("1", "stored")).await;
        hurry(&app).await;
        let webp = b"RIFF....WEBPVP8 ";
        app.whatsapp.put_media("2", webp, "image/webp");
        app.deliver(&file_webhook(ANA, ("2", "sticker"), ("image/webp", webp))).await;
        shows(&app, BEN, "3", PNG).await;
        wait_for(&app, BEN, ("3", "stored")).await;
        assert_eq!((downloads(&app.whatsapp, "1"), downloads(&app.whatsapp, "2")), (1, 0));
        let sticker = message(&app, ANA, "2").await;
        assert_eq!(sticker["media"]["state"], Value::Null);
        for _ in 0..2 {
            assert_eq!(open(&app, &sticker).await.bytes().await.unwrap(), webp.as_slice());
        }
        assert_eq!(downloads(&app.whatsapp, "2"), 1, "what is opened is stored");
        app.stop().await;
    }

    async fn the_oldest_files_of_a_number_make_room_but_none_that_waits_for_its_turn(db) {
        let app = Setup::on(db).start().await;
        let pictures: Vec<_> = (0..4).map(|n| [PNG, &[n; 100]].concat()).collect();
        for (n, picture) in pictures.iter().enumerate() {
            shows(&app, ANA, &n.to_string(), picture).await;
            wait_for(&app, ANA, (&n.to_string(), "stored")).await;
        }
        app.settle().await;
        app.change("update messages set state = 'waiting' where provider_id = 'wamid.0'").await;
        let numbers = app.desk.store.numbers().await.unwrap();
        let number = |slug: &str| NumberId::stored(numbers.iter().find(|row| row.slug == slug).unwrap().id.clone());
        let size = i64::try_from(pictures[0].len()).unwrap();
        let room = async |slug: &str, limit| app.desk.store.make_room(&number(slug), 2 * size, limit).await.unwrap();
        assert_eq!(room("second", 10).await, 0);
        assert_eq!([room("main", 1).await, room("main", 10).await, room("main", 10).await], [1, 1, 0]);
        app.change("update messages set state = 'answered' where provider_id = 'wamid.0'").await;
        for (id, state) in [("0", "stored"), ("1", "removed"), ("2", "removed"), ("3", "stored")] {
            assert_eq!(message(&app, ANA, id).await["media"]["state"], state, "{id}");
        }
        assert_eq!(contents(&app).await, 2);
        app.stop().await;
    }

    async fn nothing_that_a_customer_sends_runs_in_the_console(db) {
        let app = Setup::on(db).start().await;
        let hostile: [(&str, &str, &[u8]); 5] = [
            ("image", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
            ("image", "image/png", b"<html><script>alert(1)</script>"),
            ("document", "text/html", b"<script>alert(2)</script>"),
            ("document", "application/pdf", b"%PDF-1.7 /OpenAction"),
            ("document", "application/xhtml+xml", b"GIF8<html/>"),
        ];
        for (n, (kind, mime, bytes)) in hostile.into_iter().enumerate() {
            let id = n.to_string();
            app.whatsapp.put_media(&id, bytes, mime);
            app.deliver(&file_webhook(ANA, (&id, kind), (mime, bytes))).await;
            let stored = wait_for(&app, ANA, (&id, "stored")).await;
            let response = open(&app, &stored).await;
            let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), "application/octet-stream", "{mime}");
            assert!(header("content-disposition").starts_with("attachment"), "{mime}");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
            assert_eq!(response.bytes().await.unwrap(), bytes);
        }
        app.stop().await;
    }

    async fn a_file_whose_process_died_after_the_download_is_fetched_by_the_next(db) {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
        let url = db.url().await;
        // A model that sees would have the turn fetch it first.
        let settings = Setup::on(db).extractive().settings(home.path(), &url, &whatsapp, &model);
        std::fs::write(home.path().join("desk.toml"), settings).unwrap();
        let http = reqwest::Client::new();
        let mut process = Process::begin_with(home.path(), &[("FAILPOINTS", "file.fetched=1*return")]);
        process.wait_ready().await;
        whatsapp.put_media("1", PNG, "image/png");
        let hook = file_webhook(ANA, ("1", "image"), ("image/png", PNG));
        let request = http.post(format!("{}/webhooks/meta", process.url)).header("x-hub-signature-256", sign(SECRET, &hook));
        assert_eq!(request.body(hook).send().await.unwrap().status(), 200);
        let died = tokio::time::timeout(TIMEOUT, process.child.wait()).await.unwrap().unwrap();
        assert!(!died.success() && downloads(&whatsapp, "1") == 1);
        if !url.is_empty() {
            // Another replica could be at it: on Postgres the lease has to end by itself.
            assert_eq!(change(home.path(), &url, "update message_files set due_at = 1 where state = 'waiting'").await, 1);
        }
        let process = Process::start(home.path()).await;
        let stored = "update message_files set state = state where state = 'stored' and hash is not null";
        let started = Instant::now();
        while change(home.path(), &url, stored).await == 0 {
            assert!(started.elapsed() < TIMEOUT, "the file is lost");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(downloads(&whatsapp, "1"), 2);
        assert!(process.stop().await);
    }
}
