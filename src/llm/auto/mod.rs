//! Finds the model by itself: `OPENAI_API_KEY`, else a server on this machine, else none. Must not
//! contact a place that the owner did not set up: the hosted endpoint only with the key that is set
//! for this process, otherwise this machine alone.

use std::convert::Infallible;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_endpoint::{Access, OPENAI};
use secrecy::SecretString;
use serde::Deserialize;

use super::Model;
use super::discovery::{Discovery, ModelOrigin};
use super::openai::{self, Openai, is_plain, same_model, writes_answers};

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
/// Up to this the time between two looks doubles while a hosted endpoint lists no models.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// Settings of the search for a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Ports of this machine that are asked for a server, the preferred one first.
    ports: Vec<u16>,
    /// Milliseconds between two looks while no model is in use, or its endpoint has not listed it.
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
    pub(super) fn read_environment(&mut self, variable: impl Fn(&str) -> Option<OsString>) {
        // A value that is no text is a mistake to be told, not a variable that is not set: without
        // its URL the messages would go to OpenAI.
        let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
        let set = |name| text(name).filter(|value| !value.trim().is_empty());
        self.hosted = set(KEY).map(|key| {
            let base_url = set(BASE_URL).unwrap_or_else(|| OPENAI.to_owned());
            Box::new(openai::Settings::of_hosted(base_url, SecretString::from(key.trim())))
        });
    }

    /// URLs of the servers of this machine that are asked; none with an endpoint of the environment.
    pub(super) fn addresses(&self, own_port: u16) -> Vec<String> {
        let is_asked = |port: &u16| self.hosted.is_none() && *port != own_port;
        let ports = self.ports.iter().copied().filter(is_asked);
        ports.map(|port| format!("http://{}/v1", local::address(port))).collect()
    }

    pub(super) fn access(&self) -> Option<Access> {
        self.hosted.as_ref().map(|hosted| hosted.access())
    }
}

/// Finds a model, and holds the one in use.
pub(super) struct Auto {
    scope: SearchScope,
    /// Time between two looks.
    pause: Duration,
    quotes: Arc<dyn Model>,
    state: Mutex<State>,
    /// Held during a look.
    looking: tokio::sync::Mutex<()>,
}

/// Where a model is looked for.
enum SearchScope {
    Hosted {
        settings: Box<openai::Settings>,
        endpoint: Arc<Openai>,
    },
    Machine {
        ports: Vec<u16>,
    },
    /// Nowhere: the owner wanted the endpoint that the environment names, and it cannot be used.
    Unusable {
        why: String,
    },
}

#[derive(Default)]
struct State {
    has_looked: bool,
    hosted: Option<Arc<Openai>>,
    /// Whether the hosted endpoint has listed its models.
    has_listed: bool,
    /// The server that was found last, also when it is gone.
    local: Option<Arc<LocalModel>>,
}

impl Auto {
    /// Contacts nothing. `quotes` answers while no model is found. `own_port` is the desk's, which is not asked. An endpoint that cannot be
    /// used is no error: documents can be learned and quoted without it.
    pub(super) fn new(
        settings: &Settings,
        own_port: u16,
        quotes: Arc<dyn Model>,
    ) -> Result<Self, String> {
        if settings.look_ms < MIN_LOOK_MS {
            return Err(format!("look_ms must be at least {MIN_LOOK_MS} milliseconds"));
        }
        let scope = if let Some(settings) = settings.hosted.clone() {
            match Openai::new(&settings) {
                Ok(endpoint) => SearchScope::Hosted { settings, endpoint: Arc::new(endpoint) },
                Err(why) => {
                    let why = format!("{KEY} is set, but it or {BASE_URL} cannot be used: {why}");
                    tracing::warn!("{why}; no model is used, answers quote the documents");
                    SearchScope::Unusable { why }
                }
            }
        } else {
            let ports = settings.ports.iter().copied().filter(|port| *port != own_port).collect();
            SearchScope::Machine { ports }
        };
        Ok(Self {
            scope,
            pause: Duration::from_millis(settings.look_ms.into()),
            quotes,
            state: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        })
    }

    /// Returns the model in use and how it was chosen, both of the same moment.
    pub(super) fn now(&self) -> (Arc<dyn Model>, Discovery) {
        let State { hosted, local, .. } = &*self.state();
        let quotes = self.quotes.clone();
        let not_found = Discovery { origin: ModelOrigin::NotFound, ..Discovery::configured() };
        match &self.scope {
            SearchScope::Hosted { endpoint, .. } => {
                let origin = ModelOrigin::Environment;
                let url = endpoint.base_url().to_owned();
                let asked = vec![url.clone()];
                let discovery = Discovery { origin, asked, url: Some(url), ..not_found };
                let hosted = hosted.clone().map(|hosted| hosted as Arc<dyn Model>);
                (hosted.unwrap_or(quotes), discovery)
            }
            SearchScope::Machine { ports } => {
                let asked = ports.iter().map(|port| local::address(*port)).collect();
                let Some(local) = local else {
                    return (quotes, Discovery { asked, ..not_found });
                };
                let (url, server) = (Some(local.server.base_url()), Some(local.server.name));
                let (model, origin): (Arc<dyn Model>, _) = if local.is_gone() {
                    (quotes, ModelOrigin::Gone)
                } else {
                    (local.clone(), ModelOrigin::Machine)
                };
                (model, Discovery { origin, url, server, asked, ..not_found })
            }
            SearchScope::Unusable { why } => {
                (quotes, Discovery { problem: Some(why.clone()), ..not_found })
            }
        }
    }

    /// Looks, unless somebody did.
    pub(super) async fn look_first(&self) {
        // A turn must not wait for a later look.
        if self.state().has_looked {
            return;
        }
        let _one = self.looking.lock().await;
        if !self.state().has_looked {
            self.look().await;
        }
    }

    pub(super) async fn keep_looking(&self) -> Infallible {
        self.look_first().await;
        let mut pause = self.pause;
        loop {
            tokio::time::sleep(pause).await;
            let _one = self.looking.lock().await;
            if self.is_missing() {
                self.look().await;
            }
            // Some endpoints never list their models.
            if matches!(self.scope, SearchScope::Hosted { .. }) && pause < LONGEST_PAUSE {
                pause *= 2;
            }
        }
    }

    /// Whether another look may find a model, or a better name for it.
    fn is_missing(&self) -> bool {
        let state = self.state();
        match self.scope {
            SearchScope::Hosted { .. } => !state.has_listed,
            SearchScope::Machine { .. } => state.local.as_ref().is_none_or(|local| local.is_gone()),
            SearchScope::Unusable { .. } => false,
        }
    }

    async fn look(&self) {
        match &self.scope {
            SearchScope::Hosted { settings, endpoint } => self.ask(settings, endpoint).await,
            SearchScope::Machine { ports } => self.look_at(ports).await,
            SearchScope::Unusable { .. } => {}
        }
        self.state().has_looked = true;
    }

    /// Asks the hosted endpoint for its models. If it lists none in time, the usual one stays.
    async fn ask(&self, settings: &openai::Settings, endpoint: &Arc<Openai>) {
        let listed = endpoint.list_once().await;
        let usual = endpoint.default_model();
        let named = listed.as_ref().and_then(|listed| choice::hosted(listed));
        let named = named.filter(|name| *name != usual);
        let named = named.and_then(|name| Openai::new(&settings.clone().with_model(name)).ok());
        let named = named.map_or_else(|| endpoint.clone(), Arc::new);
        let (url, model) = (named.base_url(), named.default_model());
        let mut state = self.state();
        state.has_listed = listed.is_some();
        if state.hosted.as_ref().is_none_or(|known| known.default_model() != model) {
            tracing::info!(url, model, "{KEY} is set: messages are sent to {url}, {model} answers");
            state.hosted = Some(named);
        }
    }

    /// Asks these ports of this machine.
    async fn look_at(&self, ports: &[u16]) {
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_endpoint::scripted::{Act, ScriptedServer, crypto};

    use super::*;

    const SECRET: &str = "sk-of-the-environment";

    fn quotes() -> Arc<dyn Model> {
        crate::llm::Settings::without_model(crate::qa::off())
    }

    fn settings(key: &str, base_url: &str) -> Settings {
        let mut settings = Settings::default();
        settings.read_environment(|name| match name {
            KEY => Some(key.into()),
            BASE_URL => Some(base_url.into()),
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
    }

    #[tokio::test]
    async fn an_environment_that_cannot_be_used_is_told_and_nobody_is_asked() {
        crypto();
        let odd = format!("{SECRET}\n1");
        for (key, url, told) in [
            (SECRET, "x/v1", "not a URL"),
            (SECRET, "ftp://x/v1", "https://"),
            (SECRET, "https://joe:pw@x/v1", "user name"),
            (odd.as_str(), "https://x/v1", "characters"),
        ] {
            let auto = Auto::new(&settings(key, url), 0, quotes()).unwrap();
            auto.look_first().await;
            let (model, discovery) = auto.now();
            assert!(!model.kind("x").generates(), "{url}");
            assert!(discovery.asked.is_empty() && discovery.url.is_none(), "{discovery:?}");
            let line = discovery.to_string();
            assert!(line.contains(told) && line.contains(BASE_URL), "{line}");
            assert!(!line.contains(SECRET) && !line.contains("joe"), "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_url_that_is_no_text_does_not_count_as_missing() {
        use std::os::unix::ffi::OsStringExt;
        crypto();
        let mut settings = Settings::default();
        settings.read_environment(|name| match name {
            KEY => Some(SECRET.into()),
            _ => Some(OsString::from_vec(b"https://x\xff/v1".to_vec())),
        });
        assert!(Auto::new(&settings, 0, quotes()).unwrap().now().1.problem.is_some());
    }

    #[test]
    fn the_desks_own_port_is_not_asked() {
        let auto = Auto::new(&Settings::default(), 8080, quotes()).unwrap();
        let asked = ["127.0.0.1:11434", "127.0.0.1:1234", "127.0.0.1:8000"];
        assert_eq!(auto.now().1.asked, asked);
        let busy = Settings { look_ms: 1, ..Settings::default() };
        assert!(Auto::new(&busy, 0, quotes()).err().unwrap().contains("look_ms"));
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
            let auto = Auto::new(&settings(SECRET, &server.url), 0, quotes()).unwrap();
            assert!(!auto.now().0.kind("x").generates(), "nobody has looked yet");
            auto.look_first().await;
            auto.look_first().await;
            assert_eq!(auto.now().0.default_model(), model);
            let asked = server.received_requests();
            assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/v1/models"));
            assert_eq!(asked[0].key.as_deref(), Some("Bearer sk-of-the-environment"));
            assert_eq!(auto.now().1.origin, ModelOrigin::Environment);
        }
    }

    #[tokio::test]
    async fn a_hosted_endpoint_is_asked_again_until_it_lists_its_models() {
        let acts = vec![
            Act::refuse(500, &[], "oops"),
            Act::Stall,
            Act::say(r#"{"data":[{"id":"mine"}]}"#),
        ];
        let server = ScriptedServer::start(acts).await;
        let settings = Settings { look_ms: MIN_LOOK_MS, ..settings(SECRET, &server.url) };
        let auto = Auto::new(&settings, 0, quotes()).unwrap();
        let named = async {
            while auto.now().0.default_model() != "mine" {
                tokio::time::sleep(Duration::from_millis(10)).await;
                // No turn waits for the slow one.
                let first = server.received_requests().is_empty();
                let wait = Duration::from_secs(if first { 10 } else { 1 });
                tokio::time::timeout(wait, auto.look_first()).await.unwrap();
            }
            // It is not asked again.
            tokio::time::sleep(Duration::from_millis(600)).await;
        };
        tokio::select! {
            never = auto.keep_looking() => match never {},
            named = tokio::time::timeout(Duration::from_secs(20), named) => named.unwrap(),
        }
        assert_eq!(server.received_requests().len(), 3);
    }
}
