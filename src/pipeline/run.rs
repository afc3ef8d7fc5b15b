//! One turn on its way through the stages: gives each the seams that it uses, and files what it tells of itself. In which
//! order is the engine's to say.

use std::time::Instant;

use super::bot::Bot;
use super::curated::Book;
use super::escalate::escalate;
use super::inputs::RecordedInputs;
use super::lookup::Lookup;
use super::retrieve::{self, Found, Rewriter, Scene};
use super::timer::millis;
use super::transcribe::{self, Ears};
use super::{prompt, reply};
use crate::domain::trace::Trace;
use crate::domain::{Agent, MessageId, Outcome, Prompt, Question, Reason, Reply, Spoken, Turn};
use crate::embed::Embedder;
use crate::llm::Model;
use crate::spans;

/// What became of a turn.
#[derive(Debug, Clone)]
pub struct Answered {
    /// What the pipeline decided.
    pub outcome: Outcome,
    /// What each stage saw, decided, took and used.
    pub trace: Trace,
    /// What voice notes said.
    pub transcripts: Vec<(MessageId, Spoken)>,
    /// What was heard and found, for the turn's tape.
    pub kept: RecordedInputs,
}

/// What a turn collects on its way. A stage's `Err` is the outcome where it is known without the stages that follow.
pub(super) struct Run {
    started: Instant,
    trace: Trace,
    transcripts: Vec<(MessageId, Spoken)>,
    kept: RecordedInputs,
    /// What the customer is told of a voice note that was not understood beside other words.
    unheard: Option<String>,
}

impl Run {
    /// Begins a turn.
    pub(super) fn begin() -> Self {
        Self {
            started: Instant::now(),
            trace: Trace::default(),
            transcripts: Vec::new(),
            kept: RecordedInputs::default(),
            unheard: None,
        }
    }

    /// What voice notes said.
    pub(super) fn transcripts(&self) -> &[(MessageId, Spoken)] {
        &self.transcripts
    }

    /// What models cost so far, in millionths of a dollar.
    pub(super) fn cost_micros(&self) -> u64 {
        self.trace.usage.cost_micros
    }

    /// Stage 2.
    pub(super) async fn transcribe(
        &mut self,
        ears: Ears<'_>,
        turn: &Turn,
    ) -> Result<Question, Outcome> {
        let span = spans::transcribe();
        let (heard, trace) = span.around(transcribe::listen(ears, turn)).await;
        span.ended(ending(&heard.question));
        self.trace.transcribe = Some(trace);
        self.transcripts = heard.transcripts;
        self.kept.deaf = heard.failures;
        self.unheard = heard.unheard;
        heard.question
    }

    /// Stage 3.
    pub(super) fn escalate(&mut self, bot: &Bot, question: &Question) -> Result<(), Outcome> {
        let span = spans::escalate();
        let (reason, trace) = span.in_scope(|| escalate(&bot.rules, question));
        self.trace.escalate = Some(trace);
        let passed = reason.map_or(Ok(()), |reason| Err(hand_over(&bot.agent, reason, question)));
        span.ended(ending(&passed));
        passed
    }

    /// Before stage 4: a curated answer ends the turn.
    pub(super) async fn consult(
        &mut self,
        lookup: &dyn Lookup,
        book: &Book,
        embed: &dyn Embedder,
        agent: &Agent,
        question: &Question,
    ) -> Result<(), Outcome> {
        let span = spans::curated();
        let found = span.around(lookup.curated(book, embed, agent, question)).await;
        let (reply, trace) = found;
        span.ended(if reply.is_some() { "found" } else { PASSED });
        self.trace.curated = trace;
        let Some(reply) = reply else { return Ok(()) };
        self.kept.curated = Some(reply.text.clone());
        Err(Outcome::Reply(reply))
    }

    /// Stage 4, as far as no model is asked.
    pub(super) async fn retrieve(
        &mut self,
        lookup: &dyn Lookup,
        seams: retrieve::Seams<'_>,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> Found {
        let span = spans::retrieve();
        let passages = lookup.passages(seams, scene, may_rewrite);
        let (found, trace) = span.around(passages).await;
        span.ended(some(&found));
        self.trace.retrieve = Some(trace);
        found
    }

    /// The rest of stage 4, once it is known what may be spent.
    pub(super) async fn refine(
        &mut self,
        seams: retrieve::Seams<'_>,
        rewriter: Option<Rewriter<'_>>,
        scene: Scene<'_>,
        found: Found,
    ) -> Found {
        let trace = self.trace.retrieve.take().unwrap_or_default();
        let span = spans::refine();
        let refined = retrieve::refine(seams, rewriter, scene, found, trace);
        let (found, trace) = span.around(refined).await;
        span.ended(some(&found));
        if let Some(rewrite) = &trace.rewrite {
            self.trace.usage.add(rewrite.usage);
        }
        self.trace.retrieve = Some(trace);
        self.kept.found = Some((found.confidence, found.standalone.clone()));
        self.kept.passages = found.passages.clone();
        found
    }

    /// Stage 5.
    pub(super) fn prompt(
        &mut self,
        model: &dyn Model,
        named: &str,
        input: &prompt::Input<'_>,
    ) -> Result<Prompt, Outcome> {
        let span = spans::prompt();
        let prompt = span.in_scope(|| match prompt::compose(model, named, input) {
            Ok((prompt, trace)) => {
                self.trace.prompt = Some(trace);
                Ok(prompt)
            }
            Err(problem) => Err(unusable(input.agent, problem, input.question)),
        });
        span.ended(ending(&prompt));
        prompt
    }

    /// Stage 6. `limit` is the limit on money that chose the model, in words.
    pub(super) async fn reply(
        &mut self,
        seams: reply::Seams<'_>,
        input: reply::Input<'_>,
        limit: Option<&str>,
    ) -> Reply {
        let span = spans::reply();
        let (written, mut trace) = span.around(reply::write(seams, input)).await;
        span.ended(written.reply.sort.as_str());
        self.trace.usage.add(written.usage);
        trace.budget = limit.map(ToOwned::to_owned);
        self.trace.reply = Some(trace);
        written.reply
    }

    /// Ends the turn with its outcome.
    pub(super) fn end(mut self, outcome: Outcome) -> Answered {
        let outcome = match (outcome, self.unheard.take()) {
            (Outcome::Reply(reply), Some(sentence)) => {
                Outcome::Reply(Reply { text: format!("{}\n\n{sentence}", reply.text), ..reply })
            }
            (outcome, _) => outcome,
        };
        self.trace.total_ms = millis(self.started);
        let Self { trace, transcripts, kept, .. } = self;
        Answered { outcome, trace, transcripts, kept }
    }
}

/// The outcome of a stage's span where the turn goes on to the next.
const PASSED: &str = "passed";

/// How a stage ended, for its span.
fn ending<T>(stage: &Result<T, Outcome>) -> &'static str {
    match stage {
        Ok(_) => PASSED,
        Err(outcome) => outcome.kind().as_str(),
    }
}

/// The same where passages were looked for.
fn some(found: &Found) -> &'static str {
    if found.passages.is_empty() { "nothing" } else { "found" }
}

/// A person is called, and the customer is told so.
pub(super) fn hand_over(agent: &Agent, reason: Reason, question: &Question) -> Outcome {
    let (reply, question) = (agent.handoff.reply.clone(), question.text.clone());
    Outcome::HandOver { reason, reply, question }
}

/// What becomes of a turn whose prompt cannot be made: the failure sentence, and a person.
fn unusable(agent: &Agent, problem: String, question: &Question) -> Outcome {
    tracing::error!(
        agent = agent.slug,
        problem,
        "the agent's prompt cannot be used, a person is called"
    );
    let (reply, question) = (agent.texts.failure.clone(), question.text.clone());
    Outcome::HandOver { reason: Reason::Prompt { problem }, reply, question }
}
