//! Settings of the web server, and the admin key of its API.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::network::Network;

/// Minimum length of a configured admin key, in characters.
const SHORTEST_KEY: usize = 24;

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

    /// Returns the configured admin key, or the one stored in the folder `data`, which is generated
    /// if it is missing. Refuses a key that is too short.
    pub fn admin_key(&self, data: Option<&Path>) -> std::io::Result<String> {
        let configured = self.admin_key.expose_secret();
        if configured.is_empty() {
            return kept_key(data.unwrap_or(Path::new(".")));
        }
        if configured.chars().count() < SHORTEST_KEY {
            return Err(std::io::Error::other(format!(
                "[http] admin_key is shorter than {SHORTEST_KEY} characters, and could be guessed: `openssl rand -hex 24` makes one; \
                 or leave it empty, and one is made and kept beside the database"
            )));
        }
        Ok(configured.to_owned())
    }
}

/// Returns the key stored in a folder. Generates one, readable only by its owner, if there is none.
fn kept_key(folder: &Path) -> std::io::Result<String> {
    let file = folder.join("admin.key");
    if let Ok(key) = std::fs::read_to_string(&file)
        && !key.trim().is_empty()
    {
        return Ok(key.trim().to_owned());
    }
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    let key = format!("fd_{}", hex::encode(random));
    std::fs::create_dir_all(folder)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&file)?;
    std::io::Write::write_all(&mut written, key.as_bytes())?;
    Ok(key)
}
