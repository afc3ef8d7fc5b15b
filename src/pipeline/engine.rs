//! Runs stages 2 to 6 in order ([`Engine::answer`]). Sends and writes nothing visible to a
//! customer.

use std::sync::Arc;

use super::attachments::AttachmentReader;
use super::bot::Bot;
use super::budget;
use super::document_files::DocumentFiles;
use super::file_source::FileSource;
use super::framing::PromptLayout;
use super::lookup::{LiveLookup, Lookup};
use super::model_choice::Models;
use super::offers::OfferContext;
use super::retrieve::{self, Scene};
use super::run::{Open, Ready, Run, TurnContext};
use super::transcribe::TranscriptionContext;
use super::turn_result::TurnResult;
use super::{prompt, reply};
use crate::domain::{Outcome, Turn};
use crate::llm::{Model, ModelSource};
use crate::slot::AdapterSlot;
use crate::spans;
use crate::speech::Transcriber;

/// The adapters and settings that the pipeline runs with.
#[derive(Clone)]
pub struct Engine {
    /// Speech to text.
    pub speech: AdapterSlot<dyn Transcriber>,
    /// Customers' pictures and documents.
    pub attachments: Arc<dyn AttachmentReader>,
    /// The files of the knowledge base that replies send.
    pub document_files: Arc<dyn DocumentFiles>,
    /// Question to curated answer or passages.
    pub lookup: Arc<dyn Lookup>,
    /// Prompt to answer.
    pub model: ModelSource,
    /// Answers when no budget is left for a model, or the model fails.
    pub fallback_model: Arc<dyn Model>,
    /// Limits on model cost.
    pub budget: budget::Settings,
    /// Settings of query rewriting.
    pub retrieve: retrieve::Settings,
    /// How prompts are composed; another one only replays old turns.
    pub layout: PromptLayout,
}

impl Engine {
    /// Answers a turn. In each part, `?` ends the turn early if its outcome is known.
    pub async fn answer(&self, bot: &Bot, turn: &Turn, context: TurnContext<'_>) -> TurnResult {
        let span = spans::trial();
        // Commands that answer nothing need not look for a model.
        self.model.settled().await;
        let stages = async {
            let ready = self.prepare(bot, turn, context.files).await;
            self.generate_reply(bot, turn, ready, context).await
        };
        let result = span.around(stages).await;
        span.ended(result.outcome.kind().as_str());
        result
    }

    /// Runs transcription, hand-off rules and retrieval, while the customer may still be typing.
    pub async fn prepare(&self, bot: &Bot, turn: &Turn, files: &dyn FileSource) -> Ready {
        let (agent, lookup, mut run) = (&*bot.agent, &*self.lookup, Run::begin());
        let model = self.model.of(agent);
        let (speech, live) = (self.speech.of(&agent.id), self.live());
        let (history, referred) = (&*turn.history, &*turn.referred());
        let before_model = async {
            let (speech, reader) = (&*speech, &*self.attachments);
            let kind = self.models(&*model).kind(agent);
            let context = TranscriptionContext { speech, reader, files, kind };
            let question = run.transcribe(context, turn, &live.caches.languages).await?;
            run.escalate(bot, &turn.history, &question)?;
            if question.has_words {
                run.curated(lookup, agent, &question).await?;
            }
            let models = self.models(&*model);
            let limit = models.passages(agent);
            let scene = Scene { agent, history, referred, question: &question, limit };
            let found = run.retrieve(lookup, scene, models.may_rewrite(agent)).await;
            Ok::<_, Outcome>(Open { question, found })
        };
        let open = before_model.await;
        Ready { run, open, model }
    }

    /// Runs refinement, prompt and reply: what may cost money, once the burst is over.
    pub async fn generate_reply(
        &self,
        bot: &Bot,
        turn: &Turn,
        ready: Ready,
        context: TurnContext<'_>,
    ) -> TurnResult {
        let Ready { mut run, open, model } = ready;
        let (agent, models) = (&*bot.agent, self.models(&*model));
        let live = self.lookup.live(Some(&agent.id));
        let (history, referred) = (&*turn.history, &*turn.referred());
        let (files, abilities) = (&*self.document_files, context.abilities);
        let offering = OfferContext { agent, files, abilities, language: None };
        let with_model = async {
            let Open { question, found } = open?;
            let (template, question, layout) = (&bot.template, &question, self.layout);
            let limit = models.passages(agent);
            let scene = Scene { agent, history, referred, question, limit };
            let rewriter = models.rewriter(agent, context.tier);
            let found = &run.refine(live.retrieval(), rewriter, scene, found).await;
            let tokens = &live.caches.tokens;
            let files = &*run.sendable_files(offering, &found.passages).await;
            let input =
                prompt::Input { template, agent, turn, question, found, files, layout, tokens };
            let choice = run.prompt(models, &input, context.tier)?;
            let (model, spare, embed) = (choice.model, models.spare, &*live.embed);
            let (hear, cache) = (context.hear, &live.caches.reply);
            let seams = reply::Seams { model, spare, embed, cache, hear };
            run.reply(seams, (&input, offering), &choice).await
        };
        let reply = with_model.await;
        let reply = run.offer(reply, offering).await;
        run.end(reply)
    }

    /// Returns the lookup of current data.
    pub fn live(&self) -> Arc<LiveLookup> {
        self.lookup.live(None)
    }

    fn models<'a>(&'a self, model: &'a dyn Model) -> Models<'a> {
        let (budget, retrieve) = (&self.budget, &self.retrieve);
        Models { model, spare: &*self.fallback_model, budget, retrieve }
    }
}
