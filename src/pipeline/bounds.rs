//! How much of what a customer writes is read. Pure.

/// The pipeline reads so much of one text, in bytes: WhatsApp's have 4,096 characters at the most, only forms and captions can
/// have more.
const LONGEST_READ: usize = 16 * 1024;

/// The part of a text that the pipeline reads; the whole of it is stored and shown.
pub(super) fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_READ)]
}
