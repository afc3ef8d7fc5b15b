//! Reads the written cases of a suite in every form: lists, files, glob patterns, scripts that
//! generate them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::SuiteError;
use super::files::{self, FileReference};
use super::raw_case::{RawCase, Sink};
use super::source::{Lines, Place, Source, unreadable};
use super::{refs, table};
use crate::script::{Script, Scripts};

/// Remote sources of cases that are not supported.
const REMOTE: &[(&str, &str)] = &[
    ("huggingface://", "a data set on Hugging Face"),
    ("az://", "a file on Azure"),
    ("https://docs.google.com/spreadsheets/", "a Google Sheet"),
    ("http://", "a file on the web"),
    ("https://", "a file on the web"),
];

/// Sends all cases in `tests` to the sink.
pub(super) async fn all(
    tests: &Value,
    place: &Place,
    scripts: &Scripts,
    sink: Sink<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), SuiteError> {
    match tests {
        Value::Null => Ok(()),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let place = place.at(i);
                match item {
                    Value::String(reference) => {
                        named(
                            reference,
                            &Value::Null,
                            false,
                            &place,
                            scripts,
                            &mut *sink,
                            warnings,
                        )
                        .await?;
                    }
                    Value::Object(map) if map.get("path").is_some_and(Value::is_string) => {
                        from_path(map, &place, scripts, &mut *sink, warnings).await?;
                    }
                    other => one(other, &place, &mut *sink)?,
                }
            }
            Ok(())
        }
        Value::String(reference) => {
            let alone = !reference.ends_with("yaml") && !reference.ends_with("yml");
            named(reference, &Value::Null, alone, place, scripts, sink, warnings).await
        }
        Value::Object(map) if map.get("path").is_some_and(Value::is_string) => {
            from_path(map, place, scripts, sink, warnings).await
        }
        _ => Err(place.wrong("`tests` must be a list of cases, or the name of a file")),
    }
}

async fn from_path(
    map: &Map<String, Value>,
    place: &Place,
    scripts: &Scripts,
    sink: Sink<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), SuiteError> {
    let path = map.get("path").and_then(Value::as_str).unwrap_or_default();
    let config = map.get("config").unwrap_or(&Value::Null);
    named(path, config, true, &place.at("path"), scripts, sink, warnings).await
}

/// Reads one case of a list, or a nested list.
fn one(value: &Value, place: &Place, sink: Sink<'_>) -> Result<(), SuiteError> {
    match value {
        Value::Object(map) => sink(RawCase { map: map.clone(), place: place.clone() }),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(i, item)| one(item, &place.at(i), &mut *sink))
        }
        _ => Err(place.wrong("a case must be a mapping with `vars`, `assert` and the like")),
    }
}

/// Reads the cases of a reference. If the file is all of `tests` (`alone`), cases get numbered
/// descriptions.
async fn named(
    reference: &str,
    config: &Value,
    alone: bool,
    place: &Place,
    scripts: &Scripts,
    sink: Sink<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), SuiteError> {
    let sharepoint = reference.starts_with("https://") && reference.contains(".sharepoint.com/");
    let remote =
        REMOTE.iter().find(|(begin, _)| reference.starts_with(begin)).map(|(_, what)| *what);
    if let Some(what) = sharepoint.then_some("a file on SharePoint").or(remote) {
        return Err(
            place.wrong(format!("{what} is not fetched: save it as a CSV file and name that"))
        );
    }
    let named = FileReference::new(reference, place.folder());
    if files::is_script(&named.path) {
        let value = made(&named, config, place, scripts).await?;
        return one(&value, place, sink);
    }
    for file in files::matching(&named.path, place)? {
        from_file(&file, alone, place, &mut *sink, warnings)?;
    }
    Ok(())
}

/// Runs a script that generates cases.
async fn made(
    named: &FileReference,
    config: &Value,
    place: &Place,
    scripts: &Scripts,
) -> Result<Value, SuiteError> {
    if !named.path.exists() {
        return Err(place.wrong(format!("there is no file {}", named.path.display())));
    }
    let python = files::ending(&named.path) == "py";
    let function = named.function.clone().or_else(|| python.then(|| "generate_tests".to_owned()));
    let script = Script::File { path: named.path.clone(), function };
    let arguments = [("config", config.clone())];
    let arguments = if python && config.is_null() { &arguments[..0] } else { &arguments[..] };
    let value = scripts.call(&script, arguments).await;
    let value = value.map_err(|error| {
        place.wrong(format!("no cases came of {}: {error}", named.path.display()))
    })?;
    match value {
        list @ Value::Array(_) => Ok(list),
        other => {
            Err(place
                .wrong(format!("{} must give a list of cases, not {other}", named.path.display())))
        }
    }
}

fn from_file(
    file: &Path,
    alone: bool,
    place: &Place,
    sink: Sink<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), SuiteError> {
    let named = FileReference { path: file.to_owned(), function: None };
    match named.ending().as_str() {
        "csv" => table::csv(file, place, sink, warnings),
        "xlsx" | "xls" => table::workbook(file, place, sink, warnings),
        "jsonl" => jsonl(file, place, alone, sink),
        "json" => structured(file, place, alone, sink),
        "yaml" | "yml" => structured(file, place, false, sink),
        other => Err(place.wrong(format!(
            "cases are not read from .{other}: use csv, xlsx, json, jsonl, yaml, js or py"
        ))),
    }
}

fn structured(file: &Path, place: &Place, alone: bool, sink: Sink<'_>) -> Result<(), SuiteError> {
    let source = Arc::new(Source::read(file, place.rules())?);
    let place = Place::of(&source);
    let value = refs::resolve(source.value.clone(), &place)?;
    let mut number = 0;
    let mut numbered = |mut it: RawCase| {
        number += 1;
        describe(&mut it.map, alone, number);
        sink(it)
    };
    one(&value, &place, &mut numbered)
}

fn jsonl(file: &Path, place: &Place, alone: bool, sink: Sink<'_>) -> Result<(), SuiteError> {
    let opened = place.policy().open(file);
    let opened = opened.map_err(|error| SuiteError::file(file, unreadable(&error)))?;
    let shared = Lines::new(file, place);
    let mut number = 0;
    for (i, line) in BufReader::new(opened).lines().enumerate() {
        let line = line.map_err(|error| SuiteError::line(file, i + 1, unreadable(&error)))?;
        if line.trim().is_empty() {
            continue;
        }
        number += 1;
        let map: Map<String, Value> = serde_json::from_str(line.trim_start_matches('\u{feff}'))
            .map_err(|error| SuiteError {
                column: error.column(),
                ..SuiteError::line(file, i + 1, format!("not a case in JSON: {error}"))
            })?;
        let mut it = RawCase { map, place: Place::Line(shared.clone(), i + 1) };
        describe(&mut it.map, alone, number);
        sink(it)?;
    }
    Ok(())
}

fn describe(map: &mut Map<String, Value>, alone: bool, number: usize) {
    let named = map.get("description").and_then(Value::as_str).is_some_and(|it| !it.is_empty());
    if alone && !named {
        map.insert("description".into(), format!("Row #{number}").into());
    }
}

/// Reads the variables of a case, which may be in files: `vars: [a.yaml, more/*.yaml]`.
pub(super) fn vars(value: Option<Value>, place: &Place) -> Result<Map<String, Value>, SuiteError> {
    let references = match value {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(map)) => return Ok(map),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            super::targets::strings(&Value::Array(items))
        }
        Some(_) => {
            return Err(
                place.wrong("`vars` must be a mapping, or the name of a file that holds one")
            );
        }
    };
    let mut all = Map::new();
    for reference in references {
        let path: PathBuf = FileReference::new(&reference, place.folder()).path;
        for file in files::matching(&path, place)? {
            match Source::read(&file, place.rules())?.value {
                Value::Object(map) => all.extend(map),
                _ => return Err(SuiteError::file(&file, "a file of variables must be a mapping")),
            }
        }
    }
    Ok(all)
}
