//! Counting tokens, and choosing the vocabulary of a model. No IO: the vocabularies are compiled in.

use tiktoken_rs::CoreBPE;

/// The vocabulary that a model reads with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// GPT-4 and GPT-3.5.
    Cl100k,
    /// GPT-4o and later; the best guess for models of other makers, too.
    O200k,
}

impl Vocabulary {
    /// The vocabulary of a model, by its name.
    pub fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let old = name.starts_with("gpt-3.5")
            || name == "gpt-4"
            || name.starts_with("gpt-4-")
            || name.starts_with("text-embedding-");
        if old { Self::Cl100k } else { Self::O200k }
    }

    /// How many tokens a text has. The first call loads the vocabulary, about 0.1 seconds.
    pub fn count(self, text: &str) -> u32 {
        u32::try_from(self.table().count_ordinary(text)).unwrap_or(u32::MAX)
    }

    fn table(self) -> &'static CoreBPE {
        match self {
            Self::Cl100k => tiktoken_rs::cl100k_base_singleton(),
            Self::O200k => tiktoken_rs::o200k_base_singleton(),
        }
    }
}

#[cfg(test)]
mod tests {
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
}
