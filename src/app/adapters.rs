//! Builds the parts of a desk: the adapters that the configuration names, and what builds others while
//! the desk runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;

use super::source_folders;
use crate::config::Config;
use crate::desk::{AdapterBuilder, Connector, LocalModels, Numbers};
use crate::domain::{ModelRole, ModelTask};
use crate::embed::{self, Embedder};
use crate::index::Index;
use crate::knowledge::Library;
use crate::llm::{self, Model, ModelSource};
use crate::pipeline::LiveLookup;
use crate::qa::QaModel;
use crate::reader::Pool;
use crate::rerank::{self, Reranker};
use crate::secrets::Secrets;
use crate::slot::AdapterSlot;
use crate::speech::{self, Transcriber};
use crate::store::Store;

/// Timeout of a call to a WhatsApp provider.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds what writes the answers, and what quotes the documents when it cannot. A recording has no
/// calls of the latter, so that it must give the same again: words choose what it quotes.
pub(super) fn models(
    config: &Config,
    qa: &AdapterSlot<dyn QaModel>,
) -> anyhow::Result<(ModelSource, Arc<dyn Model>)> {
    let quotes = llm::Settings::quoting(qa.clone());
    let model = config.llm.build(config.http.port, quotes);
    let model = model.map_err(|why| anyhow!("[llm]: {why}"))?;
    Ok((model, llm::Settings::without_model(crate::qa::off())))
}

/// The numbers before any is connected.
pub(super) fn no_numbers(config: &Config, secrets: &Arc<Secrets>) -> Numbers {
    Numbers::new(Connector::new(PROVIDER_TIMEOUT, secrets.clone(), config.providers.clone()))
}

/// Returns the library, which reads others' files in worker processes.
pub(super) fn library(
    config: &Config,
    (store, index, embed): (Store, Arc<dyn Index>, Arc<dyn Embedder>),
    readers: &Pool,
) -> Library {
    let settings = config.knowledge.clone();
    let config = config.clone();
    Library::new(store, index, embed, settings)
        .with_readers(readers.clone())
        .with_folders(Arc::new(move || source_folders(&config).map_err(std::io::Error::other)))
}

/// The tasks whose model was chosen for the workspace. `Desk::reload_models` puts those to use; what
/// the configuration says of these tasks is not even tried.
pub(super) async fn chosen_roles(store: &Store) -> anyhow::Result<Vec<ModelRole>> {
    let rows = store.model_choices().await?;
    Ok(rows.iter().filter(|row| row.agent_id.is_empty()).map(|row| row.role).collect())
}

pub(super) async fn embedder(
    config: &Config,
    chosen: &[ModelRole],
) -> anyhow::Result<Arc<dyn Embedder>> {
    if chosen.contains(&ModelRole::Embeddings) {
        return Ok(embed::off());
    }
    config.embed.fetch(&config.models).await.map_err(|why| anyhow!("[embed]: {why}"))?;
    config.embed.build(&config.models).map_err(|why| anyhow!("[embed]: {why}"))
}

pub(super) async fn transcriber(
    config: &Config,
    chosen: &[ModelRole],
    readers: &Pool,
) -> anyhow::Result<Arc<dyn Transcriber>> {
    if chosen.contains(&ModelRole::Speech) {
        return Ok(speech::off());
    }
    config.speech.fetch(&config.models).await.map_err(|why| anyhow!("[speech]: {why}"))?;
    config.speech.build(&config.models, readers).map_err(|why| anyhow!("[speech]: {why}"))
}

pub(super) fn reranker(config: &Config, chosen: &[ModelRole]) -> anyhow::Result<Arc<dyn Reranker>> {
    if chosen.contains(&ModelRole::Reranking) {
        return Ok(rerank::off());
    }
    config.rerank.build(&config.models).map_err(|why| anyhow!("[rerank]: {why}"))
}

/// The lookup of every agent.
pub(super) fn lookups(
    (embed, index): (Arc<dyn Embedder>, Arc<dyn Index>),
    rerank: Arc<dyn Reranker>,
    library: &Library,
) -> AdapterSlot<LiveLookup> {
    let (tunings, curated, caches) = (library.tunings(), Arc::default(), Arc::default());
    let lookup = LiveLookup { embed, index, tunings, rerank, curated, caches };
    AdapterSlot::new(Arc::new(lookup))
}

/// What builds the adapters of models that are chosen while the desk runs.
pub(super) fn adapter_builder(
    config: &Config,
    readers: Pool,
    lookups: AdapterSlot<LiveLookup>,
) -> AdapterBuilder {
    AdapterBuilder {
        embed: config.embed.clone(),
        speech: config.speech.clone(),
        rerank: config.rerank.clone(),
        qa: config.qa.clone(),
        index: config.index.clone(),
        models: config.models.clone(),
        readers,
        lookups,
    }
}

/// What encrypts keys in the database.
pub(super) fn secrets(config: &Config, is_shared: bool) -> anyhow::Result<Arc<Secrets>> {
    let secrets = config.secrets.build(config.data_folder(), !is_shared);
    secrets.map(Arc::new).map_err(|why| anyhow!("[secrets]: {why}"))
}

/// The models of this process, with the tasks whose model the configuration does not name.
pub(super) fn local_models(config: &Config, qa: AdapterSlot<dyn QaModel>) -> LocalModels {
    let embeddings = config.embed.is_auto().then_some(ModelTask::Embeddings);
    let speech = config.speech.is_auto().then_some(ModelTask::Speech);
    let quotes = config.qa.is_auto().then_some(ModelTask::QuestionAnswering);
    let automatic = embeddings.into_iter().chain(speech).chain(quotes).collect();
    LocalModels::new(config.models.clone(), automatic, qa)
}
