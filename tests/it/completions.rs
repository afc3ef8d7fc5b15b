//! The OpenAI-compatible API of the agents: the same answers as the sandbox in OpenAI's format, and
//! errors that its clients understand.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp};

impl TestApp {
    async fn complete(&self, key: &str, body: &Value) -> (StatusCode, String) {
        let request = self.http.post(format!("{}/v1/chat/completions", self.url));
        let response = request.bearer_auth(key).json(body).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn completed(&self, body: &Value) -> Value {
        let (status, text) = self.complete(KEY, body).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn asks(text: &str) -> Value {
    json!({"model": "acme", "messages": [{"role": "user", "content": text}], "temperature": 0})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_answers_as_a_model_does() {
    let app = TestApp::start().await;
    let question = "When do you close on Saturday?";
    let answer = app.completed(&asks(question)).await;
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("acme")));
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["finish_reason"], "stop");
    assert!(answer["usage"]["total_tokens"].is_u64(), "{answer}");
    assert_eq!(answer["frontdesk"]["outcome"], "answer");
    let (_, sandbox) =
        app.call("/sandbox/turns", &json!({"agent": "acme", "text": question})).await;
    assert_eq!(choice["message"]["content"], sandbox["bubbles"][0], "{sandbox}");
    let version = app.completed(&json!({"model": "acme@1", "messages": [{"role": "user", "content": [{"type": "text", "text": question}]}]})).await;
    assert_eq!(version["choices"][0]["message"], choice["message"]);
    let person = app.completed(&asks("I want to speak to a HUMAN.")).await;
    assert_eq!(person["frontdesk"]["outcome"], "hand_over");
    assert!(person["frontdesk"]["reason"].is_string(), "{person}");
    let models = app.http.get(format!("{}/v1/models", app.url)).bearer_auth(KEY);
    let models: Value = models.send().await.unwrap().json().await.unwrap();
    let names: Vec<&Value> =
        models["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert!(names.contains(&&json!("acme")), "{models}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_says_the_same_in_chunks() {
    let app = TestApp::start().await;
    let mut ask = asks("When do you close on Saturday?");
    let whole = app.completed(&ask).await;
    ask["stream"] = json!(true);
    ask["stream_options"] = json!({"include_usage": true});
    let (status, text) = app.complete(KEY, &ask).await;
    assert_eq!(status, 200);
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(lines.last(), Some(&"[DONE]"), "{text}");
    let chunks: Vec<Value> =
        lines[..lines.len() - 1].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(json!(said), whole["choices"][0]["message"]["content"]);
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "stop"), "{text}");
    assert!(chunks.last().unwrap()["usage"].is_object(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_shape_that_clients_know() {
    let app = TestApp::start().await;
    let refused = async |key: &str, body: Value| {
        let (status, text) = app.complete(key, &body).await;
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        assert!(answer["error"]["message"].is_string(), "{text}");
        assert!(answer["error"]["type"].is_string(), "{text}");
        (status.as_u16(), answer["error"]["code"].clone())
    };
    assert_eq!(refused("wrong", asks("Hi")).await, (401, json!("invalid_api_key")));
    let mut ask = asks("Hi");
    ask["model"] = json!("nobody");
    assert_eq!(refused(KEY, ask.clone()).await, (404, json!("model_not_found")));
    ask["model"] = json!("acme@77");
    assert_eq!(refused(KEY, ask.clone()).await.0, 404);
    ask["model"] = json!("acme@new");
    assert_eq!(refused(KEY, ask).await.0, 400);
    for messages in [
        json!([]),
        json!([{"role": "system", "content": "x"}]),
        json!([{"role": "user", "content": " "}]),
        json!([{"role": "user", "content": [{"type": "image_url"}]}]),
    ] {
        let wrong = json!({"model": "acme", "messages": messages});
        assert_eq!(refused(KEY, wrong.clone()).await.0, 400, "{wrong}");
    }
    assert_eq!(refused(KEY, json!({"model": "acme"})).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_longer_than_any_message_is_refused() {
    let app = TestApp::start().await;
    let (fits, long) = ("a".repeat(16 * 1024), "a".repeat(16 * 1024 + 1));
    app.completed(&asks(&fits)).await;
    let earlier = |n: usize| {
        let mut ask = asks("When do you close on Saturday?");
        for _ in 0..n {
            let one = json!({"role": "assistant", "content": fits});
            ask["messages"].as_array_mut().unwrap().insert(0, one);
        }
        ask
    };
    app.completed(&earlier(3)).await;
    // Unused content may be long, as one text and as parts.
    let unread = "a".repeat(100_000);
    for content in [json!(unread), json!([{"type": "text", "text": unread}])] {
        let mut ask = asks("When do you close on Saturday?");
        let system = json!({"role": "system", "content": content});
        ask["messages"].as_array_mut().unwrap().insert(0, system);
        app.completed(&ask).await;
    }
    for (ask, says) in [(asks(&long), "16384"), (earlier(4), "65536")] {
        let (status, text) = app.complete(KEY, &ask).await;
        assert_eq!(status, 422, "{text}");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(says), "{text}");
    }
    let earlier = |n: usize| vec![json!({"speaker": "bot", "text": fits}); n];
    let prompt = |length: usize| {
        let header = "---\nname: Acme\nknowledge: [acme]\n---\n";
        format!("{header}{}", "word ".repeat(length / 5 + 1))[..length].to_owned()
    };
    for (turn, status) in [
        (json!({"agent": "acme", "text": fits, "history": earlier(4)}), 200),
        (json!({"agent": "acme", "text": long}), 422),
        (json!({"agent": "acme", "text": "When?", "history": earlier(5)}), 422),
        (json!({"agent": "acme", "text": "When?", "prompt": prompt(150_000)}), 200),
        (json!({"agent": "acme", "text": "When?", "prompt": prompt(200_001)}), 422),
    ] {
        let (said, answer) = app.call("/sandbox/turns", &turn).await;
        assert_eq!(said, status, "{answer}");
        assert!(
            status == 200 || answer["detail"].as_str().unwrap().contains("at most"),
            "{answer}"
        );
    }
    app.stop().await;
}
