//! `frontdesk gaps`: lists the grouped questions nobody answered; answers and dismisses them.

use std::process::ExitCode;

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::answer::{author, one_collection, tidied};
use super::audit::AuditEntry;
use super::learn::admit_edit;
use crate::app::App;
use crate::domain::{Action, AgentId, AnswerContent, GapId, GapState};
use crate::knowledge::Edit;
use crate::pipeline::gaps::{group, phrasings, recheck};
use crate::store::answers::NewAnswer;
use crate::store::gaps::{GapFilter, GapRow};

/// Questions that customers asked and nobody answered, grouped
///
/// Questions are stored without phone numbers, mail addresses and account numbers. Answering a
/// group makes a curated answer. A dismissed group stays dismissed when the question is asked
/// again.
#[derive(Debug, Args)]
pub(super) struct Gaps {
    /// Ask the open questions again without a model, and mark those with an answer now; for use
    /// after adding documents
    #[arg(long)]
    recheck: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the groups, last asked first [default command]
    List {
        /// Include answered and dismissed groups
        #[arg(long)]
        all: bool,
    },
    /// Show a group with its latest questions
    Show {
        /// The group's id, gap_…
        id: String,
    },
    /// Answer a group with a curated answer: frontdesk gaps answer gap_… "Yes, on Sundays, too."
    Answer {
        /// The group's id, gap_…
        id: String,
        /// What customers get, as Markdown
        answer: String,
        /// How customers phrase the question; can be repeated [default: the group's questions]
        #[arg(long)]
        ask: Vec<String>,
        /// The collection the answer belongs to [default: the agent's first]
        #[arg(long)]
        collection: Option<String>,
        /// Override the gates of the agents that use the collection; recorded in the audit log
        #[arg(long)]
        force: bool,
    },
    /// Dismiss a group
    Dismiss {
        /// The group's id, gap_…
        id: String,
    },
}

impl Gaps {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            Some(Command::Answer { id, .. }) => Some((Action::GapAnswered, id.clone())),
            Some(Command::Dismiss { id }) => Some((Action::GapDismissed, id.clone())),
            None | Some(Command::List { .. } | Command::Show { .. }) => {
                self.recheck.then(|| (Action::GapsRechecked, String::new()))
            }
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        let store = &app.desk.store;
        group(store).await?;
        if self.recheck {
            again(&app).await?;
        }
        match self.command {
            None if self.recheck => {}
            None => list(&app, false).await?,
            Some(Command::List { all }) => list(&app, all).await?,
            Some(Command::Show { id }) => {
                let gap = find(&app, &id).await?;
                tell(&gap);
                for example in store.examples(&gap.id).await? {
                    println!("    {}  {}", moment(example.created_at), one_line(&example.question));
                }
            }
            Some(Command::Answer { id, answer, ask, collection, force }) => {
                let gap = find(&app, &id).await?;
                make(&app, &gap, AnswerDraft { answer, ask, collection, force }).await?;
            }
            Some(Command::Dismiss { id }) => {
                let gap = find(&app, &id).await?;
                store.mark_gap(&gap.id, GapState::Dismissed).await?;
                println!("{id} is dismissed.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

struct AnswerDraft {
    answer: String,
    ask: Vec<String>,
    collection: Option<String>,
    force: bool,
}

async fn list(app: &App, all: bool) -> anyhow::Result<()> {
    let state = (!all).then_some(GapState::Open);
    let gaps = app.desk.store.gaps(&GapFilter { state, ..GapFilter::default() }, 200).await?;
    if gaps.is_empty() {
        println!("There are no questions without an answer.");
    }
    gaps.iter().for_each(tell);
    Ok(())
}

async fn again(app: &App) -> anyhow::Result<()> {
    app.desk.library.sync_index().await?;
    app.desk.reload_answers().await?;
    let bot = |id: &AgentId| app.desk.bots.get(id);
    let (asked, answered) = recheck(&app.desk.store, &app.desk.engine, bot).await?;
    println!("{asked} questions were asked again, {} find an answer now.", answered.len());
    for gap in answered {
        println!("    {}", one_line(&gap.question));
    }
    Ok(())
}

async fn make(app: &App, gap: &GapRow, given: AnswerDraft) -> anyhow::Result<()> {
    let (store, id) = (&app.desk.store, &gap.id);
    let collection = if let Some(name) = &given.collection {
        one_collection(app, name).await?
    } else {
        let bot = app.desk.bots.get(&gap.agent_id);
        let first = bot.and_then(|bot| bot.agent.knowledge.first().cloned());
        first.ok_or_else(|| anyhow!("the agent has no collection: name one with --collection"))?
    };
    let asked = match given.ask.as_slice() {
        [] => phrasings(gap, &store.examples(id).await?),
        _ => given.ask,
    };
    let curated = tidied(AnswerContent {
        phrasings: asked,
        body: given.answer,
        language: None,
        enabled: true,
    })?;
    let rows = store.collections().await?;
    let own = rows.into_iter().find(|row| row.id == collection.as_str());
    let name = own.map(|row| row.slug).unwrap_or_default();
    admit_edit(app, (&name, &Edit::AddAnswer(curated.clone())), given.force).await?;
    let new = NewAnswer { collection, curated, author: author() };
    let answer = store.answer_gap(id, new).await?;
    let answer = answer.ok_or_else(|| anyhow!("the collection is full: remove some answers"))?;
    println!("{answer}");
    Ok(())
}

async fn find(app: &App, id: &str) -> anyhow::Result<GapRow> {
    let row = app.desk.store.gap(&GapId::parse(id)?).await?;
    row.ok_or_else(|| anyhow!("there is no gap {id}; `frontdesk gaps` shows them"))
}

fn tell(gap: &GapRow) {
    let times = if gap.asked == 1 { "once".into() } else { format!("{} times", gap.asked) };
    println!("{}  {}, last {}  ({})", gap.id, times, moment(gap.last_at), gap.state);
    println!("    {}", one_line(&gap.question));
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn moment(millis: i64) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default();
    moment.format("%Y-%m-%d %H:%M").to_string()
}
