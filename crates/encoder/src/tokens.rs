//! Tokenizes text with the model's own `tokenizer.json`. Must not run the model.

use std::ops::Range;
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

/// For each token of a sequence its byte range in a text; `None` for tokens that are not of the text.
pub type TokenRanges = Vec<Option<Range<usize>>>;

/// Tokens that two windows of a text have in common, if there is room; transformers' question
/// answering pipeline has as many.
const STRIDE: usize = 128;

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
        let encoding = guarded(|| match text {
            Text::One(text) => self.tokenizer.encode_fast(text.as_str(), true),
            Text::Pair(first, second) => self.pair(first, second),
        })?;
        Ok(Sequence::of(&encoding))
    }

    /// Removes the truncation, so that texts can be read in windows.
    pub fn for_windows(mut self) -> Result<Self, String> {
        self.tokenizer.with_truncation(None).map_err(|why| why.to_string())?;
        Ok(self)
    }

    /// Splits a text into windows that fit beside the question, each with its byte ranges in the
    /// text. Only the question is truncated, as in a pair.
    pub(crate) fn windows(
        &self,
        question: &str,
        text: &str,
    ) -> Result<Vec<(Sequence, TokenRanges)>, String> {
        guarded(|| {
            let mut question = self.tokenizer.encode_fast(question, false)?;
            let mut first = self.tokenizer.encode(text, false)?;
            let room = self.truncate_first(&mut question, first.len());
            // Without the second limit, windows beside a long question would advance by a token.
            let stride = STRIDE.min(self.max_tokens / 2).min(room * 7 / 8);
            first.truncate(room, stride, TruncationDirection::Right);
            let rest = first.take_overflowing();
            let windows = std::iter::once(first).chain(rest).map(|window| {
                // RoBERTa's template takes the space off each offset, and has done so already.
                let offsets = window.get_offsets().to_vec();
                let pair = self.tokenizer.post_process(question.clone(), Some(window), true)?;
                Ok((Sequence::of(&pair), ranges(&pair, offsets)))
            });
            windows.collect()
        })
    }

    /// Combines two texts with the tokenizer's template. If they are too long, the end of the
    /// second is cut off; the first is cut only if both take more than half of the room.
    fn pair(&self, first: &str, second: &str) -> tokenizers::Result<Encoding> {
        let mut first = self.tokenizer.encode_fast(first, false)?;
        let mut second = self.tokenizer.encode_fast(second, false)?;
        let room = self.truncate_first(&mut first, second.len());
        cut(&mut second, room);
        self.tokenizer.post_process(first, Some(second), true)
    }

    /// Truncates the first text of a pair, and returns the tokens that are left for the second.
    fn truncate_first(&self, first: &mut Encoding, second: usize) -> usize {
        let room = self.max_tokens.saturating_sub(self.pair_special_tokens());
        cut(first, (room / 2).max(room.saturating_sub(second)));
        room.saturating_sub(first.len())
    }

    /// Number of special tokens of a pair.
    fn pair_special_tokens(&self) -> usize {
        self.tokenizer.get_post_processor().map_or(0, |template| template.added_tokens(true))
    }
}

impl Sequence {
    fn of(encoding: &Encoding) -> Self {
        let all_first = encoding.get_type_ids().iter().all(|kind| *kind == 0);
        let kinds = if all_first { Vec::new() } else { encoding.get_type_ids().to_vec() };
        Self { ids: encoding.get_ids().to_vec(), kinds }
    }
}

/// Runs the tokenizer, which panics on some texts and files.
fn guarded<T>(encode: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(encode)) {
        Ok(Ok(encoding)) => Ok(encoding),
        Ok(Err(error)) => Err(format!("a text cannot be cut into tokens: {error}")),
        Err(_) => Err("a text cannot be cut into tokens: the tokenizer broke off".into()),
    }
}

/// Byte ranges of the tokens of the second text, which have these offsets.
fn ranges(pair: &Encoding, offsets: Vec<(usize, usize)>) -> TokenRanges {
    let mut own = offsets.into_iter().map(|(start, end)| start..end);
    let texts = pair.get_sequence_ids().into_iter();
    texts.map(|text| text.filter(|text| *text == 1).and_then(|_| own.next())).collect()
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
    fn windows_hold_all_of_a_text_and_say_where_each_token_stands() {
        // 14 tokens, of which 3 are special tokens; of each window 7 come again in the next.
        let tokens = tokens(BERT, 14).for_windows().unwrap();
        let text = format!("é {}", words(10..30));
        let windows = tokens.windows("w5", &text).unwrap();
        let ids: Vec<&[u32]> = windows.iter().map(|(sequence, _)| &*sequence.ids).collect();
        assert_eq!(ids[0], [0, 5, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 1]);
        assert_eq!(ids[1][3..], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 1]);
        assert_eq!(ids.last().unwrap()[3..], [21, 22, 23, 24, 25, 26, 27, 28, 29, 1]);
        for (sequence, ranges) in &windows {
            assert_eq!(sequence.kinds[..4], [0, 0, 0, 1]);
            for (id, range) in sequence.ids.iter().zip(ranges).skip(3) {
                let said = range.clone().map(|range| &text[range]);
                let word = if *id == 2 { "é".to_owned() } else { format!("w{id}") };
                assert_eq!(said, (*id != 1).then_some(&*word), "{id}");
            }
            assert_eq!(ranges[..3], [None, None, None], "the question is not of the text");
        }
        assert_eq!(tokens.windows("w5", "").unwrap()[0].0.ids, [0, 5, 1, 1]);
        // Of a question that is too long half of the room is kept.
        let windows = tokens.windows(&words(50..90), &words(10..30)).unwrap();
        assert_eq!(windows[0].0.ids, [0, 50, 51, 52, 53, 54, 1, 10, 11, 12, 13, 14, 15, 1]);
        assert!(windows.len() < 20, "{}", windows.len());
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
