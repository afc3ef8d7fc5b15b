//! `frontdesk serve`: runs the desk, and prints its address and the next steps.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::audit::actor;
use super::bar::Bar;
use super::chat;
use super::client::DeskClient;
use super::learn::tell;
use crate::app::App;
use crate::config::Config;
use crate::domain::Action;
use crate::http::{LINK_FILE, keep_link, sign_in_link};
use crate::knowledge::EmbeddingProgress;
use crate::llm::ModelOrigin;
use crate::store::audit::{Actor, Entry};
use crate::store::serve_lock::ServeLock;

/// Upper bound for the open-file limit of the process.
#[cfg(unix)]
const MAX_FILES: u64 = 65_536;

/// Serve webhooks and the API, and answer customers
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Also open a chat with the bot in this terminal; leaving it stops the desk
    #[arg(long)]
    pub(super) chat: bool,
}

impl Serve {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        open_many_files();
        // Held until the desk has stopped.
        let _lock = ServeLock::take(&config.store)?;
        let address = format!("{}:{}", config.http.host, config.http.port);
        let listener = TcpListener::bind(&address).await.with_context(|| {
            format!("cannot listen on {address}; another port: FRONTDESK__HTTP__PORT=8081")
        })?;
        let url = format!("http://{}", listener.local_addr()?).replace("0.0.0.0", "127.0.0.1");
        let has_address = !config.http.base_url.is_empty();
        let key_file = config.store.path.with_file_name("admin.key");
        let link_file = config.store.path.with_file_name(LINK_FILE);
        let app = App::assemble(config).await?;
        let progress = Bar::default();
        let (summary, _) = tokio::join!(app.learn(&progress), app.desk.engine.model.settled());
        tell(&summary?);
        let base_url = if has_address { app.desk.base_url.clone() } else { url.clone() };
        let link = sign_in_link(&app.desk.store, &base_url).await.context("no sign-in link")?;
        let link = if std::io::stdout().is_terminal() { link } else { kept(&link, &link_file) };
        app.desk.store.audit(Entry::new(Actor::here(actor()), Action::LinkCreated, "")).await?;
        let embedding = app.desk.library.embedding_progress().await?;
        let demo = app.desk.library.has_demo();
        greet(&app, (&url, &link), demo, &key_file.display().to_string());
        tell_embedding(&embedding);
        let talk = self.chat && std::io::stdin().is_terminal();
        let client = DeskClient { url, key: app.admin_key.clone() };
        let (left, leaving) = oneshot::channel::<()>();
        let desk = tokio::spawn(app.serve(listener, shutdown(talk.then_some(leaving))));
        if talk {
            chat::talk(client, chat::ChatOptions::default()).await?;
            drop(left);
        } else if self.chat {
            println!(
                "This is not a terminal, so there is no chat here; `frontdesk chat` opens one."
            );
        }
        desk.await??;
        println!("Stopped.");
        Ok(ExitCode::SUCCESS)
    }
}

/// Saves the sign-in link to a file: without a terminal, what is printed may end up in a log.
fn kept(link: &str, file: &Path) -> String {
    match keep_link(file, link) {
        Ok(()) => format!("link in the file {}", file.display()),
        Err(error) => {
            tracing::warn!(%error, "the sign-in link could not be kept in {}", file.display());
            "`frontdesk sign-in` prints a link".into()
        }
    }
}

/// Raises the open-file limit: each connection is a file, and the server derives its connection
/// limit from it.
fn open_many_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // More is never needed, and some systems report no maximum but refuse it as a limit.
        let most = limit.maximum.map_or(MAX_FILES, |most| most.min(MAX_FILES));
        if limit.current.is_some_and(|current| current < most)
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit })
        {
            tracing::warn!(%error, "the limit of open files stays as it is: {limit:?}");
        }
    }
}

/// Prints the address, what is configured, and the next steps.
fn greet(app: &App, (url, link): (&str, &str), demo: bool, key_file: &str) {
    let desk = &app.desk;
    let agents: Vec<_> = desk.bots.all().iter().map(|bot| bot.agent.name.clone()).collect();
    let (model, discovery) = desk.engine.model.now();
    let name = model.default_model();
    // A model that writes does not quote.
    let qa = desk.local_models.qa();
    let chooser = qa.identity().filter(|_| !model.kind(name).generates());
    let model = chooser.map_or(name.to_owned(), |chooser| format!("{name}, chosen by {chooser}"));
    let live = desk.engine.live();
    let embedder = live.embed.identity().unwrap_or("words only, no embedding model");
    println!("\nfrontdesk {} is running", env!("CARGO_PKG_VERSION"));
    println!("  address    {url}");
    println!("  sign in    {link}");
    println!("  webhook    {}/webhooks/meta", desk.base_url);
    println!("  API        {url}/api/v1/openapi.json, key in {key_file}");
    println!("  database   {}", desk.store.database());
    println!("  answers    {model}; retrieval: {embedder}");
    if discovery.origin != ModelOrigin::Configured {
        println!("             {discovery}");
    }
    let agents = if agents.is_empty() {
        "none; write one as prompts/NAME.md".into()
    } else {
        agents.join(", ")
    };
    println!("  agents     {agents}{}", if demo { " (built-in demo)" } else { "" });
    let numbers = desk.numbers.all();
    if numbers.is_empty() {
        println!("  numbers    none yet: README.md, \"Go live\", says how to connect WhatsApp");
    }
    for number in &numbers {
        println!(
            "  number     {}: {}/webhooks/{}/{}",
            number.slug, desk.base_url, number.provider, number.slug
        );
    }
    println!(
        "\nNext: open the sign-in link in a browser (it works once; `frontdesk sign-in` prints another),\n\
         or ask something here (`make chat` in another terminal).\n"
    );
}

/// Prints what is embedded after the start, while customers are answered.
fn tell_embedding(embedding: &[EmbeddingProgress]) {
    for EmbeddingProgress { collection, done, total } in embedding {
        println!(
            "Embedding {collection} in the background: {done} of {total} passages so far. Until all are, its documents are\n\
             found by words alone; `frontdesk doctor` and the console show how far it is.\n"
        );
    }
}

/// Resolves on a stop signal, or when the user leaves the chat.
async fn shutdown(leaving: Option<oneshot::Receiver<()>>) {
    let left = async {
        match leaving {
            Some(leaving) => drop(leaving.await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = left => {}
        () = stop_signal() => {}
    }
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
