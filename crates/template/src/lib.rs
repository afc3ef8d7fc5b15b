//! Templates with bounds: no template takes more than so many steps, so much text or so much work, whoever wrote it. Knows nothing
//! of prompts or suites; whoever renders says what a template may use and how much.
//!
//! minijinja counts instructions alone ("fuel"), and one instruction can make 100 MB of text. So the operators that make or
//! compare values are taken out of a compiled template and replaced by ours (`operators`), and every filter, test and function is
//! asked through a guard (`guard`). What the guard counts stays with the rendering.

use std::borrow::Cow;
use std::collections::HashSet;

use minijinja::machinery::{eval, get_compiled_template, make_string_output};
use minijinja::{Environment, Error, ErrorKind, Template, Value};

mod builtins;
mod constants;
pub mod guard;
mod operators;
mod source;

/// How much one rendering may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest template, in bytes.
    pub source: usize,
    /// The longest text that comes of it, in bytes.
    pub output: usize,
    /// Instructions.
    pub steps: u64,
    /// What operators, filters and output may handle: values, and 16 bytes of text each.
    pub work: usize,
}

/// The most text that is written by the template's own words within captures, in bytes; see `BoundedEnvironment::steps`.
const CAPTURED: usize = 64 * 1024 * 1024;
/// How deep macros, blocks and loops may call each other.
const RECURSION: usize = 100;

/// An environment whose templates are bounded.
#[derive(Debug, Clone)]
pub struct BoundedEnvironment {
    environment: Environment<'static>,
    limits: Limits,
}

impl BoundedEnvironment {
    /// Minijinja's own filters, tests and functions, but for those that show the program's insides (`debug`), keep what a loop made
    /// (`namespace`) or whose work cannot be counted (`chain`).
    pub fn new(limits: Limits) -> Self {
        let mut environment = Environment::empty();
        environment.set_recursion_limit(RECURSION);
        environment.set_formatter(move |out, state, value| {
            guard::charge(state, limits, std::slice::from_ref(value))?;
            minijinja::escape_formatter(out, state, value)
        });
        builtins::add(&mut environment, limits);
        operators::add(&mut environment, limits);
        Self { environment, limits }
    }

    /// The environment, to set up how it reads and writes. Filters and tests go through `add_filter`.
    pub fn environment(&mut self) -> &mut Environment<'static> {
        &mut self.environment
    }

    /// Adds a filter, a value that can be called.
    pub fn add_filter(&mut self, name: impl Into<Cow<'static, str>>, filter: Value) {
        guard::filter(&mut self.environment, self.limits, name.into(), filter);
    }

    /// Adds the template under a name; the error says what is wrong with it.
    pub fn add(&mut self, name: &'static str, source: String) -> Result<(), Error> {
        source::check(&source, self.environment.syntax(), self.limits)?;
        self.environment.add_template_owned(name, source)?;
        let template = self.environment.get_template(name)?;
        operators::bounded(get_compiled_template(&template))?;
        let steps = self.steps(&template);
        self.environment.set_fuel(Some(steps));
        Ok(())
    }

    /// Renders the template that was added.
    pub fn render(&self, name: &str, context: Value) -> Result<String, Error> {
        let template = self.environment.get_template(name)?;
        self.run(&self.environment, &template, context)
    }

    /// Renders a text that is used once.
    pub fn render_str(&self, source: &str, context: Value) -> Result<String, Error> {
        source::check(source, self.environment.syntax(), self.limits)?;
        let mut environment: Environment<'_> = self.environment.clone();
        let template = self.environment.template_from_str(source)?;
        environment.set_fuel(Some(self.steps(&template)));
        self.run(&environment, &template, context)
    }

    /// The variables that a text needs from outside.
    pub fn undeclared(&self, source: &str) -> Result<HashSet<String>, Error> {
        source::check(source, self.environment.syntax(), self.limits)?;
        Ok(self.environment.template_from_str(source)?.undeclared_variables(false))
    }

    /// Which of these variables a template that was added names.
    pub fn names(&self, name: &str, known: &[&str]) -> Vec<String> {
        let Ok(template) = self.environment.get_template(name) else { return Vec::new() };
        let used = source::names(template.source(), self.environment.syntax());
        known.iter().filter(|name| used.contains(**name)).map(|&name| name.to_owned()).collect()
    }

    fn run<'a>(
        &self,
        environment: &'a Environment<'a>,
        template: &'a Template<'a, 'a>,
        context: Value,
    ) -> Result<String, Error> {
        let compiled = get_compiled_template(template);
        let (instructions, blocks) = operators::bounded(compiled)?;
        let mut text = String::new();
        let mut out = make_string_output(&mut text);
        let escape = minijinja::AutoEscape::None;
        eval(environment, &instructions, context, &blocks, &mut out, escape)?;
        if text.len() > self.limits.output {
            return Err(guard::over(format!("writes more than {} bytes", self.limits.output)));
        }
        Ok(text)
    }

    /// How many instructions are left to a template: its own words are written by one each, in captures without being counted.
    fn steps(&self, template: &Template<'_, '_>) -> u64 {
        let longest = operators::longest_words(get_compiled_template(template)).max(1);
        self.limits.steps.min(u64::try_from(CAPTURED / longest).unwrap_or(u64::MAX))
    }
}

/// Which limit a template exceeds, where that is what is wrong with it.
pub fn excess(error: &Error) -> Option<&str> {
    let steps =
        "the template takes too many steps: loops within loops, or a macro that calls itself?";
    (error.kind() == ErrorKind::OutOfFuel).then(|| error.detail().unwrap_or(steps))
}

#[cfg(test)]
mod tests;
