//! The leases of the turns under way: renewed together while they run, and told when one is lost. Runs no turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::desk::Desk;
use crate::store::turns::Claim;

/// The leases of this process.
#[derive(Default)]
pub(super) struct Leases {
    held: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    claim: Claim,
    lost: Arc<Notify>,
    /// Whether the turn is being committed, which ends the lease in order.
    ending: bool,
}

/// Holds a lease until it is dropped.
pub(super) struct LeaseGuard {
    leases: Arc<Leases>,
    claim: Claim,
    lost: Arc<Notify>,
}

impl Leases {
    /// Holds the lease of a claim.
    pub(super) fn hold(self: &Arc<Self>, claim: Claim) -> LeaseGuard {
        let lost = Arc::new(Notify::new());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry { claim: claim.clone(), lost: lost.clone(), ending: false };
        if let Some(before) = held.insert(claim.id.clone(), entry) {
            // Whoever claimed anew has ended the lease before.
            before.lost.notify_one();
        }
        LeaseGuard { leases: self.clone(), claim, lost }
    }

    /// Every claim that is held.
    pub(super) fn all(&self) -> Vec<Claim> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.values().map(|entry| entry.claim.clone()).collect()
    }

    /// Renews the leases for as long as this is polled: three times within their length.
    pub(super) async fn keep(&self, desk: &Desk, lease_ms: i64) {
        let third = Duration::from_millis(u64::try_from(lease_ms / 3).unwrap_or(0).max(10));
        loop {
            tokio::time::sleep(third).await;
            let held = self.all();
            if held.is_empty() {
                continue;
            }
            match desk.store.keep_turns(held.clone(), lease_ms).await {
                Ok(kept) => held
                    .iter()
                    .filter(|claim| !kept.contains(claim))
                    .for_each(|claim| self.lose(claim)),
                Err(error) => {
                    tracing::error!(%error, "leases could not be renewed, it is tried again");
                }
            }
        }
    }

    fn lose(&self, claim: &Claim) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // The same conversation may have been claimed anew since it was looked at.
        let meant = |entry: &&Entry| entry.claim.lease_token == claim.lease_token && !entry.ending;
        if let Some(entry) = held.get(&claim.id).filter(meant) {
            entry.lost.notify_one();
        }
    }
}

impl LeaseGuard {
    /// The claim.
    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The turn is committed from now on: whether the lease was still ours, the commit says.
    pub(super) fn ending(&self) {
        let mut held = self.leases.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = held.get_mut(&self.claim.id);
        if let Some(entry) = entry.filter(|one| one.claim.lease_token == self.claim.lease_token) {
            entry.ending = true;
        }
    }

    /// Waits until the lease is lost: then the turn cannot be committed any more.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        let mut held = self.leases.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held
            .get(&self.claim.id)
            .is_some_and(|entry| entry.claim.lease_token == self.claim.lease_token)
        {
            held.remove(&self.claim.id);
        }
    }
}
