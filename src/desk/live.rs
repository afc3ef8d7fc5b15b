//! A numbered log of recent changes for the live stream. A listener that lost its connection
//! continues from the last id that it got. Kept in memory: ids of another or an earlier process are
//! not valid here.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::{ConversationId, What};

/// Conversation changes that are kept for listeners that reconnect.
const MAX_CHANGES: usize = 4096;

/// The log of recent changes and its end signal.
pub(super) struct Live {
    log: Arc<Log>,
    ended: watch::Sender<bool>,
}

/// A change that is reported to listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Something changed in this conversation.
    Conversation(ConversationId),
    /// Something of this kind changed.
    Of(What),
    /// Changes were lost or are too old to be known: the listener must read everything again.
    Reload,
}

/// A subscription to the changes after some point.
pub struct Changes {
    log: Arc<Log>,
    last_seen: u64,
    reload: bool,
    news: watch::Receiver<u64>,
}

struct Log {
    /// Distinguishes this process from others, including earlier runs.
    epoch: String,
    kept: Mutex<RecentChanges>,
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct RecentChanges {
    /// The number of the latest change.
    last: u64,
    /// The number of the latest change that was dropped.
    last_dropped: u64,
    conversations: VecDeque<(u64, ConversationId)>,
    /// The number of the latest change of each kind; earlier ones add nothing.
    kinds: [u64; What::ALL.len()],
}

impl Default for Live {
    fn default() -> Self {
        let epoch = ulid::Ulid::generate().to_string();
        let log = Log { epoch, kept: Mutex::default(), news: watch::Sender::new(0) };
        Self { log: Arc::new(log), ended: watch::Sender::new(false) }
    }
}

impl Live {
    pub(super) fn changed(&self, conversation: &ConversationId) {
        let mut kept = self.log.kept();
        kept.last += 1;
        if kept.conversations.len() >= MAX_CHANGES
            && let Some((oldest, _)) = kept.conversations.pop_front()
        {
            kept.last_dropped = kept.last_dropped.max(oldest);
        }
        let entry = (kept.last, conversation.clone());
        kept.conversations.push_back(entry);
        self.log.notify(&kept);
    }

    pub(super) fn announce(&self, what: What) {
        let mut kept = self.log.kept();
        kept.last += 1;
        let last = kept.last;
        for (at, kind) in What::ALL.iter().enumerate() {
            if *kind == what {
                kept.kinds[at] = last;
            }
        }
        self.log.notify(&kept);
    }

    /// Records that unknown changes happened: listeners read everything again.
    pub(super) fn missed(&self) {
        let mut kept = self.log.kept();
        kept.last += 1;
        kept.last_dropped = kept.last;
        kept.conversations.clear();
        self.log.notify(&kept);
    }

    /// Subscribes to the changes after the one with this id; without an id, to those from now on.
    pub(super) fn after(&self, id: Option<&str>) -> Changes {
        let news = self.log.news.subscribe();
        let kept = self.log.kept();
        let (heard, reload) = match id.map(|id| self.log.number(id)) {
            None => (kept.last, false),
            Some(Some(number)) if number <= kept.last => (number, false),
            Some(_) => (kept.last, true),
        };
        Changes { log: self.log.clone(), last_seen: heard, reload, news }
    }

    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }

    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.subscribe();
        async move { drop(ended.wait_for(|ended| *ended).await) }
    }
}

impl Log {
    fn kept(&self) -> MutexGuard<'_, RecentChanges> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, kept: &RecentChanges) {
        self.news.send_replace(kept.last);
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// Returns the number in an id that this process issued.
    fn number(&self, id: &str) -> Option<u64> {
        id.strip_prefix(&self.epoch)?.strip_prefix('-')?.parse().ok()
    }
}

impl RecentChanges {
    /// Returns the changes after a number, in order; of repeated changes only the latest.
    fn since(&self, heard: u64) -> Vec<(u64, Change)> {
        if heard < self.last_dropped {
            return vec![(self.last, Change::Reload)];
        }
        let mut told = HashSet::new();
        let newest = self.conversations.iter().rev().take_while(|(number, _)| *number > heard);
        let mut found: Vec<_> = newest
            .filter(|(_, id)| told.insert(id))
            .map(|(number, id)| (*number, Change::Conversation(id.clone())))
            .collect();
        let kinds = What::ALL.iter().copied().zip(self.kinds).filter(|(_, number)| *number > heard);
        found.extend(kinds.map(|(what, number)| (number, Change::Of(what))));
        found.sort_unstable_by_key(|(number, _)| *number);
        found
    }
}

impl Changes {
    /// The id of the last change that was returned. A subscription after it misses nothing.
    pub fn id(&self) -> String {
        self.log.id(self.last_seen)
    }

    /// Waits for the next changes. Returns them in order, each with its id.
    pub async fn next(&mut self) -> Vec<(String, Change)> {
        if std::mem::take(&mut self.reload) {
            return vec![(self.id(), Change::Reload)];
        }
        loop {
            self.news.borrow_and_update();
            let found = self.log.kept().since(self.last_seen);
            if let Some((last, _)) = found.last() {
                self.last_seen = *last;
                return found
                    .into_iter()
                    .map(|(number, change)| (self.log.id(number), change))
                    .collect();
            }
            if self.news.changed().await.is_err() {
                // The log is gone: no further change can come.
                return std::future::pending().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn conversation(n: usize) -> ConversationId {
        ConversationId::stored(format!("conv_{n}"))
    }

    fn of(n: usize) -> Change {
        Change::Conversation(conversation(n))
    }

    /// Returns the changes that are available at once.
    async fn heard(changes: &mut Changes) -> Vec<Change> {
        let next = tokio::time::timeout(Duration::from_millis(20), changes.next()).await;
        next.unwrap_or_default().into_iter().map(|(_, change)| change).collect()
    }

    #[tokio::test]
    async fn who_was_cut_off_hears_what_he_missed_in_order_and_once() {
        let live = Live::default();
        live.changed(&conversation(0));
        let mut first = live.after(None);
        assert_eq!(heard(&mut first).await, []);
        live.changed(&conversation(1));
        assert_eq!(heard(&mut first).await, [of(1)]);
        let id = first.id();
        drop(first);
        live.changed(&conversation(2));
        live.announce(What::Agents);
        live.changed(&conversation(3));
        live.changed(&conversation(2));
        live.announce(What::Evals);
        live.announce(What::Evals);
        let mut again = live.after(Some(&id));
        assert_eq!(again.id(), id);
        let missed = heard(&mut again).await;
        assert_eq!(missed, [Change::Of(What::Agents), of(3), of(2), Change::Of(What::Evals)]);
        assert_eq!(heard(&mut again).await, []);
        live.changed(&conversation(4));
        assert_eq!(heard(&mut again).await, [of(4)]);
    }

    #[tokio::test]
    async fn what_is_too_old_or_of_another_process_is_read_again() {
        let live = Live::default();
        let mut slow = live.after(None);
        let id = slow.id();
        for n in 0..=MAX_CHANGES {
            live.changed(&conversation(n));
        }
        assert_eq!(heard(&mut slow).await, [Change::Reload]);
        assert_eq!(heard(&mut slow).await, []);
        assert_eq!(heard(&mut live.after(Some(&id))).await, [Change::Reload]);
        let other = Live::default().after(None).id();
        let later = format!("{}-{}", live.log.epoch, MAX_CHANGES + 99);
        for bad in [&other, &later, "", "nonsense", &format!("{}-", live.log.epoch)] {
            let mut changes = live.after(Some(bad));
            assert_eq!(heard(&mut changes).await, [Change::Reload], "{bad}");
            assert_eq!(heard(&mut changes).await, [], "{bad}");
        }
        // All changes that are kept are reported one by one.
        let mut all = live.after(Some(&format!("{}-1", live.log.epoch)));
        assert_eq!(heard(&mut all).await.len(), MAX_CHANGES);
        // Changes of kinds do not displace those of conversations.
        for _ in 0..2 * MAX_CHANGES {
            live.announce(What::Evals);
        }
        assert_eq!(heard(&mut all).await, [Change::Of(What::Evals)]);
        live.missed();
        assert_eq!(heard(&mut all).await, [Change::Reload]);
        live.changed(&conversation(7));
        assert_eq!(heard(&mut all).await, [of(7)]);
    }
}
