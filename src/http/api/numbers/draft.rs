//! Number drafts: the verify token for the provider's webhook form before the number exists, and
//! whether the provider has called.

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

/// A number to be set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NumberPlan {
    /// The provider.
    provider: ProviderKind,
}

/// Values to enter at the provider before the number exists.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NumberDraft {
    /// Id of the draft, for `/numbers/{id}/handshake`; null if the provider makes no handshake.
    id: Option<String>,
    /// Token that the provider sends in the handshake, and the value of the field `verify_token`.
    /// Shown only this once; null if the provider makes no handshake.
    verify_token: Option<String>,
    /// Secret that the provider sends with every webhook, and the value of the field `webhook_secret`.
    /// Shown only this once; null if the provider's webhooks carry none.
    webhook_secret: Option<String>,
    /// URL for the provider's webhooks.
    callback_url: String,
}

/// Whether the provider has called.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct NumberHandshake {
    /// When it last verified the webhook URL, milliseconds since 1970; null if never.
    verified_at: Option<i64>,
    /// When it last sent a webhook, milliseconds since 1970; null if never.
    last_webhook_at: Option<i64>,
}

/// Creates the values to enter at the provider before the number exists.
#[utoipa::path(
    post, path = "/numbers/draft", operation_id = "draft_number", tag = "numbers",
    request_body = NumberPlan,
    responses(
        (status = 200, body = NumberDraft),
        (status = 422, description = "There is no such provider.", body = Problem)
    )
)]
pub(in super::super) async fn draft(
    State(web): State<WebState>,
    Body(plan): Body<NumberPlan>,
) -> AuditedAnswer<NumberDraft> {
    let form = Form::of(plan.provider);
    let callback_url = format!("{}/webhooks/{}", web.desk.base_url, form.provider);
    if !form.verifies_webhook() {
        let webhook_secret = form.has_webhook_secret().then(token).transpose()?;
        let made = NumberDraft { id: None, verify_token: None, webhook_secret, callback_url };
        return Ok((Note::written(), Json(made)));
    }
    let verify_token = token()?;
    let id = web.desk.store.draft_number(form.provider, secrets::hash(&verify_token)).await?;
    let note = Note::on(&id, json!({"provider": form.provider}));
    let (id, verify_token) = (Some(id), Some(verify_token));
    let made = NumberDraft { id, verify_token, webhook_secret: None, callback_url };
    Ok((note, Json(made)))
}

/// Returns whether the provider has called, for a number or a draft of one.
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
    let here = web.desk.number(&id).map(|number| number.activity.moments()[0]);
    Ok(Json(NumberHandshake {
        verified_at: calls.verified_at,
        last_webhook_at: calls.last_webhook_at.max(here.filter(|moment| *moment > 0)),
    }))
}
