//! Cases in tables: CSV files and Excel workbooks, one case a row. CSV is read row by row, so its
//! size does not matter.

use std::path::Path;

use calamine::Reader as _;
use serde_json::{Map, Value};

use super::cell::Grammar;
use super::error::SuiteError;
use super::raw_case::{RawCase, Sink};
use super::source::{Lines, Place, unreadable};
use super::{Prompt, cell, files};

/// Column names with a special meaning when prefixed with `__`.
const SPECIAL: &[&str] = &[
    "expected",
    "prefix",
    "suffix",
    "description",
    "providerOutput",
    "metric",
    "threshold",
    "metadata",
    "config",
];

/// Sends a case for each row of a CSV file to the sink.
pub(super) fn csv(
    file: &Path,
    place: &Place,
    sink: Sink<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), SuiteError> {
    let opened = place.policy().open(file);
    let opened = opened.map_err(|error| SuiteError::file(file, unreadable(&error)))?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter()).from_reader(opened);
    let header = reader.headers().map_err(|error| bad_row(file, &error))?;
    let columns = Columns::new(header.iter(), place, warnings, file);
    let shared = Lines::new(file, place);
    let mut record = csv::StringRecord::new();
    let mut number = 0;
    while reader.read_record(&mut record).map_err(|error| bad_row(file, &error))? {
        number += 1;
        let line = record.position().map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
        let place = Place::Line(shared.clone(), line);
        sink(columns.case(record.iter(), number, place)?)?;
    }
    Ok(())
}

fn delimiter() -> u8 {
    let set = std::env::var("PROMPTFOO_CSV_DELIMITER").ok();
    set.and_then(|it| it.bytes().next()).unwrap_or(b',')
}

fn bad_row(file: &Path, error: &csv::Error) -> SuiteError {
    let line = error.position().map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} cells where the first has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "this row is not text in UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => unreadable(error),
        _ => error.to_string(),
    };
    SuiteError::line(file, line, what)
}

/// Sends a case for each row of a sheet to the sink: the sheet named after `#`, or the first.
pub(super) fn workbook(
    path: &Path,
    place: &Place,
    sink: Sink<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), SuiteError> {
    let (file, wanted) = files::split_sheet(path);
    let damaged = |error: &dyn std::fmt::Display| {
        SuiteError::file(&file, format!("it cannot be read as a workbook: {error}"))
    };
    place
        .policy()
        .check_file(&file)
        .map_err(|error| SuiteError::file(&file, unreadable(&error)))?;
    let mut book = calamine::open_workbook_auto(&file).map_err(|error| damaged(&error))?;
    let names = book.sheet_names();
    let by_number =
        |it: &String| it.parse().ok().and_then(|it: usize| names.get(it.checked_sub(1)?));
    let name = match &wanted {
        None => names.first(),
        Some(wanted) => names.iter().find(|it| *it == wanted).or_else(|| by_number(wanted)),
    };
    let Some(name) = name.cloned() else {
        let which = wanted.unwrap_or_default();
        return Err(SuiteError::file(
            &file,
            format!("there is no sheet `{which}`; there are: {}", names.join(", ")),
        ));
    };
    let cells = book.worksheet_range(&name).map_err(|error| damaged(&error))?;
    let mut rows = cells.rows().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>());
    let Some(header) = rows.next() else { return Ok(()) };
    let columns = Columns::new(header.iter().map(String::as_str), place, warnings, &file);
    let shared = Lines::new(&file, place);
    let rows = rows.enumerate().filter(|(_, row)| row.iter().any(|cell| !cell.trim().is_empty()));
    for (number, (i, row)) in rows.enumerate() {
        let place = Place::Line(shared.clone(), i + 2);
        sink(columns.case(row.iter().map(String::as_str), number + 1, place)?)?;
    }
    Ok(())
}

/// The meaning of a column.
enum Column {
    Expected,
    Option(&'static str),
    Description,
    Output,
    Metric,
    Threshold,
    Metadata(String),
    MetadataList(String),
    /// Threshold of the assertion with this index, from 0.
    ThresholdOf(usize),
    Ignored,
    Wrong(String),
    Variable(String),
}

/// The columns, and the grammar of assertion cells.
struct Columns {
    all: Vec<Column>,
    grammar: Grammar,
}

impl Columns {
    fn new<'a>(
        header: impl Iterator<Item = &'a str>,
        place: &Place,
        warnings: &mut Vec<String>,
        file: &Path,
    ) -> Self {
        let mut warn = |what: String| warnings.push(format!("{}: {what}", file.display()));
        let all = header.map(|name| column(name.trim(), &mut warn)).collect();
        Self { all, grammar: Grammar::of(place.types()) }
    }

    fn case<'a>(
        &self,
        row: impl Iterator<Item = &'a str>,
        number: usize,
        place: Place,
    ) -> Result<RawCase, SuiteError> {
        let mut found = Row { description: format!("Row #{number}"), ..Row::default() };
        for (column, text) in self.all.iter().zip(row) {
            found.take(column, text, &self.grammar).map_err(|what| place.wrong(what))?;
        }
        Ok(RawCase { map: found.finish(), place })
    }
}

fn column(name: &str, warn: &mut dyn FnMut(String)) -> Column {
    if name.starts_with("__expected") {
        return Column::Expected;
    }
    if let Some(key) = name.strip_prefix("__metadata:") {
        return match key.strip_suffix("[]") {
            Some(key) => Column::MetadataList(key.to_owned()),
            None => Column::Metadata(key.to_owned()),
        };
    }
    if let Some(rest) = name.strip_prefix("__config:") {
        return threshold_of(rest, warn);
    }
    match name {
        "__prefix" => Column::Option("prefix"),
        "__suffix" => Column::Option("suffix"),
        "__description" => Column::Description,
        "__providerOutput" => Column::Output,
        "__metric" => Column::Metric,
        "__threshold" => Column::Threshold,
        "__metadata" => {
            warn("the column `__metadata` needs a key, such as `__metadata:topic`: it is passed over".into());
            Column::Ignored
        }
        _ => {
            let bare = name.strip_prefix('_').filter(|rest| !rest.starts_with('_'));
            if bare.is_some_and(|bare| SPECIAL.iter().any(|it| bare.starts_with(it))) {
                warn(format!("the column `{name}` is a variable: did you mean `_{name}`?"));
            }
            Column::Variable(name.to_owned())
        }
    }
}

fn threshold_of(rest: &str, warn: &mut dyn FnMut(String)) -> Column {
    let Some((expected, key)) = rest.split_once(':') else {
        warn(format!(
            "the column `__config:{rest}` must be like `__config:__expected1:threshold`: it is passed over"
        ));
        return Column::Ignored;
    };
    let number = match expected.strip_prefix("__expected") {
        Some("") => Some(0),
        Some(number) => number.parse::<usize>().ok().and_then(|it| it.checked_sub(1)),
        None => None,
    };
    match (number, key) {
        (Some(number), "threshold") => Column::ThresholdOf(number),
        (None, _) => Column::Wrong(format!(
            "`{expected}` in `__config:{rest}` must be `__expected` or `__expected1`, `__expected2`, …"
        )),
        (_, key) => Column::Wrong(format!("`{key}` in `__config:{rest}` must be `threshold`")),
    }
}

#[derive(Default)]
struct Row {
    vars: Map<String, Value>,
    asserts: Vec<Map<String, Value>>,
    options: Map<String, Value>,
    metadata: Map<String, Value>,
    thresholds: Vec<(usize, f64)>,
    description: String,
    output: Option<String>,
    metric: Option<String>,
    threshold: Option<f64>,
}

impl Row {
    fn take(&mut self, column: &Column, text: &str, grammar: &Grammar) -> Result<(), String> {
        let filled = !text.trim().is_empty();
        match column {
            Column::Expected if filled => self.asserts.push(grammar.assertion(text.trim())?),
            Column::Option(name) => {
                self.options.insert((*name).to_owned(), text.into());
            }
            Column::Description if !text.is_empty() => text.clone_into(&mut self.description),
            Column::Output if !text.is_empty() => self.output = Some(text.to_owned()),
            Column::Metric => self.metric = Some(text.to_owned()).filter(|it| !it.is_empty()),
            Column::Threshold => self.threshold = cell::number(text),
            Column::Metadata(key) if filled => {
                self.metadata.insert(key.clone(), text.into());
            }
            Column::MetadataList(key) if filled => {
                self.metadata.insert(key.clone(), values(text).into());
            }
            Column::ThresholdOf(number) => {
                let value =
                    cell::number(text).ok_or_else(|| format!("`{text}` is not a threshold"))?;
                self.thresholds.push((*number, value));
            }
            Column::Wrong(what) => return Err(what.clone()),
            Column::Variable(name) => {
                self.vars.insert(name.clone(), text.into());
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Map<String, Value> {
        for (number, threshold) in self.thresholds {
            if let Some(assert) = self.asserts.get_mut(number) {
                assert.insert("threshold".into(), threshold.into());
                self.metadata.insert("threshold".into(), threshold.into());
            }
        }
        for assert in &mut self.asserts {
            if let Some(metric) = &self.metric {
                assert.insert("metric".into(), metric.clone().into());
            }
        }
        let mut all = Map::new();
        all.insert("vars".into(), self.vars.into());
        all.insert("assert".into(), self.asserts.into_iter().map(Value::Object).collect());
        all.insert("options".into(), self.options.into());
        all.insert("description".into(), self.description.into());
        all.extend(self.output.map(|it| ("providerOutput".to_owned(), it.into())));
        all.extend(self.threshold.map(|it| ("threshold".to_owned(), it.into())));
        if !self.metadata.is_empty() {
            all.insert("metadata".into(), self.metadata.into());
        }
        all
    }
}

/// Comma-separated values; `\,` is a literal comma.
fn values(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = all.last_mut().expect("there is always one");
        match letter {
            '\\' if letters.next_if_eq(&',').is_some() => last.push(','),
            ',' => all.push(String::new()),
            other => last.push(other),
        }
    }
    all.iter().map(|it| it.trim().to_owned()).collect()
}

/// Reads prompts from a table: the columns `prompt` and `label`; with a single column, one prompt a
/// line.
pub(super) fn prompts(file: &Path, text: &str, start: &Prompt) -> Result<Vec<Prompt>, SuiteError> {
    let label = |given: &str, number: usize, raw: &str| match (given, start.label.as_str()) {
        ("", "") => format!("Prompt {number} - {raw}"),
        ("", label) => label.to_owned(),
        (given, _) => given.to_owned(),
    };
    let make = |raw: &str, given: &str, number: usize| Prompt {
        raw: raw.to_owned(),
        label: label(given, number, raw),
        ..start.clone()
    };
    if !text.as_bytes().contains(&delimiter()) {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let skip =
            usize::from(lines.first().is_some_and(|it| it.trim().eq_ignore_ascii_case("prompt")));
        return Ok(lines[skip..].iter().enumerate().map(|(i, raw)| make(raw, "", i + 1)).collect());
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter())
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| bad_row(file, &error))?.clone();
    let at = |name: &str| header.iter().position(|it| it == name);
    let Some(prompt) = at("prompt") else {
        return Err(SuiteError::line(file, 1, "a table of prompts must have a column `prompt`"));
    };
    let labels = at("label");
    let mut all = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| bad_row(file, &error))?;
        let raw = row.get(prompt).unwrap_or_default();
        let given = labels.and_then(|it| row.get(it)).unwrap_or_default();
        if !raw.is_empty() {
            all.push(make(raw, given, all.len() + 1));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::source::Rules;
    use super::*;
    use crate::policy::Policy;

    fn read(text: &str) -> Result<(Vec<Value>, Vec<String>), SuiteError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.csv");
        std::fs::write(&file, text).unwrap();
        let (mut found, mut warnings) = (Vec::new(), Vec::new());
        let mut sink = |it: RawCase| {
            found.push(Value::Object(it.map));
            Ok(())
        };
        let rules = Rules { policy: Policy::command_line(), ..Rules::default() };
        let lines = Lines { file: file.clone(), rules };
        csv(&file, &Place::Line(Arc::new(lines), 0), &mut sink, &mut warnings)
            .map_err(|wrong| SuiteError { file: "t.csv".into(), ..wrong })
            .map(|()| (found, warnings))
    }

    #[test]
    fn a_row_is_a_case() {
        let (found, _) = read(concat!(
            "c, d ,__expected,__expected2,__metadata:k[],__metadata:t,__threshold,__prefix,__metric,__config:__expected2:threshold\n",
            "\"v,1\",x,\"contains-any: \"\"x, y\"\", z\",similar(0.9):foo,\"p,q\\,r\",top,0,A ,m,0.3\n"
        )).unwrap();
        let expected = json!({
            "vars": {"c": "v,1", "d": "x"},
            "assert": [
                {"type": "contains-any", "value": ["x, y", "z"], "metric": "m"},
                {"type": "similar", "value": "foo", "threshold": 0.3, "metric": "m"}
            ],
            "options": {"prefix": "A "}, "description": "Row #1", "threshold": 0.0,
            "metadata": {"k": ["p", "q,r"], "t": "top", "threshold": 0.3}
        });
        assert_eq!(found, [expected]);
    }

    #[test]
    fn rows_that_are_wrong_say_their_line() {
        assert_eq!(
            read("a,b\n1,2\n1\n").unwrap_err().to_string(),
            "t.csv:3: this row has 1 cells where the first has 2"
        );
        let wrong = read("a,__expected\n1,\"contains-any: \"\"x\"\n").unwrap_err();
        assert_eq!(wrong.to_string(), "t.csv:2: a quote is missing at the end of a value");
        let wrong = read("a,__expected,__config:__expected0:threshold\n1,x,1\n").unwrap_err();
        assert!(wrong.to_string().starts_with("t.csv:2: `__expected0`"), "{wrong}");
        let wrong = read("a,__expected,__config:__expected:threshold\n1,x,much\n").unwrap_err();
        assert_eq!(wrong.to_string(), "t.csv:2: `much` is not a threshold");
    }

    #[test]
    fn a_single_underscore_is_asked_about() {
        let (found, warnings) = read("_expected\nx\n").unwrap();
        assert_eq!(found[0]["vars"], json!({"_expected": "x"}));
        assert!(warnings[0].contains("`__expected`"), "{warnings:?}");
    }
}
