//! Recordings that cannot be transcribed: the customer is told once, in his language; the operator
//! sees the reason; the model never sees a placeholder.

use serde_json::Value;

use super::{
    CUSTOMER, FAILURE, UNREADABLE, acme, raw, recording, says, sends, shown, speaks, turn_of,
};
use crate::delivery::{got, questions};
use crate::support::app::{Db, Setup, TestApp, on_both};
use crate::support::fake::Failure;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const SPANISH: &str = "Lo siento, no he entendido el mensaje de voz. ¿Podría escribirlo?";

/// Returns the operator's reason why the only note in the last turn was not understood.
async fn why(app: &TestApp, customer: &str) -> String {
    let thread = app.thread(customer).await;
    let note = thread.iter().rev().find(|message| message["direction"] == "in").unwrap();
    assert_eq!((&note["state"], &note["transcript"]), (&"answered".into(), &Value::Null));
    let turn = turn_of(app, note).await;
    assert_eq!(turn["trace"]["prompt"], Value::Null, "a prompt was made of nothing");
    let notes = turn["trace"]["transcribe"]["notes"].as_array().unwrap();
    assert_eq!((notes.len(), &notes[0]["transcript"]), (1, &Value::Null));
    format!("{}: {}", turn["outcome"].as_str().unwrap(), notes[0]["error"].as_str().unwrap())
}

on_both! {
    async fn whatever_goes_wrong_the_customer_is_told_once_and_the_operator_why(db) {
        let app = Setup::on(db).start().await;
        app.model.put_transcript(b"OggS silence", "  \n ", "english");
        let gone = Failure::Status(404, "gone".into(), None);
        app.whatsapp.fail_next_media(3, &gone);
        for (n, (bytes, reason)) in [
            (b"OggS gone".as_slice(), "404"),
            (b"OggS refused", "no transcript was put for this recording"),
            (b"OggS silence", "nothing was said"),
            (JPEG, "no transcript was put for this recording"),
            (b"", "empty"),
        ].into_iter().enumerate() {
            let customer = format!("44770096010{n}");
            speaks(&app, &customer, "1", bytes).await;
            app.settle().await;
            speaks(&app, &customer, "1", bytes).await;
            app.settle().await;
            assert_eq!(got(&app, &customer), [FAILURE], "{reason}");
            let told = why(&app, &customer).await;
            assert!(told.starts_with("voice_failure: ") && told.contains(reason), "{told}");
        }
        assert_eq!(app.model.chat_count(), 0);
        says(&app, "447700960101", "2", "When do you open?").await;
        app.settle().await;
        assert_eq!(shown(&app), ["When do you open?"], "the model was shown what nobody said");
        app.stop().await;
    }

    async fn a_file_that_is_gone_is_asked_for_at_a_new_address_and_then_given_up(db) {
        let app = Setup::on(db).start().await;
        app.whatsapp.fail_next_media(3, &Failure::Status(404, "gone".into(), None));
        speaks(&app, CUSTOMER, "1", b"OggS gone").await;
        app.settle().await;
        let asked = app.whatsapp.media_requests();
        assert_eq!(asked.iter().filter(|one| one.starts_with("where")).count(), 2, "{asked:?}");
        assert!(app.model.recorded().is_empty());
        let note = app.thread(CUSTOMER).await.remove(0);
        assert_eq!(raw(&app, &recording(&note)).await.status(), 404);
        app.stop().await;
    }

    async fn a_host_of_files_that_fails_for_a_moment_is_asked_again(db) {
        let app = Setup::on(db).start().await;
        app.whatsapp.fail_next_media(1, &Failure::Status(503, "busy".into(), None));
        app.model.put_transcript(b"OggS busy", "When do you open?", "english");
        speaks(&app, CUSTOMER, "1", b"OggS busy").await;
        app.settle().await;
        assert_eq!((questions(&app), app.model.recorded().len()), (vec!["When do you open?".into()], 1));
        app.stop().await;
    }

    async fn a_note_that_is_not_understood_beside_a_text_is_told_of_with_the_answer(db) {
        let app = Setup::on(db).with("[worker]\ngap_ms = 1200").start().await;
        speaks(&app, CUSTOMER, "1", b"OggS refused").await;
        says(&app, CUSTOMER, "2", "Can I return a lamp?").await;
        app.settle().await;
        assert_eq!(questions(&app), ["Can I return a lamp?"]);
        let answer = got(&app, CUSTOMER).join("\n");
        assert_eq!(answer.matches(FAILURE).count(), 1, "{answer}");
        assert!(answer.len() > FAILURE.len() + 10, "the text was not answered: {answer}");
        app.stop().await;
    }

    async fn the_sentence_is_in_the_language_that_the_customer_wrote_before(db) {
        let app = Setup::on(db).file("prompts/acme.md", &acme("", "Be brief.")).start().await;
        says(&app, CUSTOMER, "1", "¿A qué hora abre la tienda los sábados?").await;
        app.settle().await;
        speaks(&app, CUSTOMER, "2", b"OggS unknown").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER)[1..], [SPANISH]);
        let stranger = "447700960190";
        speaks(&app, stranger, "1", b"OggS unknown").await;
        app.settle().await;
        assert_eq!(got(&app, stranger), ["Sorry, I could not understand your voice message. Could you write it?"]);
        assert_eq!(app.model.chat_count(), 1);
        app.stop().await;
    }

    async fn an_agent_that_does_not_transcribe_says_so_and_nothing_is_fetched(db) {
        let not = acme("voice: { transcribe: false, default_reply: { default: \"Write, please.\", es: \"Escriba, por favor.\" } }", "Be brief.");
        let app = Setup::on(db).file("prompts/acme.md", &not).start().await;
        app.model.put_transcript(b"OggS", "When do you open?", "english");
        speaks(&app, CUSTOMER, "1", b"OggS").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER), ["Write, please."]);
        assert!(why(&app, CUSTOMER).await.contains("does not transcribe voice"));
        assert_eq!((app.whatsapp.media_requests().len(), app.model.recorded().len(), app.model.chat_count()), (0, 0, 0));
        let note = app.thread(CUSTOMER).await.remove(0);
        assert_eq!(raw(&app, &recording(&note)).await.status(), 404);
        app.stop().await;
    }

    async fn audio_files_and_videos_are_heard_as_the_agent_says(db) {
        let app = Setup::on(db).start().await;
        app.model.put_transcript(b"ID3 audio", "When do you open?", "english");
        app.model.put_transcript(b"ftyp video", "Can I return a lamp?", "english");
        sends(&app, ("447700960201", "audio"), b"ID3 audio", None).await;
        app.settle().await;
        assert_eq!(questions(&app), ["When do you open?"], "audio files are heard where nothing is said of them");
        sends(&app, ("447700960202", "video"), b"ftyp video", None).await;
        app.settle().await;
        assert_eq!(got(&app, "447700960202"), [UNREADABLE], "videos are not");
        assert!(why(&app, "447700960202").await.contains("does not transcribe video"));
        sends(&app, ("447700960203", "video"), b"ftyp video", Some("Do you sell this lamp?")).await;
        app.settle().await;
        assert_eq!(questions(&app)[1..], ["Do you sell this lamp?"]);
        assert!(!app.whatsapp.media_requests().iter().any(|one| one.contains("video")), "{:?}", app.whatsapp.media_requests());
        app.stop().await;

        let other = acme("voice: { audio: false, video: true }", "Be brief.");
        let app = Setup::on(db).file("prompts/acme.md", &other).start().await;
        app.model.put_transcript(b"ftyp video", "Can I return a lamp?", "english");
        sends(&app, ("447700960201", "audio"), b"ID3 audio", None).await;
        app.settle().await;
        assert_eq!((got(&app, "447700960201"), app.whatsapp.media_requests().len()), (vec![UNREADABLE.to_owned()], 0));
        sends(&app, ("447700960203", "video"), b"ftyp video", Some("This one.")).await;
        app.settle().await;
        assert_eq!(questions(&app), ["This one.\nCan I return a lamp?"]);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_in_this_process_says_what_is_too_long_and_what_is_no_recording() {
    let Some((tiny, jfk)) = tiny() else { return println!("skipped: no shared data") };
    let speech = format!("[speech]\nkind = \"whisper\"\npath = {tiny:?}\nlongest_seconds = 5");
    let long = acme("voice: { too_long_reply: \"Too long.\" }", "Be brief.");
    let setup = Setup::on(Db::Sqlite).without_speech().with(&speech).file("prompts/acme.md", &long);
    let app = setup.start().await;
    let failure = "Sorry, I could not understand your voice message. Could you write it?";
    for (n, (bytes, reply, reason)) in [
        (jfk.as_slice(), "Too long.", "longest_seconds"),
        (JPEG, failure, "cannot be read as a recording"),
        (b"", failure, "empty"),
        (b"OggS and then nothing of it", failure, "cannot be read as a recording"),
    ]
    .into_iter()
    .enumerate()
    {
        let customer = format!("44770096030{n}");
        speaks(&app, &customer, "1", bytes).await;
        app.settle().await;
        assert_eq!(got(&app, &customer), [reply]);
        let told = why(&app, &customer).await;
        assert!(told.contains(reason), "{told}");
    }
    assert_eq!(app.model.chat_count(), 0);
    app.stop().await;
}

/// Returns the path of a model that is sufficient to read recordings, and a recording of eleven
/// seconds.
fn tiny() -> Option<(String, Vec<u8>)> {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let root = std::env::var("FRONTDESK_SHARED").unwrap_or_else(|_| near.to_owned());
    let model = format!("{root}/models/whisper/for-tests-ggml-tiny.bin");
    let recording = std::fs::read(format!("{root}/data/voice/jfk.wav")).ok()?;
    std::path::Path::new(&model).exists().then_some((model, recording))
}
