//! A person sends files: what WhatsApp gets over HTTP, what it costs when the way there fails, and
//! what is refused before. Tries to have a file sent twice, never, or as something else.

use std::time::Duration;

use frontdesk::domain::time::now_ms;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::delivery::{cases, owner, pause, says, until};
use crate::replay::all_the_same;
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::{Graph, SentMessage};
use crate::support::hooks::{echo_of, echo_webhook, text_webhook};
use crate::support::openai::last_message;

const CUSTOMER: &str = "447700970101";
const OTHER: &str = "447700970102";
const PDF: &[u8] = b"%PDF-1.7 the menu";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123";

/// A file to send: name, bytes, caption.
type GivenFile<'a> = (&'a str, &'a [u8], &'a str);

async fn form(app: &TestApp, conversation: &str, key: &str, form: Form) -> (u16, Value) {
    let url = format!("{}/api/v1/conversations/{conversation}/messages", app.url);
    let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", key);
    let response = request.multipart(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn sends(app: &TestApp, conversation: &str, key: &str, given: GivenFile<'_>) -> (u16, Value) {
    let (name, bytes, caption) = given;
    // What the browser says of the type is not believed.
    let part = Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    let part = part.mime_str("text/html").unwrap();
    let fields = Form::new().part("file", part).text("text", caption.to_owned());
    form(app, conversation, key, fields).await
}

/// What the customer received, without the answer of [`begun`]. Support contacts get notices, too.
fn received(app: &TestApp) -> Vec<SentMessage> {
    let to_him = |sent: &SentMessage| sent.to.ends_with(CUSTOMER);
    app.whatsapp.sent().into_iter().filter(to_him).skip(1).collect()
}

/// Lets a customer write, be answered, and returns the conversation.
async fn begun(app: &TestApp, customer: &str) -> String {
    says(app, customer, &format!("first-{customer}"), "When do you open?").await;
    app.settle().await;
    app.conversation_with(customer).await["id"].as_str().unwrap().to_owned()
}

async fn bytes(app: &TestApp, message: &Value) -> (u16, Vec<u8>) {
    let id = message["id"].as_str().unwrap();
    let request = app.http.get(format!("{}/api/v1/messages/{id}/media", app.url)).bearer_auth(KEY);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

on_both! {
    async fn a_file_goes_out_as_what_it_is_and_is_uploaded_once(db) {
        let app = Setup::on(db).start().await;
        let id = begun(&app, CUSTOMER).await;
        let (status, message) = sends(&app, &id, "k1", ("C:\\menus\\Menu été.pdf", PDF, " Our menu ")).await;
        assert_eq!(status, 201, "{message}");
        assert_eq!((&message["kind"], &message["text"], &message["author"]), (&json!("document"), &json!("Our menu"), &json!("person")));
        assert_eq!(message["media"], json!({"kind": "document", "mime_type": "application/pdf", "name": "Menu été.pdf", "state": "stored", "size": PDF.len(), "reason": null}));
        assert_eq!(sends(&app, &id, "k2", ("shop.gif.jpg", PNG, "")).await.0, 201);
        assert_eq!(sends(&app, &id, "k3", ("hello.bin", b"OggS....OpusHead", "")).await.0, 201);
        assert_eq!(sends(&app, &id, "k4", ("prices.csv", b"lamp,7", "")).await.0, 201);
        app.settle().await;
        let sent = received(&app);
        let got: Vec<_> = sent.iter().map(|one| {
            let file = one.file.clone().unwrap();
            (file.kind, file.upload.mime, file.name, one.text.clone(), file.voice)
        }).collect();
        let entry = |kind: &str, mime: &str, name: Option<&str>, text: &str, voice| (kind.to_owned(), mime.to_owned(), name.map(str::to_owned), text.to_owned(), voice);
        assert_eq!(got, [
            entry("document", "application/pdf", Some("Menu été.pdf"), "Our menu", false),
            entry("image", "image/png", None, "", false),
            entry("audio", "audio/ogg", None, "", true),
            entry("document", "text/plain", Some("prices.csv"), "", false),
        ]);
        assert_eq!(&*sent[0].file.as_ref().unwrap().upload.bytes, PDF);
        assert_eq!(sent[0].reference.as_deref(), message["id"].as_str());
        assert_eq!(bytes(&app, &message).await, (200, PDF.to_vec()));
        // The same file to another customer of the number is sent by the same upload.
        let other = begun(&app, OTHER).await;
        assert_eq!(sends(&app, &other, "k1", ("menu.pdf", PDF, "")).await.0, 201);
        app.settle().await;
        let last = app.whatsapp.sent().pop().unwrap().file.unwrap();
        assert_eq!((app.whatsapp.uploads().len(), last.upload.id, last.name), (4, sent[0].file.as_ref().unwrap().upload.id.clone(), Some("menu.pdf".to_owned())));
        assert_eq!((owner(&app, OTHER).await, cases(&app).await.len()), ("person".to_owned(), 0));
        // The model reads of it when the bot answers again.
        let (status, _) = app.call(&format!("/conversations/{id}/resolve"), &json!({})).await;
        assert_eq!(status, 200);
        says(&app, CUSTOMER, "2", "Thanks! Which lamps have you?").await;
        app.settle().await;
        let request = app.model.requests().pop().unwrap();
        assert!(last_message(&request).contains("Which lamps"), "{request}");
        assert!(request.to_string().contains("Our menu"), "{request}");
        all_the_same(&app).await;
        app.stop().await;
    }

    async fn a_repeated_request_sends_nothing_more_and_another_file_is_refused(db) {
        let app = Setup::on(db).start().await;
        let id = begun(&app, CUSTOMER).await;
        let asked = (0..6).map(|_| sends(&app, &id, "k1", ("menu.pdf", PDF, "Menu")));
        let answers = futures::future::join_all(asked).await;
        assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|(status, one)| *status <= 201 && one["id"] == answers[0].1["id"]), "{answers:?}");
        for other in [("menu.pdf", b"%PDF-1.7 another".as_slice(), "Menu"), ("other.pdf", PDF, "Menu"), ("menu.pdf", PDF, "menu")] {
            assert_eq!(sends(&app, &id, "k1", other).await.0, 409, "{other:?}");
        }
        app.settle().await;
        assert_eq!((received(&app).len(), app.whatsapp.uploads().len()), (1, 1));
        app.stop().await;
    }

    async fn an_upload_that_fails_is_repeated_and_one_that_meta_forgot_is_done_anew(db) {
        let app = Setup::on(db).start().await;
        let id = begun(&app, CUSTOMER).await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next_uploads(1, &Failure::Status(500, busy, None));
        // Meta took it and the answer was lost: an upload reaches nobody, so that it is repeated.
        app.whatsapp.fail_next_uploads(1, &Failure::AcceptThenDrop);
        assert_eq!(sends(&app, &id, "k1", ("menu.pdf", PDF, "")).await.0, 201);
        app.settle().await;
        assert_eq!((received(&app).len(), app.whatsapp.uploads().len()), (1, 2));
        app.whatsapp.drop_uploads();
        assert_eq!(sends(&app, &id, "k2", ("menu.pdf", PDF, "")).await.0, 201);
        app.settle().await;
        let sent = received(&app);
        assert_eq!((sent.len(), app.whatsapp.uploads().len()), (2, 3));
        // What is sent and not answered is unknown, as with a text: it is not sent again.
        app.whatsapp.fail_next(1, &Failure::AcceptThenDrop);
        assert_eq!(sends(&app, &id, "k3", ("menu.pdf", PDF, "")).await.0, 201);
        until("it is unknown", async || app.thread(CUSTOMER).await.last().unwrap()["state"] == "unknown").await;
        assert_eq!((received(&app).len(), app.whatsapp.uploads().len()), (3, 3));
        app.stop().await;
    }

    async fn what_meta_refuses_fails_with_its_words_and_is_sent_once_more_on_demand(db) {
        let app = Setup::on(db).start().await;
        let id = begun(&app, CUSTOMER).await;
        let refused = Graph::error(131_053, "Media upload error");
        app.whatsapp.fail_next_uploads(1, &Failure::Status(400, refused, None));
        let (_, message) = sends(&app, &id, "k1", ("menu.pdf", PDF, "Menu")).await;
        app.settle().await;
        let failed = app.thread(CUSTOMER).await.pop().unwrap();
        assert_eq!((&failed["state"], failed["note"].as_str().unwrap().contains("Media upload error")), (&json!("failed"), true), "{failed}");
        assert_eq!(received(&app).len(), 0);
        let retry = format!("/messages/{}/retry", message["id"].as_str().unwrap());
        assert_eq!(app.call(&retry, &json!({})).await.0, 200);
        app.settle().await;
        assert_eq!(received(&app).len(), 1);
        // Without its file it cannot be sent.
        app.whatsapp.fail_next(1, &Failure::Status(400, Graph::error(131_026, "Undeliverable"), None));
        let (_, message) = sends(&app, &id, "k2", ("menu.pdf", PDF, "Menu")).await;
        app.settle().await;
        app.change("update message_files set state = 'removed', hash = null").await;
        let retry = format!("/messages/{}/retry", message["id"].as_str().unwrap());
        let (status, problem) = app.call(&retry, &json!({})).await;
        assert_eq!((status.as_u16(), problem["detail"].as_str().unwrap().contains("a file only while it is stored")), (409, true), "{problem}");
        app.stop().await;
    }

    async fn a_claim_that_ends_in_an_upload_sends_nothing_twice(db) {
        let app = Setup::on(db).start().await;
        let id = begun(&app, CUSTOMER).await;
        app.whatsapp.fail_next_uploads(1, &Failure::Stall(Duration::from_secs(4)));
        let (_, message) = sends(&app, &id, "k1", ("menu.pdf", PDF, "")).await;
        let held = "update file_uploads set claim = claim where unended = 1 and due_at is not null";
        until("it is uploading", async || app.change(held).await == 1).await;
        assert_eq!(message["state"], "queued");
        app.change("update file_uploads set due_at = 1").await;
        until("another attempt sends it", async || received(&app).len() == 1).await;
        // The upload that took too long comes to its end, and changes nothing.
        until("both are uploaded", async || app.whatsapp.uploads().len() == 2).await;
        pause(500).await;
        app.settle().await;
        let sent = app.thread(CUSTOMER).await.pop().unwrap();
        assert_eq!((&sent["state"], &sent["note"]), (&json!("sent"), &Value::Null));
        let first = received(&app)[0].file.clone().unwrap().upload.id;
        assert_eq!(sends(&app, &id, "k2", ("menu.pdf", PDF, "")).await.0, 201);
        app.settle().await;
        assert_eq!((received(&app).len(), received(&app)[1].file.clone().unwrap().upload.id), (2, first));
        app.stop().await;
    }

    async fn a_customer_who_opts_out_during_the_upload_gets_nothing(db) {
        let app = Setup::on(db).start().await;
        let id = begun(&app, CUSTOMER).await;
        app.whatsapp.fail_next_uploads(1, &Failure::Stall(Duration::from_secs(2)));
        assert_eq!(sends(&app, &id, "k1", ("menu.pdf", PDF, "Menu")).await.0, 201);
        app.deliver(&text_webhook(MAIN, CUSTOMER, "wamid.stop", "STOP")).await;
        until("it is uploaded", async || app.whatsapp.uploads().len() == 1).await;
        until("it is decided", async || app.thread(CUSTOMER).await.iter().any(|one| one["state"] == "failed")).await;
        assert!(received(&app).iter().all(|sent| sent.file.is_none()), "{:?}", received(&app));
        app.stop().await;
    }

    async fn many_messages_with_a_new_file_upload_it_once_and_what_follows_waits(db) {
        let app = Setup::on(db).start().await;
        let (id, other) = (begun(&app, CUSTOMER).await, begun(&app, OTHER).await);
        app.whatsapp.fail_next_uploads(1, &Failure::Stall(Duration::from_secs(1)));
        for (key, conversation) in [("k1", &id), ("k2", &other), ("k3", &id)] {
            assert_eq!(sends(&app, conversation, key, ("menu.pdf", PDF, key)).await.0, 201);
        }
        let text = json!({"text": "There it is."});
        let url = format!("{}/api/v1/conversations/{id}/messages", app.url);
        let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", "k4").json(&text);
        assert_eq!(request.send().await.unwrap().status(), 201);
        app.settle().await;
        let texts: Vec<_> = received(&app).into_iter().map(|sent| sent.text).collect();
        assert_eq!((texts.join(" "), app.whatsapp.uploads().len()), ("k1 k3 There it is.".to_owned(), 1));
        // A number that changes may be of another account.
        app.change("update file_uploads set media_id = null").await;
        assert_eq!(sends(&app, &id, "k5", ("menu.pdf", PDF, "k5")).await.0, 201);
        app.settle().await;
        assert_eq!(app.whatsapp.uploads().len(), 2);
        // Meta took the message, and could not use its file: the next one uploads it anew.
        let failed = received(&app).pop().unwrap().failed_webhook(131_053, "Media upload error");
        app.deliver(&failed).await;
        assert_eq!(sends(&app, &id, "k6", ("menu.pdf", PDF, "k6")).await.0, 201);
        app.settle().await;
        assert_eq!(app.whatsapp.uploads().len(), 3);
        app.stop().await;
    }

    async fn the_echo_of_a_text_is_not_taken_for_a_file_with_that_caption(db) {
        let app = Setup::on(db).start().await;
        let id = begun(&app, CUSTOMER).await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(3)));
        assert_eq!(sends(&app, &id, "k1", ("menu.pdf", PDF, "Menu")).await.0, 201);
        until("it is tried", async || app.thread(CUSTOMER).await.last().unwrap()["errors"] != Value::Null).await;
        app.deliver(&echo_webhook(MAIN, CUSTOMER, "wamid.echo", "Menu")).await;
        let photo = json!({"type": "image", "image": {"id": "77", "mime_type": "image/png"}});
        assert_eq!(sends(&app, &id, "k2", ("lamp.png", PNG, "")).await.0, 201);
        app.deliver(&echo_of(MAIN, CUSTOMER, "wamid.photo", &photo)).await;
        until("they are sent", async || received(&app).len() == 2).await;
        assert!(received(&app).iter().all(|sent| sent.file.is_some()));
        app.settle().await;
        let ours = app.thread(CUSTOMER).await.into_iter().filter(|one| one["author"] == "person");
        assert_eq!(ours.count(), 4);
        app.stop().await;
    }

    async fn what_whatsapp_would_not_take_is_refused_with_what_it_takes(db) {
        let app = Setup::on(db).with("[worker]\nmax_file_bytes = 100000\n").start().await;
        let id = begun(&app, CUSTOMER).await;
        for (given, words) in [
            (("page.html", b"<html>".as_slice(), ""), "JPEG and PNG pictures"),
            (("logo.svg", b"<svg/>", ""), "JPEG and PNG pictures"),
            (("empty.pdf", b"", ""), "empty"),
            (("hello.ogg", b"OggS....OpusHead", "words"), "no text beside sound"),
            (("menu.pdf", PDF, &"x".repeat(1025)), "1025 characters"),
        ] {
            let (status, problem) = sends(&app, &id, "k", given).await;
            assert_eq!((status, problem["detail"].as_str().unwrap().contains(words)), (422, true), "{problem}");
        }
        let large = vec![b'%'; 100_001];
        let (status, problem) = sends(&app, &id, "k", ("large.pdf", &large, "")).await;
        assert_eq!((status, problem["detail"].as_str().unwrap().contains("max_file_bytes")), (413, true), "{problem}");
        let huge = vec![b'%'; 3_000_000];
        assert_eq!(sends(&app, &id, "k", ("huge.pdf", &huge, "")).await.0, 413);
        let file = || Part::bytes(PDF).file_name("menu.pdf");
        for (fields, status) in [
            (Form::new().text("text", "no file"), 422),
            (Form::new().text("file", "no name"), 400),
            (Form::new().part("file", file()).part("file", file()), 400),
            (Form::new().part("file", file()).text("to", "+4477"), 400),
            (Form::new().part("file", file()).text("reply_to", "msg_nobody"), 422),
        ] {
            assert_eq!(form(&app, &id, "k", fields).await.0, status);
        }
        // A closed window and an opt-out are what they are for a text.
        let long_ago = now_ms() - 25 * 3_600_000;
        app.change(&format!("update conversations set last_inbound_at = {long_ago} where id = '{id}'")).await;
        let (status, problem) = sends(&app, &id, "k", ("menu.pdf", PDF, "")).await;
        assert_eq!((status, &problem["code"]), (409, &json!("window_closed")), "{problem}");
        app.deliver(&text_webhook(MAIN, CUSTOMER, "wamid.stop", "STOP")).await;
        app.settle().await;
        let (status, problem) = sends(&app, &id, "k", ("menu.pdf", PDF, "")).await;
        assert_eq!((status, &problem["code"]), (409, &json!("opted_out")), "{problem}");
        assert_eq!(received(&app).iter().filter(|one| one.file.is_some()).count(), 0);
        assert!(app.whatsapp.uploads().is_empty());
        app.stop().await;
    }

    async fn a_file_is_never_replaced_by_the_template_when_the_window_closes_meanwhile(db) {
        let app = Setup::on(db).with("[numbers.main]\ntemplate = { name = \"hello\", language = \"en\", with_text = true }").start().await;
        let id = begun(&app, CUSTOMER).await;
        let closed = Graph::error(131_047, "Re-engagement message");
        app.whatsapp.fail_next(1, &Failure::Status(400, closed, None));
        assert_eq!(sends(&app, &id, "k1", ("menu.pdf", PDF, "Menu")).await.0, 201);
        app.settle().await;
        assert_eq!(received(&app).len(), 0);
        assert_eq!(app.thread(CUSTOMER).await.pop().unwrap()["state"], "failed");
        assert_eq!(cases(&app).await.len(), 1, "a person is told");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_waits_to_be_sent_is_not_removed_to_make_room() {
    let app = Setup::on(Db::Sqlite).start().await;
    let id = begun(&app, CUSTOMER).await;
    let refused = Graph::error(190, "Error validating access token");
    app.whatsapp.fail_next_uploads(1, &Failure::Status(401, refused, None));
    let (_, message) = sends(&app, &id, "k1", ("menu.pdf", PDF, "")).await;
    until("the upload was tried", async || {
        app.thread(CUSTOMER).await.last().unwrap()["errors"] != Value::Null
    })
    .await;
    let thread = app.thread(CUSTOMER).await;
    assert_eq!(thread.last().unwrap()["state"], "queued", "it waits for a token");
    assert_eq!(app.get("/numbers").await[0]["state"], "stopped", "as with a text");
    let number = app.desk.numbers.all()[0].id.clone();
    assert_eq!(app.desk.store.forget_files(now_ms() + 1, 10).await.unwrap(), 0);
    assert_eq!(app.desk.store.make_room(&number, 1, 10).await.unwrap(), 0);
    assert_eq!(bytes(&app, &message).await, (200, PDF.to_vec()));
    app.change("update messages set state = 'sent' where kind = 'document'").await;
    assert_eq!(app.desk.store.forget_files(now_ms() + 1, 10).await.unwrap(), 1);
    app.stop().await;
}
