//! Console sessions: signs in with a link or with the admin key, and signs out.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::response::Answer;
use crate::domain::Action;
use crate::domain::audit::SignInMeans;
use crate::http::WebState;
use crate::http::auth::{is_key, not_too_often, peer, record_failed_auth};
use crate::http::caller::Caller;
use crate::http::error::Problem;
use crate::http::extract::Body;
use crate::http::note::Note;
use crate::http::session::{Secret, forget_link, is_foreign, no_cookie};

/// A sign-in request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// The part of the sign-in link after `#`, or the admin key.
    #[schema(max_length = 4000)]
    token: String,
}

/// A console session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Session {
    /// CSRF token: the header `X-CSRF-Token` of every request except GET and HEAD must have it.
    csrf: String,
    /// When it expires unless it is used before, milliseconds since 1970; at the latest 90 days
    /// after signing in.
    expires_at: i64,
}

/// Signs in with a link, which works only once, or with the admin key. The session is in a cookie
/// that scripts cannot read.
#[utoipa::path(post, path = "/session", operation_id = "sign_in", tag = "session", request_body = SignIn, security(()),
    responses((status = 200, body = Session), (status = 401, response = Problem),
        (status = 403, response = Problem)))]
pub(super) async fn create(
    State(web): State<WebState>,
    headers: HeaderMap,
    extensions: Extensions,
    Body(SignIn { token }): Body<SignIn>,
) -> Result<Response, Problem> {
    let address = peer(&extensions);
    not_too_often(&web, address)?;
    if is_foreign(&headers, &web.settings) {
        record_failed_auth(&web, address, Action::SessionStarted).await;
        return Err(Problem::forbidden("Only the console itself signs people in."));
    }
    let (link, by) = if is_key(&web, &token) {
        // A link for this moment.
        let link = random()?;
        web.desk.store.add_sign_in_link(link.hash()).await?;
        (Some(link), SignInMeans::AdminKey)
    } else {
        (Secret::from_client(&token), SignInMeans::Link)
    };
    let begun = match link {
        Some(link) => begin(&web, &link).await?,
        None => None,
    };
    let Some((secret, expires_at)) = begun else {
        record_failed_auth(&web, address, Action::SessionStarted).await;
        return Err(Problem::unauthorized(
            "This is neither the admin key nor a link that can be used: each link works once, and for a day. `frontdesk sign-in` prints a new one.",
        ));
    };
    tracing::info!("somebody signed in to the console");
    let session = Json(Session { csrf: secret.csrf(), expires_at });
    let note = Note::on(&secret.hash()[..8], json!({"by": by}));
    Ok(with_cookie((note, session).into_response(), secret.cookie(&web.settings)))
}

/// Uses up a link and starts a session: its secret and expiry; `None` if the link is not valid.
async fn begin(web: &WebState, link: &Secret) -> Result<Option<(Secret, i64)>, Problem> {
    let secret = random()?;
    let until = web.desk.store.sign_in(link.hash(), secret.hash()).await?;
    if until.is_some() {
        forget_link(&web.link_file, link);
    }
    Ok(until.map(|until| (secret, until)))
}

fn random() -> Result<Secret, Problem> {
    Secret::new().map_err(|error| {
        tracing::error!(%error, "there are no random numbers for a session");
        Problem::broken("No session could be made. The server's log says why.")
    })
}

/// Returns the session of this browser.
#[utoipa::path(get, path = "/session", operation_id = "get_session", tag = "session",
    responses((status = 200, body = Session), (status = 401, response = Problem),
        (status = 404, response = Problem)))]
pub(super) async fn one(Extension(caller): Extension<Caller>) -> Answer<Session> {
    match caller {
        Caller::Person { secret, lifetime } => {
            Ok(Json(Session { csrf: secret.csrf(), expires_at: lifetime.expires_at }))
        }
        Caller::Key => Err(Problem::missing("The admin key needs no session.")),
    }
}

/// Signs this browser out.
#[utoipa::path(delete, path = "/session", operation_id = "sign_out", tag = "session",
    responses((status = 204), (status = 401, response = Problem)))]
pub(super) async fn end(
    State(web): State<WebState>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    if let Caller::Person { secret, .. } = caller {
        web.desk.store.end_session(secret.hash()).await?;
        web.sign_outs.send_replace(());
    }
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), no_cookie(&web.settings)))
}

/// Result of signing out everywhere.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignOutCounts {
    /// Number of sessions that ended.
    sessions: u64,
    /// Number of unused sign-in links that were revoked.
    links: u64,
}

/// Signs out every browser, this one too, and revokes unused sign-in links. Open streams end.
#[utoipa::path(delete, path = "/sessions", operation_id = "sign_out_everywhere", tag = "session",
    responses((status = 200, body = SignOutCounts), (status = 401, response = Problem)))]
pub(super) async fn end_all(State(web): State<WebState>) -> Result<Response, Problem> {
    let (sessions, links) = web.desk.store.end_sessions().await?;
    web.sign_outs.send_replace(());
    drop(std::fs::remove_file(&web.link_file));
    tracing::info!(sessions, links, "everybody was signed out");
    let note = Note::on("", json!({"sessions": sessions, "links": links}));
    let response = (note, Json(SignOutCounts { sessions, links })).into_response();
    Ok(with_cookie(response, no_cookie(&web.settings)))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
