//! What signs a person in: links, the cookie of a session, and the token that shows that a write comes from the console
//! itself. Only hashes of them reach the database.

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

/// The cookie's name behind TLS: browsers take one of this kind only from this very host, and send it nowhere else.
pub(super) const NAME: &str = "__Host-frontdesk";
/// The header that a write of a signed-in browser brings.
pub(super) const CSRF: &str = "x-csrf-token";
/// Longer secrets are none of ours.
const LONGEST: usize = 100;

/// What a link or a cookie holds. Whoever knows it is signed in, so it is shown nowhere.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// A new one, of 256 bits that nobody can guess.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(random)))
    }

    /// One that somebody brings; `None` for what cannot be one.
    pub(super) fn brought(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// The one in the cookie of a request.
    pub(super) fn of(headers: &HeaderMap, settings: &Settings) -> Option<Self> {
        let ours = name(settings);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|one| one.split_once('='));
        pairs
            .find(|(name, _)| name.trim() == ours)
            .and_then(|(_, value)| Self::brought(value.trim()))
    }

    /// What the database knows of it.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// What a write of this session brings beside the cookie. Pages of other sites can have the cookie sent, and cannot read
    /// this; the cookie cannot be made of it.
    pub(super) fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("frontdesk csrf {}", self.0)))
    }

    /// The cookie, for the whole life of a session.
    pub(super) fn cookie(&self, settings: &Settings) -> Option<HeaderValue> {
        cookie(&self.0, SESSION_MS / 1000, settings)
    }
}

/// The cookie that takes the place of a session's, and is gone at once.
pub(super) fn no_cookie(settings: &Settings) -> Option<HeaderValue> {
    cookie("", 0, settings)
}

/// The cookie's name. Without TLS desks on one host share their cookies, whatever their ports: the port keeps them apart.
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

/// Whether a write brings the token of its session.
pub(super) fn has_csrf(secret: &Secret, headers: &HeaderMap) -> bool {
    let given = headers.get(CSRF).map_or(&[][..], HeaderValue::as_bytes);
    bool::from(given.ct_eq(secret.csrf().as_bytes()))
}

/// Whether a browser says that a page of another origin makes this request. Who is no browser says nothing.
pub(super) fn is_foreign(headers: &HeaderMap, settings: &Settings) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return !["same-origin", "none"].contains(&site);
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return false };
    let ours = |host: &str| origin.split_once("://").is_some_and(|(_, from)| from == host);
    // Behind a proxy the host may be another one than the browser knows.
    let base = settings.base_url();
    let known = base.split_once("://").map_or("", |(_, host)| host);
    !text(HOST.as_str()).is_some_and(ours) && !ours(known)
}

/// The file beside the database with the link of the last start, where nobody sat at a terminal.
pub const LINK_FILE: &str = "sign-in.link";

/// Keeps a link in a file that its owner alone can read, in the place of the one before.
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

/// Removes the file if it has this link, which is used up.
pub(super) fn forget_link(file: &Path, secret: &Secret) {
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let used = kept.trim_end().rsplit_once('#').is_some_and(|(_, token)| token == secret.0);
    if used && let Err(error) = std::fs::remove_file(file) {
        tracing::debug!(%error, "the file of a used sign-in link stays");
    }
}

/// Makes a link that signs in whoever opens it first, within a day. What it holds stands behind `#`, so that no log of a
/// server or a proxy ever has it.
pub async fn sign_in_link(store: &Store, base_url: &str) -> std::io::Result<String> {
    let secret = Secret::new()?;
    store.add_sign_in_link(secret.hash()).await.map_err(std::io::Error::other)?;
    Ok(format!("{}/sign-in#{}", base_url.trim_end_matches('/'), secret.0))
}
