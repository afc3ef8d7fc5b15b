//! Assembles a desk from the configuration: the only place that does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rust_embed::Embed;
use serde_json::json;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::desk::{Bots, Connector, Desk, Numbers};
use crate::domain::{Action, AgentId, DocumentState, NumberState};
use crate::eval::gate::gate_of;
use crate::eval::jobs::Jobs;
use crate::http;
use crate::knowledge::{DocumentSource, Library, Progress, SourceFolder, Summary};
use crate::llm;
use crate::permissions;
use crate::pipeline::{Engine, LiveLookup};
use crate::prompts;
use crate::reader::Pool;
use crate::store::audit::{Actor, Entry};
use crate::store::replicas::HoldName;
use crate::telemetry;
use crate::worker::Worker;

mod numbers;

/// How long a call to WhatsApp may take.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(30);

/// The demo shop's documents.
#[derive(Embed)]
#[folder = "knowledge/"]
struct DemoKnowledge;

/// The demo shop's agent.
#[derive(Embed)]
#[folder = "prompts/"]
struct DemoPrompts;

/// An assembled desk that is not working yet.
pub struct App {
    /// What worker and web face share.
    pub desk: Arc<Desk>,
    /// The key that guards the API.
    pub admin_key: String,
    /// Runs of evals, and publishing.
    pub jobs: Arc<Jobs>,
    /// Files and folders of the desk that others of this machine can read, and that it cannot close to them.
    pub open_files: Vec<PathBuf>,
    config: Config,
}

impl App {
    /// Opens the database and builds what stands behind the seams. Numbers and agents are not connected yet.
    pub async fn assemble(config: Config) -> anyhow::Result<Self> {
        Box::pin(Self::build(config, Prompts::Publish)).await
    }

    /// The same for evals: prompt files are tried as they are on the disk, and nothing that answers customers changes.
    pub async fn rehearse(config: Config) -> anyhow::Result<Self> {
        Box::pin(Self::build(config, Prompts::Try)).await
    }

    /// The same for publishing and looking on: what is live is as the database says, whatever the prompt files say, and no number
    /// is connected.
    pub async fn review(config: Config) -> anyhow::Result<Self> {
        Box::pin(Self::build(config, Prompts::Leave)).await
    }

    async fn build(config: Config, prompts: Prompts) -> anyhow::Result<Self> {
        // Another part of the process may have installed it already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        config.budget.check().map_err(|why| anyhow!("[budget]: {why}"))?;
        let store = crate::store::Store::open(&config.store).await?;
        let open_files = permissions::tighten(&config.store.path);
        config.embed.fetch(&config.models).await.map_err(|why| anyhow!("[embed]: {why}"))?;
        let embed = config.embed.build(&config.models).map_err(|why| anyhow!("[embed]: {why}"))?;
        config.speech.fetch(&config.models).await.map_err(|why| anyhow!("[speech]: {why}"))?;
        let index =
            config.index.build(embed.identity()).map_err(|why| anyhow!("[index]: {why}"))?;
        let readers = Pool::new(config.reader.clone()).map_err(|why| anyhow!("[reader]: {why}"))?;
        let settings = config.knowledge.clone();
        let library = Library::new(store.clone(), index.clone(), embed.clone(), settings)
            .reading_with(readers.clone());
        let speech = config.speech.build(&config.models, &readers);
        let rerank =
            config.rerank.build(&config.models).map_err(|why| anyhow!("[rerank]: {why}"))?;
        let tunings = library.tunings();
        let lookup = LiveLookup { embed, index, tunings, rerank, curated: Arc::default() };
        let engine = Engine {
            speech: speech.map_err(|why| anyhow!("[speech]: {why}"))?,
            lookup: Arc::new(lookup),
            model: config.llm.build().map_err(|why| anyhow!("[llm]: {why}"))?,
            spare: llm::Settings::without_model(),
            budget: config.budget.clone(),
            retrieve: config.retrieve.clone(),
        };
        let base_url = config.http.base_url();
        let admin_key = config.http.admin_key(config.store.path.parent())?;
        let data = config.store.path.parent().unwrap_or(Path::new("."));
        let secrets = config.secrets.build(data, !store.is_shared());
        let connector = Connector {
            client: crate::provider::client(PROVIDER_TIMEOUT).map_err(|why| anyhow!(why))?,
            secrets: secrets.map_err(|why| anyhow!("[secrets]: {why}"))?,
            limits: config.providers,
        };
        let desk = Desk {
            store,
            engine,
            library,
            bots: Bots::default(),
            numbers: Numbers::new(connector),
            intake: config.worker.intake(),
            base_url,
            wake: Arc::default(),
        };
        load_prompts(&desk, &config, prompts).await?;
        if prompts != Prompts::Leave {
            numbers::connect(&desk, &config).await?;
            desk.follow_numbers().await?;
        }
        let desk = Arc::new(desk);
        let jobs = Jobs::new(desk.clone(), config.suites().map_err(|why| anyhow!(why))?, data);
        Ok(Self { desk, admin_key, jobs, open_files, config })
    }

    /// Learns the documents of the configured folder (or the demo's), and loads the index.
    pub async fn learn(&self, progress: &dyn Progress) -> anyhow::Result<Summary> {
        let mut all = Summary::default();
        self.desk.library.follow().await?;
        for folder in source_folders(&self.config)? {
            self.desk.library.has_folder(&folder.collection);
            if self.waits(&folder.collection).await? {
                continue;
            }
            let one = self.desk.library.keep_up(folder, progress).await?;
            all.learned += one.learned;
            all.chunks += one.chunks;
            all.unchanged += one.unchanged;
            all.removed += one.removed;
            all.failed.extend(one.failed);
            all.warnings.extend(one.warnings);
        }
        self.desk.library.follow().await?;
        self.desk.follow_answers().await?;
        Ok(all)
    }

    /// Whether documents of a collection changed and have to pass a gate first: those that answer go on, and it is said so.
    async fn waits(&self, collection: &str) -> anyhow::Result<bool> {
        let guards = self.desk.guards(collection).await?;
        let Some((agent, _)) = guards.first() else { return Ok(false) };
        let id = self.desk.store.collection(collection).await?;
        let documents = self.desk.store.documents(&id, 0).await?;
        // Where nothing is known yet there is nothing that could be worse.
        if !documents.iter().any(|row| row.state == DocumentState::Ready) {
            return Ok(false);
        }
        let found = source_folders(&self.config)?
            .into_iter()
            .find(|folder| folder.collection == collection);
        let Some(folder) = found else { return Ok(false) };
        let differs = self.desk.library.differs(folder).await?;
        if differs {
            tracing::warn!(
                collection,
                "documents of {collection} changed, and {} has a gate for them: those that answer go on; `frontdesk apply` tries the new ones",
                agent.slug
            );
        }
        Ok(differs)
    }

    /// Serves until `shutdown` ends; then finishes what is under way.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        self.desk.store.take_up().await?;
        // Unless a process that lives tries documents right now.
        if self.desk.store.hold(HoldName::Staging, 60_000).await? {
            self.desk.library.unstage_all().await?;
            self.desk.store.hold(HoldName::Staging, 0).await?;
        }
        // Whatever stopped a number may have been mended since: the first send shows.
        for number in self.desk.numbers.all() {
            self.desk.store.set_number_state(&number.id, NumberState::Ready, None).await?;
        }
        let worker = Worker::start(&self.desk, &self.config.worker);
        let looks = tokio::spawn(self.jobs.clone().look_after());
        let desk = self.desk.clone();
        http::serve(self.web(), listener, shutdown).await.context("the web server ended")?;
        tracing::info!("finishing what is under way");
        looks.abort();
        worker.stop().await;
        desk.store.close().await;
        Ok(())
    }

    /// Serves the API alone, for a chat: takes no work from the queues.
    pub async fn serve_sandbox(self, listener: TcpListener) -> anyhow::Result<()> {
        let web = self.web();
        http::serve(web, listener, std::future::pending()).await.context("the web server ended")
    }

    fn web(self) -> http::Web {
        http::Web {
            demo: is_demo(&self.config),
            desk: self.desk,
            jobs: self.jobs,
            admin_key: self.admin_key,
            link_file: self.config.store.path.with_file_name(http::LINK_FILE),
            guesses: http::GuessLimit::new(self.config.http.trusted_proxies.clone()),
            settings: self.config.http,
            metrics: telemetry::metrics(),
            sign_outs: tokio::sync::watch::Sender::default(),
            grace: Duration::from_millis(self.config.worker.grace_ms),
            limits: http::Limits::default(),
            readiness: http::Readiness::default(),
        }
    }
}

/// Whether the built-in demo shop is used: neither of the configured folders exists.
pub fn is_demo(config: &Config) -> bool {
    !config.files.prompts.is_dir() && !config.files.knowledge.is_dir()
}

/// The documents of the configured folder (or the demo's), a source folder for each collection.
pub fn source_folders(config: &Config) -> anyhow::Result<Vec<SourceFolder>> {
    if is_demo(config) {
        return Ok(demo_folders());
    }
    let folder = &config.files.knowledge;
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    SourceFolder::find(folder, None)
        .with_context(|| format!("cannot read the folder {}", folder.display()))
}

/// The demo's documents, a collection for each folder.
fn demo_folders() -> Vec<SourceFolder> {
    let mut folders: Vec<SourceFolder> = Vec::new();
    for file in DemoKnowledge::iter() {
        let Some((collection, path)) = file.split_once('/') else { continue };
        let (name, path) = (file.to_string(), path.to_owned());
        let read = move || {
            let file = DemoKnowledge::get(&name);
            Ok(file.map(|file| file.data.into_owned()).unwrap_or_default())
        };
        let document = DocumentSource { path, name: None, read: Box::new(read) };
        match folders.iter_mut().find(|folder| folder.collection == collection) {
            Some(folder) => folder.documents.push(document),
            None => folders.push(SourceFolder {
                collection: collection.to_owned(),
                documents: vec![document],
                whole: true,
                settings: None,
            }),
        }
    }
    folders
}

/// What becomes of prompt files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prompts {
    /// What changed answers customers.
    Publish,
    /// They answer in this process alone.
    Try,
    /// Nothing.
    Leave,
}

/// Reads the prompt files, publishes what changed, and makes every live agent ready. A file that is wrong ends the start; a version
/// that was published before and cannot be used any more must not keep the other agents from answering.
async fn load_prompts(desk: &Desk, config: &Config, wanted: Prompts) -> anyhow::Result<()> {
    let agents = desk.store.agents().await?;
    let mut drafts = Vec::new();
    let files = if wanted == Prompts::Leave { Vec::new() } else { prompt_sources(config)? };
    for (name, source) in files {
        let file = prompts::parse(&name, &source)?;
        let hash = prompts::hash(&source);
        let known = agents.iter().find(|row| row.slug == file.slug);
        if let Some(row) = known.filter(|row| wanted == Prompts::Try && row.source != source) {
            drafts.push((row.clone(), source));
            continue;
        }
        if known.is_some_and(|row| row.file_hash.as_deref() == Some(&hash)) {
            // It was in force already; what was published since by other means stays.
            continue;
        }
        if known.is_some_and(|row| row.source != source && gate_of(&file, known).is_some()) {
            tracing::warn!(
                agent = file.slug,
                "{name} changed and has a gate: the version that is live goes on; `frontdesk publish {}` tries the new one",
                file.slug
            );
            continue;
        }
        let published = desk.store.publish(&file.slug, &source, &hash).await?;
        desk.store.note_file(&published.agent, &hash).await?;
        if published.changed {
            tracing::info!(agent = file.slug, version = published.ordinal, "{name} is live");
            let entry = Entry::new(Actor::here("prompt file"), Action::AgentPublished, &file.slug);
            desk.store.audit(entry.with(json!({"version": published.ordinal}))).await?;
        }
    }
    for row in desk.store.agents().await? {
        desk.take_live(&row).await;
    }
    for (row, source) in drafts {
        let bot = desk.ready((&row.slug, &source), AgentId::stored(row.id), None).await;
        desk.bots.put(bot.map_err(|why| anyhow!("agent {}: {why}", row.slug))?);
    }
    Ok(())
}

/// The prompt files, by name, with what they hold.
pub fn prompt_sources(config: &Config) -> anyhow::Result<Vec<(String, String)>> {
    if is_demo(config) {
        let read = |name: &str| {
            let file = DemoPrompts::get(name)?;
            Some((name.to_owned(), String::from_utf8_lossy(&file.data).into_owned()))
        };
        // Folders in it hold other prompts, such as those of graders.
        let agents = DemoPrompts::iter().filter(|name| !name.contains('/'));
        return Ok(agents.filter_map(|name| read(&name)).collect());
    }
    let folder = &config.files.prompts;
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    read_prompts(folder).with_context(|| format!("cannot read the folder {}", folder.display()))
}

fn read_prompts(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "md") && path.is_file() {
            sources.push((path.display().to_string(), std::fs::read_to_string(&path)?));
        }
    }
    sources.sort();
    Ok(sources)
}
