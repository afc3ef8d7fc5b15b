//! Builds the adapters of embeddings, speech and reranking: of the configuration, or of a model that
//! somebody chose. Must not put them to use.

use std::sync::Arc;

use crate::domain::{ModelProvider, ModelRole};
use crate::embed::{self, Embedder};
use crate::index;
use crate::models::{self, ModelSetting, Use};
use crate::pipeline::LiveLookup;
use crate::qa;
use crate::reader::Pool;
use crate::rerank::{self, Reranker};
use crate::slot::AdapterSlot;
use crate::speech::{self, Transcriber};

/// The settings that adapters are built from, and where the lookups in use are held.
pub struct AdapterBuilder {
    /// `[embed]`.
    pub embed: embed::Settings,
    /// `[speech]`.
    pub speech: speech::Settings,
    /// `[rerank]`.
    pub rerank: rerank::Settings,
    /// `[qa]`.
    pub qa: qa::Settings,
    /// `[index]`.
    pub index: index::Settings,
    /// `[models]`.
    pub models: models::Settings,
    /// Worker processes that decode recordings.
    pub readers: Pool,
    /// The lookups in use.
    pub lookups: AdapterSlot<LiveLookup>,
}

/// How the adapter of a task is built: from a choice, or without one from the configuration; and the
/// adapter that does nothing.
pub(super) struct Construction<A: ?Sized> {
    pub(super) build: fn(&AdapterBuilder, Option<&ModelSetting>) -> Result<Arc<A>, String>,
    pub(super) off: fn() -> Arc<A>,
}

impl<A: ?Sized> Clone for Construction<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: ?Sized> Copy for Construction<A> {}

impl AdapterBuilder {
    pub(super) const EMBEDDER: Construction<dyn Embedder> =
        Construction { build: Self::embedder, off: embed::off };
    pub(super) const TRANSCRIBER: Construction<dyn Transcriber> =
        Construction { build: Self::transcriber, off: speech::off };
    pub(super) const RERANKER: Construction<dyn Reranker> =
        Construction { build: Self::reranker, off: rerank::off };

    pub(super) fn embedder(
        &self,
        chosen: Option<&ModelSetting>,
    ) -> Result<Arc<dyn Embedder>, String> {
        match chosen {
            Some(setting) => self.embed.chosen(setting).build(&self.models),
            None => self.embed.build(&self.models),
        }
    }

    pub(super) fn transcriber(
        &self,
        chosen: Option<&ModelSetting>,
    ) -> Result<Arc<dyn Transcriber>, String> {
        match chosen {
            Some(setting) => self.speech.chosen(setting).build(&self.models, &self.readers),
            None => self.speech.build(&self.models, &self.readers),
        }
    }

    pub(super) fn reranker(
        &self,
        chosen: Option<&ModelSetting>,
    ) -> Result<Arc<dyn Reranker>, String> {
        match chosen {
            Some(setting) => self.rerank.chosen(setting).build(&self.models),
            None => self.rerank.build(&self.models),
        }
    }

    /// Checks that a model of this machine is there for a task; opens nothing.
    pub(super) fn check_local(&self, role: ModelRole, name: &str) -> Result<(), String> {
        let purpose = match role {
            ModelRole::Chat => return Err("no model of this machine writes answers here".into()),
            ModelRole::Embeddings => Use::Embed,
            ModelRole::Speech => Use::Listen,
            ModelRole::Reranking => Use::Rerank,
        };
        self.models.path(name)?;
        match self.models.found(name) {
            Some(found) if found.purpose == purpose => Ok(()),
            Some(_) => Err(format!("the model {name} is for another task")),
            None => Err(format!(
                "the model {name} is not on this machine: download it, or `frontdesk models fetch {name}`"
            )),
        }
    }

    /// Whether the configuration has the desk call this address for a task.
    pub(super) fn calls(&self, role: ModelRole, base_url: &str) -> bool {
        let configured: Vec<&str> = match role {
            ModelRole::Chat => Vec::new(),
            ModelRole::Embeddings => self.embed.base_url().into_iter().collect(),
            ModelRole::Speech => self.speech.base_urls(),
            ModelRole::Reranking => self.rerank.base_url().into_iter().collect(),
        };
        let spelt = |url: &str| models::address(ModelProvider::Compatible, url).ok();
        configured.into_iter().filter_map(spelt).any(|url| url == base_url)
    }
}
