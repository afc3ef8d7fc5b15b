//! Command line options of the bench. Must not measure.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::life;
use crate::simple::{Old, Round};

/// Concurrent messages of a busy desk.
const MANY: usize = 100;
/// Concurrent messages beyond what one desk is expected to get.
const VERY_MANY: usize = 1_000;

/// Measures a desk's throughput, latency added to the model's time, CPU and memory, compared with a
/// floor that stores nothing
#[derive(Debug, Parser)]
#[command(
    name = "answering",
    after_help = "1,000 in flight need about 4,000 open files (`ulimit -n`); a million stored conversations need 10 GB \
                  of disk for each database, in TMPDIR and for Postgres in /tmp."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Options {
    /// Messages per round with a fast model, and per round with 1,000 in flight [default: 4000;
    /// with --simple 20000, and a growth round has at most 8 for each conversation of the smallest
    /// size]
    #[arg(long, value_name = "N")]
    messages: Option<usize>,
    /// Number of times that each row is measured, floor and desk by turns; medians are printed
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=99))]
    rounds: u8,
    /// Measure with made-up passages, questions and answers that are all alike, as the first
    /// versions of this bench did
    #[arg(long)]
    simple: bool,
    /// Also measure the desk on Postgres
    #[arg(long)]
    pub(crate) postgres: bool,
    /// Measure only this part
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Also measure with stored conversations, with the texts of --simple; storing a million takes
    /// some minutes
    #[arg(long)]
    growth: bool,
    /// Numbers of stored conversations for `growth` [default: 1000,100000,1000000]
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    sizes: Vec<usize>,
    /// Response time of the slow model, in milliseconds
    #[arg(long, default_value_t = 300, value_name = "N")]
    model_ms: u64,
    /// `[worker] turns` of the desk [default: the desk's own]
    #[arg(long, value_name = "N")]
    pub(crate) turns: Option<usize>,
    /// With --simple: number of parts of a round; floor and desks alternate, so that other load on
    /// the machine affects all of them
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=50))]
    parts: u8,
    /// With --simple: report each reply to the desk as sent and delivered, as WhatsApp does; the
    /// floor gets no reports
    #[arg(long)]
    statuses: bool,
    /// Percentage of the model's statements that are in other words than the passage's, so that the
    /// check of statements embeds them
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    reworded: u8,
    /// Run a smoke test of seconds, with few messages: `throughput` and `single`, with --simple
    /// `growth`. Its figures mean nothing, but a missing reply fails it
    #[arg(long)]
    quick: bool,
    /// Run as the floor: a port, a comma, the URL of WhatsApp and the model.
    #[arg(long, hide = true)]
    pub(crate) floor: Option<String>,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Startup time of the demo desk, and its idle memory
    Start,
    /// 100 in flight, a model that answers at once
    Throughput,
    /// 100 in flight, a slow model
    Overhead,
    /// 1,000 in flight, both models
    Thousand,
    /// One message at a time, a model that answers at once
    Single,
    /// With the texts of --simple: `throughput` and `overhead` with stored conversations; half of
    /// the messages are from stored customers
    Growth,
}

impl Options {
    /// Returns whether the texts are all alike: no others are stored for `growth`.
    pub(crate) fn is_simple(&self) -> bool {
        self.simple || self.growth || self.only == Some(Part::Growth)
    }

    /// Returns whether a part is to be measured.
    pub(crate) fn wants(&self, part: Part) -> bool {
        match (self.only, part) {
            (Some(only), _) => only == part,
            (None, Part::Single) => !self.is_simple(),
            (None, Part::Throughput) => !(self.quick && self.is_simple()),
            (None, Part::Growth) => self.growth || (self.quick && self.is_simple()),
            (None, Part::Start | Part::Overhead | Part::Thousand) => !self.quick,
        }
    }

    /// Returns the number of parts of a round.
    pub(crate) fn parts(&self) -> usize {
        if self.quick { 1 } else { usize::from(self.parts) }
    }

    /// Returns how often each row of the realistic bench is measured.
    pub(crate) fn repeats(&self) -> usize {
        if self.quick { 1 } else { usize::from(self.rounds) }
    }

    /// Returns the percentage of reworded statements.
    pub(crate) fn reworded(&self) -> u64 {
        self.reworded.into()
    }

    /// Returns the rounds of the realistic bench with their titles, in the order of the report.
    pub(crate) fn life_rounds(&self) -> Vec<(String, life::Round)> {
        let all = [
            (Part::Throughput, MANY, FAST),
            (Part::Overhead, MANY, self.model()),
            (Part::Thousand, VERY_MANY, self.model()),
            (Part::Thousand, VERY_MANY, FAST),
            (Part::Single, 1, FAST),
        ];
        let wanted = all.into_iter().filter(|(part, ..)| self.wants(*part));
        let round = |(_, in_flight, model): (_, usize, Duration)| {
            let title = format!("{in_flight} in flight, model {} ms", model.as_millis());
            (title, self.life_round(in_flight, model))
        };
        wanted.map(round).collect()
    }

    /// Returns the round that counts the desk's calls.
    pub(crate) fn life_trial(&self) -> life::Round {
        let messages = if self.quick { 40 } else { 1_000 };
        life::Round { messages, in_flight: MANY, model: FAST, warm: 0 }
    }

    fn life_round(&self, in_flight: usize, model: Duration) -> life::Round {
        let all = self.messages.unwrap_or(4_000);
        let messages = match (self.quick, in_flight, model) {
            (true, 1, _) => 10,
            (true, ..) => MANY / 2,
            (false, 1, _) => all / 4,
            (false, MANY, FAST) | (false, VERY_MANY, _) => all,
            (false, ..) => in_flight * 30,
        };
        let warm = match (self.quick, in_flight) {
            (true, _) => 10,
            (false, 1) => 200,
            (false, _) => in_flight + 900,
        };
        life::Round { messages, in_flight, model, warm }
    }

    /// Returns the rounds of the simple bench on an empty database, in the order of the report.
    pub(crate) fn simple_rounds(&self) -> Vec<Round> {
        let wanted = |part: Part, rounds: Vec<Round>| self.wants(part).then_some(rounds);
        let thousand = vec![self.round(VERY_MANY, self.model()), self.round(VERY_MANY, FAST)];
        [
            wanted(Part::Throughput, vec![self.round(MANY, FAST)]),
            wanted(Part::Overhead, vec![self.round(MANY, self.model())]),
            wanted(Part::Thousand, thousand),
        ]
        .into_iter()
        .flatten()
        .flatten()
        .collect()
    }

    /// Returns the sizes of the growth part, smallest first.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let mut sizes = match (self.sizes.is_empty(), self.quick) {
            (false, _) => self.sizes.clone(),
            (true, true) => vec![1_000, 5_000],
            (true, false) => vec![1_000, 100_000, 1_000_000],
        };
        sizes.sort_unstable();
        sizes
    }

    /// Returns the fast and the slow round on a database with `stored` conversations. The smallest
    /// size limits the number of messages: half are from stored customers, five each; no customer
    /// writes in two parts of the fast round or in both rounds.
    pub(crate) fn growth_rounds(&self, stored: usize) -> [Round; 2] {
        let smallest = self.sizes()[0];
        let split = stored / 5 * 4;
        let fast = self.round(MANY, FAST);
        let slow = self.round(MANY, self.model());
        [
            Round {
                messages: fast.messages.min(smallest * 8),
                old: Old { stored, from: 0, to: split, skip: 0 },
                ..fast
            },
            Round {
                messages: slow.messages.min(smallest * 2) * self.parts(),
                old: Old { stored, from: split, to: stored, skip: 0 },
                series: fast.series + 2,
                ..slow
            },
        ]
    }

    fn model(&self) -> Duration {
        Duration::from_millis(self.model_ms)
    }

    fn round(&self, in_flight: usize, model: Duration) -> Round {
        let messages = match (self.quick, in_flight, model) {
            (true, ..) => MANY / 2,
            (false, MANY, FAST) | (false, VERY_MANY, _) => self.messages.unwrap_or(20_000),
            (false, _, _) => in_flight * 30,
        };
        let warm = if self.quick { 10 } else { in_flight * 4 + MANY * 16 };
        let old = Old::default();
        Round { messages, in_flight, model, warm, statuses: self.statuses, old, series: 1 }
    }
}

/// Response time of the fast model.
const FAST: Duration = Duration::ZERO;
