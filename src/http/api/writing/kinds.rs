//! What a person can write beside files: the kinds of a reply as the API takes them, and their content.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Reply, connected};
use crate::domain::{
    ChoiceOption, Choices, Content, ConversationId, FlowAction, FlowButton, LinkButton,
    ProductSection, Products,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::pipeline::outbound::MAX_MESSAGE_LEN;
use crate::provider::Abilities;

/// Choices that the customer can tap. Up to three short ones without descriptions are reply buttons,
/// others a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChoicesReply {
    /// The choices, in their order.
    #[schema(min_items = 1, max_items = 10)]
    options: Vec<OptionReply>,
    /// The label of the button that opens the list; with it, also few choices are a list.
    #[schema(max_length = 20)]
    list: Option<String>,
    /// The line above the text.
    #[schema(max_length = 60)]
    header: Option<String>,
    /// The line below the text.
    #[schema(max_length = 60)]
    footer: Option<String>,
}

/// One of the choices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionReply {
    /// Its label: at most 20 characters for a reply button.
    #[schema(max_length = 24)]
    title: String,
    /// A line below the label, in a list.
    #[schema(max_length = 72)]
    description: Option<String>,
    /// The id that comes back when it is tapped; by default its number.
    #[schema(max_length = 200)]
    id: Option<String>,
}

/// A button that opens a web page.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkReply {
    /// Its label.
    #[schema(max_length = 20)]
    label: String,
    /// The address, with `https://`.
    #[schema(max_length = 2000)]
    url: String,
    /// The line above the text.
    #[schema(max_length = 60)]
    header: Option<String>,
    /// The line below the text.
    #[schema(max_length = 60)]
    footer: Option<String>,
}

/// Products of a catalogue. One without a header is shown by itself; several need a header and a text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductsReply {
    /// Meta's id of the catalogue, which is connected to the number's account.
    #[schema(max_length = 100)]
    catalog: String,
    /// The products: at most 30 in all.
    #[schema(min_items = 1, max_items = 10)]
    sections: Vec<SectionReply>,
    /// The line above the text.
    #[schema(max_length = 60)]
    header: Option<String>,
    /// The line below the text.
    #[schema(max_length = 60)]
    footer: Option<String>,
}

/// Some of the products.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionReply {
    /// What stands above them; required if there are several sections.
    #[schema(max_length = 24)]
    title: Option<String>,
    /// Their ids in the catalogue (SKUs).
    #[schema(min_items = 1, max_items = 30)]
    products: Vec<String>,
}

/// A button that opens a form (a WhatsApp Flow).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FlowReply {
    /// Meta's id of the form.
    #[schema(max_length = 100)]
    id: String,
    /// The button's label.
    #[schema(max_length = 30)]
    label: String,
    /// What decides which screen comes first; by default the message.
    #[serde(default)]
    action: FlowAction,
    /// The screen that comes first; without it the form's own first one.
    #[schema(max_length = 100)]
    screen: Option<String>,
    /// The line above the text.
    #[schema(max_length = 60)]
    header: Option<String>,
    /// The line below the text.
    #[schema(max_length = 60)]
    footer: Option<String>,
}

/// A place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LocationReply {
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    latitude: f64,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    longitude: f64,
    /// The place's name.
    #[schema(max_length = 1000)]
    name: Option<String>,
    /// The place's address.
    #[schema(max_length = 1000)]
    address: Option<String>,
}

/// An emoji on a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReactionReply {
    /// Id of the message, which must be of this conversation.
    #[schema(max_length = 100)]
    message: String,
    /// The emoji; empty to take it back.
    #[schema(max_length = 16)]
    emoji: String,
}

impl Reply {
    /// What is written, within what the number's provider can send, and the message that it refers to.
    pub(super) async fn content(
        self,
        web: &WebState,
        (conversation, number, key): (&ConversationId, &str, &str),
    ) -> Result<(Content, Option<String>), Problem> {
        self.is_one_kind()?;
        let Self { text, template, choices, link, products, flow, .. } = self;
        let (location, contacts, reaction) = (self.location, self.contacts, self.reaction);
        let mut reply_to = self.reply_to;
        let text = text.as_deref().map(str::trim).unwrap_or_default();
        let content = if let Some(template) = template {
            return Ok((template.content(web, (conversation, number, key), None).await?, reply_to));
        } else if let Some(choices) = choices {
            Content::Choices(choices.below(text))
        } else if let Some(link) = link {
            Content::Link(link.below(text))
        } else if let Some(products) = products {
            Content::Products(products.below(text))
        } else if let Some(flow) = flow {
            Content::Flow(flow.below(text))
        } else if let Some(LocationReply { latitude, longitude, name, address }) = location {
            let (name, address) = (given(name), given(address));
            Content::Location { latitude, longitude, name, address, url: None }
        } else if let Some(cards) = contacts {
            Content::address_cards(&cards)
        } else if let Some(ReactionReply { message, emoji }) = reaction {
            reply_to = Some(message);
            // The store knows the provider's id of the message.
            Content::Reaction { message_id: String::new(), emoji: given(Some(emoji)) }
        } else {
            return Ok((text_content(text)?, reply_to));
        };
        let abilities = Abilities::of(connected(web, number)?.provider);
        let unfit = abilities.check(&content).err();
        unfit
            .map_or(Ok((content, reply_to)), |unfit| Err(Problem::unprocessable(unfit.to_string())))
    }

    /// Checks that it is a text, alone or with something below it, or one of the other kinds.
    fn is_one_kind(&self) -> Result<(), Problem> {
        let products = self.products.is_some();
        let below = [self.choices.is_some(), self.link.is_some(), self.flow.is_some()];
        let alone = [
            self.template.is_some(),
            self.location.is_some(),
            self.contacts.is_some(),
            self.reaction.is_some() && self.reply_to.is_none(),
        ];
        let count = |kinds: &[bool]| kinds.iter().filter(|given| **given).count();
        let (below, alone) = (count(&below), count(&alone));
        let is_one = if self.text.is_some() {
            below + usize::from(products) <= 1 && alone == 0
        } else {
            below == 0 && alone + usize::from(products) == 1
        };
        is_one.then_some(()).ok_or_else(|| {
            Problem::unprocessable(
                "Give either `text`, alone or with `choices`, `link`, `products` or `flow`, or one of `template`, `products`, \
                 `location`, `contacts` and `reaction` (without `reply_to`).",
            )
        })
    }
}

impl ChoicesReply {
    fn below(self, text: &str) -> Choices {
        let Self { options, list, header, footer } = self;
        let option = |(number, option): (usize, OptionReply)| ChoiceOption {
            id: given(option.id).unwrap_or_else(|| number.to_string()),
            title: option.title.trim().to_owned(),
            description: given(option.description),
        };
        let options = (1..).zip(options).map(option).collect();
        let (list, header, footer) = (given(list), given(header), given(footer));
        Choices { header, footer, list, ..Choices::new(text, options) }.worded()
    }
}

impl LinkReply {
    fn below(self, text: &str) -> LinkButton {
        let Self { label, url, header, footer } = self;
        let (header, footer) = (given(header), given(footer));
        LinkButton { header, footer, ..LinkButton::new(text, label.trim(), url.trim()) }.worded()
    }
}

impl ProductsReply {
    fn below(self, text: &str) -> Products {
        let section = |SectionReply { title, products }: SectionReply| ProductSection {
            title: given(title),
            products: products.iter().map(|id| id.trim().to_owned()).collect(),
        };
        let sections = self.sections.into_iter().map(section).collect();
        let (header, footer) = (given(self.header), given(self.footer));
        Products { header, footer, ..Products::new(text, self.catalog.trim(), sections) }.worded()
    }
}

impl FlowReply {
    fn below(self, text: &str) -> FlowButton {
        let Self { id, label, action, screen, header, footer } = self;
        let (screen, header, footer) = (given(screen), given(header), given(footer));
        let flow = FlowButton::new(text, label.trim(), id.trim());
        FlowButton { header, footer, action, screen, ..flow }.worded()
    }
}

pub(in super::super) fn text_content(text: &str) -> Result<Content, Problem> {
    let letters = text.chars().count();
    if letters == 0 {
        return Err(Problem::unprocessable("`text` is empty: write something."));
    }
    if letters > MAX_MESSAGE_LEN {
        return Err(Problem::unprocessable(format!(
            "`text` has {letters} characters, and WhatsApp takes {MAX_MESSAGE_LEN}: write several messages."
        )));
    }
    Ok(Content::Text { body: text.to_owned() })
}

/// A text, if there is something in it.
fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
