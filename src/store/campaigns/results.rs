//! What became of a campaign's messages.

use const_format::formatcp;
use sqlx::FromRow;

use crate::domain::{CampaignId, MessageState, Pricing, RecipientState, SkipReason};
use crate::store::columns::LenientWord;
use crate::store::words::message_state::FAILED;
use crate::store::{Result, Store, all};

/// The most reasons of failures that are listed; the rest stays uncounted by reason.
const MAX_REASONS: i64 = 20;

/// What became of a campaign's messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CampaignResults {
    /// Recipients by what became of them.
    pub groups: Vec<RecipientGroup>,
    /// Failed messages by reason, the most frequent first.
    pub failures: Vec<(Option<String>, i64)>,
    /// Messages by what WhatsApp charges for them; `None` is not known yet.
    pub prices: Vec<(Option<Pricing>, i64)>,
}

/// Recipients with the same fate.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RecipientGroup {
    /// Whether their messages were queued.
    #[sqlx(try_from = "LenientWord<RecipientState>")]
    pub state: RecipientState,
    /// Why they never will be.
    #[sqlx(try_from = "LenientWord<SkipReason>")]
    pub reason: Option<SkipReason>,
    /// The state of their messages.
    #[sqlx(try_from = "LenientWord<MessageState>")]
    pub message_state: Option<MessageState>,
    /// How many.
    pub count: i64,
    /// How many of them have written since.
    pub answered: i64,
    /// How many of them have opted out since.
    pub opted_out: i64,
}

impl Store {
    /// What became of a campaign's messages.
    pub async fn campaign_results(&self, id: &CampaignId) -> Result<CampaignResults> {
        let (workspace, id) = (self.workspace_id().as_str(), id.as_str());
        self.read(async |conn| {
            // Customers' messages have the time of their second.
            let sql = "select r.state, r.reason, m.state as message_state, count(*) as count,
                           cast(sum(case when v.last_inbound_at >= m.sent_at - m.sent_at % 1000 then 1 else 0 end) as bigint) as answered,
                           cast(sum(case when c.opted_out_at > m.sent_at then 1 else 0 end) as bigint) as opted_out
                       from campaign_recipients r left join messages m on m.id = r.message_id
                           left join conversations v on v.id = m.conversation_id left join contacts c on c.id = v.contact_id
                       where r.campaign_id = $1 and r.workspace_id = $2 group by r.state, r.reason, m.state";
            let groups = all!(conn, RecipientGroup, sql, id, workspace)?;
            let sql = formatcp!(
                "select m.note, count(*) from campaign_recipients r join messages m on m.id = r.message_id
                 where r.campaign_id = $1 and r.workspace_id = $2 and m.state = '{FAILED}'
                 group by m.note order by 2 desc, 1 limit $3"
            );
            let failures = all!(conn, (Option<String>, i64), sql, id, workspace, MAX_REASONS)?;
            let sql = "select m.pricing, count(*) from campaign_recipients r join messages m on m.id = r.message_id
                       where r.campaign_id = $1 and r.workspace_id = $2 group by m.pricing order by 2 desc";
            let prices = all!(conn, (Option<String>, i64), sql, id, workspace)?;
            let read = |text: String| serde_json::from_str(&text).ok();
            let prices = prices.into_iter().map(|(price, count)| (price.and_then(read), count));
            Ok(CampaignResults { groups, failures, prices: prices.collect() })
        })
        .await
    }
}
