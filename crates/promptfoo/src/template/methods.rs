//! JavaScript string and array methods that templates often call.

use frontdesk_template::guard;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

use super::LIMITS;
use super::values::{list, printed};

/// Calls a method that minijinja does not know.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    let all: Vec<Value> = std::iter::once(value).chain(arguments).cloned().collect();
    guard::charge(state, LIMITS, &all)?;
    guard::charge_bytes(state, LIMITS, guard::estimate_output_bytes(method, &all)?)?;
    let made = made(value, method, arguments)?;
    guard::charge_result(state, LIMITS, made)
}

fn made(value: &Value, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let found = match value.kind() {
        ValueKind::String => text(value.as_str().unwrap_or_default(), method, arguments),
        ValueKind::Seq | ValueKind::Iterable => items(value, method, arguments),
        ValueKind::Number if method == "toFixed" => {
            let digits = arguments.first().and_then(Value::as_usize).unwrap_or(0).min(100);
            f64::try_from(value.clone())
                .ok()
                .map(|number| Value::from(format!("{number:.digits$}")))
        }
        _ => None,
    };
    let found = found.or_else(|| (method == "toString").then(|| Value::from(printed(value))));
    found.ok_or_else(|| {
        Error::new(ErrorKind::UnknownMethod, format!("there is no method `{method}`"))
    })
}

fn text(text: &str, method: &str, arguments: &[Value]) -> Option<Value> {
    let first = arguments.first().map(printed).unwrap_or_default();
    let second = arguments.get(1).map(printed).unwrap_or_default();
    Some(match method {
        "toUpperCase" => Value::from(text.to_uppercase()),
        "toLowerCase" => Value::from(text.to_lowercase()),
        "trim" => Value::from(text.trim()),
        "trimStart" => Value::from(text.trim_start()),
        "trimEnd" => Value::from(text.trim_end()),
        "includes" => Value::from(text.contains(&first)),
        "startsWith" => Value::from(text.starts_with(&first)),
        "endsWith" => Value::from(text.ends_with(&first)),
        "replace" => Value::from(text.replacen(&first, &second, 1)),
        "replaceAll" => Value::from(text.replace(&first, &second)),
        "concat" => {
            Value::from(arguments.iter().fold(text.to_owned(), |all, more| all + &printed(more)))
        }
        "repeat" => {
            let times = arguments.first().and_then(Value::as_usize).unwrap_or(0);
            Value::from(text.repeat(times.min(1_000_000 / text.len().max(1))))
        }
        "indexOf" => {
            let at = text.find(&first).map(|at| text[..at].encode_utf16().count());
            Value::from(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
        }
        "split" if arguments.is_empty() => list(vec![Value::from(text)]),
        "split" if first.is_empty() => {
            list(text.chars().map(|one| Value::from(one.to_string())).collect())
        }
        "split" => list(text.split(first.as_str()).map(Value::from).collect()),
        "slice" | "substring" => {
            let letters: Vec<char> = text.chars().collect();
            let (from, to) = range(arguments, letters.len());
            Value::from(letters[from..to].iter().collect::<String>())
        }
        _ => return None,
    })
}

fn items(value: &Value, method: &str, arguments: &[Value]) -> Option<Value> {
    let all: Vec<Value> = value.try_iter().ok()?.collect();
    let first = arguments.first();
    Some(match method {
        "join" => {
            let between = first.map_or_else(|| ",".into(), printed);
            Value::from(all.iter().map(printed).collect::<Vec<_>>().join(&between))
        }
        "includes" => Value::from(first.is_some_and(|wanted| all.contains(wanted))),
        "indexOf" => {
            let at = all.iter().position(|item| Some(item) == first);
            Value::from(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
        }
        "slice" => {
            let (from, to) = range(arguments, all.len());
            list(all[from..to].to_vec())
        }
        "concat" => {
            let more = arguments.iter().filter_map(|more| more.try_iter().ok()).flatten();
            list(all.iter().cloned().chain(more).collect())
        }
        "reverse" => list(all.into_iter().rev().collect()),
        _ => return None,
    })
}

/// Start and end of `slice(from, to)`; negative numbers count from the end.
fn range(arguments: &[Value], length: usize) -> (usize, usize) {
    let place = |at: usize, usual: usize| match arguments
        .get(at)
        .and_then(|value| i64::try_from(value.clone()).ok())
    {
        Some(number) if number < 0 => {
            length.saturating_sub(usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX))
        }
        Some(number) => usize::try_from(number).unwrap_or(usize::MAX).min(length),
        None => usual,
    };
    let (from, to) = (place(0, 0), place(1, length));
    (from, to.max(from))
}
