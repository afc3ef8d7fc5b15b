//! A script as target: a class with `callApi` or a function in JavaScript, `call_api` in Python.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::answer::of_value;
use super::{AskError, Classifies, Embeds, Moderates, Target, TargetRequest, Targets};
use crate::result::{Response, Tokens};
use crate::script::{Error, Script, Scripts};
use crate::spec::TargetSpec;

struct ScriptTarget {
    script: Script,
    /// `{id, config}`, passed to the script.
    options: Value,
    scripts: Arc<Scripts>,
}

pub(super) fn open(spec: &TargetSpec, targets: &Targets) -> Result<Arc<dyn Target>, String> {
    let named = spec
        .id
        .strip_prefix("file://")
        .ok_or_else(|| format!("`{}` is no file: write it as file://SCRIPT", spec.id))?;
    let script = file(&targets.base, named);
    if let Script::File { path, .. } = &script {
        if !["js", "cjs", "mjs", "ts", "py"]
            .iter()
            .any(|kind| path.extension().is_some_and(|ext| ext == *kind))
        {
            return Err(format!(
                "`{}` is no script that answers: there are .js, .cjs, .mjs, .ts and .py",
                spec.id
            ));
        }
        if !path.is_file() {
            return Err(format!("there is no file {}", path.display()));
        }
    }
    let options = json!({"id": spec.id, "config": spec.config, "label": spec.label});
    Ok(Arc::new(ScriptTarget { script, options, scripts: Arc::clone(&targets.scripts) }))
}

/// Parses `path:function`, relative to a folder.
pub(super) fn file(base: &Path, named: &str) -> Script {
    let (path, function) = match named.rsplit_once(':') {
        Some((path, function))
            if Path::new(path).extension().is_some() && !function.contains(['/', '\\', '.']) =>
        {
            (path, Some(function.to_owned()))
        }
        _ => (named, None),
    };
    Script::File { path: base.join(path), function }
}

#[async_trait]
impl Target for ScriptTarget {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        let mut options = self.options.clone();
        for (name, value) in asked.config.as_object().into_iter().flatten() {
            if !options["config"].is_object() {
                options["config"] = json!({});
            }
            options["config"][name] = value.clone();
        }
        let context = json!({"vars": asked.vars, "prompt": {"raw": asked.prompt, "label": asked.prompt},
            "test": asked.case.map(|case| &case.raw), "repeatIndex": asked.repeat});
        match self.call("callApi", "call_api", &options, vec![asked.prompt.into(), context]).await {
            Ok(Value::Null) => failed("the script gives nothing back"),
            Ok(value) => of_value(value, true),
            Err(Error::Missing(why)) => Response { skipped: Some(why), ..Response::default() },
            Err(error @ (Error::Failed(_) | Error::Refused(_))) => failed(error.to_string()),
        }
    }

    fn embeds(&self) -> Option<&dyn Embeds> {
        Some(self)
    }

    fn classifies(&self) -> Option<&dyn Classifies> {
        Some(self)
    }

    fn moderates(&self) -> Option<&dyn Moderates> {
        Some(self)
    }
}

fn failed(why: impl Into<String>) -> Response {
    Response { error: Some(why.into()), ..Response::default() }
}

impl ScriptTarget {
    /// Calls a method of the script's class, or its function when there is no class.
    async fn call(
        &self,
        method: &str,
        function: &str,
        options: &Value,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let Script::File { path, function: named } = &self.script else {
            return Err(Error::Failed("it is no file".into()));
        };
        let is_python = path.extension().is_some_and(|ext| ext == "py");
        if !is_python && named.is_none() {
            if let Some(value) = self.scripts.method(path, options, method, &arguments).await? {
                return Ok(value);
            }
            if method != "callApi" {
                return Err(Error::Failed(format!("{} has no {method}", path.display())));
            }
        }
        let default = (is_python || method != "callApi").then(|| function.to_owned());
        let script = Script::File { path: path.clone(), function: named.clone().or(default) };
        let mut arguments = arguments.into_iter();
        let prompt = arguments.next().unwrap_or_default();
        let context = arguments.next().unwrap_or_default();
        let named = [("prompt", prompt), ("options", options.clone()), ("context", context)];
        // A JavaScript function gets the prompt and the context, like `callApi`.
        let plain = [named[0].clone(), named[2].clone()];
        let arguments: &[(&str, Value)] = if is_python { &named } else { &plain };
        self.scripts.call(&script, arguments).await
    }
}

#[async_trait]
impl Embeds for ScriptTarget {
    async fn embed(&self, text: &str) -> Result<(Vec<f64>, Tokens, f64), AskError> {
        let found = self
            .call("callEmbeddingApi", "call_embedding_api", &self.options, vec![text.into()])
            .await;
        let found = told(found)?;
        let vector: Option<Vec<f64>> = serde_json::from_value(found["embedding"].clone()).ok();
        let tokens = serde_json::from_value(found["tokenUsage"].clone()).unwrap_or_default();
        Ok((
            vector.ok_or_else(|| AskError::Malformed("the script gives no embedding".into()))?,
            tokens,
            found["cost"].as_f64().unwrap_or_default(),
        ))
    }
}

#[async_trait]
impl Classifies for ScriptTarget {
    async fn classify(&self, text: &str) -> Result<Vec<(String, f64)>, AskError> {
        let found = self
            .call(
                "callClassificationApi",
                "call_classification_api",
                &self.options,
                vec![text.into()],
            )
            .await;
        let found = told(found)?;
        let none = || AskError::Malformed("the script gives no classification".into());
        let labels = found["classification"].as_object().ok_or_else(none)?;
        Ok(labels
            .iter()
            .filter_map(|(label, sure)| Some((label.clone(), sure.as_f64()?)))
            .collect())
    }
}

#[async_trait]
impl Moderates for ScriptTarget {
    async fn moderate(&self, question: &str, answer: &str) -> Result<Vec<(String, f64)>, AskError> {
        let arguments = vec![question.into(), answer.into()];
        let found = told(
            self.call("callModerationApi", "call_moderation_api", &self.options, arguments).await,
        )?;
        let flags = found["flags"].as_array().cloned().unwrap_or_default();
        let flag = |flag: &Value| {
            Some((flag["code"].as_str()?.to_owned(), flag["confidence"].as_f64().unwrap_or(1.0)))
        };
        Ok(flags.iter().filter_map(flag).collect())
    }
}

fn told(found: Result<Value, Error>) -> Result<Value, AskError> {
    let found = found.map_err(|error| AskError::Failed(error.to_string()))?;
    match found["error"].as_str() {
        Some(error) if !error.is_empty() => Err(AskError::Failed(error.to_owned())),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_behind_the_file() {
        let read = |named| match file(Path::new("/b"), named) {
            Script::File { path, function } => (path.display().to_string(), function),
            other => panic!("{other:?}"),
        };
        assert_eq!(read("x.py:make"), ("/b/x.py".into(), Some("make".into())));
        assert_eq!(read("d/x.js"), ("/b/d/x.js".into(), None));
        assert_eq!(read("C:x"), ("/b/C:x".into(), None));
    }
}
