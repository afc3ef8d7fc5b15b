//! Who may use the API: whoever has the admin key, and browsers that signed in with a link. The key is compared in constant
//! time; a browser's writes must come from the console's own pages.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Shared;
use super::error::Problem;
use super::session::{Secret, has_csrf, is_foreign};
use crate::domain::time::now_ms;
use crate::store::sessions::{PROLONG_MS, SESSION_MS};

/// Who sent a request.
#[derive(Clone)]
pub(super) enum Caller {
    /// Whoever has the admin key.
    Key,
    /// A signed-in browser.
    Person {
        /// What its cookie holds.
        secret: Secret,
        /// When its session ends unless it is used before.
        expires_at: i64,
    },
}

impl Caller {
    /// Tells callers apart: whatever has the key is one, and each session.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Key => String::new(),
            Self::Person { secret, .. } => secret.hash(),
        }
    }

    /// The name that the audit log keeps.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Key => "admin key",
            Self::Person { .. } => "console",
        }
    }
}

/// Lets requests with the admin key or the cookie of a session through, and tells the handlers whose they are.
pub(super) async fn guard(State(web): State<Shared>, mut request: Request, next: Next) -> Response {
    let caller = match identify(&web, request.method(), request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let cookie = match caller.clone() {
        Caller::Person { secret, expires_at } => prolong(&web, secret, expires_at).await,
        Caller::Key => None,
    };
    request.extensions_mut().insert(web.limits.expensive());
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(cookie) = cookie.and_then(|secret| secret.cookie(&web.settings)) {
        // Who signs out gets another one from the handler.
        response.headers_mut().entry(SET_COOKIE).or_insert(cookie);
    }
    response
}

/// Whether a request carries the admin key.
pub(super) fn check(web: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(key.as_bytes().ct_eq(web.admin_key.as_bytes())) {
        return Ok(());
    }
    Err(Problem::unauthorized(
        "Send the admin key as `Authorization: Bearer KEY`: it is [http] admin_key, or the file admin.key beside the database. A browser signs in with a link that `frontdesk sign-in` prints.",
    ))
}

/// Waits until the caller may not go on any more: somebody signed out, or the session is over.
pub(super) async fn signed_out(web: Shared, caller: Caller) {
    let Caller::Person { secret, .. } = caller else { return std::future::pending().await };
    let (hash, mut sign_outs) = (secret.hash(), web.sign_outs.subscribe());
    loop {
        // Another replica may have ended it.
        drop(tokio::time::timeout(LOOK, sign_outs.changed()).await);
        match web.desk.store.session(&hash).await {
            Ok(None) => return,
            Ok(Some(_)) => {}
            Err(error) => {
                tracing::debug!(%error, "a session could not be looked up, it is tried again");
            }
        }
    }
}

/// How often whoever listens for long is asked for the session anew.
const LOOK: std::time::Duration = std::time::Duration::from_mins(1);

async fn identify(web: &Shared, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
    let Some(secret) =
        Secret::of(headers, &web.settings).filter(|_| !headers.contains_key(AUTHORIZATION))
    else {
        return check(web, headers).map(|()| Caller::Key);
    };
    let Some(expires_at) = web.desk.store.session(&secret.hash()).await? else {
        return check(web, headers).map(|()| Caller::Key);
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
    Ok(Caller::Person { secret, expires_at })
}

/// Has a session live on that is in use; what to put into the cookie then. At most once an hour.
async fn prolong(web: &Shared, secret: Secret, expires_at: i64) -> Option<Secret> {
    if expires_at > now_ms() + SESSION_MS - PROLONG_MS {
        return None;
    }
    match web.desk.store.prolong_session(secret.hash()).await {
        Ok(_) => Some(secret),
        Err(error) => {
            tracing::debug!(%error, "a session could not be prolonged, it is tried again");
            None
        }
    }
}
