//! Asks a server on this machine that nobody configured. Must not trust its answer, nor send it more
//! than the request.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tokio::net::TcpStream;

use super::exchange::read;

/// Maximum size of an answer, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// Asks the servers of this machine. Follows no redirect and uses no proxy.
pub struct LocalClient {
    http: reqwest::Client,
    limit: Duration,
}

impl LocalClient {
    /// Creates a client if a server listens at one of these ports: mostly none does, and a client
    /// takes time and memory. `limit` is for each connection and each answer.
    pub async fn of_open_ports(ports: &[u16], limit: Duration) -> Option<Self> {
        let opened = join_all(ports.iter().map(|port| {
            tokio::time::timeout(limit, TcpStream::connect((Ipv4Addr::LOCALHOST, *port)))
        }));
        opened.await.into_iter().find(|opened| matches!(opened, Ok(Ok(_))))?.ok()?.ok()?;
        let http = super::connection(super::Route::Direct).ok()?;
        Some(Self { http, limit })
    }

    /// Requests JSON at `http://127.0.0.1:PORT` and a path. `None` if nothing listens there, or if
    /// no JSON is answered with status 200 in time.
    pub async fn json(&self, port: u16, path: &str) -> Option<Value> {
        tokio::time::timeout(self.limit, self.request(port, path)).await.ok()?
    }

    async fn request(&self, port: u16, path: &str) -> Option<Value> {
        let address = format!("http://{}:{port}{path}", Ipv4Addr::LOCALHOST);
        let response = self.http.get(address).send().await.ok()?;
        if response.status() != reqwest::StatusCode::OK {
            return None;
        }
        serde_json::from_slice(&read(response, MAX_BYTES).await.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::scripted::{Act, ScriptedServer};

    const LIMIT: Duration = Duration::from_millis(400);

    async fn answer(act: Act) -> Option<Value> {
        let server = ScriptedServer::start(vec![act]).await;
        let port = port(&server);
        LocalClient::of_open_ports(&[port], LIMIT).await?.json(port, "/v1/models").await
    }

    fn port(server: &ScriptedServer) -> u16 {
        url::Url::parse(&server.url).unwrap().port().unwrap()
    }

    #[tokio::test]
    async fn only_json_with_status_200_is_taken() {
        assert_eq!(answer(Act::say("[1]")).await, Some(serde_json::json!([1])));
        assert_eq!(answer(Act::say("<html>[1]</html>")).await, None);
        assert_eq!(answer(Act::refuse(401, &[], "[1]")).await, None);
        let long = format!("[{}1]", " ".repeat(MAX_BYTES));
        assert_eq!(answer(Act::say(&long)).await, None);
        let other = ScriptedServer::start(vec![Act::say("[1]")]).await;
        let moved = Act::refuse(302, &[("location", &format!("{}/models", other.url))], "[1]");
        assert_eq!(answer(moved).await, None);
        assert!(other.received_requests().is_empty());
    }

    #[tokio::test]
    async fn a_slow_or_endless_answer_is_given_up() {
        for act in [Act::Stall, Act::Hang("[1".into())] {
            let started = Instant::now();
            assert_eq!(answer(act).await, None);
            assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        }
    }

    #[tokio::test]
    async fn a_closed_port_costs_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let started = Instant::now();
        assert!(LocalClient::of_open_ports(&[port], Duration::from_secs(5)).await.is_none());
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
}
