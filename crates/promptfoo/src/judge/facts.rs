//! `factuality` against an expert's answer, `model-graded-closedqa` against a criterion.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::GraderKind;
use super::judge_context::{JudgeContext, Judgement, failure};
use super::reading;
use super::words::truncate;
use crate::result::GradingResult;

const FACTUALITY: &str = include_str!("../../prompts/factuality.md");
const CLOSED_QA: &str = include_str!("../../prompts/closedqa.md");

/// The categories: letter, setting that overrides the score, default score, and meaning.
const CATEGORIES: &[(char, &str, f64, &str)] = &[
    ('A', "subset", 1.0, "everything the answer says is in the expert's answer"),
    ('B', "superset", 1.0, "the answer says all that the expert's does, and more that fits"),
    ('C', "agree", 1.0, "both answers say the same"),
    ('D', "disagree", 0.0, "the answers contradict each other"),
    ('E', "differButFactual", 1.0, "the answers differ in what does not matter for the facts"),
];

/// A letter in parentheses, as older prompts ask for it.
static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\(?([a-eA-E])\)").ok());

pub(super) async fn factuality(ctx: &JudgeContext<'_>) -> Judgement {
    let ideal = ctx.value()?;
    let grader = ctx.grader(GraderKind::Text)?;
    let template = ctx.rubric_prompt(None, FACTUALITY).await?;
    let own = [
        ("input", ctx.case.prompt.into()),
        ("ideal", ideal.into()),
        ("completion", ctx.output().into()),
    ];
    let said = ctx.ask_text(&grader, &ctx.render(&template, &own)?, 0).await?;
    let (letter, reason) = category(&said).map_err(failure)?;
    let Some((_, setting, usual, meaning)) = CATEGORIES.iter().find(|known| known.0 == letter)
    else {
        return Err(failure(format!("Invalid category value: {letter}")));
    };
    let written =
        ctx.case.case.options.get("factuality").and_then(|scores| scores[*setting].as_f64());
    let score = written.unwrap_or(*usual);
    let reason = reason.unwrap_or_else(|| format!("Category {letter}: {meaning}"));
    Ok(GradingResult::scored(score > 0.0, score, reason))
}

/// The category that the grader names, with its reason if given.
fn category(said: &str) -> Result<(char, Option<String>), String> {
    let object = reading::object_with(said, &["category"]);
    if let Some(named) = object
        .as_ref()
        .and_then(|object| object.get("category")?.as_str())
        .filter(|named| !named.is_empty())
    {
        let letter = named.trim().to_uppercase();
        let reason = object.as_ref().and_then(|object| object.get("reason")?.as_str());
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
        let mut letters = letter.chars();
        return match (letters.next(), letters.next()) {
            (Some(letter @ 'A'..='E'), None) => Ok((letter, reason)),
            _ => Err(format!("Invalid category value: {}", truncate(&letter))),
        };
    }
    let found =
        LETTER.as_ref().and_then(|pattern| pattern.captures(said)?.get(1)?.as_str().chars().next());
    let Some(letter) = found else {
        return Err(format!(
            "Factuality checker output did not match expected format: {}",
            truncate(said)
        ));
    };
    let reason =
        said.split_once(')').map(|(_, reason)| reason.trim()).filter(|reason| !reason.is_empty());
    Ok((letter.to_ascii_uppercase(), Some(reason.unwrap_or(said).to_owned())))
}

pub(super) async fn closed_qa(ctx: &JudgeContext<'_>) -> Judgement {
    let criteria = ctx.value()?;
    let grader = ctx.grader(GraderKind::Text)?;
    let template = ctx.rubric_prompt(None, CLOSED_QA).await?;
    let own: [(&str, Value); 3] = [
        ("input", ctx.case.prompt.into()),
        ("criteria", criteria.into()),
        ("completion", ctx.output().into()),
    ];
    let said = ctx.ask_text(&grader, &ctx.render(&template, &own)?, 0).await?;
    Ok(match said.trim_end().chars().next_back() {
        Some('Y') => {
            GradingResult::scored(true, 1.0, format!("The submission meets the criterion:\n{said}"))
        }
        Some('N') => {
            GradingResult::failed(format!("The submission does not meet the criterion:\n{said}"))
        }
        _ => failure(format!("Model grader produced a malformed response:\n{}", truncate(&said))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_read_as_json_or_in_brackets() {
        assert_eq!(
            category("{\"category\":\" b \",\"reason\":\"x\"}"),
            Ok(('B', Some("x".into())))
        );
        assert_eq!(category("(D) there is\nmore"), Ok(('D', Some("there is\nmore".into()))));
        assert!(category("{\"category\":\"F\"}").unwrap_err().starts_with("Invalid category"));
        assert!(category("B: superset").is_err());
    }
}
