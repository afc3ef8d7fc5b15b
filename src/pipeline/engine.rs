//! The order of the stages, and the values behind the seams. [`Engine::answer`] runs stages 2 to 6: [`Engine::prepare`]
//! those before the model, [`Engine::write`] the rest. Sends nothing and writes nothing that a customer could see.

use std::sync::Arc;
use std::time::Duration;

use super::bot::Bot;
use super::budget::{self, Means, estimate};
use super::curated::Book;
use super::lookup::Lookup;
use super::retrieve::{self, Found, Rewriter, Scene};
use super::run::{Answered, Run, hand_over};
use super::transcribe::{Ears, Recordings};
use super::{prompt, reply};
use crate::domain::{
    Agent, MessageId, Outcome, Prompt, Question, Reason, Reply, ReplyKind, Spoken, Turn,
};
use crate::embed::Embedder;
use crate::index::{Index, Tunings};
use crate::llm::{Hear, Model};
use crate::rerank::Reranker;
use crate::spans;
use crate::speech::Transcriber;

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
    pub curated: Arc<Book>,
    /// Prompt to answer.
    pub model: Arc<dyn Model>,
    /// What answers when there is no money for a model.
    pub spare: Arc<dyn Model>,
    /// What models may cost.
    pub budget: budget::Settings,
    /// How a model puts questions in other words.
    pub retrieve: retrieve::Settings,
    /// Question to a curated answer or passages: through the seams above, or as a recorded turn found them.
    pub lookup: Arc<dyn Lookup>,
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

/// A turn that is ready to be answered: everything before the model is done.
pub struct Ready {
    run: Run,
    /// `Err` is the outcome where it is known without a model.
    open: Result<Open, Outcome>,
}

/// A question that a model is to be asked.
struct Open {
    question: Question,
    found: Found,
}

impl Engine {
    /// Answers a turn: transcribe, escalate, retrieve, prompt, reply.
    pub async fn answer(&self, bot: &Bot, turn: &Turn, around: Around<'_>) -> Answered {
        let span = spans::trial();
        let answered = async {
            let ready = self.prepare(bot, turn, around.recordings).await;
            self.write(bot, turn, ready, around).await
        };
        let answered = span.around(answered).await;
        span.ended(answered.outcome.kind().as_str());
        answered
    }

    /// Stages 2 to 4: what can be done while the customer may still be typing.
    pub async fn prepare(&self, bot: &Bot, turn: &Turn, recordings: &dyn Recordings) -> Ready {
        let mut run = Run::begin();
        let open = self.look_up(&mut run, bot, turn, recordings).await;
        Ready { run, open }
    }

    /// Stages 5 and 6: the prompt and the reply.
    pub async fn write(
        &self,
        bot: &Bot,
        turn: &Turn,
        ready: Ready,
        around: Around<'_>,
    ) -> Answered {
        let Ready { mut run, open } = ready;
        let reply = match open {
            Ok(open) => self.respond(&mut run, bot, turn, open, around).await,
            Err(outcome) => Err(outcome),
        };
        run.end(reply.map_or_else(|outcome| outcome, Outcome::Reply))
    }

    /// Transcribe, escalate, retrieve. `Err` is the outcome where it is known without a model.
    async fn look_up(
        &self,
        run: &mut Run,
        bot: &Bot,
        turn: &Turn,
        recordings: &dyn Recordings,
    ) -> Result<Open, Outcome> {
        let question = run.transcribe(self.ears(recordings), turn).await?;
        run.escalate(bot, &question)?;
        let (agent, lookup) = (&*bot.agent, &*self.lookup);
        run.consult(lookup, &self.curated, &*self.embed, agent, &question).await?;
        let scene = Scene { agent, history: &turn.history, question: &question };
        let may_rewrite = self.may_rewrite(agent);
        let found = run.retrieve(lookup, self.retrieval(), scene, may_rewrite).await;
        Ok(Open { question, found })
    }

    /// Prompt, reply. `Err` is the outcome where there is no reply.
    async fn respond(
        &self,
        run: &mut Run,
        bot: &Bot,
        turn: &Turn,
        open: Open,
        around: Around<'_>,
    ) -> Result<Reply, Outcome> {
        let (agent, question) = (&*bot.agent, &open.question);
        let rewriter = self.rewriter(agent, around.means);
        let scene = Scene { agent, history: &turn.history, question };
        let found = run.refine(self.retrieval(), rewriter, scene, open.found).await;
        let input = prompt::Input {
            template: &bot.template,
            agent,
            turn,
            question,
            passages: &found.passages,
            confidence: found.confidence,
            standalone: found.standalone.as_deref(),
        };
        let nameless = &prompt::nameless(&input);
        let Choice { model, prompt, limit } = self.prompt(run, &input, around.means)?;
        let seams = reply::Seams { model, embed: &*self.embed, hear: around.hear };
        let input = reply::Input { agent, turn, prompt: &prompt, nameless };
        let reply = run.reply(seams, input, limit.map(Limit::words)).await;
        match (limit, reply.sort) {
            (Some(Limit::Reached), ReplyKind::NoAnswer) => {
                Err(hand_over(agent, Reason::Budget {}, question))
            }
            _ => Ok(reply),
        }
    }
}

/// The prompt for the best model that there is money for.
struct Choice<'a> {
    model: &'a dyn Model,
    prompt: Prompt,
    /// What kept the agent's own model from being asked.
    limit: Option<Limit>,
}

/// A limit on money that chose a model.
#[derive(Clone, Copy)]
enum Limit {
    /// A cheaper model is asked.
    Near,
    /// None is asked.
    Reached,
}

impl Limit {
    fn words(self) -> &'static str {
        match self {
            Self::Near => "a cheaper model was asked: a limit is near",
            Self::Reached => "no model was asked: a limit on money is reached",
        }
    }
}

impl Engine {
    /// What passages are found with.
    pub fn retrieval(&self) -> retrieve::Seams<'_> {
        retrieve::Seams {
            embed: &*self.embed,
            index: &*self.index,
            tunings: &self.tunings,
            rerank: &*self.rerank,
        }
    }

    fn ears<'a>(&'a self, recordings: &'a dyn Recordings) -> Ears<'a> {
        Ears { speech: &*self.speech, recordings }
    }

    /// Whether a model may put the question in other words.
    fn may_rewrite(&self, agent: &Agent) -> bool {
        self.retrieve.rewrite_ms > 0 && self.model.kind(self.own_model(agent)).generates()
    }

    /// What puts questions in other words; `None` when there is no money for it.
    fn rewriter<'a>(&'a self, agent: &'a Agent, means: Means) -> Option<Rewriter<'a>> {
        let cheapest = self.budget.models(self.own_model(agent), means).pop()?;
        let wanted = self.retrieve.rewrite_model.as_str();
        let named = if wanted.is_empty() { cheapest } else { wanted };
        let limit = Duration::from_millis(self.retrieve.rewrite_ms);
        Some(Rewriter { model: &*self.model, named, limit, budget: &self.budget })
    }

    /// The prompt for the best model that there is money for; where there is none, for what answers without.
    fn prompt(
        &self,
        run: &mut Run,
        input: &prompt::Input<'_>,
        means: Means,
    ) -> Result<Choice<'_>, Outcome> {
        let own = self.own_model(input.agent);
        let model = &*self.model;
        for named in self.budget.models(own, means) {
            let prompt = run.prompt(model, named, input)?;
            if self.budget.allows(run.cost_micros() + estimate(model, &prompt)) {
                let limit = (named != own).then_some(Limit::Near);
                return Ok(Choice { model, prompt, limit });
            }
        }
        let model = &*self.spare;
        let prompt = run.prompt(model, model.default_model(), input)?;
        Ok(Choice { model, prompt, limit: Some(Limit::Reached) })
    }

    /// The model that an agent names, or the default.
    fn own_model<'a>(&'a self, agent: &'a Agent) -> &'a str {
        if agent.model.is_empty() { self.model.default_model() } else { &agent.model }
    }
}

impl Ready {
    /// What voice notes said, so that they need not be transcribed again.
    pub fn transcripts(&self) -> &[(MessageId, Spoken)] {
        self.run.transcripts()
    }
}
