//! Renders `{{ env.NAME }}` in a configuration before any other template.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::Templates;
use crate::spec::Vars;

static EXPRESSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{(?:[^}]|\}[^}])*\}\}").expect("the pattern is valid"));
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\benv(?:\.(\w+)|\[['"]([^'"]+)['"]\])"#).expect("the pattern is valid")
});

/// Renders `{{ env.NAME }}` in all strings; other expressions stay for later. An unset name stays
/// as it is.
pub(crate) fn environment(value: &mut Value, env: &Vars) {
    match value {
        Value::String(text) if text.contains("{{") && text.contains("env") => {
            *text = EXPRESSION
                .replace_all(text, |found: &Captures<'_>| one(&found[0], env))
                .into_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| environment(item, env)),
        Value::Object(map) => map.values_mut().for_each(|item| environment(item, env)),
        _ => {}
    }
}

fn one(expression: &str, env: &Vars) -> String {
    let Some(name) = NAME.captures(expression) else { return expression.to_owned() };
    let name = name.get(1).or_else(|| name.get(2)).map_or("", |it| it.as_str());
    if !env.contains_key(name) && !expression.contains('|') {
        return expression.to_owned();
    }
    let templates = Templates::new(env.clone());
    templates.render(expression, &Vars::new()).unwrap_or_else(|_| expression.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_environment_is_rendered() {
        let mut value = json!(["{{env.A}} {{ env['A'] }} {{b}} {{env.NONE}}"]);
        environment(&mut value, json!({"A": "x"}).as_object().unwrap());
        assert_eq!(value, json!(["x x {{b}} {{env.NONE}}"]));
    }
}
