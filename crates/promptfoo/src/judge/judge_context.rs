//! The context of one model-graded assertion: assertion, case, grader, and the usage so far.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::grader::{Grader, can_grade, grader};
use super::words::truncate;
use super::{GraderKind, text};
use crate::context::{CaseContext, GradingContext};
use crate::result::{GradingResult, Tokens};
use crate::script::{Error, Script};
use crate::spec::{Assertion, Vars};
use crate::target::TargetRequest;

/// The result of a model-graded assertion; `Err` is a result that was reached early.
pub(super) type Judgement = Result<GradingResult, GradingResult>;

pub(super) struct JudgeContext<'a> {
    pub(super) assertion: &'a Assertion,
    pub(super) case: CaseContext<'a>,
    used: Mutex<GraderUsage>,
}

#[derive(Default)]
struct GraderUsage {
    tokens: Option<Tokens>,
    cost: Option<f64>,
    said: Option<String>,
}

impl<'a> JudgeContext<'a> {
    pub(super) fn new(assertion: &'a Assertion, case: CaseContext<'a>) -> Self {
        Self { assertion, case, used: Mutex::default() }
    }

    /// Opens the grader for one kind of work.
    #[expect(
        clippy::result_large_err,
        reason = "a judgement that ends early is as large as one that does not"
    )]
    pub(super) fn grader(&self, kind: GraderKind) -> Result<Grader, GradingResult> {
        let grader = grader(kind, self.assertion, self.case.case, self.case.grading)?;
        if can_grade(kind, &*grader.target) {
            return Ok(grader);
        }
        let id = grader.spec.map(|spec| spec.id).unwrap_or_default();
        Err(GradingResult::error(format!(
            "`{id}` is no provider of {kind}, which {} needs",
            self.assertion.name()
        )))
    }

    pub(super) fn output(&self) -> String {
        text(self.case.output)
    }

    /// The assertion's value, which must be a string.
    #[expect(
        clippy::result_large_err,
        reason = "a judgement that ends early is as large as one that does not"
    )]
    pub(super) fn value(&self) -> Result<&'a str, GradingResult> {
        let wrong = || {
            GradingResult::error(format!(
                "{} assertion type must have a string value",
                self.assertion.kind
            ))
        };
        self.assertion.value.as_str().ok_or_else(wrong)
    }

    /// The grader prompt: the suite's `rubricPrompt`, or `ours` when there is none.
    pub(super) async fn rubric_prompt(
        &self,
        part: Option<&Value>,
        ours: &str,
    ) -> Result<String, GradingResult> {
        let written = match part {
            Some(part) => part,
            None => self.written_prompt(),
        };
        match written {
            Value::Null => Ok(ours.to_owned()),
            Value::String(text) if text.is_empty() => Ok(ours.to_owned()),
            Value::String(text) => match text.strip_prefix("file://") {
                Some(file) => self.prompt_file(file).await,
                None => Ok(text.clone()),
            },
            Value::Array(list) if list.is_empty() => Ok(ours.to_owned()),
            other => Ok(other.to_string()),
        }
    }

    /// `rubricPrompt` as written in the assertion, else in the case.
    pub(super) fn written_prompt(&self) -> &'a Value {
        let own = self.assertion.field("rubricPrompt");
        if own.is_null() {
            self.case.case.options.get("rubricPrompt").unwrap_or(&Value::Null)
        } else {
            own
        }
    }

    async fn prompt_file(&self, file: &str) -> Result<String, GradingResult> {
        let grading = self.case.grading;
        let is_script = [".js", ".cjs", ".mjs", ".py"].iter().any(|ext| file.contains(ext));
        if is_script {
            let (path, function) = match file.rsplit_once(':') {
                Some((path, function)) => (path, Some(function.to_owned())),
                None => (file, None),
            };
            let script = Script::File { path: grading.base.join(path), function };
            return match grading.scripts.call(&script, &[]).await {
                Ok(prompt) => Ok(text(&prompt)),
                Err(Error::Missing(why)) => Err(GradingResult::skipped(why)),
                Err(error) => Err(GradingResult::error(format!("rubricPrompt: {error}"))),
            };
        }
        let path = grading.base.join(file);
        let text = grading.targets.policy().text(&path).map_err(|error| {
            GradingResult::error(format!("rubricPrompt: {}: {error}", path.display()))
        })?;
        let is_yaml = path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
        match serde_saphyr::from_str::<Value>(&text) {
            Ok(messages @ (Value::Array(_) | Value::Object(_))) if is_yaml => {
                Ok(messages.to_string())
            }
            _ => Ok(text),
        }
    }

    /// Renders the grader prompt. Chat messages are rendered one by one, so that no value breaks
    /// the JSON.
    #[expect(
        clippy::result_large_err,
        reason = "a judgement that ends early is as large as one that does not"
    )]
    pub(super) fn render(
        &self,
        template: &str,
        own: &[(&str, Value)],
    ) -> Result<String, GradingResult> {
        let vars = self.vars(own);
        render(self.case.grading, template, &vars)
            .map_err(|error| GradingResult::error(format!("rubricPrompt: {error}")))
    }

    fn vars(&self, own: &[(&str, Value)]) -> Vars {
        let mut vars = self.case.vars.clone();
        vars.extend(own.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        vars.into_iter().map(|(name, value)| (name, plain(value))).collect()
    }

    /// Asks the grader. A failure ends the judgement, whether it is negated or not.
    pub(super) async fn ask(
        &self,
        grader: &Grader,
        prompt: &str,
        round: usize,
    ) -> Result<Value, GradingResult> {
        let config = Value::Null;
        let asked = TargetRequest {
            prompt,
            vars: self.case.vars,
            case: None,
            config: &config,
            repeat: round,
        };
        let response = grader.target.ask(&asked).await;
        self.count(response.token_usage, response.cost.filter(|_| !response.cached));
        if let Some(why) = response.skipped {
            return Err(GradingResult::skipped(why));
        }
        if let Some(error) = response.error {
            return Err(failure(error));
        }
        let is_empty = response.output.is_null() || response.output.as_str() == Some("");
        if is_empty {
            return Err(failure("No output"));
        }
        self.used().said = Some(truncate(&text(&response.output)));
        Ok(response.output)
    }

    /// Asks the grader and expects text.
    pub(super) async fn ask_text(
        &self,
        grader: &Grader,
        prompt: &str,
        round: usize,
    ) -> Result<String, GradingResult> {
        match self.ask(grader, prompt, round).await? {
            Value::String(text) => Ok(text),
            other => Err(failure(format!(
                "{} produced malformed response: {}",
                self.assertion.kind,
                truncate(&other.to_string())
            ))),
        }
    }

    /// Returns the embedding of a text.
    pub(super) async fn embed(
        &self,
        grader: &Grader,
        text: &str,
    ) -> Result<Vec<f64>, GradingResult> {
        let embeds = grader
            .target
            .embeds()
            .ok_or_else(|| GradingResult::error("the grader has no embeddings"))?;
        let (vector, tokens, cost) = embeds.embed(text).await.map_err(failure)?;
        self.count(Some(tokens), Some(cost));
        Ok(vector)
    }

    fn count(&self, tokens: Option<Tokens>, cost: Option<f64>) {
        let mut used = self.used();
        if let Some(tokens) = tokens {
            *used.tokens.get_or_insert_default() += tokens;
        }
        if let Some(cost) = cost {
            *used.cost.get_or_insert_default() += cost;
        }
    }

    fn used(&self) -> std::sync::MutexGuard<'_, GraderUsage> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds tokens and cost to a result; when the grader failed, also what it answered.
    pub(super) fn with_usage(&self, mut graded: GradingResult) -> GradingResult {
        let used = self.used();
        graded.tokens_used = graded.tokens_used.or(used.tokens);
        if let Some(cost) = used.cost {
            graded.metadata.insert("cost".into(), json!(cost));
        }
        if let (true, Some(said)) = (is_failure(&graded), &used.said) {
            graded.metadata.insert("graderSaid".into(), said.as_str().into());
            if self.case.grading.strict && !graded.reason.contains(said.as_str()) {
                graded.reason = format!("{}: {said}", graded.reason);
            }
        }
        graded
    }
}

pub(super) fn render(
    grading: &GradingContext,
    template: &str,
    vars: &Vars,
) -> Result<String, String> {
    match serde_json::from_str::<Value>(template) {
        Ok(messages) => Ok(each(grading, &messages, vars)?.to_string()),
        Err(_) => grading.templates.render(template, vars),
    }
}

fn each(grading: &GradingContext, value: &Value, vars: &Vars) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => grading.templates.render(text, vars)?.into(),
        Value::Array(items) => {
            items.iter().map(|item| each(grading, item, vars)).collect::<Result<_, _>>()?
        }
        Value::Object(object) => {
            let pairs =
                object.iter().map(|(name, value)| Ok((name.clone(), each(grading, value, vars)?)));
            Value::Object(pairs.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

/// Converts a value for templates: objects become JSON text.
pub(super) fn plain(value: Value) -> Value {
    match value {
        Value::Object(_) => value.to_string().into(),
        Value::Array(items) => {
            items
                .into_iter()
                .map(|item| {
                    if item.is_object() || item.is_array() { item.to_string().into() } else { item }
                })
                .collect()
        }
        other => other,
    }
}

/// A failed grader says nothing about the answer, so `not-` does not turn this into a pass.
pub(super) fn failure(reason: impl Into<String>) -> GradingResult {
    let mut graded = GradingResult::failed(reason);
    graded.metadata.insert("graderError".into(), true.into());
    graded
}

pub(super) fn is_failure(graded: &GradingResult) -> bool {
    graded.metadata.get("graderError") == Some(&Value::Bool(true))
}
