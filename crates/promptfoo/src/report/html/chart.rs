//! Charts: histograms as SVG, bars as HTML elements.

use std::fmt::Write as _;

use super::super::read::{Run, count, percentile};
use super::super::terminal::named_mean;
use super::super::text;
use super::super::tree::escape;
use crate::row::Verdict;

/// A chart with its heading; both are HTML.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) body: String,
}

/// Inner width and height of a histogram, in SVG units.
const SIZE: (f64, f64) = (360.0, 120.0);
const MARGIN: f64 = 18.0;
/// Maximum number of bars in a figure.
const MAX_COUNT: usize = 16;

/// The verdicts of each column.
pub(super) fn pass_rates(run: &Run) -> Option<Chart> {
    let mut body = String::new();
    for (index, column) in run.totals.columns.iter().enumerate().take(MAX_COUNT) {
        let [passed, failed, errors, skipped] = column.counts;
        let parts = [
            (passed, Verdict::Passed),
            (failed, Verdict::Failed),
            (errors, Verdict::Error),
            (skipped, Verdict::Skipped),
        ];
        let rate = column.pass_rate().map_or("–".into(), text::percent);
        stacked("bar wide", &run.column(index), &parts, &rate, &mut body);
    }
    (!body.is_empty()).then(|| Chart { title: "Pass rate by column".into(), body })
}

/// The results of each assertion type, lowest pass rate first.
pub(super) fn kinds(run: &Run) -> Option<Chart> {
    let mut kinds: Vec<_> = run.totals.kinds.iter().collect();
    let share = |[passed, failed, _]: &[usize; 3]| count(*passed) / count((passed + failed).max(1));
    kinds.sort_by(|a, b| share(a.1).total_cmp(&share(b.1)));
    let mut body = String::new();
    for (kind, [passed, failed, skipped]) in kinds.into_iter().take(MAX_COUNT) {
        let parts =
            [(*passed, Verdict::Passed), (*failed, Verdict::Failed), (*skipped, Verdict::Skipped)];
        stacked("bar", kind, &parts, &format!("{passed}/{}", passed + failed), &mut body);
    }
    (!body.is_empty()).then(|| Chart { title: "Assertions by type".into(), body })
}

fn stacked(class: &str, name: &str, parts: &[(usize, Verdict)], value: &str, body: &mut String) {
    let all = parts.iter().map(|(many, _)| many).sum::<usize>().max(1);
    let name = escape(&text::line(name));
    let _ = write!(
        body,
        "<div class=\"{class}\"><span class=\"name\">{name}</span><span class=\"track\">"
    );
    for (many, verdict) in parts.iter().filter(|(many, _)| *many > 0) {
        let share = 100.0 * count(*many) / count(all);
        let _ = write!(
            body,
            "<i class=\"{verdict}\" style=\"width:{share:.3}%\" title=\"{many} {verdict}\"></i>"
        );
    }
    let _ = write!(body, "</span><span class=\"value\">{value}</span></div>");
}

pub(super) fn metrics(run: &Run) -> Option<Chart> {
    let mut body = String::new();
    let several = run.summary.prompts.len() > 1;
    for (index, column) in run.summary.prompts.iter().enumerate().take(MAX_COUNT) {
        if several && !column.metrics.named_scores.is_empty() {
            let name = escape(&text::line(&run.column(index)));
            let _ = write!(body, "<p class=\"group\">{name}</p>");
        }
        for name in column.metrics.named_scores.keys().take(MAX_COUNT) {
            let Some(mean) = named_mean(&column.metrics, name) else { continue };
            let (name, share) = (escape(&text::line(name)), mean.clamp(0.0, 1.0) * 100.0);
            let _ = write!(
                body,
                "<div class=\"bar\"><span class=\"name\">{name}</span><span class=\"track\"><i class=\"metric\" style=\"width:{share:.3}%\"></i></span><span class=\"value\">{}</span></div>",
                text::score(mean)
            );
        }
    }
    (!body.is_empty()).then(|| Chart { title: "Named scores".into(), body })
}

/// The cost of each column; `None` when nothing had a cost.
pub(super) fn costs(run: &Run) -> Option<Chart> {
    let columns = &run.totals.columns;
    let most = columns.iter().map(|column| column.cost).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let mut body = String::new();
    for (index, column) in columns.iter().enumerate().take(MAX_COUNT) {
        let rows = count(column.counts.iter().sum::<usize>().max(1));
        let name = escape(&text::line(&run.column(index)));
        let share = 100.0 * column.cost / most;
        let _ = write!(
            body,
            "<div class=\"bar wide\"><span class=\"name\">{name}</span><span class=\"track\"><i class=\"metric\" style=\"width:{share:.3}%\"></i></span><span class=\"value\">{} <small>{} a case</small></span></div>",
            text::dollars(column.cost),
            text::dollars(column.cost / rows)
        );
    }
    Some(Chart { title: "Cost by column".into(), body })
}

/// Histogram of the scores; scores outside 0 to 1 have bars of their own.
pub(super) fn scores(run: &Run) -> Option<Chart> {
    let scores: Vec<f32> =
        run.totals.columns.iter().flat_map(|it| it.scores.iter().copied()).collect();
    if scores.is_empty() {
        return None;
    }
    let mut bins = [0; 12];
    for score in &scores {
        bins[bin(*score)] += 1;
    }
    let inner = (1..=10).map(|index| {
        (format!("{:.1}–{:.1}", count(index - 1) / 10.0, count(index) / 10.0), bins[index])
    });
    let mut bars: Vec<(String, usize)> = inner.collect();
    if bins[0] > 0 {
        bars.insert(0, ("below 0".into(), bins[0]));
    }
    if bins[11] > 0 {
        bars.push(("above 1".into(), bins[11]));
    }
    let (first, last) =
        (if bins[0] > 0 { "< 0" } else { "0" }, if bins[11] > 0 { "> 1" } else { "1" });
    let body = histogram("scores", &bars, &[], (first, last));
    Some(Chart { title: "Scores".into(), body })
}

/// Bin 0 is below 0, 1 to 10 are tenths, 11 is above 1.
fn bin(score: f32) -> usize {
    match score {
        score if score < 0.0 => 0,
        score if score > 1.0 => 11,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10")]
        score => ((score * 10.0) as usize).min(9) + 1,
    }
}

/// Histogram of the latencies, with logarithmic bins.
pub(super) fn latencies(run: &Run) -> Option<Chart> {
    let mut all: Vec<f32> =
        run.totals.columns.iter().flat_map(|it| it.latencies.iter().copied()).collect();
    all.sort_by(f32::total_cmp);
    let (p50, p95) = (percentile(&all, 0.5)?, percentile(&all, 0.95)?);
    let low = all.iter().copied().find(|ms| *ms > 0.0).map(f64::from)?.max(0.01);
    let high = all.last().copied().map(f64::from)?.max(low * 1.5);
    let bars = 12;
    let place = |ms: f64| ((ms.max(low) / low).ln() / (high / low).ln()).clamp(0.0, 1.0);
    let edge = |index: usize| low * (high / low).powf(count(index) / count(bars));
    let mut bins = vec![0; bars];
    for ms in &all {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 12")]
        let index = (place(f64::from(*ms)) * count(bars)) as usize;
        bins[index.min(bars - 1)] += 1;
    }
    let named = bins.iter().enumerate().map(|(index, many)| {
        (format!("{} to {}", text::duration(edge(index)), text::duration(edge(index + 1))), *many)
    });
    let marks =
        [("p50", place(p50), text::duration(p50)), ("p95", place(p95), text::duration(p95))];
    let body = histogram(
        "latencies",
        &named.collect::<Vec<_>>(),
        &marks,
        (&text::duration(low), &text::duration(high)),
    );
    let title = format!("Latency <small>p50 {} · p95 {}</small>", marks[0].2, marks[1].2);
    Some(Chart { title, body })
}

/// Draws a histogram with marks at fractions of the width and a label at each end.
fn histogram(
    what: &str,
    bars: &[(String, usize)],
    marks: &[(&str, f64, String)],
    ends: (&str, &str),
) -> String {
    let (width, height) = SIZE;
    let most = bars.iter().map(|(_, many)| *many).max().unwrap_or(0).max(1);
    let step = width / count(bars.len().max(1));
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {}\" role=\"img\" aria-label=\"Histogram of {what}\">",
        height + 2.0 * MARGIN
    );
    for (index, (name, many)) in bars.iter().enumerate() {
        let (x, tall) = (step * count(index), height * count(*many) / count(most));
        // Keep a single row visible among thousands.
        let tall = if *many > 0 { tall.max(1.5) } else { 0.0 };
        let (y, wide) = (MARGIN + height - tall, step - 3.0);
        let _ = write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\" rx=\"2\"><title>{name}: {many}</title></rect>",
            x + 1.5
        );
        if *many > 0 {
            let middle = x + step / 2.0;
            let _ = write!(
                svg,
                "<text x=\"{middle:.1}\" y=\"{:.1}\" class=\"many\">{many}</text>",
                y - 3.0
            );
        }
    }
    let floor = MARGIN + height;
    let _ =
        write!(svg, "<line x1=\"0\" x2=\"{width}\" y1=\"{floor}\" y2=\"{floor}\" class=\"axis\"/>");
    for (name, place, _) in marks {
        let x = place * width;
        let _ = write!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{MARGIN}\" y2=\"{floor}\" class=\"mark\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"end middle\">{name}</text>",
            x.clamp(12.0, width - 12.0),
            floor + 13.0
        );
    }
    let below = floor + 13.0;
    let near = |share: f64| marks.iter().any(|(_, place, _)| (place - share).abs() < 0.16);
    if !near(0.0) {
        let _ = write!(svg, "<text x=\"0\" y=\"{below}\" class=\"end\">{}</text>", escape(ends.0));
    }
    if !near(1.0) {
        let _ = write!(
            svg,
            "<text x=\"{width}\" y=\"{below}\" class=\"end last\">{}</text>",
            escape(ends.1)
        );
    }
    svg.push_str("</svg>");
    svg
}
