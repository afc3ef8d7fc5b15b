//! Progress bars for learning documents and for running suites.

use std::sync::{Mutex, OnceLock, PoisonError};

use frontdesk_promptfoo::row::{EvalRow, Verdict};
use frontdesk_promptfoo::run;
use indicatif::{ProgressBar, ProgressStyle};

use crate::domain::label::{MAX_TITLE_LEN, one_line};
use crate::knowledge;

/// Progress line of a suite run: rows done, verdict counts and cost.
#[derive(Default)]
pub(super) struct RunBar(Mutex<Option<RunLine>>);

struct RunLine {
    bar: ProgressBar,
    /// Indexed by `Verdict`.
    counts: [usize; 4],
    cost: f64,
}

/// Terminal width in columns; 100 without a terminal.
pub(super) fn width() -> usize {
    usize::from(console::Term::stdout().size_checked().map_or(100, |(_, columns)| columns))
}

impl run::Progress for RunBar {
    fn begin(&self, total: usize) {
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(RunLine { bar, counts: [0; 4], cost: 0.0 });
    }

    fn row(&self, row: &EvalRow) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = held.as_mut() else { return };
        line.counts[row.verdict() as usize] += 1;
        line.cost += row.cost;
        let [passed, failed, errors, skipped] = line.counts;
        let mut text = format!("{passed} {}", Verdict::Passed);
        let (failing, skipping) = (Verdict::Failed.as_str(), Verdict::Skipped.as_str());
        for (count, what) in [(failed, failing), (errors, "errors"), (skipped, skipping)] {
            if count > 0 {
                text = format!("{text}, {count} {what}");
            }
        }
        if line.cost > 0.0 {
            text = format!("{text}, ${:.4}", line.cost);
        }
        line.bar.set_message(text);
        line.bar.inc(1);
    }

    fn done(&self) {
        if let Some(line) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            line.bar.finish_and_clear();
        }
    }
}

/// Progress bar for documents; hidden without a terminal.
#[derive(Default)]
pub(super) struct Bar(OnceLock<ProgressBar>);

impl Bar {
    /// Removes the bar from the terminal.
    pub(super) fn clear(&self) {
        if let Some(bar) = self.0.get() {
            bar.finish_and_clear();
        }
    }
}

impl knowledge::Progress for Bar {
    fn start(&self, documents: usize) {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        let bar = ProgressBar::new(documents as u64);
        if let Ok(style) = style {
            bar.set_style(style);
        }
        let bar = self.0.get_or_init(|| bar);
        bar.set_length(documents as u64);
        bar.set_position(0);
    }

    fn found(&self, documents: usize) {
        if let Some(bar) = self.0.get() {
            bar.set_length(documents as u64);
        }
    }

    fn done(&self, path: &str) {
        if let Some(bar) = self.0.get() {
            bar.set_message(one_line(path, MAX_TITLE_LEN));
            bar.inc(1);
            if Some(bar.position()) == bar.length() {
                bar.finish_and_clear();
            }
        }
    }
}
