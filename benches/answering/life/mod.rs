//! The bench that resembles life: a shop's FAQ of real questions and answers, learned from one CSV
//! file, and customers who ask about it in conversations, as people ask.
//!
//! The desk runs with the defaults as shipped, except:
//!
//! - `[llm]` and `[embed]`: an endpoint each, with vectors of 1,536 numbers, faked by this process;
//! - `[worker] gap_ms = 0`: the desk does not wait for the rest of a burst;
//! - `[worker.machine] quick_replies = 0`: the customers do not pause to read;
//! - `rate = 10000` of the number: WhatsApp's own limit would cap the measurement.
//!
//! WhatsApp reports each reply as sent and delivered. Of the model's answers, some do not hold, see
//! `model`. The model takes its time for an answer, and none for a rewritten question.
//!
//! The floor (see `floor`) makes as many calls as the desk: before the rounds, a short run counts
//! the desk's.

mod data;
mod talk;
mod vectors;
mod model;
mod fake;
mod home;
mod floor;
mod load;
mod figures;

use crate::desk;
use crate::desk::postgres::Postgres;
use crate::options::{Options, Part};
use data::Data;
use fake::Fake;
use figures::Figures;
use floor::Extra;
use home::Home;
pub(crate) use load::Round;
use load::Scene;

pub(crate) use floor::serve as serve_floor;

/// Measures and prints. Returns the number of rounds in which a message got no reply.
pub(crate) async fn compare(options: &Options) -> usize {
    let Some(data) = Data::read() else {
        println!("skipped: no shared data");
        return 0;
    };
    if options.wants(Part::Start) {
        desk::report_start().await;
    }
    let fake = Fake::start(&data, options.reworded()).await;
    let bench = Bench { options, scene: Scene { fake: &fake, data: &data } };
    println!("{} rows of a FAQ, {} passages", data.rows, data.passages.len());
    let extra = bench.count_calls().await;
    let mut wrong = 0;
    let mut notes = Vec::new();
    println!();
    figures::print_head();
    for (title, round) in options.life_rounds() {
        wrong += bench.measure((&title, round), extra, &mut notes).await;
    }
    println!();
    for note in notes {
        println!("{note}");
    }
    wrong
}

/// What is measured, and with what.
struct Bench<'a> {
    options: &'a Options,
    scene: Scene<'a>,
}

impl Bench<'_> {
    /// Counts the calls that the desk makes for a message, for the floor.
    async fn count_calls(&self) -> Extra {
        let desk = self.desk(self.options.life_trial(), "").await;
        let extra = Extra::of(&desk);
        println!("desk, {}\nfloor: {extra:?}", figures::calls(&[desk]));
        extra
    }

    /// Measures a row's rounds, floor and desks by turns, and prints it.
    async fn measure(
        &self,
        (title, round): (&str, Round),
        extra: Extra,
        notes: &mut Vec<String>,
    ) -> usize {
        let server = self.options.postgres.then(Postgres::durable).flatten();
        let (mut bare, mut sqlite, mut postgres) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.options.repeats() {
            bare.push(floor::measure(self.scene, round, extra).await);
            sqlite.push(self.desk(round, "").await);
            if let Some(server) = &server {
                postgres.push(self.desk(round, &server.database().await).await);
            }
        }
        figures::print_title(title);
        let rows = [
            ("floor: the same calls, no store", bare.as_slice()),
            ("frontdesk, SQLite synchronous=FULL", &sqlite),
            ("frontdesk, Postgres fsync=on", &postgres),
        ];
        let mut wrong = 0;
        for (name, rounds) in rows.into_iter().filter(|(_, rounds)| !rounds.is_empty()) {
            figures::print(name, rounds);
            if !std::ptr::eq(rounds, bare.as_slice()) {
                figures::print_beside(&bare, rounds);
            }
            notes.push(format!("{title}: {name}: {}", figures::calls(rounds)));
            wrong += rounds.iter().filter(|round| !round.is_right()).count();
        }
        wrong
    }

    /// Measures the desk on a new database: a Postgres URL, or empty for SQLite.
    async fn desk(&self, round: Round, postgres: &str) -> Figures {
        let home = Home::furnish(self.scene.fake, self.scene.data, postgres, self.options.turns);
        let desk = home.open().await;
        let figures = load::run(self.scene, round, &desk).await;
        desk.stop();
        if !figures.is_right() {
            println!(
                "WRONG: {} messages, {} without a reply, {:?}",
                figures.messages, figures.unanswered, figures.calls
            );
        }
        figures
    }
}
