//! One row of a run: a case, a prompt and a target, once; and the summary of all of them.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::result::{GradingResult, Response, Tokens};

/// A case with a prompt and a target, once. In promptfoo's shape, and what we know beyond that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunRow)]
pub struct EvalRow {
    /// Names it within its suite: the same case, prompt, target and repetition have the same key in every run.
    pub key: String,
    /// The case, counted from 0, after matrices and scenarios were multiplied out.
    pub test_idx: usize,
    /// The column: a prompt with a target, counted from 0.
    pub prompt_idx: usize,
    /// Which repetition, counted from 0.
    pub repeat: usize,
    /// Whether everything held.
    pub success: bool,
    /// The weighted mean of the assertions' scores.
    pub score: f64,
    /// Scores by metric.
    pub named_scores: Map<String, Value>,
    /// What became of the assertions; `None` when there is nothing to try them on.
    pub grading_result: Option<GradingResult>,
    /// 0: nothing failed, 1: an assertion, 2: an error.
    pub failure_reason: u8,
    /// What failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it could not be tried. A skipped row never passes, and is not counted as a failure either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What the customer waited, in milliseconds.
    pub latency_ms: f64,
    /// Dollars, with what graders cost.
    pub cost: f64,
    /// Tokens of the target.
    pub token_usage: Tokens,
    /// `{raw, label}`: the prompt as it was sent.
    pub prompt: Value,
    /// The target: `{id, label}`.
    pub provider: Value,
    /// What it answered.
    pub response: Option<Response>,
    /// The case as it is written, merged.
    pub test_case: Value,
    /// The variables.
    pub vars: Map<String, Value>,
    /// What is said of the case.
    pub metadata: Map<String, Value>,
}

impl EvalRow {
    /// What the case is called: its description, else its variables in a line.
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

    /// How it ended.
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
    /// How a row ended, in the order in which counts of rows stand.
    #[schema(as = RowVerdict)]
    pub enum Verdict {
        /// Everything held.
        Passed = "passed",
        /// Something did not.
        Failed = "failed",
        /// There is no answer, or an assertion is wrong.
        Error = "error",
        /// It could not be tried here.
        Skipped = "skipped",
    }
}

/// One column of a run: a prompt with a target.
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
    /// What came of it.
    pub metrics: Metrics,
}

/// What came of a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunMetrics)]
pub struct Metrics {
    /// The sum of the rows' scores.
    pub score: f64,
    /// Rows that passed.
    pub test_pass_count: usize,
    /// Rows that failed.
    pub test_fail_count: usize,
    /// Rows that are errors.
    pub test_error_count: usize,
    /// Rows that could not be tried.
    pub test_skip_count: usize,
    /// Assertions that passed.
    pub assert_pass_count: usize,
    /// Assertions that failed.
    pub assert_fail_count: usize,
    /// Milliseconds of all rows together.
    pub total_latency_ms: f64,
    /// Tokens.
    pub token_usage: Tokens,
    /// Sums of the scores by metric, and derived metrics.
    pub named_scores: Map<String, Value>,
    /// How many rows have each named score.
    pub named_scores_count: Map<String, Value>,
    /// Dollars.
    pub cost: f64,
}

/// What is known of a run beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RunSummary)]
pub struct Summary {
    /// Its id: `eval-` and when it began.
    pub id: String,
    /// When it began, milliseconds since 1970.
    pub started_at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// The suite's file.
    pub suite: String,
    /// What the suite says of itself.
    pub description: String,
    /// The columns.
    pub prompts: Vec<Column>,
    /// The names of all variables, in order.
    pub vars: Vec<String>,
    /// What the graders used.
    pub grader_tokens: Tokens,
    /// What the graders cost, in dollars.
    pub grader_cost: f64,
    /// Whether every row was run: false when it was stopped or ran out of time.
    pub complete: bool,
    /// Why it was stopped, where a bound did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The configuration as it was read.
    pub config: Value,
    /// What else was measured, such as retrieval: `{title, columns, rows}` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
}

impl Summary {
    /// Rows by how they ended: passed, failed, errors, skipped.
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

/// A table in a report, beside the rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ReportTable)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The columns' heads.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}
