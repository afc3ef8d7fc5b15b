//! The leases of running turns: renews them together, and notifies a turn that lost its lease. Runs
//! no turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::desk::Desk;
use crate::store::turns::Claim;

/// The leases that this process holds.
#[derive(Default)]
pub(super) struct Leases {
    held: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    claim: Claim,
    lost: Arc<Notify>,
    /// Whether the turn is being committed, which ends the lease regularly.
    ending: bool,
}

/// Holds a lease until it is dropped.
pub(super) struct LeaseGuard {
    leases: Arc<Leases>,
    claim: Claim,
    lost: Arc<Notify>,
}

impl Leases {
    /// Registers the lease of a claim.
    pub(super) fn hold(self: &Arc<Self>, claim: Claim) -> LeaseGuard {
        let lost = Arc::new(Notify::new());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry { claim: claim.clone(), lost: lost.clone(), ending: false };
        if let Some(before) = held.insert(claim.id.clone(), entry) {
            // A new claim of the same conversation means that the former lease has ended.
            before.lost.notify_one();
        }
        LeaseGuard { leases: self.clone(), claim, lost }
    }

    /// Returns all claims that are held.
    pub(super) fn all(&self) -> Vec<Claim> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.values().map(|entry| entry.claim.clone()).collect()
    }

    /// Renews the leases three times per lease duration, as long as it is polled.
    pub(super) async fn keep(&self, desk: &Desk, lease_ms: i64) {
        let third = Duration::from_millis(u64::try_from(lease_ms / 3).unwrap_or(0).max(10));
        loop {
            tokio::time::sleep(third).await;
            let held = self.all();
            if held.is_empty() {
                continue;
            }
            match desk.store.extend_turn_leases(held.clone(), lease_ms).await {
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
        // The conversation may have been claimed again since the renewal.
        let meant = |entry: &&Entry| entry.claim.lease_token == claim.lease_token && !entry.ending;
        if let Some(entry) = held.get(&claim.id).filter(meant) {
            entry.lost.notify_one();
        }
    }
}

impl LeaseGuard {
    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Marks the turn as being committed: from now on the commit decides whether the lease was
    /// still held.
    pub(super) fn ending(&self) {
        let mut held = self.leases.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = held.get_mut(&self.claim.id);
        if let Some(entry) = entry.filter(|one| one.claim.lease_token == self.claim.lease_token) {
            entry.ending = true;
        }
    }

    /// Waits until the lease is lost: then the turn cannot be committed.
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
