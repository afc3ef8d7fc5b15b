//! `[llm] kind = "auto"`: a model is found by itself, lost and found again; what is no model is not
//! taken, and nothing is contacted that the owner did not set up.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, write_home_files};
use crate::support::fake::Failure;
use crate::support::hooks::text_webhook;
use crate::support::ollama::Ollama;
use crate::support::openai::OpenAi;
use crate::support::process::{Process, free_port, run, says};

const QUESTION: &str = "On Saturday, we close at what time?";
const CHAT: &str = "/v1/chat/completions";
const LISTING: &str = "/v1/models";
const SECRET: &str = "sk-of-the-environment";

/// Sends the question of a new customer. Returns the reply and the trace of its turn.
async fn ask(app: &TestApp, number: u8) -> (String, Value) {
    let customer = format!("4477009100{number:02}");
    app.deliver(&text_webhook(MAIN, &customer, &format!("wamid.{number}"), QUESTION)).await;
    app.settle().await;
    let thread = app.thread(&customer).await;
    let turn = thread.iter().rev().find_map(|message| message["turn_id"].as_str()).unwrap();
    let turn = app.get(&format!("/turns/{turn}")).await;
    let (to, reply) = app.received().pop().unwrap();
    assert_eq!(to, format!("+{customer}"));
    (reply, turn["trace"]["reply"].clone())
}

/// Waits until the desk says that its model was chosen in this way.
async fn wait_for(app: &TestApp, origin: &str) -> Value {
    let started = Instant::now();
    loop {
        let model = app.get("/status").await["model"].take();
        if model["origin"] == origin {
            return model;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "not {origin}: {model}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_this_machine_is_found_used_lost_and_found_again() {
    let models = ["nomic-embed-text", "llama3.2:1b", "qwen3:14b-cloud", "llama3.1:8b"];
    let server = Ollama::start(&models).await;
    let (port, url) = (server.port, server.url());
    let app = Setup::on(Db::Sqlite).auto(&[port]).start().await;
    let at = format!("127.0.0.1:{port}");
    assert_eq!(
        app.get("/status").await["model"],
        json!({"kind": "openai", "name": "llama3.1:8b", "is_model": true, "origin": "machine", "url": url, "asked": [at]})
    );
    let (reply, trace) = ask(&app, 1).await;
    assert!(reply.contains("LLAMA"), "{reply}");
    assert_eq!(
        (&trace["model"], &server.requests(CHAT)[0]["model"]),
        (&json!("llama3.1:8b"), &json!("llama3.1:8b"))
    );
    assert_eq!(server.requests(LISTING).len(), 1, "a server that answers is not looked for");

    server.stop().await;
    let (reply, trace) = ask(&app, 2).await;
    assert!(reply.contains("13:00") && !reply.contains("LLAMA"), "{reply}");
    assert!(trace["stand_in"].as_str().unwrap().contains("the model failed"), "{trace}");
    let model = app.get("/status").await["model"].take();
    assert_eq!(
        (&model["origin"], &model["kind"], &model["url"]),
        (&json!("gone"), &json!("extractive"), &json!(url))
    );

    // In its place is one without a model: it is looked at, and no turn asks it.
    let empty = Ollama::start_on(port, &[]).await;
    let (reply, trace) = ask(&app, 3).await;
    assert!(reply.contains("13:00"), "{reply}");
    assert_eq!(trace["model"], "extractive");
    assert!(trace["errors"].as_array().is_none_or(Vec::is_empty), "{trace}");
    let started = Instant::now();
    while empty.requests(LISTING).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "nobody looks");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(empty.requests(CHAT).len(), 0);
    empty.stop().await;

    let back = Ollama::start_on(port, &["qwen3:4b"]).await;
    assert_eq!(wait_for(&app, "machine").await["name"], "qwen3:4b");
    let (reply, _) = ask(&app, 4).await;
    assert!(reply.contains("LLAMA"), "{reply}");
    assert_eq!(back.requests(CHAT).len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_later_is_found_and_answers_for_agents_with_another_model() {
    let port = free_port();
    let agent =
        "---\nname: Acme\nmodel: gpt-4o\nknowledge: [acme]\ngrounding: off\n---\nBe kind.\n";
    let app = Setup::on(Db::Sqlite).auto(&[port]).file("prompts/acme.md", agent).start().await;
    let model = app.get("/status").await["model"].take();
    assert_eq!(
        (&model["origin"], &model["is_model"], &model["url"]),
        (&json!("not_found"), &json!(false), &Value::Null)
    );
    let (reply, _) = ask(&app, 1).await;
    assert!(reply.contains("13:00"), "{reply}");
    let server = Ollama::start_on(port, &["llama3.1:8b"]).await;
    wait_for(&app, "machine").await;
    let (reply, trace) = ask(&app, 2).await;
    assert!(reply.contains("LLAMA"), "{reply}");
    assert_eq!(trace["model"], "llama3.1:8b");
    let asked: Vec<Value> =
        server.requests(CHAT).iter().map(|body| body["model"].clone()).collect();
    assert_eq!(asked, ["gpt-4o", "llama3.1:8b"]);
    app.stop().await;
}

/// Accepts connections at a port and sends each these bytes; `None` sends nothing.
async fn hostile(says: Option<&'static [u8]>, endless: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Some(bytes) = says else { return std::future::pending().await };
                // Without this the close resets the connection before the answer is read.
                drop(connection.read(&mut [0; 1024]).await);
                let mut sent = connection.write_all(bytes).await;
                while endless && sent.is_ok() {
                    sent = connection.write_all(&[b' '; 8192]).await;
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_server_of_models_is_not_taken_and_delays_little() {
    let elsewhere = Ollama::start(&["llama3.1:8b"]).await;
    let moved: &'static str = Box::leak(
        format!(
            "HTTP/1.1 302 Found\r\nlocation: {}/models\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url()
        )
        .into_boxed_str(),
    );
    let desk = TestApp::start().await;
    let desks: u16 = desk.url.rsplit(':').next().unwrap().parse().unwrap();
    let ports = [
        hostile(Some(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"), false).await,
        hostile(Some(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"object\":\"list\",\"data\":["), true).await,
        hostile(Some(moved.as_bytes()), false).await,
        hostile(Some(b"\x00\xff\x00 SSH-2.0\r\n"), false).await,
        hostile(None, false).await,
        desks,
    ];
    let started = Instant::now();
    let app = Setup::on(Db::Sqlite).auto(&ports).start().await;
    let model = app.get("/status").await["model"].take();
    let took = started.elapsed();
    assert_eq!(model["origin"], "not_found", "{model}");
    assert_eq!(model["asked"].as_array().unwrap().len(), ports.len());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(elsewhere.count(), 0, "a redirect was followed");
    let started = Instant::now();
    let (reply, _) = ask(&app, 1).await;
    assert!(reply.contains("13:00"), "{reply}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    app.stop().await;
    desk.stop().await;
}

/// A real desk in a folder, with what it prints.
struct Desk {
    home: tempfile::TempDir,
    process: Process,
}

impl Desk {
    async fn start(llm: &str, environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        write_settings(home.path(), llm);
        let out = std::fs::File::create(home.path().join("desk.out")).unwrap();
        let process = Process::spawn((home.path(), free_port()), environment, out.into());
        process.wait_ready().await;
        Self { home, process }
    }

    /// Asks an agent through the API for clients of OpenAI.
    async fn ask(&self) -> String {
        let request = json!({"model": "acme", "messages": [{"role": "user", "content": QUESTION}]});
        let url = format!("{}/v1/chat/completions", self.process.url);
        let sent = reqwest::Client::new().post(url).bearer_auth(KEY).json(&request).send().await;
        sent.unwrap().text().await.unwrap()
    }

    async fn model(&self) -> Value {
        let url = format!("{}/api/v1/status", self.process.url);
        let sent = reqwest::Client::new().get(url).bearer_auth(KEY).send().await.unwrap();
        sent.json::<Value>().await.unwrap()["model"].take()
    }

    fn printed(&self) -> String {
        let read = |file| std::fs::read_to_string(self.home.path().join(file)).unwrap_or_default();
        read("desk.out") + &read("desk.log")
    }
}

fn write_settings(home: &Path, llm: &str) {
    let settings = format!(
        "[http]\nadmin_key = \"{KEY}\"\n[embed]\nkind = \"off\"\n[speech]\nkind = \"off\"\n[llm]\n{llm}\n"
    );
    std::fs::write(home.join("desk.toml"), settings).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_the_environment_is_used_and_never_shown() {
    let local = Ollama::start(&["llama3.1:8b"]).await;
    let hosted = OpenAi::start().await;
    hosted.require_key(SECRET);
    hosted.answer_with(|_| "HOSTED: at one [1].".into());
    let environment = [("OPENAI_API_KEY", SECRET), ("OPENAI_BASE_URL", hosted.url.as_str())];
    let desk =
        Desk::start(&format!("kind = \"auto\"\nports = [{}]", local.port), &environment).await;
    let model = desk.model().await;
    let expected = json!({
        "kind": "openai", "name": "gpt-4o-mini", "is_model": true, "origin": "environment",
        "url": hosted.url, "asked": [hosted.url],
    });
    assert_eq!(model, expected);
    let said = desk.ask().await;
    assert!(said.contains("HOSTED"), "{said}");
    assert_eq!(hosted.requests()[0]["model"], "gpt-4o-mini");
    // The owner chose it: a failure does not switch away from it.
    hosted.fail_next(1, &Failure::Status(400, json!({"error": SECRET}), None));
    let said = desk.ask().await;
    assert!(said.contains("13:00"), "{said}");
    assert_eq!(desk.model().await, expected);
    assert!(desk.ask().await.contains("HOSTED"));
    assert_eq!(
        local.count(),
        0,
        "this machine was asked although the environment names an endpoint"
    );
    let printed = desk.printed();
    let told = format!("OPENAI_API_KEY is set: customers' messages are sent to {}", hosted.url);
    assert!(printed.contains(&told), "{printed}");
    for told in [&printed, &desk.model().await.to_string(), &said] {
        assert!(!told.contains(SECRET), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_contacted_when_kind_says_otherwise() {
    let (local, hosted) = (Ollama::start(&["llama3.1:8b"]).await, Ollama::start(&["x"]).await);
    let configured = OpenAi::start().await;
    configured.answer_with(|_| "CONFIGURED: at one [1].".into());
    let auto = format!("kind = \"auto\"\nports = [{}]\nlook_ms = 50", local.port);
    let url = hosted.url();
    let mut environment = vec![
        ("OPENAI_API_KEY", SECRET),
        ("OPENAI_BASE_URL", url.as_str()),
        ("FRONTDESK__LLM__KIND", "extractive"),
    ];
    let quoting = Desk::start(&auto, &environment).await;
    assert!(quoting.ask().await.contains("13:00"));
    assert_eq!(quoting.model().await["origin"], "configured");
    environment.pop();
    let openai = format!("kind = \"openai\"\nbase_url = \"{}\"\nmodel = \"m\"", configured.url);
    let asking = Desk::start(&openai, &environment).await;
    let said = asking.ask().await;
    assert!(said.contains("CONFIGURED"), "{said}");
    assert_eq!(asking.model().await["origin"], "configured");
    assert_eq!((local.count(), hosted.count()), (0, 0));
    // The counters count.
    let proxy = url.trim_end_matches("/v1");
    let found = Desk::start(&auto, &[("http_proxy", proxy), ("HTTP_PROXY", proxy)]).await;
    assert_eq!(found.model().await["origin"], "machine");
    assert_eq!(local.count(), 1);
    assert!(found.ask().await.contains("LLAMA"));
    assert_eq!(hosted.count(), 0, "a proxy saw what is for this machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_says_what_was_asked_and_commands_ask_only_when_they_answer() {
    let server = Ollama::start(&["llama3.1:8b"]).await;
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let own = free_port();
    let settings = format!("kind = \"auto\"\nports = [{own}, {}]", server.port);
    write_settings(home.path(), &settings);
    let port = own.to_string();
    let variables = [("FRONTDESK__HTTP__PORT", port.as_str())];
    let command = async |args: &[&str]| {
        run(home.path(), &[&["--config", "desk.toml"], args].concat(), &variables).await
    };
    says(&command(&["learn", "knowledge"]).await, true, &[]);
    says(&command(&["search", QUESTION]).await, true, &["13:00"]);
    assert_eq!(server.count(), 0, "a command that needs no model asked for one");
    let found = format!("Ollama at {}, found by itself", server.url());
    says(&command(&["chat", QUESTION]).await, true, &["LLAMA", &found]);
    says(&command(&["doctor"]).await, true, &["llama3.1:8b at http://127.0.0.1:", &found]);

    let out = home.path().join("desk.out");
    let process = Process::begin_printing(home.path(), own, std::fs::File::create(&out).unwrap());
    process.wait_ready().await;
    let started = Instant::now();
    let printed = loop {
        let printed = std::fs::read_to_string(&out).unwrap();
        if printed.contains("Next:") {
            break printed;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{printed}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // Its own port is not asked.
    let asked = format!("{found} (asked: 127.0.0.1:{}); [llm] kind", server.port);
    says(&(true, printed), true, &["answers    llama3.1:8b;", &asked]);
    drop(process);
    server.stop().await;
    says(
        &command(&["doctor"]).await,
        true,
        &["no model, sentences from the documents (asked: 127.0.0.1:"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_cannot_be_used_stops_no_command_and_is_told() {
    let server = Ollama::start(&["llama3.1:8b"]).await;
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    write_settings(home.path(), &format!("kind = \"auto\"\nports = [{}]", server.port));
    let variables = [("OPENAI_API_KEY", SECRET), ("OPENAI_BASE_URL", "http://joe:pw@x/v1")];
    let told = "OPENAI_API_KEY is set, but it or OPENAI_BASE_URL cannot be used";
    for (args, words) in [
        (["learn", "knowledge"].as_slice(), [told, ""]),
        (&["search", QUESTION], [told, "13:00"]),
        (&["chat", QUESTION], [told, "13:00"]),
        (&["doctor"], [told, "no model, sentences from the documents"]),
    ] {
        let args = [&["--config", "desk.toml"], args].concat();
        let said = run(home.path(), &args, &variables).await;
        says(&said, true, &words);
        assert!(!said.1.contains(SECRET) && !said.1.contains("joe"), "{}", said.1);
    }
    assert_eq!(server.count(), 0, "another place was asked than the one that the owner named");
}
