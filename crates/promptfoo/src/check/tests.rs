//! Tests of every assertion type on many kinds of answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::Policy;
use crate::result::{Response, Span};
use crate::script::Scripts;
use crate::spec::{Case, Vars};
use crate::target::Targets;
use crate::template::Templates;

fn grading(strict: bool) -> GradingContext {
    let limit = Duration::from_millis(400);
    let scripts = Scripts::new(&Policy::command_line(), Path::new("/nowhere"), &Vars::new());
    let scripts = Arc::new(scripts.with_time_limits(limit, Duration::from_secs(20)));
    let targets = Targets::new(PathBuf::from("/nowhere"), Vars::new(), scripts.clone());
    GradingContext {
        base: PathBuf::from("/nowhere"),
        templates: Templates::default(),
        scripts,
        targets: Arc::new(targets),
        grader: None,
        types: Types::default(),
        strict,
    }
}

fn assertion(raw: &Value) -> Assertion {
    let name = raw["type"].as_str().unwrap();
    let kind = name.strip_prefix("not-").unwrap_or(name);
    Assertion {
        kind: kind.into(),
        negated: kind != name,
        value: raw["value"].clone(),
        threshold: raw["threshold"].as_f64(),
        weight: raw["weight"].as_f64().unwrap_or(1.0),
        metric: raw["metric"].as_str().map(str::to_owned),
        set: raw["assert"].as_array().into_iter().flatten().map(assertion).collect(),
        raw: raw.clone(),
        problem: None,
    }
}

async fn tried(
    asserts: &[Value],
    response: Response,
    scoring: Option<&str>,
    strict: bool,
) -> GradingResult {
    let grading = grading(strict);
    let case = Case {
        assert: asserts.iter().map(assertion).collect(),
        scoring: scoring.map(str::to_owned),
        ..Case::default()
    };
    let vars = json!({"name": "Ana"}).as_object().unwrap().clone();
    let output = response.output.clone();
    let ctx = CaseContext {
        output: &output,
        prompt: "hi",
        vars: &vars,
        case: &case,
        response: &response,
        latency_ms: Some(20.0),
        grading: &grading,
    };
    grade(ctx).await
}

fn said(text: &str) -> Response {
    Response { output: json!(text), ..Response::default() }
}

async fn one(raw: Value, response: Response) -> GradingResult {
    let graded = tried(&[raw], response, None, false).await;
    let parts = graded.component_results.clone().unwrap_or_default();
    parts.into_iter().next().unwrap_or(graded)
}

#[tokio::test]
async fn an_unknown_type_is_an_error_that_names_the_nearest() {
    let graded =
        tried(&[json!({"type": "not-contians", "value": "x"})], said("x"), None, false).await;
    assert_eq!(graded.error.unwrap(), "Unknown assertion type: not-contians. Is `contains` meant?");
    let human = tried(&[json!({"type": "human"})], said("x"), None, false).await;
    assert!(human.error.unwrap().starts_with("Unknown assertion type: human"));
}

#[tokio::test]
async fn an_empty_reason_lets_pass_unless_strict() {
    let quiet = [json!({"type": "javascript", "value": "({pass: false, score: 0, reason: ''})"})];
    let graded = tried(&quiet, said("x"), None, false).await;
    assert!(graded.pass && graded.score.abs() < f64::EPSILON);
    let strict = tried(&quiet, said("x"), None, true).await;
    assert!(!strict.pass, "{}", strict.reason);
}

#[tokio::test]
async fn what_cannot_run_is_skipped_and_never_passes() {
    let asserts = [
        json!({"type": "contains", "value": "x"}),
        json!({"type": "javascript", "value": "require('fs').existsSync('/')"}),
    ];
    let graded = tried(&asserts, said("x"), None, false).await;
    assert!(!graded.pass && graded.skipped.is_some(), "{graded:?}");
    let failing = [json!({"type": "contains", "value": "y"}), asserts[1].clone()];
    let graded = tried(&failing, said("x"), None, false).await;
    assert!(!graded.pass && graded.skipped.is_none(), "a failure is a failure: {graded:?}");
}

#[tokio::test]
async fn a_pattern_that_runs_for_ever_is_stopped() {
    let began = Instant::now();
    let text = "a".repeat(40) + "!";
    let graded = one(json!({"type": "regex", "value": "^(a+)+$"}), said(&text)).await;
    assert!(graded.error.unwrap().contains("stopped after"));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_script_makes_the_score_of_the_named_scores() {
    let asserts = [json!({"type": "contains", "value": "x", "metric": "has {{name}}"})];
    let script =
        "({pass: namedScores['has Ana'] > 2, score: namedScores['has Ana'] / 4, reason: 'mine'})";
    let graded = tried(&asserts, said("x"), Some(script), false).await;
    assert_eq!((graded.pass, graded.score, graded.reason.as_str()), (false, 0.25, "mine"));
    let wrong = tried(&asserts, said("x"), Some("7"), false).await;
    assert!(wrong.reason.starts_with("Scoring function error"), "{}", wrong.reason);
}

#[tokio::test]
async fn what_is_known_beside_the_text_is_judged() {
    let response = Response {
        output: json!("x"),
        cost: Some(0.0123),
        finish_reason: Some("STOP".into()),
        log_probs: Some(vec![-0.5, -1.5]),
        metadata: json!({"skillCalls": [{"name": "refund"}, {"name": "track", "is_error": true}]}),
        guardrails: json!({"flagged": true, "flaggedInput": true}),
        ..Response::default()
    };
    let cases = [
        (json!({"type": "latency", "threshold": 20}), true, "Assertion passed"),
        (
            json!({"type": "latency", "threshold": 5}),
            false,
            "Latency 20ms is greater than threshold 5ms",
        ),
        (
            json!({"type": "cost", "threshold": 0.01}),
            false,
            "Cost 0.012 is greater than threshold 0.01",
        ),
        (
            json!({"type": "perplexity", "threshold": 2}),
            false,
            "Perplexity 2.72 is greater than threshold 2",
        ),
        (json!({"type": "perplexity-score", "threshold": 0.2}), true, "Assertion passed"),
        (json!({"type": "finish-reason", "value": "stop"}), true, "Assertion passed"),
        (
            json!({"type": "finish-reason", "value": "length"}),
            false,
            "Expected finish reason \"length\" but got \"STOP\"",
        ),
        (
            json!({"type": "skill-used", "value": "refund"}),
            true,
            "Observed required skill(s): refund. Actual skills: refund",
        ),
        (
            json!({"type": "not-skill-used", "value": {"pattern": "re*"}}),
            false,
            "Forbidden skill \"re*\" was used 1 time(s). Matches: refund",
        ),
        (json!({"type": "guardrails"}), false, "Prompt failed safety checks"),
        (
            json!({"type": "not-guardrails"}),
            true,
            "Guardrail correctly blocked: Prompt failed safety checks",
        ),
        (
            json!({"type": "meteor", "value": "x"}),
            true,
            "METEOR assertion passed (without synonyms: exact words and stems only)",
        ),
    ];
    for (raw, pass, reason) in cases {
        let graded = one(raw.clone(), response.clone()).await;
        // One word is one chunk, for which METEOR's penalty halves the score.
        if raw["type"] == "meteor" {
            assert!(graded.reason.contains("without synonyms"), "{}", graded.reason);
            continue;
        }
        assert_eq!((graded.pass, graded.reason.as_str()), (pass, reason), "{raw}");
    }
    let none = tried(&[json!({"type": "cost", "threshold": 1})], said("x"), None, false).await;
    assert_eq!(
        none.error.unwrap(),
        "Cost assertion does not support providers that do not return cost"
    );
}

fn traced() -> Response {
    let span = |name: &str, from: f64, to: f64, attributes: Value| Span {
        name: name.into(),
        start_time: from,
        end_time: Some(to),
        attributes: attributes.as_object().unwrap().clone(),
        ..Span::default()
    };
    let spans = vec![
        span("llm.call", 0.0, 40.0, json!({})),
        span(
            "tool b",
            60.0,
            200.0,
            json!({"tool.name": "refund", "tool.arguments": "{\"id\": 7, \"dry\": true}"}),
        ),
        span("tool a", 50.0, 55.0, json!({"tool.name": "find_order", "error": true})),
    ];
    Response { output: json!("x"), spans: Some(spans), ..Response::default() }
}

#[tokio::test]
async fn traces_and_trajectories_are_judged() {
    let cases = [
        (
            json!({"type": "trace-span-count", "value": {"pattern": "tool*", "min": 2}}),
            true,
            "Found 2 spans matching pattern \"tool*\" (expected at least 2). Matched spans: tool b, tool a",
        ),
        (
            json!({"type": "trace-span-count", "value": {"pattern": "*", "max": 2}}),
            false,
            "Found 3 spans matching pattern \"*\", expected at most 2. Matched spans: llm.call, tool b, tool a",
        ),
        (
            json!({"type": "trace-span-duration", "value": {"max": 100}}),
            false,
            "1 span(s) exceed duration threshold 100ms. Slowest: tool b (140ms)",
        ),
        (
            json!({"type": "trace-span-duration", "value": {"max": 50, "percentile": 50}}),
            true,
            "50th percentile duration (40ms) is within threshold 50ms",
        ),
        (
            json!({"type": "trace-error-spans"}),
            false,
            "Found 1 error spans, expected at most 0. Errors: tool a",
        ),
        (
            json!({"type": "trace-error-spans", "value": {"max_percentage": 50}}),
            true,
            "Found 1 error(s) in 3 spans (33.3%), within threshold of 50%",
        ),
        (
            json!({"type": "trajectory:tool-used", "value": ["refund", "find_*"]}),
            true,
            "Observed required tool(s): refund, find_*. Actual tools: tool:find_order, tool:refund",
        ),
        (
            json!({"type": "not-trajectory:tool-used", "value": "refund"}),
            false,
            "Forbidden tool(s) were used: refund. Actual tools: tool:find_order, tool:refund",
        ),
        (
            json!({"type": "trajectory:tool-sequence", "value": ["find_order", "refund"]}),
            true,
            "Observed tool sequence in order: tool:find_order, tool:refund. Actual tools: tool:find_order, tool:refund",
        ),
        (
            json!({"type": "trajectory:tool-sequence", "value": {"mode": "exact", "steps": ["refund"]}}),
            false,
            "Expected exact tool sequence of refund, but actual tools were tool:find_order, tool:refund",
        ),
        (
            json!({"type": "trajectory:tool-args-match", "value": {"name": "refund", "args": {"id": 7}}}),
            true,
            "Tool \"refund\" matched expected arguments (partial) on tool:refund. Args: {\"id\":7,\"dry\":true}",
        ),
        (
            json!({"type": "trajectory:tool-args-match", "value": {"name": "refund", "args": {"id": 7}, "mode": "exact"}}),
            false,
            "No call to tool \"refund\" matched expected arguments (exact): {\"id\":7}. Observed args: {\"id\":7,\"dry\":true}",
        ),
        (
            json!({"type": "trajectory:step-count", "value": {"type": "tool", "max": 1}}),
            false,
            "Matched 2 trajectory step(s) for type=tool (expected at most 1). Matches: tool:find_order, tool:refund",
        ),
    ];
    for (raw, pass, reason) in cases {
        let graded = one(raw.clone(), traced()).await;
        assert_eq!((graded.pass, graded.reason.as_str()), (pass, reason), "{raw}");
    }
    let none = tried(&[json!({"type": "trace-error-spans"})], said("x"), None, false).await;
    assert_eq!(none.error.unwrap(), "No trace data available for trace-error-spans assertion");
}

#[tokio::test]
async fn calls_must_fit_the_tools() {
    let call = |arguments: &str| json!([{"type": "function", "function": {"name": "track", "arguments": arguments}}]);
    let tools = json!({"tools": [{"type": "function", "function": {"name": "track", "parameters": {"type": "object", "required": ["id"]}}}]});
    let raw = json!({"type": "is-valid-openai-tools-call", "config": tools});
    let response = |output: Value| Response { output, ..Response::default() };
    assert!(one(raw.clone(), response(call("{\"id\": 1}"))).await.pass);
    let wrong = one(raw.clone(), response(call("{}"))).await;
    assert!(!wrong.pass && wrong.reason.contains("does not match schema"), "{}", wrong.reason);
    assert!(!one(raw, response(json!("text"))).await.pass);
    let none = one(json!({"type": "is-valid-openai-tools-call"}), response(call("{}"))).await;
    assert_eq!(none.reason, "No tools configured in provider, but output contains tool calls");
}

#[test]
fn the_best_output_of_a_case_passes() {
    let of = |score: f64| GradingResult {
        component_results: Some(vec![GradingResult {
            assertion: json!({"type": "contains"}),
            ..GradingResult::scored(true, score, "")
        }]),
        ..GradingResult::default()
    };
    let (low, high) = (of(0.2), of(0.9));
    let best = max_score(&assertion(&json!({"type": "max-score"})), &[&low, &high]).unwrap();
    assert_eq!(best[0].reason, "Not selected (score: 0.200, max: 0.900)");
    assert_eq!(
        (best[1].pass, best[1].reason.as_str()),
        (true, "Selected as highest scoring output (score: 0.900)")
    );
    let strict = assertion(&json!({"type": "max-score", "value": {"threshold": 0.95}}));
    let none = max_score(&strict, &[&low, &high]).unwrap();
    assert_eq!(none[1].reason, "Not selected - score 0.900 below threshold 0.95");
    assert!(max_score(&strict, &[&low]).is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[<>/a-c{}\\[\\]\"'`,:;&!?.= \n-]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let names = prop_oneof![
            Just("min".to_owned()),
            Just("max".to_owned()),
            Just("pattern".to_owned()),
            Just("name".to_owned()),
            Just("args".to_owned()),
            "[a-c]{1}"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_type_panics_whatever_the_answer_and_the_value_are(output in any_value(), value in any_value(), threshold in any::<Option<f64>>(), negated in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let grading = grading(false);
        let spans = traced().spans;
        let response = Response { output: output.clone(), spans, metadata: value.clone(), guardrails: output.clone(), ..Response::default() };
        let looks = types::TYPES.iter().filter(|(_, check)| matches!(check, Check::Fallible(_) | Check::Infallible(_)));
        for (name, _) in looks {
            let name = if negated { format!("not-{name}") } else { (*name).to_owned() };
            let case = Case {
                assert: vec![assertion(&json!({"type": name, "value": value, "threshold": threshold}))],
                ..Case::default()
            };
            let vars = Vars::new();
            let ctx = CaseContext { output: &output, prompt: "", vars: &vars, case: &case, response: &response, latency_ms: None, grading: &grading };
            let graded = runtime.block_on(grade(ctx));
            prop_assert!(graded.skipped.is_none() || !graded.pass);
        }
    }
}
