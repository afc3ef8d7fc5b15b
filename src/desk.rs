//! A running desk: what the worker and the web face share. It is built by `app`; nothing here builds anything.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::domain::{AgentId, VersionId, What};
use crate::knowledge::Library;
use crate::pipeline::inbound::Intake;
use crate::pipeline::{Bot, Engine};
use crate::prompts;
use crate::store::Store;
use crate::store::agents::AgentRow;

pub mod live;
mod guards;
mod notifier;
mod numbers;
mod trials;

pub use guards::{Change, ChangeRequest, Refusal};
pub use notifier::{Begin, ConversationEvents, Notifier, Places};
pub use numbers::{Connector, Number, NumberActivity, Numbers};

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
    pub numbers: Numbers,
    /// How messages are taken in.
    pub intake: Intake,
    /// The address under which people reach this desk, for links.
    pub base_url: String,
    /// Wakes the dispatcher and the outbox dispatcher.
    pub wake: Arc<Notifier>,
}

impl Desk {
    /// Brings the curated answers in step with the database.
    pub async fn follow_answers(&self) -> crate::store::Result<()> {
        let live = self.engine.live();
        live.curated.follow(&self.store, &*live.embed).await
    }

    /// Something of this kind changed, for whoever looks at this replica or another one.
    pub async fn announce(&self, what: What) {
        self.wake.announce(what);
        if let Err(error) = self.store.announce(what).await {
            tracing::debug!(%error, "other replicas were not told that {} changed", what.as_str());
        }
    }

    /// Makes a prompt file ready as a version of an agent; collections that it names and that are not there are made, empty.
    pub async fn ready(
        &self,
        (slug, source): (&str, &str),
        agent: AgentId,
        version: Option<VersionId>,
    ) -> Result<Bot, ReadyError> {
        let file = prompts::parse(&format!("{slug}.md"), source)
            .map_err(|wrong| ReadyError::Prompt(wrong.to_string()))?;
        let mut knowledge = Vec::new();
        for name in &file.knowledge {
            knowledge.push(self.store.collection(name).await?);
        }
        file.bot(agent, version, knowledge).map_err(ReadyError::Prompt)
    }

    /// Brings the agents in step with the database: what another process published answers here, too.
    pub async fn follow_agents(&self) -> crate::store::Result<()> {
        for row in self.store.agents().await? {
            let version = Some(VersionId::stored(row.version_id.clone()));
            let bot = self.bots.get(&AgentId::stored(row.id.clone()));
            if bot.is_some_and(|bot| bot.agent.version == version) {
                continue;
            }
            if self.take_live(&row).await {
                tracing::info!(
                    agent = row.slug,
                    version = row.ordinal,
                    "version {} of {} answers",
                    row.ordinal,
                    row.slug
                );
                self.wake.announce(What::Agents);
            }
        }
        Ok(())
    }

    /// Lets an agent's live version answer; whether it can. Where it cannot, the one that answered before goes on; where there is
    /// none, as at a start after an upgrade whose bounds are narrower, the customers' messages wait. What is wrong with a version is said
    /// once, and it is not read again.
    pub async fn take_live(&self, row: &AgentRow) -> bool {
        let (id, version) =
            (AgentId::stored(row.id.clone()), VersionId::stored(row.version_id.clone()));
        if self.bots.is_refused(&version) {
            return false;
        }
        let bot = self.ready((&row.slug, &row.source), id.clone(), Some(version.clone())).await;
        let why = match bot {
            Ok(bot) => {
                self.bots.put(bot);
                return true;
            }
            Err(ReadyError::Prompt(why)) => why,
            Err(ReadyError::Store(error)) => {
                tracing::warn!(
                    agent = row.slug,
                    version = row.ordinal,
                    %error,
                    "version {} of {} is not ready yet, it is tried again",
                    row.ordinal,
                    row.slug
                );
                return false;
            }
        };
        self.bots.refuse(version);
        let goes_on = if self.bots.get(&id).is_some() {
            "the version before it answers"
        } else {
            "nobody answers its customers, and their messages are kept"
        };
        tracing::error!(
            agent = row.slug,
            version = row.ordinal,
            "version {} of {} cannot be used: {why}; until a version without this is published (`frontdesk publish {}`, or in the console), {goes_on}",
            row.ordinal,
            row.slug,
            row.slug
        );
        false
    }
}

/// Why a prompt file cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// What is wrong with the file.
    #[error("{0}")]
    Prompt(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

/// The agents that answer, each ready. They can be changed while turns run; a turn keeps the one it began with.
#[derive(Default)]
pub struct Bots {
    ready: RwLock<HashMap<AgentId, Arc<Bot>>>,
    /// Versions whose prompt file cannot be used.
    refused: Mutex<HashSet<VersionId>>,
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

    /// Whether a version's prompt file cannot be used.
    pub fn is_refused(&self, version: &VersionId) -> bool {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).contains(version)
    }

    fn refuse(&self, version: VersionId) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(version);
    }

    /// Puts an agent in the place of its former version.
    pub fn put(&self, bot: Bot) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        ready.insert(bot.agent.id.clone(), Arc::new(bot));
    }
}
