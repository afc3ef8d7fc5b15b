//! Result types of the handlers.

use axum::{Extension, Json};

use crate::http::error::Problem;
use crate::http::note::Note;

/// A JSON response.
pub(super) type Answer<T> = Result<Json<T>, Problem>;
/// A JSON response with a note for the audit log.
pub(super) type AuditedAnswer<T> = Result<(Extension<Note>, Json<T>), Problem>;
