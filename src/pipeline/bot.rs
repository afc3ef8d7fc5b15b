//! An agent as the pipeline uses it: its hand-off rules compiled, its prompt parsed. Answers nothing by itself.

use std::sync::Arc;
use std::time::Instant;

use super::engine::Run;
use super::timer::millis;
use super::{escalate, prompt, retrieve};
use crate::domain::trace::EscalateTrace;
use crate::domain::{Agent, Outcome, Question, Reason, Turn};

/// An agent made ready to answer: its rules compiled, its prompt parsed.
pub struct Bot {
    /// The agent.
    pub agent: Arc<Agent>,
    rules: escalate::Rules,
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

    /// What becomes of a turn whose prompt cannot be made: the failure sentence, and a person.
    pub(super) fn unusable(&self, problem: String, question: &Question) -> Outcome {
        let agent = &self.agent;
        tracing::error!(
            agent = agent.slug,
            problem,
            "the agent's prompt cannot be used, a person is called"
        );
        let (reply, question) = (agent.texts.failure.clone(), question.text.clone());
        Outcome::HandOver { reason: Reason::Prompt { problem }, reply, question }
    }

    pub(super) fn scene<'a>(
        &'a self,
        turn: &'a Turn,
        question: &'a Question,
    ) -> retrieve::Scene<'a> {
        retrieve::Scene { agent: &self.agent, history: &turn.history, question }
    }

    pub(super) fn escalate(&self, question: &Question, run: &mut Run) -> Option<Reason> {
        let started = Instant::now();
        let reason = self.rules.decide(&question.text);
        run.trace.escalate = Some(EscalateTrace {
            rules: self.rules.len(),
            matched: reason.as_ref().map(ToString::to_string),
            took_ms: millis(started),
        });
        reason
    }
}
