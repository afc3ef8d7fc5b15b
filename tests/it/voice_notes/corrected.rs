//! Transcripts corrected by a person, and the retention of recordings.

use serde_json::json;

use super::{CUSTOMER, put, raw, recording, says, shown, speaks, until};
use crate::delivery::{Place, TIMEOUT, change, got};
use crate::support::app::{KEY, MAIN, Setup, on_both};
use crate::support::hooks::{Note, voice_webhook};

const NOTE: &[u8] = b"OggS corrected";
const UNDERSTOOD: &str = "When do you oven?";
const REALLY: &str = "When do you open?";

on_both! {
    async fn later_turns_read_what_was_really_said_and_nothing_is_answered_again(db) {
        let app = Setup::on(db).start().await;
        app.model.put_transcript(NOTE, UNDERSTOOD, "english");
        speaks(&app, CUSTOMER, "1", NOTE).await;
        app.settle().await;
        let thread = app.thread(CUSTOMER).await;
        let path = format!("/messages/{}/transcript", thread[0]["id"].as_str().unwrap());
        for words in [" When do you opn? ", REALLY] {
            let (status, message) = put(&app, &path, &json!({"text": words})).await;
            assert_eq!((status, message["transcript"].as_str()), (200, Some(words.trim())));
            assert_eq!(message["heard"]["first"], UNDERSTOOD, "the first words are kept");
            assert!(message["heard"]["corrected_at"].as_i64() > Some(0));
            assert_eq!(message["heard"]["language"], "en");
        }
        app.settle().await;
        assert_eq!((got(&app, CUSTOMER).len(), app.model.chat_count()), (1, 1), "it was answered again");
        says(&app, CUSTOMER, "2", "And on Saturday?").await;
        app.settle().await;
        assert_eq!(shown(&app), [REALLY, "And on Saturday?"]);
        assert_eq!(app.thread(CUSTOMER).await[0]["transcript"], REALLY);
        app.stop().await;
    }

    async fn only_recordings_are_put_right_and_not_with_nothing(db) {
        let app = Setup::on(db).start().await;
        app.model.put_transcript(NOTE, UNDERSTOOD, "english");
        speaks(&app, CUSTOMER, "1", NOTE).await;
        says(&app, CUSTOMER, "2", "And on Saturday?").await;
        app.settle().await;
        let thread = app.thread(CUSTOMER).await;
        let path = |kind: &str, direction: &str| {
            let one = thread.iter().find(|one| one["kind"] == kind && one["direction"] == direction);
            format!("/messages/{}/transcript", one.unwrap()["id"].as_str().unwrap())
        };
        let right = json!({"text": REALLY});
        for nothing in [path("text", "in"), path("text", "out"), "/messages/msg_01J0000000000000000000000X/transcript".into(), "/messages/x/transcript".into()] {
            assert_eq!(put(&app, &nothing, &right).await.0, 404, "{nothing}");
        }
        for (wrong, status) in [(json!({"text": " \n"}), 422), (json!({}), 422), (json!({"txet": "x"}), 422)] {
            assert_eq!(put(&app, &path("voice", "in"), &wrong).await.0, status, "{wrong}");
        }
        let again = app.thread(CUSTOMER).await;
        assert_eq!((&again[0]["transcript"], &again[1]["transcript"]), (&UNDERSTOOD.into(), &serde_json::Value::Null));
        app.stop().await;
    }

    async fn a_note_that_was_not_understood_is_put_into_words(db) {
        let app = Setup::on(db).start().await;
        speaks(&app, CUSTOMER, "1", b"OggS unknown").await;
        app.settle().await;
        let path = format!("/messages/{}/transcript", app.thread(CUSTOMER).await[0]["id"].as_str().unwrap());
        let (status, message) = put(&app, &path, &json!({"text": REALLY})).await;
        assert_eq!((status, &message["heard"]["first"]), (200, &serde_json::Value::Null));
        says(&app, CUSTOMER, "2", "Well?").await;
        app.settle().await;
        assert_eq!(shown(&app), [REALLY, "Well?"]);
        assert_eq!(got(&app, CUSTOMER).len(), 2);
        app.stop().await;
    }

    async fn what_a_person_wrote_meanwhile_stays_when_the_turn_is_committed(db) {
        let app = Setup::on(db).with("[llm]\ntimeout_ms = 30000").start().await;
        app.model.put_transcript(NOTE, UNDERSTOOD, "english");
        app.model.hold();
        speaks(&app, CUSTOMER, "1", NOTE).await;
        until("the model is asked", async || app.model.chat_count() == 1).await;
        let path = format!("/messages/{}/transcript", app.thread(CUSTOMER).await[0]["id"].as_str().unwrap());
        assert_eq!(put(&app, &path, &json!({"text": REALLY})).await.0, 200);
        app.model.release();
        app.settle().await;
        let note = app.thread(CUSTOMER).await.remove(0);
        assert_eq!((&note["transcript"], &note["state"]), (&REALLY.into(), &"answered".into()));
        assert_eq!(note["heard"]["first"], UNDERSTOOD);
        app.stop().await;
    }

    async fn old_files_are_forgotten_but_not_those_that_wait_and_words_stay(db) {
        let app = Setup::on(db).start().await;
        app.model.put_transcript(NOTE, REALLY, "english");
        speaks(&app, "447700960401", "1", NOTE).await;
        speaks(&app, "447700960403", "1", NOTE).await;
        app.settle().await;
        app.model.hold_recordings();
        speaks(&app, "447700960402", "1", NOTE).await;
        until("it is transcribed", async || app.model.recorded().len() == 3).await;
        assert_eq!(app.change("update message_files set created_at = 1000").await, 3);
        speaks(&app, "447700960404", "1", NOTE).await;
        until("it is transcribed", async || app.model.recorded().len() == 4).await;
        let mut gone = Vec::new();
        while gone.last() != Some(&0) {
            gone.push(app.desk.store.forget_files(2000, 1).await.unwrap());
        }
        assert_eq!(gone, [1, 1, 0]);
        for (customer, status) in [("447700960401", 404), ("447700960402", 200), ("447700960403", 404), ("447700960404", 200)] {
            let note = app.thread(customer).await.remove(0);
            assert_eq!(raw(&app, &recording(&note)).await.status(), status, "{customer}");
            assert_eq!(note["transcript"] == REALLY, status == 404, "{note}");
        }
        app.model.release_recordings();
        app.settle().await;
        assert_eq!(app.desk.store.forget_files(2000, 50).await.unwrap(), 1, "it waits no more");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_terminal_a_note_is_shown_and_put_right_and_the_desk_forgets_its_file() {
    let place = Place::new().await;
    place.model.put_transcript(NOTE, UNDERSTOOD, "english");
    place.whatsapp.put_media("m1", NOTE, "audio/ogg");
    place.configure("keep_recordings_days = 2\nkeep_webhooks_days = 0", "");
    let process = place.start().await;
    let note = Note { media_id: "m1", bytes: NOTE };
    place.deliver(&process, voice_webhook(MAIN, CUSTOMER, "wamid.1", note)).await;
    assert!(place.whatsapp.wait_sent(1, TIMEOUT).await);
    let all = place.get(&process, "/conversations").await;
    let conversation = all["items"][0]["id"].as_str().unwrap();
    let thread = place.get(&process, &format!("/conversations/{conversation}/messages")).await;
    let items = thread["items"].as_array().unwrap();
    let message = items.iter().find(|one| one["kind"] == "voice").unwrap();
    let message = message["id"].as_str().unwrap();
    let (well, shown) = place.run(&["inbox", "show", conversation]).await;
    let about = format!("🎤 (voice, en, 2 s, 90 % sure, {message}) {UNDERSTOOD}");
    assert!(well && shown.contains(&about), "{shown}");
    let (well, told) = place.run(&["inbox", "correct", message, REALLY]).await;
    assert!(well, "{told}");
    let (_, shown) = place.run(&["inbox", "show", conversation]).await;
    let about = format!("🎤 (voice, en, 2 s, 90 % sure, corrected, {message}) {REALLY}");
    assert!(shown.contains(&about), "{shown}");
    for wrong in [
        ["inbox", "correct", message, " "],
        ["inbox", "correct", "msg_01J0000000000000000000000X", "x"],
    ] {
        let (well, told) = place.run(&wrong).await;
        assert!(!well && !told.contains("panicked"), "{told}");
    }
    assert!(process.stop().await);

    let file = format!("sqlite://{}", place.home.path().join("desk.db").display());
    let old = frontdesk::domain::time::now_ms() - 3 * 86_400_000;
    change(&file, &format!("update message_files set created_at = {old}")).await;
    let process = place.start().await;
    let path = format!("/messages/{message}/recording");
    let kept = async || {
        let request = place.http.get(format!("{}/api/v1{path}", process.url)).bearer_auth(KEY);
        request.send().await.unwrap().status()
    };
    until("it is forgotten", async || kept().await == 404).await;
    let (_, shown) = place.run(&["inbox", "show", conversation]).await;
    assert!(shown.contains(REALLY), "{shown}");
    assert!(process.stop().await);
}
