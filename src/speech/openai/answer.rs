//! Parses a transcription response and removes filler. Pure.

use frontdesk_endpoint::lenient;
use serde::Deserialize;

use crate::speech::Segment;
use crate::speech::filler::{self, Piece};

/// A response: `verbose_json`, or only a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) language: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) duration: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    segments: Option<Vec<Part>>,
}

/// A segment of `verbose_json`: times in seconds, and Whisper's quality measurements.
/// <https://platform.openai.com/docs/api-reference/audio/verbose-json-object>
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    #[serde(deserialize_with = "lenient")]
    start: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    end: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    /// Mean log probability of the tokens.
    #[serde(deserialize_with = "lenient")]
    avg_logprob: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    no_speech_prob: Option<f64>,
    /// Compression ratio of the text; above 2.4, Whisper itself assumes a loop.
    #[serde(deserialize_with = "lenient")]
    compression_ratio: Option<f64>,
}

/// Transcript parsed from an answer, without filler.
pub(super) struct ParsedTranscript {
    pub(super) text: String,
    pub(super) confidence: Option<f32>,
    pub(super) segments: Vec<Segment>,
}

impl Answer {
    /// Size of its texts.
    pub(super) fn bytes(&self) -> usize {
        let segments = self.segments.iter().flatten().filter_map(|part| part.text.as_deref());
        segments.chain(self.text.as_deref()).map(str::len).sum()
    }

    /// Returns the transcript without filler; `None` if the response has no text.
    pub(super) fn parse_transcript(&self) -> Option<ParsedTranscript> {
        let whole = self.text.as_deref()?.trim();
        let parts = || self.segments.iter().flatten();
        let pieces: Vec<Piece> = parts().filter_map(Part::piece).collect();
        let complete = pieces.len() == parts().count();
        let gap = if complete { gap(whole, &pieces) } else { None };
        let left = filler::clean(pieces.clone());
        let text = match gap {
            Some(_) if left == pieces => whole.to_owned(),
            Some(gap) => one_line(&texts(&left).join(gap)),
            // The segments do not cover the text, so only loops and notes can be removed.
            None => alone(whole),
        };
        let segment = |piece: &Piece| Segment {
            start_ms: piece.start_ms,
            end_ms: piece.end_ms,
            text: piece.text.trim().to_owned(),
        };
        let segments = left.iter().map(segment).collect();
        Some(ParsedTranscript { text, confidence: confidence(&left), segments })
    }
}

/// Cleans a text without segment data.
fn alone(text: &str) -> String {
    let piece = Piece { text: text.to_owned(), ..Piece::default() };
    let left = filler::clean(vec![piece]);
    match left.first() {
        Some(piece) if piece.text == text => text.to_owned(),
        Some(piece) => one_line(&piece.text),
        None => String::new(),
    }
}

/// The separator that joins the segments to the whole text; `None` if they do not cover it.
fn gap(whole: &str, pieces: &[Piece]) -> Option<&'static str> {
    let whole = one_line(whole);
    ["", " "].into_iter().find(|gap| one_line(&texts(pieces).join(gap)) == whole)
}

fn texts(pieces: &[Piece]) -> Vec<&str> {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Part {
    fn piece(&self) -> Option<Piece> {
        let milliseconds = |seconds: Option<f64>| {
            let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a cast of floats stops at the ends"
            )]
            let milliseconds = (seconds * 1_000.0).round() as u64;
            Some(milliseconds)
        };
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1, or a small ratio")]
        let small = |number: Option<f64>| number.filter(|x| x.is_finite()).map(|x| x as f32);
        let logprob = self.avg_logprob.filter(|logprob| *logprob <= 0.0);
        Some(Piece {
            start_ms: milliseconds(self.start)?,
            end_ms: milliseconds(self.end)?,
            text: self.text.clone()?,
            confidence: small(logprob.map(f64::exp)),
            no_speech: small(self.no_speech_prob),
            spoken: None,
            packed: small(self.compression_ratio),
        })
    }
}

/// Mean token probability, weighted by segment duration.
fn confidence(pieces: &[Piece]) -> Option<f32> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for piece in pieces {
        #[expect(clippy::cast_precision_loss, reason = "a weight needs no more")]
        let length = piece.end_ms.saturating_sub(piece.start_ms) as f32;
        if let Some(sure) = piece.confidence {
            sum += sure * length;
            weight += length;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn heard(answer: Value) -> ParsedTranscript {
        serde_json::from_value::<Answer>(answer).unwrap().parse_transcript().unwrap()
    }

    /// A segment of reliable speech, with overridden values.
    fn part(start: u32, text: &str, other: &Value) -> Value {
        let mut part = json!({
            "start": start, "end": start + 2, "text": text,
            "avg_logprob": -0.1, "no_speech_prob": 0.02, "compression_ratio": 1.1,
        });
        let all = part.as_object_mut().unwrap();
        all.extend(other.as_object().unwrap().clone());
        part
    }

    #[test]
    fn what_nobody_said_goes_by_each_of_whispers_doubts_and_stays_without_one() {
        let asked = part(0, " Are you open?", &json!({}));
        let text = "Are you open? Thanks for watching!";
        let answer = |other: Value| {
            let credit = part(2, " Thanks for watching!", &other);
            heard(json!({"text": text, "segments": [asked, credit]}))
        };
        for doubt in [
            json!({"no_speech_prob": 0.7}),
            json!({"avg_logprob": -1.2}),
            json!({"compression_ratio": 3.0}),
            json!({"start": 20, "end": 22}),
        ] {
            let ParsedTranscript { text, segments, confidence } = answer(doubt.clone());
            assert_eq!((text.as_str(), segments.len()), ("Are you open?", 1), "{doubt}");
            assert!((confidence.unwrap() - 0.904_8).abs() < 1e-3, "only of what was said");
        }
        let none = json!({"avg_logprob": null, "no_speech_prob": null, "compression_ratio": null});
        for clear in [json!({}), none] {
            assert_eq!(answer(clear.clone()).text, text, "{clear}");
        }
    }

    #[test]
    fn silence_that_came_back_as_thanks_is_empty() {
        let only = part(0, " Thank you.", &json!({"no_speech_prob": 0.95}));
        let ParsedTranscript { text, segments, confidence } =
            heard(json!({"text": " Thank you.", "segments": [only]}));
        assert_eq!((text.as_str(), segments.len(), confidence), ("", 0, None));
        let said = part(0, " Thank you.", &json!({}));
        assert_eq!(heard(json!({"text": "Thank you.", "segments": [said]})).text, "Thank you.");
    }

    #[test]
    fn without_parts_only_notes_and_loops_go() {
        let looped = ["I want to go"; 12].join(" ");
        for (text, left) in [
            ("[Music] Are you  open?", "Are you open?"),
            (looped.as_str(), "I want to go"),
            ("[BLANK_AUDIO]", ""),
            ("Thanks for watching!", "Thanks for watching!"),
            ("Thank you.", "Thank you."),
            (" Line one\nline two ", "Line one\nline two"),
        ] {
            assert_eq!(heard(json!({ "text": text })).text, left);
            assert_eq!(heard(json!({ "text": text, "segments": [] })).text, left);
        }
    }

    #[test]
    fn parts_that_do_not_tell_all_take_nothing_away() {
        let doubtful = part(0, " Thank you.", &json!({"no_speech_prob": 0.95}));
        let ParsedTranscript { text, segments, .. } =
            heard(json!({"text": "Thank you. I come at ten.", "segments": [doubtful]}));
        assert_eq!((text.as_str(), segments.len()), ("Thank you. I come at ten.", 0));
        let timeless = part(2, " I come at ten.", &json!({"start": null}));
        let text = "Thank you. I come at ten.";
        assert_eq!(heard(json!({"text": text, "segments": [doubtful, timeless]})).text, text);
    }

    #[test]
    fn pieces_are_joined_as_the_endpoint_joins_them() {
        let doubt = json!({"no_speech_prob": 0.9});
        let parts =
            [part(0, "はい。", &json!({})), part(2, "ご視聴ありがとうございました", &doubt)];
        let text = "はい。ご視聴ありがとうございました";
        assert_eq!(heard(json!({"text": text, "segments": parts})).text, "はい。");
        let parts = [
            part(0, "One.", &json!({})),
            part(2, "[noise]", &json!({})),
            part(4, "Two.", &json!({})),
        ];
        assert_eq!(
            heard(json!({"text": "One. [noise] Two.", "segments": parts})).text,
            "One. Two."
        );
    }
}
