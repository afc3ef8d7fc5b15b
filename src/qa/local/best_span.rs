//! Chooses the best answer from a model's logits. Pure.
//!
//! The arithmetic is that of transformers' question answering pipeline (`select_starts_ends` and
//! `decode_spans` in `pipelines/question_answering.py`, with `handle_impossible_answer`): begin and
//! end get a probability each among the tokens of the passage and the first token, which stands for
//! no answer; a span's probability is the product of both. Of several windows the best span counts,
//! and the least probable no answer. It differs where the pipeline widens answers to words, which in
//! Chinese are whole sentences, and where it adds up what two windows find alike.

use frontdesk_encoder::TokenRanges;

use super::span_head::Logits;
use crate::qa::Span;

/// Maximum length of an answer, in tokens: that of `SQuAD`'s evaluation.
const MAX_ANSWER_TOKENS: usize = 30;

/// Tokens of the best span, the logarithms of its probability and of that of no answer.
struct Candidate {
    begin: usize,
    end: usize,
    found: f32,
    none: f32,
}

/// Returns the best span of a passage that was read in windows; `None` if no window has a token of
/// it.
pub(super) fn find(windows: &[(TokenRanges, Vec<Logits>)], passage: &str) -> Option<Span> {
    let read = |(ranges, logits): &(TokenRanges, Vec<Logits>)| {
        let best = best(ranges, logits)?;
        let begin = ranges.get(best.begin)?.clone()?.start;
        let end = ranges.get(best.end)?.clone()?.end;
        Some((best, begin..end))
    };
    let candidates: Vec<_> = windows.iter().filter_map(read).collect();
    let none = candidates.iter().map(|(one, _)| one.none).fold(f32::INFINITY, f32::min);
    let (best, range) = candidates
        .iter()
        .reduce(|best, other| if other.0.found > best.0.found { other } else { best })?;
    // A token of a model that knows only bytes may be a part of a character.
    let range = passage.floor_char_boundary(range.start)..passage.ceil_char_boundary(range.end);
    Some(Span { range, probability: best.found.exp(), margin: best.found - none })
}

/// Returns the best span of a window.
fn best(ranges: &TokenRanges, logits: &[Logits]) -> Option<Candidate> {
    let first = logits.first()?;
    let is_own = |token: usize| ranges.get(token).is_some_and(Option::is_some);
    let own: Vec<(usize, &Logits)> =
        logits.iter().enumerate().skip(1).filter(|(token, _)| is_own(*token)).collect();
    let all =
        |side: usize| log_sum_exp(own.iter().map(|(_, logits)| logits[side]).chain([first[side]]));
    let (begins, ends) = (all(0), all(1));
    let mut best: Option<Candidate> = None;
    for (place, (begin, from)) in own.iter().enumerate() {
        for (end, to) in own.iter().skip(place).take(MAX_ANSWER_TOKENS) {
            let found = from[0] - begins + to[1] - ends;
            if best.as_ref().is_none_or(|best| found > best.found) {
                let none = first[0] - begins + first[1] - ends;
                best = Some(Candidate { begin: *begin, end: *end, found, none });
            }
        }
    }
    best
}

/// Logarithm of the sum of the exponentials, without overflow.
fn log_sum_exp(logits: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    most + logits.map(|logit| (logit - most).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window: the first token, one of the question, and one for each byte of the passage from
    /// `from` on.
    fn window(from: usize, logits: &[Logits]) -> (TokenRanges, Vec<Logits>) {
        let own = (from..from + logits.len() - 2).map(|byte| Some(byte..byte + 1));
        ([None, None].into_iter().chain(own).collect(), logits.to_vec())
    }

    fn near(one: f32, other: f32) -> bool {
        (one - other).abs() < 1e-5
    }

    #[test]
    fn the_best_pair_of_begin_and_end_is_found_and_the_question_counts_for_nothing() {
        let logits = [[1.0, 1.0], [90.0, 90.0], [0.0, 3.0], [2.0, 0.0], [0.0, 2.5]];
        let span = find(&[window(0, &logits)], "abc").unwrap();
        assert_eq!(span.range, 1..3, "the end at the first byte is before the begin");
        let [e1, e2]: [f32; 2] = [1.0_f32.exp(), 2.0_f32.exp()];
        let begins = e1 + 1.0 + e2 + 1.0;
        let ends = e1 + 3.0_f32.exp() + 1.0 + 2.5_f32.exp();
        assert!(near(span.probability, e2 / begins * 2.5_f32.exp() / ends), "{span:?}");
        assert!(near(span.margin, 2.0 + 2.5 - 2.0), "{span:?}");
        let weak = [[5.0, 5.0], [0.0, 0.0], [1.0, 1.0]];
        let span = find(&[window(0, &weak)], "a").unwrap();
        assert!(near(span.margin, -8.0), "no answer is more probable: {span:?}");
    }

    #[test]
    fn an_answer_is_short_and_of_several_windows_the_best_counts() {
        let mut logits = vec![[0.0, 0.0]; 42];
        logits[2][0] = 9.0;
        logits[31][1] = 7.0;
        logits[32][1] = 9.0;
        let span = find(&[window(0, &logits)], &"x".repeat(40)).unwrap();
        assert_eq!(span.range, 0..30, "the better end is a token too far");
        let sure = [[0.0, 0.0], [0.0, 0.0], [6.0, 6.0]];
        let windows = [window(0, &[[3.0, 3.0], [0.0, 0.0], [1.0, 1.0]]), window(1, &sure)];
        let span = find(&windows, "ab").unwrap();
        assert_eq!(span.range, 1..2);
        let alone = find(&windows[1..], "ab").unwrap();
        assert_eq!(span, alone, "the second window has the least probable no answer");
    }

    #[test]
    fn ranges_end_at_the_borders_of_characters() {
        let logits = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [9.0, 9.0], [0.0, 0.0]];
        assert_eq!(find(&[window(0, &logits)], "€").unwrap().range, 0..3);
        assert_eq!(find(&[window(3, &logits)], "€س2").unwrap().range, 3..5);
    }

    #[test]
    fn without_words_there_is_no_span() {
        assert_eq!(find(&[], "abc"), None);
        assert_eq!(find(&[(Vec::new(), Vec::new())], "abc"), None);
        assert_eq!(find(&[window(0, &[[1.0, 1.0], [1.0, 1.0]])], ""), None);
    }
}
