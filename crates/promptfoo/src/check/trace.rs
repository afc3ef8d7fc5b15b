//! `trace-span-count`, `trace-span-duration`, `trace-error-spans`: assertions on a target's spans.
//! `not-` has no effect, as in promptfoo; in strict mode it is an error.

use regex::RegexBuilder;
use serde_json::Value;

use super::CheckResult;
use super::prepare::PreparedAssertion;
use super::response_metrics::verdict;
use super::text::written;
use crate::result::Span;

/// Whether a name matches a pattern of `*` and `?`, ignoring case.
pub(super) fn matches(name: &str, pattern: &str) -> bool {
    let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    let built = RegexBuilder::new(&format!("^{pattern}$")).case_insensitive(true).build();
    built.is_ok_and(|built| built.is_match(name))
}

pub(super) fn spans<'a>(given: &PreparedAssertion<'a>) -> Result<&'a [Span], String> {
    let kind = &given.assertion.kind;
    if given.inverse() && given.ctx.grading.strict && kind.starts_with("trace-") {
        return Err(format!("`not-` changes nothing here (promptfoo ignores it): not-{kind}"));
    }
    let spans = given.ctx.response.spans.as_deref();
    spans.ok_or_else(|| format!("No trace data available for {kind} assertion"))
}

fn spans_matching<'a>(spans: &'a [Span], pattern: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| matches(&span.name, pattern)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "no trace has 2^52 spans")]
fn number(count: usize) -> f64 {
    count as f64
}

/// `trace-span-count`: `{pattern, min, max}`.
pub(super) fn span_count(given: &PreparedAssertion<'_>) -> CheckResult {
    let spans = spans(given)?;
    let value = &given.assertion.value;
    let pattern = value["pattern"].as_str().filter(|pattern| !pattern.is_empty());
    let pattern = pattern
        .ok_or("trace-span-count assertion must have a value object with pattern property")?;
    let (min, max) = (value["min"].as_f64(), value["max"].as_f64());
    let found = spans_matching(spans, pattern);
    let count = found.len();
    let range = match (min, max) {
        (Some(min), _) if number(count) < min => format!(", expected at least {min}"),
        (_, Some(max)) if number(count) > max => format!(", expected at most {max}"),
        (Some(min), Some(max)) => format!(" (expected {min}-{max})"),
        (Some(min), None) => format!(" (expected at least {min})"),
        (None, Some(max)) => format!(" (expected at most {max})"),
        (None, None) => String::new(),
    };
    let mut names: Vec<&str> = Vec::new();
    for span in &found {
        if !names.contains(&span.name.as_str()) {
            names.push(&span.name);
        }
    }
    let matched = if names.is_empty() {
        String::new()
    } else {
        format!(". Matched spans: {}", names.join(", "))
    };
    let reason = format!("Found {count} spans matching pattern \"{pattern}\"{range}{matched}");
    Ok(verdict(!range.starts_with(','), reason))
}

/// `trace-span-duration`: `{pattern, max, percentile}`, `max` in milliseconds.
pub(super) fn span_duration(given: &PreparedAssertion<'_>) -> CheckResult {
    let spans = spans(given)?;
    let value = &given.assertion.value;
    let max = value["max"]
        .as_f64()
        .ok_or("trace-span-duration assertion must have a value object with max property")?;
    let pattern = value["pattern"].as_str().unwrap_or("*");
    let took = |span: &&Span| Some((span.name.clone(), span.end_time? - span.start_time));
    let mut all: Vec<(String, f64)> =
        spans_matching(spans, pattern).iter().filter_map(took).collect();
    if all.is_empty() {
        let reason =
            format!("No spans found matching pattern \"{pattern}\" with complete timing data");
        return Ok(verdict(true, reason));
    }
    all.sort_by(|one, other| other.1.total_cmp(&one.1));
    let slowest = |least: f64, strictly: bool| {
        let slow =
            all.iter().filter(|(_, took)| if strictly { *took > least } else { *took >= least });
        slow.take(3).map(|(name, took)| format!("{name} ({took}ms)")).collect::<Vec<_>>().join(", ")
    };
    let Some(percentile) = value["percentile"].as_f64() else {
        let slow = all.iter().filter(|(_, took)| *took > max).count();
        return Ok(match slow {
            0 => verdict(
                true,
                format!(
                    "All {} spans matching pattern \"{pattern}\" completed within {max}ms (max: {}ms)",
                    all.len(),
                    all[0].1
                ),
            ),
            _ => verdict(
                false,
                format!(
                    "{slow} span(s) exceed duration threshold {max}ms. Slowest: {}",
                    slowest(max, true)
                ),
            ),
        });
    };
    let took = at_percentile(&all, percentile);
    let said = format!("{percentile}th percentile duration ({took}ms)");
    Ok(if took > max {
        verdict(
            false,
            format!("{said} exceeds threshold {max}ms. Slowest spans: {}", slowest(took, false)),
        )
    } else {
        verdict(true, format!("{said} is within threshold {max}ms"))
    })
}

/// The duration at a percentile; `all` is sorted slowest first.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is bounded by the number of spans"
)]
fn at_percentile(all: &[(String, f64)], percentile: f64) -> f64 {
    let place =
        (percentile / 100.0 * number(all.len())).ceil().clamp(1.0, number(all.len())) as usize;
    all[all.len() - place].1
}

fn is_error(span: &Span) -> bool {
    let told = |name: &str| match &span.attributes.get(name) {
        Some(Value::Bool(told)) => *told,
        Some(Value::String(told)) => told == "true",
        Some(Value::Object(_) | Value::Array(_)) => true,
        _ => false,
    };
    let status =
        span.attributes.get("http.status_code").and_then(|code| written(code).parse::<f64>().ok());
    let marked = |name: &str| span.attributes.get(name).is_some_and(|status| status == "ERROR");
    let message = span.status_message.as_deref().unwrap_or_default().to_lowercase();
    span.status_code == Some(2)
        || ["error", "exception", "failed", "failure"].into_iter().any(told)
        || status.is_some_and(|status| status >= 400.0)
        || marked("otel.status_code")
        || marked("status.code")
        || ["error", "failed", "failure", "exception", "timeout", "abort"]
            .iter()
            .any(|word| message.contains(word))
}

/// `trace-error-spans`: a number, or `{max_count, max_percentage, pattern}`.
pub(super) fn error_spans(given: &PreparedAssertion<'_>) -> CheckResult {
    let spans = spans(given)?;
    let value = &given.assertion.value;
    let most_percent = value["max_percentage"].as_f64();
    let most = value.as_f64().or(value["max_count"].as_f64());
    let most = most.or(most_percent.is_none().then_some(0.0));
    let pattern = value["pattern"].as_str().filter(|pattern| !pattern.is_empty()).unwrap_or("*");
    let found = spans_matching(spans, pattern);
    if found.is_empty() {
        return Ok(verdict(true, format!("No spans found matching pattern \"{pattern}\"")));
    }
    let errors: Vec<&Span> = found.iter().filter(|span| is_error(span)).copied().collect();
    let (count, all) = (errors.len(), found.len());
    let percent = number(count) / number(all) * 100.0;
    if let Some(most) = most.filter(|most| number(count) > *most) {
        let more = if count > 3 { format!(" and {} more", count - 3) } else { String::new() };
        let list = errors.iter().take(3).map(|span| detail(span)).collect::<Vec<_>>().join(", ");
        return Ok(verdict(
            false,
            format!("Found {count} error spans, expected at most {most}. Errors: {list}{more}"),
        ));
    }
    if let Some(most) = most_percent.filter(|most| percent > *most) {
        let reason = format!(
            "Error rate {percent:.1}% exceeds threshold {most}% ({count} errors out of {all} spans)"
        );
        return Ok(verdict(false, reason));
    }
    if count == 0 {
        return Ok(verdict(
            true,
            format!("No errors found in {all} spans matching pattern \"{pattern}\""),
        ));
    }
    let within = most.map(|most| format!(", within threshold of {most}")).unwrap_or_default();
    let percents =
        most_percent.map(|most| format!(", within threshold of {most}%")).unwrap_or_default();
    Ok(verdict(
        true,
        format!("Found {count} error(s) in {all} spans ({percent:.1}%){within}{percents}"),
    ))
}

fn detail(span: &Span) -> String {
    match (span.status_message.as_deref().filter(|text| !text.is_empty()), span.status_code) {
        (Some(message), _) => format!("{} ({message})", span.name),
        (None, Some(code)) if code > 0 => format!("{} (status: {code})", span.name),
        _ => span.name.clone(),
    }
}

/// Spans sorted by start time, then by end time.
pub(super) fn in_order(spans: &[Span]) -> Vec<&Span> {
    let mut all: Vec<&Span> = spans.iter().collect();
    all.sort_by(|one, other| {
        let end = |span: &Span| span.end_time.unwrap_or(span.start_time);
        one.start_time.total_cmp(&other.start_time).then(end(one).total_cmp(&end(other)))
    });
    all
}
