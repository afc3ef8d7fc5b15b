//! How a Qdrant is reached and what is made in it, as written in the configuration.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::index::IndexKind;

/// A Qdrant server or cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where its gRPC interface is, such as `http://localhost:6334`.
    pub(super) url: String,
    /// Its key; empty: none.
    pub(super) api_key: SecretString,
    /// What the names of the collections that are made in it begin with.
    pub(super) prefix: String,
    /// How long one search may take, attempts and waits together, in milliseconds.
    pub(super) timeout_ms: u64,
    /// How long one batch of changes may take, attempts and waits together, in milliseconds.
    pub(super) write_timeout_ms: u64,
    /// How vectors are made smaller in its memory; the found are compared again by the whole vectors.
    pub(super) quantization: Quantization,
    /// How many times the wanted number a quantized search looks at, at least 1.
    pub(super) oversampling: f64,
    /// Whether every vector of a collection is compared, instead of walking a graph.
    pub(super) exact: bool,
    /// Whether it keeps whole vectors on disk.
    pub(super) on_disk: bool,
    /// Into how many parts a collection is cut over its nodes; 0: as it decides.
    pub(super) shards: u32,
    /// How many nodes hold each part; 0: as it decides.
    pub(super) replicas: u32,
    /// How many nodes must have taken a change; 0: as it decides.
    pub(super) write_consistency: u32,
    /// How many chunks found lately are kept in this process.
    pub(super) keep_chunks: usize,
}

/// How vectors are made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Quantization {
    /// Whole vectors.
    None,
    /// A byte a number.
    Scalar,
    /// A bit a number, for models of a thousand dimensions and more.
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
    /// That everything can be used; the error names the key that cannot.
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

    /// The same at another address, with another key.
    pub(in crate::index) fn at(
        mut self,
        url: Option<String>,
        api_key: Option<SecretString>,
    ) -> Self {
        self.url = url.unwrap_or(self.url);
        self.api_key = api_key.unwrap_or(self.api_key);
        self
    }

    /// The lines that choose it in the configuration, without the key.
    pub(in crate::index) fn lines(&self) -> String {
        let (Self { url, prefix, .. }, kind) = (self, IndexKind::Qdrant);
        format!("[index]\nkind = \"{kind}\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\n")
    }

    /// How long one search may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How long one batch of changes may take.
    pub(super) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }
}
