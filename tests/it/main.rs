//! Every integration test, in one binary: linking is slow on two cores.

mod support;

mod architecture;
mod api;
mod bad_input;
mod cli;
mod database_down;
mod delivery;
mod demo;
mod grounded;
mod embedding;
mod learning;
mod main_job;
mod model_trouble;
mod models;
mod ownership;
mod replicas;
mod restart;
mod store;
mod torture;
mod webhooks;
