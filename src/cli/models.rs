//! `frontdesk models`: lists, fetches, imports and removes the models that run in this process, and
//! chooses those in use (`models/choice.rs`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use self::choice::{ScopeArgs, SetArgs, TestArgs};
use crate::app::App;
use crate::config::Config;
use crate::models::{CATALOG, InstalledModel, Settings, Use, Watch, purpose};
use crate::{embed, qa, rerank, speech};

mod choice;

/// Show and set the models in use; list, fetch, import and remove those that run in this process
#[derive(Debug, Args)]
pub(super) struct Models {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show which models are in use and where they come from
    Show,
    /// Set the model for a task, without a restart; wins over the configuration
    ///
    /// Another model for embeddings is used once it has embedded all documents.
    Set(SetArgs),
    /// Go back to the configuration, or to the workspace's model for an agent
    Unset(ScopeArgs),
    /// Give the model in use one short task: what it did, its time and price
    Test(TestArgs),
    /// Show the installed models and those that can be fetched
    List,
    /// Fetch a known model from the hub; resumes an interrupted download
    Fetch {
        /// The model's name, as `list` shows it
        name: String,
    },
    /// Copy a model folder, as found on the hub, or a speech model's .bin file to the models
    Import {
        /// The folder or the file
        folder: PathBuf,
        /// Name for the model [default: the folder's or file's name]
        #[arg(long)]
        name: Option<String>,
    },
    /// Remove a model
    Remove {
        /// The model's name
        name: String,
    },
}

impl Models {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let models = &config.models;
        match self.command {
            Some(Command::Show) => {
                choice::show(&App::assemble_from_database(config).await?).await?;
            }
            Some(Command::Set(args)) => {
                choice::set(&App::assemble_from_database(config).await?, args).await?;
            }
            Some(Command::Unset(args)) => {
                choice::unset(&App::assemble_from_database(config).await?, args).await?;
            }
            Some(Command::Test(args)) => {
                choice::test(&App::assemble_from_database(config).await?, args).await?;
            }
            None | Some(Command::List) => list(&config),
            Some(Command::Fetch { name }) => fetch(models, &name).await?,
            Some(Command::Import { folder, name }) => import(models, folder, name).await?,
            Some(Command::Remove { name }) => {
                if !models.remove(&name).map_err(|why| anyhow!(why))? {
                    bail!("there is no model {name} in {}", models.folder().display());
                }
                println!("{name} is removed.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(config: &Config) {
    let models = &config.models;
    let there = models.list();
    println!("In {}:", models.folder().display());
    if there.is_empty() {
        println!("  none");
    }
    for InstalledModel { name, purpose, size, .. } in &there {
        println!("  {name:<30} {:<12} {} MB", purpose.name(), size.div_ceil(1_000_000));
    }
    let missing = |name: &str| !there.iter().any(|found| found.name == name);
    let rest: Vec<_> = CATALOG.iter().filter(|known| missing(known.name)).collect();
    if !rest.is_empty() {
        println!("Can be fetched, `frontdesk models fetch NAME`:");
    }
    for known in rest {
        let (purpose, size) = (known.purpose.name(), known.megabytes);
        println!("  {:<30} {purpose:<12} {size} MB, {}", known.name, known.about);
    }
    let missing = [config.embed.missing(models), config.speech.missing(models)];
    for missing in missing.into_iter().flatten() {
        println!("\n{missing}");
    }
}

async fn fetch(models: &Settings, name: &str) -> anyhow::Result<()> {
    let Some(known) = CATALOG.iter().find(|known| known.name == name) else {
        let names: Vec<_> = CATALOG.iter().map(|known| known.name).collect();
        bail!(
            "`{name}` is no known model; there are: {}. Others: `frontdesk models import DIR`",
            names.join(", ")
        );
    };
    if models.found(name).is_some() {
        println!("{name} is there already.");
        return Ok(());
    }
    let bar = Bar::default();
    let fetched = models.fetch(known, &bar).await;
    bar.end();
    let folder = fetched.map_err(|why| anyhow!(why))?;
    println!("{name} is in {}.", folder.display());
    next(known.purpose);
    Ok(())
}

async fn import(models: &Settings, from: PathBuf, name: Option<String>) -> anyhow::Result<()> {
    let own = from.canonicalize().unwrap_or_else(|_| from.clone());
    let own = if own.is_file() { own.file_stem() } else { own.file_name() };
    let own = own.map(|name| name.to_string_lossy().into_owned());
    let name = name.or(own).unwrap_or_default();
    let purpose = purpose(&from).map(|(purpose, _)| purpose);
    // A model that does not load is not copied.
    let what = match purpose {
        Some(Use::Listen | Use::Voices) => speech::describe(&from),
        None if from.is_file() => speech::describe(&from),
        Some(Use::Rerank) => rerank::try_folder(&from).await.map(|_| "it scores pairs".into()),
        Some(Use::AnswerQuestions) => {
            qa::try_folder(&from).await.map(|_| "it finds answers in passages".into())
        }
        Some(Use::Embed) | None => {
            let tried = embed::try_folder(&from).await;
            tried.map(|(_, length)| format!("vectors of {length} numbers"))
        }
    };
    let what = what.map_err(|why| anyhow!(why))?;
    let place = models.import(&from, &name).map_err(|why| anyhow!(why))?;
    println!("{name} is in {}: {what}.", place.display());
    next(purpose.unwrap_or(Use::Embed));
    Ok(())
}

/// Prints how to use an installed model.
fn next(purpose: Use) {
    match purpose {
        Use::Embed => println!(
            "[embed] kind = \"auto\" uses it from the next start on; documents are then embedded once."
        ),
        Use::Rerank => println!("[rerank] kind = \"local\" uses it from the next start on."),
        Use::AnswerQuestions => println!(
            "[qa] kind = \"auto\" uses it from the next start on, for answers without a model."
        ),
        Use::Listen => println!(
            "[speech] kind = \"auto\" uses it from the next start on. `frontdesk models fetch silero-vad` tells speech from noise."
        ),
        Use::Voices => println!("[speech] kind = \"auto\" uses it from the next start on."),
    }
}

/// Progress bar for each file; hidden without a terminal.
#[derive(Default)]
struct Bar(OnceLock<ProgressBar>);

impl Bar {
    fn end(&self) {
        if let Some(bar) = self.0.get() {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Bar {
    fn file(&self, path: &str, had: u64, total: Option<u64>) {
        let bar = self.0.get_or_init(|| {
            let bar = ProgressBar::new(0);
            let form = "{msg:<24} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(form) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(path.to_owned());
        bar.set_length(total.unwrap_or(0));
        bar.set_position(had);
    }

    fn bytes(&self, count: u64) {
        if let Some(bar) = self.0.get() {
            bar.inc(count);
        }
    }
}
