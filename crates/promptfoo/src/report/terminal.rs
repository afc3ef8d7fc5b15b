//! The report for a terminal: failures, then errors, then skipped rows, then a summary line.

use std::io::{self, Write};

use serde_json::Value;

use super::diff::{self, Piece};
use super::fault::{self, Fault};
use super::read::{Run, count, pass_rate};
use super::text;
use crate::row::{EvalRow, Metrics, Summary, Table, Verdict};

/// Display options of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether to use colours.
    pub colour: bool,
    /// Width in columns.
    pub width: usize,
    /// Maximum number of failures, and of errors, to show in full.
    pub most: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { colour: false, width: 100, most: 50 }
    }
}

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const DIM: &str = "2";
const BOLD: &str = "1";
/// Maximum number of lines shown of a diff or an output.
const LINES: usize = 6;

pub(super) fn write(run: &Run, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { look: Look { width: look.width.max(40), ..look }, out };
    page.listed(run, Verdict::Failed, "FAIL ", RED)?;
    page.listed(run, Verdict::Error, "ERROR", RED)?;
    page.skipped(run)?;
    page.flaky(run)?;
    page.columns(run)?;
    for table in &run.summary.tables {
        page.table(table)?;
    }
    page.sum(run)
}

struct Page<'w> {
    look: Look,
    out: &'w mut dyn Write,
}

impl Page<'_> {
    fn paint(&self, style: &str, text: &str) -> String {
        if self.look.colour { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Writes an indented line, truncated to the terminal's width.
    fn say(&mut self, indent: usize, style: Option<&str>, line: &str) -> io::Result<()> {
        let line = text::fit(line, self.look.width - indent.min(20));
        let line = style.map_or(line.clone(), |style| self.paint(style, &line));
        writeln!(self.out, "{:indent$}{line}", "")
    }

    fn listed(&mut self, run: &Run, verdict: Verdict, mark: &str, style: &str) -> io::Result<()> {
        let many = run.counts()[verdict as usize];
        for row in run.rows(|place| place.verdict == verdict)?.take(self.look.most) {
            self.row(run, &row?, mark, style)?;
        }
        if many > self.look.most {
            let more = text::thousands((many - self.look.most) as u64);
            let line = format!("… and {more} more: write them all to a file with -o report.html");
            self.say(0, Some(DIM), &line)?;
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn row(&mut self, run: &Run, row: &EvalRow, mark: &str, style: &str) -> io::Result<()> {
        let mut title = format!("{} {}", row.test_idx + 1, text::line(&row.title()));
        if row.repeat > 0 || run.totals.repeats > 1 {
            title = format!("{title} (run {})", row.repeat + 1);
        }
        let title = text::fit(&title, self.look.width - mark.len() - 1);
        writeln!(self.out, "{} {}", self.paint(style, mark), self.paint(BOLD, &title))?;
        if run.summary.prompts.len() > 1 {
            self.say(6, Some(DIM), &text::line(&run.column(row.prompt_idx)))?;
        }
        let faults = fault::faults(row);
        for fault in faults.iter().take(3) {
            self.fault(fault, row)?;
        }
        if faults.len() > 3 {
            self.say(6, Some(DIM), &format!("… and {} more", faults.len() - 3))?;
        }
        if faults.iter().all(|fault| fault.expected.is_none()) {
            self.output(row)?;
        }
        writeln!(self.out)
    }

    fn fault(&mut self, fault: &Fault, row: &EvalRow) -> io::Result<()> {
        let kind = match fault.kind.as_str() {
            "" => String::new(),
            kind => format!("{}: ", text::line(kind)),
        };
        // When a diff follows, the reason only repeats it at length.
        let most = if fault.expected.is_some() { 1 } else { 3 };
        let (reason, more) = text::lines(&fault.reason, most);
        for (index, line) in reason.iter().enumerate() {
            let kind = if index == 0 { kind.as_str() } else { "  " };
            let cut = if more && index + 1 == reason.len() { " …" } else { "" };
            self.say(6, None, &format!("{kind}{line}{cut}"))?;
        }
        match &fault.expected {
            Some(expected) => self.difference(expected, &fault::output(row)),
            None => Ok(()),
        }
    }

    /// Writes two lines for single-line texts; else the lines that differ.
    fn difference(&mut self, expected: &str, got: &str) -> io::Result<()> {
        let pieces = diff::compare(expected, got);
        if !expected.trim_end().contains('\n') && !got.trim_end().contains('\n') {
            let missing =
                self.side("expected", &pieces, RED, |piece| matches!(piece, Piece::Missing(_)));
            let extra =
                self.side("got     ", &pieces, GREEN, |piece| matches!(piece, Piece::Extra(_)));
            return writeln!(self.out, "{missing}\n{extra}");
        }
        let mut left = LINES * 2;
        for piece in &pieces {
            let (mark, style, block) = match piece {
                Piece::Same(block) => (' ', DIM, block),
                Piece::Missing(block) => ('-', RED, block),
                Piece::Extra(block) => ('+', GREEN, block),
            };
            let (lines, more) = text::lines(block, if mark == ' ' { 1 } else { LINES.min(left) });
            for line in &lines {
                self.say(8, Some(style), &format!("{mark} {line}"))?;
            }
            if more && left > 0 {
                self.say(8, Some(DIM), "…")?;
            }
            left = left.saturating_sub(lines.len());
        }
        Ok(())
    }

    /// One of the two texts, with its own parts coloured, or in brackets without colours.
    fn side(&self, name: &str, pieces: &[Piece], style: &str, own: fn(&Piece) -> bool) -> String {
        let mut room = self.look.width.saturating_sub(8 + name.len() + 2);
        let mut line = String::new();
        for piece in pieces {
            let (Piece::Same(block) | Piece::Missing(block) | Piece::Extra(block)) = piece;
            let mine = own(piece);
            if room == 0 || !(mine || matches!(piece, Piece::Same(_))) {
                continue;
            }
            let plain = text::fit(&text::line(block), room);
            room = room.saturating_sub(text::width(&plain));
            line.push_str(&match (mine, self.look.colour) {
                (true, true) => self.paint(style, &plain),
                _ => plain,
            });
        }
        format!("        {} {line}", self.paint(DIM, name))
    }

    fn output(&mut self, row: &EvalRow) -> io::Result<()> {
        let output = fault::output(row);
        let (lines, more) = text::lines(&output, LINES);
        for (index, line) in lines.iter().enumerate() {
            let name = if index == 0 { "got " } else { "    " };
            self.say(8, Some(DIM), &format!("{name}{line}"))?;
        }
        if more { self.say(8, Some(DIM), "    …") } else { Ok(()) }
    }

    fn skipped(&mut self, run: &Run) -> io::Result<()> {
        for (why, many) in &run.totals.skipped {
            let line = format!("{}: {}", text::plural(*many, "case"), text::line(why));
            let line = text::fit(&line, self.look.width - 6);
            writeln!(self.out, "{} {line}", self.paint(YELLOW, "SKIP "))?;
        }
        for (why, many) in &run.totals.untried {
            let line = format!(
                "{} of cases that were tried: {}",
                text::plural(*many, "assertion"),
                text::line(why)
            );
            let line = text::fit(&line, self.look.width - 6);
            writeln!(self.out, "{} {line}", self.paint(YELLOW, "SKIP "))?;
        }
        if run.totals.skipped.is_empty() && run.totals.untried.is_empty() {
            return Ok(());
        }
        writeln!(self.out)
    }

    fn flaky(&mut self, run: &Run) -> io::Result<()> {
        let flaky = &run.totals.flaky;
        for it in flaky.iter().take(self.look.most) {
            let title = text::line(&it.title);
            let column = match run.summary.prompts.len() {
                0 | 1 => String::new(),
                _ => format!("  {}", text::line(&run.column(it.column))),
            };
            let line = format!("{} of {} runs passed: {title}{column}", it.passes, it.runs);
            let line = text::fit(&line, self.look.width - 6);
            writeln!(self.out, "{} {line}", self.paint(YELLOW, "FLAKY"))?;
        }
        if flaky.is_empty() { Ok(()) } else { writeln!(self.out) }
    }

    /// Writes one line a column with its named scores; nothing for one column without any.
    fn columns(&mut self, run: &Run) -> io::Result<()> {
        let table = columns(run);
        if table.rows.len() < 2 && table.columns.len() <= COLUMNS.len() {
            Ok(())
        } else {
            self.table(&table)
        }
    }

    fn table(&mut self, table: &Table) -> io::Result<()> {
        if !table.title.is_empty() {
            self.say(0, Some(BOLD), &text::line(&table.title))?;
        }
        let most = (self.look.width / 2).max(20);
        let cell = |text: &String| text::fit(&text::line(text), most);
        let rows: Vec<Vec<String>> = std::iter::once(&table.columns)
            .chain(&table.rows)
            .map(|row| row.iter().map(cell).collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let wide = |index: usize| {
            rows.iter()
                .filter_map(|row| row.get(index))
                .map(|text| text::width(text))
                .max()
                .unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns).map(wide).collect();
        // Shrink the first column, the label, before numbers are cut off.
        let needed = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
        if let Some(first) = widths.first_mut() {
            *first =
                (*first).min(first.saturating_sub(needed.saturating_sub(self.look.width)).max(12));
        }
        for (index, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths);
            let cells = cells.map(|(text, width)| text::pad(&text::fit(text, *width), *width));
            let line = cells.collect::<Vec<_>>().join("  ");
            self.say(2, (index == 0).then_some(DIM), line.trim_end())?;
        }
        writeln!(self.out)
    }

    fn sum(&mut self, run: &Run) -> io::Result<()> {
        let [passed, failed, errors, skipped] = run.counts();
        let part = |many: usize, word: &str, style: &str| {
            let text = format!("{} {word}", text::thousands(many as u64));
            if many == 0 { text } else { self.paint(style, &text) }
        };
        let counts = [
            part(passed, Verdict::Passed.as_str(), GREEN),
            part(failed, Verdict::Failed.as_str(), RED),
            part(errors, if errors == 1 { Verdict::Error.as_str() } else { "errors" }, RED),
            part(skipped, Verdict::Skipped.as_str(), YELLOW),
        ];
        writeln!(self.out, "{}", counts.join(", "))?;
        let mut line = String::new();
        for fact in facts(run) {
            if !line.is_empty() && text::width(&line) + fact.len() + 2 > self.look.width {
                self.say(0, Some(DIM), &std::mem::take(&mut line))?;
            }
            line = if line.is_empty() { fact } else { format!("{line}, {fact}") };
        }
        self.say(0, Some(DIM), &line)?;
        if !run.summary.complete {
            self.say(0, Some(YELLOW), &super::incomplete(run.summary))?;
        }
        Ok(())
    }
}

/// Pass rate, duration, tokens, cost and flaky cases, as text.
pub(super) fn facts(run: &Run) -> Vec<String> {
    let summary = run.summary;
    let mut facts = Vec::new();
    facts.extend(pass_rate(run.counts()).map(|rate| format!("pass rate {}", text::percent(rate))));
    facts.push(text::duration(summary.took_ms));
    let tokens = tokens(summary);
    if tokens > 0 {
        facts.push(format!("{} tokens", text::thousands(tokens)));
    }
    let cost: f64 = run.totals.columns.iter().map(|column| column.cost).sum();
    if cost > 0.0 && summary.grader_cost > 0.0 {
        facts.push(format!(
            "{}, graders {} of it",
            text::dollars(cost),
            text::dollars(summary.grader_cost)
        ));
    } else if cost > 0.0 {
        facts.push(text::dollars(cost));
    }
    if run.totals.repeats > 1 {
        facts.push(format!("{} runs each, {} flaky", run.totals.repeats, run.totals.flaky.len()));
    }
    facts
}

fn tokens(summary: &Summary) -> u64 {
    let targets: u64 = summary.prompts.iter().map(|column| column.metrics.token_usage.total).sum();
    targets + summary.grader_tokens.total
}

const COLUMNS: [&str; 7] = [
    "column",
    Verdict::Passed.as_str(),
    Verdict::Failed.as_str(),
    "errors",
    Verdict::Skipped.as_str(),
    "pass rate",
    "score",
];

/// A table of the columns with verdict counts and named scores.
pub(super) fn columns(run: &Run) -> Table {
    let mut named: Vec<&String> = Vec::new();
    for name in run.summary.prompts.iter().flat_map(|column| column.metrics.named_scores.keys()) {
        if !named.contains(&name) {
            named.push(name);
        }
    }
    let row = |(index, totals): (usize, &super::read::ColumnTotals)| {
        let mut cells = vec![run.column(index)];
        cells.extend(totals.counts.iter().map(|many| text::thousands(*many as u64)));
        cells.push(totals.pass_rate().map(text::percent).unwrap_or_default());
        cells.push(totals.mean().map(text::score).unwrap_or_default());
        let metrics = run.summary.prompts.get(index).map(|column| &column.metrics);
        let mean = |name: &&String| metrics.and_then(|it| named_mean(it, name)).map(text::score);
        cells.extend(named.iter().map(|name| mean(name).unwrap_or_default()));
        cells
    };
    Table {
        title: String::new(),
        columns: COLUMNS
            .into_iter()
            .map(str::to_owned)
            .chain(named.iter().map(|it| (*it).clone()))
            .collect(),
        rows: run.totals.columns.iter().enumerate().map(row).collect(),
    }
}

/// Mean of a named score over a column; derived metrics have no count and stay as they are.
pub(super) fn named_mean(metrics: &Metrics, name: &str) -> Option<f64> {
    let sum = metrics.named_scores.get(name)?.as_f64()?;
    match metrics.named_scores_count.get(name).and_then(Value::as_f64) {
        Some(many) if many > 0.0 => Some(sum / many),
        _ => Some(sum),
    }
}

/// Mean score of the run's rows that were not skipped; `None` when there are none.
pub(super) fn mean(run: &Run) -> Option<f64> {
    let columns = &run.totals.columns;
    let sum: f64 = columns.iter().filter_map(|it| Some(it.mean()? * count(it.scores.len()))).sum();
    let many: usize = columns.iter().map(|it| it.scores.len()).sum();
    (many > 0).then(|| sum / count(many))
}
