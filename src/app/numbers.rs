//! Connects the numbers of the configuration file to their agents. Numbers added in the console are
//! loaded from the database (`desk::numbers`).

use std::sync::Arc;

use anyhow::{anyhow, bail};

use crate::config::Config;
use crate::desk::{Desk, Number};
use crate::domain::{AgentId, NumberOrigin};
use crate::store::agents::ConnectNumber;

/// Connects the numbers, except those of the agents in `skipped`, whose prompt files were skipped.
pub(super) async fn connect(
    desk: &Desk,
    config: &Config,
    skipped: &[String],
) -> anyhow::Result<()> {
    // The agents come from the database, not from `desk.bots`: a number whose agent cannot be
    // loaded stays connected, so that its customers' messages are kept.
    let agents = desk.store.agents().await?;
    for (slug, settings) in &config.numbers {
        let line = desk.numbers.build(settings, NumberOrigin::File);
        let line = line.map_err(|why| anyhow!("[numbers.{slug}]: {why}"))?;
        let name = settings.agent();
        if skipped.iter().any(|slug| slug == name) && agents.iter().all(|row| row.slug != *name) {
            continue;
        }
        let Some(agent) = agents.iter().find(|row| row.slug == name || row.id == name) else {
            let known: Vec<_> = agents.iter().map(|row| row.slug.as_str()).collect();
            bail!("[numbers.{slug}]: there is no agent `{name}`; there are: {}", known.join(", "));
        };
        let provider = settings.provider();
        let same = |other: &&Arc<Number>| {
            other.provider == provider && other.client.external_id() == line.external_id()
        };
        if let Some(other) = desk.numbers.all().iter().find(same) {
            bail!("[numbers.{slug}] and [numbers.{}] are the same WhatsApp number", other.slug);
        }
        let row = ConnectNumber {
            slug: slug.clone(),
            provider,
            external_id: line.external_id().to_owned(),
            agent: AgentId::stored(agent.id.clone()),
        };
        let id = desk.store.connect_number(row).await?;
        desk.numbers.put(Number {
            id,
            slug: slug.clone(),
            provider,
            agent: AgentId::stored(agent.id.clone()),
            has_window: settings.has_window(),
            sending: settings.sending().map_err(|why| anyhow!("[numbers.{slug}]: {why}"))?,
            client: line,
            revision: None,
            activity: Arc::default(),
        });
    }
    Ok(())
}
