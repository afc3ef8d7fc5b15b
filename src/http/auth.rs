//! Authentication of the API: by the admin key, or by the session of a browser that signed in with
//! a link. The key is compared in constant time; writes with a session must come from the console's
//! own pages.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{Extensions, HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::WebState;
use super::caller::Caller;
use super::error::Problem;
use super::session::{Secret, has_csrf, is_foreign};
use crate::domain::Action;
use crate::domain::audit::Outcome;
use crate::domain::time::now_ms;
use crate::store::audit::{Actor, Entry};
use crate::store::sessions::{Lifetime, PROLONG_MS};

impl Caller {
    /// Returns the actor for the audit log. A session is named by the start of its hash, enough to
    /// tell browsers apart.
    fn actor(&self, address: Option<IpAddr>) -> Actor {
        let name = match self {
            Self::Key => "admin key".to_owned(),
            Self::Person { secret, .. } => format!("console {}", &secret.hash()[..8]),
        };
        Actor { name, address: shown(address) }
    }
}

/// Middleware that admits requests with the admin key or a session cookie, and passes the caller to
/// the handlers.
pub(super) async fn guard(
    State(web): State<WebState>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = peer(request.extensions());
    let caller = match identify(&web, request.method(), (request.headers(), address)).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let cookie = match caller.clone() {
        Caller::Person { secret, lifetime } => prolong(&web, secret, lifetime).await,
        Caller::Key => None,
    };
    request.extensions_mut().insert(caller.actor(address));
    request.extensions_mut().insert(web.limits.expensive());
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(cookie) = cookie.and_then(|secret| secret.cookie(&web.settings)) {
        // Signing out sets its own cookie, which must win.
        response.headers_mut().entry(SET_COOKIE).or_insert(cookie);
    }
    response
}

/// Returns the address of the connection's peer, which may be a proxy.
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical())
}

/// Formats an address for the audit log.
pub(super) fn shown(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_string()).unwrap_or_default()
}

/// Refuses an address with too many recent wrong tries.
pub(super) fn not_too_often(web: &WebState, address: Option<IpAddr>) -> Result<(), Problem> {
    if web.guesses.is_open(address, now_ms()) {
        return Ok(());
    }
    Err(Problem::too_many("Too many wrong keys or links came from this address: wait a minute."))
}

/// Counts a wrong key or link. Writes it to the audit log unless there are too many.
pub(super) async fn record_failed_auth(web: &WebState, address: Option<IpAddr>, action: Action) {
    let Some(silent) = web.guesses.wrong(address, now_ms()) else { return };
    let actor = Actor { name: "unknown".into(), address: shown(address) };
    let detail = serde_json::json!({"not_listed": silent});
    let entry = Entry::new(actor, action, "").with(detail).ended(Outcome::Refused);
    if let Err(error) = web.desk.store.audit(entry).await {
        tracing::warn!(%error, "a wrong key or link is not in the audit log");
    }
}

/// Checks the admin key. A wrong one is counted; a request without a key is not.
pub(super) async fn check(
    web: &WebState,
    (headers, address): (&HeaderMap, Option<IpAddr>),
) -> Result<(), Problem> {
    if headers.contains_key(AUTHORIZATION) {
        not_too_often(web, address)?;
    }
    let checked = has_key(web, headers);
    if checked.is_err() && headers.contains_key(AUTHORIZATION) {
        record_failed_auth(web, address, Action::KeyRefused).await;
    }
    checked
}

fn has_key(web: &WebState, headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if is_key(web, key) {
        return Ok(());
    }
    Err(Problem::unauthorized(
        "Send the admin key as `Authorization: Bearer KEY`: it is [http] admin_key, or the file admin.key beside the database. A browser signs in with a link that `frontdesk sign-in` prints.",
    ))
}

/// Whether this is the admin key.
pub(super) fn is_key(web: &WebState, given: &str) -> bool {
    bool::from(given.as_bytes().ct_eq(web.admin_key.as_bytes()))
}

/// Waits until the caller's session ends: by a sign-out or by expiry. Never returns for the admin
/// key.
pub(super) async fn signed_out(web: WebState, caller: Caller) {
    let Caller::Person { secret, .. } = caller else { return std::future::pending().await };
    let (hash, mut sign_outs) = (secret.hash(), web.sign_outs.subscribe());
    loop {
        // Another replica may have ended the session.
        drop(tokio::time::timeout(SESSION_RECHECK_INTERVAL, sign_outs.changed()).await);
        match web.desk.store.session(&hash).await {
            Ok(None) => return,
            Ok(Some(_)) => {}
            Err(error) => {
                tracing::debug!(%error, "a session could not be looked up, it is tried again");
            }
        }
    }
}

/// How often an open stream checks its session: the longest that it outlives a session that a
/// command or another replica ended.
const SESSION_RECHECK_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

async fn identify(
    web: &WebState,
    method: &Method,
    (headers, address): (&HeaderMap, Option<IpAddr>),
) -> Result<Caller, Problem> {
    let Some(secret) =
        Secret::of(headers, &web.settings).filter(|_| !headers.contains_key(AUTHORIZATION))
    else {
        return check(web, (headers, address)).await.map(|()| Caller::Key);
    };
    let Some(lifetime) = web.desk.store.session(&secret.hash()).await? else {
        return check(web, (headers, address)).await.map(|()| Caller::Key);
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        if is_foreign(headers, &web.settings) {
            return Err(Problem::forbidden("This request comes from a page of another site."));
        }
        if !has_csrf(&secret, headers) {
            return Err(Problem::forbidden(
                "A signed-in browser sends `X-CSRF-Token` with everything that it changes: GET /api/v1/session says what.",
            ));
        }
    }
    Ok(Caller::Person { secret, lifetime })
}

/// Prolongs a session in use, at most once an hour. Returns the secret for the new cookie, `None`
/// if nothing changed.
async fn prolong(web: &WebState, secret: Secret, lifetime: Lifetime) -> Option<Secret> {
    if lifetime.expires_at > lifetime.prolonged(now_ms()) - PROLONG_MS {
        return None;
    }
    match web.desk.store.prolong_session(secret.hash()).await {
        Ok(()) => Some(secret),
        Err(error) => {
            tracing::debug!(%error, "a session could not be prolonged, it is tried again");
            None
        }
    }
}
