//! The inbox: unread and waiting conversations, filters and search, cases, files, and daily
//! figures.

use frontdesk::domain::time::now_ms;
use serde_json::{Value, json};

use crate::delivery::{cases, says, until};
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{Note, echo_webhook, message_webhook, voice_webhook};

mod large;

const ANA: &str = "447700970101";
const BEN: &str = "447700970102";
const EVE: &str = "447700970103";

async fn id(app: &TestApp, customer: &str) -> String {
    app.conversation_with(customer).await["id"].as_str().unwrap().to_owned()
}

async fn post(app: &TestApp, path: &str) -> (u16, Value) {
    let (status, body) = app.call(path, &json!({})).await;
    (status.as_u16(), body)
}

/// Returns the phone numbers of the conversations that a query finds, in order.
async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let page = app.get(&format!("/conversations?{query}")).await;
    let items = page["items"].as_array().unwrap().iter();
    items.map(|one| one["wa_id"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn what_nobody_has_seen_is_unread_until_a_person_looks_or_writes(db) {
        let app = Setup::on(db).start().await;
        says(&app, ANA, "1", "When do you open?").await;
        app.settle().await;
        says(&app, ANA, "2", "And on Saturday?").await;
        app.settle().await;
        let shown = app.conversation_with(ANA).await;
        assert_eq!((&shown["unread"], &shown["waiting"]), (&json!(2), &json!(false)), "the bot's answer is no look");
        assert_eq!((&shown["last_author"], &shown["last_kind"], &shown["last_state"]), (&json!("bot"), &json!("text"), &json!("sent")));
        assert!(shown["last_text"].as_str().is_some_and(|text| !text.is_empty()), "{shown}");
        assert_eq!((&shown["number_slug"], &shown["provider"], &shown["agent"]), (&json!("main"), &json!("meta"), &json!("acme")));
        let path = format!("/conversations/{}", shown["id"].as_str().unwrap());
        assert_eq!(app.get("/conversations/counts").await["unread"], 1);
        assert_eq!(post(&app, &format!("{path}/seen")).await.0, 204);
        assert_eq!(post(&app, &format!("{path}/seen")).await.0, 204, "twice is as good as once");
        assert_eq!(app.get(&path).await["unread"], 0);
        assert_eq!(found(&app, "unread=true").await, Vec::<String>::new());
        says(&app, ANA, "3", "Thanks").await;
        app.settle().await;
        assert_eq!((app.get(&path).await["unread"].as_i64(), found(&app, "unread=true").await.len()), (Some(1), 1));
        // A redelivery is not a new message; a person who replies from the phone has read the
        // conversation.
        says(&app, ANA, "3", "Thanks").await;
        assert_eq!(app.get(&path).await["unread"], 1);
        app.deliver(&echo_webhook(MAIN, ANA, "wamid.echo", "You are welcome. Ana")).await;
        assert_eq!(app.get(&path).await["unread"], 0);
        says(&app, ANA, "4", "One more").await;
        assert_eq!(app.get(&path).await["unread"], 1);
        assert_eq!(post(&app, &format!("{path}/take")).await.1["unread"], 0);
        assert_eq!(post(&app, "/conversations/conv_nobody/seen").await.0, 404);
        app.settle().await;
        app.stop().await;
    }

    async fn a_conversations_revision_only_rises_though_another_processs_clock_is_ahead(db) {
        let app = Setup::on(db).start().await;
        says(&app, ANA, "1", "When do you open?").await;
        app.settle().await;
        let path = format!("/conversations/{}", id(&app, ANA).await);
        app.change("update conversations set updated_at = updated_at + 3600000").await;
        let revision = async || app.get(&path).await["updated_at"].as_i64().unwrap();
        let mut before = revision().await;
        for action in ["seen", "message", "take", "hand-back"] {
            if action == "message" {
                says(&app, ANA, "2", "And on Saturday?").await;
                app.settle().await;
            } else {
                post(&app, &format!("{path}/{action}")).await;
            }
            let after = revision().await;
            assert!(after > before, "{action}: {after} after {before}");
            before = after;
        }
        app.stop().await;
    }

    async fn who_waits_for_a_person_is_found_until_one_writes(db) {
        let app = Setup::on(db).start().await;
        says(&app, ANA, "1", "I want a human.").await;
        says(&app, BEN, "1", "When do you open?").await;
        app.settle().await;
        let (ana, ben) = (id(&app, ANA).await, id(&app, BEN).await);
        let shown = app.conversation_with(ANA).await;
        let case = &cases(&app).await[0];
        assert_eq!(shown["open_case"]["id"], case["id"]);
        assert_eq!(shown["open_case"]["reason"], case["reason"]);
        assert_eq!(shown["open_case"]["reason_code"]["kind"], "keyword", "{shown}");
        assert_eq!(shown["open_case"]["reason_code"], case["reason_code"]);
        assert_eq!((&case["number_slug"], &case["agent"]), (&json!("main"), &json!("acme")));
        assert_eq!((&case["contact_name"], &case["wa_id"]), (&json!("Customer 0101"), &json!(ANA)));
        assert_eq!(found(&app, "state=waiting").await, [ANA]);
        // The bot's sentence is newer.
        assert_eq!(shown["waiting_text"], "I want a human.");
        assert_eq!(app.conversation_with(BEN).await["waiting_text"], Value::Null);
        assert_eq!(found(&app, "state=open").await, [ANA]);
        assert!(!found(&app, "state=resolved").await.contains(&ANA.to_owned()));
        app.deliver(&echo_webhook(MAIN, ANA, "wamid.echo", "Hello, this is Zoe.")).await;
        assert_eq!(found(&app, "state=waiting").await, Vec::<String>::new());
        assert_eq!(found(&app, "state=open").await, [ANA]);
        says(&app, ANA, "2", "Hello Zoe").await;
        assert_eq!(found(&app, "state=waiting&owner=person&number=main").await, [ANA]);
        let counts = app.get("/conversations/counts").await;
        assert_eq!((&counts["person"], &counts["waiting"]), (&json!(1), &json!(1)), "{counts}");
        assert_eq!(post(&app, &format!("/conversations/{ana}/resolve")).await.1["waiting"], false);
        assert_eq!(found(&app, "state=open").await, Vec::<String>::new());
        let taken = post(&app, &format!("/conversations/{ben}/take")).await;
        assert_eq!((taken.0, &taken.1["waiting"]), (200, &json!(false)), "the bot had the last word");
        assert_eq!(found(&app, "state=open").await, [BEN]);
        says(&app, BEN, "2", "Hello?").await;
        assert_eq!(found(&app, "state=waiting").await, [BEN]);
        app.stop().await;
    }

    async fn a_reminder_does_not_make_a_customer_wait_for_less_long(db) {
        let app = Setup::on(db).start().await;
        let hour = 3_600_000;
        let since = async |customer: &str| app.conversation_with(customer).await["waiting_since"].clone();
        // Everything so far was an hour earlier.
        let pass_an_hour = async || {
            for sql in ["update messages set sent_at = sent_at - 3600000", "update escalations set created_at = created_at - 3600000"] {
                app.change(sql).await;
            }
        };
        says(&app, ANA, "1", "When do you open?").await;
        app.settle().await;
        assert_eq!(since(ANA).await, Value::Null);
        says(&app, ANA, "2", "I want a human.").await;
        app.settle().await;
        pass_an_hour().await;
        let asked = cases(&app).await[0]["created_at"].clone();
        assert_eq!(since(ANA).await, asked);
        says(&app, ANA, "3", "Hello?").await;
        app.settle().await;
        assert_eq!(since(ANA).await, asked, "a reminder");
        app.deliver(&echo_webhook(MAIN, ANA, "wamid.echo", "Hello, this is Zoe.")).await;
        assert_eq!(since(ANA).await, Value::Null);
        pass_an_hour().await;
        says(&app, ANA, "4", "Which lamps have you?").await;
        let first = app.thread(ANA).await.pop().unwrap()["sent_at"].as_i64().unwrap();
        pass_an_hour().await;
        says(&app, ANA, "5", "Are you there?").await;
        assert_eq!(since(ANA).await, json!(first - hour), "the first after a person's last");
        // What was imported or deleted is no beginning, and what failed is no answer.
        app.change("update messages set note = 'part of an import of old messages' where body = 'Which lamps have you?'").await;
        assert_ne!(since(ANA).await, json!(first - hour));
        app.change("update messages set note = null").await;
        app.change("update messages set state = 'failed' where body = 'Hello, this is Zoe.'").await;
        assert_eq!(since(ANA).await, cases(&app).await[0]["created_at"]);
        // Without a case: who writes to a person's conversation.
        says(&app, BEN, "1", "When do you open?").await;
        app.settle().await;
        let ben = id(&app, BEN).await;
        assert_eq!(post(&app, &format!("/conversations/{ben}/take")).await.0, 200);
        pass_an_hour().await;
        says(&app, BEN, "2", "And on Sunday?").await;
        let first = app.thread(BEN).await.pop().unwrap()["sent_at"].as_i64().unwrap();
        pass_an_hour().await;
        says(&app, BEN, "3", "Well?").await;
        assert_eq!(since(BEN).await, json!(first - hour));
        app.stop().await;
    }

    async fn who_never_got_the_bots_answer_waits_for_the_person_who_takes_over(db) {
        let app = Setup::on(db).start().await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(60)));
        says(&app, ANA, "1", "When do you open?").await;
        until("it waits to be sent again", async || {
            let tried = !app.whatsapp.tried().is_empty();
            tried && app.thread(ANA).await.last().is_some_and(|one| one["state"] == "queued")
        })
        .await;
        let ana = id(&app, ANA).await;
        assert_eq!(post(&app, &format!("/conversations/{ana}/take")).await.1["waiting"], true);
        app.stop().await;
    }

    async fn the_last_case_that_is_closed_gives_the_conversation_back(db) {
        let app = Setup::on(db).start().await;
        says(&app, ANA, "1", "I want a human.").await;
        app.settle().await;
        let first = cases(&app).await[0]["id"].as_str().unwrap().to_owned();
        app.change(&format!(
            "insert into escalations (id, workspace_id, conversation_id, reason, question, state, created_at, told)
             select 'esc_second', workspace_id, conversation_id, 'another', '', 'open', created_at, 1 from escalations where id = '{first}'"
        )).await;
        app.change("update conversations set open_cases = 2 where open_cases = 1").await;
        let page = app.get("/escalations?limit=1").await;
        let next = page["next"].as_str().unwrap();
        let rest = app.get(&format!("/escalations?limit=1&cursor={next}")).await;
        assert_ne!(page["items"][0]["id"], rest["items"][0]["id"]);
        let (status, closed) = post(&app, "/escalations/esc_second/resolve").await;
        assert_eq!((status, &closed["state"]), (200, &json!("resolved")));
        let shown = app.conversation_with(ANA).await;
        assert_eq!((&shown["owner"], &shown["open_case"]["id"]), (&json!("person"), &json!(first)));
        // Resolving a case twice counts once.
        post(&app, "/escalations/esc_second/resolve").await;
        assert_eq!(app.conversation_with(ANA).await["owner"], "person");
        let (status, closed) = post(&app, &format!("/escalations/{first}/resolve")).await;
        assert_eq!((status, closed["resolved_at"].is_i64()), (200, true));
        let shown = app.conversation_with(ANA).await;
        assert_eq!((&shown["owner"], &shown["open_case"]), (&json!("bot"), &Value::Null));
        // The log tells of it with the conversation, and which case was the last.
        let log = app.get(&format!("/audit?action=escalation.resolved&subject={}", shown["id"].as_str().unwrap())).await;
        let closed: Vec<_> = log["items"].as_array().unwrap().iter().map(|it| (it["detail"]["case"].clone(), it["detail"]["last"].clone())).collect();
        assert_eq!((closed.len(), &closed[0]), (3, &(json!(first), json!(true))), "{log}");
        assert!(closed[1..].iter().all(|it| *it == (json!("esc_second"), json!(false))), "{log}");
        assert_eq!(found(&app, "state=open").await, Vec::<String>::new());
        assert_eq!(post(&app, "/escalations/esc_nobody/resolve").await.0, 404);
        app.stop().await;
    }

    async fn conversations_are_found_by_name_phone_and_words(db) {
        let app = Setup::on(db).start().await;
        says(&app, ANA, "1", "Do you sell the BLUE 100%_lamp?").await;
        says(&app, BEN, "1", "When do you open? Grüße aus Köln").await;
        says(&app, EVE, "1", "I want a human.").await;
        app.settle().await;
        app.change(&format!("update contacts set name = 'Ägidius Müller' where wa_id = '{EVE}'")).await;
        for (query, who) in [
            ("q=blue", vec![ANA]), ("q=100%25_lamp", vec![ANA]), ("q=100x_lamp", vec![]), ("q=_lamp%25", vec![]),
            ("q=GR%C3%9C%C3%9FE", vec![BEN]), ("q=gr%C3%BC%C3%9Fe+aus", vec![BEN]), ("q=K%C3%96LN", vec![BEN]),
            ("q=%C3%A4gidius", vec![EVE]), ("q=M%C3%9CLLER", vec![EVE]), ("q=7009+7010-2", vec![BEN]),
            ("q=%2B44+7700+970102", vec![BEN]), ("q=a+human", vec![EVE]), ("q=a+colleague", vec![]), ("q='+or+1=1", vec![]),
            ("q=customer+010&owner=bot&unread=true", vec![BEN, ANA]), ("number=second&q=blue", vec![]), ("number=nope", vec![]),
            ("q=blue&owner=", vec![ANA]), ("q=07700+970102", vec![BEN]), ("q=%2B44+(0)7700+970102", vec![BEN]),
        ] {
            let mut got = found(&app, query).await;
            got.sort();
            let mut who: Vec<_> = who.into_iter().map(str::to_owned).collect();
            who.sort();
            assert_eq!(got, who, "{query}");
        }
        says(&app, ANA, "2", "And on Sunday?").await;
        app.settle().await;
        // The row shows what was found, however many messages came after it.
        let row = &app.get("/conversations?q=blue").await["items"][0];
        assert_eq!(row["found_text"], "Do you sell the BLUE 100%_lamp?");
        assert_ne!(row["last_text"], row["found_text"]);
        assert_eq!(app.get("/conversations?q=%C3%A4gidius").await["items"][0]["found_text"], Value::Null);
        assert_eq!(app.conversation_with(ANA).await["found_text"], Value::Null);
        app.stop().await;
    }

    async fn the_days_figures_are_those_of_what_happened(db) {
        let app = Setup::on(db).start().await;
        says(&app, ANA, "1", "When do you open?").await;
        says(&app, BEN, "1", "I want a human.").await;
        app.settle().await;
        app.deliver(&echo_webhook(MAIN, BEN, "wamid.echo", "Zoe here.")).await;
        app.settle().await;
        let overview = app.get("/overview?zone=Asia/Kathmandu").await;
        let total = &overview["total"];
        let expected = json!({"inbound": 2, "by_bot": 1, "by_person": 1, "turns": 2, "answered": 1, "hand_offs": 1,
            "failed_sends": 0, "unknown_sends": 0, "no_answer": 0, "failures": 0});
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&total[name], value, "{name}: {total}");
        }
        assert_eq!(overview["share_by_bot"], 0.5);
        assert!(total["p50_ms"].as_i64().is_some_and(|ms| (0..20_000).contains(&ms)), "{total}");
        assert_eq!(overview["reasons"][0]["count"], 1);
        let days = overview["days"].as_array().unwrap();
        assert_eq!(days.len(), 31);
        assert_eq!(days.iter().map(|day| day["inbound"].as_i64().unwrap()).sum::<i64>(), 2);
        assert_eq!((&days[0]["inbound"], &days[0]["p50_ms"]), (&json!(0), &Value::Null));
        // Ends at the requested time.
        let past = app.get(&format!("/overview?to={}", now_ms() - 600_000)).await;
        assert_eq!((&past["total"]["inbound"], &past["share_by_bot"]), (&json!(0), &Value::Null));
        for query in ["from=5&to=4", "zone=Mars", "from=0", "from=many"] {
            let answer = app.http.get(format!("{}/api/v1/overview?{query}", app.url)).bearer_auth(KEY);
            assert_eq!(answer.send().await.unwrap().status(), 400, "{query}");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_fetched_from_whatsapp_and_cannot_do_harm() {
    let app = Setup::on(Db::Sqlite).start().await;
    let png = b"\x89PNG\r\n\x1a\n and so on".as_slice();
    app.whatsapp.put_media("77", png, "image/png");
    app.whatsapp.put_media("78", b"<html><script>alert(1)</script>", "text/html");
    let image = json!({"type": "image", "image": {"id": "77", "mime_type": "image/png", "caption": "This one?"}});
    let page = json!({"type": "document", "document": {"id": "78", "mime_type": "text/html", "filename": "a\"b.html"}});
    let gone = json!({"type": "image", "image": {"id": "79", "mime_type": "image/png"}});
    for (n, content) in [image, page, gone].iter().enumerate() {
        app.deliver(&message_webhook(MAIN, ANA, &format!("wamid.{n}"), content)).await;
    }
    app.whatsapp.put_media("80", b"OggS", "audio/ogg");
    app.deliver(&voice_webhook(MAIN, ANA, "wamid.9", Note { media_id: "80", bytes: b"OggS" }))
        .await;
    app.settle().await;
    let thread: Vec<Value> =
        app.thread(ANA).await.into_iter().filter(|one| one["direction"] == "in").collect();
    let of =
        |kind: &str| thread.iter().filter(|one| one["kind"] == kind).cloned().collect::<Vec<_>>();
    let fetch = async |message: &Value| {
        let path = format!("/messages/{}/media", message["id"].as_str().unwrap());
        app.http.get(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY).send().await.unwrap()
    };
    let image = &of("image")[0];
    assert_eq!(
        image["media"],
        json!({"kind": "image", "mime_type": "image/png", "name": null, "state": image["media"]["state"], "size": image["media"]["size"], "reason": null})
    );
    let response = fetch(image).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"image/png".parse().unwrap())
    );
    assert_eq!(response.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(response.bytes().await.unwrap(), png);
    let response = fetch(&of("document")[0]).await;
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    assert_eq!(
        response.headers()["content-disposition"],
        "attachment; filename=\"a_b.html\"; filename*=UTF-8''a%22b.html"
    );
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let response = fetch(&of("image")[1]).await;
    assert_eq!(response.status(), 404);
    let problem: Value = response.json().await.unwrap();
    assert!(
        problem["detail"].as_str().unwrap().contains("WhatsApp does not give this file"),
        "{problem}"
    );
    assert_eq!(fetch(&of("voice")[0]).await.bytes().await.unwrap(), b"OggS".as_slice());
    let said = app.thread(ANA).await.into_iter().find(|one| one["direction"] == "out").unwrap();
    assert_eq!(fetch(&said).await.status(), 404, "words are no file");
    app.stop().await;
}
