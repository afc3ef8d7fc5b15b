//! Products, forms (Flows) and templates with a file or a place above their text, exactly as Meta
//! documents them; and the answer to a form.

use frontdesk::domain::time::now_ms;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::delivery::{cases, owner, says, until};
use crate::support::app::{KEY, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::{Graph, SentMessage};
use crate::support::hooks::message_webhook;

const CUSTOMER: &str = "447700980301";
const OTHER: &str = "447700980302";
/// The account that webhooks of the tests name.
const ACCOUNT: &str = "102290129340398";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123";
const PDF: &[u8] = b"%PDF-1.7 the menu";

/// A desk to which the customer wrote. Returns the conversation.
async fn asked(setup: Setup) -> (TestApp, String) {
    let app = setup.start().await;
    app.whatsapp.set_templates(ACCOUNT, &templates());
    says(&app, CUSTOMER, "first", "When do you open?").await;
    app.settle().await;
    let id = app.conversation_with(CUSTOMER).await["id"].as_str().unwrap().to_owned();
    (app, id)
}

/// The same after the window has closed, with the templates of the account.
async fn late(setup: Setup) -> (TestApp, String) {
    let (app, id) = asked(setup).await;
    let before = now_ms() - 48 * 3_600_000;
    app.change(&format!("update conversations set last_inbound_at = {before}")).await;
    let numbers = app.get("/numbers").await;
    let main = numbers.as_array().unwrap().iter().find(|one| one["slug"] == "main").unwrap();
    let sync = format!("/numbers/{}/templates/sync", main["id"].as_str().unwrap());
    let (status, read) = app.call(&sync, &json!({})).await;
    assert_eq!(status, 200, "{read}");
    (app, id)
}

fn templates() -> Value {
    let with = |name: &str, header: Value, more: Option<Value>| {
        let mut components = vec![
            json!({"type": "HEADER", "format": header}),
            json!({"type": "BODY", "text": "Look, {{1}}"}),
        ];
        components.extend(more);
        json!({"id": name, "name": name, "language": "en", "status": "APPROVED", "category": "MARKETING", "components": components})
    };
    let code = json!({"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copy", "example": "SAVE"}]});
    json!([
        with("picture", json!("IMAGE"), Some(code)),
        with("menu", json!("DOCUMENT"), None),
        with("place", json!("LOCATION"), None),
    ])
}

/// A template with the values that all take, and more.
fn template(name: &str, more: &[(&str, &str, &str)]) -> Value {
    let value =
        |part: &str, name: &str, value: &str| json!({"part": part, "name": name, "value": value});
    let mut values = vec![value("body", "1", "Ana")];
    values.extend(more.iter().map(|(part, name, text)| value(part, name, text)));
    json!({"name": name, "language": "en", "values": values})
}

async fn sends(app: &TestApp, id: &str, key: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/conversations/{id}/messages", app.url);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", key).json(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn sends_file(
    app: &TestApp,
    (id, key): (&str, &str),
    template: &Value,
    (name, bytes): (&str, &[u8]),
) -> (u16, Value) {
    let part = Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    let form = Form::new().part("file", part).text("template", template.to_string());
    let url = format!("{}/api/v1/conversations/{id}/messages", app.url);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", key);
    let response = request.multipart(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// What WhatsApp got after the first answer.
fn received(app: &TestApp) -> Vec<SentMessage> {
    let to_him = |sent: &SentMessage| sent.to.ends_with(CUSTOMER);
    app.whatsapp.sent().into_iter().filter(to_him).skip(1).collect()
}

fn products(sections: &Value) -> Value {
    json!({"text": "Our lamps.", "products": {"catalog": "77", "header": "Lamps", "sections": sections}})
}

fn booking() -> Value {
    json!({"text": "Book a table.", "flow": {"id": "12", "label": "Book", "screen": "FIRST"}})
}

on_both! {
    async fn products_and_forms_go_out_as_meta_documents_them(db) {
        let (app, id) = asked(Setup::on(db)).await;
        let item = |id: &str| json!({"product_retailer_id": id});
        let sent = [
            (json!({"products": {"catalog": "77", "sections": [{"products": ["lamp-1"]}]}}), "products", "Products of catalogue 77: lamp-1",
                json!({"type": "product", "action": {"catalog_id": "77", "product_retailer_id": "lamp-1"}})),
            (json!({"text": "This one?", "products": {"catalog": "77", "footer": "Acme", "sections": [{"products": ["lamp-1"]}]}}), "products",
                "This one?\n\nProducts of catalogue 77: lamp-1\n\nAcme",
                json!({"type": "product", "body": {"text": "This one?"}, "footer": {"text": "Acme"}, "action": {"catalog_id": "77", "product_retailer_id": "lamp-1"}})),
            (products(&json!([{"title": "Desk", "products": ["a", "b"]}, {"title": "Floor", "products": ["c"]}])), "products",
                "Lamps\n\nOur lamps.\n\nProducts of catalogue 77: Desk: a, b; Floor: c",
                json!({"type": "product_list", "header": {"type": "text", "text": "Lamps"}, "body": {"text": "Our lamps."}, "action": {"catalog_id": "77", "sections": [
                    {"title": "Desk", "product_items": [item("a"), item("b")]}, {"title": "Floor", "product_items": [item("c")]}]}})),
            (booking(), "flow", "Book a table.\n\n[Book]",
                json!({"type": "flow", "body": {"text": "Book a table."}, "action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_token": "TOKEN",
                    "flow_id": "12", "flow_cta": "Book", "flow_action": "navigate", "flow_action_payload": {"screen": "FIRST"}}}})),
            (json!({"text": "Book.", "flow": {"id": "12", "label": "Book", "action": "data_exchange"}}), "flow", "Book.\n\n[Book]",
                json!({"type": "flow", "body": {"text": "Book."}, "action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_token": "TOKEN",
                    "flow_id": "12", "flow_cta": "Book", "flow_action": "data_exchange"}}})),
        ];
        let mut ids = Vec::new();
        for (at, (body, kind, text, _)) in sent.iter().enumerate() {
            let key = format!("k{at}");
            let (status, message) = sends(&app, &id, &key, body).await;
            assert_eq!(status, 201, "{body}: {message}");
            assert_eq!((&message["kind"], &message["text"]), (&json!(kind), &json!(text)), "{body}");
            let (again, same) = sends(&app, &id, &key, body).await;
            assert_eq!((again, &same["id"]), (200, &message["id"]), "{body}: the key is the message");
            ids.push(message["id"].clone());
        }
        app.settle().await;
        let got = received(&app);
        assert_eq!(got.len(), sent.len(), "{got:?}");
        for ((got, (body, _, _, wanted)), id) in got.iter().zip(&sent).zip(&ids) {
            let mut wanted = wanted.clone();
            if let Some(token) = wanted.pointer_mut("/action/parameters/flow_token") {
                *token = id.clone();
            }
            assert_eq!(got.content, wanted, "{body}");
        }
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        // The model reads of them when the bot answers again.
        assert_eq!(app.call(&format!("/conversations/{id}/resolve"), &json!({})).await.0, 200);
        says(&app, CUSTOMER, "2", "When do you open on Sunday?").await;
        app.settle().await;
        let asked = app.model.requests().pop().unwrap().to_string();
        assert!(asked.contains("Products of catalogue 77: Desk: a, b; Floor: c"), "{asked}");
        app.stop().await;
    }

    async fn what_whatsapp_would_refuse_of_them_is_refused_before(db) {
        let (app, id) = asked(Setup::on(db)).await;
        let single = |change: Value| {
            let mut body = json!({"products": {"catalog": "77", "sections": [{"products": ["a"]}]}});
            body["products"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            body
        };
        let flow = |change: Value| {
            let mut body = booking();
            body["flow"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            body
        };
        let sixteen = |at: usize| (0..16).map(|n| format!("p{at}-{n}")).collect::<Vec<_>>();
        for (body, word) in [
            (single(json!({"sections": []})), "1 to 10"),
            (single(json!({"sections": [{"products": []}]})), "1 to 30"),
            (single(json!({"sections": [{"products": ["a", "b"]}]})), "need a header and a text"),
            (single(json!({"header": "Lamps"})), "need a header and a text"),
            (single(json!({"catalog": "7 7"})), "id of the catalogue"),
            (products(&json!([{"products": ["a"]}, {"products": ["b"]}])), "needs a title"),
            (products(&json!([{"products": ["a", "a"]}])), "is there twice"),
            (products(&json!([{"title": "A", "products": sixteen(1)}, {"title": "B", "products": sixteen(2)}])), "32 products"),
            (flow(json!({"label": "x".repeat(31)})), "30"),
            (flow(json!({"label": " "})), "one line"),
            (flow(json!({"id": "1/2"})), "id of the form"),
            (flow(json!({"action": "data_exchange"})), "chooses its first screen"),
            (flow(json!({"action": "dance"})), "data_exchange"),
            (json!({"flow": booking()["flow"]}), "either"),
            (json!({"text": "A", "flow": booking()["flow"], "products": single(json!({}))["products"]}), "either"),
        ] {
            let (status, problem) = sends(&app, &id, "k1", &body).await;
            assert_eq!(status, 422, "{body}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{body}: {problem}");
        }
        app.settle().await;
        assert!(received(&app).is_empty());
        assert_eq!(owner(&app, CUSTOMER).await, "bot", "what is refused takes nothing over");
        app.change("update conversations set last_inbound_at = 1").await;
        for body in [single(json!({})), booking()] {
            let (status, problem) = sends(&app, &id, "k1", &body).await;
            assert_eq!((status, &problem["code"]), (409, &json!("window_closed")), "{body}: {problem}");
        }
        app.change("update contacts set opted_out_at = 1").await;
        for body in [single(json!({})), booking()] {
            let (status, problem) = sends(&app, &id, "k1", &body).await;
            assert_eq!((status, &problem["code"]), (409, &json!("opted_out")), "{body}: {problem}");
        }
        app.settle().await;
        assert!(received(&app).is_empty());
        app.stop().await;
    }

    async fn a_filled_in_form_quotes_the_message_that_its_token_names_and_no_other(db) {
        let (app, id) = asked(Setup::on(db)).await;
        let (_, sent) = sends(&app, &id, "k1", &booking()).await;
        says(&app, OTHER, "other", "When do you open?").await;
        app.settle().await;
        let other = app.conversation_with(OTHER).await["id"].as_str().unwrap().to_owned();
        let (_, elsewhere) = sends(&app, &other, "k1", &booking()).await;
        let (_, text) = sends(&app, &id, "k2", &json!({"text": "Hello"})).await;
        app.settle().await;
        let mine = app.thread(CUSTOMER).await.into_iter().find(|one| one["id"] == sent["id"]).unwrap();
        let filled = |token: &Value, quoted: Option<&str>| {
            let response = json!({"flow_token": token, "date": "2026-12-01"}).to_string();
            let mut message = json!({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": response}}});
            if let Some(quoted) = quoted {
                message["context"] = json!({"id": quoted});
            }
            message
        };
        for (at, (token, quoted, wanted)) in [
            (&sent["id"], None, mine["provider_id"].clone()),
            (&sent["id"], Some("wamid.OLD"), json!("wamid.OLD")),
            (&elsewhere["id"], None, Value::Null),
            (&text["id"], None, Value::Null),
            (&json!("unknown\u{0}"), None, Value::Null),
        ].into_iter().enumerate() {
            app.deliver(&message_webhook(MAIN, CUSTOMER, &format!("f{at}"), &filled(token, quoted))).await;
            app.settle().await;
            let answer = app.thread(CUSTOMER).await.into_iter().rfind(|one| one["kind"] == "form").unwrap();
            assert_eq!(answer["reply_to"], wanted, "{at}: {answer}");
        }
        app.stop().await;
    }

    async fn a_template_goes_out_with_the_file_above_its_text(db) {
        let (app, id) = late(Setup::on(db)).await;
        let picture = template("picture", &[("button", "0", "SAVE10")]);
        let (status, message) = sends_file(&app, (&id, "k1"), &picture, ("lamp.png", PNG)).await;
        assert_eq!(status, 201, "{message}");
        assert_eq!((&message["kind"], &message["text"]), (&json!("template"), &json!("Look, Ana")));
        assert_eq!((&message["media"]["kind"], &message["media"]["state"]), (&json!("image"), &json!("stored")), "{message}");
        let (again, same) = sends_file(&app, (&id, "k1"), &picture, ("lamp.png", PNG)).await;
        assert_eq!((again, &same["id"]), (200, &message["id"]));
        assert_eq!(sends_file(&app, (&id, "k1"), &picture, ("lamp.png", b"\x89PNG\r\n\x1a\nother")).await.0, 409);
        let menu = template("menu", &[]);
        assert_eq!(sends_file(&app, (&id, "k2"), &menu, ("menu.pdf", PDF)).await.0, 201);
        assert_eq!(sends_file(&app, (&id, "k3"), &picture, ("another name.png", PNG)).await.0, 201);
        let place = template("place", &[("header", "latitude", "51.5"), ("header", "longitude", "-0.12"), ("header", "name", "Acme"), ("header", "address", "1 Quay St")]);
        let (status, placed) = sends(&app, &id, "k4", &json!({"template": place})).await;
        assert_eq!((status, &placed["text"]), (201, &json!("Acme, 1 Quay St\n\nLook, Ana")), "{placed}");
        app.settle().await;
        let got = received(&app);
        assert_eq!((got.len(), app.whatsapp.uploads().len()), (4, 2), "the same bytes are uploaded once");
        let text = json!({"type": "body", "parameters": [{"type": "text", "text": "Ana"}]});
        let header = |value: Value| json!({"type": "header", "parameters": [value]});
        let upload = |at: usize| got[at].file.as_ref().unwrap().upload.id.clone();
        let code = json!({"type": "button", "sub_type": "copy_code", "index": "0", "parameters": [{"type": "coupon_code", "coupon_code": "SAVE10"}]});
        assert_eq!(got[0].components, json!([header(json!({"type": "image", "image": {"id": upload(0)}})), text, code]));
        assert_eq!(&*got[0].file.as_ref().unwrap().upload.bytes, PNG);
        assert_eq!(got[1].components, json!([header(json!({"type": "document", "document": {"id": upload(1), "filename": "menu.pdf"}})), text]));
        assert_eq!(upload(2), upload(0));
        assert_eq!(got[3].components, json!([header(json!({"type": "location", "location":
            {"latitude": "51.5", "longitude": "-0.12", "name": "Acme", "address": "1 Quay St"}})), text]));
        let media = format!("{}/api/v1/messages/{}/media", app.url, message["id"].as_str().unwrap());
        let response = app.http.get(media).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(response.bytes().await.unwrap(), PNG, "the inbox shows it");
        app.stop().await;
    }

    async fn a_dropped_upload_is_made_again_and_a_failed_template_is_sent_once_more(db) {
        let (app, id) = late(Setup::on(db)).await;
        let menu = template("menu", &[]);
        assert_eq!(sends_file(&app, (&id, "k1"), &menu, ("menu.pdf", PDF)).await.0, 201);
        app.settle().await;
        app.whatsapp.drop_uploads();
        assert_eq!(sends_file(&app, (&id, "k2"), &menu, ("menu.pdf", PDF)).await.0, 201);
        app.settle().await;
        assert_eq!((received(&app).len(), app.whatsapp.uploads().len()), (2, 2));
        app.whatsapp.fail_next_to(&format!("+{CUSTOMER}"), 1, &Failure::Status(400, Graph::error(131_026, "Undeliverable"), None));
        let (_, failed) = sends_file(&app, (&id, "k3"), &menu, ("menu.pdf", PDF)).await;
        until("it failed", async || app.thread(CUSTOMER).await.pop().unwrap()["state"] == "failed").await;
        assert_eq!(cases(&app).await.len(), 1);
        assert_eq!(app.call(&format!("/messages/{}/retry", failed["id"].as_str().unwrap()), &json!({})).await.0, 200);
        app.settle().await;
        let last = received(&app).pop().unwrap();
        assert_eq!((received(&app).len(), &*last.file.unwrap().upload.bytes), (3, PDF));
        app.stop().await;
    }

    async fn a_file_that_the_template_does_not_take_is_refused_before(db) {
        let (app, id) = late(Setup::on(db)).await;
        let code = [("button", "0", "SAVE10")];
        let picture = template("picture", &code);
        for (template, file, word) in [
            (&picture, ("menu.pdf", PDF), "a picture"),
            (&template("menu", &[]), ("lamp.png", PNG), "a document"),
            (&template("place", &[]), ("lamp.png", PNG), "without a file"),
            (&picture, ("page.html", b"<html>".as_slice()), "no such file"),
            (&template("picture", &[("button", "0", "A-CODE-OF-17-CHAR")]), ("lamp.png", PNG), "15"),
            (&template("none", &[]), ("lamp.png", PNG), "no such template"),
            (&json!("picture"), ("lamp.png", PNG), "template"),
            (&template("picture", &[("button", "0", "A"); 51]), ("lamp.png", PNG), "50"),
            (&template(&"x".repeat(600), &code), ("lamp.png", PNG), "512"),
        ] {
            let (status, problem) = sends_file(&app, (&id, "k1"), template, file).await;
            assert_eq!(status, 422, "{template}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{template}: {problem}");
        }
        let (status, problem) = sends(&app, &id, "k1", &json!({"template": picture})).await;
        assert_eq!(status, 422, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("attach one"), "{problem}");
        let nowhere = template("place", &[("header", "latitude", "91"), ("header", "longitude", "0"), ("header", "name", "A"), ("header", "address", "B")]);
        let (status, problem) = sends(&app, &id, "k1", &json!({"template": nowhere})).await;
        assert_eq!((status, problem["detail"].as_str().unwrap().contains("-90 to 90")), (422, true), "{problem}");
        // A list may hold the degrees of a campaign's place, and no file.
        let number = app.conversation_with(CUSTOMER).await["number_id"].clone();
        let degrees = [("header", "latitude", "{{lat}}"), ("header", "longitude", "{{lon}}"), ("header", "name", "A"), ("header", "address", "B")];
        for (template, wanted) in [(template("place", &degrees), 201), (picture.clone(), 422)] {
            let campaign = json!({"name": "Look", "number_id": number, "opt_in": "Form", "template": template});
            let (status, made) = app.call("/campaigns", &campaign).await;
            assert_eq!(status, wanted, "{made}");
        }
        app.change("update contacts set opted_out_at = 1").await;
        let (status, problem) = sends_file(&app, (&id, "k1"), &picture, ("lamp.png", PNG)).await;
        assert_eq!((status, &problem["code"]), (409, &json!("opted_out")), "{problem}");
        app.settle().await;
        assert!(received(&app).is_empty() && app.whatsapp.uploads().is_empty());
        app.stop().await;
    }
}
