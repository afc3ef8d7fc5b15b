//! Every span of the desk: what a line of the log is part of, and what a collector of traces sees.
//!
//! A webhook, a turn, a send and a document that is learned are spans of level `info`: a line that is written meanwhile says
//! which it belongs to. The stages of a turn are below them, of level `debug`, by a target of their own. `outcome` is filled
//! in when a span ends, however it ends. No span holds a customer's words, a phone number or a secret: our own ids, what the
//! operator named, and words of closed sets. `docs/spans.md` is for who reads them.

use std::fmt::Display;

use tracing::field::{Empty, display};
use tracing::instrument::Instrumented;
use tracing::{Instrument, debug_span, info_span};

/// A span whose outcome is noted on every way out: `aborted` where nobody says another, `panicked` where what it is around
/// broke.
#[derive(Debug)]
pub struct Span {
    inner: tracing::Span,
    ended: bool,
}

impl Span {
    fn new(inner: tracing::Span) -> Self {
        Self { inner, ended: false }
    }

    /// Has this work done within it.
    pub fn around<F: Future>(&self, work: F) -> Instrumented<F> {
        work.instrument(self.inner.clone())
    }

    /// Does what waits for nothing within it.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.inner.in_scope(work)
    }

    /// Fills in a field that was not known when it began.
    pub fn record(&self, field: &str, value: impl Display) {
        self.inner.record(field, display(value));
    }

    /// Notes how it ended.
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

/// A webhook of a provider, from its verification to its answer. `number` is filled in with the numbers that it is about.
pub fn webhook(provider: &str) -> Span {
    Span::new(info_span!("webhook", %provider, number = Empty, outcome = Empty))
}

/// A turn of a conversation, from its claim to its commit. `turn` is filled in once it has an id.
pub fn turn(number: &str, conversation: &str) -> Span {
    Span::new(info_span!("turn", %number, %conversation, turn = Empty, outcome = Empty))
}

/// A message on its way to the provider. It follows the turn that wrote it, where that is known, and is no part of it: a turn
/// ends with its commit.
pub fn send(number: &str, conversation: &str, message: &str) -> Span {
    let span = info_span!(parent: None, "send", %number, %conversation, %message, outcome = Empty);
    span.follows_from(tracing::Span::current());
    Span::new(span)
}

/// A document that is to be learned.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its collection.
    pub collection: &'a str,
    /// The web source that it comes from; none for files.
    pub source: Option<&'a str>,
    /// Its id, where it has one already.
    pub id: Option<&'a str>,
    /// The path of a file, or the address of a page.
    pub path: &'a str,
}

/// A document, from its reading to its place in the database. What an address asks for is left out: it may be a secret.
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

/// Spans of parts of a turn, by their names.
macro_rules! stages {
    ($($(#[doc = $doc:literal])* $stage:ident;)*) => {$(
        $(#[doc = $doc])*
        pub fn $stage() -> Span {
            Span::new(debug_span!(target: "frontdesk::stages", stringify!($stage), outcome = Empty))
        }
    )*};
}

stages! {
    /// Any run of the pipeline that is no customer's: of the sandbox, `/v1`, evals and replay. The turn of a conversation is a
    /// [`turn`].
    trial;
    /// Stage 1: a webhook is stored, or what waits in a conversation is gathered.
    inbound;
    /// Stage 2.
    transcribe;
    /// Stage 3.
    escalate;
    /// Before stage 4: whether there is a curated answer.
    curated;
    /// Stage 4, as far as no model is asked.
    retrieve;
    /// The rest of stage 4.
    refine;
    /// Stage 5.
    prompt;
    /// Stage 6.
    reply;
    /// Stage 7, with the commit.
    outbound;
}
