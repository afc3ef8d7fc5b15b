//! The API under `/api/v1`: one file a noun; and under `/v1` what OpenAI's clients ask. Its OpenAPI document comes from this code.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, http::header::CONTENT_TYPE};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::Problem;
use super::{Shared, auth};

mod agents;
mod answers;
mod audit;
mod completions;
mod conversations;
mod documents;
mod escalations;
mod evals;
mod events;
mod gaps;
mod knowledge;
mod live;
mod numbers;
mod page;
mod providers;
mod recordings;
mod sandbox;
mod settings;
mod sources;
mod turns;
mod watch;

#[derive(OpenApi)]
#[openapi(
    info(title = "frontdesk", description = "Answers a business's WhatsApp from its own documents, or calls a person."),
    components(responses(Problem)),
    security(("admin_key" = []))
)]
struct Document;

/// The API's routes, behind the admin key.
pub(super) fn routes(shared: &Shared) -> Router<Shared> {
    let (router, document) = described().split_for_parts();
    let text = document.to_pretty_json().unwrap_or_default();
    let open = Router::new()
        .route("/api/v1/openapi.json", get(move || std::future::ready(document_response(text))));
    router
        .layer(from_fn_with_state(shared.clone(), auth::admin))
        .layer(from_fn(completions::in_their_words))
        .merge(open)
}

/// The OpenAPI document, as JSON.
pub fn openapi() -> String {
    described().split_for_parts().1.to_pretty_json().unwrap_or_default()
}

fn described() -> OpenApiRouter<Shared> {
    let mut document = Document::openapi();
    document.info.license = None;
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("admin_key", scheme);
    let nouns = OpenApiRouter::new()
        .routes(routes!(agents::list))
        .routes(routes!(agents::one))
        .routes(routes!(agents::versions))
        .routes(routes!(agents::version))
        .routes(routes!(agents::publish))
        .routes(routes!(audit::list))
        .routes(routes!(evals::suites))
        .routes(routes!(evals::list, evals::start))
        .routes(routes!(evals::one, evals::stop))
        .routes(routes!(evals::rows))
        .routes(routes!(evals::events))
        .routes(routes!(evals::report))
        .routes(routes!(numbers::view::list, numbers::create))
        .routes(routes!(numbers::draft::draft))
        .routes(routes!(numbers::view::one, numbers::change, numbers::remove))
        .routes(routes!(numbers::trial::test))
        .routes(routes!(numbers::draft::handshake))
        .routes(routes!(providers::list))
        .routes(routes!(providers::check))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::one))
        .routes(routes!(conversations::messages))
        .routes(routes!(conversations::resolve))
        .routes(routes!(recordings::file))
        .routes(routes!(recordings::correct))
        .routes(routes!(escalations::list))
        .routes(routes!(turns::one))
        .routes(routes!(events::list))
        .routes(routes!(live::live))
        .routes(routes!(knowledge::collections))
        .routes(routes!(knowledge::search))
        .routes(routes!(settings::show, settings::set))
        .routes(routes!(sources::list, sources::add))
        .routes(routes!(sources::remove))
        .routes(routes!(sources::refresh))
        .routes(routes!(documents::list))
        .routes(routes!(documents::chunks))
        .routes(routes!(answers::list, answers::create))
        .routes(routes!(answers::one, answers::change, answers::remove))
        .routes(routes!(gaps::list))
        .routes(routes!(gaps::one))
        .routes(routes!(gaps::dismiss))
        .routes(routes!(gaps::answer))
        .routes(routes!(sandbox::turn));
    OpenApiRouter::with_openapi(document)
        .nest("/api/v1", nouns)
        .routes(routes!(completions::chat))
        .routes(routes!(completions::models))
}

fn document_response(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// A JSON answer.
type Answer<T> = Result<Json<T>, Problem>;
