//! The real binary as a process of its own, to be killed at any moment and started again on the same data.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// The built `frontdesk`.
pub(crate) const BINARY: &str = match option_env!("CARGO_BIN_EXE_frontdesk") {
    Some(binary) => binary,
    // Where these tests are compiled outside of their package, they are told where the binary is.
    None => match option_env!("FRONTDESK_BIN") {
        Some(binary) => binary,
        None => "frontdesk",
    },
};

/// A running `frontdesk serve`.
pub(crate) struct Process {
    pub(crate) url: String,
    pub(crate) child: Child,
}

impl Process {
    /// Starts the binary with the configuration file `desk.toml` of a folder, and waits until it is ready. What it logs
    /// is added to `desk.log` there.
    pub(crate) async fn start(home: &Path) -> Self {
        let process = Self::begin(home);
        process.wait_ready().await;
        process
    }

    /// Starts the binary and waits for nothing.
    pub(crate) fn begin(home: &Path) -> Self {
        Self::begin_with(home, &[])
    }

    /// Starts the binary with more in its environment, and waits for nothing.
    pub(crate) fn begin_with(home: &Path, environment: &[(&str, &str)]) -> Self {
        Self::spawn((home, free_port()), environment, Stdio::null())
    }

    /// The same at a given port, with what it prints in a file.
    pub(crate) fn begin_printing(home: &Path, port: u16, out: File) -> Self {
        Self::spawn((home, port), &[], out.into())
    }

    fn spawn((home, port): (&Path, u16), environment: &[(&str, &str)], out: Stdio) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(home.join("desk.log")).unwrap();
        let child = Command::new(BINARY)
            .args(["serve", "--config", "desk.toml"])
            .current_dir(home)
            .env("FRONTDESK__HTTP__PORT", port.to_string())
            .env_remove("DATABASE_URL")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), child }
    }

    /// Waits until it is ready; if it ends before, how.
    pub(crate) async fn ready_or_ended(&mut self, http: &reqwest::Client) -> Option<ExitStatus> {
        let started = Instant::now();
        while http.get(format!("{}/readyz", self.url)).send().await.is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            assert!(started.elapsed() < Duration::from_secs(30), "the binary did not become ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }

    /// Waits until it is ready.
    pub(crate) async fn wait_ready(&self) {
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

    /// Asks it to stop (SIGTERM), and waits until it has; true if it says that all went well.
    pub(crate) async fn stop(mut self) -> bool {
        self.signal("-TERM").await;
        self.child.wait().await.unwrap().success()
    }

    /// Freezes it (SIGSTOP): it does nothing, and knows nothing of the time that passes.
    pub(crate) async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Lets it go on (SIGCONT).
    pub(crate) async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([name, &id]).status().await.unwrap().success());
    }
}

/// A port that nobody listens on. Not one of those that the system gives to connections: one of them could take it
/// before the process does.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = 20_000 + u16::try_from(getrandom::u32().unwrap() % 10_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Runs a command in an empty folder with these variables only.
pub(crate) async fn run(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(home).env_clear().envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout) + &text(stderr))
}

/// A command ended well or not, as wanted, and said all of these words.
#[track_caller]
pub(crate) fn says((good, text): &(bool, String), wanted: bool, words: &[&str]) {
    assert_eq!(*good, wanted, "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
}
