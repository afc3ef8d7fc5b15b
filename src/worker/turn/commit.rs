//! Commits a turn, claims its first reply along with it, and recovers from a commit whose result is
//! unknown.

use std::time::Duration;

use tracing::Instrument;

use super::Job;
use crate::desk::Desk;
use crate::domain::{ConversationId, MessageId, What};
use crate::store::Error;
use crate::store::finish::{CommitOutcome, FinishedTurn};

/// Attempts to return the reply of a failed commit to the outbox, before its lease expires.
const TAKE_BACK_ATTEMPTS: u64 = 5;

impl Job {
    /// Commits the turn and has its replies sent. Returns false if the turn was overtaken. Runs as
    /// a separate task that completes even if the turn is cancelled: a reply that is claimed with
    /// the commit must be sent.
    pub(super) async fn commit(&self, mut turn: FinishedTurn) -> crate::store::Result<bool> {
        let fast_path = match turn.replies.as_slice() {
            [] => None,
            _ => self.outbox.fast_path(&turn.claim.number_id),
        };
        turn.send = fast_path.as_ref().map(|fast_path| fast_path.terms);
        let (parts, escalated, desk) =
            (turn.replies.len(), turn.escalation.is_some(), self.desk.clone());
        let has_file = turn.replies.iter().any(|reply| reply.content.kind().is_file());
        let first = turn.send.and(turn.replies.first()).map(|reply| reply.id.clone());
        let conversation = turn.claim.conversation();
        let commit = async move {
            let committed = match desk.store.commit_turn(turn).await {
                Ok(committed) => committed,
                Err(error) => {
                    if let Some(first) = first {
                        take_back(&desk, conversation, &first).await;
                    }
                    return Err(error);
                }
            };
            crate::failpoint!("turn.committed");
            let CommitOutcome::Yes(first) = committed else { return Ok(false) };
            let claimed = first.is_some();
            if let (Some(first), Some(fast_path)) = (first, fast_path) {
                fast_path.carry(*first, parts > 1);
            }
            if has_file {
                desk.notifier.wake_file_uploader();
            }
            if escalated {
                desk.notifier.announce(What::Escalations);
            }
            if escalated || (parts > 0 && !claimed) {
                desk.notifier.wake_outbox();
            }
            Ok(true)
        };
        let commit = tokio::spawn(commit.in_current_span());
        commit.await.unwrap_or_else(|broken| Err(Error::Failed(broken.to_string())))
    }
}

/// Returns the first reply to the outbox after a failed commit: the commit may have succeeded with
/// only its result lost, and then the reply is still claimed by this process.
async fn take_back(desk: &Desk, conversation: ConversationId, reply: &MessageId) {
    for attempt in 1..=TAKE_BACK_ATTEMPTS {
        match desk.store.take_back(conversation.clone(), reply).await {
            Ok(()) => return desk.notifier.wake_outbox(),
            Err(error) => {
                tracing::warn!(%error, "whether a reply waits to be sent is not known, it is looked at again");
                tokio::time::sleep(Duration::from_millis(200 * attempt)).await;
            }
        }
    }
}
