//! Settings of a number of an Evolution server. Validates them; connects to nothing.

use std::net::IpAddr;

use http::HeaderValue;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::super::text_or_number::text_or_number;
use crate::domain::{Sending, Unknown};

/// Minimum length of the webhook secret, in characters: it comes with every webhook, and must not
/// be guessed.
const MIN_SECRET_LEN: usize = 16;

/// Settings of one number.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The agent that answers on the number.
    pub agent: String,
    /// Address of the Evolution server.
    pub server_url: String,
    /// Name of the instance on that server.
    #[serde(deserialize_with = "text_or_number")]
    pub instance: String,
    /// API key of the instance, or of the server.
    #[serde(deserialize_with = "text_or_number")]
    pub api_key: SecretString,
    /// Secret that webhooks carry: `Authorization: Bearer SECRET`.
    #[serde(deserialize_with = "text_or_number")]
    pub webhook_secret: SecretString,
    /// What callers are told, if calls are to be rejected.
    pub call_message: Option<String>,
    /// Messages per second.
    #[serde(default = "default_rate")]
    pub rate: f64,
    /// What to do with a message whose outcome stays unknown.
    #[serde(default)]
    pub unknown: Unknown,
}

/// The server is a client that WhatsApp does not know of: it blocks numbers that write like machines.
fn default_rate() -> f64 {
    1.0
}

impl Settings {
    /// How the number sends.
    pub(super) fn sending(&self) -> Sending {
        Sending { rate: self.rate, unknown: self.unknown, template: None }
    }

    /// Parses the server's address.
    pub(super) fn server(&self) -> Result<Url, String> {
        let server: Url = self.server_url.parse().map_err(|error| {
            self.wrong(
                "server_url",
                &format!("is not an address ({error}), such as https://evolution.example.com"),
            )
        })?;
        match server.scheme() {
            "https" => Ok(server),
            "http" if is_local(&server) => Ok(server),
            "http" => Err(self.wrong(
                "server_url",
                "needs https: over http anybody on the way reads the key and the messages",
            )),
            other => Err(self.wrong("server_url", &format!("begins with {other}:, not https:"))),
        }
    }

    /// The `apikey` header, hidden in debug output.
    pub(super) fn key(&self) -> Result<HeaderValue, String> {
        let mut header = HeaderValue::from_str(self.api_key.expose_secret())
            .map_err(|_| self.wrong("api_key", "holds a character that no key has"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Validates the settings. The error says what is missing or invalid.
    pub(super) fn check(&self) -> Result<(), String> {
        let instance = self.instance.trim();
        if instance.is_empty() || instance.chars().any(char::is_control) {
            return Err(self.wrong("instance", "must be the instance's name on the server"));
        }
        if self.api_key.expose_secret().is_empty() {
            return Err(self.wrong("api_key", "is empty"));
        }
        let secret = self.webhook_secret.expose_secret();
        if secret.len() < MIN_SECRET_LEN || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = format!(
                "must have {MIN_SECRET_LEN} letters, digits or signs at least, and no spaces: everybody who knows it can write in \
                 customers' names"
            );
            return Err(self.wrong("webhook_secret", &what));
        }
        Ok(())
    }

    fn wrong(&self, key: &str, what: &str) -> String {
        format!("the evolution number {}: {key} {what}", self.instance)
    }
}

/// Whether an address is of this machine or of a private network, where servers have no certificates:
/// a private IP address, or a name that no public DNS knows.
pub(super) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => {
            let ending = host.rsplit('.').next().unwrap_or_default();
            !host.contains('.') || ["localhost", "local", "internal", "lan"].contains(&ending)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::Settings as Any;
    use super::*;

    fn with(key: &str, value: Value) -> Result<Settings, String> {
        let mut settings = json!({"provider": "evolution", "agent": "acme", "server_url": "https://evo.example.com",
            "instance": "shop1", "api_key": "key-of-shop1", "webhook_secret": "secret-of-the-webhook"});
        settings[key] = value;
        match serde_json::from_value(settings).map_err(|error| error.to_string())? {
            Any::Evolution(settings) => Ok(settings),
            other => Err(format!("{:?}", other.provider())),
        }
    }

    #[test]
    fn plain_http_is_for_private_networks() {
        for local in [
            "http://localhost:8080",
            "http://127.0.0.1:8080/",
            "http://evolution:8080",
            "http://10.1.2.3",
            "http://192.168.3.90:8000",
            "http://[::1]:8080",
            "http://evo.lan",
        ] {
            assert!(with("server_url", json!(local)).unwrap().server().is_ok(), "{local}");
        }
        for (wrong, says) in [
            ("http://evo.example.com", "needs https"),
            ("http://203.0.113.9", "needs https"),
            ("http://localhost.example.com", "needs https"),
            ("ftp://evo.example.com", "not https"),
            ("evo.example.com", "not an address"),
        ] {
            let error = with("server_url", json!(wrong)).unwrap().server().unwrap_err();
            assert!(error.contains("server_url") && error.contains(says), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_right_is_named_and_secrets_do_not_show() {
        for (key, value) in [
            ("instance", " "),
            ("instance", "a\nb"),
            ("api_key", ""),
            ("webhook_secret", ""),
            ("webhook_secret", "short"),
            ("webhook_secret", "with spaces and more"),
        ] {
            let error = with(key, json!(value)).unwrap().check().unwrap_err();
            assert!(error.contains(key), "{error}");
        }
        assert!(with("api_key", json!("a\nb")).unwrap().key().is_err());
        let typo = with("apikey", json!("x")).unwrap_err();
        assert!(typo.contains("apikey") && typo.contains("`api_key`"), "{typo}");
        let settings = with("instance", json!(15_550_783_881_u64)).unwrap();
        assert_eq!((settings.instance.as_str(), settings.check()), ("15550783881", Ok(())));
        assert!((settings.sending().rate - 1.0).abs() < f64::EPSILON);
        let shown = format!("{settings:?} {:?}", settings.key());
        assert!(!shown.contains("key-of-shop1") && !shown.contains("secret-of"), "{shown}");
    }
}
