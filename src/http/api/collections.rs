//! Collections: the sets of documents that agents answer from. Lists, creates, renames and
//! removes them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::drafts::short_name;
use super::response::{Answer, AuditedAnswer};
use crate::domain::{CollectionOrigin, DocumentState, UploadState, What};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path};
use crate::http::note::Note;
use crate::knowledge::{Library, is_staged};
use crate::prompts;
use crate::store::agents::AgentRow;
use crate::store::documents::{CountRow, FailedRow};
use crate::store::knowledge::CollectionRow;

/// A set of documents.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Collection {
    /// Its id.
    id: String,
    /// Its name, by which prompt files and folders refer to it.
    slug: String,
    /// What people call it; null: its name.
    title: Option<String>,
    /// All documents: ready, failed and being learned.
    documents: i64,
    /// Documents that agents can answer from.
    ready: i64,
    /// Chunks that the documents were cut into.
    chunks: i64,
    /// Uploaded documents that are being learned or wait for it.
    learning: i64,
    /// Documents that could not be learned.
    failures: i64,
    /// The first 20 failed documents, by path.
    failed: Vec<FailedDocument>,
    /// Where the collection comes from.
    origin: CollectionOrigin,
    /// Short names of the agents whose live version answers from it.
    agents: Vec<String>,
    /// Short names of the agents whose gate guards it. A change that cannot be tried first needs
    /// `force`.
    guards: Vec<String>,
}

/// A document that could not be learned.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailedDocument {
    /// Its path within the collection.
    path: String,
    /// Why it failed.
    reason: String,
}

/// Lists every collection with its document counts.
#[utoipa::path(get, path = "/collections", operation_id = "list_collections", tag = "knowledge", responses((status = 200, body = [Collection])))]
pub(super) async fn list(State(web): State<WebState>) -> Answer<Vec<Collection>> {
    let (rows, view) = (web.desk.store.collections().await?, View::of(&web).await?);
    // Staged collections, which exist only to be tried, are left out.
    let real = rows.into_iter().filter(|row| !is_staged(&row.slug));
    Ok(Json(real.map(|row| view.collection(row)).collect()))
}

/// Maximum number of failed documents that are listed with a collection.
const MAX_FAILED: i64 = 20;

/// Data for the responses, read once for all collections.
struct View {
    counts: Vec<CountRow>,
    failed: Vec<FailedRow>,
    library: Library,
    /// Per agent: its short name, its collections, and whether its gate guards them.
    agents: Vec<(String, Vec<String>, bool)>,
}

impl View {
    async fn of(web: &WebState) -> Result<Self, Problem> {
        let store = &web.desk.store;
        Ok(Self {
            counts: store.count_documents().await?,
            failed: store.failed_documents(MAX_FAILED).await?,
            library: web.desk.library.clone(),
            agents: store.agents().await?.iter().filter_map(agent_collections).collect(),
        })
    }

    fn collection(&self, row: CollectionRow) -> Collection {
        let counts = self.counts.iter().filter(|count| count.collection_id == row.id);
        let mut shown = DocumentCounts::default();
        counts.for_each(|count| shown.add(count));
        let agents = self.agents.iter().filter(|(_, names, _)| names.contains(&row.slug));
        let failed = self.failed.iter().filter(|failed| failed.collection_id == row.id);
        let failed = failed.map(|failed| FailedDocument {
            path: failed.path.clone(),
            reason: failed.error.clone(),
        });
        Collection {
            documents: shown.documents,
            ready: shown.ready,
            chunks: shown.chunks,
            learning: shown.learning,
            failures: shown.failures,
            failed: failed.collect(),
            origin: self.library.origin(&row.slug),
            agents: agents.clone().map(|(agent, ..)| agent.clone()).collect(),
            guards: agents.filter(|agent| agent.2).map(|(agent, ..)| agent.clone()).collect(),
            id: row.id,
            title: Some(row.title).filter(|title| !title.is_empty()),
            slug: row.slug,
        }
    }
}

/// Returns an agent's entry of [`View::agents`]; `None` if its prompt file cannot be parsed.
fn agent_collections(row: &AgentRow) -> Option<(String, Vec<String>, bool)> {
    let file = prompts::parse(&format!("{}.md", row.slug), &row.source).ok()?;
    let guards = file.gate.is_some_and(|gate| gate.knowledge);
    Some((row.slug.clone(), file.knowledge, guards))
}

#[derive(Default)]
struct DocumentCounts {
    documents: i64,
    ready: i64,
    chunks: i64,
    learning: i64,
    failures: i64,
}

impl DocumentCounts {
    /// Rows without an upload state count documents by their own state; a waiting or failed upload
    /// moves its document from there.
    fn add(&mut self, row: &CountRow) {
        let many = row.documents;
        let state = match row.state {
            DocumentState::Ready => &mut self.ready,
            DocumentState::Failed => &mut self.failures,
            DocumentState::Learning | DocumentState::Removed => &mut self.learning,
        };
        match row.upload {
            None => {
                *state += many;
                self.documents += many;
                self.chunks += row.chunks;
            }
            Some(UploadState::Waiting) => {
                *state -= many;
                self.learning += many;
            }
            Some(UploadState::Failed) => {
                *state -= many;
                self.failures += many;
            }
            // Already counted by the document's own state.
            Some(UploadState::Learned) => {}
        }
    }
}

/// Finds a collection by name or id.
pub(super) async fn find_collection(web: &WebState, name: &str) -> Result<CollectionRow, Problem> {
    let all = web.desk.store.collections().await?;
    let row = all.into_iter().find(|row| row.slug == name || row.id == name);
    row.ok_or_else(|| Problem::not_found("collection"))
}

/// A collection to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCollection {
    /// Its name: 1 to 60 lowercase letters, digits and hyphens.
    #[schema(max_length = 60)]
    slug: String,
}

/// Creates an empty collection. It holds what is sent to it, however much, up to the limits of
/// `[knowledge]`: unlike `frontdesk learn`, which asks before it takes more than 200 new files, the
/// API asks for no consent.
#[utoipa::path(post, path = "/collections", operation_id = "create_collection", tag = "knowledge", request_body = NewCollection,
    responses((status = 201, body = Collection), (status = 409, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn create(
    State(web): State<WebState>,
    Body(new): Body<NewCollection>,
) -> Result<(StatusCode, Extension<Note>, Json<Collection>), Problem> {
    short_name("slug", &new.slug)?;
    let all = web.desk.store.collections().await?;
    if all.iter().any(|row| row.slug == new.slug) {
        return Err(Problem::conflict(format!("There is a collection `{}` already.", new.slug)));
    }
    web.desk.store.collection(&new.slug).await?;
    web.desk.announce(What::Knowledge).await;
    let row = find_collection(&web, &new.slug).await?;
    let note = Note::on(&new.slug, json!({}));
    Ok((StatusCode::CREATED, note, Json(View::of(&web).await?.collection(row))))
}

/// What to change in a collection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectionChange {
    /// What people call it, at most 60 characters; empty: its name.
    #[schema(max_length = 60)]
    title: String,
}

/// Renames a collection for people. Prompt files and folders go on with its name.
#[utoipa::path(patch, path = "/collections/{name}", operation_id = "rename_collection", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name.")), request_body = CollectionChange,
    responses((status = 200, body = Collection), (status = 404, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn rename(
    State(web): State<WebState>,
    Path(name): Path<String>,
    Body(CollectionChange { title }): Body<CollectionChange>,
) -> AuditedAnswer<Collection> {
    let row = find_collection(&web, &name).await?;
    let title = web.desk.rename_collection(&row, &title).await?;
    let note = Note::on(&row.slug, json!({"before": row.title, "title": title}));
    let row = find_collection(&web, &row.id).await?;
    Ok((note, Json(View::of(&web).await?.collection(row))))
}

/// Removes a collection with its documents, sources and curated answers. Refused while an agent
/// answers from it and while it has a folder.
#[utoipa::path(delete, path = "/collections/{name}", operation_id = "remove_collection", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name.")),
    responses((status = 204), (status = 404, response = Problem), (status = 409, response = Problem)))]
pub(super) async fn remove(
    State(web): State<WebState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    web.desk.remove_collection(&find_collection(&web, &name).await?).await?;
    Ok(StatusCode::NO_CONTENT)
}
