//! The message templates of a number's account.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::super::response::Answer;
use super::view;
use crate::desk::{Number, NumberTemplates, TemplateChangeError, TemplateSyncError};
use crate::domain::{
    MessageTemplate, ProblemCode, TemplateCategory, TemplateDraft, TemplateLayout,
    TemplateParameter, TemplateQuality, TemplateState,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, Query};
use crate::http::note::Note;

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
    let read = web.desk.sync_templates(&number).await.map_err(account_problem)?;
    Ok(Json(read.into()))
}

/// Submits a message template to WhatsApp, which reviews it.
#[utoipa::path(post, path = "/numbers/{id}/templates", operation_id = "create_template", tag = "numbers",
    params(("id" = String, Path, description = "The number")), request_body = TemplateDraft,
    responses((status = 201, body = ShownTemplate), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, description = "WhatsApp refuses it, or would.", body = Problem), (status = 502, response = Problem)))]
pub(in super::super) async fn create(
    State(web): State<WebState>,
    Path(id): Path<String>,
    Body(draft): Body<TemplateDraft>,
) -> Result<(StatusCode, Extension<Note>, Json<ShownTemplate>), Problem> {
    let number = connected(&web, &id).await?;
    let created = web.desk.create_template(&number, &draft).await.map_err(problem)?;
    let detail =
        json!({"number": number.slug, "language": created.language, "category": created.category});
    Ok((StatusCode::CREATED, Note::on(&draft.name, detail), Json(created.into())))
}

/// The language of a template to delete.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct Language {
    /// Only in this language, such as `en_US`; without it, in all.
    #[param(max_length = 20)]
    language: Option<String>,
}

/// Deletes a message template at WhatsApp, in all languages or in one.
#[utoipa::path(delete, path = "/numbers/{id}/templates/{name}", operation_id = "delete_template", tag = "numbers",
    params(("id" = String, Path, description = "The number"), ("name" = String, Path, description = "The template"), Language),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, description = "WhatsApp refuses it.", body = Problem), (status = 502, response = Problem)))]
pub(in super::super) async fn delete(
    State(web): State<WebState>,
    Path((id, name)): Path<(String, String)>,
    Query(Language { language }): Query<Language>,
) -> Result<(StatusCode, Extension<Note>), Problem> {
    let number = connected(&web, &id).await?;
    let deleted = web.desk.delete_template(&number, (&name, language.as_deref())).await;
    deleted.map_err(problem)?;
    let detail = json!({"number": number.slug, "language": language});
    Ok((StatusCode::NO_CONTENT, Note::on(name, detail)))
}

fn problem(error: TemplateChangeError) -> Problem {
    let text = error.to_string();
    match error {
        TemplateChangeError::Draft(wrong) => Problem::unprocessable(text).coded(wrong.code()),
        TemplateChangeError::Unknown => {
            Problem::not_found("template").coded(ProblemCode::TemplateUnknown)
        }
        TemplateChangeError::Refused(_) => {
            Problem::unprocessable(text).coded(ProblemCode::TemplateRefused)
        }
        TemplateChangeError::Unanswered(_) => Problem::upstream(text),
        TemplateChangeError::Account(error) => account_problem(error),
    }
}

fn account_problem(error: TemplateSyncError) -> Problem {
    match error {
        TemplateSyncError::Store(error) => error.into(),
        error @ TemplateSyncError::Provider(_) => {
            Problem::upstream(error.to_string()).coded(ProblemCode::TemplatesUnreadable)
        }
        error @ TemplateSyncError::NoAccount => {
            Problem::conflict(error.to_string()).coded(ProblemCode::TemplatesNoAccount)
        }
        error @ TemplateSyncError::NoTemplates => Problem::conflict(error.to_string()),
    }
}

async fn connected(web: &WebState, id: &str) -> Result<Arc<Number>, Problem> {
    view::read(web, id).await?;
    web.desk.number(id).ok_or_else(|| {
        Problem::conflict("This number is not connected.").coded(ProblemCode::NumberNotConnected)
    })
}
