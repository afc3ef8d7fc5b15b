//! `select-best`: the grader picks the best of several answers to a case; the others fail.

use serde_json::Value;

use super::grader::grader;
use super::judge_context::{plain, render};
use super::words::truncate;
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
    let said = if response.output.is_null() { String::new() } else { text(&response.output) };
    let chosen = match &response.error {
        Some(error) => Err(error.clone()),
        None => chosen(&said, outputs.len()),
    };
    let judged = (0..outputs.len()).map(|index| {
        let mut one = match &chosen {
            Ok(best) if *best == index => {
                GradingResult::scored(true, 1.0, format!("Output selected as the best: {criteria}"))
            }
            Ok(_) => GradingResult::failed(format!("Output not selected: {criteria}")),
            Err(why) => {
                let mut one = GradingResult::failed(why);
                if !said.is_empty() {
                    one.metadata.insert("graderSaid".into(), truncate(&said).into());
                }
                one
            }
        };
        // The grader ran once, so what it used counts once.
        if index == 0 {
            one.tokens_used = response.token_usage;
            // A cached answer was paid for earlier.
            if let Some(cost) = response.cost.filter(|_| !response.cached) {
                one.metadata.insert("cost".into(), cost.into());
            }
        }
        one
    });
    Ok(judged.collect())
}

/// The index of the best output, from the grader's answer; the error is promptfoo's.
fn chosen(said: &str, outputs: usize) -> Result<usize, String> {
    if said.is_empty() {
        return Err("No output".into());
    }
    let verdict = number(said);
    let shown = verdict.map_or_else(|| "NaN".to_owned(), |verdict| verdict.to_string());
    let best = verdict.filter(|verdict| *verdict < outputs);
    best.ok_or_else(|| format!("Invalid select-best verdict: {shown}"))
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
    fn a_bad_index_has_promptfoos_reason() {
        let wrong = |said| chosen(said, 2).unwrap_err();
        assert_eq!(wrong("no verdict"), "Invalid select-best verdict: NaN");
        assert_eq!(wrong("The best is 7."), "Invalid select-best verdict: 7");
        assert_eq!(wrong(""), "No output");
        assert_eq!(chosen("1", 2), Ok(1));
    }

    #[test]
    fn the_first_number_counts() {
        assert_eq!(
            (number("the best is 1, not 0"), number("none"), number("12")),
            (Some(1), None, Some(12))
        );
    }
}
