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

    /// Returns `/v1/models` or the model at this path below it.
    async fn model_at(&self, path: &str) -> (StatusCode, Value) {
        let request = self.http.get(format!("{}/v1/models{path}", self.url)).bearer_auth(KEY);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
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
    app.model.answer_with(|_| "On Saturday we close at 13:00 [1].".into());
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
    assert_eq!(answer["frontdesk"]["citations"], sandbox["citations"]);
    assert_eq!(answer["frontdesk"]["citations"][0]["source"], "hours.md", "{answer}");
    assert_eq!(answer["frontdesk"]["owner"], "bot");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_and_its_versions_are_models_with_their_time() {
    let app = TestApp::start().await;
    let began = app.get("/agents/acme/versions/1").await["created_at"].as_i64().unwrap() / 1_000;
    let (status, models) = app.model_at("").await;
    assert_eq!(status, 200);
    let listed = models["data"].as_array().unwrap().iter().find(|one| one["id"] == "acme").unwrap();
    assert_eq!((&listed["object"], &listed["created"]), (&json!("model"), &json!(began)));
    assert_eq!(app.model_at("/acme").await, (StatusCode::OK, listed.clone()));
    let (status, version) = app.model_at("/acme@1").await;
    assert_eq!((status.as_u16(), &version["id"]), (200, &json!("acme@1")));
    assert_eq!(version["created"], began);
    for (unknown, says) in [("/nobody", "there are: acme"), ("/acme@77", "version")] {
        let (status, told) = app.model_at(unknown).await;
        assert_eq!((status.as_u16(), &told["error"]["code"]), (404, &json!("model_not_found")));
        assert!(told["error"]["message"].as_str().unwrap().contains(says), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_with_a_stop_or_a_hand_off_is_obeyed() {
    let app = TestApp::start().await;
    let question = "When do you close on Saturday?";
    let ask = async |before: &[(&str, &str)], resolve: bool| {
        let mut messages: Vec<Value> =
            before.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
        messages.push(json!({"role": "user", "content": question}));
        let body =
            json!({"model": "acme", "messages": messages, "frontdesk": {"resolve": resolve}});
        let told = app.completed(&body).await;
        let text = told["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        (told["frontdesk"].clone(), text)
    };
    let stopped = [("user", "STOP"), ("assistant", "")];
    let (told, text) = ask(&stopped, false).await;
    assert_eq!((&told["outcome"], text.as_str()), (&json!("silence"), ""));
    assert!(told["reason"].as_str().unwrap().contains("opted out"), "{told}");
    assert_eq!(ask(&stopped, true).await.0["outcome"], "silence", "nobody resolves an opt-out");
    let back = [("user", "STOP"), ("user", "START"), ("assistant", "Welcome back!")];
    assert_eq!(ask(&back, false).await.0["outcome"], "answer");

    let announced = ("assistant", "A colleague will answer you here.");
    for called in [&[("user", "a human please"), announced][..], &[("user", "Help!"), announced]] {
        let (told, text) = ask(called, false).await;
        assert_eq!((&told["outcome"], text.as_str()), (&json!("silence"), ""), "{called:?}");
        assert_eq!(told["owner"], "person");
        let silent = [called, &[("user", "Hello?"), ("assistant", "")]].concat();
        assert_eq!(ask(&silent, false).await.0["outcome"], "silence");
        assert_eq!(ask(called, true).await.0["outcome"], "answer");
        let resolved = [called, &[("user", "Hello?"), ("assistant", "Hello!")]].concat();
        assert_eq!(ask(&resolved, false).await.0["outcome"], "answer", "the bot spoke again");
    }
    let said = ("user", question);
    let again = [said, said, said];
    assert_eq!(ask(&again, false).await.0["outcome"], "hand_over", "who repeats is a machine");
    assert_eq!(app.get("/overview").await["total"]["turns"], 0, "nothing is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_keeps_a_hand_off_in_the_models_own_words() {
    let app = TestApp::start().await;
    let own = "Someone from the shop will answer you here.";
    app.model.answer_with(|_| "Someone from the shop will answer you here. [[hand-off]]".into());
    let called = app.completed(&asks("Nobody answers me")).await;
    assert_eq!(called["choices"][0]["message"]["content"], own);
    assert_eq!(called["frontdesk"]["owner"], "person");
    let next = |frontdesk: Value| {
        let message = |role: &str, text: &str| json!({"role": role, "content": text});
        let messages = [
            message("user", "Nobody answers me"),
            message("assistant", own),
            message("user", "When do you close on Saturday?"),
        ];
        json!({"model": "acme", "messages": messages, "frontdesk": frontdesk})
    };
    let state = &called["frontdesk"]["state"];
    let silent = app.completed(&next(json!({"state": state}))).await;
    assert_eq!(silent["frontdesk"]["outcome"], "silence", "{silent}");
    app.model.answer_with(|_| "On Saturday we close at 13:00 [1].".into());
    let back = app.completed(&next(json!({"state": state, "resolve": true}))).await;
    assert_eq!(back["frontdesk"]["owner"], "bot", "{back}");
    let (status, told) = app.complete(KEY, &next(json!({"state": "x"}))).await;
    assert_eq!(status, 422, "{told}");
    assert!(told.contains("`state`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_after_a_hand_off_that_does_not_announce_it_is_the_bots() {
    let app = TestApp::start().await;
    let message = |role: &str, text: &str| json!({"role": role, "content": text});
    let messages = [
        message("user", "a human please"),
        message("assistant", "We close at five."),
        message("user", "When do you close on Saturday?"),
    ];
    let told = app.completed(&json!({"model": "acme", "messages": messages})).await;
    assert_eq!(told["frontdesk"]["owner"], "bot", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_conversation_stops_hands_over_and_is_resolved() {
    let app = TestApp::start().await;
    let question = "When do you close on Saturday?";
    let say = async |text: &str, state: &Value, resolve: bool| {
        let body = json!({"agent": "acme", "text": text, "state": state, "resolve": resolve});
        let (status, told) = app.call("/sandbox/turns", &body).await;
        assert_eq!(status, 200, "{told}");
        told
    };
    let begun = say(question, &Value::Null, false).await;
    assert_eq!((&begun["outcome"], &begun["owner"]), (&json!("answer"), &json!("bot")));
    let out = say("stop", &begun["state"], false).await;
    assert_eq!((&out["outcome"], &out["opted_out"]), (&json!("opt_out"), &json!(true)));
    let still = say(question, &out["state"], true).await;
    assert_eq!((&still["outcome"], &still["bubbles"]), (&json!("silence"), &json!([])));
    let back = say("start", &still["state"], false).await;
    assert_eq!((&back["outcome"], &back["opted_out"]), (&json!("opt_in"), &json!(false)));
    assert!(back["bubbles"][0].as_str().unwrap().contains("Welcome back"), "{back}");

    let called = say("a human please", &back["state"], false).await;
    assert_eq!((&called["outcome"], &called["owner"]), (&json!("hand_over"), &json!("person")));
    let asked = app.model.chat_count();
    let silent = say(question, &called["state"], false).await;
    assert_eq!((&silent["outcome"], &silent["bubbles"]), (&json!("silence"), &json!([])));
    assert_eq!(app.model.chat_count(), asked, "nobody asks a model in silence");
    let mut last = say(question, &silent["state"], true).await;
    assert_eq!((&last["outcome"], &last["owner"]), (&json!("answer"), &json!("bot")));

    for _ in 0..2 {
        last = say(question, &last["state"], false).await;
        assert_eq!(last["outcome"], "answer");
    }
    let machine = say(question, &last["state"], false).await;
    assert_eq!((&machine["outcome"], &machine["owner"]), (&json!("hand_over"), &json!("person")));
    assert!(machine["reason"].as_str().unwrap().contains("another bot"), "{machine}");
    let wrong = json!({"agent": "acme", "text": "Hi", "state": "{\"owner\": \"nobody's\"}"});
    assert_eq!(app.call("/sandbox/turns", &wrong).await.0, 422);
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
    let stop = chunks.iter().find(|chunk| chunk["choices"][0]["finish_reason"] == "stop").unwrap();
    // The states have the times of their turns.
    let told = |of: &Value| [of["outcome"].clone(), of["owner"].clone(), of["citations"].clone()];
    assert_eq!(told(&stop["frontdesk"]), told(&whole["frontdesk"]), "{text}");
    assert!(stop["frontdesk"]["state"].is_string(), "{text}");
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
    for (field, value, status) in [
        ("tools", json!([{"type": "function", "function": {"name": "f"}}]), 400),
        ("functions", json!([{"name": "f"}]), 400),
        ("n", json!(2), 400),
        ("response_format", json!({"type": "json_object"}), 400),
        ("tools", json!([]), 200),
        ("tools", json!(null), 200),
        ("n", json!(1), 200),
        ("response_format", json!({"type": "text"}), 200),
    ] {
        let mut ask = asks("When do you close on Saturday?");
        ask[field] = value;
        let (said, text) = app.complete(KEY, &ask).await;
        assert_eq!(said, status, "{ask}: {text}");
        assert!(status == 200 || text.contains(&format!("`{field}`")), "{text}");
    }
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
    for role in ["system", "developer", "tool"] {
        for content in [json!(unread), json!([{"type": "text", "text": unread}])] {
            let mut ask = asks("When do you close on Saturday?");
            let unused = json!({"role": role, "content": content});
            ask["messages"].as_array_mut().unwrap().insert(0, unused);
            app.completed(&ask).await;
        }
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
