//! The real binary as a process of its own, to be killed at any moment and started again on the same data.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// A running `frontdesk serve`.
pub(crate) struct Process {
    pub(crate) url: String,
    pub(crate) child: Child,
}

impl Process {
    /// Starts the binary with a configuration file in a folder, and waits until it is ready.
    pub(crate) async fn start(binary: &str, home: &Path) -> Self {
        let port = free_port();
        let child = Command::new(binary)
            .args(["serve", "--config", "desk.toml"])
            .current_dir(home)
            .env("FRONTDESK__HTTP__PORT", port.to_string())
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = Self { url: format!("http://127.0.0.1:{port}"), child };
        process.wait_ready().await;
        process
    }

    async fn wait_ready(&self) {
        let started = Instant::now();
        let http = reqwest::Client::new();
        while http.get(format!("{}/readyz", self.url)).send().await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "the binary did not become ready");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Kills it without warning (SIGKILL).
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
