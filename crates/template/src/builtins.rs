//! Minijinja's own filters, tests and functions, each behind the guard. The environment starts
//! empty, so only what is named here exists. `chain` is left out: each iteration goes through all
//! of its parts, and parts may be chains.

use minijinja::{Environment, Error, Value, filters, functions, tests};

use super::Limits;
use super::guard;

/// Maximum length of `range`.
const RANGE: isize = 10_000;

/// Registers all of them.
pub(super) fn add(environment: &mut Environment<'static>, limits: Limits) {
    for (name, filter) in own_filters() {
        guard::filter(environment, limits, name.into(), filter);
    }
    for (name, test) in own_tests() {
        guard::test(environment, limits, name, test);
    }
    guard::function(environment, limits, "range", Value::from_function(range));
    guard::function(environment, limits, "dict", Value::from_function(functions::dict));
}

macro_rules! values {
    ($home:ident: $($name:literal $function:ident),* $(,)?) => {
        vec![$(($name, Value::from_function($home::$function))),*]
    };
}

fn own_filters() -> Vec<(&'static str, Value)> {
    values![filters:
        "safe" safe, "escape" escape, "e" escape, "lower" lower, "upper" upper, "title" title,
        "capitalize" capitalize, "replace" replace, "length" length, "count" length,
        "dictsort" dictsort, "items" items, "reverse" reverse, "trim" trim, "join" join,
        "split" split, "lines" lines, "default" default, "d" default, "round" round, "abs" abs,
        "int" int, "float" float, "attr" attr, "first" first, "last" last, "min" min, "max" max,
        "sort" sort, "list" list, "string" string, "bool" bool, "batch" batch, "slice" slice,
        "sum" sum, "indent" indent, "select" select, "reject" reject, "selectattr" selectattr,
        "rejectattr" rejectattr, "map" map, "groupby" groupby, "unique" unique, "zip" zip,
        "pprint" pprint, "format" format,
    ]
}

fn own_tests() -> Vec<(&'static str, Value)> {
    values![tests:
        "undefined" is_undefined, "defined" is_defined, "none" is_none, "safe" is_safe,
        "escaped" is_safe, "boolean" is_boolean, "odd" is_odd, "even" is_even,
        "divisibleby" is_divisibleby, "number" is_number, "integer" is_integer, "int" is_integer,
        "float" is_float, "string" is_string, "sequence" is_sequence, "iterable" is_iterable,
        "mapping" is_mapping, "startingwith" is_startingwith, "endingwith" is_endingwith,
        "lower" is_lower, "upper" is_upper, "sameas" is_sameas, "eq" is_eq, "equalto" is_eq,
        "==" is_eq, "ne" is_ne, "!=" is_ne, "lt" is_lt, "lessthan" is_lt, "<" is_lt, "le" is_le,
        "<=" is_le, "gt" is_gt, "greaterthan" is_gt, ">" is_gt, "ge" is_ge, ">=" is_ge, "in" is_in,
        "true" is_true, "false" is_false, "filter" is_filter, "test" is_test,
    ]
}

fn range(from: isize, to: Option<isize>, step: Option<isize>) -> Result<Value, Error> {
    let (from, to) = to.map_or((0, from), |to| (from, to));
    let step = step.unwrap_or(1);
    let count = match step {
        0 => {
            let why = "cannot create range with step of 0";
            return Err(Error::new(minijinja::ErrorKind::InvalidOperation, why));
        }
        1.. => to.saturating_sub(from).max(0) / step,
        _ => from.saturating_sub(to).max(0) / step.saturating_neg(),
    };
    if count > RANGE {
        return Err(guard::limit_error(format!("asks for a range of more than {RANGE} numbers")));
    }
    let next = |at: &isize| at.checked_add(step);
    let within = |at: &isize| if step > 0 { *at < to } else { *at > to };
    Ok(std::iter::successors(Some(from), next).take_while(within).collect::<Vec<_>>().into())
}
