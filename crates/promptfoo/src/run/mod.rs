//! Runs a suite: every case with every prompt and target, several at once, each row into the run
//! log. Holds no more rows than run at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::check::GradingContext;
use super::row::{Column, EvalRow, Summary};
use super::run_log::RunLog;
use super::suite::{Case, Suite};
use super::target::Target;
use one::{Job, Memory, Place, fail};

mod bounds;
mod filter;
mod one;
mod outcome;
mod plan;
mod tally;
mod compare_outputs;
mod turns;
mod vars;

pub use bounds::check;
pub use filter::{Filters, Which};
pub use outcome::{PassCount, exit_code, exit_code_with, pass_counts};
pub use plan::{Error, Plan, Progress};
pub use tally::grading;

/// Runs a suite. `targets` are the suite's, in its order. When `stop` completes, with the reason, rows
/// in progress are dropped; the run log is kept, and the summary is marked incomplete.
pub async fn run(
    suite: &Suite,
    grading: &GradingContext,
    targets: &[Arc<dyn Target>],
    plan: &Plan,
    progress: &dyn Progress,
    stop: impl Future<Output = String> + Send,
) -> Result<Summary, Error> {
    let began = Instant::now();
    let started_at = chrono::Utc::now().timestamp_millis();
    let mut run = Run::new(suite, grading, targets, plan)?;
    run.check_limits()?;
    let run_log = |error| Error::RunLog { path: plan.run_log.path().to_owned(), error };
    let mut appender = plan.run_log.append(plan.resume).map_err(run_log)?;
    if plan.resume {
        run.resume(&plan.run_log).map_err(run_log)?;
    }
    progress.begin(run.total().saturating_sub(run.done.len()));
    let mut columns = run.columns();
    let mut summary = Summary { complete: true, ..Summary::default() };
    for row in std::mem::take(&mut run.before) {
        count(&mut summary, &mut columns, &row);
    }
    let concurrency = run.concurrency();
    let late = time_limit(plan.max_time.or(some_ms(suite.options.max_eval_ms)));
    {
        let mut rows = run.rows(concurrency);
        let (mut stop, mut late) = (std::pin::pin!(stop), std::pin::pin!(late));
        loop {
            let ended = tokio::select! {
                biased;
                why = &mut stop => Err(why),
                why = &mut late => Err(why),
                ended = rows.next() => match ended {
                    Some(rows) => Ok(rows),
                    None => break,
                },
            };
            let ended = match ended {
                Ok(rows) => rows,
                Err(why) => {
                    (summary.complete, summary.stopped) = (false, Some(why));
                    break;
                }
            };
            for row in ended {
                count(&mut summary, &mut columns, &row);
                appender.add(&row).map_err(run_log)?;
                progress.row(&row);
            }
            if let Some(why) = run.size_limit_exceeded(appender.size()) {
                (summary.complete, summary.stopped) = (false, Some(why));
                break;
            }
        }
    }
    appender.finish().map_err(run_log)?;
    run.derive(&mut columns).await;
    progress.done();
    run.sum_up(&mut summary, columns, started_at);
    summary.took_ms = began.elapsed().as_secs_f64() * 1000.0;
    Ok(summary)
}

/// Returns when the time is over, with that reason.
async fn time_limit(most: Option<Duration>) -> String {
    let Some(most) = most else { return std::future::pending().await };
    tokio::time::sleep(most).await;
    format!("it may take {} s", most.as_secs_f64())
}

fn count(summary: &mut Summary, columns: &mut [Column], row: &EvalRow) {
    if let Some(column) = columns.get_mut(row.prompt_idx) {
        tally::add(&mut column.metrics, row);
    }
    let (tokens, cost) = tally::grading(row);
    summary.grader_tokens += tokens;
    summary.grader_cost += cost;
}

fn some_ms(ms: Option<u64>) -> Option<Duration> {
    ms.filter(|ms| *ms > 0).map(Duration::from_millis)
}

struct Run<'a> {
    suite: &'a Suite,
    grading: &'a GradingContext,
    plan: &'a Plan,
    /// The columns: each target with each of its prompts.
    places: Vec<Place<'a>>,
    cases: Vec<usize>,
    memory: Memory,
    done: HashSet<String>,
    /// Rows of the resumed run, for the totals.
    before: Vec<EvalRow>,
}

/// A unit of concurrency: the rows of a case that are compared with each other, or one row.
struct Unit<'a> {
    at: usize,
    case: &'a Case,
    written: Arc<Value>,
    key: Arc<str>,
    repeat: usize,
    columns: Vec<usize>,
}

impl<'a> Run<'a> {
    fn new(
        suite: &'a Suite,
        grading: &'a GradingContext,
        targets: &[Arc<dyn Target>],
        plan: &'a Plan,
    ) -> Result<Self, Error> {
        if targets.len() != suite.targets.len() {
            return Err(Error::Targets { named: suite.targets.len(), given: targets.len() });
        }
        let mut places = Vec::new();
        let mut twins: HashMap<String, usize> = HashMap::new();
        for (spec, target) in suite.targets.iter().zip(targets) {
            if !plan.filters.target(spec).map_err(Error::Filter)? {
                continue;
            }
            for prompt in &suite.prompts {
                let own = spec
                    .prompts
                    .as_ref()
                    .is_none_or(|names| names.iter().any(|name| prompt.is_called(name)));
                if !own || !plan.filters.prompt(prompt).map_err(Error::Filter)? {
                    continue;
                }
                let named = json!([
                    prompt.raw,
                    prompt.label,
                    prompt.function,
                    spec.id,
                    spec.label,
                    spec.config
                ]);
                let key = unique_key(&mut twins, hash(&named));
                let provider = json!({"id": spec.id, "label": spec.name()});
                let remembers = prompt.raw.contains("_conversation");
                places.push(Place {
                    prompt,
                    spec,
                    target: target.clone(),
                    key,
                    uses_conversation: remembers,
                    provider,
                });
            }
        }
        let cases = plan.filters.cases(suite).map_err(Error::Filter)?;
        Ok(Self {
            suite,
            grading,
            plan,
            places,
            cases,
            memory: Memory::default(),
            done: HashSet::new(),
            before: Vec::new(),
        })
    }

    /// Reads the rows of the resumed run, without the fields that only reports need.
    fn resume(&mut self, run_log: &RunLog) -> std::io::Result<()> {
        for row in run_log.rows()? {
            let row = row?;
            if self.done.insert(row.key.clone()) {
                let slim = EvalRow {
                    response: None,
                    test_case: Value::Null,
                    prompt: Value::Null,
                    vars: super::suite::Vars::new(),
                    ..row
                };
                self.before.push(slim);
            }
        }
        Ok(())
    }

    fn sum_up(&self, summary: &mut Summary, columns: Vec<Column>, started_at: i64) {
        summary.prompts = columns;
        summary.vars = self.var_names();
        summary.id = format!("eval-{started_at}");
        summary.started_at = started_at;
        summary.suite = self.suite.file.display().to_string();
        summary.description.clone_from(&self.suite.description);
        summary.config = self.suite.raw.clone();
    }

    fn columns(&self) -> Vec<Column> {
        let column = |place: &Place<'_>| Column {
            raw: place.prompt.raw.clone(),
            label: place.prompt.label.clone(),
            provider: place.spec.name().to_owned(),
            ..Column::default()
        };
        self.places.iter().map(column).collect()
    }

    fn var_names(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let all = self.cases.iter().flat_map(|at| self.suite.cases[*at].vars.keys());
        all.filter(|name| seen.insert(name.as_str())).cloned().collect()
    }

    /// The columns that a case runs in.
    fn columns_of(&self, case: &Case) -> Vec<usize> {
        let named = |names: &Option<Vec<String>>, is: &dyn Fn(&str) -> bool| {
            names.as_ref().is_none_or(|names| names.iter().any(|name| is(name)))
        };
        let allowed = |place: &Place<'_>| {
            named(&case.only_prompts, &|name| place.prompt.is_called(name))
                && named(&case.only_targets, &|name| place.spec.is_called(name))
        };
        (0..self.places.len()).filter(|at| allowed(&self.places[*at])).collect()
    }

    fn total(&self) -> usize {
        let rows = |at: &usize| {
            let case = &self.suite.cases[*at];
            self.repeats(case).saturating_mul(self.columns_of(case).len())
        };
        self.cases.iter().map(rows).fold(0, usize::saturating_add)
    }

    /// All units of the run, created lazily.
    fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        let mut twins = HashMap::new();
        self.cases.iter().flat_map(move |at| {
            let case = &self.suite.cases[*at];
            let written = Arc::new(case.written());
            let key: Arc<str> = unique_key(&mut twins, hash(&written)).into();
            let columns = self.columns_of(case);
            let groups: Vec<Vec<usize>> = if compare_outputs::compares_outputs(case) {
                vec![columns]
            } else {
                columns.into_iter().map(|it| vec![it]).collect()
            };
            let repeats = 0..self.repeats(case);
            let units = repeats.flat_map(move |repeat| {
                let (written, key) = (written.clone(), key.clone());
                let of = move |columns| Unit {
                    at: *at,
                    case,
                    written: written.clone(),
                    key: key.clone(),
                    repeat,
                    columns,
                };
                groups.clone().into_iter().map(of)
            });
            units.filter(|unit| !unit.columns.is_empty() && !self.is_done(unit))
        })
    }

    /// Rows that are compared with each other run again together.
    fn is_done(&self, unit: &Unit<'_>) -> bool {
        !self.done.is_empty()
            && unit.columns.iter().all(|column| self.done.contains(&self.key(unit, *column)))
    }

    fn key(&self, unit: &Unit<'_>, column: usize) -> String {
        format!("{}-{}-{}", unit.key, self.places[column].key, unit.repeat)
    }

    /// The rows in order of completion. Boxed, so that a run can be a task of its own.
    fn rows(&self, concurrency: usize) -> BoxStream<'_, Vec<EvalRow>> {
        let units = futures::stream::iter(self.units());
        units.map(|unit| self.unit(unit)).buffer_unordered(concurrency).boxed()
    }

    async fn unit(&self, unit: Unit<'_>) -> Vec<EvalRow> {
        let mut rows = Vec::with_capacity(unit.columns.len());
        for column in &unit.columns {
            rows.push(self.row(&unit, *column).await);
        }
        if compare_outputs::compares_outputs(unit.case) {
            compare_outputs::compare(unit.case, &mut rows, self.grading).await;
            rows.retain(|row| !self.done.contains(&row.key));
        }
        rows
    }

    async fn row(&self, unit: &Unit<'_>, column: usize) -> EvalRow {
        let place = &self.places[column];
        let start = || EvalRow {
            key: self.key(unit, column),
            test_idx: unit.at,
            prompt_idx: column,
            repeat: unit.repeat,
            prompt: json!({"raw": place.prompt.raw, "label": place.prompt.label}),
            provider: place.provider.clone(),
            test_case: (*unit.written).clone(),
            vars: unit.case.vars.clone(),
            metadata: unit.case.metadata.clone(),
            ..EvalRow::default()
        };
        let delay = self.plan.delay.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        let delay_ms = delay.or(self.suite.options.delay_ms).unwrap_or(0);
        let job = Job { case: unit.case, place, repeat: unit.repeat, delay_ms };
        let work = job.run(start(), self.grading, &self.memory);
        let Some(limit) = self.plan.timeout.or(some_ms(self.suite.options.timeout_ms)) else {
            return work.await;
        };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let mut row = start();
            row.latency_ms = limit.as_secs_f64() * 1000.0;
            fail(&mut row, format!("Evaluation timed out after {}ms", limit.as_millis()));
            row
        })
    }

    async fn derive(&self, columns: &mut [Column]) {
        for column in columns.iter_mut().filter(|_| !self.suite.derived.is_empty()) {
            let it = &mut column.metrics;
            let count =
                it.test_pass_count + it.test_fail_count + it.test_error_count + it.test_skip_count;
            for what in compare_outputs::derive(
                &self.suite.derived,
                count,
                &mut it.named_scores,
                self.grading,
            )
            .await
            {
                tracing::warn!("{what}");
            }
        }
    }
}

fn hash(value: &Value) -> String {
    hex::encode(&Sha256::digest(value.to_string().as_bytes())[..12])
}

/// Makes duplicate hashes unique.
fn unique_key(twins: &mut HashMap<String, usize>, hash: String) -> String {
    let count = twins.entry(hash.clone()).or_default();
    *count += 1;
    if *count == 1 { hash } else { format!("{hash}~{count}") }
}
