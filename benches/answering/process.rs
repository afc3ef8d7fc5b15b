//! A server in a separate process: started, measured from outside, and killed on drop.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time limit for a server to become ready.
const TIMEOUT: Duration = Duration::from_mins(5);

/// A running server.
pub(crate) struct Process {
    child: Child,
    /// Base URL.
    pub(crate) url: String,
    /// Time until it was ready.
    pub(crate) ready_after: Duration,
}

impl Process {
    /// Starts the command that `with_port` builds for a port, and waits until `/readyz` answers.
    pub(crate) async fn start(with_port: impl FnOnce(u16) -> Command) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a port")
            .port();
        let started = Instant::now();
        let child = with_port(port)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let url = format!("http://127.0.0.1:{port}");
        let mut process = Self { child, url, ready_after: Duration::ZERO };
        let http = reqwest::Client::new();
        let ready = format!("{}/readyz", process.url);
        while !http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
            let ended = process.child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "the server ended before it was ready: {ended:?}");
            assert!(started.elapsed() < TIMEOUT, "the server did not become ready");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        process.ready_after = started.elapsed();
        process
    }

    /// Stops it gracefully (SIGTERM) and waits for its end.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("kill");
        assert!(asked.success(), "the server was gone already");
        let ended = self.child.wait().expect("a child of ours");
        assert!(ended.success(), "the server did not stop well: {ended}");
    }

    /// Returns the CPU seconds used: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = self.about("stat");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = |index: usize| {
            fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0)
        };
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Returns the resident memory in MB.
    pub(crate) fn memory_mb(&self) -> u64 {
        let status = self.about("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0)
            / 1024
    }

    fn about(&self, what: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{what}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
