//! Browser sessions: sign-in links, the session cookie, and the CSRF token for writes. The database
//! holds only hashes of them.

use std::borrow::Cow;
use std::path::Path;

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Settings;
use crate::store::Store;
use crate::store::sessions::SESSION_MS;

/// Name of the cookie over TLS. Browsers accept `__Host-` cookies only from this host itself, and
/// send them to no other.
pub(super) const NAME: &str = "__Host-frontdesk";
/// The header with the CSRF token.
pub(super) const CSRF: &str = "x-csrf-token";
/// Maximum length of a secret, in bytes; a longer one was not issued here.
const MAX_LEN: usize = 100;

/// The token in a link or a cookie. It is enough to sign in, so it is never shown.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// Creates a random secret of 256 bits.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(random)))
    }

    /// Accepts a secret from a client; `None` if it cannot be valid.
    pub(super) fn from_client(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= MAX_LEN).then(|| Self(text.to_owned()))
    }

    /// Returns the secret in the cookie of a request.
    pub(super) fn of(headers: &HeaderMap, settings: &Settings) -> Option<Self> {
        let ours = name(settings);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|one| one.split_once('='));
        pairs
            .find(|(name, _)| name.trim() == ours)
            .and_then(|(_, value)| Self::from_client(value.trim()))
    }

    /// The hash that the database stores.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// The CSRF token of this session, derived from the secret. Pages of other sites can make the
    /// browser send the cookie, but cannot read this token; the secret cannot be computed from it.
    pub(super) fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("frontdesk csrf {}", self.0)))
    }

    /// Returns the session cookie, with the lifetime of a session.
    pub(super) fn cookie(&self, settings: &Settings) -> Option<HeaderValue> {
        cookie(&self.0, SESSION_MS / 1000, settings)
    }
}

/// Returns the header that deletes the session cookie.
pub(super) fn no_cookie(settings: &Settings) -> Option<HeaderValue> {
    cookie("", 0, settings)
}

/// Returns the cookie's name. Without TLS it contains the port: browsers share the cookies of a
/// host between its ports.
fn name(settings: &Settings) -> Cow<'static, str> {
    if settings.is_secure() { NAME.into() } else { format!("frontdesk_{}", settings.port).into() }
}

fn cookie(value: &str, seconds: i64, settings: &Settings) -> Option<HeaderValue> {
    let (name, secure) = (name(settings), if settings.is_secure() { "; Secure" } else { "" });
    let text =
        format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether a request has the CSRF token of its session.
pub(super) fn has_csrf(secret: &Secret, headers: &HeaderMap) -> bool {
    let given = headers.get(CSRF).map_or(&[][..], HeaderValue::as_bytes);
    bool::from(given.ct_eq(secret.csrf().as_bytes()))
}

/// Whether the browser states that a page of another origin makes this request. Other clients state
/// nothing.
pub(super) fn is_foreign(headers: &HeaderMap, settings: &Settings) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return !["same-origin", "none"].contains(&site);
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return false };
    let ours = |host: &str| origin.split_once("://").is_some_and(|(_, from)| from == host);
    // Behind a proxy, `Host` may differ from the host that the browser knows.
    let base = settings.base_url();
    let known = base.split_once("://").map_or("", |(_, host)| host);
    !text(HOST.as_str()).is_some_and(ours) && !ours(known)
}

/// Name of the file beside the database with the sign-in link of the last start without a terminal.
pub const LINK_FILE: &str = "sign-in.link";

/// Writes a link to a file that only its owner can read, replacing the former one.
pub fn keep_link(file: &Path, link: &str) -> std::io::Result<()> {
    let beside = file.with_extension("link.new");
    drop(std::fs::remove_file(&beside));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&beside)?;
    std::io::Write::write_all(&mut written, format!("{link}\n").as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&beside, file)
}

/// Removes the file if it contains this link, which is used up.
pub(super) fn forget_link(file: &Path, secret: &Secret) {
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let used = kept.trim_end().rsplit_once('#').is_some_and(|(_, token)| token == secret.0);
    if used && let Err(error) = std::fs::remove_file(file) {
        tracing::debug!(%error, "the file of a used sign-in link stays");
    }
}

/// Creates a one-time sign-in link that is valid for a day. The token is in the fragment (`#`), so
/// that it reaches no log of a server or proxy.
pub async fn sign_in_link(store: &Store, base_url: &str) -> std::io::Result<String> {
    let secret = Secret::new()?;
    store.add_sign_in_link(secret.hash()).await.map_err(std::io::Error::other)?;
    Ok(format!("{}/sign-in#{}", base_url.trim_end_matches('/'), secret.0))
}
