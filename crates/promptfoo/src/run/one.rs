//! Runs one row: renders the prompt, calls the target, transforms the answer and grades it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::super::check::{self, CaseContext, GradingContext};
use super::super::result::{GradingResult, Response};
use super::super::row::EvalRow;
use super::super::script::Error;
use super::super::suite::{Case, Prompt, TargetSpec, Vars};
use super::super::target::{Target, TargetRequest, is_simulated};
use super::super::template::literal;
use super::{tally, turns, vars};

/// A prompt with a target.
pub(super) struct Place<'a> {
    pub(super) prompt: &'a Prompt,
    pub(super) spec: &'a TargetSpec,
    pub(super) target: Arc<dyn Target>,
    /// The column's part of a row key.
    pub(super) key: String,
    /// Whether the prompt uses the conversation so far.
    pub(super) uses_conversation: bool,
    /// `{id, label}` for rows.
    pub(super) provider: Value,
}

/// State that later rows see: conversations and stored outputs.
#[derive(Default)]
pub(super) struct Memory {
    conversations: Mutex<HashMap<String, Vec<Value>>>,
    stored: Mutex<Vars>,
}

pub(super) struct Job<'a> {
    pub(super) case: &'a Case,
    pub(super) place: &'a Place<'a>,
    pub(super) repeat: usize,
    pub(super) delay_ms: u64,
}

impl Job<'_> {
    /// Runs the row; `row` holds what is known already.
    pub(super) async fn run(
        &self,
        mut row: EvalRow,
        grading: &GradingContext,
        memory: &Memory,
    ) -> EvalRow {
        let done = self.attempt(&mut row, grading, memory).await;
        match done {
            Ok(()) => {}
            Err(Error::Missing(why)) => row.skipped = Some(why),
            Err(error) => fail(&mut row, error.to_string()),
        }
        row
    }

    async fn attempt(
        &self,
        row: &mut EvalRow,
        grading: &GradingContext,
        memory: &Memory,
    ) -> Result<(), Error> {
        let mut vars = self.case.vars.clone();
        let options = &self.case.options;
        if let Some(code) = options.get("transformVars").and_then(Value::as_str) {
            vars::transformed(&mut vars, code, grading).await?;
        }
        vars::from_files(&mut vars, &self.place.prompt.raw, grading).await?;
        self.remember(&mut vars, memory);
        let (prompt, config) = self.prompt(&vars, grading).await?;
        row.prompt = json!({"raw": reported(&prompt), "label": self.place.prompt.label});
        row.vars.clone_from(&vars);
        let (response, waited) = self.ask(&prompt, &vars, &config, grading).await?;
        self.keep(&prompt, &response, memory);
        row.latency_ms = response.latency_ms.or(waited).unwrap_or(0.0);
        // A cached answer was paid for earlier.
        row.cost = response.cost.filter(|_| !response.cached).unwrap_or(0.0);
        row.token_usage = response.token_usage.unwrap_or_default();
        if let Value::Object(more) = &response.metadata {
            row.metadata.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        if let Some(why) = &response.skipped {
            row.skipped = Some(why.clone());
        } else if let Some(why) = &response.error {
            fail(row, why.clone());
        } else if response.output.is_null() {
            row.error = Some("No output".into());
        } else {
            let output = self.transformed(&response, &prompt, &vars, grading).await?;
            let seen = output.as_ref().unwrap_or(&response.output);
            let latency_ms = waited.map(|_| row.latency_ms);
            let ctx = CaseContext {
                output: seen,
                prompt: &prompt,
                vars: &vars,
                case: self.case,
                response: &response,
                latency_ms,
                grading,
            };
            let graded = check::grade(ctx).await;
            apply(row, turns::grade(ctx, graded).await);
            self.store(seen, memory);
            if let Some(output) = output {
                row.response = Some(Response { output, ..response });
                return Ok(());
            }
        }
        row.response = Some(response);
        Ok(())
    }

    fn conversation(&self) -> String {
        let id = self.case.metadata.get("conversationId").unwrap_or(&Value::Null);
        format!("{} {id}", self.place.key)
    }

    fn remember(&self, vars: &mut Vars, memory: &Memory) {
        let disabled = self.case.options.get("disableConversationVar") == Some(&Value::Bool(true));
        if self.place.uses_conversation && !disabled {
            let all = memory.conversations.lock().unwrap_or_else(PoisonError::into_inner);
            let said = all.get(&self.conversation()).cloned().unwrap_or_default();
            vars.insert("_conversation".into(), said.into());
        }
        let stored = memory.stored.lock().unwrap_or_else(PoisonError::into_inner);
        vars.extend(stored.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    fn keep(&self, prompt: &str, response: &Response, memory: &Memory) {
        if !self.place.uses_conversation {
            return;
        }
        let chat = serde_json::from_str::<Value>(prompt).ok();
        let last = chat.as_ref().and_then(Value::as_array).and_then(|all| all.last());
        let input = last.map(|it| it.get("content").unwrap_or(it).clone());
        let whole = chat.clone().unwrap_or_else(|| prompt.into());
        let turn = json!({"prompt": whole, "input": input.unwrap_or_else(|| whole.clone()), "output": response.output});
        let mut all = memory.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(self.conversation()).or_default().push(turn);
    }

    fn store(&self, output: &Value, memory: &Memory) {
        if let Some(name) = self.case.options.get("storeOutputAs").and_then(Value::as_str) {
            let mut stored = memory.stored.lock().unwrap_or_else(PoisonError::into_inner);
            // A model's output must not be rendered as a template in later rows.
            let output = match output {
                Value::String(said) => literal(said).into(),
                other => other.clone(),
            };
            stored.insert(name.to_owned(), output);
        }
    }

    /// Renders the prompt and collects the settings that go with it.
    async fn prompt(
        &self,
        vars: &Vars,
        grading: &GradingContext,
    ) -> Result<(String, Value), Error> {
        let prompt = self.place.prompt;
        let mut config = Map::new();
        let mut add = |more: &Value| {
            let more = more.as_object().into_iter().flatten();
            config.extend(more.map(|(name, value)| (name.clone(), value.clone())));
        };
        add(&prompt.config);
        let template = if let Some(function) = &prompt.function {
            let (template, own) =
                vars::made(prompt, function, vars, self.place.spec, grading).await?;
            add(&own);
            template
        } else {
            let options = &self.case.options;
            let around = |name: &str| options.get(name).and_then(Value::as_str).unwrap_or("");
            format!("{}{}{}", around("prefix"), prompt.raw, around("suffix"))
        };
        for (name, value) in self.case.options.iter().filter(|(name, _)| *name != "repeat") {
            config.insert(name.clone(), value.clone());
        }
        let rendered = render(grading, &template, vars)
            .map_err(|why| Error::Failed(format!("the prompt cannot be rendered: {why}")))?;
        Ok((rendered, if config.is_empty() { Value::Null } else { config.into() }))
    }

    /// Returns the response and its latency in milliseconds; `None` when no target was called.
    async fn ask(
        &self,
        prompt: &str,
        vars: &Vars,
        config: &Value,
        grading: &GradingContext,
    ) -> Result<(Response, Option<f64>), Error> {
        if let Some(output) = &self.case.provider_output {
            return Ok((
                Response { output: output.clone(), cost: Some(0.0), ..Response::default() },
                None,
            ));
        }
        let open = |spec: &TargetSpec| {
            if !is_simulated(spec) {
                return grading.targets.open(spec);
            }
            // A simulated user in a case's `provider` talks to the suite's target.
            grading.targets.open_simulated(spec, self.place.target.clone(), grading.grader.clone())
        };
        let own = self.case.provider.as_deref().map(open).transpose().map_err(Error::Failed)?;
        let target = own.as_ref().unwrap_or(&self.place.target);
        let delay = self.place.spec.delay.unwrap_or(self.delay_ms);
        if delay > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
        }
        let began = Instant::now();
        let asked =
            TargetRequest { prompt, vars, case: Some(self.case), config, repeat: self.repeat };
        let response = target.ask(&asked).await;
        Ok((response, Some(began.elapsed().as_secs_f64() * 1000.0)))
    }

    /// Applies the transforms of the target and the case; `None` when there are none.
    async fn transformed(
        &self,
        response: &Response,
        prompt: &str,
        vars: &Vars,
        grading: &GradingContext,
    ) -> Result<Option<Value>, Error> {
        let options = &self.case.options;
        let of_case =
            options.get("transform").or(options.get("postprocess")).and_then(Value::as_str);
        let mut output = None;
        for code in [self.place.spec.transform.as_deref(), of_case].into_iter().flatten() {
            let before = output.as_ref().unwrap_or(&response.output).clone();
            let context = json!({
                "vars": vars, "prompt": {"raw": prompt, "label": self.place.prompt.label}, "metadata": response.metadata
            });
            let made = grading
                .scripts
                .call(
                    &vars::script(code, &grading.base),
                    &[("output", before), ("context", context)],
                )
                .await?;
            if made.is_null() {
                return Err(Error::Failed(format!("the transform gave nothing: {code}")));
            }
            output = Some(made);
        }
        Ok(output)
    }
}

/// A rendered prompt in reports, where promptfoo writes JSON without spaces.
fn reported(prompt: &str) -> String {
    match serde_json::from_str::<Value>(prompt) {
        Ok(chat @ (Value::Array(_) | Value::Object(_))) => chat.to_string(),
        _ => prompt.to_owned(),
    }
}

fn render(grading: &GradingContext, template: &str, vars: &Vars) -> Result<String, String> {
    grading.templates.render_prompt(template, vars)
}

pub(super) fn fail(row: &mut EvalRow, why: String) {
    (row.success, row.score, row.failure_reason, row.error) = (false, 0.0, 2, Some(why));
}

fn apply(row: &mut EvalRow, graded: GradingResult) {
    // JSON has no NaN or infinity.
    row.score = if graded.score.is_finite() { graded.score } else { 0.0 };
    row.named_scores.clone_from(&graded.named_scores);
    row.success = graded.pass && graded.error.is_none() && graded.skipped.is_none();
    if let Some(why) = &graded.error {
        fail(row, why.clone());
    } else if let Some(why) = &graded.skipped {
        row.skipped = Some(why.clone());
    } else if !graded.pass {
        row.failure_reason = 1;
        row.error = Some(graded.reason.clone());
    }
    row.grading_result = Some(graded);
    row.cost += tally::grading(row).1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_have_chats_without_spaces() {
        let chat = "[\n  {\n    \"role\": \"user\",\n    \"content\": \"a  b\"\n  }\n]";
        assert_eq!(reported(chat), r#"[{"role":"user","content":"a  b"}]"#);
        assert_eq!(reported("Is [1] right?"), "Is [1] right?");
        assert_eq!(reported("12.0"), "12.0");
    }
}
