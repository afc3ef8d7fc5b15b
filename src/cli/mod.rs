//! The command line: one file a command. Prints for people; decides nothing about answers.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::audit::AuditEntry;
use crate::app::App;
use crate::config::Config;
use crate::domain::Action;
use crate::telemetry;

mod answer;
mod apply;
mod audit;
mod bar;
mod cases;
mod chat;
mod client;
mod doctor;
mod eval;
mod explain;
mod gaps;
mod inbox;
mod learn;
mod models;
mod publish;
mod redteam;
mod reindex;
mod reader;
mod reindex_to;
mod replay;
mod search;
mod serve;
mod sign_in;
mod sign_out;
mod source;
mod time;
mod transcribe;
mod webhook;

/// Answers a business's WhatsApp from its own documents, or calls a person.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES)]
struct Arguments {
    /// The configuration file [default: frontdesk.toml, where there is one]
    #[arg(long, global = true, env = "FRONTDESK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

/// As `make notices` wrote it.
const NOTICES: &str = include_str!("../../THIRD-PARTY-NOTICES.txt");

const EXAMPLES: &str = "\
Begin with:
  frontdesk serve --chat          the demo shop: web server, and a chat with its bot in this terminal
  frontdesk sign-in               another link to the console of the desk that runs
  frontdesk chat \"When do you open?\"
  frontdesk learn knowledge       your documents, one folder a collection
  frontdesk learn https://example.com/help --collection acme --every 24h
  frontdesk doctor                what is missing, and how to mend it

Every setting, with its default: frontdesk config";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve webhooks and the API, and answer customers
    Serve(serve::Serve),
    /// Print a link that signs in to the console in a browser, once
    SignIn,
    SignOut(sign_out::SignOut),
    /// Talk to an agent in the terminal; nobody else receives or stores it
    Chat(chat::Chat),
    /// Learn documents (PDF, Office, Markdown, HTML, CSV ...), and web sites by their address
    Learn(learn::Learn),
    /// Show the web sites that are learned from, read them again, or remove them
    Source(source::Source),
    /// Embed what the configured model has not embedded yet, or fill another index
    Reindex(reindex::Reindex),
    /// Show the passages that a question finds, with their scores
    Search(search::Search),
    /// Write what is said in voice notes and other recordings, as a customer's would be understood
    Transcribe(transcribe::Transcribe),
    Eval(Box<eval::Eval>),
    Replay(replay::Replay),
    /// Make cases for suites: from conversations, documents, knowledge gaps and hand-offs
    Cases(cases::Cases),
    /// Attack an agent, and show what got through
    #[command(name = "redteam")]
    RedTeam(redteam::RedTeam),
    Publish(publish::Publish),
    Versions(publish::Versions),
    Apply(apply::Apply),
    Audit(audit::Audit),
    Answer(answer::Answers),
    Gaps(gaps::Gaps),
    /// Show the customers who wait for a person, and give them back to the bot
    Inbox(inbox::Inbox),
    /// Show stored webhooks, or take them in again after a bug was mended
    Webhook(webhook::Webhooks),
    /// List, fetch, import and remove the models that run in this process
    Models(models::Models),
    /// Check the configuration and everything it reaches, and say how to mend what is wrong
    Doctor,
    /// Print every setting with its default and what it means
    Config,
    /// Print the licences of others' code that this program holds
    Licenses,
    /// Read files for a desk, as its worker process
    #[command(hide = true)]
    Reader(reader::Reader),
}

impl Command {
    /// What a command leaves in the audit log once it has ended. `None`: it changes nothing of the desk, or its parts write down each
    /// step themselves. A new command does not compile until it is decided here.
    fn audit_entry(&self) -> AuditEntry {
        match self {
            Self::SignIn => Some((Action::LinkCreated, String::new())),
            Self::SignOut(_) => Some((Action::SessionsEnded, String::new())),
            Self::Learn(learn) => Some((Action::KnowledgeLearned, learn.subject())),
            Self::Source(source) => source.writes(),
            Self::Reindex(_) => Some((Action::IndexRebuilt, String::new())),
            Self::Apply(apply) => apply.writes(),
            Self::Answer(answers) => answers.writes(),
            Self::Gaps(gaps) => gaps.writes(),
            Self::Inbox(inbox) => inbox.writes(),
            Self::Webhook(webhooks) => webhooks.writes(),
            // What is published is written down with the version, and a desk that serves writes down what it is asked.
            Self::Publish(_)
            | Self::Serve(_)
            | Self::Chat(_)
            | Self::Search(_)
            | Self::Transcribe(_)
            | Self::Eval(_)
            | Self::Replay(_)
            | Self::Cases(_)
            | Self::RedTeam(_)
            | Self::Versions(_)
            | Self::Audit(_)
            | Self::Models(_)
            | Self::Doctor
            | Self::Config
            | Self::Licenses
            | Self::Reader(_) => None,
        }
    }
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    // What is written holds customers' words and keys: it is for its owner alone, whoever starts this and however.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("frontdesk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let text = match arguments.command {
        Command::Config => Some(crate::config::DEFAULTS),
        Command::Licenses => Some(NOTICES),
        _ => None,
    };
    if let Some(text) = text {
        // Whoever reads only its beginning (`| head`) closes the pipe.
        drop(std::io::stdout().write_all(text.as_bytes()));
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Reader(reader) = arguments.command {
        return reader.run();
    }
    let _steps = crate::failpoint::listen();
    let mut config = Config::load(arguments.config.as_deref())?;
    config.reader.program = crate::reader::this_program();
    // Logs would stand between the lines of a conversation or a table: there only what went wrong is said.
    let quiet = match &arguments.command {
        Command::Serve(serve) => serve.chat,
        _ => true,
    };
    if quiet && config.log.level == "info" {
        config.log.level = "warn".into();
    }
    telemetry::start(&config.log).map_err(anyhow::Error::msg)?;
    // Every HTTP client needs it, also the one of a chat with a desk elsewhere, for which nothing is assembled here.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let written = arguments.command.audit_entry();
    runtime.block_on(async {
        let store = config.store.clone();
        let ended = Box::pin(run(arguments.command, config)).await;
        if let Some(written) = written
            && let Err(error) = audit::note(&store, written, &ended).await
        {
            tracing::error!("the audit log has no entry of this command: {error:#}");
        }
        ended
    })
}

async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve.run(config).await,
        Command::SignIn => sign_in::run(config).await,
        Command::SignOut(sign_out) => sign_out.run(config).await,
        Command::Chat(chat) => Box::pin(chat.run(config)).await,
        Command::Learn(learn) => learn.run(App::assemble(config).await?).await,
        Command::Source(source) => source.run(App::assemble(config).await?).await,
        Command::Reindex(reindex) => Box::pin(reindex.run(config)).await,
        Command::Search(search) => search.run(App::assemble(config).await?).await,
        Command::Transcribe(transcribe) => transcribe.run(config).await,
        Command::Eval(eval) => Box::pin(eval.run(config)).await,
        Command::Replay(replay) => Box::pin(replay.run(config)).await,
        Command::Cases(cases) => Box::pin(cases.run(App::rehearse(config).await?)).await,
        Command::RedTeam(redteam) => Box::pin(redteam.run(App::rehearse(config).await?)).await,
        Command::Publish(publish) => Box::pin(publish.run(config)).await,
        Command::Versions(versions) => Box::pin(versions.run(config)).await,
        Command::Apply(apply) => Box::pin(apply.run(config)).await,
        Command::Audit(audit) => Box::pin(audit.run(config)).await,
        Command::Answer(answer) => answer.run(App::assemble(config).await?).await,
        Command::Gaps(gaps) => gaps.run(App::assemble(config).await?).await,
        Command::Inbox(inbox) => inbox.run(App::assemble(config).await?).await,
        Command::Webhook(webhook) => webhook.run(App::assemble(config).await?).await,
        Command::Models(models) => models.run(config).await,
        Command::Doctor => doctor::run(config).await,
        Command::Config | Command::Licenses | Command::Reader(_) => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_a_github_action_calls_us_rightly() {
        let text = include_str!("../../eval/github-action.yml");
        let action: serde_json::Value = serde_saphyr::from_str(text).unwrap();
        let job = &action["jobs"]["eval"];
        let steps = job["steps"].as_array().unwrap();
        let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
        let line = runs.iter().find_map(|run| run.find("frontdesk eval").map(|at| &run[at..]));
        let line = line.unwrap().replace("\\\n", " ");
        let words: Vec<String> = line
            .split('"')
            .enumerate()
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect();
        assert!(words.contains(&"no case worse".to_owned()), "{words:?}");
        let read = Arguments::try_parse_from(&words).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(read.command, Command::Eval(_)));
        let uses = |name: &str| {
            steps.iter().any(|step| step["uses"].as_str().is_some_and(|it| it.contains(name)))
        };
        assert!(uses("upload-artifact") && uses("junit"), "{text}");
    }
}
