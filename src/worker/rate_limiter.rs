//! Rate limiting of sends: each number's rate, pauses that WhatsApp asks for, and the stop of a
//! number whose access token is refused. Pure: must not send, sleep or read a clock. All times are
//! milliseconds of the caller's clock.

use std::collections::HashMap;
use std::time::Duration;

/// Rate of an unlisted number, in messages per second: WhatsApp's default limit.
pub(super) const DEFAULT_RATE: f64 = 80.0;
/// Minimum and maximum rate, in messages per second. Other rates are clamped, so that no number
/// waits for ever.
const RATES: (f64, f64) = (0.01, 10_000.0);
/// Maximum number of processes that share a rate.
const MAX_REPLICAS: u32 = 1000;
/// Bucket size as the time in which it is earned, in microseconds. A bucket holds at least one
/// message.
const BURST: i64 = 1_000_000;
/// Time until the first probe of a stopped number, in microseconds.
const FIRST_PROBE: i64 = 60_000_000;
/// Maximum time between two probes, in microseconds.
const LAST_PROBE: i64 = 300_000_000;
/// Maximum pause that WhatsApp can ask for, in milliseconds; `provider::Error` has the same limit.
const MAX_PAUSE_MS: i64 = 15 * 60 * 1000;
/// A clock that goes back by less was only read by two tasks concurrently, in milliseconds.
const JITTER_MS: i64 = 1000;

/// The rate limits of all numbers, for one process.
#[derive(Debug)]
pub(super) struct RateLimiter {
    lines: HashMap<String, NumberLimiter>,
    replicas: u32,
    clock: Clock,
}

/// How many messages of a number may be claimed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// None.
    Nothing,
    /// One, to probe whether the token works again.
    Probe,
    /// Up to this many, at least 1.
    UpTo(u32),
}

/// The outcome of a send, as far as it concerns the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The token works: WhatsApp accepted the message, or refused it for a reason in the message or
    /// its recipient.
    Accepted,
    /// The number sends too fast: no sends before `until`.
    Throttled {
        /// When WhatsApp accepts messages again; capped at 15 minutes from now.
        until: i64,
    },
    /// The token or its permissions were refused.
    TokenRefused,
    /// Says nothing about the number: no answer, a provider failure, or not sent at all.
    Other,
}

/// How an outcome changed the state of the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// No change that an operator needs to know.
    None,
    /// The number stopped: its token was refused.
    Stopped,
    /// The number sends again.
    Ready,
}

impl RateLimiter {
    /// Creates limits from rates by number id: the messages per second that all processes together
    /// may send (0.01 to 10,000). Other numbers get [`DEFAULT_RATE`].
    pub(super) fn new(rates: HashMap<String, f64>) -> Self {
        let lines =
            rates.into_iter().map(|(number, rate)| (number, NumberLimiter::new(rate, 1))).collect();
        Self { lines, replicas: 1, clock: Clock::default() }
    }

    /// Sets a number's rate. A new revision of its settings resets the number: its token may work
    /// now.
    pub(super) fn set_rate(&mut self, number: &str, rate: f64, revision: Option<i64>) {
        let known = self.lines.get(number).is_some_and(|line| line.revision == revision);
        if !known {
            let line = NumberLimiter { revision, ..NumberLimiter::new(rate, self.replicas) };
            self.lines.insert(number.to_owned(), line);
        }
    }

    /// How many messages of this number may be claimed now.
    pub(super) fn allow(&mut self, number: &str, now: i64) -> Allowance {
        let now = self.clock.read(now);
        self.line(number).allow(now)
    }

    /// Records claimed messages, whether allowed or not. What exceeds the allowance delays later
    /// messages.
    pub(super) fn taken(&mut self, number: &str, count: u32, now: i64) {
        let now = self.clock.read(now);
        if count > 0 {
            self.line(number).take(count, now);
        }
    }

    /// Takes one message on the fast path, past the queue. Only if at least half of the bucket is
    /// left: then no message can be waiting in the outbox for the rate.
    pub(super) fn take_fast_path(&mut self, number: &str, now: i64) -> bool {
        let now = self.clock.read(now);
        let line = self.line(number);
        let free =
            matches!(line.allow(now), Allowance::UpTo(_)) && line.room(now) * 2 >= line.burst();
        if free {
            line.take(1, now);
        }
        free
    }

    /// Returns the cost of a message that was not sent after all. The bucket never exceeds its
    /// size, and a pause is not shortened.
    pub(super) fn put_back(&mut self, number: &str, now: i64) {
        let now = self.clock.read(now);
        let line = self.line(number);
        if line.full_at > now && line.room(now) >= 0 {
            line.full_at = line.full_at.saturating_sub(line.cost).max(now);
        }
    }

    /// Records the outcome of a send.
    pub(super) fn outcome(&mut self, number: &str, outcome: Outcome, now: i64) -> Change {
        let moment = self.clock.read(now);
        let line = self.line(number);
        match outcome {
            Outcome::Accepted => line.accepted(),
            Outcome::TokenRefused => line.refused(moment),
            Outcome::Throttled { until } => {
                let pause = until.saturating_sub(now).clamp(0, MAX_PAUSE_MS);
                line.pause(moment + pause * 1000);
                Change::None
            }
            Outcome::Other => {
                line.asked(false);
                Change::None
            }
        }
    }

    /// Returns the earliest time at which a delayed number may send, if nothing else happens;
    /// `None` if none is delayed.
    pub(super) fn next_moment(&self, now: i64) -> Option<i64> {
        let moment = self.clock.at(now);
        let held = self.lines.values().map(NumberLimiter::ready_at).filter(|ready| *ready > moment);
        Some(self.clock.caller(held.min()?))
    }

    /// Sets the number of processes (1 to 1000) that share the rates. Each bucket keeps the
    /// messages that are left in it, as far as they fit.
    pub(super) fn set_replicas(&mut self, replicas: u32, now: i64) {
        let now = self.clock.read(now);
        self.replicas = replicas.clamp(1, MAX_REPLICAS);
        for line in self.lines.values_mut() {
            line.share(self.replicas, now);
        }
    }

    fn line(&mut self, number: &str) -> &mut NumberLimiter {
        let replicas = self.replicas;
        self.lines
            .entry(number.to_owned())
            .or_insert_with(|| NumberLimiter::new(DEFAULT_RATE, replicas))
    }
}

/// The limiter of one number. Times and durations are microseconds of [`Clock`].
///
/// The bucket is stored as a single time (generic cell rate algorithm, ITU-T I.371): a message
/// costs the time in which the rate earns it, and `full_at` is when all costs are earned.
#[derive(Debug)]
struct NumberLimiter {
    rate: f64,
    /// The cost of one message for this process.
    cost: i64,
    full_at: i64,
    stop: Option<Stop>,
    /// The revision of its settings; `None` for the configuration file.
    revision: Option<i64>,
}

/// The state of a number whose token is refused.
#[derive(Debug)]
struct Stop {
    /// Time to wait after a probe.
    pause: i64,
    /// When the next probe may be sent.
    probe_at: i64,
    /// Whether a probe is in flight. Any other answer belongs to a send from before the stop.
    asked: bool,
}

impl NumberLimiter {
    fn new(rate: f64, replicas: u32) -> Self {
        let rate = if rate.is_nan() { DEFAULT_RATE } else { rate.clamp(RATES.0, RATES.1) };
        Self { rate, cost: cost(rate, replicas), full_at: i64::MIN, stop: None, revision: None }
    }

    fn allow(&self, now: i64) -> Allowance {
        if self.ready_at() > now {
            return Allowance::Nothing;
        }
        let count = u32::try_from(self.room(now) / self.cost).unwrap_or(u32::MAX);
        if self.stop.is_some() { Allowance::Probe } else { Allowance::UpTo(count) }
    }

    fn take(&mut self, count: u32, now: i64) {
        let cost = self.cost.saturating_mul(i64::from(count));
        self.full_at = self.full_at.max(now).saturating_add(cost);
        if let Some(stop) = &mut self.stop {
            stop.probe_at = now + stop.pause;
            stop.asked = true;
        }
    }

    fn accepted(&mut self) -> Change {
        if self.stop.as_ref().is_some_and(|stop| stop.asked) {
            self.stop = None;
            return Change::Ready;
        }
        Change::None
    }

    fn refused(&mut self, now: i64) -> Change {
        let Some(stop) = &mut self.stop else {
            let probe_at = now + FIRST_PROBE;
            self.stop = Some(Stop { pause: FIRST_PROBE, probe_at, asked: false });
            return Change::Stopped;
        };
        if stop.asked {
            stop.pause = (stop.pause * 2).min(LAST_PROBE);
            stop.probe_at = now + stop.pause;
            stop.asked = false;
        }
        Change::None
    }

    /// Empties the bucket: one message may go at `until`, the others at the rate.
    fn pause(&mut self, until: i64) {
        self.full_at = self.full_at.max(until + self.burst() - self.cost);
        self.asked(false);
    }

    fn asked(&mut self, asked: bool) {
        if let Some(stop) = &mut self.stop {
            stop.asked = asked;
        }
    }

    fn share(&mut self, replicas: u32, now: i64) {
        let (room, ready, before) = (self.room(now), self.earned_at(), self.cost);
        self.cost = cost(self.rate, replicas);
        let kept = i128::from(room.max(0)) * i128::from(self.cost) / i128::from(before);
        let kept = i64::try_from(kept).unwrap_or(i64::MAX).min(self.burst());
        self.full_at = now + self.burst() - kept;
        if room < 0 {
            // A pause or debt keeps its duration.
            self.full_at = self.full_at.max(ready.saturating_add(self.burst() - self.cost));
        }
    }

    /// When the next message may be sent.
    fn ready_at(&self) -> i64 {
        let probe_at = self.stop.as_ref().map_or(i64::MIN, |stop| stop.probe_at);
        self.earned_at().max(probe_at)
    }

    /// When the bucket holds one message.
    fn earned_at(&self) -> i64 {
        self.full_at.saturating_sub(self.burst() - self.cost)
    }

    /// The content of the bucket, as time; negative during a pause or debt.
    fn room(&self, now: i64) -> i64 {
        now.saturating_add(self.burst()).saturating_sub(self.full_at.max(now))
    }

    fn burst(&self) -> i64 {
        self.cost.max(BURST)
    }
}

/// Cost of one message per process, in microseconds, rounded up.
fn cost(rate: f64, replicas: u32) -> i64 {
    let nanos = Duration::from_secs_f64(f64::from(replicas) / rate).as_nanos();
    i64::try_from(nanos.div_ceil(1000)).unwrap_or(i64::MAX)
}

/// A clock that never goes back, based on one that may: setting the clock back must not delay
/// messages.
#[derive(Debug, Default)]
struct Clock {
    /// Offset to the caller's times, in milliseconds.
    shift: i64,
    /// The latest time, in milliseconds.
    last: i64,
}

impl Clock {
    /// Records a time and converts it to microseconds.
    fn read(&mut self, now: i64) -> i64 {
        let here = now.saturating_add(self.shift);
        if here < self.last.saturating_sub(JITTER_MS) {
            self.shift = self.last.saturating_sub(now);
        }
        self.last = self.last.max(here);
        self.at(now)
    }

    /// Converts a time to microseconds without recording it. Clamped to about the year 38,000, so
    /// that sums do not overflow.
    fn at(&self, now: i64) -> i64 {
        let here = now.saturating_add(self.shift).max(self.last);
        here.clamp(-i64::MAX / 8000, i64::MAX / 8000) * 1000
    }

    /// Converts a time in microseconds back to the caller's clock, rounded up.
    fn caller(&self, moment: i64) -> i64 {
        (moment.saturating_add(999) / 1000).saturating_sub(self.shift)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_790_000_000_000;
    const MINUTE: i64 = 60_000;

    fn pace(rate: f64) -> RateLimiter {
        RateLimiter::new(HashMap::from([("main".to_owned(), rate)]))
    }

    fn allowed(pace: &mut RateLimiter, now: i64) -> u32 {
        match pace.allow("main", now) {
            Allowance::Nothing => 0,
            Allowance::Probe => 1,
            Allowance::UpTo(count) => count,
        }
    }

    #[test]
    fn a_full_bucket_goes_at_once_and_the_rest_at_the_rate() {
        let mut pace = pace(80.0);
        assert_eq!(pace.allow("main", NOW), Allowance::UpTo(80));
        assert_eq!(pace.next_moment(NOW), None);
        pace.taken("main", 80, NOW);
        assert_eq!(pace.allow("main", NOW), Allowance::Nothing);
        assert_eq!(pace.next_moment(NOW), Some(NOW + 13));
        assert_eq!(pace.allow("main", NOW + 12), Allowance::Nothing);
        assert_eq!(pace.allow("main", NOW + 13), Allowance::UpTo(1));
        assert_eq!(pace.allow("main", NOW + 100), Allowance::UpTo(8));
        assert_eq!(pace.allow("main", NOW + 100 * MINUTE), Allowance::UpTo(80));
    }

    #[test]
    fn past_the_queue_goes_only_what_leaves_half_of_the_bucket() {
        let mut pace = pace(80.0);
        let fast =
            |pace: &mut RateLimiter| (0..100).filter(|_| pace.take_fast_path("main", NOW)).count();
        assert_eq!(fast(&mut pace), 41);
        assert_eq!(allowed(&mut pace, NOW), 39);
        pace.put_back("main", NOW);
        assert_eq!(fast(&mut pace), 1);
        pace.put_back("main", NOW + 10 * MINUTE);
        assert_eq!(
            pace.allow("main", NOW + 10 * MINUTE),
            Allowance::UpTo(80),
            "no more than the bucket holds"
        );
        let until = NOW + 11 * MINUTE;
        pace.outcome("main", Outcome::Throttled { until }, NOW + 10 * MINUTE);
        pace.put_back("main", NOW + 10 * MINUTE);
        assert_eq!(pace.next_moment(NOW + 10 * MINUTE), Some(until), "a pause stays as long");
        assert_eq!(pace.outcome("main", Outcome::TokenRefused, NOW), Change::Stopped);
        assert!(!pace.take_fast_path("main", NOW + 30 * MINUTE));
    }

    #[test]
    fn numbers_do_not_slow_each_other_and_a_new_one_has_the_default() {
        let mut pace = pace(20.0);
        pace.taken("main", 20, NOW);
        assert_eq!(pace.allow("main", NOW), Allowance::Nothing);
        assert_eq!(pace.allow("other", NOW), Allowance::UpTo(80));
        assert_eq!(pace.outcome("other", Outcome::TokenRefused, NOW), Change::Stopped);
        assert_eq!(pace.allow("main", NOW + 1000), Allowance::UpTo(20));
    }

    #[test]
    fn what_was_sent_beyond_the_allowance_is_paid_back() {
        let mut pace = pace(10.0);
        pace.taken("main", 30, NOW);
        assert_eq!(pace.next_moment(NOW), Some(NOW + 2100));
        assert_eq!(pace.allow("main", NOW + 2099), Allowance::Nothing);
        assert_eq!(pace.allow("main", NOW + 2100), Allowance::UpTo(1));
    }

    #[test]
    fn replicas_share_the_rate() {
        let mut pace = pace(80.0);
        pace.set_replicas(4, NOW);
        assert_eq!(pace.allow("main", NOW), Allowance::UpTo(20));
        assert_eq!(pace.allow("new", NOW), Allowance::UpTo(20));
        pace.taken("main", 20, NOW);
        assert_eq!(pace.allow("main", NOW + 500), Allowance::UpTo(10));
        pace.set_replicas(1, NOW + 500);
        assert_eq!(pace.allow("main", NOW + 500), Allowance::UpTo(10), "no gift for a change");
        assert_eq!(pace.allow("main", NOW + 1000), Allowance::UpTo(50));
        pace.set_replicas(0, NOW + 1000);
        assert_eq!(pace.allow("main", NOW + 9000), Allowance::UpTo(80));
    }

    #[test]
    fn more_replicas_than_messages_a_second_still_send() {
        let mut pace = pace(20.0);
        pace.set_replicas(100, NOW);
        assert_eq!(pace.allow("main", NOW), Allowance::UpTo(1));
        pace.taken("main", 1, NOW);
        assert_eq!(pace.next_moment(NOW), Some(NOW + 5000));
        assert_eq!(pace.allow("main", NOW + 5000), Allowance::UpTo(1));
    }

    #[test]
    fn a_pause_holds_everything_back_and_then_goes_on_slowly() {
        let mut pace = pace(80.0);
        let throttled = Outcome::Throttled { until: NOW + 30_000 };
        assert_eq!(pace.outcome("main", throttled, NOW), Change::None);
        assert_eq!(pace.next_moment(NOW), Some(NOW + 30_000));
        let sooner = Outcome::Throttled { until: NOW + 1000 };
        pace.outcome("main", sooner, NOW);
        assert_eq!(pace.next_moment(NOW), Some(NOW + 30_000), "the longer pause counts");
        pace.set_replicas(2, NOW);
        assert_eq!(pace.next_moment(NOW), Some(NOW + 30_000), "replicas do not end it");
        assert_eq!(pace.allow("main", NOW + 29_999), Allowance::Nothing);
        assert_eq!(pace.allow("main", NOW + 30_000), Allowance::UpTo(1));
        assert_eq!(pace.allow("main", NOW + 30_100), Allowance::UpTo(5));
    }

    #[test]
    fn no_pause_is_longer_than_a_quarter_of_an_hour() {
        let mut pace = pace(80.0);
        pace.outcome("main", Outcome::Throttled { until: i64::MAX }, NOW);
        assert_eq!(pace.next_moment(NOW), Some(NOW + 15 * MINUTE));
        assert_eq!(pace.allow("main", NOW + 15 * MINUTE), Allowance::UpTo(1));
    }

    #[test]
    fn a_stopped_number_probes_more_and_more_rarely() {
        let mut pace = pace(80.0);
        let mut now = NOW;
        assert_eq!(pace.outcome("main", Outcome::TokenRefused, now), Change::Stopped);
        for wait in [60, 120, 240, 300, 300] {
            assert_eq!(pace.next_moment(now), Some(now + wait * 1000), "{wait}");
            assert_eq!(pace.allow("main", now + wait * 1000 - 1), Allowance::Nothing);
            now += wait * 1000;
            assert_eq!(pace.allow("main", now), Allowance::Probe);
            assert_eq!(pace.next_moment(now), None, "it may go");
            pace.taken("main", 1, now);
            assert_eq!(pace.allow("main", now), Allowance::Nothing, "only one");
            assert_eq!(pace.outcome("main", Outcome::TokenRefused, now), Change::None);
        }
        now += 300_000;
        pace.taken("main", 1, now);
        assert_eq!(pace.outcome("main", Outcome::Accepted, now), Change::Ready);
        assert_eq!(pace.allow("main", now), Allowance::UpTo(79));
        assert_eq!(pace.outcome("main", Outcome::TokenRefused, now), Change::Stopped);
        assert_eq!(pace.next_moment(now), Some(now + MINUTE), "it begins anew");
    }

    #[test]
    fn answers_that_were_on_their_way_change_nothing_of_a_stop() {
        let mut pace = pace(80.0);
        pace.taken("main", 64, NOW);
        assert_eq!(pace.outcome("main", Outcome::TokenRefused, NOW), Change::Stopped);
        for outcome in [Outcome::TokenRefused, Outcome::Accepted, Outcome::Other] {
            assert_eq!(pace.outcome("main", outcome, NOW + 500), Change::None, "{outcome:?}");
        }
        assert_eq!(pace.next_moment(NOW + 500), Some(NOW + MINUTE));
    }

    #[test]
    fn a_probe_that_says_nothing_is_followed_by_another() {
        for outcome in [None, Some(Outcome::Other), Some(Outcome::Throttled { until: NOW })] {
            let mut pace = pace(80.0);
            pace.outcome("main", Outcome::TokenRefused, NOW);
            pace.taken("main", 1, NOW + MINUTE);
            if let Some(outcome) = outcome {
                assert_eq!(pace.outcome("main", outcome, NOW + MINUTE), Change::None);
                assert_eq!(pace.outcome("main", Outcome::Accepted, NOW + MINUTE), Change::None);
            }
            assert_eq!(pace.allow("main", NOW + 2 * MINUTE - 1), Allowance::Nothing);
            assert_eq!(pace.allow("main", NOW + 2 * MINUTE), Allowance::Probe, "{outcome:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_back() {
        let mut pace = pace(10.0);
        pace.taken("main", 10, NOW);
        pace.outcome("main", Outcome::TokenRefused, NOW);
        let back = NOW - 60 * MINUTE;
        assert_eq!(pace.allow("main", back), Allowance::Nothing);
        assert_eq!(pace.next_moment(back), Some(back + MINUTE));
        assert_eq!(pace.allow("main", back + MINUTE), Allowance::Probe);
    }

    #[test]
    fn two_tasks_that_read_the_clock_at_once_earn_nothing() {
        let mut pace = pace(10.0);
        pace.taken("main", 10, NOW);
        for _ in 0..500 {
            pace.allow("main", NOW + 99);
            pace.allow("main", NOW + 98);
        }
        assert_eq!(pace.allow("main", NOW + 99), Allowance::Nothing);
        assert_eq!(pace.allow("main", NOW + 100), Allowance::UpTo(1));
    }

    #[test]
    fn absurd_rates_are_brought_into_range() {
        for rate in
            [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e300]
        {
            let mut pace = pace(rate);
            assert!(allowed(&mut pace, NOW) >= 1, "{rate}");
            pace.taken("main", 1, NOW);
            let next = pace.next_moment(NOW).unwrap_or(NOW);
            assert!(next - NOW <= 100_000, "{rate}: {next}");
        }
    }

    /// An event of a number.
    #[derive(Debug, Clone)]
    enum Step {
        Claim(u32),
        Outcome(u8, i64),
        Replicas(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
        let step = prop_oneof![
            8 => (1..200_u32).prop_map(Step::Claim),
            3 => (0..4_u8, -1000..1_000_000_i64).prop_map(|(kind, until)| Step::Outcome(kind, until)),
            1 => (0..12_u32).prop_map(Step::Replicas),
        ];
        let wait = prop_oneof![4 => 0..40_i64, 2 => 0..3000_i64, 1 => 0..400_000_i64];
        prop::collection::vec((wait, step), 1..120)
    }

    /// A simulated number and the results of a schedule of events.
    struct Played {
        pace: RateLimiter,
        now: i64,
        stopped: bool,
        rate: f64,
        replicas: u32,
        /// Per claim: messages, messages earned since the start, bucket size.
        sent: Vec<(u32, f64, f64)>,
        earned: f64,
        probes: Vec<i64>,
    }

    impl Played {
        fn new(rate: f64) -> Self {
            let (sent, probes) = (Vec::new(), Vec::new());
            let pace = pace(rate);
            Self { pace, now: NOW, stopped: false, rate, replicas: 1, sent, earned: 0.0, probes }
        }

        fn share(&self) -> f64 {
            self.rate / f64::from(self.replicas)
        }

        fn wait(&mut self, wait: i64) {
            self.now += wait;
            self.earned += self.share() * f64::from(u32::try_from(wait).unwrap()) / 1000.0;
        }

        fn step(&mut self, step: &Step) {
            match step {
                Step::Claim(most) => self.claim(*most),
                Step::Outcome(kind, until) => {
                    let outcome = match kind {
                        0 => Outcome::Accepted,
                        1 => Outcome::TokenRefused,
                        2 => Outcome::Throttled { until: self.now + until },
                        _ => Outcome::Other,
                    };
                    match self.pace.outcome("main", outcome, self.now) {
                        Change::None => {}
                        Change::Stopped => {
                            assert!(!self.stopped && outcome == Outcome::TokenRefused);
                            self.stopped = true;
                            self.probes = vec![self.now];
                        }
                        Change::Ready => {
                            assert!(self.stopped && outcome == Outcome::Accepted);
                            self.stopped = false;
                        }
                    }
                }
                Step::Replicas(count) => {
                    self.replicas = (*count).max(1);
                    self.pace.set_replicas(*count, self.now);
                }
            }
        }

        fn claim(&mut self, most: u32) {
            let allowance = self.pace.allow("main", self.now);
            assert_eq!(
                matches!(allowance, Allowance::UpTo(_)),
                !self.stopped && allowance != Allowance::Nothing
            );
            let count = match allowance {
                Allowance::Nothing => return,
                Allowance::Probe => 1,
                Allowance::UpTo(count) => {
                    assert!(count >= 1);
                    count.min(most)
                }
            };
            if self.stopped {
                let since = self.probes.last().map_or(i64::MAX, |last| self.now - last);
                assert!(since >= 60_000, "a probe after {since} ms");
                self.probes.push(self.now);
            }
            self.pace.taken("main", count, self.now);
            self.sent.push((count, self.earned, self.share().max(1.0)));
        }
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_rate_and_one_bucket(
            rate in prop_oneof![Just(80.0), Just(20.0), 0.05..200.0_f64],
            steps in steps(),
        ) {
            let mut played = Played::new(rate);
            for (wait, step) in &steps {
                played.wait(*wait);
                played.step(step);
            }
            for (from, (_, earned_before, bucket)) in played.sent.iter().enumerate() {
                let mut count = 0;
                for (more, earned, _) in &played.sent[from..] {
                    count += more;
                    let most = bucket + earned - earned_before;
                    prop_assert!(f64::from(count) <= most + 1e-6, "{} of {}", count, most);
                }
            }
        }

        #[test]
        fn nothing_is_held_back_for_ever(rate in 0.05..200.0_f64, steps in steps()) {
            let mut played = Played::new(rate);
            for (wait, step) in &steps {
                played.wait(*wait);
                played.step(step);
                let now = played.now;
                match (played.pace.allow("main", now), played.pace.next_moment(now)) {
                    (Allowance::Nothing, Some(moment)) => {
                        let longest = MAX_PAUSE_MS + 12 * 20_000;
                        prop_assert!(moment > now && moment - now <= longest, "{}", moment - now);
                        // Without further events, the number may send at exactly that time.
                        let line = &played.pace.lines["main"];
                        prop_assert_eq!(line.allow(played.pace.clock.at(moment - 1)), Allowance::Nothing);
                        prop_assert_ne!(line.allow(played.pace.clock.at(moment)), Allowance::Nothing);
                    }
                    (Allowance::Nothing, None) => prop_assert!(false, "held back for ever"),
                    (_, next) => prop_assert_eq!(next, None),
                }
            }
        }

        #[test]
        fn any_clock_and_any_numbers_are_survived(
            moments in prop::collection::vec((any::<i64>(), any::<i64>(), any::<u32>(), 0..5_u8), 0..40),
            rate: f64,
        ) {
            let mut pace = pace(rate);
            for (now, until, count, step) in moments {
                pace.allow("main", now);
                match step {
                    0 => pace.taken("main", count, now),
                    1 => {
                        let _ = pace.outcome("main", Outcome::Throttled { until }, now);
                    },
                    2 => {
                        let _ = pace.outcome("main", Outcome::TokenRefused, now);
                    }
                    3 => pace.set_replicas(count, now),
                    _ => {}
                }
                let _ = pace.next_moment(until);
            }
        }
    }
}
