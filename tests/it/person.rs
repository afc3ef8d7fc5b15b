//! A person in the console takes a conversation, writes in it and returns it. Tries to make the bot
//! speak in between, and to have the person's message sent twice or never.

use frontdesk::domain::ConversationId;
use frontdesk::domain::time::now_ms;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::delivery::{TIMEOUT, cases, got, owner, pause, questions, says, until};
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::echo_webhook;

const CUSTOMER: &str = "447700960101";
const OTHER: &str = "447700960102";

async fn id(app: &TestApp, customer: &str) -> String {
    app.conversation_with(customer).await["id"].as_str().unwrap().to_owned()
}

/// Posts to the API with an idempotency key.
pub(super) async fn post(
    app: &TestApp,
    path: &str,
    key: Option<&str>,
    body: &Value,
) -> (StatusCode, Value) {
    let mut request = app.http.post(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let response = request.json(body).send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

/// Sends a person's message from the console.
async fn writes(app: &TestApp, conversation: &str, key: &str, text: &str) -> (u16, Value) {
    let path = format!("/conversations/{conversation}/messages");
    let (status, body) = post(app, &path, Some(key), &json!({ "text": text })).await;
    (status.as_u16(), body)
}

async fn does(app: &TestApp, conversation: &str, what: &str) -> (u16, Value) {
    let (status, body) =
        post(app, &format!("/conversations/{conversation}/{what}"), None, &json!({})).await;
    (status.as_u16(), body)
}

/// Returns our messages in a thread: author, state, note.
async fn ours(app: &TestApp, customer: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let thread = app.thread(customer).await.into_iter().filter(|one| one["direction"] == "out");
    thread.map(|one| (text(&one["author"]), text(&one["state"]), text(&one["note"]))).collect()
}

on_both! {
    async fn who_takes_the_conversation_silences_the_bot_while_the_model_writes(db) {
        let app = Setup::on(db).start().await;
        app.model.hold();
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("the model is asked", async || app.model.chat_count() == 1).await;
        let id = id(&app, CUSTOMER).await;
        let (status, taken) = does(&app, &id, "take").await;
        assert_eq!((status, &taken["owner"], &taken["waiting"]), (200, &json!("person"), &json!(true)));
        app.model.release();
        app.settle().await;
        says(&app, CUSTOMER, "2", "Hello?").await;
        app.settle().await;
        pause(500).await;
        assert!(app.received().is_empty(), "{:?}", app.received());
        assert_eq!(app.model.chat_count(), 1);
        let thread = app.thread(CUSTOMER).await;
        assert!(thread.iter().all(|one| one["state"] == "stored"), "{thread:?}");
        app.stop().await;
    }

    async fn what_the_bot_has_not_sent_is_not_sent_and_the_persons_words_are_once(db) {
        let app = Setup::on(db).start().await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(1)));
        says(&app, CUSTOMER, "1", "When do you open?").await;
        until("it is tried", async || !app.whatsapp.tried().is_empty()).await;
        let id = id(&app, CUSTOMER).await;
        let begun = std::time::Instant::now();
        let (status, message) = writes(&app, &id, "k1", "  Hi, Ana here.\n").await;
        assert_eq!((status, &message["author"]), (201, &json!("person")));
        // The dispatcher may have claimed it before the answer is read.
        assert!(["queued", "sending"].contains(&message["state"].as_str().unwrap()), "{message}");
        until("it is sent", async || !got(&app, CUSTOMER).is_empty()).await;
        assert!(begun.elapsed().as_millis() < 2000, "the outbox dispatcher was woken");
        // Repeated at the same time and later, even after the send: nothing more is sent.
        let again = futures::future::join_all((0..8).map(|_| writes(&app, &id, "k1", "Hi, Ana here."))).await;
        for (status, same) in again {
            assert_eq!((status, &same["id"]), (200, &message["id"]), "{same}");
        }
        pause(1800).await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER), ["Hi, Ana here."]);
        let ours = ours(&app, CUSTOMER).await;
        assert_eq!(ours.len(), 2, "{ours:?}");
        assert_eq!((ours[0].0.as_str(), ours[0].1.as_str()), ("bot", "failed"));
        assert!(ours[0].2.starts_with("a person took over"), "{ours:?}");
        assert_eq!((ours[1].0.as_str(), ours[1].1.as_str()), ("person", "sent"));
        let (status, problem) = writes(&app, &id, "k1", "Something else").await;
        assert_eq!(status, 409, "{problem}");
        // A second key is a second message, even with the same words.
        assert_eq!(writes(&app, &id, "k2", "Hi, Ana here.").await.0, 201);
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 2);
        // The log says which message took the conversation over: the first, once.
        let log = app.get(&format!("/audit?action=message.written&outcome=done&subject={id}")).await;
        let took = log["items"].as_array().unwrap().iter().filter(|it| it["detail"]["took"] == true);
        assert_eq!(took.map(|it| &it["detail"]["message"]).collect::<Vec<_>>(), [&message["id"]], "{log}");
        app.stop().await;
    }

    async fn what_cannot_be_stored_in_a_text_is_replaced(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let id = id(&app, CUSTOMER).await;
        let (status, message) = writes(&app, &id, "k1", "Nine\0o'clock").await;
        assert_eq!((status, &message["text"]), (201, &json!("Nine\u{fffd}o'clock")), "{message}");
        assert_eq!(writes(&app, &id, "k1", "Nine\0o'clock").await.0, 200);
        app.stop().await;
    }

    async fn a_page_with_the_old_id_of_a_merged_conversation_goes_on_working(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let (old, id) = (ConversationId::generate(), id(&app, CUSTOMER).await);
        let merged = format!(
            "insert into merged_conversations (id, workspace_id, into_id, created_at)
             select '{old}', workspace_id, id, 1 from conversations where id = '{id}'"
        );
        assert_eq!(app.change(&merged).await, 1);
        let old = old.as_str();
        assert_eq!(does(&app, old, "take").await.1["id"], id.as_str());
        let (status, message) = writes(&app, old, "k1", "Ana here.").await;
        assert_eq!(status, 201, "{message}");
        let (status, same) = writes(&app, &id, "k1", "Ana here.").await;
        assert_eq!((status, &same["id"]), (200, &message["id"]));
        assert_eq!(does(&app, old, "seen").await.0, 204);
        app.settle().await;
        let messages = app.get(&format!("/conversations/{old}/messages")).await;
        assert_eq!(messages["items"].as_array().unwrap().len(), 3, "{messages}");
        let (status, resolved) = does(&app, old, "resolve").await;
        assert_eq!((status, &resolved["id"], &resolved["owner"]), (200, &json!(id), &json!("bot")));
        app.stop().await;
    }

    async fn of_two_who_send_the_same_at_the_same_time_one_is_heard(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let id = id(&app, CUSTOMER).await;
        let all = futures::future::join_all((0..12).map(|_| writes(&app, &id, "same", "From nine."))).await;
        let made = all.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!((made, all.iter().filter(|(status, _)| *status == 200).count()), (1, 11));
        assert!(all.windows(2).all(|two| two[0].1["id"] == two[1].1["id"]), "{all:?}");
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER)[1..], ["From nine."]);
        // Keys belong to a conversation.
        says(&app, OTHER, "1", "When do you open?").await;
        app.settle().await;
        let other = self::id(&app, OTHER).await;
        assert_eq!(writes(&app, &other, "same", "From ten.").await.0, 201);
        app.settle().await;
        app.stop().await;
    }

    async fn the_bot_answers_again_after_it_was_handed_back_and_knows_what_was_said(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "I want a human.").await;
        app.settle().await;
        assert_eq!(cases(&app).await.len(), 1);
        let id = id(&app, CUSTOMER).await;
        assert_eq!(writes(&app, &id, "k", "Ana here: lamps are half price on Sunday.").await.0, 201);
        says(&app, CUSTOMER, "2", "Thanks!").await;
        app.settle().await;
        assert_eq!((got(&app, CUSTOMER).len(), app.model.chat_count()), (2, 0));
        let (status, back) = does(&app, &id, "hand-back").await;
        assert_eq!((status, &back["owner"], &back["open_case"]), (200, &json!("bot"), &Value::Null));
        assert!(cases(&app).await.is_empty());
        says(&app, CUSTOMER, "3", "When do you open?").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 3);
        assert_eq!(questions(&app).len(), 1);
        let asked = app.model.requests()[0].to_string();
        assert!(asked.contains("half price on Sunday"), "the person's words are history: {asked}");
        app.stop().await;
    }

    async fn our_own_words_told_back_by_whatsapp_are_not_there_twice(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let id = id(&app, CUSTOMER).await;
        app.whatsapp.delay_response(std::time::Duration::from_secs(1));
        assert_eq!(writes(&app, &id, "k", "From nine, Ana.").await.0, 201);
        assert!(app.whatsapp.wait_sent(2, TIMEOUT).await);
        let sent = app.whatsapp.sent().pop().unwrap();
        // Before the send was recorded, and after it.
        app.deliver(&echo_webhook(MAIN, CUSTOMER, &sent.id, &sent.text)).await;
        app.settle().await;
        pause(1200).await;
        app.deliver(&echo_webhook(MAIN, CUSTOMER, &sent.id, &sent.text)).await;
        app.whatsapp.delay_response(std::time::Duration::ZERO);
        let ours = ours(&app, CUSTOMER).await;
        assert_eq!(ours.len(), 2, "{ours:?}");
        assert_eq!((ours[1].0.as_str(), ours[1].1.as_str()), ("person", "sent"));
        app.stop().await;
    }

    async fn a_closed_window_and_an_opt_out_are_refused_with_the_reason(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let id = id(&app, CUSTOMER).await;
        let conversation = app.conversation_with(CUSTOMER).await;
        assert_eq!(conversation["has_window"], true);
        let ends = conversation["window_ends_at"].as_i64().unwrap();
        assert!((ends - now_ms() - 24 * 3_600_000).abs() < 60_000, "{ends}");
        app.change(&format!("update conversations set last_inbound_at = {}", now_ms() - 25 * 3_600_000)).await;
        let (status, problem) = writes(&app, &id, "k", "Hello again").await;
        assert_eq!(status, 409);
        assert!(problem["detail"].as_str().unwrap().contains("24-hour window"), "{problem}");
        assert_eq!(problem["code"], "window_closed");
        assert_eq!(owner(&app, CUSTOMER).await, "bot", "what is refused takes nothing over");
        app.change(&format!("update conversations set last_inbound_at = {}", now_ms())).await;
        says(&app, CUSTOMER, "2", "stop").await;
        app.settle().await;
        assert_eq!(app.conversation_with(CUSTOMER).await["opted_out"], json!(true));
        let before = got(&app, CUSTOMER).len();
        let (status, problem) = writes(&app, &id, "k", "Hello again").await;
        assert_eq!(status, 409);
        assert!(problem["detail"].as_str().unwrap().contains("asked not to be written to"), "{problem}");
        assert_eq!(problem["code"], "opted_out");
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), before);
        says(&app, CUSTOMER, "3", "start").await;
        assert_eq!(writes(&app, &id, "k", "Hello again").await.0, 201, "a refused key is free");
        app.settle().await;
        app.stop().await;
    }

    async fn words_written_just_before_an_opt_out_are_held_back_by_the_gate(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let id = id(&app, CUSTOMER).await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(1)));
        let tried = app.whatsapp.tried().len();
        assert_eq!(writes(&app, &id, "k", "One more thing").await.0, 201);
        until("it is tried", async || app.whatsapp.tried().len() > tried).await;
        says(&app, CUSTOMER, "2", "stop").await;
        app.settle().await;
        assert!(!got(&app, CUSTOMER).contains(&"One more thing".to_owned()));
        let mine = ours(&app, CUSTOMER).await.into_iter().find(|one| one.0 == "person").unwrap();
        assert_eq!((mine.1.as_str(), mine.2.as_str()), ("failed", "the customer opted out"));
        // As a code, which the console translates.
        let coded = app.thread(CUSTOMER).await.into_iter().find(|one| one["author"] == "person").unwrap();
        assert_eq!(coded["note_code"], "opted_out");
        app.stop().await;
    }

    async fn what_failed_is_sent_once_more_on_a_persons_word_and_once(db) {
        let app = Setup::on(db).start().await;
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let id = id(&app, CUSTOMER).await;
        let refused = || Failure::Status(400, Graph::error(131_026, "Message undeliverable"), None);
        app.whatsapp.fail_next_to(&format!("+{CUSTOMER}"), 1, &refused());
        let (_, message) = writes(&app, &id, "k", "From nine.").await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 1);
        let path = format!("/messages/{}/retry", message["id"].as_str().unwrap());
        let nothing = json!({});
        let all = futures::future::join_all((0..6).map(|_| post(&app, &path, None, &nothing))).await;
        let taken = all.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!((taken, all.iter().filter(|(status, _)| *status == 409).count()), (1, 5), "{all:?}");
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER)[1..], ["From nine."]);
        let (status, _) = post(&app, &path, None, &json!({})).await;
        assert_eq!(status, 409, "what arrived is not sent once more");
        // A message that was cut off may have arrived; a person may have it sent again. Only sends
        // to the customer fail: the support contact is notified of the failure above at about this
        // time.
        app.whatsapp.fail_next_to(&format!("+{CUSTOMER}"), 1, &Failure::AcceptThenDrop);
        let (_, message) = writes(&app, &id, "k2", "Until six.").await;
        until("it is unknown", async || {
            let last = ours(&app, CUSTOMER).await.pop().unwrap();
            println!("{last:?} {:?}", app.whatsapp.tried().len());
            last.1 == "unknown"
        }).await;
        let path = format!("/messages/{}/retry", message["id"].as_str().unwrap());
        assert_eq!(post(&app, &path, None, &json!({})).await.0, 200);
        app.settle().await;
        assert_eq!(ours(&app, CUSTOMER).await.pop().unwrap().1, "sent");
        let again = app.thread(CUSTOMER).await.pop().unwrap();
        assert_eq!(again["note_code"], "sent_once_more", "the console can say it in its language: {again}");
        app.stop().await;
    }

    async fn the_bots_words_are_not_sent_once_more_where_a_person_speaks(db) {
        let app = Setup::on(db).start().await;
        let refused = Failure::Status(400, Graph::error(131_026, "Message undeliverable"), None);
        app.whatsapp.fail_next(1, &refused);
        says(&app, CUSTOMER, "1", "When do you open?").await;
        app.settle().await;
        let id = id(&app, CUSTOMER).await;
        let bots = app.thread(CUSTOMER).await.into_iter().find(|one| one["author"] == "bot").unwrap();
        assert_eq!(bots["state"], "failed");
        let path = format!("/messages/{}/retry", bots["id"].as_str().unwrap());
        does(&app, &id, "take").await;
        let (status, problem) = post(&app, &path, None, &json!({})).await;
        assert_eq!(status, 409);
        assert!(problem["detail"].as_str().unwrap().contains("hand the conversation"), "{problem}");
        does(&app, &id, "hand-back").await;
        assert_eq!(post(&app, &path, None, &json!({})).await.0, 200);
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER).len(), 1);
        let asked = app.thread(CUSTOMER).await.into_iter().find(|one| one["direction"] == "in").unwrap();
        let path = format!("/messages/{}/retry", asked["id"].as_str().unwrap());
        assert_eq!(post(&app, &path, None, &json!({})).await.0, 409, "it is not ours");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_says_why() {
    let app = Setup::on(Db::Sqlite).start().await;
    says(&app, CUSTOMER, "1", "When do you open?").await;
    says(&app, OTHER, "1", "When do you open?").await;
    app.settle().await;
    let conversation = id(&app, CUSTOMER).await;
    let path = format!("/conversations/{conversation}/messages");
    let theirs = app.thread(OTHER).await[0]["id"].as_str().unwrap().to_owned();
    for (key, body, status) in [
        (Some("k"), json!({"text": ""}), 422),
        (Some("k"), json!({"text": " \n\t "}), 422),
        (Some("k"), json!({"text": "é".repeat(4097)}), 422),
        (Some("k"), json!({"text": "a", "reply_to": "msg_nobody"}), 422),
        (Some("k"), json!({"text": "a", "reply_to": theirs}), 422),
        (Some("k"), json!({"text": "a", "reply_to": 7}), 422),
        (Some("k"), json!({"text": "a", "more": 1}), 422),
        (None, json!({"text": "a"}), 400),
        (Some(""), json!({"text": "a"}), 400),
        (Some(&*"k".repeat(201)), json!({"text": "a"}), 400),
    ] {
        let (got, problem) = post(&app, &path, key, &body).await;
        assert_eq!(got, status, "{body}: {problem}");
    }
    assert_eq!(owner(&app, CUSTOMER).await, "bot");
    let mine = app.thread(CUSTOMER).await[0].clone();
    let body = json!({"text": "é".repeat(4096), "reply_to": mine["id"]});
    let (status, written) = post(&app, &path, Some("k"), &body).await;
    assert_eq!((status.as_u16(), &written["reply_to"]), (201, &mine["provider_id"]));
    let again = json!({"text": "é".repeat(4096)});
    assert_eq!(
        post(&app, &path, Some("k"), &again).await.0,
        409,
        "another quote is another message"
    );
    app.settle().await;
    let nobody = "/conversations/conv_nobody/messages";
    assert_eq!(post(&app, nobody, Some("k"), &json!({"text": "a"})).await.0, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspaces_ids_do_not_exist() {
    let app = Setup::on(Db::Sqlite).start().await;
    says(&app, CUSTOMER, "1", "When do you open?").await;
    app.settle().await;
    let id = id(&app, CUSTOMER).await;
    for sql in [
        "insert into workspaces values ('ws_other', 'Other', 0)",
        "insert into contacts (id, workspace_id, wa_id, name, created_at, updated_at)
         values ('con_other', 'ws_other', '1', 'Secret', 0, 0)",
        "insert into conversations (id, workspace_id, number_id, contact_id, owner, last_inbound_at, last_message_at, created_at,
            updated_at, unread, unanswered, open_cases)
         select 'conv_other', 'ws_other', number_id, 'con_other', 'bot', 9e15, 9e15, 0, 0, 1, 1, 1 from conversations limit 1",
        "insert into messages (id, workspace_id, conversation_id, number_id, direction, author, kind, content, body, state,
            sent_at, created_at, updated_at)
         select 'msg_other', 'ws_other', 'conv_other', number_id, 'out', 'bot', 'text', '{}', 'Secret', 'failed', 9e14, 0, 0
         from conversations limit 1",
        "insert into escalations (id, workspace_id, conversation_id, reason, question, state, created_at)
         values ('esc_other', 'ws_other', 'conv_other', 'Secret', '', 'open', 1)",
    ] {
        app.change(sql).await;
    }
    for path in [
        "/conversations/conv_other/take",
        "/conversations/conv_other/hand-back",
        "/conversations/conv_other/seen",
        "/conversations/conv_other/messages",
        "/messages/msg_other/retry",
        "/escalations/esc_other/resolve",
        "/escalations/conv_other/resolve",
    ] {
        let (status, _) = post(&app, path, Some("k"), &json!({"text": "a"})).await;
        assert_eq!(status, 404, "{path}");
    }
    let media =
        app.http.get(format!("{}/api/v1/messages/msg_other/media", app.url)).bearer_auth(KEY);
    assert_eq!(media.send().await.unwrap().status(), 404);
    let quote = json!({"text": "a", "reply_to": "msg_other"});
    let path = format!("/conversations/{id}/messages");
    assert_eq!(post(&app, &path, Some("k"), &quote).await.0, 422);
    for path in ["/conversations?q=Secret", "/conversations?state=open", "/escalations"] {
        assert_eq!(app.get(path).await["items"], json!([]), "{path}");
    }
    assert_eq!(
        app.get("/conversations/counts").await,
        json!({"bot": 1, "person": 0, "nobody": 0, "waiting": 0, "unread": 1})
    );
    let overview = app.get("/overview").await;
    assert_eq!(
        (&overview["total"]["hand_offs"], &overview["total"]["failed_sends"]),
        (&json!(0), &json!(0))
    );
    app.stop().await;
}
