//! How the web server is reached, and the key that guards its API.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::network::Network;

/// The shortest key that a configuration may have, in characters.
const SHORTEST_KEY: usize = 24;

/// How the web server is reached, as written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 for any free one.
    pub port: u16,
    /// The address under which people and WhatsApp reach this desk; empty for host and port.
    pub base_url: String,
    /// The key that guards the API; empty for one that is made on the first start.
    pub admin_key: SecretString,
    /// The largest body that is taken, in bytes.
    pub max_body_bytes: usize,
    /// The most connections at once; 0 for as many as the process's open files are good for.
    pub max_connections: usize,
    /// The most bytes of bodies that are being read at once; 0 for what is usual, or the largest body needs.
    pub max_bytes_in_flight: usize,
    /// How long a request's head may take, in milliseconds.
    pub header_ms: u64,
    /// How long a connection without a request stays open, in milliseconds.
    pub idle_ms: u64,
    /// How long a body, or whoever reads an answer, may make no progress, in milliseconds.
    pub stall_ms: u64,
    /// Proxies in front, whose connections are those of many.
    pub trusted_proxies: Vec<Network>,
    /// A folder with a built console in the place of the one in the binary; empty for that one.
    pub console: PathBuf,
}

impl Settings {
    /// Whether the desk is reached through TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// The address of the desk, without a slash at its end.
    pub fn base_url(&self) -> String {
        if self.base_url.is_empty() {
            let host = if self.host == "0.0.0.0" { "127.0.0.1" } else { &self.host };
            return format!("http://{host}:{}", self.port);
        }
        self.base_url.trim_end_matches('/').to_owned()
    }

    /// The key of the configuration, or the one kept in the folder `data`, which is made when there is none. One that could be
    /// guessed is refused.
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

/// The key kept in a folder; made, readable by its owner alone, when there is none.
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
