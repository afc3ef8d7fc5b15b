//! Queues the next messages of a running campaign: contacts, conversations, messages and the recipients
//! who have them commit together, so that nobody is missed and nobody is written to twice, whenever the
//! process ends.

use std::collections::HashSet;

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::CampaignClaim;
use crate::domain::campaign::with_contact;
use crate::domain::{
    Author, CampaignHold, CampaignId, CampaignTemplate, Content, MessageTemplate, NumberId, Owner,
    Party, RecipientFields, RecipientState, SkipReason, WorkspaceId,
};
use crate::store::bulk::Value;
use crate::store::inbox::outreach::{OpenConversation, Outreach};
use crate::store::outbox::{self, OutboxEntry, OutgoingRow};
use crate::store::words::author::CAMPAIGN;
use crate::store::words::campaign_state::{FINISHED, RUNNING};
use crate::store::words::message_state::{FAILED, QUEUED as IN_OUTBOX, SENDING};
use crate::store::words::recipient_state::WAITING;
use crate::store::{Conn, Result, Rows, Store, Write, all, first, now, run};

/// How many of the last messages are looked at, to see whether all fail.
const LOOKED_AT: usize = 200;
/// How many of them must have been tried.
const MIN_TRIED: usize = 20;

/// A request to queue the next messages of a campaign.
#[derive(Debug, Clone)]
pub struct FeedRequest {
    /// The campaign.
    pub claim: CampaignClaim,
    /// The template and its values.
    pub values: CampaignTemplate,
    /// The template as its account has it.
    pub template: MessageTemplate,
    /// Maximum number of messages to queue.
    pub limit: i64,
    /// Maximum number of campaigns' messages of the number that wait in the outbox.
    pub max_queued: i64,
    /// Whether WhatsApp takes free text only after a customer wrote.
    pub has_window: bool,
    /// How long the claim holds from now on, in milliseconds.
    pub lease_ms: i64,
}

/// What was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedOutcome {
    /// The claim was lost: the campaign was stopped, or another process has it.
    Lost,
    /// So many messages were queued.
    Queued(i64),
    /// So many messages were queued, and nobody waits any more.
    Finished(i64),
}

impl Store {
    /// Queues the next messages of a campaign.
    pub async fn feed_campaign(&self, request: FeedRequest) -> Result<FeedOutcome> {
        self.apply(request).await
    }

    /// Prolongs a claim. False if it is lost.
    pub async fn keep_campaign(&self, claim: &CampaignClaim, lease_ms: i64) -> Result<bool> {
        self.apply(Keep { claim: claim.clone(), lease_ms }).await
    }

    /// Gives a claim back. The campaign goes on at `due_at`; `hold` is what it waits for until then.
    pub async fn release_campaign(
        &self,
        claim: &CampaignClaim,
        due_at: i64,
        hold: Option<CampaignHold>,
    ) -> Result<()> {
        self.apply(Release { claim: claim.clone(), due_at, hold }).await
    }

    /// Whether the last messages of a campaign all failed, of those that were tried.
    pub async fn campaign_fails(&self, id: &CampaignId) -> Result<bool> {
        let workspace = self.workspace_id();
        let tried = self
            .read(async |conn| {
                let sql = formatcp!(
                    "select m.state from (select message_id from campaign_recipients
                         where campaign_id || '' = $1 and workspace_id = $2 and queued_at is not null
                         order by queued_at desc limit {LOOKED_AT}) r
                     join messages m on m.id = r.message_id where m.state not in ('{IN_OUTBOX}', '{SENDING}')"
                );
                all!(conn, (String,), sql, id.as_str(), workspace.as_str())
            })
            .await?;
        Ok(tried.len() >= MIN_TRIED && tried.iter().all(|row| row.0 == FAILED))
    }

    /// How many customers a number wrote to with campaigns since a moment.
    pub async fn campaign_messages_since(&self, number: &NumberId, since: i64) -> Result<i64> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = "select count(*) from campaign_recipients r join campaigns c on c.id = r.campaign_id
                           where r.queued_at > $1 and r.workspace_id = $2 and c.number_id = $3";
                first!(conn, (i64,), sql, since, workspace.as_str(), number.as_str())
            })
            .await?;
        Ok(row.map_or(0, |row| row.0))
    }
}

struct Keep {
    claim: CampaignClaim,
    lease_ms: i64,
}

#[async_trait]
impl Write for Keep {
    type Out = bool;

    /// The campaign is locked until the commit.
    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = formatcp!(
            "update campaigns set lease_until = $4
             where id = $1 and workspace_id = $2 and lease_token = $3 and state = '{RUNNING}'"
        );
        let CampaignClaim { id, lease_token, .. } = &self.claim;
        let until = now() + self.lease_ms;
        Ok(run!(conn, sql, id.as_str(), workspace.as_str(), *lease_token, until)? > 0)
    }
}

struct Release {
    claim: CampaignClaim,
    due_at: i64,
    hold: Option<CampaignHold>,
}

#[async_trait]
impl Write for Release {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = formatcp!(
            "update campaigns set due_at = $4, hold = $5, lease_until = 0
             where id = $1 and workspace_id = $2 and lease_token = $3 and state = '{RUNNING}'"
        );
        let CampaignClaim { id, lease_token, .. } = &self.claim;
        let (due, hold) = (self.due_at, self.hold);
        run!(conn, sql, id.as_str(), workspace.as_str(), *lease_token, due, hold).map(drop)
    }
}

/// A recipient who waits.
#[derive(FromRow)]
struct WaitingRecipient {
    position: i64,
    wa_id: Option<String>,
    bsuid: Option<String>,
    name: Option<String>,
    fields: String,
}

/// What becomes of a recipient.
enum Decision {
    Message(Box<OutgoingRow>),
    Skip(SkipReason),
}

#[async_trait]
impl Write for FeedRequest {
    type Out = FeedOutcome;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<FeedOutcome> {
        let keep = Keep { claim: self.claim.clone(), lease_ms: self.lease_ms };
        if !keep.run(workspace, conn).await? {
            return Ok(FeedOutcome::Lost);
        }
        let limit = self.limit.min(self.max_queued - self.in_outbox(workspace, conn).await?);
        if limit <= 0 {
            return Ok(FeedOutcome::Queued(0));
        }
        let sql = formatcp!(
            "select position, wa_id, bsuid, name, fields from campaign_recipients
             where campaign_id = $1 and state = '{WAITING}' order by position limit $2"
        );
        let waiting = all!(conn, WaitingRecipient, sql, self.claim.id.as_str(), limit)?;
        let queued = self.queue(workspace, conn, &waiting).await?;
        let are_all = i64::try_from(waiting.len()).unwrap_or(i64::MAX) < limit;
        let skipped = i64::try_from(waiting.len()).unwrap_or(i64::MAX) - queued;
        let sql = "update campaigns set queued = queued + $2, skipped = skipped + $3 where id = $1";
        run!(conn, sql, self.claim.id.as_str(), queued, skipped)?;
        if !are_all {
            return Ok(FeedOutcome::Queued(queued));
        }
        let sql = formatcp!(
            "update campaigns set state = '{FINISHED}', due_at = null, lease_until = 0, ended_at = $2 where id = $1"
        );
        run!(conn, sql, self.claim.id.as_str(), now())?;
        Ok(FeedOutcome::Finished(queued))
    }
}

impl FeedRequest {
    /// How many campaigns' messages of the number wait in the outbox.
    async fn in_outbox(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<i64> {
        let sql = formatcp!(
            "select count(*) from messages where state = '{IN_OUTBOX}' and workspace_id || '' = $1
                 and number_id || '' = $2 and author || '' = '{CAMPAIGN}'"
        );
        let number = self.claim.number_id.as_str();
        Ok(first!(conn, (i64,), sql, workspace.as_str(), number)?.map_or(0, |row| row.0))
    }

    /// Queues the recipients' messages. Returns their number; the other recipients are skipped.
    async fn queue(
        &self,
        workspace: &WorkspaceId,
        conn: &mut Conn<'_>,
        waiting: &[WaitingRecipient],
    ) -> Result<i64> {
        let parties: Vec<_> = waiting.iter().map(WaitingRecipient::party).collect();
        let number = &self.claim.number_id;
        let outreach = Outreach {
            number,
            parties: &parties,
            // Nobody's until the customer answers: lists of what is to be done do not show it.
            owner: Owner::Nobody,
            opt_in: Some(&self.claim.opt_in),
            has_window: self.has_window,
        };
        let opened = outreach.open(workspace, conn).await?;
        let mut reached = self.reached(conn, &opened).await?;
        let (mut recipients, mut messages) = (Rows::default(), Rows::default());
        let mut queued = 0;
        for (recipient, open) in waiting.iter().zip(&opened) {
            let decision = if open.opted_out {
                Decision::Skip(SkipReason::OptedOut)
            } else if reached.insert(open.contact.clone()) {
                self.filled(recipient)
            } else {
                Decision::Skip(SkipReason::Repeated)
            };
            recipients.push(self.recipient_row((recipient, open), &decision));
            if let Decision::Message(message) = &decision {
                let (conversation, number) = (&open.id, number.as_str());
                let author = Author::Campaign;
                let entry = OutboxEntry { conversation, number, turn: None, author };
                messages.push(entry.values(workspace, message, (0, None))?);
                queued += 1;
            }
        }
        outbox::insert(conn, &messages).await?;
        let before =
            "with v (campaign_id, position, state, reason, message_id, contact_id, queued_at) as (";
        let after = ") update campaign_recipients set state = v.state, reason = v.reason, message_id = v.message_id,
                         contact_id = v.contact_id, queued_at = v.queued_at
                     from v where campaign_recipients.campaign_id = v.campaign_id and campaign_recipients.position = v.position";
        conn.many(before, &recipients, after).await?;
        Ok(queued)
    }

    fn recipient_row(
        &self,
        (recipient, open): (&WaitingRecipient, &OpenConversation),
        decision: &Decision,
    ) -> [Value; 7] {
        let (state, reason, message) = match decision {
            Decision::Skip(reason) => (RecipientState::Skipped, Some(*reason), None),
            Decision::Message(message) => (RecipientState::Queued, None, Some(message)),
        };
        [
            self.claim.id.as_str().into(),
            recipient.position.into(),
            state.into(),
            reason.map(SkipReason::as_str).into(),
            message.map(|message| message.id.as_str()).into(),
            message.map(|_| open.contact.as_str()).into(),
            message.map(|_| now()).into(),
        ]
    }

    /// Those of these customers whose message was queued before, under whatever address.
    async fn reached(
        &self,
        conn: &mut Conn<'_>,
        opened: &[OpenConversation],
    ) -> Result<HashSet<String>> {
        let mut rows = Rows::default();
        for one in opened {
            rows.push([self.claim.id.as_str().into(), one.contact.as_str().into()]);
        }
        let before = "with v (campaign_id, contact_id) as (";
        let after = ") select r.contact_id from v cross join campaign_recipients r
                     where r.contact_id = v.contact_id and r.campaign_id = v.campaign_id";
        let found = conn.many_rows::<(String,)>(before, &rows, after).await?;
        Ok(found.into_iter().map(|row| row.0).collect())
    }

    fn filled(&self, recipient: &WaitingRecipient) -> Decision {
        match self.values.fill(&self.template, &recipient.fields()) {
            Ok(filled) => Decision::Message(Box::new(OutgoingRow::of(Content::Template(filled)))),
            Err(_) => Decision::Skip(SkipReason::Values),
        }
    }
}

impl WaitingRecipient {
    fn party(&self) -> Party {
        Party {
            wa_id: self.wa_id.clone(),
            bsuid: self.bsuid.clone(),
            name: self.name.clone(),
            ..Party::default()
        }
    }

    /// The columns, with the name and the phone.
    fn fields(&self) -> RecipientFields {
        let fields = serde_json::from_str(&self.fields).unwrap_or_default();
        with_contact(fields, self.name.as_deref(), self.wa_id.as_deref())
    }
}
