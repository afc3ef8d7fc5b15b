//! Removes and renames what the owner no longer wants: agents and collections that nothing uses.
//! Conversations, turns, versions and the audit log stay.

use super::Desk;
use crate::domain::label::{MAX_NAME_LEN, one_line};
use crate::domain::time::{DAY_MS, now_ms};
use crate::domain::{AgentId, CollectionId, CollectionOrigin, What};
use crate::knowledge;
use crate::prompts;
use crate::store;
use crate::store::agents::{AgentRow, RenameOutcome};
use crate::store::knowledge::CollectionRow;

/// Cannot be an agent's name: the API has the route `/agents/generate`.
pub const RESERVED_SLUG: &str = "generate";

/// Why an agent or a collection was neither removed nor renamed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// It does not exist; holds what it would be.
    #[error("There is no such {0}: `frontdesk {0}` lists them.")]
    Missing(&'static str),
    /// Something uses it or would bring it back: what, and what to do.
    #[error("{0}")]
    Used(String),
    /// The title is too long.
    #[error("A collection's title has at most {MAX_NAME_LEN} characters.")]
    Title,
    /// It cannot be the short name of an agent.
    #[error(
        "An agent's short name is 1 to 60 small letters (a to z), digits and hyphens, such as `bike-shop`; `{RESERVED_SLUG}` is taken."
    )]
    Name,
    /// The index does not answer.
    #[error(transparent)]
    Knowledge(#[from] knowledge::Error),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Desk {
    /// Finds an agent by id or short name.
    pub async fn agent(&self, name: &str) -> Result<AgentRow, RemovalError> {
        let rows = self.store.agents().await?;
        let found = rows.into_iter().find(|row| row.id == name || row.slug == name);
        found.ok_or(RemovalError::Missing("agent"))
    }

    /// Finds a removed agent by id or short name, with its newest version.
    pub async fn removed_agent(&self, name: &str) -> Result<AgentRow, RemovalError> {
        let rows = self.store.removed_agents().await?;
        let found = rows.into_iter().find(|row| row.id == name || row.slug == name);
        found.ok_or(RemovalError::Missing("agent"))
    }

    /// Sets what people call a collection; empty: its name. Returns the title as it is stored.
    pub async fn rename_collection(
        &self,
        row: &CollectionRow,
        title: &str,
    ) -> Result<String, RemovalError> {
        if title.trim().chars().count() > MAX_NAME_LEN {
            return Err(RemovalError::Title);
        }
        let title = one_line(title, MAX_NAME_LEN);
        let id = CollectionId::stored(row.id.clone());
        self.store.set_collection_title(&id, &title).await?;
        self.announce(What::Knowledge).await;
        Ok(title)
    }

    /// Removes an agent that no number uses. Its prompt file brings it back only once it changes or is
    /// published.
    /// With `force`, also if a number of another desk's configuration file may use it.
    pub async fn remove_agent(&self, row: &AgentRow, force: bool) -> Result<(), RemovalError> {
        self.reload_numbers().await?;
        let id = AgentId::stored(row.id.clone());
        let numbers = self.numbers.all();
        let mut users: Vec<_> =
            numbers.iter().filter(|it| it.agent == id).map(|it| it.slug.clone()).collect();
        if users.is_empty() {
            self.require_unserved(row, force).await?;
            users = self.store.remove_agent(&id).await?;
        }
        if !users.is_empty() {
            return Err(RemovalError::Used(format!(
                "`{}` answers on these numbers: {}. Give them another agent, or remove them, first.",
                row.slug,
                users.join(", ")
            )));
        }
        self.bots.remove(&id);
        self.announce(What::Agents).await;
        Ok(())
    }

    /// Refuses if a number of a configuration file that this process does not have may use the
    /// agent.
    async fn require_unserved(&self, row: &AgentRow, force: bool) -> Result<(), RemovalError> {
        let id = AgentId::stored(row.id.clone());
        let busy = self.store.busy_numbers(&id, now_ms() - DAY_MS).await?;
        if force || busy.is_empty() {
            return Ok(());
        }
        Err(RemovalError::Used(format!(
            "`{}` answered within a day on numbers of a configuration file: {}. If no desk serves them any more, `frontdesk agent` does it with --force.",
            row.slug,
            busy.join(", ")
        )))
    }

    /// Gives an agent another short name. With `force`, also if a number of another desk's
    /// configuration file may name it.
    pub async fn rename_agent(
        &self,
        row: &AgentRow,
        slug: &str,
        force: bool,
    ) -> Result<(), RemovalError> {
        if !is_slug(slug) {
            return Err(RemovalError::Name);
        }
        let used = |why: String| Err(RemovalError::Used(why));
        if row.file_hash.is_some() {
            return used(format!(
                "`{}` comes from a prompt file of its name, which would make it again: create an agent `{slug}` with the same prompt, give it the numbers of `{}`, and remove `{}`.",
                row.slug, row.slug, row.slug
            ));
        }
        let id = AgentId::stored(row.id.clone());
        let numbers = self.numbers.all();
        // Numbers of the configuration file name their agent there.
        if let Some(number) = numbers.iter().find(|it| it.agent == id && it.revision.is_none()) {
            return used(format!(
                "[numbers.{}] in the configuration file names `{}`: give it another agent there first.",
                number.slug, row.slug
            ));
        }
        self.require_unserved(row, force).await?;
        match self.store.rename_agent(&id, slug).await? {
            RenameOutcome::Done => {}
            RenameOutcome::Taken => {
                return used(format!("There is, or was, an agent `{slug}`: take another name."));
            }
        }
        self.reload_agents().await?;
        self.announce(What::Agents).await;
        Ok(())
    }

    /// The short names of the agents that answer from a collection.
    pub async fn readers(&self, collection: &str) -> store::Result<Vec<String>> {
        let agents = self.store.agents().await?;
        let readers = agents.into_iter().filter(|agent| reads(agent, collection));
        Ok(readers.map(|agent| agent.slug).collect())
    }

    /// Removes a collection with its documents, sources and curated answers, unless an agent
    /// answers from it or it has a folder.
    pub async fn remove_collection(&self, row: &CollectionRow) -> Result<(), RemovalError> {
        let users = self.readers(&row.slug).await?;
        if !users.is_empty() {
            return Err(RemovalError::Used(format!(
                "`{}` is answered from by: {}. Take it out of their prompts first.",
                row.slug,
                users.join(", ")
            )));
        }
        if self.library.origin(&row.slug) == CollectionOrigin::Folder {
            return Err(RemovalError::Used(format!(
                "`{}` has a folder, from which it would be learned again: remove the folder, and start the desk again.",
                row.slug
            )));
        }
        self.library.remove_collection(&CollectionId::stored(row.id.clone())).await?;
        // One that is made with this name later is no demo.
        self.library.set_origin(&row.slug, CollectionOrigin::Console);
        self.reload_answers().await?;
        self.announce(What::Knowledge).await;
        Ok(())
    }
}

/// Whether an agent answers from a collection.
fn reads(agent: &AgentRow, collection: &str) -> bool {
    prompts::parse(&format!("{}.md", agent.slug), &agent.source)
        .is_ok_and(|file| file.knowledge.iter().any(|name| name == collection))
}

fn is_slug(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = name.starts_with('-') || name.ends_with('-');
    (1..=60).contains(&name.len()) && !ends && name.chars().all(plain) && name != RESERVED_SLUG
}
