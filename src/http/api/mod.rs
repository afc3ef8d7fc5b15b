//! The API under `/api/v1`, one file per resource, and the OpenAI-compatible API under `/v1`. The
//! OpenAPI document is generated from this code.

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit::{Audit, log_operation};
use super::error::Problem;
use super::{WebState, auth, bounds, description, limits};

mod admission;
mod agents;
mod answers;
mod audit;
mod model_choice;
mod campaigns;
mod collections;
mod compare;
mod completions;
mod conversations;
mod demo;
mod documents;
mod drafts;
mod escalations;
mod evals;
mod events;
mod gaps;
mod generate;
mod knowledge;
mod length;
mod live;
mod local_models;
mod media;
mod messages;
mod model_settings;
mod models;
mod numbers;
mod openai;
mod outreach;
mod overview;
mod page;
mod providers;
mod recordings;
mod response;
mod sandbox;
mod session;
mod settings;
mod sources;
mod status;
mod suites;
mod suggestions;
mod template_reply;
mod trial;
mod turns;
mod uploads;
mod watch;
mod writing;

/// Maximum body size of requests without key or session, in bytes.
const MAX_OPEN_BYTES: usize = 4096;

#[derive(OpenApi)]
#[openapi(
    info(title = "frontdesk", description = "Answers a business's WhatsApp from its own documents, or calls a person."),
    components(responses(Problem, openai::OpenAiError)),
    security(("admin_key" = []), ("session" = []))
)]
struct Document;

/// Builds the API's routes: those that need the admin key or a session, and signing in.
pub(super) fn routes(shared: &WebState) -> Router<WebState> {
    let (guarded, mut operations) = described().split_for_parts();
    let (open, unguarded) = unguarded().split_for_parts();
    operations.merge(unguarded);
    let audited = from_fn_with_state(Audit::of(shared, &operations), log_operation);
    let bounds = bounds::Bounds::of(document);
    let bounded = from_fn_with_state(bounds.clone(), bounds::guard);
    let open = open
        .layer(bounded.clone())
        .layer(audited.clone())
        .layer(DefaultBodyLimit::max(MAX_OPEN_BYTES))
        .route(
            "/api/v1/openapi.json",
            get(move || std::future::ready(document_response(bounds.text()))),
        );
    guarded
        .layer(bounded)
        .layer(audited)
        .layer(from_fn_with_state(shared.clone(), auth::guard))
        .layer(from_fn(completions::convert_errors_to_openai))
        .merge(open)
}

/// Returns the OpenAPI document as JSON.
pub fn openapi() -> String {
    serde_json::to_string_pretty(&document()).unwrap_or_default()
}

/// Returns the API's operations, as the code declares them.
pub(super) fn operations() -> utoipa::openapi::OpenApi {
    described().merge(unguarded()).split_for_parts().1
}

/// Builds the whole OpenAPI document, with limits for all request data.
fn document() -> serde_json::Value {
    let mut document = serde_json::to_value(operations()).unwrap_or_default();
    bounds::add_default_limits(&mut document);
    description::complete(&mut document);
    document
}

/// Routes that need neither key nor session.
fn unguarded() -> OpenApiRouter<WebState> {
    OpenApiRouter::new().nest("/api/v1", OpenApiRouter::new().routes(routes!(session::create)))
}

fn described() -> OpenApiRouter<WebState> {
    let mut document = Document::openapi();
    document.info.license = None;
    let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let cookie = ApiKeyValue::with_description(
        super::session::NAME,
        "The cookie of a signed-in browser (without TLS: `frontdesk_` and the port); everything but GET and HEAD brings the header `X-CSRF-Token`, too.",
    );
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("admin_key", key);
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let nouns = OpenApiRouter::new()
        .routes(routes!(agents::list, drafts::create))
        .routes(routes!(agents::one, agents::rename, agents::remove))
        .routes(routes!(agents::versions))
        .routes(routes!(agents::version))
        .routes(routes!(agents::publish))
        .routes(routes!(drafts::try_handoff))
        .routes(routes!(audit::list))
        .routes(routes!(suites::list))
        .routes(routes!(suites::cases, suites::save, suites::remove))
        .routes(routes!(evals::list, evals::start))
        .routes(routes!(evals::one, evals::stop))
        .routes(routes!(evals::accept))
        .routes(routes!(evals::rows))
        .routes(routes!(watch::events))
        .routes(routes!(numbers::view::list, numbers::create))
        .routes(routes!(numbers::draft::draft))
        .routes(routes!(numbers::templates::list, numbers::templates::create))
        .routes(routes!(numbers::templates::delete))
        .routes(routes!(numbers::view::one, numbers::change, numbers::remove))
        .routes(routes!(numbers::pause::pause))
        .routes(routes!(numbers::pause::resume))
        .routes(routes!(numbers::draft::handshake))
        .routes(routes!(providers::list))
        .routes(routes!(escalations::list))
        .routes(routes!(escalations::resolve))
        .routes(routes!(overview::overview))
        .routes(routes!(turns::one))
        .routes(routes!(events::list))
        .routes(routes!(live::live))
        .routes(routes!(session::one, session::end))
        .routes(routes!(session::end_all))
        .merge(expensive().layer(from_fn(limits::limit_expensive)));
    let chat = OpenApiRouter::new().routes(routes!(completions::chat));
    OpenApiRouter::with_openapi(document)
        .nest(
            "/api/v1",
            nouns
                .merge(messaging())
                .merge(campaigns())
                .merge(knowledge())
                .merge(models_in_use())
                .merge(desk()),
        )
        .merge(chat.layer(from_fn(limits::limit_expensive)))
        .merge(OpenApiRouter::new().routes(routes!(models::list)).routes(routes!(models::one)))
}

/// Routes of conversations and their messages.
fn messaging() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(conversations::list, outreach::start))
        .routes(routes!(conversations::counts))
        .routes(routes!(conversations::one))
        .routes(routes!(messages::list, writing::write))
        .routes(routes!(conversations::mark_seen))
        .routes(routes!(conversations::take_over))
        .routes(routes!(conversations::hand_back))
        .routes(routes!(conversations::resolve))
        .routes(routes!(writing::retry))
        .routes(routes!(media::file))
        .routes(routes!(recordings::file))
        .routes(routes!(recordings::correct))
}

/// Routes of campaigns.
fn campaigns() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(campaigns::list, campaigns::create))
        .routes(routes!(campaigns::one, campaigns::remove))
        .routes(routes!(campaigns::start))
        .routes(routes!(campaigns::stop))
        .routes(routes!(campaigns::test))
        .routes(routes!(campaigns::recipients::list, campaigns::recipients::add))
        .routes(routes!(campaigns::results::show))
}

/// Routes of what agents answer from.
fn knowledge() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(collections::list, collections::create))
        .routes(routes!(collections::rename, collections::remove))
        .routes(routes!(settings::show, settings::set))
        .routes(routes!(sources::list, sources::add))
        .routes(routes!(sources::remove))
        .routes(routes!(sources::refresh))
        .routes(routes!(documents::list, uploads::add))
        .routes(routes!(documents::one, documents::remove))
        .routes(routes!(documents::retry))
        .routes(routes!(documents::original))
        .routes(routes!(documents::chunks))
        .routes(routes!(answers::list, answers::create))
        .routes(routes!(answers::one, answers::change, answers::remove))
        .routes(routes!(gaps::list))
        .routes(routes!(gaps::one))
        .routes(routes!(gaps::dismiss))
        .routes(routes!(gaps::answer))
}

/// Routes of the models that answer, embed, listen and rerank.
fn models_in_use() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(model_settings::show))
        .routes(routes!(local_models::fetch, local_models::cancel))
}

/// Routes of the desk as a whole.
fn desk() -> OpenApiRouter<WebState> {
    OpenApiRouter::new().routes(routes!(status::show)).routes(routes!(demo::remove))
}

/// Expensive routes: pipeline turns, searches, whole eval runs, and calls to a model or provider.
/// Each caller may run only a few at once.
fn expensive() -> OpenApiRouter<WebState> {
    OpenApiRouter::new()
        .routes(routes!(generate::state, generate::write))
        .routes(routes!(generate::models))
        .routes(routes!(drafts::check))
        .routes(routes!(suggestions::agent))
        .routes(routes!(suggestions::questions))
        .routes(routes!(compare::compare))
        .routes(routes!(evals::report))
        .routes(routes!(numbers::trial::test))
        .routes(routes!(numbers::templates::sync))
        .routes(routes!(numbers::link::connect))
        .routes(routes!(numbers::link::pairing))
        .routes(routes!(numbers::link::restart))
        .routes(routes!(numbers::link::log_out))
        .routes(routes!(model_choice::set, model_choice::remove))
        .routes(routes!(model_choice::list))
        .routes(routes!(model_choice::test))
        .routes(routes!(numbers::check::check))
        .routes(routes!(knowledge::search))
        .routes(routes!(sandbox::turn))
}

fn document_response(text: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}
