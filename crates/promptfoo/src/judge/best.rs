//! `select-best`: the grader picks the best of several answers to a case; the others fail.

use serde_json::Value;

use super::grader::grader;
use super::judge_context::{plain, render};
use super::{GraderKind, text};
use crate::context::GradingContext;
use crate::result::GradingResult;
use crate::spec::{Assertion, Case, Vars};
use crate::target::TargetRequest;

const BEST: &str = include_str!("../../prompts/select-best.md");

/// Grades all answers to a case together; one result for each, in order.
pub async fn select_best(
    assertion: &Assertion,
    case: &Case,
    vars: &Vars,
    outputs: &[Value],
    grading: &GradingContext,
) -> Vec<GradingResult> {
    if outputs.len() < 2 {
        let why = "select-best assertion must have at least two outputs to compare between";
        return outputs.iter().map(|_| GradingResult::error(why)).collect();
    }
    let template = written(assertion, case, grading);
    match template {
        Ok(template) => match choose(assertion, case, vars, outputs, grading, &template).await {
            Ok(all) => all,
            Err(ended) => vec![*ended; outputs.len()],
        },
        Err(why) => outputs.iter().map(|_| GradingResult::error(why.clone())).collect(),
    }
}

fn written(assertion: &Assertion, case: &Case, grading: &GradingContext) -> Result<String, String> {
    let own = assertion.field("rubricPrompt");
    let prompt = if own.is_null() { case.options.get("rubricPrompt").unwrap_or(own) } else { own };
    match prompt {
        Value::Null => Ok(BEST.to_owned()),
        Value::String(text) => match text.strip_prefix("file://") {
            Some(file) => {
                let path = grading.base.join(file);
                let policy = grading.targets.policy();
                policy
                    .text(&path)
                    .map_err(|error| format!("rubricPrompt: {}: {error}", path.display()))
            }
            None => Ok(text.clone()),
        },
        other => Ok(other.to_string()),
    }
}

async fn choose(
    assertion: &Assertion,
    case: &Case,
    vars: &Vars,
    outputs: &[Value],
    grading: &GradingContext,
    template: &str,
) -> Result<Vec<GradingResult>, Box<GradingResult>> {
    let grader = grader(GraderKind::Text, assertion, case, grading).map_err(Box::new)?;
    let criteria = grading
        .templates
        .render(&text(&assertion.value), vars)
        .map_err(|error| Box::new(GradingResult::error(error)))?;
    let mut seen: Vars =
        vars.iter().map(|(name, value)| (name.clone(), plain(value.clone()))).collect();
    seen.insert("criteria".into(), criteria.as_str().into());
    seen.insert("outputs".into(), outputs.iter().map(|output| Value::from(text(output))).collect());
    let prompt = render(grading, template, &seen)
        .map_err(|error| Box::new(GradingResult::error(format!("rubricPrompt: {error}"))))?;
    let config = Value::Null;
    let asked = TargetRequest { prompt: &prompt, vars, case: None, config: &config, repeat: 0 };
    let response = grader.target.ask(&asked).await;
    if let Some(why) = response.skipped {
        return Err(Box::new(GradingResult::skipped(why)));
    }
    let failed = |reason: String| GradingResult {
        tokens_used: response.token_usage,
        ..GradingResult::failed(reason)
    };
    if let Some(error) = response.error {
        return Err(Box::new(failed(error)));
    }
    let said = if response.output.is_null() { String::new() } else { text(&response.output) };
    let chosen = number(&said).filter(|chosen| *chosen < outputs.len());
    let Some(chosen) = chosen else {
        let start = super::words::truncate(&said);
        return Err(Box::new(failed(if start.is_empty() {
            "No output".into()
        } else {
            format!("Invalid select-best verdict: {start}")
        })));
    };
    let judged = (0..outputs.len()).map(|index| {
        let one = if index == chosen {
            GradingResult::scored(true, 1.0, format!("Output selected as the best: {criteria}"))
        } else {
            GradingResult::failed(format!("Output not selected: {criteria}"))
        };
        // The grader ran once, so its tokens count once.
        GradingResult { tokens_used: response.token_usage.filter(|_| index == 0), ..one }
    });
    Ok(judged.collect())
}

fn number(said: &str) -> Option<usize> {
    let start = said.find(|c: char| c.is_ascii_digit())?;
    let rest = &said[start..];
    rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_counts() {
        assert_eq!(
            (number("the best is 1, not 0"), number("none"), number("12")),
            (Some(1), None, Some(12))
        );
    }
}
