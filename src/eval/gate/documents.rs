//! The gate in front of documents: where an agent's gate asks for it, documents that changed are learned beside those that answer, the
//! suite is run on both, and only then do they take their place.

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

/// How long documents may be tried, in milliseconds, before another process may begin to.
const LEASE_MS: i64 = 30 * 60_000;

/// The outcome of learning a source folder through the gates.
#[derive(Debug)]
pub enum LearnOutcome {
    /// They are learned. What the gates found, by agent; empty where there is none, or nothing changed.
    Learned(Summary, Vec<(String, Verdict)>),
    /// They may be learned, and were only tried.
    Tried(Vec<(String, Verdict)>),
    /// A gate refused them: the documents that were there go on.
    Refused(Vec<(String, Verdict)>),
}

/// How to learn a shelf of documents.
#[derive(Clone, Copy)]
pub struct LearnOptions<'a> {
    /// Learn them whatever the gates say.
    pub force: bool,
    /// Only try them.
    pub dry_run: bool,
    /// Hears of documents.
    pub documents: &'a dyn knowledge::Progress,
    /// Hears of cases.
    pub cases: &'a dyn Progress,
}

impl Publisher<'_> {
    /// Learns a source folder through the gates of the agents that answer from it. The folder is listed again each time that it is
    /// read.
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
            verdicts = Box::pin(self.try_beside((&name, &guards), staged, taking.cases)).await?;
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
            // Before it is done: what is forced is never done without being written down.
            let entry = self.entry(Action::KnowledgeForced, &name, detail());
            self.desk.store.audit(entry).await?;
        }
        let summary = self.desk.library.learn(find()?, taking.documents).await.map_err(wrong)?;
        self.desk.follow_answers().await?;
        if !verdicts.is_empty() && !refused {
            self.desk.store.audit(self.entry(Action::KnowledgeLearned, &name, detail())).await?;
        }
        Ok(LearnOutcome::Learned(summary, verdicts))
    }

    /// Tries a change by hand of what a collection holds, where a gate guards it: what the gates found, by agent. Nothing is changed, and
    /// what was found is written down. The change may be made where every gate let it through.
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
        let verdicts = Box::pin(self.try_beside((name, &guards), staged, cases)).await?;
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

    /// Runs the gates' suites on a collection that is put beside another for it, and takes it away again.
    async fn try_beside(
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
        // Also where it could not be tried: what stands beside the collection is of no more use.
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
        self.desk.follow_answers().await?;
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

    /// The live version of an agent, with another collection in the place of one of its own.
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

/// What gates found, for the audit log.
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
