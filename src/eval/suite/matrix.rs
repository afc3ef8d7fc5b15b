//! Variables multiplied out: a list of texts is one case for each of them. The order is promptfoo's: the first key changes
//! slowest.

use std::path::Path;

use serde_json::Value;

use super::source::Place;
use super::wrong::Wrong;
use super::{MAX_CASES, Vars, files};

/// `over` over `under`: keys keep the place that they have in `under`.
pub(super) fn merge(under: &Vars, over: Vars) -> Vars {
    if under.is_empty() {
        return over;
    }
    let mut all = under.clone();
    all.extend(over);
    all
}

/// All combinations of the variables' values; `base` is what patterns of files are relative to.
pub(super) fn expand(vars: Vars, base: &Path, place: &Place) -> Result<Vec<Vars>, Wrong> {
    let mut many = Vec::new();
    let mut count: usize = 1;
    for (name, value) in &vars {
        if let Some(values) = values(value, base, place)? {
            count = count.saturating_mul(values.len());
            many.push((name.clone(), values));
        }
    }
    if count > MAX_CASES {
        return Err(place
            .at("vars")
            .wrong(format!("these variables make {count} cases: there may be {MAX_CASES}")));
    }
    let mut all = Vec::with_capacity(count);
    if many.is_empty() {
        all.push(vars);
        return Ok(all);
    }
    for number in 0..count {
        let mut one = vars.clone();
        let mut rest = number;
        for (name, values) in many.iter().rev() {
            one.insert(name.clone(), values[rest % values.len()].clone());
            rest /= values.len();
        }
        all.push(one);
    }
    Ok(all)
}

/// The values of a variable that has several; `None` for one that is taken as it is.
fn values(value: &Value, base: &Path, place: &Place) -> Result<Option<Vec<Value>>, Wrong> {
    match value {
        // A list that does not begin with a text is one value.
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

    use super::*;

    fn all(vars: Value) -> Result<Vec<Value>, Wrong> {
        let Value::Object(vars) = vars else { unreachable!() };
        let place = Place::Line(Arc::from(Path::new("a.csv")), 1);
        Ok(expand(vars, Path::new("."), &place)?.into_iter().map(Value::Object).collect())
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
    fn too_many_are_refused_before_they_are_made() {
        let list = |_: usize| Value::from(vec!["x"; 1000]);
        let vars: serde_json::Map<_, _> = ["a", "b", "c", "d"]
            .iter()
            .enumerate()
            .map(|(i, it)| ((*it).to_owned(), list(i)))
            .collect();
        assert!(all(vars.into()).unwrap_err().what.contains("1000000000000 cases"));
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
