//! What a provider asks for to connect a number: each adapter declares its own form, and the console shows it as it is. Judges
//! what was written by its shape; asks nobody.

use std::collections::BTreeMap;

use frontdesk_words::words;
use regex::Regex;
use serde_json::{Value, json};

use crate::domain::ProviderKind;

/// What was written, by field.
pub type Fields = BTreeMap<String, String>;

/// The longest value of a field, in characters.
const LONGEST: usize = 2000;
/// The field of the address of the provider's API.
const BASE_URL: &str = "base_url";
/// The field of the token by which the provider verifies the webhook address.
const VERIFY_TOKEN: &str = "verify_token";

/// The form of a provider.
#[derive(Debug)]
pub struct Form {
    /// The provider.
    pub provider: ProviderKind,
    /// Its name for people.
    pub title: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it asks for, in order.
    pub fields: &'static [Field],
    /// What is to be done on its side, in order.
    pub steps: &'static [Step],
    /// What can be seen to be wrong with a value, beside its pattern.
    pub(super) trap: fn(&str, &str) -> Option<&'static str>,
    /// How a request is read that verifies the webhook address.
    pub(super) verification: ParseVerification,
}

/// Finds the verify token and the answer in the query of such a request.
pub(super) type ParseVerification = fn(&[(String, String)]) -> Option<(&str, &str)>;

/// Something that a provider asks for.
#[derive(Debug)]
pub struct Field {
    /// Its key in the settings.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it is and where it is found.
    pub help: &'static str,
    /// What sort of value it takes.
    pub kind: Kind,
    /// Whether a number cannot do without it.
    pub required: bool,
    /// For people who know what they do.
    pub advanced: bool,
    /// A regular expression that the whole value matches.
    pub pattern: Option<&'static str>,
    /// An example.
    pub placeholder: Option<&'static str>,
}

words! {
    /// What sort of value a field takes. Values are always written as text.
    #[schema(as = ProviderFieldKind)]
    pub enum Kind {
        /// Words.
        Text = "text",
        /// Words that are never shown again.
        Secret = "secret",
        /// Digits.
        Digits = "digits",
        /// An address of the web.
        Url = "url",
        /// `true` or `false`.
        Switch = "switch",
    }
}

/// Something to do at the provider.
#[derive(Debug)]
pub struct Step {
    /// What.
    pub title: &'static str,
    /// How.
    pub text: &'static str,
    /// What to show with it.
    pub shows: &'static [Shows],
}

words! {
    /// What is shown with a step, to be copied.
    #[schema(as = ProviderShows)]
    pub enum Shows {
        /// Where the provider sends its webhooks.
        CallbackUrl = "callback_url",
        /// What the provider shows in the handshake.
        VerifyToken = "verify_token",
    }
}

/// A field with a wrong value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FieldError {
    /// The field; none where it lies in none of them.
    pub field: Option<&'static str>,
    /// Says what is wrong and where the right value is found.
    pub message: String,
}

impl Field {
    /// A field that a number cannot do without.
    pub(super) const fn required(name: &'static str, kind: Kind, label: &'static str) -> Self {
        let (help, pattern, placeholder) = ("", None, None);
        Self { name, label, help, kind, required: true, advanced: false, pattern, placeholder }
    }

    /// A field that may stay empty.
    pub(super) const fn optional(name: &'static str, kind: Kind, label: &'static str) -> Self {
        Self { required: false, ..Self::required(name, kind, label) }
    }

    /// For people who know what they do.
    pub(super) const fn advanced(self) -> Self {
        Self { advanced: true, ..self }
    }

    /// Says what it is and where it is found.
    pub(super) const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// What the whole value matches.
    pub(super) const fn pattern(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    /// An example.
    pub(super) const fn like(self, placeholder: &'static str) -> Self {
        Self { placeholder: Some(placeholder), ..self }
    }

    /// What is wrong with its shape.
    fn shape(&self, value: &str) -> Option<String> {
        let (label, help) = (self.label, self.help);
        if value.is_empty() {
            return self.required.then(|| format!("{label} is missing. {help}"));
        }
        if value.chars().count() > LONGEST || value.chars().any(char::is_control) {
            return Some(format!("{label} cannot be as long as this, or on several lines. {help}"));
        }
        let wrong = match self.kind {
            Kind::Digits => !value.bytes().all(|byte| byte.is_ascii_digit()),
            Kind::Switch => !matches!(value, "true" | "false"),
            Kind::Url => !is_address(value),
            Kind::Text | Kind::Secret => false,
        };
        let unlike = |pattern| Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(value));
        (wrong || self.pattern.is_some_and(unlike)).then(|| match self.kind {
            Kind::Switch => format!("{label} is either true or false."),
            _ => format!("That is no {}. {help}", uncapitalised(label)),
        })
    }
}

/// An address with a host, over TLS or, for a proxy in one's own network, without.
fn is_address(value: &str) -> bool {
    let url = value.parse::<reqwest::Url>().ok();
    url.is_some_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty()
    })
}

/// A label within a sentence; abbreviations stay.
fn uncapitalised(label: &str) -> String {
    let mut letters = label.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => label.to_owned(),
    }
}

impl Form {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether a field is offered: another address than the provider's own only where the configuration permits it.
    pub fn offers(field: &Field, limits: super::Limits) -> bool {
        field.name != BASE_URL || limits.allow_base_url
    }

    /// Whether the provider verifies the webhook address with a token.
    pub fn verifies_webhook(&self) -> bool {
        self.field(VERIFY_TOKEN).is_some()
    }

    /// The verify token and the answer of a request that verifies the webhook address.
    pub fn verification<'a>(&self, query: &'a [(String, String)]) -> Option<(&'a str, &'a str)> {
        (self.verification)(query)
    }

    /// What is wrong with a field, by its shape alone.
    pub fn judge(&self, field: &'static Field, value: &str) -> Option<String> {
        let trap = (self.trap)(field.name, value).map(|trap| format!("{trap} {}", field.help));
        trap.or_else(|| field.shape(value))
    }

    /// What is wrong with what was written, by its shape alone; the first of it.
    pub fn judge_all(&self, fields: &Fields, limits: super::Limits) -> Result<(), FieldError> {
        for name in fields.keys() {
            let known = self.field(name).filter(|field| Self::offers(field, limits));
            if known.is_none() {
                return Err(FieldError { field: None, message: self.unknown(name, limits) });
            }
        }
        for field in self.fields {
            let value = fields.get(field.name).map_or("", String::as_str);
            if let Some(message) = self.judge(field, value) {
                return Err(FieldError { field: Some(field.name), message });
            }
        }
        Ok(())
    }

    /// A field that is not offered.
    fn unknown(&self, name: &str, limits: super::Limits) -> String {
        if name == BASE_URL && self.field(name).is_some() {
            return "Another address than the provider's own is used only where the configuration says \
                    [providers] allow_base_url = true."
                .to_owned();
        }
        let name: String = name.chars().take(40).collect();
        let offered = self.fields.iter().filter(|field| Self::offers(field, limits));
        let offered: Vec<_> = offered.map(|field| field.name).collect();
        format!("{} has no field `{name}`; it has: {}.", self.title, offered.join(", "))
    }

    /// What was written, as the provider's settings are written.
    pub(super) fn json(&self, agent: &str, fields: &Fields) -> Result<Value, FieldError> {
        let mut settings = json!({"provider": self.provider, "agent": agent});
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            let field = self.field(name).ok_or_else(|| FieldError {
                field: None,
                message: format!("there is no field `{name}`"),
            })?;
            settings[name] = match field.kind {
                Kind::Switch => Value::Bool(value == "true"),
                _ => Value::String(value.clone()),
            };
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Settings};
    use super::*;

    #[test]
    fn every_form_can_be_filled_in_and_shown() {
        for form in ProviderKind::ALL.iter().copied().map(Form::of) {
            assert!(!form.title.is_empty() && !form.about.is_empty() && !form.fields.is_empty());
            for field in form.fields {
                assert!(field.help.ends_with('.'), "{} says where it is found", field.name);
                if let Some(pattern) = field.pattern {
                    assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{pattern}");
                    Regex::new(pattern).unwrap();
                }
                if let Some(like) = field.placeholder {
                    assert_eq!(field.kind == Kind::Secret, like.contains('…'), "{}", field.name);
                    assert!(
                        field.kind == Kind::Secret || form.judge(field, like).is_none(),
                        "{like}"
                    );
                }
            }
        }
    }

    #[test]
    fn settings_name_every_provider_by_its_word() {
        for provider in ProviderKind::ALL {
            let settings = json!({"provider": provider});
            let error = serde_json::from_value::<Settings>(settings).unwrap_err().to_string();
            assert!(error.contains("missing field"), "{provider}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_right_is_said_in_words_with_where_it_is_found() {
        let form = Form::of(ProviderKind::Meta);
        let judge = |name, value| form.judge(form.field(name).unwrap(), value).unwrap_or_default();
        for (name, value, says) in [
            ("phone_number_id", "", "missing"),
            ("phone_number_id", "+1 555 078 3881", "phone number itself"),
            ("phone_number_id", "15550783881", "phone number itself"),
            ("phone_number_id", "abc", "no phone number id"),
            ("access_token", "Bearer EAAGabcdefghijklm", "without the word Bearer"),
            ("access_token", "EAAG abc", "no access token"),
            ("app_secret", "EAAGabcdefghijklmnopqrs", "access token"),
            ("app_secret", "abc", "no app secret"),
            ("coexistence", "yes", "true or false"),
            ("version", "24", "no version"),
            ("base_url", "ftp://x", "no address"),
            ("base_url", "https://a:b@x", "no address"),
        ] {
            let said = judge(name, value);
            assert!(said.contains(says), "{name} {value}: {said}");
            assert!(value.len() < 12 || !said.contains(value), "values are not said again: {said}");
        }
        assert_eq!(judge("phone_number_id", "106540352242922"), "");
        assert_eq!(judge("app_secret", "0123456789abcdef0123456789ABCDEF"), "");
        assert_eq!(judge("version", ""), "", "it may stay empty");
    }

    #[test]
    fn another_address_needs_the_configurations_word() {
        let form = Form::of(ProviderKind::Sandbox);
        let fields = |pairs: &[(&str, &str)]| -> Fields {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let no = Limits { allow_base_url: false };
        let error = form.judge_all(&fields(&[("tpyo", "x")]), no).unwrap_err();
        assert!(error.message.contains("tpyo") && error.message.contains("secret"), "{error}");
        let meta = Form::of(ProviderKind::Meta);
        let elsewhere = fields(&[("base_url", "http://169.254.169.254")]);
        let error = meta.judge_all(&elsewhere, no).unwrap_err();
        assert!(error.message.contains("allow_base_url"), "{error}");
        let error = meta.judge_all(&elsewhere, Limits { allow_base_url: true }).unwrap_err();
        assert_eq!(error.field, Some("phone_number_id"), "then what is missing is said");
    }
}
