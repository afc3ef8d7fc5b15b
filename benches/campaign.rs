//! Backs the README's sentence on campaigns: the pace is kept, replies to other customers are hardly
//! slower meanwhile, and a campaign whose process is killed again and again misses nobody and writes to
//! nobody twice.
//!
//! `cargo bench --bench campaign [-- --help]`. This process fakes WhatsApp, which reports what it took as
//! Meta does, and the model; the desk is the real binary on SQLite. Asserts nothing about times; fails if
//! a recipient got no message, or two.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

#[path = "answering/process.rs"]
#[expect(dead_code, reason = "the other bench uses the rest of it")]
mod process;
#[path = "answering/hook.rs"]
#[expect(dead_code, reason = "the other bench uses the rest of it")]
mod hook;

use std::collections::HashMap;
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use hook::{NUMBER, SECRET, sign, wamid};
use process::Process;

/// Key of the desk's API.
const KEY: &str = "fd_campaign_bench_key_0123456789abcdef";
/// How often WhatsApp reports what it took.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);
/// Pause between two customers' questions.
const QUESTION_INTERVAL: Duration = Duration::from_millis(200);
/// The longest wait for a reply.
const REPLY_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Debug, Parser)]
struct Options {
    /// Recipients of each campaign.
    #[arg(long, default_value_t = 100_000)]
    recipients: usize,
    /// Messages a minute of the campaign whose pace is measured.
    #[arg(long, default_value_t = 18_000)]
    pace: usize,
    /// How often the process of the other campaign is killed.
    #[arg(long, default_value_t = 10)]
    kills: usize,
    /// Few recipients, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut options = Options::parse();
    if options.quick {
        (options.recipients, options.pace, options.kills) = (300, 6_000, 2);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let wrong = runtime.block_on(run(&options));
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures both campaigns. Returns the number of wrong counts.
async fn run(options: &Options) -> usize {
    let pace = Bench::new(options).await.measure_pace(options).await;
    pace + Bench::new(options).await.measure_kills(options).await
}

/// What WhatsApp saw.
#[derive(Default)]
struct Shared {
    /// The templates that each customer got.
    received: Mutex<HashMap<String, u32>>,
    /// When each template arrived.
    arrivals: Mutex<Vec<Instant>>,
    /// Sent messages that are not reported yet: customer, id and reference.
    unreported: Mutex<Vec<(String, String, String)>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Instant>>>,
    count: Mutex<usize>,
}

impl Shared {
    fn reached(&self) -> usize {
        self.received.lock().expect("no panic").len()
    }
}

/// A desk's folder, and the fakes that it talks to.
struct Bench {
    home: tempfile::TempDir,
    whatsapp: Arc<Shared>,
    http: reqwest::Client,
}

impl Bench {
    async fn new(options: &Options) -> Self {
        let whatsapp = Arc::new(Shared::default());
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/{version}/{number}/messages", post(take))
            .route("/{version}/{account}/message_templates", get(templates))
            .with_state(whatsapp.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let home = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write(
            "knowledge/shop/hours.md",
            "# Opening hours\n\nWe open from Monday to Friday at 9:00 and close at 18:00.\n",
        );
        write(
            "prompts/shop.md",
            "---\nname: Shop\nknowledge: [shop]\n---\nYou answer customers of {{ agent }}.\n",
        );
        // The number's rate is a third above the pace; what is unknown is sent again, long after WhatsApp's report.
        let rate = options.pace as f64 / 60.0 * 4.0 / 3.0;
        write(
            "frontdesk.toml",
            &format!(
                "[http]\nadmin_key = \"{KEY}\"\n[llm]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\napi_key = \"key\"\nmodel = \"m\"\n\
                 [embed]\nkind = \"off\"\n[worker]\ngap_ms = 0\ntyping = false\n\
                 [numbers.main]\nprovider = \"meta\"\nagent = \"shop\"\nphone_number_id = \"{NUMBER}\"\naccess_token = \"t\"\n\
                 account_id = \"102290129340398\"\napp_secret = \"{SECRET}\"\nverify_token = \"v\"\nbase_url = \"{url}\"\nrate = {rate:.1}\n\
                 unknown = {{ after_ms = 10000, then = \"resend\", times = 100 }}\n"
            ),
        );
        Self { home, whatsapp, http: reqwest::Client::new() }
    }

    async fn open(&self) -> Process {
        Process::start(|port| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
            command.arg("serve").current_dir(self.home.path()).env_remove("DATABASE_URL");
            command.env("FRONTDESK__HTTP__PORT", port.to_string());
            command.env("FRONTDESK__LOG__LEVEL", "error");
            command
        })
        .await
    }

    async fn call(&self, desk: &Process, path: &str, body: Option<&Value>) -> Value {
        let url = format!("{}/api/v1{path}", desk.url);
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let response = request.bearer_auth(KEY).send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Makes and starts a campaign. Returns its path.
    async fn start(&self, desk: &Process, options: &Options) -> String {
        let numbers = self.call(desk, "/numbers", None).await;
        let number = numbers[0]["id"].as_str().expect("a number");
        self.call(desk, &format!("/numbers/{number}/templates/sync"), Some(&json!({}))).await;
        let values = json!([{"part": "body", "name": "1", "value": "{{name}}"}]);
        let request = json!({"name": "Bench", "number_id": number, "opt_in": "Bench", "pace": options.pace,
            "template": {"name": "ready", "language": "en", "values": values}});
        let made = self.call(desk, "/campaigns", Some(&request)).await;
        let path = format!("/campaigns/{}", made["id"].as_str().expect("an id"));
        let rows: Vec<_> =
            (0..options.recipients).map(|n| format!("+{},Customer {n}", phone(n))).collect();
        let rows = rows.join("\n");
        let began = Instant::now();
        let csv = json!({"csv": format!("phone,name\n{rows}")});
        let added = self.call(desk, &format!("{path}/recipients"), Some(&csv)).await;
        println!("{} recipients added in {:.1} s", added["added"], began.elapsed().as_secs_f64());
        self.call(desk, &format!("{path}/start"), Some(&json!({}))).await;
        path
    }

    /// Reports to the desk what was taken since the last report, until it answers 200, as Meta does.
    async fn report(&self, desk: &Process) {
        let taken = std::mem::take(&mut *self.whatsapp.unreported.lock().expect("no panic"));
        for some in taken.chunks(100) {
            let body = statuses(some);
            let request = self.http.post(format!("{}/webhooks/meta", desk.url));
            let request = request.header("x-hub-signature-256", sign(&body)).body(body);
            if !request.send().await.is_ok_and(|answer| answer.status().is_success()) {
                self.whatsapp.unreported.lock().expect("no panic").extend(some.iter().cloned());
            }
        }
    }

    /// A customer's question. Returns the time until the reply.
    async fn ask(&self, desk: &Process, n: usize) -> Option<Duration> {
        let customer = format!("1999{:07}", n % 500);
        let (tell, told) = oneshot::channel();
        self.whatsapp.waiting.lock().expect("no panic").insert(format!("+{customer}"), tell);
        let body =
            hook::message(&customer, &wamid(n, &format!("IN{n}")), "When do you close on Friday?");
        let asked = Instant::now();
        let request = self.http.post(format!("{}/webhooks/meta", desk.url));
        let request = request.header("x-hub-signature-256", sign(&body)).body(body);
        request.send().await.ok()?;
        let replied = tokio::time::timeout(REPLY_TIMEOUT, told).await.ok()?.ok()?;
        Some(replied - asked)
    }

    /// Asks questions while `going` says so. Returns the sorted times until the replies.
    async fn ask_while(
        &self,
        desk: &Process,
        from: usize,
        going: impl Fn() -> bool,
    ) -> Vec<Duration> {
        let mut times = Vec::new();
        let mut n = from;
        while going() {
            let began = Instant::now();
            times.extend(self.ask(desk, n).await);
            n += 1;
            tokio::time::sleep(QUESTION_INTERVAL.saturating_sub(began.elapsed())).await;
        }
        times.sort_unstable();
        times
    }

    async fn report_for_ever(&self, desk: &Process) {
        loop {
            self.report(desk).await;
            tokio::time::sleep(REPORT_INTERVAL).await;
        }
    }

    async fn measure_pace(&self, options: &Options) -> usize {
        let desk = self.open().await;
        let alone = if options.quick { 20 } else { 300 };
        // The first answers fill caches.
        for n in 0..20 {
            self.ask(&desk, n).await;
        }
        let until = Instant::now() + QUESTION_INTERVAL * alone;
        let before = tokio::select! {
            times = self.ask_while(&desk, 100, || Instant::now() < until) => times,
            () = self.report_for_ever(&desk) => unreachable!("it never ends"),
        };
        self.start(&desk, options).await;
        let meanwhile = tokio::select! {
            times = self.ask_while(&desk, 10_000, || self.whatsapp.reached() < options.recipients) => times,
            () = self.report_for_ever(&desk) => unreachable!("it never ends"),
        };
        let arrivals = self.whatsapp.arrivals.lock().expect("no panic").clone();
        let took = arrivals[arrivals.len() - 1] - arrivals[0];
        let kept = (arrivals.len() - 1) as f64 / took.as_secs_f64() * 60.0;
        println!(
            "pace: {:.0} of {} messages a minute ({:+.2} %), {} messages in {:.0} s",
            kept,
            options.pace,
            (kept / options.pace as f64 - 1.0) * 100.0,
            arrivals.len(),
            took.as_secs_f64()
        );
        for (name, times) in [("without a campaign", &before), ("during the campaign", &meanwhile)]
        {
            println!(
                "replies {name}: {} of them, p50 {:.1} ms, p99 {:.1} ms",
                times.len(),
                at(times, 0.5),
                at(times, 0.99)
            );
        }
        println!("p99 ratio: {:.2}", at(&meanwhile, 0.99) / at(&before, 0.99));
        println!("CPU: {:.1} s; memory: {} MB", desk.cpu_seconds(), desk.memory_mb());
        self.wrong(options)
    }

    async fn measure_kills(&self, options: &Options) -> usize {
        let mut desk = self.open().await;
        let path = self.start(&desk, options).await;
        for kill in 1..=options.kills {
            let until = options.recipients * kill / (options.kills + 1);
            while self.whatsapp.reached() < until {
                self.report(&desk).await;
                tokio::time::sleep(REPORT_INTERVAL).await;
            }
            // Killed without warning.
            drop(desk);
            desk = self.open().await;
            self.report(&desk).await;
        }
        let began = Instant::now();
        while self.whatsapp.reached() < options.recipients
            && began.elapsed() < Duration::from_mins(20)
        {
            self.report(&desk).await;
            tokio::time::sleep(REPORT_INTERVAL).await;
        }
        // What is unknown by now would be sent again meanwhile.
        for _ in 0..150 {
            self.report(&desk).await;
            tokio::time::sleep(REPORT_INTERVAL).await;
        }
        let results = self.call(&desk, &format!("{path}/results"), None).await;
        println!("killed {} times: {results}", options.kills);
        self.wrong(options)
    }

    /// The number of customers who got no message, or more than one.
    fn wrong(&self, options: &Options) -> usize {
        let received = self.whatsapp.received.lock().expect("no panic");
        let missed = (0..options.recipients)
            .filter(|n| !received.contains_key(&format!("+{}", phone(*n))))
            .count();
        let twice = received.values().filter(|count| **count > 1).count();
        println!("missed: {missed}; written to more than once: {twice}\n");
        missed + twice
    }
}

fn phone(n: usize) -> String {
    format!("4477{n:08}")
}

fn at(times: &[Duration], share: f64) -> f64 {
    let place = ((times.len().max(1) - 1) as f64 * share) as usize;
    times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

/// Returns a webhook with many statuses.
fn statuses(taken: &[(String, String, String)]) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("a clock").as_secs().to_string();
    let all: Vec<_> = taken
        .iter()
        .map(|(customer, id, reference)| {
            json!({"id": id, "status": "sent", "timestamp": now, "recipient_id": customer.trim_start_matches('+'),
                "biz_opaque_callback_data": reference})
        })
        .collect();
    let value = json!({"messaging_product": "whatsapp", "statuses": all,
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER}});
    json!({"object": "whatsapp_business_account", "entry": [
        {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}]})
    .to_string()
    .into_bytes()
}

async fn templates() -> impl IntoResponse {
    as_json(
        &json!({"data": [{"id": "1", "name": "ready", "language": "en", "status": "APPROVED", "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Dear {{1}}, your order is ready."}]}]}),
    )
}

async fn chat() -> impl IntoResponse {
    as_json(&json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "We close at 18:00 on Friday [1]."}}],
        "usage": {"prompt_tokens": 700, "completion_tokens": 12, "total_tokens": 712},
    }))
}

async fn take(State(state): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    let now = Instant::now();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    let count = {
        let mut count = state.count.lock().expect("no panic");
        *count += 1;
        *count
    };
    let (to, id) = (text("to"), wamid(count, &format!("OUT{count}")));
    if message["type"] == "template" {
        *state.received.lock().expect("no panic").entry(to.clone()).or_default() += 1;
        state.arrivals.lock().expect("no panic").push(now);
    } else if let Some(tell) = state.waiting.lock().expect("no panic").remove(&to) {
        let _ = tell.send(now);
    }
    let taken = (to, id.clone(), text("biz_opaque_callback_data"));
    state.unreported.lock().expect("no panic").push(taken);
    as_json(&json!({"messaging_product": "whatsapp", "messages": [{"id": &id}]}))
}

fn as_json(body: &Value) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "application/json")], body.to_string())
}
