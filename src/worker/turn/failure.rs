//! What a turn answers whose pipeline broke, or took too long: the agent's failure sentence, so that no customer waits for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

use super::{Job, Scene, TurnAnswer};
use crate::domain::trace::{ReplyTrace, Trace};
use crate::domain::{Agent, Outcome, Reply, ReplyKind};
use crate::pipeline::inbound::PendingTurn;
use crate::pipeline::outbound::{Place, plan};
use crate::pipeline::{RecordedInputs, TurnResult};
use crate::store::finish::{Escalation, FinishedTurn};

/// A turn that was begun this often and never finished gets the failure sentence instead of another try.
const MOST_ATTEMPTS: i64 = 20;
/// Why a turn fails of which a stage panicked.
const BROKE: &str = "the pipeline broke";

impl Job {
    /// Why what was gathered fails without a try; nothing where it may be tried.
    pub(super) fn hopeless(&self, gathered: &PendingTurn) -> Option<&'static str> {
        if gathered.unreadable {
            tell(BROKE);
            return Some(BROKE);
        }
        let worn_out = self.claim().attempts > MOST_ATTEMPTS;
        worn_out.then_some("this turn was begun several times and never finished")
    }

    /// What a part of the pipeline gives, or why it gives nothing. One that panics breaks nothing else.
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

    /// Stage 7. Where it panics, the failure sentence goes out instead, with what the turn cost and heard.
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
            return FinishedTurn { tape, ..finished };
        }
        tell(BROKE);
        let mut failure = failed(&scene.bot.agent, BROKE).answered;
        failure.trace.usage = answered.trace.usage;
        failure.transcripts = answered.transcripts;
        let mut finished = planned(&failure);
        // A person is needed, whatever the sentence is.
        if let Outcome::HandOver { reason, question, .. } = answered.outcome {
            let (reason, notices) = (reason.to_string(), Vec::new());
            finished.escalation = Some(Escalation { reason, question, notices });
        }
        finished
    }
}

fn tell(why: &str) {
    tracing::error!("{why}, the customer gets the failure sentence");
}

/// The agent's failure sentence.
pub(super) fn failed(agent: &Agent, why: &str) -> TurnAnswer {
    let written = ReplyTrace { errors: vec![why.to_owned()], ..ReplyTrace::default() };
    let trace = Trace { reply: Some(written), ..Trace::default() };
    let text = agent.texts.failure.clone();
    let reply = Reply { text, sort: ReplyKind::Failure, citations: Vec::new() };
    let outcome = Outcome::Reply(reply);
    let (transcripts, inputs) = (Vec::new(), RecordedInputs::default());
    let answered = TurnResult { outcome, trace, transcripts, inputs };
    // What broke the pipeline is not run again.
    TurnAnswer { answered, tape: None }
}
