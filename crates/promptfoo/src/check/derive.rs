//! Derived metrics: arithmetic over named scores and `__count`.

use serde_json::{Map, Value, json};

use crate::script::{Script, Scripts};
use crate::spec::DerivedMetric;

/// Functions and constants that an expression may use, named as in mathjs.
const FUNCTIONS: &str = "const {abs, ceil, floor, round, min, max, sqrt, exp, log, log10, log2, pow, sign, cbrt, hypot, PI: pi, E: e} = Math; \
const mean = (...all) => all.flat().reduce((a, b) => a + b, 0) / all.flat().length; \
const sum = (...all) => all.flat().reduce((a, b) => a + b, 0);";

/// Adds derived metrics to a column's named scores, in order; each one sees those before it. A
/// metric that fails stays 0. Returns the errors.
pub async fn derive(
    derived: &[DerivedMetric],
    count: usize,
    named: &mut Map<String, Value>,
    scripts: &Scripts,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for metric in derived {
        named.entry(metric.name.clone()).or_insert(json!(0));
        let mut known = named.clone();
        known.insert("__count".into(), json!(count));
        match compute(&metric.value, &known, scripts).await {
            Ok(value) => {
                named.insert(metric.name.clone(), value);
            }
            Err(why) => wrong.push(format!("derived metric `{}`: {why}", metric.name)),
        }
    }
    wrong
}

async fn compute(
    expression: &str,
    known: &Map<String, Value>,
    scripts: &Scripts,
) -> Result<Value, String> {
    let expression = as_javascript(expression, known);
    let code = format!("{FUNCTIONS}\nreturn ({expression})");
    let given = [("__known", Value::Object(known.clone()))];
    match scripts.call(&Script::JavaScript(code), &given).await {
        Ok(value @ Value::Number(_)) => Ok(value),
        Ok(other) => Err(format!("it gives {other}, not a number")),
        Err(why) => Err(why.to_string()),
    }
}

/// Translates an expression to JavaScript: `^` becomes `**`. Names may be invalid in JavaScript, so
/// they are looked up in `known`.
fn as_javascript(expression: &str, known: &Map<String, Value>) -> String {
    let mut written = String::new();
    let mut rest = expression;
    while let Some(letter) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        if end == 0 {
            written.push_str(if letter == '^' {
                "**"
            } else {
                rest.get(..letter.len_utf8()).unwrap_or_default()
            });
            rest = &rest[letter.len_utf8()..];
            continue;
        }
        let (name, after) = rest.split_at(end);
        if known.contains_key(name) && !letter.is_ascii_digit() {
            written.extend(["__known[", &json!(name).to_string(), "]"]);
        } else {
            written.push_str(name);
        }
        rest = after;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn metrics_are_computed_of_others() {
        let metric =
            |name: &str, value: &str| DerivedMetric { name: name.into(), value: value.into() };
        let derived = [
            metric("double", "hits * 2"),
            metric("share", "double / __count"),
            metric("square", "(hits + 1) ^ 2"),
            metric("wrong", "nope + 1"),
            metric("best", "max(hits, 10)"),
        ];
        let mut named = json!({"hits": 3}).as_object().unwrap().clone();
        let policy = crate::policy::Policy::command_line();
        let scripts = Scripts::new(&policy, std::path::Path::new("."), &Map::new());
        let wrong = derive(&derived, 4, &mut named, &scripts).await;
        let wanted =
            json!({"hits": 3, "double": 6, "share": 1.5, "square": 16, "wrong": 0, "best": 10});
        assert_eq!(Value::Object(named), wanted);
        assert_eq!(wrong, ["derived metric `wrong`: nope is not defined"]);
    }
}
