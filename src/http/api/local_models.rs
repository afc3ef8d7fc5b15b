//! Downloads of the models that run in this process. This file only passes requests on.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// Downloads a known model in the background; an interrupted download goes on. `GET
/// /settings/models` shows how far it is. It is used at once where the configuration names no model for its task.
#[utoipa::path(post, path = "/settings/models/local/{name}", operation_id = "fetch_local_model", tag = "models",
    params(("name" = String, Path, description = "The model's name")),
    responses((status = 202), (status = 404, response = Problem), (status = 409, description = "It is there already.", body = Problem)))]
pub(super) async fn fetch(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let known = web.desk.local_models.known(&name).ok_or_else(|| Problem::not_found("model"))?;
    if !web.desk.fetch_local_model(known) {
        return Err(Problem::conflict(format!("{name} is there already.")));
    }
    Ok(StatusCode::ACCEPTED)
}

/// Cancels a model's download. What came of it is kept, and the next download goes on with it.
#[utoipa::path(delete, path = "/settings/models/local/{name}", operation_id = "cancel_local_model", tag = "models",
    params(("name" = String, Path, description = "The model's name")),
    responses((status = 204), (status = 404, description = "It is not being downloaded by this process.", body = Problem)))]
pub(super) async fn cancel(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    if !web.desk.cancel_local_model(&name).await {
        return Err(Problem::not_found("download"));
    }
    Ok(StatusCode::NO_CONTENT)
}
