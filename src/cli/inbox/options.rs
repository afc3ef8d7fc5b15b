//! Options of `frontdesk inbox send` for what can be sent beside texts, files and templates. Pure.

use clap::Args;

use crate::domain::{
    AddressCard, ChoiceOption, Choices, Content, FlowButton, LinkButton, ProductSection, Products,
};

/// What is sent with or instead of the text.
#[derive(Debug, Args)]
pub(super) struct MessageOptions {
    /// A choice to tap, below the text: up to three short ones are buttons, more are a list
    #[arg(long = "button", value_name = "LABEL", requires = "text", conflicts_with_all = ["file", "template"])]
    buttons: Vec<String>,
    /// Show the choices as a list that this button opens; needed for more than three
    #[arg(long, value_name = "LABEL", requires = "buttons")]
    list: Option<String>,
    /// A button below the text that opens a web page, such as "Menu=https://acme.example/menu"
    #[arg(long, value_name = "LABEL=URL", requires = "text", value_parser = link, conflicts_with_all = ["file", "template", "buttons"])]
    link: Option<(String, String)>,
    /// A place, such as "51.5,-0.12,Acme Shop"
    #[arg(long, value_name = "LAT,LON[,NAME]", value_parser = place, allow_hyphen_values = true, conflicts_with_all = ["text", "file", "template"])]
    location: Option<(f64, f64, Option<String>)>,
    /// An address card, such as "Ana Silva=+447700900123"; may be given several times
    #[arg(long = "contact", value_name = "NAME=+PHONE", value_parser = card, conflicts_with_all = ["text", "file", "template", "location"])]
    contacts: Vec<AddressCard>,
    /// A product of your catalogue by its id (SKU), with the text or without; several need --header and a text
    #[arg(long = "product", value_name = "SKU", requires = "catalog", conflicts_with_all = ["file", "template", "buttons", "link", "location", "contacts"])]
    products: Vec<String>,
    /// The id of the products' catalogue
    #[arg(long, value_name = "ID", requires = "products")]
    catalog: Option<String>,
    /// The line above several products
    #[arg(long, value_name = "LINE", requires = "products")]
    header: Option<String>,
    /// A button below the text that opens a form (a WhatsApp Flow), such as "Book=1234567890"
    #[arg(long, value_name = "LABEL=ID", requires = "text", value_parser = flow, conflicts_with_all = ["file", "template", "buttons", "link", "products"])]
    flow: Option<(String, String)>,
    /// The screen of the form that comes first; without it the form's own first one
    #[arg(long, value_name = "SCREEN", requires = "flow")]
    screen: Option<String>,
}

impl MessageOptions {
    /// The content; `None` if nothing of it was given.
    pub(super) fn content(self, text: &str) -> Option<Content> {
        if !self.buttons.is_empty() {
            let options = ChoiceOption::numbered(self.buttons);
            let choices = Choices { list: self.list, ..Choices::new(text, options) };
            return Some(Content::Choices(choices.worded()));
        }
        if let Some((label, url)) = self.link {
            return Some(Content::Link(LinkButton::new(text, label, url)));
        }
        if let Some((label, id)) = self.flow {
            let flow = FlowButton { screen: self.screen, ..FlowButton::new(text, label, id) };
            return Some(Content::Flow(flow));
        }
        if let Some(catalog) = self.catalog {
            let section = ProductSection { title: None, products: self.products };
            let products = Products::new(text, catalog, vec![section]);
            return Some(Content::Products(Products { header: self.header, ..products }.worded()));
        }
        if let Some((latitude, longitude, name)) = self.location {
            return Some(Content::Location { latitude, longitude, name, address: None, url: None });
        }
        (!self.contacts.is_empty()).then(|| Content::address_cards(&self.contacts))
    }
}

/// Parses `LABEL=URL`.
fn link(text: &str) -> Result<(String, String), String> {
    let (label, url) = text.split_once('=').ok_or_else(|| {
        format!("`{text}` is no link: write it as Menu=https://acme.example/menu")
    })?;
    Ok((label.trim().to_owned(), url.trim().to_owned()))
}

/// Parses `LABEL=ID`.
fn flow(text: &str) -> Result<(String, String), String> {
    let (label, id) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is no form: write it as Book=1234567890"))?;
    Ok((label.trim().to_owned(), id.trim().to_owned()))
}

/// Parses `LAT,LON[,NAME]`.
fn place(text: &str) -> Result<(f64, f64, Option<String>), String> {
    let wrong = || format!("`{text}` is no place: write it as 51.5,-0.12,Acme Shop");
    let mut parts = text.splitn(3, ',').map(str::trim);
    let mut degrees = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong);
    let (latitude, longitude) = (degrees()?, degrees()?);
    Ok((latitude, longitude, parts.next().map(str::to_owned).filter(|name| !name.is_empty())))
}

/// Parses `NAME=+PHONE`.
fn card(text: &str) -> Result<AddressCard, String> {
    let (name, phone) = text.split_once('=').unwrap_or((text, ""));
    let (name, phone) = (name.trim(), phone.trim());
    if name.is_empty() || !phone.starts_with('+') {
        return Err(format!("`{text}` is no address card: write it as Ana Silva=+447700900123"));
    }
    Ok(AddressCard { name: name.to_owned(), phones: vec![phone.to_owned()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_a_wrong_one_shows_a_right_one() {
        assert_eq!(
            link("Menu=https://a.example/?q=1"),
            Ok(("Menu".into(), "https://a.example/?q=1".into()))
        );
        assert_eq!(
            place("51.5, -0.12, Acme, Dunmere"),
            Ok((51.5, -0.12, Some("Acme, Dunmere".into())))
        );
        assert_eq!(flow("Book a table = 12"), Ok(("Book a table".into(), "12".into())));
        assert_eq!(place("51.5,-0.12"), Ok((51.5, -0.12, None)));
        assert_eq!(card("Ana = +4477").unwrap().phones, ["+4477"]);
        for wrong in [
            link("Menu").err(),
            flow("Book").err(),
            place("here").err(),
            place("51.5").err(),
            card("Ana=4477").err(),
            card("=+4477").err(),
        ] {
            assert!(wrong.unwrap().contains("write it as"));
        }
    }
}
