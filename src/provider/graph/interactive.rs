//! Bodies of interactive messages, in Meta's format: reply buttons, lists, link buttons, products and
//! forms.

use serde::Serialize;

use crate::domain::{ChoiceOption, Choices, FlowAction, FlowButton, LinkButton, Products};

/// A message with something to tap.
#[derive(Serialize)]
pub(super) struct Interactive<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Text<'a>>,
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
    Product { catalog_id: &'a str, product_retailer_id: &'a str },
    Products { catalog_id: &'a str, sections: Vec<ProductSection<'a>> },
    Flow { name: &'static str, parameters: FlowParameters<'a> },
}

#[derive(Serialize)]
struct ProductSection<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    product_items: Vec<ProductItem<'a>>,
}

#[derive(Serialize)]
struct ProductItem<'a> {
    product_retailer_id: &'a str,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are Meta's")]
struct FlowParameters<'a> {
    flow_message_version: &'static str,
    flow_token: &'a str,
    flow_id: &'a str,
    flow_cta: &'a str,
    flow_action: FlowAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_action_payload: Option<FlowScreen<'a>>,
}

#[derive(Serialize)]
struct FlowScreen<'a> {
    screen: &'a str,
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
            body: Text::of(&link.body),
            footer: link.footer.as_deref().and_then(Text::of),
            action: Action::Link { name: "cta_url", parameters },
        }
    }

    /// Products of a catalogue:
    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/guides/sell-products-and-services/share-products>.
    pub(super) fn products(products: &'a Products) -> Self {
        let catalog_id = products.catalog.as_str();
        let (r#type, action) = if let Some(product_retailer_id) = products.single() {
            ("product", Action::Product { catalog_id, product_retailer_id })
        } else {
            let item = |id: &'a String| ProductItem { product_retailer_id: id };
            let sections = products.sections.iter().map(|section| ProductSection {
                title: section.title.as_deref(),
                product_items: section.products.iter().map(item).collect(),
            });
            ("product_list", Action::Products { catalog_id, sections: sections.collect() })
        };
        Self {
            r#type,
            header: Header::of(products.header.as_deref()),
            body: Text::of(&products.body),
            footer: products.footer.as_deref().and_then(Text::of),
            action,
        }
    }

    /// A button that opens a form:
    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-flow-messages>.
    pub(super) fn flow(flow: &'a FlowButton, token: &'a str) -> Self {
        let parameters = FlowParameters {
            flow_message_version: "3",
            flow_token: token,
            flow_id: &flow.flow,
            flow_cta: &flow.label,
            flow_action: flow.action,
            flow_action_payload: flow.screen.as_deref().map(|screen| FlowScreen { screen }),
        };
        Self {
            r#type: "flow",
            header: Header::of(flow.header.as_deref()),
            body: Text::of(&flow.body),
            footer: flow.footer.as_deref().and_then(Text::of),
            action: Action::Flow { name: "flow", parameters },
        }
    }

    fn of(r#type: &'static str, choices: &'a Choices, action: Action<'a>) -> Self {
        Self {
            r#type,
            header: Header::of(choices.header.as_deref()),
            body: Text::of(&choices.body),
            footer: choices.footer.as_deref().and_then(Text::of),
            action,
        }
    }
}

impl<'a> Header<'a> {
    fn of(text: Option<&'a str>) -> Option<Self> {
        text.map(|text| Self { r#type: "text", text })
    }
}

impl<'a> Text<'a> {
    /// `None` for an empty text, which only products may have.
    fn of(text: &'a str) -> Option<Self> {
        (!text.is_empty()).then_some(Self { text })
    }
}

impl<'a> Row<'a> {
    fn of(ChoiceOption { id, title, description }: &'a ChoiceOption) -> Self {
        Self { id, title, description: description.as_deref() }
    }
}
