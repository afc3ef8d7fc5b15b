//! The product: a message goes through seven stages, one file each. This file alone knows their order.
//!
//! ```text
//! inbound ─ transcribe ─ escalate ─ retrieve ─ prompt ─ reply ─ outbound
//! ```
//!
//! [`Engine::answer`] runs stages 2 to 6; [`Engine::prepare`] those before the model, [`Engine::write`] the rest. It sends nothing and writes nothing that a customer could see: that is
//! why the sandbox, evals and replay can call it. A failure inside never ends in silence: it becomes the agent's
//! configured sentence, with the reason in the trace.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::trace::{RetrieveTrace, Trace};
use crate::domain::{Agent, MessageId, Outcome, Question, Reason, Reply, ReplyKind, Spoken, Turn};
use crate::embed::Embedder;
use crate::index::{Index, Tunings};
use crate::llm::{Hear, Model};
use crate::rerank::Reranker;
use crate::speech::Transcriber;

pub mod inbound;
mod consent;
mod transcribe;
mod escalate;
pub mod curated;
pub mod gaps;
pub mod retrieve;
mod prompt;
mod reply;
pub mod outbound;
pub mod budget;
mod clean;
mod leak;
mod contact_details;
mod fold;
mod format;
mod fuse;
mod query;
mod blend;
mod rank;
mod distinct;
mod rewrite;
pub mod ground;
pub mod tape;
#[cfg(test)]
mod growth;

pub use budget::Means;
pub use prompt::VARIABLES;
pub use transcribe::{Brought, NoRecordings, Recordings};

/// What the pipeline answers with: the values behind the seams.
#[derive(Clone)]
pub struct Engine {
    /// Speech to text.
    pub speech: Arc<dyn Transcriber>,
    /// Text to vector.
    pub embed: Arc<dyn Embedder>,
    /// Vectors and terms to chunks.
    pub index: Arc<dyn Index>,
    /// How each collection is ranked.
    pub tunings: Arc<Tunings>,
    /// Question and passages to how well each answers.
    pub rerank: Arc<dyn Reranker>,
    /// Curated answers, which win over the model.
    pub curated: Arc<curated::Book>,
    /// Prompt to answer.
    pub model: Arc<dyn Model>,
    /// What answers when there is no money for a model.
    pub spare: Arc<dyn Model>,
    /// What models may cost.
    pub budget: budget::Settings,
    /// How a model puts questions in other words.
    pub retrieve: retrieve::Settings,
    /// What a recorded turn heard and found, when one is run again; then nothing is looked up anew.
    pub recall: Option<Arc<tape::Kept>>,
}

/// An agent made ready to answer: its rules compiled, its prompt parsed.
pub struct Bot {
    /// The agent.
    pub agent: Arc<Agent>,
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
    /// What may answer.
    pub means: Means,
}

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
    pub kept: tape::Kept,
}

/// A turn that is ready to be answered: everything before the model is done.
pub struct Ready {
    run: Run,
    stage: Stage,
    started: Instant,
}

/// How far a turn is.
enum Stage {
    /// The outcome is known without a model.
    Decided(Outcome),
    /// The model is to be asked.
    Open { question: Question, found: retrieve::Found },
}

impl Engine {
    /// Answers a turn: stages 2 to 6.
    pub async fn answer(&self, bot: &Bot, turn: &Turn, around: Around<'_>) -> Answered {
        let ready = self.prepare(bot, turn, around.recordings).await;
        self.write(bot, turn, ready, around).await
    }

    /// Stages 2 to 4: what can be done while the customer may still be typing.
    pub async fn prepare(&self, bot: &Bot, turn: &Turn, recordings: &dyn Recordings) -> Ready {
        let started = Instant::now();
        let mut run = Run::default();
        let again = self.recall.as_deref().map_or(&[][..], |kept| &kept.deaf);
        let ears = transcribe::Ears { speech: &*self.speech, recordings, again };
        let stage = match transcribe::listen(ears, turn, &mut run).await {
            Ok(question) => self.look_up(bot, turn, question, &mut run).await,
            Err(outcome) => Stage::Decided(outcome),
        };
        Ready { run, stage, started }
    }

    async fn look_up(&self, bot: &Bot, turn: &Turn, question: Question, run: &mut Run) -> Stage {
        if let Some(reason) = bot.escalate(&question, run) {
            let reply = bot.agent.handoff.reply.clone();
            return Stage::Decided(Outcome::HandOver { reason, reply, question: question.text });
        }
        if let Some(stage) = self.recall.as_deref().and_then(|kept| recalled(kept, &question, run))
        {
            return stage;
        }
        if let Some(reply) = curated::consult(self, &bot.agent, &question, run).await {
            run.kept.curated = Some(reply.text.clone());
            return Stage::Decided(Outcome::Reply(reply));
        }
        let found = retrieve::search(self, bot.scene(turn, &question), run).await;
        Stage::Open { question, found }
    }

    /// Stages 5 and 6: the prompt and the reply.
    pub async fn write(
        &self,
        bot: &Bot,
        turn: &Turn,
        ready: Ready,
        around: Around<'_>,
    ) -> Answered {
        let Ready { mut run, stage, started } = ready;
        let outcome = match stage {
            Stage::Decided(outcome) => outcome,
            Stage::Open { question, found } => {
                let (scene, means) = (bot.scene(turn, &question), around.means);
                let found = retrieve::settle(self, scene, (found, means), &mut run).await;
                run.kept.found = Some((found.confidence, found.standalone.clone()));
                run.kept.passages = found.passages.clone();
                let open = Open { question: &question, found: &found };
                self.reply(bot, turn, (&open, around), &mut run).await
            }
        };
        let outcome = match (outcome, run.unheard.take()) {
            (Outcome::Reply(reply), Some(sentence)) => {
                Outcome::Reply(Reply { text: format!("{}\n\n{sentence}", reply.text), ..reply })
            }
            (outcome, _) => outcome,
        };
        run.trace.total_ms = millis(started);
        Answered { outcome, trace: run.trace, transcripts: run.transcripts, kept: run.kept }
    }
}

/// What a recorded turn looked up; `None` when it has to be looked up anew.
fn recalled(kept: &tape::Kept, question: &Question, run: &mut Run) -> Option<Stage> {
    if let Some(text) = kept.curated.clone() {
        run.kept.curated = Some(text.clone());
        let reply = Reply { text, sort: ReplyKind::Answer, citations: Vec::new() };
        return Some(Stage::Decided(Outcome::Reply(reply)));
    }
    let found = retrieve::Found::again(kept)?;
    let (passages, confidence) = (found.passages.clone(), found.confidence);
    let seen = RetrieveTrace {
        query: question.text.clone(),
        passages,
        confidence,
        ..RetrieveTrace::default()
    };
    run.trace.retrieve = Some(seen);
    Some(Stage::Open { question: question.clone(), found })
}

/// What the model is asked.
struct Open<'a> {
    question: &'a Question,
    found: &'a retrieve::Found,
}

impl Engine {
    /// Stages 5 and 6 with the best model that there is money for.
    async fn reply(
        &self,
        bot: &Bot,
        turn: &Turn,
        (open, around): (&Open<'_>, Around<'_>),
        run: &mut Run,
    ) -> Outcome {
        let own = self.own_model(&bot.agent);
        let Open { question, found } = *open;
        let (hear, embed) = (around.hear, &*self.embed);
        let nameless = &prompt::nameless(bot, turn, question);
        for named in self.budget.models(own, around.means) {
            let asked = prompt::Asked { question, found, model: &*self.model, named };
            let prompt = match prompt::compose(bot, turn, &asked, run) {
                Ok(prompt) => prompt,
                Err(problem) => return bot.unusable(problem, question),
            };
            if self.budget.allows(run.trace.usage.cost_micros + self.estimate(&prompt)) {
                let asked = reply::Asked { prompt: &prompt, nameless, hear, embed, turn };
                let outcome = reply::write(&*self.model, bot, &asked, run).await;
                run.note_budget(
                    (named != own).then_some("a cheaper model was asked: a limit is near"),
                );
                return outcome;
            }
        }
        let named = self.spare.default_model();
        let asked = prompt::Asked { question, found, model: &*self.spare, named };
        let prompt = match prompt::compose(bot, turn, &asked, run) {
            Ok(prompt) => prompt,
            Err(problem) => return bot.unusable(problem, question),
        };
        let asked = reply::Asked { prompt: &prompt, nameless, hear, embed, turn };
        let outcome = reply::write(&*self.spare, bot, &asked, run).await;
        run.note_budget(Some("no model was asked: a limit on money is reached"));
        match outcome {
            Outcome::Reply(Reply { sort: ReplyKind::NoAnswer, .. }) => Outcome::HandOver {
                reason: Reason::Budget {},
                reply: bot.agent.handoff.reply.clone(),
                question: question.text.clone(),
            },
            other => other,
        }
    }

    /// The model that an agent names, or the default.
    fn own_model<'a>(&'a self, agent: &'a Agent) -> &'a str {
        if agent.model.is_empty() { self.model.default_model() } else { &agent.model }
    }

    /// The most that asking with this prompt can cost, in millionths of a dollar; 0 where no price is known.
    fn estimate(&self, prompt: &crate::domain::Prompt) -> u64 {
        let price = self.model.window(&prompt.model).and_then(|window| window.price);
        let (input, output) = (u64::from(prompt.tokens), u64::from(prompt.max_output_tokens));
        price.map_or(0, |price| price.micros(input, output))
    }
}

impl Run {
    fn note_budget(&mut self, why: Option<&str>) {
        if let Some(written) = &mut self.trace.reply {
            written.budget = why.map(ToOwned::to_owned);
        }
    }
}

impl Ready {
    /// What voice notes said, so that they need not be transcribed again.
    pub fn transcripts(&self) -> &[(MessageId, Spoken)] {
        &self.run.transcripts
    }
}

/// What a run of the pipeline collects on its way.
#[derive(Default)]
struct Run {
    trace: Trace,
    transcripts: Vec<(MessageId, Spoken)>,
    kept: tape::Kept,
    /// What the customer is told of a voice note that was not understood beside other words.
    unheard: Option<String>,
}

impl Bot {
    /// Makes an agent ready. The error names what cannot be used: a pattern or the prompt's template.
    pub fn new(agent: Agent) -> Result<Self, String> {
        let rules = escalate::Rules::compile(&agent.handoff)?;
        let template = prompt::Template::parse(&agent.prompt)?;
        Ok(Self { agent: agent.into(), rules, template })
    }

    /// Why this text would go to a person: the rule that the pipeline would find.
    pub fn hand_over(&self, text: &str) -> Option<crate::domain::Reason> {
        self.rules.decide(text)
    }

    /// How many hand-off rules are tried.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The variables that its prompt uses, by name.
    pub fn variables(&self) -> Vec<String> {
        self.template.variables()
    }

    /// What becomes of a turn whose prompt cannot be made: the failure sentence, and a person.
    fn unusable(&self, problem: String, question: &Question) -> Outcome {
        let agent = &self.agent;
        tracing::error!(
            agent = agent.slug,
            problem,
            "the agent's prompt cannot be used, a person is called"
        );
        let (reply, question) = (agent.texts.failure.clone(), question.text.clone());
        Outcome::HandOver { reason: Reason::Prompt { problem }, reply, question }
    }

    fn scene<'a>(&'a self, turn: &'a Turn, question: &'a Question) -> retrieve::Scene<'a> {
        retrieve::Scene { agent: &self.agent, history: &turn.history, question }
    }

    fn escalate(
        &self,
        question: &crate::domain::Question,
        run: &mut Run,
    ) -> Option<crate::domain::Reason> {
        let started = Instant::now();
        let reason = self.rules.decide(&question.text);
        run.trace.escalate = Some(crate::domain::trace::EscalateTrace {
            rules: self.rules.len(),
            matched: reason.as_ref().map(ToString::to_string),
            took_ms: millis(started),
        });
        reason
    }
}

/// The pipeline reads so much of one text, in bytes: WhatsApp's have 4,096 characters at the most, only forms and captions can
/// have more.
const LONGEST_READ: usize = 16 * 1024;

/// The part of a text that the pipeline reads; the whole of it is stored and shown.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_READ)]
}

/// Milliseconds since a moment.
fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
