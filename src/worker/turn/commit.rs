//! How a turn ends: its commit, with which its first reply may be claimed, and what becomes of a commit whose answer was lost.

use std::time::Duration;

use tracing::Instrument;

use super::Job;
use crate::desk::Desk;
use crate::domain::{ConversationId, MessageId, What};
use crate::store::Error;
use crate::store::finish::{CommitOutcome, FinishedTurn};

/// How often it is tried to put a reply back whose commit failed, before its lease settles it.
const TAKE_BACK_ATTEMPTS: u64 = 5;

impl Job {
    /// Commits the turn, and has its replies sent; false if it was overtaken. As a task of its own, which ends whatever
    /// becomes of the turn: what is claimed with the commit is sent.
    pub(super) async fn commit(&self, mut turn: FinishedTurn) -> crate::store::Result<bool> {
        let fast_path = match turn.replies.as_slice() {
            [] => None,
            _ => self.outbox.fast_path(&turn.claim.number_id),
        };
        turn.send = fast_path.as_ref().map(|fast_path| fast_path.terms);
        let (parts, escalated, desk) =
            (turn.replies.len(), turn.escalation.is_some(), self.desk.clone());
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
            if escalated {
                desk.wake.announce(What::Escalations);
            }
            if escalated || (parts > 0 && !claimed) {
                desk.wake.send();
            }
            Ok(true)
        };
        let commit = tokio::spawn(commit.in_current_span());
        commit.await.unwrap_or_else(|broken| Err(Error::Failed(broken.to_string())))
    }
}

/// A commit that failed may have been made all the same, when its answer was lost on the way: then its first reply waits to
/// be sent by us.
async fn take_back(desk: &Desk, conversation: ConversationId, reply: &MessageId) {
    for attempt in 1..=TAKE_BACK_ATTEMPTS {
        match desk.store.take_back(conversation.clone(), reply).await {
            Ok(()) => return desk.wake.send(),
            Err(error) => {
                tracing::warn!(%error, "whether a reply waits to be sent is not known, it is looked at again");
                tokio::time::sleep(Duration::from_millis(200 * attempt)).await;
            }
        }
    }
}
