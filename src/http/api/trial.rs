//! Turns of the pipeline that nobody receives and nothing stores: those of the sandbox and of OpenAI's clients. What they cost is
//! counted, and has a share of the day's money of its own.

use std::sync::Arc;

use crate::domain::Turn;
use crate::domain::trial::TrialKind;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::limits::ExpensivePermit;
use crate::llm::Hear;
use crate::pipeline::{AttachedAudio, Bot, BudgetTier, TurnContext, TurnResult};

/// A turn that somebody tries.
pub(super) struct Trial {
    kind: TrialKind,
    means: BudgetTier,
    bot: Arc<Bot>,
    turn: Turn,
    /// Whoever hangs up does not make room for another turn beside this one.
    _seat: ExpensivePermit,
}

impl Trial {
    /// A turn to be tried, while there is money for it.
    pub(super) async fn of(
        web: &WebState,
        (kind, seat): (TrialKind, ExpensivePermit),
        (bot, turn): (&Arc<Bot>, Turn),
    ) -> Result<Self, Problem> {
        Ok(Self { kind, means: means(web).await?, bot: bot.clone(), turn, _seat: seat })
    }

    /// Runs it.
    pub(super) async fn run(self, web: &WebState, hear: Option<Hear<'_>>) -> TurnResult {
        let around = TurnContext { audio: &AttachedAudio, hear, tier: self.means };
        let answered = web.desk.engine.answer(&self.bot, &self.turn, around).await;
        web.desk.count_trial(self.kind, answered.trace.usage).await;
        answered
    }

    /// Runs it to its end, whether or not the caller waits for it: who hangs up has spent all the same.
    pub(super) async fn whole(self, web: &WebState) -> Result<TurnResult, Problem> {
        let web = web.clone();
        let run = tokio::spawn(async move { self.run(&web, None).await });
        run.await.map_err(|_| Problem::broken("The turn broke. The server's log says why."))
    }
}

/// What may answer who tries. With nothing left it is refused: the documents' own sentences would be taken for the prompt's work.
pub(super) async fn means(web: &WebState) -> Result<BudgetTier, Problem> {
    match web.desk.trial_tier().await? {
        BudgetTier::Words => Err(Problem::too_many(
            "What trials may cost today is used up ([budget] sandbox_day, or day); there is more after midnight UTC. Customers are \
             answered all the same.",
        )),
        means => Ok(means),
    }
}
