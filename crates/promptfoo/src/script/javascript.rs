//! JavaScript in an embedded engine with time and memory limits and without Node's modules.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::{CatchResultExt, Context, Ctx, Function, Runtime};
use serde_json::{Value, json};

use super::{Error, module};
use crate::policy::Permit;

/// Default time limit of one script.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
const MEMORY: usize = 64 * 1024 * 1024;
const STACK: usize = 512 * 1024;
const BOOT: &str = include_str!("boot.js");
/// Returns `y` or `n`, or `!` and the error message for an invalid pattern.
const TRY: &str = "(pattern, text) => { let found; try { found = new RegExp(pattern) } \
    catch (error) { return '!' + error.message } return found.test(text) ? 'y' : 'n' }";

/// The value that a script returned, and its `typeof`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ScriptValue {
    pub(super) value: Value,
    pub(super) kind: String,
}

pub(super) struct Job {
    /// The task in the format of `boot.js`.
    pub(super) task: Value,
    /// Folders whose files may be required; `None` for any folder.
    pub(super) folders: Option<Vec<PathBuf>>,
    /// Time limit.
    pub(super) limit: Duration,
}

/// Runs a job. Blocks until it ends, at most for its limit.
pub(super) fn run(job: &Job, _: Permit) -> Result<ScriptValue, Error> {
    let limit = job.limit;
    let deadline = Instant::now() + limit;
    match evaluate(job, deadline) {
        Err(_) | Ok(None) if Instant::now() >= deadline => Err(stopped(limit)),
        Err(why) => Err(Error::Failed(why)),
        Ok(None) => Err(Error::Failed(
            "the script's promise is never kept, or it used more than 64 MB".into(),
        )),
        Ok(Some(answer)) => read(&answer),
    }
}

fn read(answer: &str) -> Result<ScriptValue, Error> {
    let mut answer: Value = serde_json::from_str(answer)
        .map_err(|error| Error::Failed(format!("the script's value is not JSON: {error}")))?;
    if let Some(message) = answer["error"].as_str() {
        let message = node_error_message(message);
        let missing = answer["missing"] == json!(true);
        return Err(if missing { Error::Missing(message) } else { Error::Failed(message) });
    }
    let kind = answer["type"].as_str().unwrap_or("undefined").to_owned();
    Ok(ScriptValue { value: answer["value"].take(), kind })
}

fn evaluate(job: &Job, deadline: Instant) -> Result<Option<String>, String> {
    let say = |error: rquickjs::Error| format!("the JavaScript engine: {error}");
    let runtime = Runtime::new().map_err(say)?;
    runtime.set_memory_limit(MEMORY);
    runtime.set_max_stack_size(STACK);
    runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() >= deadline)));
    let context = Context::full(&runtime).map_err(say)?;
    context.with(|ctx| {
        begin(&ctx, job).catch(&ctx).map_err(|error| error.to_string())?;
        run_pending_jobs(&ctx, deadline);
        ctx.globals().get::<_, Option<String>>("__result").map_err(say)
    })
}

fn begin(ctx: &Ctx<'_>, job: &Job) -> rquickjs::Result<()> {
    let boot: Function = ctx.eval(BOOT)?;
    let folders = job.folders.clone();
    let read = Function::new(ctx.clone(), move |folder: String, name: String| {
        module::read(&PathBuf::from(folder), &name, folders.as_deref()).to_string()
    })?;
    let log = Function::new(ctx.clone(), |text: String| {
        tracing::debug!(%text, "a script says: {text}");
    })?;
    boot.call::<_, ()>((read, log))?;
    let start: Function = ctx.globals().get("__start")?;
    start.call((job.task.to_string(),))
}

/// Runs pending promise jobs and timers until nothing is left or the deadline passes.
fn run_pending_jobs(ctx: &Ctx<'_>, deadline: Instant) {
    let began = Instant::now();
    loop {
        while Instant::now() < deadline && ctx.execute_pending_job() {}
        let done = matches!(ctx.globals().get::<_, Option<String>>("__result"), Ok(Some(_)));
        if done || Instant::now() >= deadline {
            return;
        }
        let now = began.elapsed().as_secs_f64() * 1e3;
        let tick = ctx.globals().get::<_, Function>("__tick");
        match tick.and_then(|tick| tick.call::<_, f64>((now,))) {
            Ok(wait) if wait >= 0.0 => {
                let left = deadline.saturating_duration_since(Instant::now());
                let wait = Duration::try_from_secs_f64(wait / 1e3).unwrap_or(left);
                std::thread::sleep(wait.min(left));
            }
            // A timer may have just resolved a promise.
            _ if ctx.execute_pending_job() => {}
            _ => return,
        }
    }
}

/// Rewrites the engine's error messages as Node's, so that reports match promptfoo's.
fn node_error_message(message: &str) -> String {
    if let Some(token) = message.strip_prefix("unexpected token in expression: ") {
        return format!("Unexpected token {token}");
    }
    if let Some(name) = message.strip_suffix("' is not defined").and_then(|m| m.strip_prefix('\''))
    {
        return format!("{name} is not defined");
    }
    let reading = message.strip_prefix("cannot read property '");
    if let Some((name, of)) = reading.and_then(|rest| rest.split_once("' of ")) {
        return format!("Cannot read properties of {of} (reading '{name}')");
    }
    message.to_owned()
}

/// A per-thread engine for patterns. It is reused because a match leaves no state.
struct Patterns {
    context: Context,
    deadline: Rc<Cell<Instant>>,
}

thread_local! {
    static PATTERNS: RefCell<Option<Patterns>> = const { RefCell::new(None) };
}

impl Patterns {
    fn new() -> rquickjs::Result<Self> {
        let runtime = Runtime::new()?;
        runtime.set_memory_limit(MEMORY);
        runtime.set_max_stack_size(STACK);
        let deadline = Rc::new(Cell::new(Instant::now()));
        let limit = deadline.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() >= limit.get())));
        Ok(Self { context: Context::full(&runtime)?, deadline })
    }

    /// Calls `TRY` with a pattern and a text.
    fn attempt(&self, pattern: &str, text: &str) -> Result<String, String> {
        self.context.with(|ctx| {
            let tried = ctx.eval(TRY).and_then(|it: Function| it.call((pattern, text)));
            tried.catch(&ctx).map_err(|error| error.to_string())
        })
    }
}

/// Whether a pattern matches a text. The inner `Err` is for an invalid pattern.
pub(super) fn matches(
    pattern: &str,
    text: &str,
    limit: Duration,
) -> Result<Result<bool, String>, Error> {
    let kept = PATTERNS.with(|slot| slot.borrow_mut().take());
    let engine = kept.map_or_else(Patterns::new, Ok);
    let engine =
        engine.map_err(|error| Error::Failed(format!("the JavaScript engine: {error}")))?;
    let deadline = Instant::now() + limit;
    engine.deadline.set(deadline);
    let said = match engine.attempt(pattern, text) {
        Ok(said) => said,
        // The engine is dropped, because it may be out of memory.
        Err(_) if Instant::now() >= deadline => return Err(stopped(limit)),
        Err(why) => return Err(Error::Failed(why)),
    };
    PATTERNS.with(|slot| *slot.borrow_mut() = Some(engine));
    Ok(match said.strip_prefix('!') {
        Some(message) => {
            Err(format!("Invalid regular expression: /{pattern}/: {}", node_pattern_error(message)))
        }
        None => Ok(said == "y"),
    })
}

fn stopped(limit: Duration) -> Error {
    Error::Failed(format!("the script was stopped after {} s", limit.as_secs_f32()))
}

/// The error of an invalid pattern in Node's wording.
fn node_pattern_error(message: &str) -> String {
    let known = [
        ("expecting ')'", "Unterminated group"),
        ("invalid group", "Invalid group"),
        ("expecting ':'", "Invalid group"),
        ("nothing to repeat", "Nothing to repeat"),
        ("extraneous characters at the end", "Unmatched ')'"),
        ("unexpected end", "\\ at end of pattern"),
        ("expecting ']'", "Unterminated character class"),
        ("unterminated character class", "Unterminated character class"),
        ("invalid class range", "Range out of order in character class"),
        ("invalid repetition count", "numbers out of order in {} quantifier"),
    ];
    let found = known.iter().find(|(theirs, _)| message.contains(theirs));
    found.map_or_else(|| message.to_owned(), |(_, ours)| (*ours).to_owned())
}

pub(super) fn inline(code: &str, arguments: &[(&str, Value)], env: &Value) -> Value {
    let names: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
    let values: Vec<&Value> = arguments.iter().map(|(_, value)| value).collect();
    json!({"kind": "inline", "code": code, "names": names, "args": values, "env": env})
}

pub(super) fn file(path: &Path, name: Option<&str>, arguments: &[Value], env: &Value) -> Value {
    let (folder, path) = split(path);
    json!({"kind": "file", "folder": folder, "path": path, "name": name, "args": arguments, "env": env})
}

pub(super) fn method(
    path: &Path,
    options: &Value,
    method: &str,
    arguments: &[Value],
    env: &Value,
) -> Value {
    let (folder, path) = split(path);
    json!({
        "kind": "method", "folder": folder, "path": path, "options": options, "method": method,
        "args": arguments, "env": env,
    })
}

fn split(path: &Path) -> (String, String) {
    let folder = path.parent().unwrap_or(Path::new(".")).display().to_string();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    (folder, format!("./{}", name.unwrap_or_default()))
}
