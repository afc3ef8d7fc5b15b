//! A conversation between messages: who may speak in it, and what a message or a person's word changes. Pure: the store
//! keeps it, and every decision on who owns a conversation is made here. Where the store changes the owner of a conversation that it
//! has not read, it writes what an [`OwnerChange`] says.

use frontdesk_words::words;

use super::loop_guard::{Limits, LoopReason, ObservedText, SenderStats, observe};
use super::time::Millis;
use super::turn::Owner;

/// What is kept of a conversation between messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// Who may speak.
    pub owner: Owner,
    /// Since when the customer does not want to be written to.
    pub opted_out_at: Option<Millis>,
    /// When a person last did something here.
    pub person_at: Option<Millis>,
    /// When the first message of the burst came that waits for an answer.
    pub waiting_since: Option<Millis>,
    /// When a turn may begin to get ready.
    pub due_at: Option<Millis>,
    /// When the burst is over and the answer may be written.
    pub quiet_at: Option<Millis>,
    /// When the customer last wrote.
    pub last_inbound_at: Option<Millis>,
    /// When the bot last replied.
    pub replied_at: Option<Millis>,
    /// [`super::loop_guard::hash`] of that reply.
    pub reply_hash: i64,
    /// How the customer writes.
    pub habit: SenderStats,
}

words! {
    /// What is being done about a conversation.
    pub enum ConversationStanding {
        /// A person has it, or it has an open case.
        Open = "open",
        /// Of those that are open: nobody has written since the customer's last message.
        Waiting = "waiting",
        /// The others: the bot sees to them.
        Resolved = "resolved",
    }
}

words! {
    /// How far a case is.
    pub enum EscalationState {
        /// It waits for a person.
        Open = "open",
        /// It is closed.
        Resolved = "resolved",
    }
}

/// A change of who owns a conversation: all that it sets, whatever was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerChange {
    /// Who may speak from now on.
    pub owner: Owner,
    /// When a person last did something here; `None`: as before.
    pub person_at: Option<Millis>,
    /// Whether it is forgotten how the customer wrote until now.
    pub forgets_habit: bool,
}

impl OwnerChange {
    /// A person has the conversation: he wrote to the customer, took it in the inbox, or the bot called him.
    pub const fn taken_over(now: Millis) -> Self {
        Self { owner: Owner::Person, person_at: Some(now), forgets_habit: false }
    }

    /// The bot is asked something, and has the conversation.
    pub const fn asked() -> Self {
        Self { owner: Owner::Bot, person_at: None, forgets_habit: false }
    }

    /// The bot has the conversation again. How the customer wrote meanwhile says nothing of a machine.
    pub const fn given_back() -> Self {
        Self { owner: Owner::Bot, person_at: None, forgets_habit: true }
    }
}

impl Owner {
    /// Who has a conversation that nobody has written in.
    pub const AT_FIRST: Self = Self::Bot;
    /// Who has to have a conversation when a turn of it is committed: what a person did meanwhile counts, not the turn.
    pub const OF_TURNS: Self = Self::Bot;

    /// Whether the bot's words may leave in a conversation of his.
    pub const fn lets_bot_speak(self) -> bool {
        match self {
            Self::Bot | Self::Nobody => true,
            Self::Person => false,
        }
    }
}

impl Default for Thread {
    /// A conversation that nobody has written in: the bot's.
    fn default() -> Self {
        Self {
            owner: Owner::AT_FIRST,
            opted_out_at: None,
            person_at: None,
            waiting_since: None,
            due_at: None,
            quiet_at: None,
            last_inbound_at: None,
            replied_at: None,
            reply_hash: 0,
            habit: SenderStats::default(),
        }
    }
}

/// The parts of a customer's message that decide who answers it.
#[derive(Debug, Clone, Copy)]
pub struct InboundEvent<'a> {
    /// [`super::loop_guard::hash`] of its words; 0 where nothing was typed.
    pub hash: i64,
    /// When it was written, as far as it can be believed.
    pub sent_at: Millis,
    /// The moment.
    pub now: Millis,
    /// Why it is never answered, if it is not.
    pub silent: Option<&'static str>,
    /// How messages of its number are taken in.
    pub policy: &'a IntakePolicy,
}

/// How a message is taken in, from its number's and its agent's settings and its text.
#[derive(Debug, Clone, PartialEq)]
pub struct IntakePolicy {
    /// The quiet gap after this message, in milliseconds.
    pub gap_ms: Millis,
    /// The most that all gaps of a burst together may take, in milliseconds.
    pub most_ms: Millis,
    /// Messages older than this are stored and not answered, in milliseconds.
    pub stale_ms: Millis,
    /// The bot returns when a person has done nothing for this long, in milliseconds; 0: only when the case is resolved.
    pub return_ms: Millis,
    /// When a sender is taken for a machine.
    pub limits: Limits,
    /// Set when the message is the word for "do not write to me" or for "write to me again".
    pub consent: Option<ConsentRequest>,
}

/// A customer's opt-out, or opt-in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRequest {
    /// Whether he wants no more messages.
    pub out: bool,
    /// What he gets, where the agent has a sentence for it.
    pub reply: Option<String>,
}

/// What happens with a customer's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The bot answers it.
    Waits {
        /// Whether it returned for that, because a person was silent for long enough: his open cases are closed.
        returned: bool,
    },
    /// It is stored and not answered, with the reason where there is more to say than that a person has the conversation.
    Stored(Option<&'static str>),
    /// The customer wants no more messages.
    OptedOut,
    /// The customer wants messages again.
    OptedIn,
    /// The sender is taken for a machine: a person has the conversation now.
    Machine(LoopReason),
}

impl Thread {
    /// A customer's message, seen for the first time.
    pub fn hear(&mut self, event: &InboundEvent<'_>) -> Disposition {
        let heard_at = self.last_inbound_at.map_or(event.sent_at, |last| last.max(event.sent_at));
        self.last_inbound_at = Some(heard_at);
        if event.silent.is_some() {
            return Disposition::Stored(event.silent);
        }
        match &event.policy.consent {
            Some(consent) if consent.out && self.opted_out_at.is_none() => {
                return self.opt_out(event.now);
            }
            Some(consent) if !consent.out && self.opted_out_at.take().is_some() => {
                return Disposition::OptedIn;
            }
            _ => {}
        }
        if self.opted_out_at.is_some() {
            return Disposition::Stored(Some("the customer opted out"));
        }
        let returned = self.owner == Owner::Person;
        if returned && !self.come_back(event) {
            return Disposition::Stored(None);
        }
        if let Some(machine) = self.watch(event) {
            self.take_over(event.now);
            return Disposition::Machine(machine);
        }
        self.change(OwnerChange::asked());
        self.wait(event);
        Disposition::Waits { returned }
    }

    /// A person takes the conversation: by writing to the customer, from the inbox, or because the bot called one.
    /// Nothing waits for the bot any more.
    pub fn take_over(&mut self, now: Millis) {
        self.change(OwnerChange::taken_over(now));
        self.rest();
    }

    /// Gives the conversation back to the bot. What the customer wrote meanwhile is a person's business and done.
    pub fn give_back(&mut self) {
        self.change(OwnerChange::given_back());
    }

    fn change(&mut self, change: OwnerChange) {
        let OwnerChange { owner, person_at, forgets_habit } = change;
        self.owner = owner;
        self.person_at = person_at.or(self.person_at);
        if forgets_habit {
            self.habit = SenderStats::default();
        }
    }

    fn opt_out(&mut self, now: Millis) -> Disposition {
        self.opted_out_at = Some(now);
        self.rest();
        Disposition::OptedOut
    }

    /// Whether the bot returns, because a person has been silent for long enough.
    fn come_back(&mut self, event: &InboundEvent<'_>) -> bool {
        let back = event.policy.return_ms;
        let silent = self.person_at.is_some_and(|last| event.now - last >= back);
        if back > 0 && silent {
            self.give_back();
        }
        back > 0 && silent
    }

    fn watch(&mut self, event: &InboundEvent<'_>) -> Option<LoopReason> {
        let heard = ObservedText {
            hash: event.hash,
            sent_at: event.sent_at,
            now: event.now,
            last_reply_at: self.replied_at,
            last_reply_hash: self.reply_hash,
        };
        let (habit, machine) = observe(&self.habit, &heard, &event.policy.limits);
        self.habit = habit;
        machine
    }

    /// The quiet gap begins anew with every message, up to the most that a burst may take.
    fn wait(&mut self, event: &InboundEvent<'_>) {
        let since = *self.waiting_since.get_or_insert(event.now);
        let quiet = (event.now + event.policy.gap_ms).min(since + event.policy.most_ms);
        self.quiet_at = Some(self.quiet_at.map_or(quiet, |before| before.max(quiet)));
        self.due_at = Some(self.due_at.map_or(event.now, |before| before.min(event.now)));
    }

    fn rest(&mut self) {
        self.waiting_since = None;
        self.due_at = None;
        self.quiet_at = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::loop_guard;
    use super::*;
    use crate::config::Config;

    const NOW: Millis = 1_790_000_000_000;
    const HOUR: Millis = 3_600_000;
    const WAITS: Disposition = Disposition::Waits { returned: false };

    /// As it is shipped; read once, because properties ask for it thousands of times.
    static LIMITS: LazyLock<Limits> =
        LazyLock::new(|| Config::from_toml("").unwrap().worker.machine);

    fn policy() -> IntakePolicy {
        IntakePolicy {
            gap_ms: 700,
            most_ms: 4000,
            stale_ms: 24 * HOUR,
            return_ms: 24 * HOUR,
            limits: *LIMITS,
            consent: None,
        }
    }

    fn consent(out: bool) -> IntakePolicy {
        IntakePolicy { consent: Some(ConsentRequest { out, reply: None }), ..policy() }
    }

    fn event<'a>(policy: &'a IntakePolicy, text: &str, now: Millis) -> InboundEvent<'a> {
        InboundEvent { hash: loop_guard::hash(text), sent_at: now, now, silent: None, policy }
    }

    #[test]
    fn each_message_of_a_burst_begins_the_gap_anew_up_to_the_most() {
        let (mut thread, policy) = (Thread::default(), policy());
        for (at, quiet) in [(0, 700), (600, 1300), (3600, 4000), (3900, 4000), (9000, 4000)] {
            let text = format!("text {at}");
            assert_eq!(thread.hear(&event(&policy, &text, NOW + at)), WAITS);
            assert_eq!(thread.quiet_at, Some(NOW + quiet), "{at}");
            assert_eq!(thread.due_at, Some(NOW), "a turn may get ready at once");
        }
    }

    #[test]
    fn a_person_has_the_conversation_until_it_is_given_back_or_long_silent() {
        let (mut thread, policy) = (Thread::default(), policy());
        thread.take_over(NOW);
        assert_eq!(thread.hear(&event(&policy, "a", NOW + HOUR)), Disposition::Stored(None));
        assert_eq!(
            thread.hear(&event(&policy, "b", NOW + 24 * HOUR - 1)),
            Disposition::Stored(None)
        );
        let returned = thread.hear(&event(&policy, "c", NOW + 24 * HOUR));
        assert_eq!(returned, Disposition::Waits { returned: true });
        assert_eq!(thread.hear(&event(&policy, "c?", NOW + 24 * HOUR)), WAITS);
        thread.take_over(NOW);
        thread.give_back();
        assert_eq!(thread.hear(&event(&policy, "d", NOW + HOUR)), WAITS);
        thread.take_over(NOW);
        let never = IntakePolicy { return_ms: 0, ..policy };
        assert_eq!(thread.hear(&event(&never, "e", NOW + 1000 * HOUR)), Disposition::Stored(None));
    }

    #[test]
    fn who_opted_out_is_left_alone_until_he_says_start() {
        let (mut thread, plain) = (Thread::default(), policy());
        assert_eq!(thread.hear(&event(&plain, "hello", NOW)), WAITS);
        assert_eq!(thread.hear(&event(&consent(true), "stop", NOW + 1)), Disposition::OptedOut);
        assert_eq!((thread.due_at, thread.waiting_since), (None, None));
        assert!(matches!(
            thread.hear(&event(&plain, "hello?", NOW + 2)),
            Disposition::Stored(Some(_))
        ));
        let again = thread.hear(&event(&consent(true), "stop", NOW + 2));
        assert!(matches!(again, Disposition::Stored(Some(_))), "it is confirmed once");
        assert_eq!(thread.hear(&event(&consent(false), "start", NOW + 3)), Disposition::OptedIn);
        assert_eq!(thread.hear(&event(&plain, "hello again", NOW + 4)), WAITS);
        let start = thread.hear(&event(&consent(false), "start", NOW + 5));
        assert_eq!(start, WAITS, "who did not opt out asks something");
    }

    #[test]
    fn a_machine_is_a_persons_business() {
        let (mut thread, policy) = (Thread::default(), policy());
        for at in 0..3 {
            assert_eq!(thread.hear(&event(&policy, "We are closed.", NOW + at)), WAITS);
        }
        let disposition = thread.hear(&event(&policy, "We are closed.", NOW + 3));
        assert!(matches!(disposition, Disposition::Machine(_)));
        assert_eq!((thread.owner, thread.due_at), (Owner::Person, None));
        thread.give_back();
        assert_eq!(thread.hear(&event(&policy, "We are closed.", NOW + 4)), WAITS);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Writes(u8),
        Stops,
        Starts,
        TakesOver,
        GivesBack,
        Later(Millis),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            5 => (0..4_u8).prop_map(Step::Writes),
            1 => Just(Step::Stops),
            1 => Just(Step::Starts),
            1 => Just(Step::TakesOver),
            1 => Just(Step::GivesBack),
            2 => (0..30 * HOUR).prop_map(Step::Later),
        ];
        prop::collection::vec(step, 0..80)
    }

    proptest! {
        #[test]
        fn nothing_waits_for_the_bot_where_it_may_not_speak(steps in steps()) {
            let (mut thread, mut now) = (Thread::default(), NOW);
            for step in steps {
                match step {
                    Step::Writes(text) => {
                        let text = format!("text {text}");
                        let disposition = thread.hear(&event(&policy(), &text, now));
                        let may = thread.owner == Owner::Bot && thread.opted_out_at.is_none();
                        let waits = matches!(disposition, Disposition::Waits { .. });
                        prop_assert!(!waits || may);
                    }
                    Step::Stops => drop(thread.hear(&event(&consent(true), "stop", now))),
                    Step::Starts => drop(thread.hear(&event(&consent(false), "start", now))),
                    Step::TakesOver => thread.take_over(now),
                    Step::GivesBack => thread.give_back(),
                    Step::Later(time) => now += time,
                }
                if thread.owner == Owner::Person || thread.opted_out_at.is_some() {
                    prop_assert_eq!((thread.due_at, thread.waiting_since), (None, None));
                }
            }
        }
    }
}
