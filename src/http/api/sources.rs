//! Sources: the web pages and sites that a collection is learned from.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::admission::{Force, Permit, admit};
use super::knowledge::named;
use super::response::Answer;
use crate::desk::Change;
use crate::domain::{CollectionId, SourceId, SourceKind, SourceState};
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
    /// Where it begins.
    url: String,
    /// What it turned out to be.
    kind: SourceKind,
    /// How many links away from its start it is read.
    depth: u32,
    /// The most pages.
    pages: u32,
    /// How often it is read again, in minutes; none for when somebody asks.
    every_minutes: Option<i64>,
    /// When it is read next, in milliseconds since 1970.
    due_at: Option<i64>,
    /// How its last reading ended.
    state: SourceState,
    /// What went wrong the last time.
    error: Option<String>,
    /// How many documents it has.
    documents: i64,
    /// When it was read last, in milliseconds since 1970.
    crawled_at: Option<i64>,
    /// Pages that could not be read.
    failed: Vec<FailedPage>,
}

/// A page that could not be read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailedPage {
    /// Its address.
    url: String,
    /// Why.
    reason: String,
}

/// A source to add. One that the collection has already is changed: what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSource {
    /// Where it begins: a page, or a sitemap.
    #[schema(max_length = 2000)]
    url: String,
    /// How many links away from its start it is read; 0 is that page alone.
    #[schema(maximum = 20)]
    depth: Option<u32>,
    /// The most pages.
    #[schema(minimum = 1, maximum = 10_000)]
    pages: Option<u32>,
    /// How often it is read again, in minutes, 5 at least and once a year at the most; 0 for when somebody asks.
    #[schema(maximum = 525_600)]
    every_minutes: Option<u32>,
}

/// The sources of a collection.
#[utoipa::path(get, path = "/collections/{name}/sources", operation_id = "list_sources", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name.")),
    responses((status = 200, body = [Source]), (status = 422, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Answer<Vec<Source>> {
    let mut all = Vec::new();
    for row in web.desk.library.sources(&collection(&web, name).await?).await? {
        all.push(described(&web, row).await?);
    }
    Ok(Json(all))
}

/// Adds a source to a collection, which is made where there is none. A desk reads it at once, in the background. Where a gate guards the
/// collection, a source is read when somebody forces it, and at no other time.
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

/// Reads a source in the background, whatever guards it.
fn read_now(web: &WebState, id: SourceId) {
    let web = web.clone();
    tokio::spawn(async move {
        if let Err(error) = web.desk.library.refresh(&id, &SilentProgress).await {
            tracing::warn!(%error, source = %id, "a source could not be read");
        }
    });
}

/// Removes a source with the documents that were learned from it.
#[utoipa::path(delete, path = "/collections/{name}/sources/{id}", operation_id = "remove_source", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name."), ("id" = String, Path, description = "The source's id."), Force),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
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

/// Has a source read again now, in the background.
#[utoipa::path(post, path = "/collections/{name}/sources/{id}/refresh", operation_id = "refresh_source", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name."), ("id" = String, Path, description = "The source's id."), Force),
    responses((status = 202), (status = 404, response = Problem), (status = 409, response = Problem), (status = 422, response = Problem)))]
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
        web.desk.store.hurry_source(&id).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// The collection of this name.
async fn collection(web: &WebState, name: String) -> Result<CollectionId, Problem> {
    let found = named(web, &[name]).await?.into_iter().next();
    found.ok_or_else(|| Problem::not_found("collection"))
}

/// The source with this id, if it is one of the collection of this name.
async fn source(web: &WebState, (name, id): (String, String)) -> Result<SourceId, Problem> {
    let collection = collection(web, name).await?;
    let id = SourceId::parse(&id).map_err(|_| Problem::not_found("source"))?;
    let row = web.desk.store.source(&id).await?;
    let own = row.is_some_and(|row| row.collection_id == collection.as_str());
    if own { Ok(id) } else { Err(Problem::not_found("source")) }
}

async fn described(web: &WebState, row: SourceRow) -> Result<Source, Problem> {
    let pages = web.desk.store.failed_pages(&SourceId::stored(row.id.clone())).await?;
    let failed = pages.into_iter().map(|(url, reason)| FailedPage { url, reason }).collect();
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
        error,
        documents,
        crawled_at,
        failed,
    })
}
