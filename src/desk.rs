//! A running desk: what the worker and the web face share. It is built by `app`; nothing here builds anything.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::domain::{AgentId, NumberId};
use crate::knowledge::Library;
use crate::pipeline::{Bot, Engine};
use crate::provider::Provider;
use crate::store::Store;
use crate::store::inbox::Burst;

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
    /// How long to wait for more before a turn begins.
    pub burst: Burst,
    /// The address under which people reach this desk, for links.
    pub base_url: String,
    /// Wakes the dispatcher and the courier.
    pub wake: Wake,
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

/// Wakes the dispatcher when a turn may begin, and the courier when there is something to send.
pub struct Wake {
    due: UnboundedSender<i64>,
    courier: Arc<Notify>,
}

/// The other ends of [`Wake`], for the worker.
pub struct Woken {
    /// Moments at which turns may begin.
    pub due: UnboundedReceiver<i64>,
    /// There is something to send.
    pub courier: Arc<Notify>,
}

impl Wake {
    /// A pair of ends.
    pub fn pair() -> (Self, Woken) {
        let (sender, due) = unbounded_channel();
        let courier = Arc::new(Notify::new());
        (Self { due: sender, courier: courier.clone() }, Woken { due, courier })
    }

    /// A turn may begin at this moment.
    pub fn turn_at(&self, moment: i64) {
        // Without a worker nobody listens; the poll of the next one finds the turn.
        let _ = self.due.send(moment);
    }

    /// There is something to send.
    pub fn send(&self) {
        self.courier.notify_one();
    }
}
