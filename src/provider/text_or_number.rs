//! Ids and secrets in settings, which may be written as text or as a number.

use serde::{Deserialize, Deserializer};

/// An id or token from a file or an environment variable, where digits parse as a number.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected text or a whole number (write it in quotes)")]
enum TextOrNumber {
    Text(String),
    Number(u64),
}

/// Reads a text, or the digits of a number.
pub(super) fn text_or_number<'de, D: Deserializer<'de>, T: From<String>>(
    source: D,
) -> Result<T, D::Error> {
    Ok(match TextOrNumber::deserialize(source)? {
        TextOrNumber::Text(text) => text.into(),
        TextOrNumber::Number(number) => number.to_string().into(),
    })
}

/// Reads a text, the digits of a number, or nothing.
pub(super) fn optional_text_or_number<'de, D: Deserializer<'de>, T: From<String>>(
    source: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<TextOrNumber>::deserialize(source)?.map(|written| match written {
        TextOrNumber::Text(text) => text.into(),
        TextOrNumber::Number(number) => number.to_string().into(),
    }))
}
