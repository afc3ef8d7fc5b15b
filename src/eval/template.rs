//! Templates as suites have them: Nunjucks, rendered by minijinja with Nunjucks' manners.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};

use super::suite::Vars;

/// Renders templates with the filters and the environment of a suite.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    env: Vars,
}

impl Templates {
    /// Templates in which `{{ env.NAME }}` is what `env` holds.
    pub fn new(env: Vars) -> Self {
        Self { env }
    }

    /// Renders one. The error says what is wrong, and in which line.
    pub fn render(&self, template: &str, vars: &Vars) -> Result<String, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.add_global("env", minijinja::Value::from(Serde(&self.env)));
        environment.render_str(template, Serde(vars)).map_err(|error| error.to_string())
    }
}
