//! The floor, the minimum of necessary work: a bare handler that acknowledges, embeds, searches,
//! asks the model and sends.

use std::process::Command;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use serde_json::{Value, json};

use super::figures::Figures;
use super::load::{Round, run};
use super::upstream::Upstream;
use super::{DIMS, PASSAGES};
use crate::hook::NUMBER;
use crate::process::Process;

struct Floor {
    upstream: String,
    http: reqwest::Client,
    rows: Vec<f32>,
}

/// Starts the floor as a separate process and measures it. It gets no status webhooks, because it
/// stores no replies.
pub(crate) async fn measure(upstream: &Upstream, round: Round) -> Figures {
    let floor = Process::start(|port| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--simple", "--floor", &format!("{port},{}", upstream.url)]);
        command
    })
    .await;
    run(upstream, Round { statuses: false, ..round }, &floor).await
}

/// Serves in the child process: `place` is the port, a comma, and the upstream's URL.
pub(crate) async fn serve(place: &str) {
    let (port, upstream) = place.split_once(',').expect("port,url");
    let rows = (0..PASSAGES * DIMS).map(|i| ((i * 31) % 101) as f32 / 101.0).collect();
    let floor =
        Arc::new(Floor { upstream: upstream.to_owned(), http: reqwest::Client::new(), rows });
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

impl Floor {
    async fn answer(&self, body: &[u8]) {
        let hook: Value = serde_json::from_slice(body).expect("JSON");
        let message = &hook["entry"][0]["changes"][0]["value"]["messages"][0];
        let text = message["text"]["body"].as_str().expect("a text");
        let embedded =
            self.call("/v1/embeddings", &json!({"model": "fake", "input": [text]})).await;
        let vector: Vec<f32> = embedded["data"][0]["embedding"]
            .as_array()
            .expect("a vector")
            .iter()
            .map(|x| x.as_f64().unwrap_or(0.0) as f32)
            .collect();
        let best = self.search(&vector);
        let system = format!(
            "You answer customers. {}",
            best.iter().map(|i| passage(*i)).collect::<String>()
        );
        let answer = self
            .call(
                "/v1/chat/completions",
                &json!({"model": "m", "temperature": 0.2, "messages": [
            {"role": "system", "content": system}, {"role": "user", "content": text}]}),
            )
            .await;
        let reply = answer["choices"][0]["message"]["content"].as_str().expect("an answer");
        let to = format!("+{}", message["from"].as_str().expect("a sender"));
        self.call(
            &format!("/v24.0/{NUMBER}/messages"),
            &json!({"messaging_product": "whatsapp", "to": to,
            "type": "text", "text": {"body": reply}}),
        )
        .await;
    }

    async fn call(&self, path: &str, body: &Value) -> Value {
        let request =
            self.http.post(format!("{}{path}", self.upstream)).bearer_auth("key").json(body);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    fn search(&self, vector: &[f32]) -> Vec<usize> {
        let score = |row: &[f32]| row.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
        let mut scores: Vec<(f32, usize)> =
            self.rows.chunks_exact(DIMS).map(score).zip(0..).collect();
        scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        scores.into_iter().take(5).map(|(_, index)| index).collect()
    }
}

/// Returns a passage; the desk learns the same ones.
pub(crate) fn passage(index: usize) -> String {
    format!(
        "Branch number {index} is open on weekdays until {}:00 and on Saturday until 13:00. Goods can be returned within {} days \
         with the receipt, and deliveries to area {index} leave every morning at eight from the old harbour.\n",
        15 + index % 6,
        10 + index % 50
    )
}
