//! Turns letters in visual order, from left to right, into reading order. Supports lines of one
//! direction with words of the other; more complex mixtures are read as well as possible.

use super::page::Glyph;

/// Direction class of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Right,
    Left,
    Digit,
    Neutral,
}

/// Whether a text has right-to-left letters.
pub(super) fn has_right(text: &str) -> bool {
    text.chars().any(is_right)
}

/// Whether a text as a whole is read from right to left.
pub(super) fn is_rightward(text: &str) -> bool {
    let count = |wanted| text.chars().filter(|c| class_of(*c) == wanted).count();
    count(Class::Right) > count(Class::Left)
}

/// Returns the text of a line's letters, which are sorted from left to right.
pub(super) fn read<'a>(letters: impl Iterator<Item = &'a str>) -> String {
    let mut letters: Vec<&str> = letters.collect();
    if is_rightward(&letters.concat()) {
        letters.reverse();
        turn_runs(&mut letters, &[Class::Left, Class::Digit]);
    } else {
        turn_runs(&mut letters, &[Class::Right]);
    }
    letters.concat()
}

/// Reverses each run of these classes, with what is between two of them. A run of digits ends at a
/// space.
fn turn_runs(letters: &mut [&str], turned: &[Class]) {
    let mut at = 0;
    while at < letters.len() {
        let Some(first) = letters.get(at).map(|letter| class(letter)) else { break };
        if !turned.contains(&first) {
            at += 1;
            continue;
        }
        let (mut end, mut seen) = (at + 1, at + 1);
        while let Some(letter) = letters.get(seen) {
            let class = class(letter);
            let words = first != Class::Digit
                || letters.get(end - 1).is_some_and(|last| self::class(last) == Class::Left);
            seen += 1;
            if turned.contains(&class) {
                end = seen;
            } else if class != Class::Neutral || (!words && letter.trim().is_empty()) {
                break;
            }
        }
        if let Some(run) = letters.get_mut(at..end) {
            run.reverse();
        }
        at = end;
    }
}

fn class(letter: &str) -> Class {
    let mut classes = letter.chars().map(class_of);
    classes.find(|class| *class != Class::Neutral).unwrap_or(Class::Neutral)
}

fn class_of(c: char) -> Class {
    match c {
        c if is_right(c) => Class::Right,
        '0'..='9' | '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => Class::Digit,
        c if c.is_alphabetic() => Class::Left,
        _ => Class::Neutral,
    }
}

/// Hebrew, Arabic and related scripts; Arabic digits are written from left to right.
fn is_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{65F}' | '\u{66A}'..='\u{6EF}' | '\u{6FA}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}

/// Sorts letters by position, from left to right.
pub(super) fn sort(glyphs: &mut [Glyph]) {
    glyphs.sort_by(|one, other| one.x.total_cmp(&other.x));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visual(text: &str) -> String {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        read(letters.iter().map(String::as_str))
    }

    #[test]
    fn lines_are_read_in_their_own_direction() {
        assert_eq!(visual("Open daily."), "Open daily.");
        // In visual order: the last letter first, numbers as they are.
        assert_eq!(visual("18:30 ىتح 9 نم"), "من 9 حتى 18:30");
        assert_eq!(visual("םולש"), "שלום");
        assert_eq!(visual("Web App ربع انلسار"), "راسلنا عبر Web App");
        assert_eq!(visual("Say םולש to Dan"), "Say שלום to Dan");
    }
}
