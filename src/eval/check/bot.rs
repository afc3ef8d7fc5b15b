//! What must hold of a bot beyond its text: whether it handed over, what it found and named, how many messages it sent, what
//! it cost. Tried on what our own pipeline tells of the (last) turn; any other target has nothing to try them on.

use serde_json::Value;

use super::Scene;
use crate::eval::graded::{Graded, SeenTurn};
use crate::eval::suite::Assertion;
use crate::index;

/// The types, as they are written.
pub(super) const TYPES: &[&str] = &[
    "handed-off",
    "answered",
    "no-reply",
    "retrieved",
    "cited",
    "grounded",
    "language",
    "bubbles",
    "format",
    "tokens",
    "turn-cost",
    "state",
];
/// The stages whose time `latency` knows, with the place of it in the trace.
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
/// The longest text that WhatsApp takes, in UTF-16 units.
const LONGEST: usize = 4096;

/// Tries one of these types; `None` for any other.
pub(super) fn check(assertion: &Assertion, scene: Scene<'_>) -> Option<Graded> {
    let staged = assertion.kind == "latency" && assertion.value.is_string();
    if !staged && !TYPES.contains(&assertion.kind.as_str()) {
        return None;
    }
    let assertion = match scene.kit.templates.value(&assertion.value, scene.vars) {
        Ok(value) => &Assertion { value, ..assertion.clone() },
        Err(why) => return Some(Graded::error(why)),
    };
    let Some(turn) = scene.response.turns.last() else {
        let why = format!(
            "`{}` is about a bot's turn: the target is no `frontdesk:` agent",
            assertion.kind
        );
        return Some(Graded::skipped(why));
    };
    let graded = try_on(assertion, scene, turn);
    let negates = assertion.negated && graded.skipped.is_none() && graded.error.is_none();
    Some(if negates { negated(assertion, turn, graded) } else { graded })
}

fn try_on(assertion: &Assertion, scene: Scene<'_>, turn: &SeenTurn) -> Graded {
    let value = &assertion.value;
    match assertion.kind.as_str() {
        "handed-off" => handed_off(value, &scene.response.turns),
        "answered" => Graded::when(turn.outcome == "answer", || became(turn)),
        "no-reply" => Graded::when(turn.bubbles.is_empty(), || {
            format!("the customer got {:?}", turn.bubbles.join("\n"))
        }),
        "retrieved" => retrieved(assertion, turn),
        "cited" => cited(value, turn),
        "grounded" => grounded(assertion, turn),
        "language" => language(value, turn),
        "bubbles" => bubbles(value, turn),
        "format" => format(value, turn),
        "tokens" => most(assertion, tokens(turn), "tokens"),
        "turn-cost" => most(assertion, cost(turn), "dollars"),
        "latency" => latency(assertion, turn),
        _ => state(value, scene),
    }
}

/// The opposite. A failure of ours is no honest "not answered".
fn negated(assertion: &Assertion, turn: &SeenTurn, graded: Graded) -> Graded {
    if assertion.kind == "answered" && turn.outcome == "failure" {
        return Graded::failed(became(turn));
    }
    if graded.pass {
        return Graded::failed(format!("it is {}: {}", assertion.kind, became(turn)));
    }
    Graded::passed()
}

/// What became of a turn, in words.
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

/// A text, or the text of a field.
fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

/// `value`: nothing; part of the reason; or `{reason, to}` with a part of the reason and who is told.
fn handed_off(value: &Value, turns: &[SeenTurn]) -> Graded {
    let Some(turn) = turns.iter().find(|turn| turn.outcome == "hand_over") else {
        let last = turns.last().map(became).unwrap_or_default();
        return Graded::failed(format!("no person was called; {last}"));
    };
    let reason = turn.reason.as_deref().unwrap_or_default();
    if let Some(wanted) =
        value.as_str().or(text(value, "reason")).filter(|wanted| !holds(reason, wanted))
    {
        return Graded::failed(format!(
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
            Graded::failed(format!("{told} is told of the hand-off, not {to}"))
        }
        _ => Graded::passed(),
    }
}

/// Whether a document is the one that is named: its whole path, its end, or its title.
fn is_document(source: &str, title: &str, wanted: &str) -> bool {
    let ends =
        source.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    ends || title.eq_ignore_ascii_case(wanted)
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// `value`: a document, several (each must be there), or `{document, rank, contains}`: among the first `rank` passages. The score is
/// one by the rank of the worst.
fn retrieved(assertion: &Assertion, turn: &SeenTurn) -> Graded {
    let value = &assertion.value;
    let none = Vec::new();
    let passages =
        turn.trace.pointer("/retrieve/passages").and_then(Value::as_array).unwrap_or(&none);
    let most = value
        .get("rank")
        .and_then(Value::as_u64)
        .and_then(|rank| usize::try_from(rank).ok())
        .unwrap_or(usize::MAX);
    let wanted = match value.get("document") {
        Some(document) => list(document),
        None => list(value),
    };
    let holding = text(value, "contains");
    if wanted.is_empty() && holding.is_none() {
        return Graded::when(!passages.is_empty(), || "nothing was found".into());
    }
    let found: Vec<_> = passages
        .iter()
        .map(|passage| {
            let part = |name| {
                passage
                    .pointer(&format!("/chunk/{name}"))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            (part("source"), part("title"), part("text"))
        })
        .collect();
    let place = |document: Option<&str>| {
        let fits = |&(source, title, text): &(&str, &str, &str)| {
            document.is_none_or(|document| is_document(source, title, document))
                && holding.is_none_or(|part| holds(text, part))
        };
        found.iter().position(fits).map(|at| at + 1)
    };
    let asked: Vec<_> =
        if wanted.is_empty() { vec![None] } else { wanted.into_iter().map(Some).collect() };
    let mut worst = 1;
    for document in asked {
        let what = document.or(holding).unwrap_or_default();
        match place(document) {
            Some(rank) if rank <= most => worst = worst.max(rank),
            Some(rank) => {
                return Graded::failed(format!(
                    "`{what}` is found at rank {rank}, not among the first {most}"
                ));
            }
            None => {
                let names: Vec<_> = found.iter().map(|(source, ..)| *source).collect();
                let names = if names.is_empty() { "nothing".into() } else { names.join(", ") };
                return Graded::failed(format!("`{what}` was not found; found: {names}"));
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a rank is small")]
    let score = 1.0 / worst as f64;
    Graded::scored(
        assertion.threshold.is_none_or(|least| score >= least),
        score,
        format!("found at rank {worst}"),
    )
}

/// `value`: nothing (any citation), a document, or several.
fn cited(value: &Value, turn: &SeenTurn) -> Graded {
    let names =
        || if turn.citations.is_empty() { "none".into() } else { turn.citations.join(", ") };
    let wanted = list(value);
    if wanted.is_empty() {
        return Graded::when(!turn.citations.is_empty(), || "the answer names no document".into());
    }
    let is_there = |wanted: &&&str| {
        turn.citations.iter().any(|cited| {
            let source = cited.split(", ").next().unwrap_or_default();
            cited == *wanted || is_document(source, source, wanted)
        })
    };
    match wanted.iter().find(|wanted| !is_there(wanted)) {
        Some(missing) => Graded::failed(format!("`{missing}` is not cited; cited: {}", names())),
        None => Graded::passed(),
    }
}

/// `threshold`: the least support, 0 to 1; without it every statement must count as supported.
fn grounded(assertion: &Assertion, turn: &SeenTurn) -> Graded {
    if turn.outcome != "answer" {
        return Graded::scored(true, 1.0, format!("nothing is claimed: {}", turn.outcome));
    }
    let Some(checked) = turn.trace.pointer("/reply/checked").filter(|checked| !checked.is_null())
    else {
        let quotes =
            turn.trace.pointer("/reply/model").and_then(Value::as_str) == Some("extractive");
        let curated = turn.trace.get("reply").is_none_or(Value::is_null);
        return if quotes || curated {
            Graded::scored(true, 1.0, "the answer is the documents' own words")
        } else {
            Graded::skipped("the agent's `grounding` is off: nothing was checked")
        };
    };
    let score = checked.get("score").and_then(Value::as_f64).unwrap_or(0.0);
    let none = Vec::new();
    let verdicts = checked.get("verdicts").and_then(Value::as_array).unwrap_or(&none);
    let doubted: Vec<_> = verdicts
        .iter()
        .filter(|one| one.get("supported") == Some(&Value::Bool(false)))
        .filter_map(|one| text(one, "text"))
        .collect();
    let pass = assertion.threshold.map_or(doubted.is_empty(), |least| score >= least);
    let reason = match doubted.as_slice() {
        [] => format!("every statement is supported ({score:.2})"),
        doubted => format!("not supported ({score:.2}): {}", doubted.join(" | ")),
    };
    Graded::scored(pass, score, reason)
}

/// `value`: one or several ISO 639-1 codes.
fn language(value: &Value, turn: &SeenTurn) -> Graded {
    let wanted = list(value);
    if wanted.is_empty() {
        return Graded::error("`language` wants an ISO 639-1 code, such as `es`");
    }
    let words = turn.bubbles.join("\n");
    match index::language(&words) {
        Some(code) if wanted.contains(&code) => Graded::passed(),
        Some(code) => Graded::failed(format!(
            "the answer is in `{code}`, not `{}`: {words:?}",
            wanted.join("` or `")
        )),
        None => Graded::failed(format!("the language of {words:?} cannot be told")),
    }
}

/// `value`: how many messages, or `{min, max, longest}` with the longest one in characters.
fn bubbles(value: &Value, turn: &SeenTurn) -> Graded {
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
        return Graded::failed(format!("a message has {longest} characters, more than {most}"));
    }
    Graded::when((least..=most).contains(&count), || {
        format!("{count} messages, not {least} to {most}")
    })
}

/// `value`: nothing, or `{longest}`. WhatsApp shows the text as it is meant: no Markdown, JSON, marks of missing sources or control
/// characters are left, and no message is too long.
fn format(value: &Value, turn: &SeenTurn) -> Graded {
    let longest =
        value.get("longest").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    let longest = longest.unwrap_or(LONGEST).min(LONGEST);
    for bubble in &turn.bubbles {
        if bubble.encode_utf16().count() > longest {
            return Graded::failed(format!("a message is longer than {longest}: {bubble:?}"));
        }
        if let Some(what) = leftover(bubble) {
            return Graded::failed(format!("{what} is left in {bubble:?}"));
        }
    }
    Graded::passed()
}

/// What WhatsApp would show raw.
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

/// `threshold` or `value`: the most.
fn most(assertion: &Assertion, measured: f64, unit: &str) -> Graded {
    let Some(most) = assertion.threshold.or(assertion.value.as_f64()) else {
        return Graded::error(format!("`{}` wants a `threshold`: the most {unit}", assertion.kind));
    };
    Graded::when(measured <= most, || format!("{measured} {unit}, more than {most}"))
}

/// `value`: the stage; `threshold`: the most milliseconds.
fn latency(assertion: &Assertion, turn: &SeenTurn) -> Graded {
    let stage = assertion.value.as_str().unwrap_or_default();
    let Some((_, place)) = STAGES.iter().find(|(name, _)| *name == stage) else {
        let names: Vec<_> = STAGES.iter().map(|(name, _)| *name).collect();
        return Graded::error(format!(
            "there is no stage `{stage}`; there are: {}",
            names.join(", ")
        ));
    };
    let Some(most) = assertion.threshold else {
        return Graded::error("`latency` wants a `threshold` in milliseconds");
    };
    match turn.trace.pointer(place).and_then(Value::as_f64) {
        Some(took) => {
            Graded::when(took <= most, || format!("{stage} took {took:.0} ms, more than {most}"))
        }
        None => Graded::scored(true, 1.0, format!("{stage} did not run")),
    }
}

/// `value`: `{owner, turns, outcome, outcomes, handed_off}`; what is not written may be anything.
fn state(value: &Value, scene: Scene<'_>) -> Graded {
    let Some(wanted) = value.as_object() else {
        return Graded::error("`state` wants an object, such as `{owner: person, turns: 3}`");
    };
    let turns = &scene.response.turns;
    let last = turns.last();
    let outcomes: Vec<_> = turns.iter().map(|turn| turn.outcome.clone()).collect();
    for (name, want) in wanted {
        let is: Value = match name.as_str() {
            "owner" => last.map(|turn| turn.owner.clone()).into(),
            "turns" => turns.len().into(),
            "outcome" => last.map(|turn| turn.outcome.clone()).into(),
            "outcomes" => outcomes.clone().into(),
            "handed_off" => outcomes.iter().any(|outcome| outcome == "hand_over").into(),
            other => {
                return Graded::error(format!(
                    "`state` has no `{other}`; it has: owner, turns, outcome, outcomes, handed_off"
                ));
            }
        };
        if is != *want {
            return Graded::failed(format!("{name} is {is}, not {want}"));
        }
    }
    Graded::passed()
}
