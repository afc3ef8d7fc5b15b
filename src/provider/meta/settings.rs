//! Settings of a number of Meta's Cloud API. Validates them; connects to nothing.

use http::HeaderValue;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

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
    #[serde(default = "default_version")]
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

/// WhatsApp's rate limits in messages per second, without and with coexistence.
/// <https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput>
const RATE: f64 = 80.0;
const COEXISTENCE_RATE: f64 = 20.0;

impl Settings {
    /// How the number sends.
    pub(super) fn sending(&self) -> Sending {
        let most = if self.coexistence { COEXISTENCE_RATE } else { RATE };
        let (unknown, template) = (self.unknown, self.template.clone());
        Sending { rate: self.rate.unwrap_or(most), unknown, template }
    }

    /// Parses the base URL.
    pub(super) fn base(&self) -> Result<Url, String> {
        let base: Url = self.base_url.parse().map_err(|error| {
            self.wrong(
                "base_url",
                &format!("is not an address ({error}), such as {}", default_base_url()),
            )
        })?;
        match base.scheme() {
            "http" | "https" => Ok(base),
            other => Err(self.wrong("base_url", &format!("begins with {other}:, not https:"))),
        }
    }

    /// The `Authorization` header, hidden in debug output.
    pub(super) fn authorization(&self) -> Result<HeaderValue, String> {
        let token = self.access_token.expose_secret();
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| self.wrong("access_token", "holds a character that no token has"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The secret that signs webhooks; `None` if it is empty, since anyone could sign with an empty
    /// one.
    pub(super) fn signing_secret(&self) -> Option<SecretString> {
        self.app_secret.clone().filter(|secret| !secret.expose_secret().is_empty())
    }

    /// Validates the settings. The error says what is missing or invalid.
    pub(super) fn check(&self) -> Result<(), String> {
        let id = &self.phone_number_id;
        if id.is_empty()
            || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            return Err(self
                .wrong("phone_number_id", "must be the number's id from Meta's API set-up page"));
        }
        if self
            .account_id
            .as_deref()
            .is_some_and(|id| !id.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err(self.wrong(
                "account_id",
                "must be the WhatsApp Business Account ID from Meta's API set-up page",
            ));
        }
        for (key, secret) in
            [("access_token", &self.access_token), ("verify_token", &self.verify_token)]
        {
            if secret.expose_secret().is_empty() {
                return Err(self.wrong(key, "is empty"));
            }
        }
        let digits = self.version.strip_prefix('v').unwrap_or_default();
        if !digits.starts_with(|c: char| c.is_ascii_digit())
            || !digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        {
            return Err(self.wrong("version", &format!("must look like {}", default_version())));
        }
        Ok(())
    }

    fn wrong(&self, key: &str, what: &str) -> String {
        format!("the meta number {}: {key} {what}", self.phone_number_id)
    }
}

fn default_base_url() -> String {
    "https://graph.facebook.com".to_owned()
}

fn default_version() -> String {
    "v24.0".to_owned()
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
            Any::Evolution(_) | Any::Sandbox(_) => Err("another provider".to_owned()),
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
