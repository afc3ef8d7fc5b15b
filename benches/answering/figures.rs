//! What was measured, as lines of a Markdown table. Must not judge it.

use std::time::Duration;

use super::load::Round;

/// What was measured.
pub(crate) struct Figures {
    took: Duration,
    /// What was added to the model's time, sorted; one for each message.
    overhead: Vec<Duration>,
    cpu_s: f64,
    memory_mb: u64,
    old: usize,
}

/// What one round used and asked, beside its times.
pub(crate) struct Used {
    /// From the first message to the last reply.
    pub(crate) took: Duration,
    /// CPU seconds of the server.
    pub(crate) cpu_s: f64,
    /// The most resident memory that was seen, in MB.
    pub(crate) memory_mb: u64,
    /// Messages from stored customers.
    pub(crate) old: usize,
}

/// Prints the table's first lines.
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

/// Prints what the next lines are about.
pub(crate) fn print_title(round: &Round) {
    let title =
        format!("**{} in flight, model {} ms**", grouped(round.in_flight), round.model.as_millis());
    print_line(&title, &Default::default());
}

/// A whole number as people write it: 1,000,000.
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
    /// Makes figures of a round's times, one for each answered message.
    pub(crate) fn new(mut overhead: Vec<Duration>, used: &Used) -> Self {
        overhead.sort_unstable();
        let Used { took, cpu_s, memory_mb, old } = *used;
        Self { took, overhead, cpu_s, memory_mb, old }
    }

    /// Several parts of a round as one.
    pub(crate) fn of_parts(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut all = parts.next().expect("at least one part");
        for part in parts {
            all.took += part.took;
            all.overhead.extend(part.overhead);
            all.cpu_s += part.cpu_s;
            all.memory_mb = all.memory_mb.max(part.memory_mb);
            all.old += part.old;
        }
        all.overhead.sort_unstable();
        all
    }

    /// Messages from stored customers.
    pub(crate) fn old(&self) -> usize {
        self.old
    }

    /// Prints a line, with the share of the floor's answered messages.
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

    /// Prints how many times worse each figure is than the other's: 1.00 is as good, less is better.
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

    /// In milliseconds.
    fn percentile(&self, share: f64) -> f64 {
        let index = ((self.overhead.len() - 1) as f64 * share) as usize;
        self.overhead[index].as_secs_f64() * 1000.0
    }

    /// CPU seconds for 1,000 messages.
    fn cpu_for_thousand(&self) -> f64 {
        self.cpu_s * 1000.0 / self.overhead.len() as f64
    }
}

fn print_line(name: &str, [answered, p50, p99, cpu, memory, share]: &[String; 6]) {
    println!(
        "| {name:<36} | {answered:>10} | {p50:>9} | {p99:>9} | {cpu:>10} | {memory:>6} | {share:>12} |"
    );
}
