//! Generates cases from conversations, documents, knowledge gaps and hand-offs, for the author of a
//! suite to review. Must not run them.

use std::path::Path;

use frontdesk_promptfoo::template::literal;
use serde_json::{Map, Value, json};

use crate::eval::assertions::literal_assertion;
use crate::pipeline::gaps::mask_personal_data;
use crate::store;

mod documents;
mod gaps;
mod listed;
mod saved;
mod spoken;
pub mod yaml;

pub use documents::{DiscardedQuestions, from_documents};
pub use gaps::{from_gaps, from_handoffs};
pub use listed::{CaseForm, CaseRef, EditError, ListedCase, is_bare, listed, without_case};
pub use saved::{Check, SavedReply, case_from_reply, with_case};
pub use spoken::from_conversation;

/// A case generated from a conversation, a gap, a document or a saved reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GeneratedCase {
    /// The case's description.
    pub description: String,
    /// The customer's messages in order, each with the assertions on its answer. A single turn
    /// makes a case of one message.
    pub turns: Vec<Turn>,
    /// Options of the case: the history and the time.
    pub options: Map<String, Value>,
    /// Where the case comes from.
    pub metadata: Map<String, Value>,
    /// What was answered, written as YAML comments.
    pub comment: Option<String>,
}

/// One message of the customer, or one burst of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    /// The text.
    pub says: String,
    /// Assertions on the answer, as written in a suite.
    pub assert: Vec<Value>,
}

impl GeneratedCase {
    /// The case as written in a suite. Text of customers, documents and bots is escaped.
    pub fn written(&self) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("description".into(), self.description.clone().into());
        match self.turns.as_slice() {
            [only] => {
                all.insert("vars".into(), json!({"message": literal(&only.says)}));
                all.insert("assert".into(), only.assert.iter().map(literal_assertion).collect());
            }
            turns => {
                let assert =
                    |turn: &Turn| turn.assert.iter().map(literal_assertion).collect::<Value>();
                let turn =
                    |turn: &Turn| json!({"user": literal(&turn.says), "assert": assert(turn)});
                all.insert("turns".into(), turns.iter().map(turn).collect());
            }
        }
        for (name, map) in [("options", &self.options), ("metadata", &self.metadata)] {
            if !map.is_empty() {
                all.insert(name.into(), map.clone().into());
            }
        }
        all
    }
}

/// Metadata that says where a case comes from.
fn origin(from: &str, id: &str) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("made_from".into(), from.into());
    map.insert("id".into(), id.into());
    map
}

/// Shortens a text to 60 characters.
fn title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 60 {
        return line;
    }
    format!("{}…", line.chars().take(59).collect::<String>().trim_end())
}

/// Masks personal data in a text, including the customer's name.
fn anonymous(text: &str, name: Option<&str>) -> String {
    let mut text = mask_personal_data(text);
    let words = name.into_iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    for word in words.filter(|word| word.chars().count() >= 3) {
        text = without(&text, word);
    }
    text
}

/// Masks every occurrence of a name as a whole word.
fn without(text: &str, name: &str) -> String {
    use unicode_segmentation::UnicodeSegmentation as _;
    let small = name.to_lowercase();
    let mask = |part: &str| {
        if part.to_lowercase() == small { "[name]".to_owned() } else { part.to_owned() }
    };
    text.split_word_bounds().map(mask).collect()
}

/// Why cases could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("{0}")]
    Store(#[from] store::Error),
    /// There is no source for cases; the text says what to do about it.
    #[error("{0}")]
    Nothing(String),
}

/// Returns cases as the YAML of a `tests` list.
pub fn printed(cases: &[GeneratedCase]) -> String {
    yaml::items(cases, 0)
}

/// Counts of cases written to a suite file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuiteUpdate {
    /// Cases that were added.
    pub added: usize,
    /// Cases that were already there.
    pub known: usize,
}

/// Adds cases to a suite file, keeps its content and skips cases it already has. Creates a missing
/// file, with the agent as the target.
pub fn put_into(file: &Path, agent: &str, cases: &[GeneratedCase]) -> Result<SuiteUpdate, String> {
    let named = |why: String| format!("{}: {why}", file.display());
    let text = yaml::text_of(file)?;
    let mut known = yaml::ExistingCases::of(&text).map_err(named)?;
    let fresh: Vec<GeneratedCase> = cases.iter().filter(|case| known.adds(case)).cloned().collect();
    let put = SuiteUpdate { added: fresh.len(), known: cases.len() - fresh.len() };
    if fresh.is_empty() {
        return Ok(put);
    }
    let text = if text.trim().is_empty() { begun(agent) } else { text };
    let text = yaml::put(&text, &fresh).map_err(named)?;
    write(file, &text).map_err(|error| named(format!("cannot be written: {error}")))?;
    Ok(put)
}

/// Renames a temporary file, so that a suite is never half written.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let beside = file.with_extension("yaml.new");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, file)
}

/// The first lines of a new suite.
fn begun(agent: &str) -> String {
    let target =
        if agent.is_empty() { "frontdesk".to_owned() } else { format!("frontdesk:{agent}") };
    format!("prompts: [\"{{{{message}}}}\"]\nproviders: [\"{target}\"]\n")
}

/// Removes cases with the same words as an earlier one.
pub fn distinct(cases: Vec<GeneratedCase>) -> Vec<GeneratedCase> {
    let mut known = yaml::ExistingCases::default();
    cases.into_iter().filter(|case| known.adds(case)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_and_the_name_are_masked() {
        let text = "I am ana maria, mail ana@x.org, +44 7700 900123. Anatomy?";
        let masked = anonymous(text, Some("Ana Maria"));
        assert_eq!(masked, "I am [name] [name], mail [mail], [number]. Anatomy?");
    }

    #[test]
    fn words_of_a_customer_are_no_template() {
        let assert = vec![json!({"type": "cited", "value": ["{{a}}.md"]})];
        let turn = Turn { says: "{{secret}}".into(), assert };
        let one = GeneratedCase { turns: vec![turn.clone()], ..GeneratedCase::default() }.written();
        assert_eq!(one["vars"]["message"], "{{ \"{\" }}{secret}}");
        assert_eq!(one["assert"][0]["value"][0], "{{ \"{\" }}{a}}.md");
        let two =
            GeneratedCase { turns: vec![turn.clone(), turn], ..GeneratedCase::default() }.written();
        assert_eq!(two["turns"][1]["user"], "{{ \"{\" }}{secret}}");
        assert_eq!(two["turns"][1]["assert"][0]["value"][0], "{{ \"{\" }}{a}}.md");
    }
}
