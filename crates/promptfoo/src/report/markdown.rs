//! The report for a pull request: a table of the columns and the failures, in Markdown.

use std::io::{self, Write};

use super::fault;
use super::junit::cut;
use super::read::Run;
use super::terminal::{columns, facts};
use super::text::{line, plural};
use crate::row::{Table, Verdict};

/// Maximum number of rows listed; a pull request comment has little room.
const MAX_COUNT: usize = 20;

pub(super) fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let [passed, failed, errors, skipped] = run.counts();
    let title = if run.summary.description.is_empty() {
        &run.summary.suite
    } else {
        &run.summary.description
    };
    writeln!(out, "### Eval: {}\n", cell(title))?;
    let counts = format!(
        "{passed} {}, {failed} {}, {}, {skipped} {}",
        Verdict::Passed,
        Verdict::Failed,
        plural(errors, Verdict::Error.as_str()),
        Verdict::Skipped
    );
    writeln!(out, "**{counts}** ({})\n", facts(run).join(", "))?;
    if !run.summary.complete {
        writeln!(out, "{}\n", cell(&super::incomplete(run.summary)))?;
    }
    table(&columns(run), out)?;
    wrong(run, out)?;
    if !run.totals.skipped.is_empty() {
        let why = |(why, many): (&String, &usize)| vec![plural(*many, "case"), why.clone()];
        let rows = run.totals.skipped.iter().map(why).collect();
        table(
            &Table {
                title: "Skipped".into(),
                columns: names(&[Verdict::Skipped.as_str(), "why"]),
                rows,
            },
            out,
        )?;
    }
    run.summary.tables.iter().try_for_each(|it| table(it, out))
}

fn wrong(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Vec::new();
    for verdict in [Verdict::Failed, Verdict::Error] {
        for row in run.rows(|place| place.verdict == verdict)?.take(MAX_COUNT - rows.len()) {
            let row = row?;
            let reason =
                fault::faults(&row).into_iter().next().map(|it| it.reason).unwrap_or_default();
            rows.push(vec![
                verdict.as_str().into(),
                format!("{} {}", row.test_idx + 1, cut(&row.title(), 120)),
                run.column(row.prompt_idx),
                cut(&reason, 300),
            ]);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let all = run.counts()[1] + run.counts()[2];
    let shown = rows.len();
    table(
        &Table { title: String::new(), columns: names(&["", "case", "column", "why"]), rows },
        out,
    )?;
    if all > shown { writeln!(out, "… and {} more.\n", all - shown) } else { Ok(()) }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Writes a Markdown table with its title above it.
pub(crate) fn table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    if !table.title.is_empty() {
        writeln!(out, "**{}**\n", cell(&table.title))?;
    }
    let join = |cells: &[String]| cells.iter().map(|it| cell(it)).collect::<Vec<_>>().join(" | ");
    writeln!(out, "| {} |", join(&table.columns))?;
    writeln!(out, "|{}", " --- |".repeat(table.columns.len()))?;
    table.rows.iter().try_for_each(|row| writeln!(out, "| {} |", join(row)))?;
    writeln!(out)
}

/// Escapes a table cell: no line breaks, Markdown, HTML or @-mentions.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in line(text).chars() {
        match c {
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '@' => cell.push_str("&#64;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                cell.push('\\');
                cell.push(c);
            }
            other => cell.push(other),
        }
    }
    cell
}
