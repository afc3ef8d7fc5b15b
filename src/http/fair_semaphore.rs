//! A semaphore with a limit in total, a limit per caller, and a short queue. Does not know what its
//! permits are for.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Waiting requests per permit, in total and per caller.
const QUEUE_PER_PERMIT: usize = 4;

/// Permits, limited in total and per caller.
pub(super) struct FairSemaphore<K> {
    most: usize,
    each: usize,
    counts: Mutex<Counts<K>>,
    freed: Notify,
}

struct Counts<K> {
    all: usize,
    taken: HashMap<K, usize>,
    waiting: HashMap<K, usize>,
}

/// A permit, released on drop.
pub(super) struct FairPermit<K: Hash + Eq> {
    semaphore: Arc<FairSemaphore<K>>,
    key: K,
}

/// A place in the queue, released on drop.
struct QueueTicket<'a, K: Hash + Eq> {
    semaphore: &'a FairSemaphore<K>,
    key: K,
}

impl<K: Hash + Eq + Clone> FairSemaphore<K> {
    /// `most` permits in total, `each` per caller.
    pub(super) fn new(most: usize, each: usize) -> Arc<Self> {
        let counts = Counts { all: 0, taken: HashMap::new(), waiting: HashMap::new() };
        Arc::new(Self { most, each, counts: Mutex::new(counts), freed: Notify::new() })
    }

    /// Returns a permit if one is free.
    pub(super) fn try_take(self: &Arc<Self>, key: &K) -> Option<FairPermit<K>> {
        let mut counts = self.counts();
        let own = counts.taken.get(key).copied().unwrap_or(0);
        if counts.all >= self.most || own >= self.each {
            return None;
        }
        counts.all += 1;
        counts.taken.insert(key.clone(), own + 1);
        Some(FairPermit { semaphore: self.clone(), key: key.clone() })
    }

    /// Waits up to `patience` for a permit. Returns `None` at once if the queue is full.
    pub(super) async fn take(
        self: &Arc<Self>,
        key: &K,
        patience: Duration,
    ) -> Option<FairPermit<K>> {
        if let Some(place) = self.try_take(key) {
            return Some(place);
        }
        let _waiting = self.line_up(key)?;
        let until = Instant::now() + patience;
        loop {
            let mut freed = pin!(self.freed.notified());
            // Registered before the check, so that no release is missed.
            freed.as_mut().enable();
            if let Some(place) = self.try_take(key) {
                return Some(place);
            }
            timeout_at(until, freed).await.ok()?;
        }
    }

    fn line_up(&self, key: &K) -> Option<QueueTicket<'_, K>> {
        let mut counts = self.counts();
        let all: usize = counts.waiting.values().sum();
        let own = counts.waiting.entry(key.clone()).or_insert(0);
        if all >= self.most * QUEUE_PER_PERMIT || *own >= self.each * QUEUE_PER_PERMIT {
            if *own == 0 {
                counts.waiting.remove(key);
            }
            return None;
        }
        *own += 1;
        Some(QueueTicket { semaphore: self, key: key.clone() })
    }
}

impl<K> FairSemaphore<K> {
    fn counts(&self) -> MutexGuard<'_, Counts<K>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl<K: Hash + Eq> Drop for FairPermit<K> {
    fn drop(&mut self) {
        let mut counts = self.semaphore.counts();
        counts.all -= 1;
        less(&mut counts.taken, &self.key);
        drop(counts);
        self.semaphore.freed.notify_waiters();
    }
}

impl<K: Hash + Eq> Drop for QueueTicket<'_, K> {
    fn drop(&mut self) {
        less(&mut self.semaphore.counts().waiting, &self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_his_share_and_all_have_no_more_than_there_are() {
        let semaphore = FairSemaphore::new(5, 3);
        let take = |key: &'static str| semaphore.try_take(&key);
        let mut first: Vec<_> = (0..9).filter_map(|_| take("a")).collect();
        assert_eq!(first.len(), 3);
        let second: Vec<_> = (0..9).filter_map(|_| take("b")).collect();
        assert_eq!((second.len(), take("c").is_some()), (2, false));
        first.pop();
        assert!(take("c").is_some());
        drop((first, second));
        let counts = semaphore.counts();
        assert!(counts.all == 0 && counts.taken.is_empty());
    }

    #[tokio::test]
    async fn the_line_is_short_and_whoever_stands_in_it_gets_the_next_place() {
        let semaphore = FairSemaphore::new(2, 1);
        let long = Duration::from_secs(20);
        let place = semaphore.try_take(&"a");
        let mut waiting: Vec<_> =
            (0..QUEUE_PER_PERMIT).map(|_| Box::pin(semaphore.take(&"a", long))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert!(semaphore.take(&"a", long).await.is_none(), "the line is full");
        assert!(semaphore.take(&"b", long).await.is_some(), "another caller has his own");
        drop(place);
        let (next, _, rest) = futures::future::select_all(waiting).await;
        assert!(next.is_some());
        drop(rest);
        assert!(semaphore.counts().waiting.is_empty(), "whoever goes leaves the line");
        assert!(semaphore.take(&"a", Duration::from_millis(1)).await.is_none(), "patience ends");
    }
}
