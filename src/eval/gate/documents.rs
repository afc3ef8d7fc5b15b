//! The gate for documents: where an agent's gate asks for it, changed documents are staged beside
//! the live ones, the suite runs on both, and only then do they replace them.

use std::sync::Arc;

use frontdesk_promptfoo::run::Progress;
use serde_json::json;

use super::{Error, Publisher, Verdict};
use crate::domain::audit::Outcome;
use crate::domain::{Action, AgentId, CollectionId};
use crate::knowledge::{self, Edit, SourceFolder, Summary};
use crate::pipeline::Bot;
use crate::prompts::PromptFile;
use crate::store::agents::AgentRow;
use crate::store::replicas::HoldName;

/// How long the lock on trying documents is held at most, in milliseconds.
const LEASE_MS: i64 = 30 * 60_000;

/// The outcome of learning a source folder through the gates.
#[derive(Debug)]
pub enum LearnOutcome {
    /// The documents are learned, with the verdicts by agent; empty without gates or changes.
    Learned(Summary, Vec<(String, Verdict)>),
    /// Dry run: the documents may be learned. Verdicts by agent.
    Tried(Vec<(String, Verdict)>),
    /// A gate refused the documents; the live ones stay. Verdicts by agent.
    Refused(Vec<(String, Verdict)>),
}

/// How to learn a source folder.
#[derive(Clone, Copy)]
pub struct LearnOptions<'a> {
    /// Learn even if a gate refuses.
    pub force: bool,
    /// Only run the gates.
    pub dry_run: bool,
    /// Receives progress on documents.
    pub documents: &'a dyn knowledge::Progress,
    /// Receives progress on cases.
    pub cases: &'a dyn Progress,
}

impl Publisher<'_> {
    /// Learns a source folder through the gates of the agents that use its collection. `source` is
    /// called again for each read.
    pub async fn learn(
        &self,
        source: &(dyn Fn() -> std::io::Result<SourceFolder> + Send + Sync),
        taking: LearnOptions<'_>,
    ) -> Result<LearnOutcome, Error> {
        let find = || source().map_err(|error| Error::Wrong(error.to_string()));
        let name = find()?.collection;
        let guards = self.desk.guards(&name).await?;
        let differs = self.desk.library.differs(find()?).await.map_err(wrong)?;
        let mut verdicts = Vec::new();
        if differs && !guards.is_empty() {
            let staged = self.desk.library.stage(find()?, taking.documents);
            verdicts =
                Box::pin(self.judge_with_staging((&name, &guards), staged, taking.cases)).await?;
        }
        let refused = verdicts.iter().any(|(_, verdict)| !verdict.passed);
        let detail = || found(&verdicts);
        match (refused, taking.dry_run) {
            (true, true) => return Ok(LearnOutcome::Refused(verdicts)),
            (true, false) if !taking.force => {
                let entry = self.entry(Action::KnowledgeRefused, &name, detail());
                self.desk.store.audit(entry.ended(Outcome::Refused)).await?;
                return Ok(LearnOutcome::Refused(verdicts));
            }
            (false, true) => return Ok(LearnOutcome::Tried(verdicts)),
            _ => {}
        }
        if refused {
            // Recorded before it happens, so that a forced change is never missing from the audit
            // log.
            let entry = self.entry(Action::KnowledgeForced, &name, detail());
            self.desk.store.audit(entry).await?;
        }
        let summary = self.desk.library.learn(find()?, taking.documents).await.map_err(wrong)?;
        self.desk.reload_answers().await?;
        if !verdicts.is_empty() && !refused {
            self.desk.store.audit(self.entry(Action::KnowledgeLearned, &name, detail())).await?;
        }
        Ok(LearnOutcome::Learned(summary, verdicts))
    }

    /// Runs the gates on a manual edit of a collection and returns their verdicts by agent; empty
    /// without gates. Records the verdicts but changes nothing: the caller may make the edit if all
    /// of them passed.
    pub async fn try_edit(
        &self,
        name: &str,
        edit: &Edit,
        cases: &dyn Progress,
    ) -> Result<Vec<(String, Verdict)>, Error> {
        let guards = self.desk.guards(name).await?;
        if guards.is_empty() {
            return Ok(Vec::new());
        }
        let staged = self.desk.library.stage_edit(name, edit);
        let verdicts = Box::pin(self.judge_with_staging((name, &guards), staged, cases)).await?;
        let passed = verdicts.iter().all(|(_, verdict)| verdict.passed);
        let (action, outcome) = if passed {
            (Action::KnowledgeLearned, Outcome::Done)
        } else {
            (Action::KnowledgeRefused, Outcome::Refused)
        };
        let entry = self.entry(action, name, found(&verdicts));
        self.desk.store.audit(entry.ended(outcome)).await?;
        Ok(verdicts)
    }

    /// Runs the gates' suites with a staged copy of the collection, and removes the copy.
    async fn judge_with_staging(
        &self,
        (name, guards): (&str, &[(AgentRow, PromptFile)]),
        stage: impl Future<Output = Result<CollectionId, knowledge::Error>> + Send,
        cases: &dyn Progress,
    ) -> Result<Vec<(String, Verdict)>, Error> {
        if !self.desk.store.hold(HoldName::Staging, LEASE_MS).await? {
            return Err(Error::Wrong(
                "another process tries documents right now: try again when it has ended".into(),
            ));
        }
        let tried = self.judge_staged((name, guards), stage, cases).await;
        // Also after an error: the staged copy is of no more use.
        let gone = self.desk.library.unstage(name).await.map_err(wrong);
        self.desk.store.hold(HoldName::Staging, 0).await?;
        let verdicts = tried?;
        gone?;
        Ok(verdicts)
    }

    async fn judge_staged(
        &self,
        (name, guards): (&str, &[(AgentRow, PromptFile)]),
        stage: impl Future<Output = Result<CollectionId, knowledge::Error>> + Send,
        cases: &dyn Progress,
    ) -> Result<Vec<(String, Verdict)>, Error> {
        let staged = stage.await.map_err(wrong)?;
        self.desk.reload_answers().await?;
        let mut verdicts = Vec::new();
        for (row, file) in guards {
            let Some(gate) = &file.gate else { continue };
            let tried = match self.bot_on(row, file, (name, &staged)).await {
                Ok(bot) => self.try_on(gate, Some(bot), cases).await,
                Err(why) => Err(why),
            };
            let verdict = tried.unwrap_or_else(|why| Verdict::untried(gate, &why));
            verdicts.push((row.slug.clone(), verdict));
        }
        Ok(verdicts)
    }

    /// Builds an agent's live version with the staged collection in place of its own.
    async fn bot_on(
        &self,
        row: &AgentRow,
        file: &PromptFile,
        (name, staged): (&str, &CollectionId),
    ) -> Result<Arc<Bot>, String> {
        let mut knowledge = Vec::new();
        for own in &file.knowledge {
            let id = if own == name {
                staged.clone()
            } else {
                self.desk.store.collection(own).await.map_err(|error| error.to_string())?
            };
            knowledge.push(id);
        }
        file.bot(AgentId::stored(row.id.clone()), None, knowledge).map(Arc::new)
    }
}

/// The verdicts as detail for the audit log.
fn found(verdicts: &[(String, Verdict)]) -> serde_json::Value {
    let one = |(agent, it): &(String, Verdict)| json!({"agent": agent, "passed": it.passed, "rule": it.rule, "reason": it.reason});
    let reason = verdicts.iter().find(|it| !it.1.passed).map(|it| it.1.reason.clone());
    json!({"gates": verdicts.iter().map(one).collect::<Vec<_>>(), "reason": reason})
}

fn wrong(error: knowledge::Error) -> Error {
    match error {
        knowledge::Error::Store(error) => error.into(),
        error => Error::Wrong(error.to_string()),
    }
}
