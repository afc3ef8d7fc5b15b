//! Stage 6: ask the model, check the answer, fall back. What leaves here is text meant for the customer, and rests on
//! the passages as strictly as the agent's setting wants.

use std::time::Instant;

use super::clean::{Cleaned, Speakable, clean};
use super::contact_details::{DetailCheck, Origins, StreamFilter};
use super::ground::{self, Decision};
use super::leak::is_leak;
use super::{Bot, Run, millis};
use crate::domain::trace::ReplyTrace;
use crate::domain::{
    Citation, GroundingCheck, Outcome, Passage, Prompt, Reply, ReplyKind, Role, Speaker, Turn,
};
use crate::embed::Embedder;
use crate::llm::{Completion, Hear, Model};

/// What to ask, and who hears the answer while it is written.
pub(super) struct Asked<'a> {
    pub(super) prompt: &'a Prompt,
    /// The agent's prompt, rendered without the customer's name.
    pub(super) nameless: &'a str,
    pub(super) hear: Option<Hear<'a>>,
    /// Helps to tell whether passages support the answer.
    pub(super) embed: &'a dyn Embedder,
    /// What was said before.
    pub(super) turn: &'a Turn,
}

/// Writes the reply.
pub(super) async fn write(
    model: &dyn Model,
    bot: &Bot,
    asked: &Asked<'_>,
    run: &mut Run,
) -> Outcome {
    let started = Instant::now();
    let mut written = ReplyTrace { model: asked.prompt.model.clone(), ..ReplyTrace::default() };
    // A model that has a window would write something even about nothing; one without judges by itself.
    let unsure = asked.prompt.confidence < asked.prompt.min_confidence
        && model.window(&asked.prompt.model).is_some();
    let reply = if unsure {
        written.repairs.push("the passages do not answer: the model was not asked".into());
        bot.fixed(ReplyKind::NoAnswer)
    } else {
        ask(model, bot, asked, (&mut written, run)).await
    };
    written.citations.clone_from(&reply.citations);
    written.took_ms = millis(started);
    run.trace.reply = Some(written);
    Outcome::Reply(reply)
}

async fn ask(
    seam: &dyn Model,
    bot: &Bot,
    asked: &Asked<'_>,
    (written, run): (&mut ReplyTrace, &mut Run),
) -> Reply {
    let vetting = DetailCheck::new(origins(bot, asked));
    match complete(seam, asked, &vetting).await {
        Ok(Completion::Text { text, model, usage, failures }) => {
            run.trace.usage.add(usage);
            written.model = model;
            written.errors = failures;
            written.raw = text;
            match cleaned(bot, asked.prompt, written) {
                Ok(cleaned) => {
                    let reply = grounded((seam, bot), asked, &cleaned, (written, run)).await;
                    // What quotes the passages writes nothing of its own.
                    let quotes = seam.window(&asked.prompt.model).is_none();
                    if quotes { reply } else { vetted(bot, &vetting, reply, written) }
                }
                Err(failure) => failure,
            }
        }
        Ok(Completion::NoAnswer { model }) => {
            written.model = model;
            bot.fixed(ReplyKind::NoAnswer)
        }
        Ok(Completion::Greeting { model }) => {
            written.model = model;
            bot.fixed(ReplyKind::Greeting)
        }
        Err(error) => {
            tracing::error!(%error, agent = bot.agent.slug, "the model did not answer, the customer gets the failure sentence");
            written.errors = error.attempts;
            bot.fixed(ReplyKind::Failure)
        }
    }
}

/// Asks the model; a listener hears only what is meant for the customer.
async fn complete(
    model: &dyn Model,
    asked: &Asked<'_>,
    vetting: &DetailCheck<'_>,
) -> Result<Completion, crate::llm::Error> {
    let Some(hear) = asked.hear else { return model.complete(asked.prompt, None).await };
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
    let completion = model.complete(asked.prompt, Some(&through)).await;
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

/// Takes out of an answer what is not meant for the customer. Nothing left is a failure, not silence; instructions that are
/// repeated are no answer.
fn cleaned(bot: &Bot, prompt: &Prompt, written: &mut ReplyTrace) -> Result<Cleaned, Reply> {
    let mut cleaned = clean(&written.raw, prompt.passages.len());
    written.repairs.append(&mut cleaned.repairs);
    if cleaned.text.trim().is_empty() {
        tracing::error!(
            agent = bot.agent.slug,
            "the model's answer held nothing for the customer, who gets the failure sentence"
        );
        written.errors.push("the answer held nothing for the customer".into());
        return Err(bot.fixed(ReplyKind::Failure));
    }
    if is_leak(&cleaned.text, prompt) {
        tracing::warn!(
            agent = bot.agent.slug,
            "the model's answer repeated its instructions, the customer gets the sentence for no answer"
        );
        written.repairs.push("not sent: it repeated the instructions of the prompt".into());
        return Err(bot.fixed(ReplyKind::NoAnswer));
    }
    Ok(cleaned)
}

/// Checks a model's answer against the passages, as the agent wants it. What quotes the passages needs no check.
async fn grounded(
    (model, bot): (&dyn Model, &Bot),
    asked: &Asked<'_>,
    cleaned: &Cleaned,
    (written, run): (&mut ReplyTrace, &mut Run),
) -> Reply {
    let setting = &bot.agent.grounding;
    let prompt = asked.prompt;
    let quotes = model.window(&prompt.model).is_none();
    if quotes || setting.check == GroundingCheck::Off {
        return answer(prompt, cleaned.text.clone(), &cleaned.cited);
    }
    let history = &asked.turn.history;
    let with = ground::Asked { embed: asked.embed, model, prompt, history };
    let usage = &mut run.trace.usage;
    let (decision, checked) = ground::apply(cleaned, setting, &with, usage).await;
    written.checked = Some(checked);
    match decision {
        Decision::Send { text, cited } => answer(prompt, text, &cited),
        Decision::NoAnswer => bot.fixed(ReplyKind::NoAnswer),
    }
}

/// Where links, addresses and numbers of a reply may come from. Not the prompt as the model got it: the customer's name is in it.
fn origins<'a>(bot: &'a Bot, asked: &'a Asked<'_>) -> Origins<'a> {
    let (agent, texts) = (&bot.agent, &bot.agent.texts);
    let mut business: Vec<&str> =
        vec![&agent.prompt, asked.nameless, &agent.name, &agent.handoff.reply];
    business.extend(
        [&texts.no_answer, &texts.failure, &texts.greeting, &texts.unreadable].map(String::as_str),
    );
    let mut customer = Vec::new();
    for line in &asked.turn.history {
        let origin = if line.speaker == Speaker::Customer { &mut customer } else { &mut business };
        origin.push(line.text.as_str());
    }
    let said = asked.prompt.messages.iter().filter(|message| message.role == Role::User);
    customer.extend(said.map(|message| message.content.as_str()));
    Origins { passages: &asked.prompt.passages, business, customer }
}

/// Takes out of an answer what nobody of the business wrote and would cost the customer money: links, addresses, numbers.
fn vetted(bot: &Bot, vetting: &DetailCheck<'_>, reply: Reply, written: &mut ReplyTrace) -> Reply {
    if reply.sort != ReplyKind::Answer {
        return reply;
    }
    let mut vetted = vetting.vet(&reply.text);
    if vetted.removed.is_empty() {
        return reply;
    }
    tracing::warn!(
        agent = bot.agent.slug,
        removed = vetted.removed.len(),
        "the model's answer held links or numbers that nothing supports, they are not sent"
    );
    written.repairs.append(&mut vetted.removed);
    if vetted.text.is_empty() {
        written.repairs.push("nothing else is left: the sentence for no answer is sent".into());
        return bot.fixed(ReplyKind::NoAnswer);
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

impl Bot {
    /// One of the agent's own sentences.
    fn fixed(&self, sort: ReplyKind) -> Reply {
        let texts = &self.agent.texts;
        let text = match sort {
            ReplyKind::NoAnswer | ReplyKind::Answer => &texts.no_answer,
            ReplyKind::Greeting => &texts.greeting,
            ReplyKind::Failure => &texts.failure,
            ReplyKind::VoiceFailure => &self.agent.voice.failure_reply.default,
            ReplyKind::Unreadable => &texts.unreadable,
        };
        Reply { text: text.clone(), sort, citations: Vec::new() }
    }
}
