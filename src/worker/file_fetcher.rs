//! Fetches the files of customers from WhatsApp, which drops them after a week, and stores them:
//! whoever owns the conversation, and whether or not the bot answers. Files that a turn hears are
//! mostly fetched by it, before they are due here.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use crate::desk::Desk;
use crate::domain::time::{DAY_MS, now_ms};
use crate::domain::{FileState, MissingFile};
use crate::metrics::{FILES_FETCHED, FILES_MISSING};
use crate::provider::{Class, Error, Retry};
use crate::store::Result;
use crate::store::files::{FetchEnd, FileClaim};

/// Files that are fetched in parallel. Each is in memory as a whole.
const AT_ONCE: usize = 3;
/// How long a claim holds, in milliseconds: longer than all requests for one file may take.
const LEASE_MS: i64 = 5 * 60_000;
/// How long a file is tried for, in milliseconds: WhatsApp keeps it for seven days.
const GIVE_UP_MS: i64 = 6 * DAY_MS;
/// First and longest wait before another attempt, in milliseconds.
const FIRST_WAIT_MS: i64 = 2_000;
const LONGEST_WAIT_MS: i64 = 60 * 60_000;
/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs until stopped. Files that are then being fetched are due at once, for whoever is next.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, stopped: watch::Receiver<bool>) {
    if let Err(error) = desk.store.release_stale_files().await {
        tracing::warn!(%error, "files that were being fetched are tried later");
    }
    let fetcher = Fetcher { desk, stopped };
    let poll = Duration::from_millis(poll_ms.max(100));
    let mut running = FuturesUnordered::new();
    let mut stopped = fetcher.stopped.clone();
    while !*stopped.borrow() {
        let free = i64::try_from(AT_ONCE - running.len()).unwrap_or_default();
        let claimed = if free == 0 { Ok(Vec::new()) } else { fetcher.claim(free).await };
        let wait = if claimed.is_err() { PAUSE } else { poll };
        running.extend(claimed.unwrap_or_default().into_iter().map(|claim| fetcher.fetch(claim)));
        tokio::select! {
            Some(()) = running.next(), if !running.is_empty() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    while running.next().await.is_some() {}
}

struct Fetcher {
    desk: Arc<Desk>,
    stopped: watch::Receiver<bool>,
}

impl Fetcher {
    async fn claim(&self, most: i64) -> Result<Vec<FileClaim>> {
        let claimed = self.desk.store.claim_files(most, LEASE_MS).await;
        claimed.inspect_err(|error| {
            tracing::warn!(%error, "files could not be looked for, it is tried again");
        })
    }

    /// Fetches one file and records how that ended.
    async fn fetch(&self, claim: FileClaim) {
        let mut stopped = self.stopped.clone();
        let fetched = tokio::select! {
            fetched = self.download(&claim) => fetched,
            _ = stopped.wait_for(|stopped| *stopped) => {
                Err(FetchEnd::Again(now_ms(), "the desk stopped meanwhile".to_owned()))
            }
        };
        let recorded = match fetched {
            Ok((mime_type, bytes)) => self.keep(&claim, &mime_type, bytes).await,
            Err(end) => self.miss(&claim, end).await,
        };
        if let Err(error) = recorded {
            tracing::warn!(%error, message = claim.message_id.as_str(), "a file is fetched again after the lease");
        }
    }

    async fn download(
        &self,
        claim: &FileClaim,
    ) -> std::result::Result<(String, Vec<u8>), FetchEnd> {
        let Some(media) = claim.media() else {
            let reason = "this version cannot read what the message says of it".to_owned();
            return Err(FetchEnd::Missing(MissingFile { state: FileState::Refused, reason }));
        };
        let Some(number) = self.desk.number(claim.number_id.as_str()) else {
            return Err(later(claim, "its number is not connected".to_owned(), 0, now_ms()));
        };
        let fetched = number.client.media(&media, self.desk.max_file_bytes).await;
        crate::failpoint!("file.fetched");
        let mime_type = media.mime_type.unwrap_or_default();
        fetched.map(|bytes| (mime_type, bytes)).map_err(|error| decide(claim, &error, now_ms()))
    }

    async fn keep(&self, claim: &FileClaim, mime_type: &str, bytes: Vec<u8>) -> Result<()> {
        if self.desk.store.keep_file(&claim.message_id, mime_type, bytes).await?.is_some() {
            FILES_FETCHED.one();
            self.desk.notifier.changed(&claim.conversation_id);
        }
        Ok(())
    }

    async fn miss(&self, claim: &FileClaim, end: FetchEnd) -> Result<()> {
        let message = claim.message_id.as_str();
        let missing = match &end {
            FetchEnd::Again(_, reason) => {
                tracing::info!(message, "a file was not fetched, it is tried again: {reason}");
                None
            }
            FetchEnd::Missing(missing) => Some(missing.clone()),
        };
        if self.desk.store.end_fetch(claim, end).await?
            && let Some(MissingFile { state, reason }) = missing
        {
            tracing::warn!(message, "a file is not fetched ({state}): {reason}");
            FILES_MISSING.one();
            self.desk.notifier.changed(&claim.conversation_id);
        }
        Ok(())
    }
}

/// Decides what follows a failed attempt.
fn decide(claim: &FileClaim, error: &Error, now: i64) -> FetchEnd {
    let attempt = u32::try_from(claim.attempts).unwrap_or(u32::MAX);
    // Only age ends attempts that may succeed, not their number.
    let asked = match error.retry(attempt.min(10), 0.0) {
        // Reads are safe to repeat, even if the outcome is unknown.
        Retry::Unknown => 0,
        Retry::After(wait) => i64::try_from(wait.as_millis()).unwrap_or(i64::MAX),
        Retry::Never => return FetchEnd::Missing(missing(error)),
    };
    later(claim, error.fault().title, asked, now)
}

/// Another attempt, after `asked` milliseconds or more; none if the file is too old.
fn later(claim: &FileClaim, reason: String, asked: i64, now: i64) -> FetchEnd {
    if now - claim.created_at >= GIVE_UP_MS {
        return FetchEnd::Missing(MissingFile { state: FileState::Refused, reason });
    }
    let doublings = u32::try_from(claim.attempts - 1).unwrap_or(0).min(16);
    let wait = (FIRST_WAIT_MS << doublings).min(LONGEST_WAIT_MS).max(asked);
    FetchEnd::Again(now.saturating_add(wait), reason)
}

fn missing(error: &Error) -> MissingFile {
    let state = match error {
        Error::Refused { class: Class::Gone, .. } => FileState::Gone,
        Error::Refused { class: Class::TooLarge, .. } => FileState::TooLarge,
        _ => FileState::Refused,
    };
    MissingFile { state, reason: error.fault().title }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ConversationId, Fault, MessageId, NumberId};

    fn claim(attempts: i64) -> FileClaim {
        FileClaim {
            message_id: MessageId::generate(),
            conversation_id: ConversationId::generate(),
            number_id: NumberId::generate(),
            content: String::new(),
            attempts,
            created_at: 0,
        }
    }

    fn refused(class: Class, retry_after: Option<Duration>) -> Error {
        Error::Refused { class, fault: Fault::ours("no"), retry_after }
    }

    #[test]
    fn what_may_pass_is_tried_for_six_days_with_growing_waits() {
        let down = refused(Class::Transient, None);
        let due = |attempts, now| match decide(&claim(attempts), &down, now) {
            FetchEnd::Again(due, _) => Some(due - now),
            FetchEnd::Missing(_) => None,
        };
        let waits: Vec<_> = [1, 2, 3, 12, 500].map(|n| due(n, 0)).into();
        assert_eq!(waits, [2_000, 4_000, 8_000, 3_600_000, 3_600_000].map(Some));
        assert_eq!(due(500, GIVE_UP_MS - 1), Some(3_600_000));
        assert_eq!(due(500, GIVE_UP_MS), None);
        let asked = refused(Class::Throttled, Some(Duration::from_secs(30)));
        assert_eq!(decide(&claim(1), &asked, 0), FetchEnd::Again(30_000, "no".into()));
        let unknown = decide(&claim(1), &Error::Unknown("no answer".into()), 0);
        assert!(matches!(unknown, FetchEnd::Again(2_000, _)), "{unknown:?}");
    }

    #[test]
    fn what_is_refused_for_good_says_why() {
        for (class, attempts, state) in [
            (Class::Gone, 1, FileState::Gone),
            (Class::TooLarge, 1, FileState::TooLarge),
            (Class::OurFault, 1, FileState::Refused),
            (Class::Damaged, 5, FileState::Refused),
        ] {
            let missing = MissingFile { state, reason: "no".into() };
            let end = decide(&claim(attempts), &refused(class, None), 0);
            assert_eq!(end, FetchEnd::Missing(missing), "{class:?}");
        }
        assert!(matches!(
            decide(&claim(4), &refused(Class::Damaged, None), 0),
            FetchEnd::Again(..)
        ));
    }
}
