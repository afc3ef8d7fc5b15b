//! The CSV report in promptfoo's columns: the variables, then the result of each prompt and target.

use std::io::{self, Write};

use csv::Writer;
use serde_json::{Map, Value};

use super::fault;
use super::read::Run;
use crate::row::{EvalRow, Verdict};

pub(super) fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let sheet = Sheet::of(run);
    let mut csv = Writer::from_writer(out);
    csv.write_record(sheet.head(run))?;
    let mut waiting: Vec<EvalRow> = Vec::new();
    for row in run.rows(|_| true)? {
        let row = row?;
        if waiting.first().is_some_and(|first| first.test_idx != row.test_idx) {
            sheet.case(&mut csv, &std::mem::take(&mut waiting))?;
        }
        waiting.push(row);
    }
    sheet.case(&mut csv, &waiting)?;
    csv.flush()
}

struct Sheet<'a> {
    described: bool,
    vars: &'a [String],
    /// Named scores of each column.
    metrics: Vec<Vec<&'a String>>,
}

impl<'a> Sheet<'a> {
    fn of(run: &'a Run) -> Self {
        let named = |column: usize| {
            let column = run.summary.prompts.get(column);
            column.map(|it| it.metrics.named_scores.keys().collect()).unwrap_or_default()
        };
        let metrics = (0..run.totals.columns.len()).map(named).collect();
        Self { described: run.totals.described, vars: &run.summary.vars, metrics }
    }

    fn head(&self, run: &Run) -> Vec<String> {
        let mut head = Vec::new();
        if self.described {
            head.push("Description".to_owned());
        }
        head.extend(self.vars.iter().cloned());
        for (index, metrics) in self.metrics.iter().enumerate() {
            head.push(run.column(index));
            head.extend(["Status", "Score", "Named Scores"].map(str::to_owned));
            head.extend(metrics.iter().map(|name| format!("Metric: {name}")));
            head.extend(["Grader Reason", "Comment"].map(str::to_owned));
        }
        head.iter().map(|cell| safe(cell)).collect()
    }

    /// Writes the lines of a case, one for each repetition.
    fn case(&self, csv: &mut Writer<&mut dyn Write>, rows: &[EvalRow]) -> io::Result<()> {
        let repeats = rows.iter().map(|row| row.repeat).max().map_or(0, |last| last + 1);
        for repeat in 0..repeats {
            let line: Vec<&EvalRow> = rows.iter().filter(|row| row.repeat == repeat).collect();
            if let Some(first) = line.first() {
                csv.write_record(self.line(first, &line))?;
            }
        }
        Ok(())
    }

    fn line(&self, first: &EvalRow, rows: &[&EvalRow]) -> Vec<String> {
        let mut cells = Vec::new();
        if self.described {
            let description = first.test_case.get("description").and_then(Value::as_str);
            cells.push(description.unwrap_or_default().to_owned());
        }
        let var = |name: &String| first.vars.get(name).map(flat).unwrap_or_default();
        cells.extend(self.vars.iter().map(var));
        for (index, metrics) in self.metrics.iter().enumerate() {
            match rows.iter().find(|row| row.prompt_idx == index) {
                Some(row) => outcome(row, metrics, &mut cells),
                None => cells.extend(vec![String::new(); 6 + metrics.len()]),
            }
        }
        cells.iter().map(|cell| safe(cell)).collect()
    }
}

fn outcome(row: &EvalRow, metrics: &[&String], cells: &mut Vec<String>) {
    let status = match row.verdict() {
        Verdict::Passed => "PASS",
        Verdict::Failed => "FAIL",
        Verdict::Error => "ERROR",
        Verdict::Skipped => "SKIPPED",
    };
    let output = row.response.as_ref().map(|response| flat(&response.output)).unwrap_or_default();
    let said = row.skipped.clone().or_else(|| row.error.clone());
    cells.push(match row.verdict() {
        Verdict::Error | Verdict::Skipped if output.is_empty() => said.clone().unwrap_or_default(),
        _ => output,
    });
    cells.push(status.to_owned());
    cells.push(format!("{:.2}", row.score + 0.0));
    cells.push(scores(&row.named_scores));
    let metric = |name: &&String| row.named_scores.get(*name).and_then(Value::as_f64);
    cells.extend(
        metrics.iter().map(|name| metric(name).map(|it| format!("{it:.2}")).unwrap_or_default()),
    );
    let reason = row.grading_result.as_ref().map(|graded| graded.reason.clone());
    cells.push(reason.or(said).unwrap_or_default());
    cells.push(String::new());
}

fn scores(named: &Map<String, Value>) -> String {
    if named.is_empty() { String::new() } else { Value::Object(named.clone()).to_string() }
}

fn flat(value: &Value) -> String {
    match value {
        list @ (Value::Array(_) | Value::Object(_)) => list.to_string(),
        other => fault::plain(other),
    }
}

/// Prevents CSV injection: a text that looks like a formula gets a leading `'`; numbers do not.
fn safe(cell: &str) -> String {
    let begins =
        cell.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{200b}');
    let formula = begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula && cell.trim().parse::<f64>().is_err() {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}
