//! Scores the answers of a change: by the assertions that the agent's suite applies to every case,
//! and by a judge that compares both answers without knowing which is new.

use frontdesk_promptfoo::check::{self, CaseContext};
use frontdesk_promptfoo::judge;
use frontdesk_promptfoo::result::{GradingResult, Response, SeenTurn};
use frontdesk_promptfoo::suite::{Assertion, Case, Vars};
use serde_json::{Value, json};

use super::Sides;
use crate::domain::{Owner, TurnOutcome};
use crate::eval::environment::PreparedSuite;
use crate::eval::seen;

/// Criterion for the judge.
const QUESTION: &str = "the reply that serves the customer of this business better: correct, to the point, in the customer's language, \
and honest about what is not known";

/// Scores of the old and the new answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplayScore {
    /// Suite scores of the old and the new answer, 0 to 1; `None` when no assertion applies to
    /// every case.
    pub suite: Option<(f64, f64)>,
    /// Reasons of the assertions that the new answer fails.
    pub wrong: Vec<String>,
    /// The judge's preference; `None` without a judge, or when the answers are the same.
    pub judged: Option<Preference>,
    /// Cost of grading and judging, in dollars.
    pub cost: f64,
}

/// The judge's preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preference {
    /// The new answer is better.
    Better,
    /// The old answer is better.
    Worse,
    /// No clear preference: the verdict changes with the order of the answers.
    Same,
    /// The judge failed or its verdict was unclear, and why.
    Unknown(String),
}

/// Scores both answers. `judges` also asks the judge, in both orders, because models favour the
/// first position.
pub async fn score(prepared: &PreparedSuite, sides: &Sides, judges: bool) -> ReplayScore {
    let mut scored = ReplayScore::default();
    let vars = Vars::from_iter([("message".to_owned(), Value::from(sides.question.clone()))]);
    let common = prepared.common();
    if !common.is_empty() {
        let then = graded(prepared, &common, &vars, &sides.then).await;
        let now = graded(prepared, &common, &vars, &sides.now).await;
        scored.cost += cost(&then) + cost(&now);
        let parts = now.component_results.unwrap_or_default();
        scored.wrong = parts
            .into_iter()
            .filter(|part| !part.pass && part.skipped.is_none())
            .map(|part| part.reason)
            .collect();
        scored.suite = Some((then.score, now.score));
    }
    if judges && !sides.same() {
        let (first, spent) =
            prefers_second(prepared, &vars, (&sides.then.text, &sides.now.text)).await;
        let (second, more) =
            prefers_second(prepared, &vars, (&sides.now.text, &sides.then.text)).await;
        scored.cost += spent + more;
        scored.judged = Some(match (first, second) {
            (Ok(true), Ok(false)) => Preference::Better,
            (Ok(false), Ok(true)) => Preference::Worse,
            (Ok(_), Ok(_)) => Preference::Same,
            (Err(why), _) | (_, Err(why)) => Preference::Unknown(why),
        });
    }
    scored
}

async fn graded(
    prepared: &PreparedSuite,
    common: &[Assertion],
    vars: &Vars,
    side: &super::Side,
) -> GradingResult {
    let handed_over = side.outcome == TurnOutcome::HandOver;
    let owner = if handed_over { Owner::Person } else { Owner::Bot };
    let turn = SeenTurn {
        bubbles: side.bubbles.clone(),
        trace: serde_json::to_value(&side.trace).unwrap_or_default(),
        ..seen::turn(side.outcome, owner)
    };
    #[expect(clippy::cast_precision_loss, reason = "dollars need no more digits")]
    let cost = side.cost_micros as f64 / 1e6;
    let output = Value::from(side.bubbles.join("\n\n"));
    let response = Response {
        output: output.clone(),
        cost: Some(cost),
        latency_ms: Some(side.took_ms),
        turns: vec![turn],
        ..Response::default()
    };
    let case = Case { vars: vars.clone(), assert: common.to_vec(), ..Case::default() };
    let prompt = vars.get("message").and_then(Value::as_str).unwrap_or_default();
    check::grade(CaseContext {
        output: &output,
        prompt,
        vars,
        case: &case,
        response: &response,
        latency_ms: Some(side.took_ms),
        grading: prepared.grading(),
    })
    .await
}

/// Returns whether the judge prefers the second answer, and the cost in dollars.
async fn prefers_second(
    prepared: &PreparedSuite,
    vars: &Vars,
    (one, two): (&str, &str),
) -> (Result<bool, String>, f64) {
    let value = json!(format!(
        "{QUESTION}. The customer wrote: {}",
        vars["message"].as_str().unwrap_or_default()
    ));
    let assertion = Assertion {
        kind: Assertion::SELECT_BEST.into(),
        value,
        weight: 1.0,
        ..Assertion::default()
    };
    let outputs = [Value::from(one), Value::from(two)];
    let case = Case { vars: vars.clone(), ..Case::default() };
    let verdicts = judge::select_best(&assertion, &case, vars, &outputs, prepared.grading()).await;
    let spent = verdicts.first().map(cost).unwrap_or_default();
    let found = match verdicts.as_slice() {
        [first, second] if first.pass != second.pass => Ok(second.pass),
        [first, ..] => Err(first.reason.clone()),
        [] => Err("the judge said nothing".into()),
    };
    (found, spent)
}

fn cost(graded: &GradingResult) -> f64 {
    let own = graded.metadata.get("cost").and_then(Value::as_f64).unwrap_or(0.0);
    let parts = graded.component_results.iter().flatten().map(cost).sum::<f64>();
    if parts > 0.0 { parts } else { own }
}
