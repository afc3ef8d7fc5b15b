//! Forms for connecting a number: each adapter declares the fields it needs, and the console
//! renders them. Validates input by its format; calls no provider.

use std::collections::BTreeMap;

use frontdesk_words::words;
use regex::Regex;
use serde_json::{Value, json};

use crate::domain::ProviderKind;

/// Entered values by field name.
pub type Fields = BTreeMap<String, String>;

/// Maximum length of a value, in characters.
const MAX_LEN: usize = 2000;
/// Name of the field for the provider's API address.
const BASE_URL: &str = "base_url";
/// Name of the field for the token that verifies the webhook address.
const VERIFY_TOKEN: &str = "verify_token";
/// Name of the field for a secret that every webhook carries.
const WEBHOOK_SECRET: &str = "webhook_secret";

/// The form of a provider.
#[derive(Debug)]
pub struct Form {
    /// The provider.
    pub provider: ProviderKind,
    /// Display name.
    pub title: &'static str,
    /// Description.
    pub about: &'static str,
    /// Fields in display order.
    pub fields: &'static [Field],
    /// Steps to do at the provider, in order.
    pub steps: &'static [Step],
    /// Whether its numbers are for practice: they send to nobody, and one can write to them as a
    /// customer without WhatsApp.
    pub practice: bool,
    /// The secrets that go to the number's address, by field name.
    pub(super) credentials: &'static [&'static str],
    /// Detects typical mistakes in a field's value, beyond its pattern. Takes the field's name and
    /// the value.
    pub(super) detect_mistake: fn(&str, &str) -> Option<&'static str>,
    /// Parses the provider's request to verify the webhook address.
    pub(super) verification: ParseVerification,
}

/// Returns the verify token and the response from such a request's query.
pub(super) type ParseVerification = fn(&[(String, String)]) -> Option<(&str, &str)>;

/// A field of a provider's form.
#[derive(Debug)]
pub struct Field {
    /// Key in the settings; `table.key` for a key of a table.
    pub name: &'static str,
    /// Label.
    pub label: &'static str,
    /// What the value is and where to find it.
    pub help: &'static str,
    /// Kind of value.
    pub kind: Kind,
    /// Whether a value is required.
    pub required: bool,
    /// Whether only experts need it.
    pub advanced: bool,
    /// Regular expression that the whole value must match; `None` for any.
    pub pattern: Option<&'static str>,
    /// Example value.
    pub placeholder: Option<&'static str>,
}

words! {
    /// Kind of value that a field takes. Values are always submitted as text.
    #[schema(as = ProviderFieldKind)]
    pub enum Kind {
        /// Free text.
        Text = "text",
        /// Text that is never shown again.
        Secret = "secret",
        /// Digits only.
        Digits = "digits",
        /// An HTTP or HTTPS URL.
        Url = "url",
        /// `true` or `false`.
        Switch = "switch",
    }
}

/// A step to do at the provider.
#[derive(Debug)]
pub struct Step {
    /// Title.
    pub title: &'static str,
    /// Instructions.
    pub text: &'static str,
    /// Values to copy, shown with the step.
    pub shows: &'static [Shows],
}

words! {
    /// A value shown with a step, to be copied.
    #[schema(as = ProviderShows)]
    pub enum Shows {
        /// The URL to which the provider sends webhooks.
        CallbackUrl = "callback_url",
        /// The token that the provider sends to verify the webhook URL.
        VerifyToken = "verify_token",
        /// The secret that the provider sends with every webhook.
        WebhookSecret = "webhook_secret",
    }
}

/// A field with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FieldError {
    /// Name of the field; `None` if the error is not about a known field.
    pub field: Option<&'static str>,
    /// What is wrong and where to find the right value.
    pub message: String,
}

impl Field {
    /// Creates a required field.
    pub(super) const fn required(name: &'static str, kind: Kind, label: &'static str) -> Self {
        let (help, pattern, placeholder) = ("", None, None);
        Self { name, label, help, kind, required: true, advanced: false, pattern, placeholder }
    }

    /// Creates an optional field.
    pub(super) const fn optional(name: &'static str, kind: Kind, label: &'static str) -> Self {
        Self { required: false, ..Self::required(name, kind, label) }
    }

    /// Marks the field as one for experts.
    pub(super) const fn advanced(self) -> Self {
        Self { advanced: true, ..self }
    }

    /// Sets the help text: what the value is and where to find it.
    pub(super) const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// Sets the regular expression for the value.
    pub(super) const fn pattern(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    /// Sets the example value.
    pub(super) const fn like(self, placeholder: &'static str) -> Self {
        Self { placeholder: Some(placeholder), ..self }
    }

    /// Validates the format of a value. Returns what is wrong.
    fn shape(&self, value: &str) -> Option<String> {
        let (label, help) = (self.label, self.help);
        if value.is_empty() {
            return self.required.then(|| format!("{label} is missing. {help}"));
        }
        if value.chars().count() > MAX_LEN || value.chars().any(char::is_control) {
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

/// Whether a field has a value; a switch that is off has none.
fn is_given(fields: &Fields, field: &Field) -> bool {
    let value = fields.get(field.name).map_or("", String::as_str);
    let is_off = field.kind == Kind::Switch && value == "false";
    !value.is_empty() && !is_off
}

/// Whether a value is a URL with a host. Plain HTTP is allowed for a proxy in the own network.
fn is_address(value: &str) -> bool {
    let url = value.parse::<reqwest::Url>().ok();
    url.is_some_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty()
    })
}

/// A label as used within a sentence; abbreviations keep their capitals.
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

    /// Whether a field is offered: a custom API address only where the configuration permits it.
    pub fn offers(field: &Field, limits: &super::Limits) -> bool {
        field.name != BASE_URL || limits.allow_base_url
    }

    /// Whether the provider verifies the webhook address with a token.
    pub fn verifies_webhook(&self) -> bool {
        self.field(VERIFY_TOKEN).is_some()
    }

    /// Whether every webhook carries a secret.
    pub fn has_webhook_secret(&self) -> bool {
        self.field(WEBHOOK_SECRET).is_some()
    }

    /// The field whose value is made here, and entered at the provider.
    pub fn proposed(&self) -> Option<&'static Field> {
        self.field(VERIFY_TOKEN).or_else(|| self.field(WEBHOOK_SECRET))
    }

    /// The verify token and the response of a request that verifies the webhook address; `None` for
    /// other requests.
    pub fn verification<'a>(&self, query: &'a [(String, String)]) -> Option<(&'a str, &'a str)> {
        (self.verification)(query)
    }

    /// Validates one value by its format. Returns what is wrong.
    pub fn validate(&self, field: &'static Field, value: &str) -> Option<String> {
        let trap =
            (self.detect_mistake)(field.name, value).map(|trap| format!("{trap} {}", field.help));
        trap.or_else(|| field.shape(value))
    }

    /// Validates all values by their format. Fails with the first error.
    pub fn validate_all(&self, fields: &Fields, limits: &super::Limits) -> Result<(), FieldError> {
        for name in fields.keys() {
            let known = self.field(name).filter(|field| Self::offers(field, limits));
            if known.is_none() {
                return Err(FieldError { field: None, message: self.unknown(name, limits) });
            }
        }
        for field in self.fields {
            let value = fields.get(field.name).map_or("", String::as_str);
            if let Some(message) = self.validate(field, value) {
                return Err(FieldError { field: Some(field.name), message });
            }
        }
        self.validate_tables(fields)
    }

    /// Fails if some keys of a table are given and others are missing.
    fn validate_tables(&self, fields: &Fields) -> Result<(), FieldError> {
        for field in self.fields.iter().filter(|field| is_given(fields, field)) {
            let Some((table, _)) = field.name.split_once('.') else { continue };
            let of_table = |one: &&Field| {
                one.kind != Kind::Switch && one.name.split_once('.').is_some_and(|it| it.0 == table)
            };
            let missing = self.fields.iter().filter(of_table).find(|one| !is_given(fields, one));
            if let Some(one) = missing {
                let message = format!(
                    "{} is given, so {} is needed, too. {}",
                    field.label,
                    uncapitalised(one.label),
                    one.help
                );
                return Err(FieldError { field: Some(one.name), message });
            }
        }
        Ok(())
    }

    /// Fails if a secret that was stored with the former fields would go to another address than that
    /// which it was given for: whoever may change the address may not know the secret.
    pub fn check_secrets(
        &self,
        former: &Fields,
        (fields, written): (&Fields, &[String]),
    ) -> Result<(), FieldError> {
        let moves = |field: &&Field| {
            let address = |fields: &Fields| {
                fields.get(field.name).map(|text| text.trim_end_matches('/').to_owned())
            };
            let new = address(fields);
            field.kind == Kind::Url && new.is_some() && new != address(former)
        };
        if former.is_empty() || !self.fields.iter().any(|field| moves(&field)) {
            return Ok(());
        }
        let kept = |field: &&Field| {
            let is_new = written.iter().any(|name| name == field.name);
            let goes = self.credentials.contains(&field.name);
            goes && fields.contains_key(field.name) && !is_new
        };
        self.fields.iter().find(kept).map_or(Ok(()), |field| {
            let message = format!(
                "The address is another one: enter the {} again. It goes only to the address that it was given for.",
                uncapitalised(field.label)
            );
            Err(FieldError { field: Some(field.name), message })
        })
    }

    /// Whether any key of a table is given.
    fn has_table(&self, table: &str, fields: &Fields) -> bool {
        let mut of_table = self
            .fields
            .iter()
            .filter(|field| field.name.split_once('.').is_some_and(|it| it.0 == table));
        of_table.any(|field| is_given(fields, field))
    }

    /// Error message for a field that is not offered.
    fn unknown(&self, name: &str, limits: &super::Limits) -> String {
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

    /// Converts entered values to the JSON of the provider's settings.
    pub(super) fn json(&self, agent: &str, fields: &Fields) -> Result<Value, FieldError> {
        let mut settings = json!({"provider": self.provider, "agent": agent});
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            let field = self.field(name).ok_or_else(|| FieldError {
                field: None,
                message: format!("there is no field `{name}`"),
            })?;
            let value = match field.kind {
                Kind::Switch => Value::Bool(value == "true"),
                _ => Value::String(value.clone()),
            };
            match name.split_once('.') {
                // A table without its text fields is none: only a switch was touched.
                Some((table, _)) if !self.has_table(table, fields) => {}
                Some((table, key)) => settings[table][key] = value,
                None => settings[name] = value,
            }
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
                        field.kind == Kind::Secret || form.validate(field, like).is_none(),
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
        let judge =
            |name, value| form.validate(form.field(name).unwrap(), value).unwrap_or_default();
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
    fn the_fallback_template_is_given_whole_or_not_at_all() {
        let form = Form::of(ProviderKind::Meta);
        let with = |pairs: &[(&str, &str)]| -> Fields {
            let needed = [
                ("phone_number_id", "106540352242922"),
                ("access_token", "EAAGabcdefghijklm"),
                ("app_secret", "0123456789abcdef0123456789abcdef"),
                ("verify_token", "a-verify-token"),
            ];
            let all = needed.iter().chain(pairs);
            all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let whole = with(&[
            ("template.name", "come_back"),
            ("template.language", "en_US"),
            ("template.with_text", "true"),
        ]);
        form.validate_all(&whole, &Limits::default()).unwrap();
        let sending = Settings::from_form(form, "acme", &whole).unwrap().sending().unwrap();
        let template = sending.template.unwrap();
        assert_eq!((&*template.name, &*template.language), ("come_back", "en_US"));
        assert!(template.with_text);
        let none = with(&[("template.with_text", "false")]);
        form.validate_all(&none, &Limits::default()).unwrap();
        let sending = Settings::from_form(form, "acme", &none).unwrap().sending().unwrap();
        assert_eq!(sending.template, None);
        for (given, missing) in [
            ([("template.name", "come_back")], "template.language"),
            ([("template.language", "en_US")], "template.name"),
            ([("template.with_text", "true")], "template.name"),
        ] {
            let error = form.validate_all(&with(&given), &Limits::default()).unwrap_err();
            assert_eq!(error.field, Some(missing), "{error}");
        }
        let wrong = with(&[("template.name", "Come back"), ("template.language", "en_US")]);
        let error = form.validate_all(&wrong, &Limits::default()).unwrap_err();
        assert_eq!(error.field, Some("template.name"), "{error}");
    }

    #[test]
    fn another_address_needs_the_configurations_word() {
        let form = Form::of(ProviderKind::Sandbox);
        let fields = |pairs: &[(&str, &str)]| -> Fields {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let no = &Limits::default();
        let error = form.validate_all(&fields(&[("tpyo", "x")]), no).unwrap_err();
        assert!(error.message.contains("tpyo") && error.message.contains("secret"), "{error}");
        let meta = Form::of(ProviderKind::Meta);
        let elsewhere = fields(&[("base_url", "http://169.254.169.254")]);
        let error = meta.validate_all(&elsewhere, no).unwrap_err();
        assert!(error.message.contains("allow_base_url"), "{error}");
        let error = meta
            .validate_all(&elsewhere, &Limits { allow_base_url: true, ..Limits::default() })
            .unwrap_err();
        assert_eq!(error.field, Some("phone_number_id"), "then what is missing is said");
    }
}
