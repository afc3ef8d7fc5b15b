//! Measured figures as rows of a Markdown table. Must not judge them.

use std::time::Duration;

use super::load::Round;

/// The figures of a round.
pub(crate) struct Figures {
    took: Duration,
    /// Latency added to the model's time, one entry per message, sorted.
    overhead: Vec<Duration>,
    cpu_s: f64,
    memory_mb: u64,
    old: usize,
    wrong: usize,
}

/// The resources and counts of one round.
pub(crate) struct Used {
    /// Time from the first message to the last reply.
    pub(crate) took: Duration,
    /// CPU seconds of the server.
    pub(crate) cpu_s: f64,
    /// Peak of the sampled resident memory in MB.
    pub(crate) memory_mb: u64,
    /// Number of messages from stored customers.
    pub(crate) old: usize,
}

pub(crate) fn print_head() {
    println!(
        "\n| {:<36} | {:>10} | {:>9} | {:>9} | {:>10} | {:>6} | {:>12} |",
        "", "answered/s", "p50 ms", "p99 ms", "CPU s/1000", "MB", "of the floor"
    );
    println!(
        "| {:-<36} | {:->10} | {:->9} | {:->9} | {:->10} | {:->6} | {:->12} |",
        "", "", "", "", "", "", ""
    );
}

/// Prints the row that names the round.
pub(crate) fn print_title(round: &Round) {
    let title =
        format!("**{} in flight, model {} ms**", grouped(round.in_flight), round.model.as_millis());
    print_line(&title, &Default::default());
}

/// Formats an integer with thousands separators: 1,000,000.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Figures {
    /// Creates figures from the added latencies of a round, one per answered message.
    pub(crate) fn new(mut overhead: Vec<Duration>, used: &Used) -> Self {
        overhead.sort_unstable();
        let Used { took, cpu_s, memory_mb, old } = *used;
        Self { took, overhead, cpu_s, memory_mb, old, wrong: 0 }
    }

    /// Merges the parts of a round.
    pub(crate) fn of_parts(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut all = parts.next().expect("at least one part");
        for part in parts {
            all.took += part.took;
            all.overhead.extend(part.overhead);
            all.cpu_s += part.cpu_s;
            all.memory_mb = all.memory_mb.max(part.memory_mb);
            all.old += part.old;
            all.wrong += part.wrong;
        }
        all.overhead.sort_unstable();
        all
    }

    /// Notes that replies are missing or too many.
    pub(crate) fn is_wrong(&mut self) {
        self.wrong += 1;
    }

    /// Returns the number of parts whose replies were missing or too many.
    pub(crate) fn wrong(&self) -> usize {
        self.wrong
    }

    /// Returns the number of messages from stored customers.
    pub(crate) fn old(&self) -> usize {
        self.old
    }

    /// Prints a row, with the throughput as a share of the floor's.
    pub(crate) fn print(&self, name: &str, floor: Option<&Self>) {
        let share = floor.map(|floor| self.per_second() / floor.per_second());
        print_line(
            name,
            &[
                grouped(self.per_second().round() as usize),
                format!("{:.2}", self.percentile(0.5)),
                format!("{:.2}", self.percentile(0.99)),
                format!("{:.2}", self.cpu_for_thousand()),
                self.memory_mb.to_string(),
                share.map_or_else(String::new, |share| format!("{share:.2}")),
            ],
        );
    }

    /// Prints each figure relative to the other's: 1.00 is equal, smaller is better.
    pub(crate) fn print_times(&self, smallest: &Self) {
        let times = |own: f64, other: f64| format!("{:.2}x", own / other);
        print_line(
            "... times worse than the smallest",
            &[
                times(smallest.per_second(), self.per_second()),
                times(self.percentile(0.5), smallest.percentile(0.5)),
                times(self.percentile(0.99), smallest.percentile(0.99)),
                times(self.cpu_for_thousand(), smallest.cpu_for_thousand()),
                times(self.memory_mb as f64, smallest.memory_mb as f64),
                String::new(),
            ],
        );
    }

    fn per_second(&self) -> f64 {
        self.overhead.len() as f64 / self.took.as_secs_f64()
    }

    /// Returns a percentile of the added latency in milliseconds.
    fn percentile(&self, share: f64) -> f64 {
        let index = ((self.overhead.len() - 1) as f64 * share) as usize;
        self.overhead[index].as_secs_f64() * 1000.0
    }

    /// Returns CPU seconds per 1,000 messages.
    fn cpu_for_thousand(&self) -> f64 {
        self.cpu_s * 1000.0 / self.overhead.len() as f64
    }
}

fn print_line(name: &str, [answered, p50, p99, cpu, memory, share]: &[String; 6]) {
    println!(
        "| {name:<36} | {answered:>10} | {p50:>9} | {p99:>9} | {cpu:>10} | {memory:>6} | {share:>12} |"
    );
}
