//! Generates load: customers in conversation, each waiting for the reply before the next message.
//! Measures from the webhook's first byte to the reply's arrival at WhatsApp.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::data::Data;
use super::fake::{Arrived, Fake};
use super::figures::Figures;
use super::talk::{LONGEST, talk};
use crate::hook;
use crate::process::Process;

/// Sampling interval of memory.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Wait for a reply, beyond which the customer counts as unanswered.
const PATIENCE: Duration = Duration::from_mins(1);
/// Number of the first conversation of the warm-up: others than those that are measured.
const WARM: usize = 500_000;
/// The most messages whose embeddings are made before the round: 18 kB each.
const PREPARED: usize = 8_000;

/// The parameters of one measurement.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    /// Total number of messages.
    pub(crate) messages: usize,
    /// Number of concurrent conversations.
    pub(crate) in_flight: usize,
    /// Response time of the model.
    pub(crate) model: Duration,
    /// Number of unmeasured warm-up messages, with a fast model.
    pub(crate) warm: usize,
}

/// Who is asked, by whom.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) fake: &'a Fake,
    pub(crate) data: &'a Data,
}

/// Measures a server.
pub(crate) async fn run(scene: Scene<'_>, round: Round, server: &Process) -> Figures {
    scene.fake.prepare(scene.data, WARM, round.warm);
    scene.fake.prepare(scene.data, 0, round.messages.min(PREPARED));
    scene.fake.think(Duration::ZERO);
    let before = scene.fake.calls();
    let warm = Round { messages: round.warm, model: Duration::ZERO, ..round };
    let warm = Crowd::new(scene, warm, server, WARM);
    drop(warm.ask_all().await);
    scene.fake.think(round.model);
    let crowd = Crowd::new(scene, round, server, 0);
    let (cpu, started) = (server.cpu_seconds(), Instant::now());
    let mut memory_mb = server.memory_mb();
    let mut asked = std::pin::pin!(crowd.ask_all());
    let overhead = loop {
        tokio::select! {
            overhead = &mut asked => break overhead,
            () = tokio::time::sleep(POLL_INTERVAL) => memory_mb = memory_mb.max(server.memory_mb()),
        }
    };
    let took = started.elapsed();
    let unanswered = [&warm, &crowd].map(|one| one.unanswered.load(Ordering::Relaxed));
    Figures {
        took,
        cpu_s: server.cpu_seconds() - cpu,
        memory_mb: memory_mb.max(server.memory_mb()),
        overhead: Figures::sorted(overhead),
        calls: scene.fake.calls().since(before),
        messages: round.messages + round.warm,
        unanswered: unanswered.into_iter().sum(),
    }
}

/// The customers of one round.
struct Crowd<'a> {
    scene: Scene<'a>,
    http: reqwest::Client,
    address: String,
    round: Round,
    /// Number of the next conversation.
    next: AtomicUsize,
    /// Number of messages begun.
    begun: AtomicUsize,
    unanswered: AtomicUsize,
}

impl<'a> Crowd<'a> {
    fn new(scene: Scene<'a>, round: Round, server: &Process, first: usize) -> Self {
        Self {
            scene,
            http: reqwest::Client::new(),
            address: format!("{}/webhooks/meta", server.url),
            round,
            next: AtomicUsize::new(first),
            begun: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
        }
    }

    /// Returns the latency of each answered message beyond the model's time.
    async fn ask_all(&self) -> Vec<Duration> {
        let workers = (0..self.round.in_flight).map(|worker| self.work(worker));
        futures::future::join_all(workers).await.into_iter().flatten().collect()
    }

    /// Has one conversation after the other until the round is complete.
    async fn work(&self, worker: usize) -> Vec<Duration> {
        let Round { in_flight, model, messages, .. } = self.round;
        // Spreads the start, so that not all customers write in the same millisecond.
        tokio::time::sleep(model * worker as u32 / in_flight as u32).await;
        let (mut times, mut before) = (Vec::new(), None);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let customer = (40_000_000_000_000 + number).to_string();
            for (at, text) in talk(self.scene.data, number).into_iter().enumerate() {
                if self.begun.fetch_add(1, Ordering::Relaxed) >= messages {
                    self.tell(before.take()).await;
                    return times;
                }
                let id = hook::wamid(number * LONGEST + at, &format!("IN{number}.{at}"));
                let asked = self.ask((&customer, &id, &text));
                let (reply, ()) = tokio::join!(asked, self.tell(before.take()));
                let Some((took, reply)) = reply else { break };
                times.push(took.saturating_sub(model));
                let ends = reply.is_hand_off;
                before = Some((customer.clone(), reply));
                if ends {
                    break;
                }
            }
        }
    }

    /// Sends a customer's text and returns the reply with its latency; `None` without a reply.
    async fn ask(&self, (customer, id, text): (&str, &str, &str)) -> Option<(Duration, Arrived)> {
        let told = self.scene.fake.reply_to(customer);
        let body = hook::message(customer, id, text);
        let signature = hook::sign(&body);
        let started = Instant::now();
        self.post(body, signature).await;
        let told = tokio::time::timeout(PATIENCE, told).await;
        if let Ok(Ok(reply)) = told {
            return Some((reply.at.duration_since(started), reply));
        }
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        println!("WRONG: no reply to {text:?}");
        None
    }

    /// Reports a reply as sent, then as delivered.
    async fn tell(&self, reply: Option<(String, Arrived)>) {
        let Some((customer, reply)) = reply else { return };
        for state in ["sent", "delivered"] {
            let body = hook::status(&customer, (&reply.id, &reply.reference), state);
            let signature = hook::sign(&body);
            self.post(body, signature).await;
        }
    }

    async fn post(&self, body: Vec<u8>, signature: String) {
        let request =
            self.http.post(&self.address).header("x-hub-signature-256", signature).body(body);
        let status = request.send().await.expect("an answer").status();
        assert!(status.is_success(), "a webhook was answered {status}");
    }
}
