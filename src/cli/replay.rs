//! `frontdesk replay`: replays recorded turns, unchanged or with a change.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::suite::Suite;
use frontdesk_promptfoo::target::Cache;
use indicatif::{ProgressBar, ProgressStyle};

use crate::app::App;
use crate::config::Config;
use crate::domain::time::now_ms;
use crate::eval::bot_checks;
use crate::eval::drafts::draft_bot;
use crate::eval::environment::{EvalEnvironment, PreparedSuite};
use crate::eval::gate::suite_of;
use crate::eval::replay::{
    Change, Difference, Draft, Preference, RecordedTurn, ReplayOutcome, ReplayScore, Sides, Turns,
    export, replay_turn, score,
};
use crate::prompts;
use crate::store::turn_recordings::TurnRecordingFilter;

/// Replay recorded turns: verify that nothing changed, or see what a change would have answered
///
/// For some weeks, every turn keeps what was transcribed, retrieved and answered by models. Without
/// a change, turns are replayed from these recordings: the outcome must be identical, byte for
/// byte. With --prompt, --model or --documents, the old and new answers are shown side by side.
/// Nobody receives anything.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Replay {
    /// How far back to go, such as 12h, 7d or 4w
    #[arg(long, default_value = "7d", value_name = "TIME")]
    since: String,
    /// Only turns of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Only turns of this conversation
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    /// Only this turn
    #[arg(long, value_name = "ID")]
    turn: Option<String>,
    /// Answer with this prompt file
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Answer with this model
    #[arg(long)]
    model: Option<String>,
    /// Answer from the current documents, as is always done for turns that searched nothing
    #[arg(long)]
    documents: bool,
    /// Score both answers with this suite [default: the suite of the agent's gate]
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    /// Model that judges which answer is better, such as `openai:gpt-4o-mini`
    #[arg(long, value_name = "PROVIDER")]
    judge: Option<String>,
    /// Write the turns as cases of a suite, with personal data masked
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Maximum number of turns
    #[arg(long, default_value_t = 1000, value_name = "N")]
    most: usize,
    /// Print one line of JSON per turn
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  frontdesk replay                                      the last 7 days again: everything must be the same
  frontdesk replay --since 7d --prompt draft.md         what a draft would have answered
  frontdesk replay --model gpt-4o-mini --judge openai:gpt-4o --suite eval/suites/acme.yaml
  frontdesk replay --since 1d --export eval/suites/yesterday.yaml

It ends with 0 when every turn is the same (without a change), else with 100.";

impl Replay {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let data = config.store.path.parent().map(Path::to_owned).unwrap_or_default();
        let app = App::assemble_for_eval(config).await?;
        let turns = self.turns(&app).await?;
        if turns.is_empty() {
            println!(
                "Nothing was recorded in that time. Turns are recorded while the desk answers customers ([worker] record_turns); \
                 --since takes a longer time."
            );
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(file) = &self.export {
            let (kept, text) = export::suite(&turns).map_err(anyhow::Error::msg)?;
            std::fs::write(file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
            println!("{kept} turns written as cases: {}", file.display());
            return Ok(ExitCode::SUCCESS);
        }
        if self.prompt.is_none() && self.model.is_none() && !self.documents {
            return self.same(&app, &turns).await;
        }
        self.compare(&app, &turns, &data).await
    }

    async fn turns(&self, app: &App) -> anyhow::Result<Vec<RecordedTurn>> {
        let since =
            now_ms() - i64::try_from(while_of(&self.since)?.as_millis()).unwrap_or(i64::MAX);
        let all = self.conversation.is_some() || self.turn.is_some();
        let wanted = TurnRecordingFilter {
            since: if all { i64::MIN } else { since },
            agent: self.agent.as_deref(),
            conversation: self.conversation.as_deref(),
            turn: self.turn.as_deref(),
        };
        let mut pages = Turns::of(&app.desk.store, wanted);
        let mut turns = Vec::new();
        while let Some(page) = pages.next().await? {
            for turn in page {
                match turn {
                    Ok(turn) => turns.push(turn),
                    Err((id, why)) => eprintln!("note: {id} cannot be run again: {why}"),
                }
            }
            if turns.len() >= self.most {
                turns.truncate(self.most);
                eprintln!("note: the first {} turns; --most takes more", self.most);
                break;
            }
        }
        Ok(turns)
    }

    /// Replays without a change: every outcome must be identical.
    async fn same(&self, app: &App, turns: &[RecordedTurn]) -> anyhow::Result<ExitCode> {
        let bar = bar(turns.len());
        let (mut same, mut differ, mut unplayable) = (0, 0, 0);
        for turn in turns {
            let became = replay_turn(&app.desk.engine, turn).await;
            bar.inc(1);
            if self.json {
                bar.suspend(|| println!("{}", line(turn, &became)));
            }
            match became {
                ReplayOutcome::Same => same += 1,
                ReplayOutcome::Differs(difference) => {
                    differ += 1;
                    if !self.json {
                        bar.suspend(|| tell(turn, &difference));
                    }
                }
                ReplayOutcome::Unplayable(why) => {
                    unplayable += 1;
                    bar.suspend(|| eprintln!("{}: cannot be run again: {why}", turn.row.id));
                }
            }
        }
        bar.finish_and_clear();
        if !self.json {
            println!(
                "{} turns: {same} the same, byte for byte; {differ} differ; {unplayable} cannot be run again",
                turns.len()
            );
        }
        Ok(if differ + unplayable == 0 { ExitCode::SUCCESS } else { ExitCode::from(100) })
    }

    async fn compare(
        &self,
        app: &App,
        turns: &[RecordedTurn],
        data: &Path,
    ) -> anyhow::Result<ExitCode> {
        let change = Change {
            prompt: self
                .prompt
                .as_ref()
                .map(std::fs::read_to_string)
                .transpose()
                .context("--prompt")?,
            model: self.model.clone(),
            passages: !self.documents && self.prompt.is_none(),
        };
        if !change.passages {
            app.desk.library.sync_index().await?;
            app.desk.reload_answers().await?;
        }
        let bar = bar(turns.len());
        let mut sum = ReplayTotals::default();
        for turn in turns {
            let draft = self.draft(app, turn, &change).await?;
            let sides = draft.try_on(&app.desk.engine, turn).await;
            let prepared = self.prepared(app, turn, data).await?;
            let scored = match &prepared {
                Some(prepared) => score(prepared, &sides, self.judge.is_some()).await,
                None => ReplayScore::default(),
            };
            bar.inc(1);
            bar.suspend(|| {
                if self.json {
                    println!("{}", serde_json::to_string(&sides).unwrap_or_default());
                } else if !sides.same() {
                    show(&sides, &scored);
                }
            });
            sum.add(&sides, &scored);
        }
        bar.finish_and_clear();
        if !self.json {
            sum.tell();
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn draft(
        &self,
        app: &App,
        turn: &RecordedTurn,
        change: &Change,
    ) -> anyhow::Result<Draft> {
        let source = change.prompt.as_ref().unwrap_or(&turn.row.source);
        let bot = draft_bot(&app.desk, &turn.row.agent, source).await.map_err(|why| match &self
            .prompt
        {
            Some(file) => anyhow!("{}: {why}", file.display()),
            None => anyhow!("{}: {why}", turn.row.agent),
        })?;
        Draft::of(&bot, change).map_err(anyhow::Error::msg)
    }

    /// Prepares the suite that scores a turn's answers: empty with only a judge, `None` without
    /// either.
    async fn prepared(
        &self,
        app: &App,
        turn: &RecordedTurn,
        data: &Path,
    ) -> anyhow::Result<Option<PreparedSuite>> {
        let gate = || {
            let read = prompts::parse(&format!("{}.md", turn.row.agent), &turn.row.source).ok()?;
            read.gate
        };
        let file = match (&self.suite, gate()) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(gate)) => {
                Some(suite_of(&gate, app.jobs.suites_folder()).map_err(anyhow::Error::msg)?)
            }
            (None, None) => None,
        };
        let policy = Policy::command_line();
        let overrides = bot_checks::overrides(policy.clone());
        let suite = match file {
            Some(file) => Suite::load(&file, &overrides).await.map_err(anyhow::Error::msg)?,
            None if self.judge.is_some() => Suite { policy, ..Suite::default() },
            None => return Ok(None),
        };
        let environment = EvalEnvironment {
            desk: Some(app.desk.clone()),
            cache: Some(Arc::new(Cache::new(data.join("evals/cache")))),
            grader: self.judge.clone(),
            ..EvalEnvironment::default()
        };
        environment.prepare(suite).map(Some).map_err(anyhow::Error::msg)
    }
}

fn bar(turns: usize) -> ProgressBar {
    let bar = ProgressBar::new(turns as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} turns") {
        bar.set_style(style);
    }
    bar
}

/// Parses `30m`, `12h`, `7d`, `4w`.
fn while_of(text: &str) -> anyhow::Result<Duration> {
    let (number, unit) = text.trim().split_at(text.trim().len().saturating_sub(1));
    let seconds = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => bail!("--since {text}: it wants a number and m, h, d or w, such as 7d"),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| anyhow!("--since {text}: it wants a number and m, h, d or w, such as 7d"))?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

fn line(turn: &RecordedTurn, became: &ReplayOutcome) -> serde_json::Value {
    let (result, detail) = match became {
        ReplayOutcome::Same => ("same", serde_json::Value::Null),
        ReplayOutcome::Differs(difference) => {
            ("differs", serde_json::to_value(difference).unwrap_or_default())
        }
        ReplayOutcome::Unplayable(why) => ("unplayable", why.clone().into()),
    };
    serde_json::json!({"turn": turn.row.id, "agent": turn.row.agent, "result": result, "detail": detail})
}

fn dim(text: &str) -> String {
    if std::io::stdout().is_terminal() {
        format!("\u{1b}[2m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

fn tell(turn: &RecordedTurn, difference: &Difference) {
    println!("{}  {}", turn.row.id, dim(&turn.question().replace('\n', " ")));
    println!("  then  {}", difference.sent_then.join("\n        ").replace('\n', "\n        "));
    println!("  now   {}", difference.sent_now.join("\n        ").replace('\n', "\n        "));
    difference.why.iter().for_each(|why| println!("  {}", dim(why)));
}

fn show(sides: &Sides, scored: &ReplayScore) {
    println!("{}  {}", sides.turn, dim(&sides.question.replace('\n', " ")));
    println!("  old  {}", sides.then.text.replace('\n', "\n       "));
    println!("  new  {}", sides.now.text.replace('\n', "\n       "));
    if let Some((then, now)) = scored.suite {
        println!("  {}", dim(&format!("suite {then:.2} -> {now:.2}  {}", scored.wrong.join("; "))));
    }
    let judged = match &scored.judged {
        None => return println!(),
        Some(Preference::Better) => "the judge prefers the new one".to_owned(),
        Some(Preference::Worse) => "the judge prefers the old one".to_owned(),
        Some(Preference::Same) => "the judge sees no difference".to_owned(),
        Some(Preference::Unknown(why)) => format!("not judged: {why}"),
    };
    println!("  {}\n", dim(&judged));
}

/// Totals of a change over all turns.
#[derive(Default)]
struct ReplayTotals {
    turns: usize,
    same: usize,
    outcomes: std::collections::BTreeMap<(&'static str, &'static str), usize>,
    cost: (u64, u64),
    suite: Vec<(f64, f64)>,
    judged: [usize; 4],
    judging: f64,
}

impl ReplayTotals {
    fn add(&mut self, sides: &Sides, scored: &ReplayScore) {
        self.turns += 1;
        self.same += usize::from(sides.same());
        if sides.then.outcome != sides.now.outcome {
            let change = (sides.then.outcome.as_str(), sides.now.outcome.as_str());
            *self.outcomes.entry(change).or_default() += 1;
        }
        self.cost.0 += sides.then.cost_micros;
        self.cost.1 += sides.now.cost_micros;
        self.suite.extend(scored.suite);
        self.judging += scored.cost;
        match &scored.judged {
            Some(Preference::Better) => self.judged[0] += 1,
            Some(Preference::Worse) => self.judged[1] += 1,
            Some(Preference::Same) => self.judged[2] += 1,
            Some(Preference::Unknown(_)) => self.judged[3] += 1,
            None => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "dollars and means need no more digits")]
    fn tell(&self) {
        println!(
            "{} turns: {} answered the same, {} otherwise",
            self.turns,
            self.same,
            self.turns - self.same
        );
        for ((then, now), count) in &self.outcomes {
            println!("  {count} {then} -> {now}");
        }
        if !self.suite.is_empty() {
            let count = self.suite.len() as f64;
            let then = self.suite.iter().map(|it| it.0).sum::<f64>() / count;
            let now = self.suite.iter().map(|it| it.1).sum::<f64>() / count;
            println!("  suite {then:.3} -> {now:.3}");
        }
        let [better, worse, same, unknown] = self.judged;
        if better + worse + same + unknown > 0 {
            println!(
                "  judge: {better} better, {worse} worse, {same} alike, {unknown} not judged (${:.4})",
                self.judging
            );
        }
        let dollars = |micros: u64| micros as f64 / 1e6;
        println!("  money ${:.4} -> ${:.4}", dollars(self.cost.0), dollars(self.cost.1));
    }
}
