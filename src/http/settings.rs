//! Settings of the web server.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::network::Network;

/// Settings of the web server, as in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 for any free port.
    pub port: u16,
    /// The public URL of this desk for people and for WhatsApp; empty to use host and port.
    pub base_url: String,
    /// The admin key of the API; empty to generate one at the first start.
    pub admin_key: SecretString,
    /// The maximum size of a body, in bytes.
    pub max_body_bytes: usize,
    /// The maximum number of connections; 0 to derive it from the limit on open files.
    pub max_connections: usize,
    /// The maximum bytes of bodies that are being read at once; 0 for the default, or more if the
    /// largest body needs it.
    pub max_bytes_in_flight: usize,
    /// How long a request's head may take to arrive, in milliseconds.
    pub header_ms: u64,
    /// How long a connection without a request stays open, in milliseconds.
    pub idle_ms: u64,
    /// How long a body, or a client that reads a response, may make no progress, in milliseconds.
    pub stall_ms: u64,
    /// Reverse proxies, which are exempt from the limits per address.
    pub trusted_proxies: Vec<Network>,
    /// Folder of a built console to use instead of the one in the binary; empty for that one.
    pub console: PathBuf,
}

impl Settings {
    /// Whether the desk is reached over TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// The public URL of the desk, without a trailing slash.
    pub fn base_url(&self) -> String {
        if self.base_url.is_empty() {
            let host = if self.host == "0.0.0.0" { "127.0.0.1" } else { &self.host };
            return format!("http://{host}:{}", self.port);
        }
        self.base_url.trim_end_matches('/').to_owned()
    }
}
