//! The models in use and where each comes from: what writes the answers, embeds, listens and
//! reranks; and the models that can run in this process.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::response::Answer;
use super::status::Answering;
use crate::desk::{LocalModel, ModelPart};
use crate::domain::{ModelProvider, ModelTask, PartOrigin};
use crate::http::WebState;
use crate::http::error::Problem;

/// The models of this desk.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelSettings {
    /// What writes the answers now.
    answering: Answering,
    /// The model that somebody chose; null if the configuration decides.
    chosen: Option<ChosenModel>,
    /// Agents that name a model of their own, which they keep.
    agents: Vec<AgentModel>,
    /// Whether `[budget]` limits money though what the model in use costs is not known: then nothing
    /// is limited.
    unpriced: bool,
    /// What embeds, listens and reranks. The configuration decides about them.
    parts: Vec<PartInUse>,
    /// Folder of the models that run in this process.
    folder: String,
    /// The models that run in this process or can be fetched to.
    local: Vec<LocalModelState>,
}

/// The model that somebody chose. Its key is not shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChosenModel {
    /// Who runs it.
    provider: ModelProvider,
    /// Everything before `/chat/completions`.
    base_url: String,
    /// Its name.
    model: String,
    /// Whether it has a key.
    has_key: bool,
    /// Why it cannot be used; null if it can. Until then answers are sentences from the documents.
    problem: Option<String>,
}

/// An agent with a model of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentModel {
    /// Short name of the agent.
    slug: String,
    /// Its name.
    name: String,
    /// The model that its prompt file names.
    model: String,
}

/// What does one of the tasks besides answering.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelPart)]
pub(super) struct PartInUse {
    /// The task.
    task: ModelTask,
    /// Name of the model; null if none does it.
    name: Option<String>,
    /// Where it comes from.
    origin: PartOrigin,
}

/// A model that runs in this process or can be fetched to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LocalModel)]
pub(super) struct LocalModelState {
    /// Its name.
    name: String,
    /// What it does.
    task: ModelTask,
    /// What it is good at; null for one that was imported.
    about: Option<String>,
    /// Its size in bytes; of one that is not there yet, about.
    bytes: u64,
    /// Whether it is there.
    installed: bool,
    /// Whether it is in use. One that was fetched is used from the next start on.
    in_use: bool,
    /// Bytes of it that came in a download that runs; null if none runs.
    received: Option<u64>,
    /// Why its last download failed; null if it did not.
    failure: Option<String>,
}

impl ModelSettings {
    pub(super) async fn now(web: &WebState) -> Result<Self, Problem> {
        let desk = &web.desk;
        let problem = desk.engine.model.discovery().problem;
        let chosen = desk.store.model_choice().await?.map(|row| ChosenModel {
            provider: row.provider,
            base_url: row.base_url,
            model: row.model,
            has_key: row.sealed.is_some(),
            problem,
        });
        let bots = desk.bots.all();
        let own = bots.iter().map(|bot| &bot.agent).filter(|agent| !agent.model.is_empty());
        let agents = own.map(|agent| AgentModel {
            slug: agent.slug.clone(),
            name: agent.name.clone(),
            model: agent.model.clone(),
        });
        Ok(Self {
            answering: Answering::now(&desk.engine.model),
            chosen,
            agents: agents.collect(),
            unpriced: desk.engine.is_unlimited(),
            parts: desk.model_parts().into_iter().map(PartInUse::from).collect(),
            folder: desk.local_models.folder(),
            local: desk.list_local_models().into_iter().map(LocalModelState::from).collect(),
        })
    }
}

impl From<ModelPart> for PartInUse {
    fn from(ModelPart { task, name, origin }: ModelPart) -> Self {
        Self { task, name, origin }
    }
}

impl From<LocalModel> for LocalModelState {
    fn from(model: LocalModel) -> Self {
        let LocalModel { name, task, about, bytes, installed, in_use, received, failure } = model;
        Self { name, task, about, bytes, installed, in_use, received, failure }
    }
}

/// Returns the models in use, where each comes from, and those that can run in this process.
#[utoipa::path(get, path = "/settings/models", operation_id = "get_model_settings", tag = "models",
    responses((status = 200, body = ModelSettings)))]
pub(super) async fn show(State(web): State<WebState>) -> Answer<ModelSettings> {
    Ok(Json(ModelSettings::now(&web).await?))
}
