//! What is asked before and after each filter, test, function and operator: how much it handles, and how much it would make.
//! Counts for one rendering, in the rendering's own state.

use std::borrow::Cow;

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::Limits;

/// How deep lists and objects may stand within each other.
const DEPTH: usize = 100;
/// Bytes of text that count as much as one value.
const TEXT: usize = 16;
/// The largest number that a filter takes as a width or a count.
const WIDEST: usize = 1_000;

/// What is left to a rendering.
struct WorkBudget(usize);

/// An error that says that a template takes too much; `what` follows "the template".
pub(super) fn over(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::OutOfFuel, format!("the template {what}"))
}

/// Counts values that something is about to handle, or has made.
pub fn charge(state: &mut State<'_, '_>, limits: Limits, values: &[Value]) -> Result<(), Error> {
    let work = state.get_or_insert_extension_with(|| WorkBudget(limits.work));
    values.iter().try_for_each(|value| weigh(value, &mut work.0, DEPTH))
}

/// Counts bytes of text that something is about to make.
pub fn charge_bytes(state: &mut State<'_, '_>, limits: Limits, bytes: usize) -> Result<(), Error> {
    let work = state.get_or_insert_extension_with(|| WorkBudget(limits.work));
    take(&mut work.0, bytes / TEXT + 1)
}

fn take(left: &mut usize, units: usize) -> Result<(), Error> {
    *left = left.checked_sub(units).ok_or_else(|| {
        *left = 0;
        over("makes or compares too much: very long texts or lists")
    })?;
    Ok(())
}

/// Counts a value with all that is in it; stops at the limit, however large it is.
fn weigh(value: &Value, left: &mut usize, depth: usize) -> Result<(), Error> {
    if depth == 0 {
        return Err(over(format!("has lists within lists, more than {DEPTH} deep")));
    }
    take(left, 1 + value.as_str().map_or(0, str::len) / TEXT)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.try_for_each(|item| weigh(&item, left, depth - 1))
        }
        ValueKind::Map => {
            let Some(pairs) =
                value.as_object().and_then(minijinja::value::DynObject::try_iter_pairs)
            else {
                return Ok(());
            };
            for (key, value) in pairs {
                weigh(&key, left, depth - 1)?;
                weigh(&value, left, depth - 1)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Adds a filter that is asked through the guard.
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

/// Adds a test that is asked through the guard.
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

/// Adds a function that is asked through the guard.
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
    charge_bytes(state, limits, growth(name, arguments)?)?;
    let made = call.call(state, arguments)?;
    whole(state, limits, made)
}

/// What was made, counted; what would be made while somebody goes through it is made now, so that it is counted once.
pub fn whole(state: &mut State<'_, '_>, limits: Limits, made: Value) -> Result<Value, Error> {
    charge(state, limits, std::slice::from_ref(&made))?;
    if made.kind() == ValueKind::Iterable {
        return Ok(Value::from(made.try_iter()?.collect::<Vec<_>>()));
    }
    Ok(made)
}

/// How many bytes a filter or method of this name may make beyond a few times what it is given.
pub fn growth(name: &str, arguments: &[Value]) -> Result<usize, Error> {
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
            weigh(first, &mut left, DEPTH)?;
            wide.saturating_mul(usize::MAX - left)
        }
        "format" => {
            let pattern = first.to_string();
            let mut digits = pattern.split(|letter: char| !letter.is_ascii_digit());
            if pattern.contains('*') || digits.any(|run| run.len() > 3) {
                return Err(over(format!("asks `format` for more than {WIDEST} places")));
            }
            let longest = rest.iter().map(|value| value.to_string().len()).max().unwrap_or(0);
            pattern.matches('%').count().saturating_mul(longest.max(WIDEST))
        }
        _ => 0,
    })
}

/// The largest of the numbers that a filter is given.
fn widest(arguments: &[Value]) -> Result<usize, Error> {
    let named = arguments.last().and_then(|last| Kwargs::try_from(last.clone()).ok());
    let named: Vec<Value> = named
        .iter()
        .flat_map(|named| {
            named.args().filter_map(|name| named.get::<Value>(name).ok()).collect::<Vec<_>>()
        })
        .collect();
    let most = arguments.iter().chain(&named).filter_map(Value::as_usize).max().unwrap_or(0);
    if most > WIDEST {
        return Err(over(format!("gives a filter the number {most}; {WIDEST} is the largest")));
    }
    Ok(most)
}
