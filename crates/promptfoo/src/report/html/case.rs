//! A row of the HTML report: a summary line with expandable details.

use std::io::{self, Write};

use serde_json::Value;

use super::super::diff::{self, Piece};
use super::super::fault;
use super::super::junit::cut;
use super::super::read::{Run, leaves};
use super::super::text;
use super::super::tree::escape;
use crate::result::{GradingResult, SeenTurn};
use crate::row::{EvalRow, Verdict};

/// Maximum length of a text in characters; the JSON report holds all of it.
const MAX_LEN: usize = 8_000;

pub(super) fn write(run: &Run, row: &EvalRow, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<details class=\"row {}\"><summary>", row.verdict())?;
    let word = badge(row.verdict());
    let title = escape(&text::line(&cut(&row.title(), 300)));
    writeln!(
        out,
        "<span class=\"badge\">{word}</span><span class=\"what\"><b>{}</b> {title}",
        row.test_idx + 1
    )?;
    if run.totals.repeats > 1 {
        writeln!(out, "<small>run {}</small>", row.repeat + 1)?;
    }
    if run.totals.columns.len() > 1 {
        writeln!(out, "<small>{}</small>", escape(&text::line(&run.column(row.prompt_idx))))?;
    }
    if let Some(why) = why(row) {
        writeln!(out, "<span class=\"why\">{}</span>", escape(&text::line(&cut(&why, 240))))?;
    }
    let facts = format!("<b>{}</b> {}", text::score(row.score), text::duration(row.latency_ms));
    writeln!(out, "</span><span class=\"facts\">{facts}</span></summary><div class=\"body\">")?;
    body(row, out)?;
    writeln!(out, "</div></details>")
}

fn badge(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "Pass",
        Verdict::Failed => "Fail",
        Verdict::Error => "Error",
        Verdict::Skipped => "Skip",
    }
}

/// The reason in one line; `None` when the row passed.
fn why(row: &EvalRow) -> Option<String> {
    match row.verdict() {
        Verdict::Passed => None,
        Verdict::Skipped => row.skipped.clone(),
        Verdict::Error => row.error.clone(),
        Verdict::Failed => fault::faults(row).into_iter().next().map(|fault| fault.reason),
    }
}

fn body(row: &EvalRow, out: &mut dyn Write) -> io::Result<()> {
    if let Some(error) = &row.error
        && row.verdict() == Verdict::Error
    {
        block("Error", error, out)?;
    }
    let turns = row.response.as_ref().map(|it| it.turns.as_slice()).unwrap_or_default();
    if !row.vars.is_empty() {
        let pair = |(name, value): (&String, &Value)| (name.clone(), fault::plain(value));
        pairs("Variables", row.vars.iter().map(pair), out)?;
    }
    if let Some(raw) = row.prompt.get("raw").map(fault::plain).filter(|raw| !raw.is_empty()) {
        block("Prompt", &raw, out)?;
    }
    answer(row, out)?;
    assertions(row, out)?;
    for (index, turn) in turns.iter().enumerate() {
        turn_of(index, turns.len(), turn, out)?;
    }
    numbers(row, out)
}

/// Writes the answer, as a diff when there is an expected text.
fn answer(row: &EvalRow, out: &mut dyn Write) -> io::Result<()> {
    let got = fault::output(row);
    let expected = fault::faults(row).into_iter().find_map(|fault| fault.expected);
    match expected.filter(|_| row.verdict() == Verdict::Failed) {
        Some(expected) if expected.len() + got.len() < MAX_LEN => {
            writeln!(out, "<h3>Answer, and what was expected</h3><pre class=\"diff\">")?;
            for piece in diff::compare(&expected, &got) {
                match piece {
                    Piece::Same(text) => write!(out, "{}", escape(&text))?,
                    Piece::Missing(text) => write!(out, "<del>{}</del>", escape(&text))?,
                    Piece::Extra(text) => write!(out, "<ins>{}</ins>", escape(&text))?,
                }
            }
            writeln!(out, "</pre><p class=\"dim\"><del>expected</del> <ins>got</ins></p>")
        }
        _ if got.is_empty() => Ok(()),
        _ => block("Answer", &got, out),
    }
}

fn assertions(row: &EvalRow, out: &mut dyn Write) -> io::Result<()> {
    let graded = leaves(row.grading_result.as_ref());
    if graded.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Assertions</h3><div class=\"scroll\"><table class=\"checks\"><tbody>")?;
    for it in graded {
        assertion(it, out)?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn assertion(it: &GradingResult, out: &mut dyn Write) -> io::Result<()> {
    let verdict = match (&it.skipped, it.pass) {
        (Some(_), _) => Verdict::Skipped,
        (None, true) => Verdict::Passed,
        (None, false) => Verdict::Failed,
    };
    let word = badge(verdict);
    let field = |name: &str| it.assertion.get(name).map(fault::plain).unwrap_or_default();
    let metric = match field("metric") {
        metric if metric.is_empty() => metric,
        metric => format!(" <small>{}</small>", escape(&metric)),
    };
    writeln!(
        out,
        "<tr class=\"{verdict}\"><td><span class=\"badge\">{word}</span></td><td>{}{metric}</td><td class=\"value\">{}</td><td>{}</td><td>{}</td></tr>",
        escape(&field("type")),
        escape(&cut(&field("value"), 400)),
        text::score(it.score),
        escape(&cut(&it.reason, 1_000)),
    )
}

/// Writes a pipeline turn: the customer's messages, the replies and each stage.
fn turn_of(index: usize, all: usize, turn: &SeenTurn, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<h3>Turn {} of {all} <small>{}</small></h3><div class=\"chat\">",
        index + 1,
        escape(turn.outcome.as_str())
    )?;
    for said in &turn.said {
        writeln!(out, "<p class=\"said\">{}</p>", escape(&cut(said, MAX_LEN)))?;
    }
    for bubble in &turn.bubbles {
        writeln!(out, "<p class=\"bubble\">{}</p>", escape(&cut(bubble, MAX_LEN)))?;
    }
    writeln!(out, "</div>")?;
    let list = |items: &[String]| items.join(", ");
    let facts = [
        ("Reason", turn.reason.clone().unwrap_or_default()),
        ("Told", list(&turn.notified)),
        ("Cited", list(&turn.citations)),
        ("Owner after it", turn.owner.to_string()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    pairs("", facts.map(|(name, value)| (name.to_owned(), value)), out)?;
    stages(&turn.trace, out)
}

fn stages(trace: &Value, out: &mut dyn Write) -> io::Result<()> {
    let named: Vec<(String, &Value)> = match trace {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(stage).collect(),
        _ => return Ok(()),
    };
    writeln!(out, "<div class=\"stages\">")?;
    for (name, value) in named {
        let shown = escape(&cut(&fault::plain(value), MAX_LEN));
        if value.is_object() || value.is_array() {
            writeln!(
                out,
                "<details><summary>{}</summary><pre>{shown}</pre></details>",
                escape(&name)
            )?;
        } else {
            writeln!(out, "<p>{} <small>{shown}</small></p>", escape(&name))?;
        }
    }
    writeln!(out, "</div>")
}

/// Name and value of a stage when the trace is a list.
fn stage((index, value): (usize, &Value)) -> (String, &Value) {
    let own = ["stage", "name"].iter().find_map(|field| value.get(*field)).and_then(Value::as_str);
    (own.map_or_else(|| format!("step {}", index + 1), str::to_owned), value)
}

fn numbers(row: &EvalRow, out: &mut dyn Write) -> io::Result<()> {
    let mut facts =
        vec![format!("score {}", text::score(row.score)), text::duration(row.latency_ms)];
    if row.token_usage.total > 0 {
        facts.push(format!("{} tokens", text::thousands(row.token_usage.total)));
    }
    if row.cost > 0.0 {
        facts.push(text::dollars(row.cost));
    }
    for (name, score) in &row.named_scores {
        facts.push(format!("{}: {}", escape(name), escape(&score.to_string())));
    }
    writeln!(out, "<p class=\"dim\">{}</p>", facts.join(" · "))
}

fn block(title: &str, body: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h3>{title}</h3><pre>{}</pre>", escape(&cut(body, MAX_LEN)))
}

fn pairs(
    title: &str,
    pairs: impl Iterator<Item = (String, String)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_none() {
        return Ok(());
    }
    if !title.is_empty() {
        writeln!(out, "<h3>{title}</h3>")?;
    }
    writeln!(out, "<dl>")?;
    for (name, value) in pairs {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape(&name), escape(&cut(&value, 2_000)))?;
    }
    writeln!(out, "</dl>")
}
