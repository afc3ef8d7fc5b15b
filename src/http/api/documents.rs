//! Documents and their chunks: lists and reads them, removes documents and has them learned again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::admission::{Force, Permit, admit, admit_edit};
use super::collections::find_collection;
use super::media::{DOWNLOAD_SLOTS, download};
use super::page::{Page, Paging};
use super::response::Answer;
use crate::desk::Change;
use crate::domain::What;
use crate::domain::time::now_ms;
use crate::domain::{
    CollectionId, CollectionOrigin, DocumentId, DocumentOrigin, DocumentStatus, FailureCode,
    LearningStage,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query};
use crate::knowledge::Edit;
use crate::store::documents::{DocumentFilter, ShownRow};
use crate::store::knowledge::{ChunkRow, Failure};

/// A document of a collection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Document {
    /// Its id; empty for an uploaded file that was refused and not stored.
    id: String,
    /// Path within the collection, or URL of a web page.
    path: String,
    /// Its title.
    title: String,
    /// State of the document.
    state: DocumentStatus,
    /// Why it failed.
    error: Option<String>,
    /// What to do about the failure.
    remedy: Option<String>,
    /// Failure code, for translations.
    code: Option<FailureCode>,
    /// Number of chunks.
    chunks: i64,
    /// Size in bytes; null if it was not uploaded.
    size: Option<i64>,
    /// Learning progress; null while it waits, and while another process learns it.
    progress: Option<Progress>,
    /// When it was last changed, milliseconds since 1970.
    updated_at: i64,
    /// Where it comes from.
    from: DocumentOrigin,
    /// Whether it can be removed here. What comes from a folder or the web is removed there.
    removable: bool,
}

impl From<ShownRow> for Document {
    fn from(row: ShownRow) -> Self {
        let ShownRow {
            id,
            path,
            title,
            state,
            error,
            remedy,
            code,
            chunks,
            size,
            updated_at,
            origin: from,
            ..
        } = row;
        let failed = state == DocumentStatus::Failed;
        // The remedy has a field of its own, so it is cut from the error.
        let error =
            error.filter(|_| failed).map(|error| match (&remedy, error.rsplit_once(": ")) {
                (Some(_), Some((why, _))) if code.is_some_and(ends_with_remedy) => why.to_owned(),
                _ => error,
            });
        let (remedy, code) = (remedy.filter(|_| failed), code.filter(|_| failed));
        let progress = None;
        Self {
            id,
            path,
            title,
            state,
            error,
            remedy,
            code,
            chunks,
            size,
            progress,
            updated_at,
            from,
            removable: from == DocumentOrigin::Upload,
        }
    }
}

/// Whether errors with this code end with a colon and the remedy.
fn ends_with_remedy(code: FailureCode) -> bool {
    code.is_of_reading() || code == FailureCode::Memory
}

impl Document {
    /// Adds what this process knows: whether the collection's folder would bring it back, and the
    /// learning progress. What is stored is being learned until the index has it, too.
    fn complete(&mut self, web: &WebState, collection: &str) {
        self.removable = is_removable(self.from, web.desk.library.origin(collection));
        if matches!(self.state, DocumentStatus::Learning | DocumentStatus::Ready)
            && let Some(at) = web.desk.library.learning(&self.id)
        {
            self.state = DocumentStatus::Learning;
            self.progress = Some(Progress { stage: at.stage, done: at.done, total: at.total });
        }
    }

    /// A refused file, which is not stored.
    pub(super) fn refused(path: String, failure: Failure) -> Self {
        Self {
            id: String::new(),
            title: path.clone(),
            path,
            state: DocumentStatus::Failed,
            error: Some(failure.error),
            remedy: failure.remedy,
            code: Some(failure.code),
            chunks: 0,
            size: None,
            progress: None,
            updated_at: now_ms(),
            from: DocumentOrigin::Upload,
            removable: false,
        }
    }

    /// Returns the error and the remedy as sentences.
    pub(super) fn refusal_message(self) -> String {
        let mut error = self.error.unwrap_or_default();
        if let Some(first) = error.get(..1) {
            error = format!("{}{}.", first.to_uppercase(), &error[1..]);
        }
        format!("{error} {}", self.remedy.unwrap_or_default())
    }

    /// Whether it is stored.
    pub(super) fn is_kept(&self) -> bool {
        self.stored_id().is_some()
    }

    /// Returns the id, if it is stored.
    pub(super) fn stored_id(&self) -> Option<&str> {
        Some(self.id.as_str()).filter(|id| !id.is_empty())
    }
}

/// Learning progress of a document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LearningProgress)]
pub(super) struct Progress {
    /// The current stage.
    stage: LearningStage,
    /// Units done in this stage; texts for `embedding`.
    done: usize,
    /// Units in total; 0 if that is not known.
    total: usize,
}

/// A chunk of a document, as retrieval finds it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentChunk)]
pub(super) struct Chunk {
    /// Its id.
    id: String,
    /// The headings above the chunk.
    heading: String,
    /// Page, slide or sheet; empty if the document has none.
    place: String,
    /// The text.
    text: String,
    /// Its size in tokens.
    tokens: i64,
    /// Whether it is embedded with the configured model.
    embedded: bool,
}

impl From<ChunkRow> for Chunk {
    fn from(row: ChunkRow) -> Self {
        let embedded = row.vector.is_some();
        let ChunkRow { id, heading, place, body, tokens, .. } = row;
        Self { id, heading, place, text: body, tokens, embedded }
    }
}

/// Filter for documents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DocumentQuery {
    /// Only documents in this state.
    #[param(inline)]
    state: Option<DocumentStatus>,
    /// Only documents whose path, title or text contains this text.
    q: Option<String>,
    /// Only documents of this origin.
    #[param(inline)]
    from: Option<DocumentOrigin>,
}

/// Lists the documents of a collection, most recently changed first.
#[utoipa::path(get, path = "/collections/{name}/documents", operation_id = "list_documents", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name"), DocumentQuery, Paging),
    responses((status = 200, body = Page<Document>), (status = 400, response = Problem), (status = 404, response = Problem)))]
pub(super) async fn list(
    State(web): State<WebState>,
    Path(name): Path<String>,
    Query(wanted): Query<DocumentQuery>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Document>> {
    let collection = find_collection(&web, &name).await?;
    let id = CollectionId::stored(collection.id);
    let (before, limit) = (paging.after()?, paging.limit());
    let words = wanted.q.filter(|q| !q.trim().is_empty());
    let wanted = DocumentFilter { state: wanted.state, words, origin: wanted.from, before };
    let rows = web.desk.store.shown_documents(&id, wanted, limit).await?;
    let mut page = Page::of(rows, limit, |row| (row.updated_at, &row.id));
    page.each(|document: &mut Document| document.complete(&web, &collection.slug));
    Ok(Json(page))
}

/// Returns one document.
#[utoipa::path(get, path = "/documents/{id}", operation_id = "get_document", tag = "knowledge",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = Document), (status = 404, response = Problem)))]
pub(super) async fn one(State(web): State<WebState>, Path(id): Path<String>) -> Answer<Document> {
    shown(&web, &id).await.map(Json)
}

/// Removes a document that was uploaded or whose collection has no folder, such as the demo's. Others
/// are removed at their source. If a gate guards the collection, its suite is run on the change first, which may take minutes.
#[utoipa::path(delete, path = "/documents/{id}", operation_id = "remove_document", tag = "knowledge",
    params(("id" = String, Path, description = "Its id"), Force),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Path(id): Path<String>,
    permit: Permit,
) -> Result<StatusCode, Problem> {
    let (id, slug) = require_removable(&web, &id).await?;
    let _turn = admit_edit(&web, (&slug, &Edit::RemoveDocument(id.clone())), permit).await?;
    web.desk.library.remove_document(&id).await?;
    web.desk.announce(What::Knowledge).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns a document's file as a download. It is as it was uploaded, as it is in the collection's folder
/// now, or as it came with the demo; a page of a website has none.
#[utoipa::path(get, path = "/documents/{id}/original", operation_id = "get_original", tag = "knowledge",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, response = Problem)))]
pub(super) async fn original(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (id, row, collection) = find_document(&web, &id).await?;
    let _place = DOWNLOAD_SLOTS.acquire().await;
    let path = &row.path;
    let found = web.desk.library.original(&id, row.origin, (&collection, path)).await?;
    let bytes = found.ok_or_else(|| {
        Problem::missing(match row.origin {
            DocumentOrigin::Web => format!("This is a page of a website: it is at {path}."),
            _ => format!("The file `{path}` is not kept here: look where it was learned from."),
        })
    })?;
    Ok(download(path.rsplit('/').next().unwrap_or(path), bytes))
}

/// Learns an uploaded document again, in the background.
#[utoipa::path(post, path = "/documents/{id}/retry", operation_id = "retry_document", tag = "knowledge",
    params(("id" = String, Path, description = "Its id"), Force),
    responses((status = 202, body = Document), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn retry(
    State(web): State<WebState>,
    Path(id): Path<String>,
    permit: Permit,
) -> Result<(StatusCode, Json<Document>), Problem> {
    let (id, slug) = require_upload(&web, &id).await?;
    admit(&web, (&slug, Change::Document), permit).await?;
    if !web.desk.library.retry(&id).await? {
        return Err(Problem::conflict(
            "The file itself was not kept, because it was empty or too large: upload it again.",
        ));
    }
    web.desk.announce(What::Knowledge).await;
    Ok((StatusCode::ACCEPTED, Json(shown(&web, id.as_str()).await?)))
}

/// Returns a document with its learning progress.
pub(super) async fn shown(web: &WebState, id: &str) -> Result<Document, Problem> {
    let (_, row, collection) = find_document(web, id).await?;
    let mut document = Document::from(row);
    document.complete(web, &collection);
    Ok(document)
}

/// Whether a document can be removed here: nothing would bring it back at a start.
fn is_removable(from: DocumentOrigin, collection: CollectionOrigin) -> bool {
    match from {
        DocumentOrigin::Upload => true,
        DocumentOrigin::Web => false,
        DocumentOrigin::Folder => collection != CollectionOrigin::Folder,
    }
}

/// Returns the id of a document that can be removed here, and its collection's name.
async fn require_removable(web: &WebState, id: &str) -> Result<(DocumentId, String), Problem> {
    let (id, row, collection) = find_document(web, id).await?;
    if is_removable(row.origin, web.desk.library.origin(&collection)) {
        return Ok((id, collection));
    }
    Err(kept_at_source(&row, "remove"))
}

/// Returns the id of an uploaded document and its collection's name. Documents of other origins are
/// refused: they are changed at their source.
async fn require_upload(web: &WebState, id: &str) -> Result<(DocumentId, String), Problem> {
    let (id, row, collection) = find_document(web, id).await?;
    if row.origin == DocumentOrigin::Upload {
        return Ok((id, collection));
    }
    Err(kept_at_source(&row, "change"))
}

async fn find_document(
    web: &WebState,
    id: &str,
) -> Result<(DocumentId, ShownRow, String), Problem> {
    let missing = || Problem::not_found("document");
    let id = DocumentId::parse(id).map_err(|_| missing())?;
    let row = web.desk.store.shown_document(&id).await?.ok_or_else(missing)?;
    let collection = find_collection(web, &row.collection_id).await?.slug;
    Ok((id, row, collection))
}

fn kept_at_source(row: &ShownRow, what: &str) -> Problem {
    let path = &row.path;
    Problem::conflict(match row.origin {
        DocumentOrigin::Web => format!(
            "`{path}` is a page of a website: {what} it there, or its source, and have the source read again."
        ),
        DocumentOrigin::Folder | DocumentOrigin::Upload => format!(
            "`{path}` is a file of the collection's folder: {what} it there, and learn the folder again (`frontdesk learn`, or a restart)."
        ),
    })
}

/// Lists the chunks of a document, in order.
#[utoipa::path(get, path = "/documents/{id}/chunks", operation_id = "list_chunks", tag = "knowledge",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = [Chunk]), (status = 404, response = Problem)))]
pub(super) async fn chunks(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Answer<Vec<Chunk>> {
    let id = DocumentId::parse(&id).map_err(|_| Problem::not_found("document"))?;
    let desk = &web.desk;
    if !desk.store.has_document(&id).await? {
        return Err(Problem::not_found("document"));
    }
    let rows = desk.store.chunks(&id, desk.library.space().embed.identity()).await?;
    Ok(Json(rows.into_iter().map(Chunk::from).collect()))
}
