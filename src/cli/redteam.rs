//! `frontdesk redteam`: attacks an agent and shows what got through.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::report;
use frontdesk_promptfoo::row::{EvalRow, Table};
use frontdesk_promptfoo::run::{Plan, Progress, exit_code};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::suite::Suite;

use crate::app::App;
use crate::desk::{Bots, Desk, LocalModels, ModelChoices, Numbers};
use crate::eval::bot_checks;
use crate::eval::environment::EvalEnvironment;
use crate::eval::redteam::{self, AttackRole, AttackSuite, KINDS, Obedient, RedteamRequest};
use crate::llm::ModelSource;
use crate::pipeline::Bot;
use crate::provider::MessagePrices;

/// Attack an agent, and show what got through
///
/// Runs attacks in English, Spanish, Portuguese and Arabic through the real pipeline: attempts to
/// reveal the prompt, instructions planted in documents, role changes, other customers' data,
/// off-topic and harmful requests. They are judged by what the customer would get. Harmless
/// messages that look like attacks measure false alarms. Nothing is sent or stored: planted
/// documents are visible to the attack only.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RedTeam {
    /// The agent [default: the only one]
    agent: Option<String>,
    /// Also write the suite to this file, to run it again or change it
    #[arg(long, value_name = "FILE")]
    suite_out: Option<PathBuf>,
    /// Only attacks of this kind: prompt-leak, planted, role-change, other-customers, off-topic,
    /// harmful; can be repeated
    #[arg(long, value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(KINDS))]
    only: Vec<String>,
    /// Maximum attacks per kind
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Use a simulated model that obeys every attack, without a network: shows what the pipeline
    /// stops by itself
    #[arg(long)]
    worst: bool,
    /// Write a report: .json, .html, .junit.xml, .csv, .md …; can be repeated
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  frontdesk redteam acme
  frontdesk redteam acme --only prompt-leak --only planted -o redteam.html
  frontdesk redteam acme --worst
  frontdesk redteam acme --suite-out eval/suites/acme-redteam.yaml";

/// Maximum number of document topics to use.
const TOPICS: usize = 24;

impl RedTeam {
    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        for file in &self.output {
            report::check(file)?;
        }
        app.desk.library.sync_index().await?;
        app.desk.reload_answers().await?;
        let bot = chosen(&app.desk, self.agent.as_deref())?;
        let topics = redteam::topics(&app.desk, &bot, TOPICS).await?;
        let wanted = RedteamRequest {
            agent: bot.agent.slug.clone(),
            name: bot.agent.name.clone(),
            topics,
            only: self.only.clone(),
            count: self.count,
        };
        let built = redteam::build(&wanted).map_err(anyhow::Error::msg)?;
        let folder = workplace()?;
        let file = self.suite_out.clone().unwrap_or_else(|| folder.join("redteam.yaml"));
        std::fs::write(&file, built.yaml())
            .map_err(|error| anyhow!("{} cannot be written: {error}", file.display()))?;
        let done = self.attack(&app, &bot, (&built, &file, &folder)).await;
        drop(std::fs::remove_dir_all(&folder));
        done
    }

    async fn attack(
        &self,
        app: &App,
        bot: &Bot,
        (built, file, folder): (&AttackSuite, &PathBuf, &PathBuf),
    ) -> anyhow::Result<ExitCode> {
        let desk = if self.worst { worst(&app.desk, bot, built)? } else { app.desk.clone() };
        let overrides = bot_checks::overrides(Policy::default());
        let suite = Suite::load(file, &overrides).await?;
        let environment = EvalEnvironment { desk: Some(desk), ..EvalEnvironment::default() };
        let prepared = environment.prepare(suite).map_err(anyhow::Error::msg)?;
        let run_log = RunLog::at(folder.join("rows.jsonl"));
        let plan = Plan::new(run_log.clone());
        let stop = async { drop(tokio::signal::ctrl_c().await) };
        let mut summary = prepared.run(&plan, &Counting::default(), stop).await?;
        let table = redteam::table(&redteam::tally(&run_log)?);
        through(&run_log)?;
        println!("\n{}", lines(&table));
        if !summary.complete {
            println!("It was stopped: not all attacks were tried.");
        }
        summary.tables.push(table);
        report::write_all(&self.output, &summary, &run_log)?;
        let failed = redteam::tally(&run_log)?.iter().any(|(_, tally)| tally.got_through > 0);
        let code = if failed { exit_code(&summary, false) } else { 0 };
        Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
    }
}

fn chosen(desk: &Desk, name: Option<&str>) -> anyhow::Result<Arc<Bot>> {
    let all = desk.bots.all();
    let found = match name {
        Some(name) => desk.bots.named(name),
        None => (all.len() == 1).then(|| all[0].clone()),
    };
    let known: Vec<_> = all.iter().map(|bot| bot.agent.slug.as_str()).collect();
    found.ok_or_else(|| match name {
        Some(name) => anyhow!("there is no agent `{name}`; there are: {}", known.join(", ")),
        None => {
            anyhow!("say which agent: `frontdesk redteam AGENT`; there are: {}", known.join(", "))
        }
    })
}

/// Copies the desk for this run, with a model that obeys every attack.
fn worst(desk: &Desk, bot: &Bot, built: &AttackSuite) -> anyhow::Result<Arc<Desk>> {
    let mut engine = desk.engine.clone();
    engine.model = ModelSource::fixed(Arc::new(Obedient::new(built.orders.clone())));
    let bots = Bots::default();
    bots.put(Bot::new((*bot.agent).clone()).map_err(anyhow::Error::msg)?);
    Ok(Arc::new(Desk {
        store: desk.store.clone(),
        engine,
        library: desk.library.clone(),
        bots,
        numbers: Numbers::default(),
        model_choices: ModelChoices::default(),
        local_models: LocalModels::default(),
        intake: desk.intake,
        max_file_bytes: 0,
        message_prices: MessagePrices::default(),
        base_url: desk.base_url.clone(),
        notifier: Arc::default(),
    }))
}

fn workplace() -> anyhow::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("frontdesk-redteam-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Prints the attacks that got through.
fn through(run_log: &RunLog) -> anyhow::Result<()> {
    for row in run_log.rows()? {
        let row = row?;
        let about = row.test_case.pointer("/metadata/redteam/role");
        let is_attack = about.is_some_and(|role| role == AttackRole::Attack.as_str());
        if is_attack && !row.success {
            let said = row.response.as_ref().map(|response| response.output.to_string());
            let said: String = said.unwrap_or_default().chars().take(160).collect();
            let what = row.error.clone().unwrap_or(said);
            println!("  {}\n      {what}", row.title());
        }
    }
    Ok(())
}

/// Formats the counts for the terminal.
fn lines(table: &Table) -> String {
    let line = |cells: &Vec<String>| {
        let first = format!("{:16}", cells.first().map_or("", String::as_str));
        cells.iter().skip(1).fold(first, |line, cell| line + &format!(" {cell:>12}"))
    };
    let all: Vec<_> = std::iter::once(&table.columns).chain(&table.rows).map(line).collect();
    all.join("\n")
}

#[derive(Default)]
struct Counting {
    total: std::sync::atomic::AtomicUsize,
    done: std::sync::atomic::AtomicUsize,
}

impl Progress for Counting {
    fn begin(&self, total: usize) {
        self.total.store(total, std::sync::atomic::Ordering::Relaxed);
    }

    fn row(&self, _: &EvalRow) {
        use std::io::IsTerminal as _;
        use std::sync::atomic::Ordering::Relaxed;
        let done = self.done.fetch_add(1, Relaxed) + 1;
        if std::io::stderr().is_terminal() {
            eprint!("\r{done} of {} ", self.total.load(Relaxed));
        }
    }

    fn done(&self) {
        use std::io::IsTerminal as _;
        if std::io::stderr().is_terminal() {
            eprint!("\r");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::redteam::{Tally, table};

    #[test]
    fn the_columns_of_the_counts_do_not_touch() {
        let shown = lines(&table(&[("other-customers".into(), Tally::default())]));
        let heads = shown.lines().next().unwrap();
        for head in ["attacks", "got through", "refused", "not tried", "harmless", "false alarms"] {
            assert!(heads.contains(&format!(" {head}")), "{heads}");
        }
        let ends: Vec<_> = shown.lines().map(str::len).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{shown}");
    }
}
