//! Limits the number of connections, in total and per address. At a limit, the connection that has
//! been idle the longest is evicted for the new one. Closes nothing itself.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::activity::ConnectionActivity;
use crate::http::{Network, Settings};

/// File descriptors reserved for the database, documents, and calls to models and WhatsApp.
const KEPT_FILES: u64 = 256;
/// Minimum and maximum of the connection limit if it is not configured.
const CAPS: (u64, u64) = (64, 8192);
/// One address may use at most one part in this many of all connections, and of all body bytes.
pub(super) const PARTS: usize = 4;
/// Evicted connections that may still be closing, in addition to the limit.
const LEAVING: usize = 64;

pub(super) struct Connections {
    cap: usize,
    trusted: Vec<Network>,
    taken: Mutex<PlaceCounts>,
}

#[derive(Default)]
struct PlaceCounts {
    all: usize,
    by_peer: HashMap<Peer, Vec<Arc<ConnectionActivity>>>,
}

/// The origin of connections and bodies, for the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Peer {
    /// A trusted proxy, or an authenticated sender. Limits per address do not apply.
    Trusted,
    /// One address. For IPv6 the /64 network, which is what one customer of a provider has.
    Address(IpAddr),
}

/// A connection's slot, released on drop.
pub(super) struct Place {
    connections: Arc<Connections>,
    peer: Peer,
    activity: Arc<ConnectionActivity>,
}

impl Connections {
    pub(super) fn of(settings: &Settings) -> Arc<Self> {
        let cap = match settings.max_connections {
            0 => usize::try_from(by_files(open_files())).unwrap_or(usize::MAX),
            cap => cap,
        };
        tracing::debug!(cap, "connections at once");
        Arc::new(Self { cap, trusted: settings.trusted_proxies.clone(), taken: Mutex::default() })
    }

    /// Returns a slot for a connection; `None` if the limit is reached and no connection is idle,
    /// or too many evicted ones are still closing.
    pub(super) fn take(
        self: &Arc<Self>,
        address: IpAddr,
        activity: &Arc<ConnectionActivity>,
    ) -> Option<Place> {
        let peer = self.peer(address);
        let mut taken = self.taken();
        let own = taken.by_peer.get(&peer).map_or(0, Vec::len);
        let share = (self.cap / PARTS).max(1);
        if peer != Peer::Trusted && own >= share {
            if own >= share + LEAVING.min(share) {
                return None;
            }
            longest_idle(taken.by_peer.get(&peer).into_iter().flatten())?.evict();
        } else if taken.all >= self.cap {
            if taken.all >= self.cap + LEAVING.min(self.cap) {
                return None;
            }
            longest_idle(taken.by_peer.values().flatten())?.evict();
        }
        taken.all += 1;
        taken.by_peer.entry(peer).or_default().push(activity.clone());
        drop(taken);
        Some(Place { connections: self.clone(), peer, activity: activity.clone() })
    }

    fn peer(&self, address: IpAddr) -> Peer {
        let address = address.to_canonical();
        if self.trusted.iter().any(|network| network.contains(address)) {
            return Peer::Trusted;
        }
        Peer::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(long) => Ipv6Addr::from_bits(long.to_bits() >> 64 << 64).into(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, PlaceCounts> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn peer(&self) -> Peer {
        self.peer
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.connections.taken();
        taken.all -= 1;
        let Some(own) = taken.by_peer.get_mut(&self.peer) else { return };
        if let Some(at) = own.iter().position(|activity| Arc::ptr_eq(activity, &self.activity)) {
            own.swap_remove(at);
        }
        if own.is_empty() {
            taken.by_peer.remove(&self.peer);
        }
    }
}

/// Returns the connection that has been idle the longest.
fn longest_idle<'a>(
    all: impl Iterator<Item = &'a Arc<ConnectionActivity>>,
) -> Option<&'a Arc<ConnectionActivity>> {
    let idle = all.filter_map(|activity| Some((activity.idle_since()?, activity)));
    idle.min_by_key(|(since, _)| *since).map(|(_, activity)| activity)
}

/// Returns the connection limit for a limit on open files.
fn by_files(files: u64) -> u64 {
    (files.saturating_sub(KEPT_FILES) / 4 * 3).clamp(CAPS.0, CAPS.1)
}

/// Returns the process's limit on open files.
fn open_files() -> u64 {
    #[cfg(unix)]
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let files = None;
    files.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(cap: usize, trusted: &[&str]) -> Arc<Connections> {
        let trusted =
            trusted.iter().map(|one| Network::try_from((*one).to_owned()).expect("a network"));
        Arc::new(Connections { cap, trusted: trusted.collect(), taken: Mutex::default() })
    }

    /// Fills the slots with connections that have a request in progress. Returns their number.
    fn fill(connections: &Arc<Connections>, address: &str, places: &mut Vec<Place>) -> usize {
        let before = places.len();
        loop {
            let activity = Arc::new(ConnectionActivity::new());
            activity.begins(false);
            match connections.take(address.parse().expect("an address"), &activity) {
                Some(place) => places.push(place),
                None => return places.len() - before,
            }
        }
    }

    #[tokio::test]
    async fn one_address_has_its_share_and_a_proxy_all_there_are() {
        let all = connections(16, &["10.0.0.0/8"]);
        let mut places = Vec::new();
        assert_eq!(fill(&all, "192.0.2.1", &mut places), 4);
        assert_eq!(fill(&all, "::ffff:192.0.2.1", &mut places), 0, "the same in other words");
        assert_eq!(fill(&all, "2001:db8::1", &mut places), 4);
        assert_eq!(fill(&all, "2001:db8::ffff:2", &mut places), 0, "of the same network");
        assert_eq!(fill(&all, "10.1.1.1", &mut places), 8, "up to the cap");
        assert_eq!(fill(&all, "192.0.2.2", &mut places), 0);
        places.clear();
        assert!(all.taken().by_peer.is_empty());
        assert_eq!(fill(&all, "10.1.1.1", &mut places), 16);
    }

    #[tokio::test]
    async fn whoever_waits_longest_gives_his_place_to_a_new_one() {
        let all = connections(8, &[]);
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        let (busy, idle) =
            (Arc::new(ConnectionActivity::new()), Arc::new(ConnectionActivity::new()));
        busy.begins(false);
        let first = all.take(address, &busy).expect("a place");
        let second = all.take(address, &idle).expect("a place");
        let third =
            all.take(address, &Arc::new(ConnectionActivity::new())).expect("the idle one's place");
        idle.evicted().await;
        assert!(idle.idle_since().is_none() && busy.idle_since().is_none());
        drop((first, second, third));
        assert!(all.taken().by_peer.is_empty());
    }

    #[test]
    fn the_cap_leaves_files_for_the_rest() {
        for (files, cap) in [(0, 64), (256, 64), (1024, 576), (u64::MAX, 8192)] {
            assert_eq!(by_files(files), cap, "{files}");
        }
    }
}
