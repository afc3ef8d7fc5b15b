//! A fake Qdrant: a gRPC server on qdrant-client's stubs that stores, filters and compares points,
//! records its calls, and fails, stalls or breaks off on demand.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use frontdesk::index::Settings;
use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::QdrantServer;
use qdrant_client::qdrant::{CreateCollection, HealthCheckReply, HealthCheckRequest, PointStruct};
use tonic::{Code, Request, Response, Status};

mod collections;
mod filter;
mod points;

/// Implements a call that the adapter never makes.
macro_rules! absent {
    ($name:ident, $ask:ident, $answer:ident) => {
        fn $name<'life0, 'async_trait>(
            &'life0 self,
            _: Request<qdrant_client::qdrant::$ask>,
        ) -> Pin<
            Box<
                dyn Future<Output = Result<Response<qdrant_client::qdrant::$answer>, Status>>
                    + Send
                    + 'async_trait,
            >,
        >
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(Status::unimplemented(stringify!($name))) })
        }
    };
}
use absent;

/// The fake server.
#[derive(Clone, Default)]
pub(crate) struct Double {
    url: String,
    state: Arc<Mutex<State>>,
}

/// A key that the server refuses.
pub(crate) const WRONG_KEY: &str = "wrong";

#[derive(Default)]
struct State {
    collections: BTreeMap<String, Collection>,
    calls: Vec<&'static str>,
    trouble: Option<Trouble>,
}

struct Collection {
    made: CreateCollection,
    fields: HashMap<String, i32>,
    /// Points by id as text.
    points: BTreeMap<String, PointStruct>,
}

/// A planned failure.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    /// Number of calls that succeed first.
    pub(crate) after: usize,
    /// Number of calls that then fail.
    pub(crate) times: usize,
    /// The kind of call that counts; empty means all.
    pub(crate) only: &'static str,
    /// The error; `None` means that the call never returns.
    pub(crate) code: Option<Code>,
    /// Whether the call takes effect before it fails.
    pub(crate) done: bool,
}

impl Trouble {
    /// Makes every call from now on fail with this error.
    pub(crate) fn all(code: Code) -> Self {
        Self { after: 0, times: usize::MAX, only: "", code: Some(code), done: false }
    }
}

/// What to do with a call.
enum Fate {
    Good,
    Bad(Status),
    /// Do it, then return this error.
    DoneBut(Status),
}

impl Double {
    /// Starts a server on its own port.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let double = Self { url, state: Arc::default() };
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let served = tonic::transport::Server::builder()
            .add_service(PointsServer::new(double.clone()).max_decoding_message_size(usize::MAX))
            .add_service(CollectionsServer::new(double.clone()))
            .add_service(QdrantServer::new(double.clone()))
            .serve_with_incoming(incoming);
        tokio::spawn(served);
        double
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the failure from now on; `None` ends it.
    pub(crate) fn trouble(&self, trouble: Option<Trouble>) {
        self.state().trouble = trouble;
    }

    /// Returns the calls since the last call of this method.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().calls)
    }

    pub(crate) fn collections(&self) -> Vec<String> {
        self.state().collections.keys().cloned().collect()
    }

    /// Returns the request that created a collection.
    pub(crate) fn made(&self, name: &str) -> CreateCollection {
        self.state().collections[name].made.clone()
    }

    /// Returns the indexed payload fields of a collection.
    pub(crate) fn fields(&self, name: &str) -> Vec<String> {
        let mut fields: Vec<String> =
            self.state().collections[name].fields.keys().cloned().collect();
        fields.sort();
        fields
    }

    /// Returns all points as text: two servers with the same content return the same.
    pub(crate) fn content(&self) -> Vec<String> {
        let state = self.state();
        let all = state.collections.iter();
        all.flat_map(|(name, collection)| {
            collection.points.iter().map(move |(id, point)| {
                let sorted = |value: &qdrant_client::qdrant::Value| {
                    let mut value = serde_json::Value::from(value.clone());
                    value.sort_all_objects();
                    value.to_string()
                };
                let payload: BTreeMap<_, _> =
                    point.payload.iter().map(|(key, value)| (key, sorted(value))).collect();
                let vectors: BTreeMap<String, String> = points::named(point)
                    .into_iter()
                    .map(|(name, vector)| (name, format!("{vector:?}")))
                    .collect();
                format!("{name} {id} {payload:?} {vectors:?}")
            })
        })
        .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Records a call, checks its key, and decides what to do with it.
    async fn begin<T>(&self, name: &'static str, request: &Request<T>) -> Fate {
        if request.metadata().get("api-key").is_some_and(|key| key == WRONG_KEY) {
            return Fate::Bad(Status::unauthenticated("Invalid API key or JWT"));
        }
        let trouble = {
            let mut state = self.state();
            state.calls.push(name);
            state.due(name)
        };
        match trouble {
            None => Fate::Good,
            Some(Trouble { code: None, .. }) => {
                std::future::pending::<()>().await;
                Fate::Good
            }
            Some(Trouble { code: Some(code), done, .. }) => {
                let status = Status::new(code, "as the test wishes");
                if done { Fate::DoneBut(status) } else { Fate::Bad(status) }
            }
        }
    }

    /// Handles a call according to its fate.
    async fn serve<T, R>(
        &self,
        name: &'static str,
        request: Request<T>,
        work: impl FnOnce(&mut State, T) -> Result<R, Status>,
    ) -> Result<Response<R>, Status> {
        let fate = self.begin(name, &request).await;
        if let Fate::Bad(status) = fate {
            return Err(status);
        }
        let answer = work(&mut self.state(), request.into_inner())?;
        match fate {
            Fate::DoneBut(status) => Err(status),
            _ => Ok(Response::new(answer)),
        }
    }
}

impl State {
    fn due(&mut self, name: &str) -> Option<Trouble> {
        let trouble = self.trouble.as_mut()?;
        if !trouble.only.is_empty() && trouble.only != name {
            return None;
        }
        if trouble.after > 0 {
            trouble.after -= 1;
            return None;
        }
        trouble.times = trouble.times.checked_sub(1)?;
        Some(trouble.clone())
    }

    fn collection(&mut self, name: &str) -> Result<&mut Collection, Status> {
        self.collections
            .get_mut(name)
            .ok_or_else(|| Status::not_found(format!("Collection `{name}` doesn't exist!")))
    }
}

#[tonic::async_trait]
impl qdrant_client::qdrant::qdrant_server::Qdrant for Double {
    async fn health_check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        let reply = |_: &mut State, _| {
            Ok(HealthCheckReply { title: "double".into(), version: "1.18.0".into(), commit: None })
        };
        self.serve("health", request, reply).await
    }
}

/// Returns the index settings for a Qdrant, parsed from TOML as in the configuration.
pub(crate) fn settings(url: &str, prefix: &str, more: &str) -> Settings {
    let text = format!("kind = \"qdrant\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\n{more}");
    toml::from_str(&text).unwrap()
}
