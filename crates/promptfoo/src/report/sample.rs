//! Test support: a small run with the edge cases that a report must handle.

use serde_json::{Value, json};

use crate::result::{GradingResult, Response, SeenTurn, Tokens};
use crate::row::{Column, EvalRow, Metrics, Summary, Table};
use crate::run_log::RunLog;

/// Writes the sample run to a folder. Its rows are out of order in the run log.
pub(crate) fn run(folder: &std::path::Path) -> (Summary, RunLog) {
    let run_log = RunLog::at(folder.join("journal.jsonl"));
    let mut rows = rows();
    rows.reverse();
    for row in &rows {
        run_log.add(row).unwrap();
    }
    (summary(), run_log)
}

pub(crate) fn summary() -> Summary {
    let column = |label: &str, score: f64, counts: [usize; 4], hours: f64| Column {
        raw: format!("{label}: {{{{message}}}}"),
        label: label.into(),
        provider: "frontdesk:demo".into(),
        metrics: Metrics {
            score,
            test_pass_count: counts[0],
            test_fail_count: counts[1],
            test_error_count: counts[2],
            test_skip_count: counts[3],
            assert_pass_count: 2,
            assert_fail_count: 2,
            total_latency_ms: 400.0,
            token_usage: Tokens {
                total: 1_234,
                prompt: 1_000,
                completion: 234,
                ..Tokens::default()
            },
            named_scores: json!({"hours": hours, "f1": 0.25}).as_object().unwrap().clone(),
            named_scores_count: json!({"hours": 2}).as_object().unwrap().clone(),
            cost: 0.0025,
        },
    };
    Summary {
        id: "eval-2026-11-22T00:00:00".into(),
        started_at: 1_795_305_600_000,
        took_ms: 2_345.0,
        suite: "eval/suites/demo.yaml".into(),
        description: "Demo <b>suite</b>".into(),
        prompts: vec![
            column("short", 1.5, [1, 2, 1, 0], 1.5),
            column("long", 3.0, [3, 0, 0, 1], 2.0),
        ],
        vars: vec!["message".into(), "city".into()],
        grader_tokens: Tokens { total: 321, ..Tokens::default() },
        grader_cost: 0.001,
        complete: true,
        stopped: None,
        config: json!({"description": "Demo <b>suite</b>", "providers": ["frontdesk:demo"]}),
        tables: vec![Table {
            title: "Retrieval".into(),
            columns: vec!["set".into(), "nDCG@10".into(), "recall@10".into()],
            rows: vec![vec!["日本語".into(), "0.71".into(), "0.93".into()]],
        }],
    }
}

/// The rows of four cases with two columns each.
pub(crate) fn rows() -> Vec<EvalRow> {
    let hours = [
        graded(
            "equals",
            json!("We open at 9 {{city}}"),
            0.0,
            "Expected output \"We open at 10 today\" to equal \"We open at 9 Berlin\"",
        ),
        graded("icontains", json!("open"), 1.0, "Assertion passed"),
    ];
    let mut first = row(0, 0, "When do you open?", "We open at 10 today", &hours);
    first.named_scores = json!({"hours": 0.5}).as_object().unwrap().clone();
    let second = row(
        0,
        1,
        "When do you open?",
        "We open at 9 Berlin",
        &[graded("equals", json!("We open at 9 {{city}}"), 1.0, "Assertion passed")],
    );
    let hostile = "</pre><script>alert('x')</script>\u{1b}[2J\u{7}]]>\n=1+1|a\r\nlast\u{202e}line &amp; \"quoted\"";
    let third = row(
        1,
        0,
        "=HYPERLINK(\"http://x\") <img src=x onerror=alert(1)>",
        hostile,
        &[graded(
            "not-contains",
            json!("<script>"),
            0.0,
            "Expected output to not contain \"<script>\"\nsecond line",
        )],
    );
    let mut fourth = row(
        1,
        1,
        "=HYPERLINK(\"http://x\") <img src=x onerror=alert(1)>",
        "日本語の答え 👩‍🍳 é",
        &[graded("llm-rubric", json!("is polite"), 1.0, "polite enough")],
    );
    if let Some(part) = fourth.grading_result.as_mut().and_then(|it| it.component_results.as_mut())
    {
        part.push(GradingResult {
            assertion: json!({"type": "pi", "value": "x"}),
            ..GradingResult::skipped("no WITHPI_API_KEY")
        });
    }
    fourth.latency_ms = 2_800.0;
    let mut fifth = row(2, 0, "broken", "", &[]);
    (fifth.failure_reason, fifth.grading_result, fifth.response) = (2, None, None);
    fifth.error = Some("API error: 500 Internal Server Error\n<html>oops</html>".into());
    let mut sixth = row(2, 1, "broken", "", &[]);
    (sixth.grading_result, sixth.skipped) = (None, Some("no python".into()));
    let talk = SeenTurn {
        said: vec!["Can I book a table?".into(), "For <4> people".into()],
        outcome: "hand_over".into(),
        reason: Some("booking".into()),
        notified: vec!["+15551230000".into()],
        bubbles: vec!["A colleague will help you.".into()],
        citations: vec!["menu.pdf, page 3".into()],
        owner: "person".into(),
        trace: json!({"transcribe": {"ms": 12, "text": "Can I book"}, "escalate": {"rule": "booking"}, "ms": 40}),
    };
    let mut seventh = row(
        3,
        0,
        "book",
        "A colleague will help you.",
        &[graded("handed-off", json!({"to": "+15551230000"}), 1.0, "Assertion passed")],
    );
    seventh.response.as_mut().unwrap().turns.push(talk);
    let eighth = row(
        3,
        1,
        "book",
        "A colleague will help you.",
        &[graded("handed-off", Value::Null, 1.0, "Assertion passed")],
    );
    vec![first, second, third, fourth, fifth, sixth, seventh, eighth]
}

pub(crate) fn graded(
    kind: &str,
    value: impl Into<Value>,
    score: f64,
    reason: &str,
) -> GradingResult {
    let value: Value = value.into();
    let assertion = json!({"type": kind, "value": value, "metric": "hours"});
    GradingResult { assertion, ..GradingResult::scored(score > 0.5, score, reason) }
}

/// A row with an answer and its assertions.
pub(crate) fn row(
    test: usize,
    column: usize,
    message: &str,
    output: &str,
    parts: &[GradingResult],
) -> EvalRow {
    let pass = !parts.is_empty() && parts.iter().all(|part| part.pass);
    let many = u32::try_from(parts.len().max(1)).unwrap();
    let score = parts.iter().map(|part| part.score).sum::<f64>() / f64::from(many);
    let failing = parts.iter().find(|part| !part.pass);
    let reason = failing.map_or("All assertions passed", |part| part.reason.as_str());
    let vars = json!({"message": message, "city": "Berlin"}).as_object().unwrap().clone();
    EvalRow {
        key: format!("case-{test}-{column}-0"),
        test_idx: test,
        prompt_idx: column,
        success: pass,
        score,
        failure_reason: u8::from(failing.is_some()),
        error: failing.map(|part| part.reason.clone()),
        grading_result: Some(GradingResult {
            component_results: Some(parts.to_vec()),
            ..GradingResult::scored(pass, score, reason)
        }),
        latency_ms: 100.0 + 50.0 * f64::from(u32::try_from(test).unwrap()),
        cost: 0.0005,
        token_usage: Tokens { total: 300, prompt: 250, completion: 50, ..Tokens::default() },
        prompt: json!({"raw": format!("short: {message}"), "label": "short"}),
        provider: json!({"id": "frontdesk:demo", "label": ""}),
        response: Some(Response { output: json!(output), ..Response::default() }),
        test_case: json!({"description": (test != 1).then(|| format!("{message} – case {test}")), "vars": vars}),
        vars,
        ..EvalRow::default()
    }
}
