//! Messages beside text, files and templates: within a provider's limits, or as the text that they are
//! where it cannot send them. Pure.

use std::collections::HashSet;

use serde_json::Value;

use super::Abilities;
use crate::domain::{ChoiceOption, Choices, Content, FlowAction, FlowButton, LinkButton, phone};
use crate::provider::OutgoingContent;

/// Maximum length of a text, in characters.
const MAX_TEXT_LEN: usize = 4096;
/// Maximum length of an address, in characters.
const MAX_URL_LEN: usize = 2000;
/// Maximum length of an id that the provider gave, in characters.
const MAX_ID_LEN: usize = 100;
/// Maximum address cards of a message.
const MAX_CARDS: usize = 257;
/// Maximum phone numbers of an address card.
const MAX_PHONES: usize = 10;

/// Limits of a message with something to tap, in characters.
#[derive(Debug, Clone, Copy)]
pub struct InteractiveLimits {
    /// Maximum length of the text.
    pub max_body: usize,
    /// Maximum length of the line above it.
    pub max_header: usize,
    /// Maximum length of the line below it.
    pub max_footer: usize,
    /// Maximum length of a button's label.
    pub max_label: usize,
}

/// How a provider offers choices: few short ones as reply buttons, more as a list.
#[derive(Debug, Clone, Copy)]
pub struct ChoiceAbility {
    /// Limits of a message with reply buttons.
    pub buttons: InteractiveLimits,
    /// Maximum reply buttons.
    pub max_buttons: usize,
    /// Limits of a message with a list; the label is that of the button that opens it.
    pub list: InteractiveLimits,
    /// Maximum rows of a list.
    pub max_rows: usize,
    /// Maximum length of a row's label.
    pub max_row_title: usize,
    /// Maximum length of the line below it.
    pub max_description: usize,
    /// Maximum length of a choice's id.
    pub max_id: usize,
}

impl InteractiveLimits {
    /// WhatsApp's own limits:
    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-cta-url-messages>.
    pub(super) const WHATSAPP: Self =
        Self { max_body: 1024, max_header: 60, max_footer: 60, max_label: 20 };
    /// Of a button that opens a form:
    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-flow-messages>.
    pub(super) const FLOW: Self = Self { max_label: 30, ..Self::WHATSAPP };
}

impl ChoiceAbility {
    /// WhatsApp's own limits:
    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-reply-buttons-messages>
    /// and <https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-list-messages>.
    pub(super) const WHATSAPP: Self = Self {
        buttons: InteractiveLimits::WHATSAPP,
        max_buttons: 3,
        list: InteractiveLimits { max_body: 4096, ..InteractiveLimits::WHATSAPP },
        max_rows: 10,
        max_row_title: 24,
        max_description: 72,
        max_id: 200,
    };

    /// Whether choices are shown as a list: if they have a label for it, or are too many, too long or
    /// too wordy for reply buttons.
    fn needs_list(&self, choices: &Choices) -> bool {
        let is_long = |option: &ChoiceOption| {
            option.description.is_some() || length(&option.title) > self.buttons.max_label
        };
        choices.list.is_some()
            || choices.options.len() > self.max_buttons
            || choices.options.iter().any(is_long)
    }
}

/// Why a provider cannot send a message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitContent {
    /// There is no text.
    #[error("There is no text above the buttons: write one.")]
    NoBody,
    /// A part is too long.
    #[error("The {part} has {length} characters, and WhatsApp takes {most}: shorten it.")]
    TooLong {
        /// Which.
        part: String,
        /// Its length, in characters.
        length: usize,
        /// Maximum length, in characters.
        most: usize,
    },
    /// A label is empty, or has a line break.
    #[error("The {0} has to be one line with something in it.")]
    NotOneLine(String),
    /// There are no choices, or too many.
    #[error("It offers {count} choices, and WhatsApp takes 1 to {most}: ask in two steps.")]
    Count {
        /// Their number.
        count: usize,
        /// Maximum number.
        most: usize,
    },
    /// Two choices have the same label or id.
    #[error("Two choices are called `{0}`: each needs a label and an id of its own.")]
    Same(String),
    /// A list has no label for the button that opens it.
    #[error(
        "These choices are shown as a list, because there are more than {most}, or one is long or has a description: give `list`, the label of \
         the button that opens it."
    )]
    NoList {
        /// Maximum reply buttons.
        most: usize,
    },
    /// The address cannot be opened.
    #[error("The link has to be a whole address without spaces, such as https://example.com/menu.")]
    Url,
    /// An id of the provider's with spaces or other signs.
    #[error("The {0} has letters, digits, - and _ alone: copy it from Meta Business Suite.")]
    Id(&'static str),
    /// Two ways to choose the first screen of a form.
    #[error("The endpoint of the form chooses its first screen: leave out `screen`, or `action`.")]
    Screen,
    /// No products, or too many.
    #[error(
        "It has {count} products, and WhatsApp takes 1 to {most}, in 1 to {sections} sections with at least one each."
    )]
    Products {
        /// Their number.
        count: usize,
        /// Maximum number.
        most: usize,
        /// Maximum number of sections.
        sections: usize,
    },
    /// A product twice.
    #[error("The product `{0}` is there twice.")]
    SameProduct(String),
    /// Several products lack a header or a text.
    #[error(
        "Several products need a header and a text above them: only a single one goes without."
    )]
    NoHeader,
    /// Several sections, and one has no title.
    #[error("Each of several sections needs a title.")]
    NoTitle,
    /// A place that is not on Earth.
    #[error("A location has a latitude from -90 to 90 and a longitude from -180 to 180.")]
    Location,
    /// Not an address card, or too many.
    #[error(
        "A message has 1 to {MAX_CARDS} address cards, each with a name and up to {MAX_PHONES} phone numbers with their country code."
    )]
    Contacts,
    /// Not one emoji.
    #[error("A reaction is one emoji, or empty to take it back.")]
    Emoji,
    /// The provider cannot send it.
    #[error("The number's provider cannot send a {0}: write it as a text.")]
    Unable(&'static str),
}

impl Abilities {
    /// Returns choices with these labels as WhatsApp takes them, without a text; `list` is the label for
    /// a list.
    pub fn offer(labels: Vec<String>, list: &str) -> Result<Choices, UnfitContent> {
        let choices = Choices::new(String::new(), ChoiceOption::numbered(labels));
        let choices = Choices { list: Some(list.to_owned()), ..choices };
        let below = Choices { body: "?".to_owned(), ..choices.clone() };
        Self::WHATSAPP.check(&Content::Choices(below)).map(|()| choices)
    }

    /// Checks what is to be queued. Files and templates are checked as they are read and filled.
    pub fn check(&self, content: &Content) -> Result<(), UnfitContent> {
        match content {
            Content::Choices(choices) => self.check_choices(choices),
            Content::Link(link) => self.check_link(link),
            Content::Products(products) => {
                self.products.ok_or(UnfitContent::Unable("product"))?.check(products)
            }
            Content::Flow(flow) => self.flow.ok_or(UnfitContent::Unable("form"))?.check_flow(flow),
            Content::Location { .. } if !self.location => Err(UnfitContent::Unable("location")),
            Content::Location { latitude, longitude, name, address, .. } => {
                if !(-90.0..=90.0).contains(latitude) || !(-180.0..=180.0).contains(longitude) {
                    return Err(UnfitContent::Location);
                }
                let line = |part: &str, text: &Option<String>| {
                    text.as_deref().map_or(Ok(()), |text| one_line(part, text, MAX_URL_LEN / 2))
                };
                line("name", name).and_then(|()| line("address", address))
            }
            Content::Contacts { .. } if !self.contacts => Err(UnfitContent::Unable("address card")),
            Content::Contacts { names, cards } => {
                let many = cards.as_array().map_or(0, Vec::len);
                let is_whole =
                    names.len() == many && names.iter().all(|name| !name.trim().is_empty());
                let has_phones = cards.as_array().into_iter().flatten().all(|card| {
                    let phones = card["phones"].as_array().map_or(&[][..], Vec::as_slice);
                    let is_phone = |one: &Value| {
                        one["phone"].as_str().is_some_and(|phone| phone::wa_id(phone).is_some())
                    };
                    phones.len() <= MAX_PHONES && phones.iter().all(is_phone)
                });
                let fits = is_whole && has_phones && (1..=MAX_CARDS).contains(&many);
                fits.then_some(()).ok_or(UnfitContent::Contacts)
            }
            Content::Reaction { .. } if !self.reactions => Err(UnfitContent::Unable("reaction")),
            Content::Reaction { emoji, .. } => {
                let fits = emoji.as_deref().is_none_or(is_emoji);
                fits.then_some(()).ok_or(UnfitContent::Emoji)
            }
            _ => Ok(()),
        }
    }

    fn check_choices(&self, choices: &Choices) -> Result<(), UnfitContent> {
        let (titles, ids): (HashSet<_>, HashSet<_>) =
            choices.options.iter().map(|one| (one.title.trim().to_lowercase(), &one.id)).unzip();
        let many = choices.options.len();
        if titles.len().min(ids.len()) < many {
            let mut known = HashSet::new();
            let again = choices.options.iter().find(|one| {
                !known.insert(one.title.trim().to_lowercase())
                    || !known.insert(format!("\n{}", one.id))
            });
            return Err(UnfitContent::Same(again.map(|one| one.title.clone()).unwrap_or_default()));
        }
        let Some(ability) = &self.choices else {
            return within("message", &choices.text, MAX_TEXT_LEN);
        };
        let is_list = ability.needs_list(choices);
        if !(1..=ability.max_rows).contains(&many) {
            return Err(UnfitContent::Count { count: many, most: ability.max_rows });
        }
        let limits = if is_list { ability.list } else { ability.buttons };
        limits.check(&choices.body, choices.header.as_deref(), choices.footer.as_deref())?;
        if is_list {
            let label = choices.list.as_deref();
            let label = label.ok_or(UnfitContent::NoList { most: ability.max_buttons })?;
            one_line("label of the list", label, limits.max_label)?;
        }
        let most = if is_list { ability.max_row_title } else { limits.max_label };
        for ChoiceOption { id, title, description } in &choices.options {
            one_line(&format!("label `{title}`"), title, most)?;
            one_line(&format!("id of `{title}`"), id, ability.max_id)?;
            if let Some(description) = description {
                one_line(
                    &format!("description of `{title}`"),
                    description,
                    ability.max_description,
                )?;
            }
        }
        Ok(())
    }

    fn check_link(&self, link: &LinkButton) -> Result<(), UnfitContent> {
        let fits = url::Url::parse(&link.url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some_and(|host| host.contains('.'))
        });
        if !fits || link.url.contains(char::is_whitespace) || link.url.chars().any(char::is_control)
        {
            return Err(UnfitContent::Url);
        }
        within("link", &link.url, MAX_URL_LEN)?;
        let Some(limits) = &self.link else {
            return within("message", &link.text, MAX_TEXT_LEN);
        };
        limits.check(&link.body, link.header.as_deref(), link.footer.as_deref())?;
        one_line("label of the button", &link.label, limits.max_label)
    }

    /// The content as the provider sends it; `None` for what is not sent so, such as a file.
    pub fn outgoing(&self, content: Content) -> Option<OutgoingContent> {
        match content {
            Content::Text { body } => Some(OutgoingContent::Text(body)),
            Content::Choices(choices) => Some(match &self.choices {
                None => OutgoingContent::Text(choices.text),
                Some(ability) if ability.needs_list(&choices) => OutgoingContent::List(choices),
                Some(_) => OutgoingContent::Buttons(choices),
            }),
            Content::Link(link) => Some(match &self.link {
                None => OutgoingContent::Text(link.text),
                Some(_) => OutgoingContent::Link(link),
            }),
            Content::Products(products) => {
                self.products.map(|_| OutgoingContent::Products(products))
            }
            Content::Flow(flow) => self.flow.map(|_| OutgoingContent::Flow(flow)),
            Content::Location { latitude, longitude, name, address, .. } if self.location => {
                Some(OutgoingContent::Location { latitude, longitude, name, address })
            }
            Content::Contacts { cards, .. } if self.contacts => {
                Some(OutgoingContent::Contacts(cards))
            }
            Content::Reaction { message_id, emoji } if self.reactions => {
                Some(OutgoingContent::Reaction { message_id, emoji: emoji.unwrap_or_default() })
            }
            _ => None,
        }
    }
}

impl InteractiveLimits {
    fn check_flow(&self, flow: &FlowButton) -> Result<(), UnfitContent> {
        self.check(&flow.body, flow.header.as_deref(), flow.footer.as_deref())?;
        one_line("label of the button", &flow.label, self.max_label)?;
        check_id("id of the form", &flow.flow)?;
        match &flow.screen {
            Some(_) if flow.action == FlowAction::DataExchange => Err(UnfitContent::Screen),
            Some(screen) => check_id("screen", screen),
            None => Ok(()),
        }
    }

    fn check(
        &self,
        body: &str,
        header: Option<&str>,
        footer: Option<&str>,
    ) -> Result<(), UnfitContent> {
        if body.trim().is_empty() {
            return Err(UnfitContent::NoBody);
        }
        self.check_around(body, header, footer)
    }

    /// Checks the lengths of a text, which may be empty, and the lines around it.
    pub(super) fn check_around(
        &self,
        body: &str,
        header: Option<&str>,
        footer: Option<&str>,
    ) -> Result<(), UnfitContent> {
        within("text", body, self.max_body)?;
        let line =
            |part, text: Option<&str>, most| text.map_or(Ok(()), |text| one_line(part, text, most));
        line("header", header, self.max_header)?;
        line("footer", footer, self.max_footer)
    }
}

/// Checks the length of a part.
fn within(part: &str, text: &str, most: usize) -> Result<(), UnfitContent> {
    let length = length(text);
    let too_long = || UnfitContent::TooLong { part: part.to_owned(), length, most };
    (length <= most).then_some(()).ok_or_else(too_long)
}

/// Checks a part that is one line.
pub(super) fn one_line(part: &str, text: &str, most: usize) -> Result<(), UnfitContent> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(UnfitContent::NotOneLine(part.to_owned()));
    }
    within(part, text, most)
}

/// Checks an id that the provider gave.
pub(super) fn check_id(part: &'static str, id: &str) -> Result<(), UnfitContent> {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = (1..=MAX_ID_LEN).contains(&id.len()) && id.chars().all(is_sign);
    fits.then_some(()).ok_or(UnfitContent::Id(part))
}

/// The length of a text, by UTF-16 units: the stricter reading of Meta's "characters".
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whether a text can be one emoji, which may be made of several characters: no letters, digits alone or
/// spaces.
fn is_emoji(text: &str) -> bool {
    let many = text.chars().count();
    let is_sign = |c: char| !c.is_alphabetic() && !c.is_whitespace() && !c.is_control();
    (1..=16).contains(&many) && text.chars().all(is_sign) && !text.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProductSection, Products};

    /// A provider with files and texts alone.
    const PLAIN: Abilities = Abilities {
        choices: None,
        link: None,
        products: None,
        flow: None,
        location: false,
        contacts: false,
        reactions: false,
        ..Abilities::WHATSAPP
    };

    fn choices(titles: &[&str]) -> Choices {
        Choices::new("Which?", ChoiceOption::numbered(titles.iter().copied()))
    }

    fn check(choices: Choices) -> Result<(), UnfitContent> {
        Abilities::WHATSAPP.check(&Content::Choices(choices))
    }

    #[test]
    fn few_short_choices_are_buttons_and_others_a_list() {
        let sent = |choices: Choices| Abilities::WHATSAPP.outgoing(Content::Choices(choices));
        let long = "A choice of 21 chars.";
        assert!(matches!(sent(choices(&["A", "B", "C"])), Some(OutgoingContent::Buttons(_))));
        let mut told = choices(&["A"]);
        told.options[0].description = Some("the first".into());
        let labelled = Choices { list: Some("Open".into()), ..choices(&["A"]) };
        for list in [choices(&["A", "B", "C", "D"]), choices(&[long]), told, labelled] {
            assert!(matches!(sent(list), Some(OutgoingContent::List(_))));
        }
    }

    #[test]
    fn a_provider_without_buttons_sends_numbered_text() {
        let text = |content| match PLAIN.outgoing(content) {
            Some(OutgoingContent::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        let many: Vec<_> = (1..=12).map(|n| n.to_string()).collect();
        let many = Content::Choices(Choices::new("Which?", ChoiceOption::numbered(many)));
        assert_eq!(PLAIN.check(&many), Ok(()), "text has no limit of rows");
        assert!(text(many).starts_with("Which?\n\n1. 1\n2. 2\n"));
        let link = Content::Link(LinkButton::new("Look", "Menu", "https://acme.example"));
        assert_eq!(PLAIN.check(&link), Ok(()));
        assert_eq!(text(link), "Look\n\nMenu: https://acme.example");
        let location = Content::Location {
            latitude: 1.0,
            longitude: 1.0,
            name: None,
            address: None,
            url: None,
        };
        let reaction = Content::Reaction { message_id: "m".into(), emoji: None };
        let section = ProductSection { title: None, products: vec!["lamp".into()] };
        let products = Content::Products(Products::new("", "77", vec![section]));
        let flow = Content::Flow(FlowButton::new("Book", "Book", "12"));
        for content in [location, Content::address_cards(&[]), reaction, products, flow] {
            assert!(matches!(PLAIN.check(&content), Err(UnfitContent::Unable(_))), "{content:?}");
            assert_eq!(PLAIN.outgoing(content), None);
        }
        let long = Content::Choices(Choices::new("x".repeat(4096), choices(&["A"]).options));
        assert!(matches!(PLAIN.check(&long), Err(UnfitContent::TooLong { most: 4096, .. })));
    }

    #[test]
    fn limits_are_those_of_what_is_sent() {
        assert_eq!(check(choices(&["Yes", "No"])), Ok(()));
        let list = |choices| Choices { list: Some("Open".into()), ..choices };
        assert_eq!(check(list(choices(&["A row of 24 characters.."]))), Ok(()));
        assert!(matches!(
            check(list(choices(&["A row of 25 characters..."]))),
            Err(UnfitContent::TooLong { most: 24, .. })
        ));
        assert_eq!(
            check(choices(&["A row of 24 characters.."])),
            Err(UnfitContent::NoList { most: 3 })
        );
        let wordy = |choices: Choices| Choices { body: "x".repeat(1025), ..choices };
        assert!(matches!(
            check(wordy(choices(&["A"]))),
            Err(UnfitContent::TooLong { most: 1024, .. })
        ));
        assert_eq!(check(list(wordy(choices(&["A"])))), Ok(()), "a list has more room");
        assert!(matches!(check(choices(&["A", "a"])), Err(UnfitContent::Same(_))));
        assert!(matches!(check(choices(&[])), Err(UnfitContent::Count { count: 0, most: 10 })));
        assert!(matches!(
            check(list(choices(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]))),
            Err(UnfitContent::Count { count: 11, .. })
        ));
        // Four characters of Meta's are two here.
        assert!(matches!(
            check(choices(&["👍👍👍👍👍👍👍👍👍👍👍"])),
            Err(UnfitContent::NoList { .. })
        ));
    }

    #[test]
    fn a_form_has_ids_of_the_provider_and_one_first_screen() {
        let check = |change: &dyn Fn(&mut FlowButton)| {
            let mut flow = FlowButton::new("Book a table.", "Book", "12");
            change(&mut flow);
            Abilities::WHATSAPP.check(&Content::Flow(flow))
        };
        assert_eq!(check(&|it| it.screen = Some("FIRST_1".into())), Ok(()));
        assert_eq!(check(&|it| it.action = FlowAction::DataExchange), Ok(()));
        assert_eq!(check(&|it| it.label = "x".repeat(30)), Ok(()));
        let both = |it: &mut FlowButton| {
            (it.action, it.screen) = (FlowAction::DataExchange, Some("A".into()));
        };
        assert_eq!(check(&both), Err(UnfitContent::Screen));
        assert_eq!(check(&|it| it.flow = "1 2".into()), Err(UnfitContent::Id("id of the form")));
        assert_eq!(check(&|it| it.screen = Some(String::new())), Err(UnfitContent::Id("screen")));
        assert_eq!(check(&|it| it.body = " ".into()), Err(UnfitContent::NoBody));
        let long = check(&|it| it.label = "x".repeat(31));
        assert!(matches!(long, Err(UnfitContent::TooLong { most: 30, .. })));
    }

    #[test]
    fn a_reaction_is_an_emoji() {
        for emoji in ["👍", "❤️", "👩‍🔧", "🇵🇹", "1️⃣"] {
            assert!(is_emoji(emoji), "{emoji}");
        }
        for text in
            ["", "a", "ok", "👍 👍", "1", "!", "é", "\u{0}", "👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍"]
        {
            assert!(!is_emoji(text), "{text}");
        }
    }
}
