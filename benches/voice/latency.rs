//! How much transcribing voice notes delays the answers to texts. A desk in this process with
//! SQLite, the extractive model and a sandbox number gets texts at a constant rate, alone and while
//! notes are always being transcribed. Measures from the webhook to the reply's arrival at the
//! number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::domain::{Item, Party};
use frontdesk::knowledge::SilentProgress;
use frontdesk::provider::{
    Error, MalformedWebhook, OutgoingMessage, Provider, Receiver, SentMessage, UnverifiedWebhook,
    UploadFile,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Rounds of each case, alternating.
const ROUNDS: usize = 2;
const TEXTS: usize = 100;
/// Interval between two texts.
const PACE: Duration = Duration::from_millis(200);
/// Number of concurrent notes: usually the number of cores.
const NOTES: usize = 2;
const QUESTIONS: [&str; 4] = [
    "When do you open on Saturday?",
    "How long do I have to return something?",
    "Do you deliver abroad?",
    "What does a child's bike cost?",
];

/// Customers who wait for a reply.
#[derive(Default)]
struct Waiting(Mutex<HashMap<String, oneshot::Sender<()>>>);

/// A sandbox number that signals each send.
struct Watched {
    inner: Arc<dyn Provider>,
    waiting: Arc<Waiting>,
}

impl Receiver for Watched {
    fn external_id(&self) -> &str {
        self.inner.external_id()
    }

    fn verify_webhook(&self, query: &[(String, String)]) -> Option<String> {
        self.inner.verify_webhook(query)
    }

    fn admit(&self, headers: &http::HeaderMap) -> Result<(), UnverifiedWebhook> {
        self.inner.admit(headers)
    }

    fn authenticate(
        &self,
        headers: &http::HeaderMap,
        body: &[u8],
    ) -> Result<(), UnverifiedWebhook> {
        self.inner.authenticate(headers, body)
    }

    fn decode(
        &self,
        headers: &http::HeaderMap,
        body: &[u8],
    ) -> Result<Vec<Item>, MalformedWebhook> {
        self.inner.decode(headers, body)
    }
}

#[async_trait]
impl Provider for Watched {
    async fn send(&self, outgoing: &OutgoingMessage) -> Result<SentMessage, Error> {
        let sent = self.inner.send(outgoing).await;
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        let customer = outgoing.to.wa_id.as_deref().unwrap_or_default();
        if let Some(waits) = waiting.remove(customer) {
            // The receiver may have stopped waiting.
            waits.send(()).ok();
        }
        sent
    }

    async fn typing(&self, customer: &Party, message: &str) -> Result<(), Error> {
        self.inner.typing(customer, message).await
    }

    async fn media(
        &self,
        media: &frontdesk::domain::Media,
        limit: usize,
    ) -> Result<Vec<u8>, Error> {
        self.inner.media(media, limit).await
    }

    async fn check(&self) -> Result<String, Error> {
        self.inner.check().await
    }

    fn uploader(&self) -> Option<&dyn UploadFile> {
        self.inner.uploader()
    }
}

/// A client that writes to the desk.
#[derive(Clone)]
struct Writer {
    url: String,
    http: reqwest::Client,
    waiting: Arc<Waiting>,
}

impl Writer {
    /// Sends a message and returns the milliseconds until the reply.
    async fn write(&self, customer: String, mut message: Value) -> f64 {
        let (sender, replied) = oneshot::channel();
        let waiting = || self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting().insert(customer.clone(), sender);
        message["from"] = json!(customer);
        let begin = Instant::now();
        let body = json!({ "messages": [message] });
        let answer = self.http.post(&self.url).json(&body).send().await.expect("the desk answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        replied.await.expect("a reply");
        begin.elapsed().as_secs_f64() * 1_000.0
    }

    /// Sends texts at a constant rate, each from a different customer, and returns their times.
    async fn texts(&self, series: usize) -> Vec<f64> {
        let mut ticks = tokio::time::interval(PACE);
        let mut all = Vec::new();
        for (number, question) in (0..TEXTS).zip(QUESTIONS.iter().cycle()) {
            ticks.tick().await;
            let (writer, text) = (self.clone(), json!({ "text": question }));
            let customer = (500_000_000_000 + series * 1_000_000 + number).to_string();
            all.push(tokio::spawn(async move { writer.write(customer, text).await }));
        }
        let all = futures::future::join_all(all).await;
        all.into_iter().map(|took| took.expect("answered")).collect()
    }

    /// Sends one note after the other, forever.
    async fn notes(self, line: usize, note: String) {
        for number in 0.. {
            let customer = (700_000_000_000_usize + line * 1_000_000 + number).to_string();
            let voice = json!({"voice": {"data": note, "mime_type": "audio/wav"}});
            self.write(customer, voice).await;
        }
    }
}

/// Prints the times alone and with notes, and their ratio.
pub(crate) async fn compare() {
    let (model, wav) = (super::model(), super::shared("data/voice/jfk.wav"));
    let (true, Ok(bytes)) = (model.is_file(), std::fs::read(wav)) else {
        return println!("skipped: no shared data, and FRONTDESK_WHISPER_MODEL is not set");
    };
    let home = tempfile::tempdir().expect("a folder");
    let path = |name: &str| home.path().join(name).display().to_string();
    let toml = format!(
        "[llm]\nkind = \"extractive\"\n[store]\npath = {:?}\n[files]\nprompts = {:?}\nknowledge = {:?}\n\
         [speech]\nkind = \"whisper\"\npath = {:?}\n[http]\nadmin_key = \"key-of-24-characters-long\"\n\
         [worker]\ngap_ms = 0\n[worker.machine]\nrepeats = 0\na_minute = 0\nquick_replies = 0\n\
         [numbers.try]\nprovider = \"sandbox\"\nagent = \"saltmarsh\"\ninsecure = true\nrate = 10000.0\n",
        path("desk.db"),
        path("prompts"),
        path("knowledge"),
        model.display().to_string(),
    );
    let mut config = Config::from_toml(&toml).expect("the settings are right");
    config.reader.program = Some(env!("CARGO_BIN_EXE_frontdesk").into());
    let app = App::assemble(config).await.expect("assembled");
    app.learn(&SilentProgress).await.expect("learned");
    let waiting = Arc::new(Waiting::default());
    for number in app.desk.numbers.all() {
        let mut watched = frontdesk::desk::Number::clone(&number);
        watched.client =
            Arc::new(Watched { inner: number.client.clone(), waiting: waiting.clone() });
        app.desk.numbers.put(watched);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webhooks/sandbox/try", listener.local_addr().expect("a port"));
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(app.serve(listener, async move { drop(stopped.await) }));
    let writer = Writer { url, http: reqwest::Client::new(), waiting };
    // The first texts and notes load what is loaded only once.
    writer.texts(0).await;
    let note = STANDARD.encode(bytes);
    let first = json!({"voice": {"data": note, "mime_type": "audio/wav"}});
    writer.write("600000000000".into(), first).await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        alone.extend(writer.texts(2 * round + 1).await);
        let line = |line| tokio::spawn(writer.clone().notes(round * NOTES + line, note.clone()));
        let notes: Vec<_> = (0..NOTES).map(line).collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        beside.extend(writer.texts(2 * round + 2).await);
        for notes in notes {
            notes.abort();
        }
        // Lets the pending ones finish.
        tokio::time::sleep(Duration::from_secs(8)).await;
    }
    let count = alone.len();
    let (alone, beside) = (figures(alone), figures(beside));
    println!("{count} texts each, one every {} ms", PACE.as_millis());
    println!("alone:                 p50 {:.1} ms, p99 {:.1} ms", alone.0, alone.1);
    println!("beside {NOTES} notes at once: p50 {:.1} ms, p99 {:.1} ms", beside.0, beside.1);
    println!("ratio:                 p50 {:.2}, p99 {:.2}", beside.0 / alone.0, beside.1 / alone.1);
    stop.send(()).ok();
    served.await.expect("it ends").expect("it ended well");
}

/// Returns the median and the 99th percentile.
fn figures(mut all: Vec<f64>) -> (f64, f64) {
    all.sort_by(f64::total_cmp);
    let at = |place: usize| all.get(place).copied().unwrap_or(f64::NAN);
    (at(all.len() / 2), at(all.len() * 99 / 100))
}
