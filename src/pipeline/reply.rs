//! Stage 6: calls the model, checks the answer, falls back. The result is text for the customer,
//! supported by the passages as strictly as the agent's setting requires.

use std::time::Instant;

use self::contact_details::{DetailCheck, Origins, StreamFilter};
use self::ground::Decision;
use self::leak::is_leak;
use super::clean::{CleanAnswer, Speakable, clean};
use super::timer::millis;
use crate::domain::trace::ReplyTrace;
use crate::domain::{
    Agent, Citation, GroundingCheck, Passage, Prompt, Reply, ReplyKind, Sentence, Speaker, Turn,
    Usage,
};
use crate::embed::Embedder;
use crate::llm::{Completion, Hear, Model};

pub(super) mod contact_details;
pub mod ground;
pub(super) mod leak;

/// The adapters of stage 6, and the listener to the streamed answer.
#[derive(Clone, Copy)]
pub(super) struct Seams<'a> {
    pub(super) model: &'a dyn Model,
    /// Used to check whether passages support the answer.
    pub(super) embed: &'a dyn Embedder,
    pub(super) hear: Option<Hear<'a>>,
}

/// Input of stage 6.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) agent: &'a Agent,
    /// The turn, with earlier messages.
    pub(super) turn: &'a Turn,
    pub(super) prompt: &'a Prompt,
    /// The agent's prompt, rendered without the customer's name.
    pub(super) nameless: &'a str,
    /// The customer's message.
    pub(super) asked: &'a str,
    /// Language of the fixed texts (ISO 639-1); `None` for the default.
    pub(super) language: Option<&'a str>,
}

/// The reply and the model usage.
pub(super) struct Output {
    pub(super) reply: Reply,
    pub(super) usage: Usage,
}

pub(super) async fn write(seams: Seams<'_>, input: Input<'_>) -> (Output, ReplyTrace) {
    let started = Instant::now();
    let prompt = input.prompt;
    let mut usage = Usage::default();
    let mut written = ReplyTrace { model: prompt.model.clone(), ..ReplyTrace::default() };
    // A generating model would write something without evidence; a quoting one decides by itself.
    let unsure =
        prompt.confidence < prompt.min_confidence && seams.model.kind(&prompt.model).generates();
    let reply = if unsure {
        written.repairs.push("the passages do not answer: the model was not asked".into());
        fixed(input, ReplyKind::NoAnswer)
    } else {
        ask(seams, input, &mut written, &mut usage).await
    };
    written.citations.clone_from(&reply.citations);
    written.took_ms = millis(started);
    (Output { reply, usage }, written)
}

async fn ask(
    seams: Seams<'_>,
    input: Input<'_>,
    written: &mut ReplyTrace,
    used: &mut Usage,
) -> Reply {
    let agent = input.agent;
    let vetting = DetailCheck::new(origins(&input));
    match complete(seams, input.prompt, &vetting).await {
        Ok(Completion::Text { text, model, usage, failures }) => {
            used.add(usage);
            written.model = model;
            written.errors = failures;
            written.raw = text;
            match cleaned(input, written) {
                Ok(cleaned) => {
                    let reply = grounded(seams, input, &cleaned, written, used).await;
                    // A quoting model writes nothing of its own.
                    let generates = seams.model.kind(&input.prompt.model).generates();
                    if generates { vetted(input, &vetting, reply, written) } else { reply }
                }
                Err(failure) => failure,
            }
        }
        Ok(Completion::NoAnswer { model }) => {
            written.model = model;
            fixed(input, ReplyKind::NoAnswer)
        }
        Ok(Completion::Greeting { model }) => {
            written.model = model;
            fixed(input, ReplyKind::Greeting)
        }
        Err(error) => {
            tracing::error!(%error, agent = agent.slug, "the model did not answer, the customer gets the failure sentence");
            written.errors = error.attempts;
            fixed(input, ReplyKind::Failure)
        }
    }
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
/// that repeats the prompt becomes the no-answer text.
fn cleaned(input: Input<'_>, written: &mut ReplyTrace) -> Result<CleanAnswer, Reply> {
    let Input { agent, turn, prompt, asked, .. } = input;
    let mut cleaned = clean(&written.raw, prompt.passages.len());
    written.repairs.append(&mut cleaned.repairs);
    if cleaned.text.trim().is_empty() {
        tracing::error!(
            agent = agent.slug,
            "the model's answer held nothing for the customer, who gets the failure sentence"
        );
        written.errors.push("the answer held nothing for the customer".into());
        return Err(fixed(input, ReplyKind::Failure));
    }
    let history = turn.history.iter().map(|line| line.text.as_str());
    let said: Vec<&str> = history.chain([asked]).collect();
    if is_leak(&cleaned.text, prompt, &said) {
        tracing::warn!(
            agent = agent.slug,
            "the model's answer repeated its instructions, the customer gets the sentence for no answer"
        );
        written.repairs.push("not sent: it repeated the instructions of the prompt".into());
        return Err(fixed(input, ReplyKind::NoAnswer));
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
    if !generates || agent.grounding.check == GroundingCheck::Off {
        return answer(prompt, cleaned.text.clone(), &cleaned.cited);
    }
    let Seams { model, embed, .. } = seams;
    let with = ground::GroundingInput { embed, model, prompt, history: &input.turn.history };
    let (decision, checked) = ground::apply(cleaned, &agent.grounding, &with, used).await;
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
    let fixed = [&texts.no_answer, &texts.failure, &texts.greeting, &texts.unreadable];
    business.extend(fixed.into_iter().chain([&agent.handoff.reply]).flat_map(Sentence::all));
    let quoted = input.turn.messages.iter().filter_map(|message| message.quoted.as_deref());
    let mut customer: Vec<&str> = quoted.collect();
    for line in &input.turn.history {
        let origin = if line.speaker == Speaker::Customer { &mut customer } else { &mut business };
        origin.push(line.text.as_str());
    }
    customer.push(input.asked);
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

fn answer(prompt: &Prompt, text: String, cited: &[usize]) -> Reply {
    let citations = cited
        .iter()
        .filter_map(|&mark| Some(cite(mark, prompt.passages.get(mark.checked_sub(1)?)?)))
        .collect();
    Reply { text, sort: ReplyKind::Answer, citations }
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
    Reply { text: text.to(language).to_owned(), sort, citations: Vec::new() }
}
