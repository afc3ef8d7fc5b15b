//! Prepares an assertion: applies its transform to the answer, reads files and renders templates of
//! its value.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{CaseContext, GradingResult};
use crate::script::{Error, Script};
use crate::spec::Assertion;

/// An assertion with its rendered value and the output to grade.
pub(super) struct PreparedAssertion<'a> {
    pub(super) assertion: &'a Assertion,
    pub(super) ctx: CaseContext<'a>,
    /// The answer after the assertion's own transform.
    pub(super) output: Value,
    pub(super) text: String,
    /// The value, rendered.
    pub(super) value: Value,
    /// The result of the value's script, and its JavaScript `typeof`.
    pub(super) script: Option<(Value, String)>,
}

impl PreparedAssertion<'_> {
    /// Whether the type has the prefix `not-`.
    pub(super) fn inverse(&self) -> bool {
        self.assertion.negated
    }

    /// Applies `not-` to the outcome; `reason` gets "not " or "" and is used for a failure.
    pub(super) fn verdict(
        &self,
        holds: bool,
        reason: impl FnOnce(&str) -> String,
    ) -> GradingResult {
        let not = if self.inverse() { "not " } else { "" };
        GradingResult::when(holds != self.inverse(), || reason(not))
    }
}

/// Converts a value to text: a string as it is, anything else as JSON.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The context object that a script gets beside the answer.
pub(super) fn context(assertion: &Assertion, ctx: CaseContext<'_>) -> Value {
    let mut context = json!({
        "prompt": ctx.prompt,
        "vars": ctx.vars,
        "test": ctx.case.raw,
        "logProbs": ctx.response.log_probs,
        "providerResponse": ctx.response,
    });
    for (name, value) in
        [("config", assertion.field("config")), ("metadata", &ctx.response.metadata)]
    {
        if !value.is_null() {
            context[name] = value.clone();
        }
    }
    if let Some(spans) = &ctx.response.spans {
        context["trace"] = json!({ "spans": spans });
    }
    context
}

pub(super) async fn prepare<'a>(
    assertion: &'a Assertion,
    ctx: CaseContext<'a>,
) -> Result<PreparedAssertion<'a>, Box<GradingResult>> {
    let output = transformed(assertion, ctx).await?;
    let mut given = PreparedAssertion {
        assertion,
        ctx,
        text: text_of(&output),
        output,
        value: assertion.value.clone(),
        script: None,
    };
    match &assertion.value {
        Value::String(text) => match text.strip_prefix("file://") {
            Some(reference) => from_file(&mut given, reference).await?,
            None => given.value = Value::String(rendered(text, ctx)?),
        },
        Value::Array(items) => {
            let items = items.iter().map(|item| item_of(item, ctx));
            given.value = Value::Array(items.collect::<Result<_, _>>()?);
        }
        _ => {}
    }
    script_fits(&given)?;
    if let Some((value, _)) = &given.script
        && !runs_code(&assertion.kind)
    {
        given.value = value.clone();
    }
    Ok(given)
}

fn runs_code(kind: &str) -> bool {
    matches!(kind, "javascript" | "python" | "ruby")
}

/// Rejects a verdict from the value's script when the type does not run code.
fn script_fits(given: &PreparedAssertion<'_>) -> Result<(), Box<GradingResult>> {
    let Some((value, _)) = &given.script else { return Ok(()) };
    let what = match value {
        Value::Bool(_) => "a boolean",
        Value::Object(fields) if fields.contains_key("pass") => "a GradingResult",
        _ => return Ok(()),
    };
    if runs_code(&given.assertion.kind) {
        return Ok(());
    }
    let name = given.assertion.name();
    Err(error(format!(
        "Script for \"{name}\" assertion returned {what}. Only javascript/python/ruby assertion types can: return the expected value"
    )))
}

async fn transformed(
    assertion: &Assertion,
    ctx: CaseContext<'_>,
) -> Result<Value, Box<GradingResult>> {
    let Some(code) = assertion.field("transform").as_str() else { return Ok(ctx.output.clone()) };
    let mut context = Map::new();
    context.insert("vars".into(), Value::Object(ctx.vars.clone()));
    context.insert("prompt".into(), json!({"label": ctx.prompt}));
    context.insert("metadata".into(), ctx.response.metadata.clone());
    let script = match code.strip_prefix("file://") {
        Some(reference) => file(&ctx.grading.base, reference),
        None => Script::JavaScript(code.to_owned()),
    };
    let arguments = [("output", ctx.output.clone()), ("context", Value::Object(context))];
    let made = ctx.grading.scripts.call(&script, &arguments).await;
    made.map_err(|why| failed(why, "transform"))
}

/// Splits `file.js:name` into the file and its function.
fn file(base: &Path, reference: &str) -> Script {
    let (path, function) = match reference.rsplit_once(':') {
        Some((path, name)) if !name.contains(['/', '\\', '.']) => (path, Some(name.to_owned())),
        _ => (reference, None),
    };
    Script::File { path: base.join(path), function }
}

fn failed(why: Error, what: &str) -> Box<GradingResult> {
    Box::new(match why {
        Error::Missing(why) => GradingResult::skipped(why),
        Error::Failed(why) => GradingResult::error(format!("{what}: {why}")),
        Error::Refused(why) => GradingResult::error(why.to_string()),
    })
}

fn error(why: impl Into<String>) -> Box<GradingResult> {
    Box::new(GradingResult::error(why))
}

async fn from_file(
    given: &mut PreparedAssertion<'_>,
    reference: &str,
) -> Result<(), Box<GradingResult>> {
    let ctx = given.ctx;
    let reference = rendered(reference, ctx)?;
    let script = file(&ctx.grading.base, &reference);
    let Script::File { path, .. } = &script else { return Ok(()) };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !matches!(ending, "js" | "cjs" | "mjs" | "ts" | "mts" | "cts" | "py" | "rb") {
        given.value = read(&ctx.grading.base.join(&reference), ctx).map_err(error)?;
        return Ok(());
    }
    let arguments = [("output", given.output.clone()), ("context", context(given.assertion, ctx))];
    match ctx.grading.scripts.call_typed(&script, &arguments).await {
        Ok(made) => given.script = Some(made),
        // An exception in a Python or Ruby file is a failure, in a JavaScript file an error.
        Err(Error::Failed(why)) if matches!(ending, "py" | "rb") => {
            return Err(Box::new(GradingResult::failed(why)));
        }
        Err(why) => return Err(failed(why, &path.display().to_string())),
    }
    Ok(())
}

fn item_of(item: &Value, ctx: CaseContext<'_>) -> Result<Value, Box<GradingResult>> {
    let Value::String(text) = item else { return Ok(item.clone()) };
    match text.strip_prefix("file://") {
        Some(path) => read(&ctx.grading.base.join(path), ctx).map_err(error),
        None => Ok(Value::String(rendered(text, ctx)?)),
    }
}

fn rendered(text: &str, ctx: CaseContext<'_>) -> Result<String, Box<GradingResult>> {
    ctx.grading.templates.render(text, ctx.vars).map_err(error)
}

fn read(path: &Path, ctx: CaseContext<'_>) -> Result<Value, String> {
    let say = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = ctx.grading.targets.policy().text(path).map_err(|why| say(&why))?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json" | "yaml" | "yml") => serde_saphyr::from_str(&text).map_err(|why| say(&why)),
        Some("txt") => Ok(Value::String(text.trim().to_owned())),
        _ => {
            Err(say(&"Unsupported file type: values come from .json, .yaml, .txt, .js, .py or .rb"))
        }
    }
}
