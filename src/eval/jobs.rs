//! Runs suites as background jobs of a desk: a few at once, the others wait. Each run has a row in
//! the database and a run log in the data folder, can be watched and stopped, and is deleted when
//! there are enough newer ones.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_promptfoo::compare::{Baseline, Comparison, compare};
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::row::Summary;
use frontdesk_promptfoo::run::{Filters, Plan, Which};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::suite::Suite;
use frontdesk_promptfoo::target::Cache;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::agents::{Agents, RunAgent};
use super::bot_checks;
use super::cases::EditError;
use super::drafts::draft_bot;
use super::environment::{EvalEnvironment, PreparedSuite};
use super::gate::Publisher;
use crate::desk::Desk;
use crate::domain::{RunId, RunState, What};
use crate::pipeline::BudgetTier;
use crate::store;
use crate::store::audit::Actor;
use crate::store::runs::RunRow;

mod active;
mod baselines;
mod earlier;
mod folder;
mod listing;
mod removal;
mod request;
mod suite_cases;
use active::Active;
pub use baselines::AcceptedBaseline;
use folder::{collect, forget_files, inside};
pub use listing::{SavedCase, SuiteListing};
pub use request::EvalRequest;
pub use suite_cases::SuiteCases;

const MAX_CONCURRENT_RUNS: usize = 2;
const MAX_WAITING: usize = 100;
const KEEP: i64 = 200;
/// Interval for polling the database for runs to stop.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Time without a heartbeat after which a replica counts as dead, in milliseconds.
const GONE_MS: i64 = 30_000;

/// The eval jobs of a desk.
pub struct Jobs {
    desk: Arc<Desk>,
    /// Folder of suites.
    suites: PathBuf,
    /// What suites may do in these runs.
    policy: Policy,
    /// Folder of run logs.
    folder: PathBuf,
    cache: Arc<Cache>,
    slots: Arc<Semaphore>,
    active: Mutex<HashMap<String, Arc<Active>>>,
    publishing: tokio::sync::Mutex<()>,
    seen: listing::ListingCache,
    saving: tokio::sync::Mutex<()>,
    loading: tokio::sync::Mutex<()>,
}

/// The result of a run that ended.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunResult {
    /// Summary of the rows.
    pub summary: Summary,
    /// Comparison with the baseline; `None` without one.
    pub comparison: Option<Comparison>,
    /// The agents that answered.
    pub agents: Vec<RunAgent>,
}

/// Why a run cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The suite, run or file does not exist.
    #[error("{0}")]
    Missing(String),
    /// The request is invalid.
    #[error("{0}")]
    Wrong(String),
    /// What is stored does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// Too many runs are waiting.
    #[error("{MAX_WAITING} runs wait already: try again when some have ended")]
    Many,
    /// The trial budget is used up.
    #[error(
        "what trials may cost today is used up ([budget] sandbox_day, or day): there is more after midnight UTC"
    )]
    Spent,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<EditError> for Error {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Changed | EditError::Known => Self::Conflict(error.to_string()),
            EditError::Wrong(why) => Self::Wrong(why),
        }
    }
}

impl Jobs {
    /// Creates the jobs of a desk. `suites` is their folder, run under the policy; run logs go
    /// below `data`.
    pub fn new(desk: Arc<Desk>, (suites, policy): (PathBuf, Policy), data: &Path) -> Arc<Self> {
        let folder = data.join("evals");
        Arc::new(Self {
            desk,
            suites,
            policy,
            cache: Arc::new(Cache::new(folder.join("cache"))),
            folder,
            slots: Arc::new(Semaphore::new(MAX_CONCURRENT_RUNS)),
            active: Mutex::default(),
            publishing: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
            saving: tokio::sync::Mutex::default(),
            loading: tokio::sync::Mutex::default(),
        })
    }

    /// Returns the folder of suites.
    pub fn suites_folder(&self) -> &Path {
        &self.suites
    }

    /// Returns the policy for suites run over the API.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns a publisher. Its guard allows one at a time, because each compares with what is
    /// live. The policy applies to the gates' suites.
    pub async fn publisher(
        &self,
        actor: Actor,
        policy: &Policy,
    ) -> (tokio::sync::MutexGuard<'_, ()>, Publisher<'_>) {
        let turn = self.publishing.lock().await;
        let publisher = Publisher {
            desk: &self.desk,
            environment: self.environment(None),
            folder: self.folder.join("gate"),
            suites: self.suites.clone(),
            policy: policy.clone(),
            actor,
        };
        (turn, publisher)
    }

    fn environment(&self, grader: Option<String>) -> EvalEnvironment {
        EvalEnvironment {
            desk: Some(self.desk.clone()),
            cache: Some(self.cache.clone()),
            grader,
            metered: true,
            ..EvalEnvironment::default()
        }
    }

    /// Returns the names of all suites, sorted.
    pub fn suites(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.suites, "", 0, &mut found);
        found.sort();
        found
    }

    /// Ends runs of dead processes and stops runs on request. Never returns.
    pub async fn run_maintenance(self: Arc<Self>) {
        loop {
            if let Err(error) = self.poll().await {
                tracing::debug!(%error, "runs of evals could not be looked after, it is tried again");
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn poll(&self) -> store::Result<()> {
        self.desk.store.stop_lost_runs(GONE_MS).await?;
        for id in self.desk.store.runs_to_stop().await? {
            if let Some(active) = self.find(&id) {
                active.stop.send_replace(true);
            } else {
                let id = RunId::stored(id);
                self.desk.store.end_run(&id, RunState::Stopped, (None, None)).await?;
            }
        }
        Ok(())
    }

    fn find(&self, id: &str) -> Option<Arc<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Returns the total rows and the counts by verdict of a run; `None` when it does not run in
    /// this process.
    pub fn progress(&self, id: &str) -> Option<(usize, [usize; 4])> {
        self.find(id).map(|active| active.progress())
    }

    /// Returns a run's log.
    pub fn run_log(&self, id: &str) -> RunLog {
        RunLog::at(self.folder.join("runs").join(format!("{id}.jsonl")))
    }

    /// Queues a run of a suite; the error says why it cannot run.
    pub async fn start(self: &Arc<Self>, wanted: EvalRequest) -> Result<RunId, Error> {
        let waiting = self.active.lock().unwrap_or_else(PoisonError::into_inner).len();
        if waiting >= MAX_WAITING + MAX_CONCURRENT_RUNS {
            return Err(Error::Many);
        }
        if self.desk.trial_tier().await? == BudgetTier::Words {
            return Err(Error::Spent);
        }
        // One at a time, because all cases of a suite are in memory while it is checked.
        let one_at_a_time = self.loading.lock().await;
        let suite = self.load(&wanted).await?;
        let prepared = self.prepare(&wanted, suite).await?;
        self.baseline(&wanted)?;
        let plan = self.plan(&wanted, self.run_log("new"))?;
        prepared.check(&plan).map_err(|error| Error::Wrong(error.to_string()))?;
        drop((prepared, one_at_a_time));
        let runs = self.folder.join("runs");
        std::fs::create_dir_all(&runs)
            .map_err(|error| Error::Wrong(format!("{} cannot be made: {error}", runs.display())))?;
        let text = serde_json::to_string(&wanted).unwrap_or_default();
        let id = self.desk.store.queue_run(&wanted.suite, text).await?;
        let active = Arc::new(Active::new(&self.desk.notifier));
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.as_str().to_owned(), active.clone());
        self.desk.announce(What::Evals).await;
        tokio::spawn(self.clone().work(id.clone(), wanted, active));
        Ok(id)
    }

    /// Stops a run in any process; false when it has already ended.
    pub async fn stop(&self, id: &str) -> store::Result<bool> {
        let found = self.desk.store.ask_run_to_stop(id).await?;
        if let Some(active) = self.find(id) {
            active.stop.send_replace(true);
        }
        Ok(found)
    }

    async fn work(self: Arc<Self>, id: RunId, wanted: EvalRequest, active: Arc<Active>) {
        let ended = self.run_when_free(&id, &wanted, &active).await;
        let (state, known) = match ended {
            Ok(Some(known)) => {
                let state = if known.summary.complete { RunState::Done } else { RunState::Stopped };
                let why = known.summary.stopped.clone();
                (state, (serde_json::to_string(&known).ok(), why))
            }
            Ok(None) => (RunState::Stopped, (None, None)),
            Err(why) => (RunState::Failed, (None, Some(why.to_string()))),
        };
        if let Err(error) = self.desk.store.end_run(&id, state, known).await {
            tracing::warn!(%error, run = id.as_str(), "how a run ended could not be written down");
        }
        self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(id.as_str());
        self.desk.announce(What::Evals).await;
        self.forget().await;
    }

    /// Waits for a free slot and runs; `None` when it was stopped before it began.
    async fn run_when_free(
        &self,
        id: &RunId,
        wanted: &EvalRequest,
        active: &Active,
    ) -> Result<Option<RunResult>, Error> {
        let stopped = || {
            let mut stop = active.stop.subscribe();
            async move { drop(stop.wait_for(|stop| *stop).await) }
        };
        let place = tokio::select! {
            () = stopped() => return Ok(None),
            place = self.slots.acquire() => place,
        };
        if !self.desk.store.begin_run(id).await? {
            return Ok(None);
        }
        let prepared = self.prepare(wanted, self.load(wanted).await?).await?;
        let draft = wanted.agent.as_deref().zip(wanted.prompt.as_deref());
        let agents = Agents::of(self.desk.clone()).versions(&prepared.suite.targets, draft).await?;
        let run_log = self.run_log(id.as_str());
        let plan = self.plan(wanted, run_log.clone())?;
        let summary = prepared.run(&plan, active, stopped()).await;
        drop(place);
        let summary = summary.map_err(|error| Error::Wrong(error.to_string()))?;
        let comparison = match self.baseline(wanted)? {
            Some(before) => {
                let after = Baseline::of(&summary, &run_log);
                let after = after.map_err(|error| Error::Wrong(error.to_string()))?;
                Some(compare(&before, &after))
            }
            None => None,
        };
        Ok(Some(RunResult { summary, comparison, agents }))
    }

    async fn load(&self, wanted: &EvalRequest) -> Result<Suite, Error> {
        let file = inside(&self.suites, &wanted.suite).ok_or_else(|| {
            let known = self.suites().join(", ");
            let folder = self.suites.display();
            Error::Missing(format!(
                "There is no suite `{}` in {folder}; there are: {known}",
                wanted.suite
            ))
        })?;
        let overrides = bot_checks::overrides(self.policy.clone());
        let suite = Suite::load(&file, &overrides).await;
        suite.map_err(|wrong| Error::Wrong(wrong.to_string()))
    }

    async fn prepare(&self, wanted: &EvalRequest, suite: Suite) -> Result<PreparedSuite, Error> {
        let mut environment = self.environment(wanted.grader.clone());
        if suite.options.cache == Some(false) {
            environment.cache = None;
        }
        match (&wanted.agent, &wanted.prompt) {
            (Some(agent), Some(source)) => {
                environment
                    .drafts
                    .push(draft_bot(&self.desk, agent, source).await.map_err(Error::Wrong)?);
            }
            (None, Some(_)) => {
                return Err(Error::Wrong(
                    "`prompt` is a draft of an agent: name the `agent`".into(),
                ));
            }
            _ => {}
        }
        environment.prepare(suite).map_err(Error::Wrong)
    }

    fn plan(&self, wanted: &EvalRequest, run_log: RunLog) -> Result<Plan, Error> {
        let earlier = match &wanted.failing {
            Some(id) => vec![(Which::Failing, self.earlier(id)?.path().to_owned())],
            None => Vec::new(),
        };
        Ok(Plan {
            filters: Filters {
                earlier,
                pattern: wanted.pattern.clone(),
                first: wanted.first,
                sample: wanted.sample,
                metadata: wanted.metadata.clone(),
                ..Filters::default()
            },
            repeat: wanted.repeat,
            concurrency: wanted.concurrency,
            ..Plan::new(run_log)
        })
    }

    /// Deletes old runs with their logs.
    async fn forget(&self) {
        match self.desk.store.forget_runs(KEEP).await {
            Ok(ids) => {
                for id in ids {
                    drop(std::fs::remove_file(self.run_log(&id).path()));
                }
            }
            Err(error) => tracing::debug!(%error, "old runs could not be forgotten"),
        }
        forget_files(&self.folder.join("gate"), KEEP);
    }

    /// Result of a run that ended; `None` when there is none.
    pub fn parse_result(row: &RunRow) -> Option<RunResult> {
        let mut all: serde_json::Value = serde_json::from_str(row.summary.as_deref()?).ok()?;
        // A comparison written by another version must not discard the summary.
        let comparison = serde_json::from_value(all["comparison"].take()).unwrap_or_default();
        let agents = serde_json::from_value(all["agents"].take()).unwrap_or_default();
        let summary = serde_json::from_value(all["summary"].take()).ok()?;
        Some(RunResult { summary, comparison, agents })
    }
}
