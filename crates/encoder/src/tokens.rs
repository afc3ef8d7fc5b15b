//! Tokenizes text with the model's own `tokenizer.json`. Must not run the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tokenizers::{Encoding, PostProcessor, Tokenizer, TruncationDirection, TruncationParams};

/// Input to tokenize.
#[derive(Debug, Clone)]
pub enum Text {
    /// A single text.
    One(String),
    /// Two texts read together, such as a question and a passage; truncation spares the first.
    Pair(Arc<str>, String),
}

/// Input of the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// Token ids.
    pub(crate) ids: Vec<u32>,
    /// Token type ids; empty when all are 0.
    pub(crate) kinds: Vec<u32>,
}

/// A model's tokenizer.
pub struct Tokens {
    tokenizer: Tokenizer,
    max_tokens: usize,
}

impl Tokens {
    /// Loads `tokenizer.json` from a folder and also returns its bytes, for a fingerprint. Texts
    /// are truncated to `max_tokens`; a vocabulary larger than the model's table (`words`) is an
    /// error.
    pub fn load(folder: &Path, max_tokens: usize, words: usize) -> Result<(Self, Vec<u8>), String> {
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
        // The file may demand padding and truncation to 128 tokens.
        tokenizer.with_padding(None);
        let own = tokenizer.encode_fast("", true).map_err(|why| damaged(&why))?.len();
        if own == 0 || own >= max_tokens {
            return Err(format!("max_tokens is {max_tokens}: it must be more than {own}"));
        }
        let most = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(most)).map_err(|why| damaged(&why))?;
        Ok((Self { tokenizer, max_tokens }, bytes))
    }

    /// Returns the vocabulary: whole words, and pieces that other words are made of.
    pub fn vocabulary(&self) -> impl Iterator<Item = String> {
        self.tokenizer.get_vocab(false).into_keys()
    }

    /// Checks that the tokenizer can combine two texts and has room for them. Errors say what is
    /// missing.
    pub fn check_pairs(&self) -> Result<(), String> {
        let own = self.pair_special_tokens();
        if own < 3 {
            return Err(
                "tokenizer.json does not say how two texts become one (a template with three or four tokens of its \
                 own): it is no cross-encoder's"
                    .into(),
            );
        }
        if self.max_tokens < own + 4 {
            let (most, least) = (self.max_tokens, own + 4);
            return Err(format!("max_tokens is {most}: for two texts it must be at least {least}"));
        }
        Ok(())
    }

    /// Returns the tokens of a text, with the special tokens.
    pub(crate) fn of(&self, text: &Text) -> Result<Sequence, String> {
        let encode = || match text {
            Text::One(text) => self.tokenizer.encode_fast(text.as_str(), true),
            Text::Pair(first, second) => self.pair(first, second),
        };
        match catch_unwind(AssertUnwindSafe(encode)) {
            Ok(Ok(encoding)) => {
                let all_first = encoding.get_type_ids().iter().all(|kind| *kind == 0);
                let kinds = if all_first { Vec::new() } else { encoding.get_type_ids().to_vec() };
                Ok(Sequence { ids: encoding.get_ids().to_vec(), kinds })
            }
            Ok(Err(error)) => Err(format!("a text cannot be cut into tokens: {error}")),
            Err(_) => Err("a text cannot be cut into tokens: the tokenizer broke off".into()),
        }
    }

    /// Combines two texts with the tokenizer's template. If they are too long, the end of the
    /// second is cut off; the first is cut only if both take more than half of the room.
    fn pair(&self, first: &str, second: &str) -> tokenizers::Result<Encoding> {
        let mut first = self.tokenizer.encode_fast(first, false)?;
        let mut second = self.tokenizer.encode_fast(second, false)?;
        let room = self.max_tokens.saturating_sub(self.pair_special_tokens());
        let most = (room / 2).max(room.saturating_sub(second.len()));
        cut(&mut first, most);
        cut(&mut second, room.saturating_sub(first.len()));
        self.tokenizer.post_process(first, Some(second), true)
    }

    /// Number of special tokens of a pair.
    fn pair_special_tokens(&self) -> usize {
        self.tokenizer.get_post_processor().map_or(0, |template| template.added_tokens(true))
    }
}

/// Truncates to `most` tokens and drops the overflow, which the template would otherwise process
/// too.
fn cut(text: &mut Encoding, most: usize) {
    text.truncate(most, 0, TruncationDirection::Right);
    text.set_overflowing(Vec::new());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// BERT's template: the second text has another token type.
    const BERT: &[(&str, u8)] = &[("[CLS]", 0), ("A", 0), ("[SEP]", 0), ("B", 1), ("[SEP]", 1)];
    const XLM_ROBERTA: &[(&str, u8)] =
        &[("[CLS]", 0), ("A", 0), ("[SEP]", 0), ("[SEP]", 0), ("B", 0), ("[SEP]", 0)];

    /// A tokenizer with the words `w3` to `w99` and this template for pairs.
    fn tokens(pair: &[(&str, u8)], max_tokens: usize) -> Tokens {
        let folder = tempfile::tempdir().unwrap();
        let words = (3..100).map(|number| (format!("w{number}"), json!(number)));
        let mut vocab: serde_json::Map<String, Value> = words.collect();
        vocab.extend([("[CLS]".into(), json!(0)), ("[SEP]".into(), json!(1))]);
        vocab.insert("[UNK]".into(), json!(2));
        let piece = |(id, kind): &(&str, u8)| {
            let what = if id.len() == 1 { "Sequence" } else { "SpecialToken" };
            json!({what: {"id": id, "type_id": kind}})
        };
        let pair: Vec<Value> = pair.iter().map(piece).collect();
        let special = |id: &str, number: u8| json!({"id": id, "ids": [number], "tokens": [id]});
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": null,
            "post_processor": {
                "type": "TemplateProcessing", "single": [piece(&("[CLS]", 0)), piece(&("A", 0))], "pair": pair,
                "special_tokens": {"[CLS]": special("[CLS]", 0), "[SEP]": special("[SEP]", 1)},
            },
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
        });
        std::fs::write(folder.path().join("tokenizer.json"), file.to_string()).unwrap();
        Tokens::load(folder.path(), max_tokens, 100).unwrap().0
    }

    fn words(range: std::ops::Range<u32>) -> String {
        range.map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ")
    }

    fn pair(tokens: &Tokens, first: &str, second: &str) -> Sequence {
        tokens.of(&Text::Pair(first.into(), second.into())).unwrap()
    }

    #[test]
    fn two_texts_become_one_as_the_family_has_it() {
        let bert = pair(&tokens(BERT, 20), "w5 w6", "w7 w8 w9");
        assert_eq!(bert.ids, [0, 5, 6, 1, 7, 8, 9, 1]);
        assert_eq!(bert.kinds, [0, 0, 0, 0, 1, 1, 1, 1]);
        let xlm = pair(&tokens(XLM_ROBERTA, 20), "w5 w6", "w7 w8 w9");
        assert_eq!(xlm, Sequence { ids: vec![0, 5, 6, 1, 1, 7, 8, 9, 1], kinds: Vec::new() });
        assert_eq!(pair(&tokens(BERT, 20), "", "").ids, [0, 1, 1]);
        let one = tokens(BERT, 20).of(&Text::One("w5 w6".into())).unwrap();
        assert_eq!(one, Sequence { ids: vec![0, 5, 6], kinds: Vec::new() });
    }

    #[test]
    fn the_second_text_is_cut_first_and_the_first_to_no_less_than_half() {
        // 11 tokens, of which 3 are special tokens.
        let tokens = tokens(BERT, 11);
        let cut = |first, second| pair(&tokens, &words(first), &words(second)).ids;
        assert_eq!(cut(3..6, 50..90), [0, 3, 4, 5, 1, 50, 51, 52, 53, 54, 1]);
        assert_eq!(cut(3..40, 50..90), [0, 3, 4, 5, 6, 1, 50, 51, 52, 53, 1]);
        assert_eq!(cut(3..40, 50..51), [0, 3, 4, 5, 6, 7, 8, 9, 1, 50, 1]);
        assert_eq!(cut(3..6, 50..55), [0, 3, 4, 5, 1, 50, 51, 52, 53, 54, 1], "it just fits");
    }

    #[test]
    fn a_tokenizer_without_a_template_or_without_room_is_not_for_pairs() {
        assert!(tokens(BERT, 7).check_pairs().is_ok());
        let told = tokens(BERT, 6).check_pairs().unwrap_err();
        assert!(told.contains("at least 7"), "{told}");
        let told = tokens(&[("A", 0), ("B", 1)], 20).check_pairs().unwrap_err();
        assert!(told.contains("two texts become one"), "{told}");
    }
}
