//! Reads a suite: from a file to prompts, targets and cases, with every reference, matrix and scenario put in place.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::cases::{self, Written};
use super::files;
use super::parse::{self, Unknown};
use super::source::{Place, Source};
use super::wrong::Wrong;
use super::{
    Assertion, Case, Derived, Prompt, RunOptions, Suite, Vars, matrix, prompts, refs, targets,
};
use crate::eval::script::Scripts;

/// The most cases of a suite, after matrices and scenarios: all of them are kept in memory.
pub const MAX_CASES: usize = 1_000_000;

/// What a suite may say.
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
/// Variables that are the customer's message where no prompt is written, best first.
const MESSAGES: &[&str] = &["message", "question", "query", "text"];

/// What is said beside a suite's file, such as on the command line.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Variables that win over those of `defaultTest`.
    pub vars: Vars,
    /// The grader where a suite names none.
    pub grader: Option<String>,
    /// Targets in place of the suite's own.
    pub targets: Vec<String>,
    /// What runs scripts that make cases; without it there are none.
    pub scripts: Option<Arc<Scripts>>,
}

impl Suite {
    /// Reads a suite. The error says where what is wrong.
    pub async fn load(file: &Path, overrides: &Overrides) -> Result<Self, Wrong> {
        let read = Arc::new(Source::read(file)?);
        let place = Place::of(&read);
        let Value::Object(_) = &read.value else {
            return Err(Wrong::file(
                file,
                "a suite must be a mapping with `prompts`, `providers` and `tests`",
            ));
        };
        let mut config = refs::resolve(read.value.clone(), &place)?;
        let env = rendered_env(&config);
        refs::environment(&mut config, &all_env(&env));
        let mut suite =
            Self { file: file.to_owned(), base: read.folder().to_owned(), env, ..Self::default() };
        suite.head(&config, &place, overrides)?;
        let mut made = Making::new(&mut suite, &config, &place, overrides)?;
        made.tests(&config, &place).await?;
        suite.raw = config;
        suite.prompt_of_messages();
        suite.check_names(&place)?;
        Ok(suite)
    }

    /// Everything but the cases.
    fn head(&mut self, config: &Value, place: &Place, overrides: &Overrides) -> Result<(), Wrong> {
        for key in config.as_object().into_iter().flat_map(Map::keys) {
            if !KEYS.contains(&key.as_str()) {
                let what =
                    place.at(key).wrong(format!("a suite has no key `{key}`: it does nothing"));
                self.warnings.push(what.to_string());
            }
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.description = text(&config["description"]);
        self.prompts = prompts::all(&config["prompts"], &place.at("prompts"))?;
        self.targets = self.written_targets(config, place, overrides)?;
        self.derived = derived(&config["derivedMetrics"], &place.at("derivedMetrics"))?;
        self.filters = config["nunjucksFilters"].as_object().cloned().unwrap_or_default();
        self.options = options(config);
        self.extensions = targets::strings(&config["extensions"]);
        if config["redteam"].is_object() {
            self.warnings.push(place.at("redteam").wrong("attacks are not generated from `redteam`: only the cases that are written are run").to_string());
        }
        Ok(())
    }

    fn written_targets(
        &self,
        config: &Value,
        place: &Place,
        overrides: &Overrides,
    ) -> Result<Vec<super::TargetSpec>, Wrong> {
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

    /// The prompt where none is written: the customer's message for our own bots, `{{prompt}}` for anything else.
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

    /// Names of prompts and targets that no prompt and no target has.
    fn check_names(&mut self, place: &Place) -> Result<(), Wrong> {
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

/// What the cases are made with.
struct Making<'a> {
    suite: &'a mut Suite,
    scripts: Arc<Scripts>,
    default: Case,
    asserts: Vec<Assertion>,
    unknown: Unknown,
    origin: usize,
}

impl<'a> Making<'a> {
    fn new(
        suite: &'a mut Suite,
        config: &Value,
        place: &Place,
        overrides: &Overrides,
    ) -> Result<Self, Wrong> {
        let (written, at) = match &config["defaultTest"] {
            Value::Null => (Value::Object(Map::new()), place.at("defaultTest")),
            Value::String(file) => files::value(file, &place.at("defaultTest"))?,
            it => (it.clone(), place.at("defaultTest")),
        };
        let Value::Object(mut map) = written else {
            return Err(
                at.wrong("`defaultTest` must be a mapping, or the name of a file that holds one")
            );
        };
        let vars = cases::vars(map.remove("vars"), &at.at("vars"))?;
        let mut unknown = Unknown::default();
        let mut default = parse::case(map, &at, &mut unknown, &mut suite.warnings)?;
        default.vars = matrix::merge(&vars, overrides.vars.clone());
        if let Some(metadata) =
            config["metadata"].as_object().filter(|_| default.metadata.is_empty())
        {
            default.metadata = metadata.clone();
        }
        if let Some(grader) = &overrides.grader {
            default.options.entry("provider").or_insert_with(|| json!(grader));
        }
        let asserts = std::mem::take(&mut default.assert);
        let scripts = overrides.scripts.clone().unwrap_or_default();
        Ok(Self { suite, scripts, default, asserts, unknown, origin: 0 })
    }

    async fn tests(&mut self, config: &Value, place: &Place) -> Result<(), Wrong> {
        let scripts = self.scripts.clone();
        let mut warnings = Vec::new();
        let at = place.at("tests");
        let mut sink = |it: Written| self.add(it, None);
        cases::all(&config["tests"], &at, &scripts, &mut sink, &mut warnings).await?;
        let scenarios = &config["scenarios"];
        if self.suite.cases.is_empty() && scenarios.is_null() {
            self.add(Written { map: Map::new(), place: at }, None)?;
        }
        let mut number = 0;
        for (scenario, place) in list(scenarios, &place.at("scenarios"), "a scenario")? {
            self.scenario(&scenario, &place, &mut number, &mut warnings).await?;
        }
        self.suite.warnings.append(&mut warnings);
        Ok(())
    }

    /// Every configuration of a scenario with each of its cases.
    async fn scenario(
        &mut self,
        scenario: &Value,
        place: &Place,
        number: &mut usize,
        warnings: &mut Vec<String>,
    ) -> Result<(), Wrong> {
        let scripts = self.scripts.clone();
        let mut tests = Vec::new();
        let mut sink = |it: Written| {
            tests.push(it);
            Ok(())
        };
        cases::all(&scenario["tests"], &place.at("tests"), &scripts, &mut sink, warnings).await?;
        if scenario["tests"].is_null() {
            tests.push(Written { map: Map::new(), place: place.clone() });
        }
        for (data, at) in
            list(&scenario["config"], &place.at("config"), "a configuration of a scenario")?
        {
            let Value::Object(data) = data else {
                return Err(at.wrong("a configuration of a scenario must be a mapping with `vars`"));
            };
            for test in &tests {
                let map = over(&data, &test.map, *number);
                self.add(Written { map, place: test.place.clone() }, Some(&at))?;
            }
            *number += 1;
        }
        Ok(())
    }

    /// Adds a written case, multiplied out. `data`: where the scenario's part of it is written.
    fn add(&mut self, written: Written, data: Option<&Place>) -> Result<(), Wrong> {
        let Written { mut map, place } = written;
        let vars = cases::vars(map.remove("vars"), &place.at("vars"))?;
        let vars = matrix::merge(&self.default.vars, vars);
        let parsed = parse::case(map, &place, &mut self.unknown, &mut self.suite.warnings);
        let mut case = parsed.map_err(|wrong| {
            data.filter(|_| wrong.line == 0).map_or(wrong.clone(), |at| at.wrong(wrong.what))
        })?;
        self.fall_back(&mut case);
        case.origin = self.origin;
        self.origin += 1;
        let whole = case.options.get("disableVarExpansion") == Some(&Value::Bool(true));
        let all = if whole { vec![vars] } else { matrix::expand(vars, &self.suite.base, &place)? };
        if self.suite.cases.len() + all.len() > MAX_CASES {
            return Err(
                place.wrong(format!("a suite may have {MAX_CASES} cases: split it into several"))
            );
        }
        let last = all.len() - 1;
        for (i, vars) in all.into_iter().enumerate() {
            let case = if i == last { std::mem::take(&mut case) } else { case.clone() };
            self.suite.cases.push(Case { vars, ..case });
        }
        Ok(())
    }

    /// What a case does not say is taken from `defaultTest`.
    fn fall_back(&self, case: &mut Case) {
        let default = &self.default;
        if case.options.get("disableDefaultAsserts") != Some(&Value::Bool(true))
            && !self.asserts.is_empty()
        {
            let own = std::mem::replace(&mut case.assert, self.asserts.clone());
            case.assert.extend(own);
        }
        case.options = matrix::merge(&default.options, std::mem::take(&mut case.options));
        case.metadata = matrix::merge(&default.metadata, std::mem::take(&mut case.metadata));
        case.threshold = case.threshold.or(default.threshold);
        let from = |own: &mut Option<_>, other: &Option<_>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        from(&mut case.only_prompts, &default.only_prompts);
        from(&mut case.only_targets, &default.only_targets);
        if case.provider.is_none() {
            case.provider.clone_from(&default.provider);
        }
        if case.scoring.is_none() {
            case.scoring.clone_from(&default.scoring);
        }
    }
}

/// A test over a scenario's configuration.
fn over(data: &Map<String, Value>, test: &Map<String, Value>, number: usize) -> Map<String, Value> {
    let object = |map: &Map<String, Value>, key: &str| {
        map.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let mut all = data.clone();
    all.extend(test.iter().map(|(key, value)| (key.clone(), value.clone())));
    for key in ["vars", "options", "metadata"] {
        all.insert(key.into(), matrix::merge(&object(data, key), object(test, key)).into());
    }
    let asserts = |map: &Map<String, Value>| {
        map.get("assert").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    if data.contains_key("assert") && test.get("assert").is_none_or(Value::is_array) {
        all.insert("assert".into(), [asserts(data), asserts(test)].concat().into());
    }
    if let Some(Value::Object(metadata)) = all.get_mut("metadata") {
        metadata.entry("conversationId").or_insert_with(|| format!("__scenario_{number}__").into());
    }
    all
}

/// The items of a list, which may be in a file.
fn list(value: &Value, place: &Place, what: &str) -> Result<Vec<(Value, Place)>, Wrong> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(reference) => {
            let (value, place) = files::value(reference, place)?;
            list(&value, &place, what)
        }
        Value::Array(items) => {
            let mut all = Vec::new();
            for (i, item) in items.iter().enumerate() {
                match item {
                    Value::String(_) | Value::Array(_) => {
                        all.extend(list(item, &place.at(i), what)?)
                    }
                    other => all.push((other.clone(), place.at(i))),
                }
            }
            Ok(all)
        }
        Value::Object(_) => Ok(vec![(value.clone(), place.clone())]),
        _ => Err(place.wrong(format!("{what} must be a mapping"))),
    }
}

/// The suite's own `env`, in which the process's may be named.
fn rendered_env(config: &Value) -> Vars {
    let mut env = config["env"].clone();
    refs::environment(&mut env, &all_env(&Vars::new()));
    env.as_object().cloned().unwrap_or_default()
}

fn all_env(own: &Vars) -> Vars {
    let mut all: Vars = std::env::vars().map(|(name, value)| (name, value.into())).collect();
    all.extend(own.clone());
    all
}

fn derived(value: &Value, place: &Place) -> Result<Vec<Derived>, Wrong> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |(i, item): (usize, &Value)| match (item["name"].as_str(), item["value"].as_str()) {
        (Some(name), Some(value)) => Ok(Derived { name: name.to_owned(), value: value.to_owned() }),
        _ => Err(place
            .at(i)
            .wrong("a derived metric must have a `name` and a `value`, which is an expression")),
    };
    items.iter().enumerate().map(one).collect()
}

/// How it wants to be run: `commandLineOptions` over `evaluateOptions`.
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
