//! Notifies the parts of a desk: the dispatcher, the outbox dispatcher, running turns, and listeners of the live stream.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::live::{Changes, Live};
use crate::domain::{ConversationId, What};
use crate::store::inbox::Offer;
use crate::store::turns::{Claim, ConversationSnapshot};

/// Wakes the dispatcher and the outbox dispatcher, and tells running turns of events in their conversation.
#[derive(Default)]
pub struct Notifier {
    dispatcher: Arc<Notify>,
    outbox: Arc<Notify>,
    /// How often the outbox dispatcher was woken.
    sends: AtomicU64,
    under_way: Mutex<HashMap<ConversationId, watch::Sender<News>>>,
    unheard: Mutex<UnheardNews>,
    live: Live,
    begins: OnceLock<Begins>,
}

/// How whoever takes in a message has the dispatcher run its turn.
struct Begins {
    places: Arc<Semaphore>,
    lease_ms: i64,
    claims: mpsc::UnboundedSender<Begin>,
}

/// A turn that was claimed with the message that it answers, and its place among the turns.
pub struct Begin {
    /// The claim.
    pub claim: Claim,
    /// What was said in the conversation, where it was read already.
    pub said: Option<ConversationSnapshot>,
    /// The place.
    pub place: OwnedSemaphorePermit,
}

/// Places among the turns for messages that are being taken in.
#[derive(Default)]
pub struct Places {
    free: Vec<OwnedSemaphorePermit>,
    lease_ms: i64,
}

impl Places {
    /// What to offer to the store.
    pub fn offer(&self) -> Offer {
        Offer { most: self.free.len(), lease_ms: self.lease_ms, ..Offer::default() }
    }
}

/// Of how many conversations news is kept that no turn heard. Without it a message may be answered apart from the one just
/// before it.
const MOST_UNHEARD: usize = 4096;
/// How much is kept of each.
const MOST_NEWS: usize = 64;

impl Notifier {
    /// Something changed in a conversation, for whoever looks at it.
    pub fn changed(&self, conversation: &ConversationId) {
        self.live.changed(conversation);
    }

    /// Something of this kind changed, for whoever looks at this process; [`super::Desk::announce`] tells the other replicas, too.
    pub fn announce(&self, what: What) {
        self.live.announce(what);
    }

    /// What happened on other replicas may have been missed: by those who look, by turns under way, and by the dispatcher.
    pub fn missed(&self) {
        self.live.missed();
        for turn in self.under_way().values() {
            turn.send_modify(|news| news.push(None));
        }
        self.dispatcher.notify_one();
    }

    /// The changes after the one with this id, where it is known and not too old; else those from now on.
    pub fn changes(&self, after: Option<&str>) -> Changes {
        self.live.after(after)
    }

    /// Ends the live streams: the desk is stopping, and would wait for their listeners.
    pub fn end_live(&self) {
        self.live.end();
    }

    /// Waits until the live streams end.
    pub fn live_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.live.ended()
    }

    /// Tells the turn that runs in a conversation that a message came (with the provider's id, where it is known), or that a
    /// person took it.
    pub fn conversation_event(&self, conversation: &ConversationId, message: Option<&str>) {
        self.changed(conversation);
        let under_way = self.under_way();
        if let Some(turn) = under_way.get(conversation) {
            turn.send_modify(|news| news.push(message.map(ToOwned::to_owned)));
        } else {
            self.unheard().keep(conversation, message);
            self.dispatcher.notify_one();
        }
    }

    /// There may be turns to run.
    pub fn turns(&self) {
        self.dispatcher.notify_one();
    }

    /// There is something to send.
    pub fn send(&self) {
        self.sends.fetch_add(1, Ordering::SeqCst);
        self.outbox.notify_one();
    }

    /// How often there was something to send.
    pub fn sends_asked(&self) -> u64 {
        self.sends.load(Ordering::SeqCst)
    }

    /// Registers the dispatcher; turns claimed at intake arrive on the returned channel while places are free. Once.
    pub fn open(&self, places: &Arc<Semaphore>, lease_ms: i64) -> mpsc::UnboundedReceiver<Begin> {
        let (claims, begun) = mpsc::unbounded_channel();
        let begins = Begins { places: places.clone(), lease_ms, claims };
        if self.begins.set(begins).is_err() {
            tracing::error!("a second dispatcher began: it finds its turns by polling");
        }
        begun
    }

    /// So many places among the turns, or as many as there are.
    pub fn places(&self, most: usize) -> Places {
        let Some(Begins { places, lease_ms, .. }) = self.begins.get() else {
            return Places::default();
        };
        let free = (0..most).map_while(|_| places.clone().try_acquire_owned().ok()).collect();
        Places { free, lease_ms: *lease_ms }
    }

    /// Begins the turns that were claimed; those that cannot begin are given back, to be let go.
    pub fn begin(
        &self,
        mut places: Places,
        claims: Vec<(Claim, ConversationSnapshot)>,
    ) -> Vec<Claim> {
        let begins = self.begins.get();
        let mut left = Vec::new();
        for (claim, said) in claims {
            let Some((begins, place)) = begins.zip(places.free.pop()) else {
                left.push(claim);
                continue;
            };
            if let Err(refused) = begins.claims.send(Begin { claim, said: Some(said), place }) {
                left.push(refused.0.claim);
            }
        }
        left
    }

    /// What wakes the dispatcher.
    pub fn for_dispatcher(&self) -> Arc<Notify> {
        self.dispatcher.clone()
    }

    /// What wakes the outbox dispatcher.
    pub fn for_outbox(&self) -> Arc<Notify> {
        self.outbox.clone()
    }

    /// A turn begins in a conversation; it hears what happens there until the result is dropped, and what no turn heard
    /// before it.
    pub fn listen(self: &Arc<Self>, conversation: &ConversationId) -> ConversationEvents {
        let mut under_way = self.under_way();
        let mut news = self.unheard().take(conversation);
        if under_way.contains_key(conversation) {
            // A turn that lost its lease listens there still, and got what this one, whose claim was read before, should know.
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

    fn under_way(&self) -> MutexGuard<'_, HashMap<ConversationId, watch::Sender<News>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unheard(&self) -> MutexGuard<'_, UnheardNews> {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happened: the provider's id of a message that came, or something else.
type News = Vec<Option<String>>;

/// News that no turn heard, for the turn that may be about to begin there. When the younger half is full, the older one is
/// forgotten.
#[derive(Default)]
struct UnheardNews {
    young: HashMap<ConversationId, News>,
    old: HashMap<ConversationId, News>,
}

impl UnheardNews {
    fn keep(&mut self, conversation: &ConversationId, message: Option<&str>) {
        let mut news = self.take(conversation);
        if news.len() < MOST_NEWS {
            news.push(message.map(ToOwned::to_owned));
        } else {
            // Something happened: whoever listens reads what.
            news = vec![None];
        }
        if self.young.len() >= MOST_UNHEARD / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(conversation.clone(), news);
    }

    fn take(&mut self, conversation: &ConversationId) -> News {
        let young = self.young.remove(conversation);
        young.or_else(|| self.old.remove(conversation)).unwrap_or_default()
    }
}

/// The events of a conversation, for the turn that runs there.
pub struct ConversationEvents {
    wake: Arc<Notifier>,
    conversation: ConversationId,
    changes: watch::Receiver<News>,
    /// How much of the news is from before this turn listened.
    before: usize,
    /// How much of the news was asked for.
    read: usize,
}

impl ConversationEvents {
    /// Waits until something happens.
    pub async fn next(&mut self) {
        if self.changes.changed().await.is_err() {
            // Nobody tells any more: another turn listens in this place.
            std::future::pending::<()>().await;
        }
    }

    /// Whether anything happened since this was last asked, beside the coming of messages that are known already.
    pub fn happened(&mut self, known: impl Fn(&str) -> bool) -> bool {
        let news = self.changes.borrow_and_update();
        let since = &news[self.read.min(news.len())..];
        self.read = news.len();
        since.iter().any(|message| message.as_deref().is_none_or(|message| !known(message)))
    }
}

impl Drop for ConversationEvents {
    fn drop(&mut self) {
        let mut under_way = self.wake.under_way();
        // A later turn of this conversation may listen in this place already: its sender is another one.
        let ours = |sender: &watch::Sender<News>| {
            sender.receiver_count() == 1 && sender.subscribe().same_channel(&self.changes)
        };
        let news = self.changes.borrow().len();
        let unread = news > self.read;
        if under_way.get(&self.conversation).is_some_and(ours) {
            under_way.remove(&self.conversation);
            // The next turn may have been claimed and read before this came, and not listen yet.
            if unread || news > self.before {
                self.wake.unheard().keep(&self.conversation, None);
            }
        }
        // What the turn has not heard of, or heard and not looked at, is for the next one.
        if unread {
            self.wake.turns();
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
        assert!(!first.happened(|_| false), "nothing happened yet");
        // The next turn is claimed and read here, and begins only after a message came.
        wake.conversation_event(&conversation, Some("wamid.1"));
        let mut next = wake.listen(&conversation);
        assert!(next.happened(|message| message == "wamid.0"), "it reads again");
        assert!(!next.happened(|_| false), "once");
    }

    #[test]
    fn what_came_to_a_turn_that_ended_is_news_to_the_next_one_once() {
        let wake = Arc::new(Notifier::default());
        let conversation = ConversationId::generate();
        for read in [false, true] {
            let mut first = wake.listen(&conversation);
            // The next turn was claimed and read just before, and does not listen yet.
            wake.conversation_event(&conversation, Some("wamid.1"));
            assert!(!read || first.happened(|_| false));
            drop(first);
            let mut next = wake.listen(&conversation);
            assert!(next.happened(|_| false), "it reads again (read before: {read})");
            assert!(!next.happened(|_| false), "once");
            drop(next);
            assert!(!wake.listen(&conversation).happened(|_| false), "and no later one");
        }
    }

    #[test]
    fn whoever_may_have_missed_something_looks_again() {
        let wake = Arc::new(Notifier::default());
        let mut turn = wake.listen(&ConversationId::generate());
        wake.missed();
        assert!(turn.happened(|_| false));
        assert!(!turn.happened(|_| false), "once");
        let dispatcher = wake.for_dispatcher();
        assert!(dispatcher.notified().now_or_never().is_some(), "there may be turns to run");
    }

    #[test]
    fn of_too_much_that_no_turn_heard_the_oldest_is_forgotten() {
        let wake = Arc::new(Notifier::default());
        let conversations: Vec<_> =
            (0..=MOST_UNHEARD).map(|_| ConversationId::generate()).collect();
        for conversation in &conversations {
            wake.conversation_event(conversation, None);
        }
        let heard = |place: usize| wake.listen(&conversations[place]).happened(|_| false);
        assert!(heard(MOST_UNHEARD) && heard(MOST_UNHEARD / 2));
        assert!(!heard(0));
    }
}
