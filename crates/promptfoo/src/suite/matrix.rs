//! Matrix expansion: a list of strings in a variable makes one case for each. In promptfoo's order:
//! the first key varies slowest.

use std::path::Path;

use serde_json::Value;

use super::error::SuiteError;
use super::source::Place;
use super::{Vars, files};

/// Merges `over` over `under`; keys keep their position in `under`.
pub(super) fn merge(under: &Vars, over: Vars) -> Vars {
    if under.is_empty() {
        return over;
    }
    let mut all = under.clone();
    all.extend(over);
    all
}

/// Variables, and the values of those with several.
pub(super) struct Matrix {
    vars: Vars,
    many: Vec<(String, Vec<Value>)>,
}

impl Matrix {
    /// A matrix of a single case, whatever the values are.
    pub(super) fn one(vars: Vars) -> Self {
        Self { vars, many: Vec::new() }
    }

    /// Finds the variables with several values; `base` is the folder for file patterns.
    pub(super) fn of(vars: Vars, base: &Path, place: &Place) -> Result<Self, SuiteError> {
        let mut many = Vec::new();
        for (name, value) in &vars {
            if let Some(values) = values(value, base, place)? {
                many.push((name.clone(), values));
            }
        }
        Ok(Self { vars, many })
    }

    pub(super) fn count(&self) -> usize {
        self.many.iter().fold(1, |count: usize, (_, values)| count.saturating_mul(values.len()))
    }

    /// Average size of one case's variables, in bytes of JSON.
    pub(super) fn each(&self) -> u64 {
        let is_many = |name: &str| self.many.iter().any(|(many, _)| many == name);
        let plain = self.vars.iter().filter(|(name, _)| !is_many(name));
        let plain: u64 = plain.map(|(name, value)| name.len() as u64 + size(value)).sum();
        let many = self.many.iter().map(|(_, values)| size(values) / values.len().max(1) as u64);
        plain + many.sum::<u64>()
    }

    /// All combinations of the values.
    pub(super) fn expand(self) -> Vec<Vars> {
        let Self { vars, many } = self;
        if many.is_empty() {
            return vec![vars];
        }
        let count = many.iter().fold(1, |count: usize, (_, values)| count * values.len());
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            let mut one = vars.clone();
            let mut rest = number;
            for (name, values) in many.iter().rev() {
                one.insert(name.clone(), values[rest % values.len()].clone());
                rest /= values.len();
            }
            all.push(one);
        }
        all
    }
}

/// Size of a value, in bytes of JSON.
pub(super) fn size(value: &impl serde::Serialize) -> u64 {
    struct ByteCounter(u64);
    impl std::io::Write for ByteCounter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counting = ByteCounter(0);
    // Writing to the counter cannot fail.
    drop(serde_json::to_writer(&mut counting, value));
    counting.0
}

/// The values of a variable with several; `None` for a single value.
fn values(value: &Value, base: &Path, place: &Place) -> Result<Option<Vec<Value>>, SuiteError> {
    match value {
        // A list that does not begin with a string is a single value.
        Value::Array(items) if items.first().is_some_and(Value::is_string) => {
            Ok(Some(items.clone()))
        }
        Value::String(text) => {
            match text.strip_prefix("file://").filter(|it| files::is_pattern(it)) {
                Some(pattern) => {
                    let found = files::matching(&base.join(pattern), &place.at("vars"))?;
                    let names =
                        found.iter().map(|path| format!("file://{}", path.display()).into());
                    Ok(Some(names.collect()))
                }
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::super::source::{Lines, Rules};
    use crate::policy::Policy;

    use super::*;

    fn all(vars: Value) -> Result<Vec<Value>, SuiteError> {
        let Value::Object(vars) = vars else { unreachable!() };
        let rules = Rules { policy: Policy::command_line(), ..Rules::default() };
        let lines = Lines { file: "a.csv".into(), rules };
        let place = Place::Line(Arc::new(lines), 1);
        let matrix = Matrix::of(vars, Path::new("."), &place)?;
        assert!(matrix.count() < 1000);
        Ok(matrix.expand().into_iter().map(Value::Object).collect())
    }

    #[test]
    fn the_first_key_changes_slowest() {
        let found = all(json!({"a": ["1", "2"], "b": "x", "c": ["3", "4"]})).unwrap();
        let expected = [("1", "3"), ("1", "4"), ("2", "3"), ("2", "4")];
        assert_eq!(found, expected.map(|(a, c)| json!({"a": a, "b": "x", "c": c})));
    }

    #[test]
    fn a_list_that_does_not_begin_with_a_text_stays_whole() {
        assert_eq!(
            all(json!({"a": [1, "2"], "b": []})).unwrap(),
            [json!({"a": [1, "2"], "b": []})]
        );
        assert_eq!(all(json!({"a": ["2", 1]})).unwrap(), [json!({"a": "2"}), json!({"a": 1})]);
        assert_eq!(all(json!({})).unwrap(), [json!({})]);
    }

    #[test]
    fn many_are_counted_before_they_are_made() {
        let list = |_: usize| Value::from(vec!["x"; 1000]);
        let vars: serde_json::Map<_, _> = ["a", "b", "c", "d"]
            .iter()
            .enumerate()
            .map(|(i, it)| ((*it).to_owned(), list(i)))
            .collect();
        let rules = Rules { policy: Policy::command_line(), ..Rules::default() };
        let lines = Lines { file: "a.csv".into(), rules };
        let place = Place::Line(Arc::new(lines), 1);
        let matrix = Matrix::of(vars, Path::new("."), &place);
        assert_eq!(matrix.map(|matrix| matrix.count()).ok(), Some(1_000_000_000_000));
    }

    proptest! {
        #[test]
        fn there_are_as_many_as_the_product(sizes in prop::collection::vec(1usize..4, 0..4)) {
            let vars: serde_json::Map<_, _> = sizes.iter().enumerate().map(|(i, size)| {
                (format!("k{i}"), (0..*size).map(|it| it.to_string()).collect::<Value>())
            }).collect();
            let found = all(vars.into()).unwrap();
            prop_assert_eq!(found.len(), sizes.iter().product::<usize>());
            let distinct: std::collections::BTreeSet<String> = found.iter().map(Value::to_string).collect();
            prop_assert_eq!(distinct.len(), found.len());
        }
    }
}
