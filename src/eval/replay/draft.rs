//! Replays recorded turns with a change: a draft, another model, or the current documents.

use std::sync::Arc;

use serde::Serialize;

use super::{RecordedTurn, said};
use crate::domain::trace::Trace;
use crate::domain::{Agent, TurnOutcome};
use crate::pipeline::outbound::bubbles;
use crate::pipeline::{Bot, Engine, TurnContext};
use crate::provider::Abilities;

/// A change to try.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Prompt file that replaces the version that answered; `None` for no change.
    pub prompt: Option<String>,
    /// Model that replaces the agent's; `None` for no change.
    pub model: Option<String>,
    /// Whether to reuse the recorded passages instead of searching the current documents. Those are
    /// searched all the same for a turn that searched nothing.
    pub passages: bool,
}

/// A change prepared for an agent.
pub struct Draft {
    bot: Arc<Bot>,
    passages: bool,
}

impl Draft {
    /// Prepares a change. The error says what cannot be used.
    pub fn of(bot: &Arc<Bot>, change: &Change) -> Result<Self, String> {
        let bot = match &change.model {
            None => bot.clone(),
            Some(model) => {
                let agent = Agent { model: model.clone(), ..(*bot.agent).clone() };
                Arc::new(Bot::new(agent)?)
            }
        };
        Ok(Self { bot, passages: change.passages })
    }

    /// Answers a recorded turn with the change and returns it beside the recorded answer.
    pub async fn try_on(&self, engine: &Engine, recorded: &RecordedTurn) -> Sides {
        let tape = &recorded.tape;
        let engine = if self.passages { tape.with_recorded_lookup(engine) } else { engine.clone() };
        let audio = tape.audio();
        let (files, abilities) = (&audio, &Abilities::WHATSAPP);
        let around = TurnContext { files, hear: None, tier: tape.tier, abilities };
        let answered = engine.answer(&self.bot, &tape.turn(&self.bot.agent), around).await;
        let (outcome, sent) = (answered.outcome.kind(), bubbles(&self.bot, &answered.outcome));
        let now = Side {
            outcome,
            text: said(&sent, outcome),
            bubbles: sent,
            cost_micros: answered.trace.usage.cost_micros,
            took_ms: answered.trace.total_ms,
            trace: answered.trace,
        };
        let then = Side {
            outcome: recorded.outcome,
            text: said(&tape.bubbles, recorded.outcome),
            bubbles: tape.bubbles.clone(),
            cost_micros: u64::try_from(recorded.row.cost_micros).unwrap_or(0),
            took_ms: recorded.trace.total_ms,
            trace: recorded.trace.clone(),
        };
        Sides { turn: recorded.row.id.clone(), question: recorded.question(), then, now }
    }
}

/// The recorded and the new answer of a turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sides {
    /// Id of the turn.
    pub turn: String,
    /// The customer's message.
    pub question: String,
    /// The recorded answer.
    pub then: Side,
    /// The new answer.
    pub now: Side,
}

impl Sides {
    /// Returns whether the customer would get the same.
    pub fn same(&self) -> bool {
        self.then.outcome == self.now.outcome && self.then.text == self.now.text
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Outcome of the turn.
    pub outcome: TurnOutcome,
    /// The messages to the customer, joined.
    pub text: String,
    /// The messages to the customer.
    pub bubbles: Vec<String>,
    /// Cost in millionths of a dollar.
    pub cost_micros: u64,
    /// Duration in milliseconds.
    pub took_ms: f64,
    /// Trace of the turn.
    pub trace: Trace,
}
