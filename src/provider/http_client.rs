//! The HTTP client of all providers, and the addresses to which numbers of the console may send requests.

use std::time::Duration;

use frontdesk_endpoint::GuardedClient;
use frontdesk_endpoint::address::Guard;
use reqwest::Url;
use serde::Deserialize;

/// Limits for numbers added in the console, as written in the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Whether they may use any API address, also a private one.
    pub allow_base_url: bool,
    /// Hosts whose private addresses they may use: names or addresses, without a port.
    pub allowed_hosts: Vec<String>,
}

impl Limits {
    /// The guard of their requests.
    pub fn guard(&self) -> Guard {
        Guard::new(self.allow_base_url).allowing(&self.allowed_hosts)
    }
}

/// How long a connection to a provider waits for its next request. Common servers close an idle one after 5 s, and a
/// message that is written at that moment has an unknown outcome: a new connection is cheaper than a person's look.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(4);

/// Creates an HTTP client of providers, with a request timeout.
pub fn client(timeout: Duration, guard: Option<Guard>) -> Result<GuardedClient, String> {
    let make = move || {
        reqwest::Client::builder()
            .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .pool_idle_timeout(MAX_IDLE)
    };
    GuardedClient::new(make, guard).map_err(|error| format!("cannot set up HTTP: {error}"))
}

/// The URL of a path below a base; escapes every segment.
pub(super) fn endpoint(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}
