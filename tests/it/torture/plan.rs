//! All parameters of the torture test: counts, probabilities, delays and settings. Must not act.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::dice::Dice;
use super::ledger::{Ledger, Mark};
use crate::support::app::{KEY, MAIN, number};
use crate::support::fake::{Failure, Weather};
use crate::support::graph::Graph;
use crate::support::openai::{OpenAi, question};

/// Every failpoint at which the process can abort, with the maximum number of passes before.
const STEPS: &[(&str, u64)] = &[
    ("webhook.verified", 8),
    ("webhook.stored", 8),
    ("turn.claimed", 5),
    ("turn.prepared", 5),
    ("turn.answered", 5),
    ("turn.committed", 5),
    ("send.claimed", 5),
    ("send.begun", 5),
    ("send.taken", 5),
    ("send.recorded", 5),
    // Startup alone commits about twenty times.
    ("store.commit", 60),
];

/// The account of the number.
pub(super) const ACCOUNT: &str = "102290129340398";

/// The failure sentence that customers get.
pub(super) const APOLOGY: &str = "Something broke, please try again.";

/// The settings of the desk under test, without its URLs. Another process takes over a dead one's
/// work soon; the loop guard and the rate limit per customer are off.
const SETTINGS: &str = "
[worker]
gap_ms = 30
poll_ms = 200
lease_ms = 1500
send_lease_ms = 1500
pair_burst = 0

[worker.machine]
repeats = 0
a_minute = 0
quick_replies = 0
";

/// The number's rule for replies with an unknown outcome, as a line of its section; empty leaves
/// them to a person. Status events arrive much sooner than `after_ms` unless the desk cannot accept
/// them, so that only what never left is sent again.
const UNKNOWN: &str = "unknown = { after_ms = 3000, then = \"resend\", times = 50 }";

/// `after_ms` of [`UNKNOWN`]: without a status event for this long, a reply with an unknown outcome
/// is sent again.
pub(super) const RESENT_AFTER: Duration = Duration::from_secs(3);

/// Maximum delay that kills add to WhatsApp's report of an accepted message; much less than
/// `after_ms`.
pub(super) const REPORTED_WITHIN: Duration = Duration::from_secs(1);

/// Returns whether replies with an unknown outcome are sent again, so that none may be left.
pub(super) fn resends() -> bool {
    UNKNOWN.contains("resend")
}

/// The parameters of one run.
pub(super) struct Plan {
    /// `TORTURE_SEED`: repeats the random choices of a run, not its timing.
    pub(super) seed: u64,
    /// `TORTURE_CUSTOMERS`.
    pub(super) customers: usize,
    /// Number of customers beside them, to whom staff write: a fifth.
    pub(super) served: usize,
    /// `TORTURE_MESSAGES`: number of messages from each customer.
    pub(super) messages: usize,
    /// `TORTURE_FILES`: how many of a hundred messages of customers are pictures or documents.
    pub(super) files: u64,
    /// `TORTURE_KILLS`: number of kills. They are the storm's clock, about half a second each.
    pub(super) kills: usize,
    /// `TORTURE_STEPS`: comma-separated failpoints; if unset, all of them once for every fifty
    /// kills.
    pub(super) steps: Vec<(&'static str, u64)>,
}

impl Plan {
    pub(super) fn from_env() -> Self {
        let kills = told("TORTURE_KILLS", 50);
        let only = std::env::var("TORTURE_STEPS").ok();
        let meant = |(name, _): &&(&str, u64)| {
            only.as_ref().is_none_or(|only| only.split(',').any(|one| one == *name))
        };
        let rounds = (kills / 50).max(1);
        let steps = STEPS.iter().filter(meant).copied().cycle();
        let count = STEPS.iter().filter(meant).count() * rounds;
        let customers = told("TORTURE_CUSTOMERS", 50);
        Self {
            seed: told("TORTURE_SEED", getrandom::u64().unwrap()),
            customers,
            served: customers.div_ceil(5),
            messages: told("TORTURE_MESSAGES", 20),
            files: told("TORTURE_FILES", 25),
            kills,
            steps: steps.take(count).collect(),
        }
    }

    /// Returns the random generator of a part of the run.
    pub(super) fn dice(&self, part: &str) -> Dice {
        Dice::new(self.seed, part)
    }
}

/// Reads a number from the environment.
fn told<N: std::str::FromStr>(name: &str, usual: N) -> N {
    let Ok(told) = std::env::var(name) else { return usual };
    told.parse().unwrap_or_else(|_| panic!("{name} is not a number: {told}"))
}

/// Writes the desk's configuration and its agent.
pub(super) fn furnish(home: &Path, store: &str, whatsapp: &Graph, model: &OpenAi) {
    let (folder, openai) = (home.display(), &model.url);
    // The model is asked once per turn, so that each request to it marks the start of a turn.
    let settings = format!(
        "[http]\nadmin_key = \"{KEY}\"\n\
         [store]\npath = \"{folder}/desk.db\"\nurl = \"{store}\"\n\
         [files]\nprompts = \"{folder}/prompts\"\nknowledge = \"{folder}/knowledge\"\n\
         [llm]\nkind = \"openai\"\nbase_url = \"{openai}\"\napi_key = \"sk-test\"\nretries = 0\n\
         {SETTINGS}{}account_id = \"{ACCOUNT}\"\n{UNKNOWN}\n",
        number("main", "acme", MAIN, &whatsapp.url),
    );
    std::fs::write(home.join("desk.toml"), settings).unwrap();
    // No question gets the no-answer sentence, however many are merged.
    let agent = format!(
        "---\nname: Acme Lamps\nknowledge: [acme]\nmin_confidence: 0\ngrounding: off\nfailure: \"{APOLOGY}\"\n---\nYou answer customers.\n"
    );
    std::fs::write(home.join("prompts/acme.md"), agent).unwrap();
}

/// Makes WhatsApp and the model slow and unreliable. The model answers with the marks in the
/// question and records when it was asked about them.
pub(super) fn weather(plan: &Plan, whatsapp: &Graph, model: &OpenAi, ledger: &Arc<Ledger>) {
    let dice = plan.dice("whatsapp");
    whatsapp.set_conditions(move |_| of_whatsapp(&dice));
    let (dice, ledger) = (plan.dice("model"), ledger.clone());
    model.set_conditions(move |request| {
        ledger.ask(&Mark::all_in(question(request)));
        of_the_model(&dice)
    });
    model.answer_with(|request| {
        let marks = Mark::all_in(question(request));
        let marks: Vec<_> = marks.iter().map(ToString::to_string).collect();
        format!("Answered: {}.", marks.join(" "))
    });
}

fn of_whatsapp(dice: &Dice) -> Weather {
    let failure = match dice.below(100) {
        0..2 => Some(Failure::Status(500, Graph::error(131_000, "Something went wrong"), None)),
        2..4 => Some(Failure::Status(429, Graph::error(130_429, "Rate limit hit"), Some(1))),
        4 => Some(Failure::Drop),
        5..7 => Some(Failure::AcceptThenDrop),
        _ => None,
    };
    let slow = if dice.chance(15) { 50..300 } else { 0..30 };
    Weather { before: dice.time(slow.clone()), failure, after: dice.time(slow) }
}

fn of_the_model(dice: &Dice) -> Weather {
    let broken = serde_json::json!({"error": {"message": "overloaded", "type": "server_error"}});
    let failure = dice.chance(1).then_some(Failure::Status(500, broken, None));
    let slow = if dice.chance(15) { 100..600 } else { 0..80 };
    Weather { before: dice.time(slow), failure, ..Weather::default() }
}
