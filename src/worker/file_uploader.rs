//! Uploads the files of queued messages to the provider, one for each number and content. The
//! messages are due to be sent afterwards, through the send gate.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use crate::desk::{Desk, Number};
use crate::domain::time::now_ms;
use crate::domain::{Content, Fault, NumberId, NumberState, StopReason};
use crate::provider::{Class, Error, FileUpload, Retry};
use crate::store::Result;
use crate::store::files::{UploadClaim, UploadEnd};

/// Files that are uploaded in parallel. Each is in memory as a whole.
const AT_ONCE: usize = 3;
/// How long a claim holds, in milliseconds. It is renewed during the upload.
const LEASE_MS: i64 = 60_000;
/// Pause between two renewals.
const RENEWAL: Duration = Duration::from_secs(15);
/// Failures after which an upload is given up: the last attempt begins after some four minutes.
const MAX_FAILURES: i64 = 8;
/// Claims that end with their process, after which an upload is given up: it may be what ends it.
/// From the third on they are a minute apart, so that a process that is restarted again and again
/// for another reason gives up nothing.
const MAX_UNENDED: i64 = 5;
/// First wait before another attempt, in milliseconds.
const FIRST_WAIT_MS: i64 = 2_000;
/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs until stopped. Files that are then being uploaded are due at once, for whoever is next.
pub(super) async fn run(desk: Arc<Desk>, poll_ms: u64, stopped: watch::Receiver<bool>) {
    if let Err(error) = desk.store.release_stale_file_uploads().await {
        tracing::warn!(%error, "files that were being uploaded are uploaded later");
    }
    let uploader = FileUploader { desk, refused: Mutex::default(), stopped };
    let poll = Duration::from_millis(poll_ms.max(100));
    let mut running = FuturesUnordered::new();
    let mut stopped = uploader.stopped.clone();
    let wake = uploader.desk.notifier.file_uploader_notify();
    while !*stopped.borrow() {
        let free = i64::try_from(AT_ONCE - running.len()).unwrap_or_default();
        let claimed = if free == 0 { Ok(Vec::new()) } else { uploader.claim(free).await };
        let wait = if claimed.is_err() { PAUSE } else { poll };
        running.extend(claimed.unwrap_or_default().into_iter().map(|claim| uploader.serve(claim)));
        tokio::select! {
            Some(()) = running.next(), if !running.is_empty() => {}
            () = wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    while running.next().await.is_some() {}
}

struct FileUploader {
    desk: Arc<Desk>,
    /// The numbers, as they were set then, whose token was refused here last.
    refused: Mutex<HashSet<(NumberId, Option<i64>)>>,
    stopped: watch::Receiver<bool>,
}

impl FileUploader {
    async fn claim(&self, most: i64) -> Result<Vec<UploadClaim>> {
        let claimed = self.desk.store.claim_file_uploads(most, LEASE_MS).await;
        claimed.inspect_err(|error| {
            tracing::warn!(%error, "uploads could not be looked for, it is tried again");
        })
    }

    /// Uploads one file and records how that ended.
    async fn serve(&self, claim: UploadClaim) {
        let mut stopped = self.stopped.clone();
        let end = tokio::select! {
            end = self.upload(&claim) => end,
            () = self.keep(&claim) => return,
            _ = stopped.wait_for(|stopped| *stopped) => {
                UploadEnd::Interrupted
            }
        };
        match &end {
            UploadEnd::Again(_, fault) => {
                tracing::warn!("a file was not uploaded, it is tried again: {}", fault.title);
            }
            UploadEnd::Failed(fault) => {
                tracing::error!("a file cannot be uploaded: {}", fault.title);
            }
            UploadEnd::Done(..) | UploadEnd::Interrupted | UploadEnd::Unneeded => {}
        }
        match self.desk.store.end_file_upload(&claim, end).await {
            Ok(conversations) => {
                for id in &conversations {
                    self.desk.notifier.changed(id);
                }
                self.desk.notifier.wake_outbox();
            }
            Err(error) => tracing::warn!(%error, "a file is uploaded again after the lease"),
        }
    }

    /// Renews a claim until it is lost.
    async fn keep(&self, claim: &UploadClaim) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            match self.desk.store.keep_file_upload(claim, now_ms() + LEASE_MS).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a file may be uploaded twice"),
            }
        }
    }

    async fn upload(&self, claim: &UploadClaim) -> UploadEnd {
        let (Some(message), Some(content)) = (&claim.message_id, &claim.content) else {
            return UploadEnd::Unneeded;
        };
        let Some(media) = Content::stored(content).file().cloned() else {
            return failed("this version cannot send such a message");
        };
        if claim.unended > MAX_UNENDED {
            return failed("the process ended each time that the file was uploaded");
        }
        // The send gate says what becomes of its messages.
        let Some(number) = self.desk.number(claim.number_id.as_str()) else {
            return UploadEnd::Unneeded;
        };
        // Its files go with their messages.
        let Some(uploads) = number.client.uploader() else { return UploadEnd::Unneeded };
        let bytes = match self.desk.store.file(message).await {
            Ok(Some(stored)) => stored.bytes,
            Ok(None) => return failed("the file is not stored any more: attach it again"),
            Err(error) => return decide(claim, &Error::NotSent(error.to_string()), now_ms()),
        };
        let file = FileUpload {
            mime_type: media.mime_type.unwrap_or_default(),
            name: media.file_name.unwrap_or_else(|| media.kind.as_str().to_owned()),
            bytes,
        };
        crate::failpoint!("upload.begun");
        let uploaded = uploads.upload(file).await;
        crate::failpoint!("upload.taken");
        match uploaded {
            Ok(uploaded) => {
                self.tell(&number, None).await;
                let valid_ms = i64::try_from(uploaded.valid_for.as_millis()).unwrap_or(i64::MAX);
                UploadEnd::Done(uploaded.media_id, now_ms().saturating_add(valid_ms))
            }
            Err(error) => {
                self.tell(&number, Some(&error)).await;
                decide(claim, &error, now_ms())
            }
        }
    }

    /// Stores and announces that a number stopped because of its token, or that it is ready again.
    async fn tell(&self, number: &Number, error: Option<&Error>) {
        let is_refused = matches!(error, Some(Error::Refused { class: Class::Token, .. }));
        let has_changed = {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (number.id.clone(), number.revision);
            match error {
                None => refused.remove(&key),
                Some(_) => is_refused && refused.insert(key),
            }
        };
        if !has_changed {
            return;
        }
        let problem = error.map(ToString::to_string).unwrap_or_default();
        let reason = is_refused.then(|| StopReason::TokenRefused { problem }.to_string());
        let state = if is_refused { NumberState::Stopped } else { NumberState::Ready };
        tracing::warn!(number = number.slug, "an upload says that the number is {state}");
        self.desk.report_number_state(&number.id, state, reason).await;
    }
}

/// Decides what follows a failed attempt.
fn decide(claim: &UploadClaim, error: &Error, now: i64) -> UploadEnd {
    let attempt = u32::try_from(claim.failures).unwrap_or(u32::MAX).saturating_add(1);
    // As with a text, the queue waits for a valid token.
    let waits_for_token = matches!(error, Error::Refused { class: Class::Token, .. });
    if i64::from(attempt) >= MAX_FAILURES && !waits_for_token {
        return UploadEnd::Failed(error.fault());
    }
    let asked = match error.retry(attempt.min(10), 0.0) {
        // No customer sees an upload, so that it can be repeated whatever its outcome.
        Retry::Unknown => 0,
        Retry::After(wait) => i64::try_from(wait.as_millis()).unwrap_or(i64::MAX),
        Retry::Never => return UploadEnd::Failed(error.fault()),
    };
    let doublings = (attempt - 1).min(7);
    let wait = (FIRST_WAIT_MS << doublings).max(asked);
    UploadEnd::Again(now.saturating_add(wait), error.fault())
}

fn failed(why: &str) -> UploadEnd {
    UploadEnd::Failed(Fault::ours(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(failures: i64, error: &Error) -> Option<i64> {
        let claim = UploadClaim {
            number_id: NumberId::generate(),
            hash: String::new(),
            claim: 1,
            unended: 1,
            failures,
            message_id: None,
            content: None,
        };
        match decide(&claim, error, 0) {
            UploadEnd::Again(due, _) => Some(due),
            _ => None,
        }
    }

    #[test]
    fn what_may_pass_is_tried_for_some_minutes_and_a_token_is_waited_for() {
        let refused = |class| Error::Refused { class, fault: Fault::ours("no"), retry_after: None };
        let busy = refused(Class::Transient);
        let waits: Vec<_> = [0, 1, 2, 6, 7].map(|failures| decided(failures, &busy)).into();
        assert_eq!(waits, [Some(2_000), Some(4_000), Some(8_000), Some(128_000), None]);
        assert_eq!(decided(0, &Error::Unknown("no answer".into())), Some(2_000));
        assert_eq!(decided(0, &refused(Class::OurFault)), None);
        assert!(decided(200, &refused(Class::Token)).is_some_and(|wait| wait >= 60_000));
    }
}
