//! What a customer taps: choices as reply buttons or a list, and a button that opens a web page. Each
//! holds the text that a customer reads where nothing can be tapped. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Choices that are offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choices {
    /// The whole message as text, with the choices as numbered lines.
    pub text: String,
    /// The text above the choices.
    pub body: String,
    /// The line above the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The line below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// The label of the button that opens the list; null for reply buttons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The choices, in their order.
    pub options: Vec<ChoiceOption>,
}

/// One of several choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChoiceOption {
    /// The id that comes back when it is tapped.
    pub id: String,
    /// Its label.
    pub title: String,
    /// A line below the label, in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A text with a button that opens a web page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkButton {
    /// The whole message as text, with the address.
    pub text: String,
    /// The text above the button.
    pub body: String,
    /// The line above the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The line below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// The button's label.
    pub label: String,
    /// The address that it opens.
    pub url: String,
}

impl ChoiceOption {
    /// Choices without descriptions, whose ids are their numbers.
    pub fn numbered<T: Into<String>>(titles: impl IntoIterator<Item = T>) -> Vec<Self> {
        let option = |(number, title): (usize, T)| Self {
            id: number.to_string(),
            title: title.into(),
            description: None,
        };
        (1..).zip(titles).map(option).collect()
    }
}

impl Choices {
    /// Choices below a text, without header, footer and list.
    pub fn new(body: impl Into<String>, options: Vec<ChoiceOption>) -> Self {
        let body = body.into();
        let bare =
            Self { text: String::new(), body, header: None, footer: None, list: None, options };
        bare.worded()
    }

    /// The same with the text that it is as a whole: to be called after a change.
    #[must_use]
    pub fn worded(self) -> Self {
        let line = |(number, option): (usize, &ChoiceOption)| match &option.description {
            Some(description) => format!("{number}. {} – {description}", option.title),
            None => format!("{number}. {}", option.title),
        };
        let lines: Vec<_> = (1..).zip(&self.options).map(line).collect();
        let text =
            joined((self.header.as_deref(), &self.body), &lines.join("\n"), self.footer.as_deref());
        Self { text, ..self }
    }

    /// The labels, in their order.
    pub fn titles(&self) -> Vec<String> {
        self.options.iter().map(|option| option.title.clone()).collect()
    }
}

impl LinkButton {
    /// A button below a text, without header and footer.
    pub fn new(body: impl Into<String>, label: impl Into<String>, url: impl Into<String>) -> Self {
        let (body, label, url) = (body.into(), label.into(), url.into());
        let bare = Self { text: String::new(), body, header: None, footer: None, label, url };
        bare.worded()
    }

    /// The same with the text that it is as a whole: to be called after a change.
    #[must_use]
    pub fn worded(self) -> Self {
        let address = format!("{}: {}", self.label, self.url);
        let text = joined((self.header.as_deref(), &self.body), &address, self.footer.as_deref());
        Self { text, ..self }
    }
}

/// The parts of a message as its paragraphs; `below` stands for what is tapped.
pub(super) fn joined(
    (header, body): (Option<&str>, &str),
    below: &str,
    footer: Option<&str>,
) -> String {
    let parts = [header, Some(body), Some(below), footer];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_and_links_are_text_where_nothing_can_be_tapped() {
        let mut sizes = Choices::new("Which size?", ChoiceOption::numbered(["Small", "Large"]));
        assert_eq!(sizes.text, "Which size?\n\n1. Small\n2. Large");
        assert_eq!(
            (&*sizes.options[1].id, sizes.titles()),
            ("2", vec!["Small".into(), "Large".into()])
        );
        sizes.options[1].description = Some("2 l".into());
        (sizes.header, sizes.footer) = (Some("Cups".into()), Some("Acme".into()));
        assert_eq!(sizes.worded().text, "Cups\n\nWhich size?\n\n1. Small\n2. Large – 2 l\n\nAcme");
        let link = LinkButton::new("Track it here.", "Track", "https://acme.example/a");
        assert_eq!(link.text, "Track it here.\n\nTrack: https://acme.example/a");
    }
}
