//! Decides which network addresses may be connected to. A host name is checked by every address
//! that it resolves to, in the same look-up that the connection uses, which prevents DNS rebinding.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;
use url::{Host, Url};

/// Class of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddressClass {
    /// Public internet.
    Public,
    /// This machine or its local network: allowed only with `allow_private`.
    Private,
    /// Never allowed: cloud metadata services, multicast, addresses that embed another address.
    Never,
}

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The address is private.
    #[error("{} an address of a private network", is(host, address))]
    Private {
        /// Host name, or the address.
        host: String,
        /// The resolved address.
        address: IpAddr,
    },
    /// The address is never allowed.
    #[error("{} a special address that is never connected to", is(host, address))]
    Never {
        /// Host name, or the address.
        host: String,
        /// The resolved address.
        address: IpAddr,
    },
}

/// `shop.example is 10.0.0.1,`, or `10.0.0.1 is` for an address.
fn is(host: &str, address: &IpAddr) -> String {
    if host == address.to_string() { format!("{host} is") } else { format!("{host} is {address},") }
}

/// Metadata services of clouds, outside of the link-local network, that expose secrets.
const CLOUDS: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Classifies an address by the special-purpose address registries (RFC 6890 and its updates).
fn reach(address: IpAddr) -> AddressClass {
    if CLOUDS.contains(&address) {
        return AddressClass::Never;
    }
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        // Loopback, private networks, carrier-grade NAT (RFC 6598).
        [127 | 10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => {
            AddressClass::Private
        }
        // "This network", link-local, protocol assignments, documentation, 6to4 relay, benchmarks,
        // multicast, reserved.
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => AddressClass::Never,
        _ => AddressClass::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> AddressClass {
    if address.is_loopback() {
        return AddressClass::Private;
    }
    match address.segments() {
        // Unique local.
        [0xfc00..=0xfdff, ..] => AddressClass::Private,
        // Protocol assignments with Teredo, documentation, 6to4 (which embeds an IPv4 address).
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => {
            AddressClass::Never
        }
        // Global unicast. The rest are mapped and translated addresses, link-local and site-local,
        // multicast, unassigned.
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        _ => AddressClass::Never,
    }
}

/// How long [`Guard::permits`] looks a name up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// Resolves a host name.
pub type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// DNS resolver that refuses addresses that may not be connected to.
#[derive(Clone)]
pub struct Guard {
    allow_private: bool,
    /// Hosts whose private addresses are allowed; small letters.
    allowed: Arc<[String]>,
    lookup: Lookup,
}

impl Guard {
    /// Creates a guard that uses the system's resolver.
    pub fn new(allow_private: bool) -> Self {
        let lookup: Lookup = Arc::new(|name| Box::pin(system(name)));
        Self { allow_private, allowed: Arc::default(), lookup }
    }

    /// Allows private addresses of these hosts, too: names or addresses, without a port.
    #[must_use]
    pub fn allowing(self, hosts: &[String]) -> Self {
        Self { allowed: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(), ..self }
    }

    /// Creates a guard with any resolver. For tests only: a resolver of one's own could bypass the
    /// guard.
    #[cfg(any(test, feature = "testing"))]
    pub fn over(allow_private: bool, lookup: Lookup) -> Self {
        Self { allow_private, allowed: Arc::default(), lookup }
    }

    /// Checks a URL whose host is an IP address; such hosts are never resolved.
    pub fn check(&self, url: &Url) -> Result<(), AddressError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        self.judge(&address.to_string(), address)
    }

    /// Checks a URL as a connection to it would be checked, by looking its host up. A host that
    /// cannot be looked up, or not in time, is no error: it is checked again when it is connected to.
    pub async fn permits(&self, url: &Url) -> Result<(), AddressError> {
        self.check(url)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        let found = timeout(LOOKUP_TIMEOUT, (self.lookup)(name.to_owned())).await;
        let found = found.map(Result::unwrap_or_default).unwrap_or_default();
        found.into_iter().try_for_each(|address| self.judge(name, address))
    }

    fn judge(&self, host: &str, address: IpAddr) -> Result<(), AddressError> {
        let host = host.to_owned();
        match reach(address) {
            AddressClass::Public => Ok(()),
            AddressClass::Private if self.allow_private || self.allowed.contains(&host) => Ok(()),
            AddressClass::Private => Err(AddressError::Private { host, address }),
            AddressClass::Never => Err(AddressError::Never { host, address }),
        }
    }
}

async fn system(name: String) -> std::io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect())
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = (guard.lookup)(name.clone()).await?;
            // A single refused address is enough: no honest host has one among its addresses.
            for address in &found {
                guard.judge(&name, *address)?;
            }
            let found: Addrs =
                Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_is_judged() {
        let public = ["8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.0.1"];
        let public_6 = ["2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888"];
        let private = [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "::1",
            "fc00::1",
            "fd12:3456::1",
        ];
        let never = [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
            "100.100.100.200",
            "168.63.129.16",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
            "fd00:ec2::254",
            "5f00::1",
            "4000::1",
        ];
        let all = |list: &[&str], expected| {
            for address in list {
                assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
            }
        };
        all(&public, AddressClass::Public);
        all(&public_6, AddressClass::Public);
        all(&private, AddressClass::Private);
        all(&never, AddressClass::Never);
    }

    #[test]
    fn an_address_in_any_spelling_is_the_same_address() {
        let guard = Guard::new(false);
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://①②⑦.0.0.1/",
        ] {
            let refused = guard.check(&Url::parse(url).unwrap()).unwrap_err();
            assert!(matches!(refused, AddressError::Private { .. }), "{url}: {refused:?}");
            assert!(refused.to_string().contains("private network"), "{refused}");
        }
        assert_eq!(guard.check(&Url::parse("http://8.8.8.8/").unwrap()), Ok(()));
        let open = Guard::new(true);
        assert_eq!(open.check(&Url::parse("http://10.0.0.1/").unwrap()), Ok(()));
        for url in ["http://169.254.169.254/latest/", "http://[::ffff:10.0.0.1]/"] {
            let refused = open.check(&Url::parse(url).unwrap()).unwrap_err();
            assert!(matches!(refused, AddressError::Never { .. }), "{url}");
        }
    }

    fn answering(addresses: &'static [&'static str]) -> Lookup {
        Arc::new(|_| {
            let all = addresses.iter().map(|address| address.parse().unwrap()).collect();
            Box::pin(std::future::ready(Ok(all)))
        })
    }

    async fn resolved(guard: &Guard) -> Result<Vec<IpAddr>, String> {
        let found = guard.resolve("shop.example".parse().unwrap()).await;
        found.map(|all| all.map(|one| one.ip()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_is_judged_by_every_address_it_has() {
        let good = Guard::over(false, answering(&["8.8.8.8", "2606:4700::1111"]));
        assert_eq!(resolved(&good).await.unwrap().len(), 2);
        let mixed = Guard::over(false, answering(&["8.8.8.8", "10.0.0.1"]));
        let refused = resolved(&mixed).await.unwrap_err();
        assert!(refused.contains("shop.example is 10.0.0.1"), "{refused}");
        let open = Guard::over(true, answering(&["10.0.0.1"]));
        assert_eq!(resolved(&open).await.unwrap().len(), 1);
        let metadata = Guard::over(true, answering(&["169.254.169.254"]));
        assert!(resolved(&metadata).await.unwrap_err().contains("never connected to"));
        let url = Url::parse("https://shop.example/v1").unwrap();
        assert_eq!(good.permits(&url).await, Ok(()));
        assert!(matches!(mixed.permits(&url).await, Err(AddressError::Private { .. })));
        assert!(matches!(metadata.permits(&url).await, Err(AddressError::Never { .. })));
    }
}
