//! Voice notes from the webhook to the answer: transcribed, embedded in the event, not understood,
//! in bursts, corrected, in the sandbox. One file for each; this one holds what they share.

use serde_json::{Value, json};

use crate::delivery::{says, until};
use crate::support::app::{KEY, MAIN, TestApp};
use crate::support::hooks::{Note, message_webhook, voice_webhook};
use crate::support::openai::written;

mod brought;
mod corrected;
mod deaf;
mod given_up;
mod heard;
mod sandbox;
mod together;

const CUSTOMER: &str = "447700960001";
/// The sentence of the agent `acme` for a voice note it did not understand.
const FAILURE: &str = "I could not hear that, please write.";
const UNREADABLE: &str = "Please write your question.";

/// Returns the prompt file of the agent `acme` with more header lines and this prompt.
fn acme(header: &str, prompt: &str) -> String {
    format!(
        "---\nname: Acme Lamps\nknowledge: [acme]\nunreadable: \"{UNREADABLE}\"\n{header}\n---\n{prompt}\n"
    )
}

/// Returns a voice note's webhook and makes its file available for download; its id combines the
/// customer's number and `id`.
fn note_of(app: &TestApp, (customer, id): (&str, &str), bytes: &[u8]) -> Vec<u8> {
    let (media_id, id) = (format!("media{customer}{id}"), format!("wamid.{customer}.{id}"));
    app.whatsapp.put_media(&media_id, bytes, "audio/ogg");
    voice_webhook(MAIN, customer, &id, Note { media_id: &media_id, bytes })
}

/// Sends a voice note from a customer to the number of `acme`.
async fn speaks(app: &TestApp, customer: &str, id: &str, bytes: &[u8]) {
    assert_eq!(app.deliver(&note_of(app, (customer, id), bytes)).await, 200);
}

/// Sends a customer's file that is not a voice note: `audio` or `video`, with or without a caption.
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

/// Returns the turn that answered a message.
async fn turn_of(app: &TestApp, message: &Value) -> Value {
    app.get(&format!("/turns/{}", message["turn_id"].as_str().unwrap())).await
}

/// Returns the system prompt of the last chat.
fn told(app: &TestApp) -> String {
    app.model.requests().last().unwrap()["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// Returns the customer's messages in the last chat.
fn shown(app: &TestApp) -> Vec<String> {
    let last = app.model.requests().pop().unwrap();
    let messages = last["messages"].as_array().unwrap().iter();
    let said = messages.filter(|message| message["role"] == "user");
    said.map(|message| written(message["content"].as_str().unwrap()).to_owned()).collect()
}

/// Sends a GET to the API with the key and returns the response with any status.
async fn raw(app: &TestApp, path: &str) -> reqwest::Response {
    app.http.get(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY).send().await.unwrap()
}

async fn put(app: &TestApp, path: &str, body: &Value) -> (u16, Value) {
    let request = app.http.put(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY);
    let response = request.json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// Returns the API path of a message's recording.
fn recording(message: &Value) -> String {
    format!("/messages/{}/recording", message["id"].as_str().unwrap())
}
