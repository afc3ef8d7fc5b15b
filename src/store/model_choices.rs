//! The models that the console or a command chose, by task and agent. Their keys are encrypted before
//! they come here.

use async_trait::async_trait;
use sqlx::FromRow;

use super::audit::Entry;
use super::{Conn, Result, Store, Write, all, now, run};
use crate::domain::{AgentId, ModelProvider, ModelRole, WorkspaceId};

/// A model that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ModelChoiceRow {
    /// What it does.
    pub role: ModelRole,
    /// The agent that it was chosen for; empty for the workspace.
    pub agent_id: String,
    /// Who runs it.
    pub provider: ModelProvider,
    /// Everything before `/chat/completions`, `/embeddings` and so on; empty without an endpoint.
    pub base_url: String,
    /// Its name.
    pub model: String,
    /// The key, encrypted; `None` without one.
    pub sealed: Option<String>,
    /// 1 if `base_url` may be a private address, else 0.
    pub trusted: i64,
}

impl ModelChoiceRow {
    /// The agent that it was chosen for; `None` for the workspace.
    pub fn agent(&self) -> Option<AgentId> {
        (!self.agent_id.is_empty()).then(|| AgentId::stored(self.agent_id.clone()))
    }
}

impl Store {
    /// The models that were chosen. For what has no row the configuration decides.
    pub async fn model_choices(&self) -> Result<Vec<ModelChoiceRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select role, agent_id, provider, base_url, model, sealed, trusted
                       from model_choices where workspace_id = $1 order by role, agent_id";
            all!(conn, ModelChoiceRow, sql, workspace.as_str())
        })
        .await
    }

    /// Stores a model that is used from now on, with an audit entry.
    pub async fn set_model_choice(&self, row: ModelChoiceRow, entry: Entry) -> Result<()> {
        self.apply(SetModelChoice { row, entry }).await
    }

    /// Lets the workspace's choice count again for an agent, or the configuration for the workspace,
    /// with an audit entry.
    pub async fn remove_model_choice(
        &self,
        role: ModelRole,
        agent: Option<&AgentId>,
        entry: Entry,
    ) -> Result<()> {
        let agent_id = agent.map_or("", AgentId::as_str).to_owned();
        self.apply(RemoveModelChoice { role, agent_id, entry }).await
    }
}

struct SetModelChoice {
    row: ModelChoiceRow,
    entry: Entry,
}

#[async_trait]
impl Write for SetModelChoice {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let ModelChoiceRow { role, agent_id, provider, base_url, model, sealed, trusted } =
            &self.row;
        let sql = "insert into model_choices
                       (workspace_id, role, agent_id, provider, base_url, model, sealed, trusted, updated_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   on conflict (workspace_id, role, agent_id) do update set provider = excluded.provider,
                       base_url = excluded.base_url, model = excluded.model, sealed = excluded.sealed,
                       trusted = excluded.trusted, updated_at = excluded.updated_at";
        let (workspace_id, sealed) = (workspace.as_str(), sealed.as_deref());
        run!(
            conn,
            sql,
            workspace_id,
            *role,
            agent_id,
            *provider,
            base_url,
            model,
            sealed,
            *trusted,
            now()
        )?;
        self.entry.run(workspace, conn).await
    }
}

struct RemoveModelChoice {
    role: ModelRole,
    agent_id: String,
    entry: Entry,
}

#[async_trait]
impl Write for RemoveModelChoice {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql =
            "delete from model_choices where workspace_id = $1 and role = $2 and agent_id = $3";
        run!(conn, sql, workspace.as_str(), self.role, &self.agent_id)?;
        self.entry.run(workspace, conn).await
    }
}
