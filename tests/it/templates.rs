//! Message templates: read from the account, filled and checked, sent outside the 24-hour window by a
//! person, and never once WhatsApp said that it takes them no more.

use frontdesk::domain::time::now_ms;
use serde_json::{Value, json};

use crate::delivery::{cases, owner, says, until};
use crate::replay::all_the_same;
use crate::support::app::{KEY, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::{Graph, SentMessage};
use crate::support::hooks::{sign, text_webhook};

const CUSTOMER: &str = "447700980101";
/// The account that webhooks of the tests name.
const ACCOUNT: &str = "102290129340398";

fn order_update() -> Value {
    json!({"id": "806312974732579", "name": "order_update", "language": "en_US", "status": "APPROVED", "category": "UTILITY",
        "quality_score": {"score": "GREEN"}, "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
            {"type": "BODY", "text": "Your {{2}} is ready, {{1}}."},
            {"type": "FOOTER", "text": "Acme"},
            {"type": "BUTTONS", "buttons": [
                {"type": "QUICK_REPLY", "text": "Thanks"},
                {"type": "URL", "text": "Track", "url": "https://acme.example/orders/{{1}}"}]}]})
}

fn all() -> Value {
    json!([
        order_update(),
        {"id": "2", "name": "welcome", "language": "en_US", "status": "APPROVED", "category": "MARKETING", "parameter_format": "NAMED",
            "components": [{"type": "BODY", "text": "Hello {{first_name}}"}]},
        {"id": "3", "name": "sale", "language": "de", "status": "REJECTED", "category": "MARKETING", "rejected_reason": "ABUSIVE_CONTENT",
            "components": [{"type": "BODY", "text": "Sale"}]},
        {"id": "4", "name": "picture", "language": "en", "status": "APPROVED", "category": "MARKETING",
            "components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Look"}]},
        {"name": "without language"},
    ])
}

fn values() -> Value {
    json!([
        {"part": "body", "name": "2", "value": "bike"}, {"part": "body", "name": "1", "value": "Ana"},
        {"part": "header", "name": "1", "value": "A-17"}, {"part": "button", "name": "1", "value": "A-17"},
    ])
}

/// A desk whose customer wrote once, two days ago. Returns the conversation.
async fn late(setup: Setup) -> (TestApp, String) {
    let app = setup.start().await;
    app.whatsapp.set_templates(ACCOUNT, &all());
    says(&app, CUSTOMER, "first", "When do you open?").await;
    app.settle().await;
    let before = now_ms() - 48 * 3_600_000;
    app.change(&format!("update conversations set last_inbound_at = {before}")).await;
    let id = app.conversation_with(CUSTOMER).await["id"].as_str().unwrap().to_owned();
    (app, id)
}

/// The path of the number's templates.
async fn path(app: &TestApp) -> String {
    let numbers = app.get("/numbers").await;
    let main =
        numbers.as_array().unwrap().iter().find(|one| one["slug"] == "main").unwrap().clone();
    format!("/numbers/{}/templates", main["id"].as_str().unwrap())
}

async fn synced(app: &TestApp) -> Value {
    let (status, read) = app.call(&format!("{}/sync", path(app).await), &json!({})).await;
    assert_eq!(status, 200, "{read}");
    read
}

async fn sends(app: &TestApp, id: &str, key: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/conversations/{id}/messages", app.url);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", key).json(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

fn template(name: &str, values: &Value) -> Value {
    json!({"template": {"name": name, "language": "en_US", "values": values}})
}

/// The text of the last template as WhatsApp would show it: the nth value in the place of {{n}}.
async fn sent_text(app: &TestApp) -> String {
    until("it is sent", async || !received(app).is_empty()).await;
    let components = received(app).pop().unwrap().components;
    let body =
        components.as_array().unwrap().iter().find(|one| one["type"] == "body").unwrap().clone();
    let mut text = "Your {{2}} is ready, {{1}}.".to_owned();
    for (at, value) in body["parameters"].as_array().unwrap().iter().enumerate() {
        text = text.replace(&format!("{{{{{}}}}}", at + 1), value["text"].as_str().unwrap());
    }
    text
}

fn received(app: &TestApp) -> Vec<SentMessage> {
    let to_him = |sent: &SentMessage| sent.to.ends_with(CUSTOMER);
    app.whatsapp.sent().into_iter().filter(to_him).skip(1).collect()
}

/// Delivers what Meta says of a template.
async fn reports(app: &TestApp, field: &str, value: Value) {
    let change = json!({"field": field, "value": value});
    let hook = json!({"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": [change]}]});
    app.deliver(hook.to_string().as_bytes()).await;
}

async fn state_of(app: &TestApp, name: &str) -> Value {
    let listed = app.get(&path(app).await).await;
    listed["templates"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
}

on_both! {
    async fn an_account_s_templates_are_read_page_by_page_and_replaced(db) {
        let (app, _) = late(Setup::on(db)).await;
        let before = app.get(&path(&app).await).await;
        assert_eq!(before, json!({"templates": [], "synced_at": null}));
        let read = synced(&app).await;
        let named: Vec<_> = read["templates"].as_array().unwrap().iter()
            .map(|one| (one["name"].as_str().unwrap(), one["state"].as_str().unwrap(), one["supported"].as_bool().unwrap())).collect();
        assert_eq!(named, [("order_update", "approved", true), ("picture", "approved", true), ("sale", "rejected", true), ("welcome", "approved", true)]);
        assert_eq!(app.whatsapp.template_reads(), 3, "two a page");
        let order = &read["templates"][0];
        assert_eq!((&order["quality"], &order["category"]), (&json!("high"), &json!("utility")));
        assert_eq!(order["parameters"], json!([{"part": "header", "name": "1"}, {"part": "body", "name": "1"}, {"part": "body", "name": "2"}, {"part": "button", "name": "1"}]));
        assert_eq!(read["templates"][2]["reason"], "ABUSIVE_CONTENT");
        assert_eq!(app.get(&path(&app).await).await, read);
        app.whatsapp.set_templates(ACCOUNT, &json!([order_update()]));
        assert_eq!(synced(&app).await["templates"].as_array().unwrap().len(), 1);
        app.stop().await;
    }

    async fn a_person_sends_a_filled_template_after_the_window_has_closed(db) {
        let (app, id) = late(Setup::on(db)).await;
        synced(&app).await;
        let (status, closed) = sends(&app, &id, "k0", &json!({"text": "Hello"})).await;
        assert_eq!((status, &closed["code"]), (409, &json!("window_closed")), "{closed}");
        let (status, message) = sends(&app, &id, "k1", &template("order_update", &values())).await;
        assert_eq!(status, 201, "{message}");
        let text = "Order A-17\n\nYour bike is ready, Ana.\n\nAcme";
        assert_eq!((&message["kind"], &message["text"], &message["author"]), (&json!("template"), &json!(text), &json!("person")));
        assert_eq!(sends(&app, &id, "k1", &template("order_update", &values())).await.0, 200);
        assert_eq!(sent_text(&app).await, "Your bike is ready, Ana.");
        let mut other = values();
        other[0]["value"] = json!("boat");
        assert_eq!(sends(&app, &id, "k1", &template("order_update", &other)).await.0, 409);
        let named = json!([{"part": "body", "name": "first_name", "value": "Ana"}]);
        assert_eq!(sends(&app, &id, "k2", &template("welcome", &named)).await.0, 201);
        app.settle().await;
        let sent = received(&app);
        assert_eq!(sent.len(), 2, "{sent:?}");
        let parameter = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(sent[0].components, json!([
            {"type": "header", "parameters": [parameter("A-17")]},
            {"type": "body", "parameters": [parameter("Ana"), parameter("bike")]},
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [parameter("A-17")]}]));
        assert_eq!(sent[1].components, json!([{"type": "body", "parameters": [{"type": "text", "parameter_name": "first_name", "text": "Ana"}]}]));
        assert_eq!((owner(&app, CUSTOMER).await, cases(&app).await.len()), ("person".to_owned(), 0));
        // The bot knows what was written.
        let (status, _) = app.call(&format!("/conversations/{id}/resolve"), &json!({})).await;
        assert_eq!(status, 200);
        app.deliver(&text_webhook(MAIN, CUSTOMER, "second", "Which bike?")).await;
        app.settle().await;
        assert!(app.model.requests().pop().unwrap().to_string().contains("Your bike is ready"));
        all_the_same(&app).await;
        app.stop().await;
    }

    async fn what_whatsapp_would_refuse_is_refused_before(db) {
        let (app, id) = late(Setup::on(db)).await;
        synced(&app).await;
        let with = |at: usize, value: &str| {
            let mut values = values();
            values[at]["value"] = json!(value);
            template("order_update", &values)
        };
        let many: Vec<_> = (0..51).map(|n| json!({"part": "body", "name": n.to_string(), "value": "x"})).collect();
        for (body, word) in [
            (template("order_update", &json!([])), "needs a value"),
            (with(3, "https://evil.example"), "end of a link"),
            (with(0, "a\nb"), "one line"),
            (with(0, &"x".repeat(1100)), "1024"),
            (template("welcome", &values()), "takes no value"),
            (template("picture", &json!([])), "no such template in this language"),
            (template("none", &json!([])), "no such template"),
            (template("no\0ne", &json!([])), "no such template"),
            (template("order_update", &json!(many)), "50 at most"),
            (json!({"template": {"name": "picture", "language": "en", "values": []}}), "attach one"),
            (json!({"text": "Hi", "template": {"name": "picture", "language": "en"}}), "either"),
            (json!({}), "either"),
        ] {
            let (status, problem) = sends(&app, &id, "k1", &body).await;
            assert_eq!(status, 422, "{body}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{body}: {problem}");
        }
        let rejected = json!({"template": {"name": "sale", "language": "de"}});
        let (status, problem) = sends(&app, &id, "k1", &rejected).await;
        assert_eq!((status, &problem["code"]), (409, &json!("template_unusable")), "{problem}");
        app.change("update contacts set opted_out_at = 1").await;
        let (status, problem) = sends(&app, &id, "k1", &template("order_update", &values())).await;
        assert_eq!((status, &problem["code"]), (409, &json!("opted_out")), "{problem}");
        app.settle().await;
        assert!(received(&app).is_empty());
        app.stop().await;
    }

    async fn what_meta_says_of_a_template_holds_at_once_and_at_the_send(db) {
        let (app, id) = late(Setup::on(db)).await;
        synced(&app).await;
        let named = |event: &str| json!({"event": event, "message_template_name": "order_update", "message_template_language": "en_US", "reason": "NONE"});
        // It is paused between the writing and the send.
        app.whatsapp.fail_next(1, &Failure::Status(500, Graph::error(131_000, "Something went wrong"), Some(1)));
        assert_eq!(sends(&app, &id, "k1", &template("order_update", &values())).await.0, 201);
        until("it is tried", async || app.whatsapp.tried().len() > 1).await;
        reports(&app, "message_template_status_update", named("PAUSED")).await;
        until("it is paused", async || state_of(&app, "order_update").await["state"] == "paused").await;
        app.settle().await;
        assert!(received(&app).is_empty());
        let failed = app.thread(CUSTOMER).await.pop().unwrap();
        assert_eq!((&failed["state"], &failed["note_code"]), (&json!("failed"), &json!("template_unusable")), "{failed}");
        assert_eq!(cases(&app).await.len(), 1, "a person has to know");
        let (status, problem) = sends(&app, &id, "k2", &template("order_update", &values())).await;
        assert_eq!((status, &problem["code"]), (409, &json!("template_unusable")), "{problem}");
        // A repeated request is the same message all the same, also after the template is gone.
        assert_eq!(sends(&app, &id, "k1", &template("order_update", &values())).await.0, 200);
        reports(&app, "message_template_status_update", named("UNPAUSED")).await;
        until("it is back", async || state_of(&app, "order_update").await["state"] == "approved").await;
        let again = format!("/messages/{}/retry", failed["id"].as_str().unwrap());
        assert_eq!(app.call(&again, &json!({})).await.0, 200);
        app.settle().await;
        assert_eq!(received(&app).len(), 1);
        reports(&app, "message_template_quality_update", json!({"previous_quality_score": "GREEN", "new_quality_score": "RED",
            "message_template_name": "order_update", "message_template_language": "en_US"})).await;
        until("its quality fell", async || state_of(&app, "order_update").await["quality"] == "low").await;
        reports(&app, "template_category_update", json!({"new_category": "MARKETING",
            "message_template_name": "order_update", "message_template_language": "en_US"})).await;
        until("it is another category", async || state_of(&app, "order_update").await["category"] == "marketing").await;
        // Meta also writes languages with a dash, or names the template by its id alone.
        let mut dashed = named("PAUSED");
        dashed["message_template_language"] = json!("en-US");
        reports(&app, "message_template_status_update", dashed).await;
        until("it is paused again", async || state_of(&app, "order_update").await["state"] == "paused").await;
        let mut renamed = named("UNPAUSED");
        (renamed["message_template_id"], renamed["message_template_name"]) = (json!(806_312_974_732_579_i64), json!("former_name"));
        reports(&app, "message_template_status_update", renamed).await;
        until("it is back again", async || state_of(&app, "order_update").await["state"] == "approved").await;
        // A warning changes nothing, and another language or account is another template.
        reports(&app, "message_template_status_update", named("FLAGGED")).await;
        let mut german = named("DISABLED");
        german["message_template_language"] = json!("de");
        reports(&app, "message_template_status_update", german).await;
        app.settle().await;
        assert_eq!(state_of(&app, "order_update").await["state"], "approved");
        app.stop().await;
    }

    async fn a_failed_reading_says_what_to_do_and_keeps_what_is_known(db) {
        let app = Setup::on(db).start().await;
        let path = format!("{}/sync", path(&app).await);
        let (status, problem) = app.call(&path, &json!({})).await;
        assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("templates_no_account")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("account_id"), "{problem}");
        app.whatsapp.set_templates(ACCOUNT, &all());
        says(&app, CUSTOMER, "first", "When do you open?").await;
        app.settle().await;
        let known = synced(&app).await;
        app.change("update numbers set account_id = '999'").await;
        let (status, problem) = app.call(&path, &json!({})).await;
        assert_eq!(status, 502, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("whatsapp_business_management"), "{problem}");
        app.change(&format!("update numbers set account_id = '{ACCOUNT}'")).await;
        assert_eq!(app.get(&path.replace("/sync", "")).await, known);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_app_changes_nothing_in_an_account_that_is_not_its_number_s() {
    let other = "[numbers.other]\nprovider = \"meta\"\nagent = \"acme\"\nphone_number_id = \"998877665544332\"\n\
                 access_token = \"x\"\napp_secret = \"another-secret\"\nverify_token = \"other\"\n";
    let (app, _) = late(Setup::on(crate::support::app::Db::Sqlite).with(other)).await;
    synced(&app).await;
    let value = json!({"event": "PAUSED", "message_template_name": "order_update", "message_template_language": "en_US"});
    let change = json!({"field": "message_template_status_update", "value": value});
    let hook = json!({"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": [change]}]});
    let hook = hook.to_string();
    let signed = sign("another-secret", hook.as_bytes());
    assert_eq!(app.post("/webhooks/meta", hook.as_bytes(), Some(&signed)).await, 200);
    app.settle().await;
    assert_eq!(state_of(&app, "order_update").await["state"], "approved");
    // The same, signed by its own app, does.
    app.deliver(hook.as_bytes()).await;
    until("it is paused", async || state_of(&app, "order_update").await["state"] == "paused").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_of_the_settings_is_read_without_a_webhook() {
    let app = Setup::on(crate::support::app::Db::Sqlite)
        .with("[numbers.main]\naccount_id = 4711")
        .start()
        .await;
    app.whatsapp.set_templates("4711", &json!([order_update()]));
    assert_eq!(synced(&app).await["templates"][0]["name"], "order_update");
    app.stop().await;
}
