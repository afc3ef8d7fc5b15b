//! Assertion types for bots: hand-offs, retrieval, citations, number of messages, cost. They are
//! graded on the pipeline's trace of the (last) turn; for any other target they are skipped.

use frontdesk_promptfoo::check::{CaseContext, Family, Types};
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::result::{GradingResult, SeenTurn};
use frontdesk_promptfoo::suite::{Assertion, Overrides};
use serde_json::Value;

use crate::domain::TurnOutcome;
use crate::eval::seen;

mod evidence;

/// Grades an assertion on a turn.
type Check = fn(&Assertion, CaseContext<'_>, &SeenTurn) -> GradingResult;

/// The assertion types of bots.
const TYPES: &[(&str, Check)] = &[
    ("handed-off", |it, ctx, _| handed_off(&it.value, &ctx.response.turns)),
    ("answered", |_, _, turn| GradingResult::when(is(turn, TurnOutcome::Answer), || became(turn))),
    ("no-reply", |_, _, turn| no_reply(turn)),
    ("retrieved", |it, _, turn| evidence::retrieved(it, turn)),
    ("cited", |it, _, turn| evidence::cited(&it.value, turn)),
    ("grounded", |it, _, turn| evidence::grounded(it, turn)),
    ("language", |it, _, turn| language(&it.value, turn)),
    ("bubbles", |it, _, turn| bubbles(&it.value, turn)),
    ("format", |it, _, turn| format(&it.value, turn)),
    ("tokens", |it, _, turn| most(it, tokens(turn), "tokens")),
    ("turn-cost", |it, _, turn| most(it, cost(turn), "dollars")),
    ("state", |it, ctx, _| state(&it.value, ctx)),
];
const NAMES: [&str; TYPES.len()] = {
    let mut names = [""; TYPES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = TYPES[at].0;
        at += 1;
    }
    names
};
/// Stages that `latency` can measure, each with the JSON pointer of its time in the trace.
const STAGES: &[(&str, &str)] = &[
    ("transcribe", "/transcribe/took_ms"),
    ("escalate", "/escalate/took_ms"),
    ("curated", "/curated/took_ms"),
    ("retrieve", "/retrieve/took_ms"),
    ("embed", "/retrieve/embed_ms"),
    ("prompt", "/prompt/took_ms"),
    ("reply", "/reply/took_ms"),
    ("turn", "/total_ms"),
];
/// WhatsApp's maximum text length, in UTF-16 units.
const MAX_LEN: usize = 4096;

/// Returns whether texts in a value of this assertion type are rendered at any depth.
pub(super) fn renders_deeply(kind: &str) -> bool {
    kind == "latency" || NAMES.contains(&kind)
}

/// Returns all assertion types of a desk's suites: promptfoo's and those of bots.
pub fn types() -> Types {
    Types::default().with(Family { names: &NAMES, check })
}

/// Returns the default overrides for loading a desk's suites under a policy.
pub fn overrides(policy: Policy) -> Overrides {
    Overrides { policy, types: types(), ..Overrides::default() }
}

/// Grades one of these types; `None` for any other.
fn check(assertion: &Assertion, ctx: CaseContext<'_>) -> Option<GradingResult> {
    let staged = assertion.kind == "latency" && assertion.value.is_string();
    let tried: Check = if staged {
        |it, _, turn| latency(it, turn)
    } else {
        TYPES.iter().find(|(name, _)| *name == assertion.kind)?.1
    };
    let assertion = match ctx.grading.templates.value(&assertion.value, ctx.vars) {
        Ok(value) => &Assertion { value, ..assertion.clone() },
        Err(why) => return Some(GradingResult::error(why)),
    };
    let Some(turn) = ctx.response.turns.last() else {
        let why = format!(
            "`{}` is about a bot's turn: the target is no `frontdesk:` agent",
            assertion.kind
        );
        return Some(GradingResult::skipped(why));
    };
    let graded = tried(assertion, ctx, turn);
    let negates = assertion.negated && graded.skipped.is_none() && graded.error.is_none();
    Some(if negates { negated(assertion, turn, &graded) } else { graded })
}

fn no_reply(turn: &SeenTurn) -> GradingResult {
    GradingResult::when(turn.bubbles.is_empty(), || {
        format!("the customer got {:?}", turn.bubbles.join("\n"))
    })
}

/// Inverts a result. A technical failure does not pass as "not answered".
fn negated(assertion: &Assertion, turn: &SeenTurn, graded: &GradingResult) -> GradingResult {
    if assertion.kind == "answered" && is(turn, TurnOutcome::Failure) {
        return GradingResult::failed(became(turn));
    }
    if graded.pass {
        return GradingResult::failed(format!("it is {}: {}", assertion.kind, became(turn)));
    }
    GradingResult::passed()
}

fn is(turn: &SeenTurn, outcome: TurnOutcome) -> bool {
    seen::outcome(turn) == Some(outcome)
}

/// Describes how a turn ended.
fn became(turn: &SeenTurn) -> String {
    let text = turn.bubbles.join("\n");
    match turn.reason.as_deref() {
        Some(reason) => format!("the turn ended as {} ({reason}): {text:?}", turn.outcome),
        None => format!("the turn ended as {}: {text:?}", turn.outcome),
    }
}

fn holds(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// Returns a text field of a value.
fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

/// `value`: nothing, a part of the reason, or `{reason, to}` with a part of the reason and who is
/// notified.
fn handed_off(value: &Value, turns: &[SeenTurn]) -> GradingResult {
    let Some(turn) = turns.iter().find(|turn| is(turn, TurnOutcome::HandOver)) else {
        let last = turns.last().map(became).unwrap_or_default();
        return GradingResult::failed(format!("no person was called; {last}"));
    };
    let reason = turn.reason.as_deref().unwrap_or_default();
    if let Some(wanted) =
        value.as_str().or(text(value, "reason")).filter(|wanted| !holds(reason, wanted))
    {
        return GradingResult::failed(format!(
            "a person was called because {reason}, not because of {wanted:?}"
        ));
    }
    match text(value, "to") {
        Some(to)
            if !turn
                .notified
                .iter()
                .any(|who| who.trim_start_matches('+') == to.trim_start_matches('+')) =>
        {
            let told =
                if turn.notified.is_empty() { "nobody".into() } else { turn.notified.join(", ") };
            GradingResult::failed(format!("{told} is told of the hand-off, not {to}"))
        }
        _ => GradingResult::passed(),
    }
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// `value`: one or several ISO 639-1 codes.
fn language(value: &Value, turn: &SeenTurn) -> GradingResult {
    let wanted = list(value);
    if wanted.is_empty() {
        return GradingResult::error("`language` wants an ISO 639-1 code, such as `es`");
    }
    let words = turn.bubbles.join("\n");
    match frontdesk_language::language(&words) {
        Some(code) if wanted.contains(&code) => GradingResult::passed(),
        Some(code) => GradingResult::failed(format!(
            "the answer is in `{code}`, not `{}`: {words:?}",
            wanted.join("` or `")
        )),
        None => GradingResult::failed(format!("the language of {words:?} cannot be told")),
    }
}

/// `value`: the number of messages, or `{min, max, longest}` with the maximum message length in
/// characters.
fn bubbles(value: &Value, turn: &SeenTurn) -> GradingResult {
    let (count, field) =
        (turn.bubbles.len() as u64, |name| value.get(name).and_then(Value::as_u64));
    let (least, most) = match value.as_u64() {
        Some(exact) => (exact, exact),
        None => (
            field("min").unwrap_or(1),
            field("max").unwrap_or(if value.is_null() { 1 } else { u64::MAX }),
        ),
    };
    let longest = turn.bubbles.iter().map(|text| text.chars().count() as u64).max().unwrap_or(0);
    if let Some(most) = field("longest").filter(|most| longest > *most) {
        return GradingResult::failed(format!(
            "a message has {longest} characters, more than {most}"
        ));
    }
    GradingResult::when((least..=most).contains(&count), || {
        format!("{count} messages, not {least} to {most}")
    })
}

/// `value`: nothing, or `{longest}`. Passes when WhatsApp shows the text as intended: no Markdown,
/// JSON, model reasoning or control characters, and no message that is too long.
fn format(value: &Value, turn: &SeenTurn) -> GradingResult {
    let longest =
        value.get("longest").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    let longest = longest.unwrap_or(MAX_LEN).min(MAX_LEN);
    for bubble in &turn.bubbles {
        if bubble.encode_utf16().count() > longest {
            return GradingResult::failed(format!(
                "a message is longer than {longest}: {bubble:?}"
            ));
        }
        if let Some(what) = leftover(bubble) {
            return GradingResult::failed(format!("{what} is left in {bubble:?}"));
        }
    }
    GradingResult::passed()
}

/// Names formatting that WhatsApp would show raw.
fn leftover(text: &str) -> Option<&'static str> {
    let line = |test: fn(&str) -> bool| text.lines().any(test);
    let trimmed = text.trim();
    if text.contains("**") || text.contains("__") {
        Some("bold of Markdown")
    } else if line(|line| {
        line.trim_start_matches('#') != line && line.trim_start_matches('#').starts_with(' ')
    }) {
        Some("a heading of Markdown")
    } else if text.contains("](http") {
        Some("a link of Markdown")
    } else if line(|line| {
        line.trim_start().starts_with("|--") || line.trim_start().starts_with("| --")
    }) {
        Some("a table of Markdown")
    } else if trimmed.len() > 1
        && serde_json::from_str::<Value>(trimmed)
            .is_ok_and(|value| value.is_object() || value.is_array())
    {
        Some("JSON")
    } else if text.contains("<think") || text.contains("</think") {
        Some("a model's reasoning")
    } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        Some("a control character")
    } else {
        None
    }
}

fn tokens(turn: &SeenTurn) -> f64 {
    let part = |name: &str| {
        turn.trace.pointer(&format!("/usage/{name}")).and_then(Value::as_f64).unwrap_or(0.0)
    };
    part("input_tokens") + part("output_tokens")
}

fn cost(turn: &SeenTurn) -> f64 {
    turn.trace.pointer("/usage/cost_micros").and_then(Value::as_f64).unwrap_or(0.0) / 1e6
}

/// `threshold` or `value`: the maximum.
fn most(assertion: &Assertion, measured: f64, unit: &str) -> GradingResult {
    let Some(most) = assertion.threshold.or(assertion.value.as_f64()) else {
        return GradingResult::error(format!(
            "`{}` wants a `threshold`: the most {unit}",
            assertion.kind
        ));
    };
    GradingResult::when(measured <= most, || format!("{measured} {unit}, more than {most}"))
}

/// `value`: the stage; `threshold`: the maximum in milliseconds.
fn latency(assertion: &Assertion, turn: &SeenTurn) -> GradingResult {
    let stage = assertion.value.as_str().unwrap_or_default();
    let Some((_, place)) = STAGES.iter().find(|(name, _)| *name == stage) else {
        let names: Vec<_> = STAGES.iter().map(|(name, _)| *name).collect();
        return GradingResult::error(format!(
            "there is no stage `{stage}`; there are: {}",
            names.join(", ")
        ));
    };
    let Some(most) = assertion.threshold else {
        return GradingResult::error("`latency` wants a `threshold` in milliseconds");
    };
    match turn.trace.pointer(place).and_then(Value::as_f64) {
        Some(took) => GradingResult::when(took <= most, || {
            format!("{stage} took {took:.0} ms, more than {most}")
        }),
        None => GradingResult::scored(true, 1.0, format!("{stage} did not run")),
    }
}

/// `value`: `{owner, turns, outcome, outcomes, handed_off}`; omitted fields are not checked. A list as
/// `outcome` allows any of them.
fn state(value: &Value, ctx: CaseContext<'_>) -> GradingResult {
    let Some(wanted) = value.as_object() else {
        return GradingResult::error(
            "`state` wants an object, such as `{owner: person, turns: 3}`",
        );
    };
    let turns = &ctx.response.turns;
    let last = turns.last();
    let outcomes: Vec<_> = turns.iter().map(|turn| turn.outcome.as_str()).collect();
    for (name, want) in wanted {
        let is: Value = match name.as_str() {
            "owner" => last.map(|turn| seen::owner(turn).as_str()).into(),
            "turns" => turns.len().into(),
            "outcome" => last.map(|turn| turn.outcome.as_str()).into(),
            "outcomes" => outcomes.clone().into(),
            "handed_off" => turns.iter().any(|turn| is(turn, TurnOutcome::HandOver)).into(),
            other => {
                return GradingResult::error(format!(
                    "`state` has no `{other}`; it has: owner, turns, outcome, outcomes, handed_off"
                ));
            }
        };
        let any = want.as_array().filter(|_| name == "outcome");
        if is != *want && !any.is_some_and(|any| any.contains(&is)) {
            return GradingResult::failed(format!("{name} is {is}, not {want}"));
        }
    }
    GradingResult::passed()
}
