//! Queues the messages of running campaigns at their pace. A campaign has one process that feeds it,
//! as long as its claim holds; the outbox dispatcher sends what is queued, within the number's rate.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::desk::{CampaignProblem, Desk, Number};
use crate::domain::time::now_ms;
use crate::domain::{
    CampaignHold, CampaignId, CampaignStop, CampaignTemplate, MessageTemplate, MessagingLimit, What,
};
use crate::store;
use crate::store::campaigns::CampaignClaim;
use crate::store::campaigns::feed::{FeedOutcome, FeedRequest};

/// How long a claim holds, in milliseconds.
const LEASE_MS: i64 = 6_000;
/// How often a claim is prolonged while nothing is due.
const RENEWAL: Duration = Duration::from_secs(2);
/// Pause between two looks at a running campaign: short, since replies wait for the commit of what is
/// queued at once.
const TICK: Duration = Duration::from_millis(25);
/// Pause after a failure of the database.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Pause while the outbox takes no more of the number's campaigns.
const FULL_INTERVAL: Duration = Duration::from_millis(250);
/// Pause between two looks for campaigns that another process started.
const CLAIM_INTERVAL: Duration = Duration::from_secs(1);
/// The share of a number's rate that a campaign has by default, and the largest: replies have the rest.
const SHARES: (f64, f64) = (0.75, 0.9);
/// The longest time for which a campaign makes up. After a longer wait it goes on at its pace.
const MAX_CATCH_UP: Duration = Duration::from_secs(2);
/// Seconds of the number's rate that may wait in the outbox.
const MAX_QUEUED_SECONDS: f64 = 2.0;
/// The least number of messages that may wait in the outbox.
const MIN_QUEUED: i64 = 20;
/// The period of the number's limit of customers, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;
/// When a campaign that waits for its number or its limit is tried again, in milliseconds.
const HOLD_MS: i64 = 60_000;
/// Pause between two looks at what the number's limit leaves.
const LIMIT_INTERVAL: Duration = Duration::from_secs(10);
/// Pause between two announcements of progress.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(5);

/// Runs until stopped. Claims are then given back, for whoever is next.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, mut stopped: watch::Receiver<bool>) {
    let wake = desk.notifier.campaign_feeder_notify();
    let poll = Duration::from_millis(poll_ms.max(100)).max(TICK);
    let mut feeder = CampaignFeeder { desk, running: HashMap::new(), looked_at: None };
    while !*stopped.borrow() {
        feeder.claim().await;
        feeder.feed_all().await;
        let pause = if feeder.running.is_empty() { poll } else { TICK };
        tokio::select! {
            () = wake.notified() => feeder.looked_at = None,
            () = tokio::time::sleep(pause) => {}
            _ = stopped.changed() => break,
        }
    }
    for running in feeder.running.into_values() {
        let released = feeder.desk.store.release_campaign(&running.claim, now_ms(), None).await;
        if let Err(error) = released {
            tracing::warn!(%error, "a campaign goes on after its claim");
        }
    }
}

struct CampaignFeeder {
    desk: Arc<Desk>,
    running: HashMap<CampaignId, RunningCampaign>,
    looked_at: Option<Instant>,
}

/// A campaign that this process feeds.
struct RunningCampaign {
    claim: CampaignClaim,
    /// When the claim was last prolonged.
    kept_at: Instant,
    /// When it was last looked at whether all of its messages fail.
    looked_at: Instant,
    pace: Option<Pace>,
    /// How many customers the number may still write to, and when that was counted.
    room: Option<(i64, Instant)>,
    announced_at: Option<Instant>,
    /// When it goes on: the database failed, or the outbox is full.
    paused_until: Option<Instant>,
}

/// What follows a look at a campaign.
enum Next {
    /// It goes on.
    GoesOn,
    /// This process feeds it no more.
    Ended,
}

/// How many messages are due: a rate since a moment, and what was queued of it.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Messages a second.
    rate: f64,
    since: Instant,
    queued: i64,
}

impl Pace {
    /// The first message is due at once.
    fn new(rate: f64, since: Instant) -> Self {
        Self { rate, since, queued: -1 }
    }

    /// The messages that are due now. What is due for too long is not made up.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "rates are at most 10,000 a second"
    )]
    fn due(&mut self, now: Instant) -> i64 {
        let earned = self.rate * now.duration_since(self.since).as_secs_f64();
        let due = earned - self.queued as f64;
        let most = (self.rate * MAX_CATCH_UP.as_secs_f64()).max(1.0);
        if due > most {
            (self.since, self.queued) = (now, -(most as i64));
            return most as i64;
        }
        due.floor() as i64
    }
}

impl CampaignFeeder {
    /// Claims campaigns that are due.
    async fn claim(&mut self) {
        if self.looked_at.is_some_and(|at| at.elapsed() < CLAIM_INTERVAL) {
            return;
        }
        self.looked_at = Some(Instant::now());
        match self.desk.store.claim_campaigns(LEASE_MS).await {
            Ok(claims) => {
                for claim in claims {
                    tracing::info!(campaign = claim.id.as_str(), "a campaign runs");
                    let running = RunningCampaign::new(claim);
                    self.running.insert(running.claim.id.clone(), running);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "campaigns could not be looked for, it is tried again");
            }
        }
    }

    /// How many campaigns of the same number run here: they share its rate and its limit.
    fn sharing(&self, id: &CampaignId) -> i64 {
        let number = self.running.get(id).map(|running| &running.claim.number_id);
        let same = |running: &&RunningCampaign| Some(&running.claim.number_id) == number;
        i64::try_from(self.running.values().filter(same).count()).unwrap_or(1).max(1)
    }

    /// Queues what is due of every campaign.
    async fn feed_all(&mut self) {
        let ids: Vec<_> = self.running.keys().cloned().collect();
        for id in ids {
            let sharing = self.sharing(&id);
            let Some(running) = self.running.get_mut(&id) else { continue };
            if running.paused_until.is_some_and(|at| at > Instant::now()) {
                continue;
            }
            match running.feed(&self.desk, sharing).await {
                Ok(Next::GoesOn) => {}
                Ok(Next::Ended) => {
                    self.running.remove(&id);
                    self.desk.announce(What::Campaigns).await;
                }
                Err(error) => {
                    running.paused_until = Some(Instant::now() + RETRY_INTERVAL);
                    tracing::warn!(%error, campaign = id.as_str(), "a campaign could not go on, it is tried again");
                }
            }
        }
    }
}

impl RunningCampaign {
    fn new(claim: CampaignClaim) -> Self {
        let now = Instant::now();
        Self {
            claim,
            kept_at: now,
            looked_at: now,
            pace: None,
            room: None,
            announced_at: None,
            paused_until: None,
        }
    }

    /// Queues what is due.
    async fn feed(&mut self, desk: &Desk, sharing: i64) -> store::Result<Next> {
        let Some(number) = desk.number(self.claim.number_id.as_str()) else {
            return self.hold(desk, CampaignHold::Number).await;
        };
        let rate = rate(self.claim.pace, number.sending.rate, sharing);
        let now = Instant::now();
        let pace = self.pace.get_or_insert_with(|| Pace::new(rate, now));
        if (pace.rate - rate).abs() > f64::EPSILON {
            *pace = Pace::new(rate, now);
        }
        let due = pace.due(now);
        if due == 0 {
            return self.keep(desk).await;
        }
        if self.fails(desk).await? {
            return Ok(Next::Ended);
        }
        let room = match self.room(desk, &number).await? {
            None => return self.hold(desk, CampaignHold::Number).await,
            Some(room) if room <= 0 => return self.hold(desk, CampaignHold::DailyLimit).await,
            Some(room) => room,
        };
        let Some((values, template)) = self.template(desk, &number).await? else {
            return Ok(Next::Ended);
        };
        let request = FeedRequest {
            claim: self.claim.clone(),
            values,
            template,
            limit: due.min(room / sharing).max(1),
            max_queued: max_queued(number.sending.rate),
            has_window: number.has_window,
            lease_ms: LEASE_MS,
        };
        crate::failpoint!("campaign.fed");
        let fed = desk.store.feed_campaign(request).await?;
        self.kept_at = Instant::now();
        Ok(self.after(desk, fed).await)
    }

    /// Stops the campaign if its last messages all failed. Looks seldom.
    async fn fails(&mut self, desk: &Desk) -> store::Result<bool> {
        if self.looked_at.elapsed() < RENEWAL {
            return Ok(false);
        }
        self.looked_at = Instant::now();
        if !desk.store.campaign_fails(&self.claim.id).await? {
            return Ok(false);
        }
        let reason = CampaignStop::AllFailed;
        tracing::error!(campaign = self.claim.id.as_str(), "a campaign stopped: {reason}");
        desk.store.stop_campaign(&self.claim.id, reason).await?;
        Ok(true)
    }

    /// Prolongs the claim, if it is time.
    async fn keep(&mut self, desk: &Desk) -> store::Result<Next> {
        if self.kept_at.elapsed() < RENEWAL {
            return Ok(Next::GoesOn);
        }
        self.kept_at = Instant::now();
        let is_kept = desk.store.keep_campaign(&self.claim, LEASE_MS).await?;
        Ok(if is_kept { Next::GoesOn } else { Next::Ended })
    }

    async fn after(&mut self, desk: &Desk, fed: FeedOutcome) -> Next {
        let (queued, next) = match fed {
            FeedOutcome::Lost => return Next::Ended,
            FeedOutcome::Queued(0) => {
                self.paused_until = Some(Instant::now() + FULL_INTERVAL);
                (0, Next::GoesOn)
            }
            FeedOutcome::Queued(queued) => (queued, Next::GoesOn),
            FeedOutcome::Finished(queued) => (queued, Next::Ended),
        };
        if let Some(pace) = &mut self.pace {
            pace.queued += queued;
        }
        if let Some((room, _)) = &mut self.room {
            *room -= queued;
        }
        if queued > 0 {
            desk.notifier.wake_outbox();
            if self.announced_at.is_none_or(|at| at.elapsed() > ANNOUNCE_INTERVAL) {
                self.announced_at = Some(Instant::now());
                desk.announce(What::Campaigns).await;
            }
        }
        next
    }

    /// Gives the claim back until later.
    async fn hold(&self, desk: &Desk, hold: CampaignHold) -> store::Result<Next> {
        tracing::warn!(campaign = self.claim.id.as_str(), "a campaign waits: {hold}");
        desk.store.release_campaign(&self.claim, now_ms() + HOLD_MS, Some(hold)).await?;
        Ok(Next::Ended)
    }

    /// How many customers the number may still write to within 24 hours; `None` if it may write first
    /// to nobody.
    async fn room(&mut self, desk: &Desk, number: &Number) -> store::Result<Option<i64>> {
        let known = self.room.filter(|(room, at)| *room > 0 && at.elapsed() < LIMIT_INTERVAL);
        if let Some((room, _)) = known {
            return Ok(Some(room));
        }
        let health = desk.store.number_health(&number.id).await?;
        if health.restriction.is_some() {
            return Ok(None);
        }
        let room = match health.messaging_limit.and_then(MessagingLimit::customers) {
            None => i64::MAX,
            Some(limit) => {
                let since = now_ms() - DAY_MS;
                limit - desk.store.campaign_messages_since(&number.id, since).await?
            }
        };
        self.room = Some((room, Instant::now()));
        Ok(Some(room))
    }

    /// The template with its values. If WhatsApp does not take it now, the campaign is stopped.
    async fn template(
        &self,
        desk: &Desk,
        number: &Number,
    ) -> store::Result<Option<(CampaignTemplate, MessageTemplate)>> {
        let values: Option<CampaignTemplate> = serde_json::from_str(&self.claim.template).ok();
        let found = match &values {
            Some(values) => desk.campaign_template(number, values).await,
            None => Err(CampaignProblem::TemplateUnknown),
        };
        let reason = match (values, found) {
            (Some(values), Ok(template)) => return Ok(Some((values, template))),
            (_, Err(CampaignProblem::Store(error))) => return Err(error),
            // Meta pauses templates, and who edits one may add a value.
            (_, Err(CampaignProblem::Values(_))) => CampaignStop::TemplateUnusable,
            _ => CampaignStop::TemplateUnknown,
        };
        tracing::error!(campaign = self.claim.id.as_str(), "a campaign stopped: {reason}");
        desk.store.stop_campaign(&self.claim.id, reason).await?;
        Ok(None)
    }
}

/// A campaign's rate in messages a second: its pace, in messages a minute, within its share of the
/// number's rate.
#[expect(clippy::cast_precision_loss, reason = "a pace is at most 600,000")]
fn rate(pace: Option<i64>, number: f64, sharing: i64) -> f64 {
    let (usual, most) = SHARES;
    let number = number / sharing as f64;
    pace.map_or(number * usual, |pace| (pace as f64 / 60.0).min(number * most)).max(0.001)
}

#[expect(clippy::cast_possible_truncation, reason = "rates are at most 10,000 a second")]
fn max_queued(rate: f64) -> i64 {
    ((rate * MAX_QUEUED_SECONDS) as i64).max(MIN_QUEUED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time between two looks of the test.
    const STEP: Duration = Duration::from_millis(100);

    #[test]
    fn a_campaign_leaves_room_for_replies() {
        assert!((rate(None, 80.0, 1) - 60.0).abs() < 0.01);
        assert!((rate(None, 80.0, 2) - 30.0).abs() < 0.01, "two campaigns share the rate");
        assert!((rate(Some(600), 80.0, 1) - 10.0).abs() < 0.01);
        assert!((rate(Some(600_000), 80.0, 1) - 72.0).abs() < 0.01);
    }

    #[test]
    fn what_is_due_is_the_rate_and_a_long_wait_is_not_made_up() {
        let start = Instant::now();
        let mut pace = Pace::new(10.0, start);
        assert_eq!(pace.due(start), 1);
        let mut queued = 0;
        for tick in 1..=100 {
            let due = pace.due(start + STEP * tick);
            pace.queued += due;
            queued += due;
        }
        assert_eq!(queued, 101, "one at once, and ten seconds at ten a second");
        let late = start + Duration::from_hours(1);
        assert_eq!(pace.due(late), 20);
        pace.queued += 20;
        assert_eq!(pace.due(late + STEP), 1);
    }
}
