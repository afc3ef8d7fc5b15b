//! `frontdesk learn`: learns documents, with a progress bar, and says what failed and why.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::app::App;
use crate::knowledge::{FORMATS, Progress, Shelf, Summary};

/// Learn documents: Markdown, text, CSV and HTML
///
/// A folder is a collection of its own name; a folder of folders is one collection for each. What did not change is
/// skipped, what changed is replaced, what is gone from a folder is removed. A running desk notices within a second.
#[derive(Debug, Args)]
pub(super) struct Learn {
    /// Folders and files
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The collection to learn into [default: the folder's name]
    #[arg(long)]
    collection: Option<String>,
}

impl Learn {
    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        let mut failed = false;
        for path in &self.paths {
            let shelves = Shelf::find(path, self.collection.as_deref())
                .with_context(|| format!("cannot read {}", path.display()))?;
            for shelf in shelves {
                let name = shelf.collection.clone();
                if shelf.papers.is_empty() {
                    let formats = FORMATS.join(", ");
                    println!("{name}: no documents in {} (formats: {formats})", path.display());
                    continue;
                }
                let started = Instant::now();
                let summary = app.desk.library.learn(shelf, &Bar::default()).await?;
                print!("{name}: ");
                tell(&summary);
                println!("  took {:.1} s", started.elapsed().as_secs_f64());
                failed |= !summary.failed.is_empty();
            }
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Says what became of the documents.
pub(super) fn tell(summary: &Summary) {
    let Summary { learned, chunks, unchanged, removed, failed, warnings } = summary;
    println!(
        "{learned} documents learned ({chunks} chunks), {unchanged} unchanged, {removed} removed, {} failed",
        failed.len()
    );
    for (path, warning) in warnings {
        println!("  note    {path}: {warning}");
    }
    for (path, why) in failed {
        println!("  failed  {path}: {why}");
    }
}

/// A progress bar; hidden where there is no terminal.
#[derive(Default)]
pub(super) struct Bar(std::sync::OnceLock<ProgressBar>);

impl Progress for Bar {
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

    fn done(&self, path: &str) {
        if let Some(bar) = self.0.get() {
            bar.set_message(path.to_owned());
            bar.inc(1);
            if Some(bar.position()) == bar.length() {
                bar.finish_and_clear();
            }
        }
    }
}
