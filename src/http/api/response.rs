//! What handlers give back.

use axum::{Extension, Json};

use crate::http::error::Problem;
use crate::http::note::Note;

/// A JSON answer.
pub(super) type Answer<T> = Result<Json<T>, Problem>;
/// The same with what the audit log is to say of it.
pub(super) type AuditedAnswer<T> = Result<(Extension<Note>, Json<T>), Problem>;
