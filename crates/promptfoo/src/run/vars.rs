//! Prepares a row's variables and prompt: reads the files and runs the scripts that they name.

use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};

use super::super::check::GradingContext;
use super::super::policy::Policy;
use super::super::script::{Error, Script};
use super::super::suite::{Prompt, TargetSpec, Vars};

const IMAGES: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp", "image/bmp"),
    ("svg", "image/svg+xml"),
];
const RECORDINGS: &[&str] =
    &["mp3", "wav", "ogg", "opus", "m4a", "aac", "flac", "mp4", "webm", "mov"];

/// Replaces variables such as `file://order.txt` with the file's content.
pub(super) async fn from_files(
    vars: &mut Vars,
    prompt: &str,
    grading: &GradingContext,
) -> Result<(), Error> {
    let in_file = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("file://"));
    let names: Vec<String> =
        vars.iter().filter(|(_, value)| in_file(value)).map(|(name, _)| name.clone()).collect();
    for name in names {
        let text = vars[&name].as_str().unwrap_or_default().trim_start_matches("file://");
        let path = grading.base.join(text);
        let ending =
            path.extension().map(|it| it.to_string_lossy().to_lowercase()).unwrap_or_default();
        let value = match ending.as_str() {
            "js" | "cjs" | "mjs" | "ts" | "py" => {
                scripted(&name, &path, &ending, prompt, vars, grading).await?
            }
            _ => read(grading.targets.policy(), &path, &ending)
                .map_err(|why| Error::Failed(format!("the variable `{name}`: {why}")))?,
        };
        vars.insert(name, value);
    }
    Ok(())
}

async fn scripted(
    name: &str,
    path: &Path,
    ending: &str,
    prompt: &str,
    vars: &Vars,
    grading: &GradingContext,
) -> Result<Value, Error> {
    let function = (ending == "py").then(|| "get_var".to_owned());
    let script = Script::File { path: path.to_owned(), function };
    let arguments =
        [("varName", json!(name)), ("prompt", json!(prompt)), ("otherVars", json!(vars))];
    let value = grading.scripts.call(&script, &arguments).await?;
    let wrong = |what: &Value| Error::Failed(format!("the variable `{name}`: {what}"));
    match (&value["error"], &value["output"]) {
        (Value::Null, Value::Null) => {
            Err(wrong(&json!(format!("{} must give `{{output}}`", path.display()))))
        }
        (Value::Null, output) => Ok(output.clone()),
        (error, _) => Err(wrong(error)),
    }
}

fn read(policy: &Policy, path: &Path, ending: &str) -> Result<Value, String> {
    let bytes = policy.bytes(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    if let Some((_, kind)) = IMAGES.iter().find(|(one, _)| *one == ending) {
        return Ok(format!("data:{kind};base64,{}", encoded(&bytes)).into());
    }
    if RECORDINGS.contains(&ending) {
        return Ok(encoded(&bytes).into());
    }
    if ending == "pdf" {
        return Err(format!(
            "{}: a PDF is not read as a variable: save its text as .txt",
            path.display()
        ));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("{}: it is not text in UTF-8", path.display()))?;
    if matches!(ending, "yaml" | "yml") {
        let value: Value = serde_saphyr::from_str(&text)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(value.to_string().into());
    }
    Ok(text.trim().into())
}

/// Runs `transformVars` and merges its result over the variables.
pub(super) async fn transformed(
    vars: &mut Vars,
    code: &str,
    grading: &GradingContext,
) -> Result<(), Error> {
    let arguments = [("vars", json!(vars)), ("context", json!({"vars": vars, "prompt": {}}))];
    match grading.scripts.call(&script(code, &grading.base), &arguments).await? {
        Value::Object(more) => vars.extend(more),
        other => {
            return Err(Error::Failed(format!("`transformVars` must give an object, not {other}")));
        }
    }
    Ok(())
}

/// Parses a script of a suite: `file://a.js:fn`, `python:…`, or inline JavaScript.
pub(super) fn script(code: &str, base: &Path) -> Script {
    if let Some(path) = code.strip_prefix("file://") {
        let (path, function) = match path.rsplit_once(':') {
            Some((path, function)) if !function.contains('/') => (path, Some(function.to_owned())),
            _ => (path, None),
        };
        return Script::File { path: base.join(path), function };
    }
    match code.strip_prefix("python:") {
        Some(code) => Script::Python(code.trim().to_owned()),
        None => {
            Script::JavaScript(code.strip_prefix("javascript:").unwrap_or(code).trim().to_owned())
        }
    }
}

/// Runs a prompt function and returns the template and the settings that it gives.
pub(super) async fn made(
    prompt: &Prompt,
    function: &str,
    vars: &Vars,
    target: &TargetSpec,
    grading: &GradingContext,
) -> Result<(String, Value), Error> {
    if function.starts_with("exec:") {
        return Err(Error::Missing(
            "prompts of programs are not run: use a .js or .py file".into(),
        ));
    }
    let context = json!({
        "vars": vars, "provider": {"id": target.id, "label": target.label}, "config": prompt.config
    });
    let value = grading
        .scripts
        .call(&script(&format!("file://{function}"), Path::new("")), &[("context", context)])
        .await?;
    match value {
        Value::String(text) => Ok((text, Value::Null)),
        Value::Object(mut map) if map.contains_key("prompt") => {
            let config = map.remove("config").unwrap_or(Value::Null);
            let text = match map.remove("prompt") {
                Some(Value::String(text)) => text,
                other => other.unwrap_or(Value::Null).to_string(),
            };
            Ok((text, config))
        }
        chat @ (Value::Array(_) | Value::Object(_)) => Ok((chat.to_string(), Value::Null)),
        other => {
            Err(Error::Failed(format!("a prompt function must give text or messages, not {other}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_apart() {
        let base = Path::new("/s");
        assert_eq!(script("output.trim()", base), Script::JavaScript("output.trim()".into()));
        assert_eq!(script("python: output", base), Script::Python("output".into()));
        let file = Script::File { path: "/s/t.js".into(), function: Some("f".into()) };
        assert_eq!(script("file://t.js:f", base), file);
    }

    #[test]
    fn files_are_read_by_their_kind() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            read(&Policy::command_line(), &path, name.rsplit('.').next().unwrap())
        };
        assert_eq!(put("a.txt", b" hi \n").unwrap(), "hi");
        assert_eq!(put("a.yaml", b"k: [1, 2]\n").unwrap(), "{\"k\":[1,2]}");
        assert_eq!(put("a.png", b"abc").unwrap(), "data:image/png;base64,YWJj");
        assert_eq!(put("a.ogg", b"abc").unwrap(), "YWJj");
        assert!(put("a.pdf", b"%PDF").unwrap_err().contains(".txt"));
        let none = folder.path().join("none.txt");
        assert!(read(&Policy::command_line(), &none, "txt").is_err());
    }
}
