//! Settings of a number at Kapso. Validates them; connects to nothing.

use http::HeaderValue;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::super::graph::setting;
use super::super::text_or_number::{optional_text_or_number, text_or_number};
use crate::domain::{FallbackTemplate, Sending, Unknown};

/// Settings of one number.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The agent that answers on the number.
    pub agent: String,
    /// Meta's id of the number: digits, not the phone number.
    #[serde(deserialize_with = "text_or_number")]
    pub phone_number_id: String,
    /// Meta's id of the number's WhatsApp Business account, for message templates.
    #[serde(default, deserialize_with = "optional_text_or_number")]
    pub account_id: Option<String>,
    /// API key of the project at Kapso.
    #[serde(deserialize_with = "text_or_number")]
    pub api_key: SecretString,
    /// Secret key of the number's webhook; Kapso signs webhooks with it.
    #[serde(deserialize_with = "text_or_number")]
    pub webhook_secret: SecretString,
    /// Base URL of Kapso's API.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Version of Meta's Graph API.
    #[serde(default = "setting::default_version")]
    pub version: String,
    /// Whether the number is also used in the Business app, which lowers its rate limit.
    #[serde(default)]
    pub coexistence: bool,
    /// Whether to use Kapso's transcript of a recording instead of transcribing it.
    #[serde(default = "default_transcripts")]
    pub transcripts: bool,
    /// Messages per second; by default 80, or 20 with `coexistence`.
    #[serde(default)]
    pub rate: Option<f64>,
    /// What to do with a message whose outcome stays unknown.
    #[serde(default)]
    pub unknown: Unknown,
    /// Template to send when the 24-hour window is closed; `None` for none.
    #[serde(default)]
    pub template: Option<FallbackTemplate>,
}

impl Settings {
    /// How the number sends.
    pub(super) fn sending(&self) -> Sending {
        let (unknown, template) = (self.unknown, self.template.clone());
        Sending { rate: setting::rate(self.rate, self.coexistence), unknown, template }
    }

    /// Parses the base URL.
    pub(super) fn base(&self) -> Result<Url, String> {
        setting::base(&self.base_url, &default_base_url()).map_err(|wrong| self.named(&wrong))
    }

    /// The `X-API-Key` header, hidden in debug output.
    pub(super) fn key(&self) -> Result<HeaderValue, String> {
        setting::header(self.api_key.expose_secret())
            .ok_or_else(|| self.named("api_key holds a character that no key has"))
    }

    /// Validates the settings. The error says what is missing or invalid.
    pub(super) fn check(&self) -> Result<(), String> {
        setting::check(&self.phone_number_id, self.account_id.as_deref(), &self.version)
            .map_err(|wrong| self.named(&wrong))?;
        if self.api_key.expose_secret().is_empty() {
            return Err(self.named("api_key is empty"));
        }
        // Anyone could sign with an empty one.
        if self.webhook_secret.expose_secret().is_empty() {
            return Err(self.named("webhook_secret is empty"));
        }
        Ok(())
    }

    fn named(&self, wrong: &str) -> String {
        format!("the kapso number {}: {wrong}", self.phone_number_id)
    }
}

fn default_base_url() -> String {
    "https://api.kapso.ai".to_owned()
}

fn default_transcripts() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::Settings as Any;
    use super::*;

    fn with(key: &str, value: Value) -> Result<Settings, String> {
        let mut settings = json!({"provider": "kapso", "agent": "acme", "phone_number_id": 106_540_352_242_922_u64,
            "api_key": "key-of-the-project", "webhook_secret": "secret-of-the-webhook"});
        settings[key] = value;
        match serde_json::from_value(settings).map_err(|error| error.to_string())? {
            Any::Kapso(settings) => Ok(settings),
            other => Err(format!("{:?}", other.provider())),
        }
    }

    #[test]
    fn the_defaults_are_kapso_s_and_secrets_do_not_show() {
        let settings = with("rate", Value::Null).unwrap();
        assert_eq!(settings.base().unwrap().as_str(), "https://api.kapso.ai/");
        assert_eq!((settings.version.as_str(), settings.transcripts), ("v24.0", true));
        assert_eq!(
            (settings.phone_number_id.as_str(), settings.check()),
            ("106540352242922", Ok(()))
        );
        assert!((settings.sending().rate - 80.0).abs() < f64::EPSILON);
        let both = with("coexistence", json!(true)).unwrap();
        assert!((both.sending().rate - 20.0).abs() < f64::EPSILON);
        let shown = format!("{settings:?} {:?}", settings.key());
        assert!(!shown.contains("key-of-the-project") && !shown.contains("secret-of"), "{shown}");
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        for (key, value) in [
            ("phone_number_id", "../me"),
            ("phone_number_id", ""),
            ("account_id", "../me"),
            ("api_key", ""),
            ("webhook_secret", ""),
            ("version", "24/../../me"),
        ] {
            let error = with(key, json!(value)).unwrap().check().unwrap_err();
            assert!(error.contains(key) && error.starts_with("the kapso number"), "{error}");
        }
        for wrong in ["api.kapso.ai", "ftp://api.kapso.ai"] {
            let error = with("base_url", json!(wrong)).unwrap().base().unwrap_err();
            assert!(error.contains("base_url"), "{error}");
        }
        assert!(with("api_key", json!("a\nb")).unwrap().key().is_err());
        let typo = with("apikey", json!("x")).unwrap_err();
        assert!(typo.contains("apikey") && typo.contains("`api_key`"), "{typo}");
    }
}
