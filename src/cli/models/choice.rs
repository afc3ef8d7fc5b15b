//! The commands of `frontdesk models` about models that are chosen while the desk runs: shows, sets,
//! unsets and tests them. A desk that runs follows within `[worker] poll_ms`.

use std::io::{IsTerminal, Read};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use secrecy::SecretString;

use super::super::audit::actor;
use crate::app::App;
use crate::desk::{ModelRequest, ModelScope, TrialResult};
use crate::domain::label::one_line;
use crate::domain::{ModelProvider, ModelRole};
use crate::knowledge::EmbeddingProgress;
use crate::store::audit::Actor;

/// Longest answer that is printed, in characters.
const MAX_ANSWER_LEN: usize = 500;

/// What a model is chosen for.
#[derive(Debug, Args)]
pub(super) struct ScopeArgs {
    /// The task: chat, embeddings, speech or reranking
    role: ModelRole,
    /// For this agent alone (not embeddings, which agents share) [default: the workspace]
    #[arg(long)]
    agent: Option<String>,
}

/// A model to use.
#[derive(Debug, Args)]
pub(super) struct SetArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Who runs it: openai, azure, compatible, ollama, cohere, tei, local (a model of `models list`) or off
    #[arg(long)]
    provider: ModelProvider,
    /// Its name; for Azure, that of the deployment
    #[arg(long, default_value = "", hide_default_value = true)]
    model: String,
    /// Everything before /chat/completions, /embeddings, /audio/transcriptions or /rerank [default: the provider's usual address]
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,
    /// Read its key from standard input; without this, the stored key of the same address is kept
    #[arg(long)]
    key_stdin: bool,
}

/// What is tried.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The task: chat, embeddings, speech or reranking
    #[arg(default_value = "chat")]
    role: ModelRole,
    /// That of this agent [default: the workspace's]
    #[arg(long)]
    agent: Option<String>,
}

/// Prints which models are in use, and where they come from.
pub(super) async fn show(app: &App) -> anyhow::Result<()> {
    let source = &app.desk.engine.model;
    let model = source.settled().await;
    println!("answers     {}", model.default_model());
    println!("            {}", source.discovery());
    for bot in app.desk.bots.all() {
        if !bot.agent.model.is_empty() {
            println!("agent       {} names {}", bot.agent.slug, bot.agent.model);
        }
    }
    let rows = app.desk.store.model_choices().await?;
    let of_workspace: Vec<ModelRole> =
        rows.iter().filter(|row| row.agent_id.is_empty()).map(|row| row.role).collect();
    for part in app.desk.model_parts(&of_workspace) {
        let name = part.name.as_deref().unwrap_or("none");
        println!("{:<11} {name} ({})", part.task.as_str(), part.origin);
        let configured = part.task.role().filter(|role| !of_workspace.contains(role));
        let problem = |role| app.desk.model_choices.problem(&ModelScope::workspace(role));
        if let Some(why) = configured.and_then(problem) {
            println!("            cannot be used: {why}");
        }
    }
    for row in rows {
        let scope = ModelScope::of(&row);
        let whose = scope.agent.as_ref().and_then(|id| app.desk.bots.get(id));
        let whose = whose.map_or_else(String::new, |bot| format!(" of {}", bot.agent.slug));
        let key = if row.sealed.is_some() { "with a key" } else { "without a key" };
        println!("chosen      {}{whose}: {} {} {key}", row.role, row.provider, row.model);
        if let Some(why) = app.desk.model_choices.problem(&scope) {
            println!("            cannot be used: {why}");
        }
    }
    for left in app.desk.library.embedding_progress().await? {
        let EmbeddingProgress { collection, done, total } = left;
        println!(
            "            {collection}: {done} of {total} passages are embedded; a desk that runs goes on, or `frontdesk reindex`"
        );
    }
    Ok(())
}

/// Sets a model.
pub(super) async fn set(app: &App, args: SetArgs) -> anyhow::Result<()> {
    let key = if args.key_stdin { Some(read_key()?) } else { None };
    let SetArgs { scope, provider, model, url: base_url, .. } = args;
    let ScopeArgs { role, agent } = scope;
    let scope = scope_of(app, role, agent.as_deref())?;
    let wanted = ModelRequest { provider, base_url, model, key };
    let setting = app.desk.resolve_model(&scope, wanted, true).await?;
    app.desk.set_model(&scope, &setting, Actor::here(actor())).await?;
    let place = match (provider, setting.base_url.as_str()) {
        (ModelProvider::Off, _) => "nothing".to_owned(),
        (_, "") => format!("{}, on this machine", setting.model),
        (_, url) => format!("{} at {url}", setting.model),
    };
    let is_left =
        role == ModelRole::Embeddings && !app.desk.library.embedding_progress().await?.is_empty();
    if is_left {
        println!(
            "{role}: {place}, as soon as it has embedded all documents; a desk that runs does so."
        );
        println!(
            "`frontdesk models show` says how far it is; `frontdesk reindex` does it at once."
        );
    } else {
        println!("{role}: {place}, from the next turn on.");
    }
    if provider != ModelProvider::Off {
        println!("`frontdesk models test {role}` tries it.");
    }
    println!("`frontdesk models unset {role}` goes back.");
    Ok(())
}

/// Goes back to the configuration's model, or the workspace's for an agent.
pub(super) async fn unset(app: &App, args: ScopeArgs) -> anyhow::Result<()> {
    let scope = scope_of(app, args.role, args.agent.as_deref())?;
    app.desk.remove_model(&scope, Actor::here(actor())).await?;
    match (scope.role, &scope.agent) {
        (role, Some(_)) => println!("{role}: the workspace decides for this agent."),
        (ModelRole::Chat, None) => println!(
            "The model of the configuration answers: {}.",
            app.desk.engine.model.discovery()
        ),
        (role, None) => println!("{role}: the configuration decides."),
    }
    Ok(())
}

/// Gives the model in use one short task.
pub(super) async fn test(app: &App, args: TestArgs) -> anyhow::Result<()> {
    let scope = scope_of(app, args.role, args.agent.as_deref())?;
    let tried = app.desk.try_model_in_use(&scope).await;
    let TrialResult { text, dimensions, ranks_right, tokens, cost_micros, took } =
        tried.map_err(|why| {
            anyhow!(
                "{why}: `frontdesk models set {}` sets one, `frontdesk models show` says why",
                scope.role
            )
        })?;
    match scope.role {
        ModelRole::Chat => {
            println!("wrote: {}", one_line(&text.unwrap_or_default(), MAX_ANSWER_LEN));
        }
        ModelRole::Speech => {
            let heard = one_line(&text.unwrap_or_default(), MAX_ANSWER_LEN);
            println!("heard in a second of silence: \"{heard}\"");
        }
        ModelRole::Embeddings => {
            println!("vectors of {} numbers", dimensions.unwrap_or_default());
        }
        ModelRole::Reranking => match ranks_right {
            Some(true) => println!("the right one of two passages came first"),
            _ => println!("the wrong one of two passages came first: choose another model"),
        },
    }
    let took = took.as_millis();
    let cost = match cost_micros {
        Some(micros) => format!("{micros} millionths of a dollar"),
        None => "a price that [llm.prices] does not say".to_owned(),
    };
    match tokens {
        [0, 0] => println!("{took} ms"),
        [read, written] => {
            println!("{took} ms, {read} tokens read and {written} written, {cost}");
        }
    }
    Ok(())
}

fn scope_of(app: &App, role: ModelRole, agent: Option<&str>) -> anyhow::Result<ModelScope> {
    let Some(slug) = agent else { return Ok(ModelScope::workspace(role)) };
    let Some(bot) = app.desk.bots.named(slug) else {
        let bots = app.desk.bots.all();
        let all: Vec<&str> = bots.iter().map(|bot| bot.agent.slug.as_str()).collect();
        bail!("there is no agent `{slug}`; there are: {}", all.join(", "));
    };
    Ok(ModelScope { role, agent: Some(bot.agent.id.clone()) })
}

fn read_key() -> anyhow::Result<SecretString> {
    if std::io::stdin().is_terminal() {
        eprintln!("Paste the key, then Enter and Ctrl-D:");
    }
    let mut key = String::new();
    std::io::stdin().read_to_string(&mut key).context("the key cannot be read")?;
    Ok(key.trim().to_owned().into())
}
