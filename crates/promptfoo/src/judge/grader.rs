//! Chooses and opens the grader of an assertion.

use std::sync::Arc;

use serde_json::Value;

use super::GraderKind;
use crate::context::GradingContext;
use crate::policy::Reach;
use crate::result::GradingResult;
use crate::spec::{Assertion, Case, TargetSpec};
use crate::target::{Target, Targets};
use crate::template::environment;

/// The skip reason when there is no grader.
const NO_GRADER: &str = "no grader: name one with --grader or `defaultTest.options.provider`";
/// The error over the API when there is no grader.
const NO_GRADER_OVER_API: &str = "over the API the model of [llm] grades, and there is none: set one, or name one of `targets` under [evals] as `grader` \
     of the run or as `defaultTest.options.provider`";
const DEFAULT_GRADER_ID: &str = "openai:chat:gpt-4.1";

pub(super) struct Grader {
    pub(super) target: Arc<dyn Target>,
    /// `None` for the default grader of the run.
    pub(super) spec: Option<TargetSpec>,
}

/// Reads the spec of a configured grader; `None` when none is configured.
fn configured_grader(kind: GraderKind, written: &Value) -> Result<Option<TargetSpec>, String> {
    match written {
        Value::Null => Ok(None),
        Value::String(id) => Ok(Some(TargetSpec { id: id.clone(), ..TargetSpec::default() })),
        Value::Object(object) => match object.get(kind.as_str()) {
            Some(inner) if !inner.is_null() => configured_grader(kind, inner),
            _ if object.contains_key("id") => {
                let spec = serde_json::from_value(written.clone());
                spec.map(Some).map_err(|error| format!("the grader is written wrongly: {error}"))
            }
            _ => Err(format!("the grader names no `id` and no `{kind}`: {written}")),
        },
        other => Err(format!("a grader is an id or an object, not {other}")),
    }
}

/// Opens the grader for a kind of work: the assertion's, the case's, the run's, OpenAI when there
/// is a key, or frontdesk's own model, in this order.
#[expect(
    clippy::result_large_err,
    reason = "a judgement that ends early is as large as one that does not"
)]
pub(super) fn grader(
    kind: GraderKind,
    assertion: &Assertion,
    case: &Case,
    grading: &GradingContext,
) -> Result<Grader, GradingResult> {
    let written = Some(assertion.field("provider")).filter(|written| !written.is_null());
    let written = written.or_else(|| case.options.get("provider")).unwrap_or(&Value::Null);
    // The environment is inserted only now, because rows store the spec and must not hold keys.
    let mut written = written.clone();
    environment(&mut written, &grading.targets.policy().settings_env(&grading.targets.env));
    if let Some(spec) = configured_grader(kind, &written).map_err(GradingResult::error)? {
        let target = grading.targets.open_grader(&spec).map_err(GradingResult::error)?;
        return Ok(Grader { target, spec: Some(spec) });
    }
    if let Some(target) = grading.grader.as_ref().filter(|target| can_grade(kind, &***target)) {
        return Ok(Grader { target: Arc::clone(target), spec: None });
    }
    default_grader(kind, grading)
}

/// Whether a target supports this kind of work.
pub(super) fn can_grade(kind: GraderKind, target: &dyn Target) -> bool {
    match kind {
        GraderKind::Text => true,
        GraderKind::Embedding => target.embeds().is_some(),
        GraderKind::Classification => target.classifies().is_some(),
        GraderKind::Moderation => target.moderates().is_some(),
    }
}

#[expect(
    clippy::result_large_err,
    reason = "a judgement that ends early is as large as one that does not"
)]
fn default_grader(kind: GraderKind, grading: &GradingContext) -> Result<Grader, GradingResult> {
    let id = match kind {
        GraderKind::Text => DEFAULT_GRADER_ID,
        GraderKind::Embedding => "openai:embedding:text-embedding-3-large",
        GraderKind::Moderation => "openai:moderation:omni-moderation-latest",
        GraderKind::Classification => {
            return Err(no_grader_result(
                grading,
                format!("no {kind}: name a provider of one in `provider`"),
            ));
        }
    };
    let spec = TargetSpec { id: id.into(), ..TargetSpec::default() };
    if !is_model(&grading.targets, &spec) && grading.targets.env(&spec, "OPENAI_API_KEY").is_some()
    {
        let target = grading.targets.open_grader(&spec).map_err(GradingResult::error)?;
        return Ok(Grader { target, spec: Some(spec) });
    }
    let targets = grading.targets.for_requests();
    if is_model(&targets, &spec) {
        let spec = if kind == GraderKind::Text { targets.default_chat_spec(id) } else { spec };
        let target = targets.open_grader(&spec).map_err(GradingResult::error)?;
        return Ok(Grader { target, spec: Some(spec) });
    }
    let why = match kind {
        GraderKind::Text if grading.targets.policy().is_command_line() => NO_GRADER.to_owned(),
        GraderKind::Text => NO_GRADER_OVER_API.to_owned(),
        GraderKind::Embedding | GraderKind::Classification | GraderKind::Moderation => {
            format!("no {kind}: name a provider of one with `defaultTest.options.provider.{kind}`")
        }
    };
    Err(no_grader_result(grading, why))
}

/// Whether the spec resolves to the endpoint of frontdesk's own model.
fn is_model(targets: &Targets, spec: &TargetSpec) -> bool {
    matches!(targets.policy().target(spec), Ok(Reach::Model(_)))
}

/// Without a grader the result is skipped; over the API it is an error, because a gate ignores
/// skips.
fn no_grader_result(grading: &GradingContext, why: String) -> GradingResult {
    if grading.targets.policy().is_command_line() {
        GradingResult::skipped(why)
    } else {
        GradingResult::error(why)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_grader_is_named_in_three_ways() {
        let id = |kind: GraderKind, written: Value| {
            configured_grader(kind, &written).unwrap().map(|spec| spec.id)
        };
        assert_eq!(id(GraderKind::Text, json!("echo")), Some("echo".into()));
        assert_eq!(id(GraderKind::Text, json!({"id": "a", "config": {"x": 1}})), Some("a".into()));
        let both = json!({"text": {"id": "t"}, "embedding": "e"});
        assert_eq!(
            (id(GraderKind::Text, both.clone()), id(GraderKind::Embedding, both.clone())),
            (Some("t".into()), Some("e".into()))
        );
        assert!(configured_grader(GraderKind::Moderation, &both).is_err());
        assert_eq!(id(GraderKind::Text, Value::Null), None);
    }
}
