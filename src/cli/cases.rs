//! `frontdesk cases`: generates cases for suites from conversations, documents, knowledge gaps and
//! hand-offs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

use crate::app::App;
use crate::domain::{AgentId, CollectionId};
use crate::eval::cases::{self, DiscardedQuestions, GeneratedCase};

/// Generate cases for suites: from conversations, documents, knowledge gaps and hand-offs
///
/// Prints the cases as YAML in promptfoo's format. With --into, appends them to a suite instead,
/// keeps its content and skips questions it already asks. Personal data is masked. Review the
/// cases: a recorded answer is not necessarily a right one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Cases {
    /// Append the cases to this suite; it is created if it does not exist
    #[arg(long, global = true, value_name = "SUITE")]
    into: Option<PathBuf>,
    #[command(subcommand)]
    from: CaseSource,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::enum_variant_names, reason = "commands are named so")]
enum CaseSource {
    /// From a turn (turn_…) a case, from a conversation (conv_…) a script: the messages and their
    /// outcomes
    FromConversation {
        /// Id of the conversation or the turn
        id: String,
    },
    /// From documents: questions they answer, each kept only if retrieval finds its document
    ///
    /// The configured model writes the questions; without one, the documents' headings and
    /// questions are used.
    FromDocuments {
        /// The collection
        collection: String,
        /// Maximum number of cases
        #[arg(long, default_value_t = 20)]
        count: usize,
    },
    /// From questions nobody answered: cases that fail until the documents answer them
    FromGaps {
        /// Only gaps of this agent
        #[arg(long)]
        agent: Option<String>,
    },
    /// From hand-offs to a person, with their reasons
    FromHandoff {
        /// Id of one hand-off, esc_… [default: all that the bot made]
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

/// The agent if there is only one, or empty.
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
    app.desk.library.sync_index().await?;
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
