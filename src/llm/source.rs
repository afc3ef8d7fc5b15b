//! Where a turn's model comes from: the one that somebody chose while the desk runs, else the
//! configured one or the one that was found last. Must not write answers: a turn takes its model
//! once and keeps it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::auto::Auto;
use super::discovery::Discovery;
use super::openai;
use super::trial::ChatTrial;
use super::{Model, Settings};
use crate::domain::{Agent, AgentId};
use crate::models::ModelSetting;

/// The model in use; another one may be in use later.
#[derive(Clone)]
pub struct ModelSource {
    source: Source,
    /// What the configuration says about models and addresses.
    configured: Arc<Configuration>,
    /// The model that wins over the configuration, and how it is described.
    choice: watch::Sender<Option<DescribedModel>>,
    /// The models that were chosen for single agents.
    of_agents: Arc<RwLock<HashMap<AgentId, DescribedModel>>>,
}

/// A model and how it was chosen.
type DescribedModel = (Arc<dyn Model>, Discovery);

#[derive(Clone)]
enum Source {
    Fixed(Arc<dyn Model>),
    Auto(Arc<Auto>),
}

impl Source {
    fn now(&self) -> (Arc<dyn Model>, Discovery) {
        match self {
            Self::Fixed(model) => (model.clone(), Discovery::configured()),
            Self::Auto(auto) => auto.now(),
        }
    }
}

/// What the configuration says about models and addresses.
pub(super) struct Configuration {
    /// What quotes the documents while the chosen model cannot be used.
    pub(super) quotes: Arc<dyn Model>,
    /// The configured endpoint, with the prices; the usual values without one.
    pub(super) endpoint: openai::Settings,
    /// The addresses that the desk calls because of it.
    pub(super) addresses: Vec<String>,
}

impl Default for Configuration {
    fn default() -> Self {
        let quotes = Settings::without_model(crate::qa::off());
        Self { quotes, endpoint: openai::Settings::default(), addresses: Vec::new() }
    }
}

impl ModelSource {
    /// A model that stays the same unless one is chosen.
    pub fn fixed(model: Arc<dyn Model>) -> Self {
        Self::over(Source::Fixed(model), Configuration::default())
    }

    pub(super) fn auto(auto: Auto) -> Self {
        Self::over(Source::Auto(Arc::new(auto)), Configuration::default())
    }

    fn over(source: Source, configured: Configuration) -> Self {
        let choice = watch::Sender::new(None);
        Self { source, configured: Arc::new(configured), choice, of_agents: Arc::default() }
    }

    pub(super) fn with(self, configured: Configuration) -> Self {
        Self { configured: Arc::new(configured), ..self }
    }

    /// Returns the model in use. Until [`Self::settled`] has looked for one, `kind = "auto"` quotes
    /// the documents.
    pub fn current(&self) -> Arc<dyn Model> {
        self.now().0
    }

    /// Returns the model in use, and looks for one first if nobody has. Returns within seconds.
    pub async fn settled(&self) -> Arc<dyn Model> {
        if let Source::Auto(auto) = &self.source
            && !self.is_overridden()
        {
            auto.look_first().await;
        }
        self.current()
    }

    /// Looks for a model again and again, while none is in use. Never ends.
    pub async fn keep_looking(&self) -> Infallible {
        let Source::Auto(auto) = &self.source else { return std::future::pending().await };
        let mut changes = self.choice.subscribe();
        loop {
            // The sender lives as long as `self`, so waiting does not fail.
            drop(changes.wait_for(Option::is_none).await);
            tokio::select! {
                never = auto.keep_looking() => match never {},
                _ = changes.wait_for(Option::is_some) => {}
            }
        }
    }

    /// Returns the model that would be in use if nobody had chosen one.
    pub fn configured(&self) -> Arc<dyn Model> {
        self.source.now().0
    }

    /// Returns how the model in use was chosen.
    pub fn discovery(&self) -> Discovery {
        self.now().1
    }

    /// Returns the model in use and how it was chosen, both of the same moment.
    pub fn now(&self) -> (Arc<dyn Model>, Discovery) {
        if let Some(choice) = &*self.choice.borrow() {
            return choice.clone();
        }
        self.source.now()
    }

    /// Lets this model answer from the next turn on, whatever the configuration says; `None` for the
    /// configuration's. One that cannot be used, with the reason, is not replaced by another that
    /// would get the customers' messages: the documents are quoted.
    pub fn choose(&self, setting: Option<Result<ModelSetting, String>>) {
        self.choice.send_replace(setting.map(|setting| self.built(setting)));
    }

    /// Lets these models answer for single agents from their next turns on, as [`Self::choose`].
    pub fn choose_for_agents(
        &self,
        settings: impl IntoIterator<Item = (AgentId, Result<ModelSetting, String>)>,
    ) {
        let built = settings.into_iter().map(|(agent, setting)| (agent, self.built(setting)));
        let built = built.collect();
        *self.of_agents.write().unwrap_or_else(PoisonError::into_inner) = built;
    }

    fn built(&self, setting: Result<ModelSetting, String>) -> DescribedModel {
        let model = setting.and_then(|setting| {
            let model = setting.build(&self.configured.endpoint)?;
            Ok((model as Arc<dyn Model>, Discovery::console(setting.base_url)))
        });
        let quotes = self.configured.quotes.clone();
        model.unwrap_or_else(|why| (quotes, Discovery::unusable(why)))
    }

    /// Returns the model of an agent. One whose settings name a model keeps the name, and asks the
    /// workspace's endpoint.
    pub fn of(&self, agent: &Agent) -> Arc<dyn Model> {
        let own = self.of_agents.read().unwrap_or_else(PoisonError::into_inner);
        let own = own.get(&agent.id).filter(|_| agent.model.is_empty());
        own.map_or_else(|| self.current(), |(model, _)| model.clone())
    }

    /// Checks that a model could be chosen; connects to nothing.
    pub fn check(&self, setting: &ModelSetting) -> Result<(), String> {
        setting.build(&self.configured.endpoint).map(drop)
    }

    /// Whether somebody chose the model in use.
    pub fn is_overridden(&self) -> bool {
        self.choice.borrow().is_some()
    }

    /// Whether the configuration has the desk call this address, so that it is no secret place.
    pub fn is_configured_address(&self, base_url: &str) -> bool {
        self.configured.addresses.iter().any(|one| one == base_url)
    }

    /// The tokens of a text that a model reads, and what it costs in millionths of a dollar, if its
    /// price is configured.
    pub fn cost_of_input(&self, model: &str, text: &str) -> (u64, Option<u64>) {
        self.configured.endpoint.cost_of_input(model, text)
    }

    /// Asks a model for one sentence, once. The error has the endpoint's words.
    pub async fn try_out(&self, setting: &ModelSetting) -> Result<ChatTrial, String> {
        setting.try_out(&self.configured.endpoint).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ModelProvider;
    use crate::llm::ModelOrigin;

    fn quotes() -> Arc<dyn Model> {
        Settings::without_model(crate::qa::off())
    }

    fn setting(base_url: &str) -> ModelSetting {
        ModelSetting {
            provider: ModelProvider::Compatible,
            base_url: base_url.to_owned(),
            model: "mine".to_owned(),
            api_key: None,
            trusted: false,
        }
    }

    #[test]
    fn what_is_chosen_wins_until_it_is_removed_and_a_broken_choice_calls_nobody() {
        frontdesk_endpoint::scripted::crypto();
        let source = Settings::Extractive {}.build(0, quotes()).unwrap();
        let before = source.current();
        source.clone().choose(Some(Ok(setting("https://8.8.8.8/v1"))));
        let (model, discovery) = source.now();
        assert_eq!((model.default_model(), discovery.origin), ("mine", ModelOrigin::Console));
        assert!(before.default_model() != "mine", "a turn keeps its model");
        source.choose(Some(Err("its key is lost".into())));
        let (model, discovery) = source.now();
        assert!(!model.kind("mine").generates());
        assert!(discovery.to_string().contains("its key is lost"), "{discovery}");
        source.choose(None);
        assert_eq!(source.discovery().origin, ModelOrigin::Configured);
    }

    #[test]
    fn addresses_of_the_configuration_are_known_and_their_neighbours_are_not() {
        let auto: Settings = serde_json::from_value(serde_json::json!({
            "kind": "auto", "ports": [11434, 8080]
        }))
        .unwrap();
        let source = auto.build(8080, quotes()).unwrap();
        assert!(source.is_configured_address("http://127.0.0.1:11434/v1"));
        for other in
            ["http://127.0.0.1:8080/v1", "http://127.0.0.1:11434/api", "http://127.0.0.1:6379/v1"]
        {
            assert!(!source.is_configured_address(other), "{other}");
        }
    }
}
