//! Generates cases from recorded turns: the messages, with assertions that the outcome stays the
//! same.

use chrono::{DateTime, SecondsFormat, Utc};
use frontdesk_promptfoo::template::literal;
use serde_json::{Map, Value, json};

use super::{Error, GeneratedCase, Turn, anonymous, origin, title};
use crate::domain::{Outcome, ReplyKind};
use crate::eval::replay::{RecordedTurn, Turns};
use crate::store::Store;
use crate::store::turn_recordings::TurnRecordingFilter;

/// Maximum turns of a conversation in one script.
const MAX_TURNS: usize = 40;

/// Generates a case from a turn (`turn_…`) or a script from a conversation (`conv_…`); also returns
/// the agent that answered.
pub async fn from_conversation(store: &Store, id: &str) -> Result<(String, GeneratedCase), Error> {
    let wanted = match id.split('_').next() {
        Some("conv") => {
            TurnRecordingFilter { conversation: Some(id), ..TurnRecordingFilter::default() }
        }
        Some("turn") => TurnRecordingFilter { turn: Some(id), ..TurnRecordingFilter::default() },
        _ => {
            return Err(Error::Nothing(format!(
                "`{id}` is no conversation (conv_…) and no turn (turn_…)"
            )));
        }
    };
    let mut turns = Turns::of(store, wanted);
    let mut recorded = Vec::new();
    while let Some(page) = turns.next().await? {
        recorded.extend(page.into_iter().filter_map(Result::ok));
        if recorded.len() >= MAX_TURNS {
            recorded.truncate(MAX_TURNS);
            break;
        }
    }
    let Some(first) = recorded.first() else {
        return Err(Error::Nothing(format!(
            "nothing is recorded of {id}: `frontdesk inbox` shows conversations, and `record_turns` under [worker] has turns recorded"
        )));
    };
    let agent = first.row.agent.clone();
    Ok((agent, made(id, &recorded)))
}

fn made(id: &str, recorded: &[RecordedTurn]) -> GeneratedCase {
    let from = if id.starts_with("conv_") { "conversation" } else { "turn" };
    let mut case = GeneratedCase { metadata: origin(from, id), ..GeneratedCase::default() };
    let mut comment = Vec::new();
    for one in recorded {
        let name = one.tape.contact.as_deref();
        let turn = Turn { says: anonymous(&question(one), name), assert: asserted(one) };
        comment.push(format!("{} -> {}", title(&turn.says), anonymous(&answer(one), name)));
        case.turns.push(turn);
    }
    case.turns.retain(|turn| !turn.says.is_empty());
    case.description = case.turns.first().map(|turn| title(&turn.says)).unwrap_or_default();
    case.comment = Some(comment.join("\n"));
    if let Some(first) = recorded.first() {
        case.options = case_options(first);
    }
    case
}

/// The customer's text, voice notes as transcripts.
fn question(recorded: &RecordedTurn) -> String {
    let heard = recorded.question();
    if !heard.is_empty() {
        return heard;
    }
    let said = recorded.tape.said.iter();
    let words = said.filter_map(|one| {
        one.spoken.as_ref().map(|spoken| spoken.text.as_str()).or_else(|| one.content.words())
    });
    words.collect::<Vec<_>>().join("\n")
}

fn answer(recorded: &RecordedTurn) -> String {
    match recorded.tape.bubbles.as_slice() {
        [] => format!("({})", recorded.outcome),
        bubbles => bubbles.join(" / "),
    }
}

/// Options with the history and the time, because an answer may depend on both.
fn case_options(first: &RecordedTurn) -> Map<String, Value> {
    let mut options = Map::new();
    let name = first.tape.contact.as_deref();
    let line = |line: &crate::domain::Line| {
        let speaker = line.speaker.as_str();
        json!({speaker: literal(&anonymous(&line.text, name))})
    };
    if !first.tape.history.is_empty() {
        options.insert("history".into(), first.tape.history.iter().map(line).collect());
    }
    if let Some(moment) = DateTime::<Utc>::from_timestamp_millis(first.tape.now) {
        options.insert("now".into(), moment.to_rfc3339_opts(SecondsFormat::Secs, true).into());
    }
    options
}

/// The recorded outcome as assertions.
fn asserted(recorded: &RecordedTurn) -> Vec<Value> {
    match &recorded.tape.outcome {
        Outcome::HandOver { reason, .. } => {
            vec![json!({"type": "handed-off", "value": reason.to_string()})]
        }
        Outcome::Silence { .. } => vec![json!({"type": "no-reply"})],
        Outcome::Reply(reply) => match reply.sort {
            ReplyKind::Answer => answered(recorded, reply),
            ReplyKind::NoAnswer => vec![json!({"type": "not-answered"})],
            // A failure is not asserted: it should not be repeated.
            ReplyKind::Failure | ReplyKind::VoiceFailure | ReplyKind::Unreadable => Vec::new(),
            ReplyKind::Greeting => {
                vec![json!({"type": "state", "value": {"outcome": recorded.tape.outcome.kind()}})]
            }
        },
    }
}

fn answered(recorded: &RecordedTurn, reply: &crate::domain::Reply) -> Vec<Value> {
    let mut all = vec![json!({"type": "answered"})];
    let mut sources: Vec<&str> = Vec::new();
    for cited in &reply.citations {
        if !sources.contains(&cited.source.as_str()) {
            sources.push(&cited.source);
        }
    }
    if sources.is_empty() {
        let passages = &recorded.tape.inputs.passages;
        sources.extend(passages.first().map(|passage| passage.chunk.source.as_str()));
    } else {
        all.push(json!({"type": "cited", "value": sources}));
    }
    if !sources.is_empty() {
        all.push(json!({"type": "retrieved", "value": sources}));
    }
    if let Some(code) = frontdesk_language::language(&recorded.tape.bubbles.join("\n")) {
        all.push(json!({"type": "language", "value": code}));
    }
    all
}
