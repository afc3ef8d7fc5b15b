//! The models in use and where each comes from: what writes the answers, embeds, listens and
//! reranks; and the models that can run in this process.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::response::Answer;
use super::status::Answering;
use crate::desk::{Desk, EmbedderProgress, LocalModel, ModelPart, ModelScope};
use crate::domain::{AgentId, ModelProvider, ModelRole, ModelTask, PartOrigin};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::store::model_choices::ModelChoiceRow;

/// The models of this desk.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelSettings {
    /// What writes the answers now.
    answering: Answering,
    /// The chat model that somebody chose; null if the configuration decides.
    chosen: Option<ChosenModel>,
    /// The agents, with the models of their own.
    agents: Vec<AgentModels>,
    /// Whether `[budget]` limits money though what a model in use costs is not known: then it is not
    /// limited.
    unpriced: bool,
    /// What embeds, listens, reranks and chooses quotes.
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
    /// Everything before `/chat/completions`, `/embeddings` and so on; empty without an endpoint.
    base_url: String,
    /// Its name; empty if there is none.
    model: String,
    /// Whether it has a key.
    has_key: bool,
    /// Why it cannot be used; null if it can. Until then the task is not done: answers are sentences
    /// from the documents, search is by words, voice notes are not heard.
    problem: Option<String>,
}

/// An agent, with the models of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentModels {
    /// Short name of the agent.
    slug: String,
    /// Its name.
    name: String,
    /// The chat model that its settings name, at the workspace's endpoint; null if they name none.
    model: Option<String>,
    /// The models that somebody chose for it.
    choices: Vec<AgentModelChoice>,
}

/// A model that somebody chose for an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentModelChoice {
    /// The task.
    role: ModelRole,
    /// The model.
    chosen: ChosenModel,
    /// Whether the agent's settings name a chat model, which wins.
    is_overruled: bool,
}

/// What does one of the tasks besides answering.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelPart)]
pub(super) struct PartInUse {
    /// The task.
    task: ModelTask,
    /// The task as one whose model can be chosen; null if the configuration alone decides.
    role: Option<ModelRole>,
    /// Name of the model; null if none does it.
    name: Option<String>,
    /// Where it comes from.
    origin: PartOrigin,
    /// The model that somebody chose; null if the configuration decides.
    chosen: Option<ChosenModel>,
    /// Why the configuration's model cannot be used; null if it can, or another was chosen.
    problem: Option<String>,
    /// The embedder that replaces this one when it has embedded all documents; null if none does.
    pending: Option<PendingEmbedder>,
}

/// An embedder that embeds the documents before it is used.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PendingEmbedder {
    /// Name of the model.
    name: String,
    /// Number of chunks that it has embedded.
    done: i64,
    /// Number of chunks.
    total: i64,
    /// Why it could not embed them the last time; null if nothing failed. It is tried again.
    failure: Option<String>,
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
    /// Whether it is in use.
    in_use: bool,
    /// Bytes of it that came in a download that runs; null if none runs.
    received: Option<u64>,
    /// Why its last download failed; null if it did not.
    failure: Option<String>,
}

impl ModelSettings {
    pub(super) async fn now(web: &WebState) -> Result<Self, Problem> {
        let desk = &web.desk;
        let rows = desk.store.model_choices().await?;
        let chosen = |role: ModelRole, agent: Option<&AgentId>| {
            let row = rows.iter().find(|row| row.role == role && row.agent().as_ref() == agent);
            row.map(|row| ChosenModel::of(row, desk))
        };
        let agents = desk.bots.all().into_iter().map(|bot| {
            let (agent, named) = (&bot.agent, &bot.agent.model);
            let own = ModelRole::ALL.iter().filter_map(|&role| {
                let is_overruled = role == ModelRole::Chat && !named.is_empty();
                Some(AgentModelChoice {
                    role,
                    chosen: chosen(role, Some(&agent.id))?,
                    is_overruled,
                })
            });
            AgentModels {
                slug: agent.slug.clone(),
                name: agent.name.clone(),
                model: Some(named.clone()).filter(|named| !named.is_empty()),
                choices: own.collect(),
            }
        });
        let of_workspace: Vec<ModelRole> =
            rows.iter().filter(|row| row.agent_id.is_empty()).map(|row| row.role).collect();
        let mut parts = Vec::new();
        for ModelPart { task, name, origin } in desk.model_parts(&of_workspace) {
            let role = task.role();
            let chosen = role.and_then(|role| chosen(role, None));
            let pending = match task {
                ModelTask::Embeddings => PendingEmbedder::now(desk).await?,
                _ => None,
            };
            let of_configuration = role.filter(|_| chosen.is_none()).map(ModelScope::workspace);
            let problem = of_configuration.and_then(|scope| desk.model_choices.problem(&scope));
            parts.push(PartInUse { task, role, name, origin, chosen, problem, pending });
        }
        Ok(Self {
            answering: Answering::now(&desk.engine.model),
            chosen: chosen(ModelRole::Chat, None),
            agents: agents.collect(),
            unpriced: desk.is_unlimited(),
            parts,
            folder: desk.local_models.folder(),
            local: desk.list_local_models().into_iter().map(LocalModelState::from).collect(),
        })
    }
}

impl ChosenModel {
    fn of(row: &ModelChoiceRow, desk: &Desk) -> Self {
        Self {
            provider: row.provider,
            base_url: row.base_url.clone(),
            model: row.model.clone(),
            has_key: row.sealed.is_some(),
            problem: desk.model_choices.problem(&ModelScope::of(row)),
        }
    }
}

impl PendingEmbedder {
    async fn now(desk: &Desk) -> Result<Option<Self>, Problem> {
        let Some(progress) = desk.embedder_progress().await? else { return Ok(None) };
        let EmbedderProgress { name, done, total, failure } = progress;
        Ok(Some(Self { name, done, total, failure }))
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
