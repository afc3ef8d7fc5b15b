//! What tests stand on: the real application on a port of its own, and small real servers in the place of WhatsApp,
//! OpenAI and Postgres that record what they received and fail when told to.

pub(crate) mod app;
pub(crate) mod fake;
pub(crate) mod form;
pub(crate) mod graph;
pub(crate) mod hooks;
pub(crate) mod hub;
pub(crate) mod openai;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod site;
pub(crate) mod qdrant;
