//! A web site on 127.0.0.1 whose pages a test sets, and that records its requests.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use futures::stream;

use super::fake::{Running, listen};

pub(crate) struct Site {
    pub(crate) url: String,
    inside: Arc<Inside>,
    _running: Running,
}

#[derive(Default)]
struct Inside {
    pages: Mutex<HashMap<String, Page>>,
    asked: Mutex<Vec<Asked>>,
    /// Body bytes sent or handed over for sending.
    sent: AtomicU64,
}

/// A request and its response status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) agent: String,
}

/// What a path answers.
#[derive(Debug, Clone)]
pub(crate) enum Page {
    /// A document with a content type and an `ETag`.
    Text(&'static str, Vec<u8>),
    /// A document with additional headers and without an `ETag`.
    Headed(Vec<(&'static str, String)>, Vec<u8>),
    /// A redirect.
    To(String),
    Status(u16),
    /// One byte every 20 milliseconds, forever.
    Drip,
    /// A page of this many bytes, without a `Content-Length`.
    Huge(u64),
}

/// Returns an HTML page with a title, a text and links.
pub(crate) fn html(title: &str, text: &str, links: &[&str]) -> Page {
    let links: Vec<_> =
        links.iter().map(|to| format!("<li><a href=\"{to}\">more</a></li>")).collect();
    let links = links.concat();
    let page = format!(
        "<!doctype html><html><head><title>{title}</title></head><body><nav><ul>{links}</ul></nav>\
         <main><h1>{title}</h1><p>{text}</p></main></body></html>"
    );
    Page::Text("text/html; charset=utf-8", page.into_bytes())
}

impl Site {
    pub(crate) async fn start() -> Self {
        let (listener, url) = listen().await;
        let inside = Arc::new(Inside::default());
        let router = Router::new().fallback(answer).with_state(inside.clone());
        Self { url, inside, _running: Running::serve(listener, router) }
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        self.inside.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.inside.pages.lock().unwrap().remove(path);
    }

    /// Returns the requests since the last call as (path, status), in order.
    pub(crate) fn asked(&self) -> Vec<(String, u16)> {
        self.requests().into_iter().map(|asked| (asked.path, asked.status)).collect()
    }

    /// Returns the requests since the last call.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.inside.asked.lock().unwrap())
    }

    /// Returns the body bytes sent since the last call.
    pub(crate) fn sent(&self) -> u64 {
        self.inside.sent.swap(0, Ordering::SeqCst)
    }
}

async fn answer(State(site): State<Arc<Inside>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let page = site.pages.lock().unwrap().get(&path).cloned();
    let response = respond(&site, page.unwrap_or(Page::Status(404)), &headers);
    let agent = headers.get("user-agent").map(|agent| agent.to_str().unwrap().to_owned());
    let (status, agent) = (response.status().as_u16(), agent.unwrap_or_default());
    site.asked.lock().unwrap().push(Asked { path, status, agent });
    response
}

fn respond(site: &Arc<Inside>, page: Page, headers: &HeaderMap) -> Response {
    let builder = Response::builder();
    let count = |bytes: &[u8]| site.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    match page {
        Page::Text(kind, body) => {
            let mut hasher = DefaultHasher::new();
            body.hash(&mut hasher);
            let etag = format!("\"{:x}\"", hasher.finish());
            if headers.get("if-none-match").is_some_and(|known| known == etag.as_str()) {
                return builder.status(304).header("etag", etag).body(Body::empty()).unwrap();
            }
            count(&body);
            builder
                .header("content-type", kind)
                .header("etag", etag)
                .body(Body::from(body))
                .unwrap()
        }
        Page::Headed(more, body) => {
            count(&body);
            let since =
                more.iter().find(|(name, _)| *name == "last-modified").map(|(_, value)| value);
            let known = headers.get("if-modified-since").and_then(|value| value.to_str().ok());
            let same = since.is_some() && since.map(String::as_str) == known;
            let builder =
                more.iter().fold(builder, |builder, (name, value)| builder.header(*name, value));
            let (status, body) = if same { (304, Body::empty()) } else { (200, Body::from(body)) };
            builder.status(status).body(body).unwrap()
        }
        Page::To(to) => builder.status(302).header("location", to).body(Body::empty()).unwrap(),
        Page::Status(status) => {
            builder.status(StatusCode::from_u16(status).unwrap()).body(Body::from("no")).unwrap()
        }
        Page::Drip => {
            let drops = stream::unfold((), async |()| {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"<")), ()))
            });
            builder
                .header("content-type", "text/html")
                .body(Body::from_stream(Box::pin(drops)))
                .unwrap()
        }
        Page::Huge(length) => {
            let site = site.clone();
            let pieces = stream::unfold(0_u64, move |at| {
                let site = site.clone();
                async move {
                    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
                    site.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
                    (at < length)
                        .then(|| (Ok::<_, std::io::Error>(piece.clone()), at + piece.len() as u64))
                }
            });
            builder
                .header("content-type", "text/html")
                .body(Body::from_stream(Box::pin(pieces)))
                .unwrap()
        }
    }
}
