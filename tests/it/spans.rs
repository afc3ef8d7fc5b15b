//! Tracing spans of messages and documents: ids, parents and outcomes, without any customer's
//! words.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use frontdesk::store::uploads::NewUpload;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Subscriber, subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::support::app::{KEY, MAIN, SECRET, TestApp};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::text_webhook;

const CUSTOMER: &str = "447700951801";
const PARTS: [&str; 9] = [
    "inbound",
    "transcribe",
    "escalate",
    "curated",
    "retrieve",
    "refine",
    "prompt",
    "reply",
    "outbound",
];

/// A recorded span.
#[derive(Debug, Clone)]
struct Entry {
    id: Id,
    name: &'static str,
    /// Index of the parent span.
    parent: Option<usize>,
    fields: BTreeMap<&'static str, String>,
    closed: bool,
}

impl Entry {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Records the desk's own spans in the order of their start.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<Entry>>>);

impl Capture {
    fn all(&self) -> Vec<Entry> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the spans of this name with their indexes.
    fn named(&self, name: &str) -> Vec<(usize, Entry)> {
        self.all().into_iter().enumerate().filter(|(_, seen)| seen.name == name).collect()
    }

    fn one(&self, name: &str) -> (usize, Entry) {
        let mut found = self.named(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found.remove(0)
    }

    /// Returns the names and outcomes of a span's children.
    fn parts(&self, of: usize) -> Vec<(&'static str, String)> {
        let all = self.all();
        let parts = all.iter().filter(|seen| seen.parent == Some(of));
        parts.map(|seen| (seen.name, seen.field("outcome").to_owned())).collect()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !attributes.metadata().target().starts_with("frontdesk") {
            return;
        }
        let parent = context.span(id).and_then(|span| Some(span.parent()?.id()));
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut all = self.0.lock().unwrap();
        // Ids are reused once a span is closed.
        let parent = parent.and_then(|parent| all.iter().rposition(|seen| seen.id == parent));
        let name = attributes.metadata().name();
        all.push(Entry { id: id.clone(), name, parent, fields: fields.0, closed: false });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        let mut all = self.0.lock().unwrap();
        if let Some(seen) = all.iter_mut().rev().find(|seen| seen.id == *id && !seen.closed) {
            seen.fields.extend(fields.0);
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut all = self.0.lock().unwrap();
        if let Some(seen) = all.iter_mut().rev().find(|seen| seen.id == id && !seen.closed) {
            seen.closed = true;
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Captures this thread's spans until the guard is dropped.
fn capture() -> (Capture, DefaultGuard) {
    // Without a global subscriber, tracing caches whether a span is enabled by asking only the
    // first thread that reaches it, which may be another test's.
    static EVERYWHERE: Once = Once::new();
    EVERYWHERE.call_once(|| drop(subscriber::set_global_default(Registry::default())));
    let capture = Capture::default();
    let guard = subscriber::set_default(Registry::default().with(capture.clone()));
    (capture, guard)
}

// On one thread, so that all of the desk's tasks see this subscriber and no other test does.
#[tokio::test]
async fn a_question_leaves_spans_with_ids_and_outcomes_and_none_of_its_words() {
    let (capture, _here) = capture();
    let app = TestApp::start().await;
    app.model.answer_with(|_| "We close at **18:00** [1].".into());
    let hook = text_webhook(MAIN, CUSTOMER, "wamid.span", "When do you close on weekdays?");
    assert_eq!(app.deliver(&hook).await, 200);
    app.settle().await;
    let thread = app.thread(CUSTOMER).await;
    let conversation = app.conversation_with(CUSTOMER).await["id"].clone();
    app.stop().await;

    let (place, webhook) = capture.one("webhook");
    assert_eq!((webhook.field("provider"), webhook.field("outcome")), ("meta", "stored"));
    assert_eq!(capture.parts(place), [("inbound", "stored".to_owned())]);

    let (place, turn) = capture.one("turn");
    assert_eq!(turn.parent, None);
    assert_eq!(turn.field("conversation"), conversation);
    assert_eq!(turn.field("number"), webhook.field("number"));
    assert_eq!(turn.field("turn"), thread[1]["turn_id"]);
    assert_eq!(turn.field("outcome"), "answer");
    let parts = capture.parts(place);
    assert_eq!(parts.iter().map(|(name, _)| *name).collect::<Vec<_>>(), PARTS);
    let ends: Vec<_> = parts.iter().map(|(_, outcome)| outcome.as_str()).collect();
    let expected = [
        "gathered",
        "passed",
        "passed",
        "passed",
        "found",
        "found",
        "passed",
        "answer",
        "committed",
    ];
    assert_eq!(ends, expected);

    // The send is not part of the turn, which ends with its commit.
    let (_, send) = capture.one("send");
    assert_eq!(send.parent, None);
    assert_eq!(send.field("message"), thread[1]["id"]);
    assert_eq!(send.field("conversation"), conversation);
    assert_eq!((send.field("number"), send.field("outcome")), (turn.field("number"), "sent"));

    for seen in capture.all() {
        assert!(seen.closed, "{seen:?}");
        for value in seen.fields.values() {
            let told = [CUSTOMER, "weekdays", "18:00", SECRET, KEY, Graph::TOKEN];
            assert!(!told.iter().any(|told| value.contains(told)), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn what_was_refused_and_what_is_tried_again_say_so() {
    let (capture, _here) = capture();
    let app = TestApp::start().await;
    let hook = text_webhook(MAIN, CUSTOMER, "wamid.again", "When do you close on weekdays?");
    assert_eq!(app.post("/webhooks/meta", &hook, Some("sha256=00")).await, 401);
    let busy = Graph::error(131_000, "Something went wrong");
    app.whatsapp.fail_next(1, &Failure::Status(500, busy, None));
    assert_eq!(app.deliver(&hook).await, 200);
    app.settle().await;
    app.stop().await;

    let outcomes = |name: &str| {
        let seen = capture.named(name).into_iter();
        seen.map(|(_, seen)| seen.field("outcome").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("webhook"), ["refused", "stored"]);
    assert_eq!(outcomes("send"), ["again", "sent"]);
}

#[tokio::test]
async fn each_document_of_a_folder_and_each_upload_is_a_span() {
    let (capture, _here) = capture();
    let app = TestApp::start().await;
    let folder = capture.named("learn");
    let paths: Vec<_> = folder.iter().map(|(_, seen)| seen.field("path")).collect();
    assert_eq!(paths.iter().filter(|path| **path == "hours.md").count(), 2, "{paths:?}");
    assert!(paths.contains(&"returns.md"), "{paths:?}");
    for (_, seen) in &folder {
        assert_eq!(seen.field("outcome"), "learned", "{seen:?}");
        assert!(seen.field("document").starts_with("doc_"), "{seen:?}");
    }

    let collection = app.desk.store.collection("acme").await.unwrap();
    let (path, mime_type) = ("parking.md".to_owned(), "text/markdown".to_owned());
    let content = Ok(b"# Parking\n\nBehind the house.\n".to_vec());
    let new = NewUpload { collection: collection.clone(), path, mime_type, size: 29, content };
    let document = app.desk.library.upload(new).await.unwrap().unwrap();
    let began = Instant::now();
    let upload = loop {
        let seen = capture.named("learn").into_iter().map(|(_, seen)| seen);
        let mut seen = seen.filter(|seen| seen.closed && seen.field("path") == "parking.md");
        if let Some(seen) = seen.next() {
            break seen;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", capture.named("learn"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(upload.field("document"), document.to_string());
    assert_eq!(upload.field("collection"), collection.to_string());
    assert_eq!(upload.field("outcome"), "learned");
    app.stop().await;
}
