//! The recipients of campaigns: added from a list or a segment of the contacts, and read with what
//! became of their messages.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::{CampaignChange, LockedCampaign};
use crate::domain::{
    CampaignId, CampaignState, MessageState, RecipientFields, RecipientState, SkipReason,
    WorkspaceId,
};
use crate::store::columns::LenientWord;
use crate::store::words::recipient_state::WAITING;
use crate::store::{Conn, Result, Rows, Store, Write, all, first, run, storable, to_json};

/// Maximum number of recipients of a campaign.
pub const MAX_RECIPIENTS: i64 = 500_000;

/// A time that never comes.
const ALWAYS: i64 = i64::MAX;

/// A recipient of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecipient {
    /// The customer's phone, digits only.
    pub wa_id: String,
    /// The name to use for the customer.
    pub name: Option<String>,
    /// The columns of the list.
    pub fields: RecipientFields,
}

/// Which contacts of a number become recipients. Those who opted out never do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// Only those who wrote to the number after this time.
    pub wrote_after: Option<i64>,
    /// Only those who last wrote to the number before this time.
    pub wrote_before: Option<i64>,
    /// Only those who are recorded to have agreed.
    pub opted_in: bool,
    /// Only those whose phone begins with these digits, such as a country code.
    pub phone_prefix: Option<String>,
}

/// What became of recipients to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddOutcome {
    /// So many were added; others were in it before.
    Added(u64),
    /// None were.
    Refused(CampaignChange),
}

/// A recipient, with what became of the message.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RecipientRow {
    /// Position in the campaign.
    pub position: i64,
    /// The customer's phone, digits only.
    pub wa_id: Option<String>,
    /// The customer's business-scoped id.
    pub bsuid: Option<String>,
    /// The customer's name.
    pub name: Option<String>,
    /// The columns of the list as JSON.
    pub fields: String,
    /// Whether the message was queued.
    #[sqlx(try_from = "LenientWord<RecipientState>")]
    pub state: RecipientState,
    /// Why it never will be.
    #[sqlx(try_from = "LenientWord<SkipReason>")]
    pub reason: Option<SkipReason>,
    /// The message.
    pub message_id: Option<String>,
    /// The conversation of the message.
    pub conversation_id: Option<String>,
    /// The state of the message.
    #[sqlx(try_from = "LenientWord<MessageState>")]
    pub message_state: Option<MessageState>,
    /// Why the message was not sent.
    pub note: Option<String>,
}

impl Store {
    /// Adds recipients, each customer once. Safe to repeat.
    pub async fn add_recipients(
        &self,
        campaign: &CampaignId,
        recipients: Vec<NewRecipient>,
    ) -> Result<AddOutcome> {
        self.apply(AddRecipients { campaign: campaign.clone(), recipients }).await
    }

    /// Adds contacts of the campaign's number, each once. Safe to repeat.
    pub async fn add_segment(&self, campaign: &CampaignId, segment: Segment) -> Result<AddOutcome> {
        self.apply(AddSegment { campaign: campaign.clone(), segment }).await
    }

    /// Recipients in their order, from a position on.
    pub async fn recipients(
        &self,
        campaign: &CampaignId,
        from: i64,
        limit: i64,
    ) -> Result<Vec<RecipientRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select r.position, r.wa_id, r.bsuid, r.name, r.fields, r.state, r.reason, r.message_id,
                           m.conversation_id, m.state as message_state, m.note
                       from campaign_recipients r left join messages m on m.id = r.message_id
                       where r.campaign_id = $1 and r.workspace_id = $2 and r.position >= $3
                       order by r.position limit $4";
            all!(conn, RecipientRow, sql, campaign.as_str(), workspace.as_str(), from, limit)
        })
        .await
    }
}

/// The first free position of a campaign that takes recipients, or why it takes none.
async fn next_position(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    campaign: &CampaignId,
) -> Result<std::result::Result<i64, CampaignChange>> {
    let Some(locked) = LockedCampaign::find(conn, workspace, campaign).await? else {
        return Ok(Err(CampaignChange::Nowhere));
    };
    if !matches!(locked.state, CampaignState::Draft | CampaignState::Stopped) {
        return Ok(Err(CampaignChange::WrongState(locked.state)));
    }
    if locked.recipients >= MAX_RECIPIENTS {
        return Ok(Err(CampaignChange::Full));
    }
    let sql = "select max(position) from campaign_recipients where campaign_id = $1";
    let last = first!(conn, (Option<i64>,), sql, campaign.as_str())?;
    Ok(Ok(last.and_then(|row| row.0).unwrap_or(0) + 1))
}

async fn count(conn: &mut Conn<'_>, campaign: &CampaignId, added: u64) -> Result<AddOutcome> {
    let sql = "update campaigns set recipients = recipients + $2 where id = $1";
    run!(conn, sql, campaign.as_str(), i64::try_from(added).unwrap_or(i64::MAX))?;
    Ok(AddOutcome::Added(added))
}

struct AddRecipients {
    campaign: CampaignId,
    recipients: Vec<NewRecipient>,
}

#[async_trait]
impl Write for AddRecipients {
    type Out = AddOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<AddOutcome> {
        let next = match next_position(conn, workspace, &self.campaign).await? {
            Ok(next) => next,
            Err(why) => return Ok(AddOutcome::Refused(why)),
        };
        let mut rows = Rows::default();
        for (position, recipient) in (next..).zip(&self.recipients) {
            let name = recipient.name.as_deref().map(|name| storable(name).into_owned());
            rows.push([
                workspace.as_str().into(),
                self.campaign.as_str().into(),
                position.into(),
                recipient.wa_id.as_str().into(),
                name.into(),
                storable(&to_json(&recipient.fields)?).into_owned().into(),
                RecipientState::Waiting.into(),
            ]);
        }
        let into = "insert into campaign_recipients (workspace_id, campaign_id, position, wa_id, name, fields, state)";
        let added = conn.many(into, &rows, "on conflict (campaign_id, wa_id) do nothing").await?;
        count(conn, &self.campaign, added).await
    }
}

struct AddSegment {
    campaign: CampaignId,
    segment: Segment,
}

#[async_trait]
impl Write for AddSegment {
    type Out = AddOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<AddOutcome> {
        let next = match next_position(conn, workspace, &self.campaign).await? {
            Ok(next) => next,
            Err(why) => return Ok(AddOutcome::Refused(why)),
        };
        // Support contacts are nobody's customers.
        let sql = formatcp!(
            "insert into campaign_recipients (workspace_id, campaign_id, position, wa_id, bsuid, name, fields, state)
             select c.workspace_id, $2, $3 - 1 + row_number() over (order by c.id), c.wa_id, c.bsuid, c.name, '{{}}', '{WAITING}'
             from conversations v join contacts c on c.id = v.contact_id
             where v.workspace_id = $1 and v.number_id = (select number_id from campaigns where id = $2)
                 and c.opted_out_at is null and (c.wa_id is not null or c.bsuid is not null)
                 and (v.last_inbound_at >= $4 and v.last_inbound_at < $5
                     or v.last_inbound_at is null and $4 = 0 and $5 = {ALWAYS} and $6 = 1)
                 and v.notice_at is null and ($6 = 0 or c.opted_in_at is not null)
                 and ($7 = '' or substr(c.wa_id, 1, length($7)) = $7)
             order by c.id limit {MAX_RECIPIENTS} on conflict do nothing"
        );
        let Segment { wrote_after, wrote_before, opted_in, phone_prefix } = &self.segment;
        let (after, before) = (wrote_after.unwrap_or(0), wrote_before.unwrap_or(ALWAYS));
        let (opted_in, prefix) = (i64::from(*opted_in), phone_prefix.as_deref().unwrap_or(""));
        let (space, campaign) = (workspace.as_str(), self.campaign.as_str());
        let added = run!(conn, sql, space, campaign, next, after, before, opted_in, prefix)?;
        count(conn, &self.campaign, added).await
    }
}
