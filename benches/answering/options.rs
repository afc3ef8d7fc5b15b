//! What to measure, as asked for on the command line. Must not measure.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::load::{Old, Round};

/// Messages at once, where a desk is measured that has much to do.
const MANY: usize = 100;
/// Messages at once, where it has more to do than one desk will see.
const VERY_MANY: usize = 1_000;

/// What a desk answers in a second, adds to the model's time, uses and holds; beside a floor that stores nothing
#[derive(Debug, Parser)]
#[command(
    name = "answering",
    after_help = "1,000 in flight need about 4,000 open files (`ulimit -n`); a million stored conversations need 10 GB \
                  of disk for each database, in TMPDIR and for Postgres in /tmp."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Options {
    /// Messages of a round with a fast model, and of the rounds with 1,000 in flight; in a growth round at most 8 for
    /// each conversation of the smallest size
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    messages: usize,
    /// Measure the desk on Postgres, too
    #[arg(long)]
    pub(crate) postgres: bool,
    /// Measure one part alone
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Measure with stored conversations, too; storing a million takes some minutes
    #[arg(long)]
    growth: bool,
    /// How many conversations are stored for `growth` [default: 1000,100000,1000000]
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    sizes: Vec<usize>,
    /// How long the slow model thinks, in milliseconds
    #[arg(long, default_value_t = 300, value_name = "N")]
    model_ms: u64,
    /// `[worker] turns` of the desk [default: the desk's own]
    #[arg(long, value_name = "N")]
    pub(crate) turns: Option<usize>,
    /// In how many parts a round is measured, floor and desks by turns: what else the machine does meets all of them
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=50))]
    parts: u8,
    /// Tell the desk that each reply was sent and delivered, as WhatsApp does; the floor is told nothing
    #[arg(long)]
    statuses: bool,
    /// A smoke run of seconds: all parts but `start`, with few messages; its figures say nothing
    #[arg(long)]
    quick: bool,
    /// Be the floor: a port, a comma, the address of WhatsApp and the model.
    #[arg(long, hide = true)]
    pub(crate) floor: Option<String>,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Start of the demo desk, and its memory while nothing happens
    Start,
    /// 100 in flight, a model that answers at once
    Throughput,
    /// 100 in flight, a slow model
    Overhead,
    /// 1,000 in flight, both models
    Thousand,
    /// `throughput` and `overhead` with stored conversations, half of the messages from stored customers
    Growth,
}

impl Options {
    /// Whether a part was asked for.
    pub(crate) fn wants(&self, part: Part) -> bool {
        match (self.only, part) {
            (Some(only), _) => only == part,
            (None, Part::Start) => !self.quick,
            (None, Part::Growth) => self.growth || self.quick,
            (None, _) => true,
        }
    }

    /// In how many parts a round is measured.
    pub(crate) fn parts(&self) -> usize {
        usize::from(self.parts)
    }

    /// The rounds on an empty database, in the order in which they are shown.
    pub(crate) fn rounds(&self) -> Vec<Round> {
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

    /// The sizes of the growth part, the smallest first.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let mut sizes = match (self.sizes.is_empty(), self.quick) {
            (false, _) => self.sizes.clone(),
            (true, true) => vec![1_000, 5_000],
            (true, false) => vec![1_000, 100_000, 1_000_000],
        };
        sizes.sort_unstable();
        sizes
    }

    /// The rounds on a database with `stored` conversations. Each takes as many messages as the smallest size has
    /// customers for: half are from stored ones, five each; none is asked in two parts of the fast round, or in both rounds.
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
            (true, MANY, _) => MANY * 12,
            (true, _, _) => in_flight,
            (false, MANY, FAST) | (false, VERY_MANY, _) => self.messages,
            (false, _, _) => in_flight * 30,
        };
        let warm = if self.quick { MANY } else { in_flight * 4 + MANY * 16 };
        let old = Old::default();
        Round { messages, in_flight, model, warm, statuses: self.statuses, old, series: 1 }
    }
}

/// A model that answers at once.
const FAST: Duration = Duration::ZERO;
