//! The floor, the minimum of necessary work: a bare handler that acknowledges, embeds, searches
//! exactly, shows "typing...", asks the model and sends. It makes as many calls as the desk on
//! average, with texts of the same kind, takes the same webhooks, and stores nothing.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::data::Data;
use super::fake::Kind;
use super::figures::Figures;
use super::load::{Round, Scene, run};
use super::vectors::DIMS;
use crate::hook::NUMBER;
use crate::process::Process;

/// Passages in a prompt: the desk's default.
const BEST: usize = 5;
/// Texts in one request while the passages are embedded.
const BATCH: usize = 64;
/// Products that are summed side by side; divides `DIMS`.
const LANES: usize = 16;

/// Calls that the desk makes for some messages only, as measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extra {
    /// Rewrites of a question for 1,000 messages; each is searched again.
    rewrites: usize,
    /// Further calls for embeddings for 1,000 messages.
    embeds: usize,
    /// Texts in each of them.
    texts: usize,
}

impl Extra {
    /// Reads them from a desk's figures.
    pub(crate) fn of(desk: &Figures) -> Self {
        let each = |kind| desk.calls.of(kind) as f64 / desk.messages as f64;
        let rewrites = each(Kind::Rewrite);
        let embeds = (each(Kind::Embed) - 1.0 - rewrites).max(0.0);
        let texts = (each(Kind::Text) - 1.0 - rewrites) / embeds.max(0.001);
        let in_thousand = |share: f64| (share * 1000.0).round() as usize;
        Self {
            rewrites: in_thousand(rewrites),
            embeds: in_thousand(embeds),
            texts: texts.round().max(1.0) as usize,
        }
    }
}

/// Starts the floor as a separate process and measures it. It gets the status webhooks, too, which
/// nobody can switch off, reads them and forgets them.
pub(crate) async fn measure(scene: Scene<'_>, round: Round, extra: Extra) -> Figures {
    let floor = Process::start(|port| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        let Extra { rewrites, embeds, texts } = extra;
        let place = format!("{port},{},{rewrites},{embeds},{texts}", scene.fake.url);
        command.args(["--floor", &place]);
        command
    })
    .await;
    run(scene, round, &floor).await
}

/// Serves in the child process: `place` is the port, the URL of the fake, and the extra calls.
pub(crate) async fn serve(place: &str) {
    let parts: Vec<&str> = place.split(',').collect();
    let [port, upstream, rewrites, embeds, texts] = parts[..] else { panic!("five parts") };
    let number = |text: &str| text.parse().expect("a number");
    let extra = Extra { rewrites: number(rewrites), embeds: number(embeds), texts: number(texts) };
    let floor = Arc::new(Floor::learn(upstream, extra).await);
    let router = Router::new()
        .route("/webhooks/meta", post(receive))
        .route("/readyz", get(async || "ready\n"))
        .with_state(floor);
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port");
    axum::serve(listener, router).await.expect("a server");
}

async fn receive(State(floor): State<Arc<Floor>>, body: Bytes) -> StatusCode {
    tokio::spawn(async move { floor.answer(&body).await });
    StatusCode::OK
}

struct Floor {
    upstream: String,
    http: reqwest::Client,
    /// Passages with their headings.
    passages: Vec<(String, String)>,
    /// Their vectors, one after the other.
    rows: Vec<f32>,
    extra: Extra,
    /// Number of messages so far.
    count: AtomicUsize,
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

impl Floor {
    async fn learn(upstream: &str, extra: Extra) -> Self {
        let data = Data::read().expect("the shared data");
        let passages = data.passages.into_iter().map(|one| (one.heading, one.body)).collect();
        let (http, count) = (reqwest::Client::new(), AtomicUsize::new(0));
        let upstream = upstream.to_owned();
        let mut floor = Self { upstream, http, passages, rows: Vec::new(), extra, count };
        let texts: Vec<String> =
            floor.passages.iter().map(|(heading, body)| format!("{heading}\n{body}")).collect();
        for texts in texts.chunks(BATCH) {
            floor.rows.extend(floor.embed(texts).await.into_iter().flatten());
        }
        floor
    }

    async fn answer(self: &Arc<Self>, body: &[u8]) {
        let hook: Value = serde_json::from_slice(body).expect("JSON");
        let message = &hook["entry"][0]["changes"][0]["value"]["messages"][0];
        // A status has no message.
        let Some(text) = message["text"]["body"].as_str() else { return };
        let id = message["id"].as_str().expect("an id").to_owned();
        let typing = self.clone();
        tokio::spawn(async move { typing.show_typing(&id).await });
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut best = self.search(text).await;
        if is_due(count, self.extra.rewrites) {
            let rewritten = self.rewrite(text).await;
            best = self.search(&rewritten).await;
        }
        let reply = self.ask(text, &best).await;
        if is_due(count, self.extra.embeds) {
            self.embed(&self.sentences(&reply, &best)).await;
        }
        let to = format!("+{}", message["from"].as_str().expect("a sender"));
        let sent = json!({"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": reply}});
        let _: Value = self.call(&format!("/v24.0/{NUMBER}/messages"), &sent).await;
    }

    async fn show_typing(&self, id: &str) {
        let typing = json!({"messaging_product": "whatsapp", "status": "read", "message_id": id,
            "typing_indicator": {"type": "text"}});
        let _: Value = self.call(&format!("/v24.0/{NUMBER}/messages"), &typing).await;
    }

    /// Returns the indexes of the passages that are nearest to a text.
    async fn search(&self, text: &str) -> Vec<usize> {
        let vectors = self.embed(&[text.to_owned()]).await;
        let vector = vectors.first().expect("a vector");
        let scores = self.rows.chunks_exact(DIMS).map(|row| dot(row, vector));
        let mut scores: Vec<(f32, usize)> = scores.zip(0..).collect();
        scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        scores.into_iter().take(BEST).map(|(_, index)| index).collect()
    }

    /// Asks the model with the passages, written as the desk writes them.
    async fn ask(&self, text: &str, best: &[usize]) -> String {
        let mut asked = String::from("<passages>");
        for (mark, index) in (1..).zip(best) {
            let (heading, body) = &self.passages[*index];
            let _ = write!(asked, "\n\n[{mark}] faq > {heading}\n{body}");
        }
        let _ = write!(asked, "\n\n</passages>\n\nThe customer writes:\n{text}");
        self.chat("You answer customers from the passages.", &asked).await
    }

    async fn rewrite(&self, text: &str) -> String {
        let system =
            "You prepare a search in a business's documents. Write the message as one question.";
        self.chat(system, &format!("\nLast message of the customer: {text}")).await
    }

    async fn chat(&self, system: &str, user: &str) -> String {
        let body = json!({"model": "m", "temperature": 0.2, "messages": [
            {"role": "system", "content": system}, {"role": "user", "content": user}]});
        let completion: Completion = self.call("/v1/chat/completions", &body).await;
        completion.choices.into_iter().next().expect("an answer").message.content
    }

    /// Returns sentences of a reply, then of its passages: as many as the desk compares.
    fn sentences(&self, reply: &str, best: &[usize]) -> Vec<String> {
        let passages = best.iter().map(|index| self.passages[*index].1.as_str());
        let all = std::iter::once(reply).chain(passages).flat_map(|text| text.split(". "));
        let long = all.map(str::trim).filter(|sentence| sentence.len() > 10);
        long.take(self.extra.texts).map(str::to_owned).collect()
    }

    async fn embed(&self, texts: &[String]) -> Vec<Vec<f32>> {
        let body = json!({"model": "fake", "input": texts, "encoding_format": "float"});
        let embeddings: Embeddings = self.call("/v1/embeddings", &body).await;
        embeddings.data.into_iter().map(|one| one.embedding).collect()
    }

    async fn call<T: for<'a> Deserialize<'a>>(&self, path: &str, body: &Value) -> T {
        let request =
            self.http.post(format!("{}{path}", self.upstream)).bearer_auth("key").json(body);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }
}

/// Returns the dot product, in sums that the compiler vectorises.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// Spreads a number of calls for 1,000 messages evenly over the messages.
fn is_due(count: usize, of_thousand: usize) -> bool {
    count * of_thousand / 1000 != (count + 1) * of_thousand / 1000
}
