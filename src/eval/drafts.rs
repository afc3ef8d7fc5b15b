//! Builds bots from prompt files that are not published.

use std::sync::Arc;

use crate::desk::Desk;
use crate::domain::{AgentId, CollectionId};
use crate::pipeline::Bot;
use crate::prompts;
use crate::store::agents::AgentRow;

/// Builds the bot of an agent's draft, with its collections.
pub async fn draft_bot(desk: &Desk, agent: &str, source: &str) -> Result<Arc<Bot>, String> {
    // Read from the database, not from the loaded bots: a draft may repair an agent whose live
    // version is unusable.
    let rows = desk.store.agents().await.map_err(|error| error.to_string())?;
    let row = rows
        .into_iter()
        .find(|row| row.slug == agent || row.id == agent)
        .ok_or_else(|| format!("there is no agent `{agent}`"))?;
    build_draft(desk, &row, source).await
}

/// Builds the bot of a draft of this agent, which may be a removed one.
pub async fn build_draft(desk: &Desk, row: &AgentRow, source: &str) -> Result<Arc<Bot>, String> {
    let read =
        prompts::parse(&format!("{}.md", row.slug), source).map_err(|wrong| wrong.to_string())?;
    let mut knowledge = Vec::new();
    let all = desk.store.collections().await.map_err(|error| error.to_string())?;
    for name in &read.knowledge {
        let found = all.iter().find(|row| row.slug == *name).ok_or_else(|| {
            let known: Vec<_> = all.iter().map(|row| row.slug.as_str()).collect();
            format!("there is no collection `{name}`; there are: {}", known.join(", "))
        })?;
        knowledge.push(CollectionId::stored(found.id.clone()));
    }
    read.bot(AgentId::stored(row.id.clone()), None, knowledge).map(Arc::new)
}
