//! Reads the prompts of a suite in every form: text, `{id, label, raw}`, a mapping of files to
//! labels, files.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::SuiteError;
use super::files::{self, FileReference};
use super::source::{Place, Rules, text_of};
use super::{Prompt, table};
use crate::policy::Policy;

/// Extensions of prompt files.
const ENDINGS: &[&str] = &[
    "cjs", "cts", "js", "mjs", "mts", "ts", "csv", "j2", "json", "jsonl", "md", "py", "txt", "yml",
    "yaml", "sh", "bash", "rb", "pl", "exe",
];
/// Extensions of programs that print the prompt.
const PROGRAMS: &[&str] = &["sh", "bash", "exe", "rb", "pl"];
/// Prompt registries that are not supported.
const REMOTE: &[&str] = &["langfuse://", "portkey://", "helicone://"];

pub(super) fn all(value: &Value, place: &Place) -> Result<Vec<Prompt>, SuiteError> {
    let mut prompts = Vec::new();
    match value {
        Value::String(_) => add(value, place, &mut prompts)?,
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                add(item, &place.at(i), &mut prompts)?;
            }
        }
        Value::Object(map) => {
            for (raw, label) in map {
                let start = Prompt {
                    label: label.as_str().unwrap_or_default().into(),
                    ..Prompt::default()
                };
                read(raw, start, &place.at(raw), &mut prompts)?;
            }
        }
        Value::Null => {}
        _ => return Err(place.wrong("`prompts` must be text, a list or a mapping")),
    }
    Ok(prompts)
}

fn add(value: &Value, place: &Place, prompts: &mut Vec<Prompt>) -> Result<(), SuiteError> {
    match value {
        Value::String(raw) => read(raw, Prompt::default(), place, prompts),
        Value::Object(map) => {
            let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
            let raw = match map.get("raw") {
                Some(Value::String(raw)) => raw.clone(),
                Some(chat @ (Value::Array(_) | Value::Object(_))) => chat.to_string(),
                _ => text("id").or(text("label")).unwrap_or_default(),
            };
            if raw.is_empty() {
                return Err(place.wrong("a prompt must have a `raw` or an `id`"));
            }
            let config = map.get("config").cloned().unwrap_or(Value::Null);
            let label = text("label").unwrap_or_default();
            read(
                &raw,
                Prompt { label, id: text("id"), config, ..Prompt::default() },
                place,
                prompts,
            )
        }
        _ => Err(place.wrong("a prompt must be text, or a mapping with `raw` or `id`")),
    }
}

/// Reads a prompt: the text itself, or the files that it names.
fn read(
    raw: &str,
    start: Prompt,
    place: &Place,
    prompts: &mut Vec<Prompt>,
) -> Result<(), SuiteError> {
    if let Some(remote) = REMOTE.iter().find(|it| raw.starts_with(**it)) {
        return Err(place.wrong(format!(
            "prompts are not read from {remote}: save it in a file and name that"
        )));
    }
    if let Some(command) = raw.strip_prefix("exec:") {
        let label = if start.label.is_empty() { raw.to_owned() } else { start.label.clone() };
        let function = Some(format!("exec:{command}"));
        prompts.push(Prompt { raw: command.to_owned(), label, function, ..start });
        return Ok(());
    }
    if !is_file(raw) {
        let label = if start.label.is_empty() { raw.to_owned() } else { start.label.clone() };
        prompts.push(Prompt { raw: raw.to_owned(), label, ..start });
        return Ok(());
    }
    let named = FileReference::new(raw, place.folder());
    let wanted = raw.starts_with("file://") || files::ending(&named.path).len() > 1;
    let paths = match files::matching(&named.path, place) {
        Ok(paths) => paths,
        // A text such as `a/b or c` has a slash but names no file.
        Err(_)
            if !wanted
                || raw.contains("{{")
                || raw.contains(' ') && !raw.starts_with("file://") =>
        {
            let label = if start.label.is_empty() { raw.to_owned() } else { start.label.clone() };
            prompts.push(Prompt { raw: raw.to_owned(), label, ..start });
            return Ok(());
        }
        Err(wrong) => return Err(wrong),
    };
    let before = prompts.len();
    for path in paths {
        let named = FileReference { path, function: named.function.clone() };
        from_file(&named, &start, place.policy(), prompts)?;
    }
    if prompts.len() == before {
        return Err(place.wrong(format!("there are no prompts in {raw}")));
    }
    Ok(())
}

/// Whether a prompt looks like a file name.
fn is_file(raw: &str) -> bool {
    if raw.contains('\n') {
        return false;
    }
    let ends = |part: &str| ENDINGS.iter().any(|it| part.ends_with(&format!(".{it}")));
    let mut parts = raw.rsplit(':');
    raw.starts_with("file://")
        || parts.next().is_some_and(ends)
        || parts.next().is_some_and(ends)
        || (raw.contains(['*', '/']) && !raw.contains(' ') && !raw.contains("{{"))
}

fn from_file(
    named: &FileReference,
    start: &Prompt,
    policy: &Policy,
    prompts: &mut Vec<Prompt>,
) -> Result<(), SuiteError> {
    let path = &named.path;
    let ending = files::ending(path);
    if files::is_javascript(path) || ending == "py" {
        prompts.push(function(named, named.script(), start, policy)?);
        return Ok(());
    }
    if PROGRAMS.contains(&ending.as_str())
        || !ENDINGS.contains(&ending.as_str()) && is_program(path)
    {
        prompts.push(function(named, format!("exec:{}", path.display()), start, policy)?);
        return Ok(());
    }
    let text = text_of(path, policy)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match ending.as_str() {
        "txt" => prompts.extend(parts(text).map(|raw| labelled(raw, start, &prefix(path, start)))),
        "csv" => prompts.extend(table::prompts(path, text, start)?),
        "jsonl" => {
            let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            let several = lines.len() > 1;
            prompts.extend(lines.into_iter().map(|line| in_lines(line, several, path, start)));
        }
        "json" | "yaml" | "yml" => prompts.push(structured(path, text, start, policy)?),
        _ => prompts.push(whole(text.to_owned(), path, start)),
    }
    Ok(())
}

fn function(
    named: &FileReference,
    function: String,
    start: &Prompt,
    policy: &Policy,
) -> Result<Prompt, SuiteError> {
    let raw = match text_of(&named.path, policy) {
        Err(wrong) if named.path.is_file() && function.starts_with("exec:") => {
            wrong.file.display().to_string()
        }
        other => other?,
    };
    let label = if start.label.is_empty() { named.script() } else { start.label.clone() };
    Ok(Prompt { raw, label, function: Some(function), ..start.clone() })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|it| it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(_: &Path) -> bool {
    false
}

/// Splits a text into prompts at lines of `---`.
fn parts(text: &str) -> impl Iterator<Item = String> {
    let mut all = vec![Vec::new()];
    for line in text.lines() {
        match line.trim() {
            "---" => all.push(Vec::new()),
            _ => all.last_mut().expect("there is always one").push(line),
        }
    }
    let texts = all.into_iter().map(|lines| lines.join("\n").trim().to_owned());
    texts.filter(|text| !text.is_empty())
}

fn prefix(path: &Path, start: &Prompt) -> String {
    match start.label.as_str() {
        "" => path.display().to_string(),
        label => format!("{label}: {}", path.display()),
    }
}

fn labelled(raw: String, start: &Prompt, before: &str) -> Prompt {
    Prompt {
        label: format!("{before}: {raw}"),
        raw,
        config: start.config.clone(),
        ..Prompt::default()
    }
}

fn in_lines(line: &str, several: bool, path: &Path, start: &Prompt) -> Prompt {
    let name =
        if start.label.is_empty() { path.display().to_string() } else { start.label.clone() };
    let label = if several { format!("{name}: {line}") } else { name };
    Prompt { raw: line.to_owned(), label, ..start.clone() }
}

fn structured(
    path: &Path,
    text: &str,
    start: &Prompt,
    policy: &Policy,
) -> Result<Prompt, SuiteError> {
    let source = super::source::Source::parse(path, text.to_owned());
    // A template may be valid YAML only after rendering; then it is read as plain text.
    let Ok(source) = source else { return Ok(whole(text.to_owned(), path, start)) };
    let rules = Rules { policy: policy.clone(), ..Rules::default() };
    let place = Place::of(&std::sync::Arc::new(source.under(&rules)));
    let Place::Value(source, _) = &place else { return Ok(whole(text.to_owned(), path, start)) };
    let value = included(source.value.clone(), &place)?;
    Ok(whole(value.to_string(), path, start))
}

/// Replaces strings such as `file://message.txt` inside a chat with the file's content.
fn included(value: Value, place: &Place) -> Result<Value, SuiteError> {
    match value {
        Value::String(text) if text.starts_with("file://") => {
            let path = FileReference::new(&text, place.folder()).path;
            match files::ending(&path).as_str() {
                "yaml" | "yml" | "json" => files::value(&text, place).map(|(value, _)| value),
                _ if !path.exists() => {
                    Err(place.wrong(format!("there is no file {}", path.display())))
                }
                _ => text_of(&path, place.policy()).map(Value::from),
            }
        }
        Value::Array(items) => {
            items.into_iter().enumerate().map(|(i, item)| included(item, &place.at(i))).collect()
        }
        Value::Object(map) => {
            let mut all = Map::new();
            for (key, value) in map {
                let value = included(value, &place.at(&key))?;
                all.insert(key, value);
            }
            Ok(Value::Object(all))
        }
        other => Ok(other),
    }
}

fn whole(raw: String, path: &Path, start: &Prompt) -> Prompt {
    let label = match start.label.as_str() {
        "" => {
            let begin: String = raw.chars().take(50).collect();
            format!("{}: {begin}", path.display())
        }
        label => label.to_owned(),
    };
    Prompt { raw, label, ..start.clone() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::source::Source;
    use super::*;

    fn read(folder: &Path, prompts: &Value) -> Result<Vec<Prompt>, SuiteError> {
        let file = folder.join("suite.yaml");
        let source = Source::parse(&file, prompts.to_string()).unwrap();
        let rules = Rules { policy: Policy::command_line(), ..Rules::default() };
        let source = Arc::new(source.under(&rules));
        all(&source.value, &Place::of(&source))
    }

    fn raws(found: &[Prompt]) -> Vec<&str> {
        found.iter().map(|it| it.raw.as_str()).collect()
    }

    #[test]
    fn texts_and_objects_are_prompts() {
        let nowhere = Path::new("/nowhere");
        let found = read(
            nowhere,
            &json!(["Hi {{a}}", {"id": "x", "label": "L", "raw": "R"}, "and/or {{b}}."]),
        )
        .unwrap();
        assert_eq!(raws(&found), ["Hi {{a}}", "R", "and/or {{b}}."]);
        assert_eq!((found[0].label.as_str(), found[1].label.as_str()), ("Hi {{a}}", "L"));
        assert_eq!(read(nowhere, &json!("one")).unwrap().len(), 1);
    }

    #[test]
    fn files_of_every_kind_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("a.txt", "one\n---\ntwo\nlines\n---\n\n");
        put("b.jsonl", "[{\"role\": \"user\"}]\n\n[]\n");
        put("c.yaml", "- role: user\n  content: file://m.txt\n");
        put("m.txt", "hello");
        put("d.md", "# {{x}}");
        put("e.csv", "prompt,label\nfirst,F\n\"second, too\",\n");
        put("f.js", "module.exports = () => 'x'");
        let found = read(
            folder.path(),
            &json!(["file://a.txt", "b.jsonl", "c.yaml", "d.md", "e.csv", "file://f.js:make"]),
        )
        .unwrap();
        let expected = [
            "one",
            "two\nlines",
            "[{\"role\": \"user\"}]",
            "[]",
            "[{\"role\":\"user\",\"content\":\"hello\"}]",
            "# {{x}}",
            "first",
            "second, too",
            "module.exports = () => 'x'",
        ];
        assert_eq!(raws(&found), expected);
        assert_eq!(found[6].label, "F");
        assert!(found[8].function.as_deref().unwrap().ends_with("f.js:make"));
        let found = read(folder.path(), &json!({"*.md": "all"})).unwrap();
        assert_eq!(raws(&found), ["# {{x}}"]);
    }

    #[test]
    fn a_file_that_is_not_there_says_where_it_is_named() {
        let wrong = read(Path::new("/nowhere"), &json!(["file://a.txt"])).unwrap_err();
        assert!(
            wrong.to_string().starts_with("/nowhere/suite.yaml:1:2: there is no file"),
            "{wrong}"
        );
    }
}
