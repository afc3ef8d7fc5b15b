//! Limits guessing of keys and sign-in links: counts wrong tries per address, refuses an address
//! with too many for a while, and decides which refusals go to the audit log. Memory and log
//! entries are bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Network;

/// Time in which the wrong tries of an address are counted, in milliseconds.
const WINDOW_MS: i64 = 60_000;
/// Wrong tries per address within the window.
const MAX_FAILURES: u32 = 20;
/// Addresses that are counted at once. Others are not refused: an attacker with that many must not
/// lock out everybody else, and keys are too long to be guessed from any number of addresses.
const MAX_ADDRESSES: usize = 1024;
/// Refusals that are logged per hour, over all addresses.
const MAX_LINES: u32 = 60;
const HOUR_MS: i64 = 3_600_000;

/// Wrong tries per address.
#[derive(Default)]
pub struct GuessLimit {
    tries: Mutex<Tries>,
    trusted: Vec<Network>,
}

#[derive(Default)]
struct Tries {
    of: HashMap<Option<IpAddr>, Count>,
    lines: Count,
    /// Refusals since the last one that was logged.
    silent: u64,
}

#[derive(Default, Clone, Copy)]
struct Count {
    since: i64,
    many: u32,
}

impl Count {
    /// Counts one more and returns the count in the current window.
    fn one_more(&mut self, now: i64, window_ms: i64) -> u32 {
        if now - self.since >= window_ms {
            *self = Self { since: now, many: 0 };
        }
        self.many = self.many.saturating_add(1);
        self.many
    }
}

impl GuessLimit {
    /// A limit that never refuses these proxies.
    pub fn new(trusted: Vec<Network>) -> Self {
        Self { tries: Mutex::default(), trusted }
    }

    /// Whether an address may try. Trusted proxies always may, and so may local and private
    /// addresses, which may be proxies: their users must not lock each other out.
    pub(super) fn is_open(&self, address: Option<IpAddr>, now: i64) -> bool {
        let Some(address) = address.filter(|address| is_public(*address)) else { return true };
        if self.trusted.iter().any(|network| network.contains(address)) {
            return true;
        }
        let tries = self.tries();
        let count = tries.of.get(&Some(network(address)));
        count.is_none_or(|count| now - count.since >= WINDOW_MS || count.many < MAX_FAILURES)
    }

    /// Counts a wrong try. Returns `Some` if it is to be logged, with the number of refusals since
    /// the last log entry.
    pub(super) fn wrong(&self, address: Option<IpAddr>, now: i64) -> Option<u64> {
        let mut tries = self.tries();
        let mut key = address.map(network);
        if tries.of.len() >= MAX_ADDRESSES && !tries.of.contains_key(&key) {
            tries.of.retain(|_, count| now - count.since < WINDOW_MS);
            if tries.of.len() >= MAX_ADDRESSES {
                key = None;
            }
        }
        let many = tries.of.entry(key).or_default().one_more(now, WINDOW_MS);
        if many == 1 && tries.lines.one_more(now, HOUR_MS) <= MAX_LINES {
            return Some(std::mem::take(&mut tries.silent));
        }
        tries.silent += 1;
        None
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reduces an IPv6 address to its /64 network: a single host has too many addresses to count.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => {
            // Shared address space of carriers and Tailscale (RFC 6598).
            let shared = matches!(it.octets(), [100, 64..=127, ..]);
            !(it.is_loopback() || it.is_private() || it.is_link_local() || shared)
        }
        IpAddr::V6(it) => !(it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn an_address_that_is_wrong_too_often_waits_and_others_do_not() {
        let trusted = Network::try_from("198.51.100.0/24".to_owned()).unwrap();
        let limit = GuessLimit::new(vec![trusted]);
        let (guesser, other) = (address("203.0.113.5"), address("203.0.113.6"));
        for at in 0..i64::from(MAX_FAILURES) {
            assert!(limit.is_open(guesser, at), "{at}");
            limit.wrong(guesser, at);
        }
        assert!(!limit.is_open(guesser, 100));
        assert!(limit.is_open(other, 100));
        assert!(limit.is_open(guesser, WINDOW_MS), "a minute later");
        for near in [
            "127.0.0.1",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.254",
            "::1",
            "::ffff:192.168.1.1",
            "fd00::1",
            "198.51.100.7",
            "::ffff:198.51.100.7",
        ] {
            for at in 0..100 {
                limit.wrong(address(near), at);
            }
            assert!(limit.is_open(address(near), 100), "{near} may be a proxy");
        }
        for public in ["100.63.255.255", "100.128.0.0", "198.51.101.1"] {
            for at in 0..100 {
                limit.wrong(address(public), at);
            }
            assert!(!limit.is_open(address(public), 100), "{public} is nobody's proxy");
        }
        for n in 0..30 {
            limit.wrong(address(&format!("2001:db8::{n}")), 0);
        }
        assert!(!limit.is_open(address("2001:db8::ffff"), 1), "one network is one guesser");
    }

    #[test]
    fn neither_memory_nor_the_log_grows_with_the_tries() {
        let limit = GuessLimit::default();
        let many = |from: u32| {
            (0..5000_u32).map(move |n| {
                address(&IpAddr::from((0x0b00_0000 + from + n).to_be_bytes()).to_string())
            })
        };
        let lines = many(0).filter_map(|one| limit.wrong(one, 0)).count();
        assert_eq!(lines, MAX_LINES as usize);
        assert!(limit.tries().of.len() <= MAX_ADDRESSES + 1);
        assert!(limit.is_open(address("198.51.100.1"), 1), "nobody is locked out by others");
        let silent = limit.wrong(address("198.51.100.2"), HOUR_MS).unwrap();
        assert_eq!(silent, 5000 - u64::from(MAX_LINES));
    }
}
