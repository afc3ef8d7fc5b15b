//! Breaks text for the terminal between words, also text that arrives in pieces. Prints nothing
//! itself.

use std::io::IsTerminal;

use console::measure_text_width;

/// A line of text that is being written.
pub(super) struct Wrap {
    /// Columns of a line.
    width: usize,
    /// Columns of this line that are used.
    column: usize,
    /// Spaces before the word that has begun.
    spaces: usize,
    /// The word that has begun.
    word: String,
}

impl Wrap {
    /// A line of the terminal that begins with `prefix`. Without a terminal no line is broken.
    pub(super) fn of_terminal(prefix: &str) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self::new(if is_terminal { super::bar::width() } else { usize::MAX }, prefix)
    }

    fn new(width: usize, prefix: &str) -> Self {
        let column = measure_text_width(prefix);
        Self { width: width.max(1), column, spaces: 0, word: String::new() }
    }

    /// Adds text; returns what can be printed, which is all but the last word.
    pub(super) fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        for letter in text.chars() {
            match letter {
                '\n' => {
                    self.flush(&mut out);
                    out.push('\n');
                    (self.column, self.spaces) = (0, 0);
                }
                ' ' => {
                    self.flush(&mut out);
                    self.spaces += 1;
                }
                letter => {
                    self.word.push(letter);
                    // Scripts that are written without spaces may break after each character.
                    if measure_text_width(letter.encode_utf8(&mut [0; 4])) > 1 {
                        self.flush(&mut out);
                    }
                }
            }
        }
        out
    }

    /// Returns the last word.
    pub(super) fn end(&mut self) -> String {
        let mut out = String::new();
        self.flush(&mut out);
        out
    }

    fn flush(&mut self, out: &mut String) {
        if self.word.is_empty() {
            return;
        }
        let length = measure_text_width(&self.word);
        let fits = self.column + self.spaces + length <= self.width;
        if self.column > 0 && !fits {
            out.push('\n');
            self.column = length;
        } else {
            out.extend(std::iter::repeat_n(' ', self.spaces));
            self.column += self.spaces + length;
        }
        // The terminal breaks a word that is longer than a line.
        self.column %= self.width.saturating_add(1);
        self.spaces = 0;
        out.push_str(&self.word);
        self.word.clear();
    }
}

/// Returns a text with its lines broken for the terminal.
pub(super) fn wrapped(text: &str) -> String {
    let mut wrap = Wrap::of_terminal("");
    let begun = wrap.push(text);
    begun + &wrap.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(width: usize, prefix: &str, pieces: &[&str]) -> String {
        let mut wrap = Wrap::new(width, prefix);
        let mut out: String = pieces.iter().map(|piece| wrap.push(piece)).collect();
        out.push_str(&wrap.end());
        out
    }

    #[test]
    fn a_line_ends_between_words_however_the_text_arrives() {
        let broken = "We open at\nnine and\nclose at\nsix.";
        assert_eq!(pieces(10, "", &["We open at nine and close at six."]), broken);
        assert_eq!(
            pieces(10, "", &["We op", "en at ni", "ne", " ", "and close a", "t six."]),
            broken
        );
        assert_eq!(pieces(10, "bot › ", &["We open."]), "We\nopen.");
        assert_eq!(pieces(usize::MAX, "", &["We open at nine."]), "We open at nine.");
    }

    #[test]
    fn lists_long_words_and_scripts_without_spaces_stay_readable() {
        assert_eq!(pieces(12, "", &["a:\n  - one two three"]), "a:\n  - one two\nthree");
        let link = "https://example.com/a";
        assert_eq!(pieces(10, "", &["see ", link, " now"]), format!("see\n{link}\nnow"));
        assert_eq!(pieces(6, "", &["我们九点开门"]), "我们九\n点开门");
        assert_eq!(pieces(10, "", &["one ", "\n", "two "]), "one\ntwo");
    }
}
