//! `trajectory:*` assertions that need no model: tools used, their order and arguments, number of
//! steps.

use serde_json::{Map, Value};

use super::CheckResult;
use super::prepare::PreparedAssertion;
use super::response_metrics::verdict;
use super::steps::{Step, StepMatcher, steps};
use super::text::same;
use super::trace::{matches, spans};
use crate::result::StepKind;

fn tools(given: &PreparedAssertion<'_>) -> Result<Vec<Step>, String> {
    Ok(steps(spans(given)?).into_iter().filter(|step| step.kind == StepKind::Tool).collect())
}

fn list<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let all = steps.into_iter().map(Step::shown).collect::<Vec<_>>().join(", ");
    if all.is_empty() { "(none)".into() } else { all }
}

fn labels(wanted: &[&StepMatcher]) -> String {
    wanted.iter().map(|wanted| wanted.label()).collect::<Vec<_>>().join(", ")
}

fn count(steps: usize) -> f64 {
    f64::from(u32::try_from(steps).unwrap_or(u32::MAX))
}

/// `trajectory:tool-used`: a name, several names, or `{name|pattern, min, max}`.
pub(super) fn tool_used(given: &PreparedAssertion<'_>) -> CheckResult {
    let tools = tools(given)?;
    let wanted: Vec<StepMatcher> =
        match &given.value {
            Value::String(_) => vec![StepMatcher::read(&given.value, Some(StepKind::Tool))],
            Value::Array(all) if all.iter().all(Value::is_string) => {
                all.iter().map(|one| StepMatcher::read(one, Some(StepKind::Tool))).collect()
            }
            Value::Object(_) => return tool_count(given, &tools),
            _ => return Err(
                "trajectory:tool-used assertion must have a string, string array, or object value"
                    .into(),
            ),
        };
    if wanted.is_empty() {
        return Err("trajectory:tool-used assertion requires at least one expected tool".into());
    }
    let (used, missing): (Vec<&StepMatcher>, Vec<&StepMatcher>) =
        wanted.iter().partition(|wanted| tools.iter().any(|step| wanted.fits(step)));
    let (all, actual) = (labels(&wanted.iter().collect::<Vec<_>>()), list(&tools));
    let pass = if given.inverse() { used.is_empty() } else { missing.is_empty() };
    let reason = match (given.inverse(), pass) {
        (true, true) => format!("Forbidden tool(s) were not used: {all}"),
        (true, false) => {
            format!("Forbidden tool(s) were used: {}. Actual tools: {actual}", labels(&used))
        }
        (false, true) => format!("Observed required tool(s): {all}. Actual tools: {actual}"),
        (false, false) => {
            format!("Missing required tool(s): {}. Actual tools: {actual}", labels(&missing))
        }
    };
    Ok(verdict(pass, reason))
}

fn tool_count(given: &PreparedAssertion<'_>, tools: &[Step]) -> CheckResult {
    let wanted = StepMatcher::read(&given.value, Some(StepKind::Tool));
    let label = wanted
        .pattern()
        .ok_or("trajectory:tool-used assertion object must include a name or pattern property")?;
    let (min, max) = (given.value["min"].as_f64().unwrap_or(1.0), given.value["max"].as_f64());
    let found: Vec<&Step> = tools.iter().filter(|step| wanted.fits(step)).collect();
    let times = found.len();
    let holds = count(times) >= min && max.is_none_or(|max| count(times) <= max);
    let reason = match (given.inverse(), holds) {
        (true, true) => format!(
            "Tool \"{label}\" matched {times} time(s), which violates the inverse assertion"
        ),
        (true, false) => format!("Tool \"{label}\" did not satisfy the forbidden match condition"),
        (false, _) => {
            let range = max.map_or_else(|| format!("at least {min}"), |max| format!("{min}-{max}"));
            let matched = if found.is_empty() {
                String::new()
            } else {
                format!(". Matches: {}", list(found))
            };
            format!("Matched tool \"{label}\" {times} time(s) (expected {range}){matched}")
        }
    };
    Ok(verdict(holds != given.inverse(), reason))
}

/// `trajectory:tool-sequence`: a list, or `{mode: in_order|exact, steps}`.
pub(super) fn tool_sequence(given: &PreparedAssertion<'_>) -> CheckResult {
    let tools = tools(given)?;
    let (exact, all) = match &given.value {
        Value::Array(all) => (false, all.as_slice()),
        Value::Object(_) => (
            given.value["mode"] == "exact",
            given.value["steps"].as_array().map_or(&[][..], Vec::as_slice),
        ),
        _ => {
            return Err(
                "trajectory:tool-sequence assertion must have an array or object value".into()
            );
        }
    };
    let wanted: Vec<StepMatcher> =
        all.iter().map(|one| StepMatcher::read(one, Some(StepKind::Tool))).collect();
    if let Some(at) = wanted.iter().position(|one| one.pattern().is_none()) {
        return Err(format!(
            "trajectory:tool-sequence assertion step {} must include a name or pattern property",
            at + 1
        ));
    }
    if wanted.is_empty() {
        return Err("trajectory:tool-sequence assertion requires at least one expected step".into());
    }
    let actual = list(&tools);
    let (holds, reason) = if exact {
        let pairs = || wanted.iter().zip(&tools).all(|(wanted, step)| wanted.fits(step));
        let all = labels(&wanted.iter().collect::<Vec<_>>());
        if tools.len() == wanted.len() && pairs() {
            (true, format!("Observed exact tool sequence: {actual}"))
        } else {
            let reason = "Expected exact tool sequence of";
            (false, format!("{reason} {all}, but actual tools were {actual}"))
        }
    } else {
        let mut found: Vec<&Step> = Vec::new();
        for step in &tools {
            if wanted.get(found.len()).is_some_and(|wanted| wanted.fits(step)) {
                found.push(step);
            }
        }
        match wanted.get(found.len()) {
            None => (
                true,
                format!("Observed tool sequence in order: {}. Actual tools: {actual}", list(found)),
            ),
            Some(next) => {
                let label = next.label();
                (
                    false,
                    format!(
                        "Expected tool \"{label}\" was not observed in order. Actual tools: {actual}"
                    ),
                )
            }
        }
    };
    let reason = match (given.inverse(), holds) {
        (false, _) => reason,
        (true, true) => format!("Forbidden tool sequence was observed. Actual tools: {actual}"),
        (true, false) => "Forbidden tool sequence was not observed".into(),
    };
    Ok(verdict(holds != given.inverse(), reason))
}

struct Arguments<'a> {
    wanted: &'a Value,
    exact: bool,
    defaults: Option<&'a Map<String, Value>>,
    ignored: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    fn read(value: &'a Value) -> Result<Self, String> {
        const KIND: &str = "trajectory:tool-args-match assertion";
        let fields =
            value.as_object().ok_or_else(|| format!("{KIND} must have an object value"))?;
        let wanted = fields.get("args").or_else(|| fields.get("arguments"));
        let exact = match &value["mode"] {
            Value::Null => false,
            mode if mode == "partial" => false,
            mode if mode == "exact" => true,
            _ => return Err(format!("{KIND} mode must be \"partial\" or \"exact\"")),
        };
        let defaults = match &value["defaults"] {
            Value::Null => None,
            Value::Object(defaults) => Some(defaults),
            _ => {
                return Err(format!(
                    "{KIND} defaults must be an object mapping argument names to default values"
                ));
            }
        };
        let ignored = match &value["ignore"] {
            Value::Null => Some(Vec::new()),
            Value::Array(all) => all.iter().map(Value::as_str).collect(),
            one => one.as_str().map(|one| vec![one]),
        };
        let ignored = ignored.filter(|all| all.iter().all(|one| !one.trim().is_empty()));
        Ok(Self {
            wanted: wanted
                .ok_or_else(|| format!("{KIND} must include an args or arguments property"))?,
            exact,
            defaults,
            ignored: ignored.ok_or_else(|| {
                format!("{KIND} ignore must be a non-empty string or an array of non-empty strings")
            })?,
        })
    }

    fn is_ignored(&self, name: &str) -> bool {
        self.ignored
            .iter()
            .any(|one| *one == name || one.contains(['*', '?']) && matches(name, one))
    }

    fn is_default(&self, name: &str, value: &Value) -> bool {
        self.defaults.and_then(|all| all.get(name)).is_some_and(|default| same(default, value))
    }

    fn fits(&self, actual: &Value) -> bool {
        let without = |value: &Value, defaults: bool| match value {
            Value::Object(fields) => {
                let kept = fields.iter().filter(|(name, value)| {
                    !(self.is_ignored(name) || defaults && self.is_default(name, value))
                });
                Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
            other => other.clone(),
        };
        let (actual, wanted) = (without(actual, true), without(self.wanted, false));
        if self.exact { same(&actual, &wanted) } else { contains_value(&actual, &wanted) }
    }
}

/// Whether `actual` contains everything in `wanted`.
fn contains_value(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::Array(actual), Value::Array(wanted)) => {
            actual.len() == wanted.len()
                && actual.iter().zip(wanted).all(|(one, other)| contains_value(one, other))
        }
        (Value::Object(actual), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, value)| actual.get(name).is_some_and(|own| contains_value(own, value))),
        _ => same(actual, wanted),
    }
}

/// `trajectory:tool-args-match`: `{name, args, mode: partial|exact, defaults, ignore}`.
pub(super) fn tool_args_match(given: &PreparedAssertion<'_>) -> CheckResult {
    let tools = tools(given)?;
    let arguments = Arguments::read(&given.value)?;
    let wanted = StepMatcher::read(&given.value, Some(StepKind::Tool));
    let label = wanted.pattern().ok_or(
        "trajectory:tool-args-match assertion object must include a name or pattern property",
    )?;
    let named: Vec<&Step> = tools.iter().filter(|step| wanted.fits(step)).collect();
    let with: Vec<(&Step, &Value)> =
        named.iter().filter_map(|step| Some((*step, step.args.as_ref()?))).collect();
    let found = with.iter().find(|(_, args)| arguments.fits(args));
    let observed = with.iter().map(|(_, args)| args.to_string()).collect::<Vec<_>>().join(", ");
    let observed = if observed.is_empty() { "(none)".into() } else { observed };
    let mode = if arguments.exact { "exact" } else { "partial" };
    let none = named.is_empty();
    let reason = match (given.inverse(), found) {
        (true, Some((step, args))) => {
            format!(
                "Forbidden argument match for tool \"{label}\" was observed on {}. Args: {args}",
                step.shown()
            )
        }
        (true, None) if none => {
            format!(
                "Forbidden argument match for tool \"{label}\" was not observed because no tool call matched it"
            )
        }
        (true, None) => format!(
            "Forbidden argument match for tool \"{label}\" was not observed. Observed args: {observed}"
        ),
        (false, Some((step, args))) => {
            let passed_over = ignored_args_note(&arguments, args);
            let shown = step.shown();
            format!(
                "Tool \"{label}\" matched expected arguments ({mode}) on {shown}. Args: {args}{passed_over}"
            )
        }
        (false, None) if none => {
            format!("No tool call matched \"{label}\". Actual tools: {}", list(&tools))
        }
        (false, None) if with.is_empty() => {
            format!(
                "Tool \"{label}\" was observed but no arguments were captured. Actual tools: {}",
                list(&tools)
            )
        }
        (false, None) => format!(
            "No call to tool \"{label}\" matched expected arguments ({mode}): {}. Observed args: {observed}",
            arguments.wanted
        ),
    };
    Ok(verdict(found.is_some() != given.inverse(), reason))
}

fn ignored_args_note(arguments: &Arguments<'_>, args: &Value) -> String {
    let fields = || args.as_object().into_iter().flatten();
    let names = |fits: &dyn Fn(&str, &Value) -> bool| {
        let names =
            fields().filter(|(name, value)| fits(name, value)).map(|(name, _)| name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let ignored = names(&|name, _| arguments.is_ignored(name));
    let defaults =
        names(&|name, value| !arguments.is_ignored(name) && arguments.is_default(name, value));
    let said = [("argument(s)", ignored), ("default argument(s)", defaults)];
    let said = said.iter().filter(|(_, names)| !names.is_empty());
    said.flat_map(|(what, names)| [". Ignored ", what, ": ", names]).collect()
}

/// `trajectory:step-count`: `{type, pattern, min, max}`.
pub(super) fn step_count(given: &PreparedAssertion<'_>) -> CheckResult {
    let steps = steps(spans(given)?);
    if !given.value.is_object() {
        return Err("trajectory:step-count assertion must have an object value".into());
    }
    let wanted = StepMatcher::read(&given.value, None);
    let (min, max) = (given.value["min"].as_f64(), given.value["max"].as_f64());
    let range = match (min, max) {
        (None, None) => {
            return Err("trajectory:step-count assertion must include a min or max property".into());
        }
        (Some(min), Some(max)) => format!("{min}-{max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
    };
    let found: Vec<&Step> = steps.iter().filter(|step| wanted.fits(step)).collect();
    let times = found.len();
    let holds =
        min.is_none_or(|min| count(times) >= min) && max.is_none_or(|max| count(times) <= max);
    let kinds =
        Some(wanted.kinds()).filter(|kinds| !kinds.is_empty()).map(|kinds| format!("type={kinds}"));
    let pattern = wanted.pattern().map(|pattern| format!("pattern={pattern}"));
    let filters = kinds.into_iter().chain(pattern).collect::<Vec<_>>().join(", ");
    let filters = if filters.is_empty() { filters } else { format!(" for {filters}") };
    let matched =
        if found.is_empty() { String::new() } else { format!(". Matches: {}", list(found)) };
    let reason = match (given.inverse(), holds) {
        (false, _) => {
            format!("Matched {times} trajectory step(s){filters} (expected {range}){matched}")
        }
        (true, true) => "Trajectory step count satisfied the forbidden range".into(),
        (true, false) => "Trajectory step count did not satisfy the forbidden range".into(),
    };
    Ok(verdict(holds != given.inverse(), reason))
}
