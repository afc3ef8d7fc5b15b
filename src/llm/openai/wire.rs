//! Responses of OpenAI-compatible servers, parsed leniently: servers leave out most fields that
//! OpenAI sends and format the rest in their own ways.

use frontdesk_endpoint::{Failure, lenient};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::label::{MAX_TITLE_LEN, one_line};

/// Families of models that take no temperature but their own: OpenAI's that reason.
const WITHOUT_TEMPERATURE: &[&str] = &["o1", "o3", "o4", "gpt-5"];

/// Whether a model of this name takes a temperature; a relay may name its owner first.
pub(super) fn takes_temperature(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    !WITHOUT_TEMPERATURE.iter().any(|family| name.starts_with(family))
}

/// The reply of one attempt.
#[derive(Default)]
pub(super) struct Reply {
    pub(super) text: String,
    /// The endpoint's `finish_reason`; `None` until it sends one.
    pub(super) finished: Option<String>,
    pub(super) usage: Tokens,
}

impl Reply {
    /// Adds a chunk of a stream, or a whole answer.
    pub(super) fn append(&mut self, chunk: Chunk) {
        if let Some(choice) = chunk.choices.into_iter().next() {
            let words = choice.message.or(choice.delta).unwrap_or_default();
            self.text.push_str(&text_of(&words.content));
            self.finished =
                choice.finish_reason.as_str().map(str::to_owned).or(self.finished.take());
        }
        if chunk.usage.is_reported() {
            self.usage = chunk.usage;
        }
    }

    /// Returns the text, or a failure when it is empty.
    pub(super) fn answer(self) -> Result<String, Failure> {
        if !self.text.trim().is_empty() {
            return Ok(self.text);
        }
        let why = self.finished.unwrap_or_else(|| "none".into());
        Err(Failure::empty(format!("an empty answer (finish_reason: {why})")))
    }
}

/// A whole answer or a chunk of a stream. Only the fields used here are read; none is required.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    #[serde(deserialize_with = "lenient")]
    choices: Vec<Choice>,
    #[serde(deserialize_with = "lenient")]
    usage: Tokens,
    pub(super) error: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    #[serde(deserialize_with = "lenient")]
    message: Option<Words>,
    #[serde(deserialize_with = "lenient")]
    delta: Option<Words>,
    finish_reason: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Words {
    content: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    #[serde(deserialize_with = "lenient")]
    pub(super) prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) completion_tokens: Option<u64>,
}

impl Tokens {
    fn is_reported(&self) -> bool {
        self.prompt_tokens.is_some() || self.completion_tokens.is_some()
    }
}

/// Text of a content field: a string, a list of parts of which some are text, or null.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// Returns the model names in a `/models` response: `{"data":[{"id"}]}`, `{"models":[{"name"}]}` or
/// a bare list.
pub(super) fn names(answer: &Value) -> Vec<String> {
    let lists = [&answer["data"], &answer["models"], answer];
    let list = lists.iter().find_map(|list| list.as_array());
    let name = |model: &Value| {
        ["id", "name"].iter().find_map(|field| model[*field].as_str()).map(str::to_owned)
    };
    list.into_iter().flatten().filter_map(name).filter(|name| is_plain(name)).collect()
}

/// Whether a model's name is one line of visible characters. Names that a server lists go to the
/// terminal and the log.
pub(in super::super) fn is_plain(name: &str) -> bool {
    one_line(name, MAX_TITLE_LEN) == name && !name.contains(['\u{200C}', '\u{200D}'])
}

/// Returns whether a listed name is the configured model: `llama3.1:latest` is `llama3.1`,
/// `models/gemini` is `gemini`.
pub(in super::super) fn same_model(listed: &str, model: &str) -> bool {
    let bare = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_lowercase();
    let (listed, model) = (bare(listed), bare(model));
    listed == model || listed.ends_with(&format!("/{model}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_reason_get_no_temperature() {
        for name in ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "openai/gpt-5-mini"] {
            assert!(!takes_temperature(name), "{name}");
        }
        for name in ["gpt-4o", "gpt-4.1-mini", "llama3.1:8b", "mistral/olmo-1b", "main"] {
            assert!(takes_temperature(name), "{name}");
        }
    }
}
