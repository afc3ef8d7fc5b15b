//! Removes and renames agents, unless an eval run asks them, and removes the demo.

use super::{EvalRequest, Jobs};
use crate::desk::RemovalError;
use crate::desk::demo::{self, DemoRemoval};
use crate::domain::CollectionOrigin;
use crate::prompts;
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

    /// Removes the demo's agents, unless a number or a run uses them, and its documents; what the
    /// owner has changed or put beside them stays, and documents that an agent answers from. They
    /// do not come back at the next start.
    pub async fn remove_demo(&self) -> Result<DemoRemoval, RemovalError> {
        let mut removal = DemoRemoval::default();
        let agents = self.desk.store.agents().await?;
        for (file, source) in demo::prompts() {
            let slug = file.trim_end_matches(".md");
            let Some(row) = agents.iter().find(|row| row.slug == slug) else { continue };
            if row.file_hash.is_none() {
                continue;
            }
            let is_folder =
                |name: &String| self.desk.library.origin(name) == CollectionOrigin::Folder;
            let answers_from_own = prompts::parse(&file, &source)
                .is_ok_and(|file| file.knowledge.iter().any(is_folder));
            if row.source != source || answers_from_own {
                removal.kept_agents.push(slug.to_owned());
                continue;
            }
            match self.remove_agent(slug, false).await {
                Ok(_) => removal.agents.push(slug.to_owned()),
                // Somebody else has removed it in the meantime.
                Err(RemovalError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let collections = self.desk.store.collections().await?;
        for (name, paths) in demo::paths() {
            if self.desk.library.origin(&name) == CollectionOrigin::Folder {
                continue;
            }
            if let Some(row) = collections.iter().find(|row| row.slug == name) {
                self.desk.remove_demo_documents(row, &paths, &mut removal).await?;
            }
        }
        Ok(removal)
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
