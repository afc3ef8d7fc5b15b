//! Reads the cases of a suite for people: what the customer says and what must hold of the answer.
//! Renders no template and reads no other file.

use frontdesk_promptfoo::template::unescaped;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::saved::Check;
use super::title;
use super::yaml;
use crate::domain::{Line, Speaker};

/// A case of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedCase {
    /// Its description, or the customer's first words.
    pub title: String,
    /// What a case that was saved over the API consists of; `None` if it has anything else, such as
    /// several turns or a script.
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
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CaseRef)]
pub struct CaseRef {
    /// Its place in the suite, from 0.
    pub at: usize,
    /// Its title.
    #[schema(max_length = 20_000)]
    pub title: String,
}

/// Reads the cases of a suite's text, in its order; the error says why it cannot be read.
pub fn listed(text: &str) -> Result<Vec<ListedCase>, String> {
    Ok(yaml::tests(&yaml::read(text)?).map(listed_case).collect())
}

/// Returns a suite's text without one of its cases.
pub fn without_case(text: &str, case: &CaseRef) -> Result<String, String> {
    let all = listed(text)?;
    if all.get(case.at).is_none_or(|found| found.title != case.title) {
        return Err("the suite changed meanwhile: load it again".into());
    }
    yaml::remove(text, case.at)
}

fn listed_case(case: &Value) -> ListedCase {
    let form = form_of(case);
    let described = case["description"].as_str().map(unescaped).filter(|it| !it.trim().is_empty());
    let said = || match (&form, case) {
        (Some(form), _) => title(&form.text),
        (None, Value::String(reference)) => reference.clone(),
        (None, case) => title(case["vars"]["message"].as_str().unwrap_or_default()),
    };
    ListedCase { title: described.unwrap_or_else(said), form }
}

/// Reads a case as [`super::case_from_reply`] writes it.
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
    let plain = map.keys().all(|key| known.contains(&key.as_str()));
    plain.then(|| CaseForm { history, text: unescaped(text), checks })
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
        let suite = "tests:\n- file://more.yaml\n- {description: a, turns: []}\n- {vars: {message: 'Hi {{env.KEY}}'}, assert: [{type: python, value: x, provider: y}]}\n- vars: {message: hi, more: 1}\n  assert: []\n";
        let all = listed(suite).unwrap();
        let titles: Vec<_> = all.iter().map(|case| case.title.as_str()).collect();
        assert_eq!(titles, ["file://more.yaml", "a", "Hi {{env.KEY}}", "hi"]);
        assert!(all.iter().all(|case| case.form.is_none()), "{all:?}");
        assert!(listed("a: [").is_err());
    }

    #[test]
    fn a_case_is_removed_only_where_it_still_is() {
        let suite = "# ours\ntests:\n  # one\n  - description: a\n    vars: {message: a}\n  # two\n  - description: b\n    # said: -\n    vars: {message: \"b\\n- c\"}\n\nproviders: [x]\n";
        let named = |at, title: &str| CaseRef { at, title: title.into() };
        for gone in [named(0, "b"), named(2, "c")] {
            assert!(without_case(suite, &gone).unwrap_err().contains("changed"), "{gone:?}");
        }
        let text = without_case(suite, &named(0, "a")).unwrap();
        assert_eq!(
            text,
            "# ours\ntests:\n  # two\n  - description: b\n    # said: -\n    vars: {message: \"b\\n- c\"}\n\nproviders: [x]\n"
        );
        let text = without_case(suite, &named(1, "b")).unwrap();
        assert!(text.contains("# one") && text.ends_with("\n\nproviders: [x]\n"), "{text}");
        assert_eq!(listed(&text).unwrap().len(), 1);
        let inline = "tests: [{description: a, vars: {message: a}}]\n";
        assert!(without_case(inline, &named(0, "a")).is_err());
    }
}
