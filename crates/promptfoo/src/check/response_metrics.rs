//! Assertions on response data other than text: latency, cost, log probabilities, finish reason,
//! guardrails.

use serde_json::Value;

use super::prepare::PreparedAssertion;
use super::{CheckResult, GradingResult};

fn usual(pass: bool, reason: impl FnOnce() -> String) -> GradingResult {
    GradingResult::when(pass, reason)
}

/// `latency`: at most the threshold, in milliseconds; 0 for a fixed `providerOutput`.
pub(super) fn latency(given: &PreparedAssertion<'_>) -> CheckResult {
    let threshold = given
        .assertion
        .threshold
        .ok_or("Latency assertion must have a threshold in milliseconds")?;
    let took =
        match given.ctx.latency_ms {
            Some(took) if !given.ctx.response.cached => took,
            None if given.ctx.case.provider_output.is_some() => 0.0,
            _ => return Err(
                "Latency assertion does not support cached results. Rerun the eval with --no-cache"
                    .into(),
            ),
        };
    let sign = if given.inverse() { "less than or equal to" } else { "greater than" };
    let reason = || format!("Latency {took}ms is {sign} threshold {threshold}ms");
    Ok(usual((took <= threshold) != given.inverse(), reason))
}

/// `cost`: at most the threshold, in US dollars.
pub(super) fn cost(given: &PreparedAssertion<'_>) -> CheckResult {
    let threshold = given.assertion.threshold.ok_or("Cost assertion must have a threshold")?;
    let given_output = given.ctx.case.provider_output.as_ref().map(|_| 0.0);
    let cost = given.ctx.response.cost.or(given_output);
    let cost = cost.ok_or("Cost assertion does not support providers that do not return cost")?;
    let sign = if given.inverse() { "less than or equal to" } else { "greater than" };
    let reason = || format!("Cost {} is {sign} threshold {threshold}", precise(cost));
    Ok(usual((cost <= threshold) != given.inverse(), reason))
}

/// Formats a number with two significant digits, as JavaScript's `toPrecision(2)` does.
fn precise(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number:.1}");
    }
    let written = format!("{number:.1e}");
    let exponent: i32 = written.split('e').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    match exponent {
        -6..=1 => format!("{number:.*}", usize::try_from(1 - exponent).unwrap_or(0)),
        2.. => written.replace('e', "e+"),
        _ => written,
    }
}

#[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
fn mean_log_prob(given: &PreparedAssertion<'_>, named: &str) -> Result<f64, String> {
    let all = given.ctx.response.log_probs.as_deref().filter(|all| !all.is_empty());
    let all = all.ok_or_else(|| {
        format!("{named} assertion does not support providers that do not return logProbs")
    })?;
    Ok(all.iter().sum::<f64>() / all.len() as f64)
}

/// `perplexity` of the answer's tokens: at most the threshold.
pub(super) fn perplexity(given: &PreparedAssertion<'_>) -> CheckResult {
    let perplexity = (-mean_log_prob(given, "Perplexity")?).exp();
    let Some(threshold) = given.assertion.threshold else { return Ok(GradingResult::passed()) };
    let sign = if given.inverse() { "less than or equal to" } else { "greater than" };
    let reason = || format!("Perplexity {perplexity:.2} is {sign} threshold {threshold}");
    Ok(usual((perplexity <= threshold) != given.inverse(), reason))
}

/// `perplexity-score`: 1 / (1 + perplexity), from 0 to 1; at least the threshold.
pub(super) fn perplexity_score(given: &PreparedAssertion<'_>) -> CheckResult {
    let score = 1.0 / (1.0 + (-mean_log_prob(given, "perplexity-score")?).exp());
    let (shown, sign) = if given.inverse() {
        (1.0 - score, "greater than or equal to")
    } else {
        (score, "less than")
    };
    let threshold = given.assertion.threshold;
    let pass = threshold.is_none_or(|threshold| (score >= threshold) != given.inverse());
    let reason = match (pass, threshold) {
        (false, Some(threshold)) => {
            format!("Perplexity score {score:.2} is {sign} threshold {threshold}")
        }
        _ => "Assertion passed".into(),
    };
    Ok(GradingResult::scored(pass, shown, reason))
}

pub(super) fn finish_reason(given: &PreparedAssertion<'_>) -> CheckResult {
    let wanted =
        given.value.as_str().ok_or("\"finish-reason\" assertion type must have a string value")?;
    let Some(reason) =
        given.ctx.response.finish_reason.as_deref().filter(|reason| !reason.is_empty())
    else {
        return Ok(usual(given.inverse(), || "Provider did not supply stop/finish reason".into()));
    };
    let same = wanted.to_lowercase() == reason.to_lowercase();
    Ok(given.verdict(same, |not| {
        format!("Expected finish reason {not}\"{wanted}\" but got \"{reason}\"")
    }))
}

/// `guardrails`: passes when nothing was flagged.
pub(super) fn guardrails(given: &PreparedAssertion<'_>) -> GradingResult {
    let response = given.ctx.response;
    let history = response.metadata["redteamHistory"].as_array().and_then(|all| all.last());
    let guardrails = match (&response.guardrails, history) {
        (Value::Null, Some(last)) => &last["guardrails"],
        (own, _) => own,
    };
    let is = |name: &str| guardrails[name] == Value::Bool(true);
    if !is("flagged") {
        let blocked = "Content was not blocked by guardrails (expected to be blocked)";
        let reason = if given.inverse() { blocked } else { "Content passed safety checks" };
        return verdict(!given.inverse(), reason.into());
    }
    let usual = match (is("flaggedInput"), is("flaggedOutput")) {
        (true, _) => "Prompt failed safety checks",
        (_, true) => "Output failed safety checks",
        _ => "Content failed safety checks",
    };
    let reason = guardrails["reason"].as_str().filter(|reason| !reason.is_empty()).unwrap_or(usual);
    let reason = if given.inverse() {
        format!("Guardrail correctly blocked: {reason}")
    } else {
        reason.into()
    };
    verdict(given.inverse(), reason)
}

/// A result with score 1 or 0 that carries its reason in both cases.
pub(super) fn verdict(pass: bool, reason: String) -> GradingResult {
    GradingResult::scored(pass, if pass { 1.0 } else { 0.0 }, reason)
}

#[cfg(test)]
mod tests {
    use super::precise;

    #[test]
    fn two_digits_count() {
        let made: Vec<String> = [0.0123, 1.5, 12.34, 123.4, 0.0].map(precise).into();
        assert_eq!(made, ["0.012", "1.5", "12", "1.2e+2", "0.0"]);
    }
}
