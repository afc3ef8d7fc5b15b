//! The link of a number to its phone: pairs it, starts it anew, and logs it out.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::response::AuditedAnswer;
use super::trial::connected;
use super::view::{Number, read};
use crate::desk::{LinkError, PairingProgress, qr};
use crate::domain::{ConnectionReason, ConnectionState};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;

/// A request to pair a number with its phone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NumberConnect {
    /// The number's own phone with its country code. The phone can then take a code that is typed, in
    /// the place of the QR code.
    #[schema(max_length = 40)]
    phone: Option<String>,
}

/// A request to log a number out of WhatsApp.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NumberLogout {
    /// Whether its instance is deleted on the server, too.
    #[serde(default)]
    delete: bool,
}

/// How the pairing of a number goes. A new code takes the old one's place after some seconds: ask again.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct NumberPairing {
    /// How the number stands to WhatsApp.
    state: ConnectionState,
    /// Why, as a code, if it is stopped or offline.
    reason: Option<ConnectionReason>,
    /// Why, in words.
    why: Option<&'static str>,
    /// What to do about it.
    todo: Option<&'static str>,
    /// QR code to scan with the phone under Linked devices, as an SVG picture.
    qr: Option<String>,
    /// Code to type on the phone under Linked devices > Link with phone number.
    code: Option<String>,
}

impl From<PairingProgress> for NumberPairing {
    fn from(PairingProgress { state, reason, qr, code }: PairingProgress) -> Self {
        Self {
            state,
            reason,
            why: reason.map(ConnectionReason::text),
            todo: reason.map(ConnectionReason::todo),
            qr: qr.as_deref().and_then(qr::svg),
            code,
        }
    }
}

/// Connects a number to its phone: begins to pair.
///
/// Its instance is made on the server if it is missing, and its webhooks come here from now on.
#[utoipa::path(
    post, path = "/numbers/{id}/connect", operation_id = "connect_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")), request_body = NumberConnect,
    responses(
        (status = 200, body = NumberPairing), (status = 404, response = Problem),
        (status = 409, description = "Its provider links no phones, or it is stopped.", body = Problem),
        (status = 422, description = "The phone cannot be right.", body = Problem), (status = 502, response = Problem)
    )
)]
pub(in super::super) async fn connect(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Body(request): Body<NumberConnect>,
) -> AuditedAnswer<NumberPairing> {
    let number = connected(&web, &id).await?;
    let phone = request.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty());
    let progress = web.desk.connect_number(&number, phone).await.map_err(problem)?;
    Ok((Note::on(&number.slug, json!({})), Json(progress.into())))
}

/// Asks how the pairing of a number goes. Begins none.
#[utoipa::path(
    post, path = "/numbers/{id}/pairing", operation_id = "check_pairing", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses(
        (status = 200, body = NumberPairing), (status = 404, response = Problem),
        (status = 409, description = "Its provider links no phones, or it is stopped.", body = Problem), (status = 502, response = Problem)
    )
)]
pub(in super::super) async fn pairing(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> AuditedAnswer<NumberPairing> {
    let number = connected(&web, &id).await?;
    let progress = web.desk.pairing(&number).await.map_err(problem)?;
    Ok((Note::written(), Json(progress.into())))
}

/// Starts the link of a number anew.
#[utoipa::path(
    post, path = "/numbers/{id}/restart", operation_id = "restart_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses(
        (status = 200, body = Number), (status = 404, response = Problem),
        (status = 409, description = "Its provider links no phones, or it is stopped.", body = Problem), (status = 502, response = Problem)
    )
)]
pub(in super::super) async fn restart(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> AuditedAnswer<Number> {
    let number = connected(&web, &id).await?;
    web.desk.restart_link(&number).await.map_err(problem)?;
    Ok((Note::on(&number.slug, json!({})), Json(read(&web, &id).await?)))
}

/// Logs a number out of WhatsApp: messages neither come in nor go out until it is connected again.
#[utoipa::path(
    post, path = "/numbers/{id}/logout", operation_id = "log_out_number", tag = "numbers",
    params(("id" = String, Path, description = "The number")), request_body = NumberLogout,
    responses(
        (status = 200, body = Number), (status = 404, response = Problem),
        (status = 409, description = "Its provider links no phones, or it is stopped.", body = Problem), (status = 502, response = Problem)
    )
)]
pub(in super::super) async fn log_out(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Body(request): Body<NumberLogout>,
) -> AuditedAnswer<Number> {
    let number = connected(&web, &id).await?;
    web.desk.log_out_number(&number, request.delete).await.map_err(problem)?;
    let note = Note::on(&number.slug, json!({"instance_deleted": request.delete}));
    Ok((note, Json(read(&web, &id).await?)))
}

fn problem(error: LinkError) -> Problem {
    match error {
        LinkError::NoLink => Problem::conflict(format!("{}.", sentence(&error.to_string()))),
        LinkError::Phone => Problem::unprocessable(format!("{error}.")),
        LinkError::Provider(why) => {
            Problem::upstream(format!("{}.", sentence(why.trim_end_matches('.'))))
        }
        LinkError::Store(error) => error.into(),
    }
}

/// Begins with a capital letter.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
