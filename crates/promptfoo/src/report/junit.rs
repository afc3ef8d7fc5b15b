//! The report for continuous integration: `JUnit` XML laid out like promptfoo's, one test suite a
//! column.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::document::timestamp;
use super::fault;
use super::read::{ColumnTotals, Run};
use super::tree::{attribute, escape};
use crate::row::{EvalRow, Verdict};

/// Maximum length of a failure's text in characters; CI systems reject large files.
const MAX_LEN: usize = 4_000;

pub(super) fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let time: f64 = run.totals.columns.iter().map(|column| column.time_ms).sum();
    writeln!(out, "<testsuites name=\"promptfoo\" {}>", attributes(run.counts(), time))?;
    for (index, column) in run.totals.columns.iter().enumerate() {
        suite(run, index, column, out)?;
    }
    writeln!(out, "</testsuites>")
}

fn attributes([passed, failures, errors, skipped]: [usize; 4], ms: f64) -> String {
    let tests = passed + failures + errors + skipped;
    let time = ms / 1_000.0;
    format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time:.3}\""
    )
}

fn suite(run: &Run, index: usize, column: &ColumnTotals, out: &mut dyn Write) -> io::Result<()> {
    let name = attribute(&run.column(index));
    let counts = attributes(column.counts, column.time_ms);
    let at = timestamp(run.summary.started_at);
    writeln!(out, "  <testsuite name=\"{name}\" {counts} timestamp=\"{at}\">")?;
    for row in run.rows(|place| place.column.min(9_999) == index)? {
        case(run, &row?, &name, out)?;
    }
    writeln!(out, "  </testsuite>")
}

fn case(run: &Run, row: &EvalRow, class: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut name = format!("test {}: {}", row.test_idx + 1, cut(&row.title(), 300));
    if run.totals.repeats > 1 {
        let _ = write!(name, " (run {})", row.repeat + 1);
    }
    let name = attribute(&name);
    let time = row.latency_ms / 1_000.0;
    write!(out, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{time:.3}\"")?;
    match row.verdict() {
        Verdict::Passed => writeln!(out, "/>"),
        Verdict::Skipped => {
            let why = row.skipped.as_deref().unwrap_or_default();
            writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", attribute(why))
        }
        Verdict::Failed => fault(row, "failure", "assertion", out),
        Verdict::Error => fault(row, "error", "error", out),
    }
}

fn fault(row: &EvalRow, element: &str, kind: &str, out: &mut dyn Write) -> io::Result<()> {
    let faults = fault::faults(row);
    let first = faults.first().map(|fault| fault.reason.as_str()).unwrap_or_default();
    let mut text = format!("Score: {}\n", row.score + 0.0);
    for fault in &faults {
        let kind = if fault.kind.is_empty() { "row" } else { &fault.kind };
        let _ = writeln!(text, "- {kind}: {}", fault.reason);
        if let Some(expected) = &fault.expected {
            let _ = writeln!(text, "  expected: {expected}");
        }
    }
    let _ = write!(text, "Output: {}", fault::output(row));
    let (message, text) = (attribute(&cut(first, 300)), escape(&cut(&text, MAX_LEN)));
    writeln!(out, ">")?;
    writeln!(out, "      <{element} type=\"{kind}\" message=\"{message}\">{text}</{element}>")?;
    writeln!(out, "    </testcase>")
}

pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
