//! One turn on its way through the stages: gives each the seams that it uses, and files what it tells of itself. In which
//! order is the engine's to say.

use std::time::Instant;

use super::bot::Bot;
use super::escalate::escalate;
use super::inputs::RecordedInputs;
use super::lookup::Lookup;
use super::retrieve::{self, Found, Rewriter, Scene};
use super::timer::millis;
use super::transcribe::{self, Ears};
use super::{prompt, reply};
use crate::domain::trace::Trace;
use crate::domain::{Agent, MessageId, Outcome, Prompt, Question, Reason, Reply, Spoken, Turn};
use crate::llm::Model;

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
        let (heard, trace) = transcribe::listen(ears, turn).await;
        self.trace.transcribe = Some(trace);
        self.transcripts = heard.transcripts;
        self.kept.deaf = heard.failures;
        self.unheard = heard.unheard;
        heard.question
    }

    /// Stage 3.
    pub(super) fn escalate(&mut self, bot: &Bot, question: &Question) -> Result<(), Outcome> {
        let (reason, trace) = escalate(&bot.rules, question);
        self.trace.escalate = Some(trace);
        reason.map_or(Ok(()), |reason| Err(hand_over(&bot.agent, reason, question)))
    }

    /// Before stage 4: a curated answer ends the turn.
    pub(super) async fn curated(
        &mut self,
        lookup: &dyn Lookup,
        agent: &Agent,
        question: &Question,
    ) -> Result<(), Outcome> {
        let (reply, trace) = lookup.curated(agent, question).await;
        self.trace.curated = trace;
        let Some(reply) = reply else { return Ok(()) };
        self.kept.curated = Some(reply.text.clone());
        Err(Outcome::Reply(reply))
    }

    /// Stage 4, as far as no model is asked.
    pub(super) async fn retrieve(
        &mut self,
        lookup: &dyn Lookup,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> Found {
        let (found, trace) = lookup.passages(scene, may_rewrite).await;
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
        let (found, trace) = retrieve::refine(seams, rewriter, scene, found, trace).await;
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
        match prompt::compose(model, named, input) {
            Ok((prompt, trace)) => {
                self.trace.prompt = Some(trace);
                Ok(prompt)
            }
            Err(problem) => Err(unusable(input.agent, problem, input.question)),
        }
    }

    /// Stage 6. `limit` is the limit on money that chose the model, in words.
    pub(super) async fn reply(
        &mut self,
        seams: reply::Seams<'_>,
        input: reply::Input<'_>,
        limit: Option<&str>,
    ) -> Reply {
        let (written, mut trace) = reply::write(seams, input).await;
        self.trace.usage.add(written.usage);
        trace.budget = limit.map(ToOwned::to_owned);
        self.trace.reply = Some(trace);
        written.reply
    }

    /// Ends the turn with its outcome.
    pub(super) fn end(mut self, outcome: Outcome) -> TurnResult {
        let outcome = match (outcome, self.unheard.take()) {
            (Outcome::Reply(reply), Some(sentence)) => {
                Outcome::Reply(Reply { text: format!("{}\n\n{sentence}", reply.text), ..reply })
            }
            (outcome, _) => outcome,
        };
        self.trace.total_ms = millis(self.started);
        let Self { trace, transcripts, kept, .. } = self;
        TurnResult { outcome, trace, transcripts, kept }
    }
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
