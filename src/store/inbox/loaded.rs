//! One conversation of a batch of webhooks, with what the batch changes in it. Reads and writes
//! nothing: `conversations.rs` does.

use crate::domain::thread::Thread;
use crate::domain::{ConversationId, Owner};
use crate::store::messages::DeletionEffects;
use crate::store::now;

/// A conversation with changes that are not yet written back.
#[expect(clippy::struct_excessive_bools, reason = "each is a change of its own")]
pub(super) struct LoadedConversation {
    pub(super) id: ConversationId,
    /// The state on which decisions are made.
    pub(super) thread: Thread,
    /// Whether what a running turn has read is void: the messages wait no longer, or say something
    /// else. The turn loses its lease.
    pub(super) void: bool,
    /// Whether the open cases are resolved by what happened.
    pub(super) closed: bool,
    /// New messages that a person has not seen; fewer than none if the customer deleted some.
    pub(super) new_messages: i64,
    /// New messages that nobody has answered.
    pub(super) new_unanswered: i64,
    /// Whether nobody has to answer what came before `new_unanswered`.
    pub(super) all_answered: bool,
    /// Whether the customer wrote: that opens WhatsApp's window.
    pub(super) heard: bool,
    /// Whether anybody wrote: that moves it up in the lists.
    pub(super) spoken: bool,
    /// What a person did, if anything: then everything before `new_messages` was seen.
    pub(super) seen: Option<PersonAction>,
    /// Index of the webhook that brought the latest message.
    pub(super) webhook_index: usize,
    /// The owner before the batch; a person if the stored word is unknown to this version.
    pub(super) previous_owner: Owner,
    pub(super) lease: Lease,
    /// Lease end of the turn claimed in this batch, if any.
    pub(super) claimed: Option<i64>,
    pub(super) contact: usize,
    pub(super) number: String,
    pub(super) changed: bool,
}

/// What a person did in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonAction {
    /// Took the conversation over without writing.
    Looked,
    /// Wrote to the customer.
    Answered,
}

/// The lease of the turn that runs, if any.
#[derive(Default)]
pub(super) struct Lease {
    pub(super) until: i64,
    pub(super) token: i64,
    pub(super) attempts: i64,
}

impl LoadedConversation {
    /// A person takes the conversation over. The caller must also void the queue.
    pub(super) fn take_over(&mut self, did: PersonAction) {
        self.thread.take_over(now());
        (self.void, self.changed) = (true, true);
        (self.seen, self.new_messages, self.new_unanswered) = (Some(did), 0, 0);
        self.all_answered |= did == PersonAction::Answered;
        self.spoken |= did == PersonAction::Answered;
    }

    /// Messages came.
    pub(super) fn count_messages(&mut self, count: i64) {
        self.new_messages += count;
        self.new_unanswered += count;
    }

    /// The customer deleted a message.
    pub(super) fn forget_message(&mut self, deletion: &DeletionEffects) {
        // What came before a person looked is seen.
        let is_counted = self.seen.is_none() || self.new_messages > 0;
        self.new_messages -= i64::from(deletion.unread && is_counted);
        if deletion.all_answered {
            (self.all_answered, self.new_unanswered) = (true, 0);
        }
    }

    /// Whether a turn may run, which has read what waited.
    pub(super) fn runs(&self) -> bool {
        // A turn that lost its lease to the clock may still be committed.
        self.lease.until > 0 && !self.void
    }

    pub(super) fn new(contact: usize, number: String) -> Self {
        Self {
            id: ConversationId::stored(String::new()),
            thread: Thread::default(),
            void: false,
            closed: false,
            new_messages: 0,
            new_unanswered: 0,
            all_answered: false,
            heard: false,
            spoken: false,
            seen: None,
            webhook_index: 0,
            previous_owner: Owner::Bot,
            lease: Lease::default(),
            claimed: None,
            contact,
            number,
            changed: false,
        }
    }

    /// The owner to store, if it changed or a person took over. Otherwise the stored word stays,
    /// which this version may not know.
    pub(super) fn new_owner(&self) -> Option<Owner> {
        let owner = self.thread.owner;
        (owner != self.previous_owner || self.seen.is_some()).then_some(owner)
    }

    /// Whether a turn is due and no lease is held.
    pub(super) fn is_due(&self, moment: i64) -> bool {
        let free = self.void || self.lease.until < moment;
        self.changed && free && self.thread.due_at.is_some_and(|due| due <= moment)
    }
}
