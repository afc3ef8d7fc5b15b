//! A web site on 127.0.0.1 whose pages a test writes and changes, and that records what it was asked.

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

/// A running site.
pub(crate) struct Site {
    pub(crate) url: String,
    inside: Arc<Inside>,
    _running: Running,
}

#[derive(Default)]
struct Inside {
    pages: Mutex<HashMap<String, Page>>,
    asked: Mutex<Vec<Asked>>,
    /// Bytes of bodies that were sent, or handed over to be sent.
    sent: AtomicU64,
}

/// A request, and what it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) agent: String,
}

/// What an address answers.
#[derive(Debug, Clone)]
pub(crate) enum Page {
    /// A document of a content type, with an `ETag`.
    Text(&'static str, Vec<u8>),
    /// A document with more headers, and without an `ETag`.
    Headed(Vec<(&'static str, String)>, Vec<u8>),
    /// A redirect.
    To(String),
    /// A failure.
    Status(u16),
    /// A byte every 20 milliseconds, for ever.
    Drip,
    /// So many bytes of a page, of which the length is not said.
    Huge(u64),
}

/// A page of HTML with a title, a text and links.
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

    /// Puts a page in the place of what was at a path.
    pub(crate) fn put(&self, path: &str, page: Page) {
        self.inside.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// Takes a page away: 404.
    pub(crate) fn remove(&self, path: &str) {
        self.inside.pages.lock().unwrap().remove(path);
    }

    /// What was asked since this was called last, as (path, status), in order.
    pub(crate) fn asked(&self) -> Vec<(String, u16)> {
        self.requests().into_iter().map(|asked| (asked.path, asked.status)).collect()
    }

    /// What was asked since this was called last.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.inside.asked.lock().unwrap())
    }

    /// Bytes of bodies that were sent since this was called last.
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
