//! Filling a message template: its values, and what WhatsApp would refuse of them. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::template::{MessageTemplate, TemplateParameter, TemplatePart, TemplateState};

/// Maximum lengths of a filled template, in characters:
/// <https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components>.
pub(super) const MAX_HEADER_LEN: usize = 60;
pub(super) const MAX_BODY_LEN: usize = 1024;
pub(super) const MAX_URL_LEN: usize = 2000;

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
}

impl FilledTemplate {
    /// Whether it is this template with these values, in whatever order they were given.
    pub fn is_filled_with(&self, name: &str, language: &str, values: &[TemplateValue]) -> bool {
        let has = |value: &TemplateValue| {
            self.values.iter().any(|own| {
                own.part == value.part && own.name == value.name && own.value == value.value.trim()
            })
        };
        self.name == name
            && self.language == language
            && self.values.len() == values.len()
            && values.iter().all(has)
    }
}

/// Why a template cannot be filled so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// This version cannot fill it.
    #[error(
        "The template has a picture, video, document, place or a button that frontdesk does not fill: send it from WhatsApp Manager."
    )]
    Unsupported,
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
    /// Fills the template. Checks what WhatsApp would refuse.
    pub fn fill(&self, values: &[TemplateValue]) -> Result<FilledTemplate, TemplateError> {
        let layout = &self.layout;
        if self.state != TemplateState::Approved {
            return Err(TemplateError::NotApproved(self.state));
        }
        if !layout.is_supported() {
            return Err(TemplateError::Unsupported);
        }
        let parameters = layout.parameters();
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
        let values = filled.collect::<Result<Vec<_>, _>>()?;
        let (header, body) = self.texts(&values)?;
        let parts = [header, Some(body), layout.footer.clone()];
        Ok(FilledTemplate {
            name: self.name.clone(),
            language: self.language.clone(),
            named: layout.named,
            values,
            text: parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"),
            buttons: layout.buttons.iter().map(|button| button.text.clone()).collect(),
        })
    }

    /// Header and body with their values, none of them too long.
    fn texts(&self, values: &[TemplateValue]) -> Result<(Option<String>, String), TemplateError> {
        let within = |part, text: String, most| {
            let length = text.chars().count();
            let fits = length <= most;
            fits.then_some(text).ok_or(TemplateError::TooLong { part, length, most })
        };
        let of = |part: TemplatePart, text: &str| replaced(text, part, values);
        let header = self.layout.header.as_ref().map(|header| {
            let part = TemplatePart::Header;
            within(part, of(part, &header.text), MAX_HEADER_LEN)
        });
        let body = of(TemplatePart::Body, &self.layout.body);
        let body = within(TemplatePart::Body, body, MAX_BODY_LEN)?;
        for (button, value) in values.iter().filter_map(|value| {
            let at =
                value.name.parse::<usize>().ok().filter(|_| value.part == TemplatePart::Button);
            Some((self.layout.buttons.get(at?)?, value))
        }) {
            let url = format!("{}{}", button.url.as_deref().unwrap_or_default(), value.value);
            within(TemplatePart::Button, url, MAX_URL_LEN)?;
        }
        Ok((header.transpose()?, body))
    }
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
        assert!(filled.is_filled_with("order_update", "en_US", &whole()));
        assert!(!filled.is_filled_with("order_update", "en_US", &whole()[1..]));
        assert!(!filled.is_filled_with("order_update", "de", &whole()));
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
    fn a_template_with_a_picture_or_a_code_is_not_filled_halfway() {
        let mut picture = order_update();
        picture.layout.header =
            Some(TemplateHeader { kind: TemplateHeaderKind::Other, text: String::new() });
        assert_eq!(picture.fill(&whole()), Err(TemplateError::Unsupported));
        let mut code = order_update();
        code.layout.buttons[0].kind = TemplateButtonKind::Other;
        assert_eq!(code.fill(&whole()), Err(TemplateError::Unsupported));
    }
}
