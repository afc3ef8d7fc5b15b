//! Qdrant settings from the configuration: connection, and options of the collections it creates.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::index::IndexKind;

/// Settings of a Qdrant server or cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// URL of its gRPC interface, such as `http://localhost:6334`.
    pub(super) url: String,
    /// API key; empty: none.
    pub(super) api_key: SecretString,
    /// Name prefix of the collections that are created.
    pub(super) prefix: String,
    /// Timeout of one search call, retries included, in milliseconds.
    pub(super) timeout_ms: u64,
    /// Timeout of one write batch, retries included, in milliseconds.
    pub(super) write_timeout_ms: u64,
    /// Compression of vectors in Qdrant's memory; hits are rescored with the full vectors.
    pub(super) quantization: Quantization,
    /// Factor by which a quantized search examines more candidates than wanted, 1 to 100.
    pub(super) oversampling: f64,
    /// Whether every vector is compared instead of using the HNSW graph.
    pub(super) exact: bool,
    /// Whether full vectors are kept on disk.
    pub(super) on_disk: bool,
    /// Number of shards per collection; 0: Qdrant's default.
    pub(super) shards: u32,
    /// Number of replicas per shard; 0: Qdrant's default.
    pub(super) replicas: u32,
    /// Number of replicas that must confirm a write; 0: Qdrant's default.
    pub(super) write_consistency: u32,
    /// Number of recently found chunks cached in this process.
    pub(super) keep_chunks: usize,
}

/// Compression of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Quantization {
    /// Full vectors.
    None,
    /// One byte per number.
    Scalar,
    /// One bit per number, for models with a thousand dimensions or more.
    Binary,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            api_key: SecretString::default(),
            prefix: "frontdesk".into(),
            timeout_ms: 2_000,
            write_timeout_ms: 60_000,
            quantization: Quantization::None,
            oversampling: 2.0,
            exact: false,
            on_disk: false,
            shards: 0,
            replicas: 0,
            write_consistency: 0,
            keep_chunks: 10_000,
        }
    }
}

impl Settings {
    /// Validates the settings; the error names the invalid key.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            return Err("url must be the address of Qdrant's gRPC interface, such as \
                        \"http://localhost:6334\""
                .into());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(plain) {
            return Err("prefix must be 1 to 64 letters, digits, `_` and `-`".into());
        }
        if self.timeout_ms == 0 || self.write_timeout_ms == 0 {
            return Err("timeout_ms and write_timeout_ms must be above 0".into());
        }
        if !(1.0..=100.0).contains(&self.oversampling) {
            return Err("oversampling must be between 1 and 100".into());
        }
        Ok(())
    }

    /// Overrides the URL and the key.
    pub(in crate::index) fn at(
        mut self,
        url: Option<String>,
        api_key: Option<SecretString>,
    ) -> Self {
        self.url = url.unwrap_or(self.url);
        self.api_key = api_key.unwrap_or(self.api_key);
        self
    }

    /// Returns the configuration lines that select Qdrant, without the key.
    pub(in crate::index) fn lines(&self) -> String {
        let (Self { url, prefix, .. }, kind) = (self, IndexKind::Qdrant);
        format!("[index]\nkind = \"{kind}\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\n")
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Timeout of a whole search, which is usually two calls in sequence, and more if few of the
    /// points found are current.
    pub(super) fn longest_search(&self) -> Duration {
        self.timeout() * 3
    }

    pub(super) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }
}
