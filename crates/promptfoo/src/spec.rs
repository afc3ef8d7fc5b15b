//! The parts of a suite: prompts, targets, cases and assertions. Data only; every other module may
//! use it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Variables by name, in the order in which they are written.
pub type Vars = Map<String, Value>;

/// A prompt: a template, or a function in a file that creates one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// The template, or the function's source.
    pub raw: String,
    /// Name in reports; defaults to the template.
    pub label: String,
    /// The prompt's id, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The script that creates the prompt, such as `/suite/prompt.py:make`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Settings that are merged into the target's.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

/// A target as written in a suite: `openai:gpt-4o-mini`, `frontdesk:acme@3`, `{id, config, …}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// Id, such as `echo` or `file://answer.js`.
    pub id: String,
    /// Name in reports; defaults to the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Settings of the target.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
    /// Labels of the prompts that it gets; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<String>>,
    /// Script that transforms its output before anything else reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    /// Delay before each call, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u64>,
    /// Environment variables for the target.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub env: Vars,
}

impl TargetSpec {
    /// Name in reports: the label, else the id.
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.id)
    }

    /// Whether a name in a case means this target: its id or label, `openai:*`, or a prefix before
    /// a colon.
    pub fn is_called(&self, name: &str) -> bool {
        is_meant(name, [Some(self.id.as_str()), self.label.as_deref()])
    }
}

impl Prompt {
    /// Whether a name in a case means this prompt: its label or id, `Group:*`, or a prefix before a
    /// colon.
    pub fn is_called(&self, name: &str) -> bool {
        is_meant(name, [Some(self.label.as_str()), self.id.as_deref()])
    }
}

fn is_meant(name: &str, names: [Option<&str>; 2]) -> bool {
    names.into_iter().flatten().any(|own| {
        let begins = |with: &str| own.strip_prefix(with);
        own == name
            || name.strip_suffix('*').is_some_and(|start| own.starts_with(start))
            || begins(name).is_some_and(|rest| rest.starts_with(':'))
    })
}

/// A test case: the input, and the assertions on the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Case {
    /// Title of the case.
    pub description: Option<String>,
    /// The variables, after matrix expansion.
    pub vars: Vars,
    /// The case's own target; `None` for the suite's.
    pub provider: Option<Box<TargetSpec>>,
    /// Names of the targets that the case runs with; `None` for all.
    pub only_targets: Option<Vec<String>>,
    /// Labels or ids of the prompts that the case runs with, or `Group:*`; `None` for all.
    pub only_prompts: Option<Vec<String>>,
    /// A fixed answer; no target is called.
    pub provider_output: Option<Value>,
    /// The customer's messages by turn; empty for a case of one message.
    pub turns: Vec<ScriptedTurn>,
    /// Assertions on the (last) answer.
    pub assert: Vec<Assertion>,
    /// Script that computes the score from the named scores.
    pub scoring: Option<String>,
    /// promptfoo's `options` of the case, merged over those of `defaultTest`.
    pub options: Map<String, Value>,
    /// Minimum score to pass; `None` when every assertion must pass.
    pub threshold: Option<f64>,
    /// Metadata of the case, for filters and reports.
    pub metadata: Map<String, Value>,
    /// Index, from 0, of the written case that it was expanded from; filters count these.
    pub origin: usize,
    /// Unknown keys of the written case; null when there are none.
    pub raw: Value,
}

impl Case {
    /// The merged case as written, for reports. Built on each call, because a suite may have very
    /// many cases.
    pub fn written(&self) -> Value {
        let mut all = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                all.insert(name.to_owned(), value);
            }
        };
        let raws = |list: &[Assertion]| list.iter().map(|one| one.raw.clone()).collect::<Value>();
        put("description", self.description.clone().map(Value::from));
        put("vars", Some(Value::Object(self.vars.clone())));
        put("provider", self.provider.as_ref().map(|target| target.id.clone().into()));
        put("providers", self.only_targets.clone().map(Value::from));
        put("prompts", self.only_prompts.clone().map(Value::from));
        put("providerOutput", self.provider_output.clone());
        let turns =
            self.turns.iter().map(|turn| json!({"user": turn.says, "assert": raws(&turn.assert)}));
        put("turns", (!self.turns.is_empty()).then(|| turns.collect()));
        put("assert", Some(raws(&self.assert)));
        put("assertScoringFunction", self.scoring.clone().map(Value::from));
        put("options", Some(Value::Object(self.options.clone())));
        put("threshold", self.threshold.map(Value::from));
        put("metadata", Some(Value::Object(self.metadata.clone())));
        if let Value::Object(more) = &self.raw {
            all.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Value::Object(all)
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScriptedTurn {
    /// What the customer sends: texts (templates), or `{voice: file}`, `{image: file}`.
    pub says: Vec<Value>,
    /// Assertions on the answer to this turn.
    pub assert: Vec<Assertion>,
}

/// An assertion on an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assertion {
    /// The type without `not-`.
    pub kind: String,
    /// Whether the type was written with `not-`.
    pub negated: bool,
    /// The expected value; its form depends on the type.
    pub value: Value,
    /// Minimum (for some types, maximum) to pass.
    pub threshold: Option<f64>,
    /// Weight in the score; defaults to 1. With 0 the assertion always passes.
    pub weight: f64,
    /// Template of the named score that it contributes to.
    pub metric: Option<String>,
    /// The assertions of an `assert-set`.
    pub set: Vec<Assertion>,
    /// The assertion as written; `provider`, `rubricPrompt`, `transform`, `contextTransform` and
    /// `config` are read from here.
    pub raw: Value,
    /// Why it cannot be graded, such as an unknown type: its row is then an error.
    pub problem: Option<String>,
}

impl Assertion {
    /// Type of a set of assertions with a common score.
    pub const SET: &str = "assert-set";
    /// Type that selects the best of all outputs of a case.
    pub const SELECT_BEST: &str = "select-best";
    /// Type that passes the output with the highest score.
    pub const MAX_SCORE: &str = "max-score";
    /// Prefix of all red-team types.
    pub const ATTACK: &str = "promptfoo:redteam:";

    /// The type as written, with `not-`.
    pub fn name(&self) -> String {
        format!("{}{}", if self.negated { "not-" } else { "" }, self.kind)
    }

    /// A field as written; null when it is missing.
    pub fn field(&self, name: &str) -> &Value {
        self.raw.get(name).unwrap_or(&Value::Null)
    }
}

/// A metric computed from other metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct DerivedMetric {
    /// Name of the metric.
    pub name: String,
    /// An expression over the named scores and `__count`.
    pub value: String,
}

/// Run options of a suite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunOptions {
    /// Maximum number of cases at once; defaults to 4.
    pub max_concurrency: Option<usize>,
    /// Number of repetitions of each case.
    pub repeat: Option<usize>,
    /// Delay before each call, in milliseconds.
    pub delay_ms: Option<u64>,
    /// Whether cached answers may be used.
    pub cache: Option<bool>,
    /// Time limit of a case, in milliseconds; 0 for none.
    pub timeout_ms: Option<u64>,
    /// Time limit of the run, in milliseconds; 0 for none.
    pub max_eval_ms: Option<u64>,
}
