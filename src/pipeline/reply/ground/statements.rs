//! Part of the grounding check: splits a reply into statements, and removes some of them. The rest
//! stays byte for byte. Decides nothing about support.

use std::ops::Range;
use std::sync::LazyLock;

use frontdesk_language::sentences;
use regex::Regex;

/// A sentence, a list item or a table row of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Position in the reply, in bytes, with the white space after it.
    pub(crate) range: Range<usize>,
    /// Line number, from 0.
    line: usize,
    /// Whether it only introduces others: a heading, or a line before a list.
    pub(super) frame: bool,
}

/// Returns the statements of a Markdown reply, in order.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    let mut start = 0;
    let mut fence: Option<(usize, usize)> = None;
    for (line, written) in text.split_inclusive('\n').enumerate() {
        let end = start + written.len();
        let fenced = written.trim_start().starts_with("```");
        match (fence, fenced) {
            (None, true) => fence = Some((start, line)),
            (Some((from, first)), true) => {
                found.push(Statement { range: from..end, line: first, frame: false });
                fence = None;
            }
            (Some(_), false) => {}
            (None, false) => of_line(text, &(start..end), line, &mut found),
        }
        start = end;
    }
    if let Some((from, line)) = fence {
        found.push(Statement { range: from..text.len(), line, frame: false });
    }
    found
}

fn of_line(text: &str, range: &Range<usize>, line: usize, found: &mut Vec<Statement>) {
    let written = &text[range.clone()];
    let bullet = BULLET.find(written).map_or(0, |bullet| bullet.end());
    let body = written[bullet..].trim_end();
    if body.is_empty() {
        return;
    }
    let frame = written.trim_start().starts_with('#')
        || body.trim_end_matches(['*', '_']).ends_with([':', '：'])
        || LABEL.is_match(body)
        || !body.chars().any(char::is_alphanumeric);
    let from = range.start + bullet;
    if frame || body.starts_with('|') {
        found.push(Statement { range: from..range.end, line, frame });
        return;
    }
    let mut start = from;
    let mut end = from;
    for sentence in sentences(&written[bullet..]) {
        end += sentence.len();
        if is_whole(&text[start..end]) {
            found.push(Statement { range: start..end, line, frame: false });
            start = end;
        }
    }
    if !text[start..end].trim().is_empty() {
        found.push(Statement { range: start..end, line, frame: false });
    } else if let Some(last) = found.last_mut().filter(|last| last.line == line) {
        last.range.end = end;
    }
}

/// Whether a piece of a line is complete: it does not end inside marks.
fn is_whole(piece: &str) -> bool {
    let said = piece.trim();
    let closed = ["**", "__", "`", "\""].iter().all(|mark| said.matches(mark).count() % 2 == 0);
    let depth = |open: char, close: char| said.matches(open).count() <= said.matches(close).count();
    closed && depth('(', ')') && depth('[', ']') && said.chars().any(char::is_alphanumeric)
}

/// Returns the reply without the removed statements. Lines with nothing left go, and so do headings
/// and introductions of only such lines.
pub(crate) fn without(text: &str, statements: &[Statement], removed: &[bool]) -> String {
    let gone = |at: usize| removed.get(at).copied().unwrap_or(false);
    let mut cut: Vec<Range<usize>> = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        if gone(at) || (statement.frame && introduces_nothing(statements, removed, at)) {
            cut.push(reach(text, statements, removed, at));
        }
    }
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for range in cut {
        kept.push_str(text.get(from..range.start).unwrap_or(""));
        from = from.max(range.end);
        let rest = &text[from..];
        if rest.is_empty() || rest.starts_with('\n') {
            // Nothing follows on this line: no white space stays at its end, and (below) no blank
            // line is doubled.
            kept.truncate(kept.trim_end_matches([' ', '\t']).len());
        }
        if kept.is_empty() || kept.ends_with("\n\n") {
            from += rest.len() - rest.trim_start_matches('\n').len();
        }
    }
    kept.push_str(&text[from..]);
    kept.trim().to_owned()
}

/// Whether all that a heading or introduction covers is removed: what follows, up to a blank line
/// or the next heading or introduction.
fn introduces_nothing(statements: &[Statement], removed: &[bool], at: usize) -> bool {
    let mut any = false;
    let mut line = statements[at].line;
    for (statement, removed) in statements.iter().zip(removed).skip(at + 1) {
        let apart = any && statement.line > line + 1;
        if statement.frame || apart {
            break;
        }
        if !removed {
            return false;
        }
        any = true;
        line = statement.line;
    }
    any
}

/// Returns the range to cut: with bullet and line break if nothing else is left of the line.
fn reach(text: &str, statements: &[Statement], removed: &[bool], at: usize) -> Range<usize> {
    let Statement { range, line, .. } = &statements[at];
    let alone = statements
        .iter()
        .zip(removed)
        .enumerate()
        .all(|(other, (s, removed))| s.line != *line || *removed || other == at);
    let start = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    if alone {
        return start..range.end;
    }
    // Other statements stay on the line: keep its line break.
    let end = range.start + text[range.clone()].trim_end_matches('\n').len();
    range.start..end
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of this file are fixed, and tested")
}

static BULLET: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"^[ \t]*(?:>[ \t]*)*(?:(?:[-*+•–]|\d{1,3}[.)])[ \t]+)?"));
/// A line of bold words only.
static LABEL: LazyLock<Regex> = LazyLock::new(|| fixed(r"^(?:\*\*|__)[^*_.!?]{1,60}(?:\*\*|__)$"));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPLY: &str = "Hello! We deliver, e.g. to York, in 2 days. It costs £4.95.\n\n\
        **Opening hours:**\n- Monday: 9 to 5\n- Sunday: closed. Really.\n\nAnything else?";

    fn said(text: &str) -> Vec<&str> {
        statements(text).into_iter().map(|one| text[one.range].trim()).collect()
    }

    #[test]
    fn sentences_items_and_introductions_are_told_apart() {
        assert_eq!(
            said(REPLY),
            [
                "Hello!",
                "We deliver, e.g. to York, in 2 days.",
                "It costs £4.95.",
                "**Opening hours:**",
                "Monday: 9 to 5",
                "Sunday: closed.",
                "Really.",
                "Anything else?"
            ]
        );
        assert!(statements(REPLY)[3].frame);
        assert_eq!(
            said("**Yes. And no.** Then so."),
            ["**Yes. And no.** Then so."],
            "no mark is torn"
        );
        assert_eq!(said("(See York. Or Leeds.) Then so."), ["(See York. Or Leeds.)", "Then so."]);
        assert_eq!(said("退货政策。30天内。"), ["退货政策。", "30天内。"]);
        assert_eq!(
            said("Watch https://a.example/watch?v=1 first. Then ask."),
            ["Watch https://a.example/watch?v=1 first.", "Then ask."]
        );
        assert_eq!(
            said("Do this:\n```\na. b. c\n```\nDone."),
            ["Do this:", "```\na. b. c\n```", "Done."]
        );
    }

    fn cut(text: &str, gone: &[usize]) -> String {
        let all = statements(text);
        let removed: Vec<bool> = (0..all.len()).map(|at| gone.contains(&at)).collect();
        without(text, &all, &removed)
    }

    #[test]
    fn what_is_kept_stays_as_it_was() {
        assert_eq!(cut(REPLY, &[]), REPLY);
        assert!(
            cut(REPLY, &[2]).starts_with("Hello! We deliver, e.g. to York, in 2 days.\n\n**Op")
        );
        assert!(cut(REPLY, &[4]).contains("**Opening hours:**\n- Sunday: closed. Really.\n\nAny"));
        assert!(cut(REPLY, &[6]).contains("- Sunday: closed.\n\nAny"), "{}", cut(REPLY, &[6]));
    }

    #[test]
    fn an_introduction_goes_with_all_that_it_introduces() {
        assert_eq!(
            cut(REPLY, &[4, 5, 6]),
            "Hello! We deliver, e.g. to York, in 2 days. It costs £4.95.\n\nAnything else?"
        );
        assert_eq!(cut("We have:\n- Tea", &[1]), "");
    }

    proptest! {
        #[test]
        fn kept_statements_keep_their_words_and_order(
            text in "(?s)([a-zA-Z0-9 .:!?*#|`()\\[\\]\"\n-]|é|退|。|```|\n- |\\*\\*){0,80}|\\PC{0,60}",
            gone in proptest::collection::vec(any::<bool>(), 0..40),
        ) {
            let all = statements(&text);
            let removed: Vec<bool> = (0..all.len()).map(|at| gone.get(at).copied().unwrap_or(false)).collect();
            let kept = without(&text, &all, &removed);
            let mut from = 0;
            for (one, removed) in all.iter().zip(&removed) {
                prop_assert!(one.range.start < one.range.end);
                let words = text[one.range.clone()].trim();
                if !removed && !one.frame && !words.contains('\n') {
                    let at = kept[from..].find(words);
                    prop_assert!(at.is_some(), "{words:?} of {text:?} is not in {kept:?}");
                    from += at.unwrap_or(0) + words.len();
                }
            }
            for pair in all.windows(2) {
                prop_assert!(pair[0].range.end <= pair[1].range.start);
            }
        }
    }
}
