//! Loads a suite: reads prompts, targets and cases from a file and resolves every reference, matrix
//! and scenario.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::case_builder::CaseBuilder;
use super::error::SuiteError;
use super::source::{Place, Rules, Source};
use super::{DerivedMetric, Overrides, Prompt, RunOptions, Suite, Vars, prompts, refs, targets};
use crate::policy::Policy;
use crate::template::environment;

const KEYS: &[&str] = &[
    "description",
    "tags",
    "prompts",
    "providers",
    "targets",
    "tests",
    "scenarios",
    "defaultTest",
    "outputPath",
    "env",
    "nunjucksFilters",
    "derivedMetrics",
    "extensions",
    "metadata",
    "redteam",
    "sharing",
    "writeLatestResults",
    "tracing",
    "evaluateOptions",
    "commandLineOptions",
    "assertionTemplates",
    "$schema",
];
/// Variables that serve as the customer's message without a prompt, in order of preference.
const MESSAGES: &[&str] = &["message", "question", "query", "text"];

impl Suite {
    /// Loads a suite. The error tells the place.
    pub async fn load(file: &Path, overrides: &Overrides) -> Result<Self, SuiteError> {
        let policy = overrides.policy.restricted_to_folder(super::source::folder(file));
        let types = overrides.types.clone();
        let strict = overrides.strict;
        let rules = Rules { policy: policy.clone(), types: types.clone(), strict };
        let read = Arc::new(Source::read(file, &rules)?);
        let place = Place::of(&read);
        let Value::Object(_) = &read.value else {
            return Err(SuiteError::file(
                file,
                "a suite must be a mapping with `prompts`, `providers` and `tests`",
            ));
        };
        let mut config = refs::resolve(read.value.clone(), &place)?;
        let env = rendered_env(&config, &policy);
        let written = rendered(&mut config, &policy, &env);
        let base = read.folder().to_owned();
        let mut suite = Self { file: file.to_owned(), base, env, policy, types, ..Self::default() };
        suite.head(&config, &place, overrides)?;
        let mut made = CaseBuilder::new(&mut suite, &config, &place, overrides)?;
        made.tests(&config, &place).await?;
        for (key, value) in written {
            config[key] = value;
        }
        suite.raw = config;
        suite.prompt_of_messages();
        suite.check_names(&place)?;
        Ok(suite)
    }

    /// Reads everything except the cases.
    fn head(
        &mut self,
        config: &Value,
        place: &Place,
        overrides: &Overrides,
    ) -> Result<(), SuiteError> {
        for key in config.as_object().into_iter().flat_map(Map::keys) {
            if !KEYS.contains(&key.as_str()) {
                let what =
                    place.at(key).wrong(format!("a suite has no key `{key}`: it does nothing"));
                self.warnings.push(what.to_string());
            }
        }
        config["description"].as_str().unwrap_or_default().clone_into(&mut self.description);
        self.prompts = prompts::all(&config["prompts"], &place.at("prompts"))?;
        self.targets = written_targets(config, place, overrides)?;
        self.derived = derived(&config["derivedMetrics"], &place.at("derivedMetrics"))?;
        self.filters = config["nunjucksFilters"].as_object().cloned().unwrap_or_default();
        self.options = options(config);
        self.extensions = targets::strings(&config["extensions"]);
        if !self.extensions.is_empty() {
            self.warnings.push(place.at("extensions").wrong("extensions are not run").to_string());
        }
        if config["redteam"].is_object() {
            self.warnings.push(place.at("redteam").wrong("attacks are not generated from `redteam`: only the cases that are written are run").to_string());
        }
        Ok(())
    }

    /// Adds the default prompt: `{{message}}` for frontdesk's agents, `{{prompt}}` for anything
    /// else.
    fn prompt_of_messages(&mut self) {
        if !self.prompts.is_empty() {
            return;
        }
        let ours = self.targets.iter().any(|target| target.id.starts_with("frontdesk"));
        let raw = if ours { "{{message}}" } else { "{{prompt}}" };
        self.prompts.push(Prompt { raw: raw.into(), label: raw.into(), ..Prompt::default() });
        for case in self.cases.iter_mut().filter(|case| ours && case.turns.is_empty()) {
            let found: Vec<&&str> =
                MESSAGES.iter().filter(|it| case.vars.contains_key(**it)).collect();
            let [one] = found[..] else { continue };
            if *one != "message" {
                let message = case.vars[*one].clone();
                case.vars.insert("message".into(), message);
            }
        }
    }

    /// Reports names in cases that match no prompt and no target.
    fn check_names(&mut self, place: &Place) -> Result<(), SuiteError> {
        if self.targets.is_empty() && self.cases.iter().any(|case| case.provider_output.is_none()) {
            return Err(place.wrong("a suite must name what is asked: `providers: [echo]`, or `providers: [\"frontdesk:<agent>\"]`"));
        }
        let mut missing = std::collections::BTreeSet::new();
        for case in &self.cases {
            for name in case.only_prompts.iter().flatten() {
                if !self.prompts.iter().any(|prompt| prompt.is_called(name)) {
                    missing.insert(format!("no prompt is called `{name}`"));
                }
            }
            for name in case.only_targets.iter().flatten() {
                if !self.targets.iter().any(|target| target.is_called(name)) {
                    missing.insert(format!("no target is called `{name}`"));
                }
            }
        }
        match missing.first() {
            Some(what) => Err(place.wrong(what.clone())),
            None => Ok(()),
        }
    }
}

/// Reads the suite's targets, or the overriding ones.
fn written_targets(
    config: &Value,
    place: &Place,
    overrides: &Overrides,
) -> Result<Vec<super::TargetSpec>, SuiteError> {
    let written = match (&config["providers"], &config["targets"]) {
        (Value::Null, it) => targets::all(it, &place.at("targets"))?,
        (it, Value::Null) => targets::all(it, &place.at("providers"))?,
        _ => {
            return Err(place
                .at("targets")
                .wrong("`providers` and `targets` are the same: write one of them"));
        }
    };
    if overrides.targets.is_empty() {
        return Ok(written);
    }
    let named = overrides.targets.iter().map(|name| {
        let same = |it: &&super::TargetSpec| {
            it.id == *name
                || it.label.as_deref() == Some(name)
                || it.id.ends_with(&format!(":{name}"))
        };
        written
            .iter()
            .find(same)
            .cloned()
            .unwrap_or_else(|| super::TargetSpec { id: name.clone(), ..Default::default() })
    });
    Ok(named.collect())
}

/// The suite's own `env`, rendered with the process environment.
fn rendered_env(config: &Value, policy: &Policy) -> Vars {
    let mut env = config["env"].clone();
    environment(&mut env, &policy.settings_env(&Vars::new()));
    env.as_object().cloned().unwrap_or_default()
}

/// Renders the environment in targets, prompts and the like, but never in cases, which hold
/// customers' text. Returns the configuration as it was before.
fn rendered(config: &mut Value, policy: &Policy, env: &Vars) -> Vars {
    let (shown, settings) = (policy.shown_env(env), policy.settings_env(env));
    let mut written = Vars::new();
    for (key, value) in config.as_object_mut().into_iter().flatten() {
        let before = (key != "tests").then(|| value.clone());
        match key.as_str() {
            // Only file names; `CaseBuilder` handles the cases one by one.
            "tests" | "scenarios" | "defaultTest" => {
                refs::environment_of_references(value, &shown);
            }
            "providers" | "targets" => environment(value, &settings),
            _ => environment(value, &shown),
        }
        written.extend(before.map(|before| (key.clone(), before)));
    }
    written
}

fn derived(value: &Value, place: &Place) -> Result<Vec<DerivedMetric>, SuiteError> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |(i, item): (usize, &Value)| match (item["name"].as_str(), item["value"].as_str()) {
        (Some(name), Some(value)) => {
            Ok(DerivedMetric { name: name.to_owned(), value: value.to_owned() })
        }
        _ => Err(place
            .at(i)
            .wrong("a derived metric must have a `name` and a `value`, which is an expression")),
    };
    items.iter().enumerate().map(one).collect()
}

/// Reads the run options: `commandLineOptions` over `evaluateOptions`.
fn options(config: &Value) -> RunOptions {
    let (eval, line) = (&config["evaluateOptions"], &config["commandLineOptions"]);
    let number = |name: &str| line[name].as_u64().or(eval[name].as_u64());
    let size = |name: &str| number(name).and_then(|it| usize::try_from(it).ok());
    RunOptions {
        max_concurrency: size("maxConcurrency"),
        repeat: size("repeat"),
        delay_ms: number("delay"),
        cache: line["cache"].as_bool().or(eval["cache"].as_bool()),
        timeout_ms: number("timeoutMs"),
        max_eval_ms: number("maxEvalTimeMs"),
    }
}
