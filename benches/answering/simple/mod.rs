//! The bench as it was before issue 18, for comparison with older figures: 256 dimensions, 200
//! made-up passages, one question and one answer, no typing indicator; and with stored
//! conversations. What customers really ask is in `life`.

mod growth;
mod home;
mod floor;
mod seed;
mod load;
mod figures;
mod upstream;

use crate::desk;
use crate::desk::postgres::Postgres;
use crate::options::{Options, Part};
use figures::Figures;
use home::Home;
pub(crate) use load::{Old, Round};
use upstream::Upstream;

pub(crate) use floor::serve as serve_floor;

/// Dimensions of an embedding.
const DIMS: usize = 256;
/// Number of passages to search.
const PASSAGES: usize = 200;

/// Measures and prints. Returns the number of wrong counts: 0 unless replies or customers are
/// missing.
pub(crate) async fn compare(options: &Options) -> usize {
    if options.wants(Part::Start) {
        desk::report_start().await;
    }
    let upstream = Upstream::start().await;
    if !options.simple_rounds().is_empty() {
        figures::print_head();
    }
    let mut wrong = 0;
    for round in options.simple_rounds() {
        figures::print_title(&round);
        let server = options.postgres.then(Postgres::durable).flatten();
        let (mut bare, mut sqlite, mut postgres) = (Vec::new(), Vec::new(), Vec::new());
        for part in 0..options.parts() {
            let round = round.part(part, options.parts());
            bare.push(floor::measure(&upstream, round).await);
            let home = Home::furnish(&upstream, "", options.turns);
            sqlite.push(home::measure(&upstream, round, &home).await);
            if let Some(server) = &server {
                let home = Home::furnish(&upstream, &server.database().await, options.turns);
                postgres.push(home::measure(&upstream, round, &home).await);
            }
        }
        let (bare, sqlite) = (Figures::of_parts(bare), Figures::of_parts(sqlite));
        bare.print("floor: calls and search, no store", None);
        sqlite.print("frontdesk, SQLite synchronous=FULL", Some(&bare));
        wrong += sqlite.wrong();
        if server.is_some() {
            let postgres = Figures::of_parts(postgres);
            postgres.print("frontdesk, Postgres fsync=on", Some(&bare));
            wrong += postgres.wrong();
        }
    }
    if options.wants(Part::Growth) {
        wrong += growth::compare(&upstream, options).await;
    }
    wrong
}
