//! What WhatsApp charges for messages, as the business knows it: providers report categories, no
//! amounts. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// Dollars for a message, by WhatsApp's pricing category, such as `marketing`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessagePrices(BTreeMap<String, f64>);

impl MessagePrices {
    /// The cost of so many messages of a category, charged or not, in millionths of a dollar; `None` if it is not known whether
    /// they are charged, or what one costs.
    #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 messages")]
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    pub fn micros(
        &self,
        (category, billable): (Option<&str>, Option<bool>),
        messages: i64,
    ) -> Option<i64> {
        if !billable? {
            return Some(0);
        }
        let price = self.0.get(category?)?;
        Some((price * messages as f64 * 1_000_000.0).round() as i64)
    }
}

impl<'de> Deserialize<'de> for MessagePrices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let prices = BTreeMap::<String, f64>::deserialize(deserializer)?;
        // WhatsApp adds categories: each name is taken.
        match prices.iter().find(|(_, price)| !price.is_finite() || **price < 0.0) {
            Some((category, price)) => Err(serde::de::Error::custom(format!(
                "the price of `{category}` is {price}: write dollars for a message, 0 or more"
            ))),
            None => Ok(Self(prices)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_charged_at_a_known_price_has_a_cost() {
        let prices: MessagePrices =
            serde_json::from_value(json!({"marketing": 0.0625, "utility": 0})).unwrap();
        let cost = |billable, category: Option<&str>| prices.micros((category, billable), 3);
        assert_eq!(cost(Some(true), Some("marketing")), Some(187_500));
        assert_eq!(cost(Some(true), Some("utility")), Some(0));
        assert_eq!(cost(Some(false), Some("service")), Some(0), "free whatever its price");
        assert_eq!(cost(Some(false), None), Some(0));
        for (billable, category) in
            [(None, Some("marketing")), (Some(true), Some("service")), (Some(true), None)]
        {
            assert_eq!(cost(billable, category), None);
        }
        let wrong = serde_json::from_value::<MessagePrices>(json!({"marketing": -1})).unwrap_err();
        assert!(wrong.to_string().contains("`marketing` is -1"), "{wrong}");
    }
}
