//! Filling a message template: its values, and what WhatsApp would refuse of them. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::media::Media;
use super::template::{
    MessageTemplate, TemplateButtonKind, TemplateHeaderKind, TemplateParameter, TemplatePart,
    TemplateState,
};

/// Maximum lengths of a filled template, in characters:
/// <https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components>.
pub(super) const MAX_HEADER_LEN: usize = 60;
pub(super) const MAX_BODY_LEN: usize = 1024;
pub(super) const MAX_URL_LEN: usize = 2000;
const MAX_CODE_LEN: usize = 15;

/// A value of a filled template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateValue {
    /// Where it stands.
    pub part: TemplatePart,
    /// The parameter's name.
    #[schema(max_length = 100)]
    pub name: String,
    /// The value, on one line.
    #[schema(max_length = 2000)]
    pub value: String,
}

/// A filled template: what a message holds, and what is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilledTemplate {
    /// Its name at WhatsApp.
    pub name: String,
    /// WhatsApp's code of its language.
    pub language: String,
    /// Whether its values have names, not numbers.
    pub named: bool,
    /// The values, in the template's order.
    pub values: Vec<TemplateValue>,
    /// What the customer reads: header, text and footer. Of a fallback template the message that it
    /// stands for.
    pub text: String,
    /// The labels of its buttons.
    pub buttons: Vec<String>,
    /// What stands above the text, where that is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<FilledHeader>,
    /// The button that copies its value, by its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<String>,
}

/// What stands above a filled template's text, where that is no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FilledHeader {
    /// A picture, video or document.
    File(Media),
    /// The place that the header's values name.
    Location {},
}

impl FilledTemplate {
    /// Whether it is this template with these values, in whatever order they were given, and this file.
    pub fn is_filled_with(
        &self,
        (name, language): (&str, &str),
        values: &[TemplateValue],
        file: Option<&Media>,
    ) -> bool {
        let own_file = match &self.header {
            Some(FilledHeader::File(media)) => Some(media),
            _ => None,
        };
        let identity = |media: &Media| (media.sha256.clone(), media.file_name.clone());
        let has = |value: &TemplateValue| {
            self.values.iter().any(|own| {
                own.part == value.part && own.name == value.name && own.value == value.value.trim()
            })
        };
        self.name == name
            && self.language == language
            && own_file.map(identity) == file.map(identity)
            && self.values.len() == values.len()
            && values.iter().all(has)
    }
}

/// Why a template cannot be filled so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// This version cannot fill it.
    #[error(
        "The template has cards, or a header or a button that frontdesk does not fill: send it from WhatsApp Manager."
    )]
    Unsupported,
    /// The file above its text is missing, or is of another kind.
    #[error(
        "The template has {} above its text: attach one that is within WhatsApp's limits, to a message in a conversation (campaigns and first messages take none).",
        named(*.0)
    )]
    NoFile(TemplateHeaderKind),
    /// It takes no file.
    #[error(
        "The template has no picture, video or document above its text: send it without a file."
    )]
    UnwantedFile,
    /// The place above its text is not on Earth.
    #[error(
        "The place above the text has a latitude from -90 to 90 and a longitude from -180 to 180."
    )]
    Location,
    /// WhatsApp does not take it now.
    #[error("WhatsApp does not take this template now, it is {0}: choose another one.")]
    NotApproved(TemplateState),
    /// A value is missing or empty.
    #[error("The template's {part} needs a value for `{name}`.")]
    Missing {
        /// Where.
        part: TemplatePart,
        /// The parameter's name.
        name: String,
    },
    /// It takes no such value, or has it twice.
    #[error("The template's {part} takes no value `{name}`, or only one.")]
    Unknown {
        /// Where.
        part: TemplatePart,
        /// The value's name.
        name: String,
    },
    /// A value has a line break, a tab or many spaces.
    #[error(
        "The value of `{0}` has a line break, a tab or more than four spaces in a row: WhatsApp takes one line."
    )]
    NotOneLine(String),
    /// The end of a link is none.
    #[error("The end of a link has no spaces and no address of its own.")]
    NoLinkEnd,
    /// A part is too long with its values.
    #[error(
        "The template's {part} has {length} characters with its values, and WhatsApp takes {most}."
    )]
    TooLong {
        /// Which.
        part: TemplatePart,
        /// Its length, in characters.
        length: usize,
        /// Maximum length, in characters.
        most: usize,
    },
}

impl MessageTemplate {
    /// Fills a template without a file above its text. Checks what WhatsApp would refuse.
    pub fn fill(&self, values: &[TemplateValue]) -> Result<FilledTemplate, TemplateError> {
        self.fill_with(values, None)
    }

    /// Fills the template. Checks what WhatsApp would refuse.
    pub fn fill_with(
        &self,
        values: &[TemplateValue],
        file: Option<Media>,
    ) -> Result<FilledTemplate, TemplateError> {
        let layout = &self.layout;
        if self.state != TemplateState::Approved {
            return Err(TemplateError::NotApproved(self.state));
        }
        if !layout.is_supported() {
            return Err(TemplateError::Unsupported);
        }
        let header = self.header(file)?;
        let values = self.values(values)?;
        if header == Some(FilledHeader::Location {}) && !is_place(&values) {
            return Err(TemplateError::Location);
        }
        let (line, body) = self.texts(&values)?;
        let parts = [line, Some(body), layout.footer.clone()];
        let copies =
            layout.buttons.iter().position(|button| button.kind == TemplateButtonKind::CopyCode);
        Ok(FilledTemplate {
            name: self.name.clone(),
            language: self.language.clone(),
            named: layout.named,
            values,
            text: parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"),
            buttons: layout.buttons.iter().map(|button| button.text.clone()).collect(),
            header,
            copies: copies.map(|at| at.to_string()),
        })
    }

    /// What stands above the text, if it is no text.
    fn header(&self, file: Option<Media>) -> Result<Option<FilledHeader>, TemplateError> {
        let kind = self.layout.header.as_ref().map(|header| header.kind);
        match (kind, kind.and_then(TemplateHeaderKind::file), file) {
            (_, Some(wanted), Some(media)) if media.kind == wanted => {
                Ok(Some(FilledHeader::File(media)))
            }
            (Some(kind), Some(_), _) => Err(TemplateError::NoFile(kind)),
            (_, _, Some(_)) => Err(TemplateError::UnwantedFile),
            (Some(TemplateHeaderKind::Location), ..) => Ok(Some(FilledHeader::Location {})),
            _ => Ok(None),
        }
    }

    /// The values in the template's order: each once, and none that it does not take.
    fn values(&self, values: &[TemplateValue]) -> Result<Vec<TemplateValue>, TemplateError> {
        let parameters = self.layout.parameters();
        let is = |value: &TemplateValue, wanted: &TemplateParameter| {
            value.part == wanted.part && value.name == wanted.name
        };
        let repeated = |at: usize, value: &TemplateValue| {
            let same = |other: &TemplateValue| other.part == value.part && other.name == value.name;
            values.iter().take(at).any(same)
        };
        let unknown = values.iter().enumerate().find(|(at, value)| {
            !parameters.iter().any(|wanted| is(value, wanted)) || repeated(*at, value)
        });
        if let Some((_, TemplateValue { part, name, .. })) = unknown {
            return Err(TemplateError::Unknown { part: *part, name: name.clone() });
        }
        let filled = parameters.iter().map(|wanted| {
            let given = values.iter().find(|value| is(value, wanted));
            one_line(given.map(|given| given.value.trim()).unwrap_or_default(), wanted)
        });
        filled.collect()
    }

    /// Header and body with their values, none of them too long.
    fn texts(&self, values: &[TemplateValue]) -> Result<(Option<String>, String), TemplateError> {
        let within = |part, text: String, most| {
            let length = text.chars().count();
            let fits = length <= most;
            fits.then_some(text).ok_or(TemplateError::TooLong { part, length, most })
        };
        let of = |part: TemplatePart, text: &str| replaced(text, part, values);
        let part = TemplatePart::Header;
        let header = self.layout.header.as_ref().and_then(|header| match header.kind {
            TemplateHeaderKind::Text => Some(within(part, of(part, &header.text), MAX_HEADER_LEN)),
            TemplateHeaderKind::Location => Some(Ok(of(part, "{{name}}, {{address}}"))),
            _ => None,
        });
        let body = of(TemplatePart::Body, &self.layout.body);
        let body = within(TemplatePart::Body, body, MAX_BODY_LEN)?;
        for (button, value) in values.iter().filter_map(|value| {
            let at =
                value.name.parse::<usize>().ok().filter(|_| value.part == TemplatePart::Button);
            Some((self.layout.buttons.get(at?)?, value))
        }) {
            let whole = format!("{}{}", button.url.as_deref().unwrap_or_default(), value.value);
            let copies = button.kind == TemplateButtonKind::CopyCode;
            let most = if copies { MAX_CODE_LEN } else { MAX_URL_LEN };
            within(TemplatePart::Button, whole, most)?;
        }
        Ok((header.transpose()?, body))
    }
}

/// What a header takes, for people.
fn named(header: TemplateHeaderKind) -> &'static str {
    match header {
        TemplateHeaderKind::Image => "a picture (JPEG or PNG)",
        TemplateHeaderKind::Video => "a video (MP4 or 3GP)",
        _ => "a document",
    }
}

/// Whether the values of a header name a place on Earth.
fn is_place(values: &[TemplateValue]) -> bool {
    let within = |name: &str, most: f64| {
        let is = |value: &&TemplateValue| value.part == TemplatePart::Header && value.name == name;
        let degrees = values.iter().find(is).and_then(|value| value.value.parse::<f64>().ok());
        degrees.is_some_and(|degrees| (-most..=most).contains(&degrees))
    };
    within("latitude", 90.0) && within("longitude", 180.0)
}

/// A value that WhatsApp takes: on one line and not empty.
fn one_line(value: &str, wanted: &TemplateParameter) -> Result<TemplateValue, TemplateError> {
    let TemplateParameter { part, name } = wanted.clone();
    if value.is_empty() {
        return Err(TemplateError::Missing { part, name });
    }
    if part == TemplatePart::Button
        && (value.contains(char::is_whitespace) || value.contains("://"))
    {
        return Err(TemplateError::NoLinkEnd);
    }
    if value.chars().any(char::is_control) || value.contains("     ") {
        return Err(TemplateError::NotOneLine(name));
    }
    Ok(TemplateValue { part, name, value: value.to_owned() })
}

/// A text with the values in the place of its placeholders. What a value holds is not replaced again.
fn replaced(text: &str, part: TemplatePart, values: &[TemplateValue]) -> String {
    let mut pieces = text.split("{{");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let found = piece.split_once("}}").and_then(|(name, rest)| {
            let of = |value: &&TemplateValue| value.part == part && value.name == name.trim();
            Some((values.iter().find(of)?, rest))
        });
        let (value, rest) = found.map_or(("{{", piece), |(value, rest)| (&*value.value, rest));
        whole.push_str(value);
        whole.push_str(rest);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::media::MediaKind;
    use crate::domain::template::{
        TemplateButton, TemplateButtonKind, TemplateCategory, TemplateHeader, TemplateHeaderKind,
        TemplateLayout,
    };

    fn order_update() -> MessageTemplate {
        let kind = TemplateButtonKind::Url;
        let url = Some("https://shop.example/orders/{{1}}".to_owned());
        let header = TemplateHeader { kind: TemplateHeaderKind::Text, text: "Order {{1}}".into() };
        MessageTemplate {
            external_id: "1".into(),
            name: "order_update".into(),
            language: "en_US".into(),
            category: TemplateCategory::Utility,
            state: TemplateState::Approved,
            quality: None,
            reason: None,
            layout: TemplateLayout {
                header: Some(header),
                body: "Your {{2}} is ready, {{1}}. Hello {{1}}!".into(),
                footer: Some("Bolt Cycles".into()),
                buttons: vec![TemplateButton { kind, text: "Track".into(), url }],
                named: false,
            },
        }
    }

    fn value(part: TemplatePart, name: &str, value: &str) -> TemplateValue {
        TemplateValue { part, name: name.into(), value: value.into() }
    }

    fn whole() -> Vec<TemplateValue> {
        use TemplatePart::{Body, Button, Header};
        vec![
            value(Body, "2", "bike"),
            value(Button, "0", "A-17"),
            value(Header, "1", "A-17"),
            value(Body, "1", "{{2}} Ana"),
        ]
    }

    #[test]
    fn a_template_is_filled_in_its_own_order_and_a_value_is_never_filled_itself() {
        let filled = order_update().fill(&whole()).unwrap();
        let names: Vec<_> =
            filled.values.iter().map(|value| (value.part.as_str(), &*value.name)).collect();
        assert_eq!(names, [("header", "1"), ("body", "1"), ("body", "2"), ("button", "0")]);
        assert_eq!(
            filled.text,
            "Order A-17\n\nYour bike is ready, {{2}} Ana. Hello {{2}} Ana!\n\nBolt Cycles"
        );
        assert_eq!(filled.buttons, ["Track"]);
        let english = ("order_update", "en_US");
        assert!(filled.is_filled_with(english, &whole(), None));
        assert!(!filled.is_filled_with(english, &whole()[1..], None));
        assert!(!filled.is_filled_with(english, &whole(), Some(&Media::default())));
        assert!(!filled.is_filled_with(("order_update", "de"), &whole(), None));
    }

    #[test]
    fn what_whatsapp_would_refuse_is_refused_by_name() {
        use TemplateError::{Missing, NotOneLine, TooLong, Unknown};
        let of = |change: &dyn Fn(&mut Vec<TemplateValue>)| {
            let mut values = whole();
            change(&mut values);
            order_update().fill(&values).unwrap_err()
        };
        assert!(
            matches!(of(&|all| drop(all.remove(0))), Missing { part: TemplatePart::Body, name } if name == "2")
        );
        assert!(matches!(of(&|all| all[0].value = "  ".into()), Missing { .. }));
        assert!(matches!(of(&|all| all.push(value(TemplatePart::Body, "3", "x"))), Unknown { .. }));
        assert!(matches!(of(&|all| all.push(all[0].clone())), Unknown { .. }));
        for text in ["a b", "https://shop.example/orders/1"] {
            assert_eq!(of(&|all| all[1].value = text.into()), TemplateError::NoLinkEnd, "{text}");
        }
        for text in ["a\nb", "a\tb", "a     b"] {
            assert_eq!(of(&|all| all[0].value = text.into()), NotOneLine("2".into()), "{text:?}");
        }
        assert!(matches!(
            of(&|all| all[0].value = "x".repeat(1024)),
            TooLong { part: TemplatePart::Body, most: 1024, .. }
        ));
        assert!(matches!(
            of(&|all| all[2].value = "x".repeat(60)),
            TooLong { part: TemplatePart::Header, most: 60, .. }
        ));
        assert!(matches!(
            of(&|all| all[1].value = "x".repeat(2000)),
            TooLong { part: TemplatePart::Button, .. }
        ));
    }

    #[test]
    fn a_header_takes_the_file_or_the_place_that_it_is_for() {
        let headed = |kind| {
            let mut template = order_update();
            template.layout.header = Some(TemplateHeader { kind, text: String::new() });
            template
        };
        let mut values = whole();
        values.retain(|value| value.part != TemplatePart::Header);
        let file = |kind| Some(Media { kind, ..Media::default() });
        let picture = headed(TemplateHeaderKind::Image);
        let filled = picture.fill_with(&values, file(MediaKind::Image)).unwrap();
        assert!(
            matches!(&filled.header, Some(FilledHeader::File(it)) if it.kind == MediaKind::Image)
        );
        assert!(filled.text.starts_with("Your bike"), "{}", filled.text);
        for wrong in [None, file(MediaKind::Video), file(MediaKind::Document)] {
            let refused = picture.fill_with(&values, wrong).unwrap_err();
            assert_eq!(refused, TemplateError::NoFile(TemplateHeaderKind::Image));
            assert!(refused.to_string().contains("a picture"), "{refused}");
        }
        let unwanted = order_update().fill_with(&whole(), file(MediaKind::Image));
        assert_eq!(unwanted, Err(TemplateError::UnwantedFile));
        let place = headed(TemplateHeaderKind::Location);
        let mut placed = values.clone();
        for (name, text) in
            [("latitude", "51.5"), ("longitude", "-0.12"), ("name", "Acme"), ("address", "1 Quay")]
        {
            placed.push(value(TemplatePart::Header, name, text));
        }
        let filled = place.fill(&placed).unwrap();
        assert_eq!(filled.header, Some(FilledHeader::Location {}));
        assert!(filled.text.starts_with("Acme, 1 Quay\n\nYour bike"), "{}", filled.text);
        placed[3].value = "91".into();
        assert_eq!(place.fill(&placed), Err(TemplateError::Location));
    }

    #[test]
    fn a_button_copies_a_short_code() {
        let mut code = order_update();
        code.layout.buttons[0] =
            TemplateButton { kind: TemplateButtonKind::CopyCode, text: "Copy".into(), url: None };
        let filled = code.fill(&whole()).unwrap();
        assert_eq!((filled.copies.as_deref(), &*filled.values[3].value), (Some("0"), "A-17"));
        let mut long = whole();
        long[1].value = "x".repeat(16);
        assert!(matches!(code.fill(&long), Err(TemplateError::TooLong { most: 15, .. })));
    }

    #[test]
    fn a_template_with_what_is_unknown_is_not_filled_halfway() {
        let mut cards = order_update();
        cards.layout.header =
            Some(TemplateHeader { kind: TemplateHeaderKind::Other, text: String::new() });
        assert_eq!(cards.fill(&whole()), Err(TemplateError::Unsupported));
        let mut code = order_update();
        code.layout.buttons[0].kind = TemplateButtonKind::Other;
        assert_eq!(code.fill(&whole()), Err(TemplateError::Unsupported));
    }
}
