//! Sources: the web pages and sites that a collection learns from.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::admission::{Force, Permit, admit};
use super::answers::collection;
use super::response::Answer;
use crate::desk::Change;
use crate::domain::{PageReason, SourceId, SourceKind, SourceState};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;
use crate::knowledge::SilentProgress;
use crate::knowledge::web::{Limits, SourceReader, SourceRequest};
use crate::store::sources::SourceRow;

/// A web page, site or sitemap that documents are learned from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Source {
    /// Its id.
    id: String,
    /// Start URL.
    url: String,
    /// What it was detected to be.
    kind: SourceKind,
    /// Maximum link depth from the start URL.
    depth: u32,
    /// Maximum number of pages.
    pages: u32,
    /// Refresh interval in minutes; null to refresh only on request.
    every_minutes: Option<i64>,
    /// When it is read next, milliseconds since 1970.
    due_at: Option<i64>,
    /// State of the last crawl.
    state: SourceState,
    /// Error of the last crawl.
    error: Option<String>,
    /// The same as a code with its values; null if the error has none.
    error_code: Option<PageReason>,
    /// Number of documents.
    documents: i64,
    /// When it was last read, milliseconds since 1970.
    crawled_at: Option<i64>,
    /// Pages that could not be read.
    failed: Vec<FailedPage>,
}

/// A page that could not be read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailedPage {
    /// URL of the page.
    url: String,
    /// Why it could not be read.
    reason: String,
    /// The same as a code with its values; null if the reason has none.
    reason_code: Option<PageReason>,
}

/// A source to add. If the collection already has it, it is changed: omitted fields keep their
/// values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSource {
    /// Start URL: a page, or a sitemap.
    #[schema(max_length = 2000)]
    url: String,
    /// Maximum link depth from the start URL; 0 for that page alone.
    #[schema(maximum = 20)]
    depth: Option<u32>,
    /// Maximum number of pages.
    #[schema(minimum = 1, maximum = 10_000)]
    pages: Option<u32>,
    /// Refresh interval in minutes, 5 to 525,600 (a year); 0 to refresh only on request.
    #[schema(maximum = 525_600)]
    every_minutes: Option<u32>,
}

/// Lists the sources of a collection.
#[utoipa::path(get, path = "/collections/{name}/sources", operation_id = "list_sources", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name.")),
    responses((status = 200, body = [Source]), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Answer<Vec<Source>> {
    let mut all = Vec::new();
    for row in web.desk.library.sources(&collection(&web, &name).await?).await? {
        all.push(described(&web, row).await?);
    }
    Ok(Json(all))
}

/// Adds a source to a collection, which is created if it does not exist. A desk reads the source at
/// once, in the background. If a gate guards the collection, a source is read only by force.
#[utoipa::path(post, path = "/collections/{name}/sources", operation_id = "add_source", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name."), Force), request_body = NewSource,
    responses((status = 201, body = Source), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn add(
    State(web): State<WebState>,
    Path(name): Path<String>,
    permit: Permit,
    Body(new): Body<NewSource>,
) -> Result<(StatusCode, Extension<Note>, Json<Source>), Problem> {
    let force = permit.force;
    admit(&web, (&name, Change::Source), permit).await?;
    let NewSource { url, depth, pages, every_minutes } = new;
    let wanted = SourceRequest { url, depth, pages, every_minutes };
    let reader = if force { SourceReader::Caller } else { SourceReader::Desk };
    let row = web.desk.library.add_source(&name, &wanted, reader).await?;
    if force {
        read_now(&web, SourceId::stored(row.id.clone()));
    }
    let note = Note::on(format!("{name}/{}", row.id), json!({}));
    Ok((StatusCode::CREATED, note, Json(described(&web, row).await?)))
}

/// Reads a source in the background, whether or not a gate guards the collection.
fn read_now(web: &WebState, id: SourceId) {
    let web = web.clone();
    tokio::spawn(async move {
        if let Err(error) = web.desk.library.refresh(&id, &SilentProgress).await {
            tracing::warn!(%error, source = %id, "a source could not be read");
        }
    });
}

/// Removes a source and the documents that were learned from it.
#[utoipa::path(delete, path = "/collections/{name}/sources/{id}", operation_id = "remove_source", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name."), ("id" = String, Path, description = "The source's id."), Force),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Path(path): Path<(String, String)>,
    permit: Permit,
) -> Result<StatusCode, Problem> {
    let name = path.0.clone();
    let id = source(&web, path).await?;
    admit(&web, (&name, Change::Source), permit).await?;
    web.desk.library.remove_source(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a source again now, in the background.
#[utoipa::path(post, path = "/collections/{name}/sources/{id}/refresh", operation_id = "refresh_source", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name."), ("id" = String, Path, description = "The source's id."), Force),
    responses((status = 202), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn refresh(
    State(web): State<WebState>,
    Path(path): Path<(String, String)>,
    permit: Permit,
) -> Result<StatusCode, Problem> {
    let (name, force) = (path.0.clone(), permit.force);
    let id = source(&web, path).await?;
    admit(&web, (&name, Change::Source), permit).await?;
    if force {
        read_now(&web, id);
    } else {
        web.desk.store.schedule_source_now(&id).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Returns the id of a source, if the source belongs to this collection.
async fn source(web: &WebState, (name, id): (String, String)) -> Result<SourceId, Problem> {
    let collection = collection(web, &name).await?;
    let id = SourceId::parse(&id).map_err(|_| Problem::not_found("source"))?;
    let row = web.desk.store.source(&id).await?;
    let own = row.is_some_and(|row| row.collection_id == collection.as_str());
    if own { Ok(id) } else { Err(Problem::not_found("source")) }
}

async fn described(web: &WebState, row: SourceRow) -> Result<Source, Problem> {
    let pages = web.desk.store.failed_pages(&SourceId::stored(row.id.clone())).await?;
    let failed = pages.into_iter().map(|page| FailedPage {
        url: page.url,
        reason_code: PageReason::of(&page.error, page.code),
        reason: page.error,
    });
    let Limits { depth, pages } = Limits::of(&row);
    let SourceRow { id, url, kind, every_minutes, due_at, state, error, crawled_at, .. } = row;
    let documents = row.pages;
    Ok(Source {
        id,
        url,
        kind,
        depth,
        pages,
        every_minutes,
        due_at,
        state,
        error_code: error.as_deref().and_then(|error| PageReason::of(error, None)),
        error,
        documents,
        crawled_at,
        failed: failed.collect(),
    })
}
