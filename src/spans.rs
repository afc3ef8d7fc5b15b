//! Every tracing span of the desk, as log lines and trace collectors see them.
//!
//! A webhook, a turn, a send and the learning of a document are spans of level `info`, so that log
//! lines within say what they belong to. The stages of a turn are child spans of level `debug` with
//! a target of their own. `outcome` is set when a span ends, however it ends. No span contains a
//! customer's words, a phone number or a secret: only our own ids, names that the operator chose,
//! and words of closed sets. `docs/spans.md` describes them for their readers.

use std::fmt::Display;

use tracing::field::{Empty, display};
use tracing::instrument::Instrumented;
use tracing::{Instrument, debug_span, info_span};

/// A span that always gets an outcome: `aborted` if it is dropped without one, `panicked` if that
/// happens in a panic.
#[derive(Debug)]
pub struct Span {
    inner: tracing::Span,
    ended: bool,
}

impl Span {
    fn new(inner: tracing::Span) -> Self {
        Self { inner, ended: false }
    }

    /// Runs a future within the span.
    pub fn around<F: Future>(&self, work: F) -> Instrumented<F> {
        work.instrument(self.inner.clone())
    }

    /// Runs a closure within the span.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.inner.in_scope(work)
    }

    /// Sets a field that was not known when the span began.
    pub fn record(&self, field: &str, value: impl Display) {
        self.inner.record(field, display(value));
    }

    /// Ends the span with an outcome.
    pub fn ended(mut self, outcome: &str) {
        self.record("outcome", outcome);
        self.ended = true;
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if !self.ended {
            self.record("outcome", if std::thread::panicking() { "panicked" } else { "aborted" });
        }
    }
}

/// A provider's webhook, from its verification to its response. `number` is set to the ids of the
/// numbers that it is for.
pub fn webhook(provider: &str) -> Span {
    Span::new(info_span!("webhook", %provider, number = Empty, outcome = Empty))
}

/// A turn of a conversation, from its claim to its commit. `turn` is set once the turn has an id.
pub fn turn(number: &str, conversation: &str) -> Span {
    Span::new(info_span!("turn", %number, %conversation, turn = Empty, outcome = Empty))
}

/// A message on its way to the provider. It follows from the turn that wrote it, if that is known,
/// but is not its child: a turn ends with its commit.
pub fn send(number: &str, conversation: &str, message: &str) -> Span {
    let span = info_span!(parent: None, "send", %number, %conversation, %message, outcome = Empty);
    span.follows_from(tracing::Span::current());
    Span::new(span)
}

/// A document to learn.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its collection.
    pub collection: &'a str,
    /// The web source that it comes from; `None` for files.
    pub source: Option<&'a str>,
    /// Its id, if it has one already.
    pub id: Option<&'a str>,
    /// The path of a file, or the URL of a page.
    pub path: &'a str,
}

/// The learning of a document, from reading to storing. The query of a URL is left out: it may
/// contain a secret.
pub fn learn(document: Document<'_>) -> Span {
    let Document { collection, source, id, path } = document;
    let path = match source {
        Some(_) => path.split(['?', '#']).next().unwrap_or_default(),
        None => path,
    };
    Span::new(info_span!(
        "learn",
        %collection,
        source = source.map(display),
        document = id.map(display),
        path,
        outcome = Empty
    ))
}

/// Defines the spans of a turn's stages.
macro_rules! stages {
    ($($(#[doc = $doc:literal])* $stage:ident;)*) => {$(
        $(#[doc = $doc])*
        pub fn $stage() -> Span {
            Span::new(debug_span!(target: "frontdesk::stages", stringify!($stage), outcome = Empty))
        }
    )*};
}

stages! {
    /// A run of the pipeline without a customer: of the sandbox, `/v1`, evals and replay. A
    /// conversation's turn is a [`turn`].
    trial;
    /// Stage 1: stores a webhook, or gathers the waiting messages of a conversation.
    inbound;
    /// Stage 2: voice to text.
    transcribe;
    /// Stage 3: hand-off rules.
    escalate;
    /// Before stage 4: looks for a curated answer.
    curated;
    /// Stage 4, the part without a model.
    retrieve;
    /// Stage 4, the rest.
    refine;
    /// Stage 5: builds the prompt.
    prompt;
    /// Stage 6: generates and checks the answer.
    reply;
    /// Stage 7: formats the messages and commits.
    outbound;
}
