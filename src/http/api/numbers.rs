//! Numbers: the WhatsApp numbers that are connected. Credentials are never shown.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use crate::http::Shared;

/// A connected number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Number {
    /// Its id.
    id: String,
    /// Its name in the configuration.
    slug: String,
    /// The provider.
    provider: String,
    /// The provider's id of it.
    external_id: String,
    /// The agent that answers on it.
    agent_id: String,
    /// `ready`, or `stopped` with the reason.
    state: String,
    /// Why it is stopped.
    state_reason: Option<String>,
    /// Where the provider sends its webhooks.
    webhook_url: String,
}

/// Every number of the configuration.
#[utoipa::path(get, path = "/numbers", operation_id = "list_numbers", tag = "numbers", responses((status = 200, body = [Number])))]
pub(super) async fn list(State(web): State<Shared>) -> Answer<Vec<Number>> {
    let rows = web.desk.store.numbers().await?;
    let connected = rows.into_iter().filter(|row| web.desk.number(&row.id).is_some());
    let numbers = connected.map(|row| Number {
        webhook_url: format!("{}/webhooks/{}/{}", web.desk.base_url, row.provider, row.slug),
        id: row.id,
        slug: row.slug,
        provider: row.provider,
        external_id: row.external_id,
        agent_id: row.agent_id,
        state: row.state,
        state_reason: row.state_reason,
    });
    Ok(Json(numbers.collect()))
}
