//! Counts tokens and chooses the vocabulary of a model. No IO: the vocabularies are compiled in.
//! Knows nothing of prompts or documents.

use table::Table;

mod hash;
mod merge;
mod table;
mod words;

/// Tokenizer vocabulary of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// GPT-4 and GPT-3.5.
    Cl100k,
    /// GPT-4o and later; also the best guess for models of other vendors.
    O200k,
}

impl Vocabulary {
    /// Returns the vocabulary of a model by its name.
    pub fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let old = name.starts_with("gpt-3.5")
            || name == "gpt-4"
            || name.starts_with("gpt-4-")
            || name.starts_with("text-embedding-");
        if old { Self::Cl100k } else { Self::O200k }
    }

    /// Counts the tokens of a text.
    pub fn count(self, text: &str) -> u32 {
        let table = self.table();
        let words = pieces(text).flat_map(|piece| words::of(piece, self));
        let count: usize = words.map(|word| merge::count(word.as_bytes(), table)).sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn table(self) -> &'static Table {
        match self {
            Self::Cl100k => &table::CL100K,
            Self::O200k => &table::O200K,
        }
    }
}

/// Maximum length of a run of one kind of character, in bytes; longer runs are counted in pieces,
/// so that a word of many megabytes does not need 40 times its size to be counted. Each cut changes
/// the count by at most about one token.
const MAX_RUN_BYTES: usize = 2048;

/// Kind of character: a word hardly ever has two kinds in turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Space,
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            _ if c.is_whitespace() => Self::Space,
            _ if c.is_alphabetic() || (!c.is_ascii() && !c.is_numeric()) => Self::Letter,
            _ => Self::Other,
        }
    }
}

/// Cuts very long runs of a text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(first_cut(rest));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Returns the byte offset where the first run gets too long, or the text's length.
fn first_cut(text: &str) -> usize {
    let (mut start, mut kind) = (0, Kind::Other);
    for (at, c) in text.char_indices() {
        let own = Kind::of(c);
        if own != kind {
            (start, kind) = (at, own);
        } else if at - start >= MAX_RUN_BYTES {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn models_read_with_their_own_vocabulary() {
        assert_eq!(Vocabulary::of("gpt-4o-mini"), Vocabulary::O200k);
        assert_eq!(Vocabulary::of("openai/gpt-4-turbo"), Vocabulary::Cl100k);
        assert_eq!(Vocabulary::of("llama3.1"), Vocabulary::O200k);
        assert_eq!(Vocabulary::O200k.count(""), 0);
        assert_eq!(Vocabulary::O200k.count("hello world"), 2);
        assert!(Vocabulary::O200k.count("<|endoftext|>") > 1, "special tokens are plain text");
    }

    #[test]
    fn very_long_runs_are_cut_and_ordinary_text_is_not() {
        let text = "An ordinary sentence, 1234567 times. ".repeat(1000) + &"字".repeat(600);
        assert_eq!(pieces(&text).count(), 1);
        for run in ["a", " ", "-", "字", "1"] {
            let text = format!("before {} after", run.repeat(10_000));
            assert!(pieces(&text).count() >= 4, "{run}");
            assert!(pieces(&text).all(|piece| piece.len() <= MAX_RUN_BYTES + 8), "{run}");
            assert_eq!(pieces(&text).collect::<String>(), text);
        }
        assert!(Vocabulary::O200k.count(&"a".repeat(100_000)) > 1_000);
    }

    fn as_tiktoken_counts(text: &str) {
        for (own, theirs) in [
            (Vocabulary::Cl100k, tiktoken_rs::cl100k_base_singleton()),
            (Vocabulary::O200k, tiktoken_rs::o200k_base_singleton()),
        ] {
            let expected: usize = pieces(text).map(|piece| theirs.count_ordinary(piece)).sum();
            assert_eq!(own.count(text) as usize, expected, "{own:?} {text:?}");
        }
    }

    #[test]
    fn all_kinds_of_text_count_as_tiktoken_counts_them() {
        let texts = [
            "Don't PANIC: it's 12345678 o'clock, they'LL say we'Ve  been  there.\r\n\r\n  \tSo?  ",
            "Größe, naïveté, Ελληνικά, Приве́т, שָׁלוֹם, السَّلَامُ, हिन्दी में, ไทย, 日本語のテキスト、我们。",
            "👩‍👩‍👧‍👦 🇪🇸 ½ ⅷ ٣٤٥ a\u{301}\u{300} \u{a0}\u{2003}x \u{85}\u{2028}y \u{200b}z",
            "https://example.com/a/b?c=d#e\n---\n| a | b |\n|---|---|\n\n\n   indented\n\t\tcode();",
            "fn main() { let x = vec![1, 2, 3]; } // trailing   ",
            "   \n \n  x",
            " \u{17f} 'S 'ſ 'll'LL'Re",
            "<|endoftext|><|endofprompt|>",
        ];
        for text in texts {
            as_tiktoken_counts(text);
            as_tiktoken_counts(&text.to_uppercase());
        }
        for run in ["a", "ab", " ", "-", "\n", "字", "é", "1"] {
            as_tiktoken_counts(&run.repeat(500));
        }
    }

    #[test]
    fn every_token_is_one_token() {
        let all = [
            (tiktoken_rs::cl100k_base_singleton(), &table::CL100K, 100_256),
            (tiktoken_rs::o200k_base_singleton(), &table::O200K, 199_998),
        ];
        for (theirs, table, many) in all {
            for rank in 0..many {
                let token = theirs.decode_bytes(&[rank]).expect("a token");
                assert_eq!(table.rank(&token), Some(rank), "{token:?}");
                assert_eq!(merge::count(&token, table), 1, "{token:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_counts_as_tiktoken_counts_it(text in "\\PC{0,80}") {
            as_tiktoken_counts(&text);
        }

        #[test]
        fn white_space_counts_as_tiktoken_counts_it(text in "[ a'sSxé1.\t\n\r\u{a0}\u{2028}]{0,40}") {
            as_tiktoken_counts(&text);
        }
    }
}
