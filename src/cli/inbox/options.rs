//! Options of `frontdesk inbox send` for what can be sent beside texts, files and templates. Pure.

use clap::Args;

use crate::domain::{AddressCard, ChoiceOption, Choices, Content, LinkButton};

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
        assert_eq!(place("51.5,-0.12"), Ok((51.5, -0.12, None)));
        assert_eq!(card("Ana = +4477").unwrap().phones, ["+4477"]);
        for wrong in [
            link("Menu").err(),
            place("here").err(),
            place("51.5").err(),
            card("Ana=4477").err(),
            card("=+4477").err(),
        ] {
            assert!(wrong.unwrap().contains("write it as"));
        }
    }
}
