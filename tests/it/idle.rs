//! A desk that nobody writes to: it holds little memory, also right after it has learned.

use crate::support::process::Process;

/// Maximum memory of an idle demo desk that is not the program itself, in kB. About 20 MB are used.
const MAX_OWN_KB: u64 = 40_000;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_desk_gives_back_what_learning_needed() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("desk.toml"), "[log]\nlevel = \"warn\"\n").unwrap();
    for start in ["the first start, which learns the demo", "a later start"] {
        let desk = Process::start(home.path()).await;
        let id = desk.child.id().unwrap();
        let all = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap();
        let own = kilobytes(&all, "Anonymous:");
        assert!(own < MAX_OWN_KB, "{start}: {own} kB");
        assert_eq!(kilobytes(&all, "AnonHugePages:"), 0, "{start}: pages of 2 MB");
        assert!(desk.stop().await);
    }
}

/// A figure of the system's summary of a process's memory.
#[cfg(target_os = "linux")]
fn kilobytes(all: &str, name: &str) -> u64 {
    let line = all.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
