//! Replay: recorded turns that run again give the same outcome, byte for byte, and nothing reaches
//! a customer.

use std::collections::BTreeMap;

use base64::Engine as _;
use frontdesk::eval::drafts::draft_bot;
use frontdesk::eval::replay::{Change, Draft, RecordedTurn, ReplayOutcome, Turns, replay_turn};
use frontdesk::pipeline::recording::Recorder;
use frontdesk::pipeline::{Engine, NoFiles, PromptLayout, TurnContext};
use frontdesk::provider::Abilities;
use frontdesk::store::turn_recordings::TurnRecordingFilter;
use serde_json::json;

use crate::support::app::{MAIN, SECOND, Setup, TestApp, on_both};
use crate::support::hooks::{batch, text_webhook};
use crate::support::openai::question;

async fn recorded(app: &TestApp) -> Vec<RecordedTurn> {
    let mut turns = Turns::of(&app.desk.store, TurnRecordingFilter::default());
    let mut all = Vec::new();
    while let Some(page) = turns.next().await.unwrap() {
        all.extend(
            page.into_iter().map(|turn| turn.map_err(|(id, why)| format!("{id}: {why}")).unwrap()),
        );
    }
    all
}

/// Replays everything recorded and asserts the same outcomes, without a call of the model. Returns the
/// number of turns.
pub(crate) async fn all_the_same(app: &TestApp) -> usize {
    let (turns, calls) = (recorded(app).await, app.model.chat_count());
    for turn in &turns {
        let became = replay_turn(&app.desk.engine, turn).await;
        assert_eq!(became, ReplayOutcome::Same, "{} ({})", turn.question(), turn.outcome);
    }
    assert_eq!(app.model.chat_count(), calls, "a replay asks nobody");
    turns.len()
}

async fn says(app: &TestApp, from: &str, id: &str, text: &str) {
    assert_eq!(app.deliver(&text_webhook(MAIN, from, id, text)).await, 200);
    app.settle().await;
}

/// Runs a conversation with all kinds of messages, including an intelligible and an unintelligible
/// voice note.
async fn live(app: &TestApp) {
    app.model.answer_with(|request| {
        let last = question(request);
        match () {
            () if last.contains("nonsense") => "<think>hm</think>".into(),
            () if last.contains("return") => {
                "<think>a</think>Within **30 days** [1].\n\n```json\n{}\n```".into()
            }
            () => format!("You asked: {} [1] [9]", last.chars().take(40).collect::<String>()),
        }
    });
    for (n, text) in [
        "When do you open on Saturday?",
        "and on Sundays?",
        "Can I return a lamp?",
        "Hello!",
        "nonsense please",
        "What is the mass of the moon?",
        "I want to speak to a human",
    ]
    .into_iter()
    .enumerate()
    {
        says(app, "447700900301", &format!("wamid.a{n}"), text).await;
    }
    let sandbox = |id: &str, voice: serde_json::Value| json!({"messages": [{"id": id, "from": "447700900302", "voice": voice}]});
    let data = base64::engine::general_purpose::STANDARD.encode(b"OggS one");
    app.model.put_transcript(b"OggS one", "Can I return a lamp?", "english");
    for (id, bytes) in
        [("v1", data), ("v2", base64::engine::general_purpose::STANDARD.encode(b"OggS noise"))]
    {
        let body = sandbox(id, json!({"data": bytes, "mime_type": "audio/ogg"})).to_string();
        assert_eq!(app.post("/webhooks/sandbox", body.as_bytes(), None).await, 200);
        app.settle().await;
    }
}

const SANDBOX: &str =
    "[numbers.plain]\nprovider = \"sandbox\"\nagent = \"acme\"\nid = \"plain\"\ninsecure = true\n";

on_both! {
    async fn whatever_became_of_a_turn_it_becomes_again_and_the_outbox_does_not_grow(db) {
        let app = Setup::on(db).with(SANDBOX).start().await;
        live(&app).await;
        let (sent, asked, heard) = (app.received().len(), app.model.chat_count(), app.model.recorded().len());
        let turns = recorded(&app).await;
        let mut outcomes = BTreeMap::<_, usize>::new();
        for turn in &turns {
            *outcomes.entry(turn.outcome.as_str()).or_default() += 1;
        }
        for outcome in ["answer", "failure", "hand_over", "voice_failure"] {
            assert!(outcomes.contains_key(outcome), "{outcomes:?}");
        }
        let note = turns.iter().find(|turn| turn.outcome.as_str() == "answer" && turn.tape.said[0].hash.is_some());
        assert!(note.is_some(), "a note that was understood is on a tape, with the hash of its file");
        assert_eq!(all_the_same(&app).await, turns.len());
        assert_eq!((app.received().len(), app.model.chat_count(), app.model.recorded().len()), (sent, asked, heard));
        assert_eq!(app.desk.store.backlog().await.unwrap(), (0, 0));
        app.stop().await;
    }

    async fn a_tape_that_was_changed_or_is_answered_by_other_code_differs_and_says_how(db) {
        let app = Setup::on(db).start().await;
        says(&app, "447700900303", "wamid.1", "When do you open?").await;
        let mut turn = recorded(&app).await.remove(0);
        turn.tape.bubbles[0].push('!');
        assert!(matches!(replay_turn(&app.desk.engine, &turn).await, ReplayOutcome::Differs(_)));
        // With another prompt the model gets a request that is not in the recording.
        let mut turn = recorded(&app).await.remove(0);
        turn.row.source = turn.row.source.replace("You answer customers", "You answer all customers");
        let ReplayOutcome::Differs(difference) = replay_turn(&app.desk.engine, &turn).await else { panic!("it is the same") };
        assert!(difference.why.iter().any(|why| why.contains("the tape has no answer")), "{difference:?}");
        assert_ne!(difference.then, difference.now);
        let mut turn = recorded(&app).await.remove(0);
        turn.row.source = "---\nname: [\n---\n".into();
        assert!(matches!(replay_turn(&app.desk.engine, &turn).await, ReplayOutcome::Unplayable(_)));
        // Without its rule, a hand-off would search, and the recording has nothing for it.
        says(&app, "447700900303", "wamid.2", "I want a human").await;
        let mut turn = recorded(&app).await.remove(1);
        turn.row.source = turn.row.source.replace("human", "somebody");
        let ReplayOutcome::Differs(difference) = replay_turn(&app.desk.engine, &turn).await else { panic!("it is the same") };
        assert!(difference.why.iter().any(|why| why.contains("the tape has no passages")), "{difference:?}");
        app.stop().await;
    }

    async fn a_turn_recorded_before_passages_were_fenced_becomes_the_same(db) {
        let app = Setup::on(db).start().await;
        says(&app, "447700900306", "wamid.1", "When do you open?").await;
        says(&app, "447700900306", "wamid.2", "And can I return a lamp?").await;
        let (desk, mut turn) = (&app.desk, recorded(&app).await.remove(1));
        let bot = desk.bots.named("acme").unwrap();
        // What an older version asked the model.
        let old = Engine { layout: PromptLayout::InSystem, ..desk.engine.clone() };
        let (engine, recorder) = Recorder::begin(&old, &bot.agent);
        let input = turn.tape.turn(&bot.agent);
        let (files, abilities) = (&NoFiles, &Abilities::WHATSAPP);
        let around = TurnContext { files, hear: None, tier: turn.tape.tier, abilities };
        let answered = engine.answer(&bot, &input, around).await;
        let asked = app.model.requests().pop().unwrap();
        assert!(asked["messages"][0].to_string().contains("[1] "), "{asked}");
        assert_eq!(asked["messages"].as_array().unwrap().last().unwrap()["content"], "And can I return a lamp?");
        turn.tape = recorder.finish(&bot, &input, turn.tape.tier, &answered);
        turn.outcome = turn.tape.outcome.kind();
        let calls = app.model.chat_count();
        assert!(matches!(replay_turn(&desk.engine, &turn).await, ReplayOutcome::Differs(_)), "it is no turn of today");
        turn.tape.format = 1;
        assert_eq!(replay_turn(&desk.engine, &turn).await, ReplayOutcome::Same);
        assert_eq!(app.model.chat_count(), calls);
        app.stop().await;
    }

    async fn a_draft_answers_beside_what_was_answered_and_nobody_gets_it(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|request| {
            let system = request["messages"][0]["content"].as_str().unwrap().to_owned();
            if system.contains("PIRATE") { "Arr, at nine [1].".into() } else { "At 9:00 [1].".into() }
        });
        says(&app, "447700900304", "wamid.1", "When do you open?").await;
        says(&app, "447700900304", "wamid.2", "I want a human").await;
        let (sent, turns) = (app.received().len(), recorded(&app).await);
        let source = turns[0].row.source.replace("You answer customers", "PIRATE. You answer customers");
        let bot = draft_bot(&app.desk, "acme", &source).await.unwrap();
        let draft = Draft::of(&bot, &Change::default()).unwrap();
        let sides = draft.try_on(&app.desk.engine, &turns[0]).await;
        assert!(sides.then.text.starts_with("At 9:00") && sides.now.text.starts_with("Arr"), "{sides:?}");
        assert!(!sides.same());
        assert!(draft.try_on(&app.desk.engine, &turns[1]).await.same(), "a hand-off is one, whatever the prompt");
        let other = Draft::of(&bot, &Change { model: Some("big".into()), ..Change::default() }).unwrap();
        let sides = other.try_on(&app.desk.engine, &turns[0]).await;
        assert!(app.model.requests().iter().any(|request| request["model"] == "big"), "{sides:?}");
        assert_eq!(app.received().len(), sent);
        assert!(draft_bot(&app.desk, "nobody", &source).await.is_err());
        app.stop().await;
    }

    async fn tapes_are_not_kept_where_that_is_switched_off_and_forgotten_in_time(db) {
        let app = Setup::on(db).with("[worker]\nrecord_turns = false").start().await;
        says(&app, "447700900305", "wamid.1", "When do you open?").await;
        assert!(recorded(&app).await.is_empty());
        app.stop().await;
        let app = Setup::on(db).start().await;
        says(&app, "447700900305", "wamid.1", "When do you open?").await;
        assert_eq!(recorded(&app).await.len(), 1);
        let later = frontdesk::domain::time::now_ms() + 1;
        assert_eq!(app.desk.store.forget_tapes(later, 10).await.unwrap(), 1);
        assert!(recorded(&app).await.is_empty());
        assert_eq!(app.received().len(), 1, "the turn itself stays");
        app.stop().await;
    }

    async fn a_thousand_turns_of_both_desks_replay_the_same(db) {
        let app = Setup::on(db).with("[worker.machine]\nquick_replies = 0\na_minute = 0\n").start().await;
        app.model.answer_with(|request| {
            let last = question(request);
            format!("{} – that is *what* you ask [1] [2] {{\"a\": 1}}", last.chars().rev().take(60).collect::<String>())
        });
        let questions = ["When do you open?", "Can I return a lamp after {} days?", "¿Abren el domingo?", "Refund {}?"];
        for round in 0..25 {
            let hooks: Vec<_> = (0..40).map(|n| {
                let (number, from) = (if n % 5 == 0 { SECOND } else { MAIN }, format!("4477110{n:05}"));
                let text = questions[(n + round) % 4].replace("{}", &(n + round).to_string());
                text_webhook(number, &from, &format!("wamid.{round}.{n}"), &text)
            }).collect();
            assert_eq!(app.deliver(&batch(&hooks)).await, 200);
            app.settle().await;
        }
        let sent = app.received().len();
        let turns = all_the_same(&app).await;
        assert!(turns >= 1000, "{turns} turns");
        assert_eq!(app.received().len(), sent);
        app.stop().await;
    }
}
