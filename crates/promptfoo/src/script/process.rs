//! Python and Ruby, each call in its own process with a time limit. Arguments go in over standard
//! input; the result comes back over a copy of standard output, so that a script may print.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::Error;
use crate::policy::Permit;

/// Default time limit of one call.
pub(super) const LIMIT: Duration = Duration::from_mins(1);
const PYTHON: &str = include_str!("run.py");
const RUBY: &str = include_str!("run.rb");

/// A language that runs in a separate process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Ruby,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Ruby => "ruby",
        }
    }

    /// The interpreters to try, in order of preference.
    fn interpreters(self, env: &Value) -> Vec<String> {
        let (variable, usual): (_, &[&str]) = match self {
            Self::Python => ("PROMPTFOO_PYTHON", &["python3", "python"]),
            Self::Ruby => ("PROMPTFOO_RUBY", &["ruby"]),
        };
        let named = env[variable].as_str().map(str::to_owned);
        match named.filter(|name| !name.is_empty()) {
            Some(named) => vec![named],
            None => usual.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn driver(self) -> [&'static str; 2] {
        match self {
            Self::Python => ["-c", PYTHON],
            Self::Ruby => ["-e", RUBY],
        }
    }
}

pub(super) struct Process<'a> {
    /// The whole environment of the process.
    pub(super) env: &'a Value,
    /// Time limit of one process.
    pub(super) limit: Duration,
    pub(super) permit: Permit,
}

impl Process<'_> {
    /// Runs inline code: a single line is an expression, several lines are a function body.
    pub(super) async fn inline(
        &self,
        language: Language,
        code: &str,
        arguments: &[(&str, Value)],
    ) -> Result<Value, Error> {
        let names: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
        let values: Vec<&Value> = arguments.iter().map(|(_, value)| value).collect();
        self.run(language, &json!({"code": code, "names": names, "args": values})).await
    }

    pub(super) async fn file(
        &self,
        language: Language,
        path: &Path,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        if !path.is_file() {
            return Err(Error::Failed(format!("there is no file {}", path.display())));
        }
        let path = path.display().to_string();
        self.run(language, &json!({"file": path, "function": function, "args": arguments})).await
    }

    async fn run(&self, language: Language, job: &Value) -> Result<Value, Error> {
        let mut child = start(language, self.env, self.permit)?;
        let group = child.id();
        let talk = talk(&mut child, job.to_string());
        if let Ok(answer) = tokio::time::timeout(self.limit, talk).await {
            return read(language, answer);
        }
        end(&mut child, group).await;
        let after = self.limit.as_secs_f32();
        Err(Error::Failed(format!("{} was stopped after {after} s", language.name())))
    }
}

fn start(language: Language, env: &Value, _: Permit) -> Result<Child, Error> {
    for interpreter in language.interpreters(env) {
        let mut command = Command::new(&interpreter);
        command.env_clear();
        command.args(language.driver()).env("PYTHONIOENCODING", "utf-8").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        for (name, value) in env.as_object().into_iter().flatten() {
            command.env(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(error) => tracing::debug!(%error, interpreter, "{interpreter} cannot be started"),
        }
    }
    Err(Error::Missing(format!("no {}", language.name())))
}

/// Sends the job; returns the result's text and the standard error.
async fn talk(child: &mut Child, job: String) -> (String, String) {
    let (mut input, output, errors) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(input) = &mut input {
            // A process that exited early explains itself on standard error.
            let _ = input.write_all(job.as_bytes()).await;
        }
        drop(input);
    };
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let read = async {
        if let Some(mut output) = output {
            let _ = output.read_to_end(&mut said).await;
        }
    };
    let listen = async {
        if let Some(mut errors) = errors {
            let _ = errors.read_to_end(&mut complained).await;
        }
    };
    tokio::join!(write, read, listen);
    let _ = child.wait().await;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(said), text(complained))
}

/// Kills a process and its process group.
async fn end(child: &mut Child, group: Option<u32>) {
    if let Some(group) = group {
        let kill = Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status().await;
        if let Err(error) = kill {
            tracing::debug!(%error, "what a script started could not be ended");
        }
    }
    let _ = child.kill().await;
}

fn read(language: Language, (said, complained): (String, String)) -> Result<Value, Error> {
    let Ok(mut answer) = serde_json::from_str::<Value>(said.trim()) else {
        let last = complained.lines().rev().find(|line| !line.trim().is_empty());
        let why = last.unwrap_or("it gave no result");
        return Err(Error::Failed(format!("{}: {why}", language.name())));
    };
    match answer["error"].as_str() {
        Some(error) => Err(Error::Failed(error.to_owned())),
        None => Ok(answer["value"].take()),
    }
}
