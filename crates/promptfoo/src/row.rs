//! A row of a run (one case with one prompt and one target), and the summary of a run.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::result::{GradingResult, Response, Tokens};

/// The result of a case with one prompt and one target, in promptfoo's format with extensions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunRow)]
pub struct EvalRow {
    /// Key of the row: the same for the same case, prompt, target and repetition in every run.
    pub key: String,
    /// Index of the case, from 0, after expanding matrices and scenarios.
    pub test_idx: usize,
    /// Index of the column (a prompt with a target), from 0.
    pub prompt_idx: usize,
    /// Number of the repetition, from 0.
    pub repeat: usize,
    /// Whether all assertions passed.
    pub success: bool,
    /// Weighted mean of the assertion scores.
    pub score: f64,
    /// Scores by metric.
    pub named_scores: Map<String, Value>,
    /// The result of the assertions; absent when there was no answer to grade.
    pub grading_result: Option<GradingResult>,
    /// 0: none, 1: a failed assertion, 2: an error.
    pub failure_reason: u8,
    /// The failure or error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the row was skipped. A skipped row neither passes nor counts as a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Latency of the target, in milliseconds.
    pub latency_ms: f64,
    /// Cost in US dollars, including graders.
    pub cost: f64,
    /// Tokens that the target used.
    pub token_usage: Tokens,
    /// The rendered prompt: `{raw, label}`.
    pub prompt: Value,
    /// The target: `{id, label}`.
    pub provider: Value,
    /// The target's response.
    pub response: Option<Response>,
    /// The case as written, merged with its defaults.
    pub test_case: Value,
    /// The variables.
    pub vars: Map<String, Value>,
    /// Metadata of the case.
    pub metadata: Map<String, Value>,
}

impl EvalRow {
    /// The case's title: its description, else its variables on one line.
    pub fn title(&self) -> String {
        if let Some(description) = self.test_case.get("description").and_then(Value::as_str) {
            return description.to_owned();
        }
        let pairs = self.vars.iter().map(|(name, value)| match value {
            Value::String(text) => format!("{name}: {text}"),
            other => format!("{name}: {other}"),
        });
        pairs.collect::<Vec<_>>().join(", ")
    }

    /// The row's verdict.
    pub fn verdict(&self) -> Verdict {
        match (self.success, &self.skipped, self.failure_reason) {
            (true, ..) => Verdict::Passed,
            (false, Some(_), _) => Verdict::Skipped,
            (false, None, 2) => Verdict::Error,
            (false, None, _) => Verdict::Failed,
        }
    }
}

words! {
    /// Verdict of a row. Row counts are in this order.
    #[schema(as = RowVerdict)]
    pub enum Verdict {
        /// All assertions passed.
        Passed = "passed",
        /// An assertion failed.
        Failed = "failed",
        /// There is no answer, or an assertion is invalid.
        Error = "error",
        /// The row could not run here.
        Skipped = "skipped",
    }
}

/// A column of a run: a prompt with a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunColumn)]
pub struct Column {
    /// The prompt's template.
    pub raw: String,
    /// The prompt's label.
    pub label: String,
    /// The target's name.
    pub provider: String,
    /// Totals of the column.
    pub metrics: Metrics,
}

/// Totals of a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunMetrics)]
pub struct Metrics {
    /// Sum of the rows' scores.
    pub score: f64,
    /// Number of rows that passed.
    pub test_pass_count: usize,
    /// Number of rows that failed.
    pub test_fail_count: usize,
    /// Number of rows that are errors.
    pub test_error_count: usize,
    /// Number of rows that were skipped.
    pub test_skip_count: usize,
    /// Number of assertions that passed.
    pub assert_pass_count: usize,
    /// Number of assertions that failed.
    pub assert_fail_count: usize,
    /// Total latency of all rows, in milliseconds.
    pub total_latency_ms: f64,
    /// Tokens of all rows.
    pub token_usage: Tokens,
    /// Sums of the scores by metric, and derived metrics.
    pub named_scores: Map<String, Value>,
    /// Number of scores in each sum; derived metrics have none.
    pub named_scores_count: Map<String, Value>,
    /// Total cost in US dollars.
    pub cost: f64,
}

/// Summary of a run: its metadata and aggregates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunSummary)]
pub struct Summary {
    /// Id of the run: `eval-` and its start time.
    pub id: String,
    /// Start, in milliseconds since 1970.
    pub started_at: i64,
    /// Duration in milliseconds.
    pub took_ms: f64,
    /// The suite's file.
    pub suite: String,
    /// The suite's description.
    pub description: String,
    /// The columns.
    pub prompts: Vec<Column>,
    /// Names of all variables, in order.
    pub vars: Vec<String>,
    /// Tokens that the graders used.
    pub grader_tokens: Tokens,
    /// Cost of the graders, in US dollars.
    pub grader_cost: f64,
    /// Whether every row ran; false when the run was stopped or timed out.
    pub complete: bool,
    /// Why the run was stopped before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The suite's configuration as it was read.
    pub config: Value,
    /// Further tables, such as retrieval metrics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
}

impl Summary {
    /// Number of rows by verdict: passed, failed, errors, skipped.
    pub fn counts(&self) -> [usize; 4] {
        self.prompts.iter().fold([0; 4], |[a, b, c, d], column| {
            let it = &column.metrics;
            [
                a + it.test_pass_count,
                b + it.test_fail_count,
                c + it.test_error_count,
                d + it.test_skip_count,
            ]
        })
    }
}

/// An additional table in a report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ReportTable)]
pub struct Table {
    /// The table's title.
    pub title: String,
    /// The column headings.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}
