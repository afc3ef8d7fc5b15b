//! Evals in promptfoo's format: reads suites, asks targets, tries assertions, weighs, compares and reports. Knows nothing of a
//! desk: our own agents are targets that a caller opens ([`target::Opens`]), and what is tried on a bot's turns is a family of
//! assertions that a caller adds ([`check::Types`]).

mod spec;
pub mod policy;
pub mod result;
pub mod chat;
pub mod row;
pub mod run_log;
pub mod template;
pub mod script;
pub mod target;
mod context;
pub mod judge;
pub mod check;
pub mod suite;
pub mod run;
pub mod report;
pub mod compare;
