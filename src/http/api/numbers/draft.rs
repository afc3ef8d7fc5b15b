//! Before a number is there: the verify token for the provider's webhook form, and whether the provider called.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::response::{Answer, AuditedAnswer};
use super::check::token;
use crate::domain::ProviderKind;
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;
use crate::provider::Form;
use crate::secrets;

/// A number is about to be set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NumberPlan {
    /// The provider.
    provider: ProviderKind,
}

/// What to write at the provider's side before the number is there.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NumberDraft {
    /// By which `/numbers/{id}/handshake` says whether the provider called already.
    id: String,
    /// What the provider shows in the handshake; goes into the field `verify_token`. Shown this once.
    verify_token: String,
    /// Where the provider sends its webhooks.
    callback_url: String,
}

/// Whether the provider called.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NumberHandshake {
    /// When it last asked whether the address is ours, and was answered.
    verified_at: Option<i64>,
    /// When it last sent a webhook.
    last_webhook_at: Option<i64>,
}

/// Makes what is written at the provider's side before the number is there.
#[utoipa::path(
    post, path = "/numbers/draft", operation_id = "draft_number", tag = "numbers",
    request_body = NumberPlan,
    responses(
        (status = 200, body = NumberDraft),
        (status = 422, description = "There is no such provider, or it asks for no verify token.", body = Problem)
    )
)]
pub(in super::super) async fn draft(
    State(web): State<WebState>,
    Body(plan): Body<NumberPlan>,
) -> AuditedAnswer<NumberDraft> {
    let form = Form::of(plan.provider);
    if !form.verifies_webhook() {
        return Err(Problem::unprocessable(format!(
            "{} asks for no verify token: nothing has to be made before the number.",
            form.title
        )));
    }
    let verify_token = token()?;
    let id = web.desk.store.draft_number(form.provider, secrets::hash(&verify_token)).await?;
    let callback_url = format!("{}/webhooks/{}", web.desk.base_url, form.provider);
    let note = Note::on(&id, json!({"provider": form.provider}));
    Ok((note, Json(NumberDraft { id, verify_token, callback_url })))
}

/// Whether the provider called: for a number, or a draft of one.
#[utoipa::path(
    get, path = "/numbers/{id}/handshake", operation_id = "number_handshake", tag = "numbers",
    params(("id" = String, Path, description = "The number, or the draft")),
    responses((status = 200, body = NumberHandshake), (status = 404, response = Problem))
)]
pub(in super::super) async fn handshake(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Answer<NumberHandshake> {
    let calls = web.desk.store.calls(&id).await?;
    let calls = calls.ok_or_else(|| Problem::not_found("number, nor draft of one,"))?;
    let here = web.desk.number(&id).map(|number| number.seen.moments()[0]);
    Ok(Json(NumberHandshake {
        verified_at: calls.verified_at,
        last_webhook_at: calls.last_webhook_at.max(here.filter(|moment| *moment > 0)),
    }))
}
