//! N-gram overlap of an answer with a reference: `rouge-n`, `bleu` (Papineni et al. 2002), `gleu`
//! (Wu et al. 2016).

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::prepare::PreparedAssertion;
use super::text::string;
use super::{CheckResult, GradingResult};

fn counts(words: &[String], n: usize) -> HashMap<&[String], f64> {
    let mut counts = HashMap::new();
    for run in words.windows(n) {
        *counts.entry(run).or_insert(0.0) += 1.0;
    }
    counts
}

/// Number of shared n-grams, each counted at most as often as it occurs in both texts.
fn shared(one: &HashMap<&[String], f64>, other: &HashMap<&[String], f64>) -> f64 {
    one.iter().map(|(run, count)| count.min(other.get(run).copied().unwrap_or(0.0))).sum()
}

#[expect(clippy::cast_precision_loss, reason = "no text has 2^52 words")]
fn runs(words: &[String], n: usize) -> f64 {
    (words.len() + 1).saturating_sub(n) as f64
}

/// Reads the references from the value: one string or several.
pub(super) fn references(given: &PreparedAssertion<'_>) -> Result<Vec<String>, String> {
    let kind = &given.assertion.kind;
    let wrong =
        || format!("\"{kind}\" assertion type must have a string or array of strings value");
    match &given.value {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(all) if !all.is_empty() => {
            all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

/// `rouge-n`: the F1 of single words.
pub(super) fn rouge(given: &PreparedAssertion<'_>) -> CheckResult {
    let (output, wanted) = (tokens(&given.text), tokens(string(given)?));
    let overlap = shared(&counts(&output, 1), &counts(&wanted, 1));
    let score = if overlap == 0.0 {
        0.0
    } else {
        let (precision, recall) = (overlap / runs(&output, 1), overlap / runs(&wanted, 1));
        2.0 * precision * recall / (recall + precision)
    };
    let threshold = given.assertion.threshold.unwrap_or(0.75);
    let above = score >= threshold;
    let sign = if above { "greater than or equal to" } else { "less than" };
    let reason = format!("ROUGE-N score {score:.2} is {sign} threshold {threshold}");
    Ok(GradingResult::scored(above != given.inverse(), turned(score, given), reason))
}

fn turned(score: f64, given: &PreparedAssertion<'_>) -> f64 {
    if given.inverse() { 1.0 - score } else { score }
}

fn judged(name: &str, score: f64, given: &PreparedAssertion<'_>) -> GradingResult {
    let threshold = given.assertion.threshold.unwrap_or(0.5);
    let pass = (score >= threshold) != given.inverse();
    let sign = if given.inverse() { "greater" } else { "less" };
    let reason = if pass {
        "Assertion passed".into()
    } else {
        format!("{name} score {score:.4} is {sign} than threshold {threshold}")
    };
    GradingResult::scored(pass, turned(score, given), reason)
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.to_lowercase().split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        words.push(String::new());
    }
    words
}

/// `bleu`: the geometric mean of n-gram precisions for n = 1 to 4, with a brevity penalty.
pub(super) fn bleu(given: &PreparedAssertion<'_>) -> CheckResult {
    let references: Vec<Vec<String>> = references(given)?.iter().map(|text| words(text)).collect();
    if given.text.trim().is_empty() {
        return Ok(judged("BLEU", 0.0, given));
    }
    let output = words(&given.text);
    let mut logarithms = Vec::new();
    for n in (1..=4).filter(|n| *n <= output.len()) {
        let own = counts(&output, n);
        let best =
            references.iter().map(|words| shared(&own, &counts(words, n))).fold(0.0, f64::max);
        let precision = best / runs(&output, n);
        logarithms.push(if precision == 0.0 { 1e-7_f64 } else { precision }.ln());
    }
    // An order longer than the answer is skipped; its weight goes to the others.
    let share = 0.25 / (0.25 * runs(&vec![String::new(); logarithms.len()], 1));
    let mean: f64 = logarithms.iter().map(|logarithm| share * logarithm).sum();
    let closest = references
        .iter()
        .map(Vec::len)
        .min_by_key(|length| (length.abs_diff(output.len()), *length));
    let closest = runs(&vec![String::new(); closest.unwrap_or(0)], 1);
    let length = runs(&output, 1);
    let penalty = if length > closest { 1.0 } else { (1.0 - closest / length).exp() };
    Ok(judged("BLEU", penalty * mean.exp(), given))
}

/// `gleu`: the lower of n-gram precision and recall, n = 1 to 4; the best of the references.
pub(super) fn gleu(given: &PreparedAssertion<'_>) -> CheckResult {
    let bare = |text: &str| -> Vec<String> {
        words(text).iter().map(|word| word.trim_end_matches('.').to_owned()).collect()
    };
    let references = references(given)?;
    if given.text.is_empty() {
        return Ok(judged("GLEU", 0.0, given));
    }
    let output = bare(&given.text);
    let score = |reference: &String| {
        let wanted = bare(reference);
        if output == wanted {
            return 1.0;
        }
        let (mut matched, mut own, mut theirs) = (0.0, 0.0, 0.0);
        for n in 1..=4 {
            matched += shared(&counts(&output, n), &counts(&wanted, n));
            own += runs(&output, n);
            theirs += runs(&wanted, n);
        }
        if own == 0.0 || theirs == 0.0 { 0.0 } else { f64::min(matched / own, matched / theirs) }
    };
    Ok(judged("GLEU", references.iter().map(score).fold(0.0, f64::max), given))
}

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (r#"^""#, "`` "),
        (r#"([ (\[{<])""#, "$1 `` "),
        (r"\.\.\.", " ... "),
        (r"([;@#$%&])", " $1 "),
        (r#"([^.])\.([\])}>"']*)\s*$"#, "$1 . $2 "),
        (r"([?!])", " $1 "),
        (r"([^'])' ", "$1 ' "),
        (r"([\]\[(){}<>])", " $1 "),
        (r"--", " -- "),
        (r#"""#, " '' "),
        (r"(?i)([^' ])('s|'m|'d) ", "$1 $2 "),
        (r"(?i)([^' ])('ll|'re|'ve|n't) ", "$1 $2 "),
        (r"(?i)\b(can)(not)\b", "$1 $2"),
        (r"(?i)\b(gim|lem)(me)\b", "$1 $2"),
        (r"(?i)\b(gon|wan)(na)\b", "$1 $2"),
        (r"(?i)\b(got)(ta)\b", "$1 $2"),
    ];
    rules.map(|(rule, with)| (Regex::new(rule).expect("the rule is right"), with)).into()
});

/// Tokenizes like the Penn Treebank: contractions are split, punctuation marks are tokens.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut text = format!("{} ", spaced(text.to_lowercase().trim()));
    for (rule, with) in RULES.iter() {
        text = rule.replace_all(&text, *with).into_owned();
    }
    text.split_whitespace().map(str::to_owned).collect()
}

/// Puts spaces around commas and colons, except before a digit.
fn spaced(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut spaced = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let number = letters.get(at + 1).is_some_and(char::is_ascii_digit);
        match letter {
            ',' | ':' if !number => spaced.extend([' ', *letter, ' ']),
            _ => spaced.push(*letter),
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contractions_and_punctuation_are_words() {
        let made = tokens("Don't stop, it's $5.00 (approx.)").join(" ");
        assert_eq!(made, "do n't stop , it 's $ 5.00 ( approx . )");
    }
}
