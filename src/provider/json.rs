//! Parses JSON from providers, tolerating wrong types in single fields. Knows no provider's format.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::MalformedWebhook;
use crate::domain::time::Millis;

/// Maximum length of an id, in bytes: Postgres indexes hold at most 2,704. WhatsApp ids have about
/// 100.
const MAX_ID_LEN: usize = 1000;
/// Plausible timestamps, in seconds since 1970: from 2009, when WhatsApp began, to 2100.
const PLAUSIBLE_SECONDS: std::ops::Range<i64> = 1_230_768_000..4_102_444_800;

/// Parses a body into a tree that every database can store: U+0000 becomes U+FFFD.
///
/// Invalid UTF-8 and lone surrogates are replaced, too: otherwise one of them would lose all
/// messages of the body. Nesting deeper than 127 is an error.
pub(super) fn parse(body: &[u8]) -> Result<Value, MalformedWebhook> {
    let parsed = serde_json::from_slice(body).or_else(|first| {
        let mended = mend(&String::from_utf8_lossy(body));
        serde_json::from_str(&mended).map_err(|_| first)
    });
    let mut tree =
        parsed.map_err(|error| MalformedWebhook(format!("the body is not JSON: {error}")))?;
    if body.windows(6).any(|six| six == br"\u0000") {
        replace_nul(&mut tree);
    }
    Ok(tree)
}

/// The text under a key; a number becomes its digits. Empty counts as absent.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    string(value, key).filter(|text| !text.is_empty())
}

/// The id under a key; `None` if it is too long for an index.
pub(super) fn id(value: &Value, key: &str) -> Option<String> {
    text(value, key).filter(|id| is_id(id))
}

/// Whether a text can be an id.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID_LEN
}

/// The text under a key, possibly empty; a number becomes its digits.
pub(super) fn string(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The integer under a key, given as a number or as text.
pub(super) fn whole(value: &Value, key: &str) -> Option<i64> {
    match value.get(key)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

/// The finite number under a key, given as a number or as text.
pub(super) fn number(value: &Value, key: &str) -> Option<f64> {
    let number = match value.get(key)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite())
}

/// The timestamp under a key, converted from seconds to milliseconds; 0 when absent or implausible.
pub(super) fn time(value: &Value, key: &str) -> Millis {
    whole(value, key).map_or(0, moment)
}

/// A timestamp, converted from seconds to milliseconds; 0 when implausible.
pub(super) fn moment(seconds: i64) -> Millis {
    if PLAUSIBLE_SECONDS.contains(&seconds) { seconds * 1000 } else { 0 }
}

/// The items under a key. A value that is no list counts as a list of one.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    match value.get(key) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

/// Replaces every lone surrogate escape in a JSON text.
fn mend(text: &str) -> String {
    /// A surrogate pair, or a lone surrogate (captured), or any other escape.
    const ESCAPES: &str = r"(?xs)
        \\u[dD][89abAB][[:xdigit:]]{2} \\u[dD][c-fC-F][[:xdigit:]]{2}
        | (\\u[dD][89a-fA-F][[:xdigit:]]{2})
        | \\.";
    static ESCAPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ESCAPES).ok());
    let Some(escape) = ESCAPE.as_ref() else { return text.to_owned() };
    let replaced = escape.replace_all(text, |found: &Captures| {
        if found.get(1).is_some() { r"\ufffd".to_owned() } else { found[0].to_owned() }
    });
    replaced.into_owned()
}

fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nul),
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields).into_iter().map(plain_key).collect::<Map<_, _>>();
            }
            fields.values_mut().for_each(replace_nul);
        }
        _ => {}
    }
}

fn plain_key((key, value): (String, Value)) -> (String, Value) {
    (key.replace('\0', "\u{fffd}"), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nul_is_replaced_everywhere_and_only_there() {
        let tree = parse(br#"{"a\u0000":[{"b":"x\u0000y"}],"c":"\\u0000"}"#).unwrap();
        assert_eq!(tree, json!({"a\u{fffd}": [{"b": "x\u{fffd}y"}], "c": r"\u0000"}));
    }

    #[test]
    fn half_characters_do_not_lose_the_body() {
        let tree =
            parse(br#"{"a":"\ud83d","b":"\ud83d\ude00","c":"\\ud83d","d":"\udc00x"}"#).unwrap();
        assert_eq!(
            tree,
            json!({"a": "\u{fffd}", "b": "\u{1f600}", "c": r"\ud83d", "d": "\u{fffd}x"})
        );
        assert_eq!(parse(b"{\"a\":\"\xff\"}").unwrap(), json!({"a": "\u{fffd}"}));
    }

    #[test]
    fn what_is_not_json_is_malformed_however_deep() {
        for body in ["", "hello", "{", "[1,", "{\"a\":\"\u{0}\"}"] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn fields_of_a_wrong_type_are_read_where_they_can_be() {
        let value = json!({"n": 12, "t": "12", "e": "", "l": {"x": 1}, "z": null, "d": "1.5"});
        assert_eq!(text(&value, "n").as_deref(), Some("12"));
        assert_eq!(text(&value, "e"), None);
        assert_eq!(string(&value, "e").as_deref(), Some(""));
        assert_eq!((whole(&value, "t"), whole(&value, "d")), (Some(12), None));
        assert_eq!(number(&value, "d"), Some(1.5));
        assert_eq!(number(&json!({"d": "NaN"}), "d"), None);
        assert_eq!(list(&value, "l").len(), 1);
        assert!(list(&value, "z").is_empty());
        assert_eq!(text(&json!(3), "n"), None);
    }

    #[test]
    fn an_id_that_no_index_holds_is_none() {
        let value = json!({"a": "x".repeat(MAX_ID_LEN), "b": "x".repeat(MAX_ID_LEN + 1), "c": ""});
        assert_eq!(id(&value, "a").map(|id| id.len()), Some(MAX_ID_LEN));
        assert_eq!((id(&value, "b"), id(&value, "c")), (None, None));
    }

    #[test]
    fn an_absurd_time_is_no_time() {
        for (given, read) in [
            (json!("1749416383"), 1_749_416_383_000),
            (json!(1_749_416_383), 1_749_416_383_000),
            (json!("-5"), 0),
            (json!("1"), 0),
            (json!(1_749_416_383_000_i64), 0),
            (json!("99999999999999999999999"), 0),
            (json!("soon"), 0),
            (json!(null), 0),
        ] {
            assert_eq!(time(&json!({"at": given}), "at"), read, "{given}");
        }
    }
}
