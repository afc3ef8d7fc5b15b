//! Part of the grounding check: calls the embedder and, if the agent wants one, the judge, then
//! applies the agent's setting. If a call fails, the scores decide alone.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use frontdesk_language::sentences;
use regex::Regex;

use super::cache::GroundingCache;
use super::check::{Check, Material};
use crate::domain::trace::{GroundingTrace, StatementVerdict};
use crate::domain::{ChatMessage, Grounding, GroundingCheck, Line, Prompt, Role, Speaker, Usage};
use crate::embed::{Embedder, Purpose};
use crate::llm::{Completion, Model};
use crate::pipeline::clean::CleanAnswer;
use crate::pipeline::framing::{instructions, without_files};
use crate::pipeline::timer::millis;

/// Maximum wait for embeddings, which only help.
const EMBED_TIMEOUT: Duration = Duration::from_secs(2);

/// Input of a grounding check.
pub(crate) struct GroundingInput<'a> {
    pub(crate) embed: &'a dyn Embedder,
    pub(crate) model: &'a dyn Model,
    pub(crate) prompt: &'a Prompt,
    pub(crate) history: &'a [Line],
    pub(crate) cache: &'a GroundingCache,
}

/// What is sent after the check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// This text is sent, with these citations.
    Send { text: String, cited: Vec<usize> },
    /// The agent's no-answer text is sent instead.
    NoAnswer,
}

/// Checks a cleaned reply and decides what is sent.
pub(crate) async fn apply(
    cleaned: &CleanAnswer,
    setting: &Grounding,
    asked: &GroundingInput<'_>,
    usage: &mut Usage,
) -> (Decision, GroundingTrace) {
    let started = Instant::now();
    let passages: Vec<String> =
        asked.prompt.passages.iter().map(|passage| passage.chunk.searchable()).collect();
    let (known, customer) = (known(asked), customer(asked));
    let material = Material {
        reply: &cleaned.text,
        marks: &cleaned.marks,
        passages: &passages,
        known: &known,
        asked: &customer,
    };
    let mut check = Check::read_with(&material, asked.cache);
    let hold_below = if setting.check == GroundingCheck::Hold { setting.hold_below } else { 0.0 };
    let mut checked =
        GroundingTrace { threshold: setting.threshold, hold_below, ..GroundingTrace::default() };
    embed(&mut check, asked.embed, &mut checked).await;
    if setting.judge {
        judge(&mut check, asked, &passages, &mut checked, usage).await;
    }
    checked.score = check.score();
    checked.verdicts = check.verdicts(setting.threshold);
    let decision = decide(&check, cleaned, setting.check, &mut checked);
    checked.took_ms = millis(started);
    (decision, checked)
}

/// Returns what may be restated: the agent's instructions, messages to the customer, and the
/// customer's own statements. His questions support nothing: "Can I return it after 60 days?" does
/// not make "you can return it after 60 days" true.
fn known(asked: &GroundingInput<'_>) -> Vec<String> {
    let instructions = instructions(asked.prompt).to_owned();
    let lines = asked.history.iter().map(|line| match line.speaker {
        Speaker::Customer => stated(&line.text, asked.cache),
        Speaker::Bot | Speaker::Person => line.text.clone(),
    });
    std::iter::once(instructions)
        .chain(lines)
        .chain([
            stated(&without_files(own(asked.prompt)), asked.cache),
            stated(&asked.prompt.question, asked.cache),
        ])
        .filter(|text| !text.trim().is_empty())
        .collect()
}

/// Returns what the customer wrote, with his questions and what he quotes.
fn customer(asked: &GroundingInput<'_>) -> Vec<String> {
    let lines = asked.history.iter().filter(|line| line.speaker == Speaker::Customer);
    let lines = lines.map(|line| line.text.as_str());
    let last = [own(asked.prompt), asked.prompt.question.as_str()];
    lines.chain(last).map(ToOwned::to_owned).collect()
}

/// Returns the end of the last message: the date, the time and the customer's words. The passages
/// may stand before it.
fn own(prompt: &Prompt) -> &str {
    let last = prompt.messages.last().map_or("", |message| message.content.as_str());
    last.rsplit_once("</passages>").map_or(last, |(_, own)| own)
}

/// Returns a text without its questions.
fn stated(text: &str, cache: &GroundingCache) -> String {
    let read = || {
        let said = text.lines().flat_map(sentences).map(str::trim);
        let stated: Vec<&str> =
            said.filter(|sentence| !sentence.ends_with(['?', '？', '؟'])).collect();
        Arc::from(stated.join("\n"))
    };
    cache.statements.get_or_compute((text, 0), |stated| stated.len(), read).to_string()
}

async fn embed(check: &mut Check, embedder: &dyn Embedder, checked: &mut GroundingTrace) {
    let Some(identity) = embedder.identity() else { return };
    let of_use = check.is_undecided(&[checked.threshold, checked.hold_below]);
    if !of_use || !check.reader.is_read_by(embedder.languages()) {
        return;
    }
    let texts = check.texts();
    // As queries, so that a reply does not wait behind documents that are being indexed.
    let answer = tokio::time::timeout(EMBED_TIMEOUT, embedder.embed(&texts, Purpose::Query)).await;
    match answer {
        Ok(Ok(vectors)) if vectors.len() == texts.len() => {
            check.set_embeddings(&vectors);
            checked.embedder = Some(identity.to_owned());
        }
        Ok(Ok(_)) => checked.error = Some("the embedder returned too few vectors".into()),
        Err(_) => checked.error = Some("the embedder took too long".into()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the reply could not be embedded, it is checked by its words alone");
            checked.error = Some(error.to_string());
        }
    }
}

/// Asks a model about the claims. The score decides those that it does not answer.
async fn judge(
    check: &mut Check,
    asked: &GroundingInput<'_>,
    passages: &[String],
    checked: &mut GroundingTrace,
    usage: &mut Usage,
) {
    let claims: Vec<(usize, String)> =
        check.claims().into_iter().map(|(at, claim)| (at, claim.to_owned())).collect();
    if claims.is_empty() {
        return;
    }
    let question = question(asked.prompt, passages, &claims);
    match asked.model.complete(&question, None).await {
        Ok(Completion::Text { text, model, usage: used, .. }) => {
            usage.add(used);
            let said = answers(&text, claims.len());
            if said.is_empty() {
                checked.error = Some("the judge's answer could not be read".into());
                return;
            }
            checked.judge = Some(model);
            for (number, supported) in said {
                check.judge(claims[number - 1].0, supported);
            }
        }
        Ok(_) => checked.error = Some("the judge did not answer".into()),
        Err(error) => {
            tracing::warn!(%error, "the judge did not answer, the score decides");
            checked.error = Some(format!("the judge did not answer: {error}"));
        }
    }
}

fn question(prompt: &Prompt, passages: &[String], claims: &[(usize, String)]) -> Prompt {
    use std::fmt::Write;
    let mut text = String::from("Passages:\n");
    for (at, passage) in passages.iter().enumerate() {
        let _ = write!(text, "\n[{}] {passage}\n", at + 1);
    }
    text.push_str("\nStatements:\n");
    for (at, (_, claim)) in claims.iter().enumerate() {
        let _ = writeln!(text, "{}: {}", at + 1, claim.replace('\n', " ").trim());
    }
    let lines = u32::try_from(claims.len()).unwrap_or(u32::MAX);
    Prompt {
        temperature: 0.0,
        max_output_tokens: lines.saturating_mul(8).saturating_add(32),
        messages: vec![
            ChatMessage { role: Role::System, content: include_str!("judge.md").to_owned() },
            ChatMessage { role: Role::User, content: text.clone() },
        ],
        question: text,
        passages: Arc::from([]),
        tokens: 0,
        ..prompt.clone()
    }
}

/// Parses the judge's lines that can be read: the number of a claim, from 1, with yes or no.
fn answers(text: &str, claims: usize) -> Vec<(usize, bool)> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?im)^\D{0,12}(\d{1,4})\W{1,6}(yes|no|true|false|supported|not|unsupported)\b")
            .expect("the expression is fixed, and tested")
    });
    let read = LINE.captures_iter(text).filter_map(|line| {
        let number = line[1].parse().ok().filter(|number| (1..=claims).contains(number))?;
        let yes = matches!(line[2].to_ascii_lowercase().as_str(), "yes" | "true" | "supported");
        Some((number, yes))
    });
    read.collect()
}

/// Applies the agent's setting to the verdicts.
fn decide(
    check: &Check,
    cleaned: &CleanAnswer,
    setting: GroundingCheck,
    checked: &mut GroundingTrace,
) -> Decision {
    let claims = checked.verdicts.iter().filter(|verdict| verdict.score.is_some()).count();
    let doubted = checked.verdicts.iter().filter(|verdict| !verdict.supported).count();
    let held = check.held(&checked.verdicts, checked.hold_below);
    let refused = match setting {
        GroundingCheck::Refuse => doubted > 0,
        GroundingCheck::Remove => doubted * 2 > claims,
        GroundingCheck::Hold => held > 0,
        GroundingCheck::Off | GroundingCheck::Note => false,
    };
    if refused {
        let (count, what) = match setting {
            GroundingCheck::Hold => (held, "seem invented or say the opposite of a passage"),
            _ => (doubted, "are not supported"),
        };
        checked.action =
            format!("{count} of {claims} statements {what}: the sentence for no answer is sent");
        return Decision::NoAnswer;
    }
    if doubted == 0 || setting != GroundingCheck::Remove {
        checked.action = match doubted {
            0 => String::new(),
            _ => format!("{doubted} of {claims} statements are not supported, and were only noted"),
        };
        let cited = cited(cleaned, &checked.verdicts);
        return Decision::Send { text: cleaned.text.clone(), cited };
    }
    let text = check.supported_part(&checked.verdicts);
    let substance =
        checked.verdicts.iter().any(|verdict| verdict.supported && verdict.score.is_some());
    if text.is_empty() || !substance {
        checked.action =
            "no supported statement is left: the sentence for no answer is sent".into();
        return Decision::NoAnswer;
    }
    checked.action = format!("{doubted} of {claims} statements were removed");
    Decision::Send { text, cited: cited(cleaned, &checked.verdicts) }
}

/// Returns the citations of what is sent, corrected: those of supported statements. Marks of others,
/// such as an introduction or a list at the end, stay if nothing is doubted, or a supported
/// statement rests on their passage.
fn cited(cleaned: &CleanAnswer, verdicts: &[StatementVerdict]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    let claims = || verdicts.iter().filter(|verdict| verdict.supported && verdict.score.is_some());
    let doubted = verdicts.iter().any(|verdict| !verdict.supported);
    let backed = |mark: &usize| !doubted || claims().any(|one| one.passage == Some(*mark));
    let right = claims().flat_map(|verdict| {
        match verdict.passage.filter(|passage| !verdict.cited.contains(passage)) {
            Some(passage) if !verdict.cited.is_empty() => vec![passage],
            _ => verdict.cited.clone(),
        }
    });
    let placed = |mark: &usize| {
        let mut claimed = verdicts.iter().filter(|verdict| verdict.score.is_some());
        claimed.any(|verdict| verdict.cited.contains(mark))
    };
    let others = cleaned.cited.iter().copied().filter(|mark| !placed(mark) && backed(mark));
    for mark in right.chain(others) {
        if !kept.contains(&mark) {
            kept.push(mark);
        }
    }
    let written = |mark: &usize| cleaned.cited.iter().position(|one| one == mark);
    kept.sort_by_key(|mark| written(mark).unwrap_or(usize::MAX));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_is_understood_however_it_writes() {
        assert_eq!(answers("1: yes\n2: no", 2), [(1, true), (2, false)]);
        assert_eq!(answers("Here:\n**1.** No\n- 2) YES, passage 1", 2), [(1, false), (2, true)]);
        assert_eq!(answers("Statement 1: not supported\n3: yes", 2), [(1, false)]);
        assert!(answers("I cannot judge that.", 2).is_empty());
    }

    #[test]
    fn what_is_not_supported_carries_no_source() {
        let verdict = |supported, score, passage, cited: &[usize]| StatementVerdict {
            text: String::new(),
            supported,
            score,
            passage,
            cited: cited.to_vec(),
            why: String::new(),
        };
        let cleaned = CleanAnswer { cited: vec![1, 2], ..CleanAnswer::default() };
        let invented = verdict(false, Some(0.1), Some(1), &[1]);
        let right = verdict(true, Some(0.9), Some(2), &[2]);
        let frame = verdict(true, None, None, &[1]);
        assert_eq!(cited(&cleaned, &[invented.clone(), right.clone()]), [2]);
        assert!(cited(&cleaned, std::slice::from_ref(&invented)).is_empty(), "nor a list's");
        assert_eq!(cited(&cleaned, &[frame.clone(), right.clone()]), [1, 2], "an introduction");
        let uncited = verdict(false, Some(0.1), None, &[]);
        assert_eq!(cited(&cleaned, &[frame, uncited, right]), [2]);
        assert_eq!(cited(&cleaned, &[]), [1, 2], "nothing is claimed");
    }

    #[test]
    fn only_what_a_customer_states_counts_as_known() {
        let cache = GroundingCache::default();
        let said = "I live in York. Can I return it after 60 days?";
        assert_eq!(stated(said, &cache), "I live in York.");
    }
}
