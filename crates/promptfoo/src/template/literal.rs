//! Escapes plain text for templates: rendered once, as every text of a case is, the result is the
//! text.

/// Escapes a text: each brace that would begin a tag, a trailing line break and a leading `file://`
/// become string expressions.
pub fn literal(text: &str) -> String {
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

/// Returns the text that [`literal`] escaped. Other expressions stay as they are: nothing is
/// rendered.
pub fn unescaped(template: &str) -> String {
    let codes = [("{{ \"{\" }}", '{'), ("{{ \"\\n\" }}", '\n')];
    let (mut text, mut rest) = match template.strip_prefix("{{ \"file://\" }}") {
        Some(rest) => ("file://".to_owned(), rest),
        None => (String::with_capacity(template.len()), template),
    };
    while let Some(at) = rest.find("{{ \"") {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let code = codes.iter().find_map(|(code, plain)| Some((from.strip_prefix(code)?, *plain)));
        let (after, plain) = code.unwrap_or((&from[1..], '{'));
        text.push(plain);
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::Templates;
    use super::*;
    use crate::spec::Vars;

    /// Renders a literal where suites render texts: on its own, and as a variable of a prompt.
    fn rendered(words: &str) -> [String; 2] {
        let env = json!({"SECRET": "leaked"}).as_object().cloned().unwrap_or_default();
        let templates = Templates::new(env);
        let mut vars = Vars::new();
        vars.insert("message".into(), literal(words).into());
        vars.insert("name".into(), "leaked".into());
        let alone = templates.render(&literal(words), &vars).unwrap();
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
            assert_eq!(rendered(words), [*words, *words], "{}", literal(words));
            assert_eq!(unescaped(&literal(words)), *words);
            assert!(!literal(words).starts_with("file://"));
        }
    }

    proptest! {
        #[test]
        fn whatever_they_hold(words in r#"([{}%#"'\\ \n-]|env\.SECRET|name|raw|endraw|file://|a){0,24}"#) {
            prop_assert_eq!(rendered(&words), [words.clone(), words.clone()]);
            prop_assert_eq!(unescaped(&literal(&words)), words);
        }
    }
}
