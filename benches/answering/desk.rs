//! Starts the desk as a separate process: the real binary. Must not know what it is asked.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;

#[path = "../../tests/it/support/postgres.rs"]
#[expect(dead_code, unused_imports, reason = "tests use the rest of it")]
pub(crate) mod postgres;

/// Send rate limit of the desk in messages per second: the largest allowed value, because
/// WhatsApp's own limit would cap the measurement.
pub(crate) const RATE: u32 = 10_000;
/// Number of starts of the demo desk for the median.
const STARTS: usize = 5;

/// Starts the desk in a folder with its configuration.
pub(crate) async fn serve(home: &Path) -> Process {
    Process::start(|port| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
        command.arg("serve").current_dir(home).env_remove("DATABASE_URL");
        command.env("FRONTDESK__HTTP__PORT", port.to_string()).env("FRONTDESK__LOG__LEVEL", "warn");
        command
    })
    .await
}

/// Writes a file of a desk's folder.
pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

/// Prints the startup time of the demo desk and its idle memory.
pub(crate) async fn report_start() {
    let home = tempfile::tempdir().expect("a folder");
    let first = serve(home.path()).await.ready_after;
    let mut starts = Vec::new();
    let mut memory = 0;
    for _ in 0..STARTS {
        let desk = serve(home.path()).await;
        starts.push(desk.ready_after);
        tokio::time::sleep(Duration::from_secs(2)).await;
        memory = desk.memory_mb();
    }
    starts.sort_unstable();
    println!("demo desk: first start, learning its documents: ready in {} ms", first.as_millis());
    println!(
        "demo desk: cold start to ready: {} ms (median of {STARTS}); idle: {memory} MB",
        starts[STARTS / 2].as_millis()
    );
}
