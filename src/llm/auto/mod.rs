//! Finds the model by itself: `OPENAI_API_KEY`, else a server on this machine, else none. Must not
//! contact a place that the owner did not set up: the hosted endpoint only with the key that is set
//! for this process, otherwise this machine alone.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_endpoint::{Access, OPENAI};
use secrecy::SecretString;
use serde::Deserialize;

use super::discovery::{Discovery, ModelOrigin};
use super::openai::{self, Openai, is_plain, same_model, writes_answers};
use super::{Model, extractive};

mod choice;
mod local;
mod local_model;

use local_model::LocalModel;

/// The variable with the key of the hosted endpoint.
const KEY: &str = "OPENAI_API_KEY";
/// The variable with its URL; without it, OpenAI's.
const BASE_URL: &str = "OPENAI_BASE_URL";
/// Shortest time between two looks, in milliseconds.
const MIN_LOOK_MS: u32 = 50;

/// Settings of the search for a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Ports of this machine that are asked for a server, the preferred one first.
    ports: Vec<u16>,
    /// Milliseconds between two looks while no model is in use.
    look_ms: u32,
    /// The endpoint that the environment names.
    #[serde(skip)]
    hosted: Option<Box<openai::Settings>>,
}

impl Default for Settings {
    fn default() -> Self {
        // Ollama, LM Studio, vLLM, llama.cpp.
        Self { ports: vec![11434, 1234, 8000, 8080], look_ms: 30_000, hosted: None }
    }
}

impl Settings {
    /// Takes the key and the URL that OpenAI's own clients read.
    pub(super) fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        self.hosted = set(KEY).map(|key| {
            let base_url = set(BASE_URL).unwrap_or_else(|| OPENAI.to_owned());
            Box::new(openai::Settings::of_hosted(base_url, SecretString::from(key.trim())))
        });
    }

    pub(super) fn access(&self) -> Option<Access> {
        self.hosted.as_ref().map(|hosted| hosted.access())
    }
}

/// Finds a model, and holds the one in use.
pub(super) struct Auto {
    place: Place,
    quotes: Arc<dyn Model>,
    state: Mutex<State>,
    /// Held during a look.
    looking: tokio::sync::Mutex<()>,
}

/// Where a model is looked for.
enum Place {
    Hosted { settings: Box<openai::Settings>, endpoint: Arc<Openai> },
    Machine { ports: Vec<u16>, pause: Duration },
}

#[derive(Default)]
struct State {
    has_looked: bool,
    hosted: Option<Arc<Openai>>,
    /// The server that was found last, also when it is gone.
    local: Option<Arc<LocalModel>>,
}

impl Auto {
    /// Contacts nothing. `own_port` is the desk's, which is not asked.
    pub(super) fn new(settings: &Settings, own_port: u16) -> Result<Self, String> {
        if settings.look_ms < MIN_LOOK_MS {
            return Err(format!("look_ms must be at least {MIN_LOOK_MS} milliseconds"));
        }
        let place = if let Some(settings) = settings.hosted.clone() {
            let endpoint = Openai::new(&settings);
            let endpoint =
                endpoint.map_err(|why| format!("{KEY} and {BASE_URL} are used: {why}"))?;
            Place::Hosted { settings, endpoint: Arc::new(endpoint) }
        } else {
            let ports = settings.ports.iter().copied().filter(|port| *port != own_port).collect();
            Place::Machine { ports, pause: Duration::from_millis(settings.look_ms.into()) }
        };
        let (quotes, state, looking) =
            (Arc::new(extractive::Extractive), Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { place, quotes, state, looking })
    }

    pub(super) fn current(&self) -> Arc<dyn Model> {
        let State { hosted, local, .. } = &*self.state();
        match (hosted, local) {
            (Some(hosted), _) => hosted.clone(),
            (None, Some(local)) if !local.is_gone() => local.clone(),
            (None, _) => self.quotes.clone(),
        }
    }

    /// Looks, unless somebody did.
    pub(super) async fn look_first(&self) {
        let _one = self.looking.lock().await;
        if !self.state().has_looked {
            self.look().await;
        }
    }

    pub(super) async fn keep_looking(&self) -> Infallible {
        self.look_first().await;
        let Place::Machine { pause, .. } = self.place else { return std::future::pending().await };
        loop {
            tokio::time::sleep(pause).await;
            let _one = self.looking.lock().await;
            if self.state().local.as_ref().is_none_or(|local| local.is_gone()) {
                self.look().await;
            }
        }
    }

    pub(super) fn discovery(&self) -> Discovery {
        let state = self.state();
        let server = state.local.as_ref().map(|local| &local.server);
        let origin = match (&self.place, &state.local) {
            (Place::Hosted { .. }, _) => ModelOrigin::Environment,
            (_, None) => ModelOrigin::NotFound,
            (_, Some(local)) if local.is_gone() => ModelOrigin::Gone,
            (_, Some(_)) => ModelOrigin::Machine,
        };
        match &self.place {
            Place::Hosted { endpoint, .. } => {
                let url = endpoint.base_url().to_owned();
                Discovery { origin, asked: vec![url.clone()], url: Some(url), server: None }
            }
            Place::Machine { ports, .. } => Discovery {
                origin,
                url: server.map(local::LocalServer::base_url),
                server: server.map(|server| server.name),
                asked: ports.iter().map(|port| local::address(*port)).collect(),
            },
        }
    }

    async fn look(&self) {
        match &self.place {
            Place::Hosted { settings, endpoint } => {
                let named = name_model(settings, endpoint).await;
                let (url, model) = (named.base_url(), named.default_model());
                tracing::info!(
                    url,
                    model,
                    "{KEY} is set: messages are sent to {url}, {model} answers"
                );
                self.state().hosted = Some(named);
            }
            Place::Machine { ports, .. } => {
                let found = local::find(ports).await.and_then(|server| {
                    // Fails only if no HTTP client can be set up; the next look tries again.
                    LocalModel::new(server).map_err(|why| tracing::warn!(why, "no model")).ok()
                });
                if let Some(found) = found {
                    let url = found.server.base_url();
                    let model = &found.server.model;
                    tracing::info!(url, model, "found {model} on this machine: it answers");
                    self.state().local = Some(Arc::new(found));
                }
            }
        }
        self.state().has_looked = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the endpoint with a model that it lists. If it lists none in time, the usual one stays.
async fn name_model(settings: &openai::Settings, endpoint: &Arc<Openai>) -> Arc<Openai> {
    let listed = endpoint.list_once().await;
    let named = choice::hosted(&listed).filter(|name| *name != endpoint.default_model());
    let named = named.and_then(|name| Openai::new(&settings.clone().with_model(name)).ok());
    named.map_or_else(|| endpoint.clone(), Arc::new)
}

#[cfg(test)]
mod tests {
    use frontdesk_endpoint::scripted::{Act, ScriptedServer, crypto};

    use super::*;

    const SECRET: &str = "sk-of-the-environment";

    fn settings(key: &str, base_url: &str) -> Settings {
        let mut settings = Settings::default();
        settings.read_environment(|name| match name {
            KEY => Some(key.to_owned()),
            BASE_URL => Some(base_url.to_owned()),
            _ => None,
        });
        settings
    }

    #[test]
    fn the_environment_names_an_endpoint_only_with_a_key() {
        crypto();
        assert!(settings(" ", "https://x/v1").access().is_none());
        assert_eq!(settings(SECRET, "").access().unwrap().base_url, OPENAI);
        let named = settings(SECRET, "https://x/v1");
        assert_eq!(named.access().unwrap().base_url, "https://x/v1");
        assert!(!format!("{named:?}").contains(SECRET));
        let wrong = Auto::new(&settings(SECRET, "x/v1"), 0).err().unwrap();
        assert!(wrong.contains(BASE_URL) && !wrong.contains(SECRET), "{wrong}");
    }

    #[test]
    fn the_desks_own_port_is_not_asked() {
        let auto = Auto::new(&Settings::default(), 8080).unwrap();
        let asked = ["127.0.0.1:11434", "127.0.0.1:1234", "127.0.0.1:8000"];
        assert_eq!(auto.discovery().asked, asked);
        let busy = Settings { look_ms: 1, ..Settings::default() };
        assert!(Auto::new(&busy, 0).err().unwrap().contains("look_ms"));
    }

    #[tokio::test]
    async fn a_hosted_endpoint_is_asked_once_for_its_models() {
        for (act, model) in [
            (Act::say(r#"{"data":[{"id":"text-embedding-3"},{"id":"mine"}]}"#), "mine"),
            (Act::say(r#"{"data":[{"id":"gpt-5"},{"id":"gpt-4.1-mini"}]}"#), "gpt-4.1-mini"),
            (Act::say(r#"{"data":[{"id":"a\u001b[2J"},{"id":"b\u202e"},{"id":"c"}]}"#), "c"),
            (Act::refuse(500, &[], "oops"), "gpt-4o-mini"),
        ] {
            let server = ScriptedServer::start(vec![act]).await;
            let auto = Auto::new(&settings(SECRET, &server.url), 0).unwrap();
            assert!(!auto.current().kind("x").generates(), "nobody has looked yet");
            auto.look_first().await;
            auto.look_first().await;
            assert_eq!(auto.current().default_model(), model);
            let asked = server.received_requests();
            assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/v1/models"));
            assert_eq!(asked[0].key.as_deref(), Some("Bearer sk-of-the-environment"));
            assert_eq!(auto.discovery().origin, ModelOrigin::Environment);
        }
    }
}
