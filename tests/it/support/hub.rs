//! A fake model hub: serves small files itself and large ones from another host, with a hash in the
//! redirect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// A request to either host: path and `Range` header.
pub(crate) type Asked = (String, Option<String>);

#[derive(Clone, Default)]
pub(crate) struct Hub {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// URL of the host with the large files.
    store: Mutex<String>,
    files: BTreeMap<String, Vec<u8>>,
    asked: Mutex<Vec<Asked>>,
    /// Byte counts after which the next responses with large files break off.
    cuts: Mutex<Vec<usize>>,
    /// Hash to announce instead of the file's own.
    lie: Mutex<Option<String>>,
    deaf_to_ranges: Mutex<bool>,
}

impl Hub {
    /// Starts a hub with files by path; those that end in `.safetensors` are large.
    pub(crate) async fn start(files: &[(&str, &[u8])]) -> Self {
        // Downloads need a TLS provider, and nothing else in a test may have installed one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let files =
            files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        let inner = Arc::new(Inner { files, ..Inner::default() });
        let serve = async |router: Router| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            url
        };
        let store = serve(Router::new().fallback(stored).with_state(inner.clone())).await;
        // A different host name makes it a different host.
        *inner.store.lock().unwrap() = store.replace("127.0.0.1", "localhost");
        let url = serve(Router::new().fallback(hub).with_state(inner.clone())).await;
        Self { url, inner }
    }

    /// Makes the next response with a large file break off after this many bytes.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.inner.cuts.lock().unwrap().push(bytes);
    }

    /// From now on the hub announces this hash for large files.
    pub(crate) fn announce_hash(&self, hash: &str) {
        *self.inner.lie.lock().unwrap() = Some(hash.to_owned());
    }

    /// From now on the hub ignores `Range` and sends whole files.
    pub(crate) fn ignore_ranges(&self) {
        *self.inner.deaf_to_ranges.lock().unwrap() = true;
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }
}

impl Inner {
    fn note(&self, request: &Request) -> (String, Option<String>) {
        let range = request.headers().get(header::RANGE);
        let range = range.map(|range| range.to_str().unwrap().to_owned());
        let asked = (request.uri().path().to_owned(), range);
        self.asked.lock().unwrap().push(asked.clone());
        asked
    }
}

/// `/owner/name/resolve/revision/path`
async fn hub(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (path, _) = inner.note(&request);
    let name = path.splitn(6, '/').last().unwrap_or_default();
    let Some(bytes) = inner.files.get(name) else { return StatusCode::NOT_FOUND.into_response() };
    if !name.ends_with(".safetensors") {
        return ([(header::ETAG, "\"a-git-hash\"")], bytes.clone()).into_response();
    }
    let own = hex::encode(Sha256::digest(bytes));
    let told = inner.lie.lock().unwrap().clone().unwrap_or(own);
    let headers = [
        ("location", format!("{}/{name}", inner.store.lock().unwrap())),
        ("x-linked-etag", format!("\"{told}\"")),
        ("x-linked-size", bytes.len().to_string()),
    ];
    (StatusCode::FOUND, headers).into_response()
}

/// The host with the large files.
async fn stored(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (path, range) = inner.note(&request);
    let bytes = &inner.files[path.trim_start_matches('/')];
    let range = range.filter(|_| !*inner.deaf_to_ranges.lock().unwrap());
    let from: usize = range.map_or(0, |range| {
        range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
    });
    if from > 0 && from >= bytes.len() {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, "\"of-the-store\"".parse().unwrap());
    let rest = bytes[from..].to_vec();
    headers.insert(header::CONTENT_LENGTH, rest.len().into());
    let status = if from > 0 {
        let told = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
        headers.insert(header::CONTENT_RANGE, told.parse().unwrap());
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let cut = inner.cuts.lock().unwrap().pop();
    let parts = match cut {
        None => vec![Ok(rest)],
        Some(at) => vec![Ok(rest[..at].to_vec()), Err(std::io::Error::other("cut"))],
    };
    // The bytes before the cut must leave this host first, or none of them arrive.
    let parts = stream::iter(parts).then(async |part: Result<Vec<u8>, std::io::Error>| {
        if part.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        part
    });
    (status, headers, Body::from_stream(parts)).into_response()
}
