//! Every integration test, in one binary: linking is slow on two cores.

mod support;

mod architecture;
mod api;
mod bad_input;
mod cli;
mod collection_settings;
mod curated;
mod database_down;
mod delivery;
mod demo;
mod follow_up;
mod rerank;
mod citations;
mod formats;
mod grounded;
mod embedding;
mod gaps;
mod graders;
mod index_contract;
mod learning;
mod learn_crash;
mod main_job;
mod model_trouble;
mod models;
mod ownership;
mod replicas;
mod restart;
mod store;
mod torture;
mod transcribe;
mod web;
mod voice;
mod voice_notes;
mod webhooks;
