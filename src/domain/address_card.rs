//! Address cards that people send.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::message::Content;

/// An address card that a person sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressCard {
    /// The name.
    #[schema(max_length = 200)]
    pub name: String,
    /// Phone numbers with `+` and the country code.
    #[schema(max_items = 10)]
    pub phones: Vec<String>,
}

impl Content {
    /// Address cards, with the names of Meta's format.
    pub fn address_cards(cards: &[AddressCard]) -> Self {
        let card = |AddressCard { name, phones }: &AddressCard| {
            let phones: Vec<_> =
                phones.iter().map(|phone| json!({"phone": phone.trim()})).collect();
            let name = name.trim();
            // WhatsApp wants one name beside the whole one.
            json!({"name": {"formatted_name": name, "first_name": name}, "phones": phones})
        };
        let names = cards.iter().map(|card| card.name.trim().to_owned()).collect();
        Self::Contacts { names, cards: cards.iter().map(card).collect() }
    }
}
