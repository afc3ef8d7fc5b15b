//! Assertions on single turns: graded on the pipeline's result for that turn, counted like those of
//! the case.

use serde_json::{Map, Value};

use super::super::check::{self, CaseContext};
use super::super::result::{GradingResult, Response};
use super::super::suite::Case;

/// Metadata field with the weight of each named score.
const WEIGHTS: &str = "namedScoreWeights";

/// Grades the turns and combines them with the result of the case: the mean score, and all must
/// pass.
pub(super) async fn grade(ctx: CaseContext<'_>, whole: GradingResult) -> GradingResult {
    let case = ctx.case;
    let asked = case.turns.iter().enumerate().filter(|(_, turn)| !turn.assert.is_empty());
    let mut parts = Vec::new();
    for (at, turn) in asked {
        let Some(seen) = ctx.response.turns.get(at) else {
            parts.push(GradingResult::failed(format!("turn {} was not reached", at + 1)));
            continue;
        };
        let output = seen.bubbles.join("\n\n").into();
        let turns = ctx.response.turns[..=at].to_vec();
        let response = Response { output, turns, ..ctx.response.clone() };
        let own = Case {
            assert: turn.assert.clone(),
            threshold: None,
            turns: Vec::new(),
            scoring: None,
            ..case.clone()
        };
        let graded = check::grade(CaseContext {
            output: &response.output,
            case: &own,
            response: &response,
            ..ctx
        })
        .await;
        parts.push(prefix_turn_number(graded, at + 1));
    }
    if parts.is_empty() {
        return whole;
    }
    if !case.assert.is_empty() {
        parts.insert(0, whole);
    }
    combine_results(parts)
}

/// Adds the turn's number to a failure reason.
fn prefix_turn_number(mut graded: GradingResult, number: usize) -> GradingResult {
    if !graded.pass {
        graded.reason = format!("turn {number}: {}", graded.reason);
    }
    graded
}

fn combine_results(parts: Vec<GradingResult>) -> GradingResult {
    #[expect(clippy::cast_precision_loss, reason = "a conversation has few turns")]
    let score = parts.iter().map(|part| part.score).sum::<f64>() / parts.len() as f64;
    let worst = parts.iter().find(|part| !part.pass);
    let reason = worst.map_or("All assertions passed", |part| part.reason.as_str()).to_owned();
    let mut all = GradingResult::scored(worst.is_none(), score, reason);
    all.skipped = parts.iter().find_map(|part| part.skipped.clone());
    all.error = parts.iter().find_map(|part| part.error.clone());
    let mut components = Vec::new();
    for part in parts {
        if let Some(used) = part.tokens_used {
            *all.tokens_used.get_or_insert_default() += used;
        }
        add_named(&mut all, &part);
        let told = part.metadata.iter().filter(|(name, _)| *name != WEIGHTS);
        all.metadata.extend(told.map(|(name, value)| (name.clone(), value.clone())));
        match part.component_results {
            Some(inner) => components.extend(inner),
            None => components.push(part),
        }
    }
    all.component_results = Some(components);
    all
}

/// Adds the named scores of a part; a score in several parts becomes their weighted mean.
fn add_named(all: &mut GradingResult, part: &GradingResult) {
    let weight = |graded: &GradingResult, name: &str| {
        graded.metadata.get(WEIGHTS).and_then(|it| it[name].as_f64()).unwrap_or(1.0)
    };
    for (name, score) in &part.named_scores {
        let (more, added) = (score.as_f64().unwrap_or(0.0), weight(part, name));
        let before = all.named_scores.get(name).and_then(Value::as_f64);
        let had = before.map_or(0.0, |_| weight(all, name));
        let sum = had + added;
        let mean = if sum > 0.0 { (before.unwrap_or(0.0) * had + more * added) / sum } else { 0.0 };
        all.named_scores.insert(name.clone(), mean.into());
        let weights = all.metadata.entry(WEIGHTS).or_insert_with(|| Value::Object(Map::new()));
        weights[name] = sum.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_score_of_several_turns_is_their_mean() {
        let part = |score: f64, weight: f64| GradingResult {
            named_scores: Map::from_iter([("m".to_owned(), score.into())]),
            metadata: Map::from_iter([(WEIGHTS.to_owned(), serde_json::json!({"m": weight}))]),
            ..GradingResult::passed()
        };
        let all = combine_results(vec![part(1.0, 1.0), part(0.0, 3.0), GradingResult::passed()]);
        assert_eq!(all.named_scores["m"], 0.25);
        assert_eq!(all.metadata[WEIGHTS]["m"], 4.0);
    }

    #[test]
    fn all_turns_must_pass() {
        let all = combine_results(vec![
            GradingResult::passed(),
            prefix_turn_number(GradingResult::failed("no"), 2),
        ]);
        assert_eq!(
            (all.pass, all.reason.as_str(), all.component_results.unwrap().len()),
            (false, "turn 2: no", 2)
        );
        assert!((all.score - 0.5).abs() < 1e-9);
        let all =
            combine_results(vec![GradingResult::passed(), GradingResult::skipped("no grader")]);
        assert_eq!((all.pass, all.skipped.as_deref()), (false, Some("no grader")));
    }
}
