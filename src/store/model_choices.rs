//! The model that answers, if the console or a command chose one. Its key is encrypted before it
//! comes here.

use async_trait::async_trait;
use sqlx::FromRow;

use super::audit::Entry;
use super::{Conn, Result, Store, Write, first, now, run};
use crate::domain::{ModelProvider, WorkspaceId};

/// The model that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ModelChoiceRow {
    /// Who runs it.
    pub provider: ModelProvider,
    /// Everything before `/chat/completions`.
    pub base_url: String,
    /// Its name.
    pub model: String,
    /// The key, encrypted; `None` without one.
    pub sealed: Option<String>,
    /// 1 if `base_url` may be a private address, else 0.
    pub trusted: i64,
}

impl Store {
    /// The model that was chosen; `None` if the configuration decides.
    pub async fn model_choice(&self) -> Result<Option<ModelChoiceRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select provider, base_url, model, sealed, trusted from chat_models
                       where workspace_id = $1";
            first!(conn, ModelChoiceRow, sql, workspace.as_str())
        })
        .await
    }

    /// Stores the model that answers from now on, with an audit entry; `None` for that of the
    /// configuration.
    pub async fn set_model(&self, row: Option<ModelChoiceRow>, entry: Entry) -> Result<()> {
        self.apply(SetChatModel { row, entry }).await
    }
}

struct SetChatModel {
    row: Option<ModelChoiceRow>,
    entry: Entry,
}

#[async_trait]
impl Write for SetChatModel {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let workspace_id = workspace.as_str();
        match &self.row {
            None => {
                run!(conn, "delete from chat_models where workspace_id = $1", workspace_id)?;
            }
            Some(row) => {
                let sql = "insert into chat_models (workspace_id, provider, base_url, model, sealed, trusted, updated_at)
                           values ($1, $2, $3, $4, $5, $6, $7)
                           on conflict (workspace_id) do update set provider = excluded.provider, base_url = excluded.base_url,
                               model = excluded.model, sealed = excluded.sealed, trusted = excluded.trusted,
                               updated_at = excluded.updated_at";
                let (url, model, sealed) = (&row.base_url, &row.model, row.sealed.as_deref());
                run!(
                    conn,
                    sql,
                    workspace_id,
                    row.provider,
                    url,
                    model,
                    sealed,
                    row.trusted,
                    now()
                )?;
            }
        }
        self.entry.run(workspace, conn).await
    }
}
