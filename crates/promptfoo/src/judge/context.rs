//! `context-recall`, `context-relevance`, `context-faithfulness`: whether the context is sufficient
//! and relevant, and whether the answer is grounded in it.

use serde_json::{Value, json};

use super::judge_context::{JudgeContext, Judgement};
use super::reading::{lines, sentences};
use super::words::{format_two_decimals, number, reaches};
use super::{GraderKind, text};
use crate::result::GradingResult;
use crate::script::{Error, Script};

const RECALL: &str = include_str!("../../prompts/context-recall.md");
const RELEVANCE: &str = include_str!("../../prompts/context-relevance.md");
const STATEMENTS: &str = include_str!("../../prompts/faithfulness-statements.md");
const VERDICTS: &str = include_str!("../../prompts/faithfulness-verdicts.md");

/// A context: one text or a list of chunks.
struct Context {
    pieces: Vec<String>,
    is_list: bool,
}

impl Context {
    fn read(value: &Value) -> Option<Self> {
        let (pieces, is_list) = match value {
            Value::String(text) => (vec![text.clone()], false),
            Value::Array(list) => (
                list.iter()
                    .map(|piece| piece.as_str().map(str::to_owned))
                    .collect::<Option<_>>()?,
                true,
            ),
            _ => return None,
        };
        let is_full = !pieces.is_empty() && pieces.iter().all(|piece| !piece.is_empty());
        is_full.then_some(Self { pieces, is_list })
    }

    fn joined(&self) -> String {
        self.pieces.join("\n\n")
    }

    fn shown(&self) -> Value {
        if self.is_list { json!(self.pieces) } else { self.joined().into() }
    }
}

/// The context: the result of `contextTransform`, else the variable `context`, else `fallback`.
async fn context(ctx: &JudgeContext<'_>, fallback: Option<&str>) -> Result<Context, GradingResult> {
    let transform = ctx.assertion.field("contextTransform").as_str();
    let value = match (transform, ctx.case.vars.get("context")) {
        (Some(transform), _) => transformed(ctx, transform).await?,
        (None, Some(written)) if !written.is_null() && written != "" => written.clone(),
        (None, _) => fallback.map_or(Value::Null, Value::from),
    };
    Context::read(&value).ok_or_else(|| {
        GradingResult::error("Context is required for context-based assertions. Provide either a \"context\" variable (string or array of strings) in your test case or use \"contextTransform\" to extract context from the provider response.")
    })
}

async fn transformed(ctx: &JudgeContext<'_>, transform: &str) -> Result<Value, GradingResult> {
    let case = &ctx.case;
    let script = match transform.strip_prefix("file://") {
        Some(file) => {
            let (path, function) = match file.rsplit_once(':') {
                Some((path, function)) => (path, Some(function.to_owned())),
                None => (file, None),
            };
            Script::File { path: case.grading.base.join(path), function }
        }
        None => Script::JavaScript(transform.to_owned()),
    };
    let about = json!({"vars": case.vars, "prompt": {"label": case.prompt}, "metadata": case.response.metadata});
    let arguments = [("output", case.output.clone()), ("context", about)];
    case.grading.scripts.call(&script, &arguments).await.map_err(|error| match error {
        Error::Missing(why) => GradingResult::skipped(why),
        Error::Refused(why) => GradingResult::error(why.to_string()),
        Error::Failed(why) => GradingResult::error(format!(
            "Failed to transform context using expression '{transform}': {why}"
        )),
    })
}

/// Returns the variable `query`, the user's question.
#[expect(
    clippy::result_large_err,
    reason = "a judgement that ends early is as large as one that does not"
)]
fn query<'a>(ctx: &JudgeContext<'a>) -> Result<&'a str, GradingResult> {
    let wrong = || {
        GradingResult::error(format!(
            "{} assertion requires a \"query\" variable with the user question",
            ctx.assertion.kind
        ))
    };
    ctx.case.vars.get("query").and_then(Value::as_str).ok_or_else(wrong)
}

fn graded(what: &str, score: f64, threshold: f64) -> GradingResult {
    let pass = reaches(score, threshold);
    let sign = if pass { ">=" } else { "<" };
    GradingResult::scored(
        pass,
        score,
        format!("{what} {} is {sign} {threshold}", format_two_decimals(score)),
    )
}

pub(super) async fn recall(ctx: &JudgeContext<'_>) -> Judgement {
    let truth = ctx.assertion.value.as_str();
    let truth = truth.ok_or_else(|| {
        GradingResult::error(
            "context-recall assertion requires a string value (expected answer or fact to verify)",
        )
    })?;
    let context = context(ctx, Some(ctx.case.prompt)).await?;
    let grader = ctx.grader(GraderKind::Text)?;
    let template = ctx.rubric_prompt(None, RECALL).await?;
    let own = [("context", context.joined().into()), ("groundTruth", truth.into())];
    let said = ctx.ask_text(&grader, &ctx.render(&template, &own)?, 0).await?;
    let (all, found) = attributions(&said);
    let score = if all == 0 { 0.0 } else { number(found) / number(all) };
    let mut outcome = graded("Recall", score, ctx.assertion.threshold.unwrap_or(0.0));
    outcome.metadata.insert("context".into(), context.shown());
    outcome.metadata.insert("totalSentences".into(), all.into());
    outcome.metadata.insert("attributedSentences".into(), found.into());
    Ok(outcome)
}

/// Number of sentences that the grader judged, and how many it attributed to the context.
fn attributions(said: &str) -> (usize, usize) {
    let (mut all, mut found) = (0, 0);
    for line in lines(said) {
        let line = line.to_lowercase();
        let missing = line.contains("[not attributed]");
        if missing || line.contains("[attributed]") {
            all += 1;
            found += usize::from(!missing);
        }
    }
    (all, found)
}

pub(super) async fn relevance(ctx: &JudgeContext<'_>) -> Judgement {
    let query = query(ctx)?;
    let context = context(ctx, None).await?;
    let grader = ctx.grader(GraderKind::Text)?;
    let template = ctx.rubric_prompt(None, RELEVANCE).await?;
    let own = [("context", context.joined().into()), ("query", query.into())];
    let said = ctx.ask_text(&grader, &ctx.render(&template, &own)?, 0).await?;
    let (units, taken) = relevant_units(&context, &said);
    let count = taken.len().min(units);
    let score = if units == 0 { 0.0 } else { number(count) / number(units) };
    let mut outcome = graded("Context relevance", score, ctx.assertion.threshold.unwrap_or(0.0));
    outcome.metadata.insert("context".into(), context.shown());
    outcome.metadata.insert("extractedSentences".into(), json!(taken));
    outcome.metadata.insert("totalContextUnits".into(), units.into());
    Ok(outcome)
}

/// Number of units in the context, and the ones that the grader found relevant.
fn relevant_units(context: &Context, said: &str) -> (usize, Vec<String>) {
    let whole = context.joined();
    let units = if context.is_list {
        context.pieces.iter().filter(|piece| !piece.trim().is_empty()).count()
    } else {
        sentences(&whole).len()
    };
    if said.contains("Insufficient Information") {
        return (units, Vec::new());
    }
    let by_line = context.is_list || lines(&whole).len() > 1;
    let found = if by_line {
        lines(said).into_iter().map(str::to_owned).collect()
    } else {
        sentences(said)
    };
    let mut taken: Vec<String> = Vec::new();
    for sentence in found {
        if !taken.contains(&sentence) {
            taken.push(sentence);
        }
    }
    (units, taken)
}

pub(super) async fn faithfulness(ctx: &JudgeContext<'_>) -> Judgement {
    let query = query(ctx)?;
    let context = context(ctx, None).await?;
    let grader = ctx.grader(GraderKind::Text)?;
    let (first, second) = prompts(ctx).await?;
    let own = [("question", query.into()), ("answer", ctx.output().into())];
    let said = ctx.ask_text(&grader, &ctx.render(&first, &own)?, 0).await?;
    let statements = lines(&said);
    let own = [("context", context.joined().into()), ("statements", json!(statements))];
    let said = ctx.ask_text(&grader, &ctx.render(&second, &own)?, 0).await?;
    let score = faithful(&said, statements.len());
    let mut outcome = graded("Faithfulness", score, ctx.assertion.threshold.unwrap_or(0.0));
    outcome.metadata.insert("context".into(), context.shown());
    Ok(outcome)
}

/// The statements prompt and the verdicts prompt; a suite writes both as a list.
async fn prompts(ctx: &JudgeContext<'_>) -> Result<(String, String), GradingResult> {
    let written = ctx.written_prompt();
    if !(written.is_null() || written.is_array()) {
        return Err(GradingResult::error("rubricPrompt must be an array"));
    }
    let part = |index: usize| match &written[index] {
        Value::Object(message) => {
            message.get("content").map_or(Value::Null, |content| text(content).into())
        }
        other => other.clone(),
    };
    let first = ctx.rubric_prompt(Some(&part(0)), STATEMENTS).await?;
    Ok((first, ctx.rubric_prompt(Some(&part(1)), VERDICTS).await?))
}

/// Share of the statements that the grader found in the context; a missing verdict counts as no.
fn faithful(said: &str, statements: usize) -> f64 {
    const FINAL: &str = "final verdict for each statement in order:";
    let said = said.to_lowercase();
    let (yes, all) = if let Some((_, verdicts)) = said.split_once(FINAL) {
        let verdicts = verdicts.split('.').filter(|verdict| !verdict.trim().is_empty());
        let verdicts: Vec<&str> = verdicts.collect();
        (verdicts.iter().filter(|verdict| verdict.contains("yes")).count(), verdicts.len())
    } else {
        let count = |word: &str| said.matches(word).count();
        (count("verdict: yes"), count("verdict: yes") + count("verdict: no"))
    };
    if statements == 0 || all == 0 {
        return 0.0;
    }
    let no = (all - yes) + statements.saturating_sub(all);
    (1.0 - number(no) / number(statements)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributions_are_counted_line_by_line() {
        assert_eq!(attributions("a. [Attributed]\nb [NOT attributed]\nc\n"), (2, 1));
        assert_eq!(attributions(""), (0, 0));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "halves are exact")]
    fn verdicts_that_are_missing_count_as_no() {
        assert_eq!(faithful("Final verdict for each statement in order: Yes. No.", 2), 0.5);
        assert_eq!(faithful("Final verdict for each statement in order: Yes.", 2), 0.5);
        assert_eq!(faithful("Verdict: Yes\nVerdict: No\nVerdict: Yes", 4), 0.5);
        assert_eq!(faithful("nothing", 2), 0.0);
        assert_eq!(faithful("Verdict: yes", 0), 0.0);
    }

    #[test]
    fn a_context_is_counted_in_its_own_pieces() {
        let of = |value: Value| Context::read(&value).unwrap();
        assert_eq!(relevant_units(&of(json!("One. Two. Three.")), "Two. Two.").0, 3);
        assert_eq!(relevant_units(&of(json!("One. Two. Three.")), "Two. Two.").1, ["Two."]);
        assert_eq!(relevant_units(&of(json!(["a. b.", "c."])), "a. b.\nc.").1.len(), 2);
        assert!(Context::read(&json!(["a", 1])).is_none());
        assert!(Context::read(&json!("")).is_none());
    }
}
