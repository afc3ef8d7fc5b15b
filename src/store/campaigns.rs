//! Campaigns: their rows, and starting and stopping them. What one message costs is in `feed.rs`.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::words::author::CAMPAIGN;
use super::words::campaign_state::{DRAFT, RUNNING, SCHEDULED, STOPPED};
use super::words::message_state::QUEUED as IN_OUTBOX;
use super::words::recipient_state::{QUEUED, WAITING};
use super::{Conn, Result, Rows, Store, Write, all, first, now, run, storable, to_json};
use crate::domain::{
    CampaignHold, CampaignId, CampaignState, CampaignStop, CampaignTemplate, NumberId, WorkspaceId,
};

pub mod feed;
pub mod recipients;
pub mod results;

/// A campaign to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCampaign {
    /// The number that writes.
    pub number: NumberId,
    /// What people call it.
    pub name: String,
    /// The template and its values.
    pub template: CampaignTemplate,
    /// Where the recipients agreed to be written to.
    pub opt_in: String,
    /// Messages a minute; `None` for the default.
    pub pace: Option<i64>,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CampaignRow {
    /// The id.
    pub id: CampaignId,
    /// The number that writes.
    pub number_id: NumberId,
    /// What people call it.
    pub name: String,
    /// The template and its values as JSON.
    pub template: String,
    /// Where the recipients agreed to be written to.
    pub opt_in: String,
    /// Messages a minute; `None` for the default.
    pub pace: Option<i64>,
    /// How far it is.
    #[sqlx(try_from = "LenientWord<CampaignState>")]
    pub state: CampaignState,
    /// Why it stopped.
    #[sqlx(try_from = "LenientWord<CampaignStop>")]
    pub reason: Option<CampaignStop>,
    /// What it waits for.
    #[sqlx(try_from = "LenientWord<CampaignHold>")]
    pub hold: Option<CampaignHold>,
    /// When its next messages may be queued, while it is scheduled or runs.
    pub due_at: Option<i64>,
    /// Recipients in all.
    pub recipients: i64,
    /// Recipients whose message was queued.
    pub queued: i64,
    /// Recipients who get none.
    pub skipped: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it first began.
    pub started_at: Option<i64>,
    /// When it last stopped or finished.
    pub ended_at: Option<i64>,
}

impl CampaignRow {
    /// The template and its values; `None` if a newer version wrote what this one cannot read.
    pub fn template(&self) -> Option<CampaignTemplate> {
        serde_json::from_str(&self.template).ok()
    }
}

/// What became of a request to change a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignChange {
    /// It is done.
    Done,
    /// The campaign does not exist.
    Nowhere,
    /// Its state does not allow it.
    WrongState(CampaignState),
    /// It has no recipients who wait.
    NobodyWaits,
    /// It would have too many recipients.
    Full,
}

/// A campaign that this process queues messages of.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CampaignClaim {
    /// The campaign.
    pub id: CampaignId,
    /// The number that writes.
    pub number_id: NumberId,
    /// The template and its values as JSON.
    pub template: String,
    /// Where the recipients agreed to be written to.
    pub opt_in: String,
    /// Messages a minute; `None` for the default.
    pub pace: Option<i64>,
    /// Identifies the claim.
    pub lease_token: i64,
}

macro_rules! campaigns {
    ($rest:expr) => {
        const_format::concatcp!(
            "select id, number_id, name, template, opt_in, pace, state, reason, hold, due_at, recipients, queued, skipped,
                 created_at, started_at, ended_at from campaigns where workspace_id = $1 ",
            $rest
        )
    };
}

impl Store {
    /// Stores a campaign as a draft.
    pub async fn create_campaign(&self, campaign: NewCampaign) -> Result<CampaignId> {
        self.apply(campaign).await
    }

    /// Campaigns, newest first, after the one with this time and id.
    pub async fn campaigns(
        &self,
        after: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<CampaignRow>> {
        let (moment, id) = after.unwrap_or((i64::MAX, String::new()));
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = campaigns!(
                "and (created_at, id) < ($2, $3) order by created_at desc, id desc limit $4"
            );
            all!(conn, CampaignRow, sql, workspace.as_str(), moment, &id, limit)
        })
        .await
    }

    /// A campaign.
    pub async fn campaign(&self, id: &CampaignId) -> Result<Option<CampaignRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            first!(conn, CampaignRow, campaigns!("and id = $2"), workspace.as_str(), id.as_str())
        })
        .await
    }

    /// Removes a campaign that was never started, with its recipients.
    pub async fn remove_campaign(&self, id: &CampaignId) -> Result<CampaignChange> {
        self.apply(ChangeCampaign { id: id.clone(), to: Change::Remove }).await
    }

    /// Starts a campaign, or goes on with a stopped one, at a time.
    pub async fn start_campaign(&self, id: &CampaignId, at: i64) -> Result<CampaignChange> {
        self.apply(ChangeCampaign { id: id.clone(), to: Change::Start(at) }).await
    }

    /// Stops a campaign. Its messages that no process tried to send are taken out of the outbox: their
    /// recipients wait.
    pub async fn stop_campaign(
        &self,
        id: &CampaignId,
        reason: CampaignStop,
    ) -> Result<CampaignChange> {
        self.apply(ChangeCampaign { id: id.clone(), to: Change::Stop(reason) }).await
    }

    /// Claims the campaigns that are due and that no process queues messages of. They run from now on.
    pub async fn claim_campaigns(&self, lease_ms: i64) -> Result<Vec<CampaignClaim>> {
        let (workspace, moment) = (self.workspace_id(), now());
        let due = self
            .read(async |conn| {
                let sql = formatcp!(
                    "select id from campaigns where due_at <= $1 and lease_until < $1 and workspace_id = $2 limit 1"
                );
                first!(conn, (String,), sql, moment, workspace.as_str())
            })
            .await?;
        match due {
            None => Ok(Vec::new()),
            Some(_) => self.apply(ClaimCampaigns { lease_ms }).await,
        }
    }
}

#[async_trait]
impl Write for NewCampaign {
    type Out = CampaignId;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<CampaignId> {
        let id = CampaignId::generate();
        let sql = formatcp!(
            "insert into campaigns (id, workspace_id, number_id, name, template, opt_in, pace, state, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, '{DRAFT}', $8)"
        );
        let template = to_json(&self.template)?;
        run!(
            conn,
            sql,
            id.as_str(),
            workspace.as_str(),
            self.number.as_str(),
            storable(&self.name),
            storable(&template),
            storable(&self.opt_in),
            self.pace,
            now()
        )?;
        Ok(id)
    }
}

struct ClaimCampaigns {
    lease_ms: i64,
}

#[async_trait]
impl Write for ClaimCampaigns {
    type Out = Vec<CampaignClaim>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Self::Out> {
        let sql = formatcp!(
            "update campaigns set state = '{RUNNING}', started_at = coalesce(started_at, $1), lease_until = $2,
                 lease_token = lease_token + 1, hold = null
             where due_at <= $1 and lease_until < $1 and workspace_id = $3 and state in ('{SCHEDULED}', '{RUNNING}')
             returning id, number_id, template, opt_in, pace, lease_token"
        );
        let moment = now();
        all!(conn, CampaignClaim, sql, moment, moment + self.lease_ms, workspace.as_str())
    }
}

enum Change {
    Remove,
    Start(i64),
    Stop(CampaignStop),
}

struct ChangeCampaign {
    id: CampaignId,
    to: Change,
}

/// A campaign, locked until the commit.
#[derive(FromRow)]
struct LockedCampaign {
    #[sqlx(try_from = "LenientWord<CampaignState>")]
    state: CampaignState,
    number_id: NumberId,
    recipients: i64,
}

impl LockedCampaign {
    async fn find(
        conn: &mut Conn<'_>,
        workspace: &WorkspaceId,
        id: &CampaignId,
    ) -> Result<Option<Self>> {
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    "select state, number_id, recipients from campaigns where id = $1 and workspace_id = $2 ",
                    $lock
                )
            };
        }
        let sql = conn.sql_for(find!(""), find!("for update"));
        first!(conn, Self, sql, id.as_str(), workspace.as_str())
    }
}

#[async_trait]
impl Write for ChangeCampaign {
    type Out = CampaignChange;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<CampaignChange> {
        let Some(campaign) = LockedCampaign::find(conn, workspace, &self.id).await? else {
            return Ok(CampaignChange::Nowhere);
        };
        let state = campaign.state;
        match (&self.to, state) {
            (Change::Remove, CampaignState::Draft) => self.remove(conn).await?,
            (
                Change::Start(at),
                CampaignState::Draft | CampaignState::Stopped | CampaignState::Scheduled,
            ) => {
                if !self.has_waiting(conn).await? {
                    return Ok(CampaignChange::NobodyWaits);
                }
                let sql = formatcp!(
                    "update campaigns set state = '{SCHEDULED}', due_at = $2, reason = null, hold = null, ended_at = null,
                         lease_until = 0 where id = $1"
                );
                run!(conn, sql, self.id.as_str(), *at)?;
            }
            (
                Change::Stop(reason),
                CampaignState::Running | CampaignState::Scheduled | CampaignState::Finished,
            ) => {
                let taken_back = self.take_back(conn, &campaign.number_id).await?;
                if state == CampaignState::Finished && taken_back == 0 {
                    return Ok(CampaignChange::WrongState(state));
                }
                let sql = formatcp!(
                    "update campaigns set state = '{STOPPED}', due_at = null, reason = $2, hold = null, ended_at = $3,
                         lease_until = 0, lease_token = lease_token + 1, queued = queued - $4 where id = $1"
                );
                run!(conn, sql, self.id.as_str(), *reason, now(), taken_back)?;
            }
            _ => return Ok(CampaignChange::WrongState(state)),
        }
        Ok(CampaignChange::Done)
    }
}

impl ChangeCampaign {
    async fn has_waiting(&self, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = formatcp!(
            "select position from campaign_recipients where campaign_id = $1 and state = '{WAITING}' limit 1"
        );
        Ok(first!(conn, (i64,), sql, self.id.as_str())?.is_some())
    }

    async fn remove(&self, conn: &mut Conn<'_>) -> Result<()> {
        run!(conn, "delete from campaign_recipients where campaign_id = $1", self.id.as_str())?;
        run!(conn, "delete from campaigns where id = $1", self.id.as_str()).map(drop)
    }

    /// Takes the messages that were never tried out of the outbox. Returns their number.
    async fn take_back(&self, conn: &mut Conn<'_>, number: &NumberId) -> Result<i64> {
        macro_rules! untried {
            ($lock:literal) => {
                formatcp!(
                    "select m.id from messages m join campaign_recipients r on r.message_id = m.id
                     where m.state = '{IN_OUTBOX}' and m.number_id = $1 and m.author || '' = '{CAMPAIGN}' and m.resent = 0
                         and r.campaign_id = $2 {lock}",
                    lock = $lock
                )
            };
        }
        let sql = conn.sql_for(untried!(""), untried!("order by m.id for update of m"));
        let untried = all!(conn, (String,), sql, number.as_str(), self.id.as_str())?;
        let mut rows = Rows::default();
        for (id,) in &untried {
            rows.push([id.as_str().into()]);
        }
        let after = formatcp!(
            ") update campaign_recipients set state = '{WAITING}', message_id = null, contact_id = null, queued_at = null
             from v where campaign_recipients.message_id = v.id and campaign_recipients.state = '{QUEUED}'"
        );
        conn.many("with v (id) as (", &rows, after).await?;
        conn.many(
            "with v (id) as (",
            &rows,
            ") delete from messages where id in (select v.id from v)",
        )
        .await?;
        Ok(i64::try_from(untried.len()).unwrap_or(i64::MAX))
    }
}
