//! What a text needs to hold a detail of some kind: most replies hold none, and these questions are
//! cheaper than the patterns of `find.rs`. Each is true wherever its pattern finds something.

/// Whether a text may hold a kind of details.
pub(super) type Precondition = fn(&str) -> bool;

/// Whether a text holds a bracket before one of these letters of an obfuscated sign, which may
/// stand behind a space.
fn holds_obfuscated(text: &str, letters: &[char]) -> bool {
    text.match_indices(['[', '(', '{']).any(|(at, bracket)| {
        let inside = &text[at + bracket.len()..];
        let inside = inside.strip_prefix(char::is_whitespace).unwrap_or(inside);
        inside.starts_with(letters)
    })
}

/// Whether a text holds a dot within a word, or one that is written as a word.
pub(super) fn holds_dot(text: &str) -> bool {
    let mut before_space = text.split('.').skip(1);
    before_space.any(|rest| rest.starts_with(|c: char| !c.is_whitespace()))
        || text.as_bytes().windows(3).any(|three| three.eq_ignore_ascii_case(b"dot"))
        || holds_obfuscated(text, &['.', 'p', 'P'])
}

/// For mail addresses.
pub(super) fn holds_mail(text: &str) -> bool {
    text.contains('@') || holds_obfuscated(text, &['a', 'A'])
}

/// For links with a scheme, or with `www.` instead.
pub(super) fn holds_scheme(text: &str) -> bool {
    text.contains('/') || text.as_bytes().windows(4).any(|four| four.eq_ignore_ascii_case(b"www."))
}

/// For hosts before a page.
pub(super) fn holds_slash(text: &str) -> bool {
    text.contains('/')
}

/// For all that has digits.
pub(super) fn holds_digit(text: &str) -> bool {
    text.contains(char::is_numeric)
}

/// For what nothing cheap tells.
pub(super) fn holds_all(_: &str) -> bool {
    true
}
