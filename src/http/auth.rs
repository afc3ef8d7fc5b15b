//! Who may use the API: for now, whoever has the admin key. Compared in constant time.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Shared;
use super::error::Problem;

/// Lets a request with the admin key through.
pub(super) async fn admin(State(web): State<Shared>, request: Request, next: Next) -> Response {
    match check(&web, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether a request carries the admin key.
pub(super) fn check(web: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(key.as_bytes().ct_eq(web.admin_key.as_bytes())) {
        return Ok(());
    }
    Err(Problem::unauthorized(
        "Send the admin key as `Authorization: Bearer KEY`. It is [http] admin_key, or the file admin.key beside the database.",
    ))
}
