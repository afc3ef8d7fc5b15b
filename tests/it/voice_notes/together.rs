//! Voice notes in bursts and across a process's death: nothing is transcribed twice.

use super::{CUSTOMER, acme, note_of, says, speaks, until};
use crate::delivery::{Place, TIMEOUT, got, pause, question, questions};
use crate::support::app::{MAIN, Setup, on_both};
use crate::support::hooks::{Note, voice_webhook};

const NOTE: &[u8] = b"OggS together";

on_both! {
    async fn a_note_and_a_text_within_the_gap_get_one_answer(db) {
        let app = Setup::on(db).with("[worker]\ngap_ms = 1200").start().await;
        app.model.put_transcript(NOTE, "I bought a lamp.", "english");
        app.model.put_transcript(b"OggS two", "It is broken.", "english");
        speaks(&app, CUSTOMER, "1", NOTE).await;
        pause(150).await;
        says(&app, CUSTOMER, "2", "Can I return it?").await;
        pause(150).await;
        speaks(&app, CUSTOMER, "3", b"OggS two").await;
        app.settle().await;
        assert_eq!(questions(&app), ["I bought a lamp.\nCan I return it?\nIt is broken."]);
        assert_eq!((got(&app, CUSTOMER).len(), app.model.chat_count(), app.model.recorded().len()), (1, 1, 2));
        app.stop().await;
    }

    async fn a_newer_text_while_a_note_is_transcribed_is_answered_with_it_and_throws_nothing_away(db) {
        let app = Setup::on(db).start().await;
        app.model.put_transcript(NOTE, "I bought a lamp.", "english");
        app.model.hold_recordings();
        speaks(&app, CUSTOMER, "1", NOTE).await;
        until("it is transcribed", async || app.model.recorded().len() == 1).await;
        says(&app, CUSTOMER, "2", "Can I return it?").await;
        pause(400).await;
        assert_eq!(app.model.cancelled_transcriptions(), 0, "a newer message threw the work away");
        app.model.release_recordings();
        app.settle().await;
        assert_eq!(questions(&app), ["I bought a lamp.\nCan I return it?"]);
        assert_eq!((got(&app, CUSTOMER).len(), app.model.recorded().len()), (1, 1));
        app.stop().await;
    }

    async fn a_newer_text_while_the_model_writes_does_not_transcribe_the_note_again(db) {
        let app = Setup::on(db).with("[llm]\ntimeout_ms = 30000").start().await;
        app.model.put_transcript(NOTE, "I bought a lamp.", "english");
        app.model.hold();
        speaks(&app, CUSTOMER, "1", NOTE).await;
        until("the model is asked", async || app.model.chat_count() == 1).await;
        let thread = app.thread(CUSTOMER).await;
        assert_eq!(thread[0]["transcript"], "I bought a lamp.", "it is kept before it is answered");
        assert_eq!(thread[0]["state"], "waiting");
        says(&app, CUSTOMER, "2", "Can I return it?").await;
        until("the model is asked anew", async || app.model.chat_count() == 2).await;
        app.model.release();
        app.settle().await;
        assert_eq!(questions(&app).pop().as_deref(), Some("I bought a lamp.\nCan I return it?"));
        assert_eq!((got(&app, CUSTOMER).len(), app.model.recorded().len()), (1, 1));
        app.stop().await;
    }

    async fn two_customers_notes_are_transcribed_at_once(db) {
        let app = Setup::on(db).file("prompts/acme.md", &acme("", "Be brief.")).start().await;
        app.model.put_transcript(NOTE, "I bought a lamp.", "english");
        app.model.hold_recordings();
        for customer in ["447700960011", "447700960012"] {
            let note = note_of(&app, (customer, "1"), NOTE);
            assert_eq!(app.deliver(&note).await, 200);
        }
        until("both are transcribed", async || app.model.recorded().len() == 2).await;
        app.model.release_recordings();
        app.settle().await;
        assert_eq!((got(&app, "447700960011").len(), got(&app, "447700960012").len()), (1, 1));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_after_the_transcription_does_not_transcribe_again() {
    let place = Place::new().await;
    place.model.put_transcript(NOTE, "Can I return a lamp?", "english");
    place.whatsapp.put_media("m1", NOTE, "audio/ogg");
    place.model.hold();
    let process = place.start().await;
    let note = Note { media_id: "m1", bytes: NOTE };
    place.deliver(&process, voice_webhook(MAIN, CUSTOMER, "wamid.1", note)).await;
    until("the model is asked", async || place.model.chat_count() == 1).await;
    process.kill().await;
    place.model.release();
    let process = place.start().await;
    assert!(place.whatsapp.wait_sent(1, TIMEOUT).await);
    pause(600).await;
    assert_eq!(place.whatsapp.sent_count(), 1);
    let asked: Vec<_> = place.model.requests().iter().map(question).collect();
    assert_eq!(asked.last().map(String::as_str), Some("Can I return a lamp?"));
    assert_eq!(place.model.recorded().len(), 1, "it was transcribed again");
    assert_eq!(place.whatsapp.media_requests(), ["where m1", "file m1"]);
    assert!(process.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_while_it_transcribes_has_the_file_already() {
    let place = Place::new().await;
    place.model.put_transcript(NOTE, "Can I return a lamp?", "english");
    place.whatsapp.put_media("m1", NOTE, "audio/ogg");
    place.model.hold_recordings();
    let process = place.start().await;
    let note = Note { media_id: "m1", bytes: NOTE };
    place.deliver(&process, voice_webhook(MAIN, CUSTOMER, "wamid.1", note)).await;
    until("it is transcribed", async || place.model.recorded().len() == 1).await;
    process.kill().await;
    place.model.release_recordings();
    let process = place.start().await;
    assert!(place.whatsapp.wait_sent(1, TIMEOUT).await);
    assert_eq!(place.whatsapp.media_requests(), ["where m1", "file m1"], "it was fetched again");
    assert!(process.stop().await);
}
