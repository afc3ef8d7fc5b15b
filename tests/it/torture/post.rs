//! Meta's side of the webhooks: messages and status events are batched, shuffled, delivered until
//! they are acknowledged, and sometimes delivered again. Must not know what happens to them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::sync::oneshot;

use super::dice::Dice;
use super::fleet::Fleet;
use super::ledger::{Ledger, Mark};
use super::plan::Plan;
use crate::support::app::{MAIN, SECRET};
use crate::support::graph::{Graph, SentMessage};
use crate::support::hooks::{batch, message_webhook, sign};

/// Age of the first messages in seconds. WhatsApp's timestamps are in seconds, and each message of
/// a customer is a second newer than the previous one.
const AGO: u64 = 3600;

/// The files that customers send: the message's type, Meta's id, the media type and the bytes.
const FILES: &[(&str, &str, &str, &[u8])] = &[
    ("image", "1701", "image/png", include_bytes!("../../../eval/suites/files/red-blue.png")),
    (
        "document",
        "1702",
        "application/pdf",
        include_bytes!("../../../eval/suites/files/invoice.pdf"),
    ),
];

/// Makes the customers' files available for download.
pub(super) fn keep_files(whatsapp: &Graph) {
    for (_, id, mime, bytes) in FILES {
        whatsapp.put_media(id, bytes, mime);
    }
}

/// The webhook sender.
pub(super) struct Post {
    dice: Dice,
    /// How many of a hundred messages are pictures or documents.
    files: u64,
    fleet: Arc<Fleet>,
    ledger: Arc<Ledger>,
    http: reqwest::Client,
    began: u64,
    queue: Mutex<Vec<Letter>>,
    /// Number of unacknowledged letters and of webhooks being repeated.
    under_way: AtomicUsize,
}

/// A message or a status event on its way to the desk.
struct Letter {
    body: Vec<u8>,
    mark: Option<Mark>,
    /// WhatsApp's id of our message that a status event is about.
    about: Option<String>,
    /// Notified after the first delivery attempt.
    tried: Option<oneshot::Sender<()>>,
}

impl Post {
    pub(super) fn new(plan: &Plan, fleet: Arc<Fleet>, ledger: Arc<Ledger>) -> Self {
        let (dice, files) = (plan.dice("post"), plan.files);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - AGO;
        let (queue, under_way) = (Mutex::default(), AtomicUsize::new(0));
        Self { dice, files, fleet, ledger, http, began, queue, under_way }
    }

    /// Queues a customer's message: a text, or a picture or document with a caption. The receiver is
    /// notified after the first delivery attempt.
    pub(super) fn hand_in(&self, mark: Mark) -> oneshot::Receiver<()> {
        // The documents hold no answer: without the model, customers get the failure sentence.
        let words = format!("{mark} submarines?");
        let kind = match (self.dice.chance(self.files), self.dice.chance(60)) {
            (true, true) => "image",
            (true, false) => "document",
            (false, _) => "text",
        };
        let held = match FILES.iter().find(|(one, ..)| *one == kind) {
            Some((_, id, mime, _)) => {
                json!({"id": id, "mime_type": mime, "sha256": "0000", "caption": words})
            }
            None => json!({"body": words}),
        };
        let timestamp = (self.began + mark.message as u64).to_string();
        let content = json!({"type": kind, kind: held, "timestamp": timestamp});
        let body = message_webhook(MAIN, &mark.wa_id(), &format!("wamid.{mark}"), &content);
        let (tried, first) = oneshot::channel();
        self.put(Letter { body, mark: Some(mark), about: None, tried: Some(tried) });
        first
    }

    fn put(&self, letter: Letter) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.queue.lock().unwrap().push(letter);
    }

    /// Returns whether nothing is pending.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) == 0
    }

    /// Delivers queued letters forever: a few per webhook, in any order.
    pub(super) async fn carry(self: Arc<Self>) {
        loop {
            self.dice.pause(2..20).await;
            let mut letters: Vec<_> = {
                let mut queue = self.queue.lock().unwrap();
                let most = (1 + self.dice.place(8)).min(queue.len());
                queue.drain(..most).collect()
            };
            if !letters.is_empty() {
                self.dice.shuffle(&mut letters);
                tokio::spawn(self.clone().deliver(letters));
            }
        }
    }

    /// Delivers a webhook until it is acknowledged, and then again at random.
    async fn deliver(self: Arc<Self>, mut letters: Vec<Letter>) {
        let bodies: Vec<_> = letters.iter().map(|letter| letter.body.clone()).collect();
        let body = batch(&bodies);
        if self.dice.chance(5) {
            // At the same time, perhaps to another replica.
            self.repeat(body.clone(), 0);
        }
        let mut again = false;
        while !self.offer(&body, again).await {
            told(&mut letters);
            again = true;
            self.dice.pause(20..250).await;
        }
        let marks: Vec<_> = letters.iter().filter_map(|letter| letter.mark).collect();
        self.ledger.acknowledge(&marks);
        letters
            .iter()
            .filter_map(|letter| letter.about.as_ref())
            .for_each(|id| self.ledger.report(id));
        told(&mut letters);
        for (percent, latest) in [(20, 300), (10, 3000)] {
            if self.dice.chance(percent) {
                self.repeat(body.clone(), latest);
            }
        }
        self.under_way.fetch_sub(letters.len(), Ordering::SeqCst);
    }

    /// Delivers a webhook once more within `latest` milliseconds, ignoring the result.
    fn repeat(self: &Arc<Self>, body: Vec<u8>, latest: u64) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let post = self.clone();
        tokio::spawn(async move {
            post.dice.pause(0..latest + 1).await;
            post.offer(&body, true).await;
            post.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// Delivers a webhook to any replica and returns whether it was acknowledged.
    async fn offer(&self, body: &[u8], again: bool) -> bool {
        let Some(url) = self.fleet.anyone(&self.dice) else { return false };
        let request = self.http.post(format!("{url}/webhooks/meta"));
        let request = request.header("x-hub-signature-256", sign(SECRET, body)).body(body.to_vec());
        let acknowledged = request.send().await.is_ok_and(|response| response.status() == 200);
        self.ledger.deliver(again, acknowledged);
        acknowledged
    }

    /// Reports the statuses of accepted messages forever: soon, out of order, some twice.
    pub(super) async fn report(self: Arc<Self>, whatsapp: Arc<Graph>) {
        let mut reported = 0;
        loop {
            for sent in whatsapp.sent_after(reported) {
                reported += 1;
                self.ledger.take(&sent.id);
                self.news(&sent, "sent", 0..60);
                self.news(&sent, "delivered", 0..150);
                if self.dice.chance(30) {
                    self.news(&sent, "read", 20..300);
                }
                if self.dice.chance(20) {
                    self.news(&sent, "sent", 0..2000);
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Queues a status event after a delay within a range of milliseconds.
    fn news(self: &Arc<Self>, sent: &SentMessage, status: &str, within: std::ops::Range<u64>) {
        let body = sent.status_webhook(status);
        let (post, about, wait) = (self.clone(), sent.id.clone(), self.dice.time(within));
        self.under_way.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            post.put(Letter { body, mark: None, about: Some(about), tried: None });
            post.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn told(letters: &mut [Letter]) {
    for tried in letters.iter_mut().filter_map(|letter| letter.tried.take()) {
        // Messages in a burst do not wait for this.
        let _ = tried.send(());
    }
}
