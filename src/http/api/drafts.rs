//! Agent drafts: checks a prompt file, tries its hand-off rules, and creates agents.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::Agent;
use super::length::{MAX_MESSAGE_BYTES, check_length};
use super::response::Answer;
use crate::desk::RESERVED_SLUG;
use crate::domain::{Action, AgentId, HandoffRule, HandoffRuleKind, TurnReason, What};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;
use crate::pipeline::{Bot, VARIABLES};
use crate::prompts::{self, PromptFile};
use crate::store::audit::{Actor, Entry};

/// A prompt file to check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftSource {
    /// Text of the prompt file.
    #[schema(max_length = 200_000)]
    source: String,
}

/// Result of checking a prompt file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DraftCheck)]
pub(super) struct Check {
    /// Whether it can be published.
    ok: bool,
    /// What is wrong; null if nothing is.
    error: Option<DraftError>,
    /// Known variables that the prompt uses.
    variables: Vec<String>,
    /// All variables that a prompt may use.
    known: Vec<Variable>,
    /// The settings, defaults included; null if the file cannot be parsed.
    settings: Option<DraftSettings>,
    /// Collections that it names and that do not exist yet. Publishing creates them, empty.
    new_collections: Vec<String>,
}

/// An error in a prompt file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DraftError {
    /// Line number, counted from 1.
    line: usize,
    /// What is wrong, and how to fix it.
    message: String,
}

/// A variable for prompts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PromptVariable)]
pub(super) struct Variable {
    /// Its name, used as in `{{ agent }}`.
    name: &'static str,
    /// What it stands for.
    about: &'static str,
}

/// Settings of a prompt file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DraftSettings {
    /// Display name of the bot.
    name: String,
    /// Model; empty for the configured one.
    model: String,
    /// Sampling temperature, 0 to 2.
    temperature: f32,
    /// Maximum length of an answer, in tokens.
    max_output_tokens: u32,
    /// Names of the collections.
    knowledge: Vec<String>,
    /// Number of passages given to the model.
    passages: usize,
    /// Number of earlier messages given to the model.
    history: usize,
    /// Languages that it may answer in; empty for any.
    languages: Vec<String>,
    /// The time zone.
    time_zone: String,
    /// Whether answers name their sources.
    sources: bool,
    /// Voice note settings.
    voice: VoiceSettings,
    /// Hand-off settings.
    handoff: HandoffSettings,
    /// Suite that a new version must pass; null without a gate.
    gate: Option<String>,
    /// Text sent if nothing is found, to customers whose language has none of its own.
    no_answer: String,
    /// Text sent after an error, as above.
    failure: String,
    /// Text sent in reply to a greeting, as above.
    greeting: String,
    /// Text sent in reply to content that the bot cannot read, as above.
    unreadable: String,
}

/// Voice note settings of a prompt file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VoiceSettings {
    /// Whether voice notes are transcribed.
    transcribe: bool,
    /// Language of voice notes; null to detect it.
    language: Option<String>,
    /// Names and terms of the business.
    vocabulary: Vec<String>,
}

/// Hand-off settings of a prompt file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoffSettings {
    /// Words that trigger a hand-off.
    keywords: Vec<String>,
    /// Regular expressions that trigger a hand-off.
    patterns: Vec<String>,
    /// Text that customers get whose language has none of its own.
    reply: String,
    /// Number of support contacts that are notified.
    notify: usize,
    /// Minutes until the bot takes over again; 0 for never.
    return_minutes: i64,
}

/// Checks a prompt file without publishing it. The agent need not exist: its name is the file's.
#[utoipa::path(post, path = "/agents/{agent}/check", operation_id = "check_draft", tag = "agents", params(("agent" = String, Path)),
    request_body = DraftSource, responses((status = 200, body = Check), (status = 422, response = Problem)))]
pub(super) async fn check(
    State(web): State<WebState>,
    Path(agent): Path<String>,
    Body(draft): Body<DraftSource>,
) -> Answer<Check> {
    let name = format!("{agent}.md");
    let known = VARIABLES.iter().map(|(name, about)| Variable { name, about }).collect();
    let there = web.desk.store.collections().await?;
    let parsed = prompts::parse(&name, &draft.source).and_then(|file| {
        // Collections that it names may be new, but it must not name an empty list.
        let slugs = there.iter().map(|row| &row.slug).chain(&file.knowledge);
        file.check_knowledge((&name, &draft.source), &slugs.cloned().collect())?;
        Ok(file)
    });
    let file = match parsed {
        Ok(file) => file,
        Err(wrong) => {
            let error = Some(DraftError { line: wrong.line, message: wrong.reason });
            let (variables, new_collections) = (Vec::new(), Vec::new());
            return Ok(Json(Check {
                ok: false,
                error,
                variables,
                known,
                settings: None,
                new_collections,
            }));
        }
    };
    let bot = file.bot(AgentId::stored(String::new()), None, Vec::new());
    let bot = bot.map_err(Problem::unprocessable)?;
    let is_new = |name: &&String| there.iter().all(|row| row.slug != **name);
    Ok(Json(Check {
        ok: true,
        error: None,
        variables: bot.variables(),
        known,
        new_collections: file.knowledge.iter().filter(is_new).cloned().collect(),
        settings: Some(settings(&file, &bot)),
    }))
}

fn settings(file: &PromptFile, bot: &Bot) -> DraftSettings {
    let agent = &*bot.agent;
    let (mut keywords, mut patterns) = (Vec::new(), Vec::new());
    for rule in &agent.handoff.rules {
        match rule {
            HandoffRule::Keyword(keyword) => keywords.push(keyword.clone()),
            HandoffRule::Pattern(pattern) => patterns.push(pattern.clone()),
        }
    }
    DraftSettings {
        name: agent.name.clone(),
        model: agent.model.clone(),
        temperature: agent.temperature,
        max_output_tokens: agent.max_output_tokens,
        knowledge: file.knowledge.clone(),
        passages: agent.passages,
        history: agent.history,
        languages: agent.languages.clone(),
        time_zone: agent.time_zone.clone(),
        sources: agent.sources,
        voice: VoiceSettings {
            transcribe: agent.voice.transcribe,
            language: agent.voice.language.clone(),
            vocabulary: agent.voice.vocabulary.clone(),
        },
        handoff: HandoffSettings {
            keywords,
            patterns,
            reply: agent.handoff.reply.default.clone(),
            notify: agent.handoff.notify.len(),
            return_minutes: agent.handoff.return_minutes,
        },
        gate: file.gate.as_ref().map(|gate| gate.suite.clone()),
        no_answer: agent.texts.no_answer.default.clone(),
        failure: agent.texts.failure.default.clone(),
        greeting: agent.texts.greeting.default.clone(),
        unreadable: agent.texts.unreadable.default.clone(),
    }
}

/// A sentence to try on the hand-off rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HandoffTry {
    /// A customer's message, at most 16,384 bytes.
    #[schema(max_length = 16384)]
    text: String,
    /// Text of a prompt file to use instead of the agent's live version.
    #[schema(max_length = 200_000)]
    source: Option<String>,
}

/// Whether a sentence triggers a hand-off.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoffVerdict {
    /// What matched, in words; null if the bot answers.
    matched: Option<String>,
    /// Kind of the rule that matched.
    kind: Option<HandoffRuleKind>,
    /// The rule as it is written in the prompt file.
    rule: Option<String>,
    /// Text that the customer would get.
    reply: Option<String>,
    /// Detected language of the sentence (ISO 639-1); null if unknown.
    language: Option<String>,
    /// Number of rules tried.
    rules: usize,
}

/// Tries a sentence on an agent's hand-off rules, as the pipeline does.
#[utoipa::path(post, path = "/agents/{agent}/handoff/try", operation_id = "try_handoff", tag = "agents", params(("agent" = String, Path)),
    request_body = HandoffTry,
    responses((status = 200, body = HandoffVerdict), (status = 404, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn try_handoff(
    State(web): State<WebState>,
    Path(agent): Path<String>,
    Body(wanted): Body<HandoffTry>,
) -> Answer<HandoffVerdict> {
    if wanted.text.trim().is_empty() {
        return Err(Problem::unprocessable("`text` is empty: write what a customer would."));
    }
    check_length("`text`", wanted.text.len(), MAX_MESSAGE_BYTES)?;
    let bot = match &wanted.source {
        None => web.desk.bots.named(&agent).ok_or_else(|| Problem::not_found("agent"))?,
        Some(source) => {
            let file = prompts::parse(&format!("{agent}.md"), source);
            let file = file.map_err(|wrong| Problem::unprocessable(wrong.to_string()))?;
            let bot = file.bot(AgentId::stored(String::new()), None, Vec::new());
            Arc::new(bot.map_err(Problem::unprocessable)?)
        }
    };
    let reason = bot.handoff_reason(&wanted.text);
    let (kind, rule) = match &reason {
        Some(TurnReason::Keyword { keyword }) => {
            (Some(HandoffRuleKind::Keyword), Some(keyword.clone()))
        }
        Some(TurnReason::Pattern { pattern }) => {
            (Some(HandoffRuleKind::Pattern), Some(pattern.clone()))
        }
        // They come from the conversation or the model, not from a rule.
        Some(
            TurnReason::PersonOffer {}
            | TurnReason::Model { .. }
            | TurnReason::Budget {}
            | TurnReason::Failure {}
            | TurnReason::Prompt { .. },
        )
        | None => (None, None),
    };
    let language = frontdesk_language::language(&wanted.text);
    let reply = &bot.agent.handoff.reply;
    Ok(Json(HandoffVerdict {
        kind,
        rule,
        reply: reason.as_ref().map(|_| reply.to(language).to_owned()),
        matched: reason.map(|reason| reason.to_string()),
        language: language.map(ToOwned::to_owned),
        rules: bot.rules(),
    }))
}

/// An agent to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgent {
    /// Short name: 1 to 60 lowercase letters, digits and hyphens.
    #[schema(max_length = 60)]
    slug: String,
    /// Text of the prompt file.
    #[schema(max_length = 200_000)]
    source: String,
}

/// Creates an agent, which can answer at once. Collections that it names and that do not exist are
/// created, empty.
#[utoipa::path(post, path = "/agents", operation_id = "create_agent", tag = "agents", request_body = NewAgent,
    responses((status = 201, body = Agent), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn create(
    State(web): State<WebState>,
    Extension(actor): Extension<Actor>,
    Body(new): Body<NewAgent>,
) -> Result<(StatusCode, Extension<Note>, Json<Agent>), Problem> {
    let NewAgent { slug, source } = new;
    short_name("slug", &slug)?;
    if slug == RESERVED_SLUG {
        return Err(Problem::unprocessable(format!(
            "`{RESERVED_SLUG}` cannot be an agent's name."
        )));
    }
    let taken = || {
        Problem::conflict(format!("There is an agent `{slug}` already: publish a version of it."))
    };
    if web.desk.store.agents().await?.iter().any(|row| row.slug == slug) {
        return Err(taken());
    }
    let removed = web.desk.store.removed_agents().await?;
    if removed.iter().any(|row| row.slug == slug && prompts::gate(&row.source).is_some()) {
        return Err(Problem::conflict(format!(
            "There was an agent `{slug}` with a gate: publish a version of it, which tries it and brings it back."
        )));
    }
    let file = prompts::parse(&format!("{slug}.md"), &source);
    let file = file.map_err(|wrong| Problem::unprocessable(wrong.to_string()))?;
    web.desk.check_knowledge((&slug, &source), &file).await?;
    web.desk.build_bot((&slug, &source), AgentId::stored(String::new()), None).await?;
    let entry = Entry::new(actor, Action::AgentCreated, slug.clone());
    let hash = prompts::hash(&source);
    // `None` if another request created an agent with this name meanwhile.
    let published =
        web.desk.store.publish_noted((&slug, &source, &hash), (None, ""), entry).await?;
    let published = published.ok_or_else(taken)?;
    let bot = web.desk.build_bot((&slug, &source), published.agent, Some(published.version)).await;
    web.desk.bots.put(bot.map_err(|error| Problem::unprocessable(error.to_string()))?);
    web.desk.announce(What::Agents).await;
    let rows = web.desk.store.agents().await?;
    let row = rows.into_iter().find(|row| row.slug == slug);
    let row = row.ok_or_else(|| Problem::not_found("agent"))?;
    Ok((StatusCode::CREATED, Note::written(), Json(row.into())))
}

/// Validates a name that is used in URLs, files and prompts.
pub(super) fn short_name(key: &str, name: &str) -> Result<(), Problem> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = name.starts_with('-') || name.ends_with('-');
    if name.is_empty() || name.len() > 60 || ends || !name.chars().all(plain) {
        return Err(Problem::unprocessable(format!(
            "`{key}` is 1 to 60 small letters (a to z), digits and hyphens, such as `bike-shop`."
        )));
    }
    Ok(())
}
