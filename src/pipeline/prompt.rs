//! Stage 5: composes the prompt from agent, history, question and passages within a token budget.
//! Pure: calls no model.
//!
//! Drops what does not fit: history oldest first, passages lowest score first, the question never.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Datelike as _, Utc};
use frontdesk_template::{BoundedEnvironment, Limits, excess};
use frontdesk_tokens::Vocabulary;
use minijinja::{ErrorKind, UndefinedBehavior, context};

use self::layout::{Parts, Pieces, offers};
use super::bounds::cut_quote;
use super::document_files::DocumentFile;
use super::framing::{FILE, PromptLayout, QUOTED, REFERRAL, neutralised, without_sources_line};
use super::retrieve::RetrievalResult;
use super::timer::millis;
use crate::domain::label::quoted_name;
use crate::domain::trace::PromptTrace;
use crate::domain::{
    Agent, Content, FileText, Passage, Picture, PictureIdentity, Prompt, Question, Turn,
};
use crate::llm::Model;
use crate::text_cache::TextCache;

mod layout;

/// Tokens reserved for the start of the answer and for vendors that count a little differently.
const RESERVE: u32 = 64;

/// Variables of a system prompt: name and description.
pub const VARIABLES: &[(&str, &str)] = &[
    ("agent", "the bot's name"),
    ("contact", "the customer's name; empty where it is not known"),
    ("language", "the language of the question, such as es; empty where it cannot be told"),
    ("today", "the day, such as Monday, 2 March 2026, in the agent's time zone"),
    ("time", "the time, such as 09:30, in the agent's time zone"),
    (
        "message",
        "the kind of the customer's last message, such as text, voice, image, location, form or order",
    ),
    ("fields", "the values of a form, place, basket or card by name, as in {% if fields.date %}"),
    (
        "referral",
        "the headline and text of the advertisement that the customer wrote from; empty if none",
    ),
];

/// Limits on rendering a system prompt. At most it takes about 10 ms, so it needs no own thread.
const LIMITS: Limits =
    Limits { source: 256 * 1024, output: 512 * 1024, steps: 50_000, work: 500_000 };

/// Maximum length of all that the customer's messages refer to, in characters.
const MAX_QUOTES_LEN: usize = 4000;

/// How a day and a time are written.
const DAY: &str = "%A, %-d %B %Y";
const TIME: &str = "%H:%M";

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
        let facts = Facts { zone: "UTC", ..Facts::default() };
        let unknown = |error| template.unknown(source, &error).unwrap_or_else(|| explain(&error));
        template.render(&facts).map_err(unknown)?;
        Ok(template)
    }

    /// Names the unknown variables in the line of an error; `None` if that is not what is wrong.
    fn unknown(&self, source: &str, error: &minijinja::Error) -> Option<String> {
        let line = error.line().filter(|_| error.kind() == ErrorKind::UndefinedError)?;
        let text = source.lines().nth(line.checked_sub(1)?)?;
        let is_known = |name: &str| VARIABLES.iter().any(|(known, _)| *known == name);
        let used = self.bounded.undeclared(source).ok()?.into_iter();
        let mut names: Vec<String> =
            used.filter(|name| !is_known(name) && text.contains(name.as_str())).collect();
        names.sort();
        let names = (!names.is_empty()).then(|| names.join("`, `"))?;
        Some(format!("line {line} of the prompt: `{names}` is no variable; {}", known_variables()))
    }

    /// Returns the names of the variables that it uses.
    pub(super) fn variables(&self) -> Vec<String> {
        let known: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
        self.bounded.names(NAME, &known)
    }

    fn render(&self, facts: &Facts<'_>) -> Result<String, minijinja::Error> {
        let local = facts.local();
        let context = context! {
            agent => facts.agent,
            contact => quoted_name(facts.contact.unwrap_or_default()),
            language => facts.language.unwrap_or_default(),
            today => local.format(DAY).to_string(),
            time => local.format(TIME).to_string(),
            message => facts.message,
            fields => &facts.fields,
            referral => &facts.referral,
        };
        self.bounded.render(NAME, context)
    }
}

/// Values of the variables.
#[derive(Default)]
struct Facts<'a> {
    agent: &'a str,
    contact: Option<&'a str>,
    language: Option<&'a str>,
    now: i64,
    zone: &'a str,
    message: &'static str,
    fields: BTreeMap<String, String>,
    referral: String,
}

impl<'a> Facts<'a> {
    fn of(input: &Input<'a>) -> Self {
        Self {
            agent: &input.agent.name,
            contact: input.turn.contact.as_deref(),
            language: input.question.language.as_deref(),
            now: input.turn.now,
            zone: &input.agent.time_zone,
            ..Self::default()
        }
    }

    /// With what the turn's messages say, for templates.
    fn with_messages(input: &Input<'a>) -> Self {
        let contents = || input.turn.messages.iter().map(|said| &said.content);
        let referral = input.turn.messages.iter().find_map(|said| said.referral.as_ref());
        Self {
            message: contents().next_back().map_or("", |content| content.kind().as_str()),
            fields: contents().flat_map(Content::fields).map(harmless).collect(),
            referral: referral.map(|it| neutralised(&it.text())).unwrap_or_default(),
            ..Self::of(input)
        }
    }

    fn local(&self) -> DateTime<chrono_tz::Tz> {
        let moment = DateTime::<Utc>::from_timestamp_millis(self.now).unwrap_or_default();
        let zone: chrono_tz::Tz = self.zone.parse().unwrap_or(chrono_tz::UTC);
        moment.with_timezone(&zone)
    }

    /// Returns the weekday, 0 for Monday.
    fn weekday(&self) -> u8 {
        u8::try_from(self.local().weekday().num_days_from_monday()).unwrap_or_default()
    }

    /// Returns date, time and zone in words.
    fn moment(&self) -> String {
        let local = self.local();
        format!("{}, {} ({})", local.format(DAY), local.format(TIME), local.timezone().name())
    }
}

/// Returns a value that a customer wrote without what could be read as a mark of the prompt.
fn harmless((name, value): (String, String)) -> (String, String) {
    (name, neutralised(&value))
}

/// Input of a prompt.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) template: &'a Template,
    pub(super) agent: &'a Agent,
    pub(super) turn: &'a Turn,
    pub(super) question: &'a Question,
    pub(super) found: &'a RetrievalResult,
    /// The files that the model may send.
    pub(super) files: &'a [DocumentFile],
    pub(super) layout: PromptLayout,
    /// The tokens of texts.
    pub(super) tokens: &'a TokenCounts,
}

impl<'a> Input<'a> {
    /// The passages that the model is shown: none if they have nothing to do with the question.
    fn passages(&self) -> &'a [Passage] {
        let found = self.found;
        let none = self.layout == PromptLayout::Fenced && found.confidence <= 0.0;
        if none { &[] } else { &found.passages }
    }
}

/// Bytes of all token counts that are kept: those of some 10,000 texts.
const MAX_COUNTS_BYTES: usize = 1 << 20;

/// The tokens of texts, each counted once: instructions, passages and earlier messages come again.
pub(super) struct TokenCounts {
    counts: TextCache<u32>,
}

impl Default for TokenCounts {
    fn default() -> Self {
        Self { counts: TextCache::new(MAX_COUNTS_BYTES, 4) }
    }
}

impl TokenCounts {
    fn of(&self, text: &str, vocabulary: Vocabulary) -> u32 {
        self.counts.get_or_compute((text, vocabulary as u64), |_| 4, || vocabulary.count(text))
    }
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
    let passages = input.passages();
    let parts = Parts {
        system: system(input)?,
        offers: offers(agent),
        files: input.files,
        history: &input.turn.history,
        passages,
        before: before(input.turn, &input.question.files),
        now: Facts::of(input).moment(),
        question: input.question,
    };
    let pictures = picture_tokens(&input.question.pictures, PICTURE_TOKENS);
    // Of this model OpenAI counts as many more as its tokens are cheaper.
    let counted = if named.contains("gpt-4o-mini") { MINI_PICTURE_TOKENS } else { PICTURE_TOKENS };
    let billed = picture_tokens(&input.question.pictures, counted);
    let reserve = agent.max_output_tokens + RESERVE + pictures;
    let budget = window.map(|window| window.tokens.saturating_sub(reserve));
    let pieces = Pieces::of(input.layout, &parts);
    let fit = pieces.fit(budget, |text| input.tokens.of(text, Vocabulary::of(named)));
    let prompt = Prompt {
        model: named.to_owned(),
        temperature: agent.temperature,
        max_output_tokens: agent.max_output_tokens,
        messages: pieces.messages(&fit),
        question: input.found.standalone.as_ref().unwrap_or(&input.question.text).clone(),
        passages: Arc::from(&passages[..fit.passages]),
        confidence: input.found.confidence,
        min_confidence: agent.min_confidence.unwrap_or_else(|| model.min_confidence()),
        weekday: Some(Facts::of(input).weekday()),
        tokens: if window.is_some() { fit.tokens + billed } else { fit.tokens },
        pictures: input.question.pictures.clone(),
    };
    let trace = PromptTrace {
        messages: prompt.messages.clone(),
        tokens: fit.tokens,
        budget: fit.budget,
        dropped_history: fit.dropped_history,
        dropped_passages: passages.len() - fit.passages,
        took_ms: millis(started),
    };
    Ok((prompt, trace))
}

/// Renders the agent's prompt without anything of the customer's, who vouches for nothing; empty if
/// that fails.
pub(super) fn nameless(input: &Input<'_>) -> String {
    let facts = Facts { contact: None, ..Facts::of(input) };
    input.template.render(&facts).unwrap_or_default()
}

/// Returns what the customer's messages refer to, each text once, with a line that says so: the
/// first ones that fit.
fn before(turn: &Turn, files: &[FileText]) -> Vec<(&'static str, String)> {
    let quoted = turn.messages.iter().filter_map(|message| message.quoted.as_deref());
    let quoted = quoted.map(|text| (QUOTED, cut_quote(without_sources_line(text))));
    let referrals = turn.messages.iter().filter_map(|message| message.referral.as_ref());
    let referrals = referrals.map(|referral| (REFERRAL, cut_quote(&referral.text())));
    let (mut seen, mut length) = (HashSet::new(), 0);
    let texts = referrals.chain(quoted).filter(|(_, text)| !text.trim().is_empty());
    let texts = texts.filter(|text| seen.insert(text.clone()));
    let files = files.iter().map(|file| (FILE, format!("{}\n\n{}", file.name, file.text)));
    texts
        .take_while(|(_, text)| {
            length += text.chars().count();
            length <= MAX_QUOTES_LEN
        })
        .chain(files)
        .collect()
}

/// Tokens of a picture, and of each of its squares of 512 pixels (OpenAI's guide to vision).
const PICTURE_TOKENS: (u32, u32) = (85, 170);
/// The same for gpt-4o-mini.
const MINI_PICTURE_TOKENS: (u32, u32) = (2833, 5667);
/// Length to which OpenAI scales the shorter side of a larger picture, in pixels.
const SHORTER_SIDE: u32 = 768;

/// Returns the tokens of pictures, about.
fn picture_tokens(pictures: &[Picture], (base, square): (u32, u32)) -> u32 {
    let tokens = |picture: &Picture| {
        let PictureIdentity { width, height, .. } = picture.identity;
        let shorter = width.min(height).max(1);
        let scaled = |side: u32| match shorter {
            0..=SHORTER_SIDE => side,
            _ => side.saturating_mul(SHORTER_SIDE) / shorter,
        };
        base + square * scaled(width).div_ceil(512).min(4) * scaled(height).div_ceil(512).min(4)
    };
    pictures.iter().map(tokens).sum()
}

fn system(input: &Input<'_>) -> Result<String, String> {
    match input.template.render(&Facts::with_messages(input)) {
        Err(error) if excess(&error).is_some() => Err(explain(&error)),
        // Parsing rendered it once; if these values break it, the source still instructs the model.
        rendered => Ok(rendered.unwrap_or_else(|_| input.agent.prompt.clone())),
    }
}

fn explain(error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!("line {line} of the prompt: "));
    if let Some(excess) = excess(error) {
        return format!("{line}{excess}");
    }
    format!(
        "{line}{}; {}",
        error
            .detail()
            .map_or_else(|| error.kind().to_string(), |d| format!("{}: {d}", error.kind())),
        known_variables()
    )
}

fn known_variables() -> String {
    let names: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
    format!("known variables: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WaitingMessage;

    #[test]
    fn a_template_says_where_it_is_wrong() {
        let error = Template::parse("Hello\n{{ toady }}").err().unwrap_or_default();
        assert!(error.starts_with("line 2 of the prompt: `toady` is no variable"), "{error}");
        assert!(error.contains("today"), "{error}");
        let error = Template::parse("{% if %}").err().unwrap_or_default();
        assert!(error.contains("line 1"), "{error}");
        assert!(Template::parse("{{ agent }} {{ today }} {{ time }} {{ contact }}").is_ok());
    }

    #[test]
    fn what_messages_refer_to_is_shown_once_and_bounded() {
        let prompt = crate::prompts::parse("acme.md", "---\nname: Acme\n---\nHello.\n");
        let bot = prompt.expect("good").bot(crate::domain::AgentId::generate(), None, Vec::new());
        let said = |text: &str| WaitingMessage {
            quoted: Some(text.to_owned()),
            ..WaitingMessage::of(Content::Text { body: "And this?".into() })
        };
        let turn = |quotes: Vec<String>| Turn {
            conversation: None,
            agent: bot.as_ref().expect("ready").agent.clone(),
            contact: None,
            messages: quotes.iter().map(|text| said(text)).collect(),
            history: Vec::new(),
            now: 0,
        };
        let once = before(&turn(["a", "b", "a"].map(ToOwned::to_owned).into()), &[]);
        assert_eq!(once, [(QUOTED, "a".to_owned()), (QUOTED, "b".to_owned())]);
        let long = (0..50).map(|n| format!("{n} {}", "x".repeat(16_000))).collect();
        let lengths: Vec<usize> =
            before(&turn(long), &[]).iter().map(|(_, text)| text.len()).collect();
        assert_eq!(lengths, [1000; 4]);
    }
}
