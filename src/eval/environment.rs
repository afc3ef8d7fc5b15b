//! Prepares a suite's targets, grader and grading context, in the same way for the CLI, the API and
//! the gate.

use std::sync::Arc;

use frontdesk_promptfoo::check::GradingContext;
use frontdesk_promptfoo::row::Summary;
use frontdesk_promptfoo::run::{self, Plan, Progress};
use frontdesk_promptfoo::script::Scripts;
use frontdesk_promptfoo::suite::{Assertion, Suite, TargetSpec};
use frontdesk_promptfoo::target::{Cache, Target, Targets};
use frontdesk_promptfoo::template::Templates;
use tokio::sync::mpsc::unbounded_channel;

use super::agents::Agents;
use super::spending::{MeteredProgress, count, wait_until_budget_exhausted};
use crate::desk::Desk;
use crate::pipeline::Bot;

/// The environment that suites run in.
#[derive(Clone, Default)]
pub struct EvalEnvironment {
    /// The desk whose agents can be targets; `None` without one.
    pub desk: Option<Arc<Desk>>,
    /// Drafts, each replacing its agent's live version.
    pub drafts: Vec<Arc<Bot>>,
    /// Cache of answers; `None` disables it.
    pub cache: Option<Arc<Cache>>,
    /// Default grader when neither case nor suite names one, such as `openai:gpt-4o-mini`.
    pub grader: Option<String>,
    /// Whether promptfoo's quirks are reported as failures.
    pub strict: bool,
    /// Whether the cost counts towards the desk's trial budget; the run stops when that is used up.
    pub metered: bool,
}

/// A suite with its targets opened and its grading context built.
pub struct PreparedSuite {
    /// The suite.
    pub suite: Suite,
    grading: GradingContext,
    targets: Vec<Arc<dyn Target>>,
    /// The desk that is charged for the run; `None` when it is not metered.
    payer: Option<Arc<Desk>>,
}

impl EvalEnvironment {
    /// Opens a suite's targets and grader. The error names the one that cannot be used, and why.
    pub fn prepare(&self, suite: Suite) -> Result<PreparedSuite, String> {
        let policy = &suite.policy;
        let scripts = Arc::new(Scripts::new(policy, &suite.base, &suite.env));
        let mut targets = Targets::new(suite.base.clone(), suite.env.clone(), scripts.clone());
        targets.cache.clone_from(&self.cache);
        if let Some(desk) = &self.desk {
            let agents = Agents::of(desk.clone());
            let agents =
                self.drafts.iter().fold(agents, |agents, bot| agents.with_draft(bot.clone()));
            targets.frontdesk_opener = Some(Arc::new(agents));
            // Graders ask the endpoint of the configuration, whatever answers customers.
            targets.model = Some(desk.engine.model.configured().default_model().to_owned());
        }
        let grader = self.grader.as_ref().map(|id| {
            let spec = TargetSpec { id: id.clone(), ..TargetSpec::default() };
            // The requester names it, so `allow_code` does not apply.
            let grader = targets.for_requests().open_grader(&spec);
            grader.map_err(|why| format!("the grader: {why}"))
        });
        let open = |spec: &TargetSpec| {
            targets.open(spec).map_err(|why| format!("{}: {why}", suite.file.display()))
        };
        let opened = suite.targets.iter().map(open).collect::<Result<_, _>>()?;
        let grading = GradingContext {
            base: suite.base.clone(),
            templates: Templates::with_filters(
                policy.shown_env(&suite.env),
                &suite.filters,
                &suite.base,
                &scripts,
            ),
            scripts,
            grader: grader.transpose()?,
            targets: Arc::new(targets),
            types: suite.types.clone(),
            strict: self.strict,
        };
        let payer = self.desk.clone().filter(|_| self.metered);
        Ok(PreparedSuite { suite, grading, targets: opened, payer })
    }
}

impl PreparedSuite {
    /// Checks that a run stays within its limits, without running anything; the error says which
    /// limit it exceeds.
    pub fn check(&self, plan: &Plan) -> Result<(), run::Error> {
        run::check(&self.suite, &self.grading, &self.targets, plan)
    }

    /// Returns the grading context.
    pub fn grading(&self) -> &GradingContext {
        &self.grading
    }

    /// Returns the assertions that every case of the suite has.
    pub fn common(&self) -> Vec<Assertion> {
        let mut all = self.suite.cases.iter().map(|case| &case.assert);
        let Some(first) = all.next() else { return Vec::new() };
        let in_all = |one: &&Assertion| all.clone().all(|other| other.contains(one));
        first.iter().filter(in_all).cloned().collect()
    }

    /// Runs the suite until it ends or `stop` resolves.
    pub async fn run(
        &self,
        plan: &Plan,
        progress: &dyn Progress,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Summary, run::Error> {
        let stop = async {
            stop.await;
            "it was asked to stop".to_owned()
        };
        let Some(desk) = &self.payer else {
            return Box::pin(run::run(
                &self.suite,
                &self.grading,
                &self.targets,
                plan,
                progress,
                stop,
            ))
            .await;
        };
        let stop = async {
            tokio::select! { why = stop => why, why = wait_until_budget_exhausted(desk) => why }
        };
        let (tell, told) = unbounded_channel();
        let counted = MeteredProgress { tell, inner: progress };
        let run = Box::pin(async move {
            run::run(&self.suite, &self.grading, &self.targets, plan, &counted, stop).await
        });
        tokio::join!(run, count(desk, told)).0
    }
}
