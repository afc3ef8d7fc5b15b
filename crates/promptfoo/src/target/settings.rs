//! A target's settings: its own, overridden by those of the prompt and the case.

use serde_json::{Map, Value};

/// Names, or parts of names, of settings that hold secrets.
const SECRET: &[&str] =
    &["apikey", "api_key", "token", "secret", "password", "authorization", "x-api-key", "cookie"];

/// Settings that are not sent to a model's server.
const OURS: &[&str] = &[
    "apiKey",
    "apiKeyEnvar",
    "apiBaseUrl",
    "apiHost",
    "apiKeyRequired",
    "organization",
    "headers",
    "cost",
    "inputCost",
    "outputCost",
    "timeoutMs",
    "totalTimeoutMs",
    "maxRetries",
    "passthrough",
    "extra_body",
    "showThinking",
    "functionToolCallbacks",
    "mcp",
    "basePath",
    "prefix",
    "suffix",
    "transform",
    "postprocess",
    "transformVars",
    "storeOutputAs",
    "rubricPrompt",
    "provider",
    "factuality",
    "disableVarExpansion",
    "disableConversationVar",
    "disableDefaultAsserts",
    "runSerially",
    "repeat",
];

#[derive(Debug, Clone, Default)]
pub(super) struct Settings(pub(super) Map<String, Value>);

impl Settings {
    /// Merges the settings of a target; `winning` overrides `own`.
    pub(super) fn of(own: &Value, winning: &Value) -> Self {
        let mut all = own.as_object().cloned().unwrap_or_default();
        for (name, value) in winning.as_object().into_iter().flatten() {
            all.insert(name.clone(), value.clone());
        }
        Self(all)
    }

    /// A string, or a number as a string; empty counts as unset.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A number, also from a string.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A non-negative integer, also from a string.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A mapping with string values, such as headers.
    pub(super) fn pairs(&self, name: &str) -> Vec<(String, String)> {
        let object = self.0.get(name).and_then(Value::as_object);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        object.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// The settings that are sent to a model's server unchanged.
    pub(super) fn passed_on(&self) -> Map<String, Value> {
        let kept = self.0.iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Removes all secrets from a value, at any depth.
pub(super) fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(name, _)| !is_secret(name));
            Value::Object(
                kept.map(|(name, value)| (name.clone(), without_secrets(value))).collect(),
            )
        }
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let counts = ["max_tokens", "maxtokens", "max_completion_tokens", "max_output_tokens"];
    !counts.contains(&name.as_str())
        && !name.ends_with("envar")
        && SECRET.iter().any(|secret| name.contains(secret))
}

/// Replaces a secret in a message.
pub(super) fn conceal(words: &str, secret: Option<&str>) -> String {
    match secret.map(str::trim) {
        Some(secret) if secret.len() >= 4 => words.replace(secret, "[secret]"),
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_left_out_and_limits_are_not() {
        let config =
            json!({"apiKey": "sk-1", "max_tokens": 5, "headers": {"Authorization": "x", "A": "b"}});
        assert_eq!(without_secrets(&config), json!({"max_tokens": 5, "headers": {"A": "b"}}));
    }

    #[test]
    fn settings_of_the_case_win() {
        let settings = Settings::of(&json!({"a": 1, "b": "2"}), &json!({"a": 3}));
        assert_eq!(settings.number("a"), Some(3.0));
        assert_eq!(settings.count("b"), Some(2));
    }
}
