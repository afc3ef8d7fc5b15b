//! Removes and renames agents, unless an eval run asks them.

use super::{EvalRequest, Jobs};
use crate::desk::RemovalError;
use crate::store;
use crate::store::agents::AgentRow;

impl Jobs {
    /// Removes an agent, by id or short name, that neither a number nor a run uses. Returns its
    /// short name.
    pub async fn remove_agent(&self, name: &str, force: bool) -> Result<String, RemovalError> {
        let row = self.free_agent(name).await?;
        self.desk.remove_agent(&row, force).await?;
        Ok(row.slug)
    }

    /// Gives an agent that no run uses another short name. Returns the former one.
    pub async fn rename_agent(
        &self,
        name: &str,
        slug: &str,
        force: bool,
    ) -> Result<String, RemovalError> {
        let row = self.free_agent(name).await?;
        self.desk.rename_agent(&row, slug, force).await?;
        Ok(row.slug)
    }

    /// Finds an agent that no run uses.
    async fn free_agent(&self, name: &str) -> Result<AgentRow, RemovalError> {
        let row = self.desk.agent(name).await?;
        match self.run_that_asks(&row).await? {
            None => Ok(row),
            Some(suite) => Err(RemovalError::Used(format!(
                "An eval run of `{suite}` asks `{}`: stop it, or wait until it has ended.",
                row.slug
            ))),
        }
    }

    /// Returns the suite of a run that has not ended and asks this agent, on any replica.
    async fn run_that_asks(&self, agent: &AgentRow) -> store::Result<Option<String>> {
        for row in self.desk.store.active_runs().await? {
            let wanted: EvalRequest = serde_json::from_str(&row.wanted).unwrap_or_default();
            let drafted = wanted.agent.as_ref().is_some_and(|it| is_named(agent, it));
            if drafted || self.suite_asks(&wanted, agent).await {
                return Ok(Some(row.suite));
            }
        }
        Ok(None)
    }

    /// Whether a suite asks an agent. One that cannot be read any more asks none.
    async fn suite_asks(&self, wanted: &EvalRequest, agent: &AgentRow) -> bool {
        let Ok(suite) = self.load(wanted).await else { return false };
        let of_cases = suite.cases.iter().filter_map(|case| case.provider.as_deref());
        suite.targets.iter().chain(of_cases).any(|target| {
            match target.id.strip_prefix("frontdesk") {
                // Without a name the only agent is asked.
                Some("" | ":") => true,
                Some(named) => {
                    let named = named.strip_prefix(':').unwrap_or_default();
                    is_named(agent, named.split_once('@').map_or(named, |(name, _)| name))
                }
                None => false,
            }
        })
    }
}

fn is_named(agent: &AgentRow, name: &str) -> bool {
    agent.slug == name || agent.id == name
}
