//! Admission of knowledge changes that were not tried first. If an agent's gate guards the
//! collection, such a change is refused, or forced; a forced change is written to the audit log
//! before it is made. Changes that can be tried go through `eval::gate::documents`.

use serde_json::json;

use super::Desk;
use crate::domain::Action;
use crate::domain::audit::Outcome;
use crate::knowledge::is_staged;
use crate::prompts::{self, PromptFile};
use crate::store;
use crate::store::agents::AgentRow;
use crate::store::audit::{Actor, Entry};

/// A kind of knowledge change that is made without trying it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A document is uploaded, learned again, or removed.
    Document,
    /// A curated answer is created, changed or removed.
    Answer,
    /// The collection's chunking or ranking settings are changed.
    Settings,
    /// A website is added, crawled again, or removed.
    Source,
}

/// A request to change a collection.
#[derive(Debug, Clone)]
pub struct ChangeRequest<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// What is changed.
    pub change: Change,
    /// Makes the change even if a gate guards the collection.
    pub force: bool,
    /// Who asks for it, for the audit log.
    pub actor: Actor,
}

/// Why a change is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A gate guards the collection. The refusal is in the audit log.
    #[error("{0}")]
    Guarded(String),
    /// The collection is the staged copy of another one. It cannot be changed, even by force.
    #[error("It only stands beside another collection, to be tried.")]
    Staged,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Change {
    /// Tells the user what to do instead, if a gate guards the collection.
    fn remedy(self) -> &'static str {
        match self {
            Self::Document => {
                "Put the file into the collection's folder, and run `frontdesk learn` or `frontdesk apply`, which try it first."
            }
            Self::Answer => "Answers are tried first.",
            Self::Settings => {
                "Write them into `collection.toml` in the collection's folder, and run `frontdesk learn` or `frontdesk apply`, which try them first."
            }
            Self::Source => {
                "Pages of websites cannot be tried first: save them into the collection's folder and run `frontdesk learn`, which tries them."
            }
        }
    }
}

impl Desk {
    /// Returns the agents whose gate guards a collection.
    pub async fn guards(&self, collection: &str) -> store::Result<Vec<(AgentRow, PromptFile)>> {
        let rows = self.store.agents().await?;
        let read = rows.into_iter().filter_map(|row| {
            let file = prompts::parse(&format!("{}.md", row.slug), &row.source).ok()?;
            let asks = file.gate.as_ref().is_some_and(|gate| gate.knowledge);
            (asks && file.knowledge.iter().any(|name| name == collection)).then_some((row, file))
        });
        Ok(read.collect())
    }

    /// Returns why an untried change of this kind is refused; `None` if no gate guards the
    /// collection.
    pub async fn guarded(&self, collection: &str, change: Change) -> store::Result<Option<String>> {
        let guards = self.guards(collection).await?;
        Ok(guards.first().map(|(agent, _)| {
            format!(
                "The gate of {} guards what `{collection}` holds. {}",
                agent.slug,
                change.remedy()
            )
        }))
    }

    /// Admits an untried change if no gate guards the collection or `force` is set. Writes forced
    /// and refused changes to the audit log.
    pub async fn admit(&self, request: ChangeRequest<'_>) -> Result<(), Refusal> {
        if is_staged(request.collection) {
            return Err(Refusal::Staged);
        }
        let Some(why) = self.guarded(request.collection, request.change).await? else {
            return Ok(());
        };
        let (action, outcome) = if request.force {
            (Action::KnowledgeForced, Outcome::Done)
        } else {
            (Action::KnowledgeRefused, Outcome::Refused)
        };
        let detail =
            json!({"change": format!("{:?}", request.change).to_lowercase(), "reason": why});
        let entry =
            Entry::new(request.actor, action, request.collection).with(detail).ended(outcome);
        self.store.audit(entry).await?;
        if request.force { Ok(()) } else { Err(Refusal::Guarded(why)) }
    }
}
