//! Checks whether the messages that a turn answers are still the ones that wait. Decides nothing.

use super::Job;
use crate::desk::ConversationEvents;
use crate::pipeline::inbound::{PendingTurn, gather};

/// Age of the gathered messages, in milliseconds, from which they are read again before the model
/// is called, if replicas share the database.
const OLD_MS: i64 = 50;

impl Job {
    /// Runs a part of the pipeline. Returns `None` as soon as none of the gathered messages waits
    /// any more: a person took over, or the customer opted out. Newer messages do not interrupt it,
    /// since its result is needed anyway.
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
                () = events.next() => if self.is_obsolete(gathered).await {
                    return None;
                }
            }
        }
    }

    /// Whether none of the gathered messages waits any more. False if the database fails: the next
    /// read reports the error.
    async fn is_obsolete(&self, gathered: &PendingTurn) -> bool {
        let waits =
            |now: PendingTurn| now.messages.iter().any(|one| gathered.messages.contains(one));
        let now = gather(&self.desk.store, self.claim(), &gathered.turn.agent).await;
        now.is_ok_and(|now| !now.is_some_and(waits))
    }

    /// Whether the waiting messages have changed. Reads the database only after an event.
    pub(super) async fn newer(
        &self,
        gathered: &PendingTurn,
        events: &mut ConversationEvents,
    ) -> crate::store::Result<bool> {
        if !events.take_new_events(|message| gathered.contains_message(message)) {
            return Ok(false);
        }
        self.changed(gathered).await
    }

    /// Like [`Self::newer`], but by age: the event of another replica may be late or lost.
    pub(super) async fn missed(&self, gathered: &PendingTurn) -> crate::store::Result<bool> {
        let old = gathered.age_ms() >= OLD_MS;
        Ok(old && self.desk.store.is_shared() && self.changed(gathered).await?)
    }

    async fn changed(&self, gathered: &PendingTurn) -> crate::store::Result<bool> {
        let agent = &gathered.turn.agent;
        let now = gather(&self.desk.store, self.claim(), agent).await?;
        Ok(now.is_none_or(|now| !now.says_the_same(gathered)))
    }
}
