//! What every answer tells browsers: to take it for what it says that it is, to keep it to themselves, and to keep a page that is not the
//! console's (a report) from acting for whoever looks at it.

use axum::extract::{OriginalUri, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use super::Settings;

/// What is fixed for all answers.
#[derive(Clone, Copy)]
pub(super) struct ResponseHeaders {
    /// Whether the desk is reached through TLS.
    secure: bool,
}

impl ResponseHeaders {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { secure: settings.is_secure() }
    }
}

/// Pages that are none of the console's.
const PAGES: [&[u8]; 4] = [b"text/html", b"image/svg", b"application/xml", b"text/xml"];

/// Adds the headers to an answer; what a handler said itself stands.
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
        // No browser asks, and there are many of them.
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
