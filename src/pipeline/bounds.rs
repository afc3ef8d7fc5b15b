//! Limits how much of a customer's text the pipeline reads. Pure.

/// Maximum bytes read from one text. WhatsApp's have up to 4,096 characters, forms and captions
/// more.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Returns the part of a text that the pipeline reads. The whole text is stored and shown.
pub(super) fn truncate_to_limit(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// Maximum length of what one message quotes, in characters.
const MAX_QUOTE_LEN: usize = 1000;

/// Returns the part of a quoted text that the pipeline reads.
pub(super) fn cut_quote(text: &str) -> String {
    text.chars().take(MAX_QUOTE_LEN).collect()
}
