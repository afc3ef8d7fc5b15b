//! One turn on its way through the stages: inputs in, traces out. `engine.rs` knows the order.

use std::sync::Arc;
use std::time::Instant;

use super::bot::Bot;
use super::budget::BudgetTier;
use super::document_files::DocumentFile;
use super::escalate::escalate;
use super::file_source::FileSource;
use super::inputs::RecordedInputs;
use super::language::{Languages, customers_language};
use super::lookup::Lookup;
use super::model_choice::{ModelChoice, Models};
use super::offers::{self, OfferContext, ResolvedOffers};
use super::retrieve::{self, RetrievalResult, Rewriter, Scene};
use super::timer::millis;
use super::transcribe::{self, TranscriptionContext};
use super::turn_result::TurnResult;
use super::{prompt, reply};
use crate::domain::offers::{MarkedText, Marks};
use crate::domain::trace::Trace;
use crate::domain::{
    Agent, DocumentId, Line, MessageId, Offers, Outcome, Passage, Question, Reply, ReplyKind,
    Speaker, Turn, TurnReason, VoiceTranscript,
};
use crate::llm::{Hear, Model};
use crate::provider::Abilities;
use crate::spans;

/// Files, listener and budget of one turn.
#[derive(Clone, Copy)]
pub struct TurnContext<'a> {
    /// Source of the customer's files.
    pub files: &'a dyn FileSource,
    /// Receives the answer while it is streamed; `None` for no streaming.
    pub hear: Option<Hear<'a>>,
    /// What the remaining budget pays for.
    pub tier: BudgetTier,
    /// What the number's provider can send.
    pub abilities: &'a Abilities,
}

/// A turn that is ready to be answered: everything before the model is done.
pub struct Ready {
    pub(super) run: Run,
    /// `Err` is the outcome if it is known without a model.
    pub(super) open: Result<Open, Outcome>,
    /// The turn's model, whichever is found meanwhile.
    pub(super) model: Arc<dyn Model>,
}

/// A question for a model, with its passages.
pub(super) struct Open {
    pub(super) question: Question,
    pub(super) found: RetrievalResult,
}

impl Ready {
    /// Returns the transcripts, so that they need not be made again.
    pub fn transcripts(&self) -> &[(MessageId, VoiceTranscript)] {
        &self.run.transcripts
    }
}

/// What a turn collects. A stage's `Err` is the outcome if it is known without the later stages.
pub(super) struct Run {
    started: Instant,
    trace: Trace,
    transcripts: Vec<(MessageId, VoiceTranscript)>,
    inputs: RecordedInputs,
    /// Text for the customer about a voice note that was not understood beside other words.
    unheard: Option<String>,
    /// Language of the fixed texts (ISO 639-1); `None` for the default.
    language: Option<String>,
    /// The marks of the text of the business that the customer gets.
    marks: Marks,
}

impl Run {
    pub(super) fn begin() -> Self {
        Self {
            started: Instant::now(),
            trace: Trace::default(),
            transcripts: Vec::new(),
            inputs: RecordedInputs::default(),
            unheard: None,
            language: None,
            marks: Marks::default(),
        }
    }

    /// Stage 2.
    pub(super) async fn transcribe(
        &mut self,
        context: TranscriptionContext<'_>,
        turn: &Turn,
        known: &Languages,
    ) -> Result<Question, Outcome> {
        let span = spans::transcribe();
        let (heard, trace) = span.around(transcribe::listen(context, turn)).await;
        span.ended(ending(&heard.question));
        self.trace.transcribe = Some(trace);
        self.transcripts = heard.transcripts;
        self.inputs.failures = heard.failures;
        self.unheard = heard.unheard;
        self.inputs.attachments = heard.attachments;
        let question = heard.question?;
        self.language = customers_language(turn, &question, known);
        Ok(question)
    }

    /// Stage 3.
    pub(super) fn escalate(
        &mut self,
        bot: &Bot,
        history: &[Line],
        question: &Question,
    ) -> Result<(), Outcome> {
        let span = spans::escalate();
        let (reason, trace) =
            span.in_scope(|| escalate(&bot.rules, (history, &bot.agent.texts), question));
        self.trace.escalate = Some(trace);
        let passed = match reason {
            None => Ok(()),
            Some(reason @ TurnReason::PersonOffer {}) => {
                Err(self.hand_over(&bot.agent, reason, &with_earlier(history, question)))
            }
            Some(reason) => Err(self.hand_over(&bot.agent, reason, question)),
        };
        span.ended(ending(&passed));
        passed
    }

    /// Before stage 4: a curated answer ends the turn.
    pub(super) async fn curated(
        &mut self,
        lookup: &dyn Lookup,
        agent: &Agent,
        question: &Question,
    ) -> Result<(), Outcome> {
        let span = spans::curated();
        let (reply, trace) = span.around(lookup.curated(agent, question)).await;
        span.ended(if reply.is_some() { "found" } else { PASSED });
        self.trace.curated = trace;
        let Some(reply) = reply else { return Ok(()) };
        self.inputs.curated = Some(reply.text.clone());
        let text = self.without_marks(&reply.text);
        Err(Outcome::Reply(Reply { text, ..reply }))
    }

    /// Stage 4 without a model.
    pub(super) async fn retrieve(
        &mut self,
        lookup: &dyn Lookup,
        scene: Scene<'_>,
        may_rewrite: bool,
    ) -> RetrievalResult {
        let span = spans::retrieve();
        let (found, trace) = span.around(lookup.passages(scene, may_rewrite)).await;
        span.ended(some(&found));
        self.trace.retrieve = Some(trace);
        found
    }

    /// The rest of stage 4, once the budget is known.
    pub(super) async fn refine(
        &mut self,
        seams: retrieve::Seams<'_>,
        rewriter: Option<Rewriter<'_>>,
        scene: Scene<'_>,
        found: RetrievalResult,
    ) -> RetrievalResult {
        let trace = self.trace.retrieve.take().unwrap_or_default();
        let span = spans::refine();
        let refined = retrieve::refine(seams, rewriter, scene, found, trace);
        let (found, trace) = span.around(refined).await;
        span.ended(some(&found));
        if let Some(rewrite) = &trace.rewrite {
            self.trace.usage.add(rewrite.usage);
        }
        self.trace.retrieve = Some(trace);
        self.inputs.found = Some((found.confidence, found.standalone.clone()));
        self.inputs.passages = found.passages.clone();
        found
    }

    /// Stage 5, for the model that it chooses.
    pub(super) fn prompt<'a>(
        &mut self,
        models: Models<'a>,
        input: &prompt::Input<'_>,
        tier: BudgetTier,
    ) -> Result<ModelChoice<'a>, Outcome> {
        let (span, spent) = (spans::prompt(), self.trace.usage.cost_micros);
        let choice = span.in_scope(|| match models.choose(input, tier, spent) {
            Ok((choice, trace)) => {
                if let Some(retrieve) = &mut self.trace.retrieve {
                    retrieve.threshold = Some(choice.prompt.min_confidence);
                }
                self.trace.prompt = Some(trace);
                Ok(choice)
            }
            Err(problem) => Err(self.unusable(input.agent, problem, input.question)),
        });
        span.ended(ending(&choice));
        choice
    }

    /// Between stages 4 and 5: the files that the model may send, of the documents found.
    pub(super) async fn sendable_files(
        &mut self,
        context: OfferContext<'_>,
        passages: &[Passage],
    ) -> Vec<DocumentFile> {
        let OfferContext { agent, files, abilities, .. } = context;
        if !agent.files || passages.is_empty() {
            return Vec::new();
        }
        let mut documents: Vec<DocumentId> = Vec::new();
        for passage in passages {
            if !documents.contains(&passage.chunk.document) {
                documents.push(passage.chunk.document.clone());
            }
        }
        let mut found = files.of_documents(&documents).await;
        found.retain(|file| abilities.takes_document(&file.name));
        self.inputs.files.found.clone_from(&found);
        found
    }

    /// Stage 6.
    pub(super) async fn reply(
        &mut self,
        seams: reply::Seams<'_>,
        (input, offering): (&prompt::Input<'_>, OfferContext<'_>),
        choice: &ModelChoice<'_>,
    ) -> Result<Reply, Outcome> {
        let prompt::Input { agent, turn, question, files, .. } = *input;
        let ModelChoice { prompt, nameless, .. } = choice;
        let span = spans::reply();
        let language = self.language.as_deref();
        let referred = &*turn.referred();
        let input = reply::Input { agent, turn, referred, prompt, nameless, question, language };
        let written = reply::write(seams, input);
        let (written, mut trace) = span.around(written).await;
        span.ended(written.reply.sort.as_str());
        let calls_person = trace.calls_person;
        self.trace.usage.add(written.usage);
        trace.budget = choice.limit().map(ToOwned::to_owned);
        self.trace.reply = Some(trace);
        if choice.needs_person(&written.reply) {
            return Err(self.hand_over(agent, TurnReason::Budget {}, question));
        }
        if calls_person {
            let unanswered = written.reply.sort == ReplyKind::NoAnswer;
            let (reply, question) = (written.reply.text, question.whole());
            let is_own = reply == agent.handoff.reply.to(self.language.as_deref());
            let reply = if is_own { self.without_marks(&reply) } else { reply };
            let reason = TurnReason::Model { unanswered };
            return Err(Outcome::HandOver { reason, reply, question, offers: Box::default() });
        }
        let offering = OfferContext { language: self.language.as_deref(), ..offering };
        let shown = |file: &&DocumentFile| {
            prompt.passages.iter().any(|passage| passage.chunk.document == file.document)
        };
        let known: Vec<_> = files.iter().filter(shown).cloned().collect();
        let resolved = offers::resolve(written.marks, &known, offering).await;
        Ok(Reply { offers: self.offered_by_model(resolved).into(), ..written.reply })
    }

    /// Records what a model offers.
    fn offered_by_model(&mut self, resolved: ResolvedOffers) -> Offers {
        let ResolvedOffers { offers, mut trace, recorded } = resolved;
        self.inputs.files.fetched = recorded.fetched;
        let left_out = std::mem::take(&mut trace.left_out);
        if let Some(reply) = &mut self.trace.reply {
            reply.repairs.extend(left_out.iter().map(|what| format!("left out {what}")));
        }
        let sends = !trace.files.is_empty() || !trace.locations.is_empty();
        self.trace.offers = sends.then_some(trace);
        offers
    }

    /// Takes the marks out of a text of the business, to be honoured at the end of the turn.
    fn without_marks(&mut self, text: &str) -> String {
        let MarkedText { text, marks, .. } = MarkedText::of(text);
        self.marks = marks;
        text
    }

    /// Adds what the text of the business offers, if that is the outcome.
    pub(super) async fn offer(
        &mut self,
        outcome: Result<Reply, Outcome>,
        context: OfferContext<'_>,
    ) -> Result<Reply, Outcome> {
        let marks = std::mem::take(&mut self.marks);
        if marks.is_empty() {
            return outcome;
        }
        let language = self.language.clone();
        let context = OfferContext { language: language.as_deref(), ..context };
        let ResolvedOffers { offers, trace, recorded } = offers::of_business(marks, context).await;
        self.trace.offers = Some(trace);
        self.inputs.files.add(recorded);
        let offers = offers.into();
        outcome.map_err(|outcome| match outcome {
            Outcome::Reply(reply) => Outcome::Reply(Reply { offers, ..reply }),
            Outcome::HandOver { reason, reply, question, .. } => {
                Outcome::HandOver { reason, reply, question, offers }
            }
            silence @ Outcome::Silence { .. } => silence,
        })
    }

    /// Ends the turn with its reply, or with the outcome of an earlier stage.
    pub(super) fn end(mut self, reply: Result<Reply, Outcome>) -> TurnResult {
        let outcome = reply.map_or_else(|outcome| outcome, Outcome::Reply);
        let outcome = match (outcome, self.unheard.take()) {
            (Outcome::Reply(reply), Some(sentence)) => {
                Outcome::Reply(Reply { text: format!("{}\n\n{sentence}", reply.text), ..reply })
            }
            (outcome, _) => outcome,
        };
        self.trace.total_ms = millis(self.started);
        let Self { trace, transcripts, inputs, .. } = self;
        TurnResult { outcome, trace, transcripts, inputs }
    }

    /// Returns the hand-off to a person, with the agent's text for the customer.
    fn hand_over(&mut self, agent: &Agent, reason: TurnReason, question: &Question) -> Outcome {
        let reply = agent.handoff.reply.to(self.language.as_deref());
        let (reply, offers) = (self.without_marks(reply), Box::default());
        Outcome::HandOver { reason, reply, question: question.whole(), offers }
    }

    /// Returns the outcome if no prompt can be composed: the failure text, and a hand-off.
    fn unusable(&self, agent: &Agent, problem: String, question: &Question) -> Outcome {
        tracing::error!(
            agent = agent.slug,
            problem,
            "the agent's prompt cannot be used, a person is called"
        );
        let reply = agent.texts.failure.to(self.language.as_deref()).to_owned();
        let (reason, question) = (TurnReason::Prompt { problem }, question.whole());
        Outcome::HandOver { reason, reply, question, offers: Box::default() }
    }
}

/// Span outcome of a stage after which the turn goes on.
const PASSED: &str = "passed";

/// Returns the span outcome of a stage.
fn ending<T>(stage: &Result<T, Outcome>) -> &'static str {
    match stage {
        Ok(_) => PASSED,
        Err(outcome) => outcome.kind().as_str(),
    }
}

/// Returns the span outcome of retrieval.
fn some(found: &RetrievalResult) -> &'static str {
    if found.passages.is_empty() { "nothing" } else { "found" }
}

/// Returns a question with the customer's message before it: "yes please" alone says nothing.
fn with_earlier(history: &[Line], question: &Question) -> Question {
    let earlier = history.iter().rfind(|line| line.speaker == Speaker::Customer);
    let text = earlier
        .map_or_else(|| question.text.clone(), |line| format!("{}\n{}", line.text, question.text));
    Question { text, ..question.clone() }
}
