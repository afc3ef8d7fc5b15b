//! The admin key that the processes of a shared database have in common, encrypted. A single
//! process keeps its key in a file.

use async_trait::async_trait;

use super::{Conn, Error, Result, Store, Write, first, now, run};
use crate::domain::WorkspaceId;

impl Store {
    /// The encrypted admin key, if there is one.
    pub async fn admin_key(&self) -> Result<Option<String>> {
        let workspace = self.workspace_id();
        self.read(async |conn| read(workspace, conn).await).await
    }

    /// Stores an encrypted admin key, unless another process was quicker. Returns the one that
    /// counts.
    pub async fn keep_admin_key(&self, sealed: String) -> Result<String> {
        self.apply(KeepAdminKey { sealed }).await
    }
}

async fn read(workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Option<String>> {
    let sql = "select sealed from admin_keys where workspace_id = $1";
    Ok(first!(conn, (String,), sql, workspace.as_str())?.map(|row| row.0))
}

struct KeepAdminKey {
    sealed: String,
}

#[async_trait]
impl Write for KeepAdminKey {
    type Out = String;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<String> {
        let sql = "insert into admin_keys (workspace_id, sealed, created_at) values ($1, $2, $3)
                   on conflict (workspace_id) do nothing";
        run!(conn, sql, workspace.as_str(), &self.sealed, now())?;
        let kept = read(workspace, conn).await?;
        kept.ok_or_else(|| Error::Failed("the admin key could not be written down".into()))
    }
}
