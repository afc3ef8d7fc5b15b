//! Customers' words in a suite: whatever they hold, they are no template and name no file. They are written as a template that comes
//! to them when it is rendered once, which every text of a case is, and no more than once.

use serde_json::{Map, Value};

use crate::eval::bot_checks::renders_deeply;

/// A text as a template that comes to it: each brace that would begin a tag, a line break at the end and `file://` are written as
/// text within a tag.
pub(in crate::eval) fn text(text: &str) -> String {
    let (file, rest) = match text.strip_prefix("file://") {
        Some(rest) => ("{{ \"file://\" }}", rest),
        None => ("", text),
    };
    let (rest, end) = match rest.strip_suffix('\n') {
        Some(rest) => (rest, "{{ \"\\n\" }}"),
        None => (rest, ""),
    };
    let mut made = file.to_owned();
    let mut letters = rest.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins = letter == '{' && letters.peek().is_none_or(|next| "{%#".contains(*next));
        if begins { made.push_str("{{ \"{\" }}") } else { made.push(letter) }
    }
    made + end
}

/// An assertion whose texts are all literal, as far as texts of its type are rendered.
pub(in crate::eval) fn check(written: &Value) -> Value {
    let Value::Object(map) = written else { return written.clone() };
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
    let deep = renders_deeply(kind.strip_prefix("not-").unwrap_or(kind));
    let field = |(name, value): (&String, &Value)| {
        let value = match (name.as_str(), value) {
            ("assert", Value::Array(set)) => set.iter().map(check).collect(),
            ("value", value) => inert(value, deep, 0),
            ("metric", Value::String(metric)) => text(metric).into(),
            (_, value) => value.clone(),
        };
        (name.clone(), value)
    };
    Value::Object(map.iter().map(field).collect::<Map<_, _>>())
}

fn inert(value: &Value, deep: bool, depth: usize) -> Value {
    match value {
        Value::String(words) => text(words).into(),
        Value::Array(all) if deep || depth == 0 => {
            all.iter().map(|one| inert(one, deep, depth + 1)).collect()
        }
        Value::Object(map) if deep => {
            let field =
                |(name, value): (&String, &Value)| (name.clone(), inert(value, deep, depth + 1));
            Value::Object(map.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::eval::suite::Vars;
    use crate::eval::template::Templates;

    /// What comes of a literal text where suites put texts: as a text of its own, and as a variable of a prompt.
    fn rendered(words: &str) -> [String; 2] {
        let env = json!({"SECRET": "leaked"}).as_object().cloned().unwrap_or_default();
        let templates = Templates::new(env);
        let mut vars = Vars::new();
        vars.insert("message".into(), text(words).into());
        vars.insert("name".into(), "leaked".into());
        let alone = templates.render(&text(words), &vars).unwrap();
        [alone, templates.render_prompt("{{message}}", &vars).unwrap()]
    }

    const ATTACKS: &[&str] = &[
        "{{env.SECRET}}",
        "{% endraw %}{{env.SECRET}}",
        "{% raw %}{{env.SECRET}}{% endraw %}{{ env.SECRET }}",
        "{%- endraw -%}{{- env.SECRET -}}",
        "{{ \"{{env.SECRET}}\" }}",
        "{{{{env.SECRET}}}}",
        "{{{env.SECRET}}}",
        "{{message}} {{name}}",
        "{# {{env.SECRET}} #}",
        "{% if true %}x",
        "{% verbatim %}{{env.SECRET}}{% endverbatim %}",
        "{",
        "{{",
        "a\n",
        "file:///etc/passwd",
        "file://{{env.SECRET}}",
        "}} {{ '{' }}{ env.SECRET }}",
    ];

    #[test]
    fn words_come_out_as_they_are() {
        for words in ATTACKS {
            assert_eq!(rendered(words), [*words, *words], "{}", text(words));
            assert!(!text(words).starts_with("file://"));
        }
    }

    proptest! {
        #[test]
        fn whatever_they_hold(words in r#"([{}%#"'\\ \n-]|env\.SECRET|name|raw|endraw|file://|a){0,24}"#) {
            prop_assert_eq!(rendered(&words), [words.clone(), words.clone()]);
        }
    }

    #[test]
    fn the_words_of_an_assertion_too() {
        let made =
            check(&json!({"type": "not-contains-any", "value": ["{{a}}", "b"], "metric": "{{m}}"}));
        assert_eq!(made["value"], json!(["{{ \"{\" }}{a}}", "b"]));
        assert_eq!(
            (&made["type"], &made["metric"]),
            (&json!("not-contains-any"), &json!("{{ \"{\" }}{m}}"))
        );
        // Within objects nothing is rendered, but in our own types.
        let made = check(&json!({"type": "equals", "value": {"a": "{{a}}"}}));
        assert_eq!(made["value"]["a"], "{{a}}");
        let made = check(&json!({"type": "retrieved", "value": {"document": "{{a}}.md"}}));
        assert_eq!(made["value"]["document"], "{{ \"{\" }}{a}}.md");
    }
}
