//! A voice note is fetched, transcribed and answered once; its file and its transcript are stored.

use super::{CUSTOMER, acme, note_of, raw, recording, says, shown, speaks, told, turn_of, until};
use crate::delivery::{cases, got, questions};
use crate::support::app::{Setup, on_both};

on_both! {
    async fn a_note_is_fetched_at_its_second_address_heard_and_answered_from_the_documents_once(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "On Saturday at 13:00 [1].".into());
        let bytes = b"OggS when do you close".as_slice();
        app.model.put_transcript(bytes, " When do you close on Saturday? ", "english");
        let note = note_of(&app, (CUSTOMER, "1"), bytes);
        app.whatsapp.expire_media_url_once(&format!("media{CUSTOMER}1"));
        let (one, two) = tokio::join!(app.deliver(&note), app.deliver(&note));
        assert_eq!((one.as_u16(), two.as_u16()), (200, 200));
        app.settle().await;
        assert_eq!(app.deliver(&note).await, 200);
        app.settle().await;

        let asked = app.whatsapp.media_requests();
        let media = |what: &str| format!("{what} media{CUSTOMER}1");
        assert_eq!(asked, [media("where"), media("file"), media("where"), media("file")]);
        assert_eq!(app.model.recorded().len(), 1, "a note that came again was transcribed again");
        assert_eq!(app.model.recorded()[0].bytes, bytes);
        assert_eq!(questions(&app), ["When do you close on Saturday?"]);
        let request = app.model.requests().remove(0).to_string();
        assert!(request.contains("On Saturday we close at 13:00."), "{request}");
        assert_eq!(got(&app, CUSTOMER), ["On Saturday at 13:00.\n\n📄 _Opening hours_"]);
        assert_eq!(app.whatsapp.sent()[0].reply_to, None);

        let thread = app.thread(CUSTOMER).await;
        let note = &thread[0];
        assert_eq!((thread.len(), &note["kind"], &note["state"]), (2, &"voice".into(), &"answered".into()));
        assert_eq!(note["transcript"], "When do you close on Saturday?");
        let turn = turn_of(&app, note).await;
        let traced = &turn["trace"]["transcribe"];
        assert_eq!((&turn["outcome"], &traced["language"]), (&"answer".into(), &"en".into()));
        assert_eq!(traced["notes"][0]["transcript"], note["transcript"]);
        assert_eq!(traced["notes"][0]["message"], note["id"]);
        for heard in [&note["heard"], &traced["notes"][0]["heard"]] {
            assert_eq!((&heard["language"], &heard["by"]), (&"en".into(), &"openai/whisper-1".into()));
            assert!((heard["confidence"].as_f64().unwrap() - 0.9).abs() < 0.01, "{heard}");
            assert!((heard["seconds"].as_f64().unwrap() - 2.5).abs() < 0.01, "{heard}");
        }
        app.stop().await;
    }

    async fn the_file_is_kept_and_given_to_who_has_the_key(db) {
        let app = Setup::on(db).start().await;
        let bytes = b"OggS \x00\xff kept".as_slice();
        app.model.put_transcript(bytes, "When do you open?", "english");
        speaks(&app, CUSTOMER, "1", bytes).await;
        app.settle().await;
        let thread = app.thread(CUSTOMER).await;
        let path = recording(&thread[0]);
        let kept = raw(&app, &path).await;
        assert_eq!(kept.status(), 200);
        let header = |name: &str| kept.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "audio/ogg; codecs=opus");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-disposition").starts_with("attachment"));
        assert_eq!(kept.bytes().await.unwrap(), bytes);
        let stranger = app.http.get(format!("{}/api/v1{path}", app.url)).send().await.unwrap();
        assert_eq!(stranger.status(), 401);
        for nothing in [recording(&thread[1]), "/messages/msg_1/recording".into(), "/messages/x/recording".into()] {
            assert_eq!(raw(&app, &nothing).await.status(), 404, "{nothing}");
        }
        app.stop().await;
    }

    async fn a_spoken_hand_off_word_calls_a_person_who_reads_what_was_said(db) {
        let talk = "handoff: { keywords: [\"talk to a person\"], notify: [\"+15550009999\"], reply: \"A colleague answers you.\" }";
        let app = Setup::on(db).file("prompts/acme.md", &acme(talk, "Be brief.")).start().await;
        let bytes = b"OggS a person".as_slice();
        app.model.put_transcript(bytes, "I want to talk to a person.", "english");
        speaks(&app, CUSTOMER, "1", bytes).await;
        app.settle().await;
        assert_eq!(app.conversation_with(CUSTOMER).await["owner"], "person");
        assert_eq!(got(&app, CUSTOMER), ["A colleague answers you."]);
        let called = got(&app, "15550009999");
        assert!(called.len() == 1 && called[0].contains("I want to talk to a person."), "{called:?}");
        assert_eq!((cases(&app).await.len(), app.model.chat_count()), (1, 0));
        app.stop().await;
    }

    async fn the_language_that_was_spoken_reaches_the_prompt_and_the_search(db) {
        let spoken = acme("", "The customer speaks <{{ language }}>.");
        let app = Setup::on(db).file("prompts/acme.md", &spoken).start().await;
        let bytes = b"OggS wann".as_slice();
        // The language cannot be detected from these words alone.
        app.model.put_transcript(bytes, "Acme Lamps 13:00", "german");
        speaks(&app, CUSTOMER, "1", bytes).await;
        app.settle().await;
        assert!(told(&app).contains("<de>"), "{}", told(&app));
        let turn = turn_of(&app, &app.thread(CUSTOMER).await[0]).await;
        assert_eq!(turn["trace"]["retrieve"]["language"], "de");
        app.stop().await;
    }

    async fn an_answer_quotes_the_note_where_the_agent_says_so(db) {
        let app = Setup::on(db).file("prompts/acme.md", &acme("voice: { quote: true }", "Be brief.")).start().await;
        let bytes = b"OggS quoted".as_slice();
        app.model.put_transcript(bytes, "When do you open?", "english");
        speaks(&app, CUSTOMER, "1", bytes).await;
        app.settle().await;
        says(&app, CUSTOMER, "2", "And on Saturday?").await;
        app.settle().await;
        let quoted: Vec<_> = app.whatsapp.sent().into_iter().map(|sent| sent.reply_to).collect();
        assert_eq!(quoted, [Some(format!("wamid.{CUSTOMER}.1")), None]);
        let thread = app.thread(CUSTOMER).await;
        let reply = thread.iter().find(|message| message["direction"] == "out").unwrap();
        assert_eq!(reply["reply_to"], format!("wamid.{CUSTOMER}.1"));
        app.stop().await;
    }

    async fn a_later_turn_remembers_what_was_said_in_a_note(db) {
        let app = Setup::on(db).start().await;
        let bytes = b"OggS history".as_slice();
        app.model.put_transcript(bytes, "Can I return a lamp?", "english");
        speaks(&app, CUSTOMER, "1", bytes).await;
        until("it is answered", async || got(&app, CUSTOMER).len() == 1).await;
        app.settle().await;
        says(&app, CUSTOMER, "2", "When do you open?").await;
        app.settle().await;
        assert_eq!(shown(&app), ["Can I return a lamp?", "When do you open?"]);
        assert_eq!(app.model.recorded().len(), 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_language_and_its_names_go_along_with_the_recording() {
    let names = "voice: { language: de, vocabulary: [Lumo, \"Acme Lamps\"] }";
    let setup = Setup::on(crate::support::app::Db::Sqlite);
    let app = setup.file("prompts/acme.md", &acme(names, "Be brief.")).start().await;
    let bytes = b"OggS names".as_slice();
    app.model.put_transcript(bytes, "Was kostet Lumo?", "german");
    speaks(&app, CUSTOMER, "1", bytes).await;
    app.settle().await;
    let fields = app.model.recorded().remove(0).fields;
    assert_eq!(
        (fields["language"].as_str(), fields["prompt"].as_str()),
        ("de", "Lumo, Acme Lamps")
    );
    app.stop().await;
}
