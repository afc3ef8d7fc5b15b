//! Periodic maintenance: sends whose process died, sends whose outcome stays unknown, cases that
//! nobody was told of, what was kept for long enough, sessions that are over, sites that are to be read again, and the sign of life of
//! this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::watch;

use super::Settings;
use super::uptime::Uptime;
use crate::desk::{Change, Desk, Number};
use crate::domain::time::{DAY_MS, now_ms};
use crate::domain::{MessageId, What};
use crate::knowledge::{self, SilentProgress, Summary};
use crate::metrics::SENDS_DECIDED;
use crate::pipeline::gaps;
use crate::pipeline::outbound::notices;
use crate::store::Result;
use crate::store::replicas::HoldName;
use crate::store::sources::SourceRow;

/// How often sends and cases are looked after, at the least.
const OFTEN: Duration = Duration::from_secs(2);
/// How long a message is left to another version, in milliseconds: by then an update is over.
const ORPHANED_MS: i64 = 15 * 60_000;
/// How often unanswered questions are grouped, in milliseconds.
const GROUP_MS: i64 = 30_000;
/// How often a process says that it is alive, and after how long without it is gone, in milliseconds.
const BEAT: Duration = Duration::from_secs(5);
const GONE_MS: i64 = 30_000;
/// How often old webhooks are looked for; one process does it at a time.
const SELDOM: Duration = Duration::from_mins(10);
/// How many webhooks are forgotten at once.
const FORGET: i64 = 1000;
/// How many recordings are forgotten at once: they are larger.
const FORGET_FILES: i64 = 50;
/// How many sites are read at once.
const SITES: usize = 3;

/// Runs until it is told to stop. `replicas` is told how many processes are alive.
pub(super) async fn run(
    desk: Arc<Desk>,
    settings: Settings,
    replicas: Arc<AtomicI64>,
    mut stopped: watch::Receiver<bool>,
) {
    let maintenance = Maintenance { desk, settings, replicas };
    tokio::select! {
        () = maintenance.often() => {}
        () = maintenance.group_gaps() => {}
        () = maintenance.beat() => {}
        () = maintenance.seldom() => {}
        () = maintenance.read_sources() => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    if let Err(error) = maintenance.desk.store.let_sources_go().await {
        tracing::debug!(%error, "sources under way could not be let go, their leases end by themselves");
    }
    if let Err(error) = maintenance.desk.store.leave().await {
        tracing::debug!(%error, "the other replicas were not told that this one goes");
    }
}

/// Rows with a retention of some days.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Old {
    Webhooks,
    Recordings,
    Tapes,
    Audit,
}

struct Maintenance {
    desk: Arc<Desk>,
    settings: Settings,
    replicas: Arc<AtomicI64>,
}

impl Maintenance {
    async fn often(&self) {
        let pause = OFTEN.min(Duration::from_millis(self.settings.poll_ms));
        let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let mut uptime = Uptime::begin(now_ms(), pause_ms);
        loop {
            let numbers = self.desk.numbers.all();
            let waits = numbers.iter().map(|number| number.sending.unknown.after_ms);
            uptime.at_most(waits.max().unwrap_or(i64::MAX));
            for number in numbers {
                if let Err(error) = self.look_after(&number, &mut uptime).await {
                    tracing::error!(%error, "the outbox cannot be looked after, it is tried again");
                }
            }
            if let Err(error) = self.ask_about_orphans().await {
                tracing::error!(%error, "messages of another version cannot be looked for, it is tried again");
            }
            if let Err(error) = self.tell_of_cases().await {
                tracing::error!(%error, "the support contacts cannot be told of cases, it is tried again");
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn look_after(&self, number: &Number, uptime: &mut Uptime) -> Result<()> {
        let (store, unknown) = (&self.desk.store, number.sending.unknown);
        let found = store.sweep_sends(&number.id, unknown.after_ms).await?;
        if found > 0 {
            tracing::warn!(
                number = number.slug,
                "{found} sends were begun and never recorded: their outcome is unknown until WhatsApp reports it"
            );
        }
        // A desk that was down or suspended hears now what WhatsApp could not report meanwhile.
        let moment = now_ms();
        uptime.look(moment);
        if !uptime.has_heard(unknown.after_ms) {
            return Ok(());
        }
        let decided = store.decide_unknown(&number.id, unknown, moment).await?;
        if decided > 0 {
            SENDS_DECIDED.add(decided);
            tracing::warn!(
                number = number.slug,
                "WhatsApp reported nothing of {decided} messages of unknown outcome: {:?}, as [numbers.{}] unknown says",
                unknown.then,
                number.slug
            );
            self.desk.wake.send();
        }
        Ok(())
    }

    /// What waits for a process of another version, of which there may be none, holds up what stands behind it until a person is asked.
    async fn ask_about_orphans(&self) -> Result<()> {
        let orphans = self.desk.store.ask_about_orphans(ORPHANED_MS).await?;
        if !orphans.is_empty() {
            let ids: Vec<_> = orphans.iter().map(MessageId::as_str).collect();
            tracing::error!(
                "messages wait for a version that knows who wrote them and who owns their conversations, and what stands \
                 behind them waits no longer: {}",
                ids.join(", ")
            );
            self.desk.wake.send();
        }
        Ok(())
    }

    async fn tell_of_cases(&self) -> Result<()> {
        let untold = self.desk.store.untold().await?;
        if !untold.is_empty() {
            self.desk.announce(What::Escalations).await;
        }
        for case in untold {
            let number = self.desk.number(&case.number_id);
            let bot = number.and_then(|number| self.desk.bots.get(&number.agent));
            let told = bot.map(|bot| notices(&bot, &case, &self.desk.base_url)).unwrap_or_default();
            tracing::warn!(
                conversation = case.conversation_id,
                "a person is needed: {}",
                case.reason
            );
            self.desk.store.tell(&case, told).await?;
            self.desk.wake.send();
        }
        Ok(())
    }

    /// Questions that were not answered become knowledge gaps; one process does it at a time.
    async fn group_gaps(&self) {
        loop {
            match self.desk.store.hold(HoldName::Gaps, 2 * GROUP_MS).await {
                Ok(true) => {
                    if let Err(error) = gaps::group(&self.desk.store).await {
                        tracing::warn!(%error, "unanswered questions could not be grouped, it is tried again");
                    }
                }
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "knowledge gaps could not be held"),
            }
            tokio::time::sleep(Duration::from_millis(GROUP_MS.unsigned_abs())).await;
        }
    }

    async fn beat(&self) {
        loop {
            match self.desk.store.beat(GONE_MS).await {
                Ok(alive) => self.replicas.store(alive.max(1), Ordering::Relaxed),
                Err(error) => tracing::debug!(%error, "no sign of life could be given"),
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Reads the sources that are due, a few at a time: a slow site must not hold up the others.
    async fn read_sources(&self) {
        join_all((0..SITES).map(|_| self.read_one_by_one())).await;
    }

    /// Reads the sources that are due, one after the other. Each is leased: of several readers one reads it.
    async fn read_one_by_one(&self) {
        let pause = OFTEN.min(Duration::from_millis(self.settings.poll_ms));
        loop {
            match self.refresh_due().await {
                Ok(None) => {}
                Ok(Some((source, summary))) => {
                    let Summary { learned, unchanged, removed, failed, .. } = summary;
                    let failed = failed.len();
                    tracing::info!(
                        source = source.id,
                        "{} was read: {learned} pages learned, {unchanged} unchanged, {removed} removed, {failed} failed",
                        // What stands behind the path may be a key.
                        source.url.split(['?', '#']).next().unwrap_or_default()
                    );
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "a source could not be read, it is tried again");
                    tokio::time::sleep(BEAT).await;
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads the source that has been due for longest. What a gate guards is not read by itself: its pages cannot be tried first.
    async fn refresh_due(
        &self,
    ) -> std::result::Result<Option<(SourceRow, Summary)>, knowledge::Error> {
        let library = &self.desk.library;
        let Some(source) = self.desk.store.due_source().await? else { return Ok(None) };
        let collection = library.collection_of(&source).await?;
        match self.desk.guarded(&collection, Change::Source).await? {
            None => library.refresh_source(source, &SilentProgress).await,
            Some(why) => {
                tracing::warn!(source = source.id, "a source is not read by itself: {why}");
                library.put_off(source, why).await.map(|()| None)
            }
        }
    }

    async fn seldom(&self) {
        loop {
            if let Err(error) = self.forget().await {
                tracing::warn!(%error, "what is old could not be forgotten, it is tried again");
            }
            tokio::time::sleep(SELDOM).await;
        }
    }

    async fn forget(&self) -> Result<()> {
        let lease_ms = i64::try_from(SELDOM.as_millis()).unwrap_or(i64::MAX);
        if !self.desk.store.hold(HoldName::Housekeeping, lease_ms).await? {
            return Ok(());
        }
        self.desk.store.forget_sessions().await?;
        self.forget_old(Old::Webhooks, self.settings.keep_webhooks_days).await?;
        self.forget_old(Old::Recordings, self.settings.keep_recordings_days).await?;
        self.forget_old(Old::Tapes, self.settings.keep_tapes_days).await?;
        self.forget_old(Old::Audit, self.settings.keep_audit_days).await
    }

    /// Forgets what is older than so many days; 0 days: nothing.
    async fn forget_old(&self, old: Old, days: i64) -> Result<()> {
        if days <= 0 {
            return Ok(());
        }
        let before = now_ms() - days.saturating_mul(DAY_MS);
        let started = Instant::now();
        let mut all = 0;
        loop {
            let store = &self.desk.store;
            let gone = match old {
                Old::Webhooks => store.forget_webhooks(before, FORGET).await?,
                Old::Recordings => store.forget_recordings(before, FORGET_FILES).await?,
                Old::Tapes => store.forget_tapes(before, FORGET).await?,
                Old::Audit => store.forget_audit(before, FORGET).await?,
            };
            all += gone;
            if gone == 0 || started.elapsed() > SELDOM {
                break;
            }
            // In pieces, with a pause: webhooks that come now must not wait behind it.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if all > 0 {
            let what = match old {
                Old::Webhooks => "webhooks",
                Old::Recordings => "recordings",
                Old::Tapes => "tapes of turns",
                Old::Audit => "entries of the audit log",
            };
            tracing::info!("{all} {what} older than {days} days were forgotten");
        }
        Ok(())
    }
}
