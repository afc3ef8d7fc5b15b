//! What a change would have answered: recorded turns with a draft, another model or the documents as they are now.

use std::sync::Arc;

use serde::Serialize;

use super::{RecordedTurn, said};
use crate::domain::trace::Trace;
use crate::domain::{Agent, TurnOutcome};
use crate::pipeline::outbound::bubbles;
use crate::pipeline::{Bot, Engine, TurnContext};

/// What is to be tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// A prompt file in place of the version that answered.
    pub prompt: Option<String>,
    /// A model in place of the agent's.
    pub model: Option<String>,
    /// Keep the passages that were found then; without it the documents are searched as they are now.
    pub passages: bool,
}

/// A change made ready for an agent.
pub struct Draft {
    bot: Arc<Bot>,
    passages: bool,
}

impl Draft {
    /// A draft that answers in place of what was live. The error names what cannot be used.
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

    /// What it answers to a recorded turn, beside what was answered then.
    pub async fn try_on(&self, engine: &Engine, recorded: &RecordedTurn) -> Sides {
        let tape = &recorded.tape;
        let engine = if self.passages { tape.find_again(engine) } else { engine.clone() };
        let audio = tape.audio();
        let around = TurnContext { audio: &audio, hear: None, tier: tape.tier };
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

/// What was answered, and what would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sides {
    /// The turn.
    pub turn: String,
    /// What the customer said.
    pub question: String,
    /// What was answered then.
    pub then: Side,
    /// What is answered now.
    pub now: Side,
}

impl Sides {
    /// Whether the customer would get the same.
    pub fn same(&self) -> bool {
        self.then.outcome == self.now.outcome && self.then.text == self.now.text
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// What became of the turn.
    pub outcome: TurnOutcome,
    /// What the customer gets, in one text.
    pub text: String,
    /// The same, one text a message.
    pub bubbles: Vec<String>,
    /// Millionths of a dollar.
    pub cost_micros: u64,
    /// Milliseconds.
    pub took_ms: f64,
    /// What each stage did.
    pub trace: Trace,
}
