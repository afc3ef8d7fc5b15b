//! What suites are made of: prompts, targets, cases and assertions. Data only, which all else of the evaluator may name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Names and what they hold, in the order in which they are written.
pub type Vars = Map<String, Value>;

/// A prompt: a template, or a function in a file that makes one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// The template, or the function's source.
    pub raw: String,
    /// How it is called in reports; the template itself where nothing else is written.
    pub label: String,
    /// Its id, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The script that makes the prompt, such as `/suite/prompt.py:make`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Settings that are merged into the target's.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

/// What answers, as it is written: `openai:gpt-4o-mini`, `frontdesk:acme@3`, `{id, config, …}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// Its id, such as `echo` or `file://answer.js`.
    pub id: String,
    /// How it is called in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its settings.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub config: Value,
    /// Labels of the only prompts that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<String>>,
    /// What is made of its output before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    /// Milliseconds to wait before each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u64>,
    /// Values for its environment.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub env: Vars,
}

impl TargetSpec {
    /// How it is called in reports.
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.id)
    }

    /// Whether a name in a case means it: its id or label, `openai:*`, or the part before a colon.
    pub fn is_called(&self, name: &str) -> bool {
        is_meant(name, [Some(self.id.as_str()), self.label.as_deref()])
    }
}

impl Prompt {
    /// Whether a name in a case means it: its label or id, `Group:*`, or the part before a colon.
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

/// One case: what is asked, and what must hold of the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Case {
    /// What it is called.
    pub description: Option<String>,
    /// The variables; a matrix is multiplied out already.
    pub vars: Vars,
    /// A target of its own, in place of the suite's.
    pub provider: Option<Box<TargetSpec>>,
    /// Names of the only targets that it is for.
    pub only_targets: Option<Vec<String>>,
    /// Labels or ids of the only prompts that it is for; `Group:*` names all that begin with `Group:`.
    pub only_prompts: Option<Vec<String>>,
    /// The answer, where it is given and nobody is asked.
    pub provider_output: Option<Value>,
    /// What the customer says, one after the other; empty for a case of one message.
    pub turns: Vec<ScriptedTurn>,
    /// What must hold of the (last) answer.
    pub assert: Vec<Assertion>,
    /// A script that makes the score of the named scores.
    pub scoring: Option<String>,
    /// promptfoo's `options` of the case, merged over those of `defaultTest`.
    pub options: Map<String, Value>,
    /// The least score that passes; without it every assertion must.
    pub threshold: Option<f64>,
    /// What is said of the case, for filters and reports.
    pub metadata: Map<String, Value>,
    /// The written case that it was multiplied out of, counted from 0: filters count these.
    pub origin: usize,
    /// What else is written of it, that has no field here; null where nothing is.
    pub raw: Value,
}

impl Case {
    /// The case as it is written, merged, for reports. Made anew each time, because a suite may have very many cases.
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

/// One turn of a case that is a conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScriptedTurn {
    /// What the customer sends at once: texts (templates), or `{voice: file}`, `{image: file}`.
    pub says: Vec<Value>,
    /// What must hold of the answer to this turn.
    pub assert: Vec<Assertion>,
}

/// Something that must hold of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assertion {
    /// The type without `not-`.
    pub kind: String,
    /// Whether `not-` stood before it.
    pub negated: bool,
    /// What is compared with: anything, by type.
    pub value: Value,
    /// The least (or, by type, the most) that passes.
    pub threshold: Option<f64>,
    /// How much it counts; 1 where nothing is written, 0 counts nothing and always passes.
    pub weight: f64,
    /// The named score that it counts for: a template.
    pub metric: Option<String>,
    /// The assertions of an `assert-set`.
    pub set: Vec<Assertion>,
    /// Everything as it is written (`provider`, `rubricPrompt`, `transform`, `contextTransform`, `config` are read from here).
    pub raw: Value,
}

impl Assertion {
    /// The type of a set of assertions that are weighed together.
    pub const SET: &str = "assert-set";
    /// The type that has the best of all outputs of a case chosen.
    pub const SELECT_BEST: &str = "select-best";
    /// The type that has the output with the best score pass.
    pub const MAX_SCORE: &str = "max-score";
    /// What the type of every attack begins with.
    pub const ATTACK: &str = "promptfoo:redteam:";

    /// The type as it is written, `not-` included.
    pub fn name(&self) -> String {
        format!("{}{}", if self.negated { "not-" } else { "" }, self.kind)
    }

    /// A field as it is written; null where it is not.
    pub fn field(&self, name: &str) -> &Value {
        self.raw.get(name).unwrap_or(&Value::Null)
    }
}

/// A metric computed from other metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct DerivedMetric {
    /// Its name.
    pub name: String,
    /// An expression over the named scores and `__count`.
    pub value: String,
}

/// How a suite wants to be run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunOptions {
    /// Cases at once; 4 where nothing is said.
    pub max_concurrency: Option<usize>,
    /// How often each case is run.
    pub repeat: Option<usize>,
    /// Milliseconds to wait before each call.
    pub delay_ms: Option<u64>,
    /// Whether answers may come from the cache.
    pub cache: Option<bool>,
    /// The longest that a case may take, in milliseconds; 0 for any time.
    pub timeout_ms: Option<u64>,
    /// The longest that the run may take, in milliseconds; 0 for any time.
    pub max_eval_ms: Option<u64>,
}
