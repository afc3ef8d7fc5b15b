//! Voice notes, from the webhook to the answer: heard, brought along, not understood, in bursts, put right, in the sandbox. A
//! file for each; here is what they share.

use serde_json::{Value, json};

use crate::delivery::{says, until};
use crate::support::app::{KEY, MAIN, TestApp};
use crate::support::hooks::{Note, message_webhook, voice_webhook};

mod brought;
mod corrected;
mod deaf;
mod given_up;
mod heard;
mod sandbox;
mod together;

const CUSTOMER: &str = "447700960001";
/// What the agent `acme` says when it did not understand.
const FAILURE: &str = "I could not hear that, please write.";
const UNREADABLE: &str = "Please write your question.";

/// The agent `acme` with more in its header, and what it is told.
fn acme(header: &str, prompt: &str) -> String {
    format!(
        "---\nname: Acme Lamps\nknowledge: [acme]\nunreadable: \"{UNREADABLE}\"\n{header}\n---\n{prompt}\n"
    )
}

/// A voice note's webhook; its id is made of the customer's number and `id`, and its file is there to be fetched.
fn note_of(app: &TestApp, (customer, id): (&str, &str), bytes: &[u8]) -> Vec<u8> {
    let (media_id, id) = (format!("media{customer}{id}"), format!("wamid.{customer}.{id}"));
    app.whatsapp.put_media(&media_id, bytes, "audio/ogg");
    voice_webhook(MAIN, customer, &id, Note { media_id: &media_id, bytes })
}

/// A customer sends a voice note to the number of `acme`.
async fn speaks(app: &TestApp, customer: &str, id: &str, bytes: &[u8]) {
    assert_eq!(app.deliver(&note_of(app, (customer, id), bytes)).await, 200);
}

/// A customer sends a file that is no voice note: `audio` or `video`, with or without words under it.
async fn sends(app: &TestApp, (customer, kind): (&str, &str), bytes: &[u8], caption: Option<&str>) {
    let id = format!("file{customer}{kind}");
    app.whatsapp.put_media(&id, bytes, "audio/mpeg");
    let mut file = json!({"id": id, "mime_type": "audio/mpeg", "sha256": ""});
    if let Some(caption) = caption {
        file["caption"] = caption.into();
    }
    let content = json!({"type": kind, kind: file});
    let hook = message_webhook(MAIN, customer, &format!("wamid.{id}"), &content);
    assert_eq!(app.deliver(&hook).await, 200);
}

/// The turn that answered a message.
async fn turn_of(app: &TestApp, message: &Value) -> Value {
    app.get(&format!("/turns/{}", message["turn_id"].as_str().unwrap())).await
}

/// What a model was told last, before the conversation.
fn told(app: &TestApp) -> String {
    app.model.requests().last().unwrap()["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// What the model was shown as said by the customer in the last chat.
fn shown(app: &TestApp) -> Vec<String> {
    let last = app.model.requests().pop().unwrap();
    let messages = last["messages"].as_array().unwrap().iter();
    let said = messages.filter(|message| message["role"] == "user");
    said.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

/// Reads from the API with the key, whatever the answer.
async fn raw(app: &TestApp, path: &str) -> reqwest::Response {
    app.http.get(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY).send().await.unwrap()
}

/// Puts something in the place of what the API has; status and answer.
async fn put(app: &TestApp, path: &str, body: &Value) -> (u16, Value) {
    let request = app.http.put(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY);
    let response = request.json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// The recording of a message, by its path.
fn recording(message: &Value) -> String {
    format!("/messages/{}/recording", message["id"].as_str().unwrap())
}
