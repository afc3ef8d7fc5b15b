//! The whole run as one document in promptfoo's format, streamed row by row as JSON, YAML or XML.
//! Extensions are under `frontdesk`, and under `key`, `repeat` and `skipped` in rows; promptfoo
//! ignores them.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::read::Run;
use crate::result::Tokens;
use crate::row::{Column, EvalRow};

/// A streaming writer of fields and lists.
pub(super) trait Tree {
    /// Writes a field of the open object.
    fn field(&mut self, name: &str, value: &Value) -> io::Result<()>;
    /// Begins a field that is an object.
    fn open(&mut self, name: &str) -> io::Result<()>;
    /// Ends the open object.
    fn close(&mut self) -> io::Result<()>;
    /// Writes a list field from an iterator.
    fn list(
        &mut self,
        name: &str,
        items: &mut dyn Iterator<Item = io::Result<Value>>,
    ) -> io::Result<()>;
}

/// Writes a run as a document.
pub(super) fn write(run: &Run, tree: &mut dyn Tree) -> io::Result<()> {
    let summary = run.summary;
    let ids: Vec<String> = summary.prompts.iter().map(prompt_id).collect();
    tree.field("evalId", &json!(summary.id))?;
    tree.open("results")?;
    tree.field("version", &json!(3))?;
    tree.field("timestamp", &json!(timestamp(summary.started_at)))?;
    tree.list("prompts", &mut summary.prompts.iter().map(prompt))?;
    tree.list("results", &mut run.rows(|_| true)?.map(|row| result(&row?, &ids)))?;
    tree.field("stats", &stats(run))?;
    tree.close()?;
    let config = if summary.config.is_object() { summary.config.clone() } else { json!({}) };
    tree.field("config", &config)?;
    tree.field("shareableUrl", &Value::Null)?;
    let made =
        json!({"evaluationCreatedAt": timestamp(summary.started_at), "exportedBy": "frontdesk"});
    tree.field("metadata", &made)?;
    tree.field("vars", &json!(summary.vars))?;
    tree.field("runtimeOptions", &json!({"repeat": run.totals.repeats.max(1)}))?;
    tree.field("frontdesk", &own(run))
}

/// Data of a run that promptfoo has no field for.
fn own(run: &Run) -> Value {
    let summary = run.summary;
    json!({
        "suite": summary.suite,
        "description": summary.description,
        "complete": summary.complete,
        "skipped": run.counts()[3],
        "skippedWhy": run.totals.skipped,
        "untriedAssertions": run.totals.untried,
        "flaky": run.totals.flaky.len(),
        "graderTokens": summary.grader_tokens,
        "graderCost": summary.grader_cost,
        "tables": summary.tables,
    })
}

fn stats(run: &Run) -> Value {
    let [successes, failures, errors, skipped] = run.counts();
    let mut tokens = Tokens::default();
    for column in &run.summary.prompts {
        tokens += column.metrics.token_usage;
    }
    let mut usage = json!(tokens);
    usage["assertions"] = json!(run.summary.grader_tokens);
    json!({
        "successes": successes, "failures": failures, "errors": errors, "skipped": skipped,
        "tokenUsage": usage, "durationMs": run.summary.took_ms,
    })
}

fn prompt(column: &Column) -> io::Result<Value> {
    let mut value = json!({"id": prompt_id(column)});
    if let (Value::Object(to), Value::Object(from)) = (&mut value, serde_json::to_value(column)?) {
        to.extend(from);
    }
    Ok(value)
}

/// A row in promptfoo's format.
pub(super) fn result(row: &EvalRow, prompt_ids: &[String]) -> io::Result<Value> {
    let mut value = serde_json::to_value(row)?;
    value["id"] = json!(row_id(row));
    value["promptId"] = json!(prompt_ids.get(row.prompt_idx));
    if let (Some(why), None) = (&row.skipped, &row.error) {
        value["error"] = json!(format!("skipped: {why}"));
    }
    if !value["testCase"].is_object() {
        value["testCase"] = json!({"vars": row.vars});
    }
    // promptfoo rejects null fields here.
    if let Some(case) = value["testCase"].as_object_mut() {
        case.retain(|_, field| !field.is_null());
    }
    Ok(value)
}

pub(super) fn prompt_ids(run: &Run) -> Vec<String> {
    run.summary.prompts.iter().map(prompt_id).collect()
}

fn prompt_id(column: &Column) -> String {
    hex::encode(Sha256::digest(format!("{}\0{}", column.label, column.raw)))
}

/// An id in UUID format that is the same in every report of the run.
fn row_id(row: &EvalRow) -> String {
    let text = format!("{}\0{}\0{}\0{}", row.key, row.test_idx, row.prompt_idx, row.repeat);
    let hex = hex::encode(Sha256::digest(text));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

/// Formats Unix milliseconds as promptfoo does.
pub(super) fn timestamp(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A JSON writer with two spaces of indentation.
pub(super) struct Json<'w> {
    out: &'w mut dyn Write,
    /// Whether each open object has a field already.
    filled: Vec<bool>,
}

impl<'w> Json<'w> {
    pub(super) fn begin(out: &'w mut dyn Write) -> io::Result<Self> {
        write!(out, "{{")?;
        Ok(Self { out, filled: vec![false] })
    }

    pub(super) fn end(self) -> io::Result<()> {
        writeln!(self.out, "\n}}")
    }

    fn indent(&self) -> String {
        "  ".repeat(self.filled.len())
    }

    fn name(&mut self, name: &str) -> io::Result<()> {
        let filled = self.filled.last_mut().is_some_and(|filled| std::mem::replace(filled, true));
        let comma = if filled { "," } else { "" };
        write!(self.out, "{comma}\n{}{}: ", self.indent(), json!(name))
    }
}

impl Tree for Json<'_> {
    fn field(&mut self, name: &str, value: &Value) -> io::Result<()> {
        self.name(name)?;
        // JSON strings hold no raw line breaks, so indenting every line is safe.
        write!(self.out, "{}", format!("{value:#}").replace('\n', &format!("\n{}", self.indent())))
    }

    fn open(&mut self, name: &str) -> io::Result<()> {
        self.name(name)?;
        self.filled.push(false);
        write!(self.out, "{{")
    }

    fn close(&mut self) -> io::Result<()> {
        self.filled.pop();
        write!(self.out, "\n{}}}", self.indent())
    }

    fn list(
        &mut self,
        name: &str,
        items: &mut dyn Iterator<Item = io::Result<Value>>,
    ) -> io::Result<()> {
        self.name(name)?;
        write!(self.out, "[")?;
        let indent = self.indent();
        for (index, item) in items.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let text = format!("{:#}", item?).replace('\n', &format!("\n{indent}  "));
            write!(self.out, "{comma}\n{indent}  {text}")?;
        }
        write!(self.out, "\n{indent}]")
    }
}
