//! Products of a catalogue that are offered: one with its picture and price, or several in sections.
//! Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interactive::joined;

/// Products that are offered. WhatsApp shows what the catalogue says of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Products {
    /// The whole message as text, with the ids of the products.
    pub text: String,
    /// The text above the products; empty without one.
    pub body: String,
    /// The line above the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The line below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// The provider's id of the catalogue.
    pub catalog: String,
    /// The products, in their order.
    pub sections: Vec<ProductSection>,
}

/// Some of the products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductSection {
    /// What stands above them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Their ids in the catalogue (SKUs).
    pub products: Vec<String>,
}

impl Products {
    /// Products below a text, without header and footer.
    pub fn new(
        body: impl Into<String>,
        catalog: impl Into<String>,
        sections: Vec<ProductSection>,
    ) -> Self {
        let (body, catalog) = (body.into(), catalog.into());
        let bare =
            Self { text: String::new(), body, header: None, footer: None, catalog, sections };
        bare.worded()
    }

    /// The same with the text that it is as a whole: to be called after a change.
    #[must_use]
    pub fn worded(self) -> Self {
        let line = |ProductSection { title, products }: &ProductSection| {
            let products = products.join(", ");
            title.as_ref().map_or(products.clone(), |title| format!("{title}: {products}"))
        };
        let lines: Vec<_> = self.sections.iter().map(line).collect();
        let products = format!("Products of catalogue {}: {}", self.catalog, lines.join("; "));
        let text = joined((self.header.as_deref(), &self.body), &products, self.footer.as_deref());
        Self { text, ..self }
    }

    /// The only product, if it is shown by itself.
    pub fn single(&self) -> Option<&str> {
        match &self.sections[..] {
            [ProductSection { title: None, products }] if self.header.is_none() => {
                products.first().filter(|_| products.len() == 1).map(String::as_str)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(title: Option<&str>, products: &[&str]) -> ProductSection {
        let products = products.iter().map(|id| (*id).to_owned()).collect();
        ProductSection { title: title.map(str::to_owned), products }
    }

    #[test]
    fn products_are_text_for_the_inbox_and_the_bot() {
        let one = Products::new("", "77", vec![section(None, &["lamp"])]);
        assert_eq!((one.single(), &*one.text), (Some("lamp"), "Products of catalogue 77: lamp"));
        let sections = vec![section(Some("Lamps"), &["a", "b"]), section(Some("Bulbs"), &["c"])];
        let mut many = Products::new("Look", "77", sections);
        many.header = Some("New".into());
        let text = "New\n\nLook\n\nProducts of catalogue 77: Lamps: a, b; Bulbs: c";
        let many = many.worded();
        assert_eq!((many.single(), &*many.text), (None, text));
    }
}
