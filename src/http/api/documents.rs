//! Documents and their chunks: what was learned, and how it was cut.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::domain::{CollectionId, DocumentId};
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query};
use crate::store::knowledge::{ChunkRow, DocumentRow};

/// The most documents of one answer.
const MOST: usize = 500;

/// A document of a collection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Document {
    /// Its id.
    id: String,
    /// Its path within the collection, or its address on the web.
    path: String,
    /// Its title.
    title: String,
    /// `ready` or `failed`.
    state: String,
    /// Why it failed.
    error: Option<String>,
    /// How many chunks it was cut into.
    chunks: i64,
}

impl From<DocumentRow> for Document {
    fn from(row: DocumentRow) -> Self {
        let DocumentRow { id, path, title, state, error, chunks, .. } = row;
        Self { id, path, title, state, error, chunks }
    }
}

/// A piece of a document, as retrieval finds it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentChunk)]
pub(super) struct Chunk {
    /// Its id.
    id: String,
    /// The headings above it.
    heading: String,
    /// The page, slide or sheet that it is on; empty where a document has none.
    place: String,
    /// The text.
    text: String,
    /// Its size in tokens.
    tokens: i64,
    /// Whether the configured model has embedded it.
    embedded: bool,
}

impl From<ChunkRow> for Chunk {
    fn from(row: ChunkRow) -> Self {
        let embedded = row.vector.is_some();
        let ChunkRow { id, heading, place, body, tokens, .. } = row;
        Self { id, heading, place, text: body, tokens, embedded }
    }
}

/// Which documents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only documents whose path comes after this one; none: from the beginning.
    after: Option<String>,
}

/// The documents of a collection by path, at most 500; the path of the last one is `after` for the next ones.
#[utoipa::path(get, path = "/collections/{name}/documents", operation_id = "list_documents", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name"), Wanted),
    responses((status = 200, body = [Document]), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<Shared>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Vec<Document>> {
    let all = web.desk.store.collections().await?;
    let row = all.into_iter().find(|row| row.slug == name || row.id == name);
    let row = row.ok_or_else(|| Problem::not_found("collection"))?;
    let mut rows = web.desk.store.documents(&CollectionId::stored(row.id), 0).await?;
    rows.retain(|row| row.state != "removed");
    rows.retain(|row| wanted.after.as_ref().is_none_or(|after| row.path > *after));
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Json(rows.into_iter().take(MOST).map(Document::from).collect()))
}

/// The chunks of a document, in order.
#[utoipa::path(get, path = "/documents/{id}/chunks", operation_id = "list_chunks", tag = "knowledge",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = [Chunk]), (status = 404, response = Problem)))]
pub(super) async fn chunks(
    State(web): State<Shared>,
    Path(id): Path<String>,
) -> Answer<Vec<Chunk>> {
    let id = DocumentId::parse(&id).map_err(|_| Problem::not_found("document"))?;
    let desk = &web.desk;
    if !desk.store.has_document(&id).await? {
        return Err(Problem::not_found("document"));
    }
    let rows = desk.store.chunks(&id, desk.engine.embed.identity()).await?;
    Ok(Json(rows.into_iter().map(Chunk::from).collect()))
}
