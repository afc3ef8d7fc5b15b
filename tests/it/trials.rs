//! Cost of trials: the sandbox, OpenAI-compatible clients, eval runs and generated prompts are
//! counted and stop at their own share of the budget, without using up the customers' share.

use std::time::{Duration, Instant};

use frontdesk::domain::Usage;
use frontdesk::domain::trial::TrialKind;
use frontdesk::store::Store;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::gate::gated;
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;

const CUSTOMER: &str = "447700951601";
const LIMITS: &str = "[budget]\nday = 100.0\nsandbox_day = 1.0\ncheap_model = \"cheap\"\nprompts_a_day = 5\n\
     [llm.prices.\"gpt-4o-mini\"]\ninput = 10.0\noutput = 10.0\n[llm.prices.\"cheap\"]\ninput = 1.0\noutput = 1.0\n";

fn question() -> Value {
    json!({"agent": "acme", "text": "When do you close on Saturday?"})
}

fn chat(stream: bool) -> Value {
    json!({"model": "acme", "stream": stream, "messages": [{"role": "user", "content": "When do you close on Saturday?"}]})
}

impl TestApp {
    async fn complete_chat(&self, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}/v1/chat/completions", self.url)).bearer_auth(KEY);
        let response = request.json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// Returns the trials in the overview by kind: count and cost.
    async fn trials(&self) -> Vec<(String, i64, i64)> {
        let overview = self.get("/overview").await;
        let number = |one: &Value, key: &str| one[key].as_i64().unwrap();
        let all = overview["trials"].as_array().unwrap().iter();
        all.map(|one| {
            (
                one["kind"].as_str().unwrap().to_owned(),
                number(one, "runs"),
                number(one, "cost_micros"),
            )
        })
        .collect()
    }

    fn last_model(&self) -> Option<String> {
        Some(self.model.requests().last()?["model"].as_str()?.to_owned())
    }
}

on_both! {
    async fn trials_are_counted_and_stop_at_their_share_and_customers_go_on(db) {
        let app = Setup::on(db).with(LIMITS).start().await;
        assert_eq!(app.call("/sandbox/turns", &question()).await.0, 200);
        assert_eq!(app.last_model().as_deref(), Some("gpt-4o-mini"));
        assert_eq!(app.complete_chat(&chat(false)).await.0, 200);
        let streamed = app.http.post(format!("{}/v1/chat/completions", app.url)).bearer_auth(KEY).json(&chat(true));
        assert!(streamed.send().await.unwrap().text().await.unwrap().contains("[DONE]"));
        let told = app.http.post(format!("{}/api/v1/sandbox/turns", app.url)).bearer_auth(KEY).header("accept", "text/event-stream");
        assert!(told.json(&question()).send().await.unwrap().text().await.unwrap().contains("event: done"));
        let trials = app.trials().await;
        let counted: Vec<_> = trials.iter().map(|(kind, runs, _)| (kind.as_str(), *runs)).collect();
        assert_eq!(counted, [("completions", 2), ("sandbox", 2)]);
        assert!(trials.iter().all(|(.., cost)| *cost > 0), "{trials:?}");
        assert_eq!(app.get("/overview").await["total"]["cost_micros"], 0, "no customer asked");

        // What they cost is summed by the quarter of an hour, which may end between two of them.
        app.change("update trials set cost_micros = 850000 / (select count(*) from trials)").await;
        let (status, answer) = app.call("/sandbox/turns", &question()).await;
        assert_eq!(status, 200, "{answer} {:?}", app.trials().await);
        assert_eq!(app.last_model().as_deref(), Some("cheap"), "near the limit");

        // Another replica's trials count at once.
        let other = Store::open(&app.config.store).await.unwrap();
        let usage = Usage { input_tokens: 1, output_tokens: 1, cost_micros: 150_000 };
        other.count_trial(TrialKind::Evals, usage).await.unwrap();
        other.close().await;
        let asked = app.model.chat_count();
        let (status, why) = app.call("/sandbox/turns", &question()).await;
        assert_eq!(status, 429, "{why}");
        assert!(why["detail"].as_str().unwrap().contains("[budget] sandbox_day"), "{why}");
        for stream in [false, true] {
            let (status, why) = app.complete_chat(&chat(stream)).await;
            assert_eq!((status, &why["error"]["type"], &why["error"]["code"]), (429, &json!("insufficient_quota"), &json!("insufficient_quota")), "{why}");
        }
        let business = json!({"description": "A bakery in Cedar Street that bakes bread and cakes to order."});
        assert_eq!(app.call("/agents/generate", &business).await.0, 429);
        assert_eq!(app.get("/agents/generate").await["available"], false);
        assert_eq!(app.call("/evals/runs", &json!({"suite": "acme.yaml"})).await.0, 429);
        assert_eq!(app.model.chat_count(), asked, "a model was asked beyond the limit");

        app.deliver(&text_webhook(MAIN, CUSTOMER, "wamid.1", "When do you close on Saturday?")).await;
        app.settle().await;
        assert_eq!(app.last_model().as_deref(), Some("gpt-4o-mini"), "a customer is answered by the agent's own model");
        assert_eq!(app.model.chat_count(), asked + 1);
        assert!(app.get("/overview").await["total"]["cost_micros"].as_i64().unwrap() > 0);

        app.change("update trials set since = since - 86400000").await;
        assert_eq!(app.call("/sandbox/turns", &question()).await.0, 200, "another day");
        app.stop().await;
    }

    async fn without_a_share_trials_end_where_the_day_does(db) {
        let app = Setup::on(db).with(&LIMITS.replace("sandbox_day = 1.0", "sandbox_day = 0.0").replace("day = 100.0", "day = 1.0")).start().await;
        app.deliver(&text_webhook(MAIN, CUSTOMER, "wamid.1", "When do you close on Saturday?")).await;
        app.settle().await;
        assert_eq!(app.call("/sandbox/turns", &question()).await.0, 200);
        assert_eq!(app.change("update turns set cost_micros = 999999").await, 1);
        let (status, why) = app.call("/sandbox/turns", &question()).await;
        assert_eq!(status, 429, "turns and trials together reach the day's limit: {why}");
        app.stop().await;
    }

    async fn a_run_of_evals_is_counted_and_ends_with_the_money(db) {
        let home = tempfile::tempdir().unwrap();
        let more = format!("[files]\nsuites = {:?}\n{LIMITS}", home.path().display().to_string());
        let (app, _) = gated(db, &more).await;
        let before = app.trials().await;
        assert!(before.iter().all(|(kind, ..)| kind == "evals"), "a gate's run counts: {before:?}");
        let (status, run) = app.call("/evals/runs", &json!({"suite": "acme.yaml"})).await;
        assert_eq!(status, 202, "{run}");
        let rows = before.iter().map(|(_, runs, _)| runs).sum::<i64>() + 2;
        assert_eq!(app.until_ended(run["id"].as_str().unwrap()).await, "done");
        let trials = app.trials().await;
        assert!(matches!(trials.as_slice(), [(_, runs, cost)] if *runs == rows && *cost > 0), "{rows}: {trials:?}");
        // The budget is used up while the model answers: the run stops by itself, long before its
        // last row.
        app.model.hold();
        let (_, run) = app.call("/evals/runs", &json!({"suite": "acme.yaml", "repeat": 20, "concurrency": 1})).await;
        let id = run["id"].as_str().unwrap().to_owned();
        let usage = Usage { input_tokens: 1, output_tokens: 1, cost_micros: 1_000_000 };
        app.desk.store.count_trial(TrialKind::Sandbox, usage).await.unwrap();
        let state = app.until_ended(&id).await;
        app.model.release();
        assert_eq!(state, "stopped");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_has_spent_all_the_same() {
    let app = Setup::on(Db::Sqlite).with(LIMITS).start().await;
    app.model.hold();
    let asked = app.model.chat_count();
    let request = app.http.post(format!("{}/api/v1/sandbox/turns", app.url)).bearer_auth(KEY);
    let call = tokio::spawn(request.json(&question()).send());
    app.until_asked(asked + 1).await;
    call.abort();
    drop(call.await);
    app.model.release();
    let trials = app.until_tried("sandbox", 1).await;
    assert!(trials.2 > 0, "{trials:?}");
    app.stop().await;
}

/// Expensive requests of one caller: the number that run at once, and the number that may wait.
const AT_ONCE: usize = 8;
const IN_LINE: usize = 4 * AT_ONCE;

/// A turn continues when its caller hangs up and keeps its slot, so that hanging up gains no
/// additional turns.
#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_makes_no_room_for_more() {
    let app = TestApp::start().await;
    app.model.hold();
    let asked = app.model.chat_count();
    for n in 0..AT_ONCE {
        let (path, body) = match n % 2 {
            0 => ("/v1/chat/completions", chat(n % 4 == 0)),
            _ => ("/api/v1/sandbox/turns", question()),
        };
        let request = app.http.post(format!("{}{path}", app.url)).bearer_auth(KEY).json(&body);
        let call = tokio::spawn(async move { request.send().await?.bytes().await });
        app.until_asked(asked + u64::try_from(n + 1).unwrap()).await;
        call.abort();
        drop(call.await);
    }
    // The queue is full, so one is refused; by then the desk has noticed all closed connections.
    let body = chat(false);
    let mut more: FuturesUnordered<_> = (0..=IN_LINE).map(|_| app.complete_chat(&body)).collect();
    let (status, why) = more.next().await.unwrap();
    assert_eq!((status, &why["error"]["code"]), (429, &json!("rate_limit_exceeded")), "{why}");
    assert_eq!(app.trials().await, [], "a turn ended");
    assert_eq!(app.model.chat_count() - asked, AT_ONCE as u64, "turns at once");
    app.model.release();
    let rest: Vec<_> = more.map(|(status, _)| status).collect().await;
    assert_eq!(rest, [200; IN_LINE]);
    app.stop().await;
}

impl TestApp {
    /// Waits until the model was asked this many times.
    async fn until_asked(&self, many: u64) {
        let began = Instant::now();
        while self.model.chat_count() < many {
            assert!(began.elapsed() < Duration::from_secs(20), "no model was asked");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until this many of a kind are counted.
    async fn until_tried(&self, kind: &str, runs: i64) -> (String, i64, i64) {
        let began = Instant::now();
        loop {
            let found = self.trials().await.into_iter().find(|one| one.0 == kind && one.1 == runs);
            if let Some(found) = found {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", self.trials().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_ended(&self, id: &str) -> String {
        let began = Instant::now();
        loop {
            let run = self.get(&format!("/evals/runs/{id}")).await;
            let state = run["state"].as_str().unwrap();
            if !["waiting", "queued", "running"].contains(&state) {
                return state.to_owned();
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{run}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
