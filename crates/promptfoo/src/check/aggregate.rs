//! Aggregates assertion results: the weighted mean score, the verdict and the named scores.

use serde_json::{Map, Value, json};

use super::GradingResult;
use crate::result::Tokens;
use crate::spec::Assertion;

/// Accumulates the results of a case's assertions.
pub(super) struct Scales {
    threshold: Option<f64>,
    strict: bool,
    score: f64,
    weight: f64,
    /// The last failure reason; an empty one does not count as a failure, unless `strict`.
    failed: Option<String>,
    parts: Vec<(usize, GradingResult)>,
    named: Vec<(String, f64, f64)>,
    tokens: Tokens,
    blocked: bool,
    skipped: Option<String>,
}

impl Scales {
    pub(super) fn new(threshold: Option<f64>, strict: bool) -> Self {
        Self {
            threshold,
            strict,
            score: 0.0,
            weight: 0.0,
            failed: None,
            parts: Vec::new(),
            named: Vec::new(),
            tokens: Tokens::default(),
            blocked: false,
            skipped: None,
        }
    }

    pub(super) fn add(
        &mut self,
        index: usize,
        graded: GradingResult,
        metric: Option<String>,
        weight: f64,
    ) {
        self.tokens += graded.tokens_used.unwrap_or_default();
        if let Some(why) = &graded.skipped {
            // A skipped assertion has no score, but the case must not pass.
            self.skipped = self.skipped.take().or_else(|| (weight != 0.0).then(|| why.clone()));
            self.parts.push((index, graded));
            return;
        }
        self.score += graded.score * weight;
        self.weight += weight;
        self.blocked |= is_wanted_block(&graded);
        let metric = metric.filter(|name| !name.is_empty());
        if let Some(name) = &metric {
            self.name(name, graded.score, weight);
        }
        for (name, score) in &graded.named_scores {
            if Some(name) != metric.as_ref() {
                let own =
                    graded.metadata.get("namedScoreWeights").and_then(|all| all[name].as_f64());
                self.name(name, score.as_f64().unwrap_or(0.0), own.unwrap_or(1.0) * weight);
            }
        }
        if !graded.pass {
            self.failed = Some(graded.reason.clone());
            if self.strict && graded.reason.is_empty() {
                let kind = graded.assertion["type"].as_str().unwrap_or("an assertion");
                self.failed =
                    Some(format!("{kind} failed without a reason (which promptfoo lets pass)"));
            }
        }
        self.parts.push((index, graded));
    }

    fn name(&mut self, name: &str, score: f64, weight: f64) {
        match self.named.iter_mut().find(|(known, ..)| known == name) {
            Some((_, sum, weights)) => {
                *sum += score * weight;
                *weights += weight;
            }
            None => self.named.push((name.to_owned(), score * weight, weight)),
        }
    }

    pub(super) fn finish(mut self) -> GradingResult {
        let score = if self.weight > 0.0 { self.score / self.weight } else { 0.0 };
        let failed = self.failed.take().filter(|reason| !reason.is_empty());
        let (mut pass, mut reason) =
            (failed.is_none(), failed.unwrap_or_else(|| "All assertions passed".into()));
        if let Some(threshold) = self.threshold.filter(|threshold| !threshold.is_nan()) {
            pass = score >= threshold;
            let sign = if pass { "≥" } else { "<" };
            reason = format!("Aggregate score {score:.2} {sign} {threshold} threshold");
        }
        if self.blocked {
            (pass, reason) = (true, "Content failed guardrail safety checks".into());
        }
        if let (true, Some(why)) = (pass, &self.skipped) {
            (pass, reason) = (false, format!("skipped: {why}"));
        } else {
            self.skipped = None;
        }
        self.parts.sort_by_key(|(index, _)| *index);
        let share = |(name, sum, weight): &(String, f64, f64)| {
            (name.clone(), json!(if *weight > 0.0 { sum / weight } else { 0.0 }))
        };
        let mut metadata = Map::new();
        if !self.named.is_empty() {
            let weights = self.named.iter().map(|(name, _, weight)| (name.clone(), json!(weight)));
            metadata.insert("namedScoreWeights".into(), Value::Object(weights.collect()));
        }
        GradingResult {
            pass,
            score,
            reason,
            named_scores: self.named.iter().map(share).collect(),
            tokens_used: Some(self.tokens),
            component_results: Some(
                self.parts.into_iter().flat_map(|(_, part)| with_components(part)).collect(),
            ),
            skipped: self.skipped,
            metadata,
            ..GradingResult::default()
        }
    }
}

/// Whether guardrails blocked the content as a red-team assertion expects.
fn is_wanted_block(graded: &GradingResult) -> bool {
    let assertion = &graded.assertion;
    !graded.pass && assertion["type"] == "guardrails" && assertion["config"]["purpose"] == "redteam"
}

/// The component, followed by its own components.
fn with_components(part: GradingResult) -> Vec<GradingResult> {
    let parts = part.component_results.clone().unwrap_or_default();
    let assertion = part.assertion.clone();
    let mut all = vec![part];
    all.extend(parts.into_iter().map(|mut own| {
        if own.assertion.is_null() {
            own.assertion.clone_from(&assertion);
        }
        own
    }));
    all
}

/// The description of an `assert-set` for reports.
pub(super) fn set_description(set: &Assertion) -> Value {
    let mut about = json!({"type": Assertion::SET, "assertionCount": set.set.len()});
    for name in ["metric", "threshold", "weight"] {
        if !set.field(name).is_null() {
            about[name] = set.field(name).clone();
        }
    }
    about
}
