//! Templates with limits: no template exceeds its limits of steps, output and work, whoever wrote
//! it. Knows nothing of prompts or suites; the caller sets the limits and what a template may use.
//!
//! minijinja only counts instructions ("fuel"), and one instruction can create 100 MB of text. So
//! the operators that create or compare values are replaced in a compiled template (`operators`),
//! and every filter, test and function is called through a guard (`guard`). The guard keeps its
//! count in the state of the rendering.

use std::borrow::Cow;
use std::collections::HashSet;

use minijinja::machinery::{eval, get_compiled_template, make_string_output};
use minijinja::{Environment, Error, ErrorKind, Template, Value};

mod builtins;
mod constants;
pub mod guard;
mod operators;
mod source;

/// Limits of one rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum template size, in bytes.
    pub source: usize,
    /// Maximum output, in bytes.
    pub output: usize,
    /// Maximum instructions.
    pub steps: u64,
    /// Maximum units of work of operators, filters and output: 1 for each value, and 1 for each 16
    /// bytes of text.
    pub work: usize,
}

/// Maximum literal text that a template writes within captures, in bytes; see
/// `BoundedEnvironment::steps`.
const MAX_CAPTURED_BYTES: usize = 64 * 1024 * 1024;
/// Maximum nesting of macros, blocks and loops.
const RECURSION: usize = 100;

/// A minijinja environment whose templates are limited.
#[derive(Debug, Clone)]
pub struct BoundedEnvironment {
    environment: Environment<'static>,
    limits: Limits,
}

impl BoundedEnvironment {
    /// Creates an environment with minijinja's own filters, tests and functions, except those that
    /// show internals (`debug`), keep state beyond a loop (`namespace`) or do work that cannot be
    /// counted (`chain`).
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

    /// Gives access to the environment, to configure syntax and output. Register filters with
    /// `add_filter`.
    pub fn environment(&mut self) -> &mut Environment<'static> {
        &mut self.environment
    }

    /// Registers a filter, a callable value.
    pub fn add_filter(&mut self, name: impl Into<Cow<'static, str>>, filter: Value) {
        guard::filter(&mut self.environment, self.limits, name.into(), filter);
    }

    /// Compiles and registers a template under a name. Errors say what is wrong with it.
    pub fn add(&mut self, name: &'static str, source: String) -> Result<(), Error> {
        source::check(&source, self.environment.syntax(), self.limits)?;
        self.environment.add_template_owned(name, source)?;
        let template = self.environment.get_template(name)?;
        operators::bounded(get_compiled_template(&template))?;
        let steps = self.steps(&template);
        self.environment.set_fuel(Some(steps));
        Ok(())
    }

    /// Renders a registered template.
    pub fn render(&self, name: &str, context: Value) -> Result<String, Error> {
        let template = self.environment.get_template(name)?;
        self.run(&self.environment, &template, context)
    }

    /// Renders a template once, without registering it.
    pub fn render_str(&self, source: &str, context: Value) -> Result<String, Error> {
        source::check(source, self.environment.syntax(), self.limits)?;
        let mut environment: Environment<'_> = self.environment.clone();
        let template = self.environment.template_from_str(source)?;
        environment.set_fuel(Some(self.steps(&template)));
        self.run(&environment, &template, context)
    }

    /// Returns the variables that a template needs from its context.
    pub fn undeclared(&self, source: &str) -> Result<HashSet<String>, Error> {
        source::check(source, self.environment.syntax(), self.limits)?;
        Ok(self.environment.template_from_str(source)?.undeclared_variables(false))
    }

    /// Returns which of the `known` variables a registered template names.
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
            return Err(guard::limit_error(format!(
                "writes more than {} bytes",
                self.limits.output
            )));
        }
        Ok(text)
    }

    /// Instruction limit of a template. Literal text takes one instruction each and is not counted
    /// in captures, so longer literals leave fewer instructions.
    fn steps(&self, template: &Template<'_, '_>) -> u64 {
        let longest = operators::longest_literal(get_compiled_template(template)).max(1);
        self.limits.steps.min(u64::try_from(MAX_CAPTURED_BYTES / longest).unwrap_or(u64::MAX))
    }
}

/// Returns which limit a template exceeds, if that is the error.
pub fn excess(error: &Error) -> Option<&str> {
    let steps =
        "the template takes too many steps: loops within loops, or a macro that calls itself?";
    (error.kind() == ErrorKind::OutOfFuel).then(|| error.detail().unwrap_or(steps))
}

#[cfg(test)]
mod tests;
