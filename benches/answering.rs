//! Backs the README's figures on speed: messages answered per second, latency added to the model's
//! time, memory, startup time, and that stored conversations do not slow the desk down.
//!
//! `cargo bench --bench answering [-- --help]`. Three processes: this one generates the load and
//! fakes WhatsApp and the model; the floor and the desk run one after the other. The floor is a
//! bare handler that makes the same three calls (embedding, chat, send) and an exact search over
//! the same passages, and stores nothing. The bench asserts nothing about times: they depend on the
//! machine and its other load.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

#[path = "answering/options.rs"]
mod options;
#[path = "answering/growth.rs"]
mod growth;
#[path = "answering/desk.rs"]
mod desk;
#[path = "answering/floor.rs"]
mod floor;
#[path = "answering/seed.rs"]
mod seed;
#[path = "answering/process.rs"]
mod process;
#[path = "answering/load.rs"]
mod load;
#[path = "answering/hook.rs"]
mod hook;
#[path = "answering/figures.rs"]
mod figures;
#[path = "answering/upstream.rs"]
mod upstream;

use clap::Parser;

use desk::Home;
use desk::postgres::Postgres;
use figures::Figures;
use options::{Options, Part};
use upstream::Upstream;

/// Dimensions of an embedding.
const DIMS: usize = 256;
/// Number of passages to search.
const PASSAGES: usize = 200;

fn main() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let options = Options::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match &options.floor {
        Some(place) => runtime.block_on(floor::serve(place)),
        None => runtime.block_on(compare(&options)),
    }
}

async fn compare(options: &Options) {
    if options.wants(Part::Start) {
        desk::report_start().await;
    }
    let upstream = Upstream::start().await;
    if !options.rounds().is_empty() {
        figures::print_head();
    }
    for round in options.rounds() {
        figures::print_title(&round);
        let server = options.postgres.then(Postgres::durable).flatten();
        let (mut bare, mut sqlite, mut postgres) = (Vec::new(), Vec::new(), Vec::new());
        for part in 0..options.parts() {
            let round = round.part(part, options.parts());
            bare.push(floor::measure(&upstream, round).await);
            let home = Home::furnish(&upstream, "", options.turns);
            sqlite.push(desk::measure(&upstream, round, &home).await);
            if let Some(server) = &server {
                let home = Home::furnish(&upstream, &server.database().await, options.turns);
                postgres.push(desk::measure(&upstream, round, &home).await);
            }
        }
        let bare = Figures::of_parts(bare);
        bare.print("floor: calls and search, no store", None);
        Figures::of_parts(sqlite).print("frontdesk, SQLite synchronous=FULL", Some(&bare));
        if server.is_some() {
            Figures::of_parts(postgres).print("frontdesk, Postgres fsync=on", Some(&bare));
        }
    }
    if options.wants(Part::Growth) {
        growth::compare(&upstream, options).await;
    }
}
