//! Settings of a number of Meta's Cloud API. Validates them; connects to nothing.

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
    /// Meta's id of the number's WhatsApp Business account; by default as its webhooks name it.
    #[serde(default, deserialize_with = "optional_text_or_number")]
    pub account_id: Option<String>,
    /// Access token of a system user.
    #[serde(deserialize_with = "text_or_number")]
    pub access_token: SecretString,
    /// App secret; Meta signs webhooks with it.
    #[serde(default, deserialize_with = "optional_text_or_number")]
    pub app_secret: Option<SecretString>,
    /// Token that Meta sends to verify the webhook address, chosen when the webhook is set up.
    #[serde(deserialize_with = "text_or_number")]
    pub verify_token: SecretString,
    /// Whether to accept unsigned webhooks when there is no `app_secret`.
    #[serde(default)]
    pub insecure: bool,
    /// Base URL of the Graph API.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Version of the Graph API.
    #[serde(default = "setting::default_version")]
    pub version: String,
    /// Whether the number is also used in the Business app, which lowers its rate limit.
    #[serde(default)]
    pub coexistence: bool,
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

    /// The `Authorization` header, hidden in debug output.
    pub(super) fn authorization(&self) -> Result<HeaderValue, String> {
        setting::header(&format!("Bearer {}", self.access_token.expose_secret()))
            .ok_or_else(|| self.named("access_token holds a character that no token has"))
    }

    /// The secret that signs webhooks; `None` if it is empty, since anyone could sign with an empty
    /// one.
    pub(super) fn signing_secret(&self) -> Option<SecretString> {
        self.app_secret.clone().filter(|secret| !secret.expose_secret().is_empty())
    }

    /// Validates the settings. The error says what is missing or invalid.
    pub(super) fn check(&self) -> Result<(), String> {
        setting::check(&self.phone_number_id, self.account_id.as_deref(), &self.version)
            .map_err(|wrong| self.named(&wrong))?;
        for (key, secret) in
            [("access_token", &self.access_token), ("verify_token", &self.verify_token)]
        {
            if secret.expose_secret().is_empty() {
                return Err(self.named(&format!("{key} is empty")));
            }
        }
        Ok(())
    }

    fn named(&self, wrong: &str) -> String {
        format!("the meta number {}: {wrong}", self.phone_number_id)
    }
}

fn default_base_url() -> String {
    "https://graph.facebook.com".to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::super::Settings as Any;
    use super::*;
    use crate::domain::ProviderKind;
    use figment::Figment;
    use figment::providers::{Format, Serialized, Toml};
    use serde_json::{Value, json};

    fn full() -> Value {
        json!({"provider": "meta", "agent": "acme", "phone_number_id": "106540352242922",
            "access_token": "EAAG-secret-token", "verify_token": "verify-secret"})
    }

    fn with(key: &str, value: Value) -> Value {
        let mut settings = full();
        settings[key] = value;
        settings
    }

    fn read(settings: Value) -> Result<Settings, String> {
        match serde_json::from_value(settings).map_err(|error| error.to_string())? {
            Any::Meta(settings) => Ok(settings),
            other => Err(format!("{:?}", other.provider())),
        }
    }

    #[test]
    fn the_provider_key_is_taken_and_the_defaults_are_meta_s() {
        let settings = read(full()).unwrap();
        assert_eq!(settings.base().unwrap().as_str(), "https://graph.facebook.com/");
        assert_eq!((settings.version.as_str(), settings.insecure), ("v24.0", false));
        assert!(settings.app_secret.is_none());
        assert_eq!(settings.check(), Ok(()));
    }

    #[test]
    fn a_mistyped_key_or_provider_is_answered_with_the_right_ones() {
        let error = read(with("acess_token", json!("x"))).unwrap_err();
        assert!(error.contains("acess_token") && error.contains("`access_token`"), "{error}");
        let error = read(with("provider", json!("mета"))).unwrap_err();
        assert!(error.contains("`meta`") && error.contains("`sandbox`"), "{error}");
        let error = Figment::from(Serialized::globals(with("typo", json!(1))))
            .extract::<Any>()
            .unwrap_err()
            .to_string();
        assert!(error.contains("typo") && error.contains("`verify_token`"), "{error}");
    }

    #[test]
    fn the_same_settings_are_read_from_toml() {
        let toml = Toml::string(
            "provider = 'meta'\nagent = 'a'\nphone_number_id = 123\naccess_token = 't'\n\
             verify_token = 7\ninsecure = true",
        );
        let settings: Any = Figment::from(toml).extract().unwrap();
        assert_eq!((settings.agent(), settings.provider()), ("a", ProviderKind::Meta));
    }

    #[test]
    fn ids_and_tokens_may_come_as_numbers() {
        let settings = read(with("phone_number_id", json!(106_540_352_242_922_u64))).unwrap();
        assert_eq!(settings.phone_number_id, "106540352242922");
        let settings = read(with("app_secret", json!(42))).unwrap();
        assert_eq!(settings.signing_secret().unwrap().expose_secret(), "42");
        let error = read(with("verify_token", json!(1.5))).unwrap_err();
        assert!(error.contains("quotes"), "{error}");
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        for (key, value) in [
            ("phone_number_id", "../me"),
            ("phone_number_id", ""),
            ("access_token", ""),
            ("verify_token", ""),
            ("account_id", "../me"),
            ("version", "24/../../me"),
            ("version", "v"),
        ] {
            let error = read(with(key, json!(value))).unwrap().check().unwrap_err();
            assert!(error.contains(key), "{error}");
        }
        for wrong in ["graph.facebook.com", "ftp://graph.facebook.com", ""] {
            assert!(
                read(with("base_url", json!(wrong)))
                    .unwrap()
                    .base()
                    .unwrap_err()
                    .contains("base_url")
            );
        }
        assert!(read(with("access_token", json!("a\nb"))).unwrap().authorization().is_err());
        let empty = read(with("app_secret", json!(""))).unwrap();
        assert!(empty.signing_secret().is_none(), "an empty secret protects nothing");
    }

    #[test]
    fn secrets_do_not_show() {
        let settings = read(with("app_secret", json!("app-secret"))).unwrap();
        let shown = format!("{settings:?} {:?}", settings.authorization());
        for secret in ["EAAG-secret-token", "verify-secret", "app-secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
