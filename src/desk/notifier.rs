//! Notifies the parts of a desk: the dispatcher, the outbox dispatcher, running turns, and
//! listeners of the live stream.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::live::{Changes, Live};
use crate::domain::{ConversationId, What};
use crate::store::inbox::Offer;
use crate::store::turns::{Claim, ConversationSnapshot};

/// Wakes the dispatcher and the outbox dispatcher, and passes events of a conversation to its
/// running turn.
#[derive(Default)]
pub struct Notifier {
    dispatcher: Arc<Notify>,
    outbox: Arc<Notify>,
    file_uploader: Arc<Notify>,
    campaign_feeder: Arc<Notify>,
    /// Number of times that the outbox dispatcher was woken.
    sends: AtomicU64,
    running_turns: Mutex<HashMap<ConversationId, watch::Sender<News>>>,
    pending_events: Mutex<UnheardNews>,
    live: Live,
    turn_starter: OnceLock<Begins>,
}

/// Hands turns that were claimed at intake to the dispatcher.
struct Begins {
    places: Arc<Semaphore>,
    lease_ms: i64,
    claims: mpsc::UnboundedSender<Begin>,
}

/// A turn that was claimed together with its message, and its turn slot.
pub struct Begin {
    /// The claim.
    pub claim: Claim,
    /// The conversation's messages, if they were loaded with the claim.
    pub snapshot: Option<ConversationSnapshot>,
    /// The turn slot.
    pub place: OwnedSemaphorePermit,
}

/// Turn slots reserved for messages that are being stored.
#[derive(Default)]
pub struct Places {
    free: Vec<OwnedSemaphorePermit>,
    lease_ms: i64,
}

impl Places {
    /// Returns the capacity to offer to the store.
    pub fn offer(&self) -> Offer {
        Offer { most: self.free.len(), lease_ms: self.lease_ms, ..Offer::default() }
    }
}

/// Conversations whose unread events are kept. Beyond it, a message may be answered separately from
/// the one just before it.
const MAX_BUFFERED_CONVERSATIONS: usize = 4096;
/// Unread events that are kept per conversation; more become one unknown event.
const MAX_BUFFERED_EVENTS: usize = 64;

impl Notifier {
    /// Reports a change in a conversation to listeners of this process.
    pub fn changed(&self, conversation: &ConversationId) {
        self.live.changed(conversation);
    }

    /// Reports a change of this kind to listeners of this process; [`super::Desk::announce`] also
    /// informs the other replicas.
    pub fn announce(&self, what: What) {
        self.live.announce(what);
    }

    /// Reports that events of other replicas may have been missed: listeners, running turns and the
    /// dispatcher read the database again.
    pub fn missed(&self) {
        self.live.missed();
        for turn in self.running_turns().values() {
            turn.send_modify(|news| news.push(None));
        }
        self.dispatcher.notify_one();
    }

    /// Subscribes to the changes after the one with this id; without an id, to those from now on.
    pub fn changes(&self, after: Option<&str>) -> Changes {
        self.live.after(after)
    }

    /// Ends the live streams. Without it, a stopping desk would wait for their listeners.
    pub fn end_live(&self) {
        self.live.end();
    }

    /// Waits until the live streams end.
    pub fn live_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.live.ended()
    }

    /// Reports an event to the turn that runs in a conversation: a new message (with the provider's
    /// id, if known), or a change of owner (`None`). Without a running turn, keeps it for the next
    /// one.
    pub fn conversation_event(&self, conversation: &ConversationId, message: Option<&str>) {
        self.changed(conversation);
        let under_way = self.running_turns();
        if let Some(turn) = under_way.get(conversation) {
            turn.send_modify(|news| news.push(message.map(ToOwned::to_owned)));
        } else {
            self.pending_events().keep(conversation, message);
            self.dispatcher.notify_one();
        }
    }

    /// Wakes the dispatcher: turns may be due.
    pub fn wake_dispatcher(&self) {
        self.dispatcher.notify_one();
    }

    /// Wakes the outbox dispatcher: there is a message to send.
    pub fn wake_outbox(&self) {
        self.sends.fetch_add(1, Ordering::SeqCst);
        self.outbox.notify_one();
    }

    /// Returns how many times the outbox dispatcher was woken.
    pub fn outbox_wake_count(&self) -> u64 {
        self.sends.load(Ordering::SeqCst)
    }

    /// Registers the dispatcher; turns claimed at intake arrive on the returned channel while slots
    /// are free. Only the first call takes effect.
    pub fn register_dispatcher(
        &self,
        places: &Arc<Semaphore>,
        lease_ms: i64,
    ) -> mpsc::UnboundedReceiver<Begin> {
        let (claims, begun) = mpsc::unbounded_channel();
        let begins = Begins { places: places.clone(), lease_ms, claims };
        if self.turn_starter.set(begins).is_err() {
            tracing::error!("a second dispatcher began: it finds its turns by polling");
        }
        begun
    }

    /// Reserves up to `most` turn slots; none before a dispatcher is registered.
    pub fn reserve_turn_slots(&self, most: usize) -> Places {
        let Some(Begins { places, lease_ms, .. }) = self.turn_starter.get() else {
            return Places::default();
        };
        let free = (0..most).map_while(|_| places.clone().try_acquire_owned().ok()).collect();
        Places { free, lease_ms: *lease_ms }
    }

    /// Starts claimed turns. Returns the claims that could not start, for the caller to release.
    pub fn start_turns(
        &self,
        mut places: Places,
        claims: Vec<(Claim, ConversationSnapshot)>,
    ) -> Vec<Claim> {
        let begins = self.turn_starter.get();
        let mut left = Vec::new();
        for (claim, said) in claims {
            let Some((begins, place)) = begins.zip(places.free.pop()) else {
                left.push(claim);
                continue;
            };
            if let Err(refused) = begins.claims.send(Begin { claim, snapshot: Some(said), place }) {
                left.push(refused.0.claim);
            }
        }
        left
    }

    /// The signal that wakes the dispatcher.
    pub fn dispatcher_notify(&self) -> Arc<Notify> {
        self.dispatcher.clone()
    }

    /// Wakes the uploader of files to customers.
    pub fn wake_file_uploader(&self) {
        self.file_uploader.notify_one();
    }

    /// The signal that wakes the uploader of files to customers.
    pub fn file_uploader_notify(&self) -> Arc<Notify> {
        self.file_uploader.clone()
    }

    /// Wakes the feeder of campaigns.
    pub fn wake_campaign_feeder(&self) {
        self.campaign_feeder.notify_one();
    }

    /// The signal that wakes the feeder of campaigns.
    pub fn campaign_feeder_notify(&self) -> Arc<Notify> {
        self.campaign_feeder.clone()
    }

    /// The signal that wakes the outbox dispatcher.
    pub fn outbox_notify(&self) -> Arc<Notify> {
        self.outbox.clone()
    }

    /// Subscribes a starting turn to its conversation's events, until the result is dropped.
    /// Includes the events that no earlier turn read.
    pub fn listen(self: &Arc<Self>, conversation: &ConversationId) -> ConversationEvents {
        let mut under_way = self.running_turns();
        let mut news = self.pending_events().take(conversation);
        if under_way.contains_key(conversation) {
            // A turn that lost its lease still listens here. It may have got events that this turn
            // must know of, because this turn's claim was read before them.
            news.push(None);
        }
        let before = news.len();
        let (sender, mut changes) = watch::channel(news);
        if !changes.borrow().is_empty() {
            changes.mark_changed();
        }
        under_way.insert(conversation.clone(), sender);
        ConversationEvents {
            wake: self.clone(),
            conversation: conversation.clone(),
            changes,
            before,
            read: 0,
        }
    }

    fn running_turns(&self) -> MutexGuard<'_, HashMap<ConversationId, watch::Sender<News>>> {
        self.running_turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending_events(&self) -> MutexGuard<'_, UnheardNews> {
        self.pending_events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events of a conversation: the provider's id of a new message, or `None` for anything else.
type News = Vec<Option<String>>;

/// Events that no turn read, for the turn that may be about to start in the conversation. Bounded:
/// when `young` is full, it becomes `old` and the former `old` is dropped.
#[derive(Default)]
struct UnheardNews {
    young: HashMap<ConversationId, News>,
    old: HashMap<ConversationId, News>,
}

impl UnheardNews {
    fn keep(&mut self, conversation: &ConversationId, message: Option<&str>) {
        let mut news = self.take(conversation);
        if news.len() < MAX_BUFFERED_EVENTS {
            news.push(message.map(ToOwned::to_owned));
        } else {
            // One unknown event stands for all: the listener reads the conversation again.
            news = vec![None];
        }
        if self.young.len() >= MAX_BUFFERED_CONVERSATIONS / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(conversation.clone(), news);
    }

    fn take(&mut self, conversation: &ConversationId) -> News {
        let young = self.young.remove(conversation);
        young.or_else(|| self.old.remove(conversation)).unwrap_or_default()
    }
}

/// The events of a conversation, for its running turn.
pub struct ConversationEvents {
    wake: Arc<Notifier>,
    conversation: ConversationId,
    changes: watch::Receiver<News>,
    /// Number of events from before this turn subscribed.
    before: usize,
    /// Number of events that [`Self::has_new_events`] has covered.
    read: usize,
}

impl ConversationEvents {
    /// Waits for the next event.
    pub async fn next(&mut self) {
        if self.changes.changed().await.is_err() {
            // Another turn took over this subscription: no further event can come.
            std::future::pending::<()>().await;
        }
    }

    /// Whether anything happened since the last call, except messages that are `known` already.
    pub fn take_new_events(&mut self, known: impl Fn(&str) -> bool) -> bool {
        let news = self.changes.borrow_and_update();
        let since = &news[self.read.min(news.len())..];
        self.read = news.len();
        since.iter().any(|message| message.as_deref().is_none_or(|message| !known(message)))
    }
}

impl Drop for ConversationEvents {
    fn drop(&mut self) {
        let mut under_way = self.wake.running_turns();
        // A later turn may have replaced this subscription: then the sender is a different one.
        let ours = |sender: &watch::Sender<News>| {
            sender.receiver_count() == 1 && sender.subscribe().same_channel(&self.changes)
        };
        let news = self.changes.borrow().len();
        let unread = news > self.read;
        if under_way.get(&self.conversation).is_some_and(ours) {
            under_way.remove(&self.conversation);
            // The next turn may have been claimed and loaded before these events, and not listen
            // yet.
            if unread || news > self.before {
                self.wake.pending_events().keep(&self.conversation, None);
            }
        }
        // The next turn has to handle what this one did not read.
        if unread {
            self.wake.wake_dispatcher();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_a_turn_without_its_lease_heard_is_no_secret_to_the_next() {
        let wake = Arc::new(Notifier::default());
        let conversation = ConversationId::generate();
        let mut first = wake.listen(&conversation);
        assert!(!first.take_new_events(|_| false), "nothing happened yet");
        // The next turn is claimed and loaded here, and starts only after a message came.
        wake.conversation_event(&conversation, Some("wamid.1"));
        let mut next = wake.listen(&conversation);
        assert!(next.take_new_events(|message| message == "wamid.0"), "it reads again");
        assert!(!next.take_new_events(|_| false), "once");
    }

    #[test]
    fn what_came_to_a_turn_that_ended_is_news_to_the_next_one_once() {
        let wake = Arc::new(Notifier::default());
        let conversation = ConversationId::generate();
        for read in [false, true] {
            let mut first = wake.listen(&conversation);
            // The next turn was claimed and loaded just before, and does not listen yet.
            wake.conversation_event(&conversation, Some("wamid.1"));
            assert!(!read || first.take_new_events(|_| false));
            drop(first);
            let mut next = wake.listen(&conversation);
            assert!(next.take_new_events(|_| false), "it reads again (read before: {read})");
            assert!(!next.take_new_events(|_| false), "once");
            drop(next);
            assert!(!wake.listen(&conversation).take_new_events(|_| false), "and no later one");
        }
    }

    #[test]
    fn whoever_may_have_missed_something_looks_again() {
        let wake = Arc::new(Notifier::default());
        let mut turn = wake.listen(&ConversationId::generate());
        wake.missed();
        assert!(turn.take_new_events(|_| false));
        assert!(!turn.take_new_events(|_| false), "once");
        let dispatcher = wake.dispatcher_notify();
        assert!(dispatcher.notified().now_or_never().is_some(), "there may be turns to run");
    }

    #[test]
    fn of_too_much_that_no_turn_heard_the_oldest_is_forgotten() {
        let wake = Arc::new(Notifier::default());
        let conversations: Vec<_> =
            (0..=MAX_BUFFERED_CONVERSATIONS).map(|_| ConversationId::generate()).collect();
        for conversation in &conversations {
            wake.conversation_event(conversation, None);
        }
        let heard = |place: usize| wake.listen(&conversations[place]).take_new_events(|_| false);
        assert!(heard(MAX_BUFFERED_CONVERSATIONS) && heard(MAX_BUFFERED_CONVERSATIONS / 2));
        assert!(!heard(0));
    }
}
