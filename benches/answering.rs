//! Backs the README's sentences on speed: messages answered in a second, what the desk adds to the model's time, memory
//! and start.
//!
//! `cargo bench --bench answering [-- --postgres] [--messages N]`. Three processes: this one asks and plays WhatsApp and
//! the model; beside it, one after the other, the floor and the desk. The floor is a bare handler that makes the same
//! three calls (embedding, chat, send) and an exact search over the same passages, and stores nothing. It prints and
//! asserts nothing: a time depends on the machine, and on who else is using it.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

#[path = "answering/desk.rs"]
mod desk;
#[path = "answering/floor.rs"]
mod floor;
#[path = "answering/load.rs"]
mod load;
#[path = "answering/upstream.rs"]
mod upstream;

use std::time::Duration;

use load::{Figures, Round};
use upstream::Upstream;

/// Length of an embedding.
const DIMS: usize = 256;
/// Passages to search.
const PASSAGES: usize = 200;
/// Messages at once.
const IN_FLIGHT: usize = 100;
/// How long the slow model thinks.
const SLOW_MODEL: Duration = Duration::from_millis(300);

fn main() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(place) = arguments.iter().position(|argument| argument == "--floor") {
        runtime.block_on(floor::serve(&arguments[place + 1]));
        return;
    }
    let given = |name: &str| arguments.iter().position(|argument| argument == name);
    let messages = given("--messages").and_then(|at| arguments.get(at + 1)?.parse().ok());
    let postgres = given("--postgres").is_some();
    runtime.block_on(compare(messages.unwrap_or(20_000), postgres));
}

async fn compare(messages: usize, postgres: bool) {
    desk::report_start().await;
    let upstream = Upstream::start().await;
    let fast = Round { messages, in_flight: IN_FLIGHT, model: Duration::ZERO };
    let slow = Round { messages: IN_FLIGHT * 30, in_flight: IN_FLIGHT, model: SLOW_MODEL };
    println!(
        "\n{:<34}{:>12}{:>10}{:>10}{:>12}{:>9}",
        "", "answered/s", "p50 ms", "p99 ms", "CPU s/1000", "MB"
    );
    for round in [fast, slow] {
        println!("{IN_FLIGHT} in flight, model {} ms", round.model.as_millis());
        let bare = floor::measure(&upstream, round).await;
        bare.print("floor: calls and search, no store", None);
        let sqlite = desk::measure(&upstream, round, None).await;
        sqlite.print("frontdesk, SQLite synchronous=FULL", Some(&bare));
        if postgres {
            on_postgres(&upstream, round, &bare).await;
        }
    }
}

async fn on_postgres(upstream: &Upstream, round: Round, bare: &Figures) {
    let Some(server) = desk::postgres::Postgres::durable() else { return };
    let url = server.database().await;
    let figures = desk::measure(upstream, round, Some(&url)).await;
    figures.print("frontdesk, Postgres fsync=on", Some(bare));
}
