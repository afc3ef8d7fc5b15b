//! Formats transcripts as text, JSON and subtitles. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::TranscriptionResult;
use crate::eval::{Errors, IN_LETTERS};
use crate::speech::Transcript;

/// Formats a header, then the segments with their times.
pub(super) fn text(file: &Path, heard: &Transcript, took_ms: u64) -> String {
    let mut about: Vec<String> = Vec::new();
    about.extend(heard.seconds.map(|seconds| format!("{seconds:.1} s")));
    about.extend(heard.language.clone());
    about.extend(heard.confidence.map(|sure| format!("{:.0} % sure", sure * 100.0)));
    let took = seconds_of(took_ms);
    about.push(match speed(heard.seconds, took_ms) {
        Some(speed) => format!("took {took:.1} s ({speed} than real time)"),
        None => format!("took {took:.1} s"),
    });
    about.push(heard.by.clone());
    let mut lines = vec![format!("{}: {}", file.display(), about.join(", "))];
    for part in &heard.segments {
        let (from, to) = (minutes(part.start_ms), minutes(part.end_ms));
        lines.push(format!("[{from} → {to}] {}", part.text));
    }
    match heard.text.trim() {
        "" => lines.push("(nothing was said)".into()),
        text if heard.segments.is_empty() => lines.push(text.to_owned()),
        _ => {}
    }
    lines.join("\n") + "\n"
}

/// Speed compared with real time, such as `2.0 times faster`.
fn speed(seconds: Option<f64>, took_ms: u64) -> Option<String> {
    let times = seconds.filter(|seconds| *seconds > 0.0)? / seconds_of(took_ms.max(1));
    let (times, word) = if times < 1.0 { (1.0 / times, "slower") } else { (times, "faster") };
    let digits = usize::from(times < 10.0);
    Some(format!("{times:.digits$} times {word}"))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn seconds_of(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1_000.0
}

fn minutes(milliseconds: u64) -> String {
    let tenths = milliseconds / 100;
    format!("{:02}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

pub(super) fn json(all: &[TranscriptionResult]) -> String {
    let all: Vec<Value> = all.iter().map(object).collect();
    format!("{:#}", Value::Array(all))
}

fn object(done: &TranscriptionResult) -> Value {
    let heard = done.heard.as_ref().ok();
    let parts = heard.into_iter().flat_map(|heard| &heard.segments);
    let parts: Vec<Value> = parts
        .map(|part| json!({"start_ms": part.start_ms, "end_ms": part.end_ms, "text": part.text}))
        .collect();
    let mut object = json!({
        "file": done.file.display().to_string(),
        "text": heard.map(|heard| &heard.text),
        "language": heard.and_then(|heard| heard.language.as_ref()),
        "confidence": heard.and_then(|heard| heard.confidence),
        "seconds": heard.and_then(|heard| heard.seconds),
        "segments": parts,
        "by": heard.map(|heard| &heard.by),
        "took_ms": done.took_ms,
        "error": done.heard.as_ref().err(),
    });
    if let (Some((clip, errors)), Some(object)) = (&done.scored, object.as_object_mut()) {
        let Errors { words, changed, missing, added } = errors;
        let errors =
            json!({"words": words, "changed": changed, "missing": missing, "added": added});
        object.insert("said".into(), json!(clip.said));
        object.insert("errors".into(), errors);
    }
    object
}

/// Formats subtitles (`SubRip`). A transcript without segments becomes one subtitle for the whole
/// recording.
pub(super) fn srt(heard: &Transcript) -> String {
    let mut parts: Vec<(u64, u64, &str)> = Vec::new();
    for part in &heard.segments {
        parts.push((part.start_ms, part.end_ms, &part.text));
    }
    if parts.is_empty() {
        const UNKNOWN: f64 = 10.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let end = (heard.seconds.unwrap_or(UNKNOWN) * 1_000.0) as u64;
        parts.push((0, end, &heard.text));
    }
    let mut text = String::new();
    let said = parts.into_iter().map(|(from, to, said)| (from, to.max(from + 1), line(said)));
    for (number, (from, to, said)) in (1..).zip(said.filter(|(_, _, said)| !said.is_empty())) {
        let times = format!("{} --> {}", clock(from), clock(to));
        // Writing to a string cannot fail.
        let _ = write!(text, "{number}\n{times}\n{said}\n\n");
    }
    text
}

/// Returns the text on one line, without `-->`, which would be read as a time separator.
fn line(text: &str) -> String {
    text.replace("-->", "→").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02},{:03}", seconds % 60, milliseconds % 1_000)
}

/// Totals for one language and kind.
#[derive(Default)]
struct Row {
    clips: usize,
    errors: Errors,
    seconds: f64,
    took_ms: u64,
}

/// Formats a table of error rates by language and kind.
pub(super) fn table(all: &[TranscriptionResult]) -> String {
    let mut rows: BTreeMap<(&str, &str), Row> = BTreeMap::new();
    for done in all {
        let (Ok(heard), Some((clip, errors))) = (&done.heard, &done.scored) else { continue };
        let row = rows.entry((clip.language.as_deref().unwrap_or("-"), &clip.kind)).or_default();
        row.clips += 1;
        row.errors += *errors;
        row.seconds += heard.seconds.unwrap_or_default();
        row.took_ms += done.took_ms;
    }
    let mut lines = vec![format!(
        "{:<8} {:<10} {:>6} {:>6} {:>8} {:>8} {:>6} {:>11} {:>17}",
        "language",
        "kind",
        "clips",
        "words",
        "changed",
        "missing",
        "added",
        "error rate",
        "than real time"
    )];
    for ((language, kind), Row { clips, errors, seconds, took_ms }) in &rows {
        let Errors { words, changed, missing, added } = errors;
        let rate = errors.rate().map_or("-".into(), |rate| format!("{:.1} %", rate * 100.0));
        let speed = speed(Some(*seconds), *took_ms).unwrap_or_else(|| "-".into());
        lines.push(format!(
            "{language:<8} {kind:<10} {clips:>6} {words:>6} {changed:>8} {missing:>8} {added:>6} {rate:>11} {speed:>17}"
        ));
    }
    let in_letters = rows.keys().any(|(language, _)| IN_LETTERS.contains(language));
    if in_letters {
        lines.push(format!("{} are counted in letters, not in words.", IN_LETTERS.join(", ")));
    }
    let failed = all.iter().filter(|done| done.heard.is_err()).count();
    if failed > 0 {
        lines.push(format!("{failed} of {} recordings were not transcribed.", all.len()));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::Segment;

    fn heard(parts: &[(u64, u64, &str)]) -> Transcript {
        let part = |&(start_ms, end_ms, text): &(u64, u64, &str)| Segment {
            start_ms,
            end_ms,
            text: text.into(),
        };
        Transcript {
            text: parts.iter().map(|part| part.2).collect::<Vec<_>>().join(" "),
            segments: parts.iter().map(part).collect(),
            seconds: Some(2.5),
            ..Transcript::default()
        }
    }

    #[test]
    fn subtitles_are_numbered_and_hold_no_arrow_blank_line_or_empty_time() {
        let parts = [(0, 900, "A\n\nb"), (950, 950, "-->"), (1_000, 2_000, " ")];
        let last = (3_661_001, 3_662_000, "c");
        let made = srt(&heard(&[parts[0], parts[1], parts[2], last]));
        let wanted = "1\n00:00:00,000 --> 00:00:00,900\nA b\n\n\
            2\n00:00:00,950 --> 00:00:00,951\n→\n\n\
            3\n01:01:01,001 --> 01:01:02,000\nc\n\n";
        assert_eq!(made, wanted);
        let whole = Transcript { text: "All".into(), segments: Vec::new(), ..heard(&[]) };
        assert_eq!(srt(&whole), "1\n00:00:00,000 --> 00:00:02,500\nAll\n\n");
        assert_eq!(srt(&heard(&[])), "");
    }

    #[test]
    fn times_are_minutes_and_tenths() {
        for (milliseconds, shown) in [(0, "00:00.0"), (61_990, "01:01.9"), (4_500_000, "75:00.0")] {
            assert_eq!(minutes(milliseconds), shown);
        }
        assert_eq!(speed(Some(30.0), 1_000).as_deref(), Some("30 times faster"));
        assert_eq!(speed(Some(3.0), 2_000).as_deref(), Some("1.5 times faster"));
        assert_eq!(speed(Some(1.0), 2_000).as_deref(), Some("2.0 times slower"));
        assert_eq!(speed(None, 0), None);
    }
}
