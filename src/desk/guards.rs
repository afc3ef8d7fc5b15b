//! The one place that every change of knowledge passes that was not tried first: where the gate of an agent guards a collection, such a
//! change is refused, or made by force, which is written down before it happens. What can be tried is (`eval::gate::documents`).

use serde_json::json;

use super::Desk;
use crate::domain::Action;
use crate::domain::audit::Outcome;
use crate::knowledge::is_staged;
use crate::prompts::{self, PromptFile};
use crate::store;
use crate::store::agents::AgentRow;
use crate::store::audit::{Actor, Entry};

/// A change of what agents answer from that is made without trying it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A document is uploaded, learned again, or removed.
    Document,
    /// A curated answer is made, changed or removed: only by force, or where no gate guards it; else it is tried.
    Answer,
    /// How the collection is cut and ranked.
    Settings,
    /// A website is added, read again, or removed.
    Source,
}

/// A change of a collection that asks to be admitted.
#[derive(Debug, Clone)]
pub struct ChangeRequest<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// What is changed.
    pub change: Change,
    /// Whatever the gates say.
    pub force: bool,
    /// Who wants it.
    pub actor: Actor,
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A gate guards the collection. There is an entry in the audit log.
    #[error("{0}")]
    Guarded(String),
    /// The collection is only tried: nobody changes it, also not by force.
    #[error("It only stands beside another collection, to be tried.")]
    Staged,
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Change {
    /// What to do where a gate guards the collection.
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
    /// The agents whose gate a change of a collection has to pass.
    pub async fn guards(&self, collection: &str) -> store::Result<Vec<(AgentRow, PromptFile)>> {
        let rows = self.store.agents().await?;
        let read = rows.into_iter().filter_map(|row| {
            let file = prompts::parse(&format!("{}.md", row.slug), &row.source).ok()?;
            let asks = file.gate.as_ref().is_some_and(|gate| gate.knowledge);
            (asks && file.knowledge.iter().any(|name| name == collection)).then_some((row, file))
        });
        Ok(read.collect())
    }

    /// Why a change that is not tried first may not be made by itself; `None` where no gate guards the collection.
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

    /// Lets a change be made that is not tried first: where no gate guards the collection, or by force.
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
