//! The models that run in this process: which are there and in use, and their downloads. A download
//! is this process's own: where several share a database, each machine has its own models.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Desk;
use super::notifier::Notifier;
use crate::domain::{ModelRole, ModelTask, PartOrigin, What};
use crate::models::{CATALOG, CatalogModel, Settings, Use, Watch};
use crate::qa::{self, QaModel};
use crate::slot::AdapterSlot;

/// How often a running download is announced.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);

/// The models of this process.
#[derive(Default)]
pub struct LocalModels {
    settings: Option<Settings>,
    /// The tasks whose model the configuration does not name: `kind = "auto"`.
    automatic: Vec<ModelTask>,
    /// The question answering model in use; `None` without one.
    qa: Option<AdapterSlot<dyn QaModel>>,
    downloads: Mutex<HashMap<&'static str, Download>>,
    /// The tasks for which a model was fetched.
    pub fetched: Arc<FetchedTasks>,
}

/// The tasks for which a model was fetched: the next reload uses it where the configuration names none.
#[derive(Default)]
pub struct FetchedTasks(Mutex<Vec<ModelTask>>);

impl FetchedTasks {
    /// Notes that a model for a task is there.
    pub fn note(&self, task: ModelTask) {
        held(&self.0).push(match task {
            // It is used with the speech model.
            ModelTask::SpeechDetection => ModelTask::Speech,
            task => task,
        });
    }
}

/// A model of this process, or one that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalModel {
    /// Its name.
    pub name: String,
    /// What it does.
    pub task: ModelTask,
    /// What it is good at; `None` for one that was imported.
    pub about: Option<String>,
    /// Its size in bytes; of one that is not there, about.
    pub bytes: u64,
    /// Whether it is there.
    pub installed: bool,
    /// Whether it is in use.
    pub in_use: bool,
    /// Bytes that came in a running download.
    pub received: Option<u64>,
    /// Why its last download failed.
    pub failure: Option<String>,
}

/// What does a task besides answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPart {
    /// The task.
    pub task: ModelTask,
    /// Name of the model; `None` if none does it.
    pub name: Option<String>,
    /// Where it comes from.
    pub origin: PartOrigin,
}

struct Download {
    progress: Arc<Progress>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Progress {
    /// Bytes that are there of each file: a broken one is begun again.
    received: Mutex<HashMap<String, u64>>,
    /// The file that comes now.
    file: Mutex<String>,
    failure: Mutex<Option<String>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch for Progress {
    fn file(&self, path: &str, had: u64, _: Option<u64>) {
        held(&self.received).insert(path.to_owned(), had);
        path.clone_into(&mut held(&self.file));
    }

    fn bytes(&self, count: u64) {
        *held(&self.received).entry(held(&self.file).clone()).or_default() += count;
    }
}

impl LocalModels {
    /// `automatic`: the tasks whose model the configuration does not name.
    /// `qa`: the question answering model in use.
    pub fn new(
        settings: Settings,
        automatic: Vec<ModelTask>,
        qa: AdapterSlot<dyn QaModel>,
    ) -> Self {
        Self { settings: Some(settings), automatic, qa: Some(qa), ..Self::default() }
    }

    /// The tasks whose model the configuration does not name and for which one was fetched since the
    /// last call.
    pub(super) fn take_fetched(&self) -> Vec<ModelTask> {
        let mut fetched = std::mem::take(&mut *held(&self.fetched.0));
        fetched.retain(|task| self.automatic.contains(task));
        fetched
    }

    /// Chooses what answers without a model quote.
    pub fn qa(&self) -> Arc<dyn QaModel> {
        self.qa.as_ref().map_or_else(qa::off, AdapterSlot::current)
    }

    /// Replaces the question answering model.
    pub(super) fn replace_qa(&self, model: Arc<dyn QaModel>) {
        if let Some(slot) = &self.qa {
            slot.replace(model, HashMap::new());
        }
    }

    /// Folder of the models.
    pub fn folder(&self) -> String {
        let folder = self.settings.as_ref().map(|settings| settings.folder().display().to_string());
        folder.unwrap_or_default()
    }

    /// The known model of this name.
    pub fn known(&self, name: &str) -> Option<&'static CatalogModel> {
        CATALOG.iter().find(|known| known.name == name)
    }

    fn downloads(&self) -> MutexGuard<'_, HashMap<&'static str, Download>> {
        held(&self.downloads)
    }

    /// Bytes received of a running download, and why the last one failed.
    fn progress(&self, name: &str) -> (Option<u64>, Option<String>) {
        let downloads = self.downloads();
        let Some(download) = downloads.get(name) else { return (None, None) };
        let received = held(&download.progress.received).values().sum();
        let failure = held(&download.progress.failure);
        ((!download.task.is_finished()).then_some(received), failure.clone())
    }
}

impl Desk {
    /// What embeds, listens, reranks and chooses quotes. `chosen`: the tasks whose model somebody
    /// chose.
    pub fn model_parts(&self, chosen: &[ModelRole]) -> Vec<ModelPart> {
        let live = self.engine.live();
        let (speech, qa) = (self.engine.speech.current(), self.local_models.qa());
        let parts = [
            (ModelTask::Embeddings, live.embed.identity()),
            (ModelTask::Speech, speech.name()),
            (ModelTask::Reranking, live.rerank.identity()),
            (ModelTask::QuestionAnswering, qa.identity()),
        ];
        let part = |(task, name): (ModelTask, Option<&str>)| {
            let is_automatic = self.local_models.automatic.contains(&task);
            let is_chosen = task.role().is_some_and(|role| chosen.contains(&role));
            let origin = match (name, is_automatic) {
                _ if is_chosen => PartOrigin::Console,
                (None, _) => PartOrigin::Off,
                (Some(_), true) => PartOrigin::Found,
                (Some(_), false) => PartOrigin::Configuration,
            };
            ModelPart { task, name: name.map(ToOwned::to_owned), origin }
        };
        parts.into_iter().map(part).collect()
    }

    /// The names of all models besides those that answer: the workspace's and those of single agents.
    fn names_in_use(&self) -> Vec<String> {
        let parts = self.model_parts(&[]).into_iter().filter_map(|part| part.name);
        let (_, speech) = self.engine.speech.all();
        let speech = speech.values().filter_map(|own| own.name().map(ToOwned::to_owned));
        let rerankers = self.bots.all().into_iter().filter_map(|bot| {
            let live = self.engine.lookup.live(Some(&bot.agent.id));
            live.rerank.identity().map(ToOwned::to_owned)
        });
        parts.chain(speech).chain(rerankers).collect()
    }

    /// The models that are there, and those that can be fetched.
    pub fn list_local_models(&self) -> Vec<LocalModel> {
        let local = &self.local_models;
        let Some(settings) = &local.settings else { return Vec::new() };
        let names = self.names_in_use();
        let uses = |name: &str| {
            let names = names.iter().map(String::as_str);
            names.flat_map(|used| used.split(['/', ' ', ','])).any(|word| word == name)
        };
        let there = settings.list();
        let known = |name: &str| CATALOG.iter().find(|known| known.name == name);
        let mut all: Vec<LocalModel> = there
            .iter()
            .map(|found| LocalModel {
                task: task(found.purpose),
                about: known(&found.name).map(|known| known.about.to_owned()),
                bytes: found.size,
                installed: true,
                in_use: uses(&found.name),
                received: None,
                failure: None,
                name: found.name.clone(),
            })
            .collect();
        let missing = CATALOG.iter().filter(|known| !there.iter().any(|it| it.name == known.name));
        all.extend(missing.map(|known| {
            let (received, failure) = local.progress(known.name);
            LocalModel {
                name: known.name.to_owned(),
                task: task(known.purpose),
                about: Some(known.about.to_owned()),
                bytes: known.bytes(),
                installed: false,
                in_use: false,
                received,
                failure,
            }
        }));
        all
    }

    /// Downloads a model in the background, unless that is under way. False if it is there already.
    pub fn fetch_local_model(&self, known: &'static CatalogModel) -> bool {
        let Some(settings) = self.local_models.settings.clone() else { return false };
        if settings.found(known.name).is_some() {
            return false;
        }
        let mut downloads = self.local_models.downloads();
        if downloads.get(known.name).is_some_and(|download| !download.task.is_finished()) {
            return true;
        }
        let (progress, notifier) = (Arc::<Progress>::default(), self.notifier.clone());
        let fetched = self.local_models.fetched.clone();
        let task = tokio::spawn(download(settings, known, (progress.clone(), fetched), notifier));
        downloads.insert(known.name, Download { progress, task });
        true
    }

    /// Cancels a download. What came is kept. False if there is none.
    pub async fn cancel_local_model(&self, name: &str) -> bool {
        let Some(download) = self.local_models.downloads().remove(name) else { return false };
        let runs = !download.task.is_finished();
        download.task.abort();
        // The lock on its folder is free when the task has ended.
        drop(download.task.await);
        self.notifier.announce(What::Models);
        runs
    }
}

async fn download(
    settings: Settings,
    known: &'static CatalogModel,
    (progress, fetched_tasks): (Arc<Progress>, Arc<FetchedTasks>),
    notifier: Arc<Notifier>,
) {
    let fetching = settings.fetch(known, &*progress);
    let telling = async {
        loop {
            notifier.announce(What::Models);
            tokio::time::sleep(ANNOUNCE_INTERVAL).await;
        }
    };
    let fetched = tokio::select! {
        fetched = fetching => fetched,
        () = telling => return,
    };
    match fetched {
        Ok(_) => {
            tracing::info!("the model {} was fetched", known.name);
            fetched_tasks.note(task(known.purpose));
        }
        Err(why) => {
            tracing::warn!("the model {} was not fetched: {why}", known.name);
            *held(&progress.failure) = Some(why);
        }
    }
    notifier.announce(What::Models);
}

fn task(purpose: Use) -> ModelTask {
    match purpose {
        Use::Embed => ModelTask::Embeddings,
        Use::Rerank => ModelTask::Reranking,
        Use::Listen => ModelTask::Speech,
        Use::Voices => ModelTask::SpeechDetection,
        Use::AnswerQuestions => ModelTask::QuestionAnswering,
    }
}
