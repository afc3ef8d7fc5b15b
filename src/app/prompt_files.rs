//! The prompt files at start: which are published, tried or skipped.

use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::json;

use super::{collections, is_built_in};
use crate::config::Config;
use crate::desk::Desk;
use crate::desk::demo;
use crate::domain::{Action, AgentId};
use crate::eval::gate::gate_of;
use crate::prompts::{self, PromptFile};
use crate::store::agents::{AgentRow, PROMPT_FILE};
use crate::store::audit::{Actor, Entry};

/// How prompt files are handled at start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompts<'a> {
    /// Changed files are published, except those of agents with a gate.
    Publish,
    /// The same, but files that name unknown collections are skipped. Holds collections that are
    /// about to be made.
    PublishKnown(&'a [String]),
    /// Changed files are used in this process only.
    Try,
    /// Files are ignored.
    Leave,
}

impl Prompts<'_> {
    /// Whether a collection is about to be made.
    fn makes(self, collection: &str) -> bool {
        matches!(self, Self::PublishKnown(made) if made.iter().any(|name| name == collection))
    }
}

/// Reads the prompt files, publishes the changed ones and loads every live agent. An invalid file
/// aborts the start. A version that is published but no longer valid is skipped, so that the other
/// agents still answer. Returns the agents whose files were skipped.
pub(super) async fn load(
    desk: &Desk,
    config: &Config,
    wanted: Prompts<'_>,
) -> anyhow::Result<Vec<String>> {
    let agents = desk.store.agents().await?;
    let removed = desk.store.removed_agents().await?;
    let (mut drafts, mut skipped) = (Vec::new(), Vec::new());
    let files = if wanted == Prompts::Leave { Vec::new() } else { prompt_sources(config)? };
    for (name, source) in files {
        let file = prompts::parse(&name, &source)?;
        let hash = prompts::hash(&source);
        let known = agents.iter().find(|row| row.slug == file.slug);
        let is_demo = is_built_in(config) || demo::is_prompt(&name, &source);
        let gone = removed.iter().find(|row| row.slug == file.slug);
        if let Some(row) = gone
            && stays_removed(desk, row, is_demo, &hash).await?
        {
            tracing::info!(
                agent = file.slug,
                "{name} is of an agent that was removed; `frontdesk apply` makes it again"
            );
            continue;
        }
        // A file that was published before goes on, also without its collection.
        if known.is_none_or(|row| row.file_hash.as_deref() != Some(&hash))
            && let Err(wrong) =
                file.check_knowledge((&name, &source), &collections(desk, config).await?)
        {
            if wanted == Prompts::Publish {
                return Err(wrong.into());
            }
            if !file.knowledge.iter().any(|name| wanted.makes(name)) {
                tracing::warn!(agent = file.slug, "{wrong}; this file is left out");
            }
            skipped.push(file.slug);
            continue;
        }
        if let Some(row) = known.filter(|row| wanted == Prompts::Try && row.source != source) {
            drafts.push((row.clone(), source));
            continue;
        }
        if known.is_some_and(|row| row.file_hash.as_deref() == Some(&hash)) {
            // This file was published before; a later version published by other means stays live.
            continue;
        }
        if let Some(row) = known.or(gone).filter(|row| row.source != source)
            && keeps_version(desk, row, (&name, &hash), &file).await?
        {
            continue;
        }
        publish(desk, &file.slug, (&name, &source, &hash)).await?;
    }
    activate(desk, drafts).await?;
    Ok(skipped)
}

async fn publish(
    desk: &Desk,
    agent: &str,
    (name, source, hash): (&str, &str, &str),
) -> anyhow::Result<()> {
    let published = desk.store.publish(agent, source, hash).await?;
    desk.store.note_file(&published.agent, hash).await?;
    if published.changed {
        tracing::info!(agent, version = published.ordinal, "{name} is live");
        let entry = Entry::new(Actor::here(PROMPT_FILE), Action::AgentPublished, agent);
        desk.store.audit(entry.with(json!({"version": published.ordinal}))).await?;
    }
    Ok(())
}

/// Loads every live agent, and the drafts in place of theirs.
async fn activate(desk: &Desk, drafts: Vec<(AgentRow, String)>) -> anyhow::Result<()> {
    for row in desk.store.agents().await? {
        desk.activate_version(&row).await;
    }
    for (row, source) in drafts {
        let bot = desk.build_bot((&row.slug, &source), AgentId::stored(row.id), None).await;
        desk.bots.put(bot.map_err(|why| anyhow!("agent {}: {why}", row.slug))?);
    }
    Ok(())
}

/// Whether a removed agent stays away. A changed file makes it again, but the demo of a newer
/// release does not.
async fn stays_removed(
    desk: &Desk,
    row: &AgentRow,
    is_demo: bool,
    hash: &str,
) -> anyhow::Result<bool> {
    Ok(is_demo || desk.store.version_number(&row.slug, hash).await?.is_some())
}

/// Whether the live version goes on, or a removed agent stays away, though the prompt file is another. Logs a warning if so.
async fn keeps_version(
    desk: &Desk,
    live: &AgentRow,
    (name, hash): (&str, &str),
    file: &PromptFile,
) -> anyhow::Result<bool> {
    if let Some(version) = older_version(desk, live, hash).await? {
        tracing::warn!(
            agent = file.slug,
            "{name} is version {version}, and version {} answers: another process has another file, or it was published elsewhere. It goes on; `frontdesk publish {}` takes this file",
            live.ordinal,
            file.slug
        );
        return Ok(true);
    }
    let has_gate = gate_of(file, Some(live)).is_some();
    if has_gate {
        tracing::warn!(
            agent = file.slug,
            "{name} changed and has a gate: it does not answer yet; `frontdesk publish {}` tries it",
            file.slug
        );
    }
    Ok(has_gate)
}

/// Returns the number of the version that a prompt file is, if it was published before on a
/// database that other processes share, or if its agent comes from no file. It is not published
/// again at a start: replicas with different files would take turns with their versions. A single
/// process may go back to an earlier file.
async fn older_version(desk: &Desk, live: &AgentRow, hash: &str) -> anyhow::Result<Option<i64>> {
    if !desk.store.is_shared() && live.file_hash.is_some() {
        return Ok(None);
    }
    Ok(desk.store.version_number(&live.slug, hash).await?)
}

/// Returns the prompt files as pairs of name and content.
pub fn prompt_sources(config: &Config) -> anyhow::Result<Vec<(String, String)>> {
    if is_built_in(config) {
        return Ok(demo::prompts());
    }
    let folder = &config.files.prompts;
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    read_prompts(folder).with_context(|| format!("cannot read the folder {}", folder.display()))
}

fn read_prompts(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "md") && path.is_file() {
            sources.push((path.display().to_string(), std::fs::read_to_string(&path)?));
        }
    }
    sources.sort();
    Ok(sources)
}
