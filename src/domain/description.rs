//! What a message without text says: a place, an address card, a basket, a completed form. As one
//! line for the bot and its history, and as named values for prompts and tests. Pure.

use serde_json::Value;

use super::label::one_line;
use super::message::Content;

/// Maximum values that are read of one message.
const MAX_FIELDS: usize = 60;
/// Maximum length of a value's name, in characters.
const MAX_NAME_LEN: usize = 60;
/// Maximum length of a value, in characters.
const MAX_VALUE_LEN: usize = 600;
/// Maximum length of a description, in characters.
const MAX_LEN: usize = 4000;
/// Maximum depth of a form's answer; what lies deeper is one value, as JSON.
const MAX_DEPTH: usize = 4;

/// The values of a message by name, in their order.
pub type Fields = Vec<(String, String)>;

impl Content {
    /// Describes a message that says something without text, in one line and in English, such as
    /// `Form filled in: date 2026-12-01, people 4`. `None` for every other message.
    pub fn description(&self) -> Option<String> {
        let what = match self {
            Self::Location { .. } => "Location",
            Self::Contacts { cards, .. } if cards.as_array().is_some_and(|all| all.len() > 1) => {
                "Contact cards"
            }
            Self::Contacts { .. } => "Contact card",
            Self::Order { .. } => "Basket",
            Self::Form { name, .. } => return Some(self.described(&form_name(name.as_deref()))),
            _ => return None,
        };
        Some(self.described(what))
    }

    /// The token of a form that was filled in: what it was sent with.
    pub fn form_token(&self) -> Option<&str> {
        let Self::Form { response, .. } = self else { return None };
        response.get("flow_token")?.as_str()
    }

    fn described(&self, what: &str) -> String {
        let value = |(name, value): &(String, String)| match (self, name.as_str()) {
            (Self::Form { .. }, _) | (_, "latitude" | "longitude" | "total") => {
                format!("{name} {value}")
            }
            _ => value.clone(),
        };
        let values: Vec<String> = self.fields().iter().map(value).collect();
        let values = if values.is_empty() { "empty".to_owned() } else { values.join(", ") };
        one_line(&format!("{what}: {values}"), MAX_LEN)
    }

    /// Returns the values of a message by name; empty for one that is only text or a file.
    pub fn fields(&self) -> Fields {
        let mut fields = FieldList::default();
        match self {
            Self::Location { latitude, longitude, name, address, url } => {
                fields.add("name", name.as_deref());
                fields.add("address", address.as_deref());
                fields.add("url", url.as_deref());
                fields.add("latitude", Some(&latitude.to_string()));
                fields.add("longitude", Some(&longitude.to_string()));
            }
            Self::Contacts { names, cards } => fields.cards(names, cards),
            Self::Order { order, .. } => fields.order(order),
            Self::Form { response, .. } => fields.response("", response, 0),
            Self::Choice { id, title, .. } => {
                fields.add("choice", Some(title));
                fields.add("choice_id", id.as_deref());
            }
            _ => {}
        }
        fields.all
    }
}

/// WhatsApp calls every form `flow`, so that name says nothing.
fn form_name(name: Option<&str>) -> String {
    match name.map(str::trim).filter(|name| !name.is_empty() && *name != "flow") {
        Some(name) => format!("Form “{}” filled in", one_line(name, MAX_NAME_LEN)),
        None => "Form filled in".to_owned(),
    }
}

#[derive(Default)]
struct FieldList {
    all: Fields,
}

impl FieldList {
    fn is_full(&self) -> bool {
        self.all.len() >= MAX_FIELDS
    }

    fn add(&mut self, name: &str, value: Option<&str>) {
        if self.is_full() {
            return;
        }
        let value = one_line(value.unwrap_or_default(), MAX_VALUE_LEN);
        let name = one_line(name, MAX_NAME_LEN);
        if !value.is_empty() && !name.is_empty() {
            self.all.push((name, value));
        }
    }

    /// vCard-like cards as Meta sends them; `names` alone if they have another shape.
    fn cards(&mut self, names: &[String], cards: &Value) {
        let Some(cards) = cards.as_array().filter(|cards| !cards.is_empty()) else {
            return names.iter().for_each(|name| self.add("name", Some(name)));
        };
        for card in cards.iter().take(MAX_FIELDS) {
            let at = |path| card.pointer(path).and_then(Value::as_str);
            self.add("name", at("/name/formatted_name").or_else(|| at("/name/first_name")));
            self.add("company", at("/org/company"));
            for (list, key, name) in
                [("phones", "phone", "phone"), ("emails", "email", "email"), ("urls", "url", "url")]
            {
                let entries = card.get(list).and_then(Value::as_array).into_iter().flatten();
                for entry in entries.take(MAX_FIELDS) {
                    self.add(name, entry.get(key).and_then(Value::as_str));
                }
            }
        }
    }

    /// Items as `2 × SKU at 30 USD`, and their total if all have one currency.
    fn order(&mut self, order: &Value) {
        let items = order.get("product_items").and_then(Value::as_array);
        let (mut total, mut currencies) = (Some(0.0), Vec::new());
        for item in items.into_iter().flatten().take(MAX_FIELDS) {
            let text = |key| item.get(key).map(plain).unwrap_or_default();
            let (quantity, price) = (text("quantity"), text("item_price"));
            let cost = quantity.parse::<f64>().ok().zip(price.parse::<f64>().ok());
            total = total.zip(cost).map(|(sum, (quantity, price))| sum + quantity * price);
            let currency = text("currency");
            let at =
                if price.is_empty() { String::new() } else { format!(" at {price} {currency}") };
            let quantity = if quantity.is_empty() { "1" } else { &quantity };
            let product = text("product_retailer_id");
            self.add("item", Some(&format!("{quantity} × {product}{at}")));
            if !currencies.contains(&currency) {
                currencies.push(currency);
            }
        }
        if let (Some(total), [currency]) = (total.filter(|sum| sum.is_finite()), &*currencies) {
            self.add("total", Some(&format!("{} {currency}", (total * 100.0).round() / 100.0)));
        }
    }

    /// A form's answers; nested ones have dotted names. Its token is no answer.
    fn response(&mut self, name: &str, value: &Value, depth: usize) {
        match value {
            Value::Object(fields) if depth < MAX_DEPTH => {
                for (key, value) in fields {
                    if self.is_full() {
                        return;
                    }
                    let key = one_line(key, MAX_NAME_LEN);
                    if depth == 0 && key == "flow_token" {
                        continue;
                    }
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    self.response(&name, value, depth + 1);
                }
            }
            Value::Array(values) => {
                let values: Vec<String> = values.iter().take(MAX_FIELDS).map(plain).collect();
                self.add(answer(name), Some(&values.join("; ")));
            }
            other => self.add(answer(name), Some(&plain(other))),
        }
    }
}

/// A response that is no object has one nameless answer.
fn answer(name: &str) -> &str {
    if name.is_empty() { "answer" } else { name }
}

/// Returns a value as text, without quotation marks.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn form(name: Option<&str>, response: Value) -> Content {
        Content::Form { name: name.map(Into::into), body: Some("Sent".into()), response }
    }

    #[test]
    fn a_form_is_its_answers_and_never_the_word_that_the_chat_shows() {
        let booking = json!({"flow_token": "secret", "date": "2026-12-01", "people": 4,
            "wishes": ["window", "quiet"], "who": {"name": "Ada"}, "note": null});
        let booking = form(Some("Booking"), booking);
        assert_eq!(
            booking.description().unwrap(),
            "Form “Booking” filled in: date 2026-12-01, people 4, wishes window; quiet, who.name Ada"
        );
        assert_eq!((booking.words(), booking.form_token()), (None, Some("secret")));
        let flow = form(Some("flow"), json!({"rating": "excellent"}));
        assert_eq!(flow.description().unwrap(), "Form filled in: rating excellent");
        assert_eq!(form(None, json!("oops")).description().unwrap(), "Form filled in: answer oops");
        assert_eq!(form(None, json!({})).description().unwrap(), "Form filled in: empty");
    }

    #[test]
    fn places_cards_and_baskets_are_lines() {
        let place = Content::Location {
            latitude: 37.461,
            longitude: -122.2,
            name: Some("Old Harbour".into()),
            address: Some("12 Quay St".into()),
            url: None,
        };
        assert_eq!(
            place.description().unwrap(),
            "Location: Old Harbour, 12 Quay St, latitude 37.461, longitude -122.2"
        );
        let cards = json!([{"name": {"formatted_name": "Ada"}, "org": {"company": "Acme"},
            "phones": [{"phone": "+1 (415) 555-0829"}], "emails": [{"email": "a@b.example"}]}]);
        let card = Content::Contacts { names: vec!["Ada".into()], cards };
        assert_eq!(
            card.description().unwrap(),
            "Contact card: Ada, Acme, +1 (415) 555-0829, a@b.example"
        );
        let item = |id: &str, quantity: Value, price: Value| {
            json!({"product_retailer_id": id,
            "quantity": quantity, "item_price": price, "currency": "USD"})
        };
        let order = json!({"product_items":
            [item("bike", json!("2"), json!(30)), item("bell", json!(1), json!(2.5))]});
        let basket = Content::Order { text: Some("Love these!".into()), order };
        assert_eq!(
            basket.description().unwrap(),
            "Basket: 2 × bike at 30 USD, 1 × bell at 2.5 USD, total 62.5 USD"
        );
        assert_eq!(Content::Text { body: "Hi".into() }.description(), None);
    }

    #[test]
    fn what_a_customer_fills_in_is_bounded_and_on_one_line() {
        let many: serde_json::Map<String, Value> =
            (0..500).map(|n| (format!("field{n}"), json!("x\n".repeat(2000)))).collect();
        let content = form(None, many.into());
        assert_eq!(content.fields().len(), MAX_FIELDS);
        let line = content.description().unwrap();
        assert!(line.chars().count() <= MAX_LEN && !line.contains('\n'));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("[a-z_]{0,20}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_that_arrives_panics(value in value()) {
            let order = Content::Order { text: None, order: value.clone() };
            let cards = Content::Contacts { names: vec![], cards: value.clone() };
            for content in [form(None, value), order, cards] {
                prop_assert!(content.description().is_some());
            }
        }
    }
}
