//! A running desk: the state that the worker and the web server share. `app` builds it; nothing
//! here does.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::domain::{AgentId, VersionId, What};
use crate::knowledge::Library;
use crate::pipeline::inbound::Intake;
use crate::pipeline::{Bot, Engine};
use crate::prompts::{self, PromptFile};
use crate::provider::MessagePrices;
use crate::store::Store;
use crate::store::agents::AgentRow;

pub mod demo;
pub mod live;
pub mod qr;
pub mod suggestion;
mod attachment_reader;
mod document_files;
mod adapter_builder;
mod campaigns;
mod device_link;
mod embedder_switch;
mod model_adapters;
mod model_choice;
mod model_trial;
mod missed_messages;
mod guards;
mod intake;
mod local_models;
mod notifier;
mod number_activity;
mod numbers;
mod removal;
mod templates;
mod trials;

pub use adapter_builder::AdapterBuilder;
pub use attachment_reader::SandboxedReader;
pub use campaigns::{
    CampaignProblem, ListEntry, ListProblem, RecipientList, RejectedRow, RowProblem,
};
pub use device_link::{LinkError, PairingProgress};
pub use document_files::KeptFiles;
pub use embedder_switch::EmbedderProgress;
pub use guards::{Change, ChangeRequest, Refusal};
pub use intake::{Delivery, DeliverySource, is_of_account};
pub use local_models::{LocalModel, LocalModels, ModelPart};
pub use model_adapters::ModelChoices;
pub use model_choice::{ModelRefusal, ModelRequest, ModelScope};
pub use model_trial::TrialResult;
pub use notifier::{Begin, ConversationEvents, Notifier, Places};
pub use number_activity::NumberActivity;
pub use numbers::{Connector, Number, Numbers};
pub use removal::{RESERVED_SLUG, RemovalError};
pub use templates::{NumberTemplates, TemplateChangeError, TemplateSyncError};

/// A running desk.
pub struct Desk {
    /// The database.
    pub store: Store,
    /// The pipeline that answers messages.
    pub engine: Engine,
    /// The documents and their search index.
    pub library: Library,
    /// The live agents.
    pub bots: Bots,
    /// The connected numbers.
    pub numbers: Numbers,
    /// The models that were chosen while the desk runs.
    pub model_choices: ModelChoices,
    /// The models that run in this process.
    pub local_models: LocalModels,
    /// How incoming messages are accepted.
    pub intake: Intake,
    /// Maximum size of a customer's file that is stored, in bytes.
    pub max_file_bytes: usize,
    /// What WhatsApp charges for messages.
    pub message_prices: MessagePrices,
    /// The public URL of this desk, used in links.
    pub base_url: String,
    /// Notifies the dispatchers, running turns and listeners of the live stream.
    pub notifier: Arc<Notifier>,
}

impl Desk {
    /// Reloads the curated answers from the database.
    pub async fn reload_answers(&self) -> crate::store::Result<()> {
        let live = self.engine.live();
        live.curated.sync_with_store(&self.store, &*live.embed).await
    }

    /// Announces a change of this kind to listeners on this replica and on the others.
    pub async fn announce(&self, what: What) {
        self.notifier.announce(what);
        if let Err(error) = self.store.announce(what).await {
            tracing::debug!(%error, "other replicas were not told that {} changed", what.as_str());
        }
    }

    /// Builds an agent from a prompt file. Collections that it names and that do not exist are
    /// created empty.
    pub async fn build_bot(
        &self,
        (slug, source): (&str, &str),
        agent: AgentId,
        version: Option<VersionId>,
    ) -> Result<Bot, BuildBotError> {
        let file = prompts::parse(&format!("{slug}.md"), source)
            .map_err(|wrong| BuildBotError::Prompt(wrong.to_string()))?;
        let mut knowledge = Vec::new();
        for name in &file.knowledge {
            knowledge.push(self.store.collection(name).await?);
        }
        file.bot(agent, version, knowledge).map_err(BuildBotError::Prompt)
    }

    /// Refuses a prompt file with an empty list of collections. Those that do not exist yet are
    /// made.
    pub async fn check_knowledge(
        &self,
        (slug, source): (&str, &str),
        file: &PromptFile,
    ) -> Result<(), BuildBotError> {
        let stored = self.store.collections().await?.into_iter().map(|row| row.slug);
        let known = stored.chain(file.knowledge.iter().cloned()).collect();
        let checked = file.check_knowledge((&format!("{slug}.md"), source), &known);
        checked.map_err(|wrong| BuildBotError::Prompt(wrong.to_string()))
    }

    /// Loads the versions that other processes published, and drops the agents that they removed.
    pub async fn reload_agents(&self) -> crate::store::Result<()> {
        let rows = self.store.agents().await?;
        for bot in self.bots.all() {
            if !rows.iter().any(|row| row.id == bot.agent.id.as_str()) {
                self.bots.remove(&bot.agent.id);
                self.notifier.announce(What::Agents);
            }
        }
        for row in rows {
            let version = Some(VersionId::stored(row.version_id.clone()));
            let bot = self.bots.get(&AgentId::stored(row.id.clone()));
            let is_same =
                |bot: Arc<Bot>| bot.agent.version == version && bot.agent.slug == row.slug;
            if bot.is_some_and(is_same) {
                continue;
            }
            if self.activate_version(&row).await {
                tracing::info!(
                    agent = row.slug,
                    version = row.ordinal,
                    "version {} of {} answers",
                    row.ordinal,
                    row.slug
                );
                self.notifier.announce(What::Agents);
            }
        }
        Ok(())
    }

    /// Makes an agent's live version answer, and returns whether it does. If the version is
    /// invalid, the one before it keeps answering; if there is none (at a start after an upgrade
    /// with narrower limits), the customers' messages wait. An invalid version is logged once and
    /// not tried again.
    pub async fn activate_version(&self, row: &AgentRow) -> bool {
        let (id, version) =
            (AgentId::stored(row.id.clone()), VersionId::stored(row.version_id.clone()));
        if self.bots.is_refused(&version) {
            return false;
        }
        let bot = self.build_bot((&row.slug, &row.source), id.clone(), Some(version.clone())).await;
        let why = match bot {
            Ok(bot) => {
                self.bots.put(bot);
                return true;
            }
            Err(BuildBotError::Prompt(why)) => why,
            Err(BuildBotError::Store(error)) => {
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

/// Why an agent cannot be built from a prompt file.
#[derive(Debug, thiserror::Error)]
pub enum BuildBotError {
    /// The prompt file is invalid, with the reason.
    #[error("{0}")]
    Prompt(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

/// The live agents. They can be replaced while turns run; a turn keeps the version that it began
/// with.
#[derive(Default)]
pub struct Bots {
    ready: RwLock<HashMap<AgentId, Arc<Bot>>>,
    /// Versions whose prompt file is invalid.
    refused: Mutex<HashSet<VersionId>>,
}

impl Bots {
    /// Returns the agent with this id.
    pub fn get(&self, id: &AgentId) -> Option<Arc<Bot>> {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Returns the agent with this id or slug.
    pub fn named(&self, name: &str) -> Option<Arc<Bot>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.values().find(|bot| bot.agent.slug == name || bot.agent.id.as_str() == name).cloned()
    }

    /// Returns all agents, sorted by slug.
    pub fn all(&self) -> Vec<Arc<Bot>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = ready.values().cloned().collect();
        all.sort_by(|a, b| a.agent.slug.cmp(&b.agent.slug));
        all
    }

    /// Whether a version's prompt file was found invalid.
    pub fn is_refused(&self, version: &VersionId) -> bool {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).contains(version)
    }

    fn refuse(&self, version: VersionId) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(version);
    }

    /// Adds an agent, or replaces its former version.
    pub fn put(&self, bot: Bot) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        ready.insert(bot.agent.id.clone(), Arc::new(bot));
    }

    /// Removes an agent. Turns that run keep it.
    pub fn remove(&self, id: &AgentId) {
        self.ready.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
