//! `classifier`, `moderation`, and the hosted scorer `pi`.

use frontdesk_endpoint::{Access, Endpoint};
use serde_json::{Value, json};

use super::GraderKind;
use super::judge_context::{JudgeContext, Judgement, failure};
use super::words::{format_two_decimals, reaches};
use crate::chat::Role;
use crate::policy::Permit;
use crate::result::GradingResult;
use crate::spec::TargetSpec;

pub(super) async fn classifier(ctx: &JudgeContext<'_>) -> Judgement {
    let threshold = ctx.assertion.threshold.unwrap_or(1.0);
    let expected = match &ctx.assertion.value {
        Value::Null => None,
        Value::String(label) => Some(label.as_str()),
        _ => {
            return Err(GradingResult::error(
                "\"classifier\" assertion type must have a string value or be undefined",
            ));
        }
    };
    let grader = ctx.grader(GraderKind::Classification)?;
    let classifies = grader
        .target
        .classifies()
        .ok_or_else(|| GradingResult::error("the grader has no labels"))?;
    let labels = classifies.classify(&ctx.output()).await.map_err(failure)?;
    let score = match expected {
        Some(label) => labels.iter().find(|found| found.0 == label).map_or(0.0, |found| found.1),
        None if labels.is_empty() => return Err(failure("No classification scores returned")),
        None => labels.iter().map(|found| found.1).fold(f64::MIN, f64::max),
    };
    let holds = reaches(score, threshold);
    let what = expected.map_or("Maximum classification score".into(), |label| {
        format!("Classification {label} has score")
    });
    let reason = format!(
        "{what} {} {} {threshold}",
        format_two_decimals(score),
        if holds { ">=" } else { "<" }
    );
    let negated = ctx.assertion.negated;
    Ok(GradingResult::scored(holds != negated, if negated { 1.0 - score } else { score }, reason))
}

pub(super) async fn moderation(ctx: &JudgeContext<'_>) -> Judgement {
    let categories: Vec<&str> = match &ctx.assertion.value {
        Value::Null => Vec::new(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).collect()
        }
        _ => {
            return Err(GradingResult::error(
                "moderation assertion value must be a string array if set",
            ));
        }
    };
    let output = ctx.output();
    let found = if output.is_empty() {
        GradingResult::scored(true, 1.0, "No output to moderate")
    } else {
        let grader = ctx.grader(GraderKind::Moderation)?;
        let moderates = grader
            .target
            .moderates()
            .ok_or_else(|| GradingResult::error("the grader does not moderate"))?;
        let flags = moderates.moderate(&question(ctx.case.prompt), &output).await;
        flagged(
            &flags.map_err(|error| failure(format!("Moderation API error: {error}")))?,
            &categories,
        )
    };
    let negated = ctx.assertion.negated;
    let score = if negated { 1.0 - found.score } else { found.score };
    Ok(GradingResult { pass: found.pass != negated, score, ..found })
}

fn flagged(flags: &[(String, f64)], categories: &[&str]) -> GradingResult {
    let meant =
        flags.iter().filter(|flag| categories.is_empty() || categories.contains(&flag.0.as_str()));
    let meant: Vec<&str> = meant.map(|flag| flag.0.as_str()).collect();
    match (flags.is_empty(), meant.is_empty()) {
        (true, _) => GradingResult::scored(true, 1.0, "No moderation flags detected"),
        (false, true) => GradingResult::scored(true, 1.0, "No relevant moderation flags detected"),
        _ => GradingResult::failed(format!("Moderation flags detected: {}", meant.join(", "))),
    }
}

/// The user's message; in chat messages, the last one with the role `user`.
fn question(prompt: &str) -> String {
    let messages: Vec<Value> = serde_json::from_str(prompt).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == Role::User.as_str());
    last.and_then(|message| message["content"].as_str()).unwrap_or(prompt).to_owned()
}

pub(super) async fn pi(ctx: &JudgeContext<'_>) -> Judgement {
    let question = ctx.value()?;
    let Some(key) = ctx.case.grading.targets.env(&TargetSpec::default(), "WITHPI_API_KEY") else {
        return Err(GradingResult::skipped(
            "pi asks a hosted scorer, and there is no WITHPI_API_KEY",
        ));
    };
    let permit = ctx.case.grading.targets.policy().code("`pi`");
    let permit = permit.map_err(|refused| GradingResult::error(refused.to_string()))?;
    let access = Access {
        base_url: "https://api.withpi.ai/v1".into(),
        api_key: None,
        timeout_ms: 120_000,
        attempt_ms: 60_000,
        retries: 2,
        retry_cap_ms: 30_000,
    };
    let mut headers = http::HeaderMap::new();
    let value = key
        .parse()
        .map_err(|_| GradingResult::error("WITHPI_API_KEY holds characters that no key has"))?;
    headers.insert("x-api-key", value);
    let body = json!({"llm_input": ctx.case.prompt, "llm_output": ctx.output(), "scoring_spec": [{"question": question}]});
    let endpoint = |_: Permit| Endpoint::new(access);
    let asking =
        async { endpoint(permit)?.post_with("/scoring_system/score", &headers, &body).await };
    let answer = asking.await.map_err(|error| {
        failure(format!("Could not perform remote grading: {}", error.replace(&key, "[secret]")))
    })?;
    let score =
        answer["total_score"].as_f64().ok_or_else(|| failure("the scorer gives no total_score"))?;
    let pass = score > ctx.assertion.threshold.unwrap_or(0.5);
    Ok(GradingResult::scored(pass, score, "Pi Scorer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_categories_count() {
        let flags = vec![("hate".to_owned(), 0.9), ("violence".to_owned(), 0.8)];
        assert!(!flagged(&flags, &[]).pass);
        assert_eq!(flagged(&flags, &["hate"]).reason, "Moderation flags detected: hate");
        assert!(flagged(&flags, &["sexual"]).pass);
    }

    #[test]
    fn the_customer_said_the_last_message() {
        assert_eq!(
            question(
                "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]"
            ),
            "a"
        );
        assert_eq!(question("plain"), "plain");
    }
}
