//! Part of formatting: splits a text into messages that WhatsApp accepts, at natural boundaries.

use frontdesk_language::sentences;
use unicode_segmentation::UnicodeSegmentation;

/// Opens and closes code.
const FENCE: &str = "```";

/// Length of closing or reopening a fence, in UTF-16 units.
const FENCE_UNITS: usize = 4;

/// Bytes after a message's end that are read to find its last boundary.
const LOOK_AHEAD: usize = 64;

/// Splits a text into messages of at most `limit` UTF-16 units (minimum 2): between paragraphs,
/// else lines, sentences, words or grapheme clusters. Code that is split is closed and reopened.
pub(crate) fn split(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(2);
    let mut bubbles = Vec::new();
    let mut rest = text.trim().to_owned();
    while is_longer(&rest, limit) {
        let room = if rest.contains(FENCE) && limit > 4 * FENCE_UNITS {
            limit - FENCE_UNITS
        } else {
            limit
        };
        let (head, tail) = rest.split_at_checked(best_cut(&rest, room)).unwrap_or((&rest, ""));
        let inside = room < limit && head.matches(FENCE).count() % 2 == 1;
        let mut bubble = head.trim_end().to_owned();
        let tail = tail.trim_start_matches(if inside { '\n' } else { ' ' });
        let mut next = tail.trim_start().to_owned();
        if inside {
            bubble.push_str("\n```");
            next = format!("{FENCE}\n{tail}");
        }
        if next.len() >= rest.len() {
            break;
        }
        keep(&mut bubbles, &bubble);
        rest = next;
    }
    keep(&mut bubbles, &rest);
    bubbles
}

fn keep(bubbles: &mut Vec<String>, bubble: &str) {
    let bubble = bubble.trim();
    let hollow = bubble.starts_with(FENCE) && bubble.chars().all(|c| c == '`' || c.is_whitespace());
    if !bubble.is_empty() && !hollow {
        bubbles.push(bubble.to_owned());
    }
}

/// Whether a text has more UTF-16 units. Reads no more of it than it must.
fn is_longer(text: &str, limit: usize) -> bool {
    let mut units = 0;
    text.chars().any(|c| {
        units += c.len_utf16();
        units > limit
    })
}

/// Returns where to cut, in bytes: above 0, and within `room` UTF-16 units.
fn best_cut(text: &str, room: usize) -> usize {
    let mut used = 0;
    let fits = |(_, c): &(usize, char)| {
        used += c.len_utf16();
        used <= room
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    let mut view = text.len().min(end + LOOK_AHEAD);
    while !text.is_char_boundary(view) {
        view -= 1;
    }
    let view = text.get(..view).unwrap_or(text);
    // A cut just after an opening fence would gain nothing.
    let least = if text.starts_with(FENCE) { FENCE_UNITS + 1 } else { 1 };
    let borders = [paragraph, line, sentence, blank, word, cluster];
    let found = borders.iter().find_map(|border| border(view, end).filter(|cut| *cut >= least));
    let cut = before_fence(view, found.unwrap_or(end));
    cut.max(text.chars().next().map_or(0, char::len_utf8))
}

/// Moves a cut that directly follows an opening fence to before it.
fn before_fence(view: &str, cut: usize) -> usize {
    let head = view.get(..cut).unwrap_or("").trim_end();
    let opens = head.ends_with(FENCE) && head.matches(FENCE).count() % 2 == 1;
    let at = head.len().saturating_sub(FENCE.len());
    if opens && at > 0 { at } else { cut }
}

/// Returns the last blank line, preferably outside code.
fn paragraph(view: &str, end: usize) -> Option<usize> {
    let mut borders =
        view.rmatch_indices("\n\n").map(|(at, _)| at).filter(|at| (1..=end).contains(at));
    let last = borders.next()?;
    let outside = |at: &usize| view.get(..*at).unwrap_or("").matches(FENCE).count() % 2 == 0;
    if outside(&last) { Some(last) } else { borders.take(64).find(outside).or(Some(last)) }
}

fn line(view: &str, end: usize) -> Option<usize> {
    view.rmatch_indices('\n').map(|(at, _)| at).find(|at| (1..=end).contains(at))
}

fn sentence(view: &str, end: usize) -> Option<usize> {
    let mut at = 0;
    let ends = sentences(view).into_iter().map(|sentence| {
        at += sentence.len();
        at
    });
    ends.take_while(|at| *at <= end && *at < view.len()).last()
}

fn blank(view: &str, end: usize) -> Option<usize> {
    view.rmatch_indices(char::is_whitespace).map(|(at, _)| at).find(|at| (1..=end).contains(at))
}

fn word(view: &str, end: usize) -> Option<usize> {
    view.split_word_bound_indices().map(|(at, _)| at).rfind(|at| (1..=end).contains(at))
}

fn cluster(view: &str, end: usize) -> Option<usize> {
    view.grapheme_indices(true).map(|(at, _)| at).rfind(|at| (1..=end).contains(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bubbles(text: &str, limit: usize) -> Vec<String> {
        let bubbles = split(text, limit);
        for bubble in &bubbles {
            assert!(bubble.encode_utf16().count() <= limit, "{bubble:?} is longer than {limit}");
            assert_eq!(bubble.trim(), bubble);
            assert!(!bubble.is_empty());
        }
        bubbles
    }

    #[test]
    fn a_short_text_is_one_bubble() {
        assert_eq!(bubbles(" We open at 9. ", 4096), ["We open at 9."]);
        assert_eq!(bubbles("", 4096), [""; 0]);
        assert_eq!(bubbles(" \n ", 4096), [""; 0]);
    }

    #[test]
    fn a_long_text_is_cut_where_a_reader_would() {
        assert_eq!(bubbles("One. Two.\n\nThree. Four.", 16), ["One. Two.", "Three. Four."]);
        assert_eq!(bubbles("• One\n• Two\n• Three", 13), ["• One\n• Two", "• Three"]);
        assert_eq!(bubbles("First thing. Second thing.", 20), ["First thing.", "Second thing."]);
        assert_eq!(bubbles("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(bubbles("one two", 3), ["one", "two"]);
        assert_eq!(
            bubbles("営業は9時からです。日曜は休みです。", 10),
            ["営業は9時からです。", "日曜は休みです。"]
        );
        assert_eq!(bubbles("abcdefgh", 3), ["abc", "def", "gh"]);
    }

    #[test]
    fn a_character_is_never_cut() {
        assert_eq!(bubbles("👨‍👩‍👧👨‍👩‍👧", 9), ["👨‍👩‍👧", "👨‍👩‍👧"]);
        assert_eq!(bubbles("🙂🙂🙂", 4), ["🙂🙂", "🙂"]);
        assert_eq!(bubbles("🙂🙂", 3), ["🙂", "🙂"]);
        let accents = "e".to_owned() + &"\u{301}".repeat(30);
        assert_eq!(bubbles(&accents, 10).concat(), accents);
    }

    #[test]
    fn code_is_closed_and_opened_again() {
        let code = (1..=12).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
        let parts = bubbles(&format!("Do this:\n\n```\n{code}```\n\nand then call us"), 60);
        assert!(parts.len() > 2, "{parts:?}");
        for part in &parts {
            assert_eq!(part.matches(FENCE).count() % 2, 0, "{part:?}");
        }
        let all = parts.join("\n");
        for n in 1..=12 {
            assert_eq!(all.matches(&format!("line {n}\n")).count(), 1, "{n}: {all}");
        }
    }

    #[test]
    fn code_that_fits_a_bubble_is_not_cut() {
        let text = format!("{}\n\n```\na = 1\n\nb = 2\n```", "Some words. ".repeat(5));
        assert_eq!(bubbles(&text, 75)[1], "```\na = 1\n\nb = 2\n```");
    }

    #[test]
    fn a_very_long_text_is_cut_in_reasonable_time() {
        let started = std::time::Instant::now();
        assert!(bubbles(&"word ".repeat(100_000), 4096).len() > 100);
        assert!(started.elapsed().as_secs() < 30);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[^`]{0,300}", limit in 2usize..80) {
            let parts = split(&text, limit);
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(letters(&parts.concat()), letters(&text));
            for part in &parts {
                prop_assert!(part.encode_utf16().count() <= limit && !part.trim().is_empty(), "{:?}", part);
            }
        }

        #[test]
        fn fences_never_make_a_bubble_too_long(
            parts in prop::collection::vec(prop::sample::select(vec!["```", "`", "\n", "\n\n", "word ", "a", "🙂", " "]), 0..60),
            limit in 2usize..60,
        ) {
            for part in split(&parts.concat(), limit) {
                prop_assert!(part.encode_utf16().count() <= limit, "{:?} {}", part, limit);
            }
        }
    }
}
