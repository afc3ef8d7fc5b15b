//! Security headers of every response: no content sniffing, no caching of API data, and a sandbox
//! for pages outside the console (such as reports).

use axum::extract::{OriginalUri, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use super::Settings;

/// Settings of the headers.
#[derive(Clone, Copy)]
pub(super) struct ResponseHeaders {
    /// Whether the desk is served over TLS.
    secure: bool,
}

impl ResponseHeaders {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { secure: settings.is_secure() }
    }
}

/// Content types of pages outside the console.
const PAGES: [&[u8]; 4] = [b"text/html", b"image/svg", b"application/xml", b"text/xml"];

/// Middleware that adds the headers. A header that the handler set is kept.
pub(super) async fn add_headers(
    State(guise): State<ResponseHeaders>,
    OriginalUri(uri): OriginalUri,
    mut response: Response,
) -> Response {
    let headers = response.headers_mut();
    let kind = headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let is_page = PAGES.iter().any(|page| kind.starts_with(page));
    let mut fixed = |name: HeaderName, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    fixed(X_CONTENT_TYPE_OPTIONS, "nosniff");
    if uri.path().starts_with("/webhooks/") {
        // No browser calls webhooks, and they are frequent.
        return response;
    }
    let is_api = uri.path().starts_with("/api/") || uri.path().starts_with("/v1/");
    if is_page {
        let alone = "sandbox allow-scripts allow-downloads; frame-ancestors 'none'";
        fixed(CONTENT_SECURITY_POLICY, alone);
    } else if is_api {
        fixed(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    }
    if is_api {
        fixed(CACHE_CONTROL, "no-store");
    }
    fixed(REFERRER_POLICY, "no-referrer");
    fixed(X_FRAME_OPTIONS, "DENY");
    fixed(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if guise.secure {
        fixed(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}
