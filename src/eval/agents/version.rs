//! Which version of an agent answers in a run. Reads only.

use frontdesk_promptfoo::suite::TargetSpec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Agents;
use crate::domain::VersionId;
use crate::store::Result;

/// An agent that answers in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunAgent {
    /// Its short name.
    pub agent: String,
    /// The number of its version; null for a draft that was never published.
    pub version: Option<i64>,
}

impl Agents {
    /// The agents among these targets, with the versions that answer now. `draft` is an agent and
    /// the prompt file that replaces its live version.
    pub async fn versions(
        &self,
        targets: &[TargetSpec],
        draft: Option<(&str, &str)>,
    ) -> Result<Vec<RunAgent>> {
        let mut all = Vec::new();
        for spec in targets {
            let Some(Ok((name, number))) = Self::named(spec) else { continue };
            let live = self.live(name).ok();
            let agent = live.as_ref().map_or(name, |bot| bot.agent.slug.as_str()).to_owned();
            let draft = draft.filter(|(of, _)| *of == agent).map(|(_, source)| source);
            let live = live.as_ref().and_then(|bot| bot.agent.version.as_ref());
            let stored = draft.or_else(|| live.map(VersionId::as_str));
            let version = match (number, stored) {
                (Some(number), _) => Some(number),
                // A file of the suite.
                (None, _) if spec.config.get("prompt").is_some() => None,
                (None, Some(stored)) => self.desk.store.version_number(&agent, stored).await?,
                (None, None) => None,
            };
            let found = RunAgent { agent, version };
            if !all.contains(&found) {
                all.push(found);
            }
        }
        Ok(all)
    }
}
