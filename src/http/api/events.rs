//! Events: what providers send besides messages and statuses, and alarms of the desk itself.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::numbers::view;
use super::response::Answer;
use crate::domain::{AlertCode, NumberId};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Query;
use crate::store::events::EventRow;

/// Maximum number of events in an answer.
const LIMIT: i64 = 200;

/// An event of a provider, or of the desk itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Event {
    /// Its id.
    id: String,
    /// Id of the number that it concerns.
    number_id: Option<String>,
    /// The provider's name for the event. The desk's own are `unknown_number` and `notice_lost`.
    kind: String,
    /// The event as received, or what the desk's own event is about.
    payload: Value,
    /// Name of that number; null if it is not connected any more.
    number: Option<String>,
    /// What an operator should know; null if nothing.
    alert: Option<String>,
    /// What the alert is about; null if it has no code.
    code: Option<AlertCode>,
    /// The provider's own words for it, such as a template's name.
    detail: Option<String>,
    /// What to do about it.
    todo: Option<&'static str>,
    /// When it was received, milliseconds since 1970.
    created_at: i64,
}

impl Event {
    fn of(row: EventRow, web: &WebState) -> Self {
        let number = row.number_id.as_deref().and_then(|id| web.desk.number(id));
        Self {
            number: number.map(|number| number.slug.clone()),
            code: row.code,
            detail: row.detail,
            todo: row.code.map(AlertCode::todo),
            payload: serde_json::from_str(&row.payload).unwrap_or(Value::Null),
            id: row.id,
            number_id: row.number_id,
            kind: row.kind,
            alert: row.alert,
            created_at: row.created_at,
        }
    }
}

/// Filter for events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// If `true`, only events that an operator should see.
    #[serde(default)]
    alerts: bool,
    /// Id of a number: only what an operator should see of it and of its account.
    number: Option<String>,
}

/// Lists the newest 200 events.
#[utoipa::path(get, path = "/events", operation_id = "list_events", tag = "events", params(Filter), responses((status = 200, body = [Event]), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Query(filter): Query<Filter>,
) -> Answer<Vec<Event>> {
    let store = &web.desk.store;
    let rows = match filter.number {
        Some(id) => {
            view::row(&web, &id).await?;
            let account = web.desk.account(&id).await?;
            let id = NumberId::stored(id);
            store.alerts_of_number(&id, (account.as_deref(), LIMIT)).await?
        }
        None => store.events(filter.alerts, LIMIT).await?,
    };
    Ok(Json(rows.into_iter().map(|row| Event::of(row, &web)).collect()))
}
