//! Assembles a desk from the configuration. Nothing else does.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::desk::{Bots, Desk, KeptFiles, ModelChoices, SandboxedReader, demo};
use crate::domain::{CollectionOrigin, DocumentState, NumberState};
use crate::eval::jobs::Jobs;
use crate::http;
use crate::knowledge::{Progress, SourceFolder, Summary};
use crate::llm::ModelSource;
use crate::permissions;
use crate::pipeline::{Engine, PromptLayout};
use crate::prompts;
use crate::reader::Pool;
use crate::slot::AdapterSlot;
use crate::store::Store;
use crate::store::replicas::HoldName;
use crate::telemetry;
use crate::worker::Worker;

mod adapters;
mod numbers;
mod prompt_files;

use adapters::{
    adapter_builder, chosen_roles, embedder, library, local_models, lookups, models, no_numbers,
    reranker, secrets, transcriber,
};
use prompt_files::Prompts;
pub use prompt_files::prompt_sources;

/// An assembled desk that does not run yet.
pub struct App {
    /// State that the worker and the web server share.
    pub desk: Arc<Desk>,
    /// The admin key of the API.
    pub admin_key: String,
    /// Eval runs and publishing.
    pub jobs: Arc<Jobs>,
    /// Files and folders of the desk that other users of this machine can read and whose
    /// permissions could not be restricted.
    pub open_files: Vec<PathBuf>,
    config: Config,
}

impl App {
    /// Opens the database and builds the desk's components. Publishes changed prompt files, loads
    /// the live agents and connects the numbers.
    pub async fn assemble(config: Config) -> anyhow::Result<Self> {
        Box::pin(Self::build(config, Prompts::Publish)).await
    }

    /// Like [`Self::assemble`], for commands that do not answer customers: a new prompt file that
    /// names unknown collections is skipped. Collections in `made`, which the command is about to
    /// make, need no warning.
    pub async fn assemble_for_command(config: Config, made: &[String]) -> anyhow::Result<Self> {
        Box::pin(Self::build(config, Prompts::PublishKnown(made))).await
    }

    /// Assembles a desk for evals: changed prompt files are used as drafts in this process only,
    /// and nothing is published for agents that exist.
    pub async fn assemble_for_eval(config: Config) -> anyhow::Result<Self> {
        let app = Box::pin(Self::build(config, Prompts::Try)).await?;
        app.desk.engine.model.settled().await;
        Ok(app)
    }

    /// Assembles a desk for publishing and inspection: ignores the prompt files, uses the live
    /// versions in the database, and connects no number.
    pub async fn assemble_from_database(config: Config) -> anyhow::Result<Self> {
        Box::pin(Self::build(config, Prompts::Leave)).await
    }

    async fn build(config: Config, prompts: Prompts<'_>) -> anyhow::Result<Self> {
        // Fails if another part of the process installed one before, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        config.budget.check().map_err(|why| anyhow!("[budget]: {why}"))?;
        // Prompt files need the languages' data, read while the database is opened.
        drop(tokio::task::spawn_blocking(frontdesk_language::data::languages));
        let store = Store::open(&config.store).await?;
        let open_files = permissions::restrict_to_owner(&config.store.path);
        let chosen = chosen_roles(&store).await?;
        let embed = embedder(&config, &chosen).await?;
        let index = config.index.build(embed.identity());
        let index = index.map_err(|why| anyhow!("[index]: {why}"))?;
        let readers = Pool::new(config.reader.clone()).map_err(|why| anyhow!("[reader]: {why}"))?;
        let library = library(&config, (store.clone(), index.clone(), embed.clone()), &readers);
        let speech = transcriber(&config, &chosen, &readers).await?;
        let rerank = reranker(&config, &chosen)?;
        let lookups = lookups((embed, index), rerank, &library);
        let qa = config.qa.build(&config.models).map_err(|why| anyhow!("[qa]: {why}"))?;
        let qa = AdapterSlot::new(qa);
        let (model, fallback_model) = models(&config, &qa)?;
        let builder = adapter_builder(&config, readers.clone(), lookups.clone());
        let engine = Engine {
            speech: AdapterSlot::new(speech),
            attachments: Arc::new(SandboxedReader::new(readers)),
            document_files: Arc::new(KeptFiles::new(store.clone(), library.clone())),
            lookup: Arc::new(lookups),
            model,
            fallback_model,
            budget: config.budget.clone(),
            retrieve: config.retrieve.clone(),
            layout: PromptLayout::default(),
        };
        let secrets = secrets(&config, store.is_shared())?;
        let shared = store.is_shared().then_some((&store, &*secrets));
        let data = config.data_folder();
        let admin_key = config.http.admin_key(data, shared).await?;
        let desk = Desk {
            store,
            engine,
            library,
            bots: Bots::default(),
            numbers: no_numbers(&config, &secrets),
            model_choices: ModelChoices::new(secrets, builder),
            local_models: local_models(&config, qa),
            intake: config.worker.intake(),
            max_file_bytes: config.worker.max_file_bytes(),
            message_prices: config.message_prices.clone(),
            base_url: config.http.base_url(),
            notifier: Arc::default(),
        };
        desk.reload_models().await?;
        let skipped = prompt_files::load(&desk, &config, prompts).await?;
        if prompts != Prompts::Leave {
            numbers::connect(&desk, &config, &skipped).await?;
            desk.reload_numbers().await?;
        }
        let desk = Arc::new(desk);
        let jobs = Jobs::new(desk.clone(), config.suites().map_err(|why| anyhow!(why))?, data);
        Ok(Self { desk, admin_key, jobs, open_files, config })
    }

    /// Checks that a prompt file names collections that exist.
    pub async fn check_knowledge(&self, name: &str, source: &str) -> anyhow::Result<()> {
        let known = collections(&self.desk, &self.config).await?;
        Ok(prompts::parse(name, source)?.check_knowledge((name, source), &known)?)
    }

    /// Learns the documents of the configured folder (or the demo's) and loads the index. Skips
    /// collections whose changes have to pass a gate.
    pub async fn learn(&self, progress: &dyn Progress) -> anyhow::Result<Summary> {
        let mut all = Summary::default();
        self.desk.library.sync_index().await?;
        for folder in self.folders_at_start().await? {
            if self.awaits_gate(&folder.collection).await? {
                continue;
            }
            let one = self.desk.library.learn_changes(folder, progress).await?;
            all.learned += one.learned;
            all.chunks += one.chunks;
            all.unchanged += one.unchanged;
            all.removed += one.removed;
            all.failed.extend(one.failed);
            all.warnings.extend(one.warnings);
        }
        self.desk.library.sync_index().await?;
        self.desk.reload_answers().await?;
        Ok(all)
    }

    /// Returns the folders that are learned at every start, and records which collections have one:
    /// those of the configuration, or what is left of the demo.
    pub async fn folders_at_start(&self) -> anyhow::Result<Vec<SourceFolder>> {
        let mut left = Vec::new();
        for mut folder in source_folders(&self.config)? {
            if is_demo_folder(&self.config, &folder) {
                if self.desk.keep_of_demo(&mut folder).await? {
                    left.push(folder);
                    continue;
                }
                // An agent that came after the demo was removed answers from this copy of it.
                let is_read = !self.desk.readers(&folder.collection).await?.is_empty();
                if is_built_in(&self.config) || !is_read {
                    continue;
                }
            }
            self.desk.library.set_origin(&folder.collection, CollectionOrigin::Folder);
            left.push(folder);
        }
        Ok(left)
    }

    /// Whether a collection's documents changed and have to pass a gate first. Logs a warning if
    /// so; the documents in use stay.
    async fn awaits_gate(&self, collection: &str) -> anyhow::Result<bool> {
        let guards = self.desk.guards(collection).await?;
        let Some((agent, _)) = guards.first() else { return Ok(false) };
        let id = self.desk.store.collection(collection).await?;
        let documents = self.desk.store.documents(&id, 0).await?;
        // An empty collection cannot get worse, so no gate applies.
        if !documents.iter().any(|row| row.state == DocumentState::Ready) {
            return Ok(false);
        }
        let found = self.folders_at_start().await?;
        let found = found.into_iter().find(|folder| folder.collection == collection);
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

    /// Serves until `shutdown` completes, then finishes the work in progress.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        self.desk.store.release_stale_leases().await?;
        // Skipped while another live process tries staged documents.
        if self.desk.store.hold(HoldName::Staging, 60_000).await? {
            self.desk.library.unstage_all().await?;
            self.desk.store.hold(HoldName::Staging, 0).await?;
        }
        // The cause of a number's failure may be fixed by now: the first send shows.
        for number in self.desk.numbers.all() {
            self.desk.store.set_number_state(&number.id, NumberState::Ready, None).await?;
        }
        let model = self.desk.engine.model.clone();
        model.settled().await;
        let worker = Worker::start(&self.desk, &self.config.worker);
        let looks = tokio::spawn(self.jobs.clone().run_maintenance());
        let desk = self.desk.clone();
        let web = self.web();
        let upkeep = tokio::spawn(telemetry::run_upkeep(web.metrics.clone()));
        let served = http::serve(web, listener, shutdown);
        served_or_looking(served, &model).await.context("the web server ended")?;
        tracing::info!("finishing what is under way");
        looks.abort();
        upkeep.abort();
        worker.stop().await;
        desk.store.close().await;
        Ok(())
    }

    /// Serves the API only, for the sandbox chat. Takes no work from the queues.
    pub async fn serve_sandbox(self, listener: TcpListener) -> anyhow::Result<()> {
        let model = self.desk.engine.model.clone();
        let served = http::serve(self.web(), listener, std::future::pending());
        served_or_looking(served, &model).await.context("the web server ended")
    }

    fn web(self) -> http::Web {
        http::Web {
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

/// Looks for a model while the server runs.
async fn served_or_looking<T>(served: impl Future<Output = T>, model: &ModelSource) -> T {
    tokio::select! {
        served = served => served,
        never = model.keep_looking() => match never {},
    }
}

/// Returns the names of all collections: those of the database, and those of the folders, except
/// what was removed of the demo.
async fn collections(desk: &Desk, config: &Config) -> anyhow::Result<BTreeSet<String>> {
    let stored = desk.store.collections().await?.into_iter().map(|row| row.slug);
    let all = desk.store.all_collections().await?;
    let is_new = |folder: &SourceFolder| all.iter().all(|row| row.slug != folder.collection);
    let folders = source_folders(config)?
        .into_iter()
        .filter(|folder| !is_built_in(config) || is_new(folder))
        .map(|folder| folder.collection);
    Ok(stored.chain(folders).collect())
}

/// Whether the built-in demo shop is used: neither configured folder exists.
pub fn is_built_in(config: &Config) -> bool {
    !config.files.prompts.is_dir() && !config.files.knowledge.is_dir()
}

/// Whether a source folder is the demo's: the built-in one, or an unchanged copy of it.
fn is_demo_folder(config: &Config, folder: &SourceFolder) -> bool {
    is_built_in(config) || demo::is_copy(&config.files.knowledge, folder)
}

/// Returns the documents of the configured folder (or the demo's), one source folder per
/// collection.
pub fn source_folders(config: &Config) -> anyhow::Result<Vec<SourceFolder>> {
    if is_built_in(config) {
        return Ok(demo::folders());
    }
    let folder = &config.files.knowledge;
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    SourceFolder::find(folder, None)
        .with_context(|| format!("cannot read the folder {}", folder.display()))
}
