//! Backs the README's figures on speed: messages answered per second, latency added to the model's
//! time, memory, startup time, and that stored conversations do not slow the desk down.
//!
//! `cargo bench --bench answering [-- --help]`. Three processes: this one generates the load and
//! fakes WhatsApp and the model; the floor and the desk run by turns. The floor is a bare handler
//! that makes the same calls and an exact search over the same passages, and stores nothing.
//! `life` measures what customers really ask, with the defaults as shipped; `simple`, with
//! `--simple`, texts that are all alike. The bench asserts nothing about times: they depend on the
//! machine and its other load. It fails if a message got no reply.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

#[path = "answering/options.rs"]
mod options;
#[path = "answering/life/mod.rs"]
mod life;
#[path = "answering/simple/mod.rs"]
mod simple;
#[path = "answering/desk.rs"]
mod desk;
#[path = "answering/process.rs"]
mod process;
#[path = "answering/hook.rs"]
mod hook;

use std::process::ExitCode;

use clap::Parser;

use options::Options;

fn main() -> ExitCode {
    drop(rustls::crypto::ring::default_provider().install_default());
    let options = Options::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let wrong = runtime.block_on(run(&options));
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures, or serves as the floor. Returns the number of wrong counts.
async fn run(options: &Options) -> usize {
    match (&options.floor, options.is_simple()) {
        (Some(place), true) => simple::serve_floor(place).await,
        (Some(place), false) => life::serve_floor(place).await,
        (None, true) => return simple::compare(options).await,
        (None, false) => return life::compare(options).await,
    }
    0
}
