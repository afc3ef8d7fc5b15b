//! Prices of models, in US dollars per million tokens. Prices change; `inputCost` and `outputCost`
//! in a target's settings (US dollars per token) override them.

use super::settings::Settings;
use crate::result::Tokens;

/// Model name, price of input tokens, price of output tokens.
const PRICES: &[(&str, f64, f64)] = &[
    ("gpt-5-nano", 0.05, 0.4),
    ("gpt-5-mini", 0.25, 2.0),
    ("gpt-5", 1.25, 10.0),
    ("gpt-4.1-nano", 0.1, 0.4),
    ("gpt-4.1-mini", 0.4, 1.6),
    ("gpt-4.1", 2.0, 8.0),
    ("gpt-4o-mini", 0.15, 0.6),
    ("gpt-4o", 2.5, 10.0),
    ("gpt-4-turbo", 10.0, 30.0),
    ("gpt-4", 30.0, 60.0),
    ("gpt-3.5-turbo", 0.5, 1.5),
    ("o1", 15.0, 60.0),
    ("o3-mini", 1.1, 4.4),
    ("o3", 2.0, 8.0),
    ("o4-mini", 1.1, 4.4),
    ("text-embedding-3-small", 0.02, 0.0),
    ("text-embedding-3-large", 0.13, 0.0),
    ("text-embedding-ada-002", 0.1, 0.0),
    ("claude-opus-4-5", 5.0, 25.0),
    ("claude-opus-4-1", 15.0, 75.0),
    ("claude-opus-4", 15.0, 75.0),
    ("claude-sonnet-4-5", 3.0, 15.0),
    ("claude-sonnet-4", 3.0, 15.0),
    ("claude-haiku-4-5", 1.0, 5.0),
    ("claude-3-7-sonnet", 3.0, 15.0),
    ("claude-3-5-sonnet", 3.0, 15.0),
    ("claude-3-5-haiku", 0.8, 4.0),
    ("claude-3-haiku", 0.25, 1.25),
];

/// Cost of an answer in US dollars; `None` when the price is unknown.
pub(super) fn cost(model: &str, settings: &Settings, tokens: &Tokens) -> Option<f64> {
    let both = settings.number("cost");
    let read = settings.number("inputCost").or(both);
    let written = settings.number("outputCost").or(both);
    let listed = PRICES.iter().find(|(name, ..)| is_of(model, name));
    let read = read.or(listed.map(|price| price.1 / 1e6))?;
    let written = written.or(listed.map(|price| price.2 / 1e6)).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "no answer has so many tokens")]
    let dollars = tokens.prompt as f64 * read + tokens.completion as f64 * written;
    Some(dollars)
}

/// Whether a model is the named one, possibly with a date or `latest` as suffix.
fn is_of(model: &str, name: &str) -> bool {
    let model = model.rsplit('/').next().unwrap_or(model);
    let Some(rest) = model.strip_prefix(name) else { return false };
    let dated = |rest: &str| {
        rest == "latest" || rest.starts_with("20") || rest.starts_with('0') || rest.starts_with('1')
    };
    rest.is_empty() || rest.strip_prefix('-').is_some_and(dated)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_has_the_price_of_its_own_name() {
        let tokens = Tokens { prompt: 1_000_000, completion: 1_000_000, ..Tokens::default() };
        let none = Settings::default();
        assert_eq!(cost("gpt-4o-mini-2024-07-18", &none, &tokens), Some(0.75));
        assert_eq!(cost("openai/gpt-4o", &none, &tokens), Some(12.5));
        assert_eq!(cost("gpt-4o-audio-preview", &none, &tokens), None);
        let own = Settings::of(&json!({"inputCost": 0.000_001, "outputCost": 0.0}), &json!(null));
        assert_eq!(cost("local", &own, &tokens), Some(1.0));
    }
}
