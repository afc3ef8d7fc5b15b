//! Every metric of the desk: name, help text and label. `docs/metrics.md` is generated from this
//! list.

use std::time::Duration;

use frontdesk_words::words;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::domain::trial::TrialKind;
use crate::domain::{SendOutcome, TurnOutcome, Usage};

words! {
    /// The deadline that the peer of a closed connection missed.
    pub enum MissedDeadline {
        /// A request's head did not arrive completely.
        Header = "header",
        /// No further request arrived.
        Idle = "idle",
        /// The response was not read.
        Unread = "unread",
        /// The peer did not close the connection.
        Linger = "linger",
    }
}

words! {
    /// A stage of a turn that takes time of its own.
    pub enum TimedStage {
        /// Voice to text.
        Transcribe = "transcribe",
        /// Hand-off rules.
        Escalate = "escalate",
        /// Curated answers.
        Curated = "curated",
        /// Retrieval, with query rewriting and reranking.
        Retrieve = "retrieve",
        /// The prompt.
        Prompt = "prompt",
        /// The model and the check of its answer.
        Reply = "reply",
    }
}

words! {
    /// What a model was asked for.
    pub enum ModelCall {
        /// To transcribe a voice note.
        Transcribe = "transcribe",
        /// To embed a question or a reply.
        Embed = "embed",
        /// To rewrite or translate a question for the search.
        Rewrite = "rewrite",
        /// To rerank passages.
        Rerank = "rerank",
        /// To write the answer.
        Reply = "reply",
        /// To judge whether the passages support an answer.
        Judge = "judge",
    }
}

words! {
    /// What model tokens and money were used for.
    pub enum ModelUse {
        /// Answers to customers.
        Turns = "turns",
        /// Trials in the sandbox.
        Sandbox = "sandbox",
        /// Requests to `/v1/chat/completions`.
        Completions = "completions",
        /// Eval runs and gates.
        Evals = "evals",
        /// Generated prompts.
        Prompts = "prompts",
    }
}

impl From<TrialKind> for ModelUse {
    fn from(kind: TrialKind) -> Self {
        match kind {
            TrialKind::Sandbox => Self::Sandbox,
            TrialKind::Completions => Self::Completions,
            TrialKind::Evals => Self::Evals,
            TrialKind::Prompts => Self::Prompts,
        }
    }
}

/// Name and values of a label; `None` for a metric without one.
type Label = Option<(&'static str, &'static [&'static str])>;

/// A value that only grows.
#[derive(Debug)]
pub struct Counter {
    name: &'static str,
    label: Label,
    help: &'static str,
}

/// A value that goes up and down.
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    help: &'static str,
}

/// Durations in seconds, counted in [`BUCKETS`].
#[derive(Debug)]
pub struct Histogram {
    name: &'static str,
    label: Label,
    help: &'static str,
}

/// Upper bounds of the buckets of every histogram, in seconds: from a stage without a model to the
/// longest turn.
pub const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0,
];
/// The version that runs; the value is always 1.
const BUILD_INFO: (&str, &str) =
    ("frontdesk_build_info", "Always 1; the label says which version runs.");

/// Webhooks that were stored.
pub static WEBHOOKS: Counter =
    Counter::plain("frontdesk_webhooks_total", "Webhooks that were stored and acknowledged.");
/// Customer messages, without redeliveries.
pub static MESSAGES_IN: Counter = Counter::plain(
    "frontdesk_messages_in_total",
    "Messages of customers, each counted once however often it is delivered.",
);
/// Messages for numbers that are not connected here.
pub static MESSAGES_UNKNOWN_NUMBER: Counter = Counter::plain(
    "frontdesk_messages_unknown_number_total",
    "Messages for numbers that are not connected here: they are stored, and nobody answers them.",
);
/// Webhooks that were refused.
pub static WEBHOOKS_REFUSED: Counter = Counter::plain(
    "frontdesk_webhooks_refused_total",
    "Webhooks that were refused: a wrong signature, an unknown number, an unreadable body, or no room to store them.",
);
/// Committed turns, by outcome.
pub static TURNS: Counter = Counter {
    name: "frontdesk_turns_total",
    label: Some(("outcome", TurnOutcome::WORDS)),
    help: "Turns that were committed.",
};
/// Time to store a webhook.
pub static WEBHOOK_SECONDS: Histogram = Histogram {
    name: "frontdesk_webhook_seconds",
    label: None,
    help: "Time from the head of a webhook to its acknowledgement, of those that were stored.",
};
/// Duration of turns.
pub static TURN_SECONDS: Histogram = Histogram {
    name: "frontdesk_turn_seconds",
    label: None,
    help: "Time from the beginning of a turn to its commit.",
};
/// Duration of the stages of turns.
pub static STAGE_SECONDS: Histogram = Histogram {
    name: "frontdesk_stage_seconds",
    label: Some(("stage", TimedStage::WORDS)),
    help: "Time that a stage of a committed turn took; stages that did not run are left out.",
};
/// Duration of a provider's answer to a send.
pub static SEND_SECONDS: Histogram = Histogram {
    name: "frontdesk_send_seconds",
    label: None,
    help: "Time until the provider answered a send, or failed to.",
};
/// Input tokens of models.
pub static MODEL_INPUT_TOKENS: Counter = Counter {
    name: "frontdesk_model_input_tokens_total",
    label: Some(("use", ModelUse::WORDS)),
    help: "Tokens that models read, as their endpoints count them.",
};
/// Output tokens of models.
pub static MODEL_OUTPUT_TOKENS: Counter = Counter {
    name: "frontdesk_model_output_tokens_total",
    label: Some(("use", ModelUse::WORDS)),
    help: "Tokens that models wrote, as their endpoints count them.",
};
/// Cost of models.
pub static MODEL_COST: Counter = Counter {
    name: "frontdesk_model_cost_microdollars_total",
    label: Some(("use", ModelUse::WORDS)),
    help: "Cost of these tokens by [llm.prices], in millionths of a dollar.",
};
/// Failed calls of models, by what they were asked for.
pub static MODEL_ERRORS: Counter = Counter {
    name: "frontdesk_model_errors_total",
    label: Some(("call", ModelCall::WORDS)),
    help: "Calls of models that failed in committed turns, each attempt to write an answer counted.",
};
/// Restarts of turns before their commit.
pub static TURNS_BEGUN_AGAIN: Counter = Counter::plain(
    "frontdesk_turns_begun_again_total",
    "How often a turn began again because a newer message came or a person took over.",
);
/// Conversations that wait for a turn.
pub static TURNS_WAITING: Gauge =
    Gauge { name: "frontdesk_turns_waiting", help: "Conversations that wait for a turn." };
/// Messages in the outbox that are not sent yet.
pub static SENDS_WAITING: Gauge = Gauge {
    name: "frontdesk_sends_waiting",
    help: "Messages in the outbox that are not sent yet.",
};
/// Sends, by outcome.
pub static SENDS: Counter = Counter {
    name: "frontdesk_sends_total",
    label: Some(("ended", SendOutcome::WORDS)),
    help: "Sends by how they ended; `again` is tried once more, of `unknown` nobody knows whether it went out.",
};
/// Sends of unknown outcome that a setting decided.
pub static SENDS_DECIDED: Counter = Counter::plain(
    "frontdesk_sends_decided_total",
    "Sends of unknown outcome that the number's setting decided, because no status event did.",
);
/// Notices to support contacts that were not delivered.
pub static NOTICES_LOST: Counter = Counter::plain(
    "frontdesk_notices_lost_total",
    "Notices to support contacts that were not delivered: the case is open, and nobody was told.",
);
/// Files of customers that were fetched.
pub static FILES_FETCHED: Counter = Counter::plain(
    "frontdesk_files_fetched_total",
    "Files of customers that were fetched in the background and stored.",
);
/// Files of customers that were given up.
pub static FILES_MISSING: Counter = Counter::plain(
    "frontdesk_files_missing_total",
    "Files of customers that are not stored: WhatsApp no longer has them, refused them, or they are too large.",
);
/// Connections that were refused.
pub static CONNECTIONS_REFUSED: Counter = Counter::plain(
    "frontdesk_connections_refused_total",
    "Connections that were closed at once: all places, or those of one address, were taken.",
);
/// Connections that were closed for a missed deadline, by deadline.
pub static CONNECTIONS_CUT: Counter = Counter {
    name: "frontdesk_connections_cut_total",
    label: Some(("why", MissedDeadline::WORDS)),
    help: "Connections that were closed because a deadline was missed.",
};
/// Request bodies that were cut off.
pub static BODIES_CUT: Counter = Counter::plain(
    "frontdesk_bodies_cut_total",
    "Request bodies that were refused while they came: too slow, or no room in memory.",
);

/// All counters.
pub static COUNTERS: &[&Counter] = &[
    &WEBHOOKS,
    &MESSAGES_IN,
    &MESSAGES_UNKNOWN_NUMBER,
    &WEBHOOKS_REFUSED,
    &TURNS,
    &TURNS_BEGUN_AGAIN,
    &SENDS,
    &SENDS_DECIDED,
    &NOTICES_LOST,
    &FILES_FETCHED,
    &FILES_MISSING,
    &MODEL_INPUT_TOKENS,
    &MODEL_OUTPUT_TOKENS,
    &MODEL_COST,
    &MODEL_ERRORS,
    &CONNECTIONS_REFUSED,
    &CONNECTIONS_CUT,
    &BODIES_CUT,
];
/// Numbers without their link to WhatsApp.
pub static NUMBERS_DISCONNECTED: Gauge = Gauge {
    name: "frontdesk_numbers_disconnected",
    help: "Numbers of linked devices that are offline or have to be linked again.",
};

/// All gauges.
pub static GAUGES: &[&Gauge] = &[&TURNS_WAITING, &SENDS_WAITING, &NUMBERS_DISCONNECTED];
/// All histograms.
pub static HISTOGRAMS: &[&Histogram] =
    &[&WEBHOOK_SECONDS, &TURN_SECONDS, &STAGE_SECONDS, &SEND_SECONDS];

impl Counter {
    const fn plain(name: &'static str, help: &'static str) -> Self {
        Self { name, label: None, help }
    }

    /// Adds one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Adds a number.
    pub fn add(&self, count: u64) {
        debug_assert!(self.label.is_none(), "{} is split by a label", self.name);
        counter!(self.name).increment(count);
    }

    /// Adds one for this value of the label.
    pub fn one_of(&self, word: &'static str) {
        self.add_of(word, 1);
    }

    /// Adds a number for this value of the label.
    pub fn add_of(&self, word: &'static str, count: u64) {
        let (label, words) = self.label.unwrap_or_default();
        debug_assert!(words.contains(&word), "{} is not split by {word}", self.name);
        counter!(self.name, label => word).increment(count);
    }
}

impl Gauge {
    /// Sets the current value.
    pub fn set(&self, value: f64) {
        gauge!(self.name).set(value);
    }
}

impl Histogram {
    /// Records a duration.
    pub fn record(&self, took: Duration) {
        debug_assert!(self.label.is_none(), "{} is split by a label", self.name);
        histogram!(self.name).record(took);
    }

    /// Records a duration for this value of the label.
    pub fn record_of(&self, word: &'static str, took: Duration) {
        let (label, words) = self.label.unwrap_or_default();
        debug_assert!(words.contains(&word), "{} is not split by {word}", self.name);
        histogram!(self.name, label => word).record(took);
    }
}

/// Counts tokens and cost of models.
pub fn count_usage(purpose: ModelUse, usage: Usage) {
    let word = purpose.as_str();
    MODEL_INPUT_TOKENS.add_of(word, usage.input_tokens);
    MODEL_OUTPUT_TOKENS.add_of(word, usage.output_tokens);
    MODEL_COST.add_of(word, usage.cost_micros);
}

/// Registers all metrics with the recorder of this process. Each has a value from the start: a
/// counter that appears with its first event has no rate for that event, and no alert sees it.
pub fn describe() {
    for it in COUNTERS {
        describe_counter!(it.name, it.help);
        match it.label {
            None => counter!(it.name).increment(0),
            Some((label, words)) => {
                for word in words {
                    counter!(it.name, label => *word).increment(0);
                }
            }
        }
    }
    for it in GAUGES {
        describe_gauge!(it.name, it.help);
        gauge!(it.name).set(0.0);
    }
    let (name, help) = BUILD_INFO;
    describe_gauge!(name, help);
    gauge!(name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    for it in HISTOGRAMS {
        describe_histogram!(it.name, it.help);
        match it.label {
            None => drop(histogram!(it.name)),
            Some((label, words)) => {
                for word in words {
                    drop(histogram!(it.name, label => *word));
                }
            }
        }
    }
}

/// Returns all metrics as a Markdown table.
pub fn table() -> String {
    let row = |name: &str, kind: &str, label: &str, help: &str| {
        format!("| `{name}`{label} | {kind} | {help} |\n")
    };
    let split = |label: Label| {
        label.map_or_else(String::new, |(label, words)| {
            format!(" by `{label}` ({})", words.join(", "))
        })
    };
    let counters = COUNTERS.iter().map(|it| row(it.name, "counter", &split(it.label), it.help));
    let gauges = GAUGES.iter().map(|it| row(it.name, "gauge", "", it.help));
    let build = std::iter::once(row(BUILD_INFO.0, "gauge", " by `version`", BUILD_INFO.1));
    let histograms = HISTOGRAMS.iter();
    let histograms = histograms.map(|it| row(it.name, "histogram", &split(it.label), it.help));
    let head = "| metric | type | tells |\n|---|---|---|\n".to_owned();
    std::iter::once(head).chain(counters).chain(gauges).chain(build).chain(histograms).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_metrics_is_made_of_the_list() {
        let page = include_str!("../docs/metrics.md");
        assert!(page.contains(&super::table()), "docs/metrics.md should hold:\n{}", super::table());
    }
}
