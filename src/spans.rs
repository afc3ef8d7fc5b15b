//! Every span of the desk: what a line of the log is part of, and what a collector of traces sees.
//!
//! A webhook, a turn, a send and a document that is learned are spans of level `info`: a line that is written meanwhile says
//! which it belongs to. The stages of a turn are below them, of level `debug`, by a target of their own. `outcome` is filled
//! in when a span ends. No span holds a customer's words, a phone number or a secret: our own ids, what the operator named,
//! and words of closed sets.

use tracing::field::{Empty, display};
use tracing::{Span, debug_span, info_span};

/// A webhook of a provider, from its verification to its answer. `number` is filled in with the numbers that it is about.
pub fn webhook(provider: &str) -> Span {
    info_span!("webhook", %provider, number = Empty, outcome = Empty)
}

/// A turn of a conversation, from its claim to its commit. `turn` is filled in once it has an id.
pub fn turn(number: &str, conversation: &str) -> Span {
    info_span!("turn", %number, %conversation, turn = Empty, outcome = Empty)
}

/// A message on its way to the provider. It follows the turn that wrote it, where that is known, and is no part of it: a turn
/// ends with its commit.
pub fn send(number: &str, conversation: &str, message: &str) -> Span {
    let span = info_span!(parent: None, "send", %number, %conversation, %message, outcome = Empty);
    span.follows_from(Span::current());
    span
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
    info_span!(
        "learn",
        %collection,
        source = source.map(display),
        document = id.map(display),
        path,
        outcome = Empty
    )
}

/// Notes how a span ended.
pub fn ended(span: &Span, outcome: &str) {
    span.record("outcome", display(outcome));
}

/// Spans of parts of a turn, by their names.
macro_rules! stages {
    ($($(#[doc = $doc:literal])* $stage:ident;)*) => {$(
        $(#[doc = $doc])*
        pub fn $stage() -> Span {
            debug_span!(target: "frontdesk::stages", stringify!($stage), outcome = Empty)
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
