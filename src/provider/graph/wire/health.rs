//! What Meta says of a number's messaging limit, and of what its account is forbidden.

use serde_json::Value;

use super::super::super::json::{text, time};
use crate::domain::{HealthChange, MessagingLimit, Restriction};

/// The keys under which Meta writes the messaging limit, the newest first.
const LIMITS: [&str; 4] = [
    "max_daily_conversations_per_business",
    "max_daily_conversation_per_phone",
    "max_daily_conversations_per_phone",
    "current_limit",
];

/// The messaging limit that a change names: a tier such as `TIER_2K`, or a number of customers.
pub(super) fn limit(value: &Value) -> Option<MessagingLimit> {
    LIMITS.iter().find_map(|key| tier(&text(value, key)?))
}

fn tier(word: &str) -> Option<MessagingLimit> {
    if word == "TIER_UNLIMITED" || word == "-1" {
        return Some(MessagingLimit::Unlimited);
    }
    let digits = word.strip_prefix("TIER_").unwrap_or(word);
    let (digits, times) = digits.strip_suffix('K').map_or((digits, 1), |digits| (digits, 1000));
    let customers = digits.parse::<i64>().ok()?.checked_mul(times)?;
    (customers >= 0).then_some(MessagingLimit::Customers { customers })
}

fn kind_of(word: &str) -> Option<Restriction> {
    match word {
        "RESTRICTED_CUSTOMER_INITIATED_MESSAGING" => Some(Restriction::Sending),
        "RESTRICTED_BIZ_INITIATED_MESSAGING" => Some(Restriction::Starting),
        _ => None,
    }
}

/// Whether a restriction is about sending: of others nothing is concluded.
pub(super) fn is_known(word: &str) -> bool {
    kind_of(word).is_some()
}

/// What the restrictions of an account forbid its numbers. Those of its settings do not count.
pub(super) fn restriction(all: &[Value]) -> HealthChange {
    let mut worst: Option<(Restriction, Option<i64>)> = None;
    for one in all {
        let kind = text(one, "restriction_type").and_then(|kind| kind_of(&kind));
        let Some(kind) = kind else { continue };
        let until = Some(time(one, "expiration")).filter(|until| *until > 0);
        // One without an end lasts longest.
        let rank = |(kind, until): (Restriction, Option<i64>)| {
            (kind == Restriction::Sending, until.unwrap_or(i64::MAX))
        };
        if worst.is_none_or(|known| rank(known) < rank((kind, until))) {
            worst = Some((kind, until));
        }
    }
    HealthChange::restriction(worst.map(|it| it.0), worst.and_then(|it| it.1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_is_a_tier_or_a_number() {
        let of = |customers| Some(MessagingLimit::Customers { customers });
        for (value, read) in [
            (json!({"current_limit": "TIER_250"}), of(250)),
            (json!({"current_limit": "TIER_100K"}), of(100_000)),
            (json!({"current_limit": "TIER_UNLIMITED"}), Some(MessagingLimit::Unlimited)),
            (
                json!({"current_limit": "TIER_50", "max_daily_conversations_per_business": "TIER_2K"}),
                of(2000),
            ),
            (json!({"max_daily_conversation_per_phone": 1000}), of(1000)),
            (json!({"max_daily_conversation_per_phone": -1}), Some(MessagingLimit::Unlimited)),
            (json!({"current_limit": "TIER_NOT_SET"}), None),
            (json!({"current_limit": "TIER_-5"}), None),
            (json!({"current_limit": "TIER_9999999999999999K"}), None),
            (json!({"current_limit": ["TIER_50"]}), None),
            (json!({}), None),
        ] {
            assert_eq!(limit(&value), read, "{value}");
        }
    }

    #[test]
    fn the_worst_restriction_counts_with_its_own_end() {
        let one = |kind: &str, until: i64| json!({"restriction_type": kind, "expiration": until});
        let (starting, answering, adding) = (
            one("RESTRICTED_BIZ_INITIATED_MESSAGING", 1_790_000_000),
            one("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", 1_780_000_000),
            one("RESTRICTED_ADD_PHONE_NUMBER_ACTION", 1_800_000_000),
        );
        let sending =
            HealthChange::restriction(Some(Restriction::Sending), Some(1_780_000_000_000));
        assert_eq!(restriction(&[starting.clone(), answering.clone(), adding.clone()]), sending);
        assert_eq!(restriction(&[answering, starting.clone()]), sending);
        let later = one("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", 1_785_000_000);
        let longest =
            HealthChange::restriction(Some(Restriction::Sending), Some(1_785_000_000_000));
        let short = one("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", 1_780_000_000);
        assert_eq!(restriction(&[short.clone(), later.clone()]), longest);
        assert_eq!(restriction(&[later, short]), longest);
        let first = HealthChange::restriction(Some(Restriction::Starting), Some(1_790_000_000_000));
        assert_eq!(restriction(&[adding.clone(), starting]), first);
        assert_eq!(restriction(&[adding]), HealthChange::restriction(None, None));
        assert_eq!(restriction(&[]), HealthChange::restriction(None, None));
    }
}
