//! Loop guard: detects from a few counters per conversation that the sender is itself a bot. Pure:
//! uses only those counters and the time of a text, and decides nothing else.

use std::fmt::{Display, Formatter};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::Content;
use super::time::Millis;

/// Equal texts count as repeats only within this time: a person may say hello every morning.
const AGAIN_WITHIN_MS: Millis = 60 * 60 * 1000;
const MINUTE_MS: Millis = 60 * 1000;

/// Counters of how a customer writes. The default is a customer who has not written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SenderStats {
    /// [`hash`] of the last typed text; 0 before the first.
    pub text_hash: i64,
    /// When the last typed text was written.
    pub text_at: Millis,
    /// When the last message of any kind arrived.
    pub last_at: Millis,
    /// How many times in a row the same text came.
    pub repeats: i64,
    /// Start of the minute in which messages are counted; the first message of the minute sets it.
    pub minute_from: Millis,
    /// Messages in that minute.
    pub minute_count: i64,
    /// How many times in a row the customer answered a bot reply faster than a person reads.
    pub quick: i64,
}

/// Limits at which a sender counts as another bot. 0 switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Equal texts in a row that mark a bot; at least 2.
    pub repeats: i64,
    /// The most messages a person writes in a minute; one more marks a bot.
    pub a_minute: i64,
    /// Quick answers in a row that mark a bot.
    pub quick_replies: i64,
    /// An answer within this time after a bot reply is quick, in milliseconds.
    pub quick_ms: Millis,
}

/// A customer's text as the loop guard sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedText {
    /// [`hash`] of the text; 0 if nothing was typed.
    pub hash: i64,
    /// When it was written. Late messages can arrive all at once without having been written at
    /// once.
    pub sent_at: Millis,
    /// The current time.
    pub now: Millis,
    /// When the bot last replied, by the same clock as `now`.
    pub last_reply_at: Option<Millis>,
    /// [`hash`] of that reply; 0 if there was none.
    pub last_reply_hash: i64,
}

/// Why the loop guard takes a sender for another bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LoopReason {
    /// It repeats one text, or echoes the bot's replies.
    Repeats {
        /// How many times in a row.
        times: i64,
    },
    /// It writes faster than a person.
    Floods {
        /// How many messages within a minute.
        texts: i64,
    },
    /// It answers faster than a person reads.
    AnswersAtOnce {
        /// How many times in a row.
        times: i64,
    },
}

const REPEATS: [&str; 2] = ["the same text came ", " times in a row: probably another bot"];
const FLOODS: [&str; 2] = ["", " messages came within a minute: faster than a person writes"];
const AT_ONCE: [&str; 2] =
    ["our replies were answered at once ", " times in a row: probably another bot"];

impl LoopReason {
    /// The reason with this text.
    pub fn of(text: &str) -> Option<Self> {
        let count = |[before, after]: [&str; 2]| -> Option<i64> {
            text.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
        };
        let repeats = count(REPEATS).map(|times| Self::Repeats { times });
        let floods = || count(FLOODS).map(|texts| Self::Floods { texts });
        let at_once = || count(AT_ONCE).map(|times| Self::AnswersAtOnce { times });
        repeats.or_else(floods).or_else(at_once)
    }
}

impl Display for LoopReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let ([before, after], count) = match self {
            Self::Repeats { times } => (REPEATS, times),
            Self::Floods { texts } => (FLOODS, texts),
            Self::AnswersAtOnce { times } => (AT_ONCE, times),
        };
        write!(f, "{before}{count}{after}")
    }
}

/// Returns the sender's counters after a text, and the reason if the sender counts as a bot. A
/// message that was not typed (hash 0) counts as a message but never as a repeat.
pub fn observe(
    habit: &SenderStats,
    heard: &ObservedText,
    limits: &Limits,
) -> (SenderStats, Option<LoopReason>) {
    let next = habit.after(heard, limits.quick_ms);
    (next, next.loop_reason(limits))
}

/// Returns a hash of a text that is the same in every process and release: FNV-1a, 64 bits
/// (<https://datatracker.ietf.org/doc/html/rfc9923>), over the lower-case words joined by single
/// spaces. 0 if and only if there are no words.
pub fn hash(text: &str) -> i64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let (mut hash, mut first, mut bytes) = (BASIS, true, [0; 4]);
    let mut add = |c: char| {
        for byte in c.encode_utf8(&mut bytes).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    };
    for word in text.split_whitespace() {
        if !first {
            add(' ');
        }
        first = false;
        word.chars().flat_map(char::to_lowercase).for_each(&mut add);
    }
    if first { 0 } else { hash.max(1).cast_signed() }
}

/// Returns the [`hash`] of a message's typed text; 0 if nothing was typed. Taps do not count:
/// pressing the same button repeatedly is not a sign of a machine.
pub fn typed_hash(content: &Content) -> i64 {
    if let Content::Text { body } = content { hash(body) } else { 0 }
}

impl SenderStats {
    fn after(&self, heard: &ObservedText, quick_ms: Millis) -> Self {
        let (minute_from, minute_count) = self.minute(heard.sent_at);
        Self {
            text_hash: if heard.hash == 0 { self.text_hash } else { heard.hash },
            text_at: if heard.hash == 0 { self.text_at } else { heard.sent_at },
            last_at: heard.now,
            repeats: if heard.hash == 0 { self.repeats } else { self.repeated(heard) },
            minute_from,
            minute_count,
            quick: self.quick(heard, quick_ms),
        }
    }

    /// Repeats in a row after this text. An echo of the bot's last reply counts as a repeat.
    fn repeated(&self, heard: &ObservedText) -> i64 {
        let same = heard.hash == self.text_hash || heard.hash == heard.last_reply_hash;
        let soon = heard.sent_at.abs_diff(self.text_at) <= AGAIN_WITHIN_MS.unsigned_abs();
        if same && soon { self.repeats.saturating_add(1) } else { 1 }
    }

    fn minute(&self, now: Millis) -> (Millis, i64) {
        let within = (0..MINUTE_MS).contains(&now.saturating_sub(self.minute_from));
        if within && self.minute_count > 0 {
            (self.minute_from, self.minute_count.saturating_add(1))
        } else {
            (now, 1)
        }
    }

    /// Only the first text after a reply is its answer; the rest of a burst leaves the count alone.
    fn quick(&self, heard: &ObservedText, quick_ms: Millis) -> i64 {
        match heard.last_reply_at {
            Some(reply) if reply > self.last_at && reply <= heard.now => {
                let quick = heard.now.saturating_sub(reply) <= quick_ms;
                if quick { self.quick.saturating_add(1) } else { 0 }
            }
            _ => self.quick,
        }
    }

    fn loop_reason(&self, limits: &Limits) -> Option<LoopReason> {
        let reached = |count: i64, limit: i64| limit > 0 && count >= limit;
        if reached(self.repeats, limits.repeats) {
            Some(LoopReason::Repeats { times: self.repeats })
        } else if limits.a_minute > 0 && self.minute_count > limits.a_minute {
            Some(LoopReason::Floods { texts: self.minute_count })
        } else if limits.quick_ms > 0 && reached(self.quick, limits.quick_replies) {
            Some(LoopReason::AnswersAtOnce { times: self.quick })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    const NOW: Millis = 1_790_000_000_000;
    const HOUR: Millis = 60 * MINUTE_MS;

    /// The shipped defaults.
    static LIMITS: LazyLock<Limits> =
        LazyLock::new(|| Config::from_toml("").unwrap().worker.machine);

    struct Talk {
        habit: SenderStats,
        limits: Limits,
        reply: Option<(Millis, i64)>,
    }

    impl Talk {
        fn new(limits: Limits) -> Self {
            Self { habit: SenderStats::default(), limits, reply: None }
        }

        fn reply(&mut self, text: &str, at: Millis) {
            self.reply = Some((at, hash(text)));
        }

        fn hear(&mut self, text: &str, now: Millis) -> Option<LoopReason> {
            let heard = ObservedText {
                hash: hash(text),
                sent_at: now,
                now,
                last_reply_at: self.reply.map(|(at, _)| at),
                last_reply_hash: self.reply.map_or(0, |(_, hash)| hash),
            };
            let (habit, machine) = observe(&self.habit, &heard, &self.limits);
            self.habit = habit;
            machine
        }
    }

    fn talk() -> Talk {
        Talk::new(*LIMITS)
    }

    #[test]
    fn the_fourth_same_text_in_a_row_is_a_machines() {
        let mut talk = talk();
        assert_eq!(talk.hear("We are closed.", NOW), None);
        assert_eq!(talk.hear("we are  CLOSED.", NOW + HOUR), None);
        assert_eq!(talk.hear("We are closed.\n", NOW + 2 * HOUR), None);
        let machine = talk.hear("We are closed.", NOW + 3 * HOUR);
        assert_eq!(machine, Some(LoopReason::Repeats { times: 4 }));
    }

    #[test]
    fn another_text_between_begins_anew() {
        let mut talk = talk();
        for at in 0..20 {
            let text = if at % 4 == 3 { "and now?" } else { "hello" };
            assert_eq!(talk.hear(text, NOW + at * 10_000), None, "{at}");
        }
    }

    #[test]
    fn who_says_hello_every_morning_is_no_machine() {
        let mut talk = talk();
        for day in 0..100 {
            assert_eq!(talk.hear("hi", NOW + day * 24 * HOUR), None);
        }
        assert_eq!(talk.habit.repeats, 1);
        for later in 1..20 {
            assert_eq!(talk.hear("hi", NOW + 2400 * HOUR + later * (HOUR + 1)), None);
        }
    }

    #[test]
    fn who_says_ours_after_us_is_a_machine() {
        let mut talk = talk();
        let mut now = NOW;
        assert_eq!(talk.hear("hello", now), None);
        for (reply, machine) in [
            ("Hello! How can I help?", None),
            ("I did not understand.", None),
            ("Please ask in other words.", Some(LoopReason::Repeats { times: 4 })),
        ] {
            talk.reply(reply, now + 1000);
            now += 20_000;
            assert_eq!(talk.hear(reply, now), machine, "{reply}");
        }
        assert_eq!(talk.hear("something else", now + 20_000), None);
    }

    #[test]
    fn more_than_thirty_texts_in_a_minute_are_a_machines() {
        let mut talk = talk();
        for text in 0..30 {
            assert_eq!(talk.hear(&format!("text {text}"), NOW + text * 1999), None, "{text}");
        }
        let machine = talk.hear("text 30", NOW + 59_999);
        assert_eq!(machine, Some(LoopReason::Floods { texts: 31 }));
        assert_eq!(talk.hear("text 31", NOW + 60_000), None, "another minute");
    }

    #[test]
    fn a_machine_that_writes_on_is_found_within_two_minutes() {
        for every in [10, 100, 500, 1000, 1500, 1900] {
            let mut talk = talk();
            let found =
                (0..1000).find(|n| talk.hear(&format!("text {n}"), NOW + n * every).is_some());
            assert!(found.is_some_and(|n| n * every <= 2 * MINUTE_MS), "{every}: {found:?}");
        }
    }

    #[test]
    fn two_bots_that_talk_are_found_after_eight_quick_answers() {
        let mut talk = talk();
        let mut now = NOW;
        talk.hear("hello", now);
        for round in 1..=8 {
            talk.reply(&format!("reply {round}"), now + 4000);
            now += 7000;
            let machine = (round == 8).then_some(LoopReason::AnswersAtOnce { times: 8 });
            assert_eq!(talk.hear(&format!("answer {round}"), now), machine, "{round}");
        }
    }

    #[test]
    fn one_slow_answer_ends_a_row_of_quick_ones() {
        let mut talk = talk();
        let mut now = NOW;
        for round in 0..50 {
            talk.reply(&format!("reply {round}"), now + 4000);
            now += if round % 8 == 7 { 7001 } else { 7000 };
            assert_eq!(talk.hear(&format!("answer {round}"), now), None, "{round}");
        }
    }

    #[test]
    fn a_burst_after_a_reply_is_one_answer() {
        let mut talk = talk();
        talk.hear("hello", NOW);
        talk.reply("Hello!", NOW + 2000);
        for text in 0..10 {
            assert_eq!(talk.hear(&format!("text {text}"), NOW + 2500 + text * 40), None);
        }
        assert_eq!(talk.habit.quick, 1);
        talk.reply("late", NOW + 9_999_999);
        talk.hear("written before it", NOW + 9_000_000);
        assert_eq!(talk.habit.quick, 1, "a reply that is yet to come is not answered");
    }

    #[test]
    fn a_limit_of_nothing_is_switched_off() {
        let mut talk =
            Talk::new(Limits { repeats: 0, a_minute: 0, quick_replies: 0, quick_ms: 3000 });
        for at in 0..1000 {
            talk.reply("hello", NOW + at * 10);
            assert_eq!(talk.hear("hello", NOW + at * 10 + 1), None);
        }
        talk.limits.quick_replies = 8;
        talk.limits.quick_ms = 0;
        assert_eq!(talk.hear("hello", NOW + 10_001), None);
        talk.limits.quick_ms = 3000;
        assert!(talk.hear("hello", NOW + 10_002).is_some());
    }

    #[test]
    fn what_was_not_typed_repeats_nothing_but_is_counted() {
        let mut talk = talk();
        talk.hear("hello", NOW);
        for picture in 1..30 {
            assert_eq!(talk.hear(" ", NOW + picture), None, "{picture}");
        }
        assert_eq!((talk.habit.repeats, talk.habit.text_hash), (1, hash("hello")));
        assert_eq!(talk.hear(" ", NOW + 30), Some(LoopReason::Floods { texts: 31 }));
    }

    #[test]
    fn after_a_person_looked_it_begins_anew() {
        let mut talk = talk();
        for _ in 0..3 {
            assert_eq!(talk.hear("hello", NOW), None);
        }
        assert!(talk.hear("hello", NOW).is_some());
        assert!(talk.hear("hello", NOW).is_some(), "it is still one");
        talk.habit = SenderStats::default();
        assert_eq!(talk.hear("hello", NOW), None);
    }

    #[test]
    fn the_hash_of_a_text_never_changes() {
        assert_eq!(hash("hi"), 628_919_584_683_901_914);
        assert_eq!(hash("  When do\nyou OPEN?"), -6_528_573_914_180_014_244);
        assert_eq!(hash("नमस्ते"), -5_314_124_559_521_431_431);
        assert_eq!((hash(""), hash(" \n\t")), (0, 0));
    }

    #[test]
    fn a_reason_is_plain_words_and_a_habit_is_read_back() {
        let machine = LoopReason::Repeats { times: 4 };
        let words = "the same text came 4 times in a row: probably another bot";
        assert_eq!(machine.to_string(), words);
        let mut talk = talk();
        talk.hear("hello", NOW);
        let stored = serde_json::to_string(&talk.habit).unwrap();
        assert_eq!(serde_json::from_str::<SenderStats>(&stored).unwrap(), talk.habit);
        assert_eq!(serde_json::from_str::<SenderStats>("{}").unwrap(), SenderStats::default());
    }

    /// For each text of a person: the pause before it, and how long the bot took to reply, if it
    /// did.
    fn person() -> impl Strategy<Value = Vec<(Millis, Option<Millis>)>> {
        let pause =
            prop_oneof![5 => 100..3000_i64, 3 => 3000..20_000_i64, 1 => 20_000..9_000_000_i64];
        let reply = prop::option::of(50..6000_i64);
        prop::collection::vec((pause, reply), 1..200)
    }

    proptest! {
        #[test]
        fn a_person_is_never_called_a_machine(texts in person(), start in 0..NOW) {
            let mut talk = talk();
            let mut written: Vec<Millis> = Vec::new();
            let mut now = start;
            for (text, (pause, reply)) in texts.into_iter().enumerate() {
                now += pause;
                // At most 20 texts in any minute, and no answer within 3 s of a reply.
                if let Some(before) = written.len().checked_sub(20).map(|at| written[at]) {
                    now = now.max(before + MINUTE_MS);
                }
                if let Some((at, _)) = talk.reply {
                    now = now.max(at + 3001);
                }
                written.push(now);
                prop_assert_eq!(talk.hear(&format!("text {text}"), now), None);
                if let Some(took) = reply {
                    talk.reply(&format!("reply {text}"), now + took);
                }
            }
        }

        #[test]
        fn nothing_that_is_stored_or_heard_panics(
            kept: [i64; 6], hash: i64, now: i64, reply in prop::option::of(any::<i64>()), limits: [i64; 4],
        ) {
            let [text_hash, last_at, repeats, minute_from, minute_count, quick] = kept;
            let habit = SenderStats { text_hash, text_at: last_at, last_at, repeats, minute_from, minute_count, quick };
            let heard = ObservedText { hash, sent_at: now, now, last_reply_at: reply, last_reply_hash: text_hash };
            let [repeats, a_minute, quick_replies, quick_ms] = limits;
            let (next, machine) = observe(&habit, &heard, &Limits { repeats, a_minute, quick_replies, quick_ms });
            prop_assert!(hash == 0 || (next.text_hash == hash && next.last_at == now));
            prop_assert!(machine.is_none_or(|machine| !machine.to_string().is_empty()));
        }

        #[test]
        fn a_hash_tells_texts_apart_but_not_case_and_space(text in "[a-zа-я]{1,9}( [a-z]{1,9}){0,3}", other in "[a-z ]{1,30}") {
            let written = format!(" {} ", text.to_uppercase().replace(' ', " \n\u{00A0} "));
            prop_assert_eq!(hash(&written), hash(&text));
            let same = other.split_whitespace().eq(text.split_whitespace());
            prop_assert_eq!(hash(&other) == hash(&text), same);
            prop_assert_ne!(hash(&format!("x{text}")), 0);
        }
    }
}
