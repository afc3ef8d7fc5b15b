//! State of a conversation between messages: who may speak, and how a message or a person's action
//! changes that. Pure: the store persists it, and every decision on who owns a conversation is made
//! here. If the store changes the owner of a conversation without loading it, it writes the values
//! of an [`OwnerChange`].

use serde::{Deserialize, Serialize};

use super::intake::IntakePolicy;
use super::loop_guard::{self, LoopReason, ObservedText, SenderStats, observe};
use super::note::NoteCode;
use super::time::{DAY_MS, Millis};
use super::turn::Owner;

/// State of a conversation between messages. A time is `None` if it never happened or nothing is
/// pending. As JSON it is the state that the caller of a trial keeps: nothing waits there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    /// Who may speak.
    pub owner: Owner,
    /// When the customer opted out.
    pub opted_out_at: Option<Millis>,
    /// When a person last acted in this conversation.
    pub person_at: Option<Millis>,
    /// When the first message of the unanswered burst arrived.
    #[serde(skip)]
    pub waiting_since: Option<Millis>,
    /// When a turn may start to prepare.
    #[serde(skip)]
    pub due_at: Option<Millis>,
    /// When the burst ends and the answer may be written.
    #[serde(skip)]
    pub quiet_at: Option<Millis>,
    /// Turns of the burst that were given up because the customer edited what they had read.
    #[serde(skip)]
    pub edited_turns: i64,
    /// When the customer last wrote.
    pub last_inbound_at: Option<Millis>,
    /// When a notice about another conversation was last queued for this contact, who is staff then.
    pub notice_at: Option<Millis>,
    /// When the bot last replied.
    pub replied_at: Option<Millis>,
    /// [`super::loop_guard::hash`] of that reply.
    pub reply_hash: i64,
    /// Counters for the loop guard.
    pub sender_stats: SenderStats,
}

/// Turns that edits of the same waiting messages end. After them a turn answers what it has read:
/// whoever goes on editing would otherwise never get an answer, and each turn calls the model.
const MAX_EDITED_TURNS: i64 = 2;

/// How long after a notice a support contact's messages count as answers to it.
const NOTICE_MS: Millis = DAY_MS;

/// Whether a contact with this [`Thread::notice_at`] is staff, whom the bot does not answer.
pub fn is_staff(notice_at: Option<Millis>, now: Millis) -> bool {
    notice_at.is_some_and(|notice| (0..NOTICE_MS).contains(&now.saturating_sub(notice)))
}

/// A change of a conversation's owner: everything to write, whatever the state before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerChange {
    /// Who may speak from now on.
    pub owner: Owner,
    /// When a person last acted; `None` keeps the stored value.
    pub person_at: Option<Millis>,
    /// Whether the loop guard's counters are reset.
    pub resets_sender_stats: bool,
}

impl OwnerChange {
    /// A person takes the conversation: by writing to the customer, in the inbox, or because the
    /// bot called one.
    pub const fn taken_over(now: Millis) -> Self {
        Self { owner: Owner::Person, person_at: Some(now), resets_sender_stats: false }
    }

    /// The bot has the conversation, because the customer asks it something.
    pub const fn asks_bot() -> Self {
        Self { owner: Owner::Bot, person_at: None, resets_sender_stats: false }
    }

    /// The bot has the conversation again. The loop guard's counters are reset: how the customer
    /// wrote to a person does not show that the customer is a bot.
    pub const fn given_back() -> Self {
        Self { owner: Owner::Bot, person_at: None, resets_sender_stats: true }
    }
}

impl Owner {
    /// The owner of a conversation without messages.
    pub const INITIAL: Self = Self::Bot;
    /// The owner that a turn needs when it is committed. If a person took over meanwhile, the turn
    /// is discarded.
    pub const REQUIRED_FOR_COMMIT: Self = Self::Bot;

    /// Whether the bot's messages may be sent while this is the owner.
    pub const fn lets_bot_speak(self) -> bool {
        match self {
            Self::Bot | Self::Nobody => true,
            Self::Person => false,
        }
    }
}

impl Default for Thread {
    /// A conversation without messages, owned by the bot.
    fn default() -> Self {
        Self {
            owner: Owner::INITIAL,
            opted_out_at: None,
            person_at: None,
            waiting_since: None,
            due_at: None,
            quiet_at: None,
            edited_turns: 0,
            last_inbound_at: None,
            notice_at: None,
            replied_at: None,
            reply_hash: 0,
            sender_stats: SenderStats::default(),
        }
    }
}

/// The parts of a customer's message that decide who answers it.
#[derive(Debug, Clone, Copy)]
pub struct InboundEvent<'a> {
    /// [`super::loop_guard::hash`] of its text; 0 if nothing was typed.
    pub hash: i64,
    /// When it was written, as far as the provider's time is plausible.
    pub sent_at: Millis,
    /// The current time.
    pub now: Millis,
    /// Why it is never answered; `None` if it may be.
    pub no_answer_reason: Option<&'static str>,
    /// Whether it arrived too late for the bot.
    pub stale: bool,
    /// The intake policy of its number.
    pub policy: &'a IntakePolicy,
}

/// What happens to a customer's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The bot answers it.
    Waits {
        /// Whether the bot took the conversation back because a person was inactive for long
        /// enough; the open cases are then closed.
        returned: bool,
    },
    /// It is stored and not answered. `None` means that a person has the conversation; otherwise
    /// the reason.
    Stored(Option<&'static str>),
    /// It arrived too late for the bot: a person is called. The bot keeps the conversation.
    Stale,
    /// The bot is paused on the number: a person is called. The bot keeps the conversation.
    Paused,
    /// The customer opted out.
    OptedOut,
    /// The customer opted in again.
    OptedIn,
    /// The sender counts as another bot; a person has the conversation now.
    Machine(LoopReason),
}

impl Thread {
    /// Applies a customer's new message and returns what happens to it.
    pub fn receive(&mut self, event: &InboundEvent<'_>) -> Disposition {
        let heard_at = self.last_inbound_at.map_or(event.sent_at, |last| last.max(event.sent_at));
        self.last_inbound_at = Some(heard_at);
        if event.no_answer_reason.is_some() {
            return Disposition::Stored(event.no_answer_reason);
        }
        match &event.policy.consent {
            Some(consent) if consent.practice && consent.out => {
                return Disposition::Stored(Some(NoteCode::PracticeOptOut.text()));
            }
            Some(consent) if consent.out && self.opted_out_at.is_none() => {
                return self.opt_out(event.now);
            }
            // An old opt-in may be from before the opt-out.
            Some(consent)
                if !consent.out
                    && !consent.practice
                    && !event.stale
                    && self.opted_out_at.take().is_some() =>
            {
                return Disposition::OptedIn;
            }
            _ => {}
        }
        if self.opted_out_at.is_some() {
            return Disposition::Stored(Some(NoteCode::OptedOut.text()));
        }
        if is_staff(self.notice_at, event.now) {
            return Disposition::Stored(Some(NoteCode::Staff.text()));
        }
        let returned = self.owner == Owner::Person;
        if event.stale && !returned {
            return Disposition::Stale;
        }
        if event.policy.paused && !returned {
            return Disposition::Paused;
        }
        let may_return = !event.stale && !event.policy.paused;
        if returned && !(may_return && self.return_if_person_idle(event)) {
            return Disposition::Stored(None);
        }
        if let Some(machine) = self.run_loop_guard(event) {
            self.take_over(event.now);
            return Disposition::Machine(machine);
        }
        self.change(OwnerChange::asks_bot());
        self.schedule_turn(event);
        Disposition::Waits { returned }
    }

    /// Applies a customer's edit of an earlier message. It asks nothing anew, but an opt-out counts
    /// however it is written; returns [`Disposition::OptedOut`] then.
    pub fn receive_edit(&mut self, event: &InboundEvent<'_>) -> Option<Disposition> {
        let out = event.policy.opts_out() && self.opted_out_at.is_none();
        out.then(|| self.opt_out(event.now))
    }

    /// The customer edited a message that waits: that restarts the quiet gap like a message of the
    /// burst. `runs` says that a turn may have read it; returns whether that turn is given up.
    pub fn edit_waiting(&mut self, event: &InboundEvent<'_>, runs: bool) -> bool {
        self.restart_gap(event);
        let given_up = runs && self.edited_turns < MAX_EDITED_TURNS;
        self.edited_turns += i64::from(given_up);
        given_up
    }

    /// The last message that waited does not wait any more: it was deleted.
    pub fn withdraw(&mut self) {
        self.clear_waiting();
    }

    /// Gives the conversation to a person: one who writes to the customer or takes it in the inbox,
    /// or one whom the bot called. Nothing waits for the bot any more.
    pub fn take_over(&mut self, now: Millis) {
        self.change(OwnerChange::taken_over(now));
        self.clear_waiting();
    }

    /// Gives the conversation back to the bot. Messages that arrived meanwhile are not answered.
    pub fn give_back(&mut self) {
        self.change(OwnerChange::given_back());
    }

    /// Joins the other conversation of a customer who was taken for two. Returns whether what waits
    /// for the bot is void: a person has one of the two, or the customer opted out.
    pub fn join(&mut self, other: &Self) -> bool {
        let Self {
            owner,
            opted_out_at,
            person_at,
            waiting_since,
            due_at,
            quiet_at,
            edited_turns,
            last_inbound_at,
            notice_at,
            replied_at,
            reply_hash,
            sender_stats,
        } = *other;
        let one_has = |one| self.owner == one || owner == one;
        let order = [Owner::Person, Owner::Bot, Owner::Nobody];
        let owner = order.into_iter().find(|one| one_has(*one)).unwrap_or(Owner::Person);
        if last_inbound_at > self.last_inbound_at {
            self.sender_stats = sender_stats;
        }
        if replied_at > self.replied_at {
            (self.replied_at, self.reply_hash) = (replied_at, reply_hash);
        }
        self.owner = owner;
        self.opted_out_at = earliest(self.opted_out_at, opted_out_at);
        self.person_at = self.person_at.max(person_at);
        self.last_inbound_at = self.last_inbound_at.max(last_inbound_at);
        self.notice_at = self.notice_at.max(notice_at);
        self.waiting_since = earliest(self.waiting_since, waiting_since);
        self.due_at = earliest(self.due_at, due_at);
        self.quiet_at = self.quiet_at.max(quiet_at);
        self.edited_turns = self.edited_turns.max(edited_turns);
        let void = owner == Owner::Person || self.opted_out_at.is_some();
        if void {
            self.clear_waiting();
        }
        void
    }

    /// The bot answered what was waiting; `last` is the last of its messages, if it said anything.
    pub fn answered(&mut self, last: Option<&str>, now: Millis) {
        self.clear_waiting();
        if let Some(text) = last {
            (self.replied_at, self.reply_hash) = (Some(now), loop_guard::hash(text));
        }
    }

    fn change(&mut self, change: OwnerChange) {
        let OwnerChange { owner, person_at, resets_sender_stats: forgets_habit } = change;
        self.owner = owner;
        self.person_at = person_at.or(self.person_at);
        if forgets_habit {
            self.sender_stats = SenderStats::default();
        }
    }

    fn opt_out(&mut self, now: Millis) -> Disposition {
        self.opted_out_at = Some(now);
        self.clear_waiting();
        Disposition::OptedOut
    }

    /// Gives the conversation back to the bot if a person has been inactive for long enough;
    /// returns whether it did.
    fn return_if_person_idle(&mut self, event: &InboundEvent<'_>) -> bool {
        let back = event.policy.return_ms;
        let silent = self.person_at.is_some_and(|last| event.now.saturating_sub(last) >= back);
        if back > 0 && silent {
            self.give_back();
        }
        back > 0 && silent
    }

    fn run_loop_guard(&mut self, event: &InboundEvent<'_>) -> Option<LoopReason> {
        let heard = ObservedText {
            hash: event.hash,
            sent_at: event.sent_at,
            now: event.now,
            last_reply_at: self.replied_at,
            last_reply_hash: self.reply_hash,
        };
        let (habit, machine) = observe(&self.sender_stats, &heard, &event.policy.limits);
        self.sender_stats = habit;
        machine
    }

    fn schedule_turn(&mut self, event: &InboundEvent<'_>) {
        self.restart_gap(event);
        self.due_at = Some(self.due_at.map_or(event.now, |before| before.min(event.now)));
    }

    /// Every message restarts the quiet gap, up to the maximum length of the burst.
    fn restart_gap(&mut self, event: &InboundEvent<'_>) {
        if self.waiting_since.is_none() {
            self.edited_turns = 0;
        }
        let since = *self.waiting_since.get_or_insert(event.now);
        let quiet = (event.now + event.policy.gap_ms).min(since + event.policy.max_burst_ms);
        self.quiet_at = Some(self.quiet_at.map_or(quiet, |before| before.max(quiet)));
    }

    fn clear_waiting(&mut self) {
        self.waiting_since = None;
        self.due_at = None;
        self.quiet_at = None;
        self.edited_turns = 0;
    }
}

/// The earlier of two times, if there is one.
pub fn earliest(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::intake::ConsentRequest;
    use super::super::loop_guard::Limits;
    use super::*;
    use crate::config::Config;

    const NOW: Millis = 1_790_000_000_000;
    const HOUR: Millis = 3_600_000;
    const WAITS: Disposition = Disposition::Waits { returned: false };

    /// The shipped defaults; parsed once, because the property tests use them thousands of times.
    static LIMITS: LazyLock<Limits> =
        LazyLock::new(|| Config::from_toml("").unwrap().worker.machine);

    fn policy() -> IntakePolicy {
        IntakePolicy {
            gap_ms: 700,
            max_burst_ms: 4000,
            stale_ms: 24 * HOUR,
            return_ms: 24 * HOUR,
            paused: false,
            limits: *LIMITS,
            consent: None,
        }
    }

    fn consent(out: bool) -> IntakePolicy {
        IntakePolicy {
            consent: Some(ConsentRequest { out, reply: None, practice: false }),
            ..policy()
        }
    }

    fn event<'a>(policy: &'a IntakePolicy, text: &str, now: Millis) -> InboundEvent<'a> {
        InboundEvent {
            hash: loop_guard::hash(text),
            sent_at: now,
            now,
            no_answer_reason: None,
            stale: false,
            policy,
        }
    }

    #[test]
    fn each_message_of_a_burst_begins_the_gap_anew_up_to_the_most() {
        let (mut thread, policy) = (Thread::default(), policy());
        for (at, quiet) in [(0, 700), (600, 1300), (3600, 4000), (3900, 4000), (9000, 4000)] {
            let text = format!("text {at}");
            assert_eq!(thread.receive(&event(&policy, &text, NOW + at)), WAITS);
            assert_eq!(thread.quiet_at, Some(NOW + quiet), "{at}");
            assert_eq!(thread.due_at, Some(NOW), "a turn may get ready at once");
        }
    }

    #[test]
    fn an_edit_restarts_the_gap_up_to_the_burst_and_gives_up_two_turns() {
        let (mut thread, policy) = (Thread::default(), policy());
        let edit = |thread: &mut Thread, at, runs| {
            thread.edit_waiting(&event(&policy, "edited", NOW + at), runs)
        };
        assert_eq!(thread.receive(&event(&policy, "text", NOW)), WAITS);
        let edits = [
            (100, false, 800, false),
            (600, true, 1300, true),
            (3600, true, 4000, true),
            (3900, true, 4000, false),
            (900_000, true, 4000, false),
        ];
        for (at, runs, quiet, given_up) in edits {
            assert_eq!(edit(&mut thread, at, runs), given_up, "{at}");
            assert_eq!((thread.quiet_at, thread.due_at), (Some(NOW + quiet), Some(NOW)), "{at}");
        }
        // A message more is of the same burst.
        assert_eq!(thread.receive(&event(&policy, "more", NOW + 900_001)), WAITS);
        assert!(!edit(&mut thread, 900_002, true));
        thread.answered(None, NOW + 900_003);
        assert_eq!(thread.receive(&event(&policy, "next", NOW + 900_004)), WAITS);
        assert!(edit(&mut thread, 900_005, true));
    }

    #[test]
    fn on_a_practice_number_stop_is_not_kept_and_start_is_answered() {
        let practice = |out| IntakePolicy {
            consent: Some(ConsentRequest { out, reply: None, practice: true }),
            ..policy()
        };
        let (mut thread, out, back) = (Thread::default(), practice(true), practice(false));
        let stored = Disposition::Stored(Some(NoteCode::PracticeOptOut.text()));
        assert_eq!(thread.receive(&event(&out, "stop", NOW)), stored);
        assert_eq!(thread.opted_out_at, None);
        assert_eq!(thread.receive(&event(&back, "start", NOW + 1)), WAITS);
        thread.opted_out_at = Some(NOW);
        assert_ne!(thread.receive(&event(&back, "start", NOW + 2)), WAITS);
        assert_eq!(thread.opted_out_at, Some(NOW), "somebody else may practise in that name");
    }

    #[test]
    fn a_person_has_the_conversation_until_it_is_given_back_or_long_silent() {
        let (mut thread, policy) = (Thread::default(), policy());
        thread.take_over(NOW);
        assert_eq!(thread.receive(&event(&policy, "a", NOW + HOUR)), Disposition::Stored(None));
        assert_eq!(
            thread.receive(&event(&policy, "b", NOW + 24 * HOUR - 1)),
            Disposition::Stored(None)
        );
        let returned = thread.receive(&event(&policy, "c", NOW + 24 * HOUR));
        assert_eq!(returned, Disposition::Waits { returned: true });
        assert_eq!(thread.receive(&event(&policy, "c?", NOW + 24 * HOUR)), WAITS);
        thread.take_over(NOW);
        thread.give_back();
        assert_eq!(thread.receive(&event(&policy, "d", NOW + HOUR)), WAITS);
        thread.take_over(NOW);
        let never = IntakePolicy { return_ms: 0, ..policy };
        assert_eq!(
            thread.receive(&event(&never, "e", NOW + 1000 * HOUR)),
            Disposition::Stored(None)
        );
    }

    #[test]
    fn of_two_conversations_that_become_one_the_stricter_state_holds() {
        let mut waits = Thread::default();
        waits.receive(&event(&policy(), "When do you open?", NOW));
        let mut other = Thread::default();
        other.receive(&event(&policy(), "And on Sunday?", NOW + 500));
        let mut joined = waits.clone();
        assert!(!joined.join(&other));
        assert_eq!((joined.owner, joined.due_at), (Owner::Bot, Some(NOW)));
        assert_eq!((joined.waiting_since, joined.quiet_at), (Some(NOW), Some(NOW + 1200)));
        assert_eq!(joined.last_inbound_at, Some(NOW + 500));
        let mut persons = Thread::default();
        persons.take_over(NOW);
        let opted_out = Thread { opted_out_at: Some(NOW), ..Thread::default() };
        for stricter in [persons, opted_out] {
            for (one, two) in [(&waits, &stricter), (&stricter, &waits)] {
                let mut joined = one.clone();
                assert!(joined.join(two), "what waited is void");
                assert_eq!((joined.due_at, joined.quiet_at), (None, None));
                assert_eq!(joined.owner, stricter.owner);
                assert_eq!(joined.opted_out_at, stricter.opted_out_at);
                assert_eq!(joined.person_at, stricter.person_at);
            }
        }
        let mut closed = Thread { owner: Owner::Nobody, ..Thread::default() };
        assert!(!closed.join(&waits));
        assert_eq!(closed.owner, Owner::Bot);
    }

    #[test]
    fn who_opted_out_is_left_alone_until_he_says_start() {
        let (mut thread, plain) = (Thread::default(), policy());
        assert_eq!(thread.receive(&event(&plain, "hello", NOW)), WAITS);
        assert_eq!(thread.receive(&event(&consent(true), "stop", NOW + 1)), Disposition::OptedOut);
        assert_eq!((thread.due_at, thread.waiting_since), (None, None));
        assert!(matches!(
            thread.receive(&event(&plain, "hello?", NOW + 2)),
            Disposition::Stored(Some(_))
        ));
        let again = thread.receive(&event(&consent(true), "stop", NOW + 2));
        assert!(matches!(again, Disposition::Stored(Some(_))), "it is confirmed once");
        assert_eq!(thread.receive(&event(&consent(false), "start", NOW + 3)), Disposition::OptedIn);
        assert_eq!(thread.receive(&event(&plain, "hello again", NOW + 4)), WAITS);
        let start = thread.receive(&event(&consent(false), "start", NOW + 5));
        assert_eq!(start, WAITS, "who did not opt out asks something");
    }

    #[test]
    fn who_answers_a_notice_is_staff_and_a_day_later_a_customer() {
        let plain = policy();
        let mut thread = Thread { notice_at: Some(NOW), ..Thread::default() };
        let answer = thread.receive(&event(&plain, "I take it", NOW + 1));
        assert!(matches!(answer, Disposition::Stored(Some(_))));
        assert_eq!((thread.owner, thread.due_at), (Owner::Bot, None));
        assert_eq!(thread.last_inbound_at, Some(NOW + 1), "it opens the window for notices");
        assert_eq!(thread.receive(&event(&plain, "open?", NOW + NOTICE_MS)), WAITS);
        let out = thread.receive(&event(&consent(true), "stop", NOW + 2));
        assert_eq!(out, Disposition::OptedOut);
    }

    #[test]
    fn what_comes_too_late_needs_a_person_and_an_old_stop_still_counts() {
        let (mut thread, plain) = (Thread::default(), policy());
        let (out, back) = (consent(true), consent(false));
        let late = |policy| InboundEvent { stale: true, ..event(policy, "hello", NOW) };
        assert_eq!(thread.receive(&late(&plain)), Disposition::Stale);
        assert_eq!((thread.owner, thread.due_at), (Owner::Bot, None));
        assert_eq!(thread.receive(&event(&plain, "hello?", NOW + 1)), WAITS);
        thread.take_over(NOW);
        assert_eq!(thread.receive(&late(&plain)), Disposition::Stored(None), "a person has it");
        thread.give_back();
        assert_eq!(thread.receive(&late(&out)), Disposition::OptedOut);
        assert!(matches!(thread.receive(&late(&back)), Disposition::Stored(Some(_))));
        assert!(matches!(thread.receive(&late(&plain)), Disposition::Stored(Some(_))));
        assert!(thread.opted_out_at.is_some());
    }

    #[test]
    fn a_machine_is_a_persons_business() {
        let (mut thread, policy) = (Thread::default(), policy());
        for at in 0..3 {
            assert_eq!(thread.receive(&event(&policy, "We are closed.", NOW + at)), WAITS);
        }
        let disposition = thread.receive(&event(&policy, "We are closed.", NOW + 3));
        assert!(matches!(disposition, Disposition::Machine(_)));
        assert_eq!((thread.owner, thread.due_at), (Owner::Person, None));
        thread.give_back();
        assert_eq!(thread.receive(&event(&policy, "We are closed.", NOW + 4)), WAITS);
    }

    #[test]
    fn the_state_of_a_trial_is_read_back_whatever_its_caller_made_of_it() {
        let (mut thread, policy) = (Thread::default(), policy());
        assert_eq!(thread.receive(&event(&policy, "hello", NOW)), WAITS);
        thread.answered(Some("Hello!"), NOW + 1);
        thread.take_over(NOW + 2);
        let text = serde_json::to_string(&thread).unwrap();
        assert_eq!(serde_json::from_str::<Thread>(&text).unwrap(), thread);
        for extreme in [i64::MIN, i64::MAX] {
            for owner in ["person", "bot"] {
                let made = serde_json::json!({"owner": owner, "person_at": extreme,
                    "replied_at": extreme, "notice_at": extreme});
                let mut thread: Thread = serde_json::from_value(made).unwrap();
                let disposition = thread.receive(&event(&policy, "hello", NOW));
                assert_ne!(disposition, Disposition::Stored(Some(NoteCode::Staff.text())));
            }
        }
    }

    #[test]
    fn a_joined_thread_has_the_later_notice() {
        let notice = |at| Thread { notice_at: at, ..Thread::default() };
        for (one, other) in [(None, Some(NOW)), (Some(NOW), None), (Some(NOW - 1), Some(NOW))] {
            let mut thread = notice(one);
            thread.join(&notice(other));
            assert_eq!(thread.notice_at, Some(NOW));
        }
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
                        let disposition = thread.receive(&event(&policy(), &text, now));
                        let may = thread.owner == Owner::Bot && thread.opted_out_at.is_none();
                        let waits = matches!(disposition, Disposition::Waits { .. });
                        prop_assert!(!waits || may);
                    }
                    Step::Stops => drop(thread.receive(&event(&consent(true), "stop", now))),
                    Step::Starts => drop(thread.receive(&event(&consent(false), "start", now))),
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
