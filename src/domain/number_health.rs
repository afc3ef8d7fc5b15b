//! What a provider says of a number: how customers take it, to how many customers it may write
//! first, and what it is forbidden.

use std::fmt::{Display, Formatter};

use frontdesk_words::words;
use serde::Serialize;
use utoipa::ToSchema;

use super::alert::{Alert, AlertCode};
use super::time::Millis;

words! {
    /// How customers take a number.
    pub enum NumberQuality {
        /// Well.
        High = "high",
        /// Some block or report it.
        Medium = "medium",
        /// Many do.
        Low = "low",
    }
}

words! {
    /// What a provider forbids a number.
    pub enum Restriction {
        /// To write first. Customers who write are answered.
        Starting = "starting",
        /// To send anything.
        Sending = "sending",
    }
}

words! {
    /// What a part of a number's health is about.
    pub enum HealthTopic {
        /// Its quality: a [`NumberQuality`].
        Quality = "quality",
        /// Its messaging limit: a [`MessagingLimit`].
        Limit = "limit",
        /// A restriction of its account for a time: a [`Restriction`].
        Restriction = "restriction",
        /// A ban of its account: a [`Restriction`], too.
        Ban = "ban",
    }
}

/// To how many customers a number may write first within 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MessagingLimit {
    /// To this many.
    Customers {
        /// Number of customers.
        customers: i64,
    },
    /// To any number.
    Unlimited,
}

const UNLIMITED: &str = "unlimited";

impl MessagingLimit {
    /// The limit with this stored word; `None` for any other.
    pub fn of(word: &str) -> Option<Self> {
        if word == UNLIMITED {
            return Some(Self::Unlimited);
        }
        word.parse()
            .ok()
            .filter(|customers| *customers >= 0)
            .map(|it| Self::Customers { customers: it })
    }

    /// The number of customers; `None` if it is unlimited.
    pub fn customers(self) -> Option<i64> {
        match self {
            Self::Customers { customers } => Some(customers),
            Self::Unlimited => None,
        }
    }

    /// What an operator should know of this limit after another one; `None` if it is the same.
    pub fn alert_after(self, before: Self) -> Option<Alert> {
        let of = |limit: Self| limit.customers().unwrap_or(i64::MAX);
        let (code, what) = match of(self).cmp(&of(before)) {
            std::cmp::Ordering::Less => (AlertCode::LimitLowered, "lowered"),
            std::cmp::Ordering::Greater => (AlertCode::LimitRaised, "raised"),
            std::cmp::Ordering::Equal => return None,
        };
        let text = format!("The number's messaging limit was {what}, from {before} to {self}.");
        Some(Alert { code, text, detail: self.to_string() })
    }
}

impl Display for MessagingLimit {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Customers { customers } => write!(f, "{customers}"),
            Self::Unlimited => f.write_str(UNLIMITED),
        }
    }
}

/// A change of a number's health. It replaces what was said of the same topic before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// What it is about.
    pub topic: HealthTopic,
    /// What holds now, as the topic's word; `None` for nothing.
    pub word: Option<String>,
    /// When it ends by itself; `None` if it does not.
    pub until: Option<Millis>,
}

impl HealthChange {
    /// The quality; `None` if it is only known that it is not low any more.
    pub fn quality(quality: Option<NumberQuality>) -> Self {
        let word = quality.map(|quality| quality.to_string());
        Self { topic: HealthTopic::Quality, word, until: None }
    }

    /// The messaging limit.
    pub fn limit(limit: MessagingLimit) -> Self {
        Self { topic: HealthTopic::Limit, word: Some(limit.to_string()), until: None }
    }

    /// A restriction for a time; `None` if there is none any more.
    pub fn restriction(restriction: Option<Restriction>, until: Option<Millis>) -> Self {
        let word = restriction.map(|it| it.to_string());
        Self { topic: HealthTopic::Restriction, word, until }
    }

    /// Whether the account is banned.
    pub fn ban(is_banned: bool) -> Self {
        let word = is_banned.then(|| Restriction::Sending.to_string());
        Self { topic: HealthTopic::Ban, word, until: None }
    }
}

/// A number's health, as far as its provider told it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct NumberHealth {
    /// How customers take it; null if the provider did not say.
    pub quality: Option<NumberQuality>,
    /// To how many customers it may write first within 24 hours; null if the provider did not say.
    pub messaging_limit: Option<MessagingLimit>,
    /// What it is forbidden now; null for nothing.
    pub restriction: Option<Restriction>,
    /// When it is allowed again, milliseconds since 1970; null if that is not known.
    pub restricted_until: Option<Millis>,
}

impl NumberHealth {
    /// Adds what is known of a topic, as [`HealthChange`] has it. Unknown words count as not said.
    pub fn add(&mut self, topic: HealthTopic, word: &str, until: Option<Millis>) {
        match topic {
            HealthTopic::Quality => self.quality = word.parse().ok(),
            HealthTopic::Limit => self.messaging_limit = MessagingLimit::of(word),
            HealthTopic::Restriction | HealthTopic::Ban => {
                let Ok(new) = word.parse::<Restriction>() else { return };
                // The worse one holds, and of two the longer.
                let rank = |it: Restriction, until: Option<Millis>| {
                    (it == Restriction::Sending, until.unwrap_or(Millis::MAX))
                };
                let known = self.restriction.map(|it| rank(it, self.restricted_until));
                if known.is_none_or(|known| rank(new, until) > known) {
                    (self.restriction, self.restricted_until) = (Some(new), until);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_as_it_was_written() {
        for limit in [MessagingLimit::Customers { customers: 2000 }, MessagingLimit::Unlimited] {
            assert_eq!(MessagingLimit::of(&limit.to_string()), Some(limit));
        }
        for word in ["", "-1", "TIER_1K", "1e3"] {
            assert_eq!(MessagingLimit::of(word), None, "{word}");
        }
    }

    #[test]
    fn a_lower_limit_is_told_apart_from_a_higher_one() {
        let of = |customers| MessagingLimit::Customers { customers };
        let code = |now: MessagingLimit, before| now.alert_after(before).map(|alert| alert.code);
        assert_eq!(code(of(250), of(1000)), Some(AlertCode::LimitLowered));
        assert_eq!(code(of(250), MessagingLimit::Unlimited), Some(AlertCode::LimitLowered));
        assert_eq!(code(MessagingLimit::Unlimited, of(250)), Some(AlertCode::LimitRaised));
        assert_eq!(code(of(250), of(250)), None);
    }

    #[test]
    fn the_worst_restriction_holds() {
        let mut health = NumberHealth::default();
        health.add(HealthTopic::Restriction, "starting", Some(9));
        health.add(HealthTopic::Ban, "sending", None);
        assert_eq!(
            (health.restriction, health.restricted_until),
            (Some(Restriction::Sending), None)
        );
        let mut health = NumberHealth::default();
        health.add(HealthTopic::Ban, "sending", Some(3));
        health.add(HealthTopic::Restriction, "starting", Some(9));
        health.add(HealthTopic::Restriction, "flying", None);
        assert_eq!(
            (health.restriction, health.restricted_until),
            (Some(Restriction::Sending), Some(3))
        );
    }
}
