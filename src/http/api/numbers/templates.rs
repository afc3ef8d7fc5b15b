//! The message templates of a number's account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::response::Answer;
use super::view;
use crate::desk::{Number, NumberTemplates, TemplateSyncError};
use crate::domain::{
    MessageTemplate, ProblemCode, TemplateCategory, TemplateLayout, TemplateParameter,
    TemplateQuality, TemplateState,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;

/// The message templates of a number's account.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct MessageTemplates {
    /// The templates by name and language.
    templates: Vec<ShownTemplate>,
    /// When they were last read from WhatsApp, milliseconds since 1970; null if never.
    synced_at: Option<i64>,
}

/// A message template that WhatsApp knows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageTemplate)]
pub(in super::super) struct ShownTemplate {
    /// Its name.
    name: String,
    /// WhatsApp's code of its language, such as `en_US`.
    language: String,
    /// What it is for.
    category: TemplateCategory,
    /// Whether it can be sent.
    state: TemplateState,
    /// How customers took it lately; null if WhatsApp does not say.
    quality: Option<TemplateQuality>,
    /// Why it was refused or paused, in WhatsApp's words.
    reason: Option<String>,
    /// What it looks like.
    layout: TemplateLayout,
    /// The values that it takes.
    parameters: Vec<TemplateParameter>,
    /// Whether frontdesk can fill all of it.
    supported: bool,
}

impl From<MessageTemplate> for ShownTemplate {
    fn from(template: MessageTemplate) -> Self {
        let MessageTemplate { name, language, category, state, quality, reason, layout, .. } =
            template;
        let (parameters, supported) = (layout.parameters(), layout.is_supported());
        Self { name, language, category, state, quality, reason, layout, parameters, supported }
    }
}

impl From<NumberTemplates> for MessageTemplates {
    fn from(NumberTemplates { templates, synced_at }: NumberTemplates) -> Self {
        Self { templates: templates.into_iter().map(Into::into).collect(), synced_at }
    }
}

/// Lists the message templates of a number's account, as they were last read from WhatsApp.
#[utoipa::path(get, path = "/numbers/{id}/templates", operation_id = "list_templates", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses((status = 200, body = MessageTemplates), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(in super::super) async fn list(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Answer<MessageTemplates> {
    let number = connected(&web, &id).await?;
    Ok(Json(web.desk.stored_templates(&number).await?.into()))
}

/// Reads the message templates of a number's account from WhatsApp.
#[utoipa::path(post, path = "/numbers/{id}/templates/sync", operation_id = "sync_templates", tag = "numbers",
    params(("id" = String, Path, description = "The number")),
    responses((status = 200, body = MessageTemplates), (status = 404, response = Problem), (status = 409, response = Problem), (status = 502, response = Problem)))]
pub(in super::super) async fn sync(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Answer<MessageTemplates> {
    let number = connected(&web, &id).await?;
    match web.desk.sync_templates(&number).await {
        Ok(templates) => Ok(Json(templates.into())),
        Err(TemplateSyncError::Store(error)) => Err(error.into()),
        Err(error @ TemplateSyncError::Provider(_)) => {
            Err(Problem::upstream(error.to_string()).coded(ProblemCode::TemplatesUnreadable))
        }
        Err(error @ TemplateSyncError::NoAccount) => {
            Err(Problem::conflict(error.to_string()).coded(ProblemCode::TemplatesNoAccount))
        }
        Err(error) => Err(Problem::conflict(error.to_string())),
    }
}

async fn connected(web: &WebState, id: &str) -> Result<Arc<Number>, Problem> {
    view::read(web, id).await?;
    web.desk.number(id).ok_or_else(|| {
        Problem::conflict("This number is not connected.").coded(ProblemCode::NumberNotConnected)
    })
}
