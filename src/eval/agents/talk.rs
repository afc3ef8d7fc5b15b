//! A conversation with an agent: each turn runs through the pipeline with the history so far. As in
//! production, the bot is silent after a hand-off and towards customers who opted out.

use std::sync::Arc;

use frontdesk_promptfoo::chat::{self, ChatMessage};
use frontdesk_promptfoo::result::SeenTurn;
use serde_json::Value;

use super::said;
use crate::domain::time::Millis;
use crate::domain::{
    Content, Line, Outcome, Owner, Role, Speaker, Turn, TurnOutcome, WaitingMessage,
};
use crate::eval::seen::{self, ConsentChange};
use crate::pipeline::inbound::consent_request;
use crate::pipeline::outbound::{bubbles, history};
use crate::pipeline::{AttachedFiles, Bot, BudgetTier, Engine, TurnContext, TurnResult};
use crate::provider::Abilities;

pub(super) struct Talk<'a> {
    engine: &'a Engine,
    bot: Arc<Bot>,
    now: Millis,
    history: Vec<Line>,
    silent: Option<Silence>,
    pub(super) turns: Vec<SeenTurn>,
}

/// Why the bot no longer answers.
#[derive(Clone, Copy)]
enum Silence {
    OptedOut,
    HandedOver,
}

impl Silence {
    /// The reason as text.
    fn why(self) -> &'static str {
        match self {
            Self::OptedOut => "the customer wants no messages",
            Self::HandedOver => "a person has the conversation",
        }
    }
}

impl<'a> Talk<'a> {
    pub(super) fn new(engine: &'a Engine, bot: Arc<Bot>, now: Millis) -> Self {
        Self { engine, bot, now, history: Vec::new(), silent: None, turns: Vec::new() }
    }

    /// Adds `[{customer: text}, {bot: text}, …]` to the history.
    pub(super) fn remember(
        &mut self,
        history: &Value,
        render: impl Fn(&str) -> Result<String, String>,
    ) -> Result<(), String> {
        for line in history.as_array().unwrap_or(&Vec::new()) {
            let said = Speaker::ALL
                .iter()
                .find_map(|speaker| Some((*speaker, line.get(speaker.as_str())?.as_str()?)));
            let (speaker, text) = said.ok_or_else(|| {
                format!("`history` has {line}; it wants `customer: …`, `bot: …` or `person: …`")
            })?;
            self.history.push(Line::new(speaker, render(text)?));
        }
        Ok(())
    }

    /// Sends a rendered prompt: a text, or chat messages as JSON, of which the last user message is
    /// sent and the earlier ones are history.
    pub(super) async fn prompt(&mut self, prompt: &str) -> Result<(), String> {
        let messages = match serde_json::from_str(prompt) {
            Ok(Value::Array(messages)) if messages.iter().all(|one| one.get("role").is_some()) => {
                messages
            }
            _ => {
                self.say(said::text(prompt)).await;
                return Ok(());
            }
        };
        let last = messages.iter().rposition(|one| one["role"] == Role::User.as_str());
        let last = last.ok_or("the prompt has no message of the user")?;
        let text = |one: &Value| one["content"].as_str().unwrap_or_default().to_owned();
        for one in &messages[..last] {
            let speaker = match one["role"].as_str().and_then(|role| role.parse().ok()) {
                Some(Role::User) => Speaker::Customer,
                Some(Role::Assistant) => Speaker::Bot,
                // The agent uses its own system prompt.
                Some(Role::System) | None => continue,
            };
            self.history.push(Line::new(speaker, text(one)));
        }
        self.say(said::text(&text(&messages[last]))).await;
        Ok(())
    }

    /// Runs one turn for a burst of messages.
    pub(super) async fn say(&mut self, messages: Vec<WaitingMessage>) {
        let contents = || messages.iter().map(|message| &message.content);
        let wish = contents().find_map(|content| consent_request(content, &self.bot.agent));
        let words: Vec<_> = contents().map(words).collect();
        if let Some(wish) = wish {
            self.silent = wish.out.then_some(Silence::OptedOut);
            let change = if wish.out { ConsentChange::OptOut } else { ConsentChange::OptIn };
            let bubbles: Vec<String> = wish.reply.into_iter().collect();
            let turn = seen::consent(change, self.owner());
            let sent = bubbles.iter().map(|text| Line::new(Speaker::Bot, text)).collect();
            self.seen(words, sent, SeenTurn { bubbles, ..turn });
            return;
        }
        if let Some(silence) = self.silent {
            let reason = Some(silence.why().to_owned());
            let turn = seen::turn(TurnOutcome::Silence, self.owner());
            self.seen(words, Vec::new(), SeenTurn { reason, ..turn });
            return;
        }
        let skip = self.history.len().saturating_sub(self.bot.agent.history);
        let turn = Turn {
            conversation: None,
            agent: self.bot.agent.clone(),
            contact: None,
            messages,
            history: self.history[skip..].to_vec(),
            now: self.now,
        };
        let (files, abilities) = (&AttachedFiles, &Abilities::WHATSAPP);
        let around = TurnContext { files, hear: None, tier: BudgetTier::Full, abilities };
        let answered = self.engine.answer(&self.bot, &turn, around).await;
        self.answered(words, &answered);
    }

    fn answered(&mut self, words: Vec<String>, answered: &TurnResult) {
        if matches!(answered.outcome, Outcome::HandOver { .. }) {
            self.silent = Some(Silence::HandedOver);
        }
        let mut seen = SeenTurn {
            bubbles: bubbles(&self.bot, &answered.outcome),
            ..seen::turn(answered.outcome.kind(), self.owner())
        };
        match &answered.outcome {
            Outcome::HandOver { reason, .. } => {
                seen.reason = Some(reason.to_string());
                seen.notified.clone_from(&self.bot.agent.handoff.notify);
            }
            Outcome::Reply(reply) => {
                let name = |cited: &crate::domain::Citation| match cited.place.as_str() {
                    "" => cited.source.clone(),
                    place => format!("{}, {place}", cited.source),
                };
                seen.citations = reply.citations.iter().map(name).collect();
            }
            Outcome::Silence { why } => seen.reason = Some(why.clone()),
        }
        let heard = answered.trace.transcribe.as_ref().map(|heard| heard.question.clone());
        let words = match heard.filter(|heard| !heard.is_empty() && words.len() == 1) {
            Some(heard) => vec![heard],
            None => words,
        };
        seen.trace = serde_json::to_value(&answered.trace).unwrap_or_default();
        self.seen(words, history(&self.bot, answered), seen);
    }

    /// Adds a turn, with what was sent as later turns see it.
    fn seen(&mut self, said: Vec<String>, sent: Vec<Line>, turn: SeenTurn) {
        self.history.extend(said.iter().map(|text| Line::new(Speaker::Customer, text)));
        self.history.extend(sent);
        self.turns.push(SeenTurn { said, ..turn });
    }

    /// Current owner of the conversation.
    fn owner(&self) -> Owner {
        match self.silent {
            Some(Silence::HandedOver) => Owner::Person,
            Some(Silence::OptedOut) | None => Owner::Bot,
        }
    }

    /// Returns whether the bot has stopped answering.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.is_some()
    }

    /// Returns the conversation so far, for a simulated customer.
    pub(super) fn chat(&self) -> Vec<ChatMessage> {
        let message = |line: &Line| {
            let role = match line.speaker {
                Speaker::Customer => chat::Role::User,
                Speaker::Bot | Speaker::Person => chat::Role::Assistant,
            };
            ChatMessage { role, content: line.text.clone() }
        };
        self.history.iter().map(message).collect()
    }
}

/// Returns a message as text for reports.
fn words(content: &Content) -> String {
    content.words().map_or_else(|| format!("({})", content.kind()), ToOwned::to_owned)
}
