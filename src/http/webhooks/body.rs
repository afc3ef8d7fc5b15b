//! Reads the body of a webhook: within the size that its provider may send, and within a short time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Extensions;

use crate::domain::ProviderKind;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::server::Intake;
use crate::provider;

/// Reads the body of a webhook whose headers were not refused. Nobody knows whether it is signed until
/// it is complete, and providers are fast.
pub(super) async fn read(
    web: &WebState,
    sender: ProviderKind,
    (extensions, body): (&Extensions, Body),
) -> Result<Bytes, Problem> {
    let limit = max_bytes(web, sender);
    if limit > web.settings.max_body_bytes
        && let Some(intake) = extensions.get::<Arc<Intake>>()
    {
        // Whose webhooks bring files has shown its secret by now.
        intake.exempt_from_share();
    }
    if body.size_hint().lower() > limit as u64 {
        return Err(Problem::too_large(limit));
    }
    let patience = Duration::from_millis(web.settings.stall_ms.max(1));
    tokio::time::timeout(patience, axum::body::to_bytes(body, limit))
        .await
        .map_err(|_| Problem::timeout("The webhook's body came too slowly."))?
        .map_err(|_| Problem::too_large(limit))
}

/// The largest webhook of a provider, in bytes.
fn max_bytes(web: &WebState, sender: ProviderKind) -> usize {
    let file = if provider::brings_files(sender) { web.desk.max_file_bytes } else { 0 };
    // Base64 makes four bytes of three.
    web.settings.max_body_bytes.saturating_add(file.div_ceil(3).saturating_mul(4))
}
