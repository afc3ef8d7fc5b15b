//! The metrics of a committed turn, read from its trace: times of its stages, tokens and cost of
//! its models, and their failures. Changes nothing.

use std::time::Duration;

use crate::domain::{Trace, Usage};
use crate::metrics::{MODEL_ERRORS, ModelCall, ModelUse, STAGE_SECONDS, TimedStage, count_usage};
use crate::pipeline::{TranscriptionError, TurnResult};

/// What a turn adds to the metrics once it is committed.
pub(super) struct TurnFigures {
    stages: Vec<(TimedStage, f64)>,
    failures: Vec<(ModelCall, usize)>,
    usage: Usage,
}

impl TurnFigures {
    /// Reads a turn's trace.
    pub(super) fn of(answered: &TurnResult) -> Self {
        let trace = &answered.trace;
        let unheard = |why: &&TranscriptionError| matches!(why, TranscriptionError::Failed(_));
        let unheard = answered.inputs.failures.iter().filter(unheard).count();
        let mut failures = failures(trace);
        failures.push((ModelCall::Transcribe, unheard));
        failures.retain(|(_, count)| *count > 0);
        Self { stages: stages(trace), failures, usage: trace.usage }
    }

    /// Adds them to the metrics.
    pub(super) fn record(self) {
        for (stage, took_ms) in self.stages {
            let took = Duration::try_from_secs_f64(took_ms / 1000.0).unwrap_or_default();
            STAGE_SECONDS.record_of(stage.as_str(), took);
        }
        for (call, count) in self.failures {
            MODEL_ERRORS.add_of(call.as_str(), count as u64);
        }
        count_usage(ModelUse::Turns, self.usage);
    }
}

/// The stages that ran, with their durations in milliseconds.
fn stages(trace: &Trace) -> Vec<(TimedStage, f64)> {
    let Trace { transcribe, escalate, curated, retrieve, prompt, reply, .. } = trace;
    let ran = [
        (TimedStage::Transcribe, transcribe.as_ref().map(|stage| stage.took_ms)),
        (TimedStage::Escalate, escalate.as_ref().map(|stage| stage.took_ms)),
        (TimedStage::Curated, curated.as_ref().map(|stage| stage.took_ms)),
        (TimedStage::Retrieve, retrieve.as_ref().map(|stage| stage.took_ms)),
        (TimedStage::Prompt, prompt.as_ref().map(|stage| stage.took_ms)),
        (TimedStage::Reply, reply.as_ref().map(|stage| stage.took_ms)),
    ];
    ran.into_iter().filter_map(|(stage, took_ms)| Some((stage, took_ms?))).collect()
}

/// How often each model failed, without the transcriber.
fn failures(trace: &Trace) -> Vec<(ModelCall, usize)> {
    let Trace { curated, retrieve, reply, .. } = trace;
    let failed = |error: Option<&String>| usize::from(error.is_some());
    let curated = curated.as_ref().and_then(|stage| stage.error.as_ref());
    let found = retrieve.as_ref();
    let rewrite = found.and_then(|stage| stage.rewrite.as_ref()?.error.as_ref());
    let rerank = found.and_then(|stage| stage.rerank.as_ref()?.error.as_ref());
    // Without an embedder's name the error is the embedder's, otherwise the index's.
    let embed = found.filter(|stage| stage.embedder.is_none()).and_then(|it| it.error.as_ref());
    let judge = reply.as_ref().and_then(|stage| stage.checked.as_ref()?.error.as_ref());
    let attempts = reply.as_ref().map_or(0, |stage| stage.errors.len());
    vec![
        (ModelCall::Embed, failed(curated) + failed(embed)),
        (ModelCall::Rewrite, failed(rewrite)),
        (ModelCall::Rerank, failed(rerank)),
        (ModelCall::Reply, attempts),
        (ModelCall::Judge, failed(judge)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::trace::{
        GroundingTrace, ReplyTrace, RerankTrace, RetrieveTrace, RewriteTrace,
    };

    #[test]
    fn every_failure_of_a_model_is_counted_where_it_happened() {
        let broken = || Some("it broke".to_owned());
        let retrieve = RetrieveTrace {
            error: broken(),
            rewrite: Some(RewriteTrace { error: broken(), ..RewriteTrace::default() }),
            rerank: Some(RerankTrace { error: broken(), ..RerankTrace::default() }),
            ..RetrieveTrace::default()
        };
        let checked = GroundingTrace { error: broken(), ..GroundingTrace::default() };
        let errors = vec!["503".to_owned(), "it took too long".to_owned()];
        let reply = ReplyTrace { errors, checked: Some(checked), ..ReplyTrace::default() };
        let trace = Trace { retrieve: Some(retrieve), reply: Some(reply), ..Trace::default() };
        let expected = [
            (ModelCall::Embed, 1),
            (ModelCall::Rewrite, 1),
            (ModelCall::Rerank, 1),
            (ModelCall::Reply, 2),
            (ModelCall::Judge, 1),
        ];
        assert_eq!(failures(&trace), expected);
        let ran: Vec<_> = stages(&trace).into_iter().map(|(stage, _)| stage).collect();
        assert_eq!(ran, [TimedStage::Retrieve, TimedStage::Reply]);
        assert!(failures(&Trace::default()).iter().all(|(_, count)| *count == 0));
    }
}
