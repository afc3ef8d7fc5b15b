//! An agent as the pipeline uses it: its hand-off rules compiled, its prompt parsed. Answers nothing by itself.

use std::sync::Arc;

use super::{escalate, prompt};
use crate::domain::{Agent, Reason};

/// An agent made ready to answer: its rules compiled, its prompt parsed.
pub struct Bot {
    /// The agent.
    pub agent: Arc<Agent>,
    pub(super) rules: escalate::Rules,
    pub(super) template: prompt::Template,
}

impl Bot {
    /// Makes an agent ready. The error names what cannot be used: a pattern or the prompt's template.
    pub fn new(agent: Agent) -> Result<Self, String> {
        let rules = escalate::Rules::compile(&agent.handoff)?;
        let template = prompt::Template::parse(&agent.prompt)?;
        Ok(Self { agent: agent.into(), rules, template })
    }

    /// Why this text would go to a person: the rule that the pipeline would find.
    pub fn hand_over(&self, text: &str) -> Option<Reason> {
        self.rules.decide(text)
    }

    /// How many hand-off rules are tried.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The variables that its prompt uses, by name.
    pub fn variables(&self) -> Vec<String> {
        self.template.variables()
    }
}
