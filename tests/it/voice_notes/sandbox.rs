//! Recordings in messages to the sandbox API.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::FAILURE;
use crate::delivery::questions;
use crate::support::app::{Db, KEY, Setup, TestApp, on_both};

fn file(bytes: &[u8]) -> Part {
    Part::bytes(bytes.to_vec()).file_name("note.ogg").mime_str("audio/ogg").unwrap()
}

async fn post(app: &TestApp, form: Form) -> (u16, Value) {
    let request = app.http.post(format!("{}/api/v1/sandbox/turns", app.url)).bearer_auth(KEY);
    let response = request.multipart(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

on_both! {
    async fn a_recording_is_transcribed_and_answered_and_leaves_nothing_behind(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "At 13:00 [1].".into());
        let bytes = b"OggS sandbox".as_slice();
        app.model.put_transcript(bytes, "When do you close on Saturday?", "english");
        let request = json!({"agent": "acme", "text": "Hello,"}).to_string();
        let (status, told) = post(&app, Form::new().text("request", request).part("recording", file(bytes))).await;
        assert_eq!((status, &told["bubbles"]), (200, &json!(["At 13:00.\n\n📄 _Opening hours_"])), "{told}");
        let heard = &told["trace"]["transcribe"];
        assert_eq!(heard["question"], "Hello,\nWhen do you close on Saturday?");
        assert_eq!(heard["notes"][0]["transcript"], "When do you close on Saturday?");
        assert_eq!(heard["notes"][0]["heard"]["language"], "en");
        assert_eq!(questions(&app), ["Hello,\nWhen do you close on Saturday?"]);
        assert_eq!(app.model.recorded()[0].bytes, bytes);
        assert_eq!(app.get("/conversations").await["items"], json!([]));
        assert!(app.received().is_empty());
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_form_may_not_hold_is_refused_with_what_it_may() {
    let app = Setup::on(Db::Sqlite).start().await;
    let acme = || Form::new().text("request", json!({"agent": "acme"}).to_string());
    let (status, told) = post(&app, acme().part("recordings", file(b"OggS"))).await;
    let detail = told["detail"].as_str().unwrap();
    assert!(status == 400 && detail.contains("`recordings`") && detail.contains("`recording`"));
    let (status, told) = post(&app, acme()).await;
    assert_eq!(status, 422, "{told}");
    assert!(told["detail"].as_str().unwrap().contains("say something"), "{told}");
    let (status, told) = post(&app, Form::new().text("request", "{\"txet\": 1}")).await;
    assert!(status == 422 && told["detail"].as_str().unwrap().contains("txet"), "{told}");
    let (status, told) =
        post(&app, Form::new().text("request", "{").part("recording", file(b"x"))).await;
    assert!((400..500).contains(&status) && told["detail"].is_string(), "{told}");
    let request = app.http.post(format!("{}/api/v1/sandbox/turns", app.url)).bearer_auth(KEY);
    let request = request.header("content-type", "multipart/form-data").body("nothing");
    assert_eq!(request.send().await.unwrap().status(), 400);
    let (status, told) = app.call("/sandbox/turns", &json!({"agent": "acme", "text": " "})).await;
    assert_eq!(status, 422, "{told}");
    assert_eq!((app.model.recorded().len(), app.model.chat_count()), (0, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_not_understood_gets_the_sentence_and_a_large_one_is_taken() {
    let app = Setup::on(Db::Sqlite).start().await;
    let form = |bytes: &[u8]| {
        Form::new().text("request", r#"{"agent": "acme"}"#).part("recording", file(bytes))
    };
    let (status, told) = post(&app, form(b"OggS unknown")).await;
    assert_eq!((status, &told["bubbles"]), (200, &json!([FAILURE])), "{told}");
    assert_eq!((&told["outcome"], app.model.chat_count()), (&json!("voice_failure"), 0));
    assert!(told["trace"]["transcribe"]["notes"][0]["error"].is_string());
    let large = vec![7; 3 * 1024 * 1024];
    app.model.put_transcript(&large, "When do you open?", "english");
    let (status, told) = post(&app, form(&large)).await;
    assert_eq!((status, &told["outcome"]), (200, &json!("answer")), "{told}");
    app.stop().await;
}
