//! Whether what a turn answers is still what waits: more may have come, or nobody wants an answer any more. Decides nothing.

use super::Job;
use crate::desk::ConversationEvents;
use crate::pipeline::inbound::{PendingTurn, gather};

/// From this age on what was read of a conversation is read again before the model is asked, where replicas share the
/// database, in milliseconds since the reading began.
const OLD_MS: i64 = 50;

impl Job {
    /// What a part of the pipeline gives, or nothing as soon as nobody waits for an answer to what was gathered: a person took
    /// over, or the customer wants none. Newer messages alone leave it its time: what it hears is needed all the same.
    pub(super) async fn unless_void<T>(
        &self,
        gathered: &PendingTurn,
        events: &mut ConversationEvents,
        part: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let mut part = Box::pin(part);
        loop {
            tokio::select! {
                done = &mut part => return Some(done),
                () = events.next() => if self.void(gathered).await {
                    return None;
                }
            }
        }
    }

    /// Whether none of the messages that were gathered waits any more. A database that cannot be read says nothing of it:
    /// whoever reads next meets the error.
    async fn void(&self, gathered: &PendingTurn) -> bool {
        let waits =
            |now: PendingTurn| now.messages.iter().any(|one| gathered.messages.contains(one));
        let now = gather(&self.desk.store, self.claim(), &gathered.turn.agent).await;
        now.is_ok_and(|now| !now.is_some_and(waits))
    }

    /// Whether something else waits now than what was gathered; read only where that may be.
    pub(super) async fn newer(
        &self,
        gathered: &PendingTurn,
        events: &mut ConversationEvents,
    ) -> crate::store::Result<bool> {
        if !events.happened(|message| gathered.holds(message)) {
            return Ok(false);
        }
        self.changed(gathered).await
    }

    /// The same where another replica's word of it may be late or lost: what was read some time ago is read again.
    pub(super) async fn missed(&self, gathered: &PendingTurn) -> crate::store::Result<bool> {
        let old = gathered.age_ms() >= OLD_MS;
        Ok(old && self.desk.store.is_shared() && self.changed(gathered).await?)
    }

    async fn changed(&self, gathered: &PendingTurn) -> crate::store::Result<bool> {
        let agent = &gathered.turn.agent;
        let now = gather(&self.desk.store, self.claim(), agent).await?;
        Ok(now.is_none_or(|now| now.messages != gathered.messages))
    }
}
