//! Puts the chosen models to use, in this process and when another one changes them.
//! `embedder_switch.rs` replaces the embedder.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::adapter_builder::{AdapterBuilder, Construction};
use super::embedder_switch::EmbedderSwitch;
use super::{Desk, ModelScope};
use crate::domain::{AgentId, ModelProvider, ModelRole, ModelTask, What};
use crate::llm::Model;
use crate::models::ModelSetting;
use crate::pipeline::LiveLookup;
use crate::rerank::Reranker;
use crate::secrets::Secrets;
use crate::store;
use crate::store::model_choices::ModelChoiceRow;

/// Keeps the keys of chosen models, builds their adapters, and knows what was loaded last.
#[derive(Default)]
pub struct ModelChoices {
    secrets: Option<Arc<Secrets>>,
    builder: Option<Arc<AdapterBuilder>>,
    /// What was loaded last. The lock serializes loads: an older read must not replace a newer one.
    loaded: Mutex<Vec<JudgedRow>>,
    /// The embedder that replaces the one in use.
    pub(super) embedder: EmbedderSwitch,
    /// Held while the lookups in use are renewed.
    renewal: StdMutex<()>,
    /// Why choices cannot be used.
    problems: RwLock<HashMap<ModelScope, String>>,
}

/// A stored choice, and why it cannot be used.
type JudgedRow = (ModelChoiceRow, Option<String>);

/// What the choices of a task say.
type ScopedSettings = Vec<(ModelScope, Result<ModelSetting, String>)>;

/// The adapters of a task: of the workspace, and of agents.
type BuiltAdapters<A> = (Arc<A>, HashMap<AgentId, Arc<A>>);

impl ModelChoices {
    /// Creates it with nothing loaded.
    pub fn new(secrets: Arc<Secrets>, builder: AdapterBuilder) -> Self {
        Self { secrets: Some(secrets), builder: Some(Arc::new(builder)), ..Self::default() }
    }

    pub(super) fn secrets(&self) -> Result<&Secrets, String> {
        self.secrets.as_deref().ok_or_else(|| "this process keeps no keys".to_owned())
    }

    pub(super) fn builder(&self) -> Result<&Arc<AdapterBuilder>, String> {
        self.builder.as_ref().ok_or_else(|| "this process builds no models".to_owned())
    }

    /// Why the choice for a scope cannot be used; `None` if it can, or there is none.
    pub fn problem(&self, scope: &ModelScope) -> Option<String> {
        self.problems.read().unwrap_or_else(PoisonError::into_inner).get(scope).cloned()
    }

    fn set_problem(&self, scope: &ModelScope, why: String) {
        tracing::error!("{}: the model cannot be used: {why}", scope.subject());
        let mut problems = self.problems.write().unwrap_or_else(PoisonError::into_inner);
        problems.insert(scope.clone(), why);
    }

    fn forget_problems(&self, role: ModelRole) {
        let mut problems = self.problems.write().unwrap_or_else(PoisonError::into_inner);
        problems.retain(|scope, _| scope.role != role);
    }
}

impl Desk {
    /// Puts the models to use that are stored, or those of the configuration where none is.
    pub async fn reload_models(&self) -> store::Result<()> {
        if self.model_choices.builder.is_none() {
            return Ok(());
        }
        let mut loaded = self.model_choices.loaded.lock().await;
        let judge = |row: ModelChoiceRow| {
            let is_known = loaded.iter().any(|(known, why)| *known == row && why.is_none());
            let why = if is_known { None } else { self.stored_setting(&row).err() };
            (row, why)
        };
        let rows: Vec<JudgedRow> =
            self.store.model_choices().await?.into_iter().map(judge).collect();
        let fetched = self.local_models.take_fetched();
        let mut has_changed = fetched.contains(&ModelTask::QuestionAnswering);
        if has_changed {
            self.renew_qa().await;
        }
        for &role in ModelRole::ALL {
            let of_role = |(row, _): &&JudgedRow| row.role == role;
            // A key or a missing model that is found again is a change, too.
            let is_same = rows.iter().filter(of_role).eq(loaded.iter().filter(of_role));
            let is_fetched = fetched.iter().any(|task| task.role() == Some(role));
            if is_same && !is_fetched {
                continue;
            }
            has_changed = true;
            let wanted = rows.iter().filter(of_role).map(|(row, _)| row);
            let wanted = wanted.map(|row| (ModelScope::of(row), self.stored_setting(row)));
            self.use_models(role, wanted.collect()).await;
        }
        *loaded = rows;
        if has_changed {
            self.notifier.announce(What::Models);
        }
        Ok(())
    }

    async fn use_models(&self, role: ModelRole, wanted: ScopedSettings) {
        self.model_choices.forget_problems(role);
        for (scope, setting) in &wanted {
            if let Ok(ModelSetting { provider, model, .. }) = setting {
                tracing::info!(%provider, model, "{}: another model was chosen", scope.subject());
            }
        }
        if wanted.is_empty() {
            tracing::info!("{role}: the configuration decides");
        }
        match role {
            ModelRole::Chat => self.use_chat_models(wanted),
            ModelRole::Embeddings => {
                let (embed, _) = self.built(role, wanted, AdapterBuilder::EMBEDDER).await;
                self.use_embedder(embed).await;
            }
            ModelRole::Speech => {
                let (all, own) = self.built(role, wanted, AdapterBuilder::TRANSCRIBER).await;
                self.engine.speech.replace(all, own);
            }
            ModelRole::Reranking => {
                let built = self.built(role, wanted, AdapterBuilder::RERANKER).await;
                self.renew_lookups(Some(built));
            }
        }
    }

    /// Uses the question answering model that was fetched.
    async fn renew_qa(&self) {
        let Ok(builder) = self.model_choices.builder().cloned() else { return };
        let built = tokio::task::spawn_blocking(move || builder.qa.build(&builder.models));
        match built.await.map_err(|broken| broken.to_string()) {
            Ok(Ok(model)) => self.local_models.replace_qa(model),
            Ok(Err(why)) | Err(why) => tracing::error!("[qa]: {why}"),
        }
    }

    fn use_chat_models(&self, wanted: ScopedSettings) {
        for (scope, setting) in &wanted {
            if let Err(why) = setting {
                self.model_choices.set_problem(scope, why.clone());
            }
        }
        let (own, all): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(scope, _)| scope.agent.is_some());
        self.engine.model.choose(all.into_iter().next().map(|(_, setting)| setting));
        let own = own.into_iter().filter_map(|(scope, setting)| Some((scope.agent?, setting)));
        self.engine.model.choose_for_agents(own);
    }

    /// Builds the adapters of a task: those that were chosen, and the configuration's for the
    /// workspace if none was.
    async fn built<A: ?Sized + Send + Sync + 'static>(
        &self,
        role: ModelRole,
        wanted: ScopedSettings,
        construction: Construction<A>,
    ) -> BuiltAdapters<A> {
        let (mut default, mut of_agents) = (None, HashMap::new());
        for (scope, setting) in wanted {
            let adapter = self.adapter(&scope, setting.map(Some), construction).await;
            match scope.agent {
                Some(agent) => drop(of_agents.insert(agent, adapter)),
                None => default = Some(adapter),
            }
        }
        let default = match default {
            Some(adapter) => adapter,
            None => self.adapter(&ModelScope::workspace(role), Ok(None), construction).await,
        };
        (default, of_agents)
    }

    /// Builds one adapter. If it cannot be used there is none: another one might send the customers'
    /// words elsewhere.
    async fn adapter<A: ?Sized + Send + Sync + 'static>(
        &self,
        scope: &ModelScope,
        setting: Result<Option<ModelSetting>, String>,
        Construction { build, off }: Construction<A>,
    ) -> Arc<A> {
        let built = async {
            let (setting, builder) = (setting?, self.model_choices.builder()?.clone());
            // Reading a local model takes a while.
            let built = tokio::task::spawn_blocking(move || build(&builder, setting.as_ref()));
            built.await.map_err(|broken| broken.to_string())?
        };
        built.await.unwrap_or_else(|why| {
            self.model_choices.set_problem(scope, why);
            off()
        })
    }

    /// Renews the lookups in use with the library's embedder and index, and with these rerankers or
    /// those in use.
    pub(super) fn renew_lookups(&self, rerankers: Option<BuiltAdapters<dyn Reranker>>) {
        let Ok(builder) = self.model_choices.builder() else { return };
        // What reads and replaces them is one at a time.
        let renewal = &self.model_choices.renewal;
        let _renewal = renewal.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, of_agents) = builder.lookups.all();
        let (rerank, own) = rerankers.unwrap_or_else(|| {
            let own = of_agents.into_iter().map(|(agent, live)| (agent, live.rerank.clone()));
            (now.rerank.clone(), own.collect())
        });
        let space = self.library.space();
        let with = |rerank| {
            let (embed, index) = (space.embed.clone(), space.index.clone());
            Arc::new(LiveLookup { embed, index, rerank, ..(*now).clone() })
        };
        let own = own.into_iter().map(|(agent, rerank)| (agent, with(rerank))).collect();
        builder.lookups.replace(with(rerank), own);
    }

    /// Whether the budget limits money though what a model in use costs is not known, so that it is
    /// not limited.
    pub fn is_unlimited(&self) -> bool {
        let source = &self.engine.model;
        let own = self.bots.all().into_iter().map(|bot| source.of(&bot.agent));
        let mut models = std::iter::once(source.current()).chain(own);
        let is_priced = |model: Arc<dyn Model>| model.kind(model.default_model()).is_priced();
        self.engine.budget.limits_money() && !models.all(is_priced)
    }

    /// Checks that a model could be used; connects to nothing.
    pub(super) fn check_setting(
        &self,
        role: ModelRole,
        setting: &ModelSetting,
    ) -> Result<(), String> {
        let builder = self.model_choices.builder()?;
        match (role, setting.provider) {
            (_, ModelProvider::Off) => Ok(()),
            (_, ModelProvider::Local) => builder.check_local(role, &setting.model),
            (ModelRole::Chat, _) => self.engine.model.check(setting),
            (ModelRole::Embeddings, _) => builder.embedder(Some(setting)).map(drop),
            (ModelRole::Speech, _) => builder.transcriber(Some(setting)).map(drop),
            (ModelRole::Reranking, _) => builder.reranker(Some(setting)).map(drop),
        }
    }

    /// Whether the configuration has the desk call this address, so that it is no secret place.
    pub(super) fn is_configured_address(&self, role: ModelRole, base_url: &str) -> bool {
        self.engine.model.is_configured_address(base_url)
            || self.model_choices.builder().is_ok_and(|builder| builder.calls(role, base_url))
    }
}
