//! What became of a campaign's messages.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::response::Answer;
use super::read;
use crate::domain::{MessageState, NoteCode, Pricing, RecipientState, SkipReason};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;
use crate::store::campaigns::results::RecipientGroup;

/// What became of a campaign's messages. Each recipient counts in one of `waiting`, `skipped_…`,
/// `queued`, `unknown`, `sent`, `delivered`, `read` and `failed`.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in super::super) struct CampaignResults {
    /// Recipients whose message was not queued yet.
    waiting: i64,
    /// Skipped: the customer opted out before.
    skipped_opted_out: i64,
    /// Skipped: the customer is another recipient, too.
    skipped_repeated: i64,
    /// Skipped: the values do not fill the template.
    skipped_values: i64,
    /// Messages in the outbox.
    queued: i64,
    /// Messages of which it is not known whether they were sent.
    unknown: i64,
    /// Messages that WhatsApp took.
    sent: i64,
    /// Messages on the customer's phone.
    delivered: i64,
    /// Messages that were read.
    read: i64,
    /// Messages that will not arrive.
    failed: i64,
    /// Customers who have written since.
    answered: i64,
    /// Customers who have opted out since.
    opted_out: i64,
    /// Why messages failed, the most frequent reason first.
    failures: Vec<FailureCount>,
    /// What WhatsApp charges for the messages, as far as it said so.
    charges: Vec<ChargeCount>,
}

/// Failed messages with the same reason.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct FailureCount {
    /// The reason; null if there is none.
    note: Option<String>,
    /// The same as a code; null for the provider's own words.
    note_code: Option<NoteCode>,
    /// How many.
    count: i64,
}

/// Messages for which WhatsApp charges the same.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ChargeCount {
    /// WhatsApp's pricing category, such as `marketing`.
    category: Option<String>,
    /// Whether it is charged.
    billable: Option<bool>,
    /// How many.
    count: i64,
    /// What they cost, in millionths of a dollar; null if `[message_prices]` has no price for them.
    cost_micros: Option<i64>,
}

impl CampaignResults {
    fn add(&mut self, group: &RecipientGroup) {
        let count = match (group.state, group.message_state) {
            (RecipientState::Waiting, _) => &mut self.waiting,
            (RecipientState::Skipped, _) => match group.reason {
                Some(SkipReason::OptedOut) => &mut self.skipped_opted_out,
                Some(SkipReason::Repeated) => &mut self.skipped_repeated,
                Some(SkipReason::Values) | None => &mut self.skipped_values,
            },
            (RecipientState::Queued, state) => match state {
                Some(MessageState::Sent) => &mut self.sent,
                Some(MessageState::Delivered) => &mut self.delivered,
                Some(MessageState::Read) => &mut self.read,
                Some(MessageState::Failed) => &mut self.failed,
                Some(MessageState::Unknown) | None => &mut self.unknown,
                Some(
                    MessageState::Queued
                    | MessageState::Sending
                    | MessageState::Waiting
                    | MessageState::Answered
                    | MessageState::Stored,
                ) => &mut self.queued,
            },
        };
        *count += group.count;
        self.answered += group.answered;
        self.opted_out += group.opted_out;
    }
}

/// Returns what became of a campaign's messages.
#[utoipa::path(get, path = "/campaigns/{id}/results", operation_id = "get_campaign_results", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 200, body = CampaignResults), (status = 404, response = Problem)))]
pub(in super::super) async fn show(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Answer<CampaignResults> {
    let row = read(&web, &id).await?;
    let found = web.desk.store.campaign_results(&row.id).await?;
    let mut results = CampaignResults::default();
    for group in &found.groups {
        results.add(group);
    }
    results.failures = found
        .failures
        .into_iter()
        .map(|(note, count)| {
            let note_code = note.as_deref().and_then(NoteCode::of);
            FailureCount { note, note_code, count }
        })
        .collect();
    results.charges = found
        .prices
        .into_iter()
        .filter_map(|(price, count)| {
            let Pricing { category, billable, .. } = price?;
            let cost_micros =
                web.desk.message_prices.micros((category.as_deref(), billable), count);
            Some(ChargeCount { category, billable, count, cost_micros })
        })
        .collect();
    Ok(Json(results))
}
