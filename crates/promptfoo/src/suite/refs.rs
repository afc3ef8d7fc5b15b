//! Resolves `$ref` and renders `{{ env.NAME }}` in file names, before anything else is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Vars;
use super::error::SuiteError;
use super::source::{Place, Source, unreadable};
use crate::template::environment;

/// Maximum depth of nested references; deeper ones are circular.
const MAX_DEPTH: usize = 64;
/// Maximum number of values that references may insert: references that double each other would
/// exhaust memory.
const MAX_VALUES: usize = 200_000;

/// Replaces each `$ref` with its target. Keys beside `$ref` override the target's.
pub(super) fn resolve(root: Value, place: &Place) -> Result<Value, SuiteError> {
    if !mentions(&root) {
        return Ok(root);
    }
    let mut files = Files { root: root.clone(), others: BTreeMap::new(), values: 0 };
    files.put(root, place, None, 0)
}

fn mentions(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(mentions),
        Value::Object(map) => map.contains_key("$ref") || map.values().any(mentions),
        _ => false,
    }
}

struct Files {
    root: Value,
    others: BTreeMap<PathBuf, Value>,
    /// Number of values that references have inserted so far.
    values: usize,
}

impl Files {
    /// `within` is the other file that the value comes from.
    fn put(
        &mut self,
        value: Value,
        at: &Place,
        within: Option<&Path>,
        depth: usize,
    ) -> Result<Value, SuiteError> {
        if depth > MAX_DEPTH {
            return Err(at.wrong("a `$ref` leads back to itself"));
        }
        self.values += usize::from(depth > 0);
        if self.values > MAX_VALUES {
            let what = format!("what the `$ref`s name has more than {MAX_VALUES} values in all");
            return Err(at.wrong(what));
        }
        match value {
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                items.map(|(i, item)| self.put(item, &at.at(i), within, depth)).collect()
            }
            Value::Object(mut map) => {
                match map.get("$ref").and_then(Value::as_str).map(str::to_owned) {
                    Some(reference) => {
                        map.remove("$ref");
                        self.named(&reference, map, at, within, depth)
                    }
                    None => self.entries(map, at, within, depth).map(Value::Object),
                }
            }
            other => Ok(other),
        }
    }

    fn entries(
        &mut self,
        map: Map<String, Value>,
        at: &Place,
        within: Option<&Path>,
        depth: usize,
    ) -> Result<Map<String, Value>, SuiteError> {
        let mut all = Map::new();
        for (key, value) in map {
            // A tool's `parameters` are a JSON Schema with its own references.
            let value = if key == "parameters" {
                value
            } else {
                self.put(value, &at.at(&key), within, depth)?
            };
            all.insert(key, value);
        }
        Ok(all)
    }

    fn named(
        &mut self,
        reference: &str,
        beside: Map<String, Value>,
        at: &Place,
        within: Option<&Path>,
        depth: usize,
    ) -> Result<Value, SuiteError> {
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let folder = within.map_or(at.folder(), super::source::folder).to_owned();
        let file = match file {
            "" => within.map(Path::to_owned),
            name => Some(folder.join(name.strip_prefix("file://").unwrap_or(name))),
        };
        let found = self.document(file.as_deref(), at)?.pointer(pointer).cloned();
        let Some(found) = found else {
            return Err(at.wrong(format!("`$ref: {reference}` names nothing that is there")));
        };
        match self.put(found, at, file.as_deref(), depth + 1)? {
            Value::Object(mut base) => {
                base.extend(self.entries(beside, at, within, depth)?);
                Ok(Value::Object(base))
            }
            other => Ok(other),
        }
    }

    fn document(&mut self, file: Option<&Path>, at: &Place) -> Result<&Value, SuiteError> {
        let Some(file) = file else { return Ok(&self.root) };
        match at.policy().check_file(file) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                return Err(at.wrong(format!("{}: {}", file.display(), unreadable(&why))));
            }
            _ => {}
        }
        if !file.exists() {
            return Err(at.wrong(format!("there is no file {}", file.display())));
        }
        if !self.others.contains_key(file) {
            self.others.insert(file.to_owned(), Source::read(file, at.rules())?.value);
        }
        Ok(&self.others[file])
    }
}

/// Renders `{{ env.NAME }}` only in file names: a string that begins with `file://`, or such
/// strings in a list.
pub(super) fn environment_of_files(value: &mut Value, env: &Vars) {
    if let Value::Array(all) = value {
        all.iter_mut().filter(|one| is_file(one)).for_each(|one| environment(one, env));
    } else if is_file(value) {
        environment(value, env);
    }
}

fn is_file(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("file://"))
}

/// Like [`environment_of_files`], for references to cases: a file, a list of files and cases, or
/// `{path, config}`. Cases stay unchanged.
pub(super) fn environment_of_references(tests: &mut Value, env: &Vars) {
    match tests {
        Value::String(_) => environment(tests, env),
        Value::Array(all) => {
            for one in all.iter_mut().filter(|one| !one.is_array()) {
                environment_of_references(one, env);
            }
        }
        Value::Object(map) if map.get("path").is_some_and(Value::is_string) => {
            for key in ["path", "config"] {
                if let Some(value) = map.get_mut(key) {
                    environment(value, env);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn resolved(text: &str) -> Result<Value, SuiteError> {
        let source = Arc::new(Source::parse(Path::new("a.yaml"), text.to_owned()).unwrap());
        resolve(source.value.clone(), &Place::of(&source))
    }

    #[test]
    fn a_reference_is_what_it_names_and_what_stands_beside_it_wins() {
        let value = resolved("t: {x: {type: equals, value: 1}}\na:\n  - $ref: '#/t/x'\n  - {$ref: '#/t/x', value: 2}\n").unwrap();
        assert_eq!(
            value["a"],
            json!([{"type": "equals", "value": 1}, {"type": "equals", "value": 2}])
        );
    }

    #[test]
    fn a_reference_to_nothing_or_to_itself_is_wrong() {
        assert_eq!(resolved("a:\n  - $ref: '#/t'\n").unwrap_err().line, 2);
        assert!(resolved("a: {$ref: '#/a'}\n").unwrap_err().what.contains("itself"));
    }

    #[test]
    fn of_variables_and_cases_only_names_of_files_are_rendered() {
        let env = json!({"D": "x"}).as_object().unwrap().clone();
        let mut vars =
            json!(["file://{{env.D}}/a", "{{env.D}} file://{{env.D}}", {"a": "file://{{env.D}}"}]);
        environment_of_files(&mut vars, &env);
        assert_eq!(
            vars,
            json!(["file://x/a", "{{env.D}} file://{{env.D}}", {"a": "file://{{env.D}}"}])
        );
        let case = json!({"vars": {"q": "{{env.D}}"}, "path": 1});
        let mut tests =
            json!(["{{env.D}}.csv", {"path": "{{env.D}}.js", "config": {"d": "{{env.D}}"}}, case]);
        environment_of_references(&mut tests, &env);
        assert_eq!(tests, json!(["x.csv", {"path": "x.js", "config": {"d": "x"}}, case]));
    }
}
