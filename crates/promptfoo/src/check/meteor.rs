//! `meteor` (Banerjee and Lavie 2005): matches exact words, then stems. There is no thesaurus
//! (`WordNet`) for synonyms; the reason says so.

use rust_stemmers::{Algorithm, Stemmer};

use super::GradingResult;
use super::ngrams::references;
use super::prepare::PreparedAssertion;

const ALPHA: f64 = 0.9;
const BETA: f64 = 3.0;
const GAMMA: f64 = 0.5;

/// `meteor`: the best score over the references.
pub(super) fn meteor(given: &PreparedAssertion<'_>) -> Result<GradingResult, String> {
    let references = references(given)?;
    let output = words(&given.text);
    let score = references.iter().map(|one| score(&output, &words(one))).fold(0.0, f64::max);
    let threshold = given.assertion.threshold.unwrap_or(0.5);
    let pass = (score >= threshold) != given.inverse();
    let sign = if given.inverse() { "greater" } else { "less" };
    let reason = if pass {
        "METEOR assertion passed".to_owned()
    } else {
        format!("METEOR score {score:.4} is {sign} than threshold {threshold}")
    };
    let shown = if given.inverse() { 1.0 - score } else { score };
    Ok(GradingResult::scored(
        pass,
        shown,
        format!("{reason} (without synonyms: exact words and stems only)"),
    ))
}

fn words(text: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
    text.to_lowercase().split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "no text has 2^52 words")]
fn score(output: &[String], wanted: &[String]) -> f64 {
    let pairs = matched(output, wanted);
    if pairs.is_empty() {
        return 0.0;
    }
    let matches = pairs.len() as f64;
    let (precision, recall) = (matches / output.len() as f64, matches / wanted.len() as f64);
    let mean = precision * recall / (ALPHA * precision + (1.0 - ALPHA) * recall);
    let follows =
        |pair: &[(usize, usize)]| pair[1].0 == pair[0].0 + 1 && pair[1].1 == pair[0].1 + 1;
    let chunks = 1 + pairs.windows(2).filter(|pair| !follows(pair)).count();
    (1.0 - GAMMA * (chunks as f64 / matches).powf(BETA)) * mean
}

/// Positions of matched words, in the output's order.
fn matched(output: &[String], wanted: &[String]) -> Vec<(usize, usize)> {
    let stemmer = Stemmer::create(Algorithm::English);
    let stem = |words: &[String]| {
        words.iter().map(|word| stemmer.stem(word).into_owned()).collect::<Vec<_>>()
    };
    let mut pairs = Vec::new();
    let (mut own, mut theirs) = (vec![false; output.len()], vec![false; wanted.len()]);
    for (left, right) in [(output.to_vec(), wanted.to_vec()), (stem(output), stem(wanted))] {
        for (at, word) in left.iter().enumerate() {
            if own[at] {
                continue;
            }
            if let Some(other) =
                right.iter().enumerate().position(|(to, one)| !theirs[to] && one == word)
            {
                (own[at], theirs[other]) = (true, true);
                pairs.push((at, other));
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_match_and_order_counts() {
        let same = score(&words("the cat sat"), &words("the cat sat"));
        assert!((same - (1.0 - 0.5 / 27.0)).abs() < 1e-12, "{same}");
        assert!(score(&words("the cats sit"), &words("the cat sat")) > 0.5);
        assert!(score(&words("sat cat the"), &words("the cat sat")) < same);
        assert!(score(&words(""), &words("x")).abs() < f64::EPSILON);
    }
}
