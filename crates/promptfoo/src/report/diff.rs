//! Diff of the expected and the actual text, by words or by lines.

/// Maximum length of a text to diff, in words or lines; the work is quadratic.
const MAX_LEN: usize = 600;

/// A segment of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// In both texts.
    Same(String),
    /// Only in the expected text.
    Missing(String),
    /// Only in the actual text.
    Extra(String),
}

/// Compares by lines when either text has several, else by words.
pub(super) fn compare(expected: &str, got: &str) -> Vec<Piece> {
    let by_lines = expected.trim_end().contains('\n') || got.trim_end().contains('\n');
    let split = |text| if by_lines { into_lines(text) } else { into_words(text) };
    pieces(&split(expected), &split(got))
}

fn into_lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Words, each with the whitespace after it.
fn into_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut blank = false;
    for (at, c) in text.char_indices() {
        if blank && !c.is_whitespace() {
            words.push(&text[start..at]);
            start = at;
        }
        blank = c.is_whitespace();
    }
    words.push(&text[start..]);
    words
}

fn pieces(expected: &[&str], got: &[&str]) -> Vec<Piece> {
    let ends_alike = |a: &[&str], b: &[&str]| -> usize {
        a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
    };
    let head = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let tail = ends_alike(&expected[head..], &got[head..]);
    let mut found = DiffBuilder::default();
    found.all(&expected[..head], DiffBuilder::same);
    let (old, new) = (&expected[head..expected.len() - tail], &got[head..got.len() - tail]);
    if old.len().max(new.len()) > MAX_LEN {
        found.all(old, DiffBuilder::missing);
        found.all(new, DiffBuilder::extra);
    } else {
        middle(old, new, &mut found);
    }
    found.all(&expected[expected.len() - tail..], DiffBuilder::same);
    found.pieces
}

/// Diffs by the longest common subsequence.
fn middle(old: &[&str], new: &[&str], found: &mut DiffBuilder) {
    let mut longest = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    for (i, word) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            longest[i][j] = if word == other {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            found.same(old[i]);
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            found.missing(old[i]);
            i += 1;
        } else {
            found.extra(new[j]);
            j += 1;
        }
    }
    found.all(&old[i..], DiffBuilder::missing);
    found.all(&new[j..], DiffBuilder::extra);
}

#[derive(Default)]
struct DiffBuilder {
    pieces: Vec<Piece>,
}

impl DiffBuilder {
    fn all(&mut self, words: &[&str], add: fn(&mut Self, &str)) {
        for word in words {
            add(self, word);
        }
    }

    fn same(&mut self, word: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Same(text)) => text.push_str(word),
            _ => self.pieces.push(Piece::Same(word.to_owned())),
        }
    }

    fn missing(&mut self, word: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Missing(text)) => text.push_str(word),
            _ => self.pieces.push(Piece::Missing(word.to_owned())),
        }
    }

    fn extra(&mut self, word: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Extra(text)) => text.push_str(word),
            _ => self.pieces.push(Piece::Extra(word.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_that_differ_are_named() {
        let same = |text: &str| Piece::Same(text.into());
        assert_eq!(
            compare("We open at 9 today", "We open at 10 today"),
            [
                same("We open at "),
                Piece::Missing("9 ".into()),
                Piece::Extra("10 ".into()),
                same("today")
            ]
        );
    }

    #[test]
    fn texts_of_several_lines_are_compared_by_lines() {
        let found = compare("a\nb\nc\n", "a\nx\nc\n");
        assert_eq!(found[1..3], [Piece::Missing("b\n".into()), Piece::Extra("x\n".into())]);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_put_together_again(old in "[ab \n]{0,20}", new in "[ab \n]{0,20}") {
            let (mut left, mut right) = (String::new(), String::new());
            for piece in compare(&old, &new) {
                match piece {
                    Piece::Same(text) => { left += &text; right += &text; }
                    Piece::Missing(text) => left += &text,
                    Piece::Extra(text) => right += &text,
                }
            }
            prop_assert_eq!(left, old);
            prop_assert_eq!(right, new);
        }
    }
}
