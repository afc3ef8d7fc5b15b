//! Stage 6: calls the model, checks the answer, falls back on quotations. The result is text for the
//! customer, supported by the passages as strictly as the agent's setting requires.

use std::sync::Arc;
use std::time::Instant;

use self::contact_details::{DetailCache, DetailCheck, Origins, StreamFilter};
use self::ground::{Decision, GroundingCache};
use self::leak::is_leak;
use self::offering::{allowed, with_choices};
use self::unknown::told_unknown;
use super::clean::{CleanAnswer, Signals, Speakable, clean};
use super::language::Languages;
use super::timer::millis;
use crate::domain::offers::Marks;
use crate::domain::trace::ReplyTrace;
use crate::domain::{
    Agent, Citation, Grounding, GroundingCheck, Line, Passage, Prompt, Question, Reply, ReplyKind,
    Sentence, Speaker, Turn, Usage,
};
use crate::embed::Embedder;
use crate::llm::{Completion, Hear, Model, asks_nothing};

pub(super) mod contact_details;
pub mod ground;
pub(super) mod leak;
mod offering;
mod unknown;

/// The adapters of stage 6, and the listener to the streamed answer.
#[derive(Clone, Copy)]
pub(super) struct Seams<'a> {
    pub(super) model: &'a dyn Model,
    /// Quotes the documents if the model fails.
    pub(super) spare: &'a dyn Model,
    /// Used to check whether passages support the answer.
    pub(super) embed: &'a dyn Embedder,
    /// What is known of texts that support answers.
    pub(super) cache: &'a ReplyCache,
    pub(super) hear: Option<Hear<'a>>,
}

/// What is known of texts that come again: passages, the agent's texts, earlier messages.
#[derive(Default)]
pub(super) struct ReplyCache {
    grounding: GroundingCache,
    details: DetailCache,
}

impl ReplyCache {
    /// Creates a cache that shares the languages of texts.
    pub(super) fn new(languages: Arc<Languages>) -> Self {
        Self { grounding: GroundingCache::new(languages), details: DetailCache::default() }
    }
}

/// Input of stage 6.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) agent: &'a Agent,
    /// The turn, with earlier messages.
    pub(super) turn: &'a Turn,
    /// What its messages refer to.
    pub(super) referred: &'a [Line],
    pub(super) prompt: &'a Prompt,
    /// The agent's prompt, rendered without the customer's name.
    pub(super) nameless: &'a str,
    /// The customer's message.
    pub(super) question: &'a Question,
    /// Language of the fixed texts (ISO 639-1); `None` for the default.
    pub(super) language: Option<&'a str>,
}

/// The reply and the model usage.
pub(super) struct Output {
    /// Without offers.
    pub(super) reply: Reply,
    /// What the model offers beside it, and its agent allows.
    pub(super) marks: Marks,
    pub(super) usage: Usage,
}

pub(super) async fn write(seams: Seams<'_>, input: Input<'_>) -> (Output, ReplyTrace) {
    let started = Instant::now();
    let prompt = input.prompt;
    let mut usage = Usage::default();
    let mut written = ReplyTrace { model: prompt.model.clone(), ..ReplyTrace::default() };
    // A generating model would write something without evidence; a quoting one decides by itself.
    // "Thanks" needs none.
    let generates = seams.model.kind(&prompt.model).generates();
    let unsure = prompt.confidence < prompt.min_confidence
        && generates
        && !asks_nothing(&prompt.question)
        && !input.question.has_more();
    let mut marks = Marks::default();
    let reply = if !generates && !input.question.has_words {
        written.repairs.push("nothing was written, and there is no model to read the rest".into());
        fixed(input, ReplyKind::Unreadable)
    } else if unsure {
        written.repairs.push("the passages do not answer: the model was not asked".into());
        fixed(input, ReplyKind::NoAnswer)
    } else {
        let (reply, offered) = ask(seams, input, &mut written, &mut usage).await;
        if reply.sort == ReplyKind::Failure {
            quote(seams, input, &mut written).await.unwrap_or(reply)
        } else {
            marks = offered;
            reply
        }
    };
    let ours = input.agent.texts.no_answer.to(input.language);
    let is_ours = reply.sort == ReplyKind::NoAnswer && reply.text.starts_with(ours);
    // What the words below a picture mean, only the picture tells.
    let read = !input.question.files.is_empty() || !input.question.pictures.is_empty();
    let unseen = input.turn.has_only_captions() && !read;
    let reply = if is_ours && !written.calls_person && unseen {
        fixed(input, ReplyKind::Unreadable)
    } else {
        reply
    };
    written.citations.clone_from(&reply.citations);
    written.took_ms = millis(started);
    (Output { reply, marks, usage }, written)
}

async fn ask(
    seams: Seams<'_>,
    input: Input<'_>,
    written: &mut ReplyTrace,
    used: &mut Usage,
) -> (Reply, Marks) {
    let agent = input.agent;
    let vetting = DetailCheck::new(origins(&input), &seams.cache.details);
    let reply = match complete(seams, input.prompt, &vetting).await {
        Ok(Completion::Text { text, model, usage, failures }) => {
            used.add(usage);
            written.model = model;
            written.errors = failures;
            written.raw = text;
            let generates = seams.model.kind(&input.prompt.model).generates();
            match cleaned(input, generates, written) {
                Ok(cleaned) => {
                    let reply = grounded(seams, input, &cleaned, written, used).await;
                    // A quoting model writes nothing of its own, marks least of all.
                    if !generates {
                        return (reply, Marks::default());
                    }
                    let reply = vetted(input, &vetting, reply, written);
                    let reply = told_unknown(&input.agent.texts.no_answer, reply, written);
                    let reply = signalled(input, reply, cleaned.signals, written);
                    let marks = allowed(input, &reply, cleaned.offers, (&vetting, written));
                    return (reply, marks);
                }
                Err(fixed) => fixed,
            }
        }
        Ok(Completion::NoAnswer { model, near }) => {
            written.model = model;
            with_choices(input, fixed(input, ReplyKind::NoAnswer), &near)
        }
        Ok(Completion::Greeting { model }) => {
            written.model = model;
            fixed(input, ReplyKind::Greeting)
        }
        Err(error) => {
            tracing::error!(%error, agent = agent.slug, "the model did not answer");
            written.errors = error.attempts;
            fixed(input, ReplyKind::Failure)
        }
    };
    (reply, Marks::default())
}

/// Quotes the documents after the model failed, as without a budget. `None` if they hold no answer.
async fn quote(seams: Seams<'_>, input: Input<'_>, written: &mut ReplyTrace) -> Option<Reply> {
    let (spare, prompt) = (seams.spare, input.prompt);
    if !seams.model.kind(&prompt.model).generates() || !input.question.has_words {
        return None;
    }
    let prompt = Prompt {
        model: spare.default_model().to_owned(),
        min_confidence: input.agent.min_confidence.unwrap_or_else(|| spare.min_confidence()),
        ..prompt.clone()
    };
    // Not streamed: the listener may already have a part of the model's answer.
    let seams = Seams { model: spare, hear: None, ..seams };
    let mut quoted = ReplyTrace::default();
    let input = Input { prompt: &prompt, ..input };
    let (reply, _) = ask(seams, input, &mut quoted, &mut Usage::default()).await;
    if matches!(reply.sort, ReplyKind::NoAnswer | ReplyKind::Failure) {
        return None;
    }
    written.stand_in = Some("the model failed: the documents are quoted".into());
    written.model = quoted.model;
    written.raw = quoted.raw;
    written.errors.append(&mut quoted.errors);
    written.repairs.append(&mut quoted.repairs);
    Some(reply)
}

/// Calls the model; a listener gets only text meant for the customer.
async fn complete(
    Seams { model, hear, .. }: Seams<'_>,
    prompt: &Prompt,
    vetting: &DetailCheck<'_>,
) -> Result<Completion, crate::llm::Error> {
    let Some(hear) = hear else { return model.complete(prompt, None).await };
    let filters = std::sync::Mutex::new((Speakable::default(), StreamFilter::new(vetting)));
    let through = |piece: &str| {
        let said = filters.lock().map(|mut filters| {
            let said = filters.0.push(piece);
            filters.1.push(&said)
        });
        let said = said.unwrap_or_default();
        if !said.is_empty() {
            hear(&said);
        }
    };
    let completion = model.complete(prompt, Some(&through)).await;
    let rest = filters.lock().map(|mut filters| {
        let said = filters.0.finish();
        filters.1.push(&said) + &filters.1.finish()
    });
    let rest = rest.unwrap_or_default();
    if !rest.is_empty() {
        hear(&rest);
    }
    completion
}

/// Removes what is not meant for the customer. An empty result is a failure, not silence; an answer
/// that repeats the prompt becomes the no-answer text. A signal alone gets the agent's text for it,
/// if the model generates: a quoted document calls nobody.
fn cleaned(
    input: Input<'_>,
    generates: bool,
    written: &mut ReplyTrace,
) -> Result<CleanAnswer, Reply> {
    let Input { agent, turn, prompt, question, .. } = input;
    let mut cleaned = clean(&written.raw, prompt.passages.len());
    written.repairs.append(&mut cleaned.repairs);
    if cleaned.text.trim().is_empty() {
        if generates && cleaned.signals != Signals::default() {
            let reply = fixed(input, ReplyKind::Answer);
            return Err(signalled(input, reply, cleaned.signals, written));
        }
        tracing::error!(agent = agent.slug, "the model's answer held nothing for the customer");
        written.errors.push("the answer held nothing for the customer".into());
        return Err(fixed(input, ReplyKind::Failure));
    }
    let history = turn.history.iter().map(|line| line.text.as_str());
    let said = history.chain([question.text.as_str()]);
    let referred = input.referred.iter().map(|line| line.text.as_str());
    let said: Vec<&str> = said.chain(question.beside()).chain(referred).collect();
    let with_labels = [&[cleaned.text.clone()], &cleaned.offers.choices[..]].concat().join("\n");
    if is_leak(&with_labels, prompt, &said) {
        tracing::warn!(
            agent = agent.slug,
            "the model's answer repeated its instructions, the customer gets the sentence for no answer"
        );
        written.repairs.push("not sent: it repeated the instructions of the prompt".into());
        let reply = fixed(input, ReplyKind::NoAnswer);
        // The marks are not in doubt: who wants a person gets one.
        return Err(if generates {
            signalled(input, reply, cleaned.signals, written)
        } else {
            reply
        });
    }
    Ok(cleaned)
}

/// Checks an answer against the passages as the agent wants it. Quoting models need no check.
async fn grounded(
    seams: Seams<'_>,
    input: Input<'_>,
    cleaned: &CleanAnswer,
    written: &mut ReplyTrace,
    used: &mut Usage,
) -> Reply {
    let Input { agent, prompt, .. } = input;
    let generates = seams.model.kind(&prompt.model).generates();
    // What a picture shows is in no text: of a reply that rests on nothing else it can only be
    // noted that nothing supports it.
    let unseen = !input.question.pictures.is_empty() && cleaned.cited.is_empty();
    let rules = match agent.grounding.check {
        GroundingCheck::Hold if unseen => {
            Grounding { check: GroundingCheck::Note, ..agent.grounding }
        }
        _ => agent.grounding,
    };
    if !generates || rules.check == GroundingCheck::Off {
        return answer(prompt, cleaned.text.clone(), &cleaned.cited);
    }
    let Seams { model, embed, .. } = seams;
    let cache = &seams.cache.grounding;
    let history = &input.turn.history;
    let with = ground::GroundingInput { embed, model, prompt, history, cache };
    let (decision, checked) = ground::apply(cleaned, &rules, &with, used).await;
    written.checked = Some(checked);
    match decision {
        Decision::Send { text, cited } => answer(prompt, text, &cited),
        Decision::NoAnswer => fixed(input, ReplyKind::NoAnswer),
    }
}

/// Returns the texts that links, addresses and numbers of a reply may come from. Not the prompt as
/// sent: it contains the customer's name.
fn origins<'a>(input: &Input<'a>) -> Origins<'a> {
    let (agent, texts) = (input.agent, &input.agent.texts);
    let mut business: Vec<&str> = vec![&agent.prompt, input.nameless, &agent.name];
    let fixed =
        [&texts.no_answer, &texts.did_you_mean, &texts.failure, &texts.greeting, &texts.unreadable];
    business.extend(fixed.into_iter().chain([&agent.handoff.reply]).flat_map(Sentence::all));
    let mut customer: Vec<&str> = Vec::new();
    for line in input.turn.history.iter().chain(input.referred) {
        let origin = if line.speaker == Speaker::Customer { &mut customer } else { &mut business };
        origin.push(line.text.as_str());
    }
    customer.push(&input.question.text);
    customer.extend(input.question.beside());
    customer.extend(input.question.files.iter().map(|file| file.text.as_str()));
    Origins { passages: &input.prompt.passages, business, customer }
}

/// Removes links, addresses and numbers that the business did not write: a wrong one costs the
/// customer money.
fn vetted(
    input: Input<'_>,
    vetting: &DetailCheck<'_>,
    reply: Reply,
    written: &mut ReplyTrace,
) -> Reply {
    if reply.sort != ReplyKind::Answer {
        return reply;
    }
    let mut vetted = vetting.vet(&reply.text);
    if vetted.removed.is_empty() {
        return reply;
    }
    tracing::warn!(
        agent = input.agent.slug,
        removed = vetted.removed.len(),
        "the model's answer held links or numbers that nothing supports, they are not sent"
    );
    written.repairs.append(&mut vetted.removed);
    if vetted.text.is_empty() {
        written.repairs.push("nothing else is left: the sentence for no answer is sent".into());
        return fixed(input, ReplyKind::NoAnswer);
    }
    Reply { text: vetted.text, ..reply }
}

/// Honours what the model asked for with marks. A person who is called is announced in the model's
/// words, or in the agent's if those are not sent.
fn signalled(input: Input<'_>, reply: Reply, asked: Signals, written: &mut ReplyTrace) -> Reply {
    written.calls_person = asked.hand_off;
    let Input { agent, language, .. } = input;
    let unsaid = asked.hand_off && reply.text == agent.texts.no_answer.to(language);
    let text = if unsaid { agent.handoff.reply.to(language).to_owned() } else { reply.text };
    let sort = if asked.no_answer { ReplyKind::NoAnswer } else { reply.sort };
    Reply { text, sort, ..reply }
}

fn answer(prompt: &Prompt, text: String, cited: &[usize]) -> Reply {
    let citations = cited
        .iter()
        .filter_map(|&mark| Some(cite(mark, prompt.passages.get(mark.checked_sub(1)?)?)))
        .collect();
    Reply { citations, ..Reply::plain(text, ReplyKind::Answer) }
}

fn cite(mark: usize, passage: &Passage) -> Citation {
    Citation {
        mark,
        title: passage.chunk.title.clone(),
        source: passage.chunk.source.clone(),
        heading: passage.chunk.heading.clone(),
        place: passage.chunk.place.clone(),
    }
}

/// Returns one of the agent's fixed texts, in the customer's language.
fn fixed(Input { agent, language, .. }: Input<'_>, sort: ReplyKind) -> Reply {
    let texts = &agent.texts;
    let text = match sort {
        ReplyKind::NoAnswer | ReplyKind::Answer => &texts.no_answer,
        ReplyKind::Greeting => &texts.greeting,
        ReplyKind::Failure => &texts.failure,
        ReplyKind::VoiceFailure => &agent.voice.failure_reply,
        ReplyKind::Unreadable => &texts.unreadable,
    };
    Reply::plain(text.to(language).to_owned(), sort)
}
