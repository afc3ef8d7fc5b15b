//! Evals in promptfoo's format: reads suites, calls targets, grades, compares and reports. Knows
//! nothing of frontdesk: the caller opens its agents as targets ([`target::Opens`]) and adds
//! assertions on a bot's turns as a family ([`check::Types`]).

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
