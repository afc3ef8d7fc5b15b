//! Message templates are submitted to WhatsApp and deleted there, by API and command line: checked
//! before, stored at once, and kept up to date by webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::delivery::{says, until};
use crate::support::app::{KEY, Setup, TestApp, on_both};
use crate::support::hooks::ACCOUNT;

fn draft() -> Value {
    json!({"name": "order_update", "language": "en_US", "category": "utility", "header": "Order {{1}}",
        "body": "Hello {{1}}, your {{2}} is here.", "footer": "Acme", "buttons": [
            {"kind": "quick_reply", "text": "Thanks"},
            {"kind": "url", "text": "Track", "url": "https://acme.example/o/{{1}}"},
            {"kind": "phone", "text": "Call", "phone": "+447700900123"}],
        "examples": [
            {"part": "body", "name": "2", "value": "bike"}, {"part": "body", "name": "1", "value": "Ana"},
            {"part": "header", "name": "1", "value": "A-17"}, {"part": "button", "name": "1", "value": "A-17"}]})
}

/// A desk whose number's account is known.
async fn known(setup: Setup) -> (TestApp, String) {
    let app = setup.start().await;
    app.whatsapp.set_templates(ACCOUNT, &json!([]));
    says(&app, "447700980401", "first", "When do you open?").await;
    app.settle().await;
    let numbers = app.get("/numbers").await;
    let main = numbers.as_array().unwrap().iter().find(|one| one["slug"] == "main").unwrap();
    let path = format!("/numbers/{}/templates", main["id"].as_str().unwrap());
    (app, path)
}

async fn delete(app: &TestApp, path: &str) -> (u16, Value) {
    let request = app.http.request(Method::DELETE, format!("{}/api/v1{path}", app.url));
    let response = request.bearer_auth(KEY).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn listed(app: &TestApp, path: &str) -> Vec<(String, String, String)> {
    let listed = app.get(path).await;
    let word = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let all = listed["templates"].as_array().unwrap().iter();
    all.map(|one| (word(one, "name"), word(one, "language"), word(one, "state"))).collect()
}

fn row(name: &str, language: &str, state: &str) -> (String, String, String) {
    (name.to_owned(), language.to_owned(), state.to_owned())
}

on_both! {
    async fn a_template_is_submitted_as_meta_documents_it_and_follows_its_review(db) {
        let (app, path) = known(Setup::on(db)).await;
        let (status, created) = app.call(&path, &draft()).await;
        assert_eq!((status.as_u16(), &created["state"]), (201, &json!("pending")), "{created}");
        assert_eq!(app.whatsapp.template_requests(), [json!({"account": ACCOUNT, "create": {
            "name": "order_update", "language": "en_US", "category": "UTILITY", "parameter_format": "POSITIONAL", "components": [
                {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": {"header_text": ["A-17"]}},
                {"type": "BODY", "text": "Hello {{1}}, your {{2}} is here.", "example": {"body_text": [["Ana", "bike"]]}},
                {"type": "FOOTER", "text": "Acme"},
                {"type": "BUTTONS", "buttons": [
                    {"type": "QUICK_REPLY", "text": "Thanks"},
                    {"type": "URL", "text": "Track", "url": "https://acme.example/o/{{1}}", "example": ["A-17"]},
                    {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+447700900123"}]}]}})]);
        assert_eq!(listed(&app, &path).await, [row("order_update", "en_US", "pending")]);
        let value = json!({"event": "APPROVED", "message_template_id": 7000, "message_template_name": "order_update", "message_template_language": "en_US"});
        let change = json!({"field": "message_template_status_update", "value": value});
        let hook = json!({"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": [change]}]});
        app.deliver(hook.to_string().as_bytes()).await;
        until("it is approved", async || listed(&app, &path).await == [row("order_update", "en_US", "approved")]).await;
        let audit = app.get("/audit?limit=5").await;
        let entry = audit["items"].as_array().unwrap().iter().find(|it| it["action"] == "template.created").unwrap().clone();
        assert_eq!((&entry["subject"], &entry["outcome"]), (&json!("order_update"), &json!("done")), "{entry}");
        // What a reading finds is the same.
        let (status, read) = app.call(&format!("{path}/sync"), &json!({})).await;
        assert_eq!((status.as_u16(), &read["templates"][0]["name"]), (200, &json!("order_update")));
        app.stop().await;
    }

    async fn a_template_is_deleted_in_one_language_or_in_all(db) {
        let (app, path) = known(Setup::on(db)).await;
        for language in ["en_US", "es", "de"] {
            let mut draft = draft();
            draft["language"] = json!(language);
            assert_eq!(app.call(&path, &draft).await.0, 201);
        }
        let of_one = format!("{path}/order_update?language=es");
        assert_eq!(delete(&app, &of_one).await.0, 204);
        assert_eq!(listed(&app, &path).await, [row("order_update", "de", "pending"), row("order_update", "en_US", "pending")]);
        assert_eq!(app.whatsapp.template_requests().pop().unwrap()["delete"], json!({"name": "order_update", "hsm_id": "7001"}));
        assert_eq!(delete(&app, &of_one).await.0, 404, "it is gone");
        assert_eq!(delete(&app, &format!("{path}/order_update")).await.0, 204);
        assert_eq!(app.whatsapp.template_requests().pop().unwrap()["delete"], json!({"name": "order_update"}));
        assert!(listed(&app, &path).await.is_empty());
        assert_eq!(delete(&app, &format!("{path}/order_update")).await.0, 404);
        app.stop().await;
    }

    async fn what_whatsapp_refuses_is_told_in_its_words_and_changes_nothing(db) {
        let (app, path) = known(Setup::on(db)).await;
        // Checked before: nothing is asked of WhatsApp.
        for (key, value, code) in [
            ("name", json!("Order Update"), "draft_name"),
            ("body", json!("Hello {{1}} and {{3}} there"), "draft_variables"),
            ("examples", json!([]), "draft_example"),
            ("category", json!("authentication"), "draft_category"),
        ] {
            let mut draft = draft();
            draft[key] = value;
            let (status, problem) = app.call(&path, &draft).await;
            assert_eq!((status.as_u16(), &problem["code"]), (422, &json!(code)), "{problem}");
        }
        assert!(app.whatsapp.template_requests().is_empty());
        app.whatsapp.refuse_next_template(&json!({"error": {"message": "Invalid parameter", "type": "OAuthException", "code": 100,
            "error_subcode": 2_388_299, "error_user_title": "Variables", "error_user_msg": "Too many variables for the length of the text."}}));
        let (status, problem) = app.call(&path, &draft()).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("template_refused")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("Too many variables for the length"), "{problem}");
        assert!(listed(&app, &path).await.is_empty());
        assert_eq!(app.call(&path, &draft()).await.0, 201);
        app.whatsapp.refuse_next_template(&json!({"error": {"message": "(#200) No permission", "type": "OAuthException", "code": 200}}));
        assert_eq!(delete(&app, &format!("{path}/order_update")).await.0, 422);
        assert_eq!(listed(&app, &path).await.len(), 1);
        // Nobody else's number, and nothing but a name in its path.
        assert_eq!(app.call("/numbers/num_nobody/templates", &draft()).await.0, 404);
        assert_eq!(delete(&app, &format!("{path}/..%2F..%2Fme")).await.0, 404);
        app.stop().await;
    }
}
