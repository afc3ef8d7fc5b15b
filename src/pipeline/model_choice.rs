//! Between stages 4 and 6: chooses the best model within budget, with its prompt, or the fallback
//! that needs no model.

use std::time::Duration;

use super::budget::{self, BudgetTier, estimate};
use super::prompt;
use super::retrieve::{self, Rewriter};
use crate::domain::trace::PromptTrace;
use crate::domain::{Agent, Prompt, Reply, ReplyKind};
use crate::llm::{self, Model};

/// The models that may answer, and the limits on their cost.
#[derive(Clone, Copy)]
pub(super) struct Models<'a> {
    pub(super) model: &'a dyn Model,
    /// Answers when no budget is left for a model.
    pub(super) spare: &'a dyn Model,
    pub(super) budget: &'a budget::Settings,
    pub(super) retrieve: &'a retrieve::Settings,
}

/// The chosen model and its prompt.
pub(super) struct ModelChoice<'a> {
    pub(super) model: &'a dyn Model,
    pub(super) prompt: Prompt,
    /// The agent's prompt, rendered without the customer's name.
    pub(super) nameless: String,
    /// The budget limit that ruled out the agent's own model, if any.
    limit: Option<Limit>,
}

/// A budget limit that decided the choice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// A cheaper model is called.
    Near,
    /// No model is called.
    Reached,
}

impl<'a> Models<'a> {
    /// Whether a model may rewrite the question.
    pub(super) fn may_rewrite(self, agent: &Agent) -> bool {
        self.retrieve.rewrite_ms > 0 && self.model.kind(self.own(agent)).generates()
    }

    /// Returns how the agent's model answers.
    pub(super) fn kind(self, agent: &Agent) -> llm::ModelKind {
        self.model.kind(self.own(agent))
    }

    /// How many passages are retrieved: quoting chooses among more than a prompt holds.
    pub(super) fn passages(self, agent: &Agent) -> usize {
        let generates = self.model.kind(self.own(agent)).generates();
        if generates { agent.passages } else { agent.passages.max(llm::PASSAGES_QUOTED_FROM) }
    }

    /// Returns the query rewriter; `None` if there is no budget for it.
    pub(super) fn rewriter(self, agent: &'a Agent, tier: BudgetTier) -> Option<Rewriter<'a>> {
        let cheapest = self.budget.models(self.own(agent), tier).pop()?;
        let wanted = self.retrieve.rewrite_model.as_str();
        let named = if wanted.is_empty() { cheapest } else { wanted };
        let limit = Duration::from_millis(self.retrieve.rewrite_ms);
        Some(Rewriter { model: self.model, named, limit, budget: self.budget })
    }

    /// Chooses the model for a prompt, given the turn's cost so far. Fails if the prompt is
    /// invalid.
    pub(super) fn choose(
        self,
        input: &prompt::Input<'_>,
        tier: BudgetTier,
        spent_micros: u64,
    ) -> Result<(ModelChoice<'a>, PromptTrace), String> {
        let own = self.own(input.agent);
        for named in self.budget.models(own, tier) {
            let (prompt, trace) = prompt::compose(self.model, named, input)?;
            let cost_micros = estimate(self.model.kind(named), &prompt);
            if self.budget.allows(spent_micros + cost_micros) {
                let limit = (named != own).then_some(Limit::Near);
                let nameless = prompt::nameless(input);
                return Ok((ModelChoice { model: self.model, prompt, nameless, limit }, trace));
            }
        }
        let model = self.spare;
        let (prompt, trace) = prompt::compose(model, model.default_model(), input)?;
        let (nameless, limit) = (prompt::nameless(input), Some(Limit::Reached));
        Ok((ModelChoice { model, prompt, nameless, limit }, trace))
    }

    /// Returns the agent's model, or the default.
    fn own<'b>(self, agent: &'b Agent) -> &'b str
    where
        'a: 'b,
    {
        if agent.model.is_empty() { self.model.default_model() } else { &agent.model }
    }
}

impl ModelChoice<'_> {
    /// Describes the budget limit that decided the choice.
    pub(super) fn limit(&self) -> Option<&'static str> {
        self.limit.map(|limit| match limit {
            Limit::Near => "a cheaper model was asked: a limit is near",
            Limit::Reached => "no model was asked: a limit on money is reached",
        })
    }

    /// Whether a person is called instead: no budget for a model, and no answer without one.
    pub(super) fn needs_person(&self, reply: &Reply) -> bool {
        let unanswered = matches!(reply.sort, ReplyKind::NoAnswer | ReplyKind::Unreadable);
        self.limit == Some(Limit::Reached) && unanswered
    }
}
