//! Removing and renaming agents. A removed agent is one without a live version: what refers to it
//! stays readable, and publishing a version brings it back.

use async_trait::async_trait;
use const_format::formatcp;

use super::AgentRow;
use crate::domain::time::Millis;
use crate::domain::{AgentId, WorkspaceId};
use crate::store::words::number_state::REMOVED;
use crate::store::{Conn, Result, Store, Write, all, first, now, run};

impl Store {
    /// Removes an agent: it has no live version any more; its versions, conversations and turns
    /// stay. Returns the numbers that use it; if there are any, nothing changes.
    pub async fn remove_agent(&self, agent: &AgentId) -> Result<Vec<String>> {
        self.apply(RemoveAgent { agent: agent.clone() }).await
    }

    /// Gives an agent another short name.
    pub async fn rename_agent(&self, agent: &AgentId, slug: &str) -> Result<RenameOutcome> {
        self.apply(RenameAgent { agent: agent.clone(), slug: slug.to_owned() }).await
    }

    /// Numbers of a configuration file on which this agent answers and that had messages since a
    /// time: a desk with that file may serve them.
    pub async fn busy_numbers(&self, agent: &AgentId, since: Millis) -> Result<Vec<String>> {
        let workspace = self.workspace_id();
        let rows = self.read(async |conn| {
            let sql = formatcp!(
                "select slug from numbers where workspace_id = $1 and agent_id = $2 and settings is null
                     and state <> '{REMOVED}' and (last_inbound_at >= $3 or last_sent_at >= $3) order by slug"
            );
            all!(conn, (String,), sql, workspace.as_str(), agent.as_str(), since)
        });
        Ok(rows.await?.into_iter().map(|row| row.0).collect())
    }

    /// The removed agents with their newest versions.
    pub async fn removed_agents(&self) -> Result<Vec<AgentRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select a.id, a.slug, v.id as version_id, v.ordinal, v.source, v.created_at as published_at, a.file_hash
                       from agents a join prompt_versions v on v.agent_id = a.id
                           and v.ordinal = (select max(ordinal) from prompt_versions where agent_id = a.id)
                       where a.workspace_id = $1 and a.live_version_id is null order by a.slug";
            all!(conn, AgentRow, sql, workspace.as_str())
        })
        .await
    }
}

/// The result of renaming an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameOutcome {
    /// It has the name.
    Done,
    /// Another agent has, or had, the name.
    Taken,
}

struct RemoveAgent {
    agent: AgentId,
}

#[async_trait]
impl Write for RemoveAgent {
    type Out = Vec<String>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Vec<String>> {
        // Rows of the configuration file's numbers stay when they are gone from there; those that
        // are connected are the caller's to check.
        let sql = formatcp!(
            "select slug from numbers where workspace_id = $1 and agent_id = $2 and settings is not null
                 and state <> '{REMOVED}' order by slug"
        );
        let (workspace_id, agent) = (workspace.as_str(), self.agent.as_str());
        let users = all!(conn, (String,), sql, workspace_id, agent)?;
        if !users.is_empty() {
            return Ok(users.into_iter().map(|row| row.0).collect());
        }
        let sql = "update agents set live_version_id = null, updated_at = $3
                   where workspace_id = $1 and id = $2";
        run!(conn, sql, workspace_id, agent, now())?;
        let sql = "delete from model_choices where workspace_id = $1 and agent_id = $2";
        run!(conn, sql, workspace_id, agent)?;
        Ok(Vec::new())
    }
}

struct RenameAgent {
    agent: AgentId,
    slug: String,
}

#[async_trait]
impl Write for RenameAgent {
    type Out = RenameOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<RenameOutcome> {
        let (workspace_id, agent) = (workspace.as_str(), self.agent.as_str());
        let sql = "select id from agents where workspace_id = $1 and slug = $2";
        if first!(conn, (String,), sql, workspace_id, &self.slug)?.is_some() {
            return Ok(RenameOutcome::Taken);
        }
        let sql =
            "update agents set slug = $3, updated_at = $4 where workspace_id = $1 and id = $2";
        run!(conn, sql, workspace_id, agent, &self.slug, now())?;
        Ok(RenameOutcome::Done)
    }
}
