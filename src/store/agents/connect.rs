//! Stores the numbers of the configuration file.

use async_trait::async_trait;
use const_format::formatcp;

use crate::domain::{AgentId, NumberId, ProviderKind, WorkspaceId};
use crate::store::numbers::free_slug;
use crate::store::words::number_state::{READY, REMOVED};
use crate::store::{Conn, Error, Result, Write, first, now, warnings};

/// A number of the configuration file to store.
#[derive(Debug, Clone)]
pub struct ConnectNumber {
    /// The short name in the configuration.
    pub slug: String,
    /// The provider that connects it to WhatsApp.
    pub provider: ProviderKind,
    /// The number's id at the provider.
    pub external_id: String,
    /// The agent that answers on it.
    pub agent: AgentId,
}

#[async_trait]
impl Write for ConnectNumber {
    type Out = NumberId;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<NumberId> {
        // The configuration file wins: another number with this name that was added in the console,
        // or removed, is renamed.
        let sql = formatcp!(
            "select id from numbers where workspace_id = $1 and slug = $2 and (provider <> $3 or external_id <> $4)
             and (settings is not null or state = '{REMOVED}')"
        );
        let (slug, external) = (&self.slug, &self.external_id);
        let other = first!(conn, (String,), sql, workspace.as_str(), slug, self.provider, external);
        if other?.is_some() {
            free_slug(workspace, conn, (slug, "")).await?;
        }
        warnings::forget_former(conn, workspace, (slug, external)).await?;
        let sql = formatcp!(
            "insert into numbers (id, workspace_id, slug, provider, external_id, agent_id, state, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, '{READY}', $7, $7)
             on conflict (workspace_id, slug) do update set provider = excluded.provider,
                 external_id = excluded.external_id, agent_id = excluded.agent_id,
                 state = case when numbers.state = '{REMOVED}' then '{READY}' else numbers.state end,
                 updated_at = case when numbers.state <> '{REMOVED}' and (numbers.provider, numbers.external_id, numbers.agent_id)
                     = (excluded.provider, excluded.external_id, excluded.agent_id) then numbers.updated_at
                     else excluded.updated_at end
             returning id"
        );
        let fresh = NumberId::generate();
        let id = first!(
            conn,
            (String,),
            sql,
            fresh.as_str(),
            workspace.as_str(),
            &self.slug,
            self.provider,
            &self.external_id,
            self.agent.as_str(),
            now()
        )?;
        id.map(|(id,)| NumberId::stored(id))
            .ok_or_else(|| Error::Failed("a number could not be written down".into()))
    }
}
