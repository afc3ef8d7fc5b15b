//! The answer of a turn whose pipeline panicked or timed out: the agent's failure sentence, so that
//! no customer waits for ever. Stage 7 opens the case.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

use super::{Job, Scene, TurnAnswer};
use crate::domain::trace::{ReplyTrace, Trace};
use crate::domain::{Outcome, ProviderKind, Reply, ReplyKind, Turn};
use crate::pipeline::inbound::PendingTurn;
use crate::pipeline::outbound::{Place, plan};
use crate::pipeline::{RecordedInputs, TurnResult, language_of};
use crate::store::finish::{Escalation, FinishedTurn};

/// Attempts after which an unfinished turn gets the failure sentence.
const MAX_ATTEMPTS: i64 = 20;
/// The failure reason of a turn in which a stage panicked.
const BROKE: &str = "the pipeline broke";

impl Job {
    /// Returns why the gathered messages cannot be attempted; `None` if they can.
    pub(super) fn unanswerable_reason(&self, gathered: &PendingTurn) -> Option<&'static str> {
        if gathered.unreadable {
            tell(BROKE);
            return Some(BROKE);
        }
        let worn_out = self.claim().attempts > MAX_ATTEMPTS;
        worn_out.then_some("this turn was begun several times and never finished")
    }

    /// Runs a part of the pipeline until the turn's deadline. Catches panics.
    pub(super) async fn within<T>(
        &self,
        scene: &Scene<'_>,
        part: impl Future<Output = T> + Send,
    ) -> Result<T, &'static str> {
        let part = AssertUnwindSafe(part).catch_unwind();
        let why = match tokio::time::timeout_at(scene.deadline, part).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(_)) => BROKE,
            Err(_) => "the turn took longer than [worker] turn_ms allows",
        };
        tell(why);
        Err(why)
    }

    /// Stage 7. If it panics, plans the failure sentence instead, and keeps the usage and
    /// transcripts of the turn.
    pub(super) fn finish(
        &self,
        scene: &Scene<'_>,
        gathered: &PendingTurn,
        TurnAnswer { answered, tape }: TurnAnswer,
    ) -> FinishedTurn {
        let planned = |answered: &TurnResult| {
            let claim = self.claim().clone();
            plan(scene.bot, Place { claim, gathered, base_url: &self.desk.base_url }, answered)
        };
        let finished = catch_unwind(AssertUnwindSafe(|| {
            crate::failpoint!("turn.planned");
            planned(&answered)
        }));
        if let Ok(finished) = finished {
            // Who practises is not written to hours later.
            let practice = scene.number.provider == ProviderKind::Sandbox;
            let follow_up = finished.follow_up.filter(|_| !practice);
            return FinishedTurn { tape, follow_up, ..finished };
        }
        tell(BROKE);
        let mut failure = failed(&gathered.turn, BROKE).answered;
        failure.trace.usage = answered.trace.usage;
        failure.transcripts = answered.transcripts;
        let mut finished = planned(&failure);
        // The hand-off is still needed. It takes the place of the failure's case, with its notices.
        if let Outcome::HandOver { reason, question, .. } = answered.outcome {
            let case = finished.escalation.take();
            let notices = case.map(|case| case.notices).unwrap_or_default();
            let reason = reason.into();
            finished.escalation = Some(Escalation { reason, question, hands_over: true, notices });
        }
        finished
    }
}

fn tell(why: &str) {
    tracing::error!("{why}, the customer gets the failure sentence");
}

/// Returns the agent's failure sentence as an answer, in the customer's language.
pub(super) fn failed(turn: &Turn, why: &str) -> TurnAnswer {
    let written = ReplyTrace { errors: vec![why.to_owned()], ..ReplyTrace::default() };
    let trace = Trace { reply: Some(written), ..Trace::default() };
    // Its words may be what broke the pipeline.
    let language = catch_unwind(AssertUnwindSafe(|| language_of(turn))).ok().flatten();
    let text = turn.agent.texts.failure.to(language.as_deref()).to_owned();
    let outcome = Outcome::Reply(Reply::plain(text, ReplyKind::Failure));
    let (transcripts, inputs) = (Vec::new(), RecordedInputs::default());
    let answered = TurnResult { outcome, trace, transcripts, inputs };
    // Not recorded: an input that broke the pipeline is not replayed.
    TurnAnswer { answered, tape: None }
}
