//! Test infrastructure: the real application on its own port, and small real servers in place of
//! external services that record requests and fail on demand.

pub(crate) mod app;
pub(crate) mod evolution;
pub(crate) mod fake;
pub(crate) mod form;
pub(crate) mod graph;
pub(crate) mod hooks;
pub(crate) mod hub;
pub(crate) mod kapso;
pub(crate) mod ollama;
pub(crate) mod openai;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod site;
pub(crate) mod store;
pub(crate) mod qdrant;
