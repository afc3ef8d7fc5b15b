//! An agent ready for the pipeline: hand-off rules compiled, prompt parsed. Answers nothing itself.

use std::sync::Arc;

use super::{escalate, prompt};
use crate::domain::{Agent, TurnReason};

/// An agent ready to answer.
pub struct Bot {
    /// The agent with its settings.
    pub agent: Arc<Agent>,
    pub(super) rules: escalate::Rules,
    pub(super) template: prompt::Template,
}

impl Bot {
    /// Prepares an agent. The error names the invalid pattern or the problem of the template.
    pub fn new(agent: Agent) -> Result<Self, String> {
        let rules = escalate::Rules::compile(&agent.handoff)?;
        let template = prompt::Template::parse(&agent.prompt)?;
        Ok(Self { agent: agent.into(), rules, template })
    }

    /// Returns the reason for a hand-off if a rule matches this text.
    pub fn handoff_reason(&self, text: &str) -> Option<TurnReason> {
        self.rules.decide(text)
    }

    /// Number of hand-off rules; empty ones are not counted.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// Returns the names of the template variables that the prompt uses.
    pub fn variables(&self) -> Vec<String> {
        self.template.variables()
    }
}
