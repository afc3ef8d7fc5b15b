//! Recordings embedded in the event, with or without the provider's own transcript.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{CUSTOMER, FAILURE, raw, recording, turn_of};
use crate::delivery::questions;
use crate::support::app::{Db, Setup, TestApp, on_both};

const NUMBERS: &str = "[numbers.plain]\nprovider = \"sandbox\"\nagent = \"acme\"\nid = \"plain\"\ninsecure = true\n\
    [numbers.theirs]\nprovider = \"sandbox\"\nagent = \"acme\"\nid = \"theirs\"\ninsecure = true\ntranscripts = true\n";

async fn start(db: Db, number: &str) -> TestApp {
    // An unsigned webhook of the sandbox goes to its first number, so only one is configured.
    let (plain, theirs) = NUMBERS.split_at(NUMBERS.find("[numbers.theirs]").unwrap());
    Setup::on(db).with(if number == "plain" { plain } else { theirs }).start().await
}

async fn deliver(app: &TestApp, messages: &Value) {
    let body = json!({"messages": messages}).to_string();
    assert_eq!(app.post("/webhooks/sandbox", body.as_bytes(), None).await, 200);
    app.settle().await;
}

fn voice(id: &str, bytes: &[u8], mime_type: &str) -> Value {
    let voice = json!({"data": STANDARD.encode(bytes), "mime_type": mime_type, "transcript": "When do you open?"});
    json!({"id": id, "from": CUSTOMER, "voice": voice})
}

/// Returns the customer's replies, each with the id of the message that it quotes.
async fn replies(app: &TestApp) -> Vec<(String, Value)> {
    let thread = app.thread(CUSTOMER).await.into_iter().filter(|one| one["direction"] == "out");
    thread.map(|one| (one["text"].as_str().unwrap().to_owned(), one["reply_to"].clone())).collect()
}

on_both! {
    async fn a_recording_in_the_event_is_kept_and_transcribed_whatever_transcript_came_with_it(db) {
        let app = start(db, "plain").await;
        let bytes = b"OggS brought".as_slice();
        app.model.put_transcript(bytes, "Can I return a lamp?", "english");
        deliver(&app, &json!([voice("m1", bytes, "audio/ogg"), voice("m1", bytes, "audio/ogg")])).await;
        deliver(&app, &json!([voice("m1", bytes, "audio/ogg")])).await;
        assert_eq!(questions(&app), ["Can I return a lamp?"]);
        assert_eq!((app.model.recorded().len(), replies(&app).await.len()), (1, 1));
        let note = app.thread(CUSTOMER).await.remove(0);
        assert_eq!(note["heard"]["by"], "openai/whisper-1");
        assert!(!note["content"].to_string().contains("bytes"), "{note}");
        let kept = raw(&app, &recording(&note)).await;
        assert_eq!(kept.headers()["content-type"], "audio/ogg");
        assert_eq!(kept.bytes().await.unwrap(), bytes);
        app.stop().await;
    }

    async fn the_providers_transcript_is_taken_where_the_number_says_so(db) {
        let app = start(db, "theirs").await;
        deliver(&app, &json!([voice("m1", b"OggS theirs", "audio/ogg")])).await;
        assert_eq!(questions(&app), ["When do you open?"]);
        assert!(app.model.recorded().is_empty(), "it was transcribed all the same");
        let note = app.thread(CUSTOMER).await.remove(0);
        assert_eq!((&note["transcript"], &note["heard"]["by"]), (&"When do you open?".into(), &"provider".into()));
        let blank = json!({"data": STANDARD.encode(b"OggS blank"), "transcript": "  "});
        app.model.put_transcript(b"OggS blank", "Can I return a lamp?", "english");
        deliver(&app, &json!([{"id": "m2", "from": CUSTOMER, "voice": blank}])).await;
        assert_eq!(questions(&app).pop().as_deref(), Some("Can I return a lamp?"));
        app.stop().await;
    }

    async fn what_is_no_base64_is_kept_as_an_event_and_loses_nothing(db) {
        let app = start(db, "plain").await;
        let broken = [json!({"data": "%%%"}), json!({"data": 7}), json!({}), json!("OggS"), json!(null)];
        let mut messages: Vec<_> = broken.iter().map(|voice| json!({"from": CUSTOMER, "voice": voice})).collect();
        messages.insert(2, json!({"id": "t", "from": CUSTOMER, "text": "When do you open?"}));
        deliver(&app, &messages.into()).await;
        assert_eq!((questions(&app), replies(&app).await.len()), (vec!["When do you open?".to_owned()], 1));
        let events = app.get("/events").await;
        let kept: Vec<_> = events.as_array().unwrap().iter().filter(|one| one["kind"] == "unreadable_message").collect();
        assert_eq!(kept.len(), broken.len(), "{events}");
        assert!(events.to_string().contains("%%%"));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_is_no_recordings_is_not_passed_on_and_no_bytes_are_a_failure() {
    let app = start(Db::Sqlite, "plain").await;
    deliver(&app, &json!([voice("m1", b"<script>", "text/html")])).await;
    let note = app.thread(CUSTOMER).await.remove(0);
    let kept = raw(&app, &recording(&note)).await;
    assert_eq!(kept.headers()["content-type"], "application/octet-stream");
    deliver(&app, &json!([voice("m2", b"", "audio/ogg")])).await;
    let replies: Vec<_> = replies(&app).await.into_iter().map(|(text, _)| text).collect();
    assert_eq!(replies, [FAILURE, FAILURE]);
    assert_eq!(app.model.chat_count(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_quotes_the_notes_id_on_this_number_too() {
    let quote = super::acme("voice: { quote: true }", "Be brief.");
    let (plain, _) = NUMBERS.split_at(NUMBERS.find("[numbers.theirs]").unwrap());
    let app = Setup::on(Db::Sqlite).with(plain).file("prompts/acme.md", &quote).start().await;
    app.model.put_transcript(b"OggS", "When do you open?", "english");
    deliver(&app, &json!([voice("m1", b"OggS", "audio/ogg")])).await;
    assert_eq!(replies(&app).await[0].1, "m1");
    let turn = turn_of(&app, &app.thread(CUSTOMER).await[0]).await;
    assert_eq!(turn["outcome"], "answer");
    app.stop().await;
}
