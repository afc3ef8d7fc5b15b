//! What goes out beside text, files and templates: choices, links, locations, address cards and reactions,
//! exactly as Meta documents them; and the answers to choices.

use serde_json::{Value, json};

use crate::delivery::{cases, owner, says, until};
use crate::replay::all_the_same;
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::{Graph, SentMessage};
use crate::support::hooks::{message_webhook, text_webhook};
use crate::support::openai::question;

const CUSTOMER: &str = "447700980201";
const OTHER: &str = "447700980202";

/// An agent whose model may offer choices.
const OFFERING: &str = "---\nname: Acme Lamps\nknowledge: [acme]\nchoices: true\nhandoff: { keywords: [human] }\ngrounding: { check: note }\nno_answer: \"I do not know that.\"\n---\nYou answer customers of Acme Lamps.\n";

/// A desk whose model says `answer` to the first question and `Fine.` to others.
async fn offering(setup: Setup, answer: &'static str) -> TestApp {
    let app = setup.file("prompts/acme.md", OFFERING).start().await;
    app.model.answer_with(move |request| {
        if question(request).contains("When do you open") {
            answer.to_owned()
        } else {
            "Fine.".to_owned()
        }
    });
    app
}

/// A desk to which the customer wrote. Returns the conversation.
async fn asked(setup: Setup) -> (TestApp, String) {
    let app = setup.start().await;
    says(&app, CUSTOMER, "first", "When do you open?").await;
    app.settle().await;
    let id = app.conversation_with(CUSTOMER).await["id"].as_str().unwrap().to_owned();
    (app, id)
}

async fn sends(app: &TestApp, id: &str, key: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/conversations/{id}/messages", app.url);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", key).json(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// What WhatsApp got after the first answer.
fn received(app: &TestApp) -> Vec<SentMessage> {
    let to_him = |sent: &SentMessage| sent.to.ends_with(CUSTOMER);
    app.whatsapp.sent().into_iter().filter(to_him).skip(1).collect()
}

fn sizes() -> Value {
    json!({"text": "Which size?", "choices": {"options": [{"title": "Small"}, {"title": "Large"}]}})
}

on_both! {
    async fn every_kind_goes_out_as_meta_documents_it(db) {
        let (app, id) = asked(Setup::on(db)).await;
        let first = app.thread(CUSTOMER).await.remove(0);
        let many: Vec<_> = (1..=10).map(|n| json!({"title": format!("Size {n}"), "id": format!("s{n}")})).collect();
        let rows: Vec<_> = (1..=10).map(|n| json!({"id": format!("s{n}"), "title": format!("Size {n}")})).collect();
        let text = "Track it here.\n\nTrack: https://acme.example/a?b=1";
        let sent = [
            (sizes(), "choices", json!("Which size?\n\n1. Small\n2. Large"), json!({"type": "button", "body": {"text": "Which size?"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Small"}}, {"type": "reply", "reply": {"id": "2", "title": "Large"}}]}})),
            (json!({"text": " Which? ", "choices": {"header": "Cups", "footer": "Acme", "list": "Sizes", "options": [{"title": "Small", "description": "1 l"}]}}),
                "choices", json!("Cups\n\nWhich?\n\n1. Small – 1 l\n\nAcme"), json!({"type": "list", "header": {"type": "text", "text": "Cups"}, "body": {"text": "Which?"},
                "footer": {"text": "Acme"}, "action": {"button": "Sizes", "sections": [{"rows": [{"id": "1", "title": "Small", "description": "1 l"}]}]}})),
            (json!({"text": "Which?", "choices": {"list": "Sizes", "options": many}}), "choices", Value::Null,
                json!({"type": "list", "body": {"text": "Which?"}, "action": {"button": "Sizes", "sections": [{"rows": rows}]}})),
            (json!({"text": "Track it here.", "link": {"label": "Track", "url": "https://acme.example/a?b=1"}}), "link", json!(text),
                json!({"type": "cta_url", "body": {"text": "Track it here."}, "action": {"name": "cta_url", "parameters": {"display_text": "Track", "url": "https://acme.example/a?b=1"}}})),
            (json!({"location": {"latitude": 51.5, "longitude": -0.12, "name": "Acme", "address": "1 Quay St"}}), "location", Value::Null,
                json!({"latitude": 51.5, "longitude": -0.12, "name": "Acme", "address": "1 Quay St"})),
            (json!({"contacts": [{"name": "Ana Silva", "phones": ["+447700900123"]}]}), "contacts", Value::Null,
                json!([{"name": {"formatted_name": "Ana Silva", "first_name": "Ana Silva"}, "phones": [{"phone": "+447700900123"}]}])),
            (json!({"reaction": {"message": first["id"], "emoji": "👍"}}), "reaction", Value::Null, json!({"message_id": first["provider_id"], "emoji": "👍"})),
            (json!({"reaction": {"message": first["id"], "emoji": ""}}), "reaction", Value::Null, json!({"message_id": first["provider_id"], "emoji": ""})),
        ];
        for (at, (body, kind, text, _)) in sent.iter().enumerate() {
            let (key, body) = (format!("k{at}"), body);
            let (status, message) = sends(&app, &id, &key, body).await;
            assert_eq!(status, 201, "{body}: {message}");
            assert_eq!(message["kind"], *kind, "{body}");
            if !text.is_null() {
                assert_eq!(message["text"], *text, "what the customer reads");
            }
            let (again, same) = sends(&app, &id, &key, body).await;
            assert_eq!((again, &same["id"]), (200, &message["id"]), "{body}: the key is the message");
            assert_eq!(sends(&app, &id, &key, &json!({"text": "another"})).await.0, 409);
        }
        app.settle().await;
        let got = received(&app);
        assert_eq!(got.len(), sent.len(), "{got:?}");
        for (got, (body, _, _, wanted)) in got.iter().zip(&sent) {
            assert_eq!(got.content, *wanted, "{body}");
            assert_eq!(got.reply_to, None);
        }
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        assert_eq!(app.get("/conversations?q=large").await["items"][0]["id"], json!(id), "it is found");
        app.stop().await;
    }

    async fn what_whatsapp_would_refuse_of_them_is_refused_before(db) {
        let (app, id) = asked(Setup::on(db)).await;
        let choices = |options: Value| json!({"text": "Which?", "choices": {"options": options}});
        let link = |url: &str| json!({"text": "Look", "link": {"label": "Menu", "url": url}});
        let location = |latitude: f64| json!({"location": {"latitude": latitude, "longitude": 0.0}});
        let title = |title: &str| json!({"title": title});
        for (body, word) in [
            (choices(json!([])), "1 to 10"),
            (choices(json!([title("A"), title("B"), title("C"), title("D")])), "give `list`"),
            (choices(json!([title("A choice of 21 chars.")])), "give `list`"),
            (choices(json!([title("Yes"), title("yes ")])), "a label and an id of its own"),
            (choices(json!([{"title": "A", "id": "2"}, {"title": "B"}])), "an id of its own"),
            (choices(json!([title(" ")])), "one line"),
            (choices(json!([title("a\nb")])), "one line"),
            (choices(json!([title(&"x".repeat(25))])), "24"),
            (choices(json!((0..11).map(|n| title(&n.to_string())).collect::<Vec<_>>())), "1 to 10"),
            (json!({"text": "x".repeat(1025), "choices": {"options": [title("A")]}}), "1024"),
            (json!({"text": " ", "choices": {"options": [title("A")]}}), "no text above"),
            (json!({"choices": {"options": [title("A")]}}), "either"),
            (json!({"text": "A", "choices": {"options": [title("A")]}, "link": {"label": "A", "url": "https://a.example"}}), "either"),
            (link("acme.example"), "whole address"),
            (link("javascript:alert(1)"), "whole address"),
            (link("https://acme.example/a b"), "whole address"),
            (json!({"text": "Look", "link": {"label": "", "url": "https://acme.example"}}), "one line"),
            (location(91.0), "latitude"),
            (json!({"text": "Here", "location": {"latitude": 1.0, "longitude": 1.0}}), "either"),
            (json!({"contacts": []}), "1 to 257"),
            (json!({"contacts": [{"name": " ", "phones": []}]}), "each with a name"),
            (json!({"reaction": {"message": "msg_none", "emoji": "👍"}}), "not the id of a message"),
            (json!({"reaction": {"message": "msg_none", "emoji": "thanks"}}), "one emoji"),
        ] {
            let (status, problem) = sends(&app, &id, "k1", &body).await;
            assert_eq!(status, 422, "{body}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{body}: {problem}");
        }
        app.settle().await;
        assert!(received(&app).is_empty());
        assert_eq!(owner(&app, CUSTOMER).await, "bot", "what is refused takes nothing over");
        app.stop().await;
    }

    async fn a_reaction_is_on_a_message_of_its_conversation_that_whatsapp_knows(db) {
        let (app, id) = asked(Setup::on(db)).await;
        says(&app, OTHER, "other", "When do you open?").await;
        app.settle().await;
        let react = |message: &Value| json!({"reaction": {"message": message["id"], "emoji": "👍"}});
        let stranger = app.thread(OTHER).await.remove(0);
        let (status, problem) = sends(&app, &id, "k1", &react(&stranger)).await;
        assert_eq!(status, 422, "another's message: {problem}");
        let failure = Failure::Status(400, Graph::error(131_026, "Undeliverable"), None);
        app.whatsapp.fail_next(1, &failure);
        let (_, unsent) = sends(&app, &id, "k2", &json!({"text": "Hello"})).await;
        app.settle().await;
        let (status, problem) = sends(&app, &id, "k3", &react(&unsent)).await;
        assert_eq!(status, 422, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("not reached WhatsApp"), "{problem}");
        // A reaction to a reaction is none.
        let first = app.thread(CUSTOMER).await.remove(0);
        let (_, reaction) = sends(&app, &id, "k4", &react(&first)).await;
        app.settle().await;
        assert_eq!(sends(&app, &id, "k5", &react(&reaction)).await.0, 422);
        app.stop().await;
    }

    async fn after_the_window_they_are_refused_like_text_and_nothing_goes_to_who_opted_out(db) {
        let (app, id) = asked(Setup::on(db)).await;
        app.change("update conversations set last_inbound_at = 1").await;
        let first = app.thread(CUSTOMER).await.remove(0);
        let kinds = [
            sizes(),
            json!({"text": "Look", "link": {"label": "Menu", "url": "https://acme.example"}}),
            json!({"location": {"latitude": 1.0, "longitude": 1.0}}),
            json!({"contacts": [{"name": "Ana", "phones": []}]}),
            json!({"reaction": {"message": first["id"], "emoji": "👍"}}),
        ];
        for body in &kinds {
            let (status, problem) = sends(&app, &id, "k1", body).await;
            assert_eq!((status, &problem["code"]), (409, &json!("window_closed")), "{body}: {problem}");
        }
        app.change("update contacts set opted_out_at = 1").await;
        for body in &kinds {
            let (status, problem) = sends(&app, &id, "k1", body).await;
            assert_eq!((status, &problem["code"]), (409, &json!("opted_out")), "{body}: {problem}");
        }
        app.settle().await;
        assert!(received(&app).is_empty());
        app.stop().await;
    }

    async fn a_failed_one_is_sent_once_more_as_what_it_was(db) {
        let (app, id) = asked(Setup::on(db)).await;
        let place = json!({"location": {"latitude": 51.5, "longitude": -0.12}});
        for (key, body) in [("k1", place), ("k2", sizes())] {
            // Support contacts are told of the case meanwhile.
            app.whatsapp.fail_next_to(&format!("+{CUSTOMER}"), 1, &Failure::Status(400, Graph::error(131_026, "Undeliverable"), None));
            let (status, message) = sends(&app, &id, key, &body).await;
            assert_eq!(status, 201, "{message}");
            let failed = async || app.thread(CUSTOMER).await.pop().unwrap()["state"] == "failed";
            until("it failed", failed).await;
            let again = format!("/messages/{}/retry", message["id"].as_str().unwrap());
            assert_eq!(app.call(&again, &json!({})).await.0, 200);
            app.settle().await;
        }
        let got: Vec<_> = received(&app).into_iter().map(|sent| sent.content).collect();
        assert_eq!(got[0], json!({"latitude": 51.5, "longitude": -0.12}));
        assert_eq!(got[1]["type"], "button");
        let questions: Vec<_> = cases(&app).await.iter().map(|case| case["question"].clone()).collect();
        assert!(questions.contains(&json!("Location: latitude 51.5, longitude -0.12")), "{questions:?}");
        app.stop().await;
    }

    async fn an_answer_to_choices_is_the_choice_however_it_is_given(db) {
        let (app, id) = asked(Setup::on(db)).await;
        let tapped = json!({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "2", "title": "Large"}}});
        let answers = [text_webhook(MAIN, CUSTOMER, "a1", "2."), text_webhook(MAIN, CUSTOMER, "a2", "large!"), message_webhook(MAIN, CUSTOMER, "a3", &tapped)];
        for (at, answer) in answers.iter().enumerate() {
            assert_eq!(sends(&app, &id, &format!("k{at}"), &sizes()).await.0, 201);
            assert_eq!(app.call(&format!("/conversations/{id}/resolve"), &json!({})).await.0, 200);
            app.settle().await;
            app.deliver(answer).await;
            app.settle().await;
            let turn = app.thread(CUSTOMER).await.pop().unwrap()["turn_id"].as_str().unwrap().to_owned();
            let trace = app.get(&format!("/turns/{turn}")).await["trace"].clone();
            assert_eq!(trace["transcribe"]["question"], "Large", "{at}: {trace}");
            let asked = app.model.requests().pop().unwrap()["messages"].to_string();
            assert!(asked.contains("1. Small"), "the history has the choices: {asked}");
        }
        // Once something else was said, a number is a number.
        app.deliver(&text_webhook(MAIN, CUSTOMER, "a4", "2")).await;
        app.settle().await;
        let last = app.thread(CUSTOMER).await.pop().unwrap();
        let trace = app.get(&format!("/turns/{}", last["turn_id"].as_str().unwrap())).await["trace"].clone();
        assert_eq!(trace["transcribe"]["question"], "2");
        all_the_same(&app).await;
        app.stop().await;
    }

    async fn a_model_offers_choices_where_its_agent_allows_it(db) {
        let answer = "We open at 9:00 [1]. Which day do you mean?\n[[choices: Weekdays | Saturday | Talk to a human]]";
        let app = offering(Setup::on(db), answer).await;
        says(&app, CUSTOMER, "q1", "When do you open?").await;
        app.settle().await;
        let sent = app.whatsapp.sent().pop().unwrap().content;
        assert_eq!(sent["type"], "button", "{sent}");
        assert!(sent["body"]["text"].as_str().unwrap().starts_with("We open at 9:00. Which day do you mean?"), "{sent}");
        let titles: Vec<_> = sent["action"]["buttons"].as_array().unwrap().iter().map(|button| button["reply"]["title"].clone()).collect();
        assert_eq!(json!(titles), json!(["Weekdays", "Saturday", "Talk to a human"]));
        let message = app.thread(CUSTOMER).await.pop().unwrap();
        assert_eq!((&message["kind"], &message["author"]), (&json!("choices"), &json!("bot")));
        let system = app.model.requests().pop().unwrap()["messages"][0]["content"].to_string();
        assert!(system.contains("[[choices: First | Second]]"), "{system}");
        // Its number is the choice: in the question, and for the rules of the hand-off.
        app.deliver(&text_webhook(MAIN, CUSTOMER, "q2", "2")).await;
        app.settle().await;
        let asked = app.model.requests().pop().unwrap();
        assert!(question(&asked).contains("Saturday"), "{asked}");
        assert!(asked["messages"].to_string().contains("3. Talk to a human"), "{asked}");
        app.deliver(&text_webhook(MAIN, CUSTOMER, "q3", "When do you open?")).await;
        app.settle().await;
        app.deliver(&text_webhook(MAIN, CUSTOMER, "q4", "3")).await;
        app.settle().await;
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        all_the_same(&app).await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_must_not_offer_is_left_out_and_never_shown() {
    for (answer, why) in [
        ("We open at 9:00. [[choices: One | one]]", "a label and an id of its own"),
        ("We open at 9:00. [[choices: A label that is much too long for a row]]", "24"),
        ("We open at 9:00. [[choices: Call +15551239999 | No]]", "nothing supports"),
        ("We open at 9:00. [[choices: Yes | No]] [[hand-off]]", "not of an answer"),
        ("We open at 9:00. [[choices: Yes | N", "took out"),
    ] {
        let app = offering(Setup::on(Db::Sqlite), answer).await;
        says(&app, CUSTOMER, "q1", "When do you open?").await;
        app.settle().await;
        let sent =
            app.whatsapp.sent().into_iter().find(|sent| sent.to.ends_with(CUSTOMER)).unwrap();
        assert!(!sent.text.contains("[["), "{sent:?}");
        let turn =
            app.thread(CUSTOMER).await.pop().unwrap()["turn_id"].as_str().unwrap().to_owned();
        let notes =
            app.get(&format!("/turns/{turn}")).await["trace"]["reply"]["repairs"].to_string();
        assert!(
            notes.contains("the mark with the choices") && notes.contains(why),
            "{answer}: {notes}"
        );
        assert_ne!(sent.content["type"], "button", "{answer}: {sent:?}");
        app.stop().await;
    }
    // Not allowed: the model is not told, and what it writes all the same is not shown.
    let app = Setup::on(Db::Sqlite).start().await;
    app.model.answer_with(|_| "We open at 9:00. [[choices: Yes | No]]".to_owned());
    says(&app, CUSTOMER, "q1", "When do you open?").await;
    app.settle().await;
    assert_eq!(
        app.whatsapp.sent().pop().unwrap().content["body"]
            .as_str()
            .map(|text| text.starts_with("We open at 9:00.")),
        Some(true)
    );
    assert!(!app.model.requests().pop().unwrap().to_string().contains("choices"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trials_show_choices_as_numbered_lines_and_understand_the_number() {
    let app =
        offering(Setup::on(Db::Sqlite), "Which day?\n\n[[choices: Weekdays | Saturday]]").await;
    let turn = json!({"agent": "acme", "text": "When do you open?"});
    let (status, outcome) = app.call("/sandbox/turns", &turn).await;
    assert_eq!(status, 200, "{outcome}");
    assert_eq!(outcome["choices"], json!(["Weekdays", "Saturday"]));
    let shown = "Which day?\n\n1. Weekdays\n2. Saturday";
    assert_eq!(outcome["bubbles"], json!([shown]));
    let history = json!([{"speaker": "customer", "text": "When do you open?"}, {"speaker": "bot", "text": shown}]);
    let (_, outcome) = app
        .call("/sandbox/turns", &json!({"agent": "acme", "text": "2", "history": history}))
        .await;
    assert_eq!(outcome["trace"]["transcribe"]["question"], "Saturday", "{outcome}");
    app.stop().await;
}
