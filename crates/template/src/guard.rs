//! Charges each filter, test, function and operator for its arguments and result, before and after
//! the call. The budget belongs to one rendering and is kept in its state.

use std::borrow::Cow;

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::Limits;

/// Maximum nesting of lists and objects.
const DEPTH: usize = 100;
/// Bytes of text that cost as much as one value.
const TEXT: usize = 16;
/// Maximum width or count that a filter accepts.
const MAX_FILTER_NUMBER: usize = 1_000;

/// Units of work left to a rendering.
struct WorkBudget(usize);

/// An error for a template that exceeds a limit; `what` follows "the template".
pub(super) fn limit_error(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::OutOfFuel, format!("the template {what}"))
}

/// Charges for values that are about to be processed, or were created.
pub fn charge(state: &mut State<'_, '_>, limits: Limits, values: &[Value]) -> Result<(), Error> {
    let work = state.get_or_insert_extension_with(|| WorkBudget(limits.work));
    values.iter().try_for_each(|value| charge_value(value, &mut work.0, DEPTH))
}

/// Charges for bytes of text that are about to be created.
pub fn charge_bytes(state: &mut State<'_, '_>, limits: Limits, bytes: usize) -> Result<(), Error> {
    let work = state.get_or_insert_extension_with(|| WorkBudget(limits.work));
    take(&mut work.0, bytes / TEXT + 1)
}

fn take(left: &mut usize, units: usize) -> Result<(), Error> {
    *left = left.checked_sub(units).ok_or_else(|| {
        *left = 0;
        limit_error("makes or compares too much: very long texts or lists")
    })?;
    Ok(())
}

/// Charges for a value and everything in it; stops at the limit, however large the value is.
fn charge_value(value: &Value, left: &mut usize, depth: usize) -> Result<(), Error> {
    if depth == 0 {
        return Err(limit_error(format!("has lists within lists, more than {DEPTH} deep")));
    }
    take(left, 1 + value.as_str().map_or(0, str::len) / TEXT)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.try_for_each(|item| charge_value(&item, left, depth - 1))
        }
        ValueKind::Map => {
            let Some(pairs) =
                value.as_object().and_then(minijinja::value::DynObject::try_iter_pairs)
            else {
                return Ok(());
            };
            for (key, value) in pairs {
                charge_value(&key, left, depth - 1)?;
                charge_value(&value, left, depth - 1)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Registers a filter behind the guard.
pub(super) fn filter(
    environment: &mut Environment<'static>,
    limits: Limits,
    name: Cow<'static, str>,
    filter: Value,
) {
    environment.add_filter(
        name.clone(),
        move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
            guarded(state, limits, (&name, &filter), &arguments.into_values())
        },
    );
}

/// Registers a test behind the guard.
pub(super) fn test(
    environment: &mut Environment<'static>,
    limits: Limits,
    name: &'static str,
    test: Value,
) {
    environment.add_test(name, move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
        guarded(state, limits, (name, &test), &arguments.into_values())
    });
}

/// Registers a function behind the guard.
pub(super) fn function(
    environment: &mut Environment<'static>,
    limits: Limits,
    name: &'static str,
    function: Value,
) {
    environment.add_function(
        name,
        move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| {
            guarded(state, limits, (name, &function), &arguments.into_values())
        },
    );
}

fn guarded(
    state: &mut State<'_, '_>,
    limits: Limits,
    (name, call): (&str, &Value),
    arguments: &[Value],
) -> Result<Value, Error> {
    charge(state, limits, arguments)?;
    charge_bytes(state, limits, estimate_output_bytes(name, arguments)?)?;
    let made = call.call(state, arguments)?;
    charge_result(state, limits, made)
}

/// Charges for a result. Collects a lazy iterator into a list, so that it is evaluated and charged
/// only once.
pub fn charge_result(
    state: &mut State<'_, '_>,
    limits: Limits,
    made: Value,
) -> Result<Value, Error> {
    charge(state, limits, std::slice::from_ref(&made))?;
    if made.kind() == ValueKind::Iterable {
        return Ok(Value::from(made.try_iter()?.collect::<Vec<_>>()));
    }
    Ok(made)
}

/// Estimates how many bytes a filter or method may create beyond a small multiple of its input.
pub fn estimate_output_bytes(name: &str, arguments: &[Value]) -> Result<usize, Error> {
    let Some((first, rest)) = arguments.split_first() else { return Ok(0) };
    let text = |at: usize| rest.get(at).map(Value::to_string).unwrap_or_default();
    Ok(match name {
        "replace" | "replaceAll" => {
            let (subject, from) = (first.to_string(), text(0));
            let times =
                if from.is_empty() { subject.len() + 1 } else { subject.matches(&from).count() };
            times.saturating_mul(text(1).len())
        }
        "join" => first.len().unwrap_or(0).saturating_mul(text(0).len()),
        "sum" => {
            let texts = first.try_iter().map_or(0, |items| {
                items.filter_map(|item| item.as_str().map(str::len)).sum::<usize>()
            });
            texts.saturating_mul(first.len().unwrap_or(0))
        }
        "indent" => (first.to_string().matches('\n').count() + 1).saturating_mul(widest(rest)?),
        "batch" | "slice" => widest(rest)?,
        "tojson" | "dump" => {
            let wide = widest(rest)?;
            let mut left = usize::MAX;
            charge_value(first, &mut left, DEPTH)?;
            wide.saturating_mul(usize::MAX - left)
        }
        "format" => {
            let pattern = first.to_string();
            let mut digits = pattern.split(|letter: char| !letter.is_ascii_digit());
            if pattern.contains('*') || digits.any(|run| run.len() > 3) {
                return Err(limit_error(format!(
                    "asks `format` for more than {MAX_FILTER_NUMBER} places"
                )));
            }
            let longest = rest.iter().map(|value| value.to_string().len()).max().unwrap_or(0);
            pattern.matches('%').count().saturating_mul(longest.max(MAX_FILTER_NUMBER))
        }
        _ => 0,
    })
}

/// Returns the largest number among a filter's arguments.
fn widest(arguments: &[Value]) -> Result<usize, Error> {
    let named = arguments.last().and_then(|last| Kwargs::try_from(last.clone()).ok());
    let named: Vec<Value> = named
        .iter()
        .flat_map(|named| {
            named.args().filter_map(|name| named.get::<Value>(name).ok()).collect::<Vec<_>>()
        })
        .collect();
    let most = arguments.iter().chain(&named).filter_map(Value::as_usize).max().unwrap_or(0);
    if most > MAX_FILTER_NUMBER {
        return Err(limit_error(format!(
            "gives a filter the number {most}; {MAX_FILTER_NUMBER} is the largest"
        )));
    }
    Ok(most)
}
