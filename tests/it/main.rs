//! Every integration test, in one binary: linking is slow on two cores.

mod support;

mod architecture;
mod main_job;
