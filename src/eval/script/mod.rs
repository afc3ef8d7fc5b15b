//! Scripts of a suite: JavaScript in an engine of this process, Python and Ruby in a process of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::suite::Vars;

mod javascript;
mod module;
mod process;

use process::Language;

/// A script.
#[derive(Debug, Clone, PartialEq)]
pub enum Script {
    /// JavaScript: one line is an expression, several lines are a body with `return`.
    JavaScript(String),
    /// Python: the same.
    Python(String),
    /// Ruby: the same.
    Ruby(String),
    /// A function in a file; the default one where none is named.
    File {
        /// The file: `.js`, `.cjs`, `.mjs`, `.ts` (as JavaScript), `.py` or `.rb`.
        path: PathBuf,
        /// The function.
        function: Option<String>,
    },
}

/// Why a script gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot be run here, such as Python where there is none.
    #[error("{0}")]
    Missing(String),
    /// It was run, and failed or was not understood.
    #[error("{0}")]
    Failed(String),
}

/// Runs scripts.
#[derive(Debug, Clone)]
pub struct Scripts {
    /// What `process.env` holds: the suite's values over those of this process.
    env: Value,
    script_limit: Duration,
    process_limit: Duration,
}

impl Default for Scripts {
    fn default() -> Self {
        Self::new(&Vars::new())
    }
}

impl Scripts {
    /// Runs scripts with an environment that wins over that of this process.
    pub fn new(env: &Vars) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let own = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, Value::String(value.into_string().ok()?)))
        });
        let mut all: Map<String, Value> = own.collect();
        all.extend(env.iter().map(|(name, value)| (name.clone(), Value::String(text(value)))));
        Self {
            env: Value::Object(all),
            script_limit: javascript::LIMIT,
            process_limit: process::LIMIT,
        }
    }

    /// The same with other limits of time: for one script of JavaScript, and for one process.
    #[must_use]
    pub fn within(mut self, script: Duration, process: Duration) -> Self {
        (self.script_limit, self.process_limit) = (script, process);
        self
    }

    /// Runs a script with arguments. An inline script sees them by the names given here; a function in a file gets them in order.
    /// A value that is not there (`undefined`) is null.
    pub async fn call(&self, script: &Script, arguments: &[(&str, Value)]) -> Result<Value, Error> {
        self.call_typed(script, arguments).await.map(|(value, _)| value)
    }

    /// The same, with what JavaScript calls the value's type, such as `undefined`.
    pub async fn call_typed(
        &self,
        script: &Script,
        arguments: &[(&str, Value)],
    ) -> Result<(Value, String), Error> {
        let (env, limit) = (&self.env, self.process_limit);
        let value = match script {
            Script::JavaScript(code) => {
                return self.run(javascript::inline(code, arguments, env)).await;
            }
            Script::Python(code) => {
                process::inline(Language::Python, code, arguments, env, limit).await?
            }
            Script::Ruby(code) => {
                process::inline(Language::Ruby, code, arguments, env, limit).await?
            }
            Script::File { path, function } => {
                let values: Vec<Value> = arguments.iter().map(|(_, value)| value.clone()).collect();
                return self.call_file(path, function.as_deref(), &values).await;
            }
        };
        Ok((value, String::new()))
    }

    async fn call_file(
        &self,
        path: &Path,
        function: Option<&str>,
        values: &[Value],
    ) -> Result<(Value, String), Error> {
        let language = match path.extension().and_then(|ending| ending.to_str()) {
            Some("py") => Language::Python,
            Some("rb") => Language::Ruby,
            _ => return self.run(javascript::file(path, function, values, &self.env)).await,
        };
        let function = function.unwrap_or("get_assert");
        let value =
            process::file(language, path, function, values, &self.env, self.process_limit).await?;
        Ok((value, String::new()))
    }

    /// Calls a method of the class that a JavaScript file exports, made with `options`; `None` when it has no such method. An
    /// exported function is its own `callApi`. Each call makes the class anew.
    pub async fn method(
        &self,
        path: &Path,
        options: &Value,
        method: &str,
        arguments: &[Value],
    ) -> Result<Option<Value>, Error> {
        let job = javascript::method(path, options, method, arguments, &self.env);
        let (mut answer, _) = self.run(job).await?;
        Ok((answer["has"] == Value::Bool(true)).then(|| answer["value"].take()))
    }

    /// Whether a JavaScript pattern is found in a text; within, what is wrong with the pattern.
    pub async fn matches(&self, pattern: &str, text: &str) -> Result<Result<bool, String>, Error> {
        let (pattern, text, limit) = (pattern.to_owned(), text.to_owned(), self.script_limit);
        blocking(move || javascript::matches(&pattern, &text, limit)).await
    }

    /// Calls a function of a JavaScript file on this thread, for filters of templates.
    pub(super) fn call_here(&self, path: &Path, arguments: &[Value]) -> Result<Value, Error> {
        let job = javascript::file(path, None, arguments, &self.env);
        javascript::run(&job, self.script_limit).map(|given| given.value)
    }

    async fn run(&self, job: Value) -> Result<(Value, String), Error> {
        let limit = self.script_limit;
        let given = blocking(move || javascript::run(&job, limit)).await?;
        Ok((given.value, given.kind))
    }
}

/// Runs an engine off the threads that wait for the network.
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

    fn js(code: &str) -> Script {
        Script::JavaScript(code.into())
    }

    async fn run(code: &str) -> Result<Value, Error> {
        let arguments = [("output", json!("hello")), ("context", json!({"vars": {"n": 2}}))];
        Scripts::default().call(&js(code), &arguments).await
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
        let scripts = Scripts::new(&env);
        let code = js("process.env.NAME + !!process.env.PATH");
        assert_eq!(scripts.call(&code, &[]).await, Ok(json!("suitetrue")));
    }

    #[tokio::test]
    async fn what_would_run_for_ever_is_stopped() {
        let limit = Duration::from_millis(300);
        let scripts = Scripts::default().within(limit, limit);
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
        let scripts = Scripts::default();
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
        let scripts = Scripts::default().within(Duration::from_secs(5), Duration::from_secs(10));
        let arguments = [("output", json!("a b")), ("context", json!({}))];
        let call = async |code: &str| scripts.call(&Script::Python(code.into()), &arguments).await;
        match call("len(output)").await {
            Err(Error::Missing(why)) => return println!("skipped: {why}"),
            other => assert_eq!(other, Ok(json!(3))),
        }
        let body = "print('noise')\nfor w in output.split():\n    return {'w': w}";
        assert_eq!(call(body).await, Ok(json!({"w": "a"})));
        assert!(matches!(call("nope").await, Err(Error::Failed(why)) if why.contains("NameError")));
        let short = Scripts::default().within(Duration::from_secs(5), Duration::from_millis(800));
        let began = Instant::now();
        let sleeps = Script::Python("__import__('os').system('sleep 30')".into());
        assert!(short.call(&sleeps, &[]).await.is_err());
        assert!(began.elapsed() < Duration::from_secs(5));
        let mut env = Vars::new();
        env.insert("PROMPTFOO_PYTHON".into(), json!("/no/such/python"));
        let none = Scripts::new(&env).call(&Script::Python("1".into()), &[]).await;
        assert_eq!(none, Err(Error::Missing("no python".into())));
    }
}
