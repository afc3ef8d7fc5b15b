//! Reads the cases of a suite for people: what the customer says and what must hold of the answer.
//! Renders no template and reads no other file.

use frontdesk_promptfoo::template::unescaped;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::saved::{Check, SavedReply, case_from_reply};
use super::title;
use super::yaml;
use crate::domain::{Line, Speaker};
use crate::prompts;

/// A case of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedCase {
    /// Its description, or the customer's first words.
    pub title: String,
    /// SHA-256 of what it says.
    pub hash: String,
    /// What a case that was saved over the API consists of; `None` if it has anything else, such as
    /// several turns, a template or a script.
    pub form: Option<CaseForm>,
}

/// What a case that was saved over the API consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseForm {
    /// Earlier messages, oldest first.
    pub history: Vec<Line>,
    /// The customer's message.
    pub text: String,
    /// What must hold of the answer.
    pub checks: Vec<Check>,
}

/// A case of a suite, named so that a suite that changed meanwhile is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseRef {
    /// Its place in the suite, from 0.
    #[schema(maximum = 100_000)]
    pub at: usize,
    /// Its hash, as `list_cases` returns it.
    #[schema(max_length = 64)]
    pub hash: String,
}

/// Why a case of a suite was not replaced or removed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The case is not where it was read.
    #[error("The suite changed meanwhile: load it again.")]
    Changed,
    /// The suite has the new case already.
    #[error("The suite has another case with this message.")]
    Known,
    /// The suite cannot be read or written.
    #[error("{0}")]
    Wrong(String),
}

impl From<String> for EditError {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

/// Reads the cases of a suite's text, in its order; the error says why it cannot be read.
pub fn listed(text: &str) -> Result<Vec<ListedCase>, String> {
    Ok(yaml::tests(&yaml::read(text)?).map(listed_case).collect())
}

/// Returns a suite's text without one of its cases, and that case's metadata.
pub fn without_case(text: &str, case: &CaseRef) -> Result<(String, Map<String, Value>), EditError> {
    let suite = yaml::read(text)?;
    let found = yaml::tests(&suite).nth(case.at).filter(|found| hash_of(found) == case.hash);
    let metadata = found.ok_or(EditError::Changed)?["metadata"].as_object().cloned();
    Ok((yaml::remove(text, case.at)?, metadata.unwrap_or_default()))
}

/// Whether a suite consists of nothing but what the desk writes, without any case.
pub fn is_bare(text: &str) -> bool {
    let known = ["description", "prompts", "providers", "tests"];
    yaml::read(text).is_ok_and(|suite| {
        yaml::tests(&suite).next().is_none()
            && suite.as_object().is_some_and(|keys| keys.keys().all(|key| known.contains(&&**key)))
    })
}

fn hash_of(case: &Value) -> String {
    prompts::hash(&case.to_string())
}

fn listed_case(case: &Value) -> ListedCase {
    let form = form_of(case);
    let described = case["description"].as_str().filter(|it| !it.trim().is_empty());
    let said = || match (&form, case) {
        (Some(form), _) => title(&form.text),
        (None, Value::String(reference)) => reference.clone(),
        (None, case) => {
            let first = [&case["vars"]["message"], &case["turns"][0]["user"]];
            title(first.into_iter().find_map(Value::as_str).unwrap_or_default())
        }
    };
    let title = described.map_or_else(said, ToOwned::to_owned);
    ListedCase { title, hash: hash_of(case), form }
}

/// Reads a case as [`case_from_reply`] writes it, and no other: saving it again changes nothing.
fn form_of(case: &Value) -> Option<CaseForm> {
    let map = case.as_object()?;
    let known = ["description", "vars", "assert", "options", "metadata"];
    let vars = map.get("vars")?.as_object().filter(|vars| vars.len() == 1)?;
    let text = vars.get("message")?.as_str()?;
    let history = map.get("options").map_or(Some(Vec::new()), |options| {
        let options = options.as_object().filter(|options| options.len() == 1)?;
        options.get("history")?.as_array()?.iter().map(line_of).collect()
    })?;
    let checks = map.get("assert")?.as_array()?.iter().map(check_of).collect::<Option<_>>()?;
    let form = CaseForm { history, text: unescaped(text), checks };
    let saving = SavedReply {
        history: form.history.clone(),
        text: form.text.clone(),
        checks: Some(form.checks.clone()),
        ..SavedReply::default()
    };
    let written = case_from_reply(&saving).ok()?.written();
    let is_same =
        ["vars", "assert", "options"].iter().all(|key| written.get(*key) == map.get(*key));
    let is_known = map.keys().all(|key| known.contains(&key.as_str()));
    (is_same && is_known).then_some(form)
}

fn line_of(line: &Value) -> Option<Line> {
    let line = line.as_object().filter(|line| line.len() == 1)?;
    let (speaker, text) = line.iter().next()?;
    let speaker: Speaker = speaker.parse().ok()?;
    Some(Line::new(speaker, unescaped(text.as_str()?)))
}

fn check_of(written: &Value) -> Option<Check> {
    serde_json::from_value(plain(written)).ok()
}

/// Unescapes every text in a value.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => unescaped(text).into(),
        Value::Array(all) => all.iter().map(plain).collect(),
        Value::Object(map) => {
            let field = |(name, value): (&String, &Value)| (name.clone(), plain(value));
            Value::Object(map.iter().map(field).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{SavedReply, case_from_reply, with_case};
    use super::*;

    #[test]
    fn a_saved_case_is_read_as_it_was_saved() {
        let checks = json!([{"type": "icontains", "value": "{{nine}}"}, {"type": "not-regex", "value": "a{2}", "weight": 2}]);
        let checks: Vec<Check> = serde_json::from_value(checks).unwrap();
        let saving = SavedReply {
            title: "{% if %}".into(),
            history: vec![
                Line::new(Speaker::Customer, "Hi {{name}}"),
                Line::new(Speaker::Bot, "Hello\n"),
            ],
            text: "file://when? {{env.KEY}}".into(),
            reply: "At nine: # {{x}}".into(),
            checks: Some(checks.clone()),
        };
        let case = case_from_reply(&saving).unwrap();
        let (text, _) = with_case("", "providers: [a]\n", &case).unwrap();
        let all = listed(&text).unwrap();
        let form = all[0].form.clone().unwrap();
        assert_eq!((all.len(), all[0].title.as_str()), (1, "{% if %}"));
        assert_eq!((form.history, form.text, form.checks), (saving.history, saving.text, checks));
    }

    #[test]
    fn what_is_written_by_hand_is_named_and_not_taken_for_a_form() {
        // The form would change a template, and a check that it cannot save.
        let suite = "tests:\n- file://more.yaml\n- {description: a, turns: []}\n- {turns: [{user: Hello}]}\n- {vars: {message: 'Hi {{env.KEY}}'}, assert: [{type: contains, value: x}]}\n- {vars: {message: p}, assert: [{type: python, value: x}]}\n- {vars: {message: v}, assert: [{type: contains, value: '{{x}}'}]}\n- vars: {message: hi, more: 1}\n  assert: []\n";
        let all = listed(suite).unwrap();
        let titles: Vec<_> = all.iter().map(|case| case.title.as_str()).collect();
        assert_eq!(titles, ["file://more.yaml", "a", "Hello", "Hi {{env.KEY}}", "p", "v", "hi"]);
        assert!(all.iter().all(|case| case.form.is_none()), "{all:?}");
        assert!(listed("a: [").is_err());
    }

    #[test]
    fn a_case_is_removed_only_where_it_still_is() {
        let suite = "# ours\ntests:\n  # one\n  - description: a\n    vars: {message: a}\n  # two\n  - description: b\n    # said: -\n    vars: {message: \"b\\n- c\"}\n\nproviders: [x]\n";
        let all = listed(suite).unwrap();
        let named = |at, from: usize| CaseRef { at, hash: all[from].hash.clone() };
        for gone in [named(0, 1), named(2, 1)] {
            let why = without_case(suite, &gone).unwrap_err();
            assert!(matches!(why, EditError::Changed), "{gone:?}: {why}");
        }
        let (text, _) = without_case(suite, &named(0, 0)).unwrap();
        assert_eq!(
            text,
            "# ours\ntests:\n  # two\n  - description: b\n    # said: -\n    vars: {message: \"b\\n- c\"}\n\nproviders: [x]\n"
        );
        let (text, _) = without_case(suite, &named(1, 1)).unwrap();
        assert!(text.contains("# one") && text.ends_with("\n\nproviders: [x]\n"), "{text}");
        assert_eq!(listed(&text).unwrap().len(), 1);
        let inline = "tests: [{description: a, vars: {message: a}}]\n";
        assert!(without_case(inline, &named(0, 0)).is_err());
        assert!(is_bare("prompts: [a]\nproviders: [b]\ntests:\n") && !is_bare(inline));
        assert!(!is_bare("providers: [b]\nscenarios: [c]\ntests:\n"));
    }
}
