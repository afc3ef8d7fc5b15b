//! Bounded operators of templates. In a compiled template each instruction that creates, compares,
//! slices or indexes values is replaced by a guarded filter with the same stack effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::machinery::{CompiledTemplate, Instruction, Instructions};
use minijinja::value::{Enumerator, Object, Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::Limits;
use super::guard::{charge, charge_bytes, charge_result, limit_error};

/// Instructions of a template and of its blocks.
pub(super) type Code<'a> = (Instructions<'a>, BTreeMap<&'a str, Instructions<'a>>);

/// Filter cache slot "none": the filter is looked up at each call, under a name that no template
/// can write.
const NO_FILTER_CACHE: u8 = !0;

/// Replaces the operators of a compiled template. The error names what templates cannot use.
pub(super) fn bounded<'a>(compiled: &CompiledTemplate<'a>) -> Result<Code<'a>, Error> {
    let blocks = compiled.blocks.iter().map(|(name, code)| Ok((*name, replace_operators(code)?)));
    Ok((replace_operators(&compiled.instructions)?, blocks.collect::<Result<_, Error>>()?))
}

/// Longest literal text that one instruction writes, in bytes.
pub(super) fn longest_literal(compiled: &CompiledTemplate<'_>) -> usize {
    let all = std::iter::once(&compiled.instructions).chain(compiled.blocks.values());
    let words = |code: &Instructions<'_>| {
        let written = (0..).map_while(|at| code.get(at)).map(|instruction| match instruction {
            Instruction::EmitRaw(words) => words.len(),
            _ => 0,
        });
        written.max().unwrap_or(0)
    };
    all.map(words).max().unwrap_or(0)
}

fn replace_operators<'a>(code: &Instructions<'a>) -> Result<Instructions<'a>, Error> {
    let mut ours = Instructions::new(code.name(), code.source());
    for at in 0.. {
        let Some(instruction) = code.get(at) else { break };
        let line = code.get_line(at);
        let instruction = replace_instruction(instruction).map_err(|what| {
            let place = line.map_or(String::new(), |line| format!(" in line {line}"));
            Error::new(ErrorKind::SyntaxError, format!("a template cannot use {what}{place}"))
        })?;
        match (code.get_span(at), line.and_then(|line| u16::try_from(line).ok())) {
            (Some(span), _) => ours.add_with_span(instruction, span),
            (None, Some(line)) => ours.add_with_line(instruction, line),
            (None, None) => ours.add(instruction),
        };
    }
    Ok(ours)
}

fn replace_instruction<'a>(instruction: &Instruction<'a>) -> Result<Instruction<'a>, &'static str> {
    let operator = |name, values| Ok(Instruction::ApplyFilter(name, Some(values), NO_FILTER_CACHE));
    let made = |name, count: Option<usize>| match count.map(u16::try_from).transpose() {
        Ok(count) => Ok(Instruction::ApplyFilter(name, count, NO_FILTER_CACHE)),
        Err(_) => Err("lists of more than 65,535 values"),
    };
    match instruction {
        Instruction::StringConcat => operator("~", 2),
        Instruction::Add => operator("+", 2),
        Instruction::Mul => operator("*", 2),
        Instruction::Eq => operator("==", 2),
        Instruction::Ne => operator("!=", 2),
        Instruction::Gt => operator(">", 2),
        Instruction::Gte => operator(">=", 2),
        Instruction::Lt => operator("<", 2),
        Instruction::Lte => operator("<=", 2),
        Instruction::In => operator("in()", 2),
        Instruction::Slice => operator("[:]", 4),
        Instruction::GetItem => operator("[.]", 2),
        Instruction::CallMethod("changed", count) => {
            Ok(Instruction::ApplyFilter("changed()", *count, NO_FILTER_CACHE))
        }
        Instruction::CallMethod("cycle", count) => {
            Ok(Instruction::ApplyFilter("cycle()", *count, NO_FILTER_CACHE))
        }
        Instruction::BuildList(count) => made("[]", *count),
        Instruction::BuildTuple(count) => made("(,)", *count),
        Instruction::BuildMap(pairs) => made("{}", pairs.checked_mul(2)),
        Instruction::CompareAndPreserve(_) => {
            Err("`a < b < c`: write `a < b and b < c`; two comparisons in a row")
        }
        Instruction::SetAttr(_) => Err("`set` on a part of something: set a name of its own"),
        Instruction::UnpackLists(_) | Instruction::MergeKwargs(_) => {
            Err("`*` and `**` before an argument: write the arguments out")
        }
        Instruction::Include(_) | Instruction::LoadBlocks | Instruction::ExportLocals => {
            Err("`include`, `extends` and `import`: it is one text")
        }
        other => Ok(other.clone()),
    }
}

/// Registers the filters that replace operators.
pub(super) fn add(environment: &mut Environment<'static>, limits: Limits) {
    let mut compare = |name: &'static str, holds: fn(&Value, &Value) -> bool| {
        environment.add_filter(name, move |state: &mut State<'_, '_>, a: &Value, b: &Value| {
            charge(state, limits, &[a.clone(), b.clone()])?;
            Ok::<_, Error>(Value::from(holds(a, b)))
        });
    };
    compare("==", |a, b| a == b);
    compare("!=", |a, b| a != b);
    compare(">", |a, b| a > b);
    compare(">=", |a, b| a >= b);
    compare("<", |a, b| a < b);
    compare("<=", |a, b| a <= b);
    let mut binary = |name: &'static str, operation: Operation| {
        environment.add_filter(name, move |state: &mut State<'_, '_>, a: &Value, b: &Value| {
            charge(state, limits, &[a.clone(), b.clone()])?;
            operation(state, limits, (a, b))
        });
    };
    binary("~", concat);
    binary("+", plus);
    binary("*", times);
    binary("in()", within);
    environment.add_filter("[:]", move |state: &mut State<'_, '_>, parts: Rest<Value>| {
        charge(state, limits, &parts)?;
        cut(&parts)
    });
    environment.add_filter("[.]", move |state: &mut State<'_, '_>, of: &Value, key: &Value| {
        charge(state, limits, std::slice::from_ref(key))?;
        // Indexing counts a text's characters and runs an iterator: charge for all of it.
        if of.as_str().is_some() || of.kind() == ValueKind::Iterable {
            charge(state, limits, std::slice::from_ref(of))?;
        }
        item(state, of, key)
    });
    let mut method = |called: &'static str, name: &'static str| {
        environment.add_filter(
            called,
            move |state: &mut State<'_, '_>, all: Rest<ValueOrKwargs>| {
                let all = all.into_values();
                let (of, given) = all.split_first().ok_or(ErrorKind::MissingArgument)?;
                charge(state, limits, given)?;
                // Minijinja would divide by zero.
                if name == "cycle" && given.is_empty() {
                    let why = "`loop.cycle` has nothing to choose from";
                    return Err(Error::new(ErrorKind::MissingArgument, why));
                }
                of.call_method(state, name, given)
            },
        );
    };
    method("changed()", "changed");
    method("cycle()", "cycle");
    let mut made = |name: &'static str, make: fn(Vec<Value>) -> Value| {
        environment.add_filter(name, move |state: &mut State<'_, '_>, parts: Rest<Value>| {
            charge_result(state, limits, make(parts.0))
        });
    };
    made("[]", Value::from);
    made("(,)", |parts| Value::from(Tuple::from(parts)));
    made("{}", |parts| Value::from_object(Fields::of(parts)));
}

/// Result of `{key: value}`; keeps the order of insertion.
#[derive(Debug, Default)]
struct Fields {
    keys: Vec<Value>,
    values: BTreeMap<Value, Value>,
}

impl Fields {
    fn of(parts: Vec<Value>) -> Self {
        let mut fields = Self::default();
        let mut parts = parts.into_iter();
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            if fields.values.insert(key.clone(), value).is_none() {
                fields.keys.push(key);
            }
        }
        fields
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.values.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.keys.clone())
    }

    // The default implementation copies the keys, and an emptiness test is not charged.
    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.keys.len())
    }
}

type Operation = fn(&mut State<'_, '_>, Limits, (&Value, &Value)) -> Result<Value, Error>;

fn concat(state: &mut State<'_, '_>, _: Limits, (a, b): (&Value, &Value)) -> Result<Value, Error> {
    defined(state, a)?;
    defined(state, b)?;
    Ok(Value::from(format!("{a}{b}")))
}

/// Fails on an undefined value if the environment is strict.
fn defined(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    let strict = matches!(state.undefined_behavior(), minijinja::UndefinedBehavior::Strict);
    if strict && value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(())
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn plus(
    state: &mut State<'_, '_>,
    limits: Limits,
    (a, b): (&Value, &Value),
) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Ok(Value::from([a, b].concat()));
    }
    if is_list(a) && is_list(b) && a.is_tuple() == b.is_tuple() {
        let all: Vec<Value> = a.try_iter()?.chain(b.try_iter()?).collect();
        let joined = if a.is_tuple() { Value::from(Tuple::from(all)) } else { Value::from(all) };
        return charge_result(state, limits, joined);
    }
    number((a, b), "+", i128::checked_add, |a, b| a + b)
}

fn times(
    state: &mut State<'_, '_>,
    limits: Limits,
    (a, b): (&Value, &Value),
) -> Result<Value, Error> {
    let (value, count) = if a.is_number() { (b, a) } else { (a, b) };
    if value.is_number() {
        return number((a, b), "*", i128::checked_mul, |a, b| a * b);
    }
    let Some(count) = count.as_usize() else {
        return Err(unfit((a, b), "*"));
    };
    if let Some(text) = value.as_str() {
        charge_bytes(state, limits, text.len().saturating_mul(count))?;
        return Ok(Value::from(text.repeat(count)));
    }
    if !is_list(value) {
        return Err(unfit((a, b), "*"));
    }
    let items: Vec<Value> = value.try_iter()?.collect();
    charge_bytes(state, limits, items.len().saturating_mul(count).saturating_mul(16))?;
    let all: Vec<Value> = std::iter::repeat_n(items, count).flatten().collect();
    let all = if value.is_tuple() { Value::from(Tuple::from(all)) } else { Value::from(all) };
    charge_result(state, limits, all)
}

fn number(
    (a, b): (&Value, &Value),
    sign: &str,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let integer = |value: &Value| {
        let fits = value.is_integer() || value.kind() == ValueKind::Bool;
        fits.then(|| i128::try_from(value.clone()).ok()).flatten()
    };
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        let made = whole(a, b).ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("unable to calculate {a} {sign} {b}"))
        })?;
        return Ok(i64::try_from(made).map_or_else(|_| Value::from(made), Value::from));
    }
    let float = |value: &Value| {
        let fits = value.is_number() || value.kind() == ValueKind::Bool;
        fits.then(|| f64::try_from(value.clone()).ok()).flatten()
    };
    match (float(a), float(b)) {
        (Some(a), Some(b)) => Ok(Value::from(real(a, b))),
        _ => Err(unfit((a, b), sign)),
    }
}

fn unfit((a, b): (&Value, &Value), sign: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("tried to use {sign} operator on unsupported types {} and {}", a.kind(), b.kind()),
    )
}

/// `item in container`; the container is the second operand.
fn within(
    _: &mut State<'_, '_>,
    _: Limits,
    (item, container): (&Value, &Value),
) -> Result<Value, Error> {
    if container.is_undefined() {
        return Ok(Value::from(false));
    }
    if let Some(text) = container.as_str() {
        let found = item
            .as_str()
            .map_or_else(|| text.contains(&item.to_string()), |part| text.contains(part));
        return Ok(Value::from(found));
    }
    match container.kind() {
        ValueKind::Map => {
            let object = container.as_object();
            Ok(Value::from(object.is_some_and(|object| object.get_value(item).is_some())))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            Ok(Value::from(container.try_iter()?.any(|other| other == *item)))
        }
        _ => Err(Error::new(
            ErrorKind::InvalidOperation,
            "cannot perform a containment check on this value",
        )),
    }
}

/// `value[key]`; undefined if the key is missing.
fn item(state: &State<'_, '_>, of: &Value, key: &Value) -> Result<Value, Error> {
    let chained = matches!(state.undefined_behavior(), minijinja::UndefinedBehavior::Chainable);
    if chained && of.is_undefined() { Ok(Value::UNDEFINED) } else { of.get_item(key) }
}

/// `value[start:stop:step]`, with Python's semantics.
fn cut(parts: &[Value]) -> Result<Value, Error> {
    let [value, first, end, step] = parts else {
        return Err(limit_error("cuts without a place"));
    };
    let at = |place: &Value| {
        let given = (!place.is_none()).then(|| i64::try_from(place.clone()));
        given.transpose()
    };
    let (first, end, step) = (at(first)?, at(end)?, at(step)?.unwrap_or(1));
    if step == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "cannot slice by step size of 0"));
    }
    if let Some(text) = value.as_str() {
        let letters: Vec<char> = text.chars().collect();
        let places = places(letters.len(), (first, end, step));
        return Ok(Value::from(places.map(|at| letters[at]).collect::<String>()));
    }
    if value.is_undefined() || value.is_none() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    if !is_list(value) {
        let kind = value.kind();
        let why = format!("value of type {kind} cannot be sliced");
        return Err(Error::new(ErrorKind::InvalidOperation, why));
    }
    let items: Vec<Value> = value.try_iter()?.collect();
    let kept: Vec<Value> =
        places(items.len(), (first, end, step)).map(|at| items[at].clone()).collect();
    Ok(if value.is_tuple() { Value::from(Tuple::from(kept)) } else { Value::from(kept) })
}

/// Returns the indices, all below `length`, that a slice selects.
fn places(
    length: usize,
    (first, end, step): (Option<i64>, Option<i64>, i64),
) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let placed = |place: i64| {
        let place = if place < 0 { place.saturating_add(length) } else { place };
        place.clamp(lowest, highest)
    };
    let first = first.map_or(if step > 0 { lowest } else { highest }, placed);
    let end = end.map_or(if step > 0 { highest } else { lowest }, placed);
    let mut at = first;
    std::iter::from_fn(move || {
        let here = (if step > 0 { at < end } else { at > end }).then_some(at)?;
        at = at.saturating_add(step);
        usize::try_from(here).ok()
    })
}
