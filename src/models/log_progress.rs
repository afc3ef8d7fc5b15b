//! Logs the progress of a model download, for processes without a terminal.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Watch;

/// Logs every 20 MB of a download.
#[derive(Default)]
pub(crate) struct LogProgress {
    came: AtomicU64,
}

impl Watch for LogProgress {
    fn file(&self, path: &str, had: u64, total: Option<u64>) {
        let size = total.map_or("an unknown size".into(), |total| format!("{} KB", total / 1_000));
        tracing::info!("fetching {path}, {size}, of which {} KB are there", had / 1_000);
    }

    fn bytes(&self, count: u64) {
        const STEP: u64 = 20_000_000;
        let before = self.came.fetch_add(count, Ordering::Relaxed);
        if before / STEP != (before + count) / STEP {
            tracing::info!("{} MB of the model were fetched", (before + count) / 1_000_000);
        }
    }
}
