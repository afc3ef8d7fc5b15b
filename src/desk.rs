//! A running desk: what the worker and the web face share. It is built by `app`; nothing here builds anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, broadcast, watch};

use crate::domain::{AgentId, ConversationId, NumberId, Sending};
use crate::knowledge::Library;
use crate::pipeline::inbound::Intake;
use crate::pipeline::{Bot, Engine};
use crate::provider::Provider;
use crate::store::Store;

/// A running desk.
pub struct Desk {
    /// The database.
    pub store: Store,
    /// The pipeline.
    pub engine: Engine,
    /// The documents, and the index that follows them.
    pub library: Library,
    /// The agents that answer.
    pub bots: Bots,
    /// The numbers that are connected.
    pub numbers: Vec<Number>,
    /// How messages are taken in.
    pub intake: Intake,
    /// The address under which people reach this desk, for links.
    pub base_url: String,
    /// Wakes the dispatcher and the courier.
    pub wake: Arc<Wake>,
}

/// A connected number.
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// Its name in the configuration.
    pub slug: String,
    /// The provider's name, as in the webhook's path.
    pub provider: &'static str,
    /// The agent that answers on it.
    pub agent: AgentId,
    /// Whether WhatsApp lets it write freely only for 24 hours after the customer's last message.
    pub has_window: bool,
    /// How it sends.
    pub sending: Sending,
    /// How it is reached.
    pub line: Arc<dyn Provider>,
}

impl Desk {
    /// The number with this id.
    pub fn number(&self, id: &str) -> Option<&Number> {
        self.numbers.iter().find(|number| number.id.as_str() == id)
    }

    /// The numbers of a provider.
    pub fn numbers_of<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a Number> {
        self.numbers.iter().filter(move |number| number.provider == provider)
    }
}

/// The agents that answer, each ready. They can be changed while turns run; a turn keeps the one it began with.
#[derive(Default)]
pub struct Bots {
    ready: RwLock<HashMap<AgentId, Arc<Bot>>>,
}

impl Bots {
    /// The agent with this id.
    pub fn get(&self, id: &AgentId) -> Option<Arc<Bot>> {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The agent with this id or short name.
    pub fn named(&self, name: &str) -> Option<Arc<Bot>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.values().find(|bot| bot.agent.slug == name || bot.agent.id.as_str() == name).cloned()
    }

    /// Every agent, by name.
    pub fn all(&self) -> Vec<Arc<Bot>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = ready.values().cloned().collect();
        all.sort_by(|a, b| a.agent.slug.cmp(&b.agent.slug));
        all
    }

    /// Puts an agent in the place of its former version.
    pub fn put(&self, bot: Bot) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        ready.insert(bot.agent.id.clone(), Arc::new(bot));
    }
}

/// Wakes the dispatcher and the courier, and tells turns under way that something happened in their conversation.
pub struct Wake {
    dispatcher: Arc<Notify>,
    courier: Arc<Notify>,
    under_way: Mutex<HashMap<ConversationId, watch::Sender<u64>>>,
    changes: broadcast::Sender<ConversationId>,
    live_ended: watch::Sender<bool>,
}

/// How many changes a slow listener of the live stream may be behind.
const BEHIND: usize = 1024;

impl Default for Wake {
    fn default() -> Self {
        Self {
            dispatcher: Arc::default(),
            courier: Arc::default(),
            under_way: Mutex::default(),
            changes: broadcast::channel(BEHIND).0,
            live_ended: watch::Sender::new(false),
        }
    }
}

impl Wake {
    /// Something changed in a conversation, for whoever looks at it.
    pub fn changed(&self, conversation: &ConversationId) {
        if self.changes.receiver_count() > 0 {
            // The last listener may have gone since; then nobody misses it.
            let _ = self.changes.send(conversation.clone());
        }
    }

    /// The changes from now on.
    pub fn changes(&self) -> broadcast::Receiver<ConversationId> {
        self.changes.subscribe()
    }

    /// Ends the live streams: the desk is stopping, and would wait for their listeners.
    pub fn end_live(&self) {
        self.live_ended.send_replace(true);
    }

    /// Waits until the live streams end.
    pub fn live_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.live_ended.subscribe();
        async move { drop(ended.wait_for(|ended| *ended).await) }
    }

    /// Something happened in a conversation that a turn under way should know: a message came, or a person took it.
    pub fn stirred(&self, conversation: &ConversationId) {
        self.changed(conversation);
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.get(conversation) {
            Some(turn) => turn.send_modify(|count| *count += 1),
            None => self.dispatcher.notify_one(),
        }
    }

    /// There may be turns to run.
    pub fn turns(&self) {
        self.dispatcher.notify_one();
    }

    /// There is something to send.
    pub fn send(&self) {
        self.courier.notify_one();
    }

    /// What wakes the dispatcher.
    pub fn for_dispatcher(&self) -> Arc<Notify> {
        self.dispatcher.clone()
    }

    /// What wakes the courier.
    pub fn for_courier(&self) -> Arc<Notify> {
        self.courier.clone()
    }

    /// A turn begins in a conversation; it hears what happens there until the result is dropped.
    pub fn listen(self: &Arc<Self>, conversation: &ConversationId) -> Stirs {
        let (sender, changes) = watch::channel(0);
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(conversation.clone(), sender);
        Stirs { wake: self.clone(), conversation: conversation.clone(), changes }
    }
}

/// What a turn under way hears of its conversation.
pub struct Stirs {
    wake: Arc<Wake>,
    conversation: ConversationId,
    changes: watch::Receiver<u64>,
}

impl Stirs {
    /// Waits until something happens.
    pub async fn next(&mut self) {
        if self.changes.changed().await.is_err() {
            // Nobody tells any more: another turn listens in this place.
            std::future::pending::<()>().await;
        }
    }

    /// Whether something happened since this was last asked or waited for.
    pub fn happened(&mut self) -> bool {
        let happened = self.changes.has_changed().unwrap_or(false);
        self.changes.mark_unchanged();
        happened
    }
}

impl Drop for Stirs {
    fn drop(&mut self) {
        let mut under_way = self.wake.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // A later turn of this conversation may listen in this place already: its sender is another one.
        let ours = |sender: &watch::Sender<u64>| {
            sender.receiver_count() == 1 && sender.subscribe().same_channel(&self.changes)
        };
        if under_way.get(&self.conversation).is_some_and(ours) {
            under_way.remove(&self.conversation);
        }
        // What the turn has not heard of is for the next one.
        if self.changes.has_changed().unwrap_or(false) {
            self.wake.turns();
        }
    }
}
