//! `frontdesk answer`: manages curated answers from the terminal, and tests which one a question
//! gets.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use super::explain::curated_lines;
use super::learn::admit_edit;
use crate::app::App;
use crate::domain::{Action, AnswerContent, AnswerId, CollectionId, Consult};
use crate::knowledge::Edit;
use crate::pipeline::curated::{Ask, find_answer};
use crate::pipeline::offers;
use crate::store::answers::{AnswerRow, ChangeOutcome, MAX_ANSWERS, NewAnswer};

/// Question and answer pairs that win over the model when a customer asks exactly that
///
/// An answer belongs to a collection; every agent that uses the collection gives it. It is given
/// only when the whole message is its question, in nearly the words of one of its phrasings: more
/// phrasings match more messages. Numbers, days, names and "not" must be the same. A running desk
/// picks up changes within a second.
///
/// A folder of documents can also hold answers, in a file `answers.yaml`:
///
///   - ask: When do you open?
///     answer: From Monday to Friday, 9:00 to 18:00.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Answers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the answers, newest first
    List {
        /// Only answers of this collection
        #[arg(long)]
        collection: Option<String>,
    },
    /// Add an answer: frontdesk answer add --collection acme --ask "When do you open?" "At nine."
    Add {
        /// The collection the answer belongs to
        #[arg(long)]
        collection: String,
        /// How customers phrase the question; can be repeated
        #[arg(long, required = true)]
        ask: Vec<String>,
        /// Language the answer is for, as an ISO 639-1 code [default: any]
        #[arg(long)]
        language: Option<String>,
        /// What customers get, as Markdown
        answer: String,
        /// Override the gates of the agents that use the collection; recorded in the audit log
        #[arg(long)]
        force: bool,
    },
    /// Change an answer; options that are not given stay as they are
    Edit {
        /// The answer's id, ans_…
        id: String,
        /// How customers phrase the question, replacing all phrasings; can be repeated
        #[arg(long)]
        ask: Vec<String>,
        /// What customers get, as Markdown
        #[arg(long)]
        answer: Option<String>,
        /// Language the answer is for, as an ISO 639-1 code; empty for any
        #[arg(long)]
        language: Option<String>,
        /// Enable the answer
        #[arg(long, conflicts_with = "off")]
        on: bool,
        /// Disable the answer without removing it
        #[arg(long)]
        off: bool,
        /// Override the gates of the agents that use the collection; recorded in the audit log
        #[arg(long)]
        force: bool,
    },
    /// Remove an answer
    Remove {
        /// The answer's id, ans_…
        id: String,
        /// Override the gates of the agents that use the collection; recorded in the audit log
        #[arg(long)]
        force: bool,
    },
    /// Show which answer a question gets, how similar it is, or why none is given
    Test {
        /// The question, as a customer would write it
        question: String,
        /// Only answers of this collection [default: all]
        #[arg(long)]
        collection: Option<String>,
        /// Minimum similarity, 0 to 1 [default: the calibrated one]
        #[arg(long)]
        threshold: Option<f32>,
    },
}

impl Answers {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            Command::List { .. } | Command::Test { .. } => None,
            Command::Add { collection, .. } => Some((Action::AnswerCreated, collection.clone())),
            Command::Edit { id, .. } => Some((Action::AnswerChanged, id.clone())),
            Command::Remove { id, .. } => Some((Action::AnswerRemoved, id.clone())),
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List { collection } => list(&app, collection.as_deref()).await?,
            Command::Add { collection: name, ask, language, answer, force } => {
                let collection = one_collection(&app, &name).await?;
                let curated =
                    AnswerContent { phrasings: ask, body: answer, language, enabled: true };
                let curated = tidied(curated)?;
                let edit = Edit::AddAnswer(curated.clone());
                admit_edit(&app, (&name, &edit), force).await?;
                let new = NewAnswer { collection, curated, author: author() };
                let id = app.desk.store.add_answer(new).await?;
                let id = id.ok_or_else(|| {
                    anyhow!("the collection holds {MAX_ANSWERS} answers, which is the most")
                })?;
                println!("{id}");
            }
            Command::Edit { id, ask, answer, language, on, off, force } => {
                let row = find(&app, &id).await?;
                let known = row.curated();
                let curated = tidied(AnswerContent {
                    phrasings: if ask.is_empty() { known.phrasings } else { ask },
                    body: answer.unwrap_or(known.body),
                    language: language.or(known.language).filter(|code| !code.is_empty()),
                    enabled: (known.enabled || on) && !off,
                })?;
                done(&row.source.clone().map_or(ChangeOutcome::Yes, ChangeOutcome::InFile))?;
                let answer = AnswerId::stored(row.id.clone());
                let edit = Edit::ChangeAnswer(answer.clone(), curated.clone());
                admit_edit(&app, (&collection_of(&app, &row).await?, &edit), force).await?;
                done(&app.desk.store.change_answer(&answer, curated).await?)?;
                println!("{id} was changed.");
            }
            Command::Remove { id, force } => {
                let row = find(&app, &id).await?;
                done(&row.source.clone().map_or(ChangeOutcome::Yes, ChangeOutcome::InFile))?;
                let answer = AnswerId::stored(row.id.clone());
                let edit = Edit::RemoveAnswer(answer.clone());
                admit_edit(&app, (&collection_of(&app, &row).await?, &edit), force).await?;
                done(&app.desk.store.remove_answer(&answer).await?)?;
                println!("{id} was removed.");
            }
            Command::Test { question, collection, threshold } => {
                let collections = match collection {
                    Some(name) => vec![one_collection(&app, &name).await?],
                    None => collections(&app).await?.into_iter().map(|(_, id)| id).collect(),
                };
                return test(&app, &question, (&collections, threshold)).await;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(app: &App, only: Option<&str>) -> anyhow::Result<()> {
    let wanted = match only {
        Some(name) => vec![(name.to_owned(), one_collection(app, name).await?)],
        None => collections(app).await?,
    };
    let mut none = true;
    for (name, id) in wanted {
        for row in app.desk.store.answers(&id, None, MAX_ANSWERS).await? {
            none = false;
            let off = if row.enabled() { "" } else { "  (off)" };
            let source = row.source.as_deref().unwrap_or("by hand");
            println!("{}  {name}  {source}{off}", row.id);
            for phrasing in row.phrasings() {
                println!("    ? {phrasing}");
            }
            println!("    → {}", row.body.replace('\n', "\n      "));
        }
    }
    if none {
        println!(
            "There are no curated answers. `frontdesk answer add --help` shows how to add one."
        );
    }
    Ok(())
}

async fn test(
    app: &App,
    question: &str,
    (collections, threshold): (&[CollectionId], Option<f32>),
) -> anyhow::Result<ExitCode> {
    app.desk.reload_answers().await?;
    let consult = Consult { enabled: true, threshold };
    let ask = Ask { text: question, language: None, collections, consult };
    let live = app.desk.engine.live();
    let (given, seen) = find_answer(&live.curated, &*live.embed, &ask).await;
    println!("{}", curated_lines(&seen));
    let Some(answer) = given else { return Ok(ExitCode::FAILURE) };
    println!("\n{answer}");
    Ok(ExitCode::SUCCESS)
}

async fn collections(app: &App) -> anyhow::Result<Vec<(String, CollectionId)>> {
    let rows = app.desk.store.collections().await?;
    Ok(rows.into_iter().map(|row| (row.slug, CollectionId::stored(row.id))).collect())
}

async fn collection_of(app: &App, row: &AnswerRow) -> anyhow::Result<String> {
    let own = |(_, id): &(String, CollectionId)| id.as_str() == row.collection_id;
    Ok(collections(app).await?.into_iter().find(own).map(|(name, _)| name).unwrap_or_default())
}

pub(super) async fn one_collection(app: &App, name: &str) -> anyhow::Result<CollectionId> {
    let all = collections(app).await?;
    let known: Vec<&str> = all.iter().map(|(slug, _)| slug.as_str()).collect();
    let known = known.join(", ");
    let found = all.iter().find(|(slug, _)| slug == name).map(|(_, id)| id.clone());
    found.ok_or_else(|| {
        anyhow!(
            "there is no collection `{name}`; there are: {known}. `frontdesk learn DIR` makes one."
        )
    })
}

async fn find(app: &App, id: &str) -> anyhow::Result<AnswerRow> {
    let row = app.desk.store.answer(&AnswerId::parse(id)?).await?;
    row.ok_or_else(|| anyhow!("there is no answer {id}; `frontdesk answer list` shows them"))
}

pub(super) fn tidied(curated: AnswerContent) -> anyhow::Result<AnswerContent> {
    let wrong = |why| anyhow!("this cannot be an answer: {why}");
    let curated = curated.tidied().map_err(wrong)?;
    offers::check(&curated.body, None).map_err(wrong)?;
    Ok(curated)
}

fn done(changed: &ChangeOutcome) -> anyhow::Result<()> {
    match changed {
        ChangeOutcome::Yes => Ok(()),
        ChangeOutcome::Missing => bail!("the answer was removed meanwhile"),
        ChangeOutcome::InFile(path) => {
            bail!(
                "the file {path} of its collection holds this answer: change it there and learn the folder again"
            )
        }
    }
}

pub(super) fn author() -> String {
    std::env::var("USER").unwrap_or_else(|_| "terminal".into())
}
