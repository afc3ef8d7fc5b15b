//! Generates load: many concurrent customers, each waiting for the reply before the next message.
//! Measures from the webhook's first byte to the reply's arrival at WhatsApp.
//!
//! The customers do not trigger the desk's loop guard: nobody repeats a message or writes more than
//! five.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::PASSAGES;
use super::figures::{Figures, Used};
use super::upstream::{Arrived, Upstream};
use crate::hook;
use crate::process::Process;

/// Number of messages from one customer before the next one takes over.
const EACH: usize = 5;
/// Step through the stored customers, which spreads the load over all of them. A prime, so that
/// nobody writes twice.
pub(crate) const STRIDE: usize = 7919;
/// Sampling interval of memory.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The parameters of one measurement.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    /// Total number of messages.
    pub(crate) messages: usize,
    /// Number of concurrent messages.
    pub(crate) in_flight: usize,
    /// Response time of the model.
    pub(crate) model: Duration,
    /// Number of unmeasured warm-up messages, from new customers and with a fast model.
    pub(crate) warm: usize,
    /// Whether WhatsApp reports replies as sent and delivered.
    pub(crate) statuses: bool,
    /// The stored customers who write half of the messages.
    pub(crate) old: Old,
    /// Distinguishes its customers and messages from those of other rounds on the same database.
    /// Starts at 1; the next number is used as well.
    pub(crate) series: usize,
}

/// The range of stored customers who write.
#[derive(Clone, Copy, Default)]
pub(crate) struct Old {
    /// Number of stored customers; 0 when all customers are new.
    pub(crate) stored: usize,
    /// First customer who may write.
    pub(crate) from: usize,
    /// End of the range, exclusive.
    pub(crate) to: usize,
    /// Number of customers at the start of the range who write last.
    pub(crate) skip: usize,
}

impl Round {
    /// Returns part number `part` (from 0) of `all`: its share of the messages, with its own
    /// customers.
    pub(crate) fn part(self, part: usize, all: usize) -> Self {
        let share = (self.old.to - self.old.from) / all;
        Self {
            messages: self.messages / all,
            old: Old { skip: part * share, ..self.old },
            series: self.series + part * SERIES,
            ..self
        }
    }
}

/// Number of series that all rounds on one database use; the next part continues after them.
const SERIES: usize = 4;

/// Returns the phone number of a new customer. `series`, `worker` and `spell` are below 1,000,
/// 10,000 and 1,000,000.
pub(crate) fn new_customer(series: usize, worker: usize, spell: usize) -> String {
    (40_000_000_000_000 + series * 10_000_000_000 + worker * 1_000_000 + spell).to_string()
}

/// Returns the phone number of a stored customer, counted from 0; `seed` stores the same.
pub(crate) fn stored_customer(number: usize) -> String {
    (500_000_000_000 + number).to_string()
}

/// Measures a server.
pub(crate) async fn run(upstream: &Upstream, round: Round, server: &Process) -> Figures {
    upstream.think(Duration::ZERO);
    let (model, old) = (Duration::ZERO, Old::default());
    let warm = Crowd::new(upstream, Round { messages: round.warm, model, old, ..round }, server);
    drop(warm.ask_all().await);
    upstream.think(round.model);
    let crowd = Crowd::new(upstream, Round { series: round.series + 1, ..round }, server);
    let (cpu, started) = (server.cpu_seconds(), Instant::now());
    let mut memory_mb = server.memory_mb();
    let mut asked = std::pin::pin!(crowd.ask_all());
    let overhead = loop {
        tokio::select! {
            overhead = &mut asked => break overhead,
            () = tokio::time::sleep(POLL_INTERVAL) => memory_mb = memory_mb.max(server.memory_mb()),
        }
    };
    let used = Used {
        took: started.elapsed(),
        cpu_s: server.cpu_seconds() - cpu,
        memory_mb: memory_mb.max(server.memory_mb()),
        old: crowd.old.load(Ordering::Relaxed),
    };
    Figures::new(overhead, &used)
}

/// Sends one message from one customer and waits for the reply.
pub(crate) async fn ask_once(upstream: &Upstream, server: &Process, customer: &str) {
    let round = Round {
        messages: 1,
        in_flight: 1,
        model: Duration::ZERO,
        warm: 0,
        statuses: false,
        old: Old::default(),
        series: 0,
    };
    upstream.think(Duration::ZERO);
    let message = (customer, "wamid.first", "Until when is branch 7 open on weekdays?");
    Crowd::new(upstream, round, server).ask(message).await;
}

/// The customers of one round.
struct Crowd<'a> {
    upstream: &'a Upstream,
    http: reqwest::Client,
    address: String,
    round: Round,
    /// Number of messages begun.
    begun: AtomicUsize,
    /// Number of messages from stored customers.
    old: AtomicUsize,
}

impl<'a> Crowd<'a> {
    fn new(upstream: &'a Upstream, round: Round, server: &Process) -> Self {
        let address = format!("{}/webhooks/meta", server.url);
        let (begun, old) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { upstream, http: reqwest::Client::new(), address, round, begun, old }
    }

    /// Returns the latency of each message beyond the model's time.
    async fn ask_all(&self) -> Vec<Duration> {
        let workers = (0..self.round.in_flight).map(|worker| self.work(worker));
        futures::future::join_all(workers).await.into_iter().flatten().collect()
    }

    /// Sends one message at a time until the round is complete. The statuses of a reply are sent
    /// alongside the next message.
    async fn work(&self, worker: usize) -> Vec<Duration> {
        let Round { in_flight, model, messages, series, .. } = self.round;
        // Spreads the start, so that not all customers write in the same millisecond.
        tokio::time::sleep(model * worker as u32 / in_flight as u32).await;
        let mut times = Vec::new();
        let mut before = None;
        while self.begun.fetch_add(1, Ordering::Relaxed) < messages {
            let own = times.len();
            let customer = self.customer(worker, own / EACH);
            let order = format!("{series}.{worker}.{own}");
            let id = hook::wamid(series * 1_000_000_000 + worker * 1_000_000 + own, &order);
            let text = format!(
                "Hello, until when is branch {} open on weekdays, and do I need the receipt of order {order}?",
                (own * 17 + worker) % PASSAGES
            );
            let ((took, reply), ()) =
                tokio::join!(self.ask((&customer, &id, &text)), self.tell(before.take()));
            times.push(took.saturating_sub(model));
            before = Some((customer, reply));
        }
        self.tell(before).await;
        times
    }

    /// Returns the customer who writes: alternately a new and a stored one, while there are stored
    /// ones who have not written.
    fn customer(&self, worker: usize, spell: usize) -> String {
        let Round { in_flight, series, old, .. } = self.round;
        let (place, all) = (spell / 2 * in_flight + worker, old.to - old.from);
        if (spell + worker).is_multiple_of(2) || place >= all {
            return new_customer(series, worker, spell);
        }
        self.old.fetch_add(1, Ordering::Relaxed);
        let place = old.from + (place + old.skip) % all;
        stored_customer(place * STRIDE % old.stored)
    }

    /// Sends a customer's text and returns the reply with its latency.
    async fn ask(&self, (customer, id, text): (&str, &str, &str)) -> (Duration, Arrived) {
        let told = self.upstream.reply_to(customer);
        let body = hook::message(customer, id, text);
        let signature = hook::sign(&body);
        let started = Instant::now();
        self.post(body, signature).await;
        let arrived = tokio::time::timeout(Duration::from_mins(2), told);
        let reply = arrived.await.expect("a reply within two minutes").expect("a reply");
        (reply.at.duration_since(started), reply)
    }

    /// Reports a reply as sent, then as delivered.
    async fn tell(&self, reply: Option<(String, Arrived)>) {
        let Some((customer, reply)) = reply.filter(|_| self.round.statuses) else { return };
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
