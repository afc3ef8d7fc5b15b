//! A running desk: what the worker and the web face share. It is built by `app`; nothing here builds anything.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, mpsc, watch};

use crate::domain::{AgentId, ConversationId, NumberId, Sending, VersionId};
use crate::knowledge::Library;
use crate::pipeline::inbound::Intake;
use crate::pipeline::{Bot, Engine};
use crate::prompts;
use crate::provider::Provider;
use crate::store::Store;
use crate::store::inbox::Offer;
use crate::store::turns::{Claim, Said};

mod announce;
pub use announce::What;

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

    /// Brings the curated answers in step with the database.
    pub async fn follow_answers(&self) -> crate::store::Result<()> {
        self.engine.curated.follow(&self.store, &*self.engine.embed).await
    }

    /// Makes a prompt file ready as a version of an agent; collections that it names and that are not there are made, empty. The
    /// error says what is wrong with the file, or that the database does not answer.
    pub async fn ready(
        &self,
        (slug, source): (&str, &str),
        agent: AgentId,
        version: Option<VersionId>,
    ) -> Result<Bot, String> {
        let file =
            prompts::parse(&format!("{slug}.md"), source).map_err(|wrong| wrong.to_string())?;
        let mut knowledge = Vec::new();
        for name in &file.knowledge {
            let id = self.store.collection(name).await;
            knowledge.push(id.map_err(|error| error.to_string())?);
        }
        file.bot(agent, version, knowledge)
    }

    /// Brings the agents in step with the database: what another process published answers here, too.
    pub async fn follow_agents(&self) -> crate::store::Result<()> {
        for row in self.store.agents().await? {
            let (id, version) = (AgentId::stored(row.id), VersionId::stored(row.version_id));
            if self.bots.get(&id).is_some_and(|bot| bot.agent.version.as_ref() == Some(&version)) {
                continue;
            }
            match self.ready((&row.slug, &row.source), id, Some(version)).await {
                Ok(bot) => {
                    tracing::info!(
                        agent = row.slug,
                        version = row.ordinal,
                        "version {} of {} answers",
                        row.ordinal,
                        row.slug
                    );
                    self.bots.put(bot);
                }
                Err(why) => tracing::error!(
                    agent = row.slug,
                    "version {} of {} cannot be used: {why}",
                    row.ordinal,
                    row.slug
                ),
            }
        }
        Ok(())
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
    /// How often the courier was woken.
    sends: AtomicU64,
    under_way: Mutex<HashMap<ConversationId, watch::Sender<News>>>,
    /// What no turn heard.
    unheard: Mutex<HashMap<ConversationId, News>>,
    changes: broadcast::Sender<ConversationId>,
    live_ended: watch::Sender<bool>,
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
    pub said: Option<Said>,
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
/// How many changes a slow listener of the live stream may be behind.
const BEHIND: usize = 1024;

impl Default for Wake {
    fn default() -> Self {
        Self {
            dispatcher: Arc::default(),
            courier: Arc::default(),
            sends: AtomicU64::default(),
            under_way: Mutex::default(),
            unheard: Mutex::default(),
            changes: broadcast::channel(BEHIND).0,
            live_ended: watch::Sender::new(false),
            begins: OnceLock::new(),
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

    /// Something happened in a conversation that a turn under way should know: a message came (with the provider's id,
    /// where it is known), or a person took it.
    pub fn stirred(&self, conversation: &ConversationId, message: Option<&str>) {
        self.changed(conversation);
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = under_way.get(conversation) {
            turn.send_modify(|news| news.push(message.map(ToOwned::to_owned)));
        } else {
            self.keep_unheard(conversation, message);
            self.dispatcher.notify_one();
        }
    }

    /// Keeps news of a conversation for the turn that may be about to begin there.
    fn keep_unheard(&self, conversation: &ConversationId, message: Option<&str>) {
        let mut unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        if unheard.len() >= MOST_UNHEARD {
            unheard.clear();
        }
        let news = unheard.entry(conversation.clone()).or_default();
        if news.len() < MOST_NEWS {
            news.push(message.map(ToOwned::to_owned));
        } else {
            // Something happened: whoever listens reads what.
            *news = vec![None];
        }
    }

    /// There may be turns to run.
    pub fn turns(&self) {
        self.dispatcher.notify_one();
    }

    /// There is something to send.
    pub fn send(&self) {
        self.sends.fetch_add(1, Ordering::SeqCst);
        self.courier.notify_one();
    }

    /// How often there was something to send.
    pub fn sends_asked(&self) -> u64 {
        self.sends.load(Ordering::SeqCst)
    }

    /// From now on turns begin through what is given back, as far as there are places. For the dispatcher, once.
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
    pub fn begin(&self, mut places: Places, claims: Vec<(Claim, Said)>) -> Vec<Claim> {
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

    /// What wakes the courier.
    pub fn for_courier(&self) -> Arc<Notify> {
        self.courier.clone()
    }

    /// A turn begins in a conversation; it hears what happens there until the result is dropped, and what no turn heard
    /// before it.
    pub fn listen(self: &Arc<Self>, conversation: &ConversationId) -> Stirs {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let unheard =
            self.unheard.lock().unwrap_or_else(PoisonError::into_inner).remove(conversation);
        let (sender, mut changes) = watch::channel(unheard.unwrap_or_default());
        if !changes.borrow().is_empty() {
            changes.mark_changed();
        }
        under_way.insert(conversation.clone(), sender);
        Stirs { wake: self.clone(), conversation: conversation.clone(), changes, read: 0 }
    }
}

/// What happened: the provider's id of a message that came, or something else.
type News = Vec<Option<String>>;

/// What a turn under way hears of its conversation.
pub struct Stirs {
    wake: Arc<Wake>,
    conversation: ConversationId,
    changes: watch::Receiver<News>,
    /// How much of the news was asked for.
    read: usize,
}

impl Stirs {
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

impl Drop for Stirs {
    fn drop(&mut self) {
        let mut under_way = self.wake.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // A later turn of this conversation may listen in this place already: its sender is another one.
        let ours = |sender: &watch::Sender<News>| {
            sender.receiver_count() == 1 && sender.subscribe().same_channel(&self.changes)
        };
        if under_way.get(&self.conversation).is_some_and(ours) {
            under_way.remove(&self.conversation);
        }
        // What the turn has not heard of, or heard and not looked at, is for the next one.
        let unread = self.changes.borrow().len() > self.read;
        if unread || self.changes.has_changed().unwrap_or(false) {
            self.wake.turns();
        }
    }
}
