//! `frontdesk cases`: makes cases for suites out of what happened, and out of documents.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

use crate::app::App;
use crate::domain::{AgentId, CollectionId};
use crate::eval::cases::{self, DiscardedQuestions, GeneratedCase};

/// Make cases for suites: from conversations, documents, knowledge gaps and hand-offs
///
/// The cases are printed as YAML in promptfoo's format, or put at the end of a suite with --into, which leaves all that
/// stands there as it is and leaves out what is asked there already. Personal data is masked. Look through them:
/// what was answered is no proof that it was right.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Cases {
    /// Put them at the end of this suite; it is made where there is none
    #[arg(long, global = true, value_name = "SUITE")]
    into: Option<PathBuf>,
    #[command(subcommand)]
    from: CaseSource,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::enum_variant_names, reason = "commands are named so")]
enum CaseSource {
    /// A case of a turn (turn_…), or a script of a conversation (conv_…): what was said, and what became of it
    FromConversation {
        /// The conversation or the turn
        id: String,
    },
    /// Questions that documents answer, each kept only if its document is found again
    ///
    /// The configured model writes them; without one they are the documents' own headings and questions.
    FromDocuments {
        /// The collection
        collection: String,
        /// The most cases
        #[arg(long, default_value_t = 20)]
        count: usize,
    },
    /// What customers asked and nobody answered: cases that fail until the documents say it
    FromGaps {
        /// Only this agent's
        #[arg(long)]
        agent: Option<String>,
    },
    /// What was handed to a person, and why
    FromHandoff {
        /// One hand-off, esc_… [default: all that the bot made]
        id: Option<String>,
    },
}

const EXAMPLES: &str = "\
Examples:
  frontdesk cases from-documents acme --count 30 --into eval/suites/acme.yaml
  frontdesk cases from-conversation conv_01J… --into eval/suites/acme.yaml
  frontdesk cases from-gaps --agent acme
  frontdesk cases from-handoff";

impl Cases {
    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        let store = &app.desk.store;
        let (agent, made) = match &self.from {
            CaseSource::FromConversation { id } => {
                let (agent, case) = cases::from_conversation(store, id).await?;
                (agent, vec![case])
            }
            CaseSource::FromDocuments { collection, count } => {
                documents(&app, collection, *count).await?
            }
            CaseSource::FromGaps { agent } => {
                let id = agent.as_deref().map(|name| named(&app, name)).transpose()?;
                let agent = agent.clone().unwrap_or_else(|| only(&app));
                (agent, cases::from_gaps(store, id).await?)
            }
            CaseSource::FromHandoff { id } => {
                (only(&app), cases::from_handoffs(store, id.as_deref()).await?)
            }
        };
        let Some(file) = &self.into else {
            print!("{}", cases::printed(&made));
            return Ok(ExitCode::SUCCESS);
        };
        let put = cases::put_into(file, &agent, &made).map_err(anyhow::Error::msg)?;
        println!("{}: {} new cases, {} are there already.", file.display(), put.added, put.known);
        Ok(ExitCode::SUCCESS)
    }
}

/// The agent, where there is one alone.
fn only(app: &App) -> String {
    match app.desk.bots.all().as_slice() {
        [one] => one.agent.slug.clone(),
        _ => String::new(),
    }
}

fn named(app: &App, name: &str) -> anyhow::Result<AgentId> {
    let bot = app.desk.bots.named(name);
    bot.map(|bot| bot.agent.id.clone()).ok_or_else(|| {
        let all = app.desk.bots.all();
        let known: Vec<_> = all.iter().map(|bot| bot.agent.slug.as_str()).collect();
        anyhow!("there is no agent `{name}`; there are: {}", known.join(", "))
    })
}

async fn documents(
    app: &App,
    name: &str,
    count: usize,
) -> anyhow::Result<(String, Vec<GeneratedCase>)> {
    app.desk.library.follow().await?;
    let all = app.desk.store.collections().await?;
    let Some(row) = all.iter().find(|row| row.slug == name) else {
        let known: Vec<_> = all.iter().map(|row| row.slug.as_str()).collect();
        if known.is_empty() {
            bail!("nothing was learned yet: `frontdesk learn DIR` first");
        }
        bail!("there is no collection `{name}`; there are: {}", known.join(", "));
    };
    let id = CollectionId::stored(row.id.clone());
    let (made, thrown) = cases::from_documents(&app.desk, &id, count).await?;
    tell(&made, &thrown);
    let bots = app.desk.bots.all();
    let agent = bots.iter().find(|bot| bot.agent.knowledge.contains(&id));
    Ok((agent.map(|bot| bot.agent.slug.clone()).unwrap_or_default(), made))
}

/// What was thrown away, beside the cases.
fn tell(made: &[GeneratedCase], thrown: &DiscardedQuestions) {
    eprintln!(
        "{} questions are kept; thrown away: {} whose document is not found, {} asked twice, {} that no model wrote.",
        made.len(),
        thrown.not_found.len(),
        thrown.twice,
        thrown.unasked.len()
    );
    for (question, document) in &thrown.not_found {
        eprintln!("    not found: {document}: {question}");
    }
    for (document, why) in &thrown.unasked {
        eprintln!("    no question: {document}: {why}");
    }
}
