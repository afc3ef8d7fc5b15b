//! `skill-used`: checks the skills that an agent reports in `metadata.skillCalls`.

use serde_json::Value;

use super::GradingResult;
use super::prepare::PreparedAssertion;
use super::response_metrics::verdict;
use super::trace::matches;

/// `skill-used`: a name, several names, or `{name|pattern, min, max}`.
pub(super) fn skill_used(given: &PreparedAssertion<'_>) -> Result<GradingResult, String> {
    let calls = given.ctx.response.metadata["skillCalls"].as_array();
    let calls: Vec<&Value> = calls
        .into_iter()
        .flatten()
        .filter(|call| call["name"].is_string() && call["is_error"] != Value::Bool(true))
        .collect();
    match &given.value {
        Value::String(name) if !name.trim().is_empty() => Ok(named(given, &calls, &[name.trim()])),
        Value::Array(all) if !all.is_empty() => {
            let names: Option<Vec<&str>> =
                all.iter().map(|one| one.as_str().map(str::trim)).collect();
            let names = names.filter(|names| names.iter().all(|name| !name.is_empty()));
            Ok(named(given, &calls, &names.ok_or_else(wrong)?))
        }
        Value::Object(_) => counted(given, &calls),
        _ => Err(wrong()),
    }
}

fn wrong() -> String {
    "skill-used assertion must have a string, string array, or object value".into()
}

fn shown(call: &Value) -> String {
    let name = call["name"].as_str().unwrap_or_default();
    let details = ["source", "path"].map(|field| call[field].as_str().unwrap_or_default());
    let details: Vec<&str> = details.into_iter().filter(|text| !text.is_empty()).collect();
    if details.is_empty() { name.to_owned() } else { format!("{name} ({})", details.join(", ")) }
}

fn all_of(calls: &[&Value]) -> String {
    let all = calls.iter().map(|call| shown(call)).collect::<Vec<_>>().join(", ");
    if all.is_empty() { "(none)".into() } else { all }
}

fn named(given: &PreparedAssertion<'_>, calls: &[&Value], names: &[&str]) -> GradingResult {
    let was_used = |name: &&&str| calls.iter().any(|call| call["name"] == **name);
    let list = |names: Vec<&&str>| names.into_iter().copied().collect::<Vec<_>>().join(", ");
    let used: Vec<&&str> = names.iter().filter(was_used).collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !was_used(name)).collect();
    let (wanted, actual) = (names.join(", "), all_of(calls));
    let pass = if given.inverse() { used.is_empty() } else { missing.is_empty() };
    let reason = match (given.inverse(), pass) {
        (true, true) => format!("Forbidden skill(s) were not used: {wanted}"),
        (true, false) => {
            format!("Forbidden skill(s) were used: {}. Actual skills: {actual}", list(used))
        }
        (false, true) => format!("Observed required skill(s): {wanted}. Actual skills: {actual}"),
        (false, false) => {
            format!("Missing required skill(s): {}. Actual skills: {actual}", list(missing))
        }
    };
    verdict(pass, reason)
}

fn counted(given: &PreparedAssertion<'_>, calls: &[&Value]) -> Result<GradingResult, String> {
    let text =
        |field: &str| given.value[field].as_str().map(str::trim).filter(|text| !text.is_empty());
    let (name, pattern) = (text("name"), text("pattern"));
    let label = pattern
        .or(name)
        .ok_or("skill-used assertion object must include a name or pattern property")?;
    let count = |field: &str| match &given.value[field] {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or_else(|| {
            format!("skill-used assertion object {field} must be a finite non-negative integer")
        }),
    };
    let (min, max) = (count("min")?, count("max")?);
    if matches!((min, max), (Some(min), Some(max)) if max < min) {
        return Err("skill-used assertion object max must be greater than or equal to min".into());
    }
    let fits = |call: &&&Value| {
        let own = call["name"].as_str().unwrap_or_default();
        name.is_none_or(|name| name == own) && pattern.is_none_or(|pattern| matches(own, pattern))
    };
    let found: Vec<&Value> = calls.iter().filter(fits).copied().collect();
    let times = found.len();
    if given.inverse() {
        if min.is_some() || max.is_some_and(|max| max != 0) {
            return Err("not-skill-used object assertions only support name/pattern with no count bounds, or max: 0".into());
        }
        let reason = match times {
            0 => format!(
                "Forbidden skill \"{label}\" was not used. Actual skills: {}",
                all_of(calls)
            ),
            _ => format!(
                "Forbidden skill \"{label}\" was used {times} time(s). Matches: {}",
                all_of(&found)
            ),
        };
        return Ok(verdict(times == 0, reason));
    }
    let least = min.unwrap_or(u64::from(max.is_none()));
    let pass = times as u64 >= least && max.is_none_or(|max| times as u64 <= max);
    let range = max.map_or_else(|| format!("at least {least}"), |max| format!("{least}-{max}"));
    let matched =
        if found.is_empty() { String::new() } else { format!(". Matches: {}", all_of(&found)) };
    Ok(verdict(
        pass,
        format!("Matched skill \"{label}\" {times} time(s) (expected {range}){matched}"),
    ))
}
