//! Nunjucks templates of suites, rendered by minijinja with Nunjucks' semantics.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use frontdesk_template::{BoundedEnvironment, Limits, excess, guard};
use minijinja::{Error, UndefinedBehavior};
use serde_json::{Map, Value};

use super::script::Scripts;
use super::spec::Vars;

mod environment;
mod filters;
mod literal;
mod methods;
mod syntax;
mod values;

pub(crate) use environment::environment;
pub use literal::{literal, unescaped};
use values::{Surroundings, from_template, into_template, printed};

/// Maximum depth of variables inside variables.
const MAX_VARIABLE_DEPTH: usize = 32;
/// Maximum size of a rendered variable, in bytes: self-referencing variables would exhaust memory.
const MAX_LEN: usize = 4 * 1024 * 1024;

/// Limits of rendering a template; its variables may hold whole documents and answers. A rendering
/// that uses all of it takes about 100 ms.
const LIMITS: Limits = Limits { source: MAX_LEN, output: MAX_LEN, steps: 250_000, work: 4_000_000 };

/// Renders templates with the filters and the environment of a suite.
#[derive(Clone)]
pub struct Templates {
    engine: Arc<BoundedEnvironment>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Templates")
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::new(Vars::new())
    }
}

impl Templates {
    /// Templates in which `{{ env.NAME }}` reads `env` only and not the process environment.
    pub fn new(env: Vars) -> Self {
        Self { engine: Arc::new(engine(env)) }
    }

    /// Templates with more filters: names and the JavaScript files that export them, relative to
    /// `base`.
    pub fn with_filters(env: Vars, filters: &Vars, base: &Path, scripts: &Arc<Scripts>) -> Self {
        let mut engine = engine(env);
        for (name, file) in filters {
            let Some(file) = file.as_str() else { continue };
            let path = base.join(file.strip_prefix("file://").unwrap_or(file));
            let scripts = Arc::clone(scripts);
            let call = move |arguments: minijinja::value::Rest<minijinja::Value>| {
                let arguments: Vec<Value> = arguments.iter().map(from_template).collect();
                let made = scripts.call_blocking(&path, &arguments);
                made.map(|value| into_template(&value))
                    .map_err(|why| values::wrong(why.to_string()))
            };
            engine.add_filter(name.clone(), minijinja::Value::from_function(call));
        }
        Self { engine: Arc::new(engine) }
    }

    /// Renders a template. The error gives the line.
    pub fn render(&self, template: &str, vars: &Vars) -> Result<String, String> {
        if !has_tags(template) {
            return Ok(template.to_owned());
        }
        let vars = into_template(&Value::Object(vars.clone()));
        self.engine.render_str(&syntax::adapted(template), vars).map_err(|error| said(&error))
    }

    /// Renders every string inside a value.
    pub fn value(&self, value: &Value, vars: &Vars) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.render(text, vars)?),
            Value::Array(items) => Value::Array(
                items.iter().map(|item| self.value(item, vars)).collect::<Result<_, _>>()?,
            ),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    Ok::<_, String>((name.clone(), self.value(value, vars)?))
                };
                Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>, _>>()?)
            }
            other => other.clone(),
        })
    }

    /// Renders a prompt: first variables inside variables, then the template. Chat messages in JSON
    /// are rendered string by string and indented by two spaces.
    pub fn render_prompt(&self, template: &str, vars: &Vars) -> Result<String, String> {
        let vars = self.resolved(vars);
        if let Ok(chat) = serde_json::from_str::<Value>(template) {
            let chat = self.value(&chat, &vars)?;
            return serde_json::to_string_pretty(&chat).map_err(|error| error.to_string());
        }
        self.render(template, &vars)
    }

    /// Resolves variables inside variables; one that cannot be rendered stays as it is. Each is
    /// rendered once, after those that it names: the result is not rendered again, whatever it
    /// contains.
    pub fn resolved(&self, vars: &Vars) -> Vars {
        let mut all = vars.clone();
        for text in all.values_mut() {
            if let Value::String(text) = text
                && text.ends_with('\n')
            {
                text.pop();
            }
        }
        let mut settled = HashMap::new();
        for name in vars.keys() {
            self.settle(name, (&mut all, &mut settled), 0);
        }
        all
    }

    /// Renders a variable in place, unless it is done already or circular.
    fn settle(
        &self,
        name: &str,
        (all, settled): (&mut Vars, &mut HashMap<String, bool>),
        depth: usize,
    ) {
        if settled.contains_key(name) {
            return;
        }
        settled.insert(name.to_owned(), false);
        if let Some(rendered) = self.rendered(name, (&mut *all, &mut *settled), depth) {
            all.insert(name.to_owned(), Value::String(rendered));
        }
        settled.insert(name.to_owned(), true);
    }

    fn rendered(
        &self,
        name: &str,
        (all, settled): (&mut Vars, &mut HashMap<String, bool>),
        depth: usize,
    ) -> Option<String> {
        let text = all.get(name)?.as_str().filter(|text| text.contains("{{"))?.to_owned();
        // A text that names an unknown variable is not a template.
        let is_known = |name: &str| name == "env" || all.contains_key(name);
        if depth > MAX_VARIABLE_DEPTH || !syntax::names(&text).all(is_known) {
            return None;
        }
        let adapted = syntax::adapted(&text);
        let named = self.engine.undeclared(&adapted).ok()?;
        let named: Vec<String> = named.into_iter().filter(|name| all.contains_key(name)).collect();
        for inner in &named {
            self.settle(inner, (&mut *all, &mut *settled), depth + 1);
        }
        let circular = named.iter().any(|inner| settled.get(inner) == Some(&false));
        let longest = named.iter().filter_map(|it| all[it].as_str()).map(str::len).max();
        let made = text.matches("{{").count().saturating_mul(longest.unwrap_or(0));
        if circular || made > MAX_LEN {
            return None;
        }
        self.render(&text, all).ok()
    }
}

fn engine(env: Vars) -> BoundedEnvironment {
    let mut bounded = BoundedEnvironment::new(LIMITS);
    let engine = bounded.environment();
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    let syntax = minijinja::syntax::SyntaxConfig::builder().keep_trailing_newline(true).build();
    engine.set_syntax(syntax.unwrap_or_default());
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine.set_formatter(|out, state, value| {
        guard::charge(state, LIMITS, std::slice::from_ref(value))?;
        out.write_str(&printed(value)).map_err(Error::from)
    });
    engine.set_unknown_method_callback(methods::call);
    engine.add_global("env", minijinja::Value::from_object(Surroundings(env)));
    filters::add(&mut bounded);
    bounded
}

fn has_tags(template: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|tag| template.contains(tag))
}

fn said(error: &Error) -> String {
    let what = match error.detail() {
        _ if excess(error).is_some() => excess(error).unwrap_or_default().to_owned(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match error.line() {
        Some(line) => format!("template, line {line}: {what}"),
        None => format!("template: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vars() -> Vars {
        let vars = json!({
            "name": "Ana", "list": ["a", "b", "c"], "object": {"z": 1, "a": [1, 2.0]}, "n": 2.0, "half": 0.5,
            "nothing": null, "yes": true, "text": "{\"k\": [1]}", "empty": [], "html": "<b>",
            "nested": "hi {{name}}", "deep": "{{nested}}!", "stray": "{{unknown}}",
        });
        vars.as_object().unwrap().clone()
    }

    fn render(template: &str) -> String {
        Templates::default()
            .render(template, &vars())
            .unwrap_or_else(|error| format!("error {error}"))
    }

    #[test]
    fn values_are_printed_as_javascript_prints_them() {
        assert_eq!(
            render("{{list}}|{{object}}|{{nothing}}|{{n}}|{{half}}|{{yes}}"),
            "a,b,c|[object Object]||2|0.5|true"
        );
        assert_eq!(render("{{unknown}}{{unknown.deep.deeper}}{{object.none.x}}"), "");
        assert_eq!(render("{{html}} {{html | safe}}\n"), "<b> <b>\n");
        assert_eq!(render("{{ object | dump }}"), r#"{"z":1,"a":[1,2]}"#);
        assert_eq!(render("{{ (text | load).k[0] }}"), "1");
    }

    #[test]
    fn nunjucks_syntax_is_understood() {
        assert_eq!(render("{% if name === 'Ana' %}1{% elseif name %}2{% endif %}"), "1");
        assert_eq!(render("{% if name !== 'Ana' %}1{% elseif name %}2{% endif %}"), "2");
        assert_eq!(
            render("{{ list.length }}{{ name.length }}{% if list.length > 2 %}y{% endif %}"),
            "33y"
        );
        assert_eq!(render("{% for k, v in object %}{{k}}={{v}};{% endfor %}"), "z=1;a=1,2;");
        assert_eq!(
            render(
                "{{ name.toUpperCase() }}{{ name.includes('n') }}{{ 'a-b'.split('-') | join('+') }}"
            ),
            "ANAtruea+b"
        );
        assert_eq!(render("{{ 'a === b' }}"), "a === b");
        assert_eq!(
            render(
                "{{ list | join(', ') }}{{ list | first }}{{ list | last }}{{ unknown | length }}"
            ),
            "a, b, cac0"
        );
        assert_eq!(render("{% if empty %}y{% endif %}"), "y");
        assert_eq!(render("{% raw %}{{name}}{% endraw %}"), "{{name}}");
        assert_eq!(
            render("{{ name if yes else 'no' }}{{ unknown | default('d') }}{{ unknown or 'e' }}"),
            "Anade"
        );
        assert_eq!(render("{% set x = 1 %}{{ x + 1 }}"), "2");
    }

    #[test]
    fn an_error_says_the_line() {
        let error = Templates::default().render("a\n{{ name | nope }}", &vars()).unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        let error = Templates::default().render("a\nb\n{% if %}", &vars()).unwrap_err();
        assert!(error.contains("line 3"), "{error}");
    }

    #[test]
    fn prompts_resolve_variables_and_keep_chats_as_json() {
        let templates = Templates::default();
        assert_eq!(templates.render_prompt("{{deep}}", &vars()).unwrap(), "hi Ana!");
        assert_eq!(templates.render_prompt("{{stray}}", &vars()).unwrap(), "{{unknown}}");
        let chat = templates
            .render_prompt(r#"[{"role":"user","content":"{{name}} \"{{html}}\""}]"#, &vars());
        let wanted =
            "[\n  {\n    \"role\": \"user\",\n    \"content\": \"Ana \\\"<b>\\\"\"\n  }\n]";
        assert_eq!(chat.unwrap(), wanted);
    }

    #[test]
    fn a_variable_that_names_itself_does_not_fill_the_memory() {
        let vars = json!({"q": "{{q}}".repeat(10)}).as_object().unwrap().clone();
        let made = Templates::default().render_prompt("{{q}}", &vars).unwrap();
        assert!(made.len() <= MAX_LEN, "{}", made.len());
    }

    #[test]
    fn the_environment_is_what_is_given() {
        let env = json!({"TOWN": "Lima"}).as_object().unwrap().clone();
        let templates = Templates::new(env);
        let made = templates.render("{{env.TOWN}}{{ env.PATH }}{{env.NO_SUCH_NAME}}", &Vars::new());
        assert_eq!(made.unwrap(), "Lima", "the process's own are not seen");
    }

    #[test]
    fn what_comes_of_a_variable_is_no_template_any_more() {
        let env = json!({"TOWN": "Lima"}).as_object().unwrap().clone();
        let templates = Templates::new(env);
        let made = |vars: Value| {
            let Value::Object(vars) = vars else { unreachable!() };
            templates.render_prompt("{{message}}", &vars).unwrap()
        };
        let inner = "{% raw %}{{env.TOWN}}{% endraw %}";
        assert_eq!(made(json!({"message": inner})), "{{env.TOWN}}");
        assert_eq!(made(json!({"message": "a {{said}}", "said": inner})), "a {{env.TOWN}}");
        assert_eq!(made(json!({"message": "a {{said}}", "said": "{{env.TOWN}}"})), "a Lima");
        assert_eq!(made(json!({"message": "{{a}}", "a": "{{b}}", "b": "{{a}}"})), "{{a}}");
    }

    #[test]
    fn filters_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f.js"), "module.exports = (x, n) => x + '!'.repeat(n)")
            .unwrap();
        let filters = json!({"loud": "f.js"}).as_object().unwrap().clone();
        let policy = crate::policy::Policy::command_line();
        let scripts = Arc::new(Scripts::new(&policy, folder.path(), &Vars::new()));
        let templates = Templates::with_filters(Vars::new(), &filters, folder.path(), &scripts);
        assert_eq!(templates.render("{{ name | loud(2) }}", &vars()).unwrap(), "Ana!!");
    }
}
