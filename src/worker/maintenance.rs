//! Periodic maintenance: sends whose process died or whose outcome stays unknown, notices about new
//! cases, retention, expired sessions, crawls of web sources, grouping of knowledge gaps, and this
//! process's heartbeat.

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
use crate::metrics::{NOTICES_LOST, SENDS_DECIDED};
use crate::pipeline::gaps;
use crate::pipeline::outbound::notices;
use crate::store::Result;
use crate::store::replicas::HoldName;
use crate::store::sources::SourceRow;

/// Longest interval of checks on sends and cases.
const MIN_INTERVAL: Duration = Duration::from_secs(2);
/// How long a message waits for a process of another version, in milliseconds: longer than an
/// update takes.
const ORPHANED_MS: i64 = 15 * 60_000;
/// Interval of grouping unanswered questions, in milliseconds.
const GROUP_MS: i64 = 30_000;
/// Interval of heartbeats, and how long a process without one counts as alive, in milliseconds.
const BEAT: Duration = Duration::from_secs(5);
const GONE_MS: i64 = 30_000;
/// Interval of the retention job; one process runs it at a time.
const SELDOM: Duration = Duration::from_mins(10);
/// Rows that are deleted per statement.
const FORGET: i64 = 1000;
/// Files that are deleted per transaction: fewer, because they are larger.
const FORGET_FILES: i64 = 50;
/// Pause between deletions, so that incoming webhooks do not wait for all of them.
const PAUSE: Duration = Duration::from_millis(50);
/// Web sources that are crawled in parallel.
const SITES: usize = 3;

/// Runs until stopped. Keeps `replicas` at the number of live processes.
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
    if let Err(error) = maintenance.desk.store.release_sources().await {
        tracing::debug!(%error, "sources under way could not be let go, their leases end by themselves");
    }
    if let Err(error) = maintenance.desk.store.leave().await {
        tracing::debug!(%error, "the other replicas were not told that this one goes");
    }
}

/// Kinds of rows with a retention period.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Old {
    Webhooks,
    Files,
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
        let pause = MIN_INTERVAL.min(Duration::from_millis(self.settings.poll_ms));
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
            if let Err(error) = self.notify_about_cases().await {
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
        // After a downtime or suspension, WhatsApp's pending status events arrive only now. Unknown
        // sends are decided only once they had time to arrive.
        let moment = now_ms();
        uptime.record_check(moment);
        if !uptime.has_heard(unknown.after_ms) {
            return Ok(());
        }
        let decided = store.decide_unknown(&number.id, unknown, moment).await?;
        if decided.lost_notices > 0 {
            NOTICES_LOST.add(decided.lost_notices);
            self.desk.announce(What::Escalations).await;
        }
        let decided = decided.messages;
        if decided > 0 {
            SENDS_DECIDED.add(decided);
            tracing::warn!(
                number = number.slug,
                "WhatsApp reported nothing of {decided} messages of unknown outcome: {:?}, as [numbers.{}] unknown says",
                unknown.then,
                number.slug
            );
            self.desk.notifier.wake_outbox();
        }
        Ok(())
    }

    /// Opens cases for messages that only a process of another version could handle, which may not
    /// exist. They block the messages behind them until then.
    async fn ask_about_orphans(&self) -> Result<()> {
        let orphans = self.desk.store.ask_about_orphans(ORPHANED_MS).await?;
        if !orphans.is_empty() {
            let ids: Vec<_> = orphans.iter().map(MessageId::as_str).collect();
            tracing::error!(
                "messages wait for a version that knows who wrote them and who owns their conversations, and what stands \
                 behind them waits no longer: {}",
                ids.join(", ")
            );
            self.desk.notifier.wake_outbox();
        }
        Ok(())
    }

    async fn notify_about_cases(&self) -> Result<()> {
        let untold = self.desk.store.unnotified_cases().await?;
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
            self.desk.store.notify_case(&case, told).await?;
            self.desk.notifier.wake_outbox();
        }
        Ok(())
    }

    /// Groups unanswered questions into knowledge gaps; one process at a time.
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

    /// Crawls the due web sources, [`SITES`] in parallel: a slow site must not delay the others.
    async fn read_sources(&self) {
        join_all((0..SITES).map(|_| self.read_one_by_one())).await;
    }

    /// Crawls the due web sources one after the other. Each is leased, so that only one worker
    /// crawls it.
    async fn read_one_by_one(&self) {
        let pause = MIN_INTERVAL.min(Duration::from_millis(self.settings.poll_ms));
        loop {
            match self.refresh_due().await {
                Ok(None) => {}
                Ok(Some((source, summary))) => {
                    let Summary { learned, unchanged, removed, failed, .. } = summary;
                    let failed = failed.len();
                    tracing::info!(
                        source = source.id,
                        "{} was read: {learned} pages learned, {unchanged} unchanged, {removed} removed, {failed} failed",
                        // The query of the URL may contain a key.
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

    /// Crawls the source that has been due the longest. A source in a collection guarded by a gate
    /// is postponed: its pages cannot be tried first.
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
                library.skip_source(source, why).await.map(|()| None)
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
        let released = self.desk.store.release_unuploaded().await?;
        if released > 0 {
            tracing::warn!(
                "{released} messages waited for uploads that nobody does, and are due now"
            );
            self.desk.notifier.wake_outbox();
        }
        self.forget_old(Old::Files, self.settings.keep_recordings_days).await?;
        self.make_room().await?;
        self.forget_old(Old::Tapes, self.settings.keep_tapes_days).await?;
        self.forget_old(Old::Audit, self.settings.keep_audit_days).await
    }

    /// Deletes the oldest files of numbers that have too many.
    async fn make_room(&self) -> Result<()> {
        let most = self.settings.max_files_bytes;
        if most <= 0 {
            return Ok(());
        }
        for number in self.desk.numbers.all() {
            let mut all = 0;
            loop {
                let gone = self.desk.store.make_room(&number.id, most, FORGET_FILES).await?;
                all += gone;
                if gone == 0 {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
            if all > 0 {
                tracing::info!(
                    number = number.slug,
                    "{all} files of customers were deleted, the oldest first: the files of a number may have \
                     {most} bytes ([worker] max_files_bytes)"
                );
            }
        }
        Ok(())
    }

    /// Deletes rows older than `days`; 0 keeps them.
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
                Old::Files => store.forget_files(before, FORGET_FILES).await?,
                Old::Tapes => store.forget_tapes(before, FORGET).await?,
                Old::Audit => store.forget_audit(before, FORGET).await?,
            };
            all += gone;
            if gone == 0 || started.elapsed() > SELDOM {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if all > 0 {
            let what = match old {
                Old::Webhooks => "webhooks",
                Old::Files => "files",
                Old::Tapes => "tapes of turns",
                Old::Audit => "entries of the audit log",
            };
            tracing::info!("{all} {what} older than {days} days were forgotten");
        }
        Ok(())
    }
}
