//! A desk that nobody writes to: it holds little memory, also after it has learned.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use crate::support::process::Process;

/// Maximum memory of an idle demo desk that is not the program itself, in kB. About 25 MB are used.
const MAX_OWN_KB: u64 = 32_000;
/// The same as soon as it is ready.
const MAX_READY_KB: u64 = 40_000;
/// How long after the start it has to give back what that needed.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_idle_desk_gives_back_what_learning_needed() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        home.path().join("desk.toml"),
        "[log]\nlevel = \"warn\"\n[llm]\nports = [1]\nlook_ms = 1000\n",
    )
    .unwrap();
    for start in ["the first start, which learns the demo", "a later start"] {
        let desk = Process::start(home.path()).await;
        let id = desk.child.id().unwrap();
        let figure = |file: &str, name: &str| {
            kilobytes(&std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap(), name)
        };
        let ready = figure("smaps_rollup", "Anonymous:");
        assert!(ready < MAX_READY_KB, "{start}: {ready} kB when it is ready");
        let since = Instant::now();
        loop {
            let own = figure("smaps_rollup", "Anonymous:");
            if own < MAX_OWN_KB {
                break;
            }
            assert!(since.elapsed() < PATIENCE, "{start}: {own} kB");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // Pages of 2 MB, of which a desk would use little.
        assert_eq!(figure("smaps_rollup", "AnonHugePages:"), 0, "{start}");
        assert_eq!(figure("status", "THP_enabled:"), 0, "{start}");
        assert!(desk.stop().await);
    }
}

/// A figure of what the system says about a process.
fn kilobytes(all: &str, name: &str) -> u64 {
    let line = all.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
