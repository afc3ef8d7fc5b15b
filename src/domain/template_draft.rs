//! A message template before WhatsApp has it: what it says, examples of its values, and what WhatsApp
//! would refuse of it. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filled_template::{MAX_BODY_LEN, MAX_HEADER_LEN, MAX_URL_LEN, TemplateValue};
use super::problem::ProblemCode;
use super::template::{
    TemplateButton, TemplateButtonKind, TemplateCategory, TemplateHeader, TemplateHeaderKind,
    TemplateLayout, TemplatePart, placeholders,
};

/// Maximum lengths in characters, and maximum numbers of buttons:
/// <https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components>.
const MAX_NAME_LEN: usize = 512;
const MAX_FOOTER_LEN: usize = 60;
const MAX_LABEL_LEN: usize = 25;
const MAX_PHONE_DIGITS: usize = 20;
const MAX_BUTTONS: usize = 10;
const MAX_URL_BUTTONS: usize = 2;
const MAX_PHONE_BUTTONS: usize = 1;

/// A message template to be approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateDraft {
    /// Its name: small letters, digits and `_`.
    #[schema(max_length = 512)]
    pub name: String,
    /// WhatsApp's code of its language, such as `en_US`.
    #[schema(max_length = 20)]
    pub language: String,
    /// What it is for: `marketing` or `utility`.
    pub category: TemplateCategory,
    /// The line above the text; may hold `{{1}}`.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub header: Option<String>,
    /// The text, with `{{1}}`, `{{2}}` and so on for values.
    #[schema(max_length = 1024)]
    pub body: String,
    /// The small line below it.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub footer: Option<String>,
    /// The buttons.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub buttons: Vec<DraftButton>,
    /// An example of each value, which WhatsApp's reviewers read.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub examples: Vec<TemplateValue>,
}

/// A button of a template to be approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftButton {
    /// What it does: `quick_reply`, `url` or `phone`.
    pub kind: TemplateButtonKind,
    /// Its label.
    #[schema(max_length = 25)]
    pub text: String,
    /// The address that it opens; ends with `{{1}}` if it takes a value.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub url: Option<String>,
    /// The phone number that it calls, with its country code.
    #[serde(default)]
    #[schema(max_length = 30)]
    pub phone: Option<String>,
}

/// What WhatsApp would refuse of a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The name.
    #[error(
        "A template's name has small letters, digits and _, at most 512: such as order_update."
    )]
    Name,
    /// The language.
    #[error("The language is one of WhatsApp's codes: such as en, en_US or pt_BR.")]
    Language,
    /// The category.
    #[error(
        "The category is marketing or utility. Templates for one-time passwords are written in WhatsApp Manager."
    )]
    Category,
    /// A part is empty or too long.
    #[error("The {part} has {length} characters, and WhatsApp takes 1 to {most}.")]
    Length {
        /// Which.
        part: &'static str,
        /// Its length, in characters.
        length: usize,
        /// Maximum length, in characters.
        most: usize,
    },
    /// The header or the footer has a line break.
    #[error("The header and the footer are one line each.")]
    NotOneLine,
    /// Values are numbered wrongly, or stand where none may.
    #[error(
        "Values are written {{{{1}}}}, {{{{2}}}} and so on without a gap: in the header one at most, in the footer none, and \
         the text neither begins nor ends with one."
    )]
    Variables,
    /// An example is missing, or one is of no value.
    #[error(
        "WhatsApp's reviewers need an example of the value {part}.{name}, on one line, and of no other."
    )]
    Example {
        /// Where.
        part: TemplatePart,
        /// The value's name.
        name: String,
    },
    /// There are too many buttons, or they are mixed.
    #[error(
        "A template has 10 buttons at most, of them 2 links and 1 phone number; quick replies stand together, before or \
         after the others, and no two have the same label."
    )]
    Buttons,
    /// A link button's address.
    #[error(
        "A link begins with https:// or http://, has at most 2000 characters, and may end with {{{{1}}}}: a value stands \
         nowhere else in it."
    )]
    Url,
    /// A phone button's number.
    #[error("A phone number has its country code and 20 digits at most: such as +447700900123.")]
    Phone,
}

impl DraftError {
    /// The code that the console translates.
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Name => ProblemCode::DraftName,
            Self::Language => ProblemCode::DraftLanguage,
            Self::Category => ProblemCode::DraftCategory,
            Self::Length { .. } | Self::NotOneLine => ProblemCode::DraftLength,
            Self::Variables => ProblemCode::DraftVariables,
            Self::Example { .. } => ProblemCode::DraftExample,
            Self::Buttons => ProblemCode::DraftButtons,
            Self::Url => ProblemCode::DraftUrl,
            Self::Phone => ProblemCode::DraftPhone,
        }
    }
}

impl TemplateDraft {
    /// What it will look like.
    pub fn layout(&self) -> TemplateLayout {
        let header = self.header.clone();
        let header = header.map(|text| TemplateHeader { kind: TemplateHeaderKind::Text, text });
        let button = |button: &DraftButton| TemplateButton {
            kind: button.kind,
            text: button.text.clone(),
            url: button.url.clone(),
        };
        TemplateLayout {
            header,
            body: self.body.clone(),
            footer: self.footer.clone(),
            buttons: self.buttons.iter().map(button).collect(),
            named: false,
        }
    }

    /// The example of a value.
    pub fn example(&self, part: TemplatePart, name: &str) -> Option<&str> {
        let found = self.examples.iter().find(|it| it.part == part && it.name == name);
        found.map(|it| it.value.trim())
    }

    /// Checks what WhatsApp would refuse.
    pub fn check(&self) -> Result<(), DraftError> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=MAX_NAME_LEN).contains(&self.name.len()) || !self.name.bytes().all(is_name) {
            return Err(DraftError::Name);
        }
        if !is_language(&self.language) {
            return Err(DraftError::Language);
        }
        if !matches!(self.category, TemplateCategory::Marketing | TemplateCategory::Utility) {
            return Err(DraftError::Category);
        }
        self.check_texts()?;
        self.check_buttons()?;
        self.check_examples()
    }

    fn check_texts(&self) -> Result<(), DraftError> {
        let lines =
            [(&self.header, "header", MAX_HEADER_LEN), (&self.footer, "footer", MAX_FOOTER_LEN)];
        for (text, part, most) in lines {
            let Some(text) = text else { continue };
            check_length(text, (part, most))?;
            if text.contains(char::is_control) {
                return Err(DraftError::NotOneLine);
            }
        }
        check_length(&self.body, ("text", MAX_BODY_LEN))?;
        let body = self.body.trim();
        let header = self.header.as_deref().map_or(Ok(0), values)?;
        let footer = self.footer.as_deref().map_or(Ok(0), values)?;
        values(body)?;
        if header > 1 || footer > 0 || body.starts_with("{{") || body.ends_with("}}") {
            return Err(DraftError::Variables);
        }
        Ok(())
    }

    fn check_buttons(&self) -> Result<(), DraftError> {
        let of = |kind| self.buttons.iter().filter(move |button| button.kind == kind).count();
        // Where a quick reply and another button meet.
        let is_quick = |button: &DraftButton| button.kind == TemplateButtonKind::QuickReply;
        let borders =
            self.buttons.windows(2).filter(|two| is_quick(&two[0]) != is_quick(&two[1])).count();
        let is_repeated = self.buttons.iter().enumerate().any(|(at, button)| {
            self.buttons[..at].iter().any(|other| other.text.trim() == button.text.trim())
        });
        if self.buttons.len() > MAX_BUTTONS
            || of(TemplateButtonKind::Url) > MAX_URL_BUTTONS
            || of(TemplateButtonKind::Phone) > MAX_PHONE_BUTTONS
            || of(TemplateButtonKind::Other) + of(TemplateButtonKind::CopyCode) > 0
            || borders > 1
            || is_repeated
        {
            return Err(DraftError::Buttons);
        }
        self.buttons.iter().try_for_each(DraftButton::check)
    }

    fn check_examples(&self) -> Result<(), DraftError> {
        let parameters = self.layout().parameters();
        let wrong = |part, name: &str| DraftError::Example { part, name: name.to_owned() };
        for wanted in &parameters {
            let given = self.example(wanted.part, &wanted.name).unwrap_or_default();
            if given.is_empty() || given.contains(char::is_control) {
                return Err(wrong(wanted.part, &wanted.name));
            }
        }
        let is_wanted = |it: &TemplateValue| {
            parameters.iter().any(|wanted| wanted.part == it.part && wanted.name == it.name)
        };
        match self.examples.iter().find(|it| !is_wanted(it)) {
            Some(extra) => Err(wrong(extra.part, &extra.name)),
            None if self.examples.len() > parameters.len() => Err(DraftError::Variables),
            None => Ok(()),
        }
    }
}

impl DraftButton {
    fn check(&self) -> Result<(), DraftError> {
        check_length(&self.text, ("label of a button", MAX_LABEL_LEN))?;
        if self.text.contains("{{") || self.text.contains(char::is_control) {
            return Err(DraftError::Variables);
        }
        match (self.kind, self.url.as_deref(), self.phone.as_deref()) {
            (TemplateButtonKind::Url, Some(url), None) => check_url(url),
            (TemplateButtonKind::Phone, None, Some(phone)) => {
                let digits = phone.strip_prefix('+').unwrap_or(phone);
                let is_phone = (5..=MAX_PHONE_DIGITS).contains(&digits.len())
                    && digits.bytes().all(|byte| byte.is_ascii_digit());
                is_phone.then_some(()).ok_or(DraftError::Phone)
            }
            (TemplateButtonKind::QuickReply, None, None) => Ok(()),
            (TemplateButtonKind::Url, ..) => Err(DraftError::Url),
            (TemplateButtonKind::Phone, ..) => Err(DraftError::Phone),
            (
                TemplateButtonKind::QuickReply
                | TemplateButtonKind::CopyCode
                | TemplateButtonKind::Other,
                ..,
            ) => Err(DraftError::Buttons),
        }
    }
}

fn is_language(code: &str) -> bool {
    let (language, region) = code.split_once('_').unwrap_or((code, "US"));
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && (2..=4).contains(&region.len())
        && region.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn check_length(text: &str, (part, most): (&'static str, usize)) -> Result<(), DraftError> {
    let length = text.trim().chars().count();
    let fits = (1..=most).contains(&length);
    fits.then_some(()).ok_or(DraftError::Length { part, length, most })
}

fn check_url(url: &str) -> Result<(), DraftError> {
    let fixed = url.strip_suffix("{{1}}").unwrap_or(url);
    let is_url = (fixed.starts_with("https://") || fixed.starts_with("http://"))
        && fixed.len() > "https://".len()
        && url.chars().count() <= MAX_URL_LEN
        && !fixed.contains(|c: char| c.is_whitespace() || c.is_control() || c == '{' || c == '}');
    is_url.then_some(()).ok_or(DraftError::Url)
}

/// The number of values that a text takes, which are numbered from 1 without a gap.
fn values(text: &str) -> Result<usize, DraftError> {
    let found = placeholders(text);
    let is_numbered = found.iter().zip(1_usize..).all(|(name, at)| **name == at.to_string());
    let braces = text.matches("{{").count();
    let written: usize =
        found.iter().map(|name| text.matches(&format!("{{{{{name}}}}}")).count()).sum();
    let is_right = is_numbered && braces == written && text.matches("}}").count() == written;
    is_right.then_some(found.len()).ok_or(DraftError::Variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = &'static dyn Fn(&mut TemplateDraft);

    fn draft() -> TemplateDraft {
        let value = |part, name: &str| TemplateValue { part, name: name.into(), value: "x".into() };
        let button =
            |kind, text: &str| DraftButton { kind, text: text.into(), url: None, phone: None };
        TemplateDraft {
            name: "order_update".into(),
            language: "en_US".into(),
            category: TemplateCategory::Utility,
            header: Some("Order {{1}}".into()),
            body: "Hello {{1}}, your {{2}} is here.\nCome, {{1}}!".into(),
            footer: Some("Acme".into()),
            buttons: vec![
                button(TemplateButtonKind::QuickReply, "Thanks"),
                DraftButton {
                    url: Some("https://acme.example/o/{{1}}".into()),
                    ..button(TemplateButtonKind::Url, "Track")
                },
                DraftButton {
                    phone: Some("+447700900123".into()),
                    ..button(TemplateButtonKind::Phone, "Call")
                },
            ],
            examples: vec![
                value(TemplatePart::Header, "1"),
                value(TemplatePart::Body, "1"),
                value(TemplatePart::Body, "2"),
                value(TemplatePart::Button, "1"),
            ],
        }
    }

    #[test]
    fn what_meta_documents_passes() {
        assert_eq!(draft().check(), Ok(()));
        let plain = TemplateDraft {
            header: None,
            body: "Hello there.".into(),
            footer: None,
            buttons: Vec::new(),
            examples: Vec::new(),
            ..draft()
        };
        assert_eq!(plain.check(), Ok(()));
        for language in ["en", "pt_BR", "fil", "zh_CN"] {
            assert!(is_language(language), "{language}");
        }
    }

    #[test]
    fn what_meta_refuses_is_told_before() {
        let with = |change: Change| {
            let mut draft = draft();
            change(&mut draft);
            draft.check().unwrap_err().code()
        };
        let cases: [(ProblemCode, Change); 24] = [
            (ProblemCode::DraftName, &|it| it.name = "Order Update".into()),
            (ProblemCode::DraftName, &|it| it.name = String::new()),
            (ProblemCode::DraftLanguage, &|it| it.language = "english".into()),
            (ProblemCode::DraftLanguage, &|it| it.language = "en_US/../x".into()),
            (ProblemCode::DraftCategory, &|it| it.category = TemplateCategory::Authentication),
            (ProblemCode::DraftLength, &|it| it.header = Some("x".repeat(61))),
            (ProblemCode::DraftLength, &|it| it.body = "x".repeat(1025)),
            (ProblemCode::DraftLength, &|it| it.body = " ".into()),
            (ProblemCode::DraftLength, &|it| it.footer = Some("a\nb".into())),
            (ProblemCode::DraftLength, &|it| it.buttons[0].text = "x".repeat(26)),
            (ProblemCode::DraftVariables, &|it| it.header = Some("{{1}} and {{2}}".into())),
            (ProblemCode::DraftVariables, &|it| it.body = "Hello {{1}} and {{3}} there".into()),
            (ProblemCode::DraftVariables, &|it| it.body = "Hello {{name}} there".into()),
            (ProblemCode::DraftVariables, &|it| it.body = "Hello {{ there".into()),
            (ProblemCode::DraftVariables, &|it| it.body = "{{1}} there".into()),
            (ProblemCode::DraftVariables, &|it| it.body = "Hello {{1}}".into()),
            (ProblemCode::DraftVariables, &|it| it.footer = Some("By {{1}}.".into())),
            (ProblemCode::DraftExample, &|it| drop(it.examples.pop())),
            (ProblemCode::DraftExample, &|it| it.examples[0].name = "2".into()),
            (ProblemCode::DraftButtons, &|it| it.buttons.swap(0, 1)),
            (ProblemCode::DraftButtons, &|it| it.buttons[2].text = "Thanks".into()),
            (ProblemCode::DraftUrl, &|it| it.buttons[1].url = Some("javascript:alert(1)".into())),
            (ProblemCode::DraftUrl, &|it| it.buttons[1].url = Some("https://{{1}}.example".into())),
            (ProblemCode::DraftPhone, &|it| it.buttons[2].phone = Some("call me".into())),
        ];
        for (at, (code, change)) in cases.into_iter().enumerate() {
            assert_eq!(with(change), code, "{at}");
        }
    }
}
