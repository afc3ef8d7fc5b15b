//! Message templates: texts that WhatsApp approved, the only ones that it takes outside the 24-hour
//! window. What one looks like, and how it is filled.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::media::MediaKind;

/// The values of a place above a template's text.
const LOCATION_VALUES: [&str; 4] = ["latitude", "longitude", "name", "address"];

words! {
    /// Whether WhatsApp takes a template.
    pub enum TemplateState {
        /// It can be sent.
        Approved = "approved",
        /// Meta has not decided yet.
        Pending = "pending",
        /// Meta refused it.
        Rejected = "rejected",
        /// Customers blocked or reported it, so it rests for hours.
        Paused = "paused",
        /// It cannot be sent any more.
        Disabled = "disabled",
        /// It was deleted.
        Deleted = "deleted",
    }
}

words! {
    /// What a template is for, which decides its price.
    pub enum TemplateCategory {
        /// Offers and news.
        Marketing = "marketing",
        /// About an order, an appointment or an account.
        Utility = "utility",
        /// One-time passwords.
        Authentication = "authentication",
        /// A category that this version does not know.
        Other = "other",
    }
}

words! {
    /// How customers took a template lately.
    pub enum TemplateQuality {
        /// Well.
        High = "high",
        /// Some blocked or reported it.
        Medium = "medium",
        /// Many did: it may be paused soon.
        Low = "low",
    }
}

words! {
    /// A part of a template that takes values.
    pub enum TemplatePart {
        /// The line above the text.
        Header = "header",
        /// The text.
        Body = "body",
        /// A button: its index is the value's name.
        Button = "button",
    }
}

words! {
    /// What a template's button does.
    pub enum TemplateButtonKind {
        /// It answers with its label.
        QuickReply = "quick_reply",
        /// It opens a web page.
        Url = "url",
        /// It calls a phone number.
        Phone = "phone",
        /// It copies a code.
        CopyCode = "copy_code",
        /// Something that this version does not fill.
        Other = "other",
    }
}

words! {
    /// What stands above a template's text.
    pub enum TemplateHeaderKind {
        /// A line of text.
        Text = "text",
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// A document.
        Document = "document",
        /// A place.
        Location = "location",
        /// Something that this version does not fill.
        Other = "other",
    }
}

/// A template as its account has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageTemplate {
    /// The provider's id.
    pub external_id: String,
    /// Its name at WhatsApp.
    pub name: String,
    /// WhatsApp's code of its language, such as `en_US`.
    pub language: String,
    /// What it is for.
    pub category: TemplateCategory,
    /// Whether it can be sent.
    pub state: TemplateState,
    /// How customers took it; `None` if WhatsApp does not say.
    pub quality: Option<TemplateQuality>,
    /// Why it was refused or paused, in the provider's words.
    pub reason: Option<String>,
    /// What it looks like.
    pub layout: TemplateLayout,
}

/// What a provider's event says of a template; `None` for what it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateChange {
    /// The provider's id of the template.
    pub external_id: Option<String>,
    /// The template's name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// Whether it can be sent from now on.
    pub state: Option<TemplateState>,
    /// How customers took it.
    pub quality: Option<TemplateQuality>,
    /// What it is for from now on.
    pub category: Option<TemplateCategory>,
    /// Why it has the state.
    pub reason: Option<String>,
}

/// What a template looks like. Texts hold placeholders such as `{{1}}` or `{{first_name}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateLayout {
    /// What stands above the text.
    pub header: Option<TemplateHeader>,
    /// The text.
    pub body: String,
    /// The small line below it.
    pub footer: Option<String>,
    /// The buttons.
    pub buttons: Vec<TemplateButton>,
    /// Whether its values have names, not numbers.
    pub named: bool,
}

/// What stands above a template's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateHeader {
    /// Its kind.
    pub kind: TemplateHeaderKind,
    /// Its text; empty for another kind.
    pub text: String,
}

/// A template's button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateButton {
    /// What it does.
    pub kind: TemplateButtonKind,
    /// Its label.
    pub text: String,
    /// The address that it opens; ends with `{{1}}` if it takes a value.
    pub url: Option<String>,
}

/// A value that a template takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateParameter {
    /// Where it stands.
    pub part: TemplatePart,
    /// Its placeholder without braces; of a button its index, from 0.
    pub name: String,
}

/// The placeholders of a text, each once: names in their order, numbers by their value, since WhatsApp
/// gives the first value to `{{1}}`, wherever it stands.
pub(super) fn placeholders(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for piece in text.split("{{").skip(1) {
        let Some((name, _)) = piece.split_once("}}") else { continue };
        let name = name.trim();
        let is_name = (1..=100).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && !found.contains(&name) {
            found.push(name);
        }
    }
    if found.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
        found.sort_by_key(|name| name.parse::<usize>().unwrap_or(usize::MAX));
    }
    found
}

impl TemplateLayout {
    /// The values that it takes, in its order.
    pub fn parameters(&self) -> Vec<TemplateParameter> {
        let of = |part| move |name: &str| TemplateParameter { part, name: name.to_owned() };
        let header = self.header.iter().flat_map(TemplateHeader::values);
        let body = placeholders(&self.body);
        let buttons = self.buttons.iter().enumerate().filter(|(_, button)| button.takes_value());
        header
            .map(of(TemplatePart::Header))
            .chain(body.into_iter().map(of(TemplatePart::Body)))
            .chain(buttons.map(|(at, _)| of(TemplatePart::Button)(&at.to_string())))
            .collect()
    }

    /// Whether this version can fill all of it.
    pub fn is_supported(&self) -> bool {
        let header = self.header.as_ref().is_none_or(|it| it.kind != TemplateHeaderKind::Other);
        header && self.buttons.iter().all(|button| button.kind != TemplateButtonKind::Other)
    }
}

impl TemplateHeader {
    /// The names of its values.
    fn values(&self) -> Vec<&str> {
        match self.kind {
            TemplateHeaderKind::Location => LOCATION_VALUES.to_vec(),
            _ => placeholders(&self.text),
        }
    }
}

impl TemplateHeaderKind {
    /// The kind of file that it takes.
    pub fn file(self) -> Option<MediaKind> {
        match self {
            Self::Image => Some(MediaKind::Image),
            Self::Video => Some(MediaKind::Video),
            Self::Document => Some(MediaKind::Document),
            Self::Text | Self::Location | Self::Other => None,
        }
    }
}

impl TemplateButton {
    fn takes_value(&self) -> bool {
        let copies = self.kind == TemplateButtonKind::CopyCode;
        copies || self.url.as_deref().is_some_and(|url| !placeholders(url).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_braces_are_text() {
        assert_eq!(placeholders("{{1}} {{ name }} {{1}} {{}} {{a b}} {{2"), ["1", "name"]);
        assert_eq!(placeholders("}} {{{{3}}"), ["3"]);
        assert_eq!(placeholders("{{10}} {{2}} {{1}}"), ["1", "2", "10"]);
    }
}
