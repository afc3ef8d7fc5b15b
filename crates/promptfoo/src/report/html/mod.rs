//! The report as one self-contained HTML file: charts and every row, no scripts, no network, light
//! and dark mode.

use std::io::{self, Write};

use chrono::DateTime;

use super::read::{Run, pass_rate};
use super::terminal::{columns, mean};
use super::text;
use super::tree::escape;
use crate::row::{Table, Verdict};

mod chart;
mod case;

const STYLE: &str = include_str!("style.css");

/// The verdicts in display order: failures first.
const ORDER: [(Verdict, &str); 4] = [
    (Verdict::Failed, "Failed"),
    (Verdict::Error, "Errors"),
    (Verdict::Skipped, "Skipped"),
    (Verdict::Passed, "Passed"),
];

pub(super) fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let title = escape(title(run));
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    // Defence in depth: answers cannot load or run anything even if escaping fails.
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(out, "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>")?;
    head(run, &title, out)?;
    charts(run, out)?;
    tables(run, out)?;
    rows(run, out)?;
    writeln!(out, "</main>\n</body>\n</html>")
}

fn title<'a>(run: &'a Run) -> &'a str {
    match (run.summary.description.as_str(), run.summary.suite.as_str()) {
        ("", "") => "Eval",
        ("", suite) => suite,
        (description, _) => description,
    }
}

fn head(run: &Run, title: &str, out: &mut dyn Write) -> io::Result<()> {
    let summary = run.summary;
    let at = DateTime::from_timestamp_millis(summary.started_at).unwrap_or_default();
    let facts =
        [escape(&summary.suite), at.format("%Y-%m-%d %H:%M UTC").to_string(), escape(&summary.id)];
    let facts: Vec<&String> = facts.iter().filter(|fact| !fact.is_empty()).collect();
    writeln!(out, "<header><h1>{title}</h1><p class=\"dim\">")?;
    for fact in facts {
        writeln!(out, "<span>{fact}</span>")?;
    }
    writeln!(out, "</p></header>")?;
    if !summary.complete {
        let why = escape(&super::incomplete(summary));
        writeln!(out, "<p class=\"note\">{why}</p>")?;
    }
    tiles(run, out)
}

fn tiles(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let counts = run.counts();
    let summary = run.summary;
    let cost: f64 = run.totals.columns.iter().map(|column| column.cost).sum();
    let tokens: u64 = summary.prompts.iter().map(|it| it.metrics.token_usage.total).sum();
    let tokens = tokens + summary.grader_tokens.total;
    let mut tiles = vec![
        ("Pass rate", pass_rate(counts).map_or("–".into(), text::percent), ""),
        ("Mean score", mean(run).map_or("–".into(), text::score), ""),
        ("Passed", text::thousands(counts[0] as u64), Verdict::Passed.as_str()),
        ("Failed", text::thousands(counts[1] as u64), Verdict::Failed.as_str()),
        ("Errors", text::thousands(counts[2] as u64), Verdict::Error.as_str()),
        ("Skipped", text::thousands(counts[3] as u64), Verdict::Skipped.as_str()),
        ("Time", text::duration(summary.took_ms), ""),
        ("Tokens", text::thousands(tokens), ""),
        ("Cost", text::dollars(cost), ""),
    ];
    if summary.grader_cost > 0.0 {
        tiles.push(("Graders", text::dollars(summary.grader_cost), ""));
    }
    if run.totals.repeats > 1 {
        let flaky = text::thousands(run.totals.flaky.len() as u64);
        tiles.push(("Flaky", flaky, Verdict::Skipped.as_str()));
    }
    writeln!(out, "<section class=\"tiles\">")?;
    for (name, value, class) in tiles {
        let class = if value == "0" { "" } else { class };
        writeln!(out, "<div class=\"tile {class}\"><b>{value}</b><span>{name}</span></div>")?;
    }
    writeln!(out, "</section>")
}

fn charts(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let drawn = [
        chart::pass_rates(run),
        chart::scores(run),
        chart::latencies(run),
        chart::metrics(run),
        chart::kinds(run),
        chart::costs(run),
    ];
    writeln!(out, "<section class=\"charts\">")?;
    for chart in drawn.into_iter().flatten() {
        writeln!(out, "<figure><figcaption>{}</figcaption>{}</figure>", chart.title, chart.body)?;
    }
    writeln!(out, "</section>")
}

fn tables(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    if run.totals.columns.len() > 1 {
        table(&Table { title: "Columns".into(), ..columns(run) }, out)?;
    }
    if !run.totals.skipped.is_empty() || !run.totals.untried.is_empty() {
        let totals = &run.totals;
        let cases =
            totals.skipped.iter().map(|(why, many)| vec![text::plural(*many, "case"), why.clone()]);
        let single = totals
            .untried
            .iter()
            .map(|(why, many)| vec![text::plural(*many, "assertion"), why.clone()]);
        let rows = cases.chain(single).collect();
        let columns = vec!["How many".into(), "Why".into()];
        table(&Table { title: "Could not be tried".into(), columns, rows }, out)?;
    }
    if !run.totals.flaky.is_empty() {
        let rows = run.totals.flaky.iter().take(200).map(|it| {
            vec![format!("{} of {}", it.passes, it.runs), it.title.clone(), run.column(it.column)]
        });
        let columns = vec!["Passed".into(), "Case".into(), "Column".into()];
        table(&Table { title: "Flaky".into(), columns, rows: rows.collect() }, out)?;
    }
    run.summary.tables.iter().try_for_each(|it| table(it, out))
}

/// Writes a table with its title as an HTML section.
pub(crate) fn table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let title = escape(&table.title);
    writeln!(out, "<section class=\"sheet\"><h2>{title}</h2><div class=\"scroll\">")?;
    writeln!(out, "<table><thead><tr>")?;
    for head in &table.columns {
        write!(out, "<th>{}</th>", escape(head))?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for row in &table.rows {
        write!(out, "<tr>")?;
        for cell in row {
            write!(out, "<td>{}</td>", escape(cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div></section>")
}

/// Writes all rows, with filter buttons that work by CSS alone.
fn rows(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let counts = run.counts();
    writeln!(out, "<section class=\"cases\"><h2>Cases</h2>")?;
    let all = counts.iter().sum::<usize>();
    button("all", "All", all, true, out)?;
    for (verdict, name) in ORDER {
        button(verdict.as_str(), name, counts[verdict as usize], false, out)?;
    }
    writeln!(out, "<div class=\"rows\">")?;
    for (verdict, _) in ORDER {
        for row in run.rows(|place| place.verdict == verdict)? {
            case::write(run, &row?, out)?;
        }
    }
    writeln!(out, "</div></section>")
}

fn button(class: &str, name: &str, many: usize, on: bool, out: &mut dyn Write) -> io::Result<()> {
    let checked = if on { " checked" } else { "" };
    let many = text::thousands(many as u64);
    writeln!(
        out,
        "<input type=\"radio\" name=\"shown\" id=\"show-{class}\"{checked}><label for=\"show-{class}\">{name} <i>{many}</i></label>"
    )
}
