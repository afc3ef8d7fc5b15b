//! Scripts of a suite: JavaScript in an embedded engine, Python and Ruby in separate processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::policy::{Permit, Policy, PolicyError};
use super::spec::Vars;

mod dialect;
mod javascript;
mod module;
mod process;

use process::{Language, Process};

/// Time limit of the JavaScript engine for a pattern over the API.
const PATTERN_LIMIT: Duration = Duration::from_millis(100);
/// Maximum size of a compiled linear-time pattern, in bytes; matching time grows with it.
const PATTERN_BYTES: usize = 1 << 20;

/// A script.
#[derive(Debug, Clone, PartialEq)]
pub enum Script {
    /// JavaScript: one line is an expression, several lines are a function body with `return`.
    JavaScript(String),
    /// Python, in the same form.
    Python(String),
    /// Ruby, in the same form.
    Ruby(String),
    /// A function in a file.
    File {
        /// The file: `.js`, `.cjs`, `.mjs`, `.ts` (as JavaScript), `.py` or `.rb`.
        path: PathBuf,
        /// The function; `None` for the default one.
        function: Option<String>,
    },
}

/// Why a script returned no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot run here, for example because Python is not installed.
    #[error("{0}")]
    Missing(String),
    /// It failed, or its result was invalid.
    #[error("{0}")]
    Failed(String),
    /// The policy does not allow it.
    #[error(transparent)]
    Refused(#[from] PolicyError),
}

/// Runs scripts as far as the policy allows.
#[derive(Debug, Clone)]
pub struct Scripts {
    policy: Policy,
    /// The suite's folder. Over the API, JavaScript may require only files in it or in the script's
    /// folder.
    base: PathBuf,
    /// The environment that scripts see.
    env: Value,
    script_limit: Duration,
    process_limit: Duration,
}

impl Default for Scripts {
    fn default() -> Self {
        Self::new(&Policy::default(), Path::new("."), &Vars::new())
    }
}

impl Scripts {
    /// Runs the scripts of a suite in a folder; `env` overrides the process environment.
    pub fn new(policy: &Policy, base: &Path, env: &Vars) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let env = policy.script_env(env);
        let env = env.iter().map(|(name, value)| (name.clone(), Value::String(text(value))));
        Self {
            policy: policy.clone(),
            base: base.to_owned(),
            env: Value::Object(env.collect()),
            script_limit: javascript::LIMIT,
            process_limit: process::LIMIT,
        }
    }

    /// The policy that applies to scripts and their callers.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the runner with other time limits: for a JavaScript script and for a process.
    #[must_use]
    pub fn with_time_limits(mut self, script: Duration, process: Duration) -> Self {
        (self.script_limit, self.process_limit) = (script, process);
        self
    }

    /// Runs a script. An inline script sees the arguments by name; a function in a file gets them
    /// in order. `undefined` becomes null.
    pub async fn call(&self, script: &Script, arguments: &[(&str, Value)]) -> Result<Value, Error> {
        self.call_typed(script, arguments).await.map(|(value, _)| value)
    }

    /// Like `call`, but also returns the value's JavaScript `typeof`, such as `undefined`.
    pub async fn call_typed(
        &self,
        script: &Script,
        arguments: &[(&str, Value)],
    ) -> Result<(Value, String), Error> {
        let permit = self.permit(script)?;
        let process = Process { env: &self.env, limit: self.process_limit, permit };
        let value = match script {
            Script::JavaScript(code) => {
                return self
                    .run(javascript::inline(code, arguments, &self.env), None, permit)
                    .await;
            }
            Script::Python(code) => process.inline(Language::Python, code, arguments).await?,
            Script::Ruby(code) => process.inline(Language::Ruby, code, arguments).await?,
            Script::File { path, function } => {
                let values: Vec<Value> = arguments.iter().map(|(_, value)| value.clone()).collect();
                let language = match path.extension().and_then(|ending| ending.to_str()) {
                    Some("py") => Language::Python,
                    Some("rb") => Language::Ruby,
                    _ => {
                        let job = javascript::file(path, function.as_deref(), &values, &self.env);
                        return self.run(job, Some(path), permit).await;
                    }
                };
                let function = function.as_deref().unwrap_or("get_assert");
                process.file(language, path, function, &values).await?
            }
        };
        Ok((value, String::new()))
    }

    /// Checks that a script may run and its file may be read.
    fn permit(&self, script: &Script) -> Result<Permit, Error> {
        let start = |code: &str| code.trim().chars().take(60).collect::<String>();
        let permit = match script {
            Script::JavaScript(code) => {
                self.policy.code(format_args!("JavaScript (`{}`)", start(code)))
            }
            Script::Python(code) => self.policy.code(format_args!("Python (`{}`)", start(code))),
            Script::Ruby(code) => self.policy.code(format_args!("Ruby (`{}`)", start(code))),
            Script::File { path, .. } => {
                let permit = self.policy.code(format_args!("the script {}", path.display()))?;
                // The caller reports a missing file.
                match self.policy.check_file(path) {
                    Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::Failed(why.to_string()));
                    }
                    _ => Ok(permit),
                }
            }
        };
        Ok(permit?)
    }

    /// Calls a method of the class that a JavaScript file exports; `None` when it has no such
    /// method. An exported function counts as `callApi`. Each call constructs a new instance with
    /// `options`.
    pub async fn method(
        &self,
        path: &Path,
        options: &Value,
        method: &str,
        arguments: &[Value],
    ) -> Result<Option<Value>, Error> {
        let permit = self.permit(&Script::File { path: path.to_owned(), function: None })?;
        let job = javascript::method(path, options, method, arguments, &self.env);
        let (mut answer, _) = self.run(job, Some(path), permit).await?;
        Ok((answer["has"] == Value::Bool(true)).then(|| answer["value"].take()))
    }

    /// Whether a JavaScript pattern matches a text; the inner error is for an invalid pattern. Over
    /// the API a linear-time engine is preferred, because any signed-in user may save a pattern.
    pub async fn matches(&self, pattern: &str, text: &str) -> Result<Result<bool, String>, Error> {
        let (pattern, text, limit) = (pattern.to_owned(), text.to_owned(), self.script_limit);
        if self.policy.is_command_line() {
            return blocking(move || javascript::matches(&pattern, &text, limit)).await;
        }
        let limit = limit.min(PATTERN_LIMIT);
        blocking(move || match dialect::linear_equivalent(&pattern, &text) {
            Some(shared) => Ok(Ok(shared.is_match(&text))),
            None => javascript::matches(&pattern, &text, limit),
        })
        .await
    }

    /// Calls a function of a JavaScript file on the current thread, for template filters.
    pub(super) fn call_blocking(&self, path: &Path, arguments: &[Value]) -> Result<Value, Error> {
        let permit = self.permit(&Script::File { path: path.to_owned(), function: None })?;
        let job = javascript::file(path, None, arguments, &self.env);
        javascript::run(&self.job(job, Some(path)), permit).map(|given| given.value)
    }

    async fn run(
        &self,
        job: Value,
        file: Option<&Path>,
        permit: Permit,
    ) -> Result<(Value, String), Error> {
        let job = self.job(job, file);
        let given = blocking(move || javascript::run(&job, permit)).await?;
        Ok((given.value, given.kind))
    }

    /// Creates a job; over the API it may require files only from the suite's folder and the
    /// script's own.
    fn job(&self, task: Value, file: Option<&Path>) -> javascript::Job {
        let beside = file.and_then(Path::parent).map(Path::to_owned);
        let folders = || std::iter::once(self.base.clone()).chain(beside).collect();
        let folders = (!self.policy.is_command_line()).then(folders);
        javascript::Job { task, folders, limit: self.script_limit }
    }
}

/// Compiles a pattern that matches in linear time. The error says why it cannot.
pub fn linear(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build()
}

/// Runs blocking work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::Failed(format!("the script's thread ended: {error}"))))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::policy::Settings;

    fn js(code: &str) -> Script {
        Script::JavaScript(code.into())
    }

    fn scripts(env: &Vars) -> Scripts {
        Scripts::new(&Policy::command_line(), Path::new("."), env)
    }

    #[tokio::test]
    async fn nothing_runs_unless_the_policy_says_so() {
        let none = Scripts::default();
        let file = Script::File { path: "/no/such.js".into(), function: None };
        for script in [js("1"), Script::Python("1".into()), Script::Ruby("1".into()), file] {
            let said = none.call(&script, &[]).await;
            assert!(
                matches!(&said, Err(Error::Refused(why)) if why.to_string().contains("allow_code")),
                "{said:?}"
            );
        }
        let said = none.method(Path::new("a.js"), &json!({}), "callApi", &[]).await;
        assert!(matches!(said, Err(Error::Refused(_))));
        assert!(matches!(none.call_blocking(Path::new("a.js"), &[]), Err(Error::Refused(_))));
    }

    #[tokio::test]
    async fn what_is_required_is_a_file_of_the_suite() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("suites");
        std::fs::create_dir_all(folder.join("more")).unwrap();
        std::fs::write(home.path().join("secret.json"), r#"{"n": 1}"#).unwrap();
        std::fs::write(folder.join("beside.json"), r#"{"n": 2}"#).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(home.path().join("secret.json"), folder.join("link.json"))
            .unwrap();
        let main = folder.join("more/main.js");
        std::fs::write(&main, "module.exports = (name) => require(name).n").unwrap();
        let settings = Settings { allow_code: true, ..Settings::default() };
        let policy = Policy::api(settings, folder.clone(), None);
        let api = Scripts::new(&policy, &folder, &Vars::new());
        let shell = Scripts::new(&Policy::command_line(), &folder, &Vars::new());
        let call = async |scripts: &Scripts, name: &str| {
            let script = Script::File { path: main.clone(), function: None };
            scripts.call(&script, &[("name", json!(name))]).await
        };
        assert_eq!(call(&api, "../beside.json").await, Ok(json!(2)));
        let absolute = home.path().join("secret.json").display().to_string();
        for name in ["../../secret.json", "../link.json", &absolute, "/etc/passwd", "/dev/zero"] {
            let said = call(&api, name).await;
            assert!(
                matches!(&said, Err(Error::Failed(why)) if why.contains("is not in")),
                "{name}: {said:?}"
            );
        }
        // A user with a shell can read it anyway.
        for name in ["../beside.json", "../../secret.json", "../../secret", &absolute] {
            assert!(call(&shell, name).await.is_ok(), "{name}");
        }
        for (name, why) in [("/dev/zero", "no regular file"), ("../none", "there is no file")] {
            let said = call(&shell, name).await;
            assert!(
                matches!(&said, Err(Error::Failed(it)) if it.contains(why)),
                "{name}: {said:?}"
            );
        }
    }

    async fn run(code: &str) -> Result<Value, Error> {
        let arguments = [("output", json!("hello")), ("context", json!({"vars": {"n": 2}}))];
        scripts(&Vars::new()).call(&js(code), &arguments).await
    }

    #[tokio::test]
    async fn a_line_is_an_expression_and_lines_are_a_body() {
        assert_eq!(run("output.length * context.vars.n").await, Ok(json!(10)));
        assert_eq!(run("const a = output; a === 'x;y' || a.length").await, Ok(json!(5)));
        assert_eq!(run("const a = 1\nreturn {pass: a > 0}").await, Ok(json!({"pass": true})));
        assert_eq!(run("new Promise(r => setTimeout(() => r(7), 5))").await, Ok(json!(7)));
        assert_eq!(run("console.log(output)").await, Ok(Value::Null));
        assert_eq!(run("nope.x").await, Err(Error::Failed("nope is not defined".into())));
        assert_eq!(
            run("throw new Error('x')").await,
            Err(Error::Failed("Unexpected token 'throw'".into()))
        );
        let missing = run("require('fs').x").await;
        let why = "needs Node's `fs`, which the embedded JavaScript has not";
        assert_eq!(missing, Err(Error::Missing(why.into())));
    }

    #[tokio::test]
    async fn the_environment_is_the_suites_over_the_process() {
        let mut env = Vars::new();
        env.insert("NAME".into(), json!("suite"));
        let scripts = scripts(&env);
        let code = js("process.env.NAME + !!process.env.PATH");
        assert_eq!(scripts.call(&code, &[]).await, Ok(json!("suitetrue")));
    }

    #[tokio::test]
    async fn what_would_run_for_ever_is_stopped() {
        let limit = Duration::from_millis(300);
        let scripts = scripts(&Vars::new()).with_time_limits(limit, limit);
        let began = Instant::now();
        let looped = scripts.call(&js("(() => { for (;;) {} })()"), &[]).await;
        assert!(
            matches!(&looped, Err(Error::Failed(why)) if why.contains("stopped after")),
            "{looped:?}"
        );
        let waits = scripts.call(&js("new Promise(r => setTimeout(r, 60000))"), &[]).await;
        assert!(waits.is_err(), "{waits:?}");
        let text = "a".repeat(40);
        let regex = scripts.matches("^(a+)+$", &format!("{text}!")).await;
        assert!(
            matches!(&regex, Err(Error::Failed(why)) if why.contains("stopped after")),
            "{regex:?}"
        );
        let big = scripts.call(&js("'x'.repeat(1e9).length"), &[]).await;
        assert!(big.is_err(), "{big:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn over_the_api_no_pattern_takes_long() {
        let scripts = Scripts::default();
        let text = format!("{}!", "a".repeat(60));
        assert_eq!(scripts.matches("^(a+)+$", &text).await, Ok(Ok(false)));
        assert_eq!(scripts.matches("a!$", &text).await, Ok(Ok(true)));
        // A pattern that needs the JavaScript engine has a short time limit.
        assert_eq!(scripts.matches("^(?=a)", &text).await, Ok(Ok(true)));
        let slow = scripts.matches("^(?=a)(a+)+$", &text).await;
        assert!(
            matches!(&slow, Err(Error::Failed(why)) if why.contains("after 0.1 s")),
            "{slow:?}"
        );
        assert!(linear(r"(\w{100}){100}").is_err(), "it would be large");
    }

    #[tokio::test]
    async fn a_pattern_means_the_same_over_the_api_and_on_the_command_line() {
        let (api, shell) = (Scripts::default(), scripts(&Vars::new()));
        let tried = [
            (r"^\w+$", "café"),
            (r"\bé", "né"),
            (r"^\d$", "٣"),
            (r"^\s$", "\u{feff}"),
            ("^.$", "😀"),
            ("^😀*$", ""),
            ("^a.b$", "a\rb"),
            ("^[a&&b]$", "&"),
            ("^[[a]]$", "a]"),
            ("^[a--b]$", "a"),
            ("[]", "a"),
            ("^[^]$", "a"),
            ("(?i)A", "a"),
            ("(?<x>a)", "a"),
            (r"\Aa", "a"),
            (r"\<a", "<a"),
            (r"^\x{2}$", "xx"),
            (r"^\p{2}$", "pp"),
            ("^a{,2}$", "a"),
            ("^a{ 2 }$", "aa"),
            ("^a**$", "a"),
            ("^*a", "a"),
            ("a++", "a"),
            ("x{2", "x{2"),
            ("(", "("),
        ];
        for (pattern, text) in tried {
            let (over_api, here) =
                (api.matches(pattern, text).await, shell.matches(pattern, text).await);
            assert_eq!(over_api, here, "{pattern} in {text:?}");
        }
        let ordinary = [
            ("refund|return", "You can return it."),
            (r"^(?:1[0-4]|9):00\b", "13:00"),
            (r"\$\d+(?:\.\d{2})?", "$12.50"),
            (r"[\w.+-]+@[^\s@]+\.\w{2,}", "a.b@example.com"),
            (r"\(\+?[0-9 -]{6,}\)|a/b\/c", "(+44 123456)"),
            ("^Schön(e|en)? .*[äöü]", "Schöne Grüße"),
        ];
        for (pattern, text) in ordinary {
            let shared = dialect::linear_equivalent(pattern, text).expect(pattern);
            assert!(shared.is_match(text), "{pattern}");
            assert_eq!(shell.matches(pattern, text).await, Ok(Ok(true)), "{pattern}");
        }
    }

    #[tokio::test]
    async fn files_have_functions_classes_and_files_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("data.json", r#"{"n": 3}"#);
        write("other.js", "exports.double = (x) => 2 * x");
        let main = write(
            "main.js",
            "const {double} = require('./other.js');\nmodule.exports = async (x) => double(x) + require('./data.json').n;\nmodule.exports.named = (x) => -x;",
        );
        let modern = write(
            "modern.mjs",
            "import { double } from './other'\nexport default (x) => double(x)",
        );
        let class = write(
            "class.cjs",
            "module.exports = class { constructor(o) { this.o = o } id() { return 'me' } async callApi(p) { return {output: p + this.o.config.tail} } }",
        );
        let typed = write("typed.ts", "export default 1");
        let scripts = scripts(&Vars::new());
        let call = async |path: &Path, function: Option<&str>| {
            let script = Script::File { path: path.into(), function: function.map(Into::into) };
            scripts.call(&script, &[("x", json!(4))]).await
        };
        assert_eq!(call(&main, None).await, Ok(json!(11)));
        assert_eq!(call(&main, Some("named")).await, Ok(json!(-4)));
        assert_eq!(call(&modern, None).await, Ok(json!(8)));
        assert!(matches!(call(&typed, None).await, Err(Error::Missing(_))));
        assert!(matches!(call(&folder.path().join("no.js"), None).await, Err(Error::Failed(_))));
        let options = json!({"config": {"tail": "!"}});
        let said = scripts.method(&class, &options, "callApi", &[json!("hi")]).await;
        assert_eq!(said, Ok(Some(json!({"output": "hi!"}))));
        assert_eq!(scripts.method(&class, &options, "callEmbeddingApi", &[]).await, Ok(None));
        let own = scripts.method(&main, &options, "callApi", &[json!(1)]).await;
        assert_eq!(own, Ok(Some(json!(5))));
    }

    #[tokio::test]
    async fn python_runs_in_a_process_that_ends_in_time() {
        let limits = (Duration::from_secs(5), Duration::from_secs(10));
        let scripts = scripts(&Vars::new()).with_time_limits(limits.0, limits.1);
        let arguments = [("output", json!("a b")), ("context", json!({}))];
        let call = async |code: &str| scripts.call(&Script::Python(code.into()), &arguments).await;
        match call("len(output)").await {
            Err(Error::Missing(why)) => return println!("skipped: {why}"),
            other => assert_eq!(other, Ok(json!(3))),
        }
        let body = "print('noise')\nfor w in output.split():\n    return {'w': w}";
        assert_eq!(call(body).await, Ok(json!({"w": "a"})));
        assert!(matches!(call("nope").await, Err(Error::Failed(why)) if why.contains("NameError")));
        let short =
            scripts.clone().with_time_limits(Duration::from_secs(5), Duration::from_millis(800));
        let began = Instant::now();
        let sleeps = Script::Python("__import__('os').system('sleep 30')".into());
        assert!(short.call(&sleeps, &[]).await.is_err());
        assert!(began.elapsed() < Duration::from_secs(5));
        let mut env = Vars::new();
        env.insert("PROMPTFOO_PYTHON".into(), json!("/no/such/python"));
        let none = self::scripts(&env).call(&Script::Python("1".into()), &[]).await;
        assert_eq!(none, Err(Error::Missing("no python".into())));
    }
}
