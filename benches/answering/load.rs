//! Asks: many customers at once, each waiting for the reply before the next message. Measures from the webhook's first
//! byte to the reply's arrival at WhatsApp.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::upstream::Upstream;

/// The number that is written to.
pub(crate) const NUMBER: &str = "106540352242922";
/// Signs the webhooks.
pub(crate) const SECRET: &str = "app-secret-123";
/// Messages of one customer before the next takes his place.
const EACH: usize = 5;

/// What to measure.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    /// Messages in all.
    pub(crate) messages: usize,
    /// Messages at once.
    pub(crate) in_flight: usize,
    /// How long the model thinks.
    pub(crate) model: Duration,
}

/// What was measured.
pub(crate) struct Figures {
    answered: usize,
    took: Duration,
    /// What was added to the model's time, sorted.
    overhead: Vec<Duration>,
    cpu_s: f64,
    memory_mb: u64,
}

/// Measures a server in a process of its own.
pub(crate) async fn run(upstream: &Upstream, round: Round, server: &str, pid: u32) -> Figures {
    upstream.think(Duration::ZERO);
    let warm = Round { messages: round.in_flight * 20, ..round };
    drop(ask_all(upstream, warm, server, 1).await);
    upstream.think(round.model);
    let (cpu, started) = (cpu_seconds(pid), Instant::now());
    let mut overhead = ask_all(upstream, round, server, 2).await;
    let took = started.elapsed();
    overhead.sort_unstable();
    Figures {
        answered: overhead.len(),
        took,
        overhead,
        cpu_s: cpu_seconds(pid) - cpu,
        memory_mb: memory_mb(pid),
    }
}

async fn ask_all(upstream: &Upstream, round: Round, server: &str, series: usize) -> Vec<Duration> {
    let next = Arc::new(AtomicUsize::new(0));
    let http = reqwest::Client::new();
    let customers = (0..round.in_flight).map(|worker| {
        let (next, http) = (next.clone(), http.clone());
        async move {
            // Customers do not all write in the same millisecond.
            tokio::time::sleep(round.model * worker as u32 / round.in_flight as u32).await;
            let mut times = Vec::new();
            let mut own = 0;
            while next.fetch_add(1, Ordering::Relaxed) < round.messages {
                let customer = format!(
                    "{}",
                    400_000_000_000 + series * 10_000_000_000 + worker * 1_000_000 + own / EACH
                );
                let id = format!("wamid.{series}.{worker}.{own}");
                times.push(
                    ask(upstream, &http, server, (&customer, &id))
                        .await
                        .saturating_sub(round.model),
                );
                own += 1;
            }
            times
        }
    });
    futures::future::join_all(customers).await.into_iter().flatten().collect()
}

async fn ask(
    upstream: &Upstream,
    http: &reqwest::Client,
    server: &str,
    (customer, id): (&str, &str),
) -> Duration {
    let body = webhook(customer, id);
    let signature = sign(&body);
    let told = upstream.reply_to(customer);
    let started = Instant::now();
    let request = http
        .post(format!("{server}/webhooks/meta"))
        .header("x-hub-signature-256", signature)
        .body(body);
    let status = request.send().await.expect("an answer").status();
    assert!(status.is_success(), "a webhook was answered {status}");
    let arrived =
        tokio::time::timeout(Duration::from_mins(1), told).await.expect("a reply within a minute");
    arrived.expect("a reply").duration_since(started)
}

fn webhook(customer: &str, id: &str) -> Vec<u8> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    json!({"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": customer}],
        "messages": [{"from": customer, "id": id, "timestamp": now.to_string(), "type": "text",
            "text": {"body": "Hello, until when are you open on weekdays, and do I need the receipt?"}}]}}]}]})
    .to_string()
    .into_bytes()
}

fn sign(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Figures {
    fn per_second(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }

    fn percentile(&self, share: f64) -> f64 {
        let index = ((self.overhead.len() - 1) as f64 * share) as usize;
        self.overhead[index].as_secs_f64() * 1000.0
    }

    pub(crate) fn print(&self, name: &str, floor: Option<&Self>) {
        let ratio = floor.map_or(String::new(), |floor| {
            format!("   {:.2} of the floor", self.per_second() / floor.per_second())
        });
        println!(
            "  {name:<32}{:>12.0}{:>10.1}{:>10.1}{:>12.2}{:>9}{ratio}",
            self.per_second(),
            self.percentile(0.5),
            self.percentile(0.99),
            self.cpu_s * 1000.0 / self.answered as f64,
            self.memory_mb
        );
    }
}

/// CPU seconds that a process has used: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory of a process in MB.
pub(crate) fn memory_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
