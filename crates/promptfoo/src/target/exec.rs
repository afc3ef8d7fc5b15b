//! A program as target: it gets the prompt, the options and the context as arguments and prints the
//! answer.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::settings::Settings;
use super::{Target, TargetRequest, Targets};
use crate::policy::Permit;
use crate::result::Response;
use crate::spec::TargetSpec;

/// Maximum size of an answer, in bytes.
const MAX_LEN: u64 = 16 * 1024 * 1024;

struct Exec {
    program: String,
    arguments: Vec<String>,
    options: Value,
    /// The whole environment of the program.
    env: Vec<(String, String)>,
    base: PathBuf,
    permit: Permit,
}

pub(super) fn open(
    spec: &TargetSpec,
    targets: &Targets,
    permit: Permit,
) -> Result<Arc<dyn Target>, String> {
    let command = spec.id.strip_prefix("exec:").unwrap_or_default();
    let mut words = words(command)?.into_iter();
    let program = words.next().ok_or_else(|| format!("`{}` names no program", spec.id))?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let seen = targets.policy().script_env(&targets.env);
    let env = seen.iter().chain(&spec.env).map(|(name, value)| (name.clone(), text(value)));
    let env = env.collect();
    let options = json!({"id": spec.id, "config": spec.config});
    Ok(Arc::new(Exec {
        program,
        arguments: words.collect(),
        options,
        env,
        base: targets.base.clone(),
        permit,
    }))
}

#[async_trait]
impl Target for Exec {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        match self.run(asked).await {
            Ok(output) => Response { output: output.into(), ..Response::default() },
            Err(error) => Response { error: Some(error), ..Response::default() },
        }
    }
}

impl Exec {
    async fn run(&self, asked: &TargetRequest<'_>) -> Result<String, String> {
        let settings = Settings::of(&self.options["config"], asked.config);
        let limit = Duration::from_millis(settings.count("timeoutMs").unwrap_or(60_000));
        let context =
            json!({"vars": asked.vars, "prompt": {"raw": asked.prompt, "label": asked.prompt}});
        let mut child = self
            .command((asked.prompt, &context), self.permit)
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let _children = Children(child.id());
        let reading = read(&mut child);
        let Ok(ended) = tokio::time::timeout(limit, reading).await else {
            return Err(format!(
                "`{}` gave no answer within {} ms, and was ended",
                self.program,
                limit.as_millis()
            ));
        };
        let ProcessOutput { status, stdout, stderr } = ended;
        let status = status.map_err(|error| format!("`{}`: {error}", self.program))?;
        let said = stderr.trim();
        let start: String = said.chars().take(500).collect();
        if !status.success() {
            return Err(format!("`{}` ended with {status}: {start}", self.program));
        }
        if stdout.trim().is_empty() {
            return Err(format!(
                "`{}` wrote no answer{}{start}",
                self.program,
                if start.is_empty() { "" } else { ": " }
            ));
        }
        Ok(stdout.trim().to_owned())
    }

    fn command(&self, (prompt, context): (&str, &Value), _: Permit) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .args(&self.arguments)
            .arg(prompt)
            .arg(self.options.to_string())
            .arg(context.to_string());
        command.envs(self.env.iter().cloned()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        if self.base.is_dir() {
            command.current_dir(&self.base);
        }
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no program `{}`", self.program),
            _ => format!("`{}` cannot be started: {error}", self.program),
        }
    }
}

struct ProcessOutput {
    status: std::io::Result<std::process::ExitStatus>,
    stdout: String,
    stderr: String,
}

async fn read(child: &mut Child) -> ProcessOutput {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::join!(all(stdout), all(stderr));
    ProcessOutput { status: child.wait().await, stdout, stderr }
}

async fn all(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(MAX_LEN).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Kills a program and its process group on drop.
struct Children(Option<u32>);

impl Drop for Children {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0 {
            let group = format!("-{id}");
            let mut killing = std::process::Command::new("kill");
            killing.args(["-KILL", "--", &group]).stdout(Stdio::null()).stderr(Stdio::null());
            let _ = killing.status();
        }
    }
}

/// Splits a command line into words; quotes group words.
fn words(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = command.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (None | Some('"'), '\\')
                if letters.peek().is_some_and(|next| "\\\"' ".contains(*next)) =>
            {
                word.get_or_insert_default().extend(letters.next());
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    match quote {
        Some(quote) => Err(format!("a {quote} is not closed in `{command}`")),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(words("a 'b c' \"d \\\" e\" f\\ g").unwrap(), ["a", "b c", "d \" e", "f g"]);
        assert_eq!(words("  ''  ").unwrap(), [""]);
        assert!(words("a 'b").is_err());
    }
}
