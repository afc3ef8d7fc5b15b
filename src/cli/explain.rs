//! Formats a turn's trace for the terminal: what each stage saw, decided and took. Prints nothing
//! itself.

use crate::domain::trace::{
    CuratedTrace, GroundingTrace, OffersTrace, RetrieveTrace, VoiceNoteTrace,
};
use crate::domain::{Scores, Trace};

/// Describes the transcription of a voice note.
pub(super) fn heard_line(note: &VoiceNoteTrace) -> String {
    let Some(text) = &note.transcript else {
        return format!("not understood: {}", note.error.as_deref().unwrap_or("nobody knows why"));
    };
    let heard = note.heard.clone().unwrap_or_default();
    let mut about: Vec<String> = heard.language.into_iter().collect();
    about.extend(heard.seconds.map(|seconds| format!("{seconds:.1} s")));
    about.extend(heard.confidence.map(|sure| format!("{:.0} % sure", sure * 100.0)));
    about.push(heard.by);
    format!("understood: “{text}” ({})", about.join(", "))
}

/// Formats a trace as lines of text.
pub(super) fn explain(trace: &Trace) -> String {
    let mut lines = Vec::new();
    if let Some(whole) = trace.transcribe.as_ref().and_then(|stage| stage.whole_bytes) {
        lines.push(format!("message    only its beginning was read, it has {whole} bytes"));
    }
    if let Some(stage) = trace.transcribe.as_ref().filter(|stage| !stage.notes.is_empty()) {
        lines.push(format!("speech     ({:.1} ms)", stage.took_ms));
        lines.extend(stage.notes.iter().map(|note| format!("  {}", heard_line(note))));
    }
    if let Some(stage) = &trace.escalate {
        let said = stage.matched.as_deref().unwrap_or("none matched");
        lines.push(format!("hand-off   {} rules, {said} ({:.1} ms)", stage.rules, stage.took_ms));
    }
    if let Some(stage) = &trace.curated {
        lines.push(format!("curated    {} ({:.1} ms)", curated_lines(stage), stage.took_ms));
    }
    if let Some(stage) = &trace.retrieve {
        let how = stage.embedder.as_deref().unwrap_or("words only");
        lines.push(format!("retrieval  {how}, {} ({:.1} ms)", sureness(stage), stage.took_ms));
        lines.extend(search_lines(stage));
        for (index, passage) in stage.passages.iter().enumerate() {
            let (chunk, scores) = (&passage.chunk, &passage.scores);
            lines.push(format!(
                "  [{}] {:.2}  {} — {}  ({})",
                index + 1,
                scores.fused,
                chunk.source,
                chunk.stands(),
                legs(scores)
            ));
        }
        lines.extend(stage.error.iter().map(|error| format!("  {error}")));
    }
    if let Some(stage) = &trace.prompt {
        let (history, passages) = (stage.dropped_history, stage.dropped_passages);
        let size = if stage.tokens == 0 {
            "fits".into()
        } else {
            format!("{} of {} tokens", stage.tokens, stage.budget)
        };
        lines.push(format!(
            "prompt     {} messages, {size}, left out: {history} earlier messages, {passages} passages",
            stage.messages.len()
        ));
    }
    if let Some(stage) = &trace.reply {
        lines.push(format!("reply      {} ({:.1} ms)", stage.model, stage.took_ms));
        lines.extend(stage.repairs.iter().chain(&stage.errors).map(|line| format!("  {line}")));
        lines.extend(stage.checked.iter().flat_map(verdicts));
    }
    lines.extend(trace.offers.iter().flat_map(offer_lines));
    let usage = trace.usage;
    let money = f64::from(u32::try_from(usage.cost_micros).unwrap_or(u32::MAX)) / 1_000_000.0;
    lines.push(format!(
        "in all     {:.1} ms, {} + {} tokens, ${money:.6}",
        trace.total_ms, usage.input_tokens, usage.output_tokens
    ));
    lines.join("\n")
}

/// Describes the lookup of curated answers.
pub(super) fn curated_lines(seen: &CuratedTrace) -> String {
    let Some(near) = &seen.nearest else {
        let why = seen.refused.as_deref().unwrap_or("none came near");
        return format!("{} answers, {why}", seen.answers);
    };
    let meaning = near.meaning.map_or("–".into(), |meaning| format!("{meaning:.2}"));
    let verdict = match &seen.refused {
        Some(why) => format!("not given: {why}"),
        None => "given".to_owned(),
    };
    format!(
        "{} answers, {verdict}\n  {:.2}  {}  “{}”  (needs {:.2}, words {:.2}, meaning {meaning}, next {:.2})",
        seen.answers,
        near.score,
        near.answer,
        near.phrasing,
        near.threshold,
        near.words,
        near.second
    )
}

/// Lists the files and places that go out beside the text, and what is left out.
fn offer_lines(stage: &OffersTrace) -> Vec<String> {
    let files = stage.files.iter().map(|name| format!("beside     the file {name}"));
    let places = stage.locations.iter().map(|name| format!("beside     the place {name}"));
    let left_out = stage.left_out.iter().map(|what| format!("left out   {what}"));
    files.chain(places).chain(left_out).collect()
}

/// Describes the confidence beside the one from which on the bot answers.
fn sureness(stage: &RetrieveTrace) -> String {
    let needed = match stage.threshold {
        None => String::new(),
        Some(threshold) if threshold > 0.0 => format!(", answers from {threshold:.2}"),
        Some(_) => ", the model decides".to_owned(),
    };
    format!("confidence {:.2}{needed}", stage.confidence)
}

/// Describes a passage's score in each leg, and its coverage of the question.
pub(super) fn legs(scores: &Scores) -> String {
    let leg = |score: Option<f32>| score.map_or("–".into(), |score| format!("{score:.2}"));
    let (meaning, words, letters) = (leg(scores.dense), leg(scores.bm25), leg(scores.ngram));
    format!("meaning {meaning}, words {words}, letters {letters}, coverage {:.2}", scores.coverage)
}

/// Lists the searches, if there were more than one, and the cost of rewriting and reranking.
fn search_lines(stage: &RetrieveTrace) -> Vec<String> {
    let mut lines = Vec::new();
    if stage.searched.len() > 1 {
        lines.extend(stage.searched.iter().map(|one| {
            let (how, text) = (one.how.as_str(), one.text.replace('\n', " ⏎ "));
            format!(
                "  {how:<10} “{text}” (counts {:.2}, confidence {:.2})",
                one.weight, one.confidence
            )
        }));
    }
    if let Some(told) = &stage.rewrite {
        let (input, output) = (told.usage.input_tokens, told.usage.output_tokens);
        let why = told.error.as_deref().unwrap_or("made it complete");
        let (model, took) = (&told.model, told.took_ms);
        lines.push(format!("  {model}: {why} ({took:.1} ms, {input} + {output} tokens)"));
    }
    if let Some(told) = &stage.rerank {
        let why = told.error.as_deref().unwrap_or("put in order");
        lines.push(format!(
            "  {}: {} passages {why} ({:.1} ms)",
            told.by, told.passages, told.took_ms
        ));
    }
    lines
}

/// Lists the verdicts of the grounding check, one statement per line.
fn verdicts(checked: &GroundingTrace) -> Vec<String> {
    let how = checked.embedder.as_deref().unwrap_or("words only");
    let judge = checked.judge.as_ref().map_or(String::new(), |judge| format!(", judge {judge}"));
    let held = match checked.hold_below {
        bar if bar > 0.0 => format!(", held back below {bar}"),
        _ => String::new(),
    };
    let mut lines = vec![format!(
        "citations  {how}{judge}, score {:.2}, supported from {:.2}{held} ({:.1} ms)",
        checked.score, checked.threshold, checked.took_ms
    )];
    for verdict in &checked.verdicts {
        let sign = match (verdict.score, verdict.supported) {
            (None, _) => "–",
            (_, true) => "✓",
            (_, false) => "✗",
        };
        let score = verdict.score.map_or(String::new(), |score| format!(" {score:.3}"));
        let passage = verdict.passage.map_or(String::new(), |mark| format!(" [{mark}]"));
        lines.push(format!("  {sign}{score}{passage}  {} ({})", verdict.text, verdict.why));
    }
    let said = [&checked.action].into_iter().chain(&checked.error).filter(|said| !said.is_empty());
    lines.extend(said.map(|said| format!("  {said}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_confidence_stands_beside_the_one_that_answers() {
        let of = |threshold| {
            sureness(&RetrieveTrace { confidence: 0.62, threshold, ..RetrieveTrace::default() })
        };
        assert_eq!(of(Some(0.5)), "confidence 0.62, answers from 0.50");
        assert_eq!(of(Some(0.0)), "confidence 0.62, the model decides");
        assert_eq!(of(None), "confidence 0.62");
    }

    #[test]
    fn a_trace_of_an_earlier_version_is_shown_without_a_threshold() {
        let stored = r#"{"query": "open?", "embedder": null, "passages": [], "confidence": 0.4,
            "error": null, "took_ms": 1.0, "embed_ms": 0.0}"#;
        let trace: RetrieveTrace = serde_json::from_str(stored).expect("it is still read");
        assert_eq!(sureness(&trace), "confidence 0.40");
    }
}
