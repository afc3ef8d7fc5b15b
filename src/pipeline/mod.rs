//! The product: a message goes through seven stages, one file each. This file alone knows their order.
//!
//! ```text
//! inbound ─ transcribe ─ escalate ─ retrieve ─ prompt ─ reply ─ outbound
//! ```
//!
//! [`Engine::answer`] runs stages 2 to 6. It sends nothing and writes nothing that a customer could see: that is
//! why the sandbox, evals and replay can call it. A failure inside never ends in silence: it becomes the agent's
//! configured sentence, with the reason in the trace.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::trace::Trace;
use crate::domain::{Agent, MessageId, Outcome, Turn};
use crate::embed::Embedder;
use crate::index::Index;
use crate::llm::{Hear, Model};
use crate::speech::Transcriber;

pub mod inbound;
mod transcribe;
mod escalate;
pub mod retrieve;
mod prompt;
mod reply;
pub mod outbound;
mod clean;
mod format;
mod fuse;

pub use transcribe::Recordings;

/// What the pipeline answers with: the values behind the seams.
#[derive(Clone)]
pub struct Engine {
    /// Speech to text.
    pub speech: Arc<dyn Transcriber>,
    /// Text to vector.
    pub embed: Arc<dyn Embedder>,
    /// Vectors and terms to chunks.
    pub index: Arc<dyn Index>,
    /// Prompt to answer.
    pub model: Arc<dyn Model>,
}

/// An agent made ready to answer: its rules compiled, its prompt parsed.
pub struct Bot {
    /// The agent.
    pub agent: Agent,
    rules: escalate::Rules,
    template: prompt::Template,
}

/// What surrounds one run of the pipeline.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Where recordings come from.
    pub recordings: &'a dyn Recordings,
    /// Who hears the answer while it is written.
    pub hear: Option<Hear<'a>>,
}

/// What became of a turn.
#[derive(Debug, Clone)]
pub struct Answered {
    /// What the pipeline decided.
    pub outcome: Outcome,
    /// What each stage saw, decided, took and used.
    pub trace: Trace,
    /// What voice notes said.
    pub transcripts: Vec<(MessageId, String)>,
}

impl Engine {
    /// Answers a turn: stages 2 to 6.
    pub async fn answer(&self, bot: &Bot, turn: &Turn, around: Around<'_>) -> Answered {
        let started = Instant::now();
        let mut run = Run { trace: Trace::default(), transcripts: Vec::new() };
        let outcome = self.stages(bot, turn, around, &mut run).await;
        run.trace.total_ms = millis(started);
        Answered { outcome, trace: run.trace, transcripts: run.transcripts }
    }

    async fn stages(&self, bot: &Bot, turn: &Turn, around: Around<'_>, run: &mut Run) -> Outcome {
        let question = match transcribe::listen(&*self.speech, around.recordings, turn, run).await {
            Ok(question) => question,
            Err(outcome) => return outcome,
        };
        if let Some(reason) = bot.escalate(&question, run) {
            let reply = bot.agent.handoff.reply.clone();
            return Outcome::HandOver { reason, reply, question: question.text };
        }
        let found = retrieve::search(self, &bot.agent, &question, run).await;
        let prompt = prompt::compose(
            bot,
            turn,
            &prompt::Asked { question: &question, found: &found },
            self,
            run,
        );
        reply::write(&*self.model, bot, &reply::Asked { prompt: &prompt, hear: around.hear }, run)
            .await
    }
}

/// What a run of the pipeline collects on its way.
struct Run {
    trace: Trace,
    transcripts: Vec<(MessageId, String)>,
}

impl Bot {
    /// Makes an agent ready. The error names what cannot be used: a pattern or the prompt's template.
    pub fn new(agent: Agent) -> Result<Self, String> {
        let rules = escalate::Rules::compile(&agent.handoff)?;
        let template = prompt::Template::parse(&agent.prompt)?;
        Ok(Self { agent, rules, template })
    }

    fn escalate(
        &self,
        question: &crate::domain::Question,
        run: &mut Run,
    ) -> Option<crate::domain::Reason> {
        let started = Instant::now();
        let reason = self.rules.decide(&question.text);
        run.trace.escalate = Some(crate::domain::trace::Escalated {
            rules: self.rules.len(),
            matched: reason.as_ref().map(ToString::to_string),
            took_ms: millis(started),
        });
        reason
    }
}

/// Milliseconds since a moment.
fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
