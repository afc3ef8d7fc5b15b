//! The web console: serves its files, from the binary or a folder, and its page for every path that
//! no other route owns. Contains no data: the console reads it through the API.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use axum::extract::State;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::Embed;
use sha2::{Digest, Sha256};

use super::WebState;
use super::error::{self, Problem};

/// The output of `npm run build`. Debug builds read it from the folder.
#[derive(Embed)]
#[folder = "console/dist/"]
#[allow_missing = true]
struct Assets;

/// The page of all console paths.
const INDEX: &str = "index.html";
/// Placeholder in the page for the nonce of the response.
const NONCE: &str = "__NONCE__";
/// Shown if the console was not built.
const MISSING: &str = include_str!("console.html");
/// First path segments that never belong to the console.
const OTHERS: [&str; 6] = ["api", "v1", "webhooks", "metrics", "healthz", "readyz"];
/// Encodings of precompressed files and their suffixes, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Serves a file of the console, or its page. Other paths are a problem.
pub(super) async fn page(
    State(web): State<WebState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = uri.path().trim_start_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    if !matches!(method, Method::GET | Method::HEAD) || OTHERS.contains(&first) {
        return Err(error::no_such_page(&uri));
    }
    let files = Files::of(&web.settings.console);
    if let Some(file) = files.find(path, &headers) {
        return Ok(file.answer(path, &headers));
    }
    let wants_page = path.is_empty() || accepts_html(&headers);
    if !wants_page || first == "assets" {
        return Err(error::no_such_page(&uri));
    }
    index(&files, &headers).map_err(|error| {
        tracing::error!(%error, "there are no random numbers for a page");
        Problem::broken("The page could not be made. The server's log says why.")
    })
}

/// Returns the page, with a fresh nonce; compressed, as all that the first load brings.
fn index(files: &Files, asked: &HeaderMap) -> std::io::Result<Response> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    let nonce = STANDARD.encode(random);
    let found = files.read(INDEX);
    let text = found.as_deref().map_or(Cow::from(MISSING), String::from_utf8_lossy);
    let page = text.replace(NONCE, &nonce);
    let is_packed = takes(asked, "gzip");
    let mut response = if is_packed {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(page.as_bytes())?;
        packer.finish()?.into_response()
    } else {
        page.into_response()
    };
    let headers = response.headers_mut();
    protect(headers);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(policy) = HeaderValue::from_str(&policy(&nonce)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// The content security policy: resources of this origin, and styles with the nonce.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' blob: data:; \
         media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn protect(headers: &mut HeaderMap) {
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("permissions-policy"),
            "microphone=(self), camera=(), geolocation=()",
        ),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

enum Files<'a> {
    Binary,
    Folder(&'a PathBuf),
}

/// A file in the encoding that is sent.
struct File {
    bytes: Cow<'static, [u8]>,
    encoding: Option<&'static str>,
    /// Whether several encodings exist.
    varies: bool,
}

impl<'a> Files<'a> {
    fn of(folder: &'a PathBuf) -> Self {
        if folder.as_os_str().is_empty() { Self::Binary } else { Self::Folder(folder) }
    }

    fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match self {
            Self::Binary => Assets::get(path).map(|file| file.data),
            Self::Folder(folder) => std::fs::read(folder.join(path)).ok().map(Cow::Owned),
        }
    }

    /// Finds a file in the best encoding that the browser accepts. Not the page: it changes with
    /// each nonce.
    fn find(&self, path: &str, headers: &HeaderMap) -> Option<File> {
        if path == INDEX || !is_plain(path) {
            return None;
        }
        let bytes = self.read(path)?;
        let mut varies = false;
        for (name, ending) in ENCODINGS {
            let Some(packed) = self.read(&format!("{path}{ending}")) else { continue };
            varies = true;
            if takes(headers, name) {
                return Some(File { bytes: packed, encoding: Some(name), varies });
            }
        }
        Some(File { bytes, encoding: None, varies })
    }
}

impl File {
    fn answer(self, path: &str, asked: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&self.bytes)[..16]));
        let known = asked.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let is_known = known.is_some_and(|known| {
            known
                .split(',')
                .any(|one| [tag.as_str(), "*"].contains(&one.trim().trim_start_matches("W/")))
        });
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.bytes.into_response()
        };
        let headers = response.headers_mut();
        protect(headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind(path)));
        // Names in `assets` contain a content hash.
        let kept = if path.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        if let Some(encoding) = self.encoding.filter(|_| !is_known) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if self.varies {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    }
}

/// Whether a path can name a console file: not hidden, not above the folder, not a precompressed
/// variant.
fn is_plain(path: &str) -> bool {
    let plain = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.~+@".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(known)
    };
    path.split('/').all(plain) && !ENCODINGS.iter().any(|(_, ending)| path.ends_with(ending))
}

/// Whether the browser accepts an encoding.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let none = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case(encoding) && !none
    })
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        ["text/html", "application/xhtml+xml"]
            .contains(&one.split(';').next().unwrap_or_default().trim())
    })
}

/// Returns the content type for a file's extension.
fn kind(path: &str) -> &'static str {
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str());
    match ending.unwrap_or_default() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "gif" => "image/gif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
