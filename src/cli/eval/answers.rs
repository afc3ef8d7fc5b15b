//! `frontdesk eval answers`: scores answers on questions with known facts.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use futures::StreamExt as _;

use super::super::bar::Bar;
use super::reliability::bins;
use crate::app::App;
use crate::config::Config;
use crate::domain::time::now_ms;
use crate::eval::Reliability;
use crate::eval::agents::{self, Agents};
use crate::eval::answers::{self, AnswerVerdict, KnownQuestion, ScoredAnswer};
use crate::index;
use crate::knowledge::{Progress as _, SourceFolder};
use crate::pipeline::Bot;

/// Score answers: which of your questions are answered rightly, refused, or answered wrongly
///
/// Each question runs through your agent as one message of a new customer; nobody receives the
/// reply. A file is CSV with the columns `question` and `facts`, or JSONL with the same keys. The
/// facts are what a right answer states; in CSV they are separated by `;`. Wordings of one fact are
/// separated by `|`. A question without facts is one that your documents do not answer: there a
/// refusal is right. Where a refusal offers choices, each is tried.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AnswersArgs {
    /// Files with questions and facts, as .csv or .jsonl
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The agent that answers [default: the only one]
    #[arg(long, conflicts_with = "documents")]
    agent: Option<String>,
    /// Answer from this folder of documents alone, with an agent of the default settings in a
    /// desk that is thrown away
    #[arg(long, value_name = "FOLDER")]
    documents: Option<PathBuf>,
    /// Write each answer with its score to this file, one line of JSON per question
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  frontdesk eval answers questions.csv --agent acme
  frontdesk eval answers questions.jsonl --details answers.jsonl
  frontdesk eval answers questions.csv --documents knowledge/acme   without a desk

A line of questions.csv: \"When do you open on Monday?\",\"9:00|nine; by appointment\"";

/// The agent and collection of the desk that is thrown away.
const NAME: &str = "answers";

/// Questions that are asked at once.
const AT_ONCE: usize = 4;

impl AnswersArgs {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        // Not ended by the signal itself, so that the temporary desk is removed.
        tokio::select! {
            ended = self.score(config) => ended,
            _ = tokio::signal::ctrl_c() => bail!("it was broken off"),
        }
    }

    async fn score(&self, mut config: Config) -> anyhow::Result<ExitCode> {
        let files: Result<Vec<_>, _> = self.files.iter().map(|file| answers::read(file)).collect();
        let files = files.map_err(anyhow::Error::msg)?;
        let mut details = self.details.as_deref().map(|file| self.create(file)).transpose()?;
        let home = tempfile::tempdir().context("no folder for a temporary desk")?;
        let app = if let Some(folder) = &self.documents {
            use_temporary_desk(&mut config, home.path())?;
            let app = App::assemble(config).await?;
            learn(&app, folder).await?;
            app
        } else {
            let app = App::assemble_for_eval(config).await?;
            app.desk.library.sync_index().await?;
            app
        };
        let named = self.documents.as_ref().map_or(self.agent.as_deref().unwrap_or(""), |_| NAME);
        let bot = Agents::of(app.desk.clone()).live(named).map_err(anyhow::Error::msg)?;
        let mut failed = false;
        for (file, questions) in self.files.iter().zip(&files) {
            let scored = ask_all(&app, &bot, questions).await;
            report(file, questions, &scored);
            failed |= scored.iter().any(|one| one.verdict == AnswerVerdict::Failed);
            if let Some(details) = &mut details {
                for one in &scored {
                    writeln!(details, "{}", serde_json::to_string(one)?)?;
                }
            }
        }
        if let Some(mut details) = details {
            details.flush()?;
        }
        if failed {
            eprintln!("frontdesk: answers failed; `frontdesk doctor` says what to check");
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Creates the file for the details, which must not be one of the questions.
    fn create(&self, file: &Path) -> anyhow::Result<BufWriter<File>> {
        let place = file.canonicalize().ok();
        let is_it = |other: &PathBuf| place.is_some() && other.canonicalize().ok() == place;
        if self.files.iter().any(is_it) {
            bail!("{} holds the questions: name another file for --details", file.display());
        }
        let created = File::create(file);
        Ok(BufWriter::new(
            created.with_context(|| format!("{} cannot be written", file.display()))?,
        ))
    }
}

async fn ask_all(app: &App, bot: &Arc<Bot>, questions: &[KnownQuestion]) -> Vec<ScoredAnswer> {
    let bar = Bar::default();
    bar.start(questions.len());
    let ask = async |known: &KnownQuestion| {
        let asked = async |messages: &[&str]| {
            known.score(&agents::ask(&app.desk.engine, bot.clone(), messages, now_ms()).await)
        };
        let mut scored = asked(&[&known.question]).await;
        if scored.verdict == AnswerVerdict::Refused {
            for choice in answers::choices(&scored.reply) {
                if asked(&[&known.question, &choice]).await.verdict == AnswerVerdict::Right {
                    scored.verdict = AnswerVerdict::Offered;
                    break;
                }
            }
        }
        bar.done(&known.question);
        scored
    };
    futures::stream::iter(questions).map(ask).buffered(AT_ONCE).collect().await
}

/// Changes the settings to a desk in a folder of its own, with one agent and no number.
fn use_temporary_desk(config: &mut Config, home: &Path) -> anyhow::Result<()> {
    config.store.url = String::new().into();
    config.store.path = home.join("frontdesk.db");
    config.files.prompts = home.join("prompts");
    config.files.knowledge = home.join("knowledge");
    // Not the desk's own cluster.
    config.index = index::Settings::Memory {};
    config.numbers.clear();
    // A prompt names only collections that are there, or whose folder is.
    std::fs::create_dir_all(config.files.knowledge.join(NAME))?;
    std::fs::create_dir(&config.files.prompts)?;
    let agent = format!("---\nname: {NAME}\nknowledge: [{NAME}]\n---\nYou answer customers.\n");
    std::fs::write(config.files.prompts.join(format!("{NAME}.md")), agent)?;
    Ok(())
}

async fn learn(app: &App, folder: &Path) -> anyhow::Result<()> {
    let found = SourceFolder::find(folder, Some(NAME))
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    if found.iter().all(|folder| folder.documents.is_empty()) {
        bail!("{}: no documents, such as .md, .pdf, .docx or .csv", folder.display());
    }
    for folder in found {
        let learned = app.desk.library.learn(folder, &Bar::default()).await?;
        if let Some((path, why)) = learned.failed.first() {
            bail!("{path}: {why}");
        }
    }
    Ok(())
}

fn report(file: &Path, questions: &[KnownQuestion], scored: &[ScoredAnswer]) {
    let answerable = questions.iter().filter(|one| !one.facts.is_empty()).count();
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    println!("{name}: {} questions, {answerable} with an answer", questions.len());
    for verdict in AnswerVerdict::ALL {
        let count = scored.iter().filter(|one| one.verdict == *verdict).count();
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let share = 100.0 * count as f64 / scored.len() as f64;
        println!("  {:16} {count:>5} {share:>6.1} %", verdict.as_str().replace('_', " "));
    }
    let answered = scored.iter().filter_map(ScoredAnswer::prediction).collect::<Vec<_>>();
    if !answered.is_empty() {
        println!("  right answers, by confidence of the search:");
        bins(&Reliability::of(&answered));
    }
    for one in scored.iter().filter(|one| one.verdict == AnswerVerdict::Wrong) {
        println!("  wrong: {}", one.question);
        println!("    -> {}", one.reply.replace('\n', " / "));
        if !one.missing.is_empty() {
            println!("    lacks: {}", one.missing.join("; "));
        }
    }
}
