//! Trial turns: pipeline turns of the sandbox and of the OpenAI-compatible API. Nothing is sent or
//! stored. Their cost is counted against a share of the daily budget.

use std::sync::Arc;

use crate::domain::Turn;
use crate::domain::trial::TrialKind;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::limits::ExpensivePermit;
use crate::llm::Hear;
use crate::pipeline::{AttachedAudio, Bot, BudgetTier, TurnContext, TurnResult};

/// A turn to try.
pub(super) struct Trial {
    kind: TrialKind,
    tier: BudgetTier,
    bot: Arc<Bot>,
    turn: Turn,
    /// Held until the turn ends: disconnecting does not free a slot for another turn.
    _seat: ExpensivePermit,
}

impl Trial {
    /// Prepares a trial; refused if the budget is used up.
    pub(super) async fn of(
        web: &WebState,
        (kind, seat): (TrialKind, ExpensivePermit),
        (bot, turn): (&Arc<Bot>, Turn),
    ) -> Result<Self, Problem> {
        Ok(Self {
            kind,
            tier: require_budget_tier(web).await?,
            bot: bot.clone(),
            turn,
            _seat: seat,
        })
    }

    /// Runs the turn and counts its usage.
    pub(super) async fn run(self, web: &WebState, hear: Option<Hear<'_>>) -> TurnResult {
        let around = TurnContext { audio: &AttachedAudio, hear, tier: self.tier };
        let answered = web.desk.engine.answer(&self.bot, &self.turn, around).await;
        web.desk.count_trial(self.kind, answered.trace.usage).await;
        answered
    }

    /// Runs the turn to its end, even if the caller disconnects: its usage must be counted.
    pub(super) async fn run_detached(self, web: &WebState) -> Result<TurnResult, Problem> {
        let web = web.clone();
        let run = tokio::spawn(async move { self.run(&web, None).await });
        run.await.map_err(|_| Problem::broken("The turn broke. The server's log says why."))
    }
}

/// Returns the budget tier for trials. Refuses them if the budget is used up: the documents' own
/// sentences would be mistaken for the prompt's work.
pub(super) async fn require_budget_tier(web: &WebState) -> Result<BudgetTier, Problem> {
    match web.desk.trial_tier().await? {
        BudgetTier::Words => Err(Problem::too_many(
            "What trials may cost today is used up ([budget] sandbox_day, or day); there is more after midnight UTC. Customers are \
             answered all the same.",
        )),
        means => Ok(means),
    }
}
