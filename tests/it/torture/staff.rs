//! Staff: has customers write once and be answered, then writes texts, files and templates to them
//! through the API, each until it is accepted. Must not know what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::dice::Dice;
use super::fleet::Fleet;
use super::ledger::{Ledger, Mark};
use super::post::Post;
use crate::support::app::KEY;

/// The template that staff send; its value is the mark.
const TEMPLATE: &str = "order_update";
const LANGUAGE: &str = "en_US";

/// The account's templates, as Meta gives them.
pub(super) fn templates() -> Value {
    json!([{"id": "806312974732579", "name": TEMPLATE, "language": LANGUAGE, "status": "APPROVED", "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Your {{1}} is ready."}]}])
}

/// The people who write.
pub(super) struct Staff {
    dice: Dice,
    fleet: Arc<Fleet>,
    ledger: Arc<Ledger>,
    post: Arc<Post>,
    http: Client,
}

impl Staff {
    pub(super) fn new(dice: Dice, fleet: Arc<Fleet>, ledger: Arc<Ledger>, post: Arc<Post>) -> Self {
        let http = Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { dice, fleet, ledger, post, http }
    }

    /// Serves a customer: one message of his, and the others of ours, following the progress of the
    /// storm.
    pub(super) async fn serve(self: Arc<Self>, customer: usize, messages: usize) {
        let phase = self.dice.below(1000);
        let opening = Mark { customer, message: 0 };
        self.post.hand_in(opening).await.unwrap();
        let conversation = self.answered(opening).await;
        self.read_templates().await;
        for message in 1..messages {
            self.fleet.wait_progress((message, messages), phase, &self.dice).await;
            self.write(&conversation, Mark { customer, message }).await;
        }
    }

    /// Waits until the customer is known to have the bot's answer. Returns the conversation: who
    /// takes it over earlier gives up what the bot may have sent.
    async fn answered(&self, opening: Mark) -> String {
        loop {
            let path = format!("conversations?q={}", opening.wa_id());
            if let Some(found) = self.get(&path).await
                && let Some(id) = found["items"][0]["id"].as_str()
                && let Some(thread) = self.get(&format!("conversations/{id}/messages")).await
                && thread["items"].as_array().is_some_and(|all| {
                    let there = |one: &Value| one["state"] == "delivered" || one["state"] == "read";
                    all.iter().any(|one| one["direction"] == "out" && there(one))
                })
            {
                return id.to_owned();
            }
            self.dice.pause(100..300).await;
        }
    }

    async fn read_templates(&self) {
        loop {
            if let Some(numbers) = self.get("numbers").await
                && let Some(id) = numbers[0]["id"].as_str()
                && let Some(url) = self.url(&format!("numbers/{id}/templates/sync"))
                && self
                    .http
                    .post(url)
                    .bearer_auth(KEY)
                    .send()
                    .await
                    .is_ok_and(|it| it.status() == 200)
            {
                return;
            }
            self.dice.pause(50..200).await;
        }
    }

    /// Writes a message until a replica accepts it, as a page that lost its connection does.
    async fn write(&self, conversation: &str, mark: Mark) {
        let kind = self.dice.below(10);
        loop {
            if let Some(url) = self.url(&format!("conversations/{conversation}/messages")) {
                let request = self.http.post(url).bearer_auth(KEY);
                let request = request.header("idempotency-key", mark.to_string());
                match with_content(request, kind, mark).send().await {
                    Ok(response) if response.status().is_success() => break,
                    Ok(response) if response.status().is_client_error() => {
                        panic!("{mark}: {} {:?}", response.status(), response.text().await)
                    }
                    _ => {}
                }
            }
            self.dice.pause(20..250).await;
        }
        self.ledger.acknowledge(&[mark]);
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let response = self.http.get(self.url(path)?).bearer_auth(KEY).send().await.ok()?;
        response.error_for_status().ok()?.json().await.ok()
    }

    fn url(&self, path: &str) -> Option<String> {
        Some(format!("{}/api/v1/{path}", self.fleet.anyone(&self.dice)?))
    }
}

/// The message with its mark: a picture, a document, a template or a text. Each file has bytes of
/// its own, so that each is uploaded.
fn with_content(request: RequestBuilder, kind: u64, mark: Mark) -> RequestBuilder {
    let words = format!("{mark} for you");
    let file = |head: &[u8], name: String| {
        let bytes = [head, mark.to_string().as_bytes()].concat();
        Form::new().part("file", Part::bytes(bytes).file_name(name)).text("text", words.clone())
    };
    match kind {
        0..3 => request.multipart(file(b"\x89PNG\r\n\x1a\n", format!("{mark}.png"))),
        3..6 => request.multipart(file(b"%PDF-1.7 ", format!("{mark}.pdf"))),
        6..8 => {
            let values = json!([{"part": "body", "name": "1", "value": mark.to_string()}]);
            let template = json!({"name": TEMPLATE, "language": LANGUAGE, "values": values});
            request.json(&json!({"template": template}))
        }
        _ => request.json(&json!({"text": words})),
    }
}
