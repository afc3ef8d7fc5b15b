//! Turns errors into responses, as `application/problem+json` (RFC 9457). Nothing else does. Never
//! leaks internals.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{ToResponse, ToSchema};

use super::note::Note;
use super::verdict::GateRefusal;
use crate::desk::BuildBotError;
use crate::domain::ProblemCode;
use crate::store;

/// `Retry-After` for providers and callers, in seconds.
const TRY_AGAIN_S: &str = "5";

/// A request that was not fulfilled.
#[derive(Debug, Serialize, ToSchema, ToResponse)]
#[response(content_type = "application/problem+json")]
pub(super) struct Problem {
    /// The HTTP status.
    status: u16,
    /// The name of the status.
    title: String,
    /// What went wrong with this request, and what to do.
    detail: String,
    /// The same as a code; absent for most.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<ProblemCode>,
    /// What the gates found, if they refused a version or a change of knowledge.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<GateRefusal>,
    /// Whether the audit log already has an entry for it.
    #[serde(skip)]
    written: bool,
    /// Whether a retry soon is likely to succeed.
    #[serde(skip)]
    #[schema(ignore)]
    is_transient: bool,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        let is_transient = status == StatusCode::SERVICE_UNAVAILABLE;
        let (detail, code, verdict, written) = (detail.into(), None, None, false);
        Self { status: status.as_u16(), title, detail, code, verdict, written, is_transient }
    }

    /// The same problem with a code.
    pub(super) fn coded(self, code: ProblemCode) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Whether the server is at fault, not the request.
    pub(super) fn is_ours(&self) -> bool {
        self.status >= 500
    }

    /// A refusal by gates, with what they found. It is in the audit log already.
    pub(super) fn refused(detail: String, verdict: impl Into<GateRefusal>) -> Self {
        Self {
            verdict: Some(verdict.into()),
            written: true,
            ..Self::new(StatusCode::CONFLICT, detail)
        }
    }

    /// A refused change of knowledge that a gate guards. It is in the audit log already.
    pub(super) fn guarded(detail: String) -> Self {
        Self { written: true, ..Self::new(StatusCode::CONFLICT, detail) }
    }

    /// The caller exceeds a limit.
    pub(super) fn too_many(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
    }

    /// Too many requests at once; a retry soon is likely to succeed.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        Self { is_transient: true, ..Self::too_many(detail) }.coded(ProblemCode::Busy)
    }

    /// The body did not arrive in time.
    pub(super) fn timeout(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, detail)
    }

    /// The service cannot do this right now.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The request is for another host.
    pub(super) fn misdirected(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, detail)
    }

    /// An internal error; the log has the cause.
    pub(super) fn broken(detail: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail).coded(ProblemCode::Broken)
    }

    /// An upstream service failed or answered wrongly.
    pub(super) fn upstream(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// A request that could not be parsed, with the parser's message.
    pub(super) fn unreadable(status: StatusCode, why: String) -> Self {
        Self::new(status, why)
    }

    pub(super) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Something does not exist, with a message of the caller's choice.
    pub(super) fn missing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::missing(format!("There is no such {what}.")).coded(ProblemCode::NotFound)
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("The body is larger than {limit} bytes ([http] max_body_bytes).");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (written, passes) = (self.written, self.is_transient);
        let mut response = (status, Json(self)).into_response();
        if written {
            response.extensions_mut().insert(Note::Written);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if passes {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(TRY_AGAIN_S));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        tracing::error!(%error, "a request could not be fulfilled");
        match error {
            store::Error::Unavailable(_) | store::Error::Contended(_) => Self::unavailable(
                "The database cannot be used right now. Nothing was stored; try again soon.",
            )
            .coded(ProblemCode::DatabaseUnavailable),
            _ => Self::broken("The database refused this. The server's log says why."),
        }
    }
}

impl From<BuildBotError> for Problem {
    fn from(error: BuildBotError) -> Self {
        match error {
            BuildBotError::Prompt(why) => Self::unprocessable(why),
            BuildBotError::Store(error) => error.into(),
        }
    }
}

impl From<crate::knowledge::Error> for Problem {
    fn from(error: crate::knowledge::Error) -> Self {
        match error {
            crate::knowledge::Error::Store(error) => error.into(),
            crate::knowledge::Error::Source(why) | crate::knowledge::Error::Settings(why) => {
                Self::unprocessable(why)
            }
            error @ crate::knowledge::Error::PrivateAddress { .. } => {
                Self::unprocessable(error.to_string()).coded(ProblemCode::PrivateWebsite)
            }
            crate::knowledge::Error::Index(error) => {
                tracing::error!(%error, "a request could not be fulfilled");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "The index does not answer right now.")
            }
            crate::knowledge::Error::Embed(why) => {
                tracing::error!(why, "a request could not be fulfilled");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The embedding model does not answer right now.",
                )
            }
            error @ crate::knowledge::Error::FileDecides => Self::conflict(error.to_string()),
        }
    }
}

/// The response for an unknown path.
pub(super) fn no_such_page(uri: &Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(StatusCode::NOT_FOUND, format!("There is nothing at {path}."))
}

/// The response for a known path with an unsupported method.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path} does not take {method}."))
}

/// The response for a handler that panicked. Reveals nothing of the cause.
pub(super) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a request handler broke");
    Problem::broken("Something broke here. The server's log says what.").into_response()
}
