//! The real binary as a separate process that a test kills and restarts on the same data.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// Path of the built `frontdesk`.
pub(crate) const BINARY: &str = match option_env!("CARGO_BIN_EXE_frontdesk") {
    Some(binary) => binary,
    // When the tests are compiled outside their package, the build sets the path of the binary.
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
    /// Starts the binary with the `desk.toml` of a folder and waits until it is ready. Its log is
    /// appended to `desk.log` there.
    pub(crate) async fn start(home: &Path) -> Self {
        let process = Self::begin(home);
        process.wait_ready().await;
        process
    }

    /// Starts the binary without waiting.
    pub(crate) fn begin(home: &Path) -> Self {
        Self::begin_with(home, &[])
    }

    /// Starts the binary with additional environment variables, without waiting.
    pub(crate) fn begin_with(home: &Path, environment: &[(&str, &str)]) -> Self {
        Self::spawn((home, free_port()), environment, Stdio::null())
    }

    /// Starts the binary on a given port with its standard output in a file, without waiting.
    pub(crate) fn begin_printing(home: &Path, port: u16, out: File) -> Self {
        Self::spawn((home, port), &[], out.into())
    }

    /// Starts the binary on a given port with additional environment variables, without waiting.
    pub(crate) fn spawn(
        (home, port): (&Path, u16),
        environment: &[(&str, &str)],
        out: Stdio,
    ) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(home.join("desk.log")).unwrap();
        let child = Command::new(BINARY)
            .args(["serve", "--config", "desk.toml"])
            .current_dir(home)
            .env("FRONTDESK__HTTP__PORT", port.to_string())
            .env_remove("DATABASE_URL")
            .envs(surroundings(home))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), child }
    }

    /// Waits until it is ready. Returns the exit status if it ends first.
    pub(crate) async fn wait_ready_or_exit(
        &mut self,
        http: &reqwest::Client,
    ) -> Option<ExitStatus> {
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

    pub(crate) async fn wait_ready(&self) {
        let started = Instant::now();
        let http = reqwest::Client::new();
        while http.get(format!("{}/readyz", self.url)).send().await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "the binary did not become ready");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until it ends by itself. Returns whether the exit status is success.
    pub(crate) async fn ended(mut self) -> bool {
        self.child.wait().await.unwrap().success()
    }

    /// Kills it without warning (SIGKILL).
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Stops it (SIGTERM) and waits for its end. Returns whether the exit status is success.
    pub(crate) async fn stop(mut self) -> bool {
        self.signal("-TERM").await;
        self.child.wait().await.unwrap().success()
    }

    /// Freezes it (SIGSTOP): it does nothing, and does not notice the time that passes.
    pub(crate) async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Resumes it (SIGCONT).
    pub(crate) async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([name, &id]).status().await.unwrap().success());
    }
}

/// Returns a free port outside the system's range of ephemeral ports: a connection could take one
/// of those before the process does.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = 20_000 + u16::try_from(getrandom::u32().unwrap() % 10_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Runs the binary in a folder with only these environment variables. Returns success and its
/// output.
pub(crate) async fn run(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let Output { status, stdout, stderr } = output(home, args, variables).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout) + &text(stderr))
}

/// Runs the binary in a folder without environment variables. Returns its exit code.
pub(crate) async fn exit_code(home: &Path, args: &[&str]) -> Option<i32> {
    output(home, args, &[]).await.status.code()
}

async fn output(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(home).env_clear();
    command.envs(surroundings(home)).envs(variables.iter().copied());
    command.output().await.unwrap()
}

/// Returns the variables that keep a model of the developer's machine out of a test: an exported key
/// names none, and none is looked for unless the configuration in the folder has an `[llm]`.
pub(crate) fn surroundings(home: &Path) -> Vec<(&'static str, &'static str)> {
    let files = std::fs::read_dir(home).into_iter().flatten().filter_map(Result::ok);
    let mut settings =
        files.map(|file| file.path()).filter(|path| path.extension() == Some("toml".as_ref()));
    let named =
        settings.any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains("[llm]")));
    let mut all = vec![("OPENAI_API_KEY", ""), ("OPENAI_BASE_URL", "")];
    all.extend((!named).then_some(("FRONTDESK__LLM__KIND", "extractive")));
    all
}

/// Asserts that a command succeeded or failed as expected and that its output contains these words.
#[track_caller]
pub(crate) fn says((good, text): &(bool, String), wanted: bool, words: &[&str]) {
    assert_eq!(*good, wanted, "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
}
