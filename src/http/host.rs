//! Checks the `Host` of requests: a desk with a `base_url` answers to no other name, which prevents
//! DNS rebinding by pages of other sites.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri};

use super::Settings;
use super::error::Problem;

/// Paths that are served under any name: for monitoring.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Prefix of the webhooks, which are served under any name: providers sign them.
const WEBHOOKS: &str = "/webhooks/";

/// The names that are answered.
pub(super) struct Hosts {
    /// The host in `base_url`; `None` if that is not set.
    ours: Option<String>,
}

impl Hosts {
    pub(super) fn of(settings: &Settings) -> Self {
        let base: Option<Uri> = settings.base_url.parse().ok();
        let ours = base.as_ref().and_then(Uri::host).map(plain);
        Self { ours }
    }

    /// Refuses a request for another name. IP addresses and `localhost` pass: DNS rebinding cannot
    /// use them.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(ours) = &self.ours else { return Ok(()) };
        if OPEN.contains(&uri.path()) || uri.path().starts_with(WEBHOOKS) {
            return Ok(());
        }
        // A page cannot know the key, and a request with `Authorization`, right or wrong, never
        // uses the cookie. So this is a program, which may use an internal name of this server.
        if headers.contains_key(AUTHORIZATION) {
            return Ok(());
        }
        let mut given = headers.get_all(HOST).iter();
        let header = given.next();
        let many = given.next().is_some();
        let named =
            |value: &HeaderValue| -> Option<Authority> { value.to_str().ok()?.parse().ok() };
        let is_ours = |name: &Authority| {
            let name = plain(name.host());
            name == *ours || name == "localhost" || address(&name).is_some()
        };
        let by_header = header.map(|value| named(value).is_some_and(|name| is_ours(&name)));
        let by_uri = uri.authority().map(is_ours);
        let right = [by_header, by_uri];
        if !many && right.contains(&Some(true)) && !right.contains(&Some(false)) {
            return Ok(());
        }
        Err(Problem::misdirected(format!(
            "This desk is at {ours} ([http] base_url), and was asked for under another name. A proxy in front passes the name on: \
             `proxy_set_header Host $host` in nginx."
        )))
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn address(name: &str) -> Option<IpAddr> {
    name.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(hosts: &Hosts, uri: &str, given: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for one in given {
            headers.append(HOST, HeaderValue::from_str(one).expect("a header"));
        }
        hosts.check(&uri.parse().expect("an address"), &headers).is_ok()
    }

    #[test]
    fn only_our_name_and_addresses_are_answered() {
        let hosts = Hosts { ours: Some("desk.example.com".into()) };
        for host in [
            "desk.example.com",
            "Desk.Example.com:443",
            "desk.example.com.",
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "10.0.0.7",
        ] {
            assert!(answers(&hosts, "/", &[host]), "{host}");
        }
        for host in [
            "evil.example",
            "desk.example.com.evil.example",
            "",
            "a b",
            "desk.example.com@evil.example",
        ] {
            assert!(!answers(&hosts, "/api/v1/agents", &[host]), "{host}");
            assert!(answers(&hosts, "/healthz", &[host]), "{host}");
            assert!(answers(&hosts, "/webhooks/meta", &[host]), "{host}");
        }
        assert!(!answers(&hosts, "/", &[]));
        assert!(!answers(&hosts, "/", &["desk.example.com", "desk.example.com"]));
        // HTTP/2 sends the name in the URI, and HTTP/1 may.
        assert!(answers(&hosts, "https://desk.example.com/", &[]));
        assert!(!answers(&hosts, "https://evil.example/", &[]));
        assert!(!answers(&hosts, "https://evil.example/", &["desk.example.com"]));
        assert!(!answers(&hosts, "https://desk.example.com/", &["evil.example"]));
        assert!(answers(&Hosts { ours: None }, "/", &["evil.example"]));
        let mut program = HeaderMap::new();
        program.insert(HOST, HeaderValue::from_static("frontdesk:8080"));
        let uri = Uri::from_static("/v1/models");
        assert!(hosts.check(&uri, &program).is_err());
        program.insert(AUTHORIZATION, HeaderValue::from_static("Bearer key"));
        assert!(hosts.check(&uri, &program).is_ok(), "who has the key is no page");
    }
}
