//! Decoding speed by kind of recording.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use frontdesk_audio::{Limits, decode};

/// Number of times each file is decoded; the best time counts.
const RUNS: usize = 3;

/// The recordings of one kind.
#[derive(Default)]
struct Row {
    files: usize,
    seconds: f64,
    took: f64,
    /// Speed of the slowest one, as a multiple of real time.
    slowest: Option<f64>,
}

/// Prints a row for each kind.
pub(crate) fn table() {
    let mut files = Vec::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/audio/tests/audio/samples"),
        &mut files,
    );
    collect(&super::shared("data/voice"), &mut files);
    let limits = Limits::refuse_beyond(Duration::from_hours(1));
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let run = || {
            let begin = Instant::now();
            let decoded = decode(&bytes, &limits, |_| ControlFlow::Continue(()));
            (decoded, begin.elapsed().as_secs_f64())
        };
        let (Ok(decoded), _) = run() else { continue };
        let best = (0..RUNS).map(|_| run().1).fold(f64::MAX, f64::min);
        let row = rows.entry(decoded.kind.name()).or_default();
        row.files += 1;
        row.seconds += decoded.seconds;
        row.took += best;
        let times = decoded.seconds / best;
        row.slowest = Some(row.slowest.map_or(times, |slowest| slowest.min(times)));
    }
    println!(
        "{:<10} {:>6} {:>8} {:>12} {:>8}",
        "kind", "files", "seconds", "x real time", "slowest"
    );
    for (kind, Row { files, seconds, took, slowest }) in &rows {
        let (times, slowest) = (seconds / took, slowest.unwrap_or_default());
        println!("{kind:<10} {files:>6} {seconds:>8.1} {times:>12.0} {slowest:>8.0}");
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
