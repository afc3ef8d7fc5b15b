//! The commands of `frontdesk models` about the model that answers: shows, sets, unsets and tests
//! it. A desk that runs follows within `[worker] poll_ms`.

use std::io::{IsTerminal, Read};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::super::audit::actor;
use crate::app::App;
use crate::desk::ModelRequest;
use crate::domain::ModelProvider;
use crate::domain::label::one_line;
use crate::llm::{self, ChatTrial};
use crate::store::audit::Actor;

/// Longest answer that is printed, in characters.
const MAX_ANSWER_LEN: usize = 500;

/// What is set or unset.
#[derive(Debug, Subcommand)]
pub(super) enum SetCommand {
    /// The model that answers, from the next turn on
    Chat(ChatArgs),
}

/// What goes back to the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum UnsetCommand {
    /// The model that answers
    Chat,
}

/// A model that answers.
#[derive(Debug, Args)]
pub(super) struct ChatArgs {
    /// Who runs it: openai, azure, compatible or ollama
    #[arg(long)]
    provider: ModelProvider,
    /// Its name; for Azure, that of the deployment
    #[arg(long)]
    model: String,
    /// Everything before /chat/completions [default: the provider's usual address]
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// Read its key from standard input; without this, the stored key of the same address is kept
    #[arg(long)]
    key_stdin: bool,
}

/// Prints what answers, and where it comes from.
pub(super) async fn show(app: &App) -> anyhow::Result<()> {
    let source = &app.desk.engine.model;
    let model = source.settled().await;
    println!("answers     {}", model.default_model());
    println!("            {}", source.discovery());
    if let Some(row) = app.desk.store.model_choice().await? {
        let key = if row.sealed.is_some() { "with a key" } else { "without a key" };
        println!("            provider {}, {key}", row.provider);
    }
    for bot in app.desk.bots.all() {
        if !bot.agent.model.is_empty() {
            println!("agent       {} names {}", bot.agent.slug, bot.agent.model);
        }
    }
    for part in app.desk.model_parts() {
        let name = part.name.as_deref().unwrap_or("none");
        println!("{:<11} {name} ({})", part.task.as_str(), part.origin);
    }
    Ok(())
}

/// Sets the model that answers.
pub(super) async fn set(app: &App, SetCommand::Chat(args): SetCommand) -> anyhow::Result<()> {
    let key = if args.key_stdin { Some(read_key()?) } else { None };
    let ChatArgs { provider, model, url: base_url, .. } = args;
    let wanted = ModelRequest { provider, base_url, model, key };
    let setting = app.desk.resolve_model(wanted, true).await?;
    app.desk.set_model(&setting, Actor::here(actor())).await?;
    println!("{} at {} answers from the next turn on.", setting.model, setting.base_url);
    println!("`frontdesk models test` asks it; `frontdesk models unset chat` goes back to [llm].");
    Ok(())
}

/// Goes back to the configuration's model.
pub(super) async fn unset(app: &App, UnsetCommand::Chat: UnsetCommand) -> anyhow::Result<()> {
    app.desk.remove_model(Actor::here(actor())).await?;
    println!("The model of the configuration answers: {}.", app.desk.engine.model.discovery());
    Ok(())
}

/// Asks the model that answers one question.
pub(super) async fn test(app: &App) -> anyhow::Result<()> {
    let model = app.desk.engine.model.settled().await;
    let name = model.default_model();
    if !model.kind(name).generates() {
        bail!(
            "no model is in use: `frontdesk models set chat` sets one, `frontdesk models show` says why"
        );
    }
    let tried = llm::try_out(&*model, name).await;
    let ChatTrial { text, usage, is_priced, took } = tried.map_err(|why| anyhow!(why))?;
    println!("{name}: {}", one_line(&text, MAX_ANSWER_LEN));
    let cost = match (is_priced, usage.cost_micros) {
        (true, micros) => format!("{micros} millionths of a dollar"),
        (false, _) => "a price that [llm.prices] does not say".to_owned(),
    };
    let (read, written) = (usage.input_tokens, usage.output_tokens);
    println!("{} ms, {read} tokens read and {written} written, {cost}", took.as_millis());
    Ok(())
}

fn read_key() -> anyhow::Result<SecretString> {
    if std::io::stdin().is_terminal() {
        eprintln!("Paste the key, then Enter and Ctrl-D:");
    }
    let mut key = String::new();
    std::io::stdin().read_to_string(&mut key).context("the key cannot be read")?;
    Ok(key.trim().to_owned().into())
}
