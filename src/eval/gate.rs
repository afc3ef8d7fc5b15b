//! The publishing gate: a version of an agent goes live only if its suite shows that it is not
//! worse. Verdicts and forced publishes are recorded in the audit log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk_promptfoo::compare::{Baseline, Comparison, Rule, compare};
use frontdesk_promptfoo::policy::{Policy, canonical_regular_file};
use frontdesk_promptfoo::row::Summary;
use frontdesk_promptfoo::run::{Plan, Progress};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::suite::Suite;
use serde::Serialize;
use serde_json::json;

use super::bot_checks;
use super::drafts::build_draft;
use super::environment::EvalEnvironment;
use crate::desk::{BuildBotError, Desk};
use crate::domain::audit::Outcome;
use crate::domain::label::{MAX_NOTE_LEN, one_line};
use crate::domain::{Action, What};
use crate::pipeline::Bot;
use crate::prompts::{self, Gate, PromptFile};
use crate::store;
use crate::store::agents::{AgentRow, PublishedVersion};
use crate::store::audit::{Actor, Entry};

mod documents;

pub use documents::{LearnOptions, LearnOutcome};

/// Makes versions live. Besides it, only `app.rs` (a prompt file without a gate, at start) and
/// `http/api/drafts.rs` (a new agent) do so.
pub struct Publisher<'a> {
    /// The desk.
    pub desk: &'a Arc<Desk>,
    /// Environment of the suites; the gate adds the drafts.
    pub environment: EvalEnvironment,
    /// Folder of the run logs.
    pub folder: PathBuf,
    /// Folder of suites. A gate cannot name a suite elsewhere, whoever wrote it.
    pub suites: PathBuf,
    /// What the suites may do.
    pub policy: Policy,
    /// Who publishes, for the audit log.
    pub actor: Actor,
}

/// A request to publish a version of an agent.
#[derive(Debug, Clone, Copy)]
pub struct PublishRequest<'a> {
    /// The agent's slug.
    pub agent: &'a str,
    /// The text of the prompt file.
    pub source: &'a str,
    /// What changed and why, in at most [`MAX_NOTE_LEN`] characters; may be empty. Kept as one line, with a new version and in the audit log.
    pub note: &'a str,
    /// Publish even if the gate refuses.
    pub force: bool,
    /// Only run the gate: nothing is published or recorded.
    pub dry_run: bool,
}

/// The outcome of a publish request.
#[derive(Debug, Clone)]
pub enum PublishOutcome {
    /// The version is live now, with the gate's verdict if there is a gate.
    Live(PublishedVersion, Option<Box<Verdict>>),
    /// The source is already live, with this version number.
    Unchanged(i64),
    /// Dry run: the version may be published.
    Tried(Option<Box<Verdict>>),
    /// The gate refused the version; the live version stays.
    Refused(Box<Verdict>),
}

/// The result of a gate.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// Whether the rule holds.
    pub passed: bool,
    /// The gate's rule.
    pub rule: String,
    /// The gate's suite.
    pub suite: String,
    /// What broke the rule; empty when it holds.
    pub reason: String,
    /// Rows of the draft: passed, failed, errors, skipped.
    pub counts: [usize; 4],
    /// Comparison of the draft with the live version or the baseline.
    pub comparison: Comparison,
    /// The comparison as Markdown.
    pub report: String,
}

/// Why a version could not be published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The prompt file, its gate or the request is invalid.
    #[error("{0}")]
    Wrong(String),
    /// Another version went live meanwhile.
    #[error("another version of {0} went live while this one was tried: try again")]
    Overtaken(String),
    /// The database failed.
    #[error("{0}")]
    Store(#[from] store::Error),
}

impl From<BuildBotError> for Error {
    fn from(error: BuildBotError) -> Self {
        match error {
            BuildBotError::Prompt(why) => Self::Wrong(why),
            BuildBotError::Store(error) => Self::Store(error),
        }
    }
}

impl Publisher<'_> {
    /// Runs the agent's gate, if it has one, and publishes the version if it passes or is forced.
    pub async fn publish(
        &self,
        wanted: PublishRequest<'_>,
        progress: &dyn Progress,
    ) -> Result<PublishOutcome, Error> {
        let PublishRequest { agent, source, note, force, dry_run } = wanted;
        if note.trim().chars().count() > MAX_NOTE_LEN {
            return Err(Error::Wrong(format!(
                "A version's note has at most {MAX_NOTE_LEN} characters."
            )));
        }
        let note = one_line(note, MAX_NOTE_LEN);
        let file = prompts::parse(&format!("{agent}.md"), source)
            .map_err(|wrong| Error::Wrong(wrong.to_string()))?;
        let rows = self.desk.store.agents().await?;
        let live = rows.iter().find(|row| row.slug == agent);
        if let Some(row) = live.filter(|row| row.source == source) {
            return Ok(PublishOutcome::Unchanged(row.ordinal));
        }
        self.desk.check_knowledge((agent, source), &file).await?;
        // A removed agent comes back through its gate.
        let removed = self.desk.store.removed_agents().await?;
        let last = live.or_else(|| removed.iter().find(|row| row.slug == agent));
        let verdict = match (gate_of(&file, last), last) {
            (Some(gate), Some(row)) => Some(self.judge(&gate, (row, source), progress).await),
            _ => None,
        };
        let refused = verdict.as_ref().filter(|verdict| !verdict.passed);
        match refused {
            Some(verdict) if dry_run => {
                return Ok(PublishOutcome::Refused(Box::new(verdict.clone())));
            }
            Some(verdict) if !force => {
                let detail = json!({"rule": verdict.rule, "reason": verdict.reason, "hash": prompts::hash(source)});
                let entry = self.entry(Action::AgentRefused, agent, detail);
                self.desk.store.audit(entry.ended(Outcome::Refused)).await?;
                return Ok(PublishOutcome::Refused(Box::new(verdict.clone())));
            }
            _ if dry_run => return Ok(PublishOutcome::Tried(verdict.map(Box::new))),
            _ => {}
        }
        let action = if refused.is_some() { Action::AgentForced } else { Action::AgentPublished };
        let gate = verdict.as_ref().map(
            |it| json!({"passed": it.passed, "rule": it.rule, "suite": it.suite, "reason": it.reason}),
        );
        let detail = json!({"forced": refused.is_some(), "gate": gate, "note": note});
        let published =
            self.put((agent, source), (live, &note), self.entry(action, agent, detail)).await?;
        Ok(PublishOutcome::Live(published, verdict.map(Box::new)))
    }

    /// Returns the gate's verdict on a draft. A draft that cannot be tried does not pass.
    async fn judge(
        &self,
        gate: &Gate,
        (row, source): (&AgentRow, &str),
        progress: &dyn Progress,
    ) -> Verdict {
        let tried = match build_draft(self.desk, row, source).await {
            Ok(bot) if self.desk.bots.get(&bot.agent.id).is_some() => {
                self.try_on(gate, Some(bot), progress).await
            }
            // The agent was removed, or its live version is unusable.
            Ok(bot) => {
                let last = build_draft(self.desk, row, &row.source).await.ok();
                let before = last.map(|bot| vec![bot]);
                self.compare_with(gate, (Some(bot), before), progress).await
            }
            Err(why) => Err(why),
        };
        tried.unwrap_or_else(|why| Verdict::untried(gate, &why))
    }

    /// Publishes, provided that the version the draft was compared with is still live.
    async fn put(
        &self,
        (agent, source): (&str, &str),
        (over, note): (Option<&AgentRow>, &str),
        entry: Entry,
    ) -> Result<PublishedVersion, Error> {
        let hash = prompts::hash(source);
        let over = (over.map(|row| row.version_id.as_str()), note);
        let published = self.desk.store.publish_noted((agent, source, &hash), over, entry).await?;
        let published = published.ok_or_else(|| Error::Overtaken(agent.to_owned()))?;
        let (id, version) = (published.agent.clone(), published.version.clone());
        let bot = self.desk.build_bot((agent, source), id, Some(version)).await;
        self.desk.bots.put(bot.map_err(|error| Error::Wrong(error.to_string()))?);
        self.desk.announce(What::Agents).await;
        Ok(published)
    }

    fn entry(&self, action: Action, subject: &str, detail: serde_json::Value) -> Entry {
        Entry::new(self.actor.clone(), action, subject).with(detail)
    }

    /// Runs a gate's suite on a draft and on what it is compared with. Without a draft, runs it on
    /// the desk as it is.
    pub async fn try_on(
        &self,
        gate: &Gate,
        draft: Option<Arc<Bot>>,
        progress: &dyn Progress,
    ) -> Result<Verdict, String> {
        let answers = draft.as_ref().is_none_or(|bot| self.desk.bots.get(&bot.agent.id).is_some());
        self.compare_with(gate, (draft, answers.then(Vec::new)), progress).await
    }

    /// Runs a gate's suite on a draft and, with these drafts in place of the live versions, on what
    /// it is compared with; `None`: there is nothing to compare with.
    async fn compare_with(
        &self,
        gate: &Gate,
        (draft, before): (Option<Arc<Bot>>, Option<Vec<Arc<Bot>>>),
        progress: &dyn Progress,
    ) -> Result<Verdict, String> {
        let rule = Rule::parse(&gate.rule)?;
        let drafted = self.run(gate, draft.into_iter().collect(), ("draft", progress)).await?;
        let (summary, run_log) = drafted;
        let after = Baseline::of(&summary, &run_log).map_err(|error| error.to_string())?;
        let before = match (&gate.baseline, before) {
            (Some(file), _) => {
                let file = self.baseline(file)?;
                Baseline::read(&file).map_err(|error| error.to_string())?
            }
            (None, Some(bots)) if rule.needs_baseline() => {
                let (summary, run_log) = self.run(gate, bots, ("live", progress)).await?;
                Baseline::of(&summary, &run_log).map_err(|error| error.to_string())?
            }
            // Without a usable live version there is nothing to compare with, and a usable draft
            // must still pass.
            (None, _) => after.clone(),
        };
        let comparison = compare(&before, &after);
        let held = if summary.complete {
            rule.holds(&comparison, &summary)
        } else {
            Err("the suite was not run to its end".into())
        };
        Ok(Verdict::of(gate, held, &summary, comparison))
    }

    async fn run(
        &self,
        gate: &Gate,
        drafts: Vec<Arc<Bot>>,
        (name, progress): (&str, &dyn Progress),
    ) -> Result<(Summary, RunLog), String> {
        let file = suite_of(gate, &self.suites)?;
        let overrides = bot_checks::overrides(self.policy.clone());
        let suite = Suite::load(&file, &overrides).await.map_err(|wrong| wrong.to_string())?;
        if let Some(desk) = &self.environment.desk {
            // The default grader is named after the model.
            desk.engine.model.settled().await;
        }
        let prepared = EvalEnvironment { drafts, ..self.environment.clone() }.prepare(suite)?;
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| format!("{} cannot be made: {error}", self.folder.display()))?;
        let id = ulid::Ulid::generate();
        let run_log = RunLog::at(self.folder.join(format!("gate-{id}-{name}.jsonl")));
        let plan = Plan::new(run_log.clone());
        let summary = prepared.run(&plan, progress, std::future::pending()).await;
        Ok((summary.map_err(|error| error.to_string())?, run_log))
    }
}

impl Publisher<'_> {
    /// Resolves the gate's baseline file, in the folder of suites or its parent.
    fn baseline(&self, name: &str) -> Result<PathBuf, String> {
        let beside = self.suites.parent().filter(|it| !it.as_os_str().is_empty());
        let folders: Vec<&Path> = beside.into_iter().chain([&*self.suites]).collect();
        let file = Path::new(name);
        let is_kind = file.extension().is_some_and(|it| it == "json" || it == "jsonl");
        let found = canonical_regular_file(file, &folders, self.policy.limits().file_bytes);
        match found {
            Ok(found) if is_kind => Ok(found),
            Ok(_) => Err(format!(
                "the gate's baseline {name} is no file of accepted scores: .json or .jsonl"
            )),
            Err(why) => Err(format!("the gate's baseline: {why}")),
        }
    }
}

/// Resolves a gate's suite within the folder of suites. A gate may have been written over the API,
/// so it must not lead elsewhere, not even on the command line.
pub fn suite_of(gate: &Gate, suites: &Path) -> Result<PathBuf, String> {
    let most = Policy::default().limits().file_bytes;
    let real = canonical_regular_file(Path::new(&gate.suite), &[suites], most)
        .map_err(|why| format!("the gate's suite: {why}"))?;
    let below =
        suites.canonicalize().ok().and_then(|root| Some(real.strip_prefix(root).ok()?.to_owned()));
    Ok(below.map_or(real, |below| suites.join(below)))
}

impl Verdict {
    fn of(
        gate: &Gate,
        held: Result<(), String>,
        summary: &Summary,
        comparison: Comparison,
    ) -> Self {
        let mut report = Vec::new();
        // Writing to memory cannot fail.
        drop(comparison.markdown(&mut report));
        Self {
            passed: held.is_ok(),
            rule: gate.rule.clone(),
            suite: gate.suite.clone(),
            reason: held.err().unwrap_or_default(),
            counts: summary.counts(),
            comparison,
            report: String::from_utf8_lossy(&report).into_owned(),
        }
    }

    fn untried(gate: &Gate, why: &str) -> Self {
        Self {
            passed: false,
            rule: gate.rule.clone(),
            suite: gate.suite.clone(),
            reason: format!("it could not be tried: {why}"),
            counts: [0; 4],
            comparison: Comparison::default(),
            report: String::new(),
        }
    }
}

/// Returns the gate that a version must pass. The live version's gate applies even if the new file
/// removes or replaces it, and even if the live version is unusable.
pub fn gate_of(file: &PromptFile, live: Option<&AgentRow>) -> Option<Gate> {
    let before = live.and_then(|row| prompts::gate(&row.source));
    before.or_else(|| file.gate.clone())
}
