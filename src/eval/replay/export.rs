//! Exports recorded turns as cases of a suite, without personal data.

use frontdesk_promptfoo::template::literal;
use serde_json::{Value, json};

use super::RecordedTurn;
use crate::domain::{Citation, TurnOutcome};
use crate::eval::assertions::literal_assertion;
use crate::pipeline::gaps::mask_personal_data;

/// Returns the number of cases, and the suite as YAML.
pub fn suite(turns: &[RecordedTurn]) -> Result<(usize, String), String> {
    let mut agents: Vec<&str> = turns.iter().map(|turn| turn.row.agent.as_str()).collect();
    agents.sort_unstable();
    agents.dedup();
    let several = agents.len() > 1;
    let cases: Vec<Value> = turns.iter().filter_map(|turn| case(turn, several)).collect();
    let providers: Vec<_> = agents.iter().map(|agent| format!("frontdesk:{agent}")).collect();
    let suite = json!({
        "description": "Recorded turns",
        "providers": providers,
        "tests": cases,
    });
    let text = serde_saphyr::to_string(&suite).map_err(|error| error.to_string())?;
    Ok((cases.len(), text))
}

/// Converts a turn to a case with its history, message and outcome; `None` without a message.
fn case(turn: &RecordedTurn, several: bool) -> Option<Value> {
    let clean = |text: &str| without_name(&mask_personal_data(text), turn.tape.contact.as_deref());
    let message = clean(&turn.question());
    if message.trim().is_empty() {
        return None;
    }
    let history: Vec<Value> = turn
        .tape
        .history
        .iter()
        .map(|line| {
            let speaker = line.speaker.as_str();
            json!({speaker: literal(&clean(&line.text))})
        })
        .collect();
    let mut case = json!({
        "description": message.lines().next().unwrap_or_default(),
        "vars": {"message": literal(&message)},
        "metadata": {"turn": turn.row.id, "answered": clean(&turn.tape.bubbles.join("\n\n"))},
        "assert": assertions(turn).iter().map(literal_assertion).collect::<Vec<_>>(),
    });
    if !history.is_empty() {
        case["options"] = json!({"history": history});
    }
    if several {
        case["providers"] = json!([format!("frontdesk:{}", turn.row.agent)]);
    }
    Some(case)
}

/// Masks the words of the customer's name.
fn without_name(text: &str, name: Option<&str>) -> String {
    let words = name.unwrap_or_default().split_whitespace().filter(|word| word.chars().count() > 2);
    words.fold(text.to_owned(), |text, word| {
        let pattern = format!(r"(?i)\b{}\b", regex::escape(word));
        // An escaped word is always a valid pattern.
        match regex::Regex::new(&pattern) {
            Ok(pattern) => pattern.replace_all(&text, "[name]").into_owned(),
            Err(_) => text,
        }
    })
}

/// Assertions that hold for the recorded turn, for the author to keep or change.
fn assertions(turn: &RecordedTurn) -> Vec<Value> {
    let mut all = match turn.outcome {
        TurnOutcome::Answer => vec![json!({"type": "answered"})],
        TurnOutcome::NoAnswer => vec![json!({"type": "not-answered"})],
        TurnOutcome::HandOver => vec![json!({"type": "handed-off"})],
        TurnOutcome::Silence => vec![json!({"type": "no-reply"})],
        TurnOutcome::Greeting
        | TurnOutcome::Failure
        | TurnOutcome::VoiceFailure
        | TurnOutcome::Unreadable => vec![json!({"type": "not-handed-off"})],
    };
    let written = turn.trace.reply.as_ref();
    let cited = written.map(|reply| sources(&reply.citations)).unwrap_or_default();
    if turn.outcome == TurnOutcome::Answer && !cited.is_empty() {
        all.push(json!({"type": "cited", "value": cited}));
    }
    all
}

/// The cited documents, each once.
fn sources(citations: &[Citation]) -> Vec<&str> {
    let mut sources: Vec<_> = citations.iter().map(|cited| cited.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_cited_again_is_named_once() {
        let cited = |mark, source: &str| Citation {
            mark,
            title: String::new(),
            source: source.into(),
            heading: String::new(),
            place: String::new(),
        };
        let all = [cited(1, "hours.md"), cited(2, "returns.md"), cited(3, "hours.md")];
        assert_eq!(sources(&all), ["hours.md", "returns.md"]);
    }

    #[test]
    fn the_customers_name_is_no_part_of_a_case() {
        let text =
            without_name("Hola Ada, ADA LOVELACE! Adam is somebody else.", Some("Ada Lovelace"));
        assert_eq!(text, "Hola [name], [name] [name]! Adam is somebody else.");
        assert_eq!(without_name("Ada", None), "Ada");
        assert_eq!(without_name("a (b) c", Some("(b)")), "a (b) c");
    }
}
