//! `frontdesk eval SUITE`: runs suites, shows failures first, writes reports, compares with
//! accepted scores.

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use frontdesk_promptfoo::compare::{Baseline, Rule, compare};
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::report::{self, Look};
use frontdesk_promptfoo::row::Summary;
use frontdesk_promptfoo::run::{Filters, Plan, Which, exit_code};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::suite::{Overrides, Suite};
use frontdesk_promptfoo::target::Cache;
use serde_json::Value;

use super::super::Output;
use super::super::bar::{Bar, RunBar};
use super::retrieval;
use crate::app::App;
use crate::config::Config;
use crate::eval::bot_checks;
use crate::eval::environment::EvalEnvironment;

/// Folder of the suites to run when none is named.
const SUITES: &str = "eval/suites";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command")]
pub(super) struct SuiteArgs {
    /// Suites to run [default: every .yaml in eval/suites]
    suites: Vec<PathBuf>,
    /// Write a report; the extension selects the format: .json .jsonl .csv .html .xml .junit.xml
    /// .txt .yaml .md
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// Compare with accepted scores, an earlier report or a run log
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Fail unless this holds: `no case worse`, `score >= baseline - 0.02`, `score >= 0.9`, `pass rate >= 95%`
    #[arg(long)]
    rule: Option<String>,
    /// Save this run's scores as the accepted ones
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,
    /// Run each case N times; cases that pass only sometimes are reported
    #[arg(long, value_name = "N")]
    repeat: Option<usize>,
    /// Number of cases that run at once [default: as the suite says, else 4]
    #[arg(short = 'j', long = "max-concurrency", value_name = "N")]
    concurrency: Option<usize>,
    /// Milliseconds to wait before each call
    #[arg(long, value_name = "MS")]
    delay: Option<u64>,
    /// Maximum milliseconds per case; a case that takes longer is an error
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
    /// Do not use cached model answers
    #[arg(long)]
    no_cache: bool,
    /// Grader to use when the suite names none, such as `openai:gpt-4o-mini`
    #[arg(long, value_name = "PROVIDER")]
    grader: Option<String>,
    /// Provider to test instead of the suite's own, such as `frontdesk:acme@3`
    #[arg(short = 'r', long = "provider", value_name = "PROVIDER")]
    providers: Vec<String>,
    /// Set a variable for every case
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<String>,
    /// Report as failures what only promptfoo's quirks let pass, and skipped cases; refuse suites
    /// with unknown assertion types
    #[arg(long)]
    strict: bool,
    /// Resume the interrupted run of these suites
    #[arg(long)]
    resume: bool,
    /// Learn the documents of the knowledge folder first, even if the desk already has documents
    #[arg(long)]
    learn: bool,
    /// Also score retrieval on this folder in BEIR format, in the same report
    #[arg(long, value_name = "DIR")]
    retrieval: Vec<PathBuf>,
    #[command(flatten)]
    filters: Filter,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after their fields")]
struct Filter {
    /// Only cases that did not pass in an earlier run: a report, a run log, or `last`
    #[arg(long, value_name = "FILE")]
    filter_failing: Option<PathBuf>,
    /// Only cases with an assertion that failed in an earlier run
    #[arg(long, value_name = "FILE")]
    filter_failing_only: Option<PathBuf>,
    /// Only cases that ended in an error in an earlier run
    #[arg(long, value_name = "FILE")]
    filter_errors_only: Option<PathBuf>,
    /// Only cases whose description matches this pattern
    #[arg(long, value_name = "REGEX")]
    filter_pattern: Option<String>,
    /// Only the first N cases
    #[arg(long, value_name = "N")]
    filter_first_n: Option<usize>,
    /// A random sample of N cases
    #[arg(long, value_name = "N")]
    filter_sample: Option<usize>,
    /// Seed of --filter-sample, for the same sample each time
    #[arg(long, value_name = "SEED")]
    filter_sample_seed: Option<u64>,
    /// Only cases with this metadata
    #[arg(long, value_name = "KEY=VALUE")]
    filter_metadata: Vec<String>,
    /// Only providers whose id or label matches this pattern
    #[arg(long, alias = "filter-targets", value_name = "REGEX")]
    filter_providers: Option<String>,
    /// Only prompts whose label or id matches this pattern
    #[arg(long, value_name = "REGEX")]
    filter_prompts: Option<String>,
    /// Only the cases from START up to, but not including, END, counted from 0
    #[arg(long, value_name = "START:END")]
    filter_range: Option<String>,
}

/// What all runs of a command share.
struct Stage {
    environment: EvalEnvironment,
    app: Option<App>,
    folder: PathBuf,
    several: bool,
}

impl SuiteArgs {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        for file in &self.output {
            report::check(file)?;
        }
        let rule = self.rule.as_deref().map(Rule::parse).transpose().map_err(anyhow::Error::msg)?;
        if rule.as_ref().is_some_and(Rule::needs_baseline) && self.baseline.is_none() {
            bail!("the rule compares with accepted scores: name them with --baseline FILE");
        }
        if let Some(place) =
            self.retrieval.iter().find(|place| !place.join("corpus.jsonl").is_file())
        {
            bail!("--retrieval {}: there is no corpus.jsonl in that folder", place.display());
        }
        let files = self.files()?;
        let mut suites = Vec::new();
        for file in &files {
            let suite = Suite::load(file, &self.overrides()?).await.map_err(anyhow::Error::msg)?;
            suite.warnings.iter().for_each(|warning| eprintln!("note: {warning}"));
            suites.push(suite);
        }
        let stage = self.stage(config, &suites).await?;
        let mut code = 0;
        for suite in suites {
            code = code.max(self.one(&stage, suite, rule.as_ref()).await?);
        }
        Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
    }

    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        if !self.suites.is_empty() {
            return Ok(self.suites.clone());
        }
        let mut files = Vec::new();
        if let Ok(entries) = std::fs::read_dir(SUITES) {
            let yaml =
                |path: &PathBuf| path.extension().is_some_and(|it| it == "yaml" || it == "yml");
            files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(yaml));
            files.sort();
        }
        if files.is_empty() {
            bail!(
                "there is no suite: name one, or begin with {SUITES}/first.yaml:\n\n\
                 providers: [frontdesk]\n\
                 tests:\n\
                 - vars: {{ message: When do you open on Saturday? }}\n\
                 \x20 assert:\n\
                 \x20 - type: answered\n\
                 \x20 - type: icontains\n\
                 \x20   value: saturday"
            );
        }
        Ok(files)
    }

    fn overrides(&self) -> anyhow::Result<Overrides> {
        let mut vars = serde_json::Map::new();
        for var in &self.vars {
            let (name, value) =
                var.split_once('=').ok_or_else(|| anyhow!("--var {var}: it wants NAME=VALUE"))?;
            vars.insert(name.to_owned(), Value::from(value));
        }
        let policy = Policy::command_line();
        Ok(Overrides {
            vars,
            grader: self.grader.clone(),
            targets: self.providers.clone(),
            policy,
            types: bot_checks::types(),
            strict: self.strict,
        })
    }

    /// Prepares the environment, with a desk if a suite tests one of its agents.
    async fn stage(&self, config: Config, suites: &[Suite]) -> anyhow::Result<Stage> {
        let data = config.store.path.parent().map(Path::to_owned).unwrap_or_default();
        let folder = data.join("evals");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let ours = suites.iter().any(Suite::asks_an_agent) || !self.retrieval.is_empty();
        let app = if ours { Some(App::assemble_for_eval(config).await?) } else { None };
        if let Some(app) = &app {
            app.desk.library.sync_index().await?;
            app.desk.reload_answers().await?;
            if self.learn || app.desk.engine.live().index.size().await? == 0 {
                app.learn(&Bar::default()).await?;
            }
        }
        let environment = EvalEnvironment {
            desk: app.as_ref().map(|app| app.desk.clone()),
            drafts: Vec::new(),
            cache: (!self.no_cache).then(|| Arc::new(Cache::new(folder.join("cache")))),
            grader: self.grader.clone(),
            strict: self.strict,
            metered: false,
        };
        Ok(Stage { environment, app, folder, several: suites.len() > 1 })
    }

    /// Runs one suite and returns the exit code.
    async fn one(&self, stage: &Stage, suite: Suite, rule: Option<&Rule>) -> anyhow::Result<i32> {
        let stem = suite.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (file, title) = (suite.file.display().to_string(), suite.description.clone());
        let cache = suite.options.cache != Some(false);
        let cache = stage.environment.cache.clone().filter(|_| cache);
        let environment = EvalEnvironment { cache, ..stage.environment.clone() };
        let prepared = environment.prepare(suite).map_err(anyhow::Error::msg)?;
        let run_log = RunLog::at(stage.folder.join(format!("{stem}.jsonl")));
        let last = stage.folder.join(format!("{stem}.last.jsonl"));
        let _lock = run_log.lock()?;
        let plan = self.plan(&run_log, &last)?;
        if !self.resume && run_log.path().exists() {
            // Keeps the last run for `--filter-failing last`.
            std::fs::rename(run_log.path(), &last)?;
        }
        match title.as_str() {
            "" => println!("{file}"),
            title => println!("{file}: {title}"),
        }
        let bar = RunBar::default();
        let stop = async { drop(tokio::signal::ctrl_c().await) };
        let mut summary = prepared.run(&plan, &bar, stop).await?;
        if let Some(app) = &stage.app {
            for place in &self.retrieval {
                summary.tables.push(retrieval::report(app, place).await?);
            }
        }
        self.tell(stage, (&mut summary, &run_log), (&stem, rule))
    }

    fn plan(&self, run_log: &RunLog, last: &Path) -> anyhow::Result<Plan> {
        let filters = &self.filters;
        let earlier = [
            (Which::Failing, &filters.filter_failing),
            (Which::FailingOnly, &filters.filter_failing_only),
            (Which::ErrorsOnly, &filters.filter_errors_only),
        ];
        let is_last = |file: &PathBuf| file == Path::new("last");
        // A run that begins sets the one before it aside as `last`; with --resume that was done when
        // the run began.
        let is_known = if self.resume { last } else { run_log.path() }.exists();
        if !is_known && earlier.iter().any(|(_, file)| file.iter().any(is_last)) {
            bail!("there is no last run of this suite: name a report or a run log");
        }
        let from = |file: &PathBuf| if is_last(file) { last.to_owned() } else { file.clone() };
        let earlier =
            earlier.into_iter().filter_map(|(which, file)| Some((which, from(file.as_ref()?))));
        Ok(Plan {
            filters: Filters {
                earlier: earlier.collect(),
                pattern: filters.filter_pattern.clone(),
                first: filters.filter_first_n,
                sample: filters.filter_sample,
                seed: filters.filter_sample_seed,
                metadata: filters.filter_metadata.clone(),
                targets: filters.filter_providers.clone(),
                prompts: filters.filter_prompts.clone(),
                range: filters.filter_range.clone(),
            },
            repeat: self.repeat,
            concurrency: self.concurrency,
            delay: self.delay.map(Duration::from_millis),
            timeout: self.timeout.map(Duration::from_millis),
            resume: self.resume,
            ..Plan::new(run_log.clone())
        })
    }

    /// Prints the results, writes the reports and returns the exit code.
    fn tell(
        &self,
        stage: &Stage,
        (summary, run_log): (&mut Summary, &RunLog),
        (stem, rule): (&str, Option<&Rule>),
    ) -> anyhow::Result<i32> {
        // A rule replaces the pass rate as the criterion.
        let mut code = if rule.is_some() { 0 } else { exit_code(summary, self.strict) };
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let width = crate::cli::bar::width();
        let look = Look { colour, width, ..Look::default() };
        let mut out = Output;
        report::terminal(summary, run_log, look, &mut out)?;
        let ours = Baseline::of(summary, run_log)?;
        if let Some(file) = &self.baseline {
            let comparison = compare(&Baseline::read(file)?, &ours);
            writeln!(out)?;
            comparison.text(look, &mut out)?;
            let mut table = comparison.table(100);
            table.title = format!("Compared with {}", file.display());
            summary.tables.push(table);
            if let Some(Err(why)) = rule.map(|rule| rule.holds(&comparison, summary)) {
                writeln!(out, "\nThe rule does not hold: {why}")?;
                code = code.max(100);
            }
        } else if let Some(Err(why)) = rule.map(|rule| rule.holds(&compare(&ours, &ours), summary))
        {
            writeln!(out, "\nThe rule does not hold: {why}")?;
            code = code.max(100);
        }
        let outputs: Vec<_> =
            self.output.iter().map(|file| named(file, stem, stage.several)).collect();
        report::write_all(&outputs, summary, run_log)?;
        for file in &outputs {
            writeln!(out, "written: {}", file.display())?;
        }
        if let Some(file) = &self.accept {
            let file = named(file, stem, stage.several);
            ours.write(&file)?;
            writeln!(out, "accepted: {}", file.display())?;
        }
        if !summary.complete {
            writeln!(out, "stopped before the end: the same command with --resume goes on")?;
            code = code.max(100);
        }
        Ok(code)
    }
}

/// Returns the file name of a report, prefixed with the suite's name if there are several.
fn named(file: &Path, stem: &str, several: bool) -> PathBuf {
    if !several {
        return file.to_owned();
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}-{name}"))
}
