//! Figures of rounds, their medians and spread, as rows of a Markdown table. Must not judge them.

use std::time::Duration;

use super::fake::{Calls, Kind};

/// The figures of one server in one round.
pub(crate) struct Figures {
    /// Time from the first message to the last reply.
    pub(crate) took: Duration,
    /// Latency added to the model's time, one entry per answered message, sorted.
    pub(crate) overhead: Vec<Duration>,
    /// CPU seconds of the server.
    pub(crate) cpu_s: f64,
    /// Peak of the sampled resident memory in MB.
    pub(crate) memory_mb: u64,
    /// Calls, the warm-up's included.
    pub(crate) calls: Calls,
    /// Number of messages, the warm-up's included.
    pub(crate) messages: usize,
    /// Of these, without a reply.
    pub(crate) unanswered: usize,
}

impl Figures {
    pub(crate) fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
        times.sort_unstable();
        times
    }

    fn per_second(&self) -> f64 {
        self.overhead.len() as f64 / self.took.as_secs_f64()
    }

    /// Returns a percentile of the added latency in milliseconds.
    fn percentile(&self, share: f64) -> f64 {
        let index = (self.overhead.len().saturating_sub(1) as f64 * share) as usize;
        self.overhead.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }

    /// Returns CPU seconds per 1,000 messages.
    fn cpu_for_thousand(&self) -> f64 {
        self.cpu_s * 1000.0 / self.overhead.len() as f64
    }

    /// Returns whether each message got a reply, and at least one message was sent for it.
    pub(crate) fn is_right(&self) -> bool {
        self.unanswered == 0 && self.calls.of(Kind::Sent) >= self.messages as u64
    }
}

pub(crate) fn print_head() {
    print_line("", &["answered/s", "p50 ms", "p99 ms", "CPU s/1000", "MB"].map(str::to_owned));
    println!("| {:-<34} | {0:->22} | {0:->22} | {0:->22} | {0:->20} | {0:->14} |", "");
}

pub(crate) fn print_title(title: &str) {
    print_line(&format!("**{title}**"), &Default::default());
}

/// Prints the medians of all rounds, each with the smallest and the largest value.
pub(crate) fn print(name: &str, rounds: &[Figures]) {
    let spread = |figure: &dyn Fn(&Figures) -> f64, places| {
        spread(rounds.iter().map(figure).collect(), places)
    };
    print_line(
        name,
        &[
            spread(&Figures::per_second, 0),
            spread(&|round| round.percentile(0.5), 2),
            spread(&|round| round.percentile(0.99), 1),
            spread(&Figures::cpu_for_thousand, 2),
            spread(&|round| round.memory_mb as f64, 0),
        ],
    );
}

/// Prints a server beside the floor of the same round: throughput and CPU as a ratio, latency as a
/// difference in milliseconds.
pub(crate) fn print_beside(floor: &[Figures], rounds: &[Figures]) {
    let pairs = || floor.iter().zip(rounds);
    let ratio = |figure: &dyn Fn(&Figures) -> f64| {
        spread(pairs().map(|(floor, own)| figure(own) / figure(floor)).collect(), 2)
    };
    let more = |share: f64, places| {
        let differences =
            pairs().map(|(floor, own)| own.percentile(share) - floor.percentile(share));
        format!("+ {}", spread(differences.collect(), places))
    };
    print_line(
        "... beside the floor",
        &[
            ratio(&Figures::per_second),
            more(0.5, 2),
            more(0.99, 1),
            ratio(&Figures::cpu_for_thousand),
            String::new(),
        ],
    );
}

/// Describes the calls for one message and the kinds of replies.
pub(crate) fn calls(rounds: &[Figures]) -> String {
    let all = rounds.iter().fold(Calls::default(), |all, round| all.plus(round.calls));
    let messages: usize = rounds.iter().map(|round| round.messages).sum();
    let each = |kind| all.of(kind) as f64 / messages as f64;
    let share = |kind| 100.0 * each(kind);
    format!(
        "for each message: {:.2} calls for embeddings with {:.1} texts, {:.2} rewrites, {:.2} answers, {:.2} typing, {:.2} sent; \
         {:.1} % of the replies are the text for no answer, {:.1} % a hand-off",
        each(Kind::Embed),
        each(Kind::Text),
        each(Kind::Rewrite),
        each(Kind::Answer),
        each(Kind::Typing),
        each(Kind::Sent),
        share(Kind::NoAnswer),
        share(Kind::HandOff),
    )
}

/// Returns the median with the smallest and the largest value.
fn spread(mut values: Vec<f64>, places: usize) -> String {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() % 2 {
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    };
    match values.as_slice() {
        [_] => format!("{median:.places$}"),
        [first, .., last] => format!("{median:.places$} ({first:.places$}..{last:.places$})"),
        [] => String::new(),
    }
}

fn print_line(name: &str, [answered, p50, p99, cpu, memory]: &[String; 5]) {
    println!("| {name:<34} | {answered:>22} | {p50:>22} | {p99:>22} | {cpu:>20} | {memory:>14} |");
}
