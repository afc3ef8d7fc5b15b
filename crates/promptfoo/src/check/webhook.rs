//! `webhook`: asks a URL whether the answer passes.

use std::time::Duration;

use serde_json::{Value, json};

use super::GradingResult;
use super::prepare::PreparedAssertion;
use crate::policy::Permit;
use crate::target::client;

const LIMIT: Duration = Duration::from_secs(5);
/// Maximum size of the response that is read, in bytes.
const MAX_LEN: usize = 1024 * 1024;

/// Posts the answer with the prompt and the variables. A failed request fails the assertion.
pub(super) async fn ask(given: &PreparedAssertion<'_>) -> GradingResult {
    let Some(address) = given.value.as_str().filter(|address| !address.is_empty()) else {
        return GradingResult::error("\"webhook\" assertion type must have a URL value");
    };
    let policy = given.ctx.grading.targets.policy();
    let permit = match policy.code(format_args!("the webhook {address}")) {
        Ok(permit) => permit,
        Err(refused) => return GradingResult::error(refused.to_string()),
    };
    let answer = match tokio::time::timeout(LIMIT, post(address, given, permit)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    };
    match answer {
        Ok(answer) => judged(&answer, given.inverse()),
        Err(why) => GradingResult::failed(format!("Webhook error: {why}")),
    }
}

async fn post(
    address: &str,
    given: &PreparedAssertion<'_>,
    permit: Permit,
) -> Result<Value, String> {
    let ctx = given.ctx;
    let body = json!({"output": given.output, "context": {"prompt": ctx.prompt, "vars": ctx.vars}});
    let sent = client(permit)?.post(address).json(&body).send().await;
    let mut answer = sent.map_err(|error| error.without_url().to_string())?;
    if !answer.status().is_success() {
        return Err(format!("Webhook response status: {}", answer.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_LEN {
            return Err("the answer is longer than 1 MB".into());
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("the answer is not JSON: {error}"))
}

fn judged(answer: &Value, inverse: bool) -> GradingResult {
    let pass = (answer["pass"] == Value::Bool(true)) != inverse;
    let score = answer["score"].as_f64().map(|score| if inverse { 1.0 - score } else { score });
    let usual =
        if pass { "Assertion passed".to_owned() } else { format!("Webhook returned {inverse}") };
    let reason = answer["reason"].as_str().filter(|reason| !reason.is_empty());
    let score = score.unwrap_or(if pass { 1.0 } else { 0.0 });
    GradingResult::scored(pass, score, reason.map_or(usual, str::to_owned))
}
