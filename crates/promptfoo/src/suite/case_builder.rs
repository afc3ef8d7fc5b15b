//! Builds the cases of a suite: applies `defaultTest`, combines scenarios with their tests, expands
//! matrices.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::cases;
use super::error::SuiteError;
use super::matrix::size;
use super::parse::{self, Unknown};
use super::raw_case::RawCase;
use super::source::Place;
use super::{Assertion, Case, Overrides, Suite, Vars, files, matrix, refs};
use crate::script::Scripts;
use crate::template::environment;

pub(super) struct CaseBuilder<'a> {
    suite: &'a mut Suite,
    scripts: Arc<Scripts>,
    default: Case,
    asserts: Vec<Assertion>,
    unknown: Unknown,
    origin: usize,
    /// The environment that file names see (`shown`) and that target settings see (`settings`).
    shown: Vars,
    settings: Vars,
    /// Size of what each case inherits from `defaultTest`, and of all cases so far, as JSON bytes.
    bytes: (u64, u64),
}

impl<'a> CaseBuilder<'a> {
    pub(super) fn new(
        suite: &'a mut Suite,
        config: &Value,
        place: &Place,
        overrides: &Overrides,
    ) -> Result<Self, SuiteError> {
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
        let (shown, settings) =
            (suite.policy.shown_env(&suite.env), suite.policy.settings_env(&suite.env));
        let vars = vars(map.remove("vars"), &shown, &at.at("vars"))?;
        put_settings(&mut map, &settings);
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
        let scripts = Arc::new(Scripts::new(&suite.policy, &suite.base, &suite.env));
        let each = size(&config["defaultTest"]);
        let bytes = (each, 0);
        Ok(Self { suite, scripts, default, asserts, unknown, origin: 0, shown, settings, bytes })
    }

    pub(super) async fn tests(&mut self, config: &Value, place: &Place) -> Result<(), SuiteError> {
        let scripts = self.scripts.clone();
        let mut warnings = Vec::new();
        let at = place.at("tests");
        let mut sink = |it: RawCase| self.add(it, None);
        cases::all(&config["tests"], &at, &scripts, &mut sink, &mut warnings).await?;
        let scenarios = &config["scenarios"];
        if self.suite.cases.is_empty() && scenarios.is_null() {
            self.add(RawCase { map: Map::new(), place: at }, None)?;
        }
        let mut number = 0;
        for (mut scenario, place) in list(scenarios, &place.at("scenarios"), "a scenario")? {
            for key in ["config", "tests"] {
                if let Some(named) = scenario.get_mut(key) {
                    refs::environment_of_references(named, &self.shown);
                }
            }
            self.scenario(&scenario, &place, &mut number, &mut warnings).await?;
        }
        self.suite.warnings.append(&mut warnings);
        Ok(())
    }

    /// Combines every configuration of a scenario with each of its cases.
    async fn scenario(
        &mut self,
        scenario: &Value,
        place: &Place,
        number: &mut usize,
        warnings: &mut Vec<String>,
    ) -> Result<(), SuiteError> {
        let scripts = self.scripts.clone();
        let mut tests = Vec::new();
        let mut sink = |it: RawCase| {
            tests.push(it);
            Ok(())
        };
        cases::all(&scenario["tests"], &place.at("tests"), &scripts, &mut sink, warnings).await?;
        if scenario["tests"].is_null() {
            tests.push(RawCase { map: Map::new(), place: place.clone() });
        }
        let configs =
            list(&scenario["config"], &place.at("config"), "a configuration of a scenario")?;
        self.fits(configs.len().saturating_mul(tests.len()), place)?;
        for (data, at) in configs {
            let Value::Object(data) = data else {
                return Err(at.wrong("a configuration of a scenario must be a mapping with `vars`"));
            };
            for test in &tests {
                let map = merge_scenario_test(&data, &test.map, *number);
                self.add(RawCase { map, place: test.place.clone() }, Some(&at))?;
            }
            *number += 1;
        }
        Ok(())
    }

    /// Adds a written case with its matrix expanded. `data` is the place of its scenario.
    fn add(&mut self, written: RawCase, data: Option<&Place>) -> Result<(), SuiteError> {
        let RawCase { mut map, place } = written;
        let vars = vars(map.remove("vars"), &self.shown, &place.at("vars"))?;
        let vars = matrix::merge(&self.default.vars, vars);
        put_settings(&mut map, &self.settings);
        let own = size(&map);
        let parsed = parse::case(map, &place, &mut self.unknown, &mut self.suite.warnings);
        let mut case = parsed.map_err(|wrong| {
            data.filter(|_| wrong.line == 0).map_or(wrong.clone(), |at| at.wrong(wrong.what))
        })?;
        self.fall_back(&mut case);
        case.origin = self.origin;
        self.origin += 1;
        let whole = case.options.get("disableVarExpansion") == Some(&Value::Bool(true));
        let matrix = if whole {
            matrix::Matrix::one(vars)
        } else {
            matrix::Matrix::of(vars, &self.suite.base, &place)?
        };
        let each = self.bytes.0 + own + matrix.each();
        self.count(matrix.count(), each, &place)?;
        let all = matrix.expand();
        let last = all.len() - 1;
        for (i, vars) in all.into_iter().enumerate() {
            let case = if i == last { std::mem::take(&mut case) } else { case.clone() };
            self.suite.cases.push(Case { vars, ..case });
        }
        Ok(())
    }

    /// Checks the limits before cases are created: a few variables can exhaust memory.
    fn count(&mut self, more: usize, each: u64, place: &Place) -> Result<(), SuiteError> {
        self.fits(more, place)?;
        let limits = self.suite.policy.limits();
        self.bytes.1 = self.bytes.1.saturating_add(each.saturating_mul(more as u64));
        if self.bytes.1 > limits.case_bytes {
            let most = limits.case_bytes >> 20;
            let what = format!("the cases of a suite may have {most} MB: split it into several");
            return Err(place.wrong(what));
        }
        Ok(())
    }

    /// Checks that `more` cases are within the limit.
    fn fits(&self, more: usize, place: &Place) -> Result<(), SuiteError> {
        let most = self.suite.policy.limits().cases;
        let all = self.suite.cases.len().saturating_add(more);
        if all <= most {
            return Ok(());
        }
        Err(place.wrong(format!(
            "a suite may have {most} cases, and this makes {all}: split it into several"
        )))
    }

    /// Fills missing fields from `defaultTest`.
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

/// Reads the variables of a case. Only file names see the environment: other values may be
/// customers' text.
fn vars(written: Option<Value>, shown: &Vars, place: &Place) -> Result<Vars, SuiteError> {
    let mut written = written;
    match &mut written {
        Some(Value::Object(map)) => {
            map.values_mut().for_each(|value| refs::environment_of_files(value, shown));
        }
        Some(names) => environment(names, shown),
        None => {}
    }
    cases::vars(written, place)
}

/// Renders the environment in the settings of a case's own target.
fn put_settings(map: &mut Map<String, Value>, settings: &Vars) {
    if let Some(target) = map.get_mut("provider") {
        environment(target, settings);
    }
}

/// Merges a test over a scenario's configuration.
fn merge_scenario_test(
    data: &Map<String, Value>,
    test: &Map<String, Value>,
    number: usize,
) -> Map<String, Value> {
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

/// Reads a list that may be in a file.
fn list(value: &Value, place: &Place, what: &str) -> Result<Vec<(Value, Place)>, SuiteError> {
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
                        all.extend(list(item, &place.at(i), what)?);
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
