//! Bodies of interactive messages, in Meta's format: reply buttons, lists and link buttons.

use serde::Serialize;

use crate::domain::{ChoiceOption, Choices, LinkButton};

/// A message with something to tap.
#[derive(Serialize)]
pub(super) struct Interactive<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header<'a>>,
    body: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Text<'a>>,
    action: Action<'a>,
}

#[derive(Serialize)]
struct Header<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Action<'a> {
    Buttons { buttons: Vec<Button<'a>> },
    List { button: &'a str, sections: [Section<'a>; 1] },
    Link { name: &'static str, parameters: Parameters<'a> },
}

#[derive(Serialize)]
struct Button<'a> {
    r#type: &'static str,
    reply: Row<'a>,
}

/// A section without a title: only several need one.
#[derive(Serialize)]
struct Section<'a> {
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

#[derive(Serialize)]
struct Parameters<'a> {
    display_text: &'a str,
    url: &'a str,
}

impl<'a> Interactive<'a> {
    /// Choices as reply buttons.
    pub(super) fn buttons(choices: &'a Choices) -> Self {
        let button = |option| Button { r#type: "reply", reply: Row::of(option) };
        let buttons = choices.options.iter().map(button).collect();
        Self::of("button", choices, Action::Buttons { buttons })
    }

    /// Choices as a list.
    pub(super) fn list(choices: &'a Choices) -> Self {
        let rows = choices.options.iter().map(Row::of).collect();
        let button = choices.list.as_deref().unwrap_or_default();
        Self::of("list", choices, Action::List { button, sections: [Section { rows }] })
    }

    /// A button that opens a web page.
    pub(super) fn link(link: &'a LinkButton) -> Self {
        let parameters = Parameters { display_text: &link.label, url: &link.url };
        Self {
            r#type: "cta_url",
            header: Header::of(link.header.as_deref()),
            body: Text { text: &link.body },
            footer: link.footer.as_deref().map(|text| Text { text }),
            action: Action::Link { name: "cta_url", parameters },
        }
    }

    fn of(r#type: &'static str, choices: &'a Choices, action: Action<'a>) -> Self {
        Self {
            r#type,
            header: Header::of(choices.header.as_deref()),
            body: Text { text: &choices.body },
            footer: choices.footer.as_deref().map(|text| Text { text }),
            action,
        }
    }
}

impl<'a> Header<'a> {
    fn of(text: Option<&'a str>) -> Option<Self> {
        text.map(|text| Self { r#type: "text", text })
    }
}

impl<'a> Row<'a> {
    fn of(ChoiceOption { id, title, description }: &'a ChoiceOption) -> Self {
        Self { id, title, description: description.as_deref() }
    }
}
