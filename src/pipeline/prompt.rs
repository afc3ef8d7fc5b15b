//! Stage 5: composes the prompt from agent, history, question and passages within a token budget.
//! Pure: calls no model.
//!
//! Drops what does not fit: history oldest first, passages lowest score first, the question never.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use frontdesk_template::{BoundedEnvironment, Limits, excess};
use frontdesk_tokens::Vocabulary;
use minijinja::{UndefinedBehavior, context};

use super::framing::{NO_PASSAGES, RULES, SIGNALS};
use super::retrieve::RetrievalResult;
use super::timer::millis;
use crate::domain::label::{MAX_TITLE_LEN, one_line, quoted_name};
use crate::domain::trace::PromptTrace;
use crate::domain::{Agent, ChatMessage, Line, Passage, Prompt, Question, Role, Speaker, Turn};
use crate::llm::{Model, Window};

/// Tokens of a chat message beyond its text (OpenAI's counting: role and separators).
const MESSAGE_OVERHEAD: u32 = 4;
/// Tokens reserved for the start of the answer and for vendors that count a little differently.
const RESERVE: u32 = 64;

/// Variables of a system prompt: name and description.
pub const VARIABLES: &[(&str, &str)] = &[
    ("agent", "the bot's name"),
    ("contact", "the customer's name; empty where it is not known"),
    ("language", "the language of the question, such as es; empty where it cannot be told"),
    ("today", "the day, such as Monday, 2 March 2026, in the agent's time zone"),
    ("time", "the time, such as 09:30, in the agent's time zone"),
];

/// Limits on rendering a system prompt. At most it takes about 10 ms, so it needs no own thread.
const LIMITS: Limits =
    Limits { source: 256 * 1024, output: 512 * 1024, steps: 50_000, work: 500_000 };

/// Name of a system prompt in errors.
const NAME: &str = "prompt";

/// A parsed system prompt.
pub(super) struct Template {
    bounded: BoundedEnvironment,
}

impl Template {
    /// Parses a template. The error names the line, or the limit that it exceeds.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let mut bounded = BoundedEnvironment::new(LIMITS);
        bounded.environment().set_undefined_behavior(UndefinedBehavior::SemiStrict);
        bounded.add(NAME, source.to_owned()).map_err(|error| explain(&error))?;
        let template = Self { bounded };
        let facts = Facts { agent: "", contact: None, language: None, now: 0, zone: "UTC" };
        template.render(&facts).map_err(|error| explain(&error))?;
        Ok(template)
    }

    /// Returns the names of the variables that it uses.
    pub(super) fn variables(&self) -> Vec<String> {
        let known: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
        self.bounded.names(NAME, &known)
    }

    fn render(&self, facts: &Facts<'_>) -> Result<String, minijinja::Error> {
        let moment = DateTime::<Utc>::from_timestamp_millis(facts.now).unwrap_or_default();
        let zone: chrono_tz::Tz = facts.zone.parse().unwrap_or(chrono_tz::UTC);
        let local = moment.with_timezone(&zone);
        let context = context! {
            agent => facts.agent,
            contact => quoted_name(facts.contact.unwrap_or_default()),
            language => facts.language.unwrap_or_default(),
            today => local.format("%A, %-d %B %Y").to_string(),
            time => local.format("%H:%M").to_string(),
        };
        self.bounded.render(NAME, context)
    }
}

struct Facts<'a> {
    agent: &'a str,
    contact: Option<&'a str>,
    language: Option<&'a str>,
    now: i64,
    zone: &'a str,
}

impl<'a> Facts<'a> {
    fn of(input: &Input<'a>) -> Self {
        Self {
            agent: &input.agent.name,
            contact: input.turn.contact.as_deref(),
            language: input.question.language.as_deref(),
            now: input.turn.now,
            zone: &input.agent.time_zone,
        }
    }
}

/// Input of a prompt.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) template: &'a Template,
    pub(super) agent: &'a Agent,
    pub(super) turn: &'a Turn,
    pub(super) question: &'a Question,
    pub(super) found: &'a RetrievalResult,
}

/// Composes the prompt for a model. The error says which limit the template exceeds on this turn.
pub(super) fn compose(
    model: &dyn Model,
    named: &str,
    input: &Input<'_>,
) -> Result<(Prompt, PromptTrace), String> {
    let started = Instant::now();
    let agent = input.agent;
    // Queried before anything can fail, so that a recording always contains this window.
    let window = model.kind(named).window();
    let parts = Parts {
        system: system(input)?,
        history: &input.turn.history,
        passages: &input.found.passages,
        question: &input.question.text,
    };
    let fit = parts.fit(window, agent.max_output_tokens, Vocabulary::of(named));
    let prompt = Prompt {
        model: named.to_owned(),
        temperature: agent.temperature,
        max_output_tokens: agent.max_output_tokens,
        messages: parts.messages(&fit),
        question: input.found.standalone.as_ref().unwrap_or(&input.question.text).clone(),
        passages: Arc::from(&parts.passages[..fit.passages]),
        confidence: input.found.confidence,
        min_confidence: agent.min_confidence.unwrap_or_else(|| model.min_confidence()),
        tokens: fit.tokens,
    };
    let trace = PromptTrace {
        messages: prompt.messages.clone(),
        tokens: fit.tokens,
        budget: fit.budget,
        dropped_history: fit.dropped_history,
        dropped_passages: parts.passages.len() - fit.passages,
        took_ms: millis(started),
    };
    Ok((prompt, trace))
}

/// Renders the agent's prompt without the customer's name; empty if that fails.
pub(super) fn nameless(input: &Input<'_>) -> String {
    let facts = Facts { contact: None, ..Facts::of(input) };
    input.template.render(&facts).unwrap_or_default()
}

fn system(input: &Input<'_>) -> Result<String, String> {
    match input.template.render(&Facts::of(input)) {
        Err(error) if excess(&error).is_some() => Err(explain(&error)),
        // Parsing rendered it once; if these values break it, the source still instructs the model.
        rendered => Ok(rendered.unwrap_or_else(|_| input.agent.prompt.clone())),
    }
}

struct Parts<'a> {
    system: String,
    history: &'a [Line],
    passages: &'a [Passage],
    question: &'a str,
}

/// What fits the token budget: the last lines of the history and the first passages.
struct Fit {
    dropped_history: usize,
    passages: usize,
    tokens: u32,
    budget: u32,
}

impl Parts<'_> {
    fn fit(&self, window: Option<Window>, output: u32, vocabulary: Vocabulary) -> Fit {
        let mut fit =
            Fit { dropped_history: 0, passages: self.passages.len(), tokens: 0, budget: 0 };
        let Some(window) = window else { return fit };
        fit.budget = window.tokens.saturating_sub(output + RESERVE);
        // A token has at least one byte: fewer bytes than budgeted tokens fit without counting.
        if self.bytes() < fit.budget as usize {
            return fit;
        }
        let count = |text: &str| vocabulary.count(text) + MESSAGE_OVERHEAD;
        let lines: Vec<u32> = self.history.iter().map(|line| count(&line.text)).collect();
        let passages: Vec<u32> =
            (0..self.passages.len()).map(|i| count(&self.passage(i))).collect();
        let fixed = count(&self.system) + count(self.question) + count(SIGNALS) + count(RULES);
        let total = |fit: &Fit| {
            fixed
                + lines[fit.dropped_history..].iter().sum::<u32>()
                + passages[..fit.passages].iter().sum::<u32>()
        };
        while total(&fit) > fit.budget && fit.drop_one(lines.len()) {}
        fit.tokens = total(&fit);
        fit
    }

    fn bytes(&self) -> usize {
        let history: usize = self.history.iter().map(|line| line.text.len() + 16).sum();
        let passages: usize = self
            .passages
            .iter()
            .map(|passage| {
                let chunk = &passage.chunk;
                let above = chunk.title.len() + chunk.heading.len() + chunk.place.len();
                above + chunk.body.len() + 64
            })
            .sum();
        let added = SIGNALS.len() + RULES.len() + 64;
        self.system.len() + self.question.len() + added + history + passages
    }

    fn passage(&self, index: usize) -> String {
        let chunk = &self.passages[index].chunk;
        let (title, heading) =
            (one_line(&chunk.title, MAX_TITLE_LEN), one_line(&chunk.heading, MAX_TITLE_LEN));
        let heading = if heading.is_empty() || heading == title {
            String::new()
        } else {
            format!(" > {heading}")
        };
        let (mark, page) = (index + 1, one_line(&chunk.page(), MAX_TITLE_LEN));
        let page = if page.is_empty() { page } else { format!(" {page}") };
        format!("[{mark}] {title}{heading}{page}\n{}\n\n", chunk.body)
    }

    fn messages(&self, fit: &Fit) -> Vec<ChatMessage> {
        let mut system = self.system.trim_end().to_owned();
        system.push_str(SIGNALS);
        system.push_str(if fit.passages == 0 { NO_PASSAGES } else { RULES });
        for index in 0..fit.passages {
            system.push_str(&self.passage(index));
        }
        let system = ChatMessage { role: Role::System, content: system.trim_end().to_owned() };
        let history = self.history[fit.dropped_history..].iter().map(|line| ChatMessage {
            role: if line.speaker == Speaker::Customer { Role::User } else { Role::Assistant },
            content: line.text.clone(),
        });
        let question = ChatMessage { role: Role::User, content: self.question.to_owned() };
        std::iter::once(system).chain(history).chain(std::iter::once(question)).collect()
    }
}

impl Fit {
    /// Drops one more item: history down to two lines, then passages down to one, then the rest.
    fn drop_one(&mut self, lines: usize) -> bool {
        if lines - self.dropped_history > 2 {
            self.dropped_history += 1;
        } else if self.passages > 1 {
            self.passages -= 1;
        } else if lines > self.dropped_history {
            self.dropped_history += 1;
        } else if self.passages > 0 {
            self.passages -= 1;
        } else {
            return false;
        }
        true
    }
}

fn explain(error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!("line {line} of the prompt: "));
    if let Some(excess) = excess(error) {
        return format!("{line}{excess}");
    }
    let known = "known variables: agent, contact, language, today, time";
    format!(
        "{line}{}; {known}",
        error
            .detail()
            .map_or_else(|| error.kind().to_string(), |d| format!("{}: {d}", error.kind()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Chunk, ChunkId, CollectionId, DocumentId, Scores};

    fn passage(words: usize) -> Passage {
        let chunk = Chunk {
            id: ChunkId::generate(),
            document: DocumentId::generate(),
            collection: CollectionId::generate(),
            source: "a.md".into(),
            title: "A".into(),
            heading: String::new(),
            body: "word ".repeat(words),
            tokens: u32::try_from(words).unwrap_or_default(),
            place: String::new(),
        };
        Passage { chunk: Arc::new(chunk), scores: Scores::default() }
    }

    fn line(words: usize) -> Line {
        Line { speaker: Speaker::Customer, text: "word ".repeat(words) }
    }

    fn fit(tokens: u32, history: &[Line], passages: &[Passage]) -> (Fit, Vec<ChatMessage>) {
        let parts = Parts { system: "Be kind.".into(), history, passages, question: "When?" };
        // The tests give the room beside the fixed text on marks.
        let tokens = tokens + Vocabulary::O200k.count(SIGNALS) + MESSAGE_OVERHEAD;
        let fit = parts.fit(Some(Window { tokens, price: None }), 100, Vocabulary::O200k);
        let messages = parts.messages(&fit);
        (fit, messages)
    }

    #[test]
    fn what_fits_is_left_alone_and_not_even_counted() {
        let (fit, messages) = fit(100_000, &[line(10), line(10)], &[passage(10)]);
        assert_eq!((fit.dropped_history, fit.passages, fit.tokens), (0, 1, 0));
        assert_eq!(messages.len(), 4);
        assert!(messages[0].content.contains("[1] A\nword"));
    }

    #[test]
    fn history_goes_first_and_its_oldest_lines_first() {
        let history: Vec<_> = (1..=6).map(|n| line(100 * n)).collect();
        let (fit, messages) = fit(1_800, &history, &[passage(200)]);
        assert_eq!((fit.dropped_history, fit.passages), (4, 1));
        assert!(fit.tokens <= fit.budget && fit.tokens > 0);
        assert!(messages[1].content.len() > messages[0].content.len());
    }

    #[test]
    fn then_the_lowest_passages_and_never_the_question() {
        let passages: Vec<_> = (0..5).map(|_| passage(200)).collect();
        let (two, _) = fit(700, &[], &passages);
        assert_eq!(two.passages, 2);
        let (none, messages) = fit(170, &[line(50)], &passages);
        assert_eq!((none.passages, none.dropped_history), (0, 1));
        assert_eq!(messages.last().map(|m| m.content.as_str()), Some("When?"));
        assert!(messages[0].content.contains("No passage"));
    }

    #[test]
    fn a_template_says_where_it_is_wrong() {
        let error = Template::parse("Hello\n{{ toady }}").err().unwrap_or_default();
        assert!(error.contains("line 2") && error.contains("today"), "{error}");
        let error = Template::parse("{% if %}").err().unwrap_or_default();
        assert!(error.contains("line 1"), "{error}");
        assert!(Template::parse("{{ agent }} {{ today }} {{ time }} {{ contact }}").is_ok());
    }
}
