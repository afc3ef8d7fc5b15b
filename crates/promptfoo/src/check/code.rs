//! The `javascript`, `python` and `ruby` assertions, and custom scoring scripts.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::prepare::{PreparedAssertion, context};
use super::{CaseContext, GradingResult};
use crate::script::{Error, Script};

/// Runs the script in the value, or grades by the result of its script file.
pub(super) async fn run(given: &PreparedAssertion<'_>) -> GradingResult {
    let Some(code) = given.value.as_str() else {
        return GradingResult::error(format!(
            "{} assertion must have a string value",
            given.assertion.kind
        ));
    };
    let made = if let Some(made) = &given.script {
        Ok(made.clone())
    } else {
        let script = match given.assertion.kind.as_str() {
            "python" => Script::Python(code.to_owned()),
            "ruby" => Script::Ruby(code.to_owned()),
            _ => Script::JavaScript(code.trim_end().to_owned()),
        };
        let arguments =
            [("output", given.output.clone()), ("context", context(given.assertion, given.ctx))];
        given.ctx.grading.scripts.call_typed(&script, &arguments).await
    };
    let (value, kind) = match made {
        Ok(made) => made,
        Err(Error::Missing(why)) => return GradingResult::skipped(why),
        Err(Error::Failed(why)) => return GradingResult::failed(threw(given, &why)),
        Err(Error::Refused(why)) => return GradingResult::error(why.to_string()),
    };
    match given.assertion.kind.as_str() {
        "javascript" => javascript(given, code, &value, &kind),
        _ => other(given, value).unwrap_or_else(|why| GradingResult::failed(threw(given, &why))),
    }
}

fn threw(given: &PreparedAssertion<'_>, why: &str) -> String {
    match given.assertion.kind.as_str() {
        "python" => format!("Python code execution failed: {why}"),
        "ruby" => format!("Ruby code execution failed: {why}"),
        _ => after(format!("Custom function threw error: {why}"), given.value.as_str()),
    }
}

fn after(reason: String, code: Option<&str>) -> String {
    match code.map(str::trim_end).filter(|code| !code.is_empty()) {
        Some(code) => format!("{reason}\n{code}"),
        None => reason,
    }
}

fn javascript(
    given: &PreparedAssertion<'_>,
    code: &str,
    value: &Value,
    kind: &str,
) -> GradingResult {
    let returned = |raw: bool| after(format!("Custom function returned {raw}"), Some(code));
    if let Some((raw, score)) = plain(given, value) {
        return judged(given, raw, score, returned);
    }
    if let Some(graded) = grading_result(value.clone()) {
        return turned(given, graded, "Custom function");
    }
    let shown = if kind == "undefined" { kind.to_owned() } else { value.to_string() };
    let why = format!(
        "Custom function must return a boolean, number, or GradingResult object. Got type {kind}: {shown}"
    );
    GradingResult::failed(threw(given, &why))
}

/// Grades a boolean or a number; the score is `Some` only for a number.
fn plain(given: &PreparedAssertion<'_>, value: &Value) -> Option<(bool, Option<f64>)> {
    match value {
        Value::Bool(holds) => Some((*holds, None)),
        Value::Number(number) => {
            let score = number.as_f64()?;
            let holds =
                given.assertion.threshold.map_or(score > 0.0, |threshold| score >= threshold);
            Some((holds, Some(score)))
        }
        _ => None,
    }
}

fn judged(
    given: &PreparedAssertion<'_>,
    raw: bool,
    score: Option<f64>,
    returned: impl FnOnce(bool) -> String,
) -> GradingResult {
    let pass = raw != given.inverse();
    let reason = if pass { "Assertion passed".into() } else { returned(raw) };
    GradingResult::scored(pass, score.unwrap_or(if pass { 1.0 } else { 0.0 }), reason)
}

/// Reads a value of the form `{pass, score, reason, …}`; `None` when it has another form.
fn grading_result(mut value: Value) -> Option<GradingResult> {
    let right =
        value["pass"].is_boolean() && value["score"].is_number() && value["reason"].is_string();
    if !right {
        return None;
    }
    let fields = value.as_object_mut()?;
    let weights = fields.remove("namedScoreWeights");
    // Only the runner sets these fields.
    fields.retain(|name, value| !value.is_null() && name != "skipped" && name != "error");
    let mut graded: GradingResult = serde_json::from_value(value).ok()?;
    if let Some(weights) = weights {
        graded.metadata.insert("namedScoreWeights".into(), weights);
    }
    Some(graded)
}

fn turned(given: &PreparedAssertion<'_>, graded: GradingResult, code: &str) -> GradingResult {
    if !given.inverse() {
        return graded;
    }
    let reason =
        if graded.pass { format!("{code} returned true") } else { "Assertion passed".into() };
    GradingResult { pass: !graded.pass, reason, ..graded }
}

/// Grades a Python or Ruby result. Also accepts JSON in a string and field names with underscores.
fn other(given: &PreparedAssertion<'_>, value: Value) -> Result<GradingResult, String> {
    let language = if given.assertion.kind == "python" { "Python" } else { "Ruby" };
    let value = match &value {
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ if text.starts_with('{') => serde_json::from_str(text)
                .map_err(|why| format!("Invalid JSON: {why} when parsing result: {text}"))?,
            _ => text.trim().parse::<f64>().map_or(value.clone(), |number| json!(number)),
        },
        _ => value,
    };
    let returned = |raw: bool| {
        let code = given.assertion.value.as_str().filter(|code| !code.is_empty());
        let reason = format!("{language} code returned {raw}");
        code.map_or(reason.clone(), |code| format!("{reason}\n{code}"))
    };
    if let Some((raw, score)) = plain(given, &value) {
        return Ok(judged(given, raw, score, returned));
    }
    let shown = value.to_string();
    let wrong = || {
        format!(
            "{language} assertion must return a boolean, number, or {{pass, score, reason}} object. Got instead:\n{shown}"
        )
    };
    let Value::Object(fields) = value else { return Err(wrong()) };
    let mut graded = grading_result(Value::Object(camel(fields))).ok_or_else(wrong)?;
    if let Some(threshold) = given.assertion.threshold.filter(|threshold| graded.score < *threshold)
    {
        let less = format!("{language} score {} is less than threshold {threshold}", graded.score);
        graded.pass = false;
        graded.reason =
            if graded.reason.is_empty() { less } else { format!("{less}: {}", graded.reason) };
    }
    Ok(turned(given, graded, &format!("{language} code")))
}

fn camel(fields: Map<String, Value>) -> Map<String, Value> {
    let name = |name: String| match name.as_str() {
        "pass_" => "pass".to_owned(),
        "named_scores" => "namedScores".to_owned(),
        "component_results" => "componentResults".to_owned(),
        "tokens_used" => "tokensUsed".to_owned(),
        _ => name,
    };
    let value = |name: &str, value: Value| match value {
        Value::Array(items) if name == "componentResults" => items
            .into_iter()
            .map(|item| match item {
                Value::Object(fields) => Value::Object(camel(fields)),
                other => other,
            })
            .collect(),
        other => other,
    };
    let fields = fields.into_iter().map(|(own, given)| (name(own), given));
    fields.map(|(name, given)| (name.clone(), value(&name, given))).collect()
}

/// Computes the case's score from its named scores with the case's own script.
pub(super) async fn score(
    script: &str,
    graded: GradingResult,
    ctx: CaseContext<'_>,
) -> GradingResult {
    if graded.skipped.is_some() {
        return graded;
    }
    let script = match script.strip_prefix("file://") {
        Some(reference) => {
            let (path, function) = match reference.rsplit_once(':') {
                Some((path, name)) if !name.contains(['/', '.']) => (path, Some(name.to_owned())),
                _ => (reference, None),
            };
            let python = Path::new(path).extension().is_some_and(|ending| ending == "py");
            let python = python.then(|| "get_score".to_owned());
            Script::File { path: ctx.grading.base.join(path), function: function.or(python) }
        }
        None => Script::JavaScript(script.to_owned()),
    };
    let context = json!({
        "threshold": ctx.case.threshold,
        "componentResults": graded.component_results,
        "tokensUsed": graded.tokens_used,
    });
    let arguments =
        [("namedScores", Value::Object(graded.named_scores.clone())), ("context", context)];
    let failed = |why: &str, graded: GradingResult| GradingResult {
        pass: false,
        score: 0.0,
        reason: format!("Scoring function error: {why}"),
        ..graded
    };
    match ctx.grading.scripts.call(&script, &arguments).await {
        Ok(made) => match grading_result(made) {
            Some(made) => {
                GradingResult { pass: made.pass, score: made.score, reason: made.reason, ..graded }
            }
            None => failed("assertion scoring function must return a GradingResult", graded),
        },
        Err(Error::Failed(why)) => failed(&why, graded),
        Err(Error::Refused(why)) => GradingResult::error(why.to_string()),
        Err(Error::Missing(why)) => GradingResult {
            component_results: graded.component_results,
            ..GradingResult::skipped(why)
        },
    }
}
