//! Text to tokens, by the model's own `tokenizer.json`. Must not run the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokenizers::{Tokenizer, TruncationParams};

/// A model's tokenizer.
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
}

impl Tokens {
    /// Reads `tokenizer.json` of a folder. Texts are cut after `max_tokens`; the tokenizer may not know more words than
    /// the model's table has rows. Gives also the file's bytes, for whoever wants to tell it from others.
    pub(crate) fn load(
        folder: &Path,
        max_tokens: usize,
        words: usize,
    ) -> Result<(Self, Vec<u8>), String> {
        let path = folder.join("tokenizer.json");
        let bytes =
            std::fs::read(&path).map_err(|error| super::folder::unreadable(&path, &error))?;
        let damaged = |why: &dyn std::fmt::Display| {
            format!("{} is damaged ({why}): fetch or import the model again", path.display())
        };
        let mut tokenizer = Tokenizer::from_bytes(&bytes).map_err(|why| damaged(&why))?;
        let size = tokenizer.get_vocab_size(true);
        if size > words {
            return Err(format!(
                "{} knows {size} words, config.json {words}: the two files are of different models",
                path.display()
            ));
        }
        // The file may say to pad every text to 128 tokens, and to cut it there.
        tokenizer.with_padding(None);
        let own = tokenizer.encode_fast("", true).map_err(|why| damaged(&why))?.len();
        if own == 0 || own >= max_tokens {
            return Err(format!("max_tokens is {max_tokens}: it must be more than {own}"));
        }
        let most = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(most)).map_err(|why| damaged(&why))?;
        Ok((Self { tokenizer }, bytes))
    }

    /// The tokens of a text, with those that begin and end it.
    pub(crate) fn of(&self, text: &str) -> Result<Vec<u32>, String> {
        let encode = || self.tokenizer.encode_fast(text, true);
        match catch_unwind(AssertUnwindSafe(encode)) {
            Ok(Ok(encoding)) => Ok(encoding.get_ids().to_vec()),
            Ok(Err(error)) => Err(format!("a text cannot be cut into tokens: {error}")),
            Err(_) => Err("a text cannot be cut into tokens: the tokenizer broke off".into()),
        }
    }
}
